//! Properties that hold for every graph, against references that are too simple to be wrong.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// A graph to be: for each node its parents among those before it, and groups.
#[derive(Debug, Clone)]
struct Plan {
    parents: Vec<BTreeSet<usize>>,
    /// Ids are numbered by this permutation, so that their order is not that of the graph.
    ids: Vec<usize>,
    equivalent: Vec<(usize, usize)>,
    overlaps: Vec<(usize, usize)>,
    disjoint: Vec<(usize, usize)>,
}

fn plans() -> impl Strategy<Value = Plan> {
    (1usize..18).prop_flat_map(|n| {
        let pair = move || (0..n, 0..n);
        let parents: Vec<_> = (0..n)
            .map(|i| {
                prop::collection::btree_set(0..i.max(1), 0..3.min(i + 1))
                    .prop_map(move |s| if i == 0 { BTreeSet::new() } else { s })
            })
            .collect();
        (
            parents,
            Just((0..n).collect::<Vec<_>>()).prop_shuffle(),
            prop::collection::vec(pair(), 0..3),
            prop::collection::vec(pair(), 0..3),
            prop::collection::vec(pair(), 0..2),
        )
            .prop_map(|(parents, ids, equivalent, overlaps, disjoint)| Plan {
                parents,
                ids,
                equivalent,
                overlaps,
                disjoint,
            })
    })
}

impl Plan {
    fn id(&self, i: usize) -> String {
        format!("n{:02}", self.ids[i])
    }

    /// The file, its nodes in the given order.
    fn yaml(&self, order: &[usize]) -> String {
        let mut text = String::from("nodes:\n");
        for &i in order {
            let parents: Vec<String> = self.parents[i].iter().map(|&p| self.id(p)).collect();
            text.push_str(&format!(
                "  {}: {{parents: [{}]}}\n",
                self.id(i),
                parents.join(", ")
            ));
        }
        for (field, pairs) in [
            ("equivalent", &self.equivalent),
            ("overlaps", &self.overlaps),
            ("disjoint", &self.disjoint),
        ] {
            let pairs: Vec<String> = pairs
                .iter()
                .map(|&(a, b)| format!("[{}, {}]", self.id(a), self.id(b)))
                .collect();
            text.push_str(&format!("{field}: [{}]\n", pairs.join(", ")));
        }
        text
    }

    fn load(&self, order: &[usize]) -> Taxonomy {
        load_str("plan", &self.yaml(order))
            .taxonomy
            .expect("there are nodes")
    }
}

/// Everything about a taxonomy by brute force over all nodes; classes are taken from the taxonomy.
struct Naive<'t> {
    t: &'t Taxonomy,
    /// `above[d][a]`: `a` is `d`, of its class, or an ancestor.
    above: Vec<Vec<bool>>,
}

impl<'t> Naive<'t> {
    fn new(t: &'t Taxonomy) -> Self {
        let n = t.len();
        let all: Vec<NodeId> = t.nodes().collect();
        let mut above = vec![vec![false; n]; n];
        for &d in &all {
            for &a in &all {
                above[d.index()][a.index()] =
                    t.representative(d) == t.representative(a) || t.parents(d).contains(&a);
            }
        }
        // Warshall.
        for k in 0..n {
            for i in 0..n {
                for j in 0..n {
                    above[i][j] |= above[i][k] && above[k][j];
                }
            }
        }
        Self { t, above }
    }

    fn above(&self, a: NodeId, d: NodeId) -> bool {
        self.above[d.index()][a.index()]
    }

    fn strictly(&self, a: NodeId, d: NodeId) -> bool {
        self.above(a, d) && !self.above(d, a)
    }

    fn parents(&self, n: NodeId) -> BTreeSet<NodeId> {
        let class = self
            .t
            .nodes()
            .filter(|&m| self.t.representative(m) == self.t.representative(n));
        class
            .flat_map(|m| self.t.parents(m))
            .map(|&p| self.t.representative(p))
            .collect()
    }

    fn relation(&self, plan: &Plan, p: NodeId, t: NodeId) -> Relation {
        let rep = |n| self.t.representative(n);
        let node = |i: usize| self.t.find(&plan.id(i)).expect("planned");
        let declared = |pairs: &[(usize, usize)]| {
            pairs
                .iter()
                .map(|&(a, b)| (node(a), node(b)))
                .collect::<Vec<_>>()
        };
        let either =
            |(a, b): (NodeId, NodeId), f: &dyn Fn(NodeId, NodeId) -> bool| f(a, b) || f(b, a);
        let disjoint = declared(&plan.disjoint).into_iter().any(|pair| {
            pair.0 != pair.1 && either(pair, &|a, b| self.above(a, p) && self.above(b, t))
        });
        let overlaps = declared(&plan.overlaps)
            .into_iter()
            .any(|pair| either(pair, &|a, b| rep(a) == rep(p) && rep(b) == rep(t)));
        if p == t {
            Relation::Same
        } else if rep(p) == rep(t) {
            Relation::Equivalent
        } else if self.above(p, t) {
            Relation::Ancestor
        } else if self.above(t, p) {
            Relation::Descendant
        } else if (overlaps || self.t.nodes().any(|d| self.above(p, d) && self.above(t, d)))
            && !disjoint
        {
            Relation::Overlapping
        } else if self
            .parents(p)
            .intersection(&self.parents(t))
            .next()
            .is_some()
        {
            Relation::Sibling
        } else if self.t.nodes().any(|a| self.above(a, p) && self.above(a, t)) {
            Relation::Related
        } else {
            Relation::Unrelated
        }
    }

    fn lowest(&self, a: NodeId, b: NodeId) -> Vec<NodeId> {
        let common: Vec<NodeId> = self
            .t
            .nodes()
            .filter(|&c| self.above(c, a) && self.above(c, b))
            .collect();
        let minimal = common
            .iter()
            .filter(|&&c| !common.iter().any(|&d| self.strictly(c, d)));
        let mut out: Vec<NodeId> = minimal.map(|&c| self.t.representative(c)).collect();
        out.sort_by_key(|&n| self.t.id(n).to_owned());
        out.dedup();
        out
    }

    fn leaves(&self, n: NodeId) -> usize {
        let below = self.t.nodes().filter(|&d| self.above(n, d));
        let leaf = |d: &NodeId| !self.t.nodes().any(|x| self.strictly(*d, x));
        below
            .filter(leaf)
            .map(|d| self.t.representative(d))
            .collect::<BTreeSet<_>>()
            .len()
    }

    fn depth(&self, n: NodeId) -> (usize, usize) {
        let depths: Vec<_> = self.parents(n).into_iter().map(|p| self.depth(p)).collect();
        let least = depths.iter().map(|d| d.0 + 1).min().unwrap_or(0);
        (least, depths.iter().map(|d| d.1 + 1).max().unwrap_or(0))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_brute_force(plan in plans()) {
        let order: Vec<usize> = (0..plan.ids.len()).collect();
        let t = plan.load(&order);
        let naive = Naive::new(&t);
        for a in t.nodes() {
            let up: Vec<NodeId> = t.nodes().filter(|&x| naive.above(x, a)).collect();
            let down: Vec<NodeId> = t.nodes().filter(|&x| naive.above(a, x)).collect();
            prop_assert_eq!(t.ancestors(a), up);
            prop_assert_eq!(t.descendants(a), down);
            prop_assert_eq!(t.leaf_count(a), naive.leaves(a), "leaves of {}", t.id(a));
            prop_assert_eq!(t.depth(a), naive.depth(a), "depth of {}", t.id(a));
            prop_assert_eq!(t.is_leaf(a), naive.leaves(a) == 1 && !t.nodes().any(|x| naive.strictly(a, x)));
            for b in t.nodes() {
                prop_assert_eq!(t.is_ancestor(a, b), naive.above(a, b));
                prop_assert_eq!(t.relation(a, b), naive.relation(&plan, a, b), "{} for {}", t.id(a), t.id(b));
                prop_assert_eq!(t.lca_set(a, b), naive.lowest(a, b));
            }
        }
    }

    #[test]
    fn order_and_symmetry(plan in plans()) {
        let order: Vec<usize> = (0..plan.ids.len()).collect();
        let t = plan.load(&order);
        for a in t.nodes() {
            for b in t.nodes() {
                prop_assert!(!(t.is_ancestor(a, b) && t.is_ancestor(b, a)) || t.same_class(a, b));
                let mirrored = match t.relation(b, a) {
                    Relation::Ancestor => Relation::Descendant,
                    Relation::Descendant => Relation::Ancestor,
                    other => other,
                };
                prop_assert_eq!(t.relation(a, b), mirrored);
                if t.is_ancestor(a, b) {
                    prop_assert!(t.information(a) <= t.information(b) && t.leaf_count(a) >= t.leaf_count(b));
                }
            }
        }
    }

    /// Nothing that is measured depends on the order in which the file lists the nodes.
    #[test]
    fn file_order_does_not_matter(plan in plans(), seed in any::<u64>()) {
        let mut order: Vec<usize> = (0..plan.ids.len()).collect();
        let first = plan.load(&order);
        order.sort_by_key(|&i| (i as u64).wrapping_mul(seed | 1).rotate_left(17));
        let second = plan.load(&order);
        let other = |n| second.find(first.id(n)).expect("the same nodes");
        let ids = |t: &Taxonomy, nodes: Vec<NodeId>| nodes.into_iter().map(|n| t.id(n).to_owned()).collect::<Vec<_>>();
        for a in first.nodes() {
            prop_assert_eq!(first.information(a), second.information(other(a)));
            prop_assert_eq!(first.id(first.representative(a)), second.id(second.representative(other(a))));
            for b in first.nodes() {
                prop_assert_eq!(first.relation(a, b), second.relation(other(a), other(b)));
                prop_assert_eq!(ids(&first, first.lca_set(a, b)), ids(&second, second.lca_set(other(a), other(b))));
                prop_assert_eq!(first.lca(a, b).map(|n| first.id(n)), second.lca(other(a), other(b)).map(|n| second.id(n)));
            }
        }
    }

    /// Mass by membership: a probability over candidates is never counted twice, whatever the diamonds.
    #[test]
    fn membership_mass_is_a_probability(plan in plans(), weights in prop::collection::vec(0.01f64..1.0, 18)) {
        let order: Vec<usize> = (0..plan.ids.len()).collect();
        let t = plan.load(&order);
        let sum: f64 = t.nodes().map(|n| weights[n.index()]).sum();
        let mass = |n| t.descendants(n).iter().map(|d| weights[d.index()] / sum).sum::<f64>();
        for n in t.nodes() {
            prop_assert!(mass(n) <= 1.0 + 1e-12);
            for &child in t.children(n) {
                prop_assert!(mass(child) <= mass(n) + 1e-12);
            }
        }
    }

    /// Whatever the bytes, loading ends with diagnostics whose places are in the text.
    #[test]
    fn no_text_is_too_strange(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "nodes:", "tree:", "include:", "disjoint:", "equivalent:", "credit:", "a", "b", "é", "parents:", "names:",
            "[", "]", "{", "}", ",", ": ", "- ", "\n", "\n  ", "\n    ", "\t", "'", "\"", "#", "&x ", "*x", "|", ">",
            "?", "!", "%", "---\n", "...", "\r\n", "\u{feff}", "\0", "~", "null", "<<", "\\",
        ]), 0..40),
    ) {
        let text = pieces.concat();
        let loaded = load_str("t", &text);
        prop_assert!(loaded.taxonomy.is_some() || loaded.has_errors());
        for d in &loaded.diagnostics {
            let spans = d.primary.into_iter().chain(d.related.iter().map(|r| r.span));
            for span in spans {
                prop_assert!(loaded.sources.text(span.source as usize).get(span.range()).is_some(), "{:?}", d);
            }
            d.to_json(&loaded.sources);
        }
    }
}
