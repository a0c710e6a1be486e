//! Lists of labels by number: what a model's outputs, or labels that are numbers, stand for.

use std::path::Path;

use serde_json::Value;

use crate::taxonomy::{NodeId, Resolution, Taxonomy};
use crate::text::{self, TextError, shown};

/// The label of each number, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelIndex {
    source: String,
    nodes: Vec<NodeId>,
}

/// Why a list of labels could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LabelIndexError {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error("{path}: {what}")]
    Shape { path: String, what: String },
    #[error("{path}: labels that name no node or several:\n  {}", faults.join("\n  "))]
    Labels { path: String, faults: Vec<String> },
}

/// Labels at fault that are told; each takes a search for near names.
const MOST_FAULTS: usize = 200;

impl LabelIndex {
    /// Reads a label a line (the first is number 0; a blank line at the end is none), or JSON: a list of labels, or an
    /// object such as `{"0": "tench", …}`, also with several names of one label, of which the first that names one node
    /// counts (`{"0": ["n01440764", "tench"], …}`). The `id2label` of a model's `config.json` is found in it.
    ///
    /// # Errors
    /// A file that cannot be read or has another shape; numbers that are missing; labels that name no node or several.
    pub fn read(path: &Path, taxonomy: &Taxonomy) -> Result<Self, LabelIndexError> {
        let source = path.display().to_string();
        let text = text::read(path)?;
        let shape = |what: String| LabelIndexError::Shape {
            path: source.clone(),
            what,
        };
        let is_json = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let lists = if is_json {
            let value =
                serde_json::from_str(&text).map_err(|error| shape(format!("not JSON: {error}")))?;
            of_json(&value).map_err(shape)?
        } else {
            text.lines()
                .map(|line| vec![line.trim().to_owned()])
                .collect()
        };
        if lists.is_empty() {
            return Err(shape("holds no label; write one a line".to_owned()));
        }
        let mut faults = Vec::new();
        let mut nodes = Vec::with_capacity(lists.len());
        for (number, names) in lists.iter().enumerate() {
            match resolve(taxonomy, names) {
                Ok(node) => nodes.push(node),
                Err(_) if !is_json && names[0].is_empty() => faults.push(format!(
                    "line {}: blank, and every line is a label, number {number}",
                    number + 1
                )),
                Err(reason) => faults.push(format!(
                    "{}number {number} (`{}`): {reason}",
                    if is_json {
                        String::new()
                    } else {
                        format!("line {}, ", number + 1)
                    },
                    shown(&names.join(", "))
                )),
            }
            if faults.len() == MOST_FAULTS {
                faults.push("… and perhaps more".to_owned());
                break;
            }
        }
        if faults.is_empty() {
            Ok(Self { source, nodes })
        } else {
            Err(LabelIndexError::Labels {
                path: source,
                faults,
            })
        }
    }

    /// The label of a number.
    pub fn get(&self, number: usize) -> Option<NodeId> {
        self.nodes.get(number).copied()
    }

    /// All labels in order; one may have several numbers.
    pub fn nodes(&self) -> &[NodeId] {
        &self.nodes
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The file that it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// Names of each number.
fn of_json(value: &Value) -> Result<Vec<Vec<String>>, String> {
    match value {
        Value::Array(labels) => labels.iter().map(names).collect(),
        Value::Object(object) => {
            if let Some(labels) = object.get("id2label") {
                return of_json(labels);
            }
            let mut numbered = Vec::with_capacity(object.len());
            if let Some(Value::Object(labels)) = object.get("label2id") {
                let of = labels
                    .iter()
                    .map(|(label, number)| (number.to_string(), label.clone()));
                let turned = of.map(|(number, label)| (number, Value::String(label)));
                return of_json(&Value::Object(turned.collect()));
            }
            for (key, value) in object {
                let number: usize = key.parse().map_err(|_| {
                    format!(
                        "`{}` is no number; expected {{\"0\": \"first label\", …}}",
                        shown(key)
                    )
                })?;
                numbered.push((number, names(value)?));
            }
            numbered.sort_unstable_by_key(|&(number, _)| number);
            for (expected, &(number, _)) in numbered.iter().enumerate() {
                if number != expected {
                    return Err(format!(
                        "there is no number {expected}; labels are numbered from 0, without gaps"
                    ));
                }
            }
            Ok(numbered.into_iter().map(|(_, names)| names).collect())
        }
        _ => Err(
            "expected a list of labels, or an object such as {\"0\": \"first label\", …}"
                .to_owned(),
        ),
    }
}

fn names(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(name) => Ok(vec![name.clone()]),
        Value::Number(number) => Ok(vec![number.to_string()]),
        Value::Array(values) if !values.is_empty() => {
            let lists: Result<Vec<_>, _> = values.iter().map(names).collect();
            Ok(lists?.concat())
        }
        other => Err(format!(
            "expected a label, found {}",
            shown(&other.to_string())
        )),
    }
}

/// The node of the first name that names one.
fn resolve(taxonomy: &Taxonomy, names: &[String]) -> Result<NodeId, String> {
    let mut first = None;
    for name in names {
        // WordNet's lists of names in one text, as in ImageNet's labels, are names of one class.
        let parts = name.split(", ").filter(|part| *part != name.as_str());
        for name in std::iter::once(name.as_str()).chain(parts) {
            match taxonomy.look_up(name) {
                Resolution::One(node) => return Ok(node),
                Resolution::Ambiguous(nodes) => {
                    let ids: Vec<&str> = nodes.iter().map(|&n| taxonomy.id(n)).collect();
                    first.get_or_insert(format!(
                        "several nodes carry this name: use one of the ids {}",
                        ids.join(", ")
                    ));
                }
                Resolution::Unknown(_) => {}
            }
        }
    }
    Err(first.unwrap_or_else(|| {
        let near = names.first().map(|name| taxonomy.nearest(name));
        match near {
            Some(near) if !near.is_empty() => format!("no such node; nearest: {}", near.join(", ")),
            _ => "no such node".to_owned(),
        }
    }))
}
