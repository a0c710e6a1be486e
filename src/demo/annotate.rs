//! An annotator of known habits: which of the true labels is written down, and how often a wrong one.

use rand::Rng;
use rand::seq::IteratorRandom;

use super::Chance;
use crate::taxonomy::{NodeId, Taxonomy};

/// Which true label is written down.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Habit {
    /// The most specific one.
    Specific,
    /// One of the others, each as likely; the most specific one where it is the only one.
    General,
    /// Any of the K true ones, each as likely.
    #[default]
    Uniform,
    /// The most specific one with this probability, from 0 to 1, else as `General`.
    Mixed { specific: f64 },
}

/// An annotator: a habit, and a rate of plain errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Annotator {
    pub habit: Habit,
    /// Probability, from 0 to 1, that the label is one that is not true of the picture, each as likely.
    pub error_rate: f64,
}

/// A label with what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annotation {
    pub label: NodeId,
    /// Whether the label is a plain error: not true of the picture.
    pub is_error: bool,
}

impl Annotator {
    /// Labels a picture of which `truths` are true, sorted, `specific` among them.
    pub(super) fn annotate(
        &self,
        taxonomy: &Taxonomy,
        specific: NodeId,
        truths: &[NodeId],
        chance: &mut Chance,
    ) -> Annotation {
        let is_true = |n: &NodeId| truths.binary_search(n).is_ok();
        // Drawn in this order whatever the rate, so that another rate turns some labels and keeps the others.
        let errs = chance.random::<f64>() < self.error_rate;
        let general = |chance: &mut Chance| {
            let others = truths.iter().copied().filter(|&t| t != specific);
            others.choose(chance)
        };
        let right = match self.habit {
            Habit::Specific => Some(specific),
            Habit::General => general(chance),
            Habit::Mixed { specific: rate } => {
                // Drawn before the label, so that another rate turns some labels and keeps the others.
                let is_specific = chance.random::<f64>() < rate;
                general(chance).filter(|_| !is_specific)
            }
            Habit::Uniform => truths.iter().copied().choose(chance),
        };
        let wrong = taxonomy.nodes().filter(|n| !is_true(n)).choose(chance);
        match wrong {
            Some(label) if errs => Annotation {
                label,
                is_error: true,
            },
            _ => Annotation {
                label: right.unwrap_or(specific),
                is_error: false,
            },
        }
    }
}
