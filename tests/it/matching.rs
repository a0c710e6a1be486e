//! Matching with sets of prompts, and Gaussian embeddings, against an independent implementation
//! (`tests/parity/matching.py`, numpy and scipy).

use cladist::matrix::Matrix;
use cladist::score::{Gaussian, Match, Matching, Similarities};
use serde_json::Value;

/// Cosines are f32 products of f32 unit vectors.
const CLOSE: f64 = 5e-7;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/matching.json")).unwrap()
}

fn numbers(list: &Value) -> Vec<f32> {
    let list = list.as_array().unwrap().iter();
    list.map(|v| v.as_f64().unwrap() as f32).collect()
}

#[test]
fn similarities_under_every_strategy() {
    for world in fixture()["worlds"].as_array().unwrap() {
        let dim = world["dim"].as_u64().unwrap() as usize;
        let [images, prompts] =
            ["images", "prompts"].map(|field| Matrix::new(dim, numbers(&world[field])));
        let counts: Vec<usize> = world["counts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n.as_u64().unwrap() as usize)
            .collect();
        for (name, rows) in world["values"].as_object().unwrap() {
            let strategy = Match::by_name(name).unwrap();
            let matching =
                Matching::new(strategy, &images, None, &prompts.clone().into(), &counts).unwrap();
            let rows = rows.as_array().unwrap();
            assert_eq!(rows.len(), matching.images());
            let mut found = Vec::new();
            for (i, row) in rows.iter().enumerate() {
                matching.fill(i, 0..counts.len(), &mut found);
                let expected = row.as_array().unwrap();
                assert_eq!(found.len(), expected.len());
                for (found, expected) in found.iter().zip(expected) {
                    let apart = f64::from(*found) - expected.as_f64().unwrap();
                    assert!(apart.abs() < CLOSE, "{name}: {found}, not {expected}");
                }
            }
        }
    }
}

#[test]
fn gaussian_embeddings() {
    for pair in fixture()["pairs"].as_array().unwrap() {
        let [means, variances] =
            ["means", "variances"].map(|field| [0, 1].map(|i| numbers(&pair[field][i])));
        let [a, b] = [0, 1].map(|i| Gaussian {
            mean: &means[i],
            variance: &variances[i],
        });
        let [here, there] = [0, 1].map(|i| pair["inclusion"][i].as_f64().unwrap());
        for (found, expected) in [
            (a.sampled_distance(b), pair["distance"].as_f64().unwrap()),
            (a.pair_logit(b, 12.5, -3.0), pair["logit"].as_f64().unwrap()),
            (a.inclusion(b).unwrap(), here),
            (b.inclusion(a).unwrap(), there),
        ] {
            let apart = (found - expected).abs() / expected.abs().max(1.0);
            assert!(apart < 1e-12, "{found}, not {expected}");
        }
        assert_eq!(a.is_in(b), Some(here > there));
        assert_eq!(b.is_in(a), Some(there > here));
    }
}
