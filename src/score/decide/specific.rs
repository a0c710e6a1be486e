//! `majority`, `threshold` and `rollup`: down to what is sure enough, or up to it.

use super::masses::Masses;

/// How much mass is enough.
#[derive(Debug, Clone, Copy)]
pub enum Least {
    Above(f64),
    AtLeast(f64),
}

impl Least {
    fn allows(self, mass: f64) -> bool {
        match self {
            Least::Above(least) => mass > least,
            Least::AtLeast(least) => mass >= least,
        }
    }

    /// The most specific class of enough mass ([`Masses::by_specificity`]).
    pub fn most_specific(self, masses: &Masses<'_>, all: &[f64]) -> Option<usize> {
        (0..masses.len())
            .filter(|&class| self.allows(all[class]))
            .min_by(|&a, &b| masses.by_specificity(all, a, b))
    }
}

/// From the best lowest candidate up to the first level that is sure enough.
#[derive(Debug)]
pub struct Rollup {
    least: f64,
    /// Classes of candidates without a candidate below.
    lowest: Vec<usize>,
}

impl Rollup {
    pub fn new(masses: &Masses<'_>, least: f64) -> Self {
        // What can be answered and has nothing below it is a candidate.
        let lowest = |&class: &usize| masses.children(class).next().is_none();
        Self {
            least,
            lowest: (0..masses.len()).filter(lowest).collect(),
        }
    }

    /// The class that is answered, level by level from the best of the lowest: a level is what is reached in so many edges
    /// and in no fewer.
    pub fn climb(&self, masses: &Masses<'_>, all: &[f64]) -> Option<usize> {
        let lowest = self.lowest.iter().copied();
        let start = lowest.min_by(|&a, &b| masses.by_mass(all, a, b))?;
        // Few are met: as many as are above one class.
        let (mut met, mut level) = (vec![start], vec![start]);
        while !level.is_empty() {
            let enough = level.iter().copied().filter(|&c| all[c] >= self.least);
            if let Some(first) = enough.min_by(|&a, &b| masses.by_mass(all, a, b)) {
                return Some(first);
            }
            let mut above = Vec::new();
            for parent in level.iter().flat_map(|&c| masses.parents(c)) {
                if !met.contains(&parent) {
                    met.push(parent);
                    above.push(parent);
                }
            }
            level = above;
        }
        None
    }
}
