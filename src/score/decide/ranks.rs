//! What stands at a rank above a candidate, for the rules that are made for a classification of living things.

use super::masses::Masses;
use super::{DecideError, Rule};

/// Of each class the one at or above it that has a rank; a class has the ranks of its nodes.
///
/// # Errors
/// [`DecideError::SeveralOfRank`] if there are two above one class: then the rule would depend on which is taken.
pub fn at_rank(
    masses: &Masses<'_>,
    rank: &'static str,
    rule: &Rule,
) -> Result<Vec<Option<usize>>, DecideError> {
    let taxonomy = masses.taxonomy;
    let mut found: Vec<Option<usize>> = Vec::with_capacity(masses.len());
    // Parents come first.
    for (class, &node) in masses.nodes().iter().enumerate() {
        let mut members = taxonomy.equivalents(node).iter();
        let own = members.any(|&n| taxonomy.rank(n) == Some(rank));
        let mut at = own.then_some(class);
        for above in masses.parents(class).filter_map(|parent| found[parent]) {
            match at {
                Some(other) if other != above => {
                    let mut two = [other, above];
                    two.sort_by(|&a, &b| masses.by_id(a, b));
                    let id = |class: usize| taxonomy.id(masses.nodes()[class]).to_owned();
                    return Err(DecideError::SeveralOfRank {
                        rule: rule.name(),
                        id: id(class),
                        rank,
                        first: id(two[0]),
                        second: id(two[1]),
                    });
                }
                _ => at = Some(above),
            }
        }
        found.push(at);
    }
    Ok(found)
}

/// The error for a taxonomy that has none of these ranks where they are needed.
pub fn missing(rule: &Rule, ranks: &[&str]) -> DecideError {
    DecideError::NoRank {
        rule: rule.name(),
        ranks: ranks.join(", "),
    }
}
