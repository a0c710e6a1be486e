//! The mixture of losses against scikit-learn's (`tests/parity/noisy.py`).

use cladist::score::noisy;
use serde_json::Value;

fn numbers(list: &Value) -> Vec<f64> {
    let list = list.as_array().unwrap().iter();
    list.map(|v| v.as_f64().unwrap()).collect()
}

/// Two fits that stop at the same iteration differ by rounding alone.
const CLOSE: f64 = 1e-9;

#[track_caller]
fn close(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() < CLOSE,
            "{what}: {found}, not {expected}"
        );
    }
}

#[test]
fn the_mixture_is_that_of_scikit_learn() {
    let worlds: Vec<Value> = serde_json::from_str(include_str!("../fixtures/noisy.json")).unwrap();
    let mut not_flagged = 0;
    for world in worlds {
        let masses: Vec<Option<f64>> = numbers(&world["masses"]).into_iter().map(Some).collect();
        let found = noisy(&masses);
        let summary = found.summary;
        close(
            &summary.means.unwrap(),
            &numbers(&world["means"]),
            "means in nats",
        );
        close(
            &summary.weights.unwrap(),
            &numbers(&world["weights"]),
            "weights",
        );
        let posteriors: Vec<f64> = found.posteriors.iter().map(|p| p.unwrap()).collect();
        close(&posteriors, &numbers(&world["posteriors"]), "posteriors");
        assert_eq!(Value::Bool(summary.converged), world["converged"]);
        // What is above a half is flagged, but for images of less loss than the lesser mean.
        let lesser = summary.means.unwrap()[0];
        let mut expected = 0;
        for ((posterior, mass), flagged) in posteriors.iter().zip(&masses).zip(&found.flagged) {
            let is_above = -mass.unwrap().max(1e-12).ln() > lesser;
            assert_eq!(*flagged, *posterior > 0.5 && is_above);
            expected += usize::from(*flagged);
        }
        assert_eq!(summary.flagged, expected);
        not_flagged += world["above_half"].as_u64().unwrap() as usize - expected;
    }
    assert!(not_flagged > 0, "no world has a component on both sides");
}
