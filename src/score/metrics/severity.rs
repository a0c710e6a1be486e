//! How far wrong answers are from the truth (Bertinetto et al., CVPR 2020; METHOD 6).

use std::collections::HashMap;

use serde::Serialize;

use crate::score::measures::{Measure, Pairwise};
use crate::taxonomy::{NodeId, Taxonomy};

/// Hierarchical distances of the answers, in edges. Of several truths the nearest counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Severity {
    /// Mistake severity: mean distance of the answers that are not exact.
    pub mistake_severity: Option<f64>,
    /// hdist@1: mean distance of the answer, 0 where it is exact.
    pub hdist_1: Option<f64>,
    /// min(5, |C|): how many of the best candidates the next two are over.
    pub k: usize,
    /// hdist@k: mean over the images of the mean distance of the best k.
    pub hdist_k: Option<f64>,
    /// hdist_top@k: mean over the images of the least distance of the best k.
    pub hdist_top_k: Option<f64>,
}

/// Sums over images, for one distance.
pub struct SeveritySums<'t> {
    measure: Pairwise<'t>,
    /// A run has far fewer distinct pairs than images.
    known: HashMap<(NodeId, NodeId), f64>,
    k: usize,
    n: usize,
    errors: usize,
    of_errors: f64,
    first: f64,
    mean_of_k: f64,
    least_of_k: f64,
}

impl<'t> SeveritySums<'t> {
    /// `k` of the best candidates are looked at, at least one.
    pub fn new(taxonomy: &'t Taxonomy, measure: Measure, k: usize) -> Self {
        Self {
            measure: Pairwise::new(taxonomy, measure),
            known: HashMap::new(),
            k,
            n: 0,
            errors: 0,
            of_errors: 0.0,
            first: 0.0,
            mean_of_k: 0.0,
            least_of_k: 0.0,
        }
    }

    /// Adds an image: its best candidates, best first, at least `k` of them, and its truths, at least one.
    pub fn add(&mut self, best: impl Iterator<Item = NodeId>, truths: &[NodeId], is_exact: bool) {
        let distances: Vec<f64> = best
            .take(self.k)
            .map(|p| {
                let of = truths.iter().map(|&t| {
                    *self
                        .known
                        .entry((p, t))
                        .or_insert_with(|| self.measure.value(p, t))
                });
                of.fold(f64::INFINITY, f64::min)
            })
            .collect();
        let Some(&first) = distances.first() else {
            return;
        };
        self.n += 1;
        self.first += first;
        if !is_exact {
            self.errors += 1;
            self.of_errors += first;
        }
        self.mean_of_k += distances.iter().sum::<f64>() / distances.len() as f64;
        self.least_of_k += distances.iter().copied().fold(f64::INFINITY, f64::min);
    }

    pub fn finish(&self) -> Severity {
        let ratio = |sum: f64, n: usize| (n > 0).then(|| sum / n as f64);
        Severity {
            mistake_severity: ratio(self.of_errors, self.errors),
            hdist_1: ratio(self.first, self.n),
            k: self.k,
            hdist_k: ratio(self.mean_of_k, self.n),
            hdist_top_k: ratio(self.least_of_k, self.n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::load_str;

    /// Heights: figure 2, rectangle and rhombus 1, leaves 0; the square has two parents.
    #[test]
    fn severities_on_a_diamond_by_hand() {
        let taxonomy = load_str(
            "t",
            "tree: {figure: {rectangle: [square, oblong], rhombus: [square, lozenge]}}",
        )
        .into_sound()
        .unwrap();
        let node = |id: &&str| taxonomy.find(id).unwrap();
        let mut height = SeveritySums::new(&taxonomy, Measure::Height, 2);
        let mut bertinetto = SeveritySums::new(&taxonomy, Measure::Bertinetto, 2);
        let images: [(&[&str], &[&str], bool); 3] = [
            (&["square", "oblong"], &["square"], true),
            // Siblings by way of the rectangle; `lozenge` meets at the figure.
            (&["lozenge", "square"], &["oblong"], false),
            // The nearer of two truths.
            (&["oblong", "lozenge"], &["lozenge", "square"], false),
        ];
        for (best, truths, is_exact) in images {
            let truths: Vec<NodeId> = truths.iter().map(node).collect();
            height.add(best.iter().map(node), &truths, is_exact);
            bertinetto.add(best.iter().map(node), &truths, is_exact);
        }
        // Distances 0 and 1; 2 and 1; 1 and 0. All leaves are equally deep, so both distances are the same.
        for found in [height.finish(), bertinetto.finish()] {
            assert_eq!(found.mistake_severity, Some(1.5));
            assert_eq!(found.hdist_1, Some(1.0));
            assert_eq!(found.hdist_k, Some((0.5 + 1.5 + 0.5) / 3.0));
            assert_eq!(found.hdist_top_k, Some((0.0 + 1.0 + 0.0) / 3.0));
        }
        let none = SeveritySums::new(&taxonomy, Measure::Height, 2).finish();
        assert_eq!((none.mistake_severity, none.hdist_1), (None, None));
    }

    /// An answer above or below the truth: `height` is the ancestor's, `bertinetto` that of the ancestor's parent.
    #[test]
    fn an_ancestor_is_one_further_for_bertinetto() {
        let taxonomy = load_str("t", "tree: {figure: {rectangle: [square], circle: }}")
            .into_sound()
            .unwrap();
        let node = |id: &str| taxonomy.find(id).unwrap();
        for (measure, expected) in [(Measure::Height, 1.0), (Measure::Bertinetto, 2.0)] {
            let mut sums = SeveritySums::new(&taxonomy, measure, 1);
            sums.add([node("rectangle")].into_iter(), &[node("square")], false);
            assert_eq!(
                sums.finish().mistake_severity,
                Some(expected),
                "{measure:?}"
            );
        }
    }
}
