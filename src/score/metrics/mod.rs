//! Metrics of a run (METHOD 6). Each states its conventions where it is defined.

pub(super) mod calibration;
pub(super) mod consistency;
mod hierarchical;
mod information;
mod lca_on_the_line;
mod levels;
pub(super) mod per_class;
mod ranking;
mod severity;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use calibration::Calibration;
use calibration::calibration;
pub use consistency::{Consistencies, Consistency, ConsistencySums, Consistent, HOLDS};
use hierarchical::HierarchicalSums;
pub use hierarchical::{Hierarchical, PrecisionRecall, Root};
pub use information::Information;
use information::InformationSums;
pub use lca_on_the_line::{LcaOnTheLine, LcaOnTheLineSums};
pub use levels::{LevelAnswers, LevelCalibration, LevelSums, Levels};
pub use per_class::{ClassRow, PerClass, PerClassSums};
pub use ranking::{HierarchicalRanking, RankingSums};
pub use severity::Severity;
use severity::SeveritySums;

use super::evaluate::Whole;
use super::figure::Figure;
use super::measures::Measure;
use crate::taxonomy::{NodeId, Taxonomy};

/// Nodes times truths of distinct sets up to which the best order of the candidates is looked for: each truth of a set takes a
/// pass over the graph.
const MOST_PAIRS: usize = 200_000_000;

/// The metrics of the images with an answer and a label. All are fractions in [0, 1] unless said otherwise; `None`
/// where there is nothing to divide by.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
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
    pub lca_on_the_line: LcaOnTheLine,
    /// `None` if fewer ranked labels are known of some image, or if the nodes of the taxonomy times the truths of
    /// all distinct sets are more than 200 million.
    pub hierarchical_ranking: Option<HierarchicalRanking>,
    /// Over the images with a verdict.
    pub per_class: PerClass,
    /// `None` if the probabilities of all candidates are not known.
    pub consistency: Option<Consistency>,
    /// A row a level, the roots' first; empty if the probabilities of all candidates are not known.
    pub calibration_by_level: Vec<LevelCalibration>,
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
    /// By [`Measure::Height`], to the nearest truth.
    height: f64,
    /// By [`Measure::Bertinetto`].
    bertinetto: f64,
    missed: Option<f64>,
}

/// Columns that are summed over the images, one family after the other.
pub const COLUMNS: usize = hierarchical::COLUMNS
    + 2 * information::COLUMNS
    + 2 * severity::COLUMNS
    + lca_on_the_line::COLUMNS
    + ranking::COLUMNS;

/// Sums over the images, in their order.
pub struct MetricSums<'t> {
    hierarchical: HierarchicalSums,
    information: InformationSums,
    depth: InformationSums,
    height: SeveritySums<'t>,
    bertinetto: SeveritySums<'t>,
    lca_on_the_line: LcaOnTheLineSums<'t>,
    ranking: Option<RankingSums<'t>>,
    per_class: PerClassSums,
    k: usize,
    taxonomy: &'t Taxonomy,
    /// Probability of each answer, where it is known.
    confidences: Vec<f64>,
    /// Whether each is exact, and whether it is valid.
    came_true: Vec<(bool, Option<bool>)>,
}

impl<'t> MetricSums<'t> {
    /// Of nothing yet; the best `k` labels of each image are looked at. `truths` has those of all images, in any order.
    pub fn new(
        taxonomy: &'t Taxonomy,
        candidates: &[NodeId],
        truths: impl ExactSizeIterator<Item = &'t [NodeId]>,
        k: usize,
        root: Root,
    ) -> Self {
        let truths: Vec<&[NodeId]> = truths.collect();
        let passes: usize = truths.iter().map(|set| set.len()).sum();
        let is_small = taxonomy.len().saturating_mul(passes) <= MOST_PAIRS;
        Self {
            lca_on_the_line: LcaOnTheLineSums::new(taxonomy),
            ranking: is_small.then(|| RankingSums::new(taxonomy, candidates, truths, k)),
            per_class: PerClassSums::default(),
            k,
            taxonomy,
            hierarchical: HierarchicalSums::new(taxonomy, root),
            information: InformationSums::default(),
            depth: InformationSums::default(),
            height: SeveritySums::new(taxonomy, Measure::Height, k),
            bertinetto: SeveritySums::new(taxonomy, Measure::Bertinetto, k),
            confidences: Vec::new(),
            came_true: Vec::new(),
        }
    }

    /// What the graph says of the answer `p` to `truths`, at least one; `best` is the truth that `p` is best related to.
    pub fn pair(&self, p: NodeId, truths: &[NodeId], best: NodeId) -> Pair {
        let taxonomy = self.taxonomy;
        let depth = |n| taxonomy.depth(n).1 as f64 + 1.0;
        Pair {
            hierarchical: hierarchical::Closures::new(taxonomy, p, truths),
            information: information::Values::new(taxonomy, p, best, |n| taxonomy.information(n)),
            depth: information::Values::new(taxonomy, p, best, depth),
            height: self.height.distance(p, truths),
            bertinetto: self.bertinetto.distance(p, truths),
            missed: self.lca_on_the_line.distance(p, truths),
        }
    }

    /// Adds an image: what the graph says of its answer, the answer, its ranked labels, its truths, and whether the answer
    /// is valid, if that is judged. What is summed up goes to the end of `row`, in as many [columns](COLUMNS).
    pub fn add(
        &mut self,
        pair: &Pair,
        (answer, ranked): (NodeId, &[NodeId]),
        truths: &[NodeId],
        is_valid: Option<bool>,
        row: &mut Vec<f64>,
    ) {
        let is_exact = answer == truths[0];
        if let Some(is_valid) = is_valid {
            self.per_class.add(truths[0], is_exact, is_valid);
        }
        row.extend(self.hierarchical.add(pair.hierarchical));
        row.extend(self.information.add(pair.information));
        row.extend(self.depth.add(pair.depth));
        row.extend(self.height.add(pair.height, is_exact, ranked, truths));
        row.extend(
            self.bertinetto
                .add(pair.bertinetto, is_exact, ranked, truths),
        );
        let missed = pair.missed.filter(|_| !is_exact);
        row.extend(self.lca_on_the_line.add_distance(missed));
        row.extend(match &mut self.ranking {
            Some(ranking) if ranked.len() >= self.k => ranking.add(ranked.iter().copied(), truths),
            ranking => {
                *ranking = None;
                [0.0; ranking::COLUMNS]
            }
        });
    }

    /// Adds an image without an answer: nothing is recalled of its truths. What is summed up goes to the end of `row`.
    pub fn add_abstention(&mut self, taxonomy: &Taxonomy, truths: &[NodeId], row: &mut Vec<f64>) {
        let end = row.len() + COLUMNS;
        row.extend(self.hierarchical.add_abstention(taxonomy, truths));
        row.resize(end, 0.0);
    }

    /// The figures of sums of the [columns](COLUMNS) of all images.
    pub fn named(&self, sums: &[f64]) -> Vec<Figure> {
        let mut rest = sums;
        let mut next = |columns: usize| {
            let (of_family, after) = rest.split_at(columns);
            rest = after;
            of_family
        };
        let mut figures = hierarchical::named(next(hierarchical::COLUMNS));
        for (family, scores) in [
            ("metrics.information", "metrics.information.scores"),
            ("metrics.depth", "metrics.depth.scores"),
        ] {
            figures.extend(information::named(
                next(information::COLUMNS),
                family,
                scores,
            ));
        }
        for (severity, family) in [
            (&self.height, "metrics.severity_height"),
            (&self.bertinetto, "metrics.severity_bertinetto"),
        ] {
            figures.extend(severity.named(next(severity::COLUMNS), family));
        }
        figures.extend(lca_on_the_line::named(next(lca_on_the_line::COLUMNS)));
        if let Some(ranking) = &self.ranking {
            figures.extend(ranking.named(next(ranking::COLUMNS)));
        }
        figures
    }

    /// The accuracies within each class.
    pub fn per_class(&self) -> &PerClassSums {
        &self.per_class
    }

    /// Adds the probability of an image's answer, and whether that is exact and valid, if it is known.
    pub fn add_confidence(&mut self, probability: f64, is_exact: bool, is_valid: Option<bool>) {
        self.confidences.push(probability);
        self.came_true.push((is_exact, is_valid));
    }

    /// The figures; `whole` has those that need the probabilities of all candidates.
    pub fn finish(&self, whole: Option<&Whole>) -> Metrics {
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
            lca_on_the_line: self.lca_on_the_line.finish(),
            hierarchical_ranking: self.ranking.as_ref().map(RankingSums::finish),
            per_class: self.per_class.finish(self.taxonomy),
            consistency: whole.map(Whole::consistency),
            calibration_by_level: whole.map_or(Vec::new(), |whole| whole.levels.clone()),
            calibration_exact: calibration_of(|&(exact, _)| Some(exact)),
            calibration_valid: calibration_of(|&(_, valid)| valid),
        }
    }
}
