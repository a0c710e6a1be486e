//! Finding nodes by a part of their ids or names, anywhere in the taxonomy and not only where it is open.

use super::order::Sorter;
use crate::taxonomy::{NodeId, Taxonomy};

/// Where a node comes in the order of the whole tree, each node at the first of its places.
const NOWHERE: u32 = u32::MAX;

/// What was searched for, and what was found.
#[derive(Debug)]
pub struct Search {
    pub text: String,
    /// In the order of the tree.
    matches: Vec<NodeId>,
    /// By [`NodeId::index`].
    is_match: Vec<bool>,
    order: Vec<u32>,
    /// What the first place of each node hangs under.
    above: Vec<Option<NodeId>>,
}

/// Whether a text is in an id or a name of a node; the text is in lower case already.
fn has(taxonomy: &Taxonomy, node: NodeId, text: &str) -> bool {
    let node = taxonomy.node(node);
    let names = node.names.iter();
    let mut texts = std::iter::once(&node.id).chain(names);
    texts.any(|name| name.to_lowercase().contains(text))
}

/// Whether any node has this text in its id or in a name.
pub fn is_anywhere(taxonomy: &Taxonomy, text: &str) -> bool {
    let text = text.to_lowercase();
    taxonomy.nodes().any(|n| has(taxonomy, n, &text))
}

impl Search {
    pub fn new(sorter: &Sorter<'_>, text: String) -> Self {
        let taxonomy = sorter.taxonomy;
        let mut order = vec![NOWHERE; taxonomy.len()];
        let mut above = vec![None; taxonomy.len()];
        let lower = text.to_lowercase();
        let mut is_match = vec![false; taxonomy.len()];
        let mut matches = Vec::new();
        let mut next = 0;
        let roots = sorter.roots().into_iter().rev();
        let mut left: Vec<(NodeId, Option<NodeId>)> = roots.map(|root| (root, None)).collect();
        while let Some((node, parent)) = left.pop() {
            let at = node.index();
            if order[at] != NOWHERE {
                continue;
            }
            order[at] = next;
            next += 1;
            above[at] = parent;
            if has(taxonomy, node, &lower) {
                is_match[at] = true;
                matches.push(node);
            }
            let children = sorter.children(node).into_iter().rev();
            left.extend(children.map(|child| (child, Some(node))));
        }
        Self {
            text,
            matches,
            is_match,
            order,
            above,
        }
    }

    pub fn len(&self) -> usize {
        self.matches.len()
    }

    pub fn is_match(&self, node: NodeId) -> bool {
        self.is_match.get(node.index()).is_some_and(|&is| is)
    }

    /// Which match a node is, from 0.
    pub fn number(&self, node: NodeId) -> Option<usize> {
        self.is_match(node).then(|| self.before(node))
    }

    /// Matches before a node.
    fn before(&self, node: NodeId) -> usize {
        let at = self.order.get(node.index()).copied().unwrap_or(0);
        self.matches.partition_point(|m| self.order[m.index()] < at)
    }

    /// The match after a node, or the one before it, around the end.
    pub fn next(&self, node: NodeId, forward: bool) -> Option<NodeId> {
        let count = self.matches.len();
        let before = self.before(node);
        let at = match forward {
            true => before + usize::from(self.is_match(node)),
            false => before + count.max(1) - 1,
        };
        self.matches.get(at % count.max(1)).copied()
    }

    /// The nodes down to the first place of a node.
    pub fn path(&self, node: NodeId) -> Vec<NodeId> {
        let mut path = vec![node];
        while let Some(Some(parent)) = path.last().and_then(|n| self.above.get(n.index())) {
            path.push(*parent);
        }
        path.reverse();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::load_str;
    use crate::tui::view::taxonomy::order::Order;

    #[test]
    fn matches_are_met_in_the_order_of_the_tree_and_each_once() {
        let text = "
nodes:
  b2: {parents: [b], names: [Nadelbaum]}
tree: {a: {x: [b], b: []}, c: [d_b]}
";
        let taxonomy = load_str("t", text).into_sound().unwrap();
        let sorter = Sorter::new(&taxonomy, None, Order::default());
        let node = |id: &str| taxonomy.find(id).unwrap();
        let search = Search::new(&sorter, "B".to_owned());
        let mut met = Vec::new();
        let mut at = node("a");
        for _ in 0..4 {
            at = search.next(at, true).unwrap();
            met.push(taxonomy.id(at));
        }
        assert_eq!(met, ["b", "b2", "d_b", "b"]);
        assert_eq!(search.next(node("a"), false), Some(node("d_b")));
        assert_eq!(search.next(node("d_b"), false), Some(node("b2")));
        assert_eq!(search.next(node("b"), false), Some(node("d_b")));
        assert_eq!(search.next(node("c"), true), Some(node("d_b")));
        assert_eq!((search.len(), search.number(node("b2"))), (3, Some(1)));
        assert_eq!(search.path(node("b2")), ["a", "x", "b", "b2"].map(node));
        // A name is found whatever its case.
        assert!(is_anywhere(&taxonomy, "NADEL") && !is_anywhere(&taxonomy, "zebra"));
        let none = Search::new(&sorter, "zebra".to_owned());
        assert_eq!(
            (none.next(node("a"), true), none.next(node("a"), false)),
            (None, None)
        );
    }
}
