//! Many saved runs: their order by several figures, and which of them differ.

use std::collections::BTreeSet;

use serde::Serialize;

use super::compare::{CompareError, differs, id, pairs as pairs_of};
use super::saved::{Saved, SavedRow};
use crate::score::{McNemar, Verdict, holm, kendall_tau};

/// Many runs: their figures, and which of them differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranking {
    pub runs: Vec<RankedRun>,
    /// Parts of the manifests that are not the same in all runs, such as `taxonomy`: differences may come from any of them.
    pub differs: Vec<&'static str>,
    /// Kendall's τ-b between the orders that R@1 and mAP@R give to the runs (METHOD 4), image to label; `None` where a run
    /// has no such figure, or an order is not defined.
    pub kendall_tau: Option<f64>,
    /// The same, label to image.
    pub kendall_tau_of_images: Option<f64>,
    /// Every pair of runs.
    pub pairs: Vec<RankedPair>,
}

/// Figures of one run, by its summary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankedRun {
    pub name: String,
    pub n: usize,
    pub top1: Option<f64>,
    /// Image to label: the best candidate is valid.
    pub recall_at_1: Option<f64>,
    pub map_at_r: Option<f64>,
    /// Label to image.
    pub recall_at_1_of_images: Option<f64>,
    pub map_at_r_of_images: Option<f64>,
}

/// Two runs, by their places.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankedPair {
    pub first: usize,
    pub second: usize,
    /// Images that have a verdict in both.
    pub n: usize,
    /// Of these, images whose annotated label is another in the second.
    pub other_truth: usize,
    /// Of exact answers.
    pub mcnemar: McNemar,
    /// Its p-value after Holm's correction over the pairs.
    pub p_holm: Option<f64>,
}

/// Compares many runs, each pair on the images that both have.
///
/// # Errors
/// When no image is in two of them, or one is there more than once.
pub fn rank(runs: &[(String, Saved)]) -> Result<Ranking, CompareError> {
    let figures: Vec<RankedRun> = runs
        .iter()
        .map(|(name, run)| {
            let retrieval = run.summary.retrieval.as_ref();
            let of_labels = retrieval.map(|r| &r.image_to_label);
            let of_images = retrieval.map(|r| &r.label_to_image);
            RankedRun {
                name: name.clone(),
                n: run.summary.n,
                top1: run.summary.top1,
                recall_at_1: of_labels.and_then(|figures| figures.recall_at_1),
                map_at_r: of_labels.and_then(|figures| figures.map_at_r),
                recall_at_1_of_images: of_images.and_then(|figures| figures.recall_at_1),
                map_at_r_of_images: of_images.and_then(|figures| figures.map_at_r),
            }
        })
        .collect();
    let mut differing = BTreeSet::new();
    let mut pairs = Vec::new();
    for first in 0..runs.len() {
        for second in first + 1..runs.len() {
            let (a, b) = (&runs[first].1, &runs[second].1);
            differing.extend(differs(a, b).into_iter().map(|part| part.part));
            let both = pairs_of(a, b)?
                .into_iter()
                .map(|(i, j)| (&a.rows[i], &b.rows[j]))
                .filter(|(a, b)| a.verdict.is_some() && b.verdict.is_some());
            let both: Vec<(&SavedRow, &SavedRow)> = both.collect();
            let is_exact = |row: &SavedRow| row.verdict == Some(Verdict::Exact);
            let (of_a, of_b): (Vec<bool>, Vec<bool>) =
                both.iter().map(|(a, b)| (is_exact(a), is_exact(b))).unzip();
            let has_other_truth =
                |(of_a, of_b): &&(&SavedRow, &SavedRow)| id(a, of_a.primary) != id(b, of_b.primary);
            pairs.push(RankedPair {
                first,
                second,
                n: both.len(),
                other_truth: both.iter().filter(has_other_truth).count(),
                mcnemar: McNemar::of(&of_a, &of_b),
                p_holm: None,
            });
        }
    }
    let p_values = pairs.iter().map(|p| p.mcnemar.p_value.unwrap_or(f64::NAN));
    let corrected = holm(&p_values.collect::<Vec<_>>());
    for (pair, p) in pairs.iter_mut().zip(corrected) {
        pair.p_holm = (!p.is_nan()).then_some(p);
    }
    let tau = |of: fn(&RankedRun) -> Option<(f64, f64)>| {
        let known: Option<(Vec<f64>, Vec<f64>)> = figures.iter().map(of).collect();
        known.and_then(|(a, b)| kendall_tau(&a, &b))
    };
    Ok(Ranking {
        kendall_tau: tau(|run| run.recall_at_1.zip(run.map_at_r)),
        kendall_tau_of_images: tau(|run| run.recall_at_1_of_images.zip(run.map_at_r_of_images)),
        runs: figures,
        differs: differing.into_iter().collect(),
        pairs,
    })
}
