//! The kinds of edits: their keys, what they are called, and when they cannot be made.

use std::collections::HashSet;

use super::{Image, Subject};
use crate::taxonomy::{NodeId, Span, Taxonomy};

/// A kind of edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    AlsoRight,
    Add,
    Rename,
    Delete,
    AddParent,
    RemoveParent,
    Move,
    Merge,
    Split,
    Equivalent,
    Overlapping,
    Disjoint,
    AddName,
    RemoveName,
    Describe,
    Prompts,
}

impl Kind {
    /// Every kind, with the key that chooses it from the menu, in the order of the menu.
    pub const MENU: [(char, Self); 16] = [
        ('v', Self::AlsoRight),
        ('a', Self::Add),
        ('r', Self::Rename),
        ('d', Self::Delete),
        ('p', Self::AddParent),
        ('x', Self::RemoveParent),
        ('m', Self::Move),
        ('g', Self::Merge),
        ('/', Self::Split),
        ('=', Self::Equivalent),
        ('o', Self::Overlapping),
        ('!', Self::Disjoint),
        ('s', Self::AddName),
        ('S', Self::RemoveName),
        ('t', Self::Describe),
        ('T', Self::Prompts),
    ];

    /// What it does, for the menu.
    pub fn title(self, subject: &Subject) -> String {
        let Subject { node, other, .. } = subject;
        let with = |named: &dyn Fn(&str) -> String, unnamed: &str| match other {
            Some(other) => named(other),
            None => unnamed.to_owned(),
        };
        match self {
            Self::AlsoRight => match &subject.image {
                Some(Image {
                    name,
                    answer: Some(answer),
                    ..
                }) => format!("the answer `{answer}` was right too: a true label of {name}"),
                _ => "the answer was right too".to_owned(),
            },
            Self::Add => format!("add a node below `{node}`"),
            Self::Rename => format!("rename `{node}`"),
            Self::Delete => format!("delete `{node}`"),
            Self::AddParent => with(
                &|other| format!("add the parent `{other}`: every `{node}` is a `{other}`"),
                "add a parent",
            ),
            Self::RemoveParent => "remove a parent".to_owned(),
            Self::Move => with(
                &|other| format!("move below `{other}`, from a parent"),
                "move: another parent in the place of one",
            ),
            Self::Merge => with(
                &|other| format!("merge into `{other}`: `{node}` goes"),
                "merge into another node: this one goes",
            ),
            Self::Split => "split: new nodes below it, and which children go to which".to_owned(),
            Self::Equivalent => with(
                &|other| format!("declare equivalent to `{other}`"),
                "declare equivalent to another node",
            ),
            Self::Overlapping => with(
                &|other| format!("declare overlapping with `{other}`"),
                "declare overlapping with another node",
            ),
            Self::Disjoint => with(
                &|other| format!("declare disjoint from `{other}`"),
                "declare disjoint from another node",
            ),
            Self::AddName => "add a synonym".to_owned(),
            Self::RemoveName => "remove a name".to_owned(),
            Self::Describe => "edit the description".to_owned(),
            Self::Prompts => "edit the node's own prompts".to_owned(),
        }
    }

    /// Why it cannot be done with the subject; `None` if it can, as far as that is seen without making it.
    pub fn why_not<'s>(self, subject: &'s Subject, taxonomy: &Taxonomy) -> Option<&'s str> {
        let node = match taxonomy.find(&subject.node) {
            Some(node) => node,
            None => return Some("the taxonomy has no such node"),
        };
        match self {
            Self::AlsoRight => match &subject.image {
                Some(image) => image.right_too().err(),
                None => Some("only of an image (3)"),
            },
            Self::RemoveParent | Self::Move if taxonomy.parents(node).is_empty() => {
                Some("it has no parent")
            }
            Self::RemoveName if taxonomy.node(node).names.len() < 2 => Some("it has one name"),
            kind if kind.is_of_pairs() => {
                let other = subject.other.as_ref()?;
                match taxonomy.find(other) {
                    Some(other) => self.why_not_both(taxonomy, node, other),
                    None => Some("the taxonomy has no such other node"),
                }
            }
            _ => None,
        }
    }

    /// Whether the other node of a subject has a part in it.
    fn is_of_pairs(self) -> bool {
        matches!(
            self,
            Self::AddParent
                | Self::Move
                | Self::Merge
                | Self::Equivalent
                | Self::Overlapping
                | Self::Disjoint
        )
    }

    /// Why it cannot be done with these two.
    fn why_not_both(
        self,
        taxonomy: &Taxonomy,
        node: NodeId,
        other: NodeId,
    ) -> Option<&'static str> {
        if node == other {
            return Some("it takes two");
        }
        let are_together = |groups: &[(Span, Vec<NodeId>)]| {
            groups
                .iter()
                .any(|(_, group)| group.contains(&node) && group.contains(&other))
        };
        let is_same = || taxonomy.same_class(node, other);
        let is_above = |a, b| taxonomy.is_ancestor(a, b);
        // Between the two, in whatever order, so that the one node would be above and below it.
        let is_between = |above, below| {
            let mut children = taxonomy.class_children(above).into_iter();
            is_above(above, below)
                && !is_same()
                && (!taxonomy.parents(below).contains(&above)
                    || children.any(|child| child != below && is_above(child, below)))
        };
        let share = || {
            let below: HashSet<NodeId> = taxonomy.descendants(node).into_iter().collect();
            let mut others = taxonomy.descendants(other).into_iter();
            others.any(|other| below.contains(&other))
        };
        match self {
            Self::AddParent | Self::Move if taxonomy.parents(node).contains(&other) => {
                Some("it is a parent already")
            }
            Self::AddParent | Self::Move if is_same() => Some("the two are equivalent"),
            Self::AddParent | Self::Move if is_above(node, other) => Some("it is below this one"),
            Self::Equivalent if is_same() => Some("they are equivalent already"),
            Self::Equivalent if is_above(node, other) || is_above(other, node) => {
                Some("one is above the other")
            }
            Self::Overlapping if are_together(taxonomy.declared_overlaps()) => {
                Some("they are declared overlapping already")
            }
            Self::Disjoint if are_together(taxonomy.declared_disjoint()) => {
                Some("they are declared disjoint already")
            }
            Self::Disjoint if is_above(node, other) || is_above(other, node) => {
                Some("one is above the other")
            }
            Self::Disjoint if share() => Some("there are nodes below both"),
            Self::Merge if is_between(node, other) || is_between(other, node) => {
                Some("there are nodes between the two")
            }
            _ => None,
        }
    }
}
