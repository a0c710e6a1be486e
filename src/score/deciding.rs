//! The decision rules with all that they need: those that scores are enough for, and those that need more (METHOD 7).

use std::cmp::Ordering;

use super::answer::{Distribution, Scores, Similarities};
use super::decide::{Answer, Chils, Decider, RERANKED, disagree, rerank};
use crate::taxonomy::NodeId;

/// A rule, ready to answer.
pub enum Deciding<'a> {
    Rule(Decider<'a>),
    Chils(Chils<'a>, Distribution<'a>),
    Rerank(Reranking<'a>),
}

/// What `rerank` looks at beside the scores.
pub struct Reranking<'a> {
    pub candidates: &'a [NodeId],
    /// `tie_order[c]`: the rank of the candidate's id.
    pub tie_order: Vec<usize>,
    /// Similarities of images and prompts: those of candidate `c` are `c · per_candidate` and on, in the order of the templates.
    pub prompts: &'a dyn Similarities,
    pub per_candidate: usize,
    /// Similarities of images and texts "X, which is a kind of P"; those of candidate `c` begin at `starts[c]`.
    pub kinds: &'a dyn Similarities,
    /// One more than candidates.
    pub starts: Vec<usize>,
}

impl Deciding<'_> {
    /// The answer for an image; `None`: the rule abstains.
    pub fn answer(&self, image: usize, scores: Scores<'_>) -> Option<Answer> {
        match self {
            Self::Rule(decider) => decider.answer(&scores),
            Self::Chils(chils, subclasses) => {
                let p_sub = subclasses.probabilities(image);
                chils.answer(scores.probabilities, &p_sub)
            }
            Self::Rerank(reranking) => reranking.answer(image, scores),
        }
    }
}

impl Reranking<'_> {
    /// The best candidate; where the templates disagree on it, the one of the best five whose texts are nearest to the image.
    fn answer(&self, image: usize, scores: Scores<'_>) -> Option<Answer> {
        let best = scores.best(&self.tie_order, RERANKED);
        let mut answer = *best.first()?;
        if disagree(&self.answers(image)) {
            let mut all = Vec::new();
            let similarities: Vec<Vec<f32>> = best
                .iter()
                .map(|&c| {
                    self.kinds
                        .fill(image, self.starts[c]..self.starts[c + 1], &mut all);
                    all.clone()
                })
                .collect();
            let by_id = |a: usize, b: usize| self.tie_order[a].cmp(&self.tie_order[b]);
            answer = best[*rerank(&best, &similarities, by_id).first()?];
        }
        Some(Answer {
            node: self.candidates[answer],
            confidence: scores.probabilities[answer],
        })
    }

    /// The best candidate by each template.
    fn answers(&self, image: usize) -> Vec<usize> {
        let mut all = Vec::new();
        self.prompts
            .fill(image, 0..self.prompts.candidates(), &mut all);
        let better = |template: usize, a: usize, b: usize| -> Ordering {
            let of = |c: usize| all[c * self.per_candidate + template];
            let by_similarity = of(b).total_cmp(&of(a));
            by_similarity.then(self.tie_order[a].cmp(&self.tie_order[b]))
        };
        (0..self.per_candidate)
            .filter_map(|t| (0..self.candidates.len()).min_by(|&a, &b| better(t, a, b)))
            .collect()
    }
}
