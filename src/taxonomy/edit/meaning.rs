//! What an edit makes of what is declared, whatever the text looks like.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization;

use super::{Edit, Orphans, Part, Refusal};
use crate::taxonomy::{Declared, DeclaredNode, names};

type Result<T> = std::result::Result<T, Refusal>;

impl Edit {
    /// The id under which a node is to be looked for once the edit is made: another after a rename, that of the other node after a
    /// merge. There need not be a node of it.
    pub fn heir<'a>(&'a self, id: &'a str) -> &'a str {
        match self {
            Self::Rename { node, id: new } if node == id => new,
            Self::Merge { node, into } if node == id => into,
            _ => id,
        }
    }

    /// What is declared once the edit is made.
    ///
    /// # Errors
    /// When it cannot be made, or would change nothing.
    pub fn on_declared(&self, before: &Declared) -> Result<Declared> {
        let mut after = before.clone();
        match &self.composed() {
            Edit::Add { id, names, parents } => add(&mut after, id, names, parents)?,
            Edit::Rename { node, id } => rename(&mut after, node, id)?,
            Edit::Delete { node, children } => delete(&mut after, node, *children)?,
            Edit::AddParent { node, parent } => add_parent(&mut after, node, parent)?,
            Edit::RemoveParent { node, parent } => remove_parent(&mut after, node, parent)?,
            Edit::Move { node, from, to } => {
                if to == from {
                    return Err(Refusal::Nothing);
                }
                known(&after, to)?;
                if known(&after, node)?.parents.contains(to) {
                    return Err(parent_there(node, to));
                }
                remove_parent(&mut after, node, from)?;
                add_parent(&mut after, node, to)?;
            }
            Edit::Merge { node, into } => merge(&mut after, node, into)?,
            Edit::Equivalent { a, b } => equivalent(&mut after, a, b)?,
            Edit::Overlapping { a, b } => {
                pair(&after, a, b, &after.overlaps, "overlapping")?;
                after.overlaps.insert(set(a, b));
            }
            Edit::Disjoint { a, b } => {
                pair(&after, a, b, &after.disjoint, "disjoint")?;
                after.disjoint.insert(set(a, b));
            }
            Edit::AddName { node, name } => {
                filled("a name", name)?;
                let names = &mut known_mut(&mut after, node)?.names;
                if names.contains(name) {
                    let (node, name) = (node.clone(), name.clone());
                    return Err(Refusal::NameThere { node, name });
                }
                names.push(name.clone());
            }
            Edit::RemoveName { node, name } => remove_name(&mut after, node, name)?,
            Edit::Describe { node, description } => {
                if let Some(text) = description {
                    filled("a description", text)?;
                }
                let was = &mut known_mut(&mut after, node)?.description;
                was.clone_from(description);
            }
            Edit::Prompts { node, prompts } => {
                texts("prompts", "a prompt", prompts)?;
                known_mut(&mut after, node)?.prompts.clone_from(prompts);
            }
            Edit::Split { node, parts } => split(&mut after, node, parts)?,
        }
        if after == *before {
            return Err(Refusal::Nothing);
        }
        Ok(after)
    }

    /// The edit with its texts in Unicode's composed form, in which files are read.
    pub(super) fn composed(&self) -> Edit {
        let one = |text: &String| text.nfc().collect::<String>();
        let all = |texts: &[String]| texts.iter().map(one).collect::<Vec<_>>();
        let mut edit = self.clone();
        match &mut edit {
            Edit::Add { id, names, parents } => {
                (*id, *names, *parents) = (one(id), all(names), all(parents));
            }
            Edit::Rename { node, id } => (*node, *id) = (one(node), one(id)),
            Edit::Delete { node, .. } => *node = one(node),
            Edit::AddParent { node, parent } | Edit::RemoveParent { node, parent } => {
                (*node, *parent) = (one(node), one(parent));
            }
            Edit::Move { node, from, to } => (*node, *from, *to) = (one(node), one(from), one(to)),
            Edit::Merge { node, into } => (*node, *into) = (one(node), one(into)),
            Edit::Equivalent { a, b } | Edit::Overlapping { a, b } | Edit::Disjoint { a, b } => {
                (*a, *b) = (one(a), one(b));
            }
            Edit::AddName { node, name } | Edit::RemoveName { node, name } => {
                (*node, *name) = (one(node), one(name));
            }
            Edit::Describe { node, description } => {
                (*node, *description) = (one(node), description.as_ref().map(one));
            }
            Edit::Prompts { node, prompts } => (*node, *prompts) = (one(node), all(prompts)),
            Edit::Split { node, parts } => {
                *node = one(node);
                for Part { id, children } in parts {
                    (*id, *children) = (one(id), all(children));
                }
            }
        }
        edit
    }
}

/// The name of a node that declares none.
pub(super) fn default_name(id: &str) -> String {
    names::of_id(id)
}

fn set(a: &str, b: &str) -> BTreeSet<String> {
    BTreeSet::from([a.to_owned(), b.to_owned()])
}

fn known<'d>(declared: &'d Declared, id: &str) -> Result<&'d DeclaredNode> {
    let unknown = || Refusal::UnknownNode(id.to_owned());
    declared.nodes.get(id).ok_or_else(unknown)
}

fn known_mut<'d>(declared: &'d mut Declared, id: &str) -> Result<&'d mut DeclaredNode> {
    let unknown = || Refusal::UnknownNode(id.to_owned());
    declared.nodes.get_mut(id).ok_or_else(unknown)
}

fn filled(what: &'static str, text: &str) -> Result<()> {
    if text.trim_start().is_empty() {
        return Err(Refusal::Empty { what });
    }
    Ok(())
}

/// Whether none of the texts is empty or comes twice.
fn texts(what: &'static str, one: &'static str, texts: &[String]) -> Result<()> {
    let mut met = BTreeSet::new();
    for text in texts {
        filled(one, text)?;
        if !met.insert(text) {
            let text = text.clone();
            return Err(Refusal::Twice { what, text });
        }
    }
    Ok(())
}

fn vacant(declared: &Declared, id: &str) -> Result<()> {
    filled("an id", id)?;
    if declared.nodes.contains_key(id) {
        return Err(Refusal::IdTaken(id.to_owned()));
    }
    Ok(())
}

fn add(declared: &mut Declared, id: &str, names: &[String], parents: &[String]) -> Result<()> {
    vacant(declared, id)?;
    texts("names", "a name", names)?;
    texts("parents", "a parent", parents)?;
    for parent in parents {
        known(declared, parent)?;
    }
    let names = if names.is_empty() {
        vec![default_name(id)]
    } else {
        names.to_vec()
    };
    let node = DeclaredNode {
        names,
        parents: parents.iter().cloned().collect(),
        ..DeclaredNode::default()
    };
    declared.nodes.insert(id.to_owned(), node);
    Ok(())
}

/// Puts `to` in the place of `from` wherever it is mentioned.
fn substitute(declared: &mut Declared, from: &str, to: &str) {
    mentions(declared, |ids| {
        if ids.remove(from) {
            ids.insert(to.to_owned());
        }
    });
}

/// Changes the parents of every node and the members of every group; a group of one is none.
fn mentions(declared: &mut Declared, change: impl Fn(&mut BTreeSet<String>)) {
    for node in declared.nodes.values_mut() {
        change(&mut node.parents);
    }
    for groups in [
        &mut declared.equivalent,
        &mut declared.overlaps,
        &mut declared.disjoint,
    ] {
        let changed = std::mem::take(groups).into_iter().map(|mut group| {
            change(&mut group);
            group
        });
        *groups = changed.filter(|group| group.len() > 1).collect();
    }
}

fn rename(declared: &mut Declared, node: &str, id: &str) -> Result<()> {
    known(declared, node)?;
    if node == id {
        return Err(Refusal::Nothing);
    }
    vacant(declared, id)?;
    if let Some(mut renamed) = declared.nodes.remove(node) {
        if renamed.names == [default_name(node)] {
            renamed.names = vec![default_name(id)];
        }
        declared.nodes.insert(id.to_owned(), renamed);
    }
    substitute(declared, node, id);
    Ok(())
}

/// Children by parent.
fn children(declared: &Declared) -> BTreeMap<&str, Vec<&str>> {
    let mut children: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, node) in &declared.nodes {
        for parent in &node.parents {
            children.entry(parent).or_default().push(id);
        }
    }
    children
}

/// The nodes that go with `node`: it, and if so wished what has no parent but those.
pub(super) fn doomed(declared: &Declared, node: &str, orphans: Orphans) -> Vec<String> {
    let mut out = vec![node.to_owned()];
    if orphans == Orphans::Delete {
        let below = children(declared);
        let mut left: BTreeMap<&str, usize> = BTreeMap::new();
        let mut next = 0;
        while let Some(id) = out.get(next).cloned() {
            next += 1;
            for &child in below.get(id.as_str()).into_iter().flatten() {
                let parents = declared.nodes[child].parents.len();
                let left = left.entry(child).or_insert(parents);
                *left -= 1;
                if *left == 0 {
                    out.push(child.to_owned());
                }
            }
        }
    }
    out
}

fn delete(declared: &mut Declared, node: &str, orphans: Orphans) -> Result<()> {
    let parents = known(declared, node)?.parents.clone();
    let doomed = doomed(declared, node, orphans);
    if doomed.len() == declared.nodes.len() {
        let refusal = match doomed.len() {
            1 => Refusal::LastNode,
            _ => Refusal::AllNodes,
        };
        return Err(refusal(node.to_owned()));
    }
    if orphans == Orphans::ToParents {
        let orphans = declared.nodes.values_mut();
        for orphan in orphans.filter(|n| n.parents.contains(node)) {
            orphan.parents.extend(parents.iter().cloned());
        }
    }
    let doomed: BTreeSet<String> = doomed.into_iter().collect();
    declared.nodes.retain(|id, _| !doomed.contains(id));
    mentions(declared, |ids| ids.retain(|id| !doomed.contains(id)));
    Ok(())
}

fn parent_there(node: &str, parent: &str) -> Refusal {
    let (node, parent) = (node.to_owned(), parent.to_owned());
    Refusal::ParentThere { node, parent }
}

fn add_parent(declared: &mut Declared, node: &str, parent: &str) -> Result<()> {
    known(declared, parent)?;
    if known(declared, node)?.parents.contains(parent) {
        return Err(parent_there(node, parent));
    }
    if node == parent {
        return Err(Refusal::Itself(node.to_owned()));
    }
    if reaches(declared, parent, node) {
        let (node, parent) = (node.to_owned(), parent.to_owned());
        return Err(Refusal::Cycle { node, parent });
    }
    let parents = &mut known_mut(declared, node)?.parents;
    parents.insert(parent.to_owned());
    Ok(())
}

fn remove_parent(declared: &mut Declared, node: &str, parent: &str) -> Result<()> {
    if !known_mut(declared, node)?.parents.remove(parent) {
        let (node, parent) = (node.to_owned(), parent.to_owned());
        return Err(Refusal::NoSuchParent { node, parent });
    }
    Ok(())
}

/// Whether `to` is `from`, is equivalent to it or is above it, across equivalences.
fn reaches(declared: &Declared, from: &str, to: &str) -> bool {
    let mut class: BTreeMap<&str, &BTreeSet<String>> = BTreeMap::new();
    for members in &declared.equivalent {
        class.extend(members.iter().map(|id| (id.as_str(), members)));
    }
    let mut seen = BTreeSet::from([from]);
    let mut stack = vec![from];
    while let Some(id) = stack.pop() {
        if id == to {
            return true;
        }
        let parents = declared.nodes.get(id).into_iter().flat_map(|n| &n.parents);
        let same = class.get(id).into_iter().flat_map(|members| members.iter());
        for next in parents.chain(same) {
            if seen.insert(next) {
                stack.push(next);
            }
        }
    }
    false
}

/// Whether two nodes may be declared to be in a relation.
fn pair(
    declared: &Declared,
    a: &str,
    b: &str,
    groups: &BTreeSet<BTreeSet<String>>,
    relation: &'static str,
) -> Result<()> {
    known(declared, a)?;
    known(declared, b)?;
    if a == b {
        return Err(Refusal::Itself(a.to_owned()));
    }
    if groups.iter().any(|g| g.contains(a) && g.contains(b)) {
        let (a, b) = (a.to_owned(), b.to_owned());
        return Err(Refusal::RelationThere { a, b, relation });
    }
    Ok(())
}

fn equivalent(declared: &mut Declared, a: &str, b: &str) -> Result<()> {
    pair(declared, a, b, &declared.equivalent, "equivalent")?;
    if reaches(declared, a, b) || reaches(declared, b, a) {
        let (a, b) = (a.to_owned(), b.to_owned());
        return Err(Refusal::EquivalentAncestor { a, b });
    }
    declared.equivalent.insert(set(a, b));
    unite(&mut declared.equivalent);
    Ok(())
}

/// Equivalence is transitive: classes that share a member are one.
fn unite(classes: &mut BTreeSet<BTreeSet<String>>) {
    let mut united: Vec<BTreeSet<String>> = Vec::new();
    for mut class in std::mem::take(classes) {
        united.retain(|other| {
            let apart = other.is_disjoint(&class);
            if !apart {
                class.extend(other.iter().cloned());
            }
            apart
        });
        united.push(class);
    }
    classes.extend(united);
}

fn remove_name(declared: &mut Declared, node: &str, name: &str) -> Result<()> {
    let names = &mut known_mut(declared, node)?.names;
    let Some(at) = names.iter().position(|n| n == name) else {
        let (node, name) = (node.to_owned(), name.to_owned());
        return Err(Refusal::NoSuchName { node, name });
    };
    names.remove(at);
    if names.is_empty() {
        if default_name(node) == name {
            let (node, name) = (node.to_owned(), name.to_owned());
            return Err(Refusal::LastName { node, name });
        }
        names.push(default_name(node));
    }
    Ok(())
}

fn merge(declared: &mut Declared, node: &str, into: &str) -> Result<()> {
    known(declared, node)?;
    known(declared, into)?;
    if node == into {
        return Err(Refusal::Itself(node.to_owned()));
    }
    let Some(gone) = declared.nodes.remove(node) else {
        return Err(Refusal::UnknownNode(node.to_owned()));
    };
    substitute(declared, node, into);
    unite(&mut declared.equivalent);
    let heir = known_mut(declared, into)?;
    heir.parents.extend(gone.parents);
    heir.parents.remove(into);
    for name in gone.names {
        if !heir.names.contains(&name) {
            heir.names.push(name);
        }
    }
    for id in gone.ids {
        if !heir.ids.contains(&id) {
            heir.ids.push(id);
        }
    }
    let class = declared.equivalent.iter().find(|c| c.contains(into));
    let members = class.map_or_else(|| BTreeSet::from([into.to_owned()]), Clone::clone);
    for member in members {
        for parent in &known(declared, &member)?.parents {
            if reaches(declared, parent, into) {
                let (node, parent) = (member, parent.clone());
                return Err(Refusal::Cycle { node, parent });
            }
        }
    }
    Ok(())
}

fn split(declared: &mut Declared, node: &str, parts: &[Part]) -> Result<()> {
    known(declared, node)?;
    if parts.is_empty() {
        return Err(Refusal::NoParts);
    }
    let below: BTreeSet<String> = parts.iter().flat_map(|p| p.children.clone()).collect();
    for child in &below {
        if !known(declared, child)?.parents.contains(node) {
            let (node, parent) = (child.clone(), node.to_owned());
            return Err(Refusal::NoSuchParent { node, parent });
        }
    }
    for part in parts {
        add(declared, &part.id, &[], &[node.to_owned()])?;
        for child in &part.children {
            let parents = &mut known_mut(declared, child)?.parents;
            parents.remove(node);
            parents.insert(part.id.clone());
        }
    }
    Ok(())
}
