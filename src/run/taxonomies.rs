//! The answers of one saved run under two taxonomies.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Serialize;

use super::compare::{CompareError, Comparison, compare};
use super::question::{Assumed, Question, QuestionError};
use super::rejudge::{RejudgeError, rejudged, without_judgements};
use super::saved::Saved;
use crate::score::{
    AlsoRight, Answered, Collisions, Depth, Forgiveness, Judge, Multiplicity, Stop, forgiveness,
};
use crate::taxonomy::Taxonomy;
use crate::taxonomy::diff::Difference;

/// Labels that an error names.
const NAMED: usize = 5;

/// Why a run cannot be compared under two taxonomies.
#[derive(Debug, thiserror::Error)]
pub enum TaxonomiesError {
    #[error(
        "{taxonomy}: has no node for {}: keep the nodes, under these ids, or score the images anew with this taxonomy",
        missing(labels)
    )]
    Missing {
        taxonomy: String,
        /// Labels of the run, in the order in which they occur there.
        labels: Vec<String>,
    },
    #[error(transparent)]
    Question(#[from] QuestionError),
    #[error(transparent)]
    Rejudge(#[from] RejudgeError),
    #[error(transparent)]
    Compare(#[from] CompareError),
}

fn missing(labels: &[String]) -> String {
    let named: Vec<String> = (labels.iter().take(NAMED))
        .map(|label| format!("`{label}`"))
        .collect();
    let named = named.join(", ");
    match labels.len() {
        1 => format!("the label {named} of the run"),
        n if n > NAMED => format!("{n} labels of the run: {named} and {} more", n - NAMED),
        n => format!("{n} labels of the run: {named}"),
    }
}

/// What another taxonomy makes of a run's answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnderTaxonomies {
    /// What had to be taken for granted, of both.
    pub assumed: Vec<String>,
    /// The headline of each.
    pub multiplicity: [Multiplicity; 2],
    pub forgiveness: Forgiveness,
    pub comparison: Comparison,
}

/// Judges the answers of a run, which was read whole, under two taxonomies, each with what it is called by, and compares. Runs on the
/// current rayon pool; the result does not depend on its size.
///
/// # Errors
/// A taxonomy lacks labels of the run; a run that was not read whole, is damaged, or has an image twice.
pub fn compare_taxonomies(
    saved: &Saved,
    taxonomies: [(&str, &Taxonomy); 2],
) -> Result<UnderTaxonomies, TaxonomiesError> {
    let saved = &*of_both(saved, taxonomies)?;
    let [first, second] = taxonomies.map(|(_, taxonomy)| taxonomy);
    let (a, b) = (
        rejudged(saved, first, None, Depth::Whole, Stop::NEVER)?,
        rejudged(saved, second, None, Depth::Whole, Stop::NEVER)?,
    );
    let mut assumed = a.assumed;
    for other in b.assumed {
        if !assumed.contains(&other) {
            assumed.push(other);
        }
    }
    Ok(UnderTaxonomies {
        assumed: assumed.iter().map(Assumed::to_string).collect(),
        multiplicity: [&a.run, &b.run].map(|run| run.summary.multiplicity.clone()),
        forgiveness: forgiven(saved, [first, second])?,
        comparison: compare(&Saved::of(&a.run), &Saved::of(&b.run))?,
    })
}

/// What a second taxonomy says otherwise than a first, and whether it explains more of the error of the same answers than chance.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    pub difference: Difference,
    pub forgiveness: Forgiveness,
}

/// What an edit explains of the answers of a run, which was read whole: the part of [`compare_taxonomies`] that takes no judging anew.
/// `None` where the two taxonomies say the same. Runs on the current rayon pool; the result does not depend on its size.
///
/// # Errors
/// A taxonomy lacks labels of the run; a run that was not read whole.
pub fn explained(
    saved: &Saved,
    taxonomies: [(&str, &Taxonomy); 2],
) -> Result<Option<Explained>, TaxonomiesError> {
    let [first, second] = taxonomies.map(|(_, taxonomy)| taxonomy);
    // The same texts say the same, and to see that takes no time.
    if first.sources() == second.sources() {
        return Ok(None);
    }
    let difference = Difference::between(first, second);
    if difference.is_empty() {
        return Ok(None);
    }
    let saved = of_both(saved, taxonomies)?;
    Ok(Some(Explained {
        difference,
        forgiveness: forgiven(&saved, [first, second])?,
    }))
}

/// The run with labels that both taxonomies have: what was judged by the first may be gone from another, such as what labels had in
/// common there.
fn of_both<'s>(
    saved: &'s Saved,
    taxonomies: [(&str, &Taxonomy); 2],
) -> Result<Cow<'s, Saved>, TaxonomiesError> {
    let is_known = |id: &String| taxonomies.iter().all(|(_, t)| t.find(id).is_some());
    let saved = match saved.labels.iter().all(is_known) {
        true => Cow::Borrowed(saved),
        false => Cow::Owned(without_judgements(saved)),
    };
    for (name, taxonomy) in taxonomies {
        let unknown = saved.labels.iter().filter(|id| taxonomy.find(id).is_none());
        let labels: Vec<String> = unknown.cloned().collect();
        if !labels.is_empty() {
            return Err(TaxonomiesError::Missing {
                taxonomy: name.to_owned(),
                labels,
            });
        }
    }
    Ok(saved)
}

/// What is forgiven of the answers, by the names of the labels alone where these collide, as [`rejudged`] has it.
fn forgiven(saved: &Saved, taxonomies: [&Taxonomy; 2]) -> Result<Forgiveness, TaxonomiesError> {
    let [first, second] = taxonomies.map(|taxonomy| Question::new(saved, taxonomy));
    let questions = [first?, second?];
    let answers = questions.each_ref().map(|question| {
        let node = |label: u32| question.nodes[label as usize];
        let answers = saved.rows.iter().map(|row| row.answer.map(node));
        answers.collect::<Vec<_>>()
    });
    let also_right = AlsoRight::default();
    let collisions = [0, 1].map(|i| {
        let truths = questions[i].annotations.distinct().iter();
        let truths = truths.flat_map(|annotation| &annotation.truths);
        let occurring: HashSet<_> = truths.chain(answers[i].iter().flatten()).copied().collect();
        Collisions::of_names(taxonomies[i], &Vec::from_iter(occurring))
    });
    let [first, second] = [0, 1].map(|i| Answered {
        judge: Judge {
            taxonomy: taxonomies[i],
            collisions: &collisions[i],
            also_right: &also_right,
        },
        annotations: &questions[i].annotations,
        answers: &answers[i],
    });
    Ok(forgiveness(&first, &second))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::testing::{Image, opened, random_world};
    use crate::score::Verdict;
    use crate::taxonomy::load_str;

    const FIRST: &str = "tree: {root: {mid: [child], other: }}";

    fn taxonomy(text: &str) -> Taxonomy {
        load_str("t", text).into_sound().unwrap()
    }

    fn saved() -> Saved {
        let images = [("child", "mid"), ("child", "child"), ("other", "mid")];
        let images = images.map(|(truth, answer)| Image::new(&[truth], Some(answer)));
        opened(FIRST, &images).saved
    }

    #[test]
    fn an_edge_less_forgives_less() {
        let (first, second) = (
            taxonomy(FIRST),
            taxonomy("tree: {root: [mid, child, other]}"),
        );
        let found = compare_taxonomies(&saved(), [("a", &first), ("b", &second)]).unwrap();
        let [a, b] = &found.multiplicity;
        assert_eq!([a.confirmed, b.confirmed], [1, 0]);
        assert_eq!(found.forgiveness.n, 3);
        let share = found.forgiveness.confirmed.share_of_error;
        assert_eq!((share.first, share.second), (Some(0.5), Some(0.0)));
        // No answer has changed, and what is exact is so by any taxonomy.
        assert_eq!(found.comparison.flipped, 0);
        assert_eq!(found.comparison.top1.difference.difference, Some(0.0));
        assert_eq!(found.comparison.valid.mcnemar.only_first, 1);
    }

    #[test]
    fn labels_that_are_gone_are_named() {
        let (first, second) = (taxonomy(FIRST), taxonomy("tree: {root: [middle, other]}"));
        let error = compare_taxonomies(&saved(), [("a", &first), ("b.yaml", &second)]);
        let error = error.unwrap_err().to_string();
        assert!(
            error.starts_with("b.yaml: has no node for 2 labels of the run: `child`, `mid`: keep"),
            "{error}"
        );
        let labels: Vec<String> = (0..7).map(|i| format!("n{i}")).collect();
        assert!(missing(&labels).ends_with("`n4` and 2 more"));
    }

    /// `root`, which is all that `child` and `other` have in common, was neither annotated nor answered.
    #[test]
    fn a_node_that_was_not_asked_for_may_be_gone() {
        let images = [("child", "other"), ("child", "mid"), ("other", "other")];
        let images = images.map(|(truth, answer)| Image::new(&[truth], Some(answer)));
        let saved = opened(FIRST, &images).saved;
        assert!(saved.labels.iter().any(|label| label == "root"));
        let (first, second) = (taxonomy(FIRST), taxonomy("tree: {mid: [child], other: }"));
        let both = [("a", &first), ("b", &second)];
        let found = compare_taxonomies(&saved, both).unwrap();
        assert_eq!(found.multiplicity[0], found.multiplicity[1]);
        assert_eq!(found.comparison.n, 3);
        let [related, unrelated] = [Verdict::Related, Verdict::Unrelated].map(|v| v as usize);
        assert_eq!(found.comparison.transitions[related][unrelated], 1);
        let edit = explained(&saved, both).unwrap().unwrap();
        assert_eq!(edit.forgiveness, found.forgiveness);
        assert_eq!(
            edit.difference.counts(),
            [("node_removed", 1), ("parent_removed", 2)]
        );
        assert_eq!(explained(&saved, [both[0], both[0]]).unwrap(), None);
        // Written otherwise, and saying the same.
        let flow = taxonomy("tree:\n  root:\n    mid: [child]\n    other:\n");
        assert_eq!(explained(&saved, [both[0], ("b", &flow)]).unwrap(), None);
        // Without being asked, it is the same run.
        let bare = without_judgements(&saved);
        assert_eq!(bare.labels, ["child", "other", "mid"]);
        let whole = compare_taxonomies(&saved, [("a", &first), ("a", &first)]).unwrap();
        let alone = compare_taxonomies(&bare, [("a", &first), ("a", &first)]).unwrap();
        assert_eq!(whole, alone);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, ..ProptestConfig::default() })]

        /// What is counted once more is what the runs have counted.
        #[test]
        fn forgiveness_is_that_of_the_runs(opened in random_world()) {
            prop_assume!(!opened.is_empty());
            let nodes: Vec<String> = opened.taxonomy.nodes().map(|n| format!("{}: ", opened.taxonomy.id(n))).collect();
            let flat = taxonomy(&format!("nodes: {{{}}}", nodes.join(", ")));
            let both = [("first", &opened.taxonomy), ("second", &flat)];
            let found = compare_taxonomies(&opened.saved, both).unwrap();
            let n = found.forgiveness.n as f64;
            prop_assert_eq!(found.forgiveness.n, found.comparison.n);
            let counts = |share: crate::score::Difference| {
                [share.first, share.second].map(|share| (share.unwrap_or(0.0) * n).round() as usize)
            };
            let told = found.multiplicity.each_ref().map(|m| m.confirmed);
            prop_assert_eq!(counts(found.forgiveness.confirmed.share), told);
            let told = found.multiplicity.each_ref().map(|m| m.confirmed + m.possible);
            prop_assert_eq!(counts(found.forgiveness.at_most.share), told);
        }
    }
}
