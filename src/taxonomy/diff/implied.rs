//! What a difference in what is declared makes of the graph.

use super::Renames;
use crate::taxonomy::{NodeId, Taxonomy};

/// Pairs that are listed; the rest are counted.
const LISTED: usize = 20;

/// What is otherwise in the graph, of the nodes that both taxonomies have. Ids are those of the second.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Implied {
    /// One node is now above the other, and was not.
    pub pairs_gained: Pairs,
    /// One node was above the other, and is not any more.
    pub pairs_lost: Pairs,
    /// Leaves that have something below them now, by id.
    pub became_inner: Vec<String>,
    /// Nodes that have nothing below them any more, by id.
    pub became_leaves: Vec<String>,
}

/// Pairs of an ancestor and a descendant; equivalent nodes are neither to each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Pairs {
    pub count: usize,
    /// The first of them, by descendant, then by ancestor.
    pub first: Vec<Pair>,
}

/// One node above another.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Pair {
    pub ancestor: String,
    pub descendant: String,
}

impl Implied {
    /// Compares the closures of the nodes at or below a change; those of all others are the same.
    pub(super) fn between(first: &Taxonomy, second: &Taxonomy, renames: &Renames<'_>) -> Self {
        let both = Both::new(first, second, renames);
        let mut implied = Self::default();
        for &(a, b) in &both.nodes {
            let become_of = match (first.is_leaf(a), second.is_leaf(b)) {
                (true, false) => &mut implied.became_inner,
                (false, true) => &mut implied.became_leaves,
                _ => continue,
            };
            become_of.push(second.id(b).to_owned());
        }
        implied.became_inner.sort_unstable();
        implied.became_leaves.sort_unstable();

        let below = both.at_or_below_changes();
        for &(a, b) in both.nodes.iter().filter(|(a, _)| below[a.index()]) {
            let before = both.ancestors_before(a);
            let after = both.ancestors_after(b);
            let (gained, lost) = (without(&after, &before), without(&before, &after));
            implied.pairs_gained.add(second, b, gained);
            implied.pairs_lost.add(second, b, lost);
        }
        implied
    }

    /// Whether nothing follows.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Pairs {
    fn add(&mut self, taxonomy: &Taxonomy, descendant: NodeId, ancestors: Vec<NodeId>) {
        self.count += ancestors.len();
        let mut ids: Vec<&str> = ancestors.into_iter().map(|n| taxonomy.id(n)).collect();
        ids.sort_unstable();
        let more = LISTED.saturating_sub(self.first.len());
        let pairs = ids.into_iter().take(more).map(|ancestor| Pair {
            ancestor: ancestor.to_owned(),
            descendant: taxonomy.id(descendant).to_owned(),
        });
        self.first.extend(pairs);
    }
}

/// The nodes that two taxonomies have in common.
struct Both<'t> {
    first: &'t Taxonomy,
    second: &'t Taxonomy,
    /// By their ids in the second.
    nodes: Vec<(NodeId, NodeId)>,
    /// By the first's index.
    now: Vec<Option<NodeId>>,
    /// By the second's index.
    is_known: Vec<bool>,
}

impl<'t> Both<'t> {
    fn new(first: &'t Taxonomy, second: &'t Taxonomy, renames: &Renames<'_>) -> Self {
        let mut now = vec![None; first.len()];
        let mut is_known = vec![false; second.len()];
        let mut nodes = Vec::new();
        for a in first.nodes() {
            if let Some(b) = second.find(renames.now(first.id(a))) {
                now[a.index()] = Some(b);
                is_known[b.index()] = true;
                nodes.push((a, b));
            }
        }
        nodes.sort_unstable_by_key(|&(_, b)| second.id(b));
        Self {
            first,
            second,
            nodes,
            now,
            is_known,
        }
    }

    /// Which nodes of the first taxonomy have a change of edges or equivalences at or above them, by index.
    fn at_or_below_changes(&self) -> Vec<bool> {
        let mut is_below = vec![false; self.first.len()];
        let mut reached: Vec<NodeId> = Vec::new();
        for &(a, b) in &self.nodes {
            let now = |n: NodeId| self.now[n.index()];
            let before: Option<Vec<NodeId>> = local(self.first, a).map(now).collect();
            let after = local(self.second, b).collect();
            if before.map(as_set) != Some(as_set(after)) {
                is_below[a.index()] = true;
                reached.push(a);
            }
        }
        while let Some(n) = reached.pop() {
            let members = self.first.equivalents(n).iter();
            let children = members.flat_map(|&member| self.first.children(member));
            for &next in children.chain(self.first.equivalents(n)) {
                if !std::mem::replace(&mut is_below[next.index()], true) {
                    reached.push(next);
                }
            }
        }
        is_below
    }

    /// The strict ancestors of a node of the first taxonomy, as nodes of the second, as far as that has them; in order.
    fn ancestors_before(&self, n: NodeId) -> Vec<NodeId> {
        let above = self.first.ancestors(n).into_iter();
        let above = above.filter(|&a| !self.first.same_class(a, n));
        as_set(above.filter_map(|a| self.now[a.index()]).collect())
    }

    /// The strict ancestors of a node of the second taxonomy, as far as the first has them; in order.
    fn ancestors_after(&self, n: NodeId) -> Vec<NodeId> {
        let above = self.second.ancestors(n).into_iter();
        let above = above.filter(|&a| !self.second.same_class(a, n));
        above.filter(|a| self.is_known[a.index()]).collect()
    }
}

/// What a node's closure comes from: its class, and the parents of that.
fn local(taxonomy: &Taxonomy, n: NodeId) -> impl Iterator<Item = NodeId> + '_ {
    let members = taxonomy.equivalents(n).iter();
    members
        .flat_map(|member| std::iter::once(member).chain(taxonomy.parents(*member)))
        .copied()
}

/// The nodes in order, each once.
fn as_set(mut nodes: Vec<NodeId>) -> Vec<NodeId> {
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

/// Those of the nodes that are not among the others, which are in order.
fn without(nodes: &[NodeId], others: &[NodeId]) -> Vec<NodeId> {
    let nodes = nodes.iter().copied();
    nodes.filter(|n| others.binary_search(n).is_err()).collect()
}
