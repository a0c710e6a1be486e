//! Every rule by hand, on a DAG with a diamond, and what holds on any graph.

mod calibration;
mod presets;
mod properties;
mod rule;
mod rules;

use super::*;
use crate::taxonomy::load_str;

/// The square is below rectangle and rhombus; `disc` and `circle` are one class. Leaves: square, oblong, lozenge, the circle.
const FIGURES: &str = "\
tree: {figure: {rectangle: [square, oblong], rhombus: [square, lozenge], round: [circle], disc: }}
equivalent: [[circle, disc]]
";
const LEAVES: [&str; 4] = ["square", "oblong", "lozenge", "circle"];

fn load(text: &str) -> Taxonomy {
    load_str("t", text).into_sound().unwrap()
}

fn nodes(taxonomy: &Taxonomy, ids: &[&str]) -> Vec<NodeId> {
    ids.iter().map(|id| taxonomy.find(id).unwrap()).collect()
}

/// The answer of a decider: id and confidence.
fn of(decider: &Decider<'_>, p: &[f64]) -> Option<(String, f64)> {
    let answer = decider.answer(&Scores {
        similarities: &[],
        probabilities: p,
    })?;
    let id = decider.masses().taxonomy.id(answer.node);
    Some((id.to_owned(), answer.confidence))
}

/// A rule, probabilities, and the answer with its confidence.
type Case<'a> = (&'a str, &'a [f64], Option<(&'a str, f64)>);

fn check(text: &str, candidates: &[&str], cases: &[Case<'_>]) {
    let taxonomy = load(text);
    let candidates = nodes(&taxonomy, candidates);
    for (rule, p, expected) in cases {
        let decider = Decider::new(&taxonomy, &candidates, &Rule::parse(rule).unwrap()).unwrap();
        let expected = expected.map(|(id, confidence)| (id.to_owned(), confidence));
        assert_eq!(of(&decider, p), expected, "{rule} of {p:?}");
    }
}

/// Images are answered on all threads.
#[test]
fn a_decider_can_be_shared() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Decider<'_>>();
    is_shared::<Darts<'_>>();
    is_shared::<Chils<'_>>();
}
