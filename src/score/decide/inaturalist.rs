//! `inaturalist`: the common ancestor that iNaturalist is "pretty sure" of (inaturalist/inatVisionAPI), from the scores of the
//! pictures alone, without those of the place.
//!
//! Of the candidates, those with more than 1 % of the best score (strictly) are kept, at most the best 15; their scores are summed
//! over what is at or above them and divided by their total. Of the classes above 0.78 (strictly) that of the lowest rank is
//! answered; of several of one rank, which only a DAG has, the one of most score, then of least id. None: abstains.
//!
//! `inaturalist:server` answers ranks from genus to superfamily alone, as the server does: never a species, which it shows
//! beside the answer in a list, nor an order or anything above.

use super::masses::Masses;
use super::ranks::missing;
use super::{Answer, DecideError, Rule};
use crate::score::answer::Scores;

/// Ranks with their levels, as iNaturalist numbers them.
const RANKS: [(&str, u8); 32] = [
    ("infrahybrid", 5),
    ("form", 5),
    ("variety", 5),
    ("subspecies", 5),
    ("hybrid", 10),
    ("species", 10),
    ("complex", 11),
    ("subsection", 12),
    ("section", 13),
    ("subgenus", 15),
    ("genus", 20),
    ("genushybrid", 20),
    ("subtribe", 24),
    ("tribe", 25),
    ("supertribe", 26),
    ("subfamily", 27),
    ("family", 30),
    ("epifamily", 32),
    ("superfamily", 33),
    ("parvorder", 34),
    ("infraorder", 35),
    ("suborder", 37),
    ("order", 40),
    ("superorder", 43),
    ("infraclass", 45),
    ("subclass", 47),
    ("class", 50),
    ("superclass", 53),
    ("subphylum", 57),
    ("phylum", 60),
    ("kingdom", 70),
    ("stateofmatter", 100),
];
/// The levels that the server answers: from genus to superfamily.
const SERVED: std::ops::RangeInclusive<u8> = 20..=33;
/// Least share of the best score.
const CUTOFF: f64 = 0.01;
/// Candidates kept.
const WINDOW: usize = 15;
const SURE: f64 = 0.78;

/// The classes that can be answered, with their levels.
#[derive(Debug)]
pub struct Levels(Vec<(u8, usize)>);

impl Levels {
    pub fn new(masses: &Masses<'_>, server: bool, rule: &Rule) -> Result<Self, DecideError> {
        let taxonomy = masses.taxonomy;
        let known = RANKS.iter().filter(|r| !server || SERVED.contains(&r.1));
        let known: Vec<&(&str, u8)> = known.collect();
        let level = |rank: &str| known.iter().find(|r| r.0 == rank).map(|r| r.1);
        let mut levels = Vec::new();
        for (class, &node) in masses.nodes().iter().enumerate() {
            let members = taxonomy.equivalents(node).iter();
            let of_members = members.filter_map(|&n| level(taxonomy.rank(n)?));
            levels.extend(of_members.min().map(|level| (level, class)));
        }
        if levels.is_empty() {
            let ranks: Vec<&str> = known.iter().map(|r| r.0).collect();
            return Err(missing(rule, &ranks));
        }
        Ok(Self(levels))
    }

    pub fn answer(&self, masses: &Masses<'_>, scores: &Scores<'_>) -> Option<Answer> {
        let p = scores.probabilities;
        let cutoff = CUTOFF * p.iter().copied().max_by(f64::total_cmp)?;
        let mut best: Vec<usize> = (0..p.len()).filter(|&c| p[c] > cutoff).collect();
        best.sort_unstable_by(|&a, &b| masses.by_score(scores, a, b));
        best.truncate(WINDOW);
        let mut kept = vec![0.0; p.len()];
        best.iter().for_each(|&c| kept[c] = p[c]);
        let total: f64 = best.iter().map(|&c| p[c]).sum();
        let all = masses.of(&kept);
        let sure = self.0.iter().filter(|(_, c)| all[*c] / total > SURE);
        let &(_, class) = sure.min_by(|a, b| {
            let by_mass = masses.by_mass(&all, a.1, b.1);
            a.0.cmp(&b.0).then(by_mass)
        })?;
        Some(Answer {
            node: masses.node(class, p),
            confidence: all[class] / total,
        })
    }
}
