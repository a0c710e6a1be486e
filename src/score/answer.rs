//! From embeddings to ranked answers: prototypes, similarities, softmax.

use std::cmp::Ordering;

use rayon::prelude::*;

use crate::matrix::Matrix;

/// One ranked candidate of one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// Index into the candidates.
    pub candidate: usize,
    /// Cosine similarity of image and prototype, `s(x,c)` (METHOD 2).
    pub similarity: f32,
    /// Softmax probability over all candidates, `p(c|x)` (METHOD 2).
    pub probability: f64,
}

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
fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values
        .map(|v| v * v)
        .sum::<f64>()
        .sqrt()
        .max(f64::MIN_POSITIVE)
}

/// `s(x,c)` and `p(c|x)` of all candidates for each image (METHOD 2), computed when asked for: of many images and
/// candidates they are too many to be held.
#[derive(Debug, Clone, Copy)]
pub struct Softmax<'a> {
    images: &'a Matrix,
    prototypes: &'a Matrix,
    logit_scale: f64,
}

/// All candidates of one image, in their order.
#[derive(Debug, Clone, Copy)]
pub struct Scores<'a> {
    pub similarities: &'a [f32],
    /// They add up to 1.
    pub probabilities: &'a [f64],
}

impl<'a> Softmax<'a> {
    /// `images` is n × dim, `prototypes` candidates × dim, both of unit rows; `logit_scale` is the model's
    /// (exponentiated) temperature.
    pub fn new(images: &'a Matrix, prototypes: &'a Matrix, logit_scale: f32) -> Self {
        Self {
            images,
            prototypes,
            logit_scale: f64::from(logit_scale),
        }
    }

    /// What `visit` makes of each image, in their order. Runs on the current rayon pool; the scores do not depend on
    /// the number of threads.
    pub fn map<T: Send>(&self, visit: impl Fn(usize, Scores<'_>) -> T + Sync) -> Vec<T> {
        (0..self.images.rows())
            .into_par_iter()
            .map_init(
                || (Vec::new(), Vec::new()),
                |(similarities, probabilities), i| {
                    self.fill(i, similarities, probabilities);
                    let scores = Scores {
                        similarities,
                        probabilities,
                    };
                    visit(i, scores)
                },
            )
            .collect()
    }

    fn fill(&self, image: usize, similarities: &mut Vec<f32>, probabilities: &mut Vec<f64>) {
        let image = self.images.row(image);
        similarities.clear();
        similarities
            .extend((0..self.prototypes.rows()).map(|c| dot(image, self.prototypes.row(c))));
        let largest = similarities
            .iter()
            .copied()
            .fold(f32::NEG_INFINITY, f32::max);
        let weight = |&s: &f32| (self.logit_scale * (f64::from(s) - f64::from(largest))).exp();
        probabilities.clear();
        probabilities.extend(similarities.iter().map(weight));
        let total: f64 = probabilities.iter().sum();
        probabilities.iter_mut().for_each(|p| *p /= total);
    }
}

impl Scores<'_> {
    /// The best `keep` candidates, best first (0 keeps all of them). `tie_order[c]` decides between equal
    /// similarities, least first: the rank of the candidate's id (METHOD 7).
    pub fn best(&self, tie_order: &[usize], keep: usize) -> Vec<Ranked> {
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
            .into_iter()
            .map(|candidate| Ranked {
                candidate,
                similarity: self.similarities[candidate],
                probability: self.probabilities[candidate],
            })
            .collect()
    }
}

/// Dot product in sixteen lanes, which the compiler turns into vector code; the order of the sums is fixed.
fn dot(a: &[f32], b: &[f32]) -> f32 {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The ranking of a single image.
    fn rank(
        image: &Matrix,
        prototypes: &Matrix,
        logit_scale: f32,
        tie_order: &[usize],
        keep: usize,
    ) -> Vec<Ranked> {
        let softmax = Softmax::new(image, prototypes, logit_scale);
        softmax
            .map(|_, scores| scores.best(tie_order, keep))
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
        let order: Vec<_> = ranked.iter().map(|r| r.candidate).collect();
        assert_eq!(order, [1, 0]);
    }

    #[test]
    fn probabilities_are_the_softmax_over_all_candidates() {
        let images = Matrix::new(2, vec![1.0, 0.0]);
        let labels = Matrix::new(2, vec![0.6, 0.8, 0.8, 0.6]);
        let ranked = rank(&images, &labels, 5.0, &[0, 1], 1);
        // 1 / (1 + e^{5·(0.6 − 0.8)})
        assert!((ranked[0].probability - 1.0 / (1.0 + (-1.0f64).exp())).abs() < 1e-6);
        assert_eq!(ranked.len(), 1);
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
            let mass: f64 = all.iter().map(|r| r.probability).sum();
            prop_assert!((mass - 1.0).abs() < 1e-9);
        }
    }
}
