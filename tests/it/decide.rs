//! The decision rules and the operating curve against an independent implementation (`tests/parity/decide.py`) on random DAGs
//! with one root or several and equivalences, and on classifications with ranks. Probabilities are multiples of 1/1024, so that
//! sums are exact and ties are ties.

use std::collections::HashMap;

use cladist::score::decide::{Chils, Darts, DartsItem, DecideError, Masses, chils};
use cladist::score::{Answer, CurveValue, Decider, OperatingCurve, Pareto, Rule, Scores, Worths};
use cladist::taxonomy::{NodeId, Taxonomy};
use serde_json::{Value, json};

use crate::worlds;

/// The fixture rounds to twelve decimals.
const CLOSE: f64 = 1e-11;

struct World {
    facts: Value,
    taxonomy: Taxonomy,
}

impl World {
    fn all() -> Vec<World> {
        let worlds = worlds::load(include_str!("../fixtures/decide.json"));
        let world = |(facts, taxonomy)| World { facts, taxonomy };
        worlds.map(world).collect()
    }

    fn node(&self, id: &Value) -> NodeId {
        self.taxonomy.find(id.as_str().unwrap()).unwrap()
    }

    fn candidates(&self) -> Vec<NodeId> {
        let ids = self.facts["candidates"].as_array().unwrap().iter();
        ids.map(|id| self.node(id)).collect()
    }

    /// The probabilities of each image, and its label.
    fn images(&self) -> Vec<(Vec<f64>, NodeId)> {
        let images = self.facts["images"].as_array().unwrap().iter();
        images
            .map(|image| (shares(&image["p"]), self.node(&image["truth"])))
            .collect()
    }

    fn assert_answer(&self, found: Option<Answer>, expected: &Value, what: &str) {
        let told = found.map(|answer| (self.taxonomy.id(answer.node), answer.confidence));
        let is_same = match (&told, expected) {
            (None, Value::Null) => true,
            (Some((id, confidence)), _) => {
                let close = |value: f64| (value - confidence).abs() < CLOSE;
                expected[0] == *id && expected[1].as_f64().is_some_and(close)
            }
            _ => false,
        };
        assert!(is_same, "{what}: {told:?}, expected {expected}");
    }
}

/// From parts of 1024.
fn shares(parts: &Value) -> Vec<f64> {
    let parts = parts.as_array().unwrap().iter();
    parts.map(|part| part.as_f64().unwrap() / 1024.0).collect()
}

fn scores(probabilities: &[f64]) -> Scores<'_> {
    Scores {
        similarities: &[],
        probabilities,
    }
}

#[test]
fn every_rule_answers_as_the_reference_does() {
    let mut close = 0;
    for (w, world) in World::all().into_iter().enumerate() {
        let (candidates, images) = (world.candidates(), world.images());
        for (rule, answers) in world.facts["rules"].as_object().unwrap() {
            let parsed = Rule::parse(rule).unwrap();
            let decider = Decider::new(&world.taxonomy, &candidates, &parsed);
            let answers = answers.as_array().unwrap();
            // No leaf among the candidates is an error, and not a list of abstentions.
            let decider = match decider {
                Err(DecideError::NoLeaf { .. }) => {
                    assert!(answers.iter().all(Value::is_null));
                    continue;
                }
                decider => decider.unwrap(),
            };
            for (i, ((p, _), expected)) in images.iter().zip(answers).enumerate() {
                if expected == "close" {
                    close += 1;
                    continue;
                }
                let what = format!("world {w}, image {i}, {rule}");
                world.assert_answer(decider.answer(&scores(p)), expected, &what);
            }
        }
    }
    assert!(close < 100, "{close} left out");
}

#[test]
fn darts_is_calibrated_where_the_bound_begins_to_hold() {
    let mut compared = 0;
    for world in World::all() {
        let (candidates, images) = (world.candidates(), world.images());
        for expected in world.facts["darts"].as_array().into_iter().flatten() {
            let wrong = expected["wrong"].as_f64().unwrap();
            let darts = Darts::new(&world.taxonomy, &candidates, wrong).unwrap();
            let split: Vec<DartsItem> = images
                .iter()
                .filter_map(|(p, truth)| darts.item(&scores(p), &[*truth]))
                .collect();
            let number = |value: &Value| value.as_f64().unwrap();
            match darts.calibrate(&split) {
                Err(DecideError::Unreachable { correct, bound, .. }) => {
                    let reached = &expected["unreachable"];
                    assert_eq!(reached[0], correct);
                    assert!((number(&reached[1]) - bound).abs() < CLOSE);
                }
                Err(other) => panic!("{other}"),
                Ok(decider) => {
                    let found = decider.calibrated().unwrap();
                    let starts = expected["starts"].as_array().unwrap();
                    // One of the places where it begins to hold.
                    let near = |s: &&Value| (number(&s["lambda"]) - found.lambda).abs() < 1e-7;
                    let start = starts
                        .iter()
                        .find(near)
                        .unwrap_or_else(|| panic!("λ {} is none of {starts:?}", found.lambda));
                    assert_eq!(start["right"], found.correct);
                    assert!((number(&start["bound"]) - found.bound).abs() < CLOSE);
                    let answers = start["answers"].as_array().unwrap();
                    for ((p, _), expected) in images.iter().zip(answers) {
                        world.assert_answer(decider.answer(&scores(p)), expected, "darts");
                    }
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 8, "{compared} calibrated");
}

#[test]
fn subclasses_decide_as_in_the_reference() {
    for world in World::all() {
        let Some(images) = world.facts.get("chils") else {
            continue;
        };
        let candidates = world.candidates();
        let rule = Chils::new(&world.taxonomy, &candidates).unwrap();
        let subclasses = rule.subclasses();
        let class = |n: NodeId| world.taxonomy.id(world.taxonomy.representative(n));
        let found: HashMap<&str, Vec<&str>> = subclasses
            .nodes
            .iter()
            .zip(&subclasses.parents)
            .map(|(&n, parents)| {
                let ids = parents.iter().map(|&c| world.taxonomy.id(candidates[c]));
                let mut ids: Vec<&str> = ids.collect();
                ids.sort_unstable();
                (class(n), ids)
            })
            .collect();
        assert_eq!(json!(found), world.facts["subclasses"]);
        let images = images.as_array().unwrap();
        for ((p_sup, _), expected) in world.images().iter().zip(images) {
            let p_sub: Vec<f64> = subclasses
                .nodes
                .iter()
                .map(|&n| expected["p_sub"][class(n)].as_f64().unwrap() / 1024.0)
                .collect();
            let scores = chils(p_sup, &p_sub, &subclasses.parents);
            for (score, expected) in scores.iter().zip(expected["scores"].as_array().unwrap()) {
                assert!((score - expected.as_f64().unwrap()).abs() < CLOSE);
            }
            let answer = rule.answer(p_sup, &p_sub).unwrap();
            assert_eq!(expected["best"], world.taxonomy.id(answer.node));
        }
    }
}

#[test]
fn the_operating_curve_is_that_of_all_thresholds_tried() {
    for world in World::all() {
        let Some(curves) = world.facts.get("curve") else {
            continue;
        };
        for (name, value) in [
            ("information", CurveValue::Information),
            ("depth", CurveValue::Depth),
        ] {
            let masses = Masses::new(&world.taxonomy, &world.candidates()).unwrap();
            let pareto = Pareto::new(&masses);
            let mut worths = Worths::new(&world.taxonomy, value);
            let images: Vec<_> = world
                .images()
                .iter()
                .filter_map(|(p, truth)| {
                    let sequence = pareto.sequence(p, &masses.of(p));
                    worths.image(sequence, truth.index(), &[*truth])
                })
                .collect();
            let found = OperatingCurve::pool(&images).unwrap();
            let expected = &curves[name];
            let points = expected["points"].as_array().unwrap();
            assert_eq!(found.points.len(), points.len());
            let close = |found: f64, expected: &Value, what: &str| {
                let expected = expected.as_f64().unwrap();
                assert!(
                    (found - expected).abs() < 1e-10,
                    "{name} {what}: {found}, expected {expected}"
                );
            };
            for (point, expected) in found.points.iter().zip(points) {
                assert_eq!(point.threshold, expected[0].as_f64());
                close(point.correct, &expected[1], "correct");
                close(point.exact, &expected[2], "exact");
                close(point.recall, &expected[3], "recall");
                close(point.precision, &expected[4], "precision");
                close(point.value, &expected[5], "value");
            }
            close(found.average_precision, &expected["ap"], "AP");
            close(found.average_correct, &expected["ac"], "AC");
            close(found.recall_at_90, &expected["at_90"], "R@90");
            close(found.recall_at_95, &expected["at_95"], "R@95");
        }
    }
}
