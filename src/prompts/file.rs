//! Prompt files: YAML with one or several named sets.

use std::collections::HashSet;
use std::fmt;

use super::template::Template;
use super::{PromptError, TemplateSet};
use crate::taxonomy::yaml::{self, Document, Id, Kind};

/// The sets of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptFile {
    sets: Vec<TemplateSet>,
}

impl PromptFile {
    /// The set of this name.
    pub fn set(&self, name: &str) -> Option<&TemplateSet> {
        self.sets.iter().find(|set| set.name == name)
    }

    /// The set of a file that holds one.
    pub fn only(&self) -> Option<&TemplateSet> {
        match self.sets.as_slice() {
            [set] => Some(set),
            _ => None,
        }
    }

    /// Names of the sets, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sets.iter().map(|set| set.name.as_str())
    }
}

/// What is wrong with a prompt file at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `file:line:column`, from 1, the column in characters.
    pub place: String,
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

/// Reads a prompt file; `source` is its name in messages, and the name of a set that has none.
///
/// A file is a list of templates, or a mapping with `templates:`, or a mapping with `sets:`, each set being a list or
/// a mapping with `templates:`. A single template may stand for a list of one.
///
/// # Errors
/// Everything that is wrong with it, each fault with its line and column.
pub fn parse(source: &str, text: &str) -> Result<PromptFile, PromptError> {
    let (doc, stop) = yaml::parse(text, &yaml::Insertions::new());
    let mut reader = Reader {
        source,
        text,
        doc: &doc,
        faults: Vec::new(),
    };
    if let Some(stop) = stop {
        reader.fault(stop.at, format!("not YAML: {}", stop.message));
        return Err(PromptError::File(reader.faults));
    }
    if let Some(&at) = doc.more_documents.first() {
        reader.fault(at, "another YAML document: a prompt file is one".into());
    }
    let sets = match doc.roots.first() {
        Some(&root) => reader.file(root),
        None => {
            reader.fault(0, format!("the file is empty; {FORM}"));
            Vec::new()
        }
    };
    if reader.faults.is_empty() {
        Ok(PromptFile { sets })
    } else {
        Err(PromptError::File(reader.faults))
    }
}

const FORM: &str = "a prompt file holds `templates: [...]`, or `sets:` with named ones";
const FIELDS: [&str; 3] = ["templates", "synonyms", "description"];

struct Reader<'d> {
    source: &'d str,
    text: &'d str,
    doc: &'d Document<'d>,
    faults: Vec<Fault>,
}

impl<'d> Reader<'d> {
    fn fault(&mut self, at: u32, reason: String) {
        let before = &self.text[..(at as usize).min(self.text.len())];
        let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        let place = format!("{}:{line}:{column}", self.source);
        self.faults.push(Fault { place, reason });
    }

    fn fault_at(&mut self, id: Id, reason: String) {
        self.fault(self.doc.get(id).start, reason);
    }

    fn scalar(&self, id: Id) -> Option<&'d str> {
        match &self.doc.get(id).kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    fn is_null(&self, id: Id) -> bool {
        let null = |text: &str| matches!(text, "" | "~" | "null" | "Null" | "NULL");
        matches!(&self.doc.get(id).kind, Kind::Scalar { text, plain: true } if null(text))
    }

    /// The entries of a mapping, each key once.
    fn entries(&mut self, entries: &[(Id, Id)]) -> Vec<(&'d str, Id, Id)> {
        let mut met = HashSet::new();
        let mut out = Vec::new();
        for &(key, value) in entries {
            match self.scalar(key) {
                Some(name) if met.insert(name) => out.push((name, key, value)),
                Some(name) => self.fault_at(key, format!("`{name}` appears twice")),
                None => self.fault_at(key, "a key must be text".into()),
            }
        }
        out
    }

    fn file(&mut self, root: Id) -> Vec<TemplateSet> {
        let doc = self.doc;
        let Kind::Map(entries) = &doc.get(root).kind else {
            if self.is_null(root) {
                self.fault_at(root, format!("the file is empty; {FORM}"));
                return Vec::new();
            }
            return vec![self.set(self.source, root)];
        };
        let named = entries
            .iter()
            .find(|(k, _)| self.scalar(*k) == Some("sets"));
        let Some(&(_, sets)) = named else {
            return vec![self.set(self.source, root)];
        };
        for (name, key, _) in self.entries(entries) {
            if name != "sets" {
                self.fault_at(key, format!("`{name}` beside `sets`: put it into a set"));
            }
        }
        match &doc.get(sets).kind {
            Kind::Map(entries) if !entries.is_empty() => {
                let entries = self.entries(entries).into_iter();
                entries
                    .map(|(name, _, body)| self.set(name, body))
                    .collect()
            }
            Kind::Map(_) => {
                self.fault_at(sets, "the file holds no template".into());
                Vec::new()
            }
            _ => {
                self.fault_at(sets, "`sets` must be a mapping from names to sets".into());
                Vec::new()
            }
        }
    }

    fn set(&mut self, name: &str, body: Id) -> TemplateSet {
        let mut set = TemplateSet {
            name: name.to_owned(),
            templates: Vec::new(),
            synonyms: false,
        };
        let doc = self.doc;
        let Kind::Map(entries) = &doc.get(body).kind else {
            set.templates = self.templates(name, body);
            return set;
        };
        let mut templates = None;
        for (field, key, value) in self.entries(entries) {
            match (field, self.scalar(value)) {
                ("templates", _) => templates = Some(value),
                ("synonyms", Some("true")) => set.synonyms = true,
                ("synonyms", Some("false")) => {}
                ("synonyms", _) => {
                    self.fault_at(value, "`synonyms` must be true or false".into());
                }
                // For people; nothing reads it.
                ("description", Some(_)) => {}
                ("description", None) => {
                    self.fault_at(value, "`description` must be text".into());
                }
                _ => {
                    let near = FIELDS.iter().find(|f| strsim::osa_distance(f, field) <= 2);
                    let hint = match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("one of: {}; {FORM}", FIELDS.join(", ")),
                    };
                    self.fault_at(key, format!("unknown field `{field}`: {hint}"));
                }
            }
        }
        match templates {
            Some(templates) => set.templates = self.templates(name, templates),
            None => self.fault_at(body, format!("set `{name}` holds no template; {FORM}")),
        }
        set
    }

    fn templates(&mut self, set: &str, value: Id) -> Vec<Template> {
        let doc = self.doc;
        let items = match &doc.get(value).kind {
            _ if self.is_null(value) => &[][..],
            Kind::List(items) => items,
            _ => &[value][..],
        };
        if items.is_empty() {
            self.fault_at(value, format!("set `{set}` holds no template"));
        }
        let mut templates = Vec::with_capacity(items.len());
        for &item in items {
            let Some(text) = self.scalar(item) else {
                let hint = "put templates in quotes: unquoted, `{name}` is a mapping";
                self.fault_at(item, format!("a template must be text; {hint}"));
                continue;
            };
            match Template::parse(text) {
                Ok(template) => templates.push(template),
                Err(error) => self.fault_at(item, format!("template `{text}`: {error}")),
            }
        }
        templates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_file() {
        for (text, names) in [
            (
                "sets:\n  b: {templates: [x]}\n  a: {templates: [y], synonyms: true}",
                "b a",
            ),
            ("sets: {a: [x, y], b: x}", "a b"),
            ("templates: ['{}']", "f"),
            ("templates: '{}'\ndescription: how", "f"),
            ("- '{}'\n- 1984", "f"),
            ("a photo of {name}", "f"),
            ("\u{feff}- '{}'\r\n- é\r\n", "f"),
        ] {
            let file = parse("f", text).unwrap_or_else(|e| panic!("{text:?}: {e}"));
            assert_eq!(
                file.names().collect::<Vec<_>>().join(" "),
                names,
                "{text:?}"
            );
        }
        let file = parse("f", "sets: {a: {templates: x, synonyms: true}, b: x}").unwrap();
        assert!(file.set("a").unwrap().synonyms && !file.set("b").unwrap().synonyms);
        assert!(file.only().is_none());
    }

    #[test]
    fn every_fault_has_its_place() {
        let cases: &[(&str, &[&str])] = &[
            ("templates: []", &["f:1:12: set `f` holds no template"]),
            ("templates:", &["set `f` holds no template"]),
            ("synonyms: true", &["f:1:1: set `f` holds no template"]),
            (
                "templates: [x]\nsynonym: true",
                &["f:2:1: unknown field `synonym`: did you mean `synonyms`?"],
            ),
            (
                "general: [x]",
                &[
                    "f:1:1: unknown field `general`: one of",
                    "holds no template",
                ],
            ),
            (
                "templates: [x]\nsynonyms: yes",
                &["f:2:11: `synonyms` must be true or false"],
            ),
            ("sets:\n  a: [x]\n  a: [y]", &["f:3:3: `a` appears twice"]),
            ("sets: {a: []}", &["f:1:11: set `a` holds no template"]),
            ("sets: {}", &["f:1:7: the file holds no template"]),
            ("sets: [x]", &["f:1:7: `sets` must be a mapping"]),
            (
                "sets: {a: x}\ntemplates: [x]",
                &["f:2:1: `templates` beside `sets`"],
            ),
            ("templates:\n  - {name} here\n", &["f:2:12: not YAML"]),
            (
                "templates:\n  - {name}\n",
                &["f:2:5: a template must be text; put templates in quotes"],
            ),
            (
                "# 'a {nam}'\ntemplates:\n  - fine\n  - 'é {nam}'\n  - 'b {name'\n",
                &[
                    "f:4:5: template `é {nam}`: unknown placeholder `{nam}`",
                    "f:5:5: template `b {name`: a `{` is not closed",
                ],
            ),
            ("", &["f:1:1: the file is empty"]),
            ("# nothing\n", &["the file is empty"]),
            ("templates: [", &["f:1:13: not YAML"]),
            ("- a\n---\n- b\n", &["f:2:1: another YAML document"]),
        ];
        for (text, expected) in cases {
            let error = parse("f", text).unwrap_err().to_string();
            let lines: Vec<&str> = error.lines().collect();
            assert_eq!(lines.len(), expected.len(), "{text:?}: {error}");
            for (line, expected) in lines.iter().zip(*expected) {
                assert!(line.contains(expected), "{text:?}: {error}");
            }
        }
    }
}
