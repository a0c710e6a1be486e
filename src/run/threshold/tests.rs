use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::matrix::Matrix;
use crate::run::testing::{inputs, manifest, random_dag};
use crate::run::{Assumed, Evidence, Saved};
use crate::score::Link;
use crate::taxonomy::{Taxonomy, load_str};

/// Images of a random DAG, by the labels that they have and the scores of all nodes.
#[derive(Debug, Clone)]
struct World {
    text: String,
    truths: Vec<Vec<usize>>,
    scores: Matrix,
}

impl World {
    fn taxonomy(&self) -> Taxonomy {
        load_str("t", &self.text).into_sound().unwrap()
    }

    fn build(&self, taxonomy: &Taxonomy, rule: Rule) -> Run {
        let nodes: Vec<NodeId> = taxonomy.nodes().collect();
        let truths = self.truths.iter();
        let truths = truths.map(|set| set.iter().map(|&n| nodes[n]).collect());
        let evidence = Evidence::Scored(Cow::Borrowed(&self.scores), Link::Softmax { scale: 1.0 });
        let mut manifest = manifest();
        manifest.counts.candidates = nodes.len();
        manifest
            .options
            .insert("decide".to_owned(), rule.name().into());
        Run::build(inputs(taxonomy, truths, rule, evidence), manifest).unwrap()
    }

    /// Answered by the best, and read back.
    fn opened(&self) -> Opened {
        let taxonomy = self.taxonomy();
        let saved = Saved::of(&self.build(&taxonomy, Rule::Argmax));
        Opened::new(saved, taxonomy)
    }
}

fn worlds() -> impl Strategy<Value = World> {
    (random_dag(), 1usize..30).prop_flat_map(|((text, size), n)| {
        let truths = proptest::collection::vec(proptest::collection::vec(0..size, 0..3), n);
        let scores = proptest::collection::vec(-3.0f32..3.0, n * size);
        (truths, scores).prop_map(move |(mut truths, scores)| {
            truths.iter_mut().for_each(Vec::dedup);
            World {
                text: text.clone(),
                truths,
                scores: Matrix::new(size, scores),
            }
        })
    })
}

/// A row of a run with labels by their ids, and what is known beside it.
fn rows(saved: &Saved) -> Vec<String> {
    let id = |label: Option<u32>| label.map(|label| saved.id(label));
    let details = saved.details.as_ref().unwrap();
    let row = |i: usize| {
        let (row, detail) = (saved.rows[i], details.rows[i]);
        let ranked: Vec<_> = details
            .ranked
            .get(i)
            .iter()
            .map(|r| (id(Some(r.label)), r.probability))
            .collect();
        let pareto = details.pareto.as_ref().unwrap().get(i);
        let pareto: Vec<_> = pareto.iter().map(|s| (id(Some(s.label)), s.mass)).collect();
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {ranked:?} {pareto:?}",
            saved.images.get(i),
            id(row.answer),
            row.probability,
            row.verdict,
            id(row.truth),
            row.credit,
            (detail.k, detail.valid_mass, detail.margin, detail.noisy),
            (detail.relation, id(detail.lca), id(detail.looks_like)),
            detail.self_confidence,
        )
    };
    (0..saved.rows.len()).map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The sequences hold all that the rule needs.
    #[test]
    fn as_if_it_had_been_scored_so(world in worlds(), threshold in 0.01f64..1.0) {
        let opened = world.opened();
        let scored = world.build(&opened.taxonomy, Rule::Threshold(threshold));
        let Reanswered { run, assumed } = at_threshold(&opened, threshold).unwrap();
        prop_assert_eq!(assumed, []);
        prop_assert_eq!(rows(&Saved::of(&run)), rows(&Saved::of(&scored)));
        let brief = |run: &Run| {
            let s = &run.summary;
            let counts = (s.rule.clone(), s.n, s.abstained, s.judged, s.errors, s.candidates);
            (counts, s.credit, s.valid_set.clone(), s.dilution.clone(), s.retrieval, s.curve, s.noisy)
        };
        prop_assert_eq!(brief(&run), brief(&scored));
        prop_assert_eq!(&run.summary.metrics.hierarchical, &scored.summary.metrics.hierarchical);
        prop_assert_eq!(&run.manifest.options["decide"], &scored.manifest.options["decide"]);
        // And what was asked anew can be asked anew.
        let again = Opened::new(Saved::of(&run), world.taxonomy());
        let again = at_threshold(&again, threshold).unwrap();
        prop_assert_eq!(rows(&Saved::of(&again.run)), rows(&Saved::of(&run)));
    }

    /// Told at once, the figures are those of the run.
    #[test]
    fn the_figures_are_those_of_the_run(world in worlds(), threshold in 0.0f64..1.0, i in any::<usize>()) {
        let opened = world.opened();
        let thresholds = Thresholds::new(&opened).unwrap();
        let pareto = opened.saved.details.as_ref().unwrap().pareto.clone().unwrap();
        let steps: Vec<f64> = pareto.iter().flatten().map(|step| step.mass.min(1.0)).collect();
        // A mass itself is enough for itself.
        for threshold in [threshold, steps[i % steps.len()]] {
            let at = thresholds.at(threshold);
            let summary = at_threshold(&opened, threshold).unwrap().run.summary;
            prop_assert_eq!(
                (at.answered, at.abstained, at.judged),
                (summary.n, summary.abstained, summary.judged)
            );
            let verdicts: Vec<usize> = summary.verdicts.iter().map(|row| row.count).collect();
            prop_assert_eq!(&at.verdicts[..], verdicts);
            prop_assert_eq!(at.judged - at.of(Verdict::Exact), summary.errors);
            match (at.credit, summary.credit) {
                (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-9),
                other => prop_assert_eq!(other, (None, None)),
            }
        }
        let all = thresholds.at(0.0);
        prop_assert_eq!((all.answered, all.abstained), (thresholds.images, 0));
        prop_assert_eq!(thresholds.at(1.1).answered, 0);
    }
}

fn world() -> World {
    World {
        text: "tree: {dog: [beagle, poodle]}".to_owned(),
        truths: vec![vec![1], vec![2]],
        scores: Matrix::new(3, vec![0.0, 1.0, 0.0, 0.0, 2.0, 1.0]),
    }
}

#[test]
fn what_the_files_do_not_tell_is_told() {
    let mut opened = world().opened();
    opened.saved.manifest["truth"] =
        serde_json::json!({"also-right": {"source": "a.csv", "sha256": "0"}});
    opened.saved.manifest["prompts"] = serde_json::json!({"source": "general", "sha256": "0"});
    opened.saved.manifest["candidates"]["source"] = "some.txt".into();
    opened.saved.manifest["counts"]["candidates"] = 9.into();
    opened.saved.summary.credit_policy = "table".to_owned();
    let found = at_threshold(&opened, 0.5).unwrap();
    let expected = [
        Assumed::Credit("table".to_owned()),
        Assumed::AlsoRight,
        Assumed::Prompts,
        Assumed::Candidates,
    ];
    assert_eq!(found.assumed, expected);
    assert_eq!(found.run.manifest.options["credit"], "logical");
    assert_eq!(found.run.summary.candidates, 3);
}

#[test]
fn what_cannot_be_asked_anew_is_refused() {
    let mut opened = world().opened();
    for bad in [-0.1, 1.1, f64::NAN] {
        let error = at_threshold(&opened, bad).unwrap_err();
        assert!(matches!(error, ThresholdError::OutOfRange(_)));
    }
    // Masses that rise, or are none, are of a damaged file; nothing is made of them, but nothing breaks.
    let mut damaged = world().opened();
    let mut pareto = Jagged::default();
    for _ in 0..2 {
        pareto.push([0.3, 0.9, f64::NAN, 0.1].map(|mass| SavedStep { label: 0, mass }));
    }
    damaged.saved.details.as_mut().unwrap().pareto = Some(pareto);
    let thresholds = Thresholds::new(&damaged).unwrap();
    assert_eq!([0.5, 0.2].map(|t| thresholds.at(t).answered), [0, 2]);
    at_threshold(&damaged, 0.2).unwrap();

    opened.saved.manifest["counts"] = "many".into();
    let error = at_threshold(&opened, 0.5).unwrap_err();
    assert!(matches!(
        error,
        ThresholdError::Question(QuestionError::Manifest(_))
    ));
    opened.saved.details.as_mut().unwrap().pareto = None;
    let error = Thresholds::new(&opened).unwrap_err();
    assert!(matches!(error, ThresholdError::NoPareto));
    let mut opened = world().opened();
    opened.saved.labels[0] = "wolf".to_owned();
    let opened = Opened::new(opened.saved, opened.taxonomy);
    let error = Thresholds::new(&opened).unwrap_err();
    assert!(matches!(
        error,
        ThresholdError::Question(QuestionError::Label(_))
    ));
}
