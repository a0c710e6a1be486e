//! How much more one taxonomy forgives of the same answers than another, and how much of that luck would give (METHOD 3).
//!
//! More edges forgive more, whatever the answers are: so the change is compared with the change of answers that are permuted across
//! the images.

use std::collections::HashMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::annotation::Annotations;
use super::attribution::FEWEST;
use super::bootstrap::Bootstrap;
use super::chance::{MOST_JUDGED, PERMUTATIONS};
use super::distinct::numbered;
use super::judge::Judge;
use super::paired::Difference;
use super::verdict::Group;
use crate::taxonomy::NodeId;

/// Seed of the permutations.
const SEED: u64 = 0;

/// Pairs of an answer and an annotation that are judged, at most, to tell what luck gives.
const MOST_PAIRS: usize = 1 << 26;

/// A p-value above this may be luck.
const LEVEL: f64 = 0.05;

/// Answers under one taxonomy.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    pub judge: Judge<'a>,
    /// Of each image.
    pub annotations: &'a Annotations,
    /// Of each image; `None`: abstained.
    pub answers: &'a [Option<NodeId>],
}

/// What two taxonomies forgive of the same answers to the same images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forgiveness {
    /// Images with a verdict in both.
    pub n: usize,
    /// Permutations behind the p-values.
    pub permutations: usize,
    /// Confirmed multiplicity: the lower end of the headline.
    pub confirmed: Forgiven,
    /// Confirmed and possible multiplicity: the upper end.
    pub at_most: Forgiven,
}

/// Answers that are forgiven, under a first and a second taxonomy. Intervals are those of the paired bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Forgiven {
    /// Share of the errors.
    pub share_of_error: Difference,
    /// Share of the images.
    pub share: Difference,
    /// Mean share of the images over all ways in which the answers can be given to them. `None` where there are too many different
    /// answers and annotations to judge every pair.
    pub by_chance: Option<Difference>,
    /// `share − by_chance`: what is forgiven beyond luck.
    pub excess: Option<Difference>,
    /// Probability that the share of permuted answers changes as much, in the same direction; 1 where it does not change. `None` with
    /// fewer than [`FEWEST`] images.
    pub p_value: Option<f64>,
    /// Whether the share changes, and by more than luck gives: the p-value is at most 0.05, and the interval of the excess, on the side
    /// of the change, does not hold 0. `None` where one of them is not known.
    pub exceeds_chance: Option<bool>,
}

impl Forgiven {
    fn with_p_value(mut self, p_value: Option<f64>) -> Self {
        self.p_value = p_value;
        self.exceeds_chance = (|| {
            let change = self.share.difference?;
            let interval = self.excess?.interval?;
            let is_beyond = match change {
                change if change > 0.0 => interval.low > 0.0,
                change if change < 0.0 => interval.high < 0.0,
                _ => false,
            };
            Some(is_beyond && p_value? <= LEVEL)
        })();
        self
    }
}

/// Compares what is forgiven. `first` and `second` are of the same images, in the same order; what is left over of the longer is not
/// looked at.
///
/// The mean by chance is exact: a pair of an answer that is given `a` times and an annotation that is there `t` times is met `a·t/n`
/// times in the mean. Bootstrap and permutations run on the current rayon pool; the result does not depend on its size.
pub fn forgiveness(first: &Answered<'_>, second: &Answered<'_>) -> Forgiveness {
    let pairs = Pairs::of(first, second);
    let kinds = pairs.judged(first, second);
    let table = (pairs.answers.len() * pairs.annotations.len() <= MOST_PAIRS)
        .then(|| pairs.table(first, second));
    let bootstrap = Bootstrap::default();
    let [confirmed, at_most] = [Extent::Confirmed, Extent::AtMost].map(|extent| {
        let counted = Counted::new(&pairs, &kinds, table.as_deref(), extent);
        counted.forgiven(&bootstrap)
    });
    let permutations = match (pairs.of_images.len(), &table) {
        (0, _) | (_, None) => 0,
        (n, Some(_)) => (MOST_JUDGED / n).clamp(20, PERMUTATIONS),
    };
    let [p_confirmed, p_at_most] = match &table {
        Some(table) if permutations > 0 => pairs.p_values(table, permutations),
        _ => [None; 2],
    };
    Forgiveness {
        n: pairs.of_images.len(),
        permutations,
        confirmed: confirmed.with_p_value(p_confirmed),
        at_most: at_most.with_p_value(p_at_most),
    }
}

/// Which multiplicity is forgiven.
#[derive(Debug, Clone, Copy)]
enum Extent {
    Confirmed,
    AtMost,
}

/// The groups of one answer's verdicts under both taxonomies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind([Group; 2]);

impl Kind {
    fn forgiven(self, extent: Extent) -> [bool; 2] {
        self.0.map(|group| match extent {
            Extent::Confirmed => group == Group::Confirmed,
            Extent::AtMost => matches!(group, Group::Confirmed | Group::Possible),
        })
    }

    /// 1 if the second forgives it and the first does not, −1 the other way round.
    fn change(self, extent: Extent) -> i64 {
        let [first, second] = self.forgiven(extent).map(i64::from);
        second - first
    }
}

/// The answers of the images that are judged under both taxonomies.
struct Pairs {
    /// Distinct answers: nodes of both taxonomies.
    answers: Vec<(NodeId, NodeId)>,
    /// Distinct annotations, by their numbers in both.
    annotations: Vec<(usize, usize)>,
    /// Of each image the number of its answer and of its annotation.
    of_images: Vec<(u32, u32)>,
    /// The distinct ones of these, and how many images have each.
    distinct: Vec<(u32, u32)>,
    counts: Vec<usize>,
}

impl Pairs {
    fn of(first: &Answered<'_>, second: &Answered<'_>) -> Self {
        let judged = |of: &Answered<'_>, i: usize| {
            let annotation = of.annotations.get(i);
            let answer = of.answers[i].filter(|_| of.annotations.is_judged(annotation));
            answer.map(|answer| (answer, of.annotations.index(i)))
        };
        let images = first.answers.len().min(second.answers.len());
        let both: Vec<_> = (0..images)
            .filter_map(|i| judged(first, i).zip(judged(second, i)))
            .collect();
        let (answers, answer_of) = numbered(both.iter().map(|(a, b)| Some((a.0, b.0))));
        let (annotations, annotation_of) = numbered(both.iter().map(|(a, b)| Some((a.1, b.1))));
        let of_images: Vec<(u32, u32)> = answer_of.into_iter().zip(annotation_of).collect();
        let mut numbers: HashMap<(u32, u32), usize> = HashMap::new();
        let (mut distinct, mut counts) = (Vec::new(), Vec::new());
        for &pair in &of_images {
            let number = *numbers.entry(pair).or_insert_with(|| {
                distinct.push(pair);
                counts.push(0);
                counts.len() - 1
            });
            counts[number] += 1;
        }
        Self {
            answers,
            annotations,
            of_images,
            distinct,
            counts,
        }
    }

    fn kind(
        &self,
        first: &Answered<'_>,
        second: &Answered<'_>,
        answer: usize,
        annotation: usize,
    ) -> Kind {
        let ((a, b), (of_a, of_b)) = (self.answers[answer], self.annotations[annotation]);
        let group = |of: &Answered<'_>, answer: NodeId, annotation: usize| {
            let annotation = &of.annotations.distinct()[annotation];
            let judgement = of.judge.judge(answer, annotation);
            judgement.map_or(Group::Mistake, |j| j.verdict.group())
        };
        Kind([group(first, a, of_a), group(second, b, of_b)])
    }

    /// Of each distinct pair.
    fn judged(&self, first: &Answered<'_>, second: &Answered<'_>) -> Vec<Kind> {
        self.distinct
            .par_iter()
            .map(|&(answer, annotation)| {
                self.kind(first, second, answer as usize, annotation as usize)
            })
            .collect()
    }

    /// Of every answer to every annotation, a row an answer.
    fn table(&self, first: &Answered<'_>, second: &Answered<'_>) -> Vec<Kind> {
        let width = self.annotations.len();
        (0..self.answers.len())
            .into_par_iter()
            .flat_map_iter(|answer| (0..width).map(move |t| self.kind(first, second, answer, t)))
            .collect()
    }

    /// How often permuted answers change as much as those that were given, and in the same direction.
    fn p_values(&self, table: &[Kind], permutations: usize) -> [Option<f64>; 2] {
        let width = self.annotations.len();
        let given: Vec<u32> = self.of_images.iter().map(|&(answer, _)| answer).collect();
        let change = |answers: &[u32]| -> [i64; 2] {
            let mut changes = [0; 2];
            for (&answer, &(_, annotation)) in answers.iter().zip(&self.of_images) {
                let kind = table[answer as usize * width + annotation as usize];
                changes[0] += kind.change(Extent::Confirmed);
                changes[1] += kind.change(Extent::AtMost);
            }
            changes
        };
        let observed = change(&given);
        let as_large: [usize; 2] = (0..permutations as u64)
            .into_par_iter()
            .map_init(
                || given.clone(),
                |permuted, permutation| {
                    permuted.copy_from_slice(&given);
                    let mut chance = ChaCha8Rng::seed_from_u64(SEED);
                    chance.set_stream(permutation);
                    permuted.shuffle(&mut chance);
                    let found = change(permuted);
                    std::array::from_fn(|i| {
                        let direction = observed[i].signum();
                        usize::from(direction * found[i] >= direction * observed[i])
                    })
                },
            )
            .reduce(Default::default, |a: [usize; 2], b| {
                std::array::from_fn(|i| a[i] + b[i])
            });
        let p_value = |count: usize| (1 + count) as f64 / (1 + permutations) as f64;
        as_large.map(|count| (self.of_images.len() >= FEWEST).then(|| p_value(count)))
    }
}

/// What the figures of one extent are counted from.
struct Counted<'p> {
    pairs: &'p Pairs,
    kinds: &'p [Kind],
    extent: Extent,
    /// Answers to annotations that a taxonomy forgives: their numbers, and by which. `None` where not every pair was judged.
    forgiven: Option<Vec<(u32, u32, [bool; 2])>>,
}

/// The figures of one drawing of images, under both taxonomies.
struct Figures {
    share_of_error: [Option<f64>; 2],
    share: [Option<f64>; 2],
    by_chance: [Option<f64>; 2],
    excess: [Option<f64>; 2],
}

impl<'p> Counted<'p> {
    fn new(pairs: &'p Pairs, kinds: &'p [Kind], table: Option<&[Kind]>, extent: Extent) -> Self {
        let width = pairs.annotations.len().max(1);
        let forgiven = table.map(|table| {
            let forgiven = table.iter().enumerate().filter_map(|(i, kind)| {
                let by = kind.forgiven(extent);
                // Numbers of distinct answers and annotations were counted in `u32`.
                let numbers = ((i / width) as u32, (i % width) as u32);
                (by != [false; 2]).then_some((numbers.0, numbers.1, by))
            });
            forgiven.collect()
        });
        Self {
            pairs,
            kinds,
            extent,
            forgiven,
        }
    }

    /// Of `counts[i]` images with the `i`th distinct pair.
    fn figures(&self, counts: &[usize]) -> Figures {
        let n: usize = counts.iter().sum();
        let (mut forgiven, mut errors) = ([0; 2], [0; 2]);
        for (kind, &count) in self.kinds.iter().zip(counts) {
            let is_forgiven = kind.forgiven(self.extent);
            for run in 0..2 {
                forgiven[run] += count * usize::from(is_forgiven[run]);
                errors[run] += count * usize::from(kind.0[run] != Group::Correct);
            }
        }
        let by_chance = self.by_chance(counts, n);
        let share = forgiven.map(|count| quotient(count, n));
        Figures {
            share_of_error: [0, 1].map(|run| quotient(forgiven[run], errors[run])),
            share,
            by_chance,
            excess: [0, 1].map(|run| share[run].zip(by_chance[run]).map(|(s, b)| s - b)),
        }
    }

    fn by_chance(&self, counts: &[usize], n: usize) -> [Option<f64>; 2] {
        let Some(forgiven) = self.forgiven.as_ref().filter(|_| n > 0) else {
            return [None; 2];
        };
        let mut of_answer = vec![0.0; self.pairs.answers.len()];
        let mut of_annotation = vec![0.0; self.pairs.annotations.len()];
        for (&(answer, annotation), &count) in self.pairs.distinct.iter().zip(counts) {
            of_answer[answer as usize] += count as f64;
            of_annotation[annotation as usize] += count as f64;
        }
        let mut met = [0.0; 2];
        for &(answer, annotation, by) in forgiven {
            let times = of_answer[answer as usize] * of_annotation[annotation as usize];
            for run in 0..2 {
                met[run] += if by[run] { times } else { 0.0 };
            }
        }
        met.map(|met| Some(met / (n as f64 * n as f64)))
    }

    /// With the intervals of the differences, and no p-value yet.
    fn forgiven(&self, bootstrap: &Bootstrap) -> Forgiven {
        let counts = &self.pairs.counts;
        let differences = |figures: &Figures| -> Vec<Option<f64>> {
            let all = [
                figures.share_of_error,
                figures.share,
                figures.by_chance,
                figures.excess,
            ];
            let both = all.into_iter();
            both.map(|[a, b]| a.zip(b).map(|(a, b)| b - a)).collect()
        };
        let found = self.figures(counts);
        let intervals = bootstrap.of_counts(counts, |counts| differences(&self.figures(counts)));
        let n = self.pairs.of_images.len();
        let difference = |figure: usize, [first, second]: [Option<f64>; 2]| {
            let difference = first.zip(second).map(|(first, second)| second - first);
            let interval = intervals.get(figure).copied().flatten();
            Difference {
                first,
                second,
                difference,
                interval: interval.filter(|_| n >= FEWEST && difference.is_some()),
            }
        };
        let known = |of: Difference| of.difference.is_some().then_some(of);
        Forgiven {
            share_of_error: difference(0, found.share_of_error),
            share: difference(1, found.share),
            by_chance: known(difference(2, found.by_chance)),
            excess: known(difference(3, found.excess)),
            p_value: None,
            exceeds_chance: None,
        }
    }
}

fn quotient(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests;
