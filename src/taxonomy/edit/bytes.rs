//! Where the parts of a file's YAML begin and end: entries with their dashes, colons and lines.

use std::ops::Range;

use super::{sheet::Sheet, value::Lines};
use crate::taxonomy::yaml::{Id, Kind};

/// Why a change cannot be written.
pub(super) type Because = String;

impl Sheet<'_> {
    /// Whether a list or mapping is written in brackets.
    pub(super) fn is_flow(&self, id: Id) -> bool {
        let brackets = self.text[self.body_start(id)..].starts_with(['[', '{']);
        // A block list at the column of its key begins, by its span, with its first item.
        let first_item =
            || self.slots(id) > 0 && self.child_start(id, 0) == self.doc.get(id).start as usize;
        brackets && !first_item()
    }

    /// Whether the value stands within brackets, or in its own.
    pub(super) fn in_flow(&self, id: Id) -> bool {
        let around = std::iter::successors(Some(id), |&id| Some(self.up[id as usize]?.0));
        let mut containers =
            around.filter(|&id| !matches!(self.doc.get(id).kind, Kind::Scalar { .. }));
        containers.any(|id| self.is_flow(id))
    }

    /// Where a value begins, after its anchor and tag.
    pub(super) fn body_start(&self, id: Id) -> usize {
        let mut at = self.doc.get(id).start as usize;
        while self.text[at..].starts_with(['&', '!']) {
            let rest = &self.text[at..];
            let token = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let blank = rest[token..].len() - rest[token..].trim_start().len();
            at += token + blank;
        }
        at
    }

    pub(super) fn has_properties(&self, id: Id) -> bool {
        self.text[self.doc.get(id).start as usize..].starts_with(['&', '!'])
    }

    /// The bytes of a scalar on its line; of a block scalar only what is under its `|` or `>`.
    pub(super) fn scalar_range(&self, id: Id) -> Range<usize> {
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
    pub(super) fn is_absent(&self, id: Id) -> bool {
        let value = self.doc.get(id);
        let written = self.text[value.start as usize..].starts_with(['&', '!']);
        matches!(&value.kind, Kind::Scalar { text, plain: true } if text.is_empty()) && !written
    }

    pub(super) fn child(&self, container: Id, child: u32) -> Id {
        match &self.doc.get(container).kind {
            Kind::List(items) => items[child as usize],
            Kind::Map(entries) => {
                let (key, value) = entries[child as usize / 2];
                if child.is_multiple_of(2) { key } else { value }
            }
            Kind::Scalar { .. } => container,
        }
    }

    /// The last child of a slot.
    pub(super) fn last_child(&self, container: Id, slot: u32) -> u32 {
        if self.is_map(container) {
            2 * slot + 1
        } else {
            slot
        }
    }

    /// The value of a mapping's slot, or the item of a list's.
    pub(super) fn value_of(&self, container: Id, slot: u32) -> Id {
        self.child(container, self.last_child(container, slot))
    }

    pub(super) fn is_alias(&self, container: Id, child: u32) -> bool {
        self.doc.aliases.contains_key(&(container, child))
    }

    /// Where a child begins: its anchor or tag, if it has one.
    pub(super) fn child_start(&self, container: Id, child: u32) -> usize {
        let alias = self.doc.aliases.get(&(container, child));
        let own = || self.doc.get(self.child(container, child)).start;
        alias.map_or_else(own, |a| a.0) as usize
    }

    /// Where the text of a child ends; with `live`, without what is removed from it.
    pub(super) fn child_end(&self, container: Id, child: u32, live: bool) -> usize {
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
    pub(super) fn nothing(&self, container: Id, child: u32) -> usize {
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
    pub(super) fn header_end(&self, container: Id, child: u32) -> usize {
        let start = self.child_start(container, child);
        if self.text[start..].starts_with(['&', '!']) {
            let rest = &self.text[start..];
            return start + rest.find(char::is_whitespace).unwrap_or(rest.len());
        }
        self.nothing(container, child)
    }

    /// After the colon of a mapping's entry.
    pub(super) fn colon(&self, map: Id, slot: u32) -> Option<usize> {
        let key = self.child_end(map, 2 * slot, false);
        let rest = self.text[key..].trim_start();
        let at = self.text.len() - rest.len();
        rest.starts_with(':').then_some(at + 1)
    }

    /// The dash of a block list's entry.
    pub(super) fn dash(&self, list: Id, slot: u32) -> Option<usize> {
        let before = self.text[..self.child_start(list, slot)].trim_end();
        before.ends_with('-').then(|| before.len() - 1)
    }

    pub(super) fn slot_start(&self, container: Id, slot: u32) -> Result<usize, Because> {
        if self.is_map(container) {
            return Ok(self.child_start(container, 2 * slot));
        }
        if self.in_flow(container) {
            return Ok(self.child_start(container, slot));
        }
        self.dash(container, slot)
            .ok_or_else(|| self.unusual(self.child_start(container, slot)))
    }

    pub(super) fn slot_end(&self, container: Id, slot: u32, live: bool) -> usize {
        self.child_end(container, self.last_child(container, slot), live)
    }

    pub(super) fn line_number(&self, at: usize) -> usize {
        let at = at.min(self.text.len());
        self.text.as_bytes()[..at]
            .iter()
            .filter(|&&b| b == b'\n')
            .count()
            + 1
    }

    pub(super) fn unusual(&self, at: usize) -> Because {
        format!("line {} is written in an unusual way", self.line_number(at))
    }

    pub(super) fn line_start(&self, at: usize) -> usize {
        let mark = self.text.len() - self.text.trim_start_matches('\u{feff}').len();
        self.text[..at].rfind('\n').map_or(mark, |i| i + 1)
    }

    /// Where the line ends, before its break.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        let end = rest.find('\n').unwrap_or(rest.len());
        at + rest[..end].strip_suffix('\r').map_or(end, str::len)
    }

    /// After the line's break.
    pub(super) fn next_line(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        at + rest.find('\n').map_or(rest.len(), |i| i + 1)
    }

    pub(super) fn column(&self, at: usize) -> usize {
        self.text[self.line_start(at)..at].chars().count()
    }

    /// What stands before `at` on its line, as blanks.
    pub(super) fn indent(&self, at: usize) -> String {
        let before = &self.text[self.line_start(at)..at];
        if before.trim().is_empty() {
            before.to_owned()
        } else {
            " ".repeat(before.chars().count())
        }
    }

    pub(super) fn is_first_on_line(&self, at: usize) -> bool {
        self.text[self.line_start(at)..at].trim().is_empty()
    }

    /// Whether nothing but a comment follows on the line.
    pub(super) fn is_last_on_line(&self, at: usize) -> bool {
        let rest = &self.text[at..self.line_end(at)];
        let said = rest.trim_start();
        said.is_empty() || said.starts_with('#') && (said.len() < rest.len())
    }

    /// The end of the line on which the text ends at `at`, if the text is all that is on it.
    pub(super) fn end_of_line(&self, at: usize) -> Result<usize, Because> {
        if self.is_last_on_line(at) {
            return Ok(self.line_end(at));
        }
        Err(self.unusual(at))
    }

    /// An entry of a block list or mapping as lines that can be put elsewhere; `None` where its first line holds more.
    pub(super) fn lines(&self, container: Id, slot: u32) -> Option<Lines> {
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
    pub(super) fn inline(&self, value: Id) -> Option<String> {
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
