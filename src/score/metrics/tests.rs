//! What holds of the metrics on every DAG.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::score::measures::Pairwise;
use crate::taxonomy::load_str;

/// A DAG whose nodes have their parents among those before them, a probability of each node, two truths and an answer.
#[derive(Debug)]
struct World {
    taxonomy: Taxonomy,
    nodes: Vec<NodeId>,
    probabilities: Vec<f64>,
    truths: Vec<NodeId>,
    answer: NodeId,
}

impl World {
    fn mass(&self, n: NodeId) -> f64 {
        let below = |(c, _): &(&NodeId, &f64)| self.taxonomy.is_ancestor(n, **c);
        let candidates = self.nodes.iter().zip(&self.probabilities);
        // Always in the same order, so that rounding does not make more of less.
        candidates.filter(below).map(|(_, p)| p).sum()
    }
}

fn worlds() -> impl Strategy<Value = World> {
    (1usize..12).prop_flat_map(|n| {
        let parents: Vec<_> = (0..n)
            .map(|i| prop::collection::btree_set(0..i.max(1), 0..3.min(i + 1)))
            .collect();
        let weights = prop::collection::vec(0u8..4, n);
        (parents, weights, prop::collection::vec(0..n, 3)).prop_map(|(parents, weights, some)| {
            let above = |(i, parents): (usize, &BTreeSet<usize>)| {
                let parents = parents.iter().filter(|&&p| p < i);
                let parents: Vec<String> = parents.map(|p| format!("n{p:02}")).collect();
                format!("  n{i:02}: {{parents: [{}]}}\n", parents.join(", "))
            };
            let nodes: String = parents.iter().enumerate().map(above).collect();
            let taxonomy = load_str("t", &format!("nodes:\n{nodes}"))
                .into_sound()
                .unwrap();
            let nodes: Vec<NodeId> = taxonomy.nodes().collect();
            let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
            World {
                probabilities: weights
                    .iter()
                    .map(|&w| f64::from(w) / total.max(1.0))
                    .collect(),
                truths: vec![nodes[some[0]], nodes[some[1]]],
                answer: nodes[some[2]],
                nodes,
                taxonomy,
            }
        })
    })
}

proptest! {
    /// What is below a node is below its ancestors. A consistent answer is a right one.
    #[test]
    fn masses_agree_with_those_above(world in worlds()) {
        let consistencies = Consistencies::new(&world.taxonomy);
        let mut sums = ConsistencySums::default();
        sums.add(consistencies.of(world.answer, &world.truths, |n| world.mass(n)));
        let found = sums.finish();
        prop_assert_eq!(found.without_contradiction, Some(1.0));
        prop_assert!(found.agreement.is_none_or(|a| a == 1.0));
        prop_assert!(found.hca <= found.leaf);
        // All mass on a truth is consistent, wherever it is.
        let truth = world.truths[0];
        let sure = |n| f64::from(u8::from(world.taxonomy.is_ancestor(n, truth)));
        let mut sums = ConsistencySums::default();
        sums.add(consistencies.of(truth, &world.truths, sure));
        prop_assert_eq!(sums.finish().hca, Some(1.0));
    }

    /// All mass on a truth is right on each level down to it, for sure.
    #[test]
    fn a_sure_truth_is_right_on_its_levels(world in worlds()) {
        let truth = world.truths[0];
        let levels = Levels::new(&world.taxonomy);
        let sure = |n| f64::from(u8::from(world.taxonomy.is_ancestor(n, truth)));
        let found = levels.answers(&[truth], sure);
        for (depth, answer) in found.into_iter().enumerate() {
            let expected = (depth <= world.taxonomy.depth(truth).1).then_some((1.0, true));
            prop_assert_eq!(answer, expected);
        }
    }

    /// The best order has 1 at every k, and no order more.
    #[test]
    fn the_best_order_has_hierarchical_precision_1(world in worlds(), k in 1usize..6) {
        let taxonomy = &world.taxonomy;
        let truths = [world.truths.clone()];
        let height = Pairwise::new(taxonomy, Measure::Height);
        let mut ideal = world.nodes.clone();
        let nearest = |n: NodeId| {
            let heights = world.truths.iter().map(|&t| height.value(n, t));
            heights.fold(f64::INFINITY, f64::min)
        };
        ideal.sort_by(|&a, &b| nearest(a).total_cmp(&nearest(b)));
        for (order, is_ideal) in [(&ideal, true), (&world.nodes, false)] {
            let mut sums = RankingSums::new(taxonomy, &world.nodes, &truths, k);
            sums.add(order.iter().copied(), &truths[0]);
            let found = sums.finish();
            // A truth is a candidate, and as similar to itself as can be.
            prop_assert_eq!((found.n, found.without_similar), (1, 0));
            for figure in [found.hp_1, found.hp_k, found.hmap_k] {
                let figure = figure.unwrap();
                prop_assert!((0.0..=1.0 + 1e-12).contains(&figure));
                prop_assert!(!is_ideal || (figure - 1.0).abs() < 1e-12);
            }
        }
    }

    /// No answer misses more than the truth says.
    #[test]
    fn lca_distances_are_between_0_and_the_information(world in worlds()) {
        let mut sums = LcaOnTheLineSums::new(&world.taxonomy);
        let truth = world.truths[0];
        sums.add(world.answer, &[truth], false);
        let mean = sums.finish().mean.unwrap();
        prop_assert!((0.0..=world.taxonomy.information(truth)).contains(&mean));
    }
}
