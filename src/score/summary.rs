//! The figures of one run: accuracies, the breakdown by verdict, credit, K and its ceiling, confusions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::attribution::{CauseRow, Multiplicity, VerdictRow};
use super::decide::Calibrated;
use super::dilution::Dilution;
use super::growth::Growth;
use super::metrics::Metrics;
use super::noisy::NoisySummary;
use super::reassessed::Reassessed;
use super::retrieval::Retrieval;
use super::selective::RiskAreas;
use super::suspects::Suspects;
use super::verdict::Verdict;
use crate::taxonomy::Relation;

/// Version of the summary's schema; it grows when a field changes its meaning or goes away.
pub const SUMMARY_SCHEMA: u32 = 2;

/// The figures of one run. All shares and accuracies are fractions in [0, 1]; `None` where n is 0.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Summary {
    pub schema: u32,
    /// The decision rule that the answers come from, as it is written.
    pub rule: String,
    /// What a calibrated rule came from.
    pub calibrated: Option<Calibrated>,
    /// Whether the root counts in hierarchical precision and recall.
    pub root: String,
    /// Images with an answer and a label: `top1`, `top5` and the metrics are over these.
    pub n: usize,
    /// Images with a label that were abstained from: of all figures only hierarchical recall counts them.
    pub abstained: usize,
    /// Number of candidates |C|.
    pub candidates: usize,
    /// Share of images whose answer is the primary truth.
    pub top1: Option<f64>,
    /// Share of images whose primary truth is among the best five.
    pub top5: TopK,
    /// Images with a verdict: `n`, and where there is a re-annotation only those of them that it names. Every figure
    /// below but the metrics is over these.
    pub judged: usize,
    /// Of these, the answers that are not exact.
    pub errors: usize,
    /// Accuracies against the re-annotated valid sets; `None` if there is none.
    pub reassessed: Option<Reassessed>,
    /// A row per verdict, in the order of the tests, those with count 0 included.
    pub verdicts: Vec<VerdictRow>,
    pub multiplicity: Multiplicity,
    /// A row per cause, in the order of the verdicts: what forgiving it would gain where an error has several.
    pub causes: Vec<CauseRow>,
    /// Permutations behind `by_chance` and `p_value` of the verdicts; 0 without images.
    pub permutations: usize,
    /// Mean credit under `strict`, the share of exact answers, printed beside the chosen one.
    pub strict_credit: Option<f64>,
    /// The chosen policy's name.
    pub credit_policy: String,
    /// Mean credit under the chosen policy.
    pub credit: Option<f64>,
    pub valid_set: ValidSet,
    /// `None` if the probabilities of all candidates are not known.
    pub dilution: Option<Dilution>,
    /// `None` without images.
    pub growth: Option<Growth>,
    /// Over all images; `None` if the scores of all candidates are not known.
    pub retrieval: Option<Retrieval>,
    /// Over the `n` images, recall and precision in bits; `None` if the probabilities of all candidates are not known.
    pub curve: Option<CurveAreas>,
    pub metrics: Metrics,
    /// 95 % bootstrap intervals of figures of this summary by their paths in it, such as `metrics.hierarchical.micro.f1`: of
    /// those that are defined and have at least [`FEWEST`](super::FEWEST) images behind them.
    pub intervals_95: BTreeMap<String, Interval>,
    /// `None` if the probabilities of all candidates are not known.
    pub suspects: Option<Suspects>,
    /// Annotations that are suspect by their loss; `None` if the probabilities of all candidates are not known.
    pub noisy: Option<NoisySummary>,
    /// What the model's own uncertainty says of its errors; `None` of a model that tells none.
    pub uncertainty: Option<RiskAreas>,
    /// Whether labels are in what is above them, by the model's own uncertainty; `None` of a model that tells none.
    pub inclusion: Option<InclusionOfEdges>,
    /// The most frequent (truth, answer) pairs of answers that are not exact, by count, then by ids.
    pub confusions: Vec<Confusion>,
}

/// Whether H(child ⊂ parent) > H(parent ⊂ child) of the labels' normal distributions (METHOD 9).
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct InclusionOfEdges {
    /// Declared edges of the taxonomy both of whose ends have prompts.
    pub n: usize,
    /// Of these, those whose child is in its parent.
    pub included: usize,
    /// `included / n`. Of two distributions one is in the other, so that by chance it is half.
    pub share: f64,
}

/// What the operating curve comes to (METHOD 6).
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct CurveAreas {
    /// Images with a label.
    pub n: usize,
    pub average_precision: f64,
    pub average_correct: f64,
    pub recall_at_90: f64,
    pub recall_at_95: f64,
}

/// Top-k accuracy.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct TopK {
    /// min(5, |C|): with fewer candidates than five the figure is over those there are.
    pub k: usize,
    /// `None` too if fewer than `k` ranked labels are known of some image.
    pub accuracy: Option<f64>,
}

/// A closed interval.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// K(x) and the 1/K ceiling (METHOD 4).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct ValidSet {
    /// Mean K(x), the number of candidates that are valid for the image.
    pub mean_k: Option<f64>,
    /// Mean 1/K(x); an image without a valid candidate counts as 0.
    pub ceiling: Option<f64>,
    /// Share of exact answers / `ceiling`; `None` when the ceiling is 0.
    pub top1_over_ceiling: Option<f64>,
    /// Images none of whose valid labels is a candidate: they cannot be answered correctly.
    pub without_valid_candidate: usize,
    /// Images whose primary truth is not a candidate: they cannot be exact.
    pub truth_not_a_candidate: usize,
}

/// One (truth, answer) pair.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Confusion {
    /// Id of the truth that the answer was best related to.
    pub truth: String,
    pub answer: String,
    pub count: usize,
    pub verdict: Verdict,
    pub relation: Relation,
    /// Id of the lowest common ancestor of maximal information; `None` if there is none.
    pub lca: Option<String>,
}
