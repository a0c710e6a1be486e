//! From scores to what is kept of each image: the best candidates, the mass on the valid ones, the check of the label.

use std::collections::HashMap;

use rayon::prelude::*;

use super::answer::{Ranked, Softmax};
use super::dilution::Mass;
use super::suspects::{Checked, Checks};
use super::verdict::ValidSets;
use crate::taxonomy::{NodeId, Taxonomy};

/// What is kept of each image, a row each.
#[derive(Debug, Clone, Default)]
pub struct Evaluated {
    /// The best candidates, best first, as indices into the candidates.
    pub ranked: Vec<Vec<Ranked>>,
    /// K(x), the number of valid candidates; 0 without a label.
    pub k: Vec<usize>,
    pub mass: Vec<Mass>,
    /// `None` where the label cannot be checked, or there is none.
    pub checked: Vec<Option<Checked>>,
}

/// Evaluates images with these labels (the primary one first; none for an unlabelled image), keeping the best `keep`
/// candidates of each (0 keeps all).
///
/// Passes twice over the scores. Runs on the current rayon pool; the result does not depend on the number of threads.
pub fn evaluate(
    taxonomy: &Taxonomy,
    candidates: &[NodeId],
    softmax: &Softmax<'_>,
    truths: &[Vec<NodeId>],
    keep: usize,
) -> Evaluated {
    let tie_order = tie_order(taxonomy, candidates);
    let valid_sets = ValidSets::new(taxonomy, candidates);
    let mut distinct: Vec<&[NodeId]> = truths.iter().map(Vec::as_slice).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let valid: HashMap<&[NodeId], Vec<usize>> = distinct
        .into_par_iter()
        .map(|truths| (truths, valid_sets.of(truths)))
        .collect();
    let place: HashMap<NodeId, usize> = candidates.iter().copied().zip(0..).collect();
    let checks = Checks::new(taxonomy, candidates, truths);

    let of_images = softmax.map(|i, scores| {
        let probability = |&c: &usize| scores.probabilities[c];
        let truth = truths[i].first().and_then(|t| place.get(t));
        let mass = Mass {
            truth: truth.map(probability),
            valid: valid[truths[i].as_slice()].iter().map(probability).sum(),
        };
        let ranked = scores.best(&tie_order, keep);
        (ranked, mass, checks.self_confidence(i, scores))
    });
    let k = truths.iter().map(|t| valid[t.as_slice()].len()).collect();
    let mut evaluated = Evaluated {
        k,
        ..Evaluated::default()
    };
    let mut own = Vec::with_capacity(truths.len());
    for (ranked, mass, self_confidence) in of_images {
        evaluated.ranked.push(ranked);
        evaluated.mass.push(mass);
        own.push(self_confidence);
    }
    evaluated.checked = checks.run(softmax, &own);
    evaluated
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
