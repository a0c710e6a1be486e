//! Where a file's sections, nodes, tree entries and groups stand.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{Refusal, sheet::Sheet};
use crate::taxonomy::yaml::{Id, Kind};

/// Entries of trees that are looked at in one file: aliases of aliases could make very many of them.
const MAX_MENTIONS: usize = 1_000_000;

/// A file with the places in it.
pub(super) struct Page<'t> {
    pub sheet: Sheet<'t>,
    /// The mapping of the whole file.
    pub root: Option<Id>,
    /// Field, the entry's number in the file's mapping, and its value, as often as it comes.
    pub sections: Vec<(String, u32, Id)>,
    /// Entries of `nodes:` by id.
    pub nodes: BTreeMap<String, Vec<Entry>>,
    /// Entries of `tree:` by id.
    pub tree: BTreeMap<String, Vec<Mention>>,
    /// The same by the node that they are below.
    pub below: BTreeMap<String, Vec<Mention>>,
}

/// An entry of `nodes:`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub map: Id,
    pub slot: u32,
    pub key: Id,
    pub body: Id,
}

/// A node in a tree.
#[derive(Debug, Clone)]
pub(super) struct Mention {
    pub id: String,
    pub parent: Option<String>,
    pub at: At,
    /// The scalar with the id.
    pub scalar: Id,
    /// What stands below it, if that can be reached: the value of its entry.
    pub value: Option<Id>,
    /// Whether any node stands below it.
    pub has_children: bool,
}

/// Where a tree has a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// An entry of a list or mapping.
    Slot(Id, u32),
    /// The only thing below the entry of a mapping.
    Value(Id, u32),
}

impl<'t> Page<'t> {
    pub fn new(path: &Path, text: &'t str) -> Result<Self, Refusal> {
        let sheet = Sheet::new(text).map_err(|stop| {
            let at = (stop.at as usize).min(text.len());
            let breaks = text.as_bytes()[..at].iter().filter(|&&b| b == b'\n');
            Refusal::Syntax {
                path: path.display().to_string(),
                line: breaks.count() + 1,
                message: stop.message,
            }
        })?;
        let mut page = Self {
            sheet,
            root: None,
            sections: Vec::new(),
            nodes: BTreeMap::new(),
            tree: BTreeMap::new(),
            below: BTreeMap::new(),
        };
        for root in page.sheet.doc.roots.clone() {
            if !page.sheet.is_map(root) {
                continue;
            }
            page.root = page.root.or(Some(root));
            for slot in 0..page.sheet.slots(root) {
                if let Some((field, _, value)) = page.entry(root, slot) {
                    page.sections.push((field, slot, value));
                }
            }
        }
        for (field, _, value) in page.sections.clone() {
            match field.as_str() {
                "nodes" => page.find_nodes(value),
                "tree" => page.find_mentions(value),
                _ => {}
            }
        }
        Ok(page)
    }

    /// Key as text, key and value of a mapping's entry.
    fn entry(&self, map: Id, slot: u32) -> Option<(String, Id, Id)> {
        let Kind::Map(entries) = &self.sheet.doc.get(map).kind else {
            return None;
        };
        let &(key, value) = entries.get(slot as usize)?;
        Some((self.text(key)?.to_owned(), key, value))
    }

    pub fn text(&self, id: Id) -> Option<&str> {
        match &self.sheet.doc.get(id).kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    fn find_nodes(&mut self, map: Id) {
        for slot in 0..self.sheet.slots(map) {
            if let Some((id, key, body)) = self.entry(map, slot) {
                let entry = Entry {
                    map,
                    slot,
                    key,
                    body,
                };
                self.nodes.entry(id).or_default().push(entry);
            }
        }
    }

    fn find_mentions(&mut self, value: Id) {
        // What an alias repeats below the same node is in the same place.
        let mut met: BTreeSet<(Id, Option<String>)> = BTreeSet::new();
        let mut open: Vec<(Id, Option<String>)> = vec![(value, None)];
        while let Some((value, parent)) = open.pop() {
            if !met.insert((value, parent.clone())) || met.len() > MAX_MENTIONS {
                continue;
            }
            match &self.sheet.doc.get(value).kind {
                Kind::Scalar { .. } => {
                    if let Some((map, child)) = self.sheet.place(value)
                        && !self.sheet.is_null(value)
                    {
                        self.mention(value, parent, At::Value(map, child / 2), None);
                    }
                }
                Kind::List(items) => {
                    for (slot, item) in (0..).zip(items.clone()) {
                        if self.text(item).is_some() {
                            self.mention(item, parent.clone(), At::Slot(value, slot), None);
                        } else if self.sheet.is_map(item) {
                            open.push((item, parent.clone()));
                        }
                    }
                }
                Kind::Map(entries) => {
                    for (slot, (key, below)) in (0..).zip(entries.clone()) {
                        let at = At::Slot(value, slot);
                        self.mention(key, parent.clone(), at, Some(below));
                        open.push((below, self.text(key).map(str::to_owned)));
                    }
                }
            }
        }
    }

    fn mention(&mut self, scalar: Id, parent: Option<String>, at: At, below: Option<Id>) {
        let Some(id) = self.text(scalar).map(str::to_owned) else {
            return;
        };
        let has_children = below.is_some_and(|below| match &self.sheet.doc.get(below).kind {
            Kind::Scalar { .. } => !self.sheet.is_null(below),
            _ => self.sheet.slots(below) > 0,
        });
        let aliased = match at {
            At::Slot(container, slot) => self.sheet.is_alias(container, 2 * slot + 1),
            At::Value(..) => false,
        };
        let mention = Mention {
            id: id.clone(),
            parent: parent.clone(),
            at,
            scalar,
            value: below.filter(|_| !aliased),
            has_children,
        };
        if let Some(parent) = parent {
            self.below.entry(parent).or_default().push(mention.clone());
        }
        self.tree.entry(id).or_default().push(mention);
    }

    /// The values of a field of a node's body, as often as it comes: entry's number and value.
    pub fn field(&self, body: Id, field: &str) -> Vec<(u32, Id)> {
        let slots = if self.sheet.is_map(body) {
            self.sheet.slots(body)
        } else {
            0
        };
        let named = |slot| {
            let (name, _, value) = self.entry(body, slot)?;
            (name == field).then_some((slot, value))
        };
        (0..slots).filter_map(named).collect()
    }

    /// The value of a section of the file.
    pub fn section(&self, field: &str) -> Option<Id> {
        let named = self.sections.iter().find(|s| s.0 == field);
        named.map(|s| s.2)
    }

    /// Texts of a list with their numbers.
    pub fn texts(&self, list: Id) -> Vec<(u32, Id, &str)> {
        let Kind::List(items) = &self.sheet.doc.get(list).kind else {
            return Vec::new();
        };
        let text = |(slot, &item): (u32, &Id)| Some((slot, item, self.text(item)?));
        (0..).zip(items).filter_map(text).collect()
    }
}
