//! Accuracies against re-annotated valid sets: ReaL and multi-label accuracy (METHOD 6).

use std::collections::BTreeMap;

use serde::Serialize;

use super::annotation::Annotations;
use super::judgements::Tally;
use super::verdict::Verdict;
use crate::taxonomy::{NodeId, Taxonomy};

/// Accuracies against re-annotated valid sets, over the images that have an answer, a label and such a set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reassessed {
    /// Images whose set is not empty.
    pub real_n: usize,
    /// Re-assessed accuracy: of these, the share whose answer is in the set (Beyer et al., Are we done with ImageNet?, 2020).
    pub real: Option<f64>,
    /// Images with a set, an empty one too.
    pub mla_n: usize,
    /// Truth classes that occur among them.
    pub classes: usize,
    /// Multi-label accuracy: an answer is right if it is exact, a synonym or in the set; averaged within each class of the
    /// primary truth, then over the classes (Shankar et al., Evaluating machine accuracy on ImageNet, ICML 2020).
    pub mla: Option<f64>,
    /// The same averaged over the images.
    pub mla_plain: Option<f64>,
}

/// Sums up judgements; `None` if there is no re-annotation.
pub fn reassess(
    taxonomy: &Taxonomy,
    annotations: &Annotations,
    rows: &[Tally<'_>],
) -> Option<Reassessed> {
    if !annotations.reannotated() {
        return None;
    }
    let (mut real_n, mut in_set) = (0, 0);
    // By class: right ones and all.
    let mut classes: BTreeMap<NodeId, (usize, usize)> = BTreeMap::new();
    for row in rows {
        let annotation = &annotations.distinct()[row.judged.annotation as usize];
        let Some(is_in_set) = row.judged.in_valid_set else {
            continue;
        };
        if annotation.valid.as_ref().is_some_and(|set| !set.is_empty()) {
            real_n += row.count;
            in_set += usize::from(is_in_set) * row.count;
        }
        let is_right = is_in_set || matches!(row.judged.verdict, Verdict::Exact | Verdict::Synonym);
        let class = taxonomy.representative(annotation.truths[0]);
        let (right, all) = classes.entry(class).or_default();
        *right += usize::from(is_right) * row.count;
        *all += row.count;
    }
    let ratio = |part: f64, whole: usize| (whole > 0).then(|| part / whole as f64);
    let mla_n = classes.values().map(|&(_, all)| all).sum();
    let right: usize = classes.values().map(|&(right, _)| right).sum();
    let of_classes = classes
        .values()
        .map(|&(right, all)| right as f64 / all as f64);
    Some(Reassessed {
        real_n,
        real: ratio(in_set as f64, real_n),
        mla_n,
        classes: classes.len(),
        mla: ratio(of_classes.sum(), classes.len()),
        mla_plain: ratio(right as f64, mla_n),
    })
}
