//! Edits that touch all that is said of a node: another id, its end, its merging, its parts.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Orphans, Part, Refusal,
    book::{Book, leaf},
    meaning,
    places::{At, Mention},
    value::{Item, Value},
};
use crate::taxonomy::{Declared, yaml::Id};

type Result<T> = std::result::Result<T, Refusal>;

const SECTIONS: [&str; 3] = ["equivalent", "overlaps", "disjoint"];

/// A group of a section, by its place.
struct Group {
    page: usize,
    section: Id,
    slot: u32,
    list: Id,
    field: &'static str,
    members: Vec<(u32, Id, String)>,
}

fn children<'d>(declared: &'d Declared, node: &str) -> Vec<&'d str> {
    let below = declared.nodes.iter();
    let below = below.filter(|(_, child)| child.parents.contains(node));
    below.map(|(id, _)| id.as_str()).collect()
}

impl Book<'_> {
    /// The groups that one of these nodes is in.
    fn groups(&self, nodes: &BTreeSet<&str>) -> Vec<Group> {
        let mut out = Vec::new();
        for (at, page) in self.pages.iter().enumerate() {
            for (field, _, section) in &page.sections {
                let Some(field) = SECTIONS.into_iter().find(|s| s == field) else {
                    continue;
                };
                for slot in 0..page.sheet.slots(*section) {
                    let list = page.sheet.value_of(*section, slot);
                    let members = page.texts(list).into_iter();
                    let members: Vec<_> = members
                        .map(|(slot, id, text)| (slot, id, text.to_owned()))
                        .collect();
                    if members.iter().any(|m| nodes.contains(m.2.as_str())) {
                        out.push(Group {
                            page: at,
                            section: *section,
                            slot,
                            list,
                            field,
                            members,
                        });
                    }
                }
            }
        }
        out
    }

    /// Another id wherever the node is mentioned.
    pub fn rename(&mut self, declared: &Declared, node: &str, id: &str) {
        let mut ids: Vec<(usize, Id)> = Vec::new();
        for (at, page) in self.pages.iter().enumerate() {
            for entry in page.nodes.values().flatten() {
                for (_, value) in page.field(entry.body, "parents") {
                    let items = page
                        .texts(value)
                        .into_iter()
                        .map(|(_, id, text)| (id, text));
                    let all = items.chain(page.text(value).map(|text| (value, text)));
                    ids.extend(
                        all.filter(|(_, text)| *text == node)
                            .map(|(id, _)| (at, id)),
                    );
                }
            }
        }
        ids.extend(
            self.entries(node)
                .iter()
                .map(|(at, entry)| (*at, entry.key)),
        );
        ids.extend(self.mentions(node).iter().map(|(at, m)| (*at, m.scalar)));
        for group in self.groups(&BTreeSet::from([node])) {
            let mentions = group.members.iter().filter(|m| m.2 == node);
            ids.extend(mentions.map(|m| (group.page, m.1)));
        }
        for (at, scalar) in ids {
            self.pages[at].sheet.replace(scalar, id);
        }
        let (old, new) = (meaning::default_name(node), meaning::default_name(id));
        let named = declared.nodes.get(node);
        if named.is_some_and(|n| n.names == [old.as_str()]) && old != new {
            self.replace_in_field(node, "names", &old, &new);
        }
    }

    /// Another text in the place of one in a list of a node's body.
    fn replace_in_field(&mut self, node: &str, field: &str, old: &str, new: &str) {
        for (at, entry) in self.entries(node) {
            let page = &mut self.pages[at];
            for (_, value) in page.field(entry.body, field) {
                let items = page
                    .texts(value)
                    .into_iter()
                    .map(|(_, id, text)| (id, text));
                let all = items.chain(page.text(value).map(|text| (value, text)));
                let there = all.filter(|(_, text)| *text == old).map(|(id, _)| id);
                let there: Vec<Id> = there.collect();
                for id in there {
                    page.sheet.replace(id, new);
                }
            }
        }
    }

    /// Nothing is put any more into what trees have below these nodes.
    fn leave(&mut self, nodes: &BTreeSet<&str>) {
        for node in nodes {
            for (at, mention) in self.mentions(node) {
                if let At::Slot(container, slot) = mention.at {
                    self.leaving.insert((at, container, slot));
                }
            }
        }
    }

    /// Takes out entries, mentions and memberships of nodes whose children are not below them any more.
    fn take_out(&mut self, nodes: &BTreeSet<&str>) {
        for node in nodes {
            for (at, entry) in self.entries(node) {
                self.pages[at].sheet.remove(entry.map, entry.slot);
            }
            for (at, mention) in self.mentions(node) {
                self.cut(at, &mention);
            }
        }
    }

    fn leave_groups(&mut self, nodes: &BTreeSet<&str>) {
        for group in self.groups(nodes) {
            let stay = group.members.iter().map(|m| m.2.as_str());
            let stay: BTreeSet<&str> = stay.filter(|id| !nodes.contains(id)).collect();
            let sheet = &mut self.pages[group.page].sheet;
            if stay.len() < 2 {
                sheet.remove(group.section, group.slot);
                sheet.vanish_when_empty(group.section);
                continue;
            }
            for (slot, _, id) in &group.members {
                if nodes.contains(id.as_str()) {
                    sheet.remove(group.list, *slot);
                }
            }
        }
    }

    /// Declares anew what was equivalent only by way of nodes that are gone.
    fn rejoin(&mut self, declared: &Declared, gone: &BTreeSet<&str>) -> Result<()> {
        for class in &declared.equivalent {
            let left = class.iter().map(String::as_str);
            let left: BTreeSet<&str> = left.filter(|id| !gone.contains(id)).collect();
            if left.len() < 2 || left.len() == class.len() {
                continue;
            }
            let mut parts: Vec<BTreeSet<&str>> =
                left.iter().map(|&id| BTreeSet::from([id])).collect();
            let groups = self.groups(&left);
            for group in groups.iter().filter(|g| g.field == "equivalent") {
                let members = group.members.iter().map(|m| m.2.as_str());
                let mut joined: BTreeSet<&str> = members.filter(|id| left.contains(id)).collect();
                parts.retain(|part| {
                    let apart = part.is_disjoint(&joined);
                    if !apart {
                        joined.extend(part);
                    }
                    apart
                });
                parts.push(
                    joined
                        .iter()
                        .filter_map(|id| left.get(id).copied())
                        .collect(),
                );
            }
            if parts.len() > 1 {
                let firsts = parts.iter().filter_map(|part| part.first());
                let firsts: Vec<String> = firsts.map(|id| (*id).to_owned()).collect();
                self.add_group("equivalent", firsts)?;
            }
        }
        Ok(())
    }

    /// Takes a node out, and what goes with it.
    pub fn delete(&mut self, declared: &Declared, node: &str, orphans: Orphans) -> Result<()> {
        let doomed = meaning::doomed(declared, node, orphans);
        let doomed: BTreeSet<&str> = doomed.iter().map(String::as_str).collect();
        let mut left: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (id, child) in declared
            .nodes
            .iter()
            .filter(|(id, _)| !doomed.contains(id.as_str()))
        {
            let lost = child.parents.iter().map(String::as_str);
            let lost: Vec<&str> = lost.filter(|p| doomed.contains(p)).collect();
            if !lost.is_empty() {
                left.insert(id, lost);
            }
        }
        self.leave(&doomed);
        let heirs: Vec<&str> = match (orphans, declared.nodes.get(node)) {
            (Orphans::ToParents, Some(gone)) => gone.parents.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        for (child, lost) in left {
            let there = &declared.nodes[child].parents;
            let new: Vec<&str> = heirs
                .iter()
                .copied()
                .filter(|p| !there.contains(*p))
                .collect();
            for parent in lost {
                self.hand_over(child, parent, &new)?;
            }
        }
        self.take_out(&doomed);
        self.leave_groups(&doomed);
        self.rejoin(declared, &doomed)
    }

    /// New parents in the place of one.
    fn hand_over(&mut self, child: &str, from: &str, to: &[&str]) -> Result<()> {
        let Some((first, rest)) = to.split_first() else {
            return self.remove_edge(child, from);
        };
        self.move_edge(child, from, first)?;
        rest.iter()
            .try_for_each(|parent| self.add_edge(child, parent))
    }

    /// Takes a node out; what it had, the other gets.
    pub fn merge(&mut self, declared: &Declared, node: &str, into: &str) -> Result<()> {
        let (Some(gone), Some(heir)) = (declared.nodes.get(node), declared.nodes.get(into)) else {
            return Err(Refusal::UnknownNode(node.to_owned()));
        };
        let new = |all: &[String], there: &[String]| -> Vec<String> {
            all.iter()
                .filter(|text| !there.contains(text))
                .cloned()
                .collect()
        };
        self.leave(&BTreeSet::from([node]));
        let parents = gone.parents.iter().map(String::as_str);
        let parents: Vec<&str> = parents
            .filter(|p| *p != into && !heir.parents.contains(*p))
            .collect();
        for child in children(declared, node) {
            if child == into {
                self.hand_over(into, node, &parents)?;
            } else if declared.nodes[child].parents.contains(into) {
                self.remove_edge(child, node)?;
            } else {
                self.move_edge(child, node, into)?;
            }
        }
        if !heir.parents.contains(node) {
            parents
                .iter()
                .try_for_each(|parent| self.add_edge(into, parent))?;
        }
        let names = new(&gone.names, &heir.names);
        if !names.is_empty() {
            self.add_names(into, &names)?;
        }
        let ids = new(&gone.ids, &heir.ids);
        if !ids.is_empty() {
            self.extend_field(into, "ids", &ids)?;
        }
        self.take_out(&BTreeSet::from([node]));
        for group in self.groups(&BTreeSet::from([node])) {
            let sheet = &mut self.pages[group.page].sheet;
            let has_heir = group.members.iter().any(|m| m.2 == into);
            let ids: BTreeSet<&str> = group.members.iter().map(|m| m.2.as_str()).collect();
            if has_heir && ids.len() < 3 {
                sheet.remove(group.section, group.slot);
                sheet.vanish_when_empty(group.section);
                continue;
            }
            for (slot, id, _) in group.members.iter().filter(|m| m.2 == node) {
                if has_heir || sheet.has_properties(*id) {
                    sheet.remove(group.list, *slot);
                } else {
                    sheet.replace(*id, into);
                }
            }
            let replaced = |m: &(u32, Id, String)| m.2 == node && !sheet.has_properties(m.1);
            if !has_heir && !group.members.iter().any(replaced) {
                sheet.add(group.list, leaf(into));
            }
        }
        Ok(())
    }

    /// New nodes below one, each with some of its children.
    pub fn split(&mut self, node: &str, parts: &[Part]) -> Result<()> {
        if self.split_tree(node, parts) {
            return Ok(());
        }
        let mut moved: BTreeSet<&str> = BTreeSet::new();
        for part in parts {
            let home = self.entries(node).first().map_or(0, |e| e.0);
            let parents = Value::List(vec![node.to_owned()]);
            self.declare(home, &part.id, vec![("parents".to_owned(), parents)]);
            for child in &part.children {
                if moved.insert(child) {
                    self.move_edge(child, node, &part.id)?;
                } else {
                    self.add_edge(child, &part.id)?;
                }
            }
        }
        Ok(())
    }

    /// The same within a tree, if the children stand there and nowhere else; false if they do not.
    fn split_tree(&mut self, node: &str, parts: &[Part]) -> bool {
        let Some((at, below)) = self.tree_below(node) else {
            return false;
        };
        let page = &self.pages[at];
        let mut gone: Vec<Mention> = Vec::new();
        let mut items = Vec::new();
        for part in parts {
            let mut children = Vec::new();
            for child in &part.children {
                let listed = self.entries(child).iter().any(|&(at, entry)| {
                    let page = &self.pages[at];
                    let fields = page.field(entry.body, "parents");
                    fields.iter().any(|&(_, value)| {
                        page.text(value) == Some(node)
                            || page.texts(value).iter().any(|t| t.2 == node)
                    })
                });
                let under = |(_, m): &&(usize, Mention)| m.parent.as_deref() == Some(node);
                let mentions = self.mentions(child);
                let mentions: Vec<&(usize, Mention)> = mentions.iter().filter(under).collect();
                let [(page_of, mention)] = mentions.as_slice() else {
                    return false;
                };
                let in_entry = match mention.at {
                    At::Slot(container, _) => {
                        let item_of = page.sheet.place(container).map(|p| p.0);
                        container == below || !page.sheet.is_map(below) && item_of == Some(below)
                    }
                    At::Value(..) => false,
                };
                if listed || *page_of != at || !in_entry {
                    return false;
                }
                let value = if mention.has_children {
                    match mention.value.and_then(|value| page.sheet.inline(value)) {
                        Some(source) => Some(Value::Source(source)),
                        None => return false,
                    }
                } else {
                    None
                };
                children.push((child.clone(), value));
                gone.push(mention.clone());
            }
            let value = if children.iter().all(|c| c.1.is_none()) {
                (!children.is_empty())
                    .then(|| Value::List(children.into_iter().map(|c| c.0).collect()))
            } else {
                Some(Value::Map(children))
            };
            let name = part.id.clone();
            items.push(Item::Entry { name, value });
        }
        for mention in gone {
            self.cut(at, &mention);
        }
        for item in items {
            self.pages[at].sheet.add(below, item);
        }
        true
    }
}
