//! Values worked out by hand, and properties of every measure on random graphs.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::taxonomy::load_str;

fn sound(text: &str) -> Taxonomy {
    load_str("t", text).into_sound().expect("a sound taxonomy")
}

/// The full table, row after row, both ways of computing it.
fn tables(taxonomy: &Taxonomy, measure: Measure) -> [Vec<Vec<f64>>; 2] {
    let labels: Vec<NodeId> = taxonomy.nodes().collect();
    let pairs = AllPairs::new(taxonomy, measure, &labels);
    let pairwise = Pairwise::new(taxonomy, measure);
    let row = |&a| labels.iter().map(|&b| pairwise.value(a, b)).collect();
    [
        pairs.map(0..pairs.len(), |_, row| row.to_vec()),
        labels.iter().map(row).collect(),
    ]
}

/// Checks the measures of a pair, in the order of [`Measure::ALL`], both ways round and both ways of computing them.
#[track_caller]
fn check(taxonomy: &Taxonomy, a: &str, b: &str, expected: [f64; 9]) {
    let [i, j] = [a, b].map(|id| taxonomy.find(id).expect("a node").index());
    for (measure, expected) in Measure::ALL.into_iter().zip(expected) {
        for table in tables(taxonomy, measure) {
            for found in [table[i][j], table[j][i]] {
                let name = measure.name();
                assert!(
                    (found - expected).abs() < 1e-12,
                    "{name} of {a} and {b}: {found}, expected {expected}"
                );
            }
        }
    }
}

/// `x` is below both `a` and `b`; leaves are x, y, u, v, c (which is also cc) and o; H = 3.
const DIAMOND: &str = "tree: {top: {a: [x, y], b: {x: , z: [u, v]}, c: }, other: [o]}\nnodes: {cc: }\nequivalent: [[c, cc]]\n";

#[test]
fn a_diamond_by_hand() {
    let t = sound(DIAMOND);
    let leaf = 6f64.log2();
    let top = (6.0f64 / 5.0).log2();
    // Half of the leaves are below b: it carries one bit.
    check(
        &t,
        "x",
        "u",
        [
            2.0,
            2.0,
            4.0 / 7.0,
            1.0,
            1.0 / leaf,
            2.0 * leaf - 2.0,
            4.0 / 8.0,
            5.0 / 8.0,
            3.0,
        ],
    );
    // The LCA of x and b is b, and what is strictly above both is top.
    check(
        &t,
        "x",
        "b",
        [
            2.0,
            3.0,
            4.0 / 5.0,
            1.0,
            2.0 / (leaf + 1.0),
            leaf - 1.0,
            4.0 / 6.0,
            7.0 / 8.0,
            1.0,
        ],
    );
    // Nothing is strictly above a root.
    check(
        &t,
        "top",
        "x",
        [
            3.0,
            4.0,
            2.0 / 4.0,
            top,
            2.0 * top / (top + leaf),
            leaf - top,
            2.0 / 5.0,
            6.0 / 8.0,
            2.0,
        ],
    );
    check(
        &t,
        "a",
        "b",
        [
            3.0,
            3.0,
            2.0 / 4.0,
            top,
            2.0 * top / (3f64.log2() + 1.0),
            3f64.log2() + 1.0 - 2.0 * top,
            2.0 / 4.0,
            6.0 / 8.0,
            2.0,
        ],
    );
    // The virtual root is four edges above the deepest leaf.
    check(
        &t,
        "x",
        "o",
        [4.0, 4.0, 0.0, 0.0, 0.0, 2.0 * leaf, 0.0, 3.0 / 8.0, 5.0],
    );
    check(
        &t,
        "z",
        "z",
        [0.0, 0.0, 1.0, 3f64.log2(), 1.0, 0.0, 1.0, 1.0, 0.0],
    );
    check(
        &t,
        "c",
        "cc",
        [0.0, 0.0, 1.0, leaf, 1.0, 0.0, 1.0, 1.0, 0.0],
    );
}

/// `s` is one edge below the root, and three.
#[test]
fn depths_are_the_greatest_and_paths_the_shortest() {
    let t = sound("tree: {r: {m: {n: [s]}, q: , s: }}");
    let leaf = 1.0;
    check(
        &t,
        "s",
        "q",
        [
            3.0,
            3.0,
            2.0 / 6.0,
            0.0,
            0.0,
            2.0 * leaf,
            2.0 / 6.0,
            4.0 / 6.0,
            2.0,
        ],
    );
    // Down from the root is shorter than up through n; m has the very same leaves as s.
    check(
        &t,
        "s",
        "m",
        [
            2.0,
            3.0,
            4.0 / 6.0,
            1.0,
            1.0,
            0.0,
            4.0 / 6.0,
            4.0 / 6.0,
            2.0,
        ],
    );
}

#[test]
fn a_single_class_is_like_itself() {
    let t = sound("tree: {a: }\nnodes: {b: }\nequivalent: [[a, b]]\n");
    check(&t, "a", "b", [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]);
}

/// Two roots above the same leaves carry no information, as the virtual one.
#[test]
fn two_labels_without_information_and_ancestor() {
    let t = sound("tree: {a: [x, y], b: [x, y]}");
    check(
        &t,
        "a",
        "b",
        [2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0 / 4.0, 2.0],
    );
}

/// Of LCAs with as many leaves the least id counts, but only of those that are minimal. The leaves a and q are below each of
/// g, h and m, and m is below h: b has g and h in common with a, q has g and m.
#[test]
fn ties_are_among_minimal_ancestors() {
    for (g, h, m) in [("i", "h", "m"), ("n", "h", "m"), ("i", "p", "m")] {
        let t = sound(&format!(
            "tree: {{r: {{deep: {{deeper: [{g}]}}, {h}: [{m}], w: }}}}\nnodes:\n  a: {{parents: [{m}, {g}]}}\n  b: {{parents: [{h}, {g}]}}\n  q: {{parents: [b, {m}]}}\n"
        ));
        let n = |id| t.find(id).expect("a node");
        let lowest = |x, y| t.lca_set(n(x), n(y)).len();
        assert_eq!((lowest("a", "b"), lowest("a", "q")), (2, 2));
        assert!(
            [h, m]
                .iter()
                .all(|x| t.leaf_count(n(x)) == t.leaf_count(n(g)))
        );
        for measure in Measure::ALL {
            let [rows, pairs] = tables(&t, measure);
            assert_eq!(rows, pairs, "{} {g} {h} {m}", measure.name());
        }
    }
}

/// Where all leaves are equally deep, the distance of the paper and that of the published files are one.
#[test]
fn on_a_level_tree_bertinetto_is_the_height() {
    let t = sound("tree: {r: {a: {b: [x, y], c: [z]}, d: {e: [u], f: [v, w]}}}");
    let leaves: Vec<NodeId> = t.nodes().filter(|&n| t.is_leaf(n)).collect();
    let [height, bertinetto] = [Measure::Height, Measure::Bertinetto].map(|m| Pairwise::new(&t, m));
    for &a in &leaves {
        for &b in &leaves {
            assert_eq!(height.value(a, b), bertinetto.value(a, b));
        }
    }
}

#[test]
fn names_are_found_again() {
    for measure in Measure::ALL {
        assert_eq!(Measure::by_name(measure.name()), Some(measure));
        let definition = measure.definition();
        assert_eq!(
            definition.starts_with("similarity"),
            measure.is_similarity()
        );
        assert_eq!(definition.starts_with("distance"), !measure.is_similarity());
    }
    assert_eq!(Measure::by_name("cosine"), None);
}

/// More than one block of [`rows::WORDS`], several labels of a class, and a choice of labels in any order.
#[test]
fn a_large_graph_and_a_choice_of_its_labels() {
    let mut text = String::from("nodes:\n  n0: \n");
    for i in 1..200u32 {
        let parents: BTreeSet<u32> = (0..=i % 3)
            .map(|k| (i - 1).wrapping_mul(7 + k) % i)
            .collect();
        let parents: Vec<String> = parents.iter().map(|p| format!("n{p}")).collect();
        text.push_str(&format!("  n{i}: {{parents: [{}]}}\n", parents.join(", ")));
    }
    text.push_str("  e: \nequivalent: [[e, n150]]\n");
    let t = load_str("t", &text).taxonomy.expect("there are nodes");
    let chosen = |n: &NodeId| n.index().is_multiple_of(3) || t.id(*n) == "e";
    let mut labels: Vec<NodeId> = t.nodes().filter(chosen).collect();
    labels.reverse();
    for measure in Measure::ALL {
        let pairwise = Pairwise::new(&t, measure);
        let pairs = AllPairs::new(&t, measure, &labels);
        let rows = pairs.map(20..40, |i, row| (i, row.to_vec()));
        for (at, (i, row)) in rows.into_iter().enumerate() {
            assert_eq!(i, 20 + at);
            let expected: Vec<f64> = labels
                .iter()
                .map(|&b| pairwise.value(labels[i], b))
                .collect();
            assert_eq!(row, expected, "{}", measure.name());
        }
    }
}

/// A random graph: for each node its parents among those before it, ids in another order than that of the graph.
fn graphs() -> impl Strategy<Value = String> {
    (1usize..16).prop_flat_map(|n| {
        let parents: Vec<_> = (0..n)
            .map(|i| prop::collection::btree_set(0..i.max(1), 0..3.min(i + 1)))
            .collect();
        let ids = Just((0..n).collect::<Vec<_>>()).prop_shuffle();
        let equivalent = prop::option::of((0..n, 0..n));
        (parents, ids, equivalent).prop_map(|(parents, ids, equivalent)| {
            let mut text = String::from("nodes:\n");
            for (i, parents) in parents.iter().enumerate() {
                let parents = parents.iter().filter(|&&p| p < i);
                let parents: Vec<String> = parents.map(|&p| format!("n{}", ids[p])).collect();
                text.push_str(&format!(
                    "  n{}: {{parents: [{}]}}\n",
                    ids[i],
                    parents.join(", ")
                ));
            }
            if let Some((a, b)) = equivalent {
                text.push_str(&format!("equivalent: [[n{}, n{}]]\n", ids[a], ids[b]));
            }
            text
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_holds_for_every_measure(text in graphs()) {
        let t = load_str("t", &text).taxonomy.expect("there are nodes");
        let counts = t.counts();
        let bits = (counts.leaves as f64).log2() + 1e-12;
        let deepest = t.nodes().map(|n| t.depth(n).1).max().unwrap_or(0) as f64;
        for measure in Measure::ALL {
            let [rows, pairs] = tables(&t, measure);
            prop_assert_eq!(&rows, &pairs, "{}", measure.name());
            let limit = match measure {
                Measure::Height | Measure::Bertinetto => deepest + 1.0,
                Measure::Resnik => bits,
                Measure::JiangConrath => 2.0 * bits,
                Measure::Path => 2.0 * (deepest + 1.0),
                _ => 1.0,
            };
            for a in t.nodes() {
                let row = &rows[a.index()];
                let own = row[a.index()];
                match measure {
                    Measure::Resnik => prop_assert_eq!(own, t.information(a)),
                    _ => prop_assert_eq!(own, f64::from(u8::from(measure.is_similarity()))),
                }
                for b in t.nodes() {
                    let value = row[b.index()];
                    prop_assert_eq!(value, rows[b.index()][a.index()], "{}", measure.name());
                    prop_assert!((0.0..=limit).contains(&value), "{} {}", measure.name(), value);
                    prop_assert!(!measure.is_similarity() || value <= own);
                    if t.same_class(a, b) {
                        prop_assert_eq!(value, own);
                    } else if matches!(measure, Measure::Height | Measure::Bertinetto | Measure::Path) {
                        prop_assert!(value >= 1.0);
                    }
                }
            }
        }
    }
}
