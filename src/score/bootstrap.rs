//! Percentile bootstrap over images (METHOD 10).

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Distribution};
use rayon::prelude::*;

use super::summary::Interval;

/// How a bootstrap is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    pub replicates: usize,
    pub seed: u64,
    /// Probability that is between the two ends.
    pub level: f64,
}

impl Default for Bootstrap {
    /// METHOD's 2000 replicates, seeded, 95 %.
    fn default() -> Self {
        Self {
            replicates: 2000,
            seed: 0,
            level: 0.95,
        }
    }
}

impl Bootstrap {
    /// The intervals of figures that depend on nothing but how many images are in each category.
    ///
    /// Drawing n images with replacement and counting them is drawing the counts from a multinomial distribution, so a
    /// replicate takes time in the number of categories, however many images there are. `figures` maps counts to the
    /// figures, always as many, `None` where one is undefined; it is left out of such replicates, and `None` if it is
    /// undefined in all. Each replicate draws on a chance of its own: the result does not depend on the number of
    /// threads.
    pub fn of_counts(
        &self,
        counts: &[usize],
        figures: impl Fn(&[usize]) -> Vec<Option<f64>> + Sync,
    ) -> Vec<Option<Interval>> {
        let replicates: Vec<Vec<Option<f64>>> = (0..self.replicates as u64)
            .into_par_iter()
            .map(|replicate| {
                let mut chance = ChaCha8Rng::seed_from_u64(self.seed);
                chance.set_stream(replicate);
                figures(&resample(counts, &mut chance))
            })
            .collect();
        let how_many = replicates.first().map_or(0, Vec::len);
        let tail = (1.0 - self.level) / 2.0;
        (0..how_many)
            .map(|figure| {
                let mut values: Vec<f64> = replicates.iter().filter_map(|r| r[figure]).collect();
                values.sort_unstable_by(f64::total_cmp);
                Some(Interval {
                    low: quantile(&values, tail)?,
                    high: quantile(&values, 1.0 - tail)?,
                })
            })
            .collect()
    }
}

/// As many images as there are, drawn with replacement: how many are in each category.
fn resample(counts: &[usize], chance: &mut impl Rng) -> Vec<usize> {
    // Of the images that are left to draw, those in the first category are binomial, and so on with the rest.
    let total: usize = counts.iter().sum();
    let (mut draws, mut left) = (total as u64, total as u64);
    counts
        .iter()
        .map(|&count| {
            let drawn = if count == 0 {
                0
            } else {
                let share = count as f64 / left as f64;
                Binomial::new(draws, share)
                    .expect("a share is between 0 and 1")
                    .sample(chance)
            };
            draws -= drawn;
            left -= count as u64;
            drawn as usize
        })
        .collect()
}

/// The quantile of sorted values, interpolated as numpy does by default; `None` of no values.
fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let at = q * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(below + (above - below) * at.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy.quantile([1, 2, 4, 8], [0, 0.1, 0.5, 0.9, 1])
        let values = [1.0, 2.0, 4.0, 8.0];
        for (q, expected) in [(0.0, 1.0), (0.1, 1.3), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
            let found = quantile(&values, q).unwrap();
            assert!((found - expected).abs() < 1e-12, "{q}: {found}");
        }
        assert_eq!(quantile(&[], 0.5), None);
    }

    /// The interval of a share is the binomial one: of 400 images, 100 in the category, the standard error is
    /// sqrt(0.25 · 0.75 / 400) = 0.02165, and 1.96 of it to either side.
    #[test]
    fn the_interval_of_a_share_is_the_binomial_one() {
        let found = Bootstrap::default().of_counts(&[100, 250, 50], |c| {
            vec![None, Some(c[0] as f64 / c.iter().sum::<usize>() as f64)]
        })[1]
            .unwrap();
        assert!((found.low - 0.2076).abs() < 0.006, "{found:?}");
        assert!((found.high - 0.2924).abs() < 0.006, "{found:?}");
    }

    /// Against drawing the images one by one.
    #[test]
    fn counts_are_drawn_as_images_are() {
        let counts = [3, 0, 12, 5];
        let categories: Vec<usize> = counts
            .iter()
            .enumerate()
            .flat_map(|(category, &count)| std::iter::repeat_n(category, count))
            .collect();
        let mut chance = ChaCha8Rng::seed_from_u64(7);
        let (mut fast, mut slow) = ([[0f64; 21]; 4], [[0f64; 21]; 4]);
        let rounds = 20_000;
        for _ in 0..rounds {
            let drawn = resample(&counts, &mut chance);
            assert_eq!(drawn.iter().sum::<usize>(), 20);
            let mut one_by_one = [0; 4];
            for _ in 0..20 {
                one_by_one[categories[chance.random_range(0..20)]] += 1;
            }
            for category in 0..4 {
                fast[category][drawn[category]] += 1.0;
                slow[category][one_by_one[category]] += 1.0;
            }
        }
        for category in 0..4 {
            for times in 0..=20 {
                let (a, b) = (fast[category][times], slow[category][times]);
                // Five standard deviations of the difference of two such counts.
                let allowed = 5.0 * (a + b).sqrt().max(1.0);
                assert!((a - b).abs() <= allowed, "{category} {times}: {a} {b}");
            }
        }
    }

    #[test]
    fn a_figure_that_is_never_defined_has_no_interval() {
        let never = |_: &[usize]| vec![None];
        assert_eq!(Bootstrap::default().of_counts(&[4], never), [None]);
        assert_eq!(Bootstrap::default().of_counts(&[], never), [None]);
    }
}
