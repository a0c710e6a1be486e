//! One file's text with its values, and what is to change there: entries that go, come or are put differently.
//!
//! Knows YAML and nothing of taxonomies. A *slot* is an entry of a list or mapping by its number; a *child* is one of its values:
//! that of a list by the slot, the key and the value of a mapping's slot by `2 * slot` and `2 * slot + 1`.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{
    scalar::{self, Style},
    splice::{Splice, splice},
};
use crate::taxonomy::{
    reader::is_null,
    yaml::{self, Document, Id, Kind, Stop},
};

/// A new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    List(Vec<String>),
    Map(Vec<(String, Option<Value>)>),
    /// As it stands, for between brackets.
    Source(String),
}

/// A new entry of a list or mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// `name` in a list, `name:` in a mapping; `name: value` in both.
    Entry { name: String, value: Option<Value> },
    /// A list in a list.
    Group(Vec<String>),
    /// Lines of an entry that stood elsewhere; only for block lists and mappings, and for nothing.
    Lines(Lines),
}

/// An entry that is cut from a block list or mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lines {
    /// From the key on, without the line break at the end.
    pub text: String,
    /// That of the key.
    pub column: usize,
}

/// Why a change cannot be written.
pub(super) type Because = String;

pub(super) struct Sheet<'t> {
    pub text: &'t str,
    pub doc: Document<'t>,
    /// Where a value stands first: list or mapping, and child.
    up: Vec<Option<(Id, u32)>>,
    removed: BTreeSet<(Id, u32)>,
    added: BTreeMap<Id, Vec<Item>>,
    replaced: BTreeMap<Id, String>,
    /// Lists that go with their last entry.
    vanishing: BTreeSet<Id>,
    /// What is begun between brackets, though it could be begun on lines of its own.
    in_brackets: BTreeSet<Id>,
    /// What is put beside an alias of a text: they become a list.
    beside: BTreeMap<(Id, u32), Vec<Item>>,
    /// Values that go without their entry.
    emptied: BTreeSet<(Id, u32)>,
    eol: &'static str,
    step: usize,
}

impl<'t> Sheet<'t> {
    pub fn new(text: &'t str) -> Result<Self, Stop> {
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
    fn usual_step(&self) -> usize {
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

    pub fn remove(&mut self, container: Id, slot: u32) {
        self.removed.insert((container, slot));
    }

    pub fn is_removed(&self, container: Id, slot: u32) -> bool {
        self.removed.contains(&(container, slot))
    }

    /// Adds to what stands at `value`: a list, a mapping, nothing, or text, which becomes a list.
    pub fn add(&mut self, value: Id, item: Item) {
        self.added.entry(value).or_default().push(item);
    }

    /// Puts another text into a scalar.
    pub fn replace(&mut self, scalar: Id, text: &str) {
        self.replaced.insert(scalar, text.to_owned());
    }

    /// The entry that holds this list is taken out when it has lost its last entry.
    pub fn vanish_when_empty(&mut self, list: Id) {
        self.vanishing.insert(list);
    }

    /// What is put where there is nothing yet goes between brackets.
    pub fn prefer_brackets(&mut self, value: Id) {
        self.in_brackets.insert(value);
    }

    /// Makes a list of an alias that stands for a text.
    pub fn add_beside(&mut self, container: Id, child: u32, item: Item) {
        let items = self.beside.entry((container, child)).or_default();
        items.push(item);
    }

    /// Takes out the text that is the value of a mapping's entry, and leaves the key.
    pub fn empty(&mut self, map: Id, slot: u32) {
        self.emptied.insert((map, slot));
    }

    pub fn is_changed(&self) -> bool {
        !(self.removed.is_empty()
            && self.added.is_empty()
            && self.replaced.is_empty()
            && self.beside.is_empty()
            && self.emptied.is_empty())
    }

    /// List or mapping, and child, where the value stands.
    pub fn place(&self, value: Id) -> Option<(Id, u32)> {
        self.up[value as usize]
    }

    pub fn is_map(&self, id: Id) -> bool {
        matches!(self.doc.get(id).kind, Kind::Map(_))
    }

    /// Whether nothing is there, or a word for it.
    pub fn is_null(&self, id: Id) -> bool {
        matches!(&self.doc.get(id).kind, Kind::Scalar { text, plain: true } if is_null(text))
    }

    pub fn slots(&self, id: Id) -> u32 {
        match &self.doc.get(id).kind {
            Kind::List(items) => items.len() as u32,
            Kind::Map(entries) => entries.len() as u32,
            Kind::Scalar { .. } => 0,
        }
    }

    fn live(&self, id: Id) -> Vec<u32> {
        let slots = 0..self.slots(id);
        slots.filter(|&slot| !self.is_removed(id, slot)).collect()
    }

    /// Whether a list or mapping is written in brackets.
    pub fn is_flow(&self, id: Id) -> bool {
        self.text[self.body_start(id)..].starts_with(['[', '{'])
    }

    /// Whether the value stands within brackets, or in its own.
    pub fn in_flow(&self, id: Id) -> bool {
        let around = std::iter::successors(Some(id), |&id| Some(self.up[id as usize]?.0));
        let mut containers =
            around.filter(|&id| !matches!(self.doc.get(id).kind, Kind::Scalar { .. }));
        containers.any(|id| self.is_flow(id))
    }

    /// Where a value begins, after its anchor and tag.
    fn body_start(&self, id: Id) -> usize {
        let mut at = self.doc.get(id).start as usize;
        while self.text[at..].starts_with(['&', '!']) {
            let rest = &self.text[at..];
            let token = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let blank = rest[token..].len() - rest[token..].trim_start().len();
            at += token + blank;
        }
        at
    }

    fn has_properties(&self, id: Id) -> bool {
        self.text[self.doc.get(id).start as usize..].starts_with(['&', '!'])
    }

    /// The bytes of a scalar on its line; of a block scalar only what is under its `|` or `>`.
    fn scalar_range(&self, id: Id) -> Range<usize> {
        let value = self.doc.get(id);
        let (start, end) = (value.start as usize, value.end as usize);
        if self.is_absent(id) {
            return start..start;
        }
        // The parser's span of a quoted scalar may go on to the next token.
        let body = self.body_start(id);
        if let Some(length) = quoted_length(&self.text[body..]) {
            return start..body + length;
        }
        start..start + self.text[start..end.max(start)].trim_end().len()
    }

    /// Whether a scalar has no byte of its own.
    pub fn is_absent(&self, id: Id) -> bool {
        let value = self.doc.get(id);
        let written = self.text[value.start as usize..].starts_with(['&', '!']);
        matches!(&value.kind, Kind::Scalar { text, plain: true } if text.is_empty()) && !written
    }

    fn child(&self, container: Id, child: u32) -> Id {
        match &self.doc.get(container).kind {
            Kind::List(items) => items[child as usize],
            Kind::Map(entries) => {
                let (key, value) = entries[child as usize / 2];
                if child % 2 == 0 { key } else { value }
            }
            Kind::Scalar { .. } => container,
        }
    }

    /// The last child of a slot.
    fn last_child(&self, container: Id, slot: u32) -> u32 {
        if self.is_map(container) {
            2 * slot + 1
        } else {
            slot
        }
    }

    /// The value of a mapping's slot, or the item of a list's.
    pub fn value_of(&self, container: Id, slot: u32) -> Id {
        self.child(container, self.last_child(container, slot))
    }

    pub fn is_alias(&self, container: Id, child: u32) -> bool {
        self.doc.aliases.contains_key(&(container, child))
    }

    /// Where a child begins: its anchor or tag, if it has one.
    fn child_start(&self, container: Id, child: u32) -> usize {
        let alias = self.doc.aliases.get(&(container, child));
        let own = || self.doc.get(self.child(container, child)).start;
        alias.map_or_else(own, |a| a.0) as usize
    }

    /// Where the text of a child ends; with `live`, without what is removed from it.
    fn child_end(&self, container: Id, child: u32, live: bool) -> usize {
        if let Some(alias) = self.doc.aliases.get(&(container, child)) {
            return alias.1 as usize;
        }
        let id = self.child(container, child);
        match &self.doc.get(id).kind {
            Kind::Scalar { .. } if self.is_absent(id) => self.nothing(container, child),
            Kind::Scalar { .. } => self.scalar_range(id).end,
            _ if self.is_flow(id) => self.doc.get(id).end as usize,
            _ => {
                let mut slots = 0..self.slots(id);
                let last = slots.rfind(|&slot| !live || !self.is_removed(id, slot));
                match last {
                    Some(slot) => self.child_end(id, self.last_child(id, slot), live),
                    None => self.header_end(container, child),
                }
            }
        }
    }

    /// Where a value that is not there would be: after the colon or the dash.
    fn nothing(&self, container: Id, child: u32) -> usize {
        if child % 2 == 1 && self.is_map(container) {
            let key = self.child_end(container, child - 1, false);
            let colon = self.colon(container, child / 2).unwrap_or(key);
            // In `{a: , b: }` the blank is what keeps the colon a colon.
            let blank =
                colon > key && self.in_flow(container) && self.text[colon..].starts_with(' ');
            return colon + usize::from(blank);
        }
        self.child_start(container, child)
    }

    /// Where what precedes the entries of a block list or mapping ends: colon or dash, anchor, tag.
    fn header_end(&self, container: Id, child: u32) -> usize {
        let start = self.child_start(container, child);
        if self.text[start..].starts_with(['&', '!']) {
            let rest = &self.text[start..];
            return start + rest.find(char::is_whitespace).unwrap_or(rest.len());
        }
        self.nothing(container, child)
    }

    /// After the colon of a mapping's entry.
    fn colon(&self, map: Id, slot: u32) -> Option<usize> {
        let key = self.child_end(map, 2 * slot, false);
        let rest = self.text[key..].trim_start();
        let at = self.text.len() - rest.len();
        rest.starts_with(':').then_some(at + 1)
    }

    /// The dash of a block list's entry.
    fn dash(&self, list: Id, slot: u32) -> Option<usize> {
        let before = self.text[..self.child_start(list, slot)].trim_end();
        before.ends_with('-').then(|| before.len() - 1)
    }

    fn slot_start(&self, container: Id, slot: u32) -> Result<usize, Because> {
        if self.is_map(container) {
            return Ok(self.child_start(container, 2 * slot));
        }
        if self.in_flow(container) {
            return Ok(self.child_start(container, slot));
        }
        self.dash(container, slot)
            .ok_or_else(|| self.unusual(self.child_start(container, slot)))
    }

    fn slot_end(&self, container: Id, slot: u32, live: bool) -> usize {
        self.child_end(container, self.last_child(container, slot), live)
    }

    pub fn line_number(&self, at: usize) -> usize {
        let at = at.min(self.text.len());
        self.text.as_bytes()[..at]
            .iter()
            .filter(|&&b| b == b'\n')
            .count()
            + 1
    }

    fn unusual(&self, at: usize) -> Because {
        format!("line {} is written in an unusual way", self.line_number(at))
    }

    fn line_start(&self, at: usize) -> usize {
        let mark = self.text.len() - self.text.trim_start_matches('\u{feff}').len();
        self.text[..at].rfind('\n').map_or(mark, |i| i + 1)
    }

    /// Where the line ends, before its break.
    fn line_end(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        let end = rest.find('\n').unwrap_or(rest.len());
        at + rest[..end].strip_suffix('\r').map_or(end, str::len)
    }

    /// After the line's break.
    fn next_line(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        at + rest.find('\n').map_or(rest.len(), |i| i + 1)
    }

    fn column(&self, at: usize) -> usize {
        self.text[self.line_start(at)..at].chars().count()
    }

    /// What stands before `at` on its line, as blanks.
    fn indent(&self, at: usize) -> String {
        let before = &self.text[self.line_start(at)..at];
        if before.trim().is_empty() {
            before.to_owned()
        } else {
            " ".repeat(before.chars().count())
        }
    }

    fn is_first_on_line(&self, at: usize) -> bool {
        self.text[self.line_start(at)..at].trim().is_empty()
    }

    /// Whether nothing but a comment follows on the line.
    fn is_last_on_line(&self, at: usize) -> bool {
        let rest = &self.text[at..self.line_end(at)];
        let said = rest.trim_start();
        said.is_empty() || said.starts_with('#') && (said.len() < rest.len())
    }

    /// The end of the line on which the text ends at `at`, if the text is all that is on it.
    fn end_of_line(&self, at: usize) -> Result<usize, Because> {
        if self.is_last_on_line(at) {
            return Ok(self.line_end(at));
        }
        Err(self.unusual(at))
    }

    /// An entry of a block list or mapping as lines that can be put elsewhere; `None` where its first line holds more.
    pub fn lines(&self, container: Id, slot: u32) -> Option<Lines> {
        if self.in_flow(container) {
            return None;
        }
        let start = self.child_start(
            container,
            if self.is_map(container) {
                2 * slot
            } else {
                slot
            },
        );
        let end = self
            .end_of_line(self.slot_end(container, slot, false))
            .ok()?;
        Some(Lines {
            text: self.text[start..end].to_owned(),
            column: self.column(start),
        })
    }

    /// The source of a value, if it may stand between brackets on one line.
    pub fn inline(&self, value: Id) -> Option<String> {
        let range = match &self.doc.get(value).kind {
            Kind::Scalar { plain, text } => {
                if self.is_absent(value) {
                    return Some(String::new());
                }
                if *plain && text.contains(['[', ']', '{', '}', ',']) {
                    return None;
                }
                self.scalar_range(value)
            }
            _ if self.is_flow(value) => {
                let value = self.doc.get(value);
                value.start as usize..value.end as usize
            }
            _ => return None,
        };
        let source = &self.text[range];
        (!source.contains('\n')).then(|| source.to_owned())
    }

    /// The text with all changes made.
    pub fn rendered(mut self) -> Result<String, Because> {
        self.close();
        let mut splices = Vec::new();
        let containers: BTreeSet<Id> = self.removed.iter().map(|r| r.0).collect();
        for container in containers {
            self.take_out(container, &mut splices)?;
        }
        for (&value, items) in &self.added {
            self.put_in(value, items, &mut splices)?;
        }
        // What becomes part of a list is written with it.
        let alone = |scalar: &Id| !self.added.contains_key(scalar) || self.is_null(*scalar);
        for (&scalar, text) in self.replaced.iter().filter(|(scalar, _)| alone(scalar)) {
            splices.push(self.put_differently(scalar, text)?);
        }
        for (&(container, child), items) in &self.beside {
            let range = self.child_start(container, child)..self.child_end(container, child, false);
            let items: Option<Vec<String>> = items.iter().map(|i| flow_item(i, false)).collect();
            let items = items.ok_or_else(|| self.unusual(range.start))?.join(", ");
            let list = format!("[{}, {items}]", &self.text[range.clone()]);
            splices.push(Splice::replace(range, list));
        }
        for &(map, slot) in &self.emptied {
            if self.added.contains_key(&self.value_of(map, slot)) {
                continue;
            }
            let from = self.nothing(map, 2 * slot + 1);
            splices.push(Splice::delete(from..self.slot_end(map, slot, false)));
        }
        splice(self.text, splices).ok_or_else(|| "two changes meet in one place".to_owned())
    }

    /// What has lost its last entry goes itself where it cannot stay empty.
    fn close(&mut self) {
        let mut open: Vec<Id> = self.removed.iter().map(|r| r.0).collect();
        while let Some(id) = open.pop() {
            if self.added.contains_key(&id) || !self.live(id).is_empty() {
                continue;
            }
            let Some((outer, child)) = self.up[id as usize] else {
                continue;
            };
            let (slot, in_list) = match self.doc.get(outer).kind {
                Kind::List(_) => (child, true),
                _ => (child / 2, false),
            };
            let stays = !in_list && !self.vanishing.contains(&id);
            if !stays && self.removed.insert((outer, slot)) {
                open.push(outer);
            }
        }
    }

    fn take_out(&self, container: Id, splices: &mut Vec<Splice>) -> Result<(), Because> {
        let removed = (0..self.slots(container)).filter(|&slot| self.is_removed(container, slot));
        for slot in removed {
            let range = if self.in_flow(container) {
                self.flow_range(container, slot)?
            } else {
                self.block_range(container, slot)?
            };
            splices.push(Splice::delete(range));
        }
        Ok(())
    }

    /// What goes with an entry between brackets: its comma, and its line if it has one of its own.
    fn flow_range(&self, container: Id, slot: u32) -> Result<Range<usize>, Because> {
        let start = self.slot_start(container, slot)?;
        let end = self.slot_end(container, slot, false);
        let rest = self.text[end..].trim_start_matches([' ', '\t']);
        let after = self.text.len() - rest.len();
        let comma = rest.starts_with(',');
        let end_with_comma = if comma { after + 1 } else { end };
        let alone = self.is_first_on_line(start) && self.is_last_on_line(end_with_comma);
        if alone {
            return Ok(self.line_start(start)..self.next_line(end_with_comma));
        }
        if comma {
            let blank = self.text[end_with_comma..].trim_start_matches([' ', '\t']);
            return Ok(start..self.text.len() - blank.len());
        }
        // The last one: the comma before goes, that of the last entry which stays.
        if let Some(before) = (0..slot).rfind(|&s| !self.is_removed(container, s)) {
            let from = self.slot_end(container, before, true);
            if !self.text[from..start].contains('\n') {
                return Ok(from..end);
            }
        }
        Ok(start..end)
    }

    /// The lines of an entry of a block list or mapping.
    fn block_range(&self, container: Id, slot: u32) -> Result<Range<usize>, Because> {
        let start = self.slot_start(container, slot)?;
        let end = self.slot_end(container, slot, false);
        let line_end = self.end_of_line(end)?;
        if self.is_first_on_line(start) {
            let (from, to) = (self.line_start(start), self.next_line(line_end));
            // A file that does not end in a line break goes on not to.
            let open_end = !self.text.ends_with('\n') && to == self.text.len();
            let from = if open_end {
                self.text[..from].strip_suffix('\n').map_or(from, str::len)
            } else {
                from
            };
            let from = if open_end {
                self.text[..from].strip_suffix('\r').map_or(from, str::len)
            } else {
                from
            };
            return Ok(from..to);
        }
        // `- a: …` with more below: the next one takes its place on the line.
        let next = (slot + 1..self.slots(container)).find(|&s| !self.is_removed(container, s));
        match next {
            Some(next) => {
                let next = self.slot_start(container, next)?;
                let to = if self.text[start..next].contains('#') {
                    end
                } else {
                    next
                };
                Ok(start..to)
            }
            None => Ok(start..end),
        }
    }

    fn put_in(&self, value: Id, items: &[Item], splices: &mut Vec<Splice>) -> Result<(), Because> {
        match self.doc.get(value).kind {
            Kind::Scalar { .. } if self.is_null(value) => splices.push(self.begin(value, items)?),
            Kind::Scalar { .. } => splices.push(self.wrap(value, items)?),
            _ if self.is_flow(value) => self.extend_flow(value, items, splices)?,
            _ if self.in_flow(value) => {
                return Err(self.unusual(self.doc.get(value).start as usize));
            }
            _ => splices.push(self.extend_block(value, items)?),
        }
        Ok(())
    }

    /// A list or mapping where there was nothing.
    fn begin(&self, value: Id, items: &[Item]) -> Result<Splice, Because> {
        let range = self.scalar_range(value);
        let unusual = || self.unusual(range.start);
        let (map, child) = self.up[value as usize].ok_or_else(unusual)?;
        if !self.is_map(map) || self.has_properties(value) {
            return Err(unusual());
        }
        let inline = |items: &[Item]| -> Option<String> {
            let parts: Option<Vec<String>> = items
                .iter()
                .map(|i| flow_item(i, self.wants_map(items)))
                .collect();
            let parts = parts?.join(", ");
            Some(if self.wants_map(items) {
                format!("{{{parts}}}")
            } else {
                format!("[{parts}]")
            })
        };
        let written = !self.is_absent(value);
        if written {
            return Ok(Splice::replace(
                range.clone(),
                inline(items).ok_or_else(unusual)?,
            ));
        }
        let key = self.slot_start(map, child / 2)?;
        let colon = self.colon(map, child / 2);
        let brackets = self.in_brackets.contains(&value);
        if self.in_flow(map) || brackets || !self.wants_map(items) {
            let at = self.nothing(map, child);
            let new = inline(items).ok_or_else(unusual)?;
            let gap = match colon {
                None => ": ",
                Some(_) if self.text[..at].ends_with(' ') => "",
                Some(_) => " ",
            };
            return Ok(Splice::insert(at, format!("{gap}{new}"), usize::MAX));
        }
        let at = self.end_of_line(colon.ok_or_else(unusual)?)?;
        let indent = self.indent(key) + &" ".repeat(self.step);
        let mut text = String::new();
        for item in items {
            text.push_str(self.eol);
            text.push_str(&self.block_item(item, true, &indent));
        }
        Ok(Splice::insert(at, text, indent.chars().count()))
    }

    /// Whether the items need a mapping to stand in.
    fn wants_map(&self, items: &[Item]) -> bool {
        let fields =
            |item: &Item| matches!(item, Item::Entry { value: Some(_), .. } | Item::Lines(_));
        items.iter().any(fields)
    }

    /// One text becomes a list.
    fn wrap(&self, value: Id, items: &[Item]) -> Result<Splice, Because> {
        let range = self.scalar_range(value);
        let unusual = || self.unusual(range.start);
        let Kind::Scalar { text, plain } = &self.doc.get(value).kind else {
            return Err(unusual());
        };
        let emptied = |&(map, child): &(Id, u32)| self.emptied.contains(&(map, child / 2));
        let goes = self.up[value as usize].as_ref().is_some_and(emptied);
        let replaced = self.replaced.get(&value);
        let (range, written) = if self.is_block_scalar(value) {
            (self.block_scalar_range(value).ok_or_else(unusual)?, None)
        } else {
            let source = &self.text[range.clone()];
            let keeps =
                !(source.contains('\n') || *plain && text.contains(['[', ']', '{', '}', ',']));
            (range.clone(), keeps.then(|| source.to_owned()))
        };
        let old = match (replaced, written) {
            _ if goes => None,
            (Some(text), _) => Some(scalar::render(text, self.style(value), true)),
            (None, Some(source)) => Some(source),
            (None, None) => Some(scalar::render(text, Style::Plain, true)),
        };
        if self.has_properties(value) && (goes || replaced.is_some()) {
            return Err(unusual());
        }
        let items: Option<Vec<String>> = items.iter().map(|i| flow_item(i, false)).collect();
        let all: Vec<String> = old.into_iter().chain(items.ok_or_else(unusual)?).collect();
        Ok(Splice::replace(range, format!("[{}]", all.join(", "))))
    }

    fn extend_flow(
        &self,
        value: Id,
        items: &[Item],
        splices: &mut Vec<Splice>,
    ) -> Result<(), Because> {
        let is_map = self.is_map(value);
        let opened = self.body_start(value);
        let unusual = || self.unusual(opened);
        let whole = opened..self.doc.get(value).end as usize;
        if !is_map
            && self.live(value).is_empty()
            && items
                .iter()
                .all(|i| matches!(i, Item::Entry { value: Some(_), .. }))
            && !self.text[whole.clone()].contains('#')
        {
            // A list of mappings of one entry each reads better as one mapping.
            let items: Option<Vec<String>> = items.iter().map(|i| flow_item(i, true)).collect();
            let items = items.ok_or_else(unusual)?.join(", ");
            splices.push(Splice::replace(whole, format!("{{{items}}}")));
            return Ok(());
        }
        let items: Option<Vec<String>> = items.iter().map(|i| flow_item(i, is_map)).collect();
        let items = items.ok_or_else(unusual)?;
        let Some(&last) = self.live(value).last() else {
            splices.push(Splice::insert(opened + 1, items.join(", "), usize::MAX));
            return Ok(());
        };
        let start = self.slot_start(value, last)?;
        let end = self.slot_end(value, last, true);
        let rest = self.text[end..].trim_start_matches([' ', '\t']);
        let comma = rest
            .starts_with(',')
            .then(|| self.text.len() - rest.len() + 1);
        // After removed entries what comma there is belongs to them as much.
        let removed_after = last + 1 < self.slots(value);
        let one_a_line = self.is_first_on_line(start) && self.is_last_on_line(comma.unwrap_or(end));
        if one_a_line {
            let indent = self.indent(start);
            if comma.is_none() {
                splices.push(Splice::insert(end, ",".to_owned(), usize::MAX));
            }
            let lines = items.join(&format!(",{}{indent}", self.eol));
            let trailing = if comma.is_some() && !removed_after {
                ","
            } else {
                ""
            };
            let at = self.line_end(comma.unwrap_or(end));
            let text = format!("{}{indent}{lines}{trailing}", self.eol);
            splices.push(Splice::insert(at, text, indent.chars().count()));
            return Ok(());
        }
        splices.push(Splice::insert(
            end,
            format!(", {}", items.join(", ")),
            usize::MAX,
        ));
        Ok(())
    }

    fn extend_block(&self, value: Id, items: &[Item]) -> Result<Splice, Because> {
        let is_map = self.is_map(value);
        let live = self.live(value);
        let unusual = || self.unusual(self.doc.get(value).start as usize);
        let Some(&last) = live.last() else {
            // In the place of the first one.
            let start = self.slot_start(value, 0)?;
            if !self.is_first_on_line(start) {
                return Err(unusual());
            }
            let indent = self.indent(start);
            let mut text = String::new();
            for item in items {
                text.push_str(&self.block_item(item, is_map, &indent));
                text.push_str(self.eol);
            }
            return Ok(Splice::insert(
                self.line_start(start),
                text,
                indent.chars().count(),
            ));
        };
        let start = self.slot_start(value, last)?;
        let at = self.end_of_line(self.slot_end(value, last, true))?;
        let indent = self.indent(start);
        let mut text = String::new();
        for item in items {
            text.push_str(self.eol);
            text.push_str(&self.block_item(item, is_map, &indent));
        }
        Ok(Splice::insert(at, text, indent.chars().count()))
    }

    /// An entry on lines of its own, without the line break at its end.
    fn block_item(&self, item: &Item, in_map: bool, indent: &str) -> String {
        let (dash, inner) = if in_map {
            ("", indent.to_owned())
        } else {
            ("- ", format!("{indent}  "))
        };
        let body = match item {
            Item::Group(members) => flow_list(members),
            Item::Entry { name, value: None } if in_map => format!("{}:", plain(name, false)),
            Item::Entry { name, value: None } => plain(name, false),
            Item::Entry {
                name,
                value: Some(value),
            } => self.block_entry(name, value, &inner),
            Item::Lines(lines) => self.moved(lines, in_map, &inner),
        };
        format!("{indent}{dash}{body}")
    }

    fn block_entry(&self, name: &str, value: &Value, indent: &str) -> String {
        let key = plain(name, false);
        match value {
            Value::Map(fields) => {
                let indent = format!("{indent}{}", " ".repeat(self.step));
                let mut out = format!("{key}:");
                for (name, value) in fields {
                    let field = match value {
                        Some(value) => self.block_entry(name, value, &indent),
                        None => format!("{}:", plain(name, false)),
                    };
                    out.push_str(&format!("{}{indent}{field}", self.eol));
                }
                out
            }
            Value::Text(text) => format!("{key}: {}", plain(text, false)),
            value => format!("{key}: {}", flow_value(value)),
        }
    }

    /// Lines from elsewhere at this indentation; text without a colon gets one in a mapping.
    fn moved(&self, lines: &Lines, in_map: bool, indent: &str) -> String {
        let mut out = String::new();
        for (i, line) in lines.text.split('\n').enumerate() {
            if i > 0 {
                out.push('\n');
                let blank = line.len() - line.trim_start_matches(' ').len();
                if line.trim().is_empty() {
                    out.push_str(line);
                    continue;
                }
                out.push_str(indent);
                out.push_str(&line[blank.min(lines.column)..]);
            } else {
                out.push_str(line);
            }
        }
        let _ = in_map;
        out
    }

    fn put_differently(&self, scalar: Id, text: &str) -> Result<Splice, Because> {
        if self.is_block_scalar(scalar) {
            let range = self.block_scalar_range(scalar);
            let range = range.ok_or_else(|| self.unusual(self.doc.get(scalar).start as usize))?;
            return Ok(Splice::replace(
                range,
                scalar::render(text, Style::Plain, false),
            ));
        }
        let end = self.scalar_range(scalar).end;
        let start = self.body_start(scalar).min(end);
        let new = scalar::render(text, self.style(scalar), self.in_flow(scalar));
        let (mut new, mut at) = (new, start);
        if self.is_absent(scalar)
            && let Some((container, child)) = self.up[scalar as usize]
        {
            at = self.nothing(container, child);
            if !self.text[..at].ends_with(' ') {
                new.insert(0, ' ');
            }
            return Ok(Splice::insert(at, new, usize::MAX));
        }
        Ok(Splice::replace(at..end, new))
    }

    fn style(&self, scalar: Id) -> Style {
        match self.text[self.body_start(scalar)..].chars().next() {
            Some('\'') if !self.is_absent(scalar) => Style::Single,
            Some('"') if !self.is_absent(scalar) => Style::Double,
            _ => Style::Plain,
        }
    }

    fn is_block_scalar(&self, id: Id) -> bool {
        self.block_scalar_range(id).is_some()
    }

    /// A block scalar with its `|` or `>`.
    fn block_scalar_range(&self, id: Id) -> Option<Range<usize>> {
        let (container, child) = self.up[id as usize]?;
        if !matches!(self.doc.get(id).kind, Kind::Scalar { plain: false, .. })
            || self.has_properties(id)
        {
            return None;
        }
        let range = self.scalar_range(id);
        let from = if self.is_map(container) {
            self.colon(container, child / 2)?
        } else {
            self.dash(container, child).or_else(|| {
                self.text[..range.start]
                    .rfind("- ")
                    .filter(|_| !self.in_flow(container))
            })? + 1
        };
        let between = self.text.get(from..range.start)?;
        let blank = between.len() - between.trim_start().len();
        between
            .trim_start()
            .starts_with(['|', '>'])
            .then(|| from + blank..range.end)
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

/// The value as it stands between brackets.
pub(super) fn inline(value: &Value) -> Value {
    Value::Source(flow_value(value))
}

/// The bytes of the quoted scalar that the text begins with.
fn quoted_length(text: &str) -> Option<usize> {
    let quote = text.bytes().next().filter(|b| matches!(b, b'\'' | b'"'))?;
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        match *bytes.get(at)? {
            b'\\' if quote == b'"' => at += 2,
            b if b == quote && quote == b'\'' && bytes.get(at + 1) == Some(&quote) => at += 2,
            b if b == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn plain(text: &str, flow: bool) -> String {
    scalar::render(text, Style::Plain, flow)
}

fn flow_list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|text| plain(text, true)).collect();
    format!("[{}]", items.join(", "))
}

fn flow_value(value: &Value) -> String {
    match value {
        Value::Text(text) => plain(text, true),
        Value::Source(source) => source.clone(),
        Value::List(items) => flow_list(items),
        Value::Map(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| flow_entry(name, value.as_ref()))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

fn flow_entry(name: &str, value: Option<&Value>) -> String {
    let value = value.map_or_else(String::new, flow_value);
    format!("{}: {value}", plain(name, true))
}

/// `None` for what cannot stand between brackets.
fn flow_item(item: &Item, in_map: bool) -> Option<String> {
    match item {
        Item::Entry { name, value: None } if !in_map => Some(plain(name, true)),
        Item::Entry { name, value } => Some(flow_entry(name, value.as_ref())),
        Item::Group(members) => Some(flow_list(members)),
        Item::Lines(_) => None,
    }
}
