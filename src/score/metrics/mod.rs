//! Metrics of a run (METHOD 6). Each states its conventions where it is defined.

mod calibration;
mod consistency;
mod hierarchical;
mod information;
mod lca_on_the_line;
mod levels;
mod per_class;
mod ranking;
mod severity;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use calibration::Calibration;
use calibration::calibration;
pub use consistency::{Consistencies, Consistency, ConsistencySums, Consistent, HOLDS};
use hierarchical::HierarchicalSums;
pub use hierarchical::{Hierarchical, PrecisionRecall};
pub use information::Information;
use information::InformationSums;
pub use lca_on_the_line::{LcaOnTheLine, LcaOnTheLineSums};
pub use levels::{LevelAnswers, LevelCalibration, LevelSums, Levels};
pub use per_class::{ClassRow, PerClass, PerClassSums};
pub use ranking::{HierarchicalRanking, RankingSums};
pub use severity::Severity;
use severity::SeveritySums;

use super::measures::Measure;
use crate::taxonomy::{NodeId, Taxonomy};

/// The metrics of the images with an answer and a label. All are fractions in [0, 1] unless said otherwise; `None`
/// where there is nothing to divide by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metrics {
    pub hierarchical: Hierarchical,
    /// v = I, the information content in bits.
    pub information: Information,
    /// v = the maximal depth, a root at 1.
    pub depth: Information,
    /// In the height of the LCA's subtree.
    pub severity_height: Severity,
    /// In H − depth of the strict common ancestor.
    pub severity_bertinetto: Severity,
    /// Of the answer's probability as the chance that the answer is the annotated label.
    pub calibration_exact: Calibration,
    /// Of the answer's probability as the chance that the answer is valid for the image (METHOD 4).
    pub calibration_valid: Calibration,
}

/// What the graph alone says of one answer to one truth set: computed once for each pair that occurs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    hierarchical: hierarchical::Closures,
    information: information::Values,
    depth: information::Values,
}

impl Pair {
    /// Of the answer `p` to `truths`, at least one; `best` is the truth that `p` is best related to.
    pub fn new(taxonomy: &Taxonomy, p: NodeId, truths: &[NodeId], best: NodeId) -> Self {
        let depth = |n| taxonomy.depth(n).1 as f64 + 1.0;
        Self {
            hierarchical: hierarchical::Closures::new(taxonomy, p, truths),
            information: information::Values::new(taxonomy, p, best, |n| taxonomy.information(n)),
            depth: information::Values::new(taxonomy, p, best, depth),
        }
    }
}

/// Sums over the images, in their order.
pub struct MetricSums<'t> {
    hierarchical: HierarchicalSums,
    information: InformationSums,
    depth: InformationSums,
    height: SeveritySums<'t>,
    bertinetto: SeveritySums<'t>,
    /// Probability of each answer, where it is known.
    confidences: Vec<f64>,
    /// Whether each is exact, and whether it is valid.
    came_true: Vec<(bool, Option<bool>)>,
}

impl<'t> MetricSums<'t> {
    /// Of nothing yet; the best `k` labels of each image are looked at.
    pub fn new(taxonomy: &'t Taxonomy, k: usize) -> Self {
        Self {
            hierarchical: HierarchicalSums::default(),
            information: InformationSums::default(),
            depth: InformationSums::default(),
            height: SeveritySums::new(taxonomy, Measure::Height, k),
            bertinetto: SeveritySums::new(taxonomy, Measure::Bertinetto, k),
            confidences: Vec::new(),
            came_true: Vec::new(),
        }
    }

    /// Adds an image: what the graph says of its answer, the answer, its ranked labels, its truths.
    pub fn add(&mut self, pair: &Pair, answer: NodeId, ranked: &[NodeId], truths: &[NodeId]) {
        self.hierarchical.add(pair.hierarchical);
        self.information.add(pair.information);
        self.depth.add(pair.depth);
        self.height.add(answer, ranked, truths);
        self.bertinetto.add(answer, ranked, truths);
    }

    /// Adds an image without an answer: nothing is recalled of its truths.
    pub fn add_abstention(&mut self, taxonomy: &Taxonomy, truths: &[NodeId]) {
        self.hierarchical.add_abstention(taxonomy, truths);
    }

    /// Adds the probability of an image's answer, and whether that is exact and valid, if it is known.
    pub fn add_confidence(&mut self, probability: f64, is_exact: bool, is_valid: Option<bool>) {
        self.confidences.push(probability);
        self.came_true.push((is_exact, is_valid));
    }

    pub fn finish(&self) -> Metrics {
        let calibration_of = |comes_true: fn(&(bool, Option<bool>)) -> Option<bool>| {
            let all = self.confidences.iter().zip(&self.came_true);
            let known = all.filter_map(|(&p, came_true)| Some((p, comes_true(came_true)?)));
            calibration(known.collect())
        };
        Metrics {
            hierarchical: self.hierarchical.finish(),
            information: self.information.finish(),
            depth: self.depth.finish(),
            severity_height: self.height.finish(),
            severity_bertinetto: self.bertinetto.finish(),
            calibration_exact: calibration_of(|&(exact, _)| Some(exact)),
            calibration_valid: calibration_of(|&(_, valid)| valid),
        }
    }
}
