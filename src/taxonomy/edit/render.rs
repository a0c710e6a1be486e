//! A sheet's changes → splices of its text.

use std::{collections::BTreeSet, ops::Range};

use super::{
    bytes::Because,
    scalar::{self, Style},
    sheet::Sheet,
    splice::{Splice, splice},
    value::{Item, Lines, Value, flow_item, flow_list, flow_value, plain},
};
use crate::taxonomy::yaml::{Id, Kind};

impl Sheet<'_> {
    /// The text with all changes made.
    pub(super) fn rendered(mut self) -> Result<String, Because> {
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
    pub(super) fn close(&mut self) {
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

    pub(super) fn take_out(&self, container: Id, splices: &mut Vec<Splice>) -> Result<(), Because> {
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
    pub(super) fn flow_range(&self, container: Id, slot: u32) -> Result<Range<usize>, Because> {
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
    pub(super) fn block_range(&self, container: Id, slot: u32) -> Result<Range<usize>, Because> {
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

    pub(super) fn put_in(
        &self,
        value: Id,
        items: &[Item],
        splices: &mut Vec<Splice>,
    ) -> Result<(), Because> {
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
    pub(super) fn begin(&self, value: Id, items: &[Item]) -> Result<Splice, Because> {
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
    pub(super) fn wants_map(&self, items: &[Item]) -> bool {
        let fields =
            |item: &Item| matches!(item, Item::Entry { value: Some(_), .. } | Item::Lines(_));
        items.iter().any(fields)
    }

    /// One text becomes a list.
    pub(super) fn wrap(&self, value: Id, items: &[Item]) -> Result<Splice, Because> {
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

    pub(super) fn extend_flow(
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

    pub(super) fn extend_block(&self, value: Id, items: &[Item]) -> Result<Splice, Because> {
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
    pub(super) fn block_item(&self, item: &Item, in_map: bool, indent: &str) -> String {
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
            Item::Lines(lines) => moved(lines, &inner),
        };
        format!("{indent}{dash}{body}")
    }

    pub(super) fn block_entry(&self, name: &str, value: &Value, indent: &str) -> String {
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

    pub(super) fn put_differently(&self, scalar: Id, text: &str) -> Result<Splice, Because> {
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

    pub(super) fn style(&self, scalar: Id) -> Style {
        match self.text[self.body_start(scalar)..].chars().next() {
            Some('\'') if !self.is_absent(scalar) => Style::Single,
            Some('"') if !self.is_absent(scalar) => Style::Double,
            _ => Style::Plain,
        }
    }

    pub(super) fn is_block_scalar(&self, id: Id) -> bool {
        self.block_scalar_range(id).is_some()
    }

    /// A block scalar with its `|` or `>`.
    pub(super) fn block_scalar_range(&self, id: Id) -> Option<Range<usize>> {
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

/// Lines from elsewhere at this indentation.
fn moved(lines: &Lines, indent: &str) -> String {
    let mut parts = lines.text.split('\n');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for line in parts {
        out.push('\n');
        if line.trim().is_empty() {
            out.push_str(line);
            continue;
        }
        let blank = line.len() - line.trim_start_matches(' ').len();
        out.push_str(indent);
        out.push_str(&line[blank.min(lines.column)..]);
    }
    out
}
