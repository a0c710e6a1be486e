//! How much of what the truth says a wrong answer misses (Shi et al., LCA-on-the-Line, ICML 2024; METHOD 6).

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
    sums: [f64; COLUMNS],
}

impl<'t> LcaOnTheLineSums<'t> {
    /// Of nothing yet.
    pub fn new(taxonomy: &'t Taxonomy) -> Self {
        Self {
            taxonomy,
            sums: [0.0; COLUMNS],
        }
    }

    /// The distance of the answer `p` from the nearest of the truths; `None` without any.
    pub fn distance(&self, p: NodeId, truths: &[NodeId]) -> Option<f64> {
        let taxonomy = self.taxonomy;
        let distances = truths.iter().map(|&t| {
            let common = taxonomy.lca(p, t).map_or(0.0, |l| taxonomy.information(l));
            taxonomy.information(t) - common
        });
        distances.min_by(f64::total_cmp)
    }

    /// Adds an image: its answer and its truths. One without a truth is not counted. Tells what was added.
    pub fn add(&mut self, p: NodeId, truths: &[NodeId], is_exact: bool) -> [f64; COLUMNS] {
        let distance = self.distance(p, truths);
        self.add_distance(distance.filter(|_| !is_exact))
    }

    /// Adds an image by the [`distance`](Self::distance) of its answer, unless that is exact. Tells what was added.
    pub(super) fn add_distance(&mut self, of_error: Option<f64>) -> [f64; COLUMNS] {
        let row = of_error.map_or([0.0; COLUMNS], |distance| [1.0, distance]);
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
