//! Prompt files: YAML with one or several named sets.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::template::Template;
use super::{PromptError, TemplateSet};

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

    /// Names of the sets, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sets.iter().map(|set| set.name.as_str())
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct SetSection {
    templates: Vec<String>,
    #[serde(default)]
    synonyms: bool,
    /// For people; nothing reads it.
    #[serde(default, rename = "description")]
    _description: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ManySets {
    sets: UniqueMap,
}

/// A mapping that refuses a key's second appearance, which the YAML library passes over in silence.
struct UniqueMap(BTreeMap<String, SetSection>);

impl<'de> Deserialize<'de> for UniqueMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Unique;

        impl<'de> Visitor<'de> for Unique {
            type Value = UniqueMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("template sets by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueMap, A::Error> {
                let mut sets = BTreeMap::new();
                while let Some((name, section)) = map.next_entry::<String, SetSection>()? {
                    if sets.insert(name.clone(), section).is_some() {
                        return Err(A::Error::custom(format!("set `{name}` appears twice")));
                    }
                }
                Ok(UniqueMap(sets))
            }
        }

        deserializer.deserialize_map(Unique)
    }
}

/// Reads a prompt file; `source` is its name in messages, and the name of a set that has none.
///
/// # Errors
/// YAML that is not a prompt file, with its line; a template that is none, with its line.
pub fn parse(source: &str, text: &str) -> Result<PromptFile, PromptError> {
    let text = text.trim_start_matches('\u{feff}');
    let fault = |error: serde_yaml::Error| PromptError::File {
        place: match error.location() {
            Some(at) => format!("{source}:{}:{}", at.line(), at.column()),
            None => source.to_owned(),
        },
        reason: format!(
            "{error}; a prompt file holds `templates: [...]`, or `sets:` with named ones"
        ),
    };
    let has_sets = text.lines().any(|line| {
        line.strip_prefix("sets")
            .is_some_and(|rest| rest.trim_start().starts_with(':'))
    });
    let sections = if has_sets {
        serde_yaml::from_str::<ManySets>(text)
            .map_err(fault)?
            .sets
            .0
    } else {
        BTreeMap::from([(
            source.to_owned(),
            serde_yaml::from_str(text).map_err(fault)?,
        )])
    };
    let empty = |what: &str| PromptError::File {
        place: source.to_owned(),
        reason: format!("{what} holds no template"),
    };
    if sections.is_empty() {
        return Err(empty("the file"));
    }
    let sets = sections
        .into_iter()
        .map(|(name, section)| {
            if section.templates.is_empty() {
                return Err(empty(&format!("set `{name}`")));
            }
            let templates = section.templates.iter().map(|template| {
                Template::parse(template).map_err(|error| PromptError::Template {
                    place: place_of(source, text, template),
                    template: template.clone(),
                    error,
                })
            });
            let templates = templates.collect::<Result<_, _>>()?;
            Ok(TemplateSet {
                name,
                templates,
                synonyms: section.synonyms,
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(PromptFile { sets })
}

/// `source:line` of a template, where its text stands on one line.
fn place_of(source: &str, text: &str, template: &str) -> String {
    match text.lines().position(|line| line.contains(template)) {
        Some(line) => format!("{source}:{}", line + 1),
        None => source.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_sets_and_the_short_form() {
        let file = parse(
            "f",
            "sets:\n  b: {templates: [x]}\n  a: {templates: [y], synonyms: true}",
        )
        .unwrap();
        assert_eq!(file.names().collect::<Vec<_>>(), ["a", "b"]);
        assert!(file.set("a").unwrap().synonyms && file.only().is_none());
        assert_eq!(
            parse("f", "templates: ['{}']")
                .unwrap()
                .only()
                .unwrap()
                .name,
            "f"
        );
    }

    #[test]
    fn faults_name_the_place() {
        for (text, said) in [
            ("templates: []", "no template"),
            ("templates: x", "f:1"),
            ("templates: [x]\nsynonym: true", "synonym"),
            (
                "sets:\n  a: {templates: [x]}\n  a: {templates: [y]}",
                "twice",
            ),
            ("templates:\n  - fine\n  - 'a {nam}'", "f:3"),
            ("", "prompt file"),
            ("sets: {}", "no template"),
            ("templates: [", "f:"),
        ] {
            let error = parse("f", text).unwrap_err().to_string();
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }
}
