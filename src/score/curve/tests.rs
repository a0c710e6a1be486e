//! The curve by hand.

use super::*;
use crate::taxonomy::load_str;

/// Four leaves of 2 bits; rectangle and rhombus 1 bit, which share the square; figure 0.
const FIGURES: &str =
    "tree: {figure: {rectangle: [square, oblong], rhombus: [square, lozenge], circle: }}";

fn taxonomy(text: &str) -> Taxonomy {
    load_str("t", text).into_sound().unwrap()
}

/// Images with these probabilities of the candidates, pooled.
fn pooled(
    taxonomy: &Taxonomy,
    candidates: &[NodeId],
    value: CurveValue,
    images: &[(&[f64], &[NodeId])],
) -> OperatingCurve {
    let masses = Masses::new(taxonomy, candidates).unwrap();
    let pareto = Pareto::new(&masses);
    let mut worths = Worths::new(taxonomy, value);
    let images: Vec<ImageCurve> = images
        .iter()
        .enumerate()
        .map(|(i, (p, truths))| {
            let sequence = pareto.sequence(p, &masses.of(p));
            worths.image(sequence, i, truths).unwrap()
        })
        .collect();
    OperatingCurve::pool(&images).unwrap()
}

#[test]
fn two_images_by_hand() {
    let t = taxonomy(FIGURES);
    let node = |id: &str| t.find(id).unwrap();
    let candidates = ["square", "oblong", "lozenge", "circle"].map(node);
    let masses = Masses::new(&t, &candidates).unwrap();
    let pareto = Pareto::new(&masses);
    let sequence = |p: &[f64]| -> Vec<(&str, f64)> {
        let answers = pareto.sequence(p, &masses.of(p)).into_iter();
        answers.map(|(n, mass)| (t.id(n), mass)).collect()
    };
    let (first, second) = ([0.5, 0.25, 0.125, 0.125], [0.125, 0.0, 0.25, 0.625]);
    assert_eq!(
        sequence(&first),
        [("figure", 1.0), ("rectangle", 0.75), ("square", 0.5)]
    );
    // The circle is more informative than the rhombus, and more massive.
    assert_eq!(sequence(&second), [("figure", 1.0), ("circle", 0.625)]);

    let images: [(&[f64], &[NodeId]); 2] =
        [(&first, &[node("oblong")]), (&second, &[node("circle")])];
    let curve = pooled(&t, &candidates, CurveValue::Information, &images);
    let found: Vec<_> = curve
        .points
        .iter()
        .map(|p| {
            (
                p.threshold,
                p.correct,
                p.exact,
                p.recall,
                p.precision,
                p.value,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (None, 1.0, 0.0, 0.0, 1.0, 0.0),
            (Some(1.0), 1.0, 0.0, 0.0, 1.0, 0.0),
            // Rectangle for an oblong: half of the bits, all right.
            (Some(0.75), 1.0, 0.0, 0.25, 1.0, 0.5),
            (Some(0.625), 1.0, 0.5, 0.75, 1.0, 1.5),
            // The square is no oblong; the rectangle that both are is half of what was said.
            (Some(0.5), 0.5, 0.5, 0.75, 0.75, 2.0),
        ]
    );
    assert_eq!(
        (curve.average_precision, curve.average_correct),
        (0.75, 0.75)
    );
    assert_eq!((curve.recall_at_90, curve.recall_at_95), (0.75, 0.75));
    assert_eq!(OperatingCurve::pool(&[]), None);
}

#[test]
fn below_the_label_is_right_and_not_exact() {
    let t = taxonomy(FIGURES);
    let node = |id: &str| t.find(id).unwrap();
    let masses = Masses::new(&t, &[node("square")]).unwrap();
    // A single candidate: everything has its mass, so the most informative is answered at once.
    let sequence = Pareto::new(&masses).sequence(&[1.0], &masses.of(&[1.0]));
    assert_eq!(sequence, [(node("square"), 1.0)]);
    let truths = [node("circle"), node("rhombus")];
    let curve = pooled(
        &t,
        &[node("square")],
        CurveValue::Depth,
        &[(&[1.0], &truths)],
    );
    let last = curve.points[1];
    assert_eq!((last.correct, last.exact, last.value), (1.0, 0.0, 2.0));
    assert_eq!((last.recall, last.precision), (1.0, 1.0));
    let mut worths = Worths::new(&t, CurveValue::Depth);
    assert_eq!(worths.image(sequence, 0, &[]), None);
}

#[test]
fn several_roots_and_a_label_that_says_nothing() {
    let t = taxonomy("tree: {a: [b, c], d: }");
    let node = |id: &str| t.find(id).unwrap();
    let candidates = ["b", "c", "d"].map(node);
    let bits = CurveValue::Information;
    // Nothing in common with the answer `d`: recall 0.
    let curve = pooled(&t, &candidates, bits, &[(&[0.25, 0.25, 0.5], &[node("b")])]);
    let last = curve.points.last().unwrap();
    assert_eq!((last.correct, last.recall, last.precision), (0.0, 0.0, 0.0));
    assert_eq!(curve.recall_at_90, 0.0);
    // Only one root: it carries no information, so nothing can be missed.
    let t = taxonomy("tree: {a: [b, c]}");
    let node = |id: &str| t.find(id).unwrap();
    let candidates = ["b", "c"].map(node);
    let curve = pooled(&t, &candidates, bits, &[(&[0.75, 0.25], &[node("a")])]);
    assert!(
        curve
            .points
            .iter()
            .all(|p| p.recall == 1.0 && p.correct == 1.0)
    );
}
