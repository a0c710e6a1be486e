//! The figures of a run node by node: what becomes of the images of each part of the taxonomy.

use std::cmp::Ordering;

use super::opened::Opened;
use super::saved::{Jagged, Saved};
use super::tallies::{Tally, tallies};
use crate::score::{FEWEST, Group, Interval, wilson};
use crate::taxonomy::{NodeId, Taxonomy};

/// The figures of each node of a taxonomy.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeFigures {
    /// By [`NodeId::index`]. Equivalent nodes have the same figures but for those of a label's own.
    pub nodes: Vec<NodeFigure>,
}

/// The figures of one node, over the images with a verdict.
///
/// The truth of an image is the one that its answer is best related to. What is *at or below* a node is so by membership: an
/// image counts once, however many ways there are up to the node, and equivalent nodes are one. Shares are fractions from 0
/// to 1, `None` of nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NodeFigure {
    /// Images whose truth is at or below the node. All that follows is over these, but where it says otherwise.
    pub n: usize,
    /// Images answered at or below the node, whatever their truth.
    pub answered: usize,
    /// Share whose answer is at or below the node too.
    pub recall: Option<f64>,
    /// 95 % score interval of `recall`; `None` with fewer than [`FEWEST`] images.
    pub interval: Option<Interval>,
    /// Share of the `answered` whose truth is at or below the node too.
    pub precision: Option<f64>,
    /// Mean credit under the run's policy.
    pub credit: Option<f64>,
    /// Answers that are not exact.
    pub errors: usize,
    /// Share of the answers that are not exact.
    pub error: Option<f64>,
    /// Errors by group: multiplicity that is confirmed, that is possible, and mistakes.
    pub confirmed: usize,
    pub possible: usize,
    pub mistakes: usize,
    /// The multiplicity share of the errors: from the confirmed ones to the possible ones too (METHOD 3). No confidence interval.
    pub multiplicity: Option<Interval>,
    /// Share whose answer is neither at nor below nor above the node: taken for something else altogether.
    pub outside: Option<f64>,
    /// Images whose annotation is suspect; 0 where the details of the run were not read.
    pub suspect: usize,
    /// Images whose truth is this very node, none below it and no equivalent.
    pub own_n: usize,
    /// Of these, the answers that are not exact.
    pub own_errors: usize,
}

/// Sums over the images with a truth at or below a node.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    n: usize,
    exact: usize,
    confirmed: usize,
    possible: usize,
    mistakes: usize,
    suspect: usize,
    credit: f64,
    /// Answered at or below the node.
    inside: usize,
    /// Answered above it.
    above: usize,
}

/// The figures of every node of the taxonomy.
///
/// A label of the run that the taxonomy has not is at no node: images with such a truth count nowhere, and such an answer is
/// outside of everything. Linear in the images, and in the nodes above the truth and the answer of each distinct pair.
pub fn nodes(opened: &Opened) -> NodeFigures {
    let (taxonomy, saved) = (&opened.taxonomy, &opened.saved);
    let tallies = tallies(saved);
    let above = closures(opened, &tallies);
    let mut sums = vec![Sums::default(); taxonomy.len()];
    let mut figures = vec![NodeFigure::default(); taxonomy.len()];
    for (label, count) in answers(saved, &tallies) {
        for n in above.get(label) {
            figures[n.index()].answered += count;
        }
    }
    // The truth whose closure a node was last found in, and so whether it is in that of the truth at hand.
    let mut met = vec![u32::MAX; taxonomy.len()];
    for of_truth in tallies.chunk_by(|a, b| a.truth == b.truth) {
        let truth = of_truth[0].truth;
        let Some(node) = opened.node(truth) else {
            continue;
        };
        let closure = above.get(truth as usize);
        let of_all = total(of_truth);
        for n in closure {
            met[n.index()] = truth;
            sums[n.index()].add(&of_all);
        }
        for tally in of_truth {
            let count = tally.count();
            for n in above.get(tally.answer as usize) {
                if met[n.index()] == truth {
                    sums[n.index()].inside += count;
                }
            }
            // Between a truth and an answer above it are nodes that the answer is above of.
            let answer = opened.node(tally.answer);
            let Some(answer) = answer.filter(|a| met[a.index()] == truth) else {
                continue;
            };
            let below =
                |n: NodeId| taxonomy.is_ancestor(answer, n) && !taxonomy.same_class(answer, n);
            for &n in closure.iter().filter(|&&n| below(n)) {
                sums[n.index()].above += count;
            }
        }
        let own = &mut figures[node.index()];
        own.own_n += of_all.n;
        own.own_errors += of_all.n - of_all.exact;
    }
    for (figure, sums) in figures.iter_mut().zip(&sums) {
        sums.finish(figure);
    }
    NodeFigures { nodes: figures }
}

/// What is at or above each label that is the truth or the answer of an image; nothing of the others.
fn closures(opened: &Opened, tallies: &[Tally]) -> Jagged<NodeId> {
    let mut occurs = vec![false; opened.saved.labels.len()];
    for tally in tallies {
        occurs[tally.truth as usize] = true;
        occurs[tally.answer as usize] = true;
    }
    let mut closures = Jagged::default();
    for (label, occurs) in (0..).zip(occurs) {
        let node = opened.node(label).filter(|_| occurs);
        closures.push(node.map_or(Vec::new(), |n| opened.taxonomy.ancestors(n)));
    }
    closures
}

/// The labels that are answered, and how often.
fn answers(saved: &Saved, tallies: &[Tally]) -> impl Iterator<Item = (usize, usize)> {
    let mut counts = vec![0; saved.labels.len()];
    for tally in tallies {
        counts[tally.answer as usize] += tally.count();
    }
    let counts = counts.into_iter().enumerate();
    counts.filter(|&(_, count)| count > 0)
}

/// Sums over tallies, whatever the node.
fn total(tallies: &[Tally]) -> Sums {
    let mut total = Sums::default();
    for tally in tallies {
        total.n += tally.count();
        total.exact += tally.in_group(Group::Correct);
        total.confirmed += tally.in_group(Group::Confirmed);
        total.possible += tally.in_group(Group::Possible);
        total.mistakes += tally.in_group(Group::Mistake);
        total.suspect += tally.suspect;
        total.credit += tally.credit;
    }
    total
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.n += other.n;
        self.exact += other.exact;
        self.confirmed += other.confirmed;
        self.possible += other.possible;
        self.mistakes += other.mistakes;
        self.suspect += other.suspect;
        self.credit += other.credit;
        self.inside += other.inside;
        self.above += other.above;
    }

    fn finish(&self, figure: &mut NodeFigure) {
        let of = |count: usize, n: usize| (n > 0).then(|| count as f64 / n as f64);
        let n = self.n;
        let errors = n - self.exact;
        figure.n = n;
        figure.recall = of(self.inside, n);
        figure.interval = wilson(self.inside, n).filter(|_| n >= FEWEST);
        figure.precision = of(self.inside, figure.answered);
        figure.credit = (n > 0).then(|| self.credit / n as f64);
        figure.errors = errors;
        figure.error = of(errors, n);
        figure.confirmed = self.confirmed;
        figure.possible = self.possible;
        figure.mistakes = self.mistakes;
        let low = of(self.confirmed, errors);
        let high = of(self.confirmed + self.possible, errors);
        figure.multiplicity = low.zip(high).map(|(low, high)| Interval { low, high });
        figure.outside = of(n - self.inside - self.above, n);
        figure.suspect = self.suspect;
    }
}

impl NodeFigures {
    /// The figures of a node.
    pub fn get(&self, node: NodeId) -> &NodeFigure {
        &self.nodes[node.index()]
    }

    /// The nodes that lose the most credit an image, worst first: at most `most` of those with at least `fewest` images, and at
    /// least one. Ties are broken by the number of images, more first, then by id.
    ///
    /// A node whose images are all those of one of its children is left out: it would tell the same once more. Of equivalent
    /// nodes one stands for all.
    pub fn worst(&self, taxonomy: &Taxonomy, fewest: usize, most: usize) -> Vec<NodeId> {
        self.ranked(taxonomy, fewest, most, |a, b| a.total_cmp(&b))
    }

    /// The nodes that keep the most credit an image, best first; otherwise as [`worst`](Self::worst).
    pub fn best(&self, taxonomy: &Taxonomy, fewest: usize, most: usize) -> Vec<NodeId> {
        self.ranked(taxonomy, fewest, most, |a, b| b.total_cmp(&a))
    }

    fn ranked(
        &self,
        taxonomy: &Taxonomy,
        fewest: usize,
        most: usize,
        order: impl Fn(f64, f64) -> Ordering,
    ) -> Vec<NodeId> {
        let tells_its_own = |n: NodeId| {
            let images = self.get(n).n;
            images >= fewest.max(1)
                && taxonomy.representative(n) == n
                && !(taxonomy.class_children(n).iter()).any(|&child| self.get(child).n == images)
        };
        let told = taxonomy.nodes().filter(|&n| tells_its_own(n));
        let mut ranked: Vec<(NodeId, f64)> = told
            .filter_map(|n| Some((n, self.get(n).credit?)))
            .collect();
        ranked.sort_by(|&(a, of_a), &(b, of_b)| {
            let by_images = || self.get(b).n.cmp(&self.get(a).n);
            let by_id = || taxonomy.id(a).cmp(taxonomy.id(b));
            order(of_a, of_b).then_with(by_images).then_with(by_id)
        });
        ranked.truncate(most);
        ranked.into_iter().map(|(n, _)| n).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::testing::{Image, opened, random_world};

    /// A square is a rectangle and a rhombus, which are both quadrilaterals.
    const DIAMOND: &str = "nodes:\n  shape: \n  quad: {parents: [shape]}\n  rectangle: {parents: [quad]}\n  rhombus: {parents: [quad]}\n  square: {parents: [rectangle, rhombus]}\n  round: {parents: [shape]}\n  circle: {parents: [round]}\n";

    fn diamond() -> Opened {
        let images = [
            ("square", "square"),
            ("square", "rectangle"),
            ("square", "circle"),
            ("rectangle", "square"),
            ("rectangle", "rhombus"),
            ("circle", "shape"),
            ("circle", "circle"),
        ];
        opened(DIAMOND, &images.map(|(t, a)| Image::new(&[t], Some(a))))
    }

    #[test]
    fn a_diamond_by_hand() {
        let run = diamond();
        let figures = nodes(&run);
        let of = |id: &str| figures.get(run.taxonomy.find(id).unwrap());
        let brief = |id: &str| {
            let f = of(id);
            (f.n, f.answered, f.errors, f.own_n, f.own_errors)
        };
        assert_eq!(brief("shape"), (7, 7, 5, 0, 0));
        assert_eq!(brief("quad"), (5, 4, 4, 0, 0));
        assert_eq!(brief("rectangle"), (5, 3, 4, 2, 2));
        assert_eq!(brief("rhombus"), (3, 3, 2, 0, 0));
        assert_eq!(brief("square"), (3, 2, 2, 3, 2));
        assert_eq!(brief("round"), (2, 2, 1, 0, 0));
        // The square that is answered twice over is at or below a rhombus once: two of three squares, no rectangle.
        let shares = |id: &str| (of(id).recall, of(id).precision, of(id).outside);
        assert_eq!(shares("quad"), (Some(0.8), Some(1.0), Some(0.2)));
        assert_eq!(shares("rectangle"), (Some(0.6), Some(1.0), Some(0.4)));
        // `rectangle` is neither below nor above a rhombus.
        let third = 1.0 / 3.0;
        assert_eq!(
            shares("rhombus"),
            (Some(third), Some(third), Some(2.0 * third))
        );
        // But above a square.
        assert_eq!(shares("square"), (Some(third), Some(0.5), Some(third)));
        // `shape` is above the circle, so it is not taken for something else.
        assert_eq!(shares("circle"), (Some(0.5), Some(0.5), Some(0.0)));
        let rectangle = of("rectangle");
        assert_eq!(
            (rectangle.confirmed, rectangle.possible, rectangle.mistakes),
            (1, 2, 1)
        );
        assert_eq!(
            rectangle.multiplicity,
            Some(Interval {
                low: 0.25,
                high: 0.75
            })
        );
        assert_eq!((rectangle.interval, of("shape").suspect), (None, 0));
        // Only those with images tell anything.
        assert_eq!(of("circle").error, Some(0.5));
    }

    #[test]
    fn what_tells_the_same_is_listed_once() {
        let run = diamond();
        let figures = nodes(&run);
        let ids = |nodes: Vec<NodeId>| -> Vec<String> {
            let ids = nodes.into_iter().map(|n| run.taxonomy.id(n).to_owned());
            ids.collect()
        };
        // All of `quad` are rectangles, all of `rhombus` squares, and all of `round` circles.
        let mut all = ids(figures.worst(&run.taxonomy, 0, 99));
        assert_eq!(ids(figures.best(&run.taxonomy, 0, 1)), ["circle"]);
        assert_eq!(ids(figures.worst(&run.taxonomy, 4, 99)).len(), 2);
        all.sort();
        assert_eq!(all, ["circle", "rectangle", "shape", "square"]);
        let worst = figures.worst(&run.taxonomy, 0, 2);
        let credit = |n: NodeId| figures.get(n).credit.unwrap();
        assert!(credit(worst[0]) <= credit(worst[1]));
    }

    /// One node at a time, one image at a time.
    fn naive(run: &Opened, node: NodeId) -> NodeFigure {
        let taxonomy = &run.taxonomy;
        let (mut sums, mut figure) = (Sums::default(), NodeFigure::default());
        for row in &run.saved.rows {
            let (Some(truth), Some(answer), Some(verdict)) = (row.truth, row.answer, row.verdict)
            else {
                continue;
            };
            let (truth, answer) = (run.node(truth).unwrap(), run.node(answer).unwrap());
            let answered = taxonomy.is_ancestor(node, answer);
            figure.answered += usize::from(answered);
            if !taxonomy.is_ancestor(node, truth) {
                continue;
            }
            sums.n += 1;
            sums.credit += row.credit.unwrap();
            sums.inside += usize::from(answered);
            sums.above += usize::from(!answered && taxonomy.is_ancestor(answer, node));
            *match verdict.group() {
                Group::Correct => &mut sums.exact,
                Group::Confirmed => &mut sums.confirmed,
                Group::Possible => &mut sums.possible,
                Group::Mistake => &mut sums.mistakes,
            } += 1;
            if truth == node {
                figure.own_n += 1;
                figure.own_errors += usize::from(verdict.group() != Group::Correct);
            }
        }
        sums.finish(&mut figure);
        figure
    }

    proptest! {
        #[test]
        fn as_one_by_one(run in random_world()) {
            let figures = nodes(&run);
            for node in run.taxonomy.nodes() {
                let (mut found, mut expected) = (*figures.get(node), naive(&run, node));
                let credits = (found.credit.take(), expected.credit.take());
                prop_assert_eq!(found, expected);
                if let (Some(a), Some(b)) = credits {
                    prop_assert!((a - b).abs() < 1e-9);
                } else {
                    prop_assert_eq!(credits, (None, None));
                }
            }
        }
    }
}
