//! From probabilities to an answer: the decision rules of METHOD 7. Pure: no I/O, no formatting.
//!
//! A [`Rule`] is what the command line gives. A [`Decider`] is a rule prepared over a taxonomy and candidates; it gives an
//! [`Answer`] for the [`Scores`] of one image, or abstains. Rules that need more than scores have types of their own:
//! [`Darts`] is calibrated into a decider, [`Chils`] needs scores of subclasses, [`rerank`] similarities of further texts.
//!
//! What holds for every rule:
//!
//! - What can be answered are the candidates and their ancestors, equivalent nodes as one class; [`Masses`] says how a
//!   class's mass is summed. A class is answered as its most probable candidate, or as its representative where none of it
//!   is a candidate.
//! - Ties break by id, in the order of its text: never by the order of a file.
//! - The answer does not depend on the number of threads, and a rule never falls back on another one: what it needs and
//!   the data lack is a [`DecideError`].

mod binomial;
mod chils;
mod crm;
mod darts;
mod inaturalist;
mod masses;
mod pybioclip;
mod ranks;
mod rerank;
mod rule;
mod speciesnet;
mod specific;
#[cfg(test)]
mod tests;
mod top_down;

pub use binomial::lower_bound;
pub use chils::{Chils, Subclasses, chils};
pub use crm::MAX_CRM;
pub use darts::{Calibrated, Darts, DartsItem};
pub use masses::Masses;
pub use rerank::{KindOf, RERANKED, disagree, kinds_of, rerank};
pub use rule::{Rank, Rule, RuleError};

use super::answer::Scores;
use crate::taxonomy::{NodeId, Taxonomy};

/// What a rule answers for one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    pub node: NodeId,
    /// How sure the rule is that this is true of the image, from 0 to 1 (and rounding): the mass of the node. Of `argmax` and `leaf`
    /// it is the probability of the candidate; of the rules of others, the score that they compare; of `chils`, the
    /// product.
    pub confidence: f64,
}

/// Why a rule cannot be applied to these data.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DecideError {
    #[error(
        "the rule `{rule}` needs the probabilities of all candidates, and predicted labels are all there is: give --scores, or score with `argmax`"
    )]
    NeedsScores { rule: String },
    #[error("there is no candidate: a rule chooses among candidates and what is above them")]
    NoCandidates,
    #[error("`{id}` is a candidate twice, so its probability would count twice: name it once")]
    RepeatedCandidate { id: String },
    #[error(
        "the rule `leaf` answers leaves of the taxonomy, and none of the {candidates} candidates is one: add leaves, or use `argmax`"
    )]
    NoLeaf { candidates: usize },
    #[error(
        "the rule `{rule}` needs labelled images to be calibrated on: say with --calibration which share of the images, such as 0.5"
    )]
    NeedsCalibration { rule: String },
    #[error(
        "the rule `chils` needs the probabilities of the candidates' subclasses beside those of the candidates, so the subclasses must be prompted for: give --model, with --images or --image-embeddings"
    )]
    NeedsSubclasses,
    #[error(
        "the rule `rerank` needs the answers of several prompts, and the similarities of texts of the form \"X, which is a kind of P\", so these must be prompted for: give --model, with --images or --image-embeddings"
    )]
    NeedsTexts,
    #[error(
        "the rule `rerank` looks where the prompts of a label disagree, each asked of every label: all candidates must have the same number of prompts, 2 or more, and these have {least} to {most}; `--prompts general --synonyms false` gives such"
    )]
    NeedsTemplates { least: usize, most: usize },
    #[error(
        "the rule `{rule}` keeps the distances of all pairs of candidates, and {candidates} are too many: at most {most}; choose fewer candidates"
    )]
    TooManyCandidates {
        rule: String,
        candidates: usize,
        most: usize,
    },
    #[error(
        "the rule `{rule}` needs nodes with `rank:` {ranks}, and no candidate is one or has one above it: give them ranks in the taxonomy"
    )]
    NoRank { rule: String, ranks: String },
    #[error(
        "the rule `{rule}` needs one node of each rank on the way up, and `{id}` has two of rank {rank}: `{first}` and `{second}`"
    )]
    SeveralOfRank {
        rule: String,
        id: String,
        rank: &'static str,
        first: String,
        second: String,
    },
    #[error(
        "the rule `{rule}` cannot promise that {:.4} of its answers are right: even the safest answers are right for {correct} of {n} calibration images, so only {bound:.4} is sure at 95 %; allow more wrong answers, or give more calibration images", 1.0 - wrong
    )]
    Unreachable {
        rule: String,
        /// The share of wrong answers allowed, ε.
        wrong: f64,
        correct: usize,
        n: usize,
        /// The one-sided 95 % lower bound that was reached.
        bound: f64,
    },
}

impl Rule {
    /// Whether the rule can answer over these candidates, as far as that shows before any image is looked at.
    ///
    /// # Errors
    /// What the rule needs and the taxonomy or the candidates lack.
    pub fn check(&self, taxonomy: &Taxonomy, candidates: &[NodeId]) -> Result<(), DecideError> {
        match self {
            Self::Darts(wrong) => Darts::new(taxonomy, candidates, *wrong).map(drop),
            Self::Chils => Chils::new(taxonomy, candidates).map(drop),
            Self::Rerank => Masses::new(taxonomy, candidates).map(drop),
            rule => Decider::new(taxonomy, candidates, rule).map(drop),
        }
    }
}

/// A rule prepared over the candidates of a taxonomy. Answers take time linear in what can be answered, unless said otherwise.
#[derive(Debug)]
pub struct Decider<'t> {
    rule: Rule,
    masses: Masses<'t>,
    plan: Plan,
}

/// What the rule keeps.
#[derive(Debug)]
enum Plan {
    Argmax,
    /// Candidates that are leaves.
    Leaf(Vec<usize>),
    Specific(specific::Least),
    Rollup(specific::Rollup),
    Darts(darts::Prepared),
    Crm(crm::Costs),
    TopDown(top_down::TopDown),
    SpeciesNet(speciesnet::Levels),
    INaturalist(inaturalist::Levels),
    PyBioClip(pybioclip::Groups),
}

impl<'t> Decider<'t> {
    /// Prepares a rule. Scores are to be in the order of `candidates`.
    ///
    /// - `argmax`: the most probable candidate.
    /// - `leaf`: the most probable candidate among the leaves of the taxonomy.
    /// - `majority`, `threshold:τ`: the most specific class with mass > 0.5, or ≥ τ: the one of most information I(n); of
    ///   several, which a DAG and a forest have, and a low τ anywhere, the one of most mass, then the deepest, then of least id. So
    ///   with leaves as candidates and τ → 0 it is `argmax`. None has that mass: abstains.
    /// - `rollup:τ`: the best of the *lowest* candidates (those without a candidate strictly below: the leaves of what can
    ///   be answered) if its mass is ≥ τ; else it climbs from there, all parents of a level at once, to the first level
    ///   (fewest edges up) with a class of mass ≥ τ: the most massive of that level. None up to the roots: abstains.
    /// - `crm:MEASURE`: the candidate of least expected distance Σ p(c)·d(·, c) (Karthik et al., No cost likelihood manipulation
    ///   at test time for making better mistakes, ICLR 2021). Distances of all pairs are kept: 8 bytes × candidates², at
    ///   most [`MAX_CRM`] candidates; an answer takes time in that.
    /// - `top-down`, `top-down:beam=b`: from the roots down; a class that is a candidate is also one of its own children, with
    ///   its own probability, and is answered when it is the best of them (`top_down.rs`).
    /// - `speciesnet`, `inaturalist`, `pybioclip:RANK`: as [`Rule`] says; to the digit in `speciesnet.rs`, `inaturalist.rs` and
    ///   `pybioclip.rs`.
    ///
    /// # Errors
    /// What the rule needs and the data lack; of `darts`, `chils` and `rerank` always, since they need more than scores.
    pub fn new(
        taxonomy: &'t Taxonomy,
        candidates: &[NodeId],
        rule: &Rule,
    ) -> Result<Self, DecideError> {
        let masses = Masses::new(taxonomy, candidates)?;
        let plan = match rule {
            Rule::Argmax => Plan::Argmax,
            Rule::Leaf => {
                let leaves = |&c: &usize| taxonomy.is_leaf(candidates[c]);
                let leaves: Vec<usize> = (0..candidates.len()).filter(leaves).collect();
                if leaves.is_empty() {
                    let candidates = candidates.len();
                    return Err(DecideError::NoLeaf { candidates });
                }
                Plan::Leaf(leaves)
            }
            Rule::Majority => Plan::Specific(specific::Least::Above(0.5)),
            Rule::Threshold(mass) => Plan::Specific(specific::Least::AtLeast(*mass)),
            Rule::Rollup(mass) => Plan::Rollup(specific::Rollup::new(&masses, *mass)),
            Rule::Crm(measure) => Plan::Crm(crm::Costs::new(&masses, *measure, rule)?),
            Rule::TopDown { beam } => Plan::TopDown(top_down::TopDown::new(&masses, *beam)),
            Rule::SpeciesNet { ensemble } => {
                Plan::SpeciesNet(speciesnet::Levels::new(&masses, *ensemble, rule)?)
            }
            Rule::INaturalist { server } => {
                Plan::INaturalist(inaturalist::Levels::new(&masses, *server, rule)?)
            }
            Rule::PyBioClip(rank) => Plan::PyBioClip(pybioclip::Groups::new(&masses, *rank, rule)?),
            Rule::Darts(_) => {
                let rule = rule.name();
                return Err(DecideError::NeedsCalibration { rule });
            }
            Rule::Chils => return Err(DecideError::NeedsSubclasses),
            Rule::Rerank => return Err(DecideError::NeedsTexts),
        };
        Ok(Self {
            rule: rule.clone(),
            masses,
            plan,
        })
    }

    /// The rule.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The masses that it decides by.
    pub fn masses(&self) -> &Masses<'t> {
        &self.masses
    }

    /// What a calibrated rule (`darts`) came from.
    pub fn calibrated(&self) -> Option<&Calibrated> {
        match &self.plan {
            Plan::Darts(prepared) => Some(&prepared.calibrated),
            _ => None,
        }
    }

    /// The answer for one image; `None`: the rule abstains. `scores` has a probability for each candidate.
    pub fn answer(&self, scores: &Scores<'_>) -> Option<Answer> {
        let (masses, p) = (&self.masses, scores.probabilities);
        // Most rules answer a class, with its mass.
        let of_class = |class: usize, all: &[f64]| Answer {
            node: masses.node(class, p),
            confidence: all[class],
        };
        let best = |among: &mut dyn Iterator<Item = usize>| {
            let best = among.min_by(|&a, &b| masses.by_score(scores, a, b))?;
            Some(Answer {
                node: masses.candidates[best],
                confidence: p[best],
            })
        };
        match &self.plan {
            Plan::Argmax => best(&mut (0..p.len())),
            Plan::Leaf(leaves) => best(&mut leaves.iter().copied()),
            Plan::Specific(least) => {
                let all = masses.of(p);
                Some(of_class(least.most_specific(masses, &all)?, &all))
            }
            Plan::Rollup(rollup) => {
                let all = masses.of(p);
                Some(of_class(rollup.climb(masses, &all)?, &all))
            }
            Plan::Darts(prepared) => {
                let all = masses.of(p);
                Some(of_class(prepared.best(masses, &all)?, &all))
            }
            Plan::Crm(costs) => {
                let all = masses.of(p);
                Some(of_class(costs.cheapest(masses, p)?, &all))
            }
            Plan::TopDown(top_down) => {
                let all = masses.of(p);
                Some(of_class(top_down.descend(masses, p, &all)?, &all))
            }
            Plan::SpeciesNet(levels) => levels.answer(masses, scores),
            Plan::INaturalist(levels) => levels.answer(masses, scores),
            Plan::PyBioClip(groups) => groups.answer(masses, scores),
        }
    }
}
