//! Retrieval in both directions against an independent implementation, ranx and scikit-learn
//! (`tests/parity/retrieval.py`), on random similarities with many ties.

use std::ops::Range;

use cladist::score::{RetrievalFigures, Similarities, Stop, retrieval};
use serde_json::Value;

/// The fixture rounds to twelve decimals.
const CLOSE: f64 = 1e-11;

struct Table(Vec<Vec<f32>>);

impl Similarities for Table {
    fn images(&self) -> usize {
        self.0.len()
    }

    fn candidates(&self) -> usize {
        self.0[0].len()
    }

    fn fill(&self, image: usize, candidates: Range<usize>, out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(&self.0[image][candidates]);
    }
}

fn lists<T>(value: &Value, of: impl Fn(&Value) -> T) -> Vec<Vec<T>> {
    let list = |list: &Value| list.as_array().unwrap().iter().map(&of).collect();
    value.as_array().unwrap().iter().map(list).collect()
}

fn index(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

fn compare(found: RetrievalFigures, expected: &Value, what: &str) {
    assert_eq!(found.n, index(&expected["n"]), "{what}");
    let without = index(&expected["without_positive"]);
    assert_eq!(found.without_positive, without, "{what}");
    for (name, found) in [
        ("recall_at_1", found.recall_at_1),
        ("recall_at_5", found.recall_at_5),
        ("recall_at_10", found.recall_at_10),
        ("r_precision", found.r_precision),
        ("map_at_r", found.map_at_r),
    ] {
        let expected = expected[name].as_f64();
        let close = match (found, expected) {
            (Some(a), Some(b)) => (a - b).abs() < CLOSE,
            (a, b) => a == b,
        };
        assert!(close, "{what} {name}: {found:?}, not {expected:?}");
    }
}

#[test]
fn figures_are_those_of_ranx() {
    let worlds: Vec<Value> =
        serde_json::from_str(include_str!("../fixtures/retrieval.json")).unwrap();
    for (w, world) in worlds.iter().enumerate() {
        let scores = Table(lists(&world["scores"], |s| s.as_i64().unwrap() as f32));
        let tie_order: Vec<usize> = world["tie_order"]
            .as_array()
            .unwrap()
            .iter()
            .map(index)
            .collect();
        let (valid, images_of) = (
            lists(&world["valid"], index),
            lists(&world["images_of"], index),
        );
        let found = retrieval(&scores, &valid, &tie_order, &images_of, Stop::NEVER)
            .unwrap()
            .finish();
        for (what, found) in [
            ("image_to_label", found.image_to_label),
            ("label_to_image", found.label_to_image),
        ] {
            compare(found, &world[what], &format!("world {w} {what}"));
        }
    }
}
