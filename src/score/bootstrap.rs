//! Percentile bootstrap over images (METHOD 10).

use std::ops::Range;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Distribution};
use rayon::prelude::*;

use super::image_rows::ImageRows;
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
        self.of_table(&Table::dense(rows, columns.max(1)), figures)
    }

    /// The same of rows some of whose columns have a value in few of them.
    ///
    /// `figures` maps the sums of the columns that every row has, and those of the `sparse_columns` others. A replicate
    /// takes time in the number of values that there are.
    pub(super) fn of_image_rows(
        &self,
        rows: &ImageRows,
        sparse_columns: usize,
        figures: impl Fn(&[f64], &[f64]) -> Vec<Option<f64>> + Sync,
    ) -> Vec<Option<Interval>> {
        let mut table = Table::dense(rows.dense(), rows.columns());
        table.sparse_columns = sparse_columns;
        table.ends = rows
            .sparse()
            .iter()
            .scan(0, |end, entries| {
                *end += entries.len();
                Some(*end)
            })
            .collect();
        table.entries = rows.sparse().concat();
        self.of_table(&table, |sums| {
            let (dense, sparse) = sums.split_at(table.columns);
            figures(dense, sparse)
        })
    }

    fn of_table(
        &self,
        table: &Table<'_>,
        figures: impl Fn(&[f64]) -> Vec<Option<f64>> + Sync,
    ) -> Vec<Option<Interval>> {
        let images = table.dense.len() / table.columns;
        let groups = self.replicates.div_ceil(TOGETHER);
        let replicates: Vec<Vec<Option<f64>>> = (0..groups)
            .into_par_iter()
            .flat_map_iter(|group| {
                let first = group * TOGETHER;
                let members = first..self.replicates.min(first + TOGETHER);
                let mut replicates: Vec<Replicate> = members
                    .map(|replicate| {
                        let columns = table.columns + table.sparse_columns;
                        Replicate::new(self.seed, replicate, images, columns)
                    })
                    .collect();
                // A block is read again by each replicate of the group while it is near.
                let mut times = Vec::new();
                for first in (0..images).step_by(BLOCK) {
                    let block = first..images.min(first + BLOCK);
                    for replicate in &mut replicates {
                        replicate.add(table, block.clone(), &mut times);
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

/// Rows to draw from.
struct Table<'a> {
    dense: &'a [f64],
    columns: usize,
    /// Where the entries of each row end; empty if no row has any.
    ends: Vec<usize>,
    /// Columns and values, the columns below `sparse_columns`.
    entries: Vec<(u32, f64)>,
    sparse_columns: usize,
}

impl<'a> Table<'a> {
    fn dense(dense: &'a [f64], columns: usize) -> Self {
        Self {
            dense,
            columns,
            ends: Vec::new(),
            entries: Vec::new(),
            sparse_columns: 0,
        }
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.dense[row * self.columns..(row + 1) * self.columns]
    }

    fn entries(&self, row: usize) -> &[(u32, f64)] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.entries[start..self.ends[row]]
    }
}

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
    fn add(&mut self, table: &Table<'_>, block: Range<usize>, times: &mut Vec<u32>) {
        let images = block.len();
        let drawn = binomial(self.draws, images as u64, self.left, &mut self.chance);
        self.draws -= drawn;
        self.left -= images as u64;
        times.clear();
        times.resize(images, 0);
        for _ in 0..drawn {
            times[self.chance.random_range(0..images as u32) as usize] += 1;
        }
        let (dense, sparse) = self.sums.split_at_mut(table.columns);
        for (row, &times) in block.zip(times.iter()).filter(|(_, times)| **times > 0) {
            let times = f64::from(times);
            for (sum, &value) in dense.iter_mut().zip(table.row(row)) {
                *sum += times * value;
            }
            if !table.ends.is_empty() {
                for &(column, value) in table.entries(row) {
                    sparse[column as usize] += times * value;
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
    let total: usize = counts.iter().sum();
    if counts.len() >= MANY && total < counts.len() * SMALL {
        return one_by_one(counts, total, chance);
    }
    // Of the images that are left to draw, those in the first category are binomial, and so on with the rest.
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

/// Many categories of few images, on average: drawing these takes less time than a binomial number for each category.
const MANY: usize = 256;
const SMALL: usize = 16;

fn one_by_one(counts: &[usize], total: usize, chance: &mut impl Rng) -> Vec<usize> {
    let of_categories = counts.iter().zip(0..);
    let category_of: Vec<u32> = of_categories
        .flat_map(|(&count, category)| std::iter::repeat_n(category, count))
        .collect();
    let mut drawn = vec![0; counts.len()];
    for _ in 0..total {
        drawn[category_of[chance.random_range(0..total as u32) as usize] as usize] += 1;
    }
    drawn
}

/// The quantile of sorted values, interpolated as numpy does by default; `None` of no values.
fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let at = q * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(below + (above - below) * at.fract())
}

#[cfg(test)]
mod tests;
