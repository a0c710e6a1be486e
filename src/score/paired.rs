//! Two runs on the same images: whether they differ, and by how much (METHOD 10).

use std::collections::BTreeMap;
use std::f64::consts::{LN_2, TAU};

use serde::Serialize;

use super::attribution::FEWEST;
use super::bootstrap::Bootstrap;
use super::summary::Interval;

/// McNemar's exact test of two runs' answers to the same images (McNemar 1947).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct McNemar {
    /// Images that both runs answered.
    pub n: usize,
    /// Images that the first run alone has right.
    pub only_first: usize,
    /// Images that the second run alone has right.
    pub only_second: usize,
    /// Probability of discordant images as unevenly divided, or more so, if each were equally probable to be either run's:
    /// two-sided, binomial with ½. 1 without discordant images. `None` with fewer than 10 images.
    pub p_value: Option<f64>,
}

impl McNemar {
    /// Of which of the same images each run has right; what is left over of the longer list is not looked at.
    pub fn of(first: &[bool], second: &[bool]) -> Self {
        let (mut only_first, mut only_second) = (0, 0);
        for (&first, &second) in first.iter().zip(second) {
            only_first += usize::from(first && !second);
            only_second += usize::from(second && !first);
        }
        let n = first.len().min(second.len());
        Self {
            n,
            only_first,
            only_second,
            p_value: (n >= FEWEST).then(|| two_sided(only_first as u64, only_second as u64)),
        }
    }
}

/// min(1, 2·P(X ≤ min(a, b))) of X ~ Binomial(a + b, ½). Relative error some 1e-13, however large the counts.
fn two_sided(a: u64, b: u64) -> f64 {
    let (fewer, more) = (a.min(b) as f64, a.max(b) as f64);
    // P(X = i − 1) = P(X = i) · i / (n − i + 1): the terms fall ever faster.
    let (mut sum, mut term, mut i) = (0.0, 1.0, fewer);
    while term > sum * f64::EPSILON {
        sum += term;
        term *= i / (fewer + more - i + 1.0);
        i -= 1.0;
    }
    (2.0 * sum * ln_half_binomial(fewer, more).exp()).min(1.0)
}

/// ln P(X = a) of X ~ Binomial(a + b, ½) by Loader's saddle-point expansion (Fast and accurate computation of binomial
/// probabilities, 2000): factorials of large counts would cancel, and with them the digits.
fn ln_half_binomial(a: f64, b: f64) -> f64 {
    let n = a + b;
    if a == 0.0 || b == 0.0 {
        return -n * LN_2;
    }
    let errors = stirling_error(n) - stirling_error(a) - stirling_error(b);
    errors - deviance(a, n / 2.0) - deviance(b, n / 2.0) + 0.5 * (n / (TAU * a * b)).ln()
}

/// ln n! − ln(√(2πn) (n/e)^n), n ≥ 1.
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        // Exact in f64.
        let factorial: f64 = (1..=n as u32).map(f64::from).product();
        return factorial.ln() - 0.5 * (TAU * n).ln() - n * n.ln() + n;
    }
    let square = n * n;
    let series =
        1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / square) / square) / square;
    (1.0 / 12.0 - series / square) / n
}

/// x ln(x/mean) + mean − x, without cancellation where the two are near.
fn deviance(x: f64, mean: f64) -> f64 {
    let difference = x - mean;
    if difference.abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() - difference;
    }
    // ln(x/mean) = 2 artanh v.
    let v = difference / (x + mean);
    let mut sum = difference * v;
    let mut power = 2.0 * x * v;
    for odd in (3..).step_by(2) {
        power *= v * v;
        let next = sum + power / f64::from(odd);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// A figure of two runs on the same images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    pub first: Option<f64>,
    pub second: Option<f64>,
    /// `second − first`.
    pub difference: Option<f64>,
    /// Percentile bootstrap interval of the difference, the images drawn with replacement and with each both of its
    /// results. `None` with fewer than 10 images.
    pub interval: Option<Interval>,
}

impl Bootstrap {
    /// How two runs differ in figures that depend on nothing but how many images are in each category, such as verdicts.
    ///
    /// `first[i]` and `second[i]` are the categories of image `i` in the two runs, below `categories`; `figures` maps the
    /// counts of one run to its figures, always as many. What is left over of the longer list is not looked at. Images
    /// are drawn by pairs of categories, so a replicate takes time in the number of pairs that occur. Runs on the current
    /// rayon pool; the result does not depend on the number of threads.
    pub fn of_paired_counts(
        &self,
        first: &[usize],
        second: &[usize],
        categories: usize,
        figures: impl Fn(&[usize]) -> Vec<Option<f64>> + Sync,
    ) -> Vec<Difference> {
        let mut pairs: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for pair in first.iter().copied().zip(second.iter().copied()) {
            *pairs.entry(pair).or_default() += 1;
        }
        let (pairs, counts): (Vec<_>, Vec<usize>) = pairs.into_iter().unzip();
        let of_runs = |counts: &[usize]| {
            let mut of_run = [vec![0; categories], vec![0; categories]];
            for (&(first, second), &count) in pairs.iter().zip(counts) {
                of_run[0][first] += count;
                of_run[1][second] += count;
            }
            of_run.map(|counts| figures(&counts))
        };
        let [first, second] = of_runs(&counts);
        let intervals = self.of_counts(&counts, |counts| {
            let [first, second] = of_runs(counts);
            differences(&first, &second)
        });
        together(first, second, intervals, counts.iter().sum())
    }

    /// How two runs differ in figures that depend on nothing but sums over the images.
    ///
    /// `first` and `second` hold a row an image, `columns` values in each; `figures` maps the sums of one run's columns to
    /// its figures, always as many. What is left over of the longer list is not looked at. See [`of_rows`](Self::of_rows).
    pub fn of_paired_rows(
        &self,
        first: &[f64],
        second: &[f64],
        columns: usize,
        figures: impl Fn(&[f64]) -> Vec<Option<f64>> + Sync,
    ) -> Vec<Difference> {
        let width = columns.max(1);
        let of_images = first.chunks_exact(width).zip(second.chunks_exact(width));
        let n = of_images.len();
        let rows: Vec<f64> = of_images
            .flat_map(|(first, second)| first.iter().chain(second))
            .copied()
            .collect();
        let mut sums = vec![0.0; 2 * width];
        for row in rows.chunks_exact(2 * width) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
        let of_runs = |sums: &[f64]| (figures(&sums[..width]), figures(&sums[width..]));
        let (first, second) = of_runs(&sums);
        let intervals = self.of_rows(&rows, 2 * width, |sums| {
            let (first, second) = of_runs(sums);
            differences(&first, &second)
        });
        together(first, second, intervals, n)
    }
}

fn differences(first: &[Option<f64>], second: &[Option<f64>]) -> Vec<Option<f64>> {
    let both = first.iter().zip(second);
    both.map(|(a, b)| a.zip(*b).map(|(a, b)| b - a)).collect()
}

fn together(
    first: Vec<Option<f64>>,
    second: Vec<Option<f64>>,
    intervals: Vec<Option<Interval>>,
    n: usize,
) -> Vec<Difference> {
    let differences = differences(&first, &second);
    let figures = first.into_iter().zip(second).zip(differences);
    // Without a replicate there is no interval.
    let intervals = intervals.into_iter().chain(std::iter::repeat(None));
    figures
        .zip(intervals)
        .map(|(((first, second), difference), interval)| Difference {
            first,
            second,
            difference,
            interval: interval.filter(|_| n >= FEWEST && difference.is_some()),
        })
        .collect()
}

/// Holm's step-down correction of a family of p-values, in their order (Holm, A simple sequentially rejective multiple test
/// procedure, 1979): at level α those whose corrected value is at most α are significant, and the chance that any of them
/// is so by luck is at most α. A NaN is no test: it stays NaN and does not count in the family.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len())
        .filter(|&i| !p_values[i].is_nan())
        .collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut corrected = p_values.to_vec();
    let mut least = 0f64;
    for (rank, &i) in order.iter().enumerate() {
        // No smaller than that of a smaller p-value.
        least = least
            .max((order.len() - rank) as f64 * p_values[i])
            .min(1.0);
        corrected[i] = least;
    }
    corrected
}

#[cfg(test)]
mod tests;
