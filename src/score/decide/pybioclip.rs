//! `pybioclip:RANK`: the answer of pybioclip's `TreeOfLifeClassifier` at a rank (Imageomics/pybioclip).
//!
//! Candidates are grouped by the names from kingdom down to the rank, the whole path as one text; a rank that a candidate
//! has not on its way up is an empty name. So two genera of one name count as one only if everything above is the same too. The
//! probabilities above 1e-9 (strictly) are summed in each group, and the greatest sum is answered, by the node that the group
//! has at the rank; where it has none, it abstains. At `species` there are no groups: the most probable candidate.
//!
//! Ties break by id; in pybioclip, by the order of its list of species.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::masses::Masses;
use super::ranks::{at_rank, missing};
use super::rule::Rank;
use super::{Answer, DecideError, Rule};
use crate::score::answer::Scores;

/// Probabilities that are not above this count for nothing.
const LEAST: f64 = 1e-9;

#[derive(Debug)]
pub struct Groups {
    rank: Rank,
    /// The group of each candidate.
    of: Vec<usize>,
    /// The class that answers for each group; of several of the same path that of least id.
    classes: Vec<Option<usize>>,
}

impl Groups {
    pub fn new(masses: &Masses<'_>, rank: Rank, rule: &Rule) -> Result<Self, DecideError> {
        let ranks = Rank::ALL.into_iter().filter(|&above| above <= rank);
        let levels = ranks.map(|rank| at_rank(masses, rank.name(), rule).map(|at| (rank, at)));
        let levels = levels.collect::<Result<Vec<_>, _>>()?;
        let name = |rank: Rank, class: usize| {
            let mut members = masses.taxonomy.equivalents(masses.nodes()[class]).iter();
            let of_rank = members.find(|&&n| masses.taxonomy.rank(n) == Some(rank.name()));
            of_rank.map_or("", |&n| masses.taxonomy.label(n))
        };
        let mut groups: HashMap<Vec<&str>, usize> = HashMap::new();
        let (mut of, mut classes) = (Vec::new(), Vec::new());
        for c in 0..masses.candidates.len() {
            let class = masses.class_of(c);
            let path = levels
                .iter()
                .map(|(rank, at)| at[class].map_or("", |at| name(*rank, at)))
                .collect();
            let answering = levels.last().and_then(|(_, at)| at[class]);
            let group = match groups.entry(path) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    classes.push(answering);
                    *new.insert(classes.len() - 1)
                }
            };
            let known = &mut classes[group];
            if let (Some(other), Some(class)) = (*known, answering)
                && masses.by_id(class, other).is_lt()
            {
                *known = Some(class);
            }
            of.push(group);
        }
        if classes.iter().all(Option::is_none) {
            return Err(missing(rule, &[rank.name()]));
        }
        Ok(Self { rank, of, classes })
    }

    pub fn answer(&self, masses: &Masses<'_>, scores: &Scores<'_>) -> Option<Answer> {
        let p = scores.probabilities;
        if self.rank == Rank::Species {
            let best = (0..p.len()).min_by(|&a, &b| masses.by_score(scores, a, b))?;
            return Some(Answer {
                node: masses.candidates[best],
                confidence: p[best],
            });
        }
        let mut sums = vec![0.0; self.classes.len()];
        for (&group, &p) in self.of.iter().zip(p).filter(|(_, p)| **p > LEAST) {
            sums[group] += p;
        }
        // Of equal sums one that can be answered, then by id.
        let by_id = |a: usize, b: usize| match (self.classes[a], self.classes[b]) {
            (Some(a), Some(b)) => masses.by_id(a, b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        let best = (0..sums.len())
            .filter(|&group| sums[group] > 0.0)
            .min_by(|&a, &b| sums[b].total_cmp(&sums[a]).then(by_id(a, b)))?;
        Some(Answer {
            node: masses.node(self.classes[best]?, p),
            confidence: sums[best],
        })
    }
}
