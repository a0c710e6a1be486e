use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::matrix::Matrix;
use crate::run::Evidence;
use crate::run::testing::{inputs, manifest, random_dag};
use crate::score::{Link, Stop, Summary};
use crate::taxonomy::{NodeId, load_str};

/// A run of these scores of all nodes, answered by the best, under the taxonomy.
fn build(taxonomy: &Taxonomy, truths: &[Vec<usize>], scores: &[f32]) -> Run {
    let nodes: Vec<NodeId> = taxonomy.nodes().collect();
    let truths = truths.iter();
    let truths = truths.map(|set| set.iter().map(|&n| nodes[n]).collect());
    let scores = Matrix::new(nodes.len(), scores.to_vec());
    let evidence = Evidence::Scored(Cow::Owned(scores), Link::Softmax { scale: 1.0 });
    let mut manifest = manifest();
    manifest.counts.candidates = nodes.len();
    Run::build(inputs(taxonomy, truths, Rule::Argmax, evidence), manifest).unwrap()
}

/// The same nodes in the same order, with these edges alone.
fn with_edges(taxonomy: &Taxonomy, keeps: &[bool]) -> Taxonomy {
    let mut text = "nodes:\n".to_owned();
    for n in taxonomy.nodes() {
        let parents = taxonomy.parents(n).iter();
        let parents = parents.filter(|p| keeps[(n.index() + p.index()) % keeps.len()]);
        let parents: Vec<&str> = parents.map(|&p| taxonomy.id(p)).collect();
        text += &format!(
            "  {}: {{parents: [{}]}}\n",
            taxonomy.id(n),
            parents.join(", ")
        );
    }
    load_str("edited", &text).into_sound().unwrap()
}

fn judged(run: &Run) -> Vec<String> {
    let rows = run.predictions.iter();
    rows.map(|row| format!("{:?} {:?}", row.answer, row.judged))
        .collect()
}

proptest! {
    // Each case is three runs with all their intervals.
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The best label is the answer under any taxonomy, so what is judged again is what scoring again comes to.
    #[test]
    fn a_run_that_is_judged_again_is_one_that_is_scored_again(
        ((text, size), seed, keeps) in (random_dag(), any::<u64>(), prop::collection::vec(any::<bool>(), 1..5)),
    ) {
        let before = load_str("t", &text).into_sound().unwrap();
        let after = with_edges(&before, &keeps);
        let mut state = seed | 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let n = 12;
        let truths: Vec<Vec<usize>> = (0..n).map(|_| vec![next() as usize % size]).collect();
        let scores: Vec<f32> = (0..n * size).map(|_| (next() % 1000) as f32 / 200.0).collect();
        let saved = Saved::of(&build(&before, &truths, &scores));
        let again = rejudged(&saved, &after, None, Depth::Whole, Stop::NEVER).unwrap().run;
        let anew = build(&after, &truths, &scores);
        prop_assert_eq!(judged(&again), judged(&anew));
        let (again, anew) = (again.summary, anew.summary);
        prop_assert_eq!(again.errors, anew.errors);
        let counts = |s: &Summary| (s.multiplicity.confirmed, s.multiplicity.possible, s.multiplicity.mistakes);
        prop_assert_eq!(counts(&again), counts(&anew));
        // The intervals are those of another drawing, since nothing is known of suspects.
        let rows = |s: &Summary| -> Vec<_> {
            let rows = s.verdicts.iter();
            rows.map(|row| (row.verdict, row.count, row.by_chance, row.p_value)).collect()
        };
        prop_assert_eq!(rows(&again), rows(&anew));
        prop_assert_eq!(again.credit, anew.credit);
    }
}

#[test]
fn what_stays_as_it_was_is_told_and_what_is_not_there_is_refused() {
    let taxonomy = load_str("t", "tree: {a: [b, c]}").into_sound().unwrap();
    let mut saved = Saved::of(&build(&taxonomy, &[vec![1]], &[0.0, 1.0, 2.0]));
    saved.summary.rule = "threshold=0.5".to_owned();
    let assumed = rejudged(&saved, &taxonomy, None, Depth::Whole, Stop::NEVER)
        .unwrap()
        .assumed;
    assert!(
        assumed.contains(&Assumed::Rule("threshold=0.5".to_owned())),
        "{assumed:?}"
    );
    let without = load_str("t", "tree: {a: [b]}").into_sound().unwrap();
    let error = rejudged(&saved, &without, None, Depth::Whole, Stop::NEVER)
        .unwrap_err()
        .to_string();
    assert!(error.contains("`c`"), "{error}");
    saved.details = None;
    let error = rejudged(&saved, &taxonomy, None, Depth::Whole, Stop::NEVER).unwrap_err();
    assert!(matches!(
        error,
        RejudgeError::Question(QuestionError::NoDetails)
    ));
}

#[test]
fn what_was_only_judged_by_may_be_gone() {
    let taxonomy = load_str("t", "tree: {top: {a: [b, c]}}")
        .into_sound()
        .unwrap();
    let nodes: Vec<NodeId> = taxonomy.nodes().collect();
    let mut inputs = inputs(
        &taxonomy,
        [vec![nodes[2]]],
        Rule::Argmax,
        Evidence::Scored(
            Cow::Owned(Matrix::new(2, vec![0.0, 3.0])),
            Link::Softmax { scale: 1.0 },
        ),
    );
    inputs.candidates = vec![nodes[2], nodes[3]];
    let saved = Saved::of(&Run::build(inputs, manifest()).unwrap());
    assert!(saved.labels.contains(&"a".to_owned()), "the two meet in it");
    let without = load_str("t", "tree: {top: [b, c]}").into_sound().unwrap();
    let again = rejudged(&saved, &without, None, Depth::Whole, Stop::NEVER)
        .unwrap()
        .run;
    assert_eq!(again.summary.errors, 1);
}
