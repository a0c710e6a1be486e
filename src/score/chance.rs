//! What the taxonomy would forgive by luck: verdicts of answers permuted across the images (METHOD 3).

use std::sync::atomic::{AtomicU8, Ordering};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::annotation::Annotation;
use super::distinct::numbered;
use super::judge::Judge;
use super::stop::Stop;
use super::verdict::Verdict;
use crate::taxonomy::NodeId;

/// METHOD's default number of permutations.
pub const PERMUTATIONS: usize = 1000;

/// Images over all permutations together, at most: of very many images fewer permutations are as exact.
pub(super) const MOST_JUDGED: usize = 200_000_000;

/// Pairs of an answer and a truth set that a table remembers.
const MOST_REMEMBERED: usize = 1 << 28;

/// One verdict under permutation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ByChance {
    /// Mean share of the images.
    pub share: f64,
    /// Probability of a count at least as large as the observed one, (1 + as large) / (1 + permutations).
    pub p_value: f64,
}

/// Permutes the answers across the images, both marginals kept, and judges them; a row a verdict, in the order of
/// [`Verdict::ALL`], and the number of permutations. `None` of no images.
///
/// `pairs` are the answer of each image and the number of its annotation, which has a label, among `annotations`. Seeded; each permutation
/// has a chance of its own; where it is to stop, the rest is left out, and what comes of it means nothing. Runs on the current rayon pool; the result does not depend on the number of threads.
pub fn by_chance(
    judge: Judge<'_>,
    annotations: &[Annotation],
    pairs: &[(NodeId, u32)],
    seed: u64,
    stop: Stop<'_>,
) -> Option<(Vec<ByChance>, usize)> {
    let n = pairs.len();
    if n == 0 {
        return None;
    }
    let permutations = (MOST_JUDGED / n).clamp(20, PERMUTATIONS);
    let (answers, answer_of) = numbered(pairs.iter().map(|&(answer, _)| Some(answer)));
    let (distinct, truth_of) = numbered(pairs.iter().map(|&(_, annotation)| Some(annotation)));
    let truths = distinct.iter().map(|&a| &annotations[a as usize]).collect();
    let verdicts = Verdicts::new(judge, answers, truths);
    let count = |answer_of: &[u32]| {
        let mut counts = [0usize; Verdict::ALL.len()];
        for (&answer, &truth) in answer_of.iter().zip(&truth_of) {
            counts[verdicts.of(answer, truth)] += 1;
        }
        counts
    };
    let observed = count(&answer_of);
    // Whole numbers, so that the order of the additions does not matter.
    let (sums, as_large) = (0..permutations as u64)
        .into_par_iter()
        .map_init(
            || answer_of.clone(),
            |permuted, permutation| {
                // What is not waited for any more is not looked at.
                if stop.is_asked() {
                    return Default::default();
                }
                permuted.copy_from_slice(&answer_of);
                let mut chance = ChaCha8Rng::seed_from_u64(seed);
                chance.set_stream(permutation);
                permuted.shuffle(&mut chance);
                let counts = count(permuted);
                let as_large = std::array::from_fn(|v| usize::from(counts[v] >= observed[v]));
                (counts, as_large)
            },
        )
        .reduce(Default::default, |a, b| (add(a.0, b.0), add(a.1, b.1)));
    let rows = (0..Verdict::ALL.len())
        .map(|v| ByChance {
            share: sums[v] as f64 / (permutations as f64 * n as f64),
            p_value: (1 + as_large[v]) as f64 / (1 + permutations) as f64,
        })
        .collect();
    Some((rows, permutations))
}

type Counts = [usize; Verdict::ALL.len()];

fn add(a: Counts, b: Counts) -> Counts {
    std::array::from_fn(|i| a[i] + b[i])
}

/// Verdicts of distinct answers to distinct truth sets, judged when they are first asked for: permutations meet most
/// pairs again and again.
struct Verdicts<'a> {
    judge: Judge<'a>,
    answers: Vec<NodeId>,
    truths: Vec<&'a Annotation>,
    /// A row an answer; `UNKNOWN` or the index of the verdict. Empty if it would be too large.
    known: Vec<AtomicU8>,
}

const UNKNOWN: u8 = u8::MAX;

impl<'a> Verdicts<'a> {
    fn new(judge: Judge<'a>, answers: Vec<NodeId>, truths: Vec<&'a Annotation>) -> Self {
        let size = answers.len() * truths.len();
        let size = if size > MOST_REMEMBERED { 0 } else { size };
        Self {
            judge,
            answers,
            truths,
            known: (0..size).map(|_| AtomicU8::new(UNKNOWN)).collect(),
        }
    }

    /// Index of the verdict among [`Verdict::ALL`].
    fn of(&self, answer: u32, truth: u32) -> usize {
        let (answer, truth) = (answer as usize, truth as usize);
        let known = self.known.get(answer * self.truths.len() + truth);
        // Two threads may judge the same pair: they store the same.
        match known.map(|k| k.load(Ordering::Relaxed)) {
            None | Some(UNKNOWN) => {
                let judgement = self.judge.judge(self.answers[answer], self.truths[truth]);
                let verdict = judgement.expect("every image has a label").verdict as u8;
                if let Some(known) = known {
                    known.store(verdict, Ordering::Relaxed);
                }
                usize::from(verdict)
            }
            Some(verdict) => usize::from(verdict),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::annotation::Annotations;
    use crate::score::judge::{AlsoRight, Collisions};
    use crate::taxonomy::load_str;

    #[test]
    fn verdicts_are_numbered_as_they_are_listed() {
        for (i, verdict) in Verdict::ALL.into_iter().enumerate() {
            assert_eq!(verdict as usize, i);
        }
    }

    /// Of n answers, t·a of the pairs of a truth that occurs t times and an answer that occurs a times are met in the
    /// mean t·a/n times.
    #[test]
    fn the_mean_share_is_that_of_independent_draws() {
        let taxonomy = load_str("t", "tree: {animal: [dog, cat], plant: }")
            .into_sound()
            .unwrap();
        let node = |id: &str| taxonomy.find(id).unwrap();
        let (dog, cat, animal, plant) = (node("dog"), node("cat"), node("animal"), node("plant"));
        let labels = [dog, dog, dog, cat, plant, plant].map(|label| vec![label]);
        let annotations = Annotations::of_truths(labels);
        // Every answer is right but one, and the last one is an ancestor.
        let answers = [dog, dog, animal, cat, plant, dog];
        let pairs: Vec<(NodeId, u32)> = answers
            .into_iter()
            .enumerate()
            .map(|(i, answer)| (answer, annotations.index(i) as u32))
            .collect();
        let judge = Judge {
            taxonomy: &taxonomy,
            collisions: &Collisions::default(),
            also_right: &AlsoRight::default(),
        };
        let by_chance = |pairs| by_chance(judge, annotations.distinct(), pairs, 0, Stop::NEVER);
        let (rows, permutations) = by_chance(&pairs).unwrap();
        assert_eq!(permutations, PERMUTATIONS);
        let of = |verdict: Verdict| rows[verdict as usize];
        // exact: dog 3·3, cat 1·1, plant 2·1, of 36; generalised: `animal` with 3 dogs and a cat.
        for (verdict, expected) in [
            (Verdict::Exact, 12.0 / 36.0),
            (Verdict::Generalised, 4.0 / 36.0),
            (Verdict::Near, (3.0 + 3.0) / 36.0),
            (Verdict::Synonym, 0.0),
        ] {
            // The standard deviation of one permutation's share is below 0.25.
            let allowed = 5.0 * 0.25 / (PERMUTATIONS as f64).sqrt();
            let found = of(verdict).share;
            assert!((found - expected).abs() <= allowed, "{verdict:?}: {found}");
        }
        let total: f64 = rows.iter().map(|row| row.share).sum();
        assert!((total - 1.0).abs() < 1e-12);
        // Four exact ones of 360 orders: 3 dogs for 3 dogs with … is rare; none of `synonym` is as many as ever.
        assert!(of(Verdict::Exact).p_value < 0.2);
        assert_eq!(of(Verdict::Synonym).p_value, 1.0);
        assert_eq!(by_chance(&[]), None);
    }
}
