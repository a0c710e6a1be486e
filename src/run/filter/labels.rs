//! Sets of a run's labels: what a label of the language stands for.

use std::ops::Range;

use super::FilterError;
use super::complete::like;
use super::lexer::{Closure, Value};
use super::needle::Needle;
use crate::run::opened::Opened;
use crate::taxonomy::{NodeId, Resolution, normalise};

/// A set of small numbers.
#[derive(Debug, Clone)]
pub(super) struct Bits(Box<[u64]>);

impl Bits {
    /// Those of `range` for which `is_in`, counted from its start.
    pub fn of(range: Range<usize>, is_in: impl Fn(usize) -> bool) -> Self {
        let words = range.clone().step_by(64).map(|start| {
            let bits = start..(start + 64).min(range.end);
            bits.fold(0, |word, i| word | u64::from(is_in(i)) << (i - start))
        });
        Self(words.collect())
    }

    pub fn has(&self, i: u32) -> bool {
        let word = self.0.get(i as usize / 64);
        word.is_some_and(|word| word >> (i % 64) & 1 != 0)
    }
}

/// Labels of a run, and whether to have none is meant.
#[derive(Debug, Clone)]
pub(super) struct Labels {
    labels: Bits,
    none: bool,
}

impl Labels {
    pub fn has(&self, label: Option<u32>) -> bool {
        label.map_or(self.none, |label| self.labels.has(label))
    }

    /// What any of the values stands for.
    ///
    /// # Errors
    /// A value is no label of the taxonomy or of the run.
    pub fn read(values: &[Value], opened: &Opened) -> Result<Self, FilterError> {
        let labels = &opened.saved.labels;
        let mut nodes = vec![false; opened.taxonomy.len()];
        let mut others = vec![false; labels.len()];
        let mut none = false;
        for value in values {
            if value.is_bare("none") {
                none = true;
                continue;
            }
            match meant(value, opened)? {
                Meant::Nodes(meant) => {
                    for node in closure(value.closure, meant, opened) {
                        nodes[node.index()] = true;
                    }
                }
                Meant::Label(label) => others[label] = true,
            }
        }
        let is_in = |label: usize| {
            let node = opened.node(label as u32);
            node.map_or(others[label], |node| nodes[node.index()])
        };
        Ok(Self {
            labels: Bits::of(0..labels.len(), is_in),
            none,
        })
    }

    /// The numbers of truths of which one is among these.
    pub fn of_truths(&self, opened: &Opened) -> Bits {
        let truths = &opened.saved.truths;
        Bits::of(0..truths.len(), |i| match truths[i].as_slice() {
            [] => self.none,
            truths => truths.iter().any(|&truth| self.labels.has(truth)),
        })
    }
}

/// The labels, and the numbers of truths, in whose id or names the text occurs.
pub(super) fn with_text(needle: &Needle, opened: &Opened) -> (Bits, Bits) {
    let ids = &opened.saved.labels;
    let is_in = |label: usize| {
        let is_in_name = |node| {
            let names = &opened.taxonomy.node(node).names;
            names.iter().any(|name| needle.is_in(name))
        };
        needle.is_in(&ids[label]) || opened.node(label as u32).is_some_and(is_in_name)
    };
    let labels = Labels {
        labels: Bits::of(0..ids.len(), is_in),
        none: false,
    };
    (labels.of_truths(opened), labels.labels)
}

enum Meant {
    Nodes(Vec<NodeId>),
    /// A label of the run that the taxonomy has not.
    Label(usize),
}

fn meant(value: &Value, opened: &Opened) -> Result<Meant, FilterError> {
    let unknown = match find(&value.text, opened) {
        Ok(meant) => return Ok(meant),
        Err(nearest) => nearest,
    };
    let mut suggested: Vec<String> = unknown;
    if suggested.is_empty() {
        let like = like(&value.text, 3, opened).into_iter();
        suggested = like.map(|found| found.shown.to_owned()).collect();
    }
    let message = match value.text.is_empty() {
        true => "a label is expected".to_owned(),
        false => format!(
            "no label `{}`{}",
            value.text,
            super::fields::did_you_mean(suggested.iter().map(String::as_str))
        ),
    };
    Err(FilterError {
        span: value.span.clone(),
        message,
    })
}

/// What a label stands for: an id before names. If nothing, the nearest.
fn find(label: &str, opened: &Opened) -> Result<Meant, Vec<String>> {
    let taxonomy = &opened.taxonomy;
    if let Some(node) = taxonomy.find(label) {
        return Ok(Meant::Nodes(vec![node]));
    }
    if let Some(number) = opened.saved.labels.iter().position(|id| id == label) {
        return Ok(Meant::Label(number));
    }
    match taxonomy.resolve(label) {
        Resolution::One(node) => Ok(Meant::Nodes(bearers(node, label, opened))),
        Resolution::Ambiguous(nodes) => Ok(Meant::Nodes(nodes)),
        Resolution::Unknown(nearest) => Err(nearest),
    }
}

/// Whether a label stands for this node and no other.
pub(super) fn stands_for(label: &str, node: NodeId, opened: &Opened) -> bool {
    let taxonomy = &opened.taxonomy;
    if let Some(found) = taxonomy.find(label) {
        return found == node;
    }
    let is_other = opened.saved.labels.iter().any(|id| id == label);
    !is_other
        && taxonomy.look_up(label) == Resolution::One(node)
        && bearers(node, label, opened) == [node]
}

/// The node that a name stands for, and its equivalents of the same name: the taxonomy takes one for all.
fn bearers(node: NodeId, name: &str, opened: &Opened) -> Vec<NodeId> {
    let taxonomy = &opened.taxonomy;
    let key = normalise(name);
    let bears = |other: NodeId| {
        let other = taxonomy.node(other);
        let mut keys = (other.names.iter()).chain([&other.id]).chain(&other.ids);
        keys.any(|written| normalise(written) == key)
    };
    let equivalents = taxonomy.equivalents(node).iter().copied();
    let others = equivalents.filter(|&other| other != node && bears(other));
    std::iter::once(node).chain(others).collect()
}

fn closure(closure: Option<Closure>, nodes: Vec<NodeId>, opened: &Opened) -> Vec<NodeId> {
    let taxonomy = &opened.taxonomy;
    let each = nodes.iter();
    match closure {
        None => nodes,
        Some(Closure::Under) => each.flat_map(|&n| taxonomy.descendants(n)).collect(),
        Some(Closure::Above) => each.flat_map(|&n| taxonomy.ancestors(n)).collect(),
    }
}
