//! Accuracies against re-annotated valid sets: ReaL and multi-label accuracy (METHOD 6).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::annotation::Annotations;
use super::figure::{Figure, add_row, mean, one_if};
use super::judgements::{Judged, Tally};
use super::verdict::Verdict;
use crate::taxonomy::{NodeId, Taxonomy};

/// Accuracies against re-annotated valid sets, over the images that have an answer, a label and such a set.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
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

/// Columns that are summed over the images: those whose set is not empty, of these the answers in it, those with a set, and
/// of these the right answers.
pub const COLUMNS: usize = 4;

/// What is summed up of a judged image.
pub fn row(annotations: &Annotations, judged: &Judged) -> [f64; COLUMNS] {
    let Some(is_in_set) = judged.in_valid_set else {
        return [0.0; COLUMNS];
    };
    let set = &annotations.distinct()[judged.annotation as usize].valid;
    let has_some = set.as_ref().is_some_and(|set| !set.is_empty());
    let is_right = is_in_set || matches!(judged.verdict, Verdict::Exact | Verdict::Synonym);
    [
        one_if(has_some),
        one_if(has_some && is_in_set),
        1.0,
        one_if(is_right),
    ]
}

/// Sums over judged images.
#[derive(Debug, Clone, PartialEq)]
pub struct ReassessedSums {
    sums: [f64; COLUMNS],
    /// Of each truth class the answers that are wrong and right, in the order of the classes.
    classes: Vec<[usize; 2]>,
}

impl ReassessedSums {
    /// `None` if there is no re-annotation.
    pub fn new(
        taxonomy: &Taxonomy,
        annotations: &Annotations,
        tally: &[Tally<'_>],
    ) -> Option<Self> {
        if !annotations.reannotated() {
            return None;
        }
        let mut sums = [0.0; COLUMNS];
        let mut classes: BTreeMap<NodeId, [usize; 2]> = BTreeMap::new();
        for of in tally.iter().filter(|of| of.judged.in_valid_set.is_some()) {
            let row = row(annotations, of.judged);
            add_row(&mut sums, &row.map(|value| of.count as f64 * value));
            let annotation = &annotations.distinct()[of.judged.annotation as usize];
            let class = taxonomy.representative(annotation.truths[0]);
            classes.entry(class).or_default()[usize::from(row[3] > 0.0)] += of.count;
        }
        Some(Self {
            sums,
            classes: classes.into_values().collect(),
        })
    }

    /// What [`mla`](Reassessed::mla) depends on.
    pub fn counts(&self) -> &[usize] {
        self.classes.as_flattened()
    }

    pub fn finish(&self) -> Reassessed {
        let [real_n, _, mla_n, _] = self.sums;
        let [real, mla_plain] = shares(&self.sums);
        Reassessed {
            real_n: real_n as usize,
            real,
            mla_n: mla_n as usize,
            classes: self.classes.len(),
            mla: balanced(self.counts()),
            mla_plain,
        }
    }
}

fn shares(sums: &[f64]) -> [Option<f64>; 2] {
    [mean(sums[1], sums[0]), mean(sums[3], sums[2])]
}

/// Mean over the classes that have images.
fn balanced(counts: &[usize]) -> Option<f64> {
    let (mut classes, mut sum) = (0.0, 0.0);
    for class in counts.chunks_exact(2) {
        if let Some(accuracy) = mean(class[1] as f64, (class[0] + class[1]) as f64) {
            classes += 1.0;
            sum += accuracy;
        }
    }
    mean(sum, classes)
}

/// The figures of sums of the [columns](COLUMNS).
pub fn named(sums: &[f64]) -> Vec<Figure> {
    let [real, mla_plain] = shares(sums);
    vec![
        Figure::new("reassessed", "real", real, sums[0]),
        Figure::new("reassessed", "mla_plain", mla_plain, sums[2]),
    ]
}

/// The figure of [counts](ReassessedSums::counts), or of what was drawn of them.
pub fn named_of_counts(counts: &[usize]) -> Vec<Figure> {
    let n = counts.iter().sum::<usize>() as f64;
    vec![Figure::new("reassessed", "mla", balanced(counts), n)]
}
