//! What another label, or other prompts, would change: the best candidates before and after.

use rayon::prelude::*;

use super::answer::Similarities;

/// The candidates of an image, most similar first; `tie_order[c]` decides between equals, least first.
pub fn ranked(similarities: &dyn Similarities, image: usize, tie_order: &[usize]) -> Vec<usize> {
    let mut scores = Vec::new();
    similarities.fill(image, 0..similarities.candidates(), &mut scores);
    let mut candidates: Vec<usize> = (0..scores.len()).collect();
    candidates.sort_unstable_by(|&a, &b| {
        let by_score = scores[b].total_cmp(&scores[a]);
        by_score.then_with(|| tie_order[a].cmp(&tie_order[b]))
    });
    candidates
}

/// The most similar candidate of each image, among equals the least in `tie_order`. There must be a candidate.
///
/// Runs on the current rayon pool; the result does not depend on its size.
pub fn best(similarities: &dyn Similarities, tie_order: &[usize]) -> Vec<usize> {
    let all = 0..similarities.candidates();
    (0..similarities.images())
        .into_par_iter()
        .map_init(Vec::new, |scores, image| {
            similarities.fill(image, all.clone(), scores);
            let mut best = 0;
            for (c, &score) in scores.iter().enumerate().skip(1) {
                let is_first = tie_order[c] < tie_order[best];
                if score > scores[best] || score == scores[best] && is_first {
                    best = c;
                }
            }
            best
        })
        .collect()
}

/// What became of the answers to some images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Images answered otherwise than before.
    pub changed: usize,
    /// Images whose primary truth was the answer, and is.
    pub right_before: usize,
    pub right_after: usize,
}

/// Compares the answers to the same images; `truths` has their primary truths, `None` without one that can be answered.
pub fn outcome(before: &[usize], after: &[usize], truths: &[Option<usize>]) -> Outcome {
    let mut outcome = Outcome::default();
    for ((before, after), truth) in before.iter().zip(after).zip(truths) {
        outcome.changed += usize::from(before != after);
        outcome.right_before += usize::from(*truth == Some(*before));
        outcome.right_after += usize::from(*truth == Some(*after));
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use crate::score::Given;

    #[test]
    fn the_best_is_the_first_of_the_ranked() {
        let scores = Matrix::new(3, vec![1.0, 2.0, 2.0, 5.0, 0.0, 5.0, -1.0, -1.0, -1.0]);
        let given = Given(&scores);
        let tie_order = [2, 1, 0];
        assert_eq!(best(&given, &tie_order), [2, 2, 2]);
        assert_eq!(best(&given, &[0, 1, 2]), [1, 0, 0]);
        let all = [[2, 1, 0], [2, 0, 1], [2, 1, 0]];
        for (image, expected) in all.iter().enumerate() {
            assert_eq!(ranked(&given, image, &tie_order), expected);
        }
    }

    #[test]
    fn what_changes_is_counted() {
        let truths = [Some(0), Some(1), None, Some(2)];
        assert_eq!(
            outcome(&[0, 0, 0, 2], &[0, 1, 1, 0], &truths),
            Outcome {
                changed: 3,
                right_before: 2,
                right_after: 2,
            }
        );
    }
}
