use proptest::prelude::*;

use super::*;
use crate::run::filter::Filter;
use crate::run::fixture::{Image, opened, saved};
use crate::score::Verdict;

const TAXONOMY: &str = "nodes: {a: {names: [zebra]}, b: {names: [Ant]}, c: {names: [zebra]}}";

fn order(by: Key, descending: bool) -> Order {
    Order { by, descending }
}

#[test]
fn rows_are_ordered_and_what_is_unknown_is_last() {
    let image = |name, truth: Option<&'static str>, probability, verdict| Image {
        name,
        truths: truth.into_iter().collect(),
        probability,
        verdict,
        ..Image::default()
    };
    let images = [
        image("n/2", Some("c"), Some(0.5), Some(Verdict::Near)),
        image("n/10", Some("b"), None, None),
        image("N/1", None, Some(f64::NAN), Some(Verdict::Exact)),
        image("n/2", Some("a"), Some(-0.0), Some(Verdict::Near)),
        image("n/", Some("b"), Some(0.0), Some(Verdict::Unrelated)),
        image("", Some("q"), Some(f64::INFINITY), None),
        image("n/2\0", Some("c"), Some(f64::NEG_INFINITY), None),
    ];
    let run = opened(TAXONOMY, &images);
    let cases: &[(Key, [u32; 7], [u32; 7])] = &[
        (Key::File, [0, 1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1, 0]),
        (Key::Image, [5, 2, 4, 1, 0, 3, 6], [6, 0, 3, 1, 4, 2, 5]),
        // Ant, q, zebra of a, zebra of c.
        (Key::Truth, [1, 4, 5, 3, 0, 6, 2], [0, 6, 3, 5, 1, 4, 2]),
        (Key::Verdict, [2, 0, 3, 4, 1, 5, 6], [4, 0, 3, 2, 1, 5, 6]),
        (
            Key::Probability,
            [6, 3, 4, 0, 5, 1, 2],
            [5, 0, 3, 4, 6, 1, 2],
        ),
        (Key::Noisy, [0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5, 6]),
    ];
    for (by, ascending, descending) in cases {
        assert_eq!(order(*by, false).rows(&run), ascending, "{by:?}");
        assert_eq!(order(*by, true).rows(&run), descending, "{by:?} descending");
    }
}

#[test]
fn keys_are_found_by_their_names_and_filters_know_them() {
    let run = opened(TAXONOMY, &[]);
    for key in Key::ALL {
        assert_eq!(Key::by_name(key.name()), Some(key));
        assert!(order(key, true).rows(&run).is_empty());
        let is_unknown = |name: &str| {
            let error = Filter::parse(&format!("{name}:none"), &run).err();
            error.is_some_and(|error| error.message.starts_with("no field"))
        };
        assert!(key == Key::File || !is_unknown(key.name()), "{key:?}");
    }
}

/// The order that is meant, by comparing rows.
fn expected(names: &[String], descending: bool) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..names.len() as u32).collect();
    rows.sort_by(|&a, &b| {
        let by_name = names[a as usize]
            .as_bytes()
            .cmp(names[b as usize].as_bytes());
        if descending {
            by_name.reverse()
        } else {
            by_name
        }
    });
    rows
}

proptest! {
    #[test]
    fn names_are_sorted_as_by_comparing_them(
        names in proptest::collection::vec("(x{0,3}/)?[ab\0é]{0,9}|(abcdefg){0,4}[ab\0]?", 0..200),
    ) {
        let images: Vec<Image> = names.iter().map(|name| Image { name, ..Image::default() }).collect();
        let run = Opened::flat(saved(&images));
        for descending in [false, true] {
            prop_assert_eq!(order(Key::Image, descending).rows(&run), expected(&names, descending));
        }
    }

    #[test]
    fn figures_are_sorted_as_by_comparing_them(figures in proptest::collection::vec(proptest::option::of(any::<f64>()), 0..60)) {
        let images: Vec<Image> = figures.iter().map(|&margin| Image { margin, ..Image::default() }).collect();
        let run = Opened::flat(saved(&images));
        for descending in [false, true] {
            let rows = order(Key::Margin, descending).rows(&run);
            let mut sorted = rows.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..figures.len() as u32).collect::<Vec<_>>());
            for pair in rows.windows(2) {
                let figure = |row: u32| figures[row as usize].filter(|figure| !figure.is_nan());
                let is_tie = figure(pair[0]) == figure(pair[1]);
                let is_sorted = match (figure(pair[0]), figure(pair[1])) {
                    _ if is_tie => pair[0] < pair[1],
                    (Some(a), Some(b)) => (a < b) != descending,
                    (a, b) => a.is_some() && b.is_none(),
                };
                prop_assert!(is_sorted, "{:?}", pair);
            }
        }
    }
}

/// Steps that differ so seldom that whole names are compared in the end.
#[test]
fn names_that_go_on_and_on_are_sorted() {
    let names: Vec<String> = (0..600).rev().map(|i| "a".repeat(i)).collect();
    let images: Vec<Image> = names
        .iter()
        .map(|name| Image {
            name,
            ..Image::default()
        })
        .collect();
    let run = Opened::flat(saved(&images));
    for descending in [false, true] {
        assert_eq!(
            order(Key::Image, descending).rows(&run),
            expected(&names, descending)
        );
    }
}
