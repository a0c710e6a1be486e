//! What a run says in labels that a taxonomy has not.

use std::collections::BTreeSet;

use super::saved::Saved;
use crate::taxonomy::Taxonomy;

/// A label of a run that is no node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The id of the node that it was.
    pub label: String,
    /// Images that are annotated with it.
    pub annotated: usize,
    /// Images that it was an answer to, given or ranked.
    pub answered: usize,
}

/// The labels that images of the run are annotated with or were answered, and that the taxonomy has not: with one of them the run
/// cannot be [judged](super::rejudged) by it. By name. O(images) where there are any, else O(labels).
pub fn gone(saved: &Saved, taxonomy: &Taxonomy) -> Vec<Gone> {
    let labels = saved.labels.iter();
    let is_gone: Vec<bool> = labels.map(|id| taxonomy.find(id).is_none()).collect();
    if !is_gone.contains(&true) {
        return Vec::new();
    }
    let mut counts = vec![(0, 0); saved.labels.len()];
    for (i, row) in saved.rows.iter().enumerate() {
        let details = saved.details.as_ref();
        let valid = details.and_then(|details| {
            let set = details.rows[i].valid?;
            Some(&details.valid[set as usize])
        });
        let truths = saved.truths[row.truths as usize].iter();
        let truths: BTreeSet<u32> = truths.chain(valid.into_iter().flatten()).copied().collect();
        let ranked = details.map_or(&[][..], |details| details.ranked.get(i));
        let answers = ranked.iter().map(|rank| rank.label).chain(row.answer);
        let answers: BTreeSet<u32> = answers.collect();
        truths
            .iter()
            .for_each(|&label| counts[label as usize].0 += 1);
        answers
            .iter()
            .for_each(|&label| counts[label as usize].1 += 1);
    }
    let all = saved.labels.iter().zip(counts).zip(is_gone);
    let mut found: Vec<Gone> = all
        .filter(|&((_, counts), is_gone)| is_gone && counts != (0, 0))
        .map(|((label, (annotated, answered)), _)| Gone {
            label: label.clone(),
            annotated,
            answered,
        })
        .collect();
    found.sort_by(|a, b| a.label.cmp(&b.label));
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::run::{load_whole, rejudged};
    use crate::score::{Depth, Stop};
    use crate::taxonomy::load_str;

    /// Without any one label of the taxonomy: what is told to be gone keeps the run from being judged, and nothing else does.
    #[test]
    fn a_run_is_judged_unless_one_of_its_labels_is_gone() {
        let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/run");
        let saved = load_whole(&run).expect("a run");
        let all: BTreeSet<&String> = saved.labels.iter().collect();
        let mut told = 0;
        for left_out in &all {
            let kept = all.iter().filter(|label| *label != left_out);
            let nodes: String = kept.map(|label| format!("  {label}: {{}}\n")).collect();
            let taxonomy = load_str("flat", &format!("nodes:\n{nodes}")).into_sound();
            let taxonomy = taxonomy.expect("a sound DAG");
            let found = gone(&saved, &taxonomy);
            let can_be = rejudged(&saved, &taxonomy, None, Depth::Answers, Stop::NEVER).is_ok();
            assert_eq!(found.is_empty(), can_be, "{left_out}: {found:?}");
            let [found] = &found[..] else { continue };
            assert_eq!(found.label, **left_out);
            let is_it = |label: &u32| saved.id(*label) == *left_out;
            let rows = saved.rows.iter();
            let annotated = rows.filter(|row| saved.truths[row.truths as usize].iter().any(is_it));
            assert_eq!(found.annotated, annotated.count());
            told += 1;
        }
        assert!(told > 5, "{told}");
    }
}
