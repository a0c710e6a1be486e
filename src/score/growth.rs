//! How the number of valid pairs grows with the data, and what that does to a contrastive batch (METHOD 4).
//!
//! If every image had its own text and no other, n images would have n valid pairs. Where a text is valid for a share of all
//! images they have as many as n²: what a contrastive loss takes for negatives is then more and more often positive.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Batch sizes for which false negatives are told.
pub const BATCHES: [usize; 4] = [256, 1024, 4096, 32768];

/// Subsets of each size that are averaged.
pub const SUBSETS: usize = 20;

/// Images in the smallest subsets.
const SMALLEST: usize = 16;

/// What is valid for which image, by classes of images: as many classes as there are distinct truth sets.
///
/// The annotation of an image is its primary label. Whether it is valid for another image (METHOD 4: exact, synonym,
/// also_valid or generalised) is told by that image's truth set alone.
#[derive(Debug, Clone, Copy)]
pub struct TruthSets<'a> {
    /// The truth set of each image, as an index into the following two.
    pub truth_set: &'a [usize],
    /// The primary label of each truth set, as a number below `labels`.
    pub primary: &'a [usize],
    /// The labels that are valid for images of each truth set, each once.
    pub valid: &'a [Vec<usize>],
    /// Number of labels that `primary` and `valid` are numbered by.
    pub labels: usize,
}

/// The growth of R(n), the set of pairs (i, j) of n images for which the annotation of image j is valid for image i. A pair
/// of an image with itself is one of them where its own annotation is valid for it: without multiplicity |R(n)| = n.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Growth {
    /// Images with a label.
    pub n: usize,
    /// For n = 16, 32, 64, …, as far as there are images.
    pub rows: Vec<GrowthRow>,
    /// Slope of log mean |R(n)| on log n over the rows, least squares: 1 without multiplicity, 2 where R grows as n². `None`
    /// with fewer than two rows that have pairs.
    pub exponent: Option<f64>,
    /// Share of the ordered pairs of two different images, of all there are, that are valid: P(valid | i ≠ j). `None` with
    /// fewer than two images.
    pub pair_probability: Option<f64>,
    /// A row for each of [`BATCHES`].
    pub false_negatives: Vec<FalseNegatives>,
}

/// Subsets of one size.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct GrowthRow {
    pub n: usize,
    /// Mean |R(n)| over the subsets.
    pub pairs: f64,
}

/// A contrastive batch: each image against the annotations of all, of which its own is taken for the only valid one.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct FalseNegatives {
    pub batch: usize,
    /// Expected number of other images of the batch whose annotation is valid for an image: (batch − 1) · P(valid | i ≠ j).
    /// As of a batch from a data set like this one, also where this one is smaller than the batch. `None` with fewer than
    /// two images.
    pub per_image: Option<f64>,
}

/// Draws `subsets` random orders of the images; the first 16, 32, 64, … of each are its subsets.
///
/// Time for an order is linear in the images, and for each of its subsets in the sizes of the valid sets. Runs on the
/// current rayon pool; the result does not depend on the number of threads.
pub fn growth(annotations: &TruthSets<'_>, subsets: usize, seed: u64) -> Growth {
    let n = annotations.truth_set.len();
    let sizes: Vec<usize> = std::iter::successors(Some(SMALLEST), |size| size.checked_mul(2))
        .take_while(|&size| size <= n)
        .collect();
    let orders = if sizes.is_empty() { 0 } else { subsets };
    // Whole numbers, so that the order of the additions does not matter.
    let sums = (0..orders as u64)
        .into_par_iter()
        .map(|order| {
            let mut chance = ChaCha8Rng::seed_from_u64(seed);
            chance.set_stream(order);
            let mut images: Vec<u32> = annotations.truth_set.iter().map(|&t| t as u32).collect();
            // The subsets lie inside the largest one.
            let (largest, _) = images.partial_shuffle(&mut chance, sizes[sizes.len() - 1]);
            annotations.pairs_of_heads(largest, &sizes)
        })
        .reduce(
            || vec![0; sizes.len()],
            |a, b| a.iter().zip(b).map(|(a, b)| a + b).collect(),
        );
    let rows: Vec<GrowthRow> = sizes
        .iter()
        .zip(sums)
        .filter(|_| subsets > 0)
        .map(|(&n, sum)| GrowthRow {
            n,
            pairs: sum as f64 / subsets as f64,
        })
        .collect();
    let pair_probability = annotations.pair_probability();
    Growth {
        n,
        exponent: exponent(&rows),
        rows,
        pair_probability,
        false_negatives: BATCHES
            .iter()
            .map(|&batch| FalseNegatives {
                batch,
                per_image: pair_probability.map(|p| (batch - 1) as f64 * p),
            })
            .collect(),
    }
}

impl TruthSets<'_> {
    /// |R| of the first `sizes` of these images, by truth sets; `sizes` ascend.
    fn pairs_of_heads(&self, images: &[u32], sizes: &[usize]) -> Vec<u128> {
        let mut counts = Counts::new(self);
        let mut counted = 0;
        sizes
            .iter()
            .map(|&size| {
                counts.add(self, &images[counted..size]);
                counted = size;
                counts.pairs(self)
            })
            .collect()
    }

    /// Of all ordered pairs of two different images, the share that is valid.
    fn pair_probability(&self) -> Option<f64> {
        let n = self.truth_set.len() as u128;
        let images: Vec<u32> = self.truth_set.iter().map(|&t| t as u32).collect();
        let mut counts = Counts::new(self);
        counts.add(self, &images);
        let with_itself: u128 = (0..self.primary.len())
            .filter(|&t| self.valid[t].contains(&self.primary[t]))
            .map(|t| counts.of_set[t] as u128)
            .sum();
        let pairs = counts.pairs(self) - with_itself;
        (n > 1).then(|| pairs as f64 / (n * (n - 1)) as f64)
    }
}

/// How many images have each truth set, and how many each primary label.
struct Counts {
    of_set: Vec<u64>,
    of_label: Vec<u64>,
}

impl Counts {
    fn new(annotations: &TruthSets<'_>) -> Self {
        Self {
            of_set: vec![0; annotations.primary.len()],
            of_label: vec![0; annotations.labels],
        }
    }

    fn add(&mut self, annotations: &TruthSets<'_>, images: &[u32]) {
        for &set in images {
            self.of_set[set as usize] += 1;
            self.of_label[annotations.primary[set as usize]] += 1;
        }
    }

    fn pairs(&self, annotations: &TruthSets<'_>) -> u128 {
        let of_set = self.of_set.iter().zip(annotations.valid);
        of_set
            .filter(|(images, _)| **images > 0)
            .map(|(&images, valid)| {
                let annotated: u64 = valid.iter().map(|&label| self.of_label[label]).sum();
                u128::from(images) * u128::from(annotated)
            })
            .sum()
    }
}

/// Slope of log pairs on log n, least squares.
fn exponent(rows: &[GrowthRow]) -> Option<f64> {
    let points: Vec<(f64, f64)> = rows
        .iter()
        .filter(|row| row.pairs > 0.0)
        .map(|row| ((row.n as f64).ln(), row.pairs.ln()))
        .collect();
    if points.len() < 2 {
        return None;
    }
    let mean =
        |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let along =
        |of: &dyn Fn(f64, f64) -> f64| -> f64 { points.iter().map(|p| of(p.0 - x, p.1 - y)).sum() };
    Some(along(&|dx, dy| dx * dy) / along(&|dx, _| dx * dx))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::score::{AlsoRight, Annotations, Collisions, Judge, ValidSets};
    use crate::taxonomy::load_str;

    /// `figure` is valid for all, `rectangle` and `rhombus` for what is one, and for the square as both are.
    #[test]
    fn pairs_on_a_diamond_by_hand() {
        let taxonomy = load_str(
            "t",
            "tree: {figure: {rectangle: [square], rhombus: [square]}}",
        )
        .into_sound()
        .unwrap();
        let labels =
            ["figure", "rectangle", "rhombus", "square"].map(|id| taxonomy.find(id).unwrap());
        let judge = Judge {
            taxonomy: &taxonomy,
            collisions: &Collisions::default(),
            also_right: &AlsoRight::default(),
        };
        let sets = Annotations::of_truths(labels.map(|label| vec![label]));
        let valid = ValidSets::new(judge, &labels).of_all(&sets);
        // 1 figure, 2 rectangles, 1 rhombus, 4 squares.
        let annotations = TruthSets {
            truth_set: &[0, 1, 1, 2, 3, 3, 3, 3],
            primary: &[0, 1, 2, 3],
            valid: &valid,
            labels: 4,
        };
        // Valid for a figure 1 annotation, for a rectangle 3, for a rhombus 2, for a square all 8, with its own.
        let pairs = 1 + 2 * 3 + 2 + 4 * 8;
        let found = growth(&annotations, SUBSETS, 0);
        assert_eq!(found.pair_probability, Some(f64::from(pairs - 8) / 56.0));
        let batch = found.false_negatives[0];
        assert_eq!(
            (batch.batch, batch.per_image),
            (256, Some(255.0 * 33.0 / 56.0))
        );
        assert_eq!((found.rows.len(), found.exponent), (0, None));
    }

    fn of_labels(truth_set: &[usize], labels: usize) -> Growth {
        let primary: Vec<usize> = (0..labels).collect();
        let valid: Vec<Vec<usize>> = primary.iter().map(|&l| vec![l]).collect();
        let annotations = TruthSets {
            truth_set,
            primary: &primary,
            valid: &valid,
            labels,
        };
        growth(&annotations, SUBSETS, 0)
    }

    #[test]
    fn without_multiplicity_growth_is_linear_and_with_one_label_quadratic() {
        let each_its_own: Vec<usize> = (0..100).collect();
        let found = of_labels(&each_its_own, 100);
        let rows: Vec<_> = found.rows.iter().map(|r| (r.n, r.pairs)).collect();
        assert_eq!(rows, [(16, 16.0), (32, 32.0), (64, 64.0)]);
        assert!((found.exponent.unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(found.pair_probability, Some(0.0));

        let found = of_labels(&[0; 40], 1);
        assert!((found.exponent.unwrap() - 2.0).abs() < 1e-12);
        assert_eq!(found.pair_probability, Some(1.0));
        assert_eq!(found.false_negatives[3].per_image, Some(32767.0));
    }

    #[test]
    fn few_images_have_what_is_defined() {
        let found = of_labels(&[0], 1);
        assert_eq!((found.n, found.pair_probability), (1, None));
        assert_eq!(found.false_negatives[0].per_image, None);
        // One row is no line.
        let found = of_labels(&[0; 31], 1);
        assert_eq!((found.rows.len(), found.exponent), (1, None));
        assert_eq!(of_labels(&[], 0).pair_probability, None);
    }

    fn worlds() -> impl Strategy<Value = (Vec<usize>, Vec<usize>, Vec<Vec<usize>>)> {
        let labels = 5usize;
        (1usize..6).prop_flat_map(move |sets| {
            let some = proptest::sample::subsequence((0..labels).collect::<Vec<_>>(), 0..=labels);
            (
                proptest::collection::vec(0..sets, 0..70),
                proptest::collection::vec(0..labels, sets),
                proptest::collection::vec(some, sets),
            )
        })
    }

    proptest! {
        /// Counted by classes they are as many as one by one, and the same on any number of threads.
        #[test]
        fn pairs_are_those_counted_one_by_one((truth_set, primary, valid) in worlds()) {
            let annotations = TruthSets {
                truth_set: &truth_set,
                primary: &primary,
                valid: &valid,
                labels: 5,
            };
            let images: Vec<u32> = truth_set.iter().map(|&t| t as u32).collect();
            let sizes = [truth_set.len() / 3, truth_set.len()];
            let found = annotations.pairs_of_heads(&images, &sizes);
            for (size, found) in sizes.into_iter().zip(found) {
                let head = &truth_set[..size];
                let by_one = head.iter().map(|&i| {
                    head.iter().filter(|&&j| valid[i].contains(&primary[j])).count() as u128
                });
                prop_assert_eq!(by_one.sum::<u128>(), found);
            }
            let found = growth(&annotations, 3, 1);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
            prop_assert_eq!(pool.install(|| growth(&annotations, 3, 1)), found);
        }
    }
}
