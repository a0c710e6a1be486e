//! `darts`, by hand.

use super::*;

/// Calibration items of the same probabilities.
fn items(darts: &Darts<'_>, p: &[f64], truth: NodeId, times: usize) -> Vec<DartsItem> {
    let scores = Scores {
        similarities: &[],
        probabilities: p,
    };
    let item = darts.item(&scores, &[truth]).unwrap();
    vec![item; times]
}

#[test]
fn darts_is_as_bold_as_the_bound_allows() {
    let taxonomy =
        load("tree: {figure: {rectangle: [square, oblong], rhombus: [square, lozenge], circle: }}");
    let candidates = nodes(&taxonomy, &LEAVES);
    let darts = || Darts::new(&taxonomy, &candidates, 0.1).unwrap();
    let (square, oblong) = (candidates[0], candidates[1]);
    // m·(r + λ): square 0.5·(2 + λ), rectangle 0.75·(1 + λ), figure λ. Rectangle from λ = 1, figure from λ = 3.
    let p = [0.5, 0.25, 0.125, 0.125];
    let made = darts();
    let mut split = items(&made, &p, square, 35);
    split.extend(items(&made, &p, oblong, 5));
    let decider = made.calibrate(&split).unwrap();
    let calibrated = decider.calibrated().unwrap();
    // 35 of 40 is not sure to be above 90 %; all of 40 is: 0.05^(1/40) = 0.928.
    assert!(
        (1.0 - 1e-9..1.0 + 2e-9).contains(&calibrated.lambda),
        "{calibrated:?}"
    );
    assert_eq!((calibrated.correct, calibrated.n), (40, 40));
    assert!((calibrated.bound - 0.05f64.powf(1.0 / 40.0)).abs() < 1e-12);
    assert_eq!(of(&decider, &p), Some(("rectangle".to_owned(), 0.75)));
    // All squares: the bold answer is right at once.
    let made = darts();
    let split = items(&made, &p, square, 40);
    let decider = made.calibrate(&split).unwrap();
    assert_eq!(decider.calibrated().unwrap().lambda, 0.0);
    assert_eq!(of(&decider, &p), Some(("square".to_owned(), 0.5)));
    assert_eq!(decider.rule().name(), "darts:0.1");
}

#[test]
fn darts_says_what_it_cannot_reach() {
    let taxonomy = load("tree: {a: [b, c], d: }");
    let candidates = nodes(&taxonomy, &["b", "c", "d"]);
    let darts = Darts::new(&taxonomy, &candidates, 0.25).unwrap();
    let p = [0.5, 0.25, 0.25];
    let mut split = items(&darts, &p, candidates[0], 10);
    split.extend(items(&darts, &p, candidates[2], 2));
    assert_eq!(
        darts.calibrate(&split).unwrap_err().to_string(),
        "the rule `darts:0.25` cannot promise that 0.7500 of its answers are right: even the safest answers are right for 10 of 12 calibration images, so only 0.5619 is sure at 95 %; allow more wrong answers, or give more calibration images"
    );
    let darts = || Darts::new(&taxonomy, &candidates, 0.25).unwrap();
    assert!(darts().calibrate(&[]).is_err());
    assert_eq!(
        darts().item(
            &Scores {
                similarities: &[],
                probabilities: &p
            },
            &[]
        ),
        None
    );
}
