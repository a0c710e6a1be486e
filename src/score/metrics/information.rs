//! Information precision and recall (Valmadre, NeurIPS 2022; METHOD 6).

use serde::{Deserialize, Serialize};

use super::hierarchical::PrecisionRecall;
use crate::score::figure::{Figure, add_row, mean, one_if};
use crate::taxonomy::{NodeId, Taxonomy};

/// The values v of an answer, of its truth, and of their lowest common ancestor.
///
/// An answer below the truth is truncated to the truth: the annotation cannot tell whether what it adds is right. Of
/// several lowest common ancestors the one of maximal information counts; without any, v = 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Values {
    answer: f64,
    truth: f64,
    common: f64,
    truncated: bool,
}

impl Values {
    pub fn new(
        taxonomy: &Taxonomy,
        p: NodeId,
        truth: NodeId,
        value: impl Fn(NodeId) -> f64,
    ) -> Self {
        let truncated = !taxonomy.same_class(p, truth) && taxonomy.is_ancestor(truth, p);
        let answer = if truncated { truth } else { p };
        Self {
            answer: value(answer),
            truth: value(truth),
            common: taxonomy.lca(answer, truth).map_or(0.0, value),
            truncated,
        }
    }
}

/// Means over the images.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct Information {
    /// Mean v(l)/v(p) and mean v(l)/v(t), 0/0 = 1, and the harmonic mean of these two.
    pub scores: PrecisionRecall,
    /// Mean v(l): what the answer says and is so.
    pub correct: Option<f64>,
    /// Mean v(p) − v(l): what it says and is not so.
    pub excess: Option<f64>,
    /// Mean v(t) − v(l): what it leaves unsaid.
    pub deficient: Option<f64>,
    /// Share of the answers that were truncated.
    pub truncated: Option<f64>,
}

/// Columns that are summed over the images: ones, and then what the figures are means of, in their order.
pub const COLUMNS: usize = 7;

/// Sums over images.
#[derive(Debug, Clone, Copy, Default)]
pub struct InformationSums {
    sums: [f64; COLUMNS],
}

impl InformationSums {
    /// Adds an image, and tells what was added.
    pub fn add(&mut self, values: Values) -> [f64; COLUMNS] {
        let ratio = |whole: f64| {
            if whole == 0.0 {
                1.0
            } else {
                values.common / whole
            }
        };
        let row = [
            1.0,
            ratio(values.answer),
            ratio(values.truth),
            values.common,
            values.answer - values.common,
            values.truth - values.common,
            one_if(values.truncated),
        ];
        add_row(&mut self.sums, &row);
        row
    }

    pub fn finish(self) -> Information {
        figures(&self.sums)
    }
}

fn figures(sums: &[f64]) -> Information {
    let mean = |column: usize| mean(sums[column], sums[0]);
    Information {
        scores: PrecisionRecall::new(mean(1), mean(2)),
        correct: mean(3),
        excess: mean(4),
        deficient: mean(5),
        truncated: mean(6),
    }
}

/// The figures of sums of the [columns](COLUMNS); `scores` is where precision and recall are.
pub fn named(sums: &[f64], family: &'static str, scores: &'static str) -> Vec<Figure> {
    let found = figures(sums);
    let n = sums[0];
    let others = [
        ("correct", found.correct),
        ("excess", found.excess),
        ("deficient", found.deficient),
        ("truncated", found.truncated),
    ];
    let scores = found.scores.named(scores, [n; 3]);
    let others = others.map(|(name, value)| Figure::new(family, name, value, n));
    scores.into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::load_str;

    /// Four leaves: square and one more rectangle, one more rhombus, the circle. So in bits: figure 0, rectangle and
    /// rhombus 1, a leaf 2.
    #[test]
    fn bits_on_a_diamond_by_hand() {
        let taxonomy = load_str(
            "t",
            "tree: {figure: {rectangle: [square, oblong], rhombus: [square, lozenge], circle: }}",
        )
        .into_sound()
        .unwrap();
        let node = |id: &str| taxonomy.find(id).unwrap();
        let of = |p: &str, t: &str| {
            let v = Values::new(&taxonomy, node(p), node(t), |n| taxonomy.information(n));
            (v.answer, v.truth, v.common, v.truncated)
        };
        assert_eq!(of("square", "square"), (2.0, 2.0, 2.0, false));
        assert_eq!(of("rectangle", "square"), (1.0, 2.0, 1.0, false));
        // Below the truth: no more than the truth.
        assert_eq!(of("square", "rectangle"), (1.0, 1.0, 1.0, true));
        assert_eq!(of("oblong", "square"), (2.0, 2.0, 1.0, false));
        assert_eq!(of("circle", "square"), (2.0, 2.0, 0.0, false));
        assert_eq!(of("figure", "figure"), (0.0, 0.0, 0.0, false));

        let mut sums = InformationSums::default();
        for (p, t) in [
            ("rectangle", "square"),
            ("oblong", "square"),
            ("figure", "figure"),
        ] {
            sums.add(Values::new(&taxonomy, node(p), node(t), |n| {
                taxonomy.information(n)
            }));
        }
        let found = sums.finish();
        assert_eq!(found.scores.precision, Some((1.0 + 0.5 + 1.0) / 3.0));
        assert_eq!(found.scores.recall, Some((0.5 + 0.5 + 1.0) / 3.0));
        assert_eq!(found.correct, Some(2.0 / 3.0));
        assert_eq!(found.excess, Some(1.0 / 3.0));
        assert_eq!(found.deficient, Some(2.0 / 3.0));
        assert_eq!(found.truncated, Some(0.0));
    }
}
