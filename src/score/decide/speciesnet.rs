//! `speciesnet`: the roll-up of SpeciesNet (Gadot et al., To crop or not to crop, IET Computer Vision 2024; the program is
//! google/cameratrapai), without a detector and without a geofence.
//!
//! At the ranks genus, family, order, class and kingdom in turn (phylum is none of them) the scores of the *best five* candidates
//! are summed by what stands at that rank at or above them, not renormalised; a candidate with nothing there counts for none. The
//! greatest sum is answered if it is above 0.65; of equal ones that of the better candidate. If none is: `unknown`, abstains. (With
//! an animal detected above 0.5 the program says `animal`.)
//!
//! `speciesnet:ensemble` takes the best score first if it is above 0.8, of whatever rank, as the program does before it rolls up. (With an
//! animal detected above 0.2 it asks for 0.65.)
//!
//! What is special to its classes `blank`, `human` and `vehicle` has no part here. Comparisons are strict, as there.

use super::masses::Masses;
use super::ranks::{at_rank, missing};
use super::{Answer, DecideError, Rule};
use crate::score::answer::Scores;

const RANKS: [&str; 5] = ["genus", "family", "order", "class", "kingdom"];
/// Scores that the classifier passes on.
const KEPT: usize = 5;
const SURE: f64 = 0.8;
const ROLLED_UP: f64 = 0.65;

/// Of each rank, what stands there above each class.
#[derive(Debug)]
pub struct Levels {
    levels: Vec<Vec<Option<usize>>>,
    /// Whether a sure best score is taken first.
    ensemble: bool,
}

impl Levels {
    pub fn new(masses: &Masses<'_>, ensemble: bool, rule: &Rule) -> Result<Self, DecideError> {
        let levels = RANKS.iter().map(|rank| at_rank(masses, rank, rule));
        let levels = levels.collect::<Result<Vec<_>, _>>()?;
        if levels.iter().flatten().all(Option::is_none) {
            return Err(missing(rule, &RANKS));
        }
        Ok(Self { levels, ensemble })
    }

    pub fn answer(&self, masses: &Masses<'_>, scores: &Scores<'_>) -> Option<Answer> {
        let p = scores.probabilities;
        let mut best: Vec<usize> = (0..p.len()).collect();
        let better = |&a: &usize, &b: &usize| masses.by_score(scores, a, b);
        if best.len() > KEPT {
            best.select_nth_unstable_by(KEPT - 1, better);
            best.truncate(KEPT);
        }
        best.sort_unstable_by(better);
        let &first = best.first()?;
        if self.ensemble && p[first] > SURE {
            return Some(Answer {
                node: masses.candidates[first],
                confidence: p[first],
            });
        }
        for level in &self.levels {
            // In the order of the best member, so that the first of equal sums is that of the better one.
            let mut sums: Vec<(usize, f64)> = Vec::new();
            for &c in &best {
                let Some(at) = level[masses.class_of(c)] else {
                    continue;
                };
                match sums.iter_mut().find(|(class, _)| *class == at) {
                    Some((_, sum)) => *sum += p[c],
                    None => sums.push((at, p[c])),
                }
            }
            // `min_by` keeps the first of equals.
            let greatest = sums.iter().min_by(|a, b| b.1.total_cmp(&a.1));
            if let Some(&(class, sum)) = greatest.filter(|(_, sum)| *sum > ROLLED_UP) {
                return Some(Answer {
                    node: masses.node(class, p),
                    confidence: sum,
                });
            }
        }
        None
    }
}
