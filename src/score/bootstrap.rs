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
        self.intervals(&replicates)
    }

    /// The intervals of figures that depend on nothing but sums over the images.
    ///
    /// `rows` holds a row an image, `columns` values in each (at least one); `figures` maps the sums of the columns over
    /// the images that were drawn, as many as there are, to the figures, as those of [`of_counts`](Self::of_counts). A
    /// column of ones tells `figures` how many they are, one of ones and zeros how many of them are of a kind. A
    /// replicate takes time in the number of values. Each draws on a chance of its own and adds up in the order of the
    /// rows: the result does not depend on the number of threads.
    pub fn of_rows(
        &self,
        rows: &[f64],
        columns: usize,
        figures: impl Fn(&[f64]) -> Vec<Option<f64>> + Sync,
    ) -> Vec<Option<Interval>> {
        let columns = columns.max(1);
        let groups = self.replicates.div_ceil(TOGETHER);
        let replicates: Vec<Vec<Option<f64>>> = (0..groups)
            .into_par_iter()
            .flat_map_iter(|group| {
                let first = group * TOGETHER;
                let members = first..self.replicates.min(first + TOGETHER);
                let mut replicates: Vec<Replicate> = members
                    .map(|replicate| {
                        Replicate::new(self.seed, replicate, rows.len() / columns, columns)
                    })
                    .collect();
                // A block is read again by each replicate of the group while it is near.
                let mut times = Vec::new();
                for block in rows.chunks(BLOCK * columns) {
                    for replicate in &mut replicates {
                        replicate.add(block, columns, &mut times);
                    }
                }
                let figures = replicates.iter().map(|r| figures(&r.sums));
                figures.collect::<Vec<_>>()
            })
            .collect();
        self.intervals(&replicates)
    }

    fn intervals(&self, replicates: &[Vec<Option<f64>>]) -> Vec<Option<Interval>> {
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

/// Rows of a block, and replicates that read it one after the other.
const BLOCK: usize = 512;
const TOGETHER: usize = 25;

/// One drawing of images with replacement, a block of them at a time.
struct Replicate {
    chance: ChaCha8Rng,
    /// Images that are still to be drawn, and those that they are drawn from.
    draws: u64,
    left: u64,
    sums: Vec<f64>,
}

impl Replicate {
    fn new(seed: u64, replicate: usize, images: usize, columns: usize) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        chance.set_stream(replicate as u64);
        Self {
            chance,
            draws: images as u64,
            left: images as u64,
            sums: vec![0.0; columns],
        }
    }

    /// Draws images of the next block. `times` is lent to it.
    fn add(&mut self, block: &[f64], columns: usize, times: &mut Vec<u32>) {
        let images = block.len() / columns;
        let drawn = binomial(self.draws, images as u64, self.left, &mut self.chance);
        self.draws -= drawn;
        self.left -= images as u64;
        times.clear();
        times.resize(images, 0);
        for _ in 0..drawn {
            times[self.chance.random_range(0..images as u32) as usize] += 1;
        }
        for (row, &times) in block.chunks_exact(columns).zip(times.iter()) {
            if times > 0 {
                let times = f64::from(times);
                for (sum, &value) in self.sums.iter_mut().zip(row) {
                    *sum += times * value;
                }
            }
        }
    }
}

/// How many of these draws fall on `count` of the images that are left.
fn binomial(draws: u64, count: u64, left: u64, chance: &mut impl Rng) -> u64 {
    if count == 0 {
        return 0;
    }
    Binomial::new(draws, count as f64 / left as f64)
        .expect("a share is between 0 and 1")
        .sample(chance)
}

/// As many images as there are, drawn with replacement: how many are in each category.
fn resample(counts: &[usize], chance: &mut impl Rng) -> Vec<usize> {
    // Of the images that are left to draw, those in the first category are binomial, and so on with the rest.
    let total: usize = counts.iter().sum();
    let (mut draws, mut left) = (total as u64, total as u64);
    counts
        .iter()
        .map(|&count| {
            let drawn = binomial(draws, count as u64, left, chance);
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

    /// Rows that tell categories have the intervals of their counts, over several blocks.
    #[test]
    fn rows_are_drawn_as_counts_are() {
        let counts = [600, 900, 40];
        let rows: Vec<f64> = counts
            .iter()
            .enumerate()
            .flat_map(|(category, &count)| std::iter::repeat_n(category, count))
            .flat_map(|category| [1.0, f64::from(u8::from(category == 0)), category as f64])
            .collect();
        let bootstrap = Bootstrap::default();
        let by_rows = bootstrap.of_rows(&rows, 3, |s| {
            vec![Some(s[0]), Some(s[1] / s[0]), Some(s[2] / s[0])]
        });
        let by_counts = bootstrap.of_counts(&counts, |c| {
            let n = c.iter().sum::<usize>() as f64;
            vec![
                Some(n),
                Some(c[0] as f64 / n),
                Some((c[1] + 2 * c[2]) as f64 / n),
            ]
        });
        let all = Interval {
            low: 1540.0,
            high: 1540.0,
        };
        assert_eq!((by_rows[0], by_counts[0]), (Some(all), Some(all)));
        for (a, b) in by_rows.iter().zip(&by_counts).skip(1) {
            let (a, b) = (a.unwrap(), b.unwrap());
            // The standard error of either end is some 0.0008.
            assert!((a.low - b.low).abs() < 0.005, "{a:?} {b:?}");
            assert!((a.high - b.high).abs() < 0.005, "{a:?} {b:?}");
        }
    }

    #[test]
    fn the_number_of_threads_does_not_matter() {
        let rows: Vec<f64> = (0..3000).map(|i| f64::from(i).sin()).collect();
        let of = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let figures = |s: &[f64]| vec![Some(s[0]), Some(s[1] / s[2])];
            pool.install(|| Bootstrap::default().of_rows(&rows, 3, figures))
        };
        assert_eq!(of(1), of(4));
    }

    #[test]
    fn a_figure_that_is_never_defined_has_no_interval() {
        let never = |_: &[usize]| vec![None];
        assert_eq!(Bootstrap::default().of_counts(&[4], never), [None]);
        assert_eq!(Bootstrap::default().of_counts(&[], never), [None]);
    }
}
