//! Statistics against scipy and statsmodels (`tests/parity/run_statistics.py`).

use cladist::score::{Bootstrap, McNemar, SUBSETS, TruthSets, growth, holm, kendall_tau};
use serde_json::Value;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/statistics.json")).unwrap()
}

fn list<T>(value: &Value, of: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap().iter().map(of).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn index(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

/// To a relative error of 1e-11.
fn close(found: f64, expected: f64, what: &Value) {
    assert!(
        (found - expected).abs() <= 1e-11 * expected.abs(),
        "{found:e}, not {expected:e}: {what}"
    );
}

#[test]
fn kendall_is_that_of_scipy() {
    for case in list(&fixture()["kendall"], Value::clone) {
        let found = kendall_tau(&list(&case["a"], number), &list(&case["b"], number));
        match (found, case["tau"].as_f64()) {
            (Some(found), Some(expected)) => assert!((found - expected).abs() < 1e-12, "{case}"),
            (found, expected) => assert_eq!(found, expected, "{case}"),
        }
    }
}

#[test]
fn pairs_grow_as_those_counted_one_by_one() {
    for case in list(&fixture()["growth"], Value::clone) {
        let (truth_set, primary) = (
            list(&case["truth_set"], index),
            list(&case["primary"], index),
        );
        let annotations = TruthSets {
            truth_set: &truth_set,
            primary: &primary,
            valid: &list(&case["valid"], |labels| list(labels, index)),
            labels: index(&case["labels"]),
        };
        let found = growth(&annotations, SUBSETS, 0);
        let rows = list(&case["rows"], Value::clone);
        assert_eq!(found.rows.len(), rows.len());
        for (row, expected) in found.rows.iter().zip(&rows) {
            assert_eq!(row.n, index(&expected["n"]));
            // Five standard errors of the mean of so many subsets; of all images there is one subset.
            let off = 5.0 * number(&expected["std"]) / (SUBSETS as f64).sqrt();
            let mean = number(&expected["mean"]);
            assert!((row.pairs - mean).abs() <= off + 1e-9, "{row:?} {expected}");
        }
        // Subsets of 20 leave it that uncertain.
        let exponent = number(&case["exponent_of_means"]);
        assert!((found.exponent.unwrap() - exponent).abs() < 0.05);
        let probability = &case["pair_probability"];
        close(
            found.pair_probability.unwrap(),
            number(probability),
            probability,
        );
        for (row, expected) in found
            .false_negatives
            .iter()
            .zip(list(&case["false_negatives"], Value::clone))
        {
            assert_eq!(row.batch, index(&expected[0]));
            close(row.per_image.unwrap(), number(&expected[1]), &expected);
        }
        // Of many subsets the exponent is that of the means.
        let many = growth(&annotations, 4000, 0);
        assert!((many.exponent.unwrap() - exponent).abs() < 0.005);
    }
}

#[test]
fn mcnemar_is_the_exact_binomial_test() {
    for case in list(&fixture()["mcnemar"], Value::clone) {
        let (a, b) = (index(&case["a"]), index(&case["b"]));
        let first = [vec![true; a], vec![false; b], vec![true; 10]].concat();
        let second = [vec![false; a], vec![true; b], vec![true; 10]].concat();
        let found = McNemar::of(&first, &second);
        assert_eq!((found.only_first, found.only_second), (a, b));
        close(found.p_value.unwrap(), number(&case["p"]), &case);
    }
}

#[test]
fn holm_is_that_of_statsmodels() {
    for case in list(&fixture()["holm"], Value::clone) {
        let found = holm(&list(&case["p"], number));
        for (found, expected) in found.into_iter().zip(list(&case["corrected"], number)) {
            close(found, expected, &case);
        }
    }
}

/// The mean of the first column, and the ratio of the second's sum to 1 + that of the first.
#[test]
fn paired_intervals_are_those_of_scipy() {
    for case in list(&fixture()["bootstrap"], Value::clone) {
        let (first, second) = (list(&case["first"], number), list(&case["second"], number));
        let n = (first.len() / 2) as f64;
        let found = Bootstrap::default().of_paired_rows(&first, &second, 2, |sums| {
            vec![Some(sums[0] / n), Some(sums[1] / (1.0 + sums[0]))]
        });
        // The mean again, from the counts.
        let categories = |rows: &[f64]| -> Vec<usize> {
            rows.chunks_exact(2).map(|row| row[0] as usize).collect()
        };
        let by_counts = Bootstrap::default().of_paired_counts(
            &categories(&first),
            &categories(&second),
            2,
            |counts| vec![Some(counts[1] as f64 / n)],
        );
        let figures = list(&case["figures"], Value::clone);
        let all = found
            .iter()
            .zip(&figures)
            .chain(by_counts.iter().zip(&figures));
        for (found, expected) in all {
            let difference = number(&expected["difference"]);
            assert!((found.difference.unwrap() - difference).abs() < 1e-12);
            let interval = found.interval.unwrap();
            for (end, name, s) in [(interval.low, "low", 0), (interval.high, "high", 1)] {
                // Five standard deviations of an end of 2000 replicates.
                let off = 5.0 * number(&expected["scatter"][s]) + 1e-9;
                let expected = number(&expected[name]);
                assert!(
                    (end - expected).abs() <= off,
                    "{n} {name}: {end}, not {expected} ± {off}"
                );
            }
        }
    }
}
