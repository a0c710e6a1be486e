//! One file's text with its values, and what is to change there: entries that go, come or are put differently.
//!
//! Knows YAML and nothing of taxonomies. A *slot* is an entry of a list or mapping by its number; a *child* is one of its values:
//! that of a list by the slot, the key and the value of a mapping's slot by `2 * slot` and `2 * slot + 1`.

use std::collections::{BTreeMap, BTreeSet};

use super::value::Item;
use crate::taxonomy::{
    reader::is_null,
    yaml::{self, Document, Id, Kind, Stop},
};

pub(super) struct Sheet<'t> {
    pub(super) text: &'t str,
    pub(super) doc: Document<'t>,
    /// Where a value stands first: list or mapping, and child.
    pub(super) up: Vec<Option<(Id, u32)>>,
    pub(super) removed: BTreeSet<(Id, u32)>,
    pub(super) added: BTreeMap<Id, Vec<Item>>,
    pub(super) replaced: BTreeMap<Id, String>,
    /// Lists that go with their last entry.
    pub(super) vanishing: BTreeSet<Id>,
    /// What is begun between brackets, though it could be begun on lines of its own.
    pub(super) in_brackets: BTreeSet<Id>,
    /// What is put beside an alias of a text: they become a list.
    pub(super) beside: BTreeMap<(Id, u32), Vec<Item>>,
    /// Values that go without their entry.
    pub(super) emptied: BTreeSet<(Id, u32)>,
    pub(super) eol: &'static str,
    pub(super) step: usize,
}

impl<'t> Sheet<'t> {
    pub(super) fn new(text: &'t str) -> Result<Self, Stop> {
        let (doc, stop) = yaml::parse(text, &yaml::Insertions::new());
        if let Some(stop) = stop {
            return Err(stop);
        }
        let mut up = vec![None; doc.len()];
        for id in 0..doc.len() as Id {
            for (child, value) in children(&doc, id) {
                let place = &mut up[value as usize];
                if place.is_none() && !doc.aliases.contains_key(&(id, child)) {
                    *place = Some((id, child));
                }
            }
        }
        let eol = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let mut sheet = Self {
            text,
            doc,
            up,
            removed: BTreeSet::new(),
            added: BTreeMap::new(),
            replaced: BTreeMap::new(),
            vanishing: BTreeSet::new(),
            in_brackets: BTreeSet::new(),
            beside: BTreeMap::new(),
            emptied: BTreeSet::new(),
            eol,
            step: 2,
        };
        sheet.step = sheet.usual_step();
        Ok(sheet)
    }

    /// By how much a mapping in a mapping is indented, where that is first done.
    pub(super) fn usual_step(&self) -> usize {
        let nested = |id: Id| {
            let Kind::Map(entries) = &self.doc.get(id).kind else {
                return None;
            };
            let (outer, _) = self.up[id as usize]?;
            let Kind::Map(around) = &self.doc.get(outer).kind else {
                return None;
            };
            if self.in_flow(id) {
                return None;
            }
            let (inner, outer) = (entries.first()?.0, around.first()?.0);
            let column = |id: Id| self.column(self.doc.get(id).start as usize);
            column(inner).checked_sub(column(outer))
        };
        let first = (0..self.doc.len() as Id)
            .filter_map(nested)
            .find(|&s| s > 0);
        first.unwrap_or(2)
    }

    pub(super) fn remove(&mut self, container: Id, slot: u32) {
        self.removed.insert((container, slot));
    }

    pub(super) fn is_removed(&self, container: Id, slot: u32) -> bool {
        self.removed.contains(&(container, slot))
    }

    /// Adds to what stands at `value`: a list, a mapping, nothing, or text, which becomes a list.
    pub(super) fn add(&mut self, value: Id, item: Item) {
        self.added.entry(value).or_default().push(item);
    }

    /// Puts another text into a scalar.
    pub(super) fn replace(&mut self, scalar: Id, text: &str) {
        self.replaced.insert(scalar, text.to_owned());
    }

    /// The entry that holds this list is taken out when it has lost its last entry.
    pub(super) fn vanish_when_empty(&mut self, list: Id) {
        self.vanishing.insert(list);
    }

    /// What is put where there is nothing yet goes between brackets.
    pub(super) fn prefer_brackets(&mut self, value: Id) {
        self.in_brackets.insert(value);
    }

    /// Makes a list of an alias that stands for a text.
    pub(super) fn add_beside(&mut self, container: Id, child: u32, item: Item) {
        let items = self.beside.entry((container, child)).or_default();
        items.push(item);
    }

    /// Takes out the text that is the value of a mapping's entry, and leaves the key.
    pub(super) fn empty(&mut self, map: Id, slot: u32) {
        self.emptied.insert((map, slot));
    }

    pub(super) fn is_changed(&self) -> bool {
        !(self.removed.is_empty()
            && self.added.is_empty()
            && self.replaced.is_empty()
            && self.beside.is_empty()
            && self.emptied.is_empty())
    }

    /// List or mapping, and child, where the value stands.
    pub(super) fn place(&self, value: Id) -> Option<(Id, u32)> {
        self.up[value as usize]
    }

    pub(super) fn is_map(&self, id: Id) -> bool {
        matches!(self.doc.get(id).kind, Kind::Map(_))
    }

    /// Whether nothing is there, or a word for it.
    pub(super) fn is_null(&self, id: Id) -> bool {
        matches!(&self.doc.get(id).kind, Kind::Scalar { text, plain: true } if is_null(text))
    }

    pub(super) fn slots(&self, id: Id) -> u32 {
        match &self.doc.get(id).kind {
            Kind::List(items) => items.len() as u32,
            Kind::Map(entries) => entries.len() as u32,
            Kind::Scalar { .. } => 0,
        }
    }

    pub(super) fn live(&self, id: Id) -> Vec<u32> {
        let slots = 0..self.slots(id);
        slots.filter(|&slot| !self.is_removed(id, slot)).collect()
    }
}

/// Children of a list or mapping with their numbers.
fn children(doc: &Document<'_>, id: Id) -> Vec<(u32, Id)> {
    match &doc.get(id).kind {
        Kind::List(items) => (0..).zip(items.iter().copied()).collect(),
        Kind::Map(entries) => (0..)
            .zip(entries.iter().flat_map(|&(k, v)| [k, v]))
            .collect(),
        Kind::Scalar { .. } => Vec::new(),
    }
}
