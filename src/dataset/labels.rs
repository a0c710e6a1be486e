//! Labels as written → nodes of a taxonomy, with every fault in one message.

use std::collections::HashMap;
use std::fmt;

use super::Dataset;
use super::class_names::is_number;
use super::label_index::LabelIndex;
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
    /// Leave the image out.
    Skip,
}

/// What is said of an image.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LabelSet {
    /// Its labels without repetition, in their order; empty: unlabelled.
    Labels(Vec<NodeId>),
    /// It is marked as problematic.
    Problematic,
    /// One of its labels names no node, or several.
    AtFault,
}

impl LabelSet {
    /// The labels as written, which stand at `place`.
    pub(super) fn of(
        labels: &[String],
        resolver: &mut Resolver<'_>,
        place: impl Fn() -> String,
    ) -> Self {
        let mut nodes = Vec::with_capacity(labels.len());
        let mut is_at_fault = false;
        for label in labels {
            match resolver.resolve(label, &place) {
                Ok(node) if nodes.contains(&node) => {}
                Ok(node) => nodes.push(node),
                Err(_) => is_at_fault = true,
            }
        }
        match is_at_fault {
            true => Self::AtFault,
            false => Self::Labels(nodes),
        }
    }
}

/// Why a label names no node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The nearest names or ids, best first; none if they were not looked for.
    Unknown { nearest: Option<Vec<String>> },
    /// Ids of the nodes that carry the name.
    Ambiguous { ids: Vec<String> },
    /// No place in the label index, which has so many.
    BeyondIndex { source: String, len: usize },
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
            Self::BeyondIndex { source, len } => {
                write!(f, "{source} has {len} labels, numbered from 0")
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
    /// Whether numbers were places in a label index.
    pub has_index: bool,
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
        if !self.has_index && self.faults.iter().any(|f| is_number(&f.label)) {
            writeln!(
                f,
                "Labels that are numbers may be indices of classes, as in Hugging Face's ClassLabel: name them with --label-index FILE (beside WebDataset shards a classes.txt does), or give each node its number in `ids`."
            )?;
        }
        write!(
            f,
            "Correct the labels, add them to the taxonomy as `names` of a node, or leave these images out with --on-unknown-label skip."
        )
    }
}

/// Finds the nodes that labels stand for, and remembers those that stand for none or several.
pub struct Resolver<'a> {
    taxonomy: &'a Taxonomy,
    index: Option<&'a LabelIndex>,
    known: HashMap<String, Result<NodeId, usize>>,
    faults: Vec<LabelFault>,
}

impl<'a> Resolver<'a> {
    /// With an `index`, a label that is a whole number is a place in it.
    pub fn new(taxonomy: &'a Taxonomy, index: Option<&'a LabelIndex>) -> Self {
        Self {
            taxonomy,
            index,
            known: HashMap::new(),
            faults: Vec::new(),
        }
    }

    /// The node of a label; else the number of its fault. `place` is where the label stands.
    ///
    /// # Errors
    /// The label is at fault; each call counts as an image that carries it.
    pub fn resolve(
        &mut self,
        label: &str,
        place: impl FnOnce() -> String,
    ) -> Result<NodeId, usize> {
        let found = match self.known.get(label) {
            Some(&found) => found,
            None => {
                let found = self.look_up(label).map_err(|reason| {
                    self.faults.push(LabelFault {
                        label: label.to_owned(),
                        reason,
                        images: 0,
                        place: place(),
                    });
                    self.faults.len() - 1
                });
                self.known.insert(label.to_owned(), found);
                found
            }
        };
        if let Err(fault) = found {
            self.faults[fault].images += 1;
        }
        found
    }

    /// Whether somebody chose an index, which then says what numbers are, whatever the data set says.
    pub(super) fn has_index(&self) -> bool {
        self.index.is_some()
    }

    fn look_up(&self, label: &str) -> Result<NodeId, Reason> {
        if let (Some(index), true) = (self.index, is_number(label)) {
            let place = label.parse::<usize>().ok();
            let node = place.and_then(|place| index.get(place));
            return node.ok_or_else(|| Reason::BeyondIndex {
                source: index.source().to_owned(),
                len: index.len(),
            });
        }
        match self.taxonomy.look_up(label) {
            Resolution::One(node) => Ok(node),
            Resolution::Unknown(_) => Err(Reason::Unknown { nearest: None }),
            Resolution::Ambiguous(nodes) => {
                let ids = nodes.iter().map(|&n| self.taxonomy.id(n).to_owned());
                Err(Reason::Ambiguous { ids: ids.collect() })
            }
        }
    }

    /// The labels at fault, in order of first use.
    ///
    /// # Errors
    /// With [`OnUnknownLabel::Error`], if there are any; the error lists all of them.
    pub fn finish(self, on_unknown: OnUnknownLabel) -> Result<Vec<LabelFault>, LabelError> {
        let mut faults = self.faults;
        suggest(&mut faults, self.taxonomy);
        if on_unknown == OnUnknownLabel::Error && !faults.is_empty() {
            return Err(LabelError {
                taxonomy: self.taxonomy.name().to_owned(),
                has_index: self.index.is_some(),
                faults,
            });
        }
        Ok(faults)
    }
}

/// What the labels of each item of a data set stand for. Those at fault are left with `resolver`.
///
/// An item with several labels is at fault as soon as one of them is: judged by the others alone, a right answer could count
/// as an error.
pub fn resolve_labels(dataset: &Dataset, resolver: &mut Resolver<'_>) -> Vec<LabelSet> {
    let by_number = resolver.has_index();
    let items = dataset.items().enumerate();
    items
        .map(|(i, item)| {
            let labels = match by_number {
                true => item.numbers(),
                false => item.labels(),
            };
            LabelSet::of(labels, resolver, || dataset.place(i))
        })
        .collect()
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
