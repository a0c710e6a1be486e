//! A run's figures and the measures of two labels against HiClass, NLTK and scikit-learn (`tests/parity/outside.py`, which
//! says where these go their own way).

use std::borrow::Cow;

use cladist::matrix::Matrix;
use cladist::run::{Evidence, Run};
use cladist::score::{
    Annotations, Link, Measure, Pairwise, PerClassSums, PrecisionRecall, Ranked, Rankings,
};
use cladist::taxonomy::{NodeId, Taxonomy, load_str};
use serde_json::{Value, json};

use crate::verdicts::{inputs, manifest};

/// The fixture rounds to twelve decimals, in bits or none.
const CLOSE: f64 = 1e-11;

fn worlds(of: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../fixtures/outside.json")).unwrap();
    all[of].as_array().unwrap().clone()
}

fn taxonomy(nodes: &Value) -> Taxonomy {
    // JSON is YAML.
    let source = json!({ "nodes": nodes }).to_string();
    load_str("outside", &source).into_sound().expect("sound")
}

#[track_caller]
fn assert_close(found: Option<f64>, expected: &Value, what: &str) {
    let (found, expected) = (found.unwrap(), expected.as_f64().unwrap());
    let is_close = (found - expected).abs() < CLOSE;
    assert!(is_close, "{what}: {found}, expected {expected}");
}

/// A run of images with these truths; its figures do not depend on what made it.
fn run(
    taxonomy: &Taxonomy,
    candidates: Vec<NodeId>,
    truths: Vec<NodeId>,
    evidence: Evidence,
) -> Run {
    let annotations = Annotations::of_truths(truths.into_iter().map(|t| vec![t]));
    let inputs = inputs(taxonomy, candidates, annotations, evidence);
    Run::build(inputs, manifest()).expect("argmax needs nothing")
}

#[test]
fn hierarchical_precision_and_recall_are_those_of_hiclass() {
    for world in worlds("hierarchical") {
        let taxonomy = taxonomy(&world["nodes"]);
        let nodes = |field: &str| -> Vec<Option<NodeId>> {
            let ids = world[field].as_array().unwrap().iter();
            ids.map(|id| Some(taxonomy.find(id.as_str()?).unwrap()))
                .collect()
        };
        let figures = |answers: &str| {
            let mut rankings = Rankings::default();
            for answer in nodes(answers) {
                rankings.push(answer.map(|label| Ranked {
                    label,
                    similarity: None,
                    probability: None,
                }));
            }
            let truths = nodes("truths").into_iter().flatten().collect();
            let candidates = taxonomy.nodes().collect();
            let run = run(&taxonomy, candidates, truths, Evidence::Ranked(rankings));
            let found = run.summary.metrics.hierarchical;
            [("micro", found.micro), ("macro", found.macro_)]
        };
        for (average, found) in figures("answers") {
            let PrecisionRecall {
                precision,
                recall,
                f1,
            } = found;
            assert_close(precision, &world["precision"][average], average);
            assert_close(recall, &world["recall"][average], average);
            assert_close(f1, &world["f1"][average], average);
        }
        for (average, found) in figures("missing") {
            assert_close(
                found.recall,
                &world["recall_with_missing"][average],
                average,
            );
        }
    }
}

#[test]
fn similarities_are_those_of_nltk() {
    let mut compared = [0; 4];
    for world in worlds("similarities") {
        let taxonomy = taxonomy(&world["nodes"]);
        let mut labels: Vec<NodeId> = taxonomy.nodes().collect();
        labels.sort_by_key(|&n| taxonomy.id(n));
        for (m, measure) in [
            Measure::WuPalmer,
            Measure::Resnik,
            Measure::Lin,
            Measure::JiangConrath,
        ]
        .into_iter()
        .enumerate()
        {
            let pairwise = Pairwise::new(&taxonomy, measure);
            let values = world["values"][measure.name()].as_array().unwrap();
            let mut values = values.iter();
            for (i, &a) in labels.iter().enumerate() {
                for &b in &labels[i..] {
                    let expected = values.next().unwrap();
                    if !expected.is_null() {
                        let what = format!(
                            "{} of {} and {}",
                            measure.name(),
                            taxonomy.id(a),
                            taxonomy.id(b)
                        );
                        assert_close(Some(pairwise.value(a, b)), expected, &what);
                        compared[m] += 1;
                    }
                }
            }
            assert_eq!(values.next(), None);
        }
    }
    // Of some 1300 pairs.
    assert!(compared.into_iter().all(|n| n > 1000), "{compared:?}");
}

#[test]
fn accuracies_and_calibration_are_those_of_scikit_learn() {
    for world in worlds("classification") {
        let rows = world["scores"].as_array().unwrap();
        let classes = rows[0].as_array().unwrap().len();
        let id = |class: usize| format!("c{class:02}");
        let ids = (0..classes).map(|class| (id(class), json!({})));
        let taxonomy = taxonomy(&Value::Object(ids.collect()));
        let node = |class: usize| taxonomy.find(&id(class)).unwrap();
        let truths = world["truths"].as_array().unwrap().iter();
        let truths: Vec<NodeId> = truths.map(|t| node(t.as_u64().unwrap() as usize)).collect();
        // Exact in f32.
        let scores = rows.iter().flat_map(|row| row.as_array().unwrap());
        let scores = scores.map(|s| s.as_u64().unwrap() as f32 / 1_048_576.0);
        let scores = Matrix::new(classes, scores.collect());
        let candidates = (0..classes).map(node).collect();
        let evidence = Evidence::Scored(Cow::Owned(scores), Link::Probabilities);
        let run = run(&taxonomy, candidates, truths, evidence);

        assert_close(run.summary.top1, &world["top1"], "top-1");
        assert_close(run.summary.top5.accuracy, &world["top5"], "top-5");
        let found = run.summary.metrics.calibration_exact;
        assert_close(found.ece, &world["ece"], "ECE");
        assert_close(
            found.ece_equal_mass,
            &world["ece_equal_mass"],
            "ECE, equal mass",
        );
        assert_close(found.mce, &world["mce"], "MCE");
        assert_close(found.brier, &world["brier"], "Brier");
        let mut sums = PerClassSums::default();
        for prediction in run.predictions.iter() {
            let is_exact = prediction.answer == Some(prediction.truths[0]);
            sums.add(prediction.truths[0], is_exact, is_exact);
        }
        let balanced = sums.finish(&taxonomy).macro_exact;
        assert_close(balanced, &world["balanced"], "balanced accuracy");
    }
}
