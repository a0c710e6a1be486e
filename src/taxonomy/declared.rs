//! What a taxonomy's files say, without how and where they say it: two files that declare the same have the same [`Declared`].

use std::collections::{BTreeMap, BTreeSet};

use super::Taxonomy;

/// All declarations, in an order of their own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Declared {
    /// By id.
    pub nodes: BTreeMap<String, DeclaredNode>,
    /// Classes of several equivalent nodes: equivalence is transitive, so however it is declared, these are the same.
    pub equivalent: BTreeSet<BTreeSet<String>>,
    /// Groups whose members overlap pairwise.
    pub overlaps: BTreeSet<BTreeSet<String>>,
    /// Groups whose members are pairwise disjoint.
    pub disjoint: BTreeSet<BTreeSet<String>>,
    /// The `credit:` section.
    pub credit: Option<serde_json::Value>,
}

/// What is declared of a node. The order of names says which one is preferred; that of the parents says nothing but which way
/// breadcrumbs take, and is not held here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeclaredNode {
    pub names: Vec<String>,
    pub ids: Vec<String>,
    pub rank: Option<String>,
    pub description: Option<String>,
    pub prompts: Vec<String>,
    pub parents: BTreeSet<String>,
}

impl Taxonomy {
    /// What the files declare. O(nodes + edges).
    pub fn declared(&self) -> Declared {
        let id = |n: &super::NodeId| self.id(*n).to_owned();
        let groups = |groups: &[(super::Span, Vec<super::NodeId>)]| {
            let groups = groups
                .iter()
                .map(|(_, members)| members.iter().map(id).collect());
            groups
                .filter(|group: &BTreeSet<String>| group.len() > 1)
                .collect()
        };
        let nodes = self.nodes().map(|n| {
            let node = self.node(n);
            let declared = DeclaredNode {
                names: node.names.clone(),
                ids: node.ids.clone(),
                rank: node.rank.clone(),
                description: node.description.clone(),
                prompts: node.prompts.clone(),
                parents: self.parents(n).iter().map(id).collect(),
            };
            (node.id.clone(), declared)
        });
        let classes = self.nodes().map(|n| self.equivalents(n));
        let classes = classes.filter(|class| class.len() > 1);
        Declared {
            nodes: nodes.collect(),
            equivalent: classes
                .map(|class| class.iter().map(id).collect())
                .collect(),
            overlaps: groups(&self.overlaps),
            disjoint: groups(&self.disjoint),
            credit: self.credit.clone(),
        }
    }
}
