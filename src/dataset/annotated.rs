//! What is said of images elsewhere: true labels, re-annotated valid sets, labels that are also right, predictions.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::DatasetError;
use super::labels::{LabelSet, Resolver};
use super::table::{self, Kind, Row, Spec};
use crate::names::{NameIndex, Names};
use crate::taxonomy::NodeId;
use crate::text;

/// Labels of images, found by the images' names.
#[derive(Debug, Default)]
pub struct LabelTable {
    pub names: Names,
    index: NameIndex,
    /// The distinct sets of labels.
    sets: Vec<LabelSet>,
    /// Index into the sets, of each image.
    of: Vec<u32>,
}

impl LabelTable {
    /// Reads a table of images and labels. Labels at fault are left with `resolver`.
    ///
    /// # Errors
    /// When the file cannot be read or understood, has no column of labels, or names an image twice.
    pub fn read(
        path: &Path,
        spec: &Spec,
        resolver: &mut Resolver<'_>,
    ) -> Result<Self, DatasetError> {
        let mut numbers: HashMap<LabelSet, u32> = HashMap::new();
        let mut table = Self::default();
        let seen = table::read(path, kind(path)?, spec, &mut |row| {
            let set = label_set(path, row, resolver);
            table.names.push(&row.image);
            let place = table.names.len() - 1;
            if table.index.insert(&table.names, place).is_some() {
                return Err(format!(
                    "the image `{}` is named a second time; an image has one row",
                    text::shown(&row.image)
                ));
            }
            let next = table.sets.len() as u32;
            let number = *numbers.entry(set).or_insert_with_key(|set| {
                table.sets.push(set.clone());
                next
            });
            table.of.push(number);
            Ok(())
        })?;
        labelled(path, spec, &seen)?;
        Ok(table)
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// The distinct things that are said of images.
    pub fn sets(&self) -> &[LabelSet] {
        &self.sets
    }

    /// The number of what is said of the `i`th image, among those.
    pub fn set_of(&self, i: usize) -> u32 {
        self.of[i]
    }

    /// The place of an image.
    pub fn find(&self, image: &str) -> Option<usize> {
        self.index.find(&self.names, image)
    }
}

/// What is given the predictions of an image: its labels, best first (none: abstained from; `None`: one of them is at fault),
/// and the probability of each, or none at all.
pub type TakePrediction<'a> = dyn FnMut(&str, Option<&[NodeId]>, &[f64]) -> Result<(), String> + 'a;

/// Reads predictions, a row at a time.
///
/// # Errors
/// When the file cannot be read or understood, or has no column of labels; what `take` says, with the row's place.
pub fn read_predictions(
    path: &Path,
    spec: &Spec,
    resolver: &mut Resolver<'_>,
    take: &mut TakePrediction<'_>,
) -> Result<(), DatasetError> {
    let mut nodes = Vec::new();
    let seen = table::read(path, kind(path)?, spec, &mut |row| {
        nodes.clear();
        let mut is_at_fault = false;
        for label in &row.labels {
            match resolver.resolve(label, || place(path, row.line, &row.image)) {
                Ok(node) if nodes.contains(&node) => {
                    return Err(format!(
                        "the label `{}` is predicted twice for one image",
                        text::shown(label)
                    ));
                }
                Ok(node) => nodes.push(node),
                // Better labels are known: those below are not looked at.
                Err(_) => {
                    is_at_fault = nodes.is_empty();
                    break;
                }
            }
        }
        let mut probabilities = row.probabilities.as_slice();
        if row.labels.is_empty() {
            // An abstention has no answer that would be probable.
            probabilities = &[];
        } else if !probabilities.is_empty() && probabilities.len() != row.labels.len() {
            return Err(format!(
                "{} label{} and {} probabilit{}: each label has one, or none has",
                row.labels.len(),
                if row.labels.len() == 1 { "" } else { "s" },
                probabilities.len(),
                if probabilities.len() == 1 { "y" } else { "ies" }
            ));
        }
        take(&row.image, (!is_at_fault).then_some(&nodes), probabilities)
    })?;
    labelled(path, spec, &seen)
}

/// Reads which labels are right whenever another is the truth: a JSON object of a label, or a list of them, for each label.
/// `take` is given the truth and what is right also; labels at fault are left with `resolver`.
///
/// # Errors
/// When the file cannot be read, or is no such object.
pub fn read_also_right(
    path: &Path,
    resolver: &mut Resolver<'_>,
    take: &mut dyn FnMut(NodeId, NodeId),
) -> Result<(), DatasetError> {
    let text = text::read(path)?;
    let fault = |what: String| DatasetError::File {
        path: path.to_owned(),
        what,
    };
    let value: Value = serde_json::from_str(&text).map_err(|e| DatasetError::Line {
        path: path.to_owned(),
        line: e.line(),
        what: format!("not JSON: {e}"),
    })?;
    let Value::Object(map) = value else {
        return Err(fault(
            "expected an object such as {\"sunglass\": [\"sunglasses\"]}: for each label those that are right too"
                .to_owned(),
        ));
    };
    let place = || path.display().to_string();
    for (truth, right) in &map {
        let mut labels = Vec::new();
        table::labels_of_json(right, &mut labels)
            .map_err(|what| fault(format!("`{}`: {what}", text::shown(truth))))?;
        let truth = resolver.resolve(truth, place);
        for label in labels {
            if let (Ok(truth), Ok(right)) = (truth, resolver.resolve(&label, place)) {
                take(truth, right);
            }
        }
    }
    Ok(())
}

fn kind(path: &Path) -> Result<Kind, DatasetError> {
    Kind::of(path).ok_or_else(|| DatasetError::UnknownTable {
        path: path.to_owned(),
    })
}

fn labelled(path: &Path, spec: &Spec, seen: &table::Seen) -> Result<(), DatasetError> {
    if seen.labelled {
        return Ok(());
    }
    Err(DatasetError::File {
        path: path.to_owned(),
        what: format!(
            "no column of labels; the columns are: {}; name it with {} label=NAME",
            table::list(&seen.columns),
            spec.option()
        ),
    })
}

fn label_set(path: &Path, row: &Row, resolver: &mut Resolver<'_>) -> LabelSet {
    // Whatever its labels are.
    if row.problematic {
        return LabelSet::Problematic;
    }
    let labels = match &row.named {
        Some(named) if !resolver.has_index() => named,
        _ => &row.labels,
    };
    LabelSet::of(labels, resolver, || place(path, row.line, &row.image))
}

/// Where a row stands.
fn place(path: &Path, line: Option<usize>, image: &str) -> String {
    match line {
        Some(line) => format!("{}:{line}", path.display()),
        None => format!("{} ({})", path.display(), text::shown(image)),
    }
}
