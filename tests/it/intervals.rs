//! Bootstrap intervals against drawing images with numpy (`tests/parity/intervals.py`), and what holds of all of them.

use std::collections::BTreeSet;

use cladist::matrix::Matrix;
use cladist::run::{Evidence, Inputs, Run};
use cladist::score::{Annotation, Annotations, CreditPolicy, FEWEST, Link, Ranked, Rankings};
use cladist::taxonomy::{NodeId, Taxonomy, load_str};
use serde_json::{Value, json};

use crate::verdicts::{inputs, manifest};

struct World {
    facts: Value,
    taxonomy: Taxonomy,
}

impl World {
    fn all() -> Vec<World> {
        let worlds: Vec<Value> =
            serde_json::from_str(include_str!("../fixtures/intervals.json")).unwrap();
        worlds
            .into_iter()
            .map(|facts| {
                // JSON is YAML.
                let source = json!({"nodes": facts["nodes"], "equivalent": facts["equivalent"]});
                let taxonomy = load_str("world", &source.to_string())
                    .into_sound()
                    .expect("the DAG is sound");
                World { facts, taxonomy }
            })
            .collect()
    }

    fn nodes(&self, ids: &Value) -> Vec<NodeId> {
        let ids = ids.as_array().unwrap().iter();
        ids.map(|id| self.taxonomy.find(id.as_str().unwrap()).unwrap())
            .collect()
    }

    /// The summary of the first so many images.
    fn summary(&self, images: usize) -> Value {
        let images = &self.facts["images"].as_array().unwrap()[..images];
        let annotations = images.iter().map(|image| Annotation {
            truths: self.nodes(&image["truths"]),
            valid: image["valid"].is_array().then(|| {
                let mut valid = self.nodes(&image["valid"]);
                valid.sort_unstable();
                valid.dedup();
                valid
            }),
        });
        let scores = images.iter().flat_map(|image| {
            let scores = image["scores"].as_array().unwrap().iter();
            scores.map(|s| s.as_u64().unwrap() as f32)
        });
        let candidates = self.nodes(&self.facts["candidates"]);
        let annotations = Annotations::new(annotations, self.facts["reannotated"] == true);
        let evidence = Evidence::Scored(
            std::borrow::Cow::Owned(Matrix::new(candidates.len(), scores.collect())),
            Link::Probabilities,
        );
        let inputs = Inputs {
            credit: CreditPolicy::by_name("logical").unwrap(),
            top_k: 5,
            ..inputs(&self.taxonomy, candidates, annotations, evidence)
        };
        json!(Run::build(inputs, manifest()).unwrap().summary)
    }

    fn images(&self) -> usize {
        self.facts["images"].as_array().unwrap().len()
    }
}

/// What the summary has at a path with dots.
fn at<'a>(summary: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(summary, |value, name| &value[name])
}

/// Each figure has its interval, and no other has. Five standard deviations of the end of 2000 replicates are allowed; the
/// reference's own ends are of twenty times as many.
#[test]
fn they_are_those_of_drawing_images() {
    for world in World::all() {
        let summary = world.summary(world.images());
        let found = summary["intervals_95"].as_object().unwrap();
        let expected = world.facts["figures"].as_object().unwrap();
        let paths =
            |of: &serde_json::Map<String, Value>| of.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(paths(found), paths(expected));
        for (path, expected) in expected {
            let [value, low, high, of_low, of_high] =
                [0, 1, 2, 3, 4].map(|i| expected[i].as_f64().unwrap());
            let figure = at(&summary, path).as_f64().unwrap();
            assert!(
                (figure - value).abs() < 1e-9,
                "{path}: {figure}, not {value}"
            );
            for (end, expected, scatter) in [("low", low, of_low), ("high", high, of_high)] {
                let allowed = 5.0 * scatter * (1.0f64 + 1.0 / 20.0).sqrt();
                let end = found[path][end].as_f64().unwrap();
                assert!(
                    (end - expected).abs() <= allowed,
                    "{path}: {end}, not {expected} ± {allowed}"
                );
            }
        }
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    for world in World::all() {
        let of = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let summary = pool.install(|| world.summary(60));
            summary["intervals_95"].to_string()
        };
        assert_eq!(of(1), of(3));
    }
}

/// A figure is between the ends of its interval, but where the noise of a sample adds up, as in the gaps of bins.
#[test]
fn they_contain_their_figures() {
    for world in World::all() {
        let summary = world.summary(world.images());
        for (path, interval) in summary["intervals_95"].as_object().unwrap() {
            let figure = at(&summary, path).as_f64().unwrap();
            let [low, high] = ["low", "high"].map(|end| interval[end].as_f64().unwrap());
            assert!(low <= figure || path.ends_with("ce"), "{path}");
            assert!(figure <= high, "{path}");
        }
    }
}

/// With nine images nothing has an interval, but what is over labels; with ten what is over all of them.
#[test]
fn figures_of_few_images_have_none() {
    let world = &World::all()[0];
    let images = world.facts["images"].as_array().unwrap();
    let of_labelled = |labelled: usize| {
        let mut count = 0;
        let until = images.iter().position(|image| {
            count += usize::from(!image["truths"].as_array().unwrap().is_empty());
            count == labelled
        });
        world.summary(until.unwrap() + 1)["intervals_95"].clone()
    };
    let paths = |of: &Value| -> Vec<String> {
        let paths = of.as_object().unwrap().keys().cloned();
        paths
            .filter(|p| !p.starts_with("retrieval.label_to_image"))
            .collect()
    };
    assert_eq!(paths(&of_labelled(FEWEST - 1)), [""; 0]);
    let found = paths(&of_labelled(FEWEST));
    assert!(found.iter().any(|p| p == "top1"), "{found:?}");
    // Its images are the errors, which are fewer.
    assert!(
        !found.iter().any(|p| p == "metrics.lca_on_the_line.mean"),
        "{found:?}"
    );
}

/// Half of forty images are answered, all of them right: what is over the answers is sure, what is over all images is a
/// share of ½, whose standard error is sqrt(¼ / 40) = 0.079.
#[test]
fn abstentions_are_drawn_too() {
    let taxonomy = load_str("t", "tree: {figure: [square, circle]}")
        .into_sound()
        .unwrap();
    let square = taxonomy.find("square").unwrap();
    let mut rankings = Rankings::default();
    for i in 0..40 {
        let answer = Ranked {
            label: square,
            similarity: None,
            probability: None,
        };
        rankings.push((i % 2 == 0).then_some(answer));
    }
    let candidates = vec![square, taxonomy.find("circle").unwrap()];
    let annotations = Annotations::of_truths(vec![vec![square]; 40]);
    let inputs = Inputs {
        top_k: 1,
        ..inputs(
            &taxonomy,
            candidates,
            annotations,
            Evidence::Ranked(rankings),
        )
    };
    let intervals = Run::build(inputs, manifest()).unwrap().summary.intervals_95;
    for path in ["top1", "metrics.hierarchical.micro.precision"] {
        let sure = intervals[path];
        assert_eq!((sure.low, sure.high), (1.0, 1.0), "{path}");
    }
    for path in [
        "metrics.hierarchical.micro.recall",
        "metrics.hierarchical.macro.f1",
    ] {
        let half = intervals[path];
        // The chance of an end to be off is 0.06 standard errors, and a step of the share is 1/40.
        let allowed = 5.0 * 0.06 * 0.079 + 1.0 / 40.0;
        assert!(
            (half.low - (0.5 - 1.96 * 0.079)).abs() < allowed,
            "{path}: {half:?}"
        );
        assert!(
            (half.high - (0.5 + 1.96 * 0.079)).abs() < allowed,
            "{path}: {half:?}"
        );
    }
}
