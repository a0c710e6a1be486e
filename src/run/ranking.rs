//! Many saved runs: their order by several figures, and which of them differ.

use serde::Serialize;

use super::compare::{CompareError, pairs as pairs_of};
use super::load::{Saved, SavedRow};
use crate::score::{McNemar, Verdict, holm, kendall_tau};

/// Many runs: their figures, and which of them differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranking {
    pub runs: Vec<RankedRun>,
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
            let figure = |pointer: &str| run.summary.pointer(pointer).and_then(|v| v.as_f64());
            RankedRun {
                name: name.clone(),
                n: run.summary["n"].as_u64().unwrap_or(0) as usize,
                top1: figure("/top1"),
                recall_at_1: figure("/retrieval/image_to_label/recall_at_1"),
                map_at_r: figure("/retrieval/image_to_label/map_at_r"),
                recall_at_1_of_images: figure("/retrieval/label_to_image/recall_at_1"),
                map_at_r_of_images: figure("/retrieval/label_to_image/map_at_r"),
            }
        })
        .collect();
    let mut pairs = Vec::new();
    for first in 0..runs.len() {
        for second in first + 1..runs.len() {
            let (a, b) = (&runs[first].1, &runs[second].1);
            let is_exact = |row: &SavedRow| row.verdict.map(|v| v == Verdict::Exact);
            let both: (Vec<bool>, Vec<bool>) = pairs_of(a, b)?
                .into_iter()
                .filter_map(|(i, j)| is_exact(&a.rows[i]).zip(is_exact(&b.rows[j])))
                .unzip();
            pairs.push(RankedPair {
                first,
                second,
                mcnemar: McNemar::of(&both.0, &both.1),
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
        pairs,
    })
}
