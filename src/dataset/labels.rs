//! Labels as written → nodes of a taxonomy, with every fault in one message.

use std::collections::HashMap;
use std::fmt;

use super::Dataset;
use crate::taxonomy::{NodeId, Resolution, Taxonomy};
use crate::text::shown;

/// Unknown labels of which the nearest names are looked for, which takes milliseconds each in a large taxonomy. If
/// there are more, something else is wrong than their spelling, such as the column.
const SUGGEST: usize = 1000;

/// What to do with a label that the taxonomy does not know, or knows more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUnknownLabel {
    #[default]
    Error,
    /// Leave the image out. An image with several labels is left out as soon as one of them is at
    /// fault: judged by the others alone, a right answer could count as an error.
    Skip,
}

/// What the labels of a data set stand for.
#[derive(Debug, Clone, Default)]
pub struct Labelled {
    /// Per item: its truths without repetition, the primary one first; empty: unlabelled or skipped.
    pub truths: Vec<Vec<NodeId>>,
    /// Items left out because of a label, in order.
    pub skipped: Vec<Skipped>,
    /// The labels at fault, in order of first use.
    pub faults: Vec<LabelFault>,
    /// Number of items that carry no label.
    pub unlabelled: usize,
}

/// An item left out because of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// Index into [`Dataset::items`].
    pub item: usize,
    /// Index into [`Labelled::faults`] of the first of its labels that is at fault.
    pub fault: usize,
}

/// Why a label names no node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The nearest names or ids, best first; none if they were not looked for.
    Unknown { nearest: Option<Vec<String>> },
    /// Ids of the nodes that carry the name.
    Ambiguous { ids: Vec<String> },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { nearest: None } => write!(f, "unknown"),
            Self::Unknown {
                nearest: Some(nearest),
            } if nearest.is_empty() => write!(f, "unknown, nothing is near"),
            Self::Unknown {
                nearest: Some(nearest),
            } => write!(f, "unknown, nearest: {}", nearest.join(", ")),
            Self::Ambiguous { ids } => {
                write!(f, "ambiguous, write one of the ids: {}", ids.join(", "))
            }
        }
    }
}

/// A label that names no node, with its use in the data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFault {
    pub label: String,
    pub reason: Reason,
    /// Number of images that carry it.
    pub images: usize,
    /// Where it is first used: `manifest:line`, or a directory.
    pub place: String,
}

impl fmt::Display for LabelFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` ({} image{}, first {}): {}",
            shown(&self.label),
            self.images,
            if self.images == 1 { "" } else { "s" },
            self.place,
            self.reason
        )
    }
}

/// Every label of a data set that names no node, in order of first use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct LabelError {
    /// The taxonomy's name.
    pub taxonomy: String,
    pub faults: Vec<LabelFault>,
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.faults.len();
        let s = if n == 1 { "" } else { "s" };
        writeln!(
            f,
            "{n} label{s} without one node in the taxonomy `{}`:",
            self.taxonomy
        )?;
        for fault in &self.faults {
            writeln!(f, "  {fault}")?;
        }
        if self
            .faults
            .iter()
            .any(|fault| fault.reason == Reason::Unknown { nearest: None })
        {
            writeln!(
                f,
                "Near names were looked for of the first {SUGGEST} unknown labels."
            )?;
        }
        if self.faults.iter().any(LabelFault::is_number) {
            writeln!(
                f,
                "Labels that are numbers may be indices of classes, as in Hugging Face's ClassLabel: write the names of the classes instead, or give each node its number in `ids`."
            )?;
        }
        write!(
            f,
            "Correct the labels, add them to the taxonomy as `names` of a node, or leave these images out with --on-unknown-label skip."
        )
    }
}

impl LabelFault {
    fn is_number(&self) -> bool {
        !self.label.is_empty() && self.label.bytes().all(|byte| byte.is_ascii_digit())
    }
}

/// Finds the nodes that the labels of a data set stand for.
///
/// # Errors
/// With [`OnUnknownLabel::Error`], when a label is unknown or ambiguous; the error lists all of them.
pub fn resolve_labels(
    dataset: &Dataset,
    taxonomy: &Taxonomy,
    on_unknown: OnUnknownLabel,
) -> Result<Labelled, LabelError> {
    let mut labelled = Labelled::default();
    let mut known: HashMap<&str, Result<NodeId, usize>> = HashMap::new();
    let mut faults: Vec<LabelFault> = Vec::new();
    for (i, item) in dataset.items.iter().enumerate() {
        labelled.unlabelled += usize::from(item.labels.is_empty());
        let mut truths = Vec::with_capacity(item.labels.len());
        let mut first_fault = None;
        for label in &item.labels {
            let found = *known.entry(label).or_insert_with(|| {
                let reason = match taxonomy.look_up(label) {
                    Resolution::One(node) => return Ok(node),
                    Resolution::Unknown(_) => Reason::Unknown { nearest: None },
                    Resolution::Ambiguous(nodes) => Reason::Ambiguous {
                        ids: nodes.iter().map(|&n| taxonomy.id(n).to_owned()).collect(),
                    },
                };
                faults.push(LabelFault {
                    label: label.clone(),
                    reason,
                    images: 0,
                    place: dataset.place(i),
                });
                Err(faults.len() - 1)
            });
            match found {
                Ok(node) if truths.contains(&node) => {}
                Ok(node) => truths.push(node),
                Err(fault) => {
                    faults[fault].images += 1;
                    first_fault.get_or_insert(fault);
                }
            }
        }
        if let Some(fault) = first_fault {
            truths.clear();
            labelled.skipped.push(Skipped { item: i, fault });
        }
        labelled.truths.push(truths);
    }
    suggest(&mut faults, taxonomy);
    if on_unknown == OnUnknownLabel::Error && !faults.is_empty() {
        return Err(LabelError {
            taxonomy: taxonomy.name().to_owned(),
            faults,
        });
    }
    labelled.faults = faults;
    Ok(labelled)
}

/// Finds what the unknown labels are near, on all cores.
fn suggest(faults: &mut [LabelFault], taxonomy: &Taxonomy) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut unknown: Vec<&mut LabelFault> = faults
        .iter_mut()
        .filter(|fault| matches!(fault.reason, Reason::Unknown { .. }))
        .take(SUGGEST)
        .collect();
    let share = unknown.len().div_ceil(cores).max(1);
    std::thread::scope(|scope| {
        for part in unknown.chunks_mut(share) {
            scope.spawn(move || {
                for fault in part {
                    fault.reason = Reason::Unknown {
                        nearest: Some(taxonomy.nearest(&fault.label)),
                    };
                }
            });
        }
    });
}
