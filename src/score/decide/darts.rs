//! `darts`: the most informative answer that is right often enough (Deng, Krause, Berg & Fei-Fei, Hedging your bets:
//! optimizing accuracy-specificity trade-offs in large scale visual recognition, CVPR 2012).
//!
//! The answer is argmax m(n)·(r(n) + λ), r(n) = I(n) = log2(L/leaves(n)) the reward in bits: λ = 0 asks for what is expected to
//! inform most, a large λ for what is surest. λ is bisected on labelled images until enough of their answers are right: *right* as
//! in the paper, the answer is a label of the image, equivalent to one, or above one.
//!
//! Ties go to the greater m·r, then to the greater m, then by id. Only the first of these is told apart by a λ that is so
//! large that rounding swallows the reward.

use std::cmp::Ordering;

use super::binomial::lower_bound;
use super::masses::Masses;
use super::{DecideError, Decider, Plan, Rule};
use crate::score::answer::Scores;
use crate::taxonomy::{NodeId, Taxonomy};

/// λ is found to this, times λ where that is above 1.
const TOLERANCE: f64 = 1e-9;

/// The rule before it is calibrated.
#[derive(Debug)]
pub struct Darts<'t> {
    masses: Masses<'t>,
    rewards: Vec<f64>,
    wrong: f64,
}

/// What a calibration image says: every class that is the answer for some λ.
#[derive(Debug, Clone, PartialEq)]
pub struct DartsItem {
    /// The massive first, the rewarding last.
    choices: Vec<Choice>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Choice {
    merit: Merit,
    is_right: bool,
}

/// What λ weighs.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Merit {
    mass: f64,
    /// m·r. Kept as a product, so that rounding leaves the sum monotone in both: what is less in both is never the answer.
    reward: f64,
}

impl Merit {
    /// The better first.
    fn by(self, other: Self, lambda: f64) -> Ordering {
        let value = |merit: Self| merit.reward + lambda * merit.mass;
        value(other)
            .total_cmp(&value(self))
            .then(other.reward.total_cmp(&self.reward))
            .then(other.mass.total_cmp(&self.mass))
    }
}

/// What calibration found.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Calibrated {
    /// In bits, 0 or more.
    pub lambda: f64,
    /// Calibration images, and those of them that are answered rightly with this λ.
    pub n: usize,
    pub correct: usize,
    /// The one-sided 95 % Clopper-Pearson lower bound on the share of right answers: above 1 − ε.
    pub bound: f64,
}

#[derive(Debug)]
pub(super) struct Prepared {
    pub calibrated: Calibrated,
    rewards: Vec<f64>,
}

impl Prepared {
    pub fn best(&self, masses: &Masses<'_>, all: &[f64]) -> Option<usize> {
        let merit = |class: usize| Merit {
            mass: all[class],
            reward: all[class] * self.rewards[class],
        };
        (0..masses.len()).min_by(|&a, &b| {
            let by_merit = merit(a).by(merit(b), self.calibrated.lambda);
            by_merit.then(masses.by_id(a, b))
        })
    }
}

impl<'t> Darts<'t> {
    /// Prepares calibration; `wrong` is the share of wrong answers allowed, ε.
    ///
    /// # Errors
    /// Those of [`Masses::new`].
    pub fn new(
        taxonomy: &'t Taxonomy,
        candidates: &[NodeId],
        wrong: f64,
    ) -> Result<Self, DecideError> {
        let masses = Masses::new(taxonomy, candidates)?;
        let rewards = masses.nodes().iter().map(|&n| taxonomy.information(n));
        Ok(Self {
            rewards: rewards.collect(),
            masses,
            wrong,
        })
    }

    /// What an image with these labels says; `None` without a label.
    ///
    /// Keeps the classes that no other beats in both mass and m·r: a few, however many there are.
    pub fn item(&self, scores: &Scores<'_>, truths: &[NodeId]) -> Option<DartsItem> {
        if truths.is_empty() {
            return None;
        }
        let masses = &self.masses;
        let all = masses.of(scores.probabilities);
        let reward = |class: usize| all[class] * self.rewards[class];
        let mut order: Vec<usize> = (0..masses.len()).collect();
        order.sort_unstable_by(|&a, &b| {
            let by_mass = all[b].total_cmp(&all[a]);
            let by_reward = by_mass.then(reward(b).total_cmp(&reward(a)));
            by_reward.then(masses.by_id(a, b))
        });
        let mut choices: Vec<Choice> = Vec::new();
        for class in order {
            let merit = Merit {
                mass: all[class],
                reward: reward(class),
            };
            let best = choices.last().map(|last| last.merit.reward);
            if best.is_none_or(|best| merit.reward > best) {
                let node = masses.nodes()[class];
                let is_right = truths.iter().any(|&t| masses.taxonomy.is_ancestor(node, t));
                choices.push(Choice { merit, is_right });
            }
        }
        Some(DartsItem { choices })
    }

    /// The decider with the smallest λ for which the one-sided 95 % Clopper-Pearson lower bound on the share of right
    /// answers among `items` is above 1 − ε.
    ///
    /// By bisection, to 1e-9 (times λ where that is above 1), from above: the bound holds at the λ that is returned. The share
    /// rises with λ as far as the probabilities are calibrated; where it does not, there are several crossings, and this
    /// is one of them.
    ///
    /// # Errors
    /// [`DecideError::NeedsCalibration`] without items, and [`DecideError::Unreachable`] if λ → ∞ (the most massive class is
    /// answered) does not reach the bound: without a mistake it takes ln 0.05 / ln(1 − ε) images, 59 for ε = 0.05.
    pub fn calibrate(self, items: &[DartsItem]) -> Result<Decider<'t>, DecideError> {
        let (n, rule) = (items.len(), Rule::Darts(self.wrong));
        if n == 0 {
            let rule = rule.name();
            return Err(DecideError::NeedsCalibration { rule });
        }
        let at = |lambda: f64| {
            let correct = items.iter().filter(|item| item.is_right(lambda)).count();
            Calibrated {
                lambda,
                n,
                correct,
                bound: lower_bound(correct, n),
            }
        };
        let is_enough = |found: &Calibrated| found.bound > 1.0 - self.wrong;
        let correct = items.iter().filter(|item| item.choices[0].is_right).count();
        let bound = lower_bound(correct, n);
        if bound <= 1.0 - self.wrong {
            return Err(DecideError::Unreachable {
                rule: rule.name(),
                wrong: self.wrong,
                correct,
                n,
                bound,
            });
        }
        let (mut low, mut found) = (0.0, at(0.0));
        if !is_enough(&found) {
            // Powers of two scale masses without rounding, so this ends with the answers of λ → ∞.
            let mut high = 1.0;
            found = at(high);
            while !is_enough(&found) {
                low = high;
                high *= 2.0;
                found = at(high);
            }
            while found.lambda - low > TOLERANCE * found.lambda.max(1.0) {
                let middle = at(0.5 * (low + found.lambda));
                if is_enough(&middle) {
                    found = middle;
                } else {
                    low = middle.lambda;
                }
            }
        }
        Ok(Decider {
            rule,
            masses: self.masses,
            plan: Plan::Darts(Prepared {
                calibrated: found,
                rewards: self.rewards,
            }),
        })
    }
}

impl DartsItem {
    fn is_right(&self, lambda: f64) -> bool {
        let best = self
            .choices
            .iter()
            .min_by(|a, b| a.merit.by(b.merit, lambda));
        best.is_some_and(|best| best.is_right)
    }
}
