//! A run in columns, as its files have it: what reports of saved runs and the workbench read.

use std::collections::HashMap;

use serde_json::Value;

use super::Run;
use crate::names::Names;
use crate::score::{Summary, Verdict};
use crate::taxonomy::{NodeId, Relation};

/// A run as it is saved.
#[derive(Debug, Clone)]
pub struct Saved {
    /// `summary.json`.
    pub summary: Summary,
    /// `run.yaml`.
    pub manifest: Value,
    /// Ids that occur in the columns, by the numbers there.
    pub labels: Vec<String>,
    /// The distinct sets of labels, the primary one first.
    pub truths: Vec<Vec<u32>>,
    pub images: Names,
    pub rows: Vec<SavedRow>,
    /// What is known of the images beyond this; `None` where it was not read.
    pub details: Option<Details>,
}

/// One image of a saved run; labels are numbers in [`Saved::labels`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SavedRow {
    /// `None` for an image without a label.
    pub primary: Option<u32>,
    /// The number of its labels in [`Saved::truths`].
    pub truths: u32,
    /// `None`: abstained.
    pub answer: Option<u32>,
    pub probability: Option<f64>,
    pub verdict: Option<Verdict>,
    /// The truth that the answer is best related to.
    pub truth: Option<u32>,
    pub text_cosine: Option<f64>,
    pub credit: Option<f64>,
}

/// What is known of each image beside what runs are compared by.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Details {
    /// A row an image.
    pub rows: Vec<Detail>,
    /// The distinct re-annotated valid sets.
    pub valid: Vec<Vec<u32>>,
    /// The best labels of each image, best first.
    pub ranked: Jagged<SavedRank>,
    /// What every threshold on the mass would answer, most massive first; `None` where the probabilities of all candidates are not
    /// known.
    pub pareto: Option<Jagged<SavedStep>>,
}

/// One image; labels are numbers in [`Saved::labels`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Detail {
    pub relation: Option<Relation>,
    pub lca: Option<u32>,
    /// K(x); `None` without a verdict, and in runs of versions that did not write it.
    pub k: Option<u32>,
    /// The number of its re-annotated valid set in [`Details::valid`].
    pub valid: Option<u32>,
    /// m_valid(x).
    pub valid_mass: Option<f64>,
    pub self_confidence: Option<f64>,
    pub margin: Option<f64>,
    /// What the image looks like, if its annotation is suspect.
    pub looks_like: Option<u32>,
    /// Probability that the annotation is suspect by its loss.
    pub noisy: Option<f64>,
    /// Σσ² of the image; `None` of a model that tells none, and in runs of versions that did not write it.
    pub uncertainty: Option<f64>,
}

/// One ranked label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SavedRank {
    pub label: u32,
    pub similarity: Option<f32>,
    pub probability: Option<f64>,
}

/// One step of a Pareto sequence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SavedStep {
    pub label: u32,
    pub mass: f64,
}

/// Lists of any length, a list a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Jagged<T> {
    ends: Vec<usize>,
    values: Vec<T>,
}

impl<T> Default for Jagged<T> {
    fn default() -> Self {
        Self {
            ends: Vec::new(),
            values: Vec::new(),
        }
    }
}

impl<T> Jagged<T> {
    pub fn push(&mut self, row: impl IntoIterator<Item = T>) {
        self.values.extend(row);
        self.ends.push(self.values.len());
    }

    /// The list of a row.
    pub fn get(&self, row: usize) -> &[T] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.values[start..self.ends[row]]
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &[T]> {
        (0..self.len()).map(|row| self.get(row))
    }
}

/// Numbers of labels in the order in which they are met.
#[derive(Default)]
pub(super) struct Numbers {
    pub labels: Vec<String>,
    by_id: HashMap<String, u32>,
    pub truths: Sets,
    pub valid: Sets,
}

impl Numbers {
    pub fn label(&mut self, id: &str) -> u32 {
        if let Some(&number) = self.by_id.get(id) {
            return number;
        }
        let number = self.labels.len() as u32;
        self.by_id.insert(id.to_owned(), number);
        self.labels.push(id.to_owned());
        number
    }
}

/// Numbers of distinct sets of labels.
#[derive(Default)]
pub(super) struct Sets {
    pub distinct: Vec<Vec<u32>>,
    by_labels: HashMap<Vec<u32>, u32>,
}

impl Sets {
    pub fn number(&mut self, set: Vec<u32>) -> u32 {
        if let Some(&number) = self.by_labels.get(&set) {
            return number;
        }
        let number = self.distinct.len() as u32;
        self.by_labels.insert(set.clone(), number);
        self.distinct.push(set);
        number
    }
}

/// An annotation by the numbers of its labels.
#[derive(Clone, Copy)]
struct OfAnnotation {
    primary: Option<u32>,
    truths: u32,
    valid: Option<u32>,
}

impl Saved {
    /// What would be read back if the run were saved.
    pub fn of(run: &Run) -> Self {
        let mut numbers = Numbers::default();
        // Ids are looked up once a node and not once an image.
        let mut of_node: Vec<Option<u32>> = vec![None; run.ids.len()];
        let mut label = |numbers: &mut Numbers, n: NodeId| {
            *of_node[n.index()].get_or_insert_with(|| numbers.label(run.id(n)))
        };
        let predictions = &run.predictions;
        let annotations = &predictions.annotations;
        let mut sets_of: Vec<Option<OfAnnotation>> = vec![None; annotations.distinct().len()];
        let mut rows = Vec::with_capacity(predictions.len());
        let mut details = Details::default();
        let mut pareto = Jagged::default();
        let mut is_whole = true;
        for i in 0..predictions.len() {
            let prediction = predictions.get(i);
            let of = *sets_of[annotations.index(i)].get_or_insert_with(|| {
                let mut all = |numbers: &mut Numbers, nodes: &[NodeId]| -> Vec<u32> {
                    nodes.iter().map(|&n| label(numbers, n)).collect()
                };
                let truths = all(&mut numbers, prediction.truths);
                let valid = prediction.valid.map(|valid| all(&mut numbers, valid));
                OfAnnotation {
                    primary: truths.first().copied(),
                    valid: valid.map(|valid| numbers.valid.number(valid)),
                    truths: numbers.truths.number(truths),
                }
            });
            let judged = prediction.judged;
            let checked = prediction.checked;
            rows.push(SavedRow {
                primary: of.primary,
                truths: of.truths,
                answer: prediction.answer.map(|n| label(&mut numbers, n)),
                probability: prediction.probability,
                verdict: judged.map(|j| j.verdict),
                truth: judged.map(|j| label(&mut numbers, j.truth)),
                text_cosine: judged.and_then(|j| j.text_cosine),
                credit: judged.map(|j| j.credit),
            });
            details.rows.push(Detail {
                relation: judged.map(|j| j.relation),
                lca: judged.and_then(|j| j.lca).map(|n| label(&mut numbers, n)),
                k: judged.map(|j| j.k as u32),
                valid: of.valid,
                valid_mass: prediction
                    .mass
                    .filter(|_| of.primary.is_some())
                    .map(|m| m.valid),
                self_confidence: checked.map(|c| c.self_confidence),
                margin: checked.map(|c| c.margin),
                looks_like: (checked.and_then(|c| c.looks_like)).map(|n| label(&mut numbers, n)),
                noisy: prediction.noisy,
                uncertainty: prediction.uncertainty,
            });
            details
                .ranked
                .push(predictions.ranked(i).map(|ranked| SavedRank {
                    label: label(&mut numbers, ranked.label),
                    similarity: ranked.similarity,
                    probability: ranked.probability,
                }));
            match predictions.pareto(i) {
                Some(steps) => pareto.push(steps.map(|(n, mass)| SavedStep {
                    label: label(&mut numbers, n),
                    mass,
                })),
                None => is_whole = false,
            }
        }
        details.valid = std::mem::take(&mut numbers.valid.distinct);
        details.pareto = is_whole.then_some(pareto);
        Self {
            summary: run.summary.clone(),
            manifest: serde_json::to_value(&run.manifest)
                .expect("a manifest has nothing that JSON has not"),
            labels: numbers.labels,
            truths: numbers.truths.distinct,
            images: predictions.images.clone(),
            rows,
            details: Some(details),
        }
    }

    /// The id of a label by its number.
    pub fn id(&self, label: u32) -> &str {
        &self.labels[label as usize]
    }
}
