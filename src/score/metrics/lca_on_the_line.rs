//! How much of what the truth says a wrong answer misses (Shi et al., LCA-on-the-Line, ICML 2024; METHOD 6).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::score::figure::{Figure, add_row, mean};
use crate::taxonomy::{NodeId, Taxonomy};

/// LCA distance of the answers that are not exact.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct LcaOnTheLine {
    /// Answers that are not exact; what the mean is over.
    pub errors: usize,
    /// Mean I(t) − I(l) in bits, l the lowest common ancestor of answer and truth. `None` without errors.
    pub mean: Option<f64>,
}

/// Columns that are summed over the images: errors, and their distances.
pub const COLUMNS: usize = 2;

/// Sums over images.
///
/// I is the information content by leaves, l the LCA of most information, and I(l) = 0 without a common ancestor. Of
/// several truths the nearest counts. The distance is not symmetric: an answer below the truth, and one equivalent to it,
/// miss nothing and have 0, one above it has I(t) − I(p).
pub struct LcaOnTheLineSums<'t> {
    taxonomy: &'t Taxonomy,
    /// A run has far fewer distinct pairs than images.
    known: HashMap<(NodeId, NodeId), f64>,
    sums: [f64; COLUMNS],
}

impl<'t> LcaOnTheLineSums<'t> {
    /// Of nothing yet.
    pub fn new(taxonomy: &'t Taxonomy) -> Self {
        Self {
            taxonomy,
            known: HashMap::new(),
            sums: [0.0; COLUMNS],
        }
    }

    /// Adds an image: its answer and its truths. One without a truth is not counted. Tells what was added.
    pub fn add(&mut self, p: NodeId, truths: &[NodeId], is_exact: bool) -> [f64; COLUMNS] {
        let Self {
            taxonomy, known, ..
        } = self;
        let distances = truths.iter().map(|&t| {
            *known.entry((p, t)).or_insert_with(|| {
                let common = taxonomy.lca(p, t).map_or(0.0, |l| taxonomy.information(l));
                taxonomy.information(t) - common
            })
        });
        let nearest = distances.min_by(f64::total_cmp).filter(|_| !is_exact);
        let row = nearest.map_or([0.0; COLUMNS], |nearest| [1.0, nearest]);
        add_row(&mut self.sums, &row);
        row
    }

    pub fn finish(&self) -> LcaOnTheLine {
        figures(&self.sums)
    }
}

fn figures(sums: &[f64]) -> LcaOnTheLine {
    LcaOnTheLine {
        errors: sums[0] as usize,
        mean: mean(sums[1], sums[0]),
    }
}

/// The figure of sums of the [columns](COLUMNS).
pub fn named(sums: &[f64]) -> Vec<Figure> {
    let mean = figures(sums).mean;
    vec![Figure::new(
        "metrics.lca_on_the_line",
        "mean",
        mean,
        sums[0],
    )]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::load_str;

    /// Four leaves: in bits figure 0, rectangle and rhombus 1, a leaf 2.
    #[test]
    fn distances_on_a_diamond_by_hand() {
        let taxonomy = load_str(
            "t",
            "tree: {figure: {rectangle: [square, oblong], rhombus: [square, lozenge], circle: }}",
        )
        .into_sound()
        .unwrap();
        let node = |id: &str| taxonomy.find(id).unwrap();
        for (p, truths, expected) in [
            // They meet at the rectangle.
            ("oblong", &["square"][..], 1.0),
            ("lozenge", &["oblong"], 2.0),
            // Above the truth, and below it.
            ("rectangle", &["square"], 1.0),
            ("square", &["rectangle"], 0.0),
            ("circle", &["figure"], 0.0),
            // The nearer of two.
            ("lozenge", &["oblong", "square"], 1.0),
        ] {
            let truths: Vec<NodeId> = truths.iter().map(|t| node(t)).collect();
            let mut sums = LcaOnTheLineSums::new(&taxonomy);
            sums.add(node("square"), &[node("square")], true);
            assert_eq!((sums.finish().errors, sums.finish().mean), (0, None));
            sums.add(node(p), &truths, false);
            let found = sums.finish();
            assert_eq!((found.errors, found.mean), (1, Some(expected)), "{p}");
        }
    }

    #[test]
    fn without_a_common_ancestor_all_is_missed() {
        let taxonomy = load_str("t", "tree: {animal: [dog, cat], thing: [car, cup]}")
            .into_sound()
            .unwrap();
        let node = |id: &str| taxonomy.find(id).unwrap();
        let mut sums = LcaOnTheLineSums::new(&taxonomy);
        sums.add(node("car"), &[node("dog")], false);
        sums.add(node("car"), &[], false);
        assert_eq!(sums.finish().mean, Some(2.0));
        assert_eq!(sums.finish().errors, 1);
    }
}
