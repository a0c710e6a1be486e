//! The operating curve: how much is said and how much of it is right, over all thresholds at once (METHOD 6, last bullet;
//! Valmadre, Hierarchical classification at multiple operating points, NeurIPS 2022).
//!
//! As the threshold of the rule `threshold` falls from above every mass to 0, the answers of an image go down its *Pareto sequence*:
//! the classes than which no other is both more informative and at least as massive ([`Pareto`]). The thresholds of all images are pooled
//! ([`OperatingCurve`]): at each, the means over the images.
//!
//! Conventions:
//!
//! - Which classes are in the sequence is decided by information (leaves below), as in the paper; recall and precision are in
//!   [`CurveValue::Information`] or [`CurveValue::Depth`]. The paper leaves out nodes with a single child; here of a chain of equal
//!   information the most massive class counts, of equally massive ones the deepest: on such a chain the same class, unless what is
//!   above is a candidate too.
//! - Above the greatest mass nothing is answered: that is the virtual root, which is right, and says nothing. So every curve begins
//!   at recall 0, precision 1, correct 1 (recall 1 for an image whose label has value 0: 0/0 = 1).
//! - An answer below the label is truncated to it, and so is right (METHOD 6). The paper's code counts it as exact too; here
//!   it is not. With several labels the one that the answer is best related to counts, first in the order of the annotation.
//! - Areas are over recall, by trapezoids between neighbouring points from the first to the last: what lies beyond the last
//!   recall counts nothing. Where recall falls with the threshold, as it can when the answer changes sides, the area is
//!   taken back.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use super::decide::Masses;
use crate::taxonomy::{NodeId, Relation, Taxonomy};

/// What recall and precision are measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CurveValue {
    /// I(n), in bits.
    Information,
    /// The greatest depth, a root at 1.
    Depth,
}

/// The Pareto sequences of images.
#[derive(Debug)]
pub struct Pareto<'m, 't> {
    masses: &'m Masses<'t>,
    /// The classes by the number of leaves below, fewest first.
    order: Vec<usize>,
}

/// What answers are worth to images, which share most of them.
#[derive(Debug)]
pub struct Worths<'t> {
    taxonomy: &'t Taxonomy,
    value: CurveValue,
    /// By the answer and the number of the labels.
    known: HashMap<(NodeId, usize), Worth>,
}

/// What one answer is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Worth {
    correct: bool,
    exact: bool,
    recall: f64,
    precision: f64,
    value: f64,
}

/// The answers of one image, judged: what the curve is pooled from.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageCurve {
    start: Worth,
    /// By falling mass.
    steps: Vec<(f64, Worth)>,
}

impl<'m, 't> Pareto<'m, 't> {
    /// Prepares sequences of the classes that have these masses.
    pub fn new(masses: &'m Masses<'t>) -> Self {
        let mut order: Vec<usize> = (0..masses.len()).collect();
        order.sort_by_key(|&class| masses.leaves(class));
        Self { masses, order }
    }

    /// What `threshold` answers, from the greatest threshold to the least above 0: nodes of rising information with their
    /// falling masses. `all` has the mass of each class. Linear in the classes.
    pub fn sequence(&self, probabilities: &[f64], all: &[f64]) -> Vec<(NodeId, f64)> {
        let masses = self.masses;
        let mut sequence = Vec::new();
        let mut greatest = 0.0;
        // From the most specific classes up: of those that are equally specific the best, if it has more mass than all before.
        for equals in self
            .order
            .chunk_by(|&a, &b| masses.leaves(a) == masses.leaves(b))
        {
            let best = equals
                .iter()
                .copied()
                .filter(|&class| all[class] > greatest)
                .min_by(|&a, &b| masses.by_specificity(all, a, b));
            if let Some(class) = best {
                greatest = all[class];
                sequence.push((masses.node(class, probabilities), greatest));
            }
        }
        sequence.reverse();
        sequence
    }
}

impl<'t> Worths<'t> {
    /// Of answers over this taxonomy.
    pub fn new(taxonomy: &'t Taxonomy, value: CurveValue) -> Self {
        Self {
            taxonomy,
            value,
            known: HashMap::new(),
        }
    }

    /// A Pareto sequence of an image, judged by its labels, the primary one first; `None` without a label. Images that have the
    /// same labels, and they alone, give them the same `number`.
    pub fn image(
        &mut self,
        sequence: impl IntoIterator<Item = (NodeId, f64)>,
        number: usize,
        truths: &[NodeId],
    ) -> Option<ImageCurve> {
        let &primary = truths.first()?;
        let start = Worth {
            correct: true,
            exact: false,
            recall: ratio(0.0, self.value_of(primary)),
            precision: 1.0,
            value: 0.0,
        };
        let steps = sequence.into_iter().map(|(node, mass)| {
            let key = (node, number);
            let known = self.known.get(&key).copied();
            let worth = known.unwrap_or_else(|| {
                let worth = self.worth(node, primary, truths);
                self.known.insert(key, worth);
                worth
            });
            (mass, worth)
        });
        Some(ImageCurve {
            start,
            steps: steps.collect(),
        })
    }

    fn worth(&self, p: NodeId, primary: NodeId, truths: &[NodeId]) -> Worth {
        let related = truths.iter().map(|&t| (self.taxonomy.relation(p, t), t));
        // `min_by_key` keeps the first of equals.
        let best = related.min_by_key(|(relation, _)| *relation);
        let (relation, truth) = best.unwrap_or((Relation::Unrelated, primary));
        let is_below = relation == Relation::Descendant;
        let answer = if is_below { truth } else { p };
        let common = self.taxonomy.lca(answer, truth);
        let common = common.map_or(0.0, |l| self.value_of(l));
        let value = self.value_of(answer);
        let exact = matches!(relation, Relation::Same | Relation::Equivalent);
        Worth {
            correct: exact || is_below || relation == Relation::Ancestor,
            exact,
            recall: ratio(common, self.value_of(truth)),
            precision: ratio(common, value),
            value,
        }
    }

    fn value_of(&self, n: NodeId) -> f64 {
        match self.value {
            CurveValue::Information => self.taxonomy.information(n),
            CurveValue::Depth => self.taxonomy.depth(n).1 as f64 + 1.0,
        }
    }
}

/// 0/0 = 1.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 1.0 } else { part / whole }
}

/// Means over the images at one threshold.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct CurvePoint {
    /// The least mass that an answer needs; `None`: above every mass, nothing is answered.
    pub threshold: Option<f64>,
    /// Share of the answers that are the label, above it, or below it.
    pub correct: f64,
    /// Share of the answers that are the label, or equivalent to it.
    pub exact: f64,
    /// Mean v(l)/v(t), l the lowest common ancestor of answer and label.
    pub recall: f64,
    /// Mean v(l)/v(p).
    pub precision: f64,
    /// Mean v(p): how much is said.
    pub value: f64,
}

/// All images at all thresholds.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct OperatingCurve {
    pub n: usize,
    /// By falling threshold: one for each mass that some image's answer has, after the one above all of them.
    pub points: Vec<CurvePoint>,
    /// AP: the area under precision over recall.
    pub average_precision: f64,
    /// AC: the area under the correct share over recall.
    pub average_correct: f64,
    /// The greatest recall of a point where at least 90 %, and 95 %, of the answers are correct.
    pub recall_at_90: f64,
    pub recall_at_95: f64,
}

impl OperatingCurve {
    /// Pools the thresholds of these images; `None` without any. Takes O(s log s) for s steps in all.
    pub fn pool(images: &[ImageCurve]) -> Option<Self> {
        let n = images.len();
        if n == 0 {
            return None;
        }
        let mut totals = Totals::default();
        let mut steps: Vec<(f64, Worth, Worth)> = Vec::new();
        for image in images {
            totals.add(image.start);
            let mut before = image.start;
            for &(mass, worth) in &image.steps {
                steps.push((mass, before, worth));
                before = worth;
            }
        }
        // Stable: equal masses stay in the order of the images.
        steps.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut points = vec![totals.point(None, n)];
        for at_once in steps.chunk_by(|a, b| a.0 == b.0) {
            for &(_, before, after) in at_once {
                totals.replace(before, after);
            }
            points.push(totals.point(Some(at_once[0].0), n));
        }
        let recall_at = |share: f64| {
            let enough = points.iter().filter(|point| point.correct >= share);
            enough.map(|point| point.recall).fold(0.0, f64::max)
        };
        Some(Self {
            n,
            average_precision: area(&points, |point| point.precision),
            average_correct: area(&points, |point| point.correct),
            recall_at_90: recall_at(0.90),
            recall_at_95: recall_at(0.95),
            points,
        })
    }
}

fn area(points: &[CurvePoint], height: impl Fn(&CurvePoint) -> f64) -> f64 {
    let trapezoid = |pair: &[CurvePoint]| {
        let width = pair[1].recall - pair[0].recall;
        width * 0.5 * (height(&pair[0]) + height(&pair[1]))
    };
    points.windows(2).map(trapezoid).sum()
}

/// Sums over the images.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    correct: usize,
    exact: usize,
    recall: f64,
    precision: f64,
    value: f64,
}

impl Totals {
    fn add(&mut self, worth: Worth) {
        self.correct += usize::from(worth.correct);
        self.exact += usize::from(worth.exact);
        self.recall += worth.recall;
        self.precision += worth.precision;
        self.value += worth.value;
    }

    /// `before` was added.
    fn replace(&mut self, before: Worth, after: Worth) {
        self.correct = self.correct + usize::from(after.correct) - usize::from(before.correct);
        self.exact = self.exact + usize::from(after.exact) - usize::from(before.exact);
        self.recall += after.recall - before.recall;
        self.precision += after.precision - before.precision;
        self.value += after.value - before.value;
    }

    fn point(&self, threshold: Option<f64>, n: usize) -> CurvePoint {
        let mean = |sum: f64| sum / n as f64;
        CurvePoint {
            threshold,
            correct: mean(self.correct as f64),
            exact: mean(self.exact as f64),
            recall: mean(self.recall),
            precision: mean(self.precision),
            value: mean(self.value),
        }
    }
}
