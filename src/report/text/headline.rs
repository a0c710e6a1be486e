//! The headline: how much of the error is multiplicity.

use super::thousands;
use crate::score::Summary;

/// The headline sentence: the interval in which the multiplicity share of the error lies (METHOD 3).
pub fn headline(summary: &Summary) -> String {
    let errors = match summary.errors {
        0 if summary.judged == 0 => {
            return "No labelled image was scored: nothing to judge.".into();
        }
        0 => return "No errors: every answer is the annotated label.".into(),
        1 => "1 error".to_owned(),
        n => format!("{} errors", thousands(n)),
    };
    let share = |count: usize| 100.0 * count as f64 / summary.errors as f64;
    let multiplicity = &summary.multiplicity;
    let low = share(multiplicity.confirmed).round();
    // Mistakes are what is left of the upper bound, so that the two always add up to 100.
    let high = share(multiplicity.confirmed + multiplicity.possible).round();
    let mistakes = 100.0 - high;
    let range = if multiplicity.possible == 0 {
        format!("{low} %")
    } else if low == high {
        format!("about {low} %")
    } else {
        format!("between {low} % and {high} %")
    };
    let (are, mistakes_are) = if summary.errors == 1 {
        ("is", "is")
    } else {
        ("are", "are")
    };
    format!("Of {errors}, {range} {are} multiplicity; {mistakes} % {mistakes_are} real mistakes.")
}

/// What the headline becomes when chance and wrong annotations are allowed for; `None` with too few errors.
pub fn bounds(summary: &Summary) -> Option<String> {
    let interval = summary.multiplicity.interval_95?;
    let allowed = match summary.suspects.as_ref().map_or(0, |s| s.flagged) {
        0 => "sampling".to_owned(),
        1 => "sampling and 1 suspect annotation".to_owned(),
        n => format!("sampling and {} suspect annotations", thousands(n)),
    };
    Some(format!(
        "Allowing for {allowed}: {:.1} % to {:.1} % (95 %).",
        100.0 * interval.low,
        100.0 * interval.high
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{
        AlsoRight, Annotations, Collisions, CreditPolicy, Depth, Evaluated, Interval, Judge,
        Multiplicity, Root, Rule, Stop, Suspects, Terms, summarise,
    };
    use crate::taxonomy::load_str;

    /// A summary of which only what the headline reads is filled in.
    fn summary(n: usize, [confirmed, possible, mistakes]: [usize; 3]) -> Summary {
        let taxonomy = load_str("one", "nodes: {a: }").into_sound().unwrap();
        let judge = Judge {
            taxonomy: &taxonomy,
            collisions: &Collisions::default(),
            also_right: &AlsoRight::default(),
        };
        let (nothing, none) = (Evaluated::default(), Annotations::default());
        let terms = Terms {
            depth: Depth::Whole,
            policy: &CreditPolicy::Strict,
            root: Root::default(),
            rule: &Rule::Argmax,
            calibrated: None,
            stop: Stop::NEVER,
        };
        let (_, empty) = summarise(judge, &[], &terms, &nothing, &none, &[]).unwrap();
        Summary {
            n,
            judged: n,
            errors: confirmed + possible + mistakes,
            multiplicity: Multiplicity {
                confirmed,
                possible,
                mistakes,
                ..empty.multiplicity
            },
            ..empty
        }
    }

    #[test]
    fn the_headline_says_the_interval_and_the_rest() {
        for (n, groups, said) in [
            (
                0,
                [0, 0, 0],
                "No labelled image was scored: nothing to judge.",
            ),
            (
                9,
                [0, 0, 0],
                "No errors: every answer is the annotated label.",
            ),
            // One error is one of three.
            (
                1,
                [1, 0, 0],
                "Of 1 error, 100 % is multiplicity; 0 % is real mistakes.",
            ),
            (
                1,
                [0, 1, 0],
                "Of 1 error, between 0 % and 100 % is multiplicity; 0 % is real mistakes.",
            ),
            (
                1,
                [0, 0, 1],
                "Of 1 error, 0 % is multiplicity; 100 % is real mistakes.",
            ),
            // All of one kind.
            (
                9,
                [4, 0, 0],
                "Of 4 errors, 100 % are multiplicity; 0 % are real mistakes.",
            ),
            (
                9,
                [0, 4, 0],
                "Of 4 errors, between 0 % and 100 % are multiplicity; 0 % are real mistakes.",
            ),
            (
                9,
                [0, 0, 4],
                "Of 4 errors, 0 % are multiplicity; 100 % are real mistakes.",
            ),
            // Nothing is possible: no interval.
            (
                9,
                [3, 0, 1],
                "Of 4 errors, 75 % are multiplicity; 25 % are real mistakes.",
            ),
            (
                9,
                [1, 1, 2],
                "Of 4 errors, between 25 % and 50 % are multiplicity; 50 % are real mistakes.",
            ),
            // The bounds are rounded, and the mistakes are the rest: 33.3 and 66.7, 0.5 up, 12.5 up and 87.5 down.
            (
                9,
                [1, 0, 2],
                "Of 3 errors, 33 % are multiplicity; 67 % are real mistakes.",
            ),
            (
                9,
                [2, 0, 1],
                "Of 3 errors, 67 % are multiplicity; 33 % are real mistakes.",
            ),
            (
                9,
                [1, 1, 1],
                "Of 3 errors, between 33 % and 67 % are multiplicity; 33 % are real mistakes.",
            ),
            (
                200,
                [1, 0, 199],
                "Of 200 errors, 1 % are multiplicity; 99 % are real mistakes.",
            ),
            (
                8,
                [1, 0, 7],
                "Of 8 errors, 13 % are multiplicity; 87 % are real mistakes.",
            ),
            (
                8,
                [1, 6, 1],
                "Of 8 errors, between 13 % and 88 % are multiplicity; 12 % are real mistakes.",
            ),
            // An interval that rounding closes.
            (
                9999,
                [300, 1, 699],
                "Of 1,000 errors, about 30 % are multiplicity; 70 % are real mistakes.",
            ),
            (
                9999,
                [0, 1, 999],
                "Of 1,000 errors, about 0 % are multiplicity; 100 % are real mistakes.",
            ),
        ] {
            assert_eq!(headline(&summary(n, groups)), said, "{groups:?}");
        }
    }

    #[test]
    fn the_bounds_say_what_they_allow_for() {
        let of = |interval, flagged| {
            let mut summary = summary(99, [3, 4, 5]);
            summary.multiplicity.interval_95 = interval;
            summary.suspects = Some(Suspects {
                checked: 99,
                flagged,
                share: None,
                confirmed: 0,
            });
            bounds(&summary)
        };
        let interval = Some(Interval {
            low: 0.125,
            high: 0.6,
        });
        for (flagged, said) in [
            (0, "sampling:"),
            (1, "sampling and 1 suspect annotation:"),
            (1200, "sampling and 1,200 suspect annotations:"),
        ] {
            let expected = format!("Allowing for {said} 12.5 % to 60.0 % (95 %).");
            assert_eq!(of(interval, flagged), Some(expected));
        }
        assert_eq!(of(None, 3), None);
    }

    /// Of any counts: the upper bound and the mistakes are all there is, and the bounds are in order.
    #[test]
    fn the_parts_of_the_headline_add_up_to_a_hundred() {
        for confirmed in 0..12 {
            for possible in 0..12 {
                for mistakes in 0..12 {
                    if confirmed + possible + mistakes == 0 {
                        continue;
                    }
                    let groups = [confirmed, possible, mistakes];
                    let said = headline(&summary(99, groups));
                    let figures: Vec<u32> = said
                        .split(" %")
                        .filter_map(|before| before.rsplit(' ').next()?.parse().ok())
                        .collect();
                    let (low, high, rest) = match figures[..] {
                        [low, high, rest] => (low, high, rest),
                        [both, rest] => (both, both, rest),
                        _ => panic!("{said}"),
                    };
                    assert!(low <= high && high + rest == 100, "{said}");
                    assert_eq!(figures.len() == 3, low < high, "{said}");
                }
            }
        }
    }
}
