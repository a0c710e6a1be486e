//! `crm`: the candidate of least expected distance.

use super::masses::Masses;
use super::{DecideError, Rule};
use crate::score::measures::{AllPairs, Measure};

/// The most candidates that `crm` takes: a table of their distances has 128 MiB.
pub const MAX_CRM: usize = 4096;

/// Distances of all pairs of candidates, row after row.
#[derive(Debug)]
pub struct Costs(Vec<f64>);

impl Costs {
    pub fn new(masses: &Masses<'_>, measure: Measure, rule: &Rule) -> Result<Self, DecideError> {
        let candidates = masses.candidates.len();
        if candidates > MAX_CRM {
            return Err(DecideError::TooManyCandidates {
                rule: rule.name(),
                candidates,
                most: MAX_CRM,
            });
        }
        let pairs = AllPairs::new(masses.taxonomy, measure, &masses.candidates);
        let rows = pairs.map(0..candidates, |_, row| row.to_vec());
        Ok(Self(rows.concat()))
    }

    /// The class of the candidate whose expected distance is least, ties by id. Sums are in the order of the candidates.
    pub fn cheapest(&self, masses: &Masses<'_>, p: &[f64]) -> Option<usize> {
        let with_any = p.iter().copied().enumerate().filter(|(_, p)| *p != 0.0);
        let likely: Vec<(usize, f64)> = with_any.collect();
        let expected = |row: &[f64]| -> f64 { likely.iter().map(|&(c, p)| p * row[c]).sum() };
        let costs: Vec<f64> = self.0.chunks_exact(p.len()).map(expected).collect();
        let cheapest = (0..costs.len()).min_by(|&a, &b| {
            let (of_a, of_b) = (masses.class_of(a), masses.class_of(b));
            costs[a].total_cmp(&costs[b]).then(masses.by_id(of_a, of_b))
        });
        cheapest.map(|c| masses.class_of(c))
    }
}
