//! From embeddings to ranked answers: prototypes, similarities, softmax.

use std::cmp::Ordering;
use std::ops::Range;

use rayon::prelude::*;

use super::stop::{Stop, Stopped};
use crate::matrix::Matrix;

/// One prototype a label from the embeddings of its prompts: normalise, mean, normalise, as CLIP does.
///
/// `prompts` holds a row per prompt; `groups[i]` is the number of consecutive rows that belong to label `i`
/// (at least one). Returns labels × dim unit rows. Sums are in f64, so the order of magnitudes does not matter.
pub fn prototypes(prompts: &Matrix, groups: &[usize]) -> Matrix {
    let dim = prompts.cols();
    let mut data = Vec::with_capacity(groups.len() * dim);
    let mut next = 0;
    for &size in groups {
        let mut mean = vec![0f64; dim];
        for row in next..next + size {
            let row = prompts.row(row);
            let norm = norm(row.iter().map(|&v| f64::from(v)));
            for (sum, &value) in mean.iter_mut().zip(row) {
                *sum += f64::from(value) / norm;
            }
        }
        next += size;
        let norm = norm(mean.iter().copied());
        data.extend(mean.iter().map(|v| (v / norm) as f32));
    }
    Matrix::new(dim, data)
}

/// A vector's length, never zero: a zero vector stays zero instead of becoming NaN.
pub(super) fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values
        .map(|v| v * v)
        .sum::<f64>()
        .sqrt()
        .max(f64::MIN_POSITIVE)
}

/// s(x,c) of images and candidates (METHOD 2), computed or read when asked for: of many images and candidates they are too
/// many to be held.
pub trait Similarities: Sync {
    fn images(&self) -> usize;
    fn candidates(&self) -> usize;
    /// Makes `out` hold s(x,c) for the candidates of the range, in their order, and nothing else.
    fn fill(&self, image: usize, candidates: Range<usize>, out: &mut Vec<f32>);
}

/// Cosines of images and prototypes.
#[derive(Debug, Clone, Copy)]
pub struct Cosines<'a> {
    /// n × dim, unit rows.
    pub images: &'a Matrix,
    /// Candidates × dim, unit rows.
    pub prototypes: &'a Matrix,
}

impl Similarities for Cosines<'_> {
    fn images(&self) -> usize {
        self.images.rows()
    }

    fn candidates(&self) -> usize {
        self.prototypes.rows()
    }

    fn fill(&self, image: usize, candidates: Range<usize>, out: &mut Vec<f32>) {
        let image = self.images.row(image);
        out.clear();
        out.extend(candidates.map(|c| dot(image, self.prototypes.row(c))));
    }
}

/// Scores that were computed elsewhere: n × candidates.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a>(pub &'a Matrix);

impl Similarities for Given<'_> {
    fn images(&self) -> usize {
        self.0.rows()
    }

    fn candidates(&self) -> usize {
        self.0.cols()
    }

    fn fill(&self, image: usize, candidates: Range<usize>, out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(&self.0.row(image)[candidates]);
    }
}

/// Some of the images of others, in an order of their own.
#[derive(Clone, Copy)]
pub struct Selected<'a> {
    pub all: &'a dyn Similarities,
    pub images: &'a [usize],
}

impl Similarities for Selected<'_> {
    fn images(&self) -> usize {
        self.images.len()
    }

    fn candidates(&self) -> usize {
        self.all.candidates()
    }

    fn fill(&self, image: usize, candidates: Range<usize>, out: &mut Vec<f32>) {
        self.all.fill(self.images[image], candidates, out);
    }
}

/// How probabilities come from scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// softmax(scale · s), over the candidates: the scale is the model's (exponentiated) temperature, 1 for logits.
    Softmax { scale: f64 },
    /// The scores are probabilities, not negative and not all 0. They are divided by their sum over the candidates.
    Probabilities,
}

/// s(x,c) and p(c|x) of all candidates for each image (METHOD 2).
#[derive(Clone, Copy)]
pub struct Distribution<'a> {
    similarities: &'a dyn Similarities,
    link: Link,
    stop: Stop<'a>,
}

/// All candidates of one image, in their order.
#[derive(Debug, Clone, Copy)]
pub struct Scores<'a> {
    pub similarities: &'a [f32],
    /// They add up to 1.
    pub probabilities: &'a [f64],
}

impl<'a> Distribution<'a> {
    pub fn new(similarities: &'a dyn Similarities, link: Link) -> Self {
        Self {
            similarities,
            link,
            stop: Stop::NEVER,
        }
    }

    /// Which passes over the images end early.
    pub fn until(self, stop: Stop<'a>) -> Self {
        Self { stop, ..self }
    }

    /// The number of images.
    pub fn images(&self) -> usize {
        self.similarities.images()
    }

    /// p(c|x) of all candidates for an image.
    pub fn probabilities(&self, image: usize) -> Vec<f64> {
        let (mut similarities, mut probabilities) = (Vec::new(), Vec::new());
        let all = 0..self.similarities.candidates();
        self.similarities.fill(image, all, &mut similarities);
        self.link.probabilities(&similarities, &mut probabilities);
        probabilities
    }

    /// The scores behind the probabilities.
    pub fn similarities(&self) -> &'a dyn Similarities {
        self.similarities
    }

    /// When passes over the images end early.
    pub fn stop(&self) -> Stop<'a> {
        self.stop
    }

    /// What `visit` makes of each image, in their order. Runs on the current rayon pool; the scores do not depend on
    /// the number of threads.
    ///
    /// # Errors
    /// It was to end [before](Self::until) all were visited.
    pub fn map<T: Send>(
        &self,
        visit: impl Fn(usize, Scores<'_>) -> T + Sync,
    ) -> Result<Vec<T>, Stopped> {
        (0..self.similarities.images())
            .into_par_iter()
            .map_init(
                || (Vec::new(), Vec::new()),
                |(similarities, probabilities), i| {
                    self.stop.check()?;
                    self.similarities
                        .fill(i, 0..self.similarities.candidates(), similarities);
                    self.link.probabilities(similarities, probabilities);
                    let scores = Scores {
                        similarities,
                        probabilities,
                    };
                    Ok(visit(i, scores))
                },
            )
            .collect()
    }
}

impl Link {
    fn probabilities(self, scores: &[f32], out: &mut Vec<f64>) {
        out.clear();
        match self {
            Self::Softmax { scale } => {
                let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let weight = |&s: &f32| (scale * (f64::from(s) - f64::from(largest))).exp();
                out.extend(scores.iter().map(weight));
            }
            Self::Probabilities => out.extend(scores.iter().map(|&p| f64::from(p))),
        }
        let total: f64 = out.iter().sum();
        out.iter_mut().for_each(|p| *p /= total);
    }
}

impl Scores<'_> {
    /// The best `keep` candidates as indices, best first (0 keeps all of them). `tie_order[c]` decides between equal
    /// similarities, least first: the rank of the candidate's id (METHOD 7).
    pub fn best(&self, tie_order: &[usize], keep: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.similarities.len()).collect();
        let better = |&a: &usize, &b: &usize| -> Ordering {
            self.similarities[b]
                .total_cmp(&self.similarities[a])
                .then(tie_order[a].cmp(&tie_order[b]))
        };
        if keep > 0 && keep < order.len() {
            order.select_nth_unstable_by(keep - 1, better);
            order.truncate(keep);
        }
        order.sort_unstable_by(better);
        order
    }
}

/// Dot product in sixteen lanes, which the compiler turns into vector code; the order of the sums is fixed.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 = a_chunks
        .remainder()
        .iter()
        .zip(b_chunks.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f32>() + tail
}

/// As [`dot`], with the products and the sums in f64.
pub(super) fn dot_f64(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0f64; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let product = |(&x, &y): (&f32, &f32)| f64::from(x) * f64::from(y);
    let tail: f64 = a_chunks
        .remainder()
        .iter()
        .zip(b_chunks.remainder())
        .map(product)
        .sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            lanes[lane] += product((&x[lane], &y[lane]));
        }
    }
    lanes.iter().sum::<f64>() + tail
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The ranking of a single image: index and probability.
    fn rank(
        images: &Matrix,
        prototypes: &Matrix,
        scale: f64,
        tie_order: &[usize],
        keep: usize,
    ) -> Vec<(usize, f64)> {
        let cosines = Cosines { images, prototypes };
        let distribution = Distribution::new(&cosines, Link::Softmax { scale });
        distribution
            .map(|_, scores| {
                let best = scores.best(tie_order, keep).into_iter();
                best.map(|c| (c, scores.probabilities[c])).collect()
            })
            .unwrap()
            .remove(0)
    }

    #[test]
    fn a_prototype_is_the_normalised_mean_of_normalised_prompts() {
        // Rows of unequal length: without the first normalisation the answer would be (2, 1)/√5.
        let prompts = Matrix::new(2, vec![2.0, 0.0, 0.0, 1.0, 0.0, 3.0]);
        let made = prototypes(&prompts, &[2, 1]);
        let half = std::f32::consts::FRAC_1_SQRT_2;
        assert!((made.row(0)[0] - half).abs() < 1e-7 && (made.row(0)[1] - half).abs() < 1e-7);
        assert_eq!(made.row(1), [0.0, 1.0]);
    }

    #[test]
    fn equal_similarities_are_ordered_by_id() {
        let images = Matrix::new(2, vec![1.0, 0.0]);
        let labels = Matrix::new(2, vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
        let ranked = rank(&images, &labels, 10.0, &[1, 0, 2], 2);
        let order: Vec<_> = ranked.iter().map(|r| r.0).collect();
        assert_eq!(order, [1, 0]);
    }

    #[test]
    fn probabilities_are_the_softmax_over_all_candidates() {
        let images = Matrix::new(2, vec![1.0, 0.0]);
        let labels = Matrix::new(2, vec![0.6, 0.8, 0.8, 0.6]);
        let ranked = rank(&images, &labels, 5.0, &[0, 1], 1);
        // 1 / (1 + e^{5·(0.6 − 0.8)})
        assert!((ranked[0].1 - 1.0 / (1.0 + (-1.0f64).exp())).abs() < 1e-6);
        assert_eq!(ranked.len(), 1);
    }

    #[test]
    fn given_probabilities_are_over_the_candidates() {
        let given = Matrix::new(3, vec![0.2, 0.0, 0.6]);
        let given = Given(&given);
        let distribution = Distribution::new(&given, Link::Probabilities);
        let found = distribution.map(|_, scores| scores.probabilities.to_vec());
        let found = found.unwrap();
        for (found, expected) in found[0].iter().zip([0.25, 0.0, 0.75]) {
            assert!((found - expected).abs() < 1e-7);
        }
    }

    /// A masked logit takes no part.
    #[test]
    fn a_logit_of_minus_infinity_has_no_probability() {
        let given = Matrix::new(3, vec![1.0, f32::NEG_INFINITY, 1.0]);
        let given = Given(&given);
        let distribution = Distribution::new(&given, Link::Softmax { scale: 1.0 });
        let found = distribution.map(|_, scores| scores.probabilities.to_vec());
        let found = found.unwrap();
        assert_eq!(found[0], [0.5, 0.0, 0.5]);
    }

    proptest! {
        #[test]
        fn the_kept_ones_are_the_head_of_the_full_ranking(
            values in proptest::collection::vec(-1.0f32..1.0, 3 * 12), keep in 1usize..12,
        ) {
            let labels = Matrix::new(3, values);
            let images = Matrix::new(3, vec![0.3, -0.5, 0.8]);
            let ties: Vec<usize> = (0..12).collect();
            let all = rank(&images, &labels, 20.0, &ties, 0);
            let some = rank(&images, &labels, 20.0, &ties, keep);
            prop_assert_eq!(&all[..keep], &some[..]);
            let mass: f64 = all.iter().map(|r| r.1).sum();
            prop_assert!((mass - 1.0).abs() < 1e-9);
        }
    }
}
