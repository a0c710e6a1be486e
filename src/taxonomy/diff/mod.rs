//! What two taxonomies say differently, whatever their texts look like: comments, order, includes and other ways of writing the same
//! are no difference.
//!
//! ```
//! use cladist::taxonomy::{diff::{Change, Difference}, load_str};
//!
//! let first = load_str("first", "tree: {quadrilateral: {rectangle: [square], rhombus: }}").into_sound()?;
//! let second = load_str("second", "tree: {quadrilateral: {rhombus: [square], rectangle: [square]}}").into_sound()?;
//! let difference = Difference::between(&first, &second);
//! assert_eq!(difference.changes, [Change::ParentAdded { node: "square".into(), parent: "rhombus".into() }]);
//! assert_eq!(difference.implied.became_inner, ["rhombus"]);
//! # Ok::<(), cladist::taxonomy::UnsoundTaxonomy>(())
//! ```

mod groups;
mod implied;
mod renames;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Declared, DeclaredNode, Taxonomy, names};
use renames::Renames;

pub use implied::{Implied, Pair, Pairs};

/// How two taxonomies differ.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Difference {
    /// What is declared otherwise: nodes, parents, names, the other fields, groups, credit; each by id.
    pub changes: Vec<Change>,
    /// What follows for the graph.
    pub implied: Implied,
}

/// One thing that the second taxonomy declares otherwise than the first. A node that has another id is called by the second's.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    NodeRemoved {
        node: String,
        names: Vec<String>,
        parents: BTreeSet<String>,
    },
    NodeAdded {
        node: String,
        names: Vec<String>,
        parents: BTreeSet<String>,
    },
    /// The same node under another id. A name that was made of the id has changed with it, and that is no change of its own.
    NodeRenamed {
        from: String,
        to: String,
    },
    /// Of a node that both have, also where the parent itself is gone.
    ParentRemoved {
        node: String,
        parent: String,
    },
    /// Of a node that both have, also where the parent itself is new.
    ParentAdded {
        node: String,
        parent: String,
    },
    NameRemoved {
        node: String,
        name: String,
    },
    NameAdded {
        node: String,
        name: String,
    },
    /// Another name is the preferred one, be it new or known before.
    PreferredName {
        node: String,
        from: String,
        to: String,
    },
    ExternalIdRemoved {
        node: String,
        id: String,
    },
    ExternalIdAdded {
        node: String,
        id: String,
    },
    Rank {
        node: String,
        from: Option<String>,
        to: Option<String>,
    },
    Description {
        node: String,
        from: Option<String>,
        to: Option<String>,
    },
    Prompts {
        node: String,
        from: Vec<String>,
        to: Vec<String>,
    },
    GroupLost {
        group: Group,
        members: BTreeSet<String>,
    },
    GroupGained {
        group: Group,
        members: BTreeSet<String>,
    },
    Credit {
        from: Option<Value>,
        to: Option<Value>,
    },
}

/// What a group of nodes is declared to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    Equivalent,
    Overlaps,
    Disjoint,
}

impl Group {
    /// The section of the file that declares it.
    pub fn name(self) -> &'static str {
        match self {
            Group::Equivalent => "equivalent",
            Group::Overlaps => "overlaps",
            Group::Disjoint => "disjoint",
        }
    }
}

impl Change {
    /// What kind of change it is, as `change` says in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Change::NodeRemoved { .. } => "node_removed",
            Change::NodeAdded { .. } => "node_added",
            Change::NodeRenamed { .. } => "node_renamed",
            Change::ParentRemoved { .. } => "parent_removed",
            Change::ParentAdded { .. } => "parent_added",
            Change::NameRemoved { .. } => "name_removed",
            Change::NameAdded { .. } => "name_added",
            Change::PreferredName { .. } => "preferred_name",
            Change::ExternalIdRemoved { .. } => "external_id_removed",
            Change::ExternalIdAdded { .. } => "external_id_added",
            Change::Rank { .. } => "rank",
            Change::Description { .. } => "description",
            Change::Prompts { .. } => "prompts",
            Change::GroupLost { .. } => "group_lost",
            Change::GroupGained { .. } => "group_gained",
            Change::Credit { .. } => "credit",
        }
    }
}

impl Difference {
    /// What `second` says otherwise than `first`, and what follows from it.
    ///
    /// Takes O((nodes + edges) log nodes), and for what follows the ancestors of every node at or below a change.
    pub fn between(first: &Taxonomy, second: &Taxonomy) -> Self {
        let (a, b) = (first.declared(), second.declared());
        let renames = Renames::find(&a, &b);
        Self {
            changes: changed(&a, &b, &renames),
            implied: Implied::between(first, second, &renames),
        }
    }

    /// Whether the two say the same.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many changes there are of each [kind](Change::kind) that occurs, in the order in which they are listed.
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        let mut counts: Vec<(&'static str, usize)> = Vec::new();
        for change in &self.changes {
            match counts.iter_mut().find(|(kind, _)| *kind == change.kind()) {
                Some((_, count)) => *count += 1,
                None => counts.push((change.kind(), 1)),
            }
        }
        counts
    }
}

/// What `second` declares otherwise than `first`.
pub fn changes(first: &Declared, second: &Declared) -> Vec<Change> {
    changed(first, second, &Renames::find(first, second))
}

fn changed(first: &Declared, second: &Declared, renames: &Renames<'_>) -> Vec<Change> {
    let mut changes = Changes::default();
    for (id, node) in &first.nodes {
        let now = renames.now(id);
        match second.nodes.get(now) {
            None => changes.nodes.push(Change::NodeRemoved {
                node: id.clone(),
                names: node.names.clone(),
                parents: node.parents.clone(),
            }),
            Some(_) if now == id => {}
            Some(_) => changes.renamed.push(Change::NodeRenamed {
                from: id.clone(),
                to: now.to_owned(),
            }),
        }
    }
    for (id, node) in &second.nodes {
        let was = renames.before(id);
        match first.nodes.get(was) {
            None => changes.nodes.push(Change::NodeAdded {
                node: id.clone(),
                names: node.names.clone(),
                parents: node.parents.clone(),
            }),
            Some(before) => {
                changes.parents(id, before, node, renames);
                changes.names(id, was, before, node);
                changes.fields(id, before, node);
            }
        }
    }
    let now = |groups| groups::renamed(groups, renames);
    for (group, before, after) in [
        (Group::Equivalent, &first.equivalent, &second.equivalent),
        (Group::Overlaps, &first.overlaps, &second.overlaps),
        (Group::Disjoint, &first.disjoint, &second.disjoint),
    ] {
        groups::changed(group, &now(before), after, &mut changes.groups);
    }
    if first.credit != second.credit {
        changes.groups.push(Change::Credit {
            from: first.credit.clone(),
            to: second.credit.clone(),
        });
    }
    changes.in_order()
}

/// Changes by where they are listed.
#[derive(Default)]
struct Changes {
    nodes: Vec<Change>,
    renamed: Vec<Change>,
    parents: Vec<Change>,
    names: Vec<Change>,
    fields: Vec<Change>,
    groups: Vec<Change>,
}

impl Changes {
    fn in_order(self) -> Vec<Change> {
        [
            self.nodes,
            self.renamed,
            self.parents,
            self.names,
            self.fields,
            self.groups,
        ]
        .concat()
    }

    fn parents(
        &mut self,
        node: &str,
        before: &DeclaredNode,
        after: &DeclaredNode,
        renames: &Renames<'_>,
    ) {
        let of = |parent: &str| (node.to_owned(), parent.to_owned());
        let kept: BTreeSet<&str> = before.parents.iter().map(|p| renames.now(p)).collect();
        for &parent in &kept {
            if !after.parents.contains(parent) {
                let (node, parent) = of(parent);
                self.parents.push(Change::ParentRemoved { node, parent });
            }
        }
        for parent in &after.parents {
            if !kept.contains(parent.as_str()) {
                let (node, parent) = of(parent);
                self.parents.push(Change::ParentAdded { node, parent });
            }
        }
    }

    /// `was` is the node's id before. Synonyms have no order, so only which name comes first is looked at.
    fn names(&mut self, node: &str, was: &str, before: &DeclaredNode, after: &DeclaredNode) {
        let made = |id: &str, of: &DeclaredNode| is_made_of_id(id, &of.names);
        if before.names == after.names || (node != was && made(was, before) && made(node, after)) {
            return;
        }
        let of = |name: &String| (node.to_owned(), name.clone());
        for name in &before.names {
            if !after.names.contains(name) {
                let (node, name) = of(name);
                self.names.push(Change::NameRemoved { node, name });
            }
        }
        for name in &after.names {
            if !before.names.contains(name) {
                let (node, name) = of(name);
                self.names.push(Change::NameAdded { node, name });
            }
        }
        if let (Some(from), Some(to)) = (before.names.first(), after.names.first())
            && from != to
        {
            self.names.push(Change::PreferredName {
                node: node.to_owned(),
                from: from.clone(),
                to: to.clone(),
            });
        }
    }

    fn fields(&mut self, node: &str, before: &DeclaredNode, after: &DeclaredNode) {
        let of = |id: &String| (node.to_owned(), id.clone());
        for id in before.ids.iter().filter(|id| !after.ids.contains(id)) {
            let (node, id) = of(id);
            self.fields.push(Change::ExternalIdRemoved { node, id });
        }
        for id in after.ids.iter().filter(|id| !before.ids.contains(id)) {
            let (node, id) = of(id);
            self.fields.push(Change::ExternalIdAdded { node, id });
        }
        if before.rank != after.rank {
            self.fields.push(Change::Rank {
                node: node.to_owned(),
                from: before.rank.clone(),
                to: after.rank.clone(),
            });
        }
        if before.description != after.description {
            self.fields.push(Change::Description {
                node: node.to_owned(),
                from: before.description.clone(),
                to: after.description.clone(),
            });
        }
        // A label is the mean, or the best, of its prompts: their order says nothing, how often one is there does.
        if sorted(&before.prompts) != sorted(&after.prompts) {
            self.fields.push(Change::Prompts {
                node: node.to_owned(),
                from: before.prompts.clone(),
                to: after.prompts.clone(),
            });
        }
    }
}

/// Whether a node of this id has no name but the one that is made of it.
fn is_made_of_id(id: &str, of: &[String]) -> bool {
    matches!(of, [name] if *name == names::of_id(id))
}

fn sorted(texts: &[String]) -> Vec<&str> {
    let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    texts.sort_unstable();
    texts
}
