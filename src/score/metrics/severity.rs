//! How far wrong answers are from the truth (Bertinetto et al., CVPR 2020; METHOD 6).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::score::figure::{Figure, add_row, mean};
use crate::score::measures::{Measure, Pairwise};
use crate::taxonomy::{NodeId, Taxonomy};

/// Hierarchical distances of the answers, in edges. Of several truths the nearest counts.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct Severity {
    /// Mistake severity: mean distance of the answers that are not exact.
    pub mistake_severity: Option<f64>,
    /// hdist@1: mean distance of the answer, 0 where it is exact.
    pub hdist_1: Option<f64>,
    /// min(5, |C|): how many of the best candidates the next two are over; they are `None` too if fewer ranked labels are
    /// known of some image.
    pub k: usize,
    /// hdist@k: mean over the images of the mean distance of the best k.
    pub hdist_k: Option<f64>,
    /// hdist_top@k: mean over the images of the least distance of the best k.
    pub hdist_top_k: Option<f64>,
}

/// Columns that are summed over the images: ones, the distance of the answer, errors, their distances, and of the best k
/// the mean and the least distance.
pub const COLUMNS: usize = 6;

/// Sums over images, for one distance.
pub struct SeveritySums<'t> {
    measure: Pairwise<'t>,
    /// Of ranked labels: a run has far fewer distinct pairs than images.
    known: HashMap<(NodeId, NodeId), f64, foldhash::fast::FixedState>,
    k: usize,
    sums: [f64; COLUMNS],
    /// Whether an image had fewer than `k` ranked labels.
    lacks_some: bool,
}

impl<'t> SeveritySums<'t> {
    /// `k` of the best candidates are looked at, at least one.
    pub fn new(taxonomy: &'t Taxonomy, measure: Measure, k: usize) -> Self {
        Self {
            measure: Pairwise::new(taxonomy, measure),
            known: HashMap::default(),
            k,
            sums: [0.0; COLUMNS],
            lacks_some: false,
        }
    }

    /// The distance of a label to the nearest of the truths.
    pub fn distance(&self, p: NodeId, truths: &[NodeId]) -> f64 {
        let of = truths.iter().map(|&t| self.measure.value(p, t));
        of.fold(f64::INFINITY, f64::min)
    }

    /// Adds an image: the [`distance`](Self::distance) of its answer, whether that is exact, its ranked labels, best first, and its
    /// truths, at least one. Tells what was added.
    pub fn add(
        &mut self,
        distance: f64,
        is_exact: bool,
        ranked: &[NodeId],
        truths: &[NodeId],
    ) -> [f64; COLUMNS] {
        let [error, of_error] = match is_exact {
            true => [0.0, 0.0],
            false => [1.0, distance],
        };
        let [mean_of_k, least_of_k] = match ranked.get(..self.k) {
            Some(best) => {
                let (mut sum, mut least) = (0.0, f64::INFINITY);
                for &label in best {
                    let distance = self.known_distance(label, truths);
                    sum += distance;
                    least = least.min(distance);
                }
                [sum / self.k as f64, least]
            }
            None => {
                self.lacks_some = true;
                [0.0, 0.0]
            }
        };
        let row = [1.0, distance, error, of_error, mean_of_k, least_of_k];
        add_row(&mut self.sums, &row);
        row
    }

    fn known_distance(&mut self, p: NodeId, truths: &[NodeId]) -> f64 {
        let Self { known, measure, .. } = self;
        let of = truths
            .iter()
            .map(|&t| *known.entry((p, t)).or_insert_with(|| measure.value(p, t)));
        of.fold(f64::INFINITY, f64::min)
    }

    pub fn finish(&self) -> Severity {
        self.figures(&self.sums)
    }

    fn figures(&self, sums: &[f64]) -> Severity {
        let n = sums[0];
        Severity {
            mistake_severity: mean(sums[3], sums[2]),
            hdist_1: mean(sums[1], n),
            k: self.k,
            hdist_k: mean(sums[4], n).filter(|_| !self.lacks_some),
            hdist_top_k: mean(sums[5], n).filter(|_| !self.lacks_some),
        }
    }

    /// The figures of sums of the [columns](COLUMNS).
    pub fn named(&self, sums: &[f64], family: &'static str) -> Vec<Figure> {
        let found = self.figures(sums);
        let (n, errors) = (sums[0], sums[2]);
        vec![
            Figure::new(family, "mistake_severity", found.mistake_severity, errors),
            Figure::new(family, "hdist_1", found.hdist_1, n),
            Figure::new(family, "hdist_k", found.hdist_k, n),
            Figure::new(family, "hdist_top_k", found.hdist_top_k, n),
        ]
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
        let images: [(&[&str], &[&str]); 3] = [
            (&["square", "oblong"], &["square"]),
            // Siblings by way of the rectangle; `lozenge` meets at the figure.
            (&["lozenge", "square"], &["oblong"]),
            // The nearer of two truths.
            (&["oblong", "lozenge"], &["lozenge", "square"]),
        ];
        for (ranked, truths) in images {
            let [ranked, truths] =
                [ranked, truths].map(|ids| -> Vec<NodeId> { ids.iter().map(node).collect() });
            for sums in [&mut height, &mut bertinetto] {
                let distance = sums.distance(ranked[0], &truths);
                sums.add(distance, ranked[0] == truths[0], &ranked, &truths);
            }
        }
        // Distances 0 and 1; 2 and 1; 1 and 0. All leaves are equally deep, so both distances are the same.
        for found in [height.finish(), bertinetto.finish()] {
            assert_eq!(found.mistake_severity, Some(1.5));
            assert_eq!(found.hdist_1, Some(1.0));
            assert_eq!(found.hdist_k, Some((0.5 + 1.5 + 0.5) / 3.0));
            assert_eq!(found.hdist_top_k, Some((0.0 + 1.0 + 0.0) / 3.0));
        }
        // The answer counts where the ranked labels are not known, or are others.
        let truths = [node(&"oblong")];
        let distance = height.distance(node(&"lozenge"), &truths);
        height.add(distance, false, &[], &truths);
        let found = height.finish();
        assert_eq!(
            (found.mistake_severity, found.hdist_k),
            (Some(5.0 / 3.0), None)
        );
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
            let (answer, truth) = (node("rectangle"), node("square"));
            let distance = sums.distance(answer, &[truth]);
            sums.add(distance, false, &[answer], &[truth]);
            assert_eq!(
                sums.finish().mistake_severity,
                Some(expected),
                "{measure:?}"
            );
        }
    }
}
