//! `chils`: by the subclasses of the candidates (Novack, McAuley, Lipton & Garg, CHiLS: zero-shot image classification with
//! hierarchical label sets, ICML 2023).

use super::masses::Masses;
use super::{Answer, DecideError};
use crate::taxonomy::{NodeId, Taxonomy};

/// The classes whose prompts `chils` needs, and whose subclasses they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subclasses {
    /// One node of each class, in the order of first appearance below the candidates.
    pub nodes: Vec<NodeId>,
    /// The candidates, as ascending indices, that each of them is a subclass of; at least one.
    pub parents: Vec<Vec<usize>>,
}

impl Subclasses {
    /// The direct children of each candidate, equivalent ones once; a candidate without children is its own subclass.
    pub fn new(taxonomy: &Taxonomy, candidates: &[NodeId]) -> Self {
        let mut place = vec![None; taxonomy.len()];
        let mut subclasses = Self {
            nodes: Vec::new(),
            parents: Vec::new(),
        };
        for (candidate, &n) in candidates.iter().enumerate() {
            let mut below = taxonomy.class_children(n);
            if below.is_empty() {
                below.push(n);
            }
            for node in below {
                let place = &mut place[taxonomy.representative(node).index()];
                let at = *place.get_or_insert_with(|| {
                    subclasses.nodes.push(node);
                    subclasses.parents.push(Vec::new());
                    subclasses.nodes.len() - 1
                });
                subclasses.parents[at].push(candidate);
            }
        }
        subclasses
    }
}

/// The score of each candidate: the greatest p_sub(s)/k · p_sup(candidate) over its subclasses s, k the number of
/// candidates that s is a subclass of. Its probability is split evenly among these, so that it is not counted twice; 0 for a candidate
/// without subclasses.
///
/// `p_sup[c]` is the probability of candidate `c` among the candidates, `p_sub[s]` that of subclass `s` among the subclasses,
/// each adding up to 1; `parents_of_sub[s]` are the candidates that `s` is a subclass of.
///
/// # Panics
/// If `parents_of_sub` names a candidate that `p_sup` has not.
pub fn chils(p_sup: &[f64], p_sub: &[f64], parents_of_sub: &[Vec<usize>]) -> Vec<f64> {
    let mut scores = vec![0.0f64; p_sup.len()];
    for (p, parents) in p_sub.iter().zip(parents_of_sub) {
        let share = p / parents.len() as f64;
        for &parent in parents {
            scores[parent] = scores[parent].max(share * p_sup[parent]);
        }
    }
    scores
}

/// The rule prepared over candidates. Its scores are of two kinds, so it is no [`Decider`](super::Decider).
#[derive(Debug)]
pub struct Chils<'t> {
    masses: Masses<'t>,
    subclasses: Subclasses,
}

impl<'t> Chils<'t> {
    /// Prepares the rule.
    ///
    /// # Errors
    /// Those of [`Masses::new`].
    pub fn new(taxonomy: &'t Taxonomy, candidates: &[NodeId]) -> Result<Self, DecideError> {
        Ok(Self {
            masses: Masses::new(taxonomy, candidates)?,
            subclasses: Subclasses::new(taxonomy, candidates),
        })
    }

    /// The classes whose probabilities [`answer`](Self::answer) takes, in their order.
    pub fn subclasses(&self) -> &Subclasses {
        &self.subclasses
    }

    /// The candidate of the best score ([`chils`]), ties by id; its confidence is that score. `p_sup` are the
    /// probabilities of the candidates, `p_sub` those of the subclasses.
    pub fn answer(&self, p_sup: &[f64], p_sub: &[f64]) -> Option<Answer> {
        let scores = chils(p_sup, p_sub, &self.subclasses.parents);
        let best = (0..scores.len()).min_by(|&a, &b| {
            let by_score = scores[b].total_cmp(&scores[a]);
            by_score.then(self.masses.candidates_by_id(a, b))
        })?;
        Some(Answer {
            node: self.masses.candidates[best],
            confidence: scores[best],
        })
    }
}
