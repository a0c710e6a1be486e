//! The answers of one saved run under two taxonomies.

use std::collections::HashSet;

use serde::Serialize;

use super::Run;
use super::compare::{CompareError, Comparison, compare};
use super::question::Assumed;
use super::rejudge::{RejudgeError, rejudged, without_judgements};
use super::saved::Saved;
use crate::score::{
    AlsoRight, Answered, Collisions, Depth, Forgiveness, Judge, Multiplicity, forgiveness,
};
use crate::taxonomy::Taxonomy;

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
    let is_known = |id: &String| taxonomies.iter().all(|(_, t)| t.find(id).is_some());
    // What was judged by the first taxonomy may be gone from another, such as what labels had in common there.
    let bare = (!saved.labels.iter().all(is_known)).then(|| without_judgements(saved));
    let saved = bare.as_ref().unwrap_or(saved);
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
    let [(_, first), (_, second)] = taxonomies;
    let (a, b) = (
        rejudged(saved, first, Depth::Whole)?,
        rejudged(saved, second, Depth::Whole)?,
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
        forgiveness: forgiven([(first, &a.run), (second, &b.run)]),
        comparison: compare(&Saved::of(&a.run), &Saved::of(&b.run))?,
    })
}

/// What is forgiven of the answers, by the names of the labels alone where these collide, as [`rejudged`] has it.
fn forgiven(runs: [(&Taxonomy, &Run); 2]) -> Forgiveness {
    let also_right = AlsoRight::default();
    let collisions = runs.map(|(taxonomy, run)| {
        let truths = run.predictions.annotations.distinct().iter();
        let truths = truths.flat_map(|annotation| &annotation.truths);
        let answers = run.predictions.evaluated.answers.iter().flatten();
        let occurring: HashSet<_> = truths.chain(answers).copied().collect();
        Collisions::of_names(taxonomy, &Vec::from_iter(occurring))
    });
    let [first, second] = [0, 1].map(|i| {
        let (taxonomy, run) = runs[i];
        Answered {
            judge: Judge {
                taxonomy,
                collisions: &collisions[i],
                also_right: &also_right,
            },
            annotations: &run.predictions.annotations,
            answers: &run.predictions.evaluated.answers,
        }
    });
    forgiveness(&first, &second)
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
