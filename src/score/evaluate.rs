//! From scores to what is kept of each image: the best candidates, the mass on the valid ones, the check of the label.

use std::collections::HashMap;

use super::annotation::Annotations;
use super::answer::Distribution;
use super::dilution::Mass;
use super::rankings::{Ranked, Rankings};
use super::suspects::{Checked, Checks};
use crate::taxonomy::{NodeId, Taxonomy};

/// What is kept of each image, a row each.
#[derive(Debug, Clone, Default)]
pub struct Evaluated {
    /// The answer; `None` where the model, or the rule, abstained.
    pub answers: Vec<Option<NodeId>>,
    /// The probability of each answer, whatever stands for one that was not given; empty if none is known.
    pub confidences: Vec<f64>,
    /// The best candidates of each image, of which the first need not be the answer.
    pub rankings: Rankings,
    /// Empty if the probabilities of all candidates are not known.
    pub masses: Vec<Mass>,
    /// Empty if the probabilities of all candidates are not known; `None` where the label cannot be checked, or there is none.
    pub checked: Vec<Option<Checked>>,
}

impl Evaluated {
    /// Of answers made elsewhere, the first of each image's labels: nothing else is known of them. An image without one
    /// was abstained from.
    pub fn of_rankings(rankings: Rankings) -> Self {
        let images = 0..rankings.len();
        let answers = images.clone().map(|i| rankings.labels(i).first().copied());
        let first = |i| {
            rankings
                .get(i)
                .next()
                .map_or(Some(0.0), |r: Ranked| r.probability)
        };
        let confidences: Vec<f64> = images.filter_map(first).collect();
        Self {
            answers: answers.collect(),
            confidences: if rankings.have_probabilities() {
                confidences
            } else {
                Vec::new()
            },
            rankings,
            ..Self::default()
        }
    }

    /// Whether the model contradicts an image's annotation (METHOD 8).
    pub fn is_suspect(&self, image: usize) -> bool {
        let checked = self.checked.get(image).copied().flatten();
        checked.is_some_and(|c| c.looks_like.is_some())
    }
}

/// Evaluates images, keeping the best `keep` candidates of each (0 keeps all). `valid` has, for each distinct annotation, the
/// valid candidates as indices.
///
/// Passes twice over the scores. Runs on the current rayon pool; the result does not depend on the number of threads.
pub fn evaluate(
    taxonomy: &Taxonomy,
    candidates: &[NodeId],
    distribution: &Distribution<'_>,
    annotations: &Annotations,
    valid: &[Vec<usize>],
    keep: usize,
) -> Evaluated {
    let tie_order = tie_order(taxonomy, candidates);
    let place: HashMap<NodeId, usize> = candidates.iter().copied().zip(0..).collect();
    let checks = Checks::new(taxonomy, candidates, annotations);

    let of_images = distribution.map(|i, scores| {
        let probability = |&c: &usize| scores.probabilities[c];
        let truth = annotations.get(i).truths.first().and_then(|t| place.get(t));
        let mass = Mass {
            truth: truth.map(probability),
            valid: valid[annotations.index(i)].iter().map(probability).sum(),
        };
        let best = scores.best(&tie_order, keep).into_iter();
        let ranked: Vec<Ranked> = best
            .map(|c| Ranked {
                label: candidates[c],
                similarity: Some(scores.similarities[c]),
                probability: Some(scores.probabilities[c]),
            })
            .collect();
        (ranked, mass, checks.self_confidence(i, scores))
    });
    let mut rankings = Rankings::default();
    let mut masses = Vec::with_capacity(of_images.len());
    let mut own = Vec::with_capacity(of_images.len());
    for (ranked, mass, self_confidence) in of_images {
        rankings.push(ranked);
        masses.push(mass);
        own.push(self_confidence);
    }
    Evaluated {
        masses,
        checked: checks.run(distribution, &own),
        ..Evaluated::of_rankings(rankings)
    }
}

/// Rank of each candidate's id among the candidates' ids: how ties are broken (METHOD 7).
fn tie_order(taxonomy: &Taxonomy, candidates: &[NodeId]) -> Vec<usize> {
    let mut by_id: Vec<usize> = (0..candidates.len()).collect();
    by_id.sort_by_key(|&c| taxonomy.id(candidates[c]));
    let mut order = vec![0; candidates.len()];
    for (rank, c) in by_id.into_iter().enumerate() {
        order[c] = rank;
    }
    order
}
