//! One template: text with placeholders in braces.

use super::article::with_article;

/// A template, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// As it is written.
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field { field: Field, article: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    Parent,
    Path,
    Description,
}

/// What the placeholders stand for.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    pub name: &'a str,
    pub parent: Option<&'a str>,
    pub path: Option<&'a str>,
    pub description: Option<&'a str>,
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("unknown placeholder `{{{found}}}`{}; known are {{name}}, {{a name}}, {{parent}}, {{a parent}}, {{path}}, {{description}}, and {{}} and {{c}} for the name", hint(.nearest))]
    Unknown {
        found: String,
        /// What may have been meant.
        nearest: Option<&'static str>,
    },
    #[error("a `{{` is not closed; write `{{{{` for a brace")]
    Unclosed,
    #[error("a `}}` without its `{{`; write `}}}}` for a brace")]
    Unopened,
    #[error("it is empty")]
    Empty,
}

fn hint(nearest: &Option<&str>) -> String {
    nearest.map_or_else(String::new, |near| format!(": did you mean `{{{near}}}`?"))
}

const FIELDS: [(&str, Field); 4] = [
    ("name", Field::Name),
    ("parent", Field::Parent),
    ("path", Field::Path),
    ("description", Field::Description),
];

impl Template {
    /// Reads a template. `{}` and `{c}` are the name, `{{` and `}}` are braces.
    ///
    /// # Errors
    /// Unknown placeholders and braces without a partner.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.trim().is_empty() {
            return Err(TemplateError::Empty);
        }
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let brace = &rest[at..at + 1];
            let after = &rest[at + 1..];
            if let Some(after) = after.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            if brace == "}" {
                return Err(TemplateError::Unopened);
            }
            let (inside, after) = after.split_once('}').ok_or(TemplateError::Unclosed)?;
            if inside.contains('{') {
                return Err(TemplateError::Unclosed);
            }
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(placeholder(inside)?);
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text with every placeholder filled; `None` if one of them has no value.
    pub fn fill(&self, fields: &Fields<'_>) -> Option<String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field { field, article } => {
                    let value = match field {
                        Field::Name => Some(fields.name),
                        Field::Parent => fields.parent,
                        Field::Path => fields.path,
                        Field::Description => fields.description,
                    }?;
                    match article {
                        true => out.push_str(&with_article(value)),
                        false => out.push_str(value),
                    }
                }
            }
        }
        Some(out)
    }
}

fn placeholder(inside: &str) -> Result<Part, TemplateError> {
    let trimmed = inside.trim();
    let (article, name) = match trimmed.split_once(char::is_whitespace) {
        Some(("a" | "an", name)) => (true, name.trim()),
        _ => (false, trimmed),
    };
    let field = match name {
        "" | "c" if !article => Some(Field::Name),
        _ => FIELDS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, field)| *field),
    };
    field
        .map(|field| Part::Field { field, article })
        .ok_or_else(|| TemplateError::Unknown {
            found: inside.to_owned(),
            nearest: nearest(trimmed),
        })
}

/// What may have been meant: what other tools call the name, or what is a slip away.
fn nearest(found: &str) -> Option<&'static str> {
    const NAMES: [&str; 6] = [
        "class",
        "classname",
        "class_name",
        "cls",
        "label",
        "category",
    ];
    const ALL: [&str; 6] = [
        "name",
        "a name",
        "parent",
        "a parent",
        "path",
        "description",
    ];
    let found = found.to_lowercase();
    match found.as_str() {
        "a" | "an" => return Some("a name"),
        other if NAMES.contains(&other) => return Some("name"),
        _ => {}
    }
    let distances = ALL.map(|known| (strsim::osa_distance(known, &found), known));
    let near = distances.into_iter().min_by_key(|(distance, _)| *distance);
    near.filter(|(distance, known)| *distance <= known.len() / 2)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: Fields<'_> = Fields {
        name: "oval",
        parent: Some("curve"),
        path: None,
        description: None,
    };

    #[test]
    fn filling() {
        for (template, filled) in [
            ("a photo of {a name}.", Some("a photo of an oval.")),
            ("{an name} is {a parent}", Some("an oval is a curve")),
            ("{ name }{}{c}", Some("ovalovaloval")),
            ("{{name}} {{{name}}}", Some("{name} {oval}")),
            ("no placeholder", Some("no placeholder")),
            ("{path}", None),
            ("{name}: {description}", None),
        ] {
            let made = Template::parse(template).unwrap().fill(&FIELDS);
            assert_eq!(made.as_deref(), filled, "{template}");
        }
    }

    #[test]
    fn what_is_no_template() {
        for (template, said) in [
            ("a {nmae}", "did you mean `{name}`"),
            ("a {label}", "did you mean `{name}`"),
            ("{A Name}", "did you mean `{a name}`"),
            ("{a}", "did you mean `{a name}`"),
            ("{xyz}", "`{xyz}`; known are {name}"),
            ("a {decription}", "did you mean `{description}`"),
            ("a {name", "not closed"),
            ("a {name {name}", "not closed"),
            ("a name}", "without its"),
            ("{a }", "unknown placeholder"),
            ("  ", "empty"),
        ] {
            let error = Template::parse(template).unwrap_err().to_string();
            assert!(error.contains(said), "{template}: {error}");
        }
    }
}
