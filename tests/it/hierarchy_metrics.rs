//! Metrics against brute force over the graph (`tests/parity/hierarchy_metrics.py`) on random trees and DAGs, with one root
//! or several, and equivalences.

use cladist::score::{
    Consistencies, ConsistencySums, LcaOnTheLineSums, LevelSums, Levels, PerClassSums, RankingSums,
};
use cladist::taxonomy::{NodeId, Taxonomy};
use serde_json::{Value, json};

use crate::worlds;

struct Image {
    truths: Vec<NodeId>,
    ranking: Vec<NodeId>,
    scores: Value,
}

struct World {
    facts: Value,
    taxonomy: Taxonomy,
}

impl World {
    fn all() -> Vec<World> {
        let worlds = worlds::load(include_str!("../fixtures/hierarchy_metrics.json"));
        let world = |(facts, taxonomy)| World { facts, taxonomy };
        worlds.map(world).collect()
    }

    fn nodes(&self, ids: &Value) -> Vec<NodeId> {
        let ids = ids.as_array().unwrap().iter();
        ids.map(|id| self.taxonomy.find(id.as_str().unwrap()).unwrap())
            .collect()
    }

    fn images(&self) -> Vec<Image> {
        let images = self.facts["images"].as_array().unwrap().iter();
        images
            .map(|image| Image {
                truths: self.nodes(&image["truths"]),
                ranking: self.nodes(&image["ranking"]),
                scores: image["scores"].clone(),
            })
            .collect()
    }

    /// The score of a class, by its representative.
    fn score<'a>(&'a self, image: &'a Image) -> impl Fn(NodeId) -> f64 + 'a {
        |n| image.scores[self.taxonomy.id(n)].as_f64().unwrap()
    }
}

/// Whether all figures that the reference has are the same.
fn compare(found: &Value, expected: &Value) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (name, expected) in expected {
                compare(&found[name], expected);
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{found:?} {expected:?}");
            for (found, expected) in found.iter().zip(expected) {
                compare(found, expected);
            }
        }
        _ => match (found.as_f64(), expected.as_f64()) {
            (Some(a), Some(b)) => assert!((a - b).abs() < 1e-12, "{a}, not {b}"),
            _ => assert_eq!(found, expected),
        },
    }
}

#[test]
fn what_wrong_answers_miss() {
    for world in World::all() {
        let mut sums = LcaOnTheLineSums::new(&world.taxonomy);
        for image in world.images() {
            let answer = image.ranking[0];
            sums.add(answer, &image.truths, answer == image.truths[0]);
        }
        compare(&json!(sums.finish()), &world.facts["lca_on_the_line"]);
    }
}

#[test]
fn accuracies_by_class() {
    for world in World::all() {
        let mut sums = PerClassSums::default();
        for image in world.images() {
            let (answer, primary) = (image.ranking[0], image.truths[0]);
            let mut truths = image.truths.iter();
            let is_valid = truths.any(|&t| world.taxonomy.is_ancestor(answer, t));
            sums.add(primary, answer == primary, is_valid);
        }
        let found = sums.finish(&world.taxonomy);
        let rows = found.rows.iter();
        let rows = rows.map(|row| json!([row.id, row.n, row.exact, row.valid]));
        let found = json!({
            "rows": rows.collect::<Vec<_>>(),
            "macro_exact": found.macro_exact,
            "macro_valid": found.macro_valid,
        });
        compare(&found, &world.facts["per_class"]);
    }
}

#[test]
fn hierarchical_precision_of_rankings() {
    for world in World::all() {
        let images = world.images();
        let truths: Vec<Vec<NodeId>> = images.iter().map(|i| i.truths.clone()).collect();
        let candidates = world.nodes(&world.facts["candidates"]);
        let mut sums = RankingSums::new(&world.taxonomy, &candidates, &truths, 5);
        for image in &images {
            sums.add(image.ranking.iter().copied(), &image.truths);
        }
        compare(&json!(sums.finish()), &world.facts["ranking"]);
    }
}

#[test]
fn consistency_of_scores() {
    for world in World::all() {
        let consistencies = Consistencies::new(&world.taxonomy);
        let mut sums = ConsistencySums::default();
        for image in world.images() {
            sums.add(consistencies.of(image.ranking[0], &image.truths, world.score(&image)));
        }
        compare(&json!(sums.finish()), &world.facts["consistency"]);
    }
}

#[test]
fn calibration_on_each_level() {
    for world in World::all() {
        let levels = Levels::new(&world.taxonomy);
        let mut sums = LevelSums::default();
        for image in world.images() {
            sums.add(&levels.answers(&image.truths, world.score(&image)));
        }
        let rows = sums.finish();
        let rows = rows.iter().map(|row| {
            json!({
                "depth": row.depth,
                "n": row.n,
                "accuracy": row.accuracy,
                "confidence": row.confidence,
                "ece": row.calibration.ece,
            })
        });
        compare(&json!(rows.collect::<Vec<_>>()), &world.facts["levels"]);
    }
}
