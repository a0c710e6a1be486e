//! Whether a probability is the frequency with which it comes true (METHOD 6).

use serde::{Deserialize, Serialize};

use crate::score::figure::{Figure, add_row, mean, one_if};

/// Bins of every binned figure (Guo et al. 2017).
const BINS: usize = 15;

/// Calibration of the answer's probability.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct Calibration {
    /// Expected calibration error over 15 bins of equal width, (0, 1/15], …, (14/15, 1]: Σ n_b/n · |accuracy −
    /// confidence|.
    pub ece: Option<f64>,
    /// The same over 15 bins of equal size, which differ by one where n is no multiple; equal probabilities may part.
    pub ece_equal_mass: Option<f64>,
    /// The largest gap of a bin of equal width.
    pub mce: Option<f64>,
    /// Mean (probability − 1 or 0)² of the answer.
    pub brier: Option<f64>,
}

/// Columns that are summed over the answers: ones and squared errors; and of each bin of equal width ones and errors, of
/// which an answer has those of its own bin.
pub const COLUMNS: usize = 2;
pub const OF_BINS: usize = 2 * BINS;

/// What is summed up of an answer: the columns, and its places among those of the bins with what is there.
pub fn row(probability: f64, comes_true: bool) -> ([f64; COLUMNS], [(usize, f64); 2]) {
    // A probability of 0 belongs to the first bin.
    let bin = ((probability * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
    let error = one_if(comes_true) - probability;
    ([1.0, error * error], [(2 * bin, 1.0), (2 * bin + 1, error)])
}

/// ECE, MCE and Brier score of sums of the [columns](COLUMNS) and of those [of the bins](OF_BINS).
fn figures(sums: &[f64], of_bins: &[f64]) -> [Option<f64>; 3] {
    let bins = of_bins.chunks_exact(2).map(|bin| (bin[0], bin[1].abs()));
    let gaps = bins.clone().map(|(_, gap)| gap).sum();
    let of_each = bins.filter_map(|(n, gap)| mean(gap, n));
    [
        mean(gaps, sums[0]),
        of_each.max_by(f64::total_cmp),
        mean(sums[1], sums[0]),
    ]
}

/// The figures of sums of the columns, as [`figures`] has them. The bins of equal size depend on the order of the answers,
/// not on sums.
pub fn named(sums: &[f64], of_bins: &[f64], family: &'static str) -> Vec<Figure> {
    let [ece, mce, brier] = figures(sums, of_bins);
    [("ece", ece), ("mce", mce), ("brier", brier)]
        .map(|(name, value)| Figure::new(family, name, value, sums[0]))
        .to_vec()
}

/// Of the answers' (probability, whether it came true).
pub fn calibration(mut answers: Vec<(f64, bool)>) -> Calibration {
    let n = answers.len();
    let (mut sums, mut of_bins) = ([0.0; COLUMNS], [0.0; OF_BINS]);
    for &(probability, comes_true) in &answers {
        let (row, of_bin) = row(probability, comes_true);
        add_row(&mut sums, &row);
        for (column, value) in of_bin {
            of_bins[column] += value;
        }
    }
    // By both, so that the order of the images does not matter.
    answers.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let equal_mass = (0..BINS).map(|b| {
        let bin = answers[b * n / BINS..(b + 1) * n / BINS].iter();
        let errors = bin.map(|&(probability, comes_true)| one_if(comes_true) - probability);
        errors.sum::<f64>().abs()
    });
    let [ece, mce, brier] = figures(&sums, &of_bins);
    Calibration {
        ece,
        ece_equal_mass: mean(equal_mass.sum(), n as f64),
        mce,
        brier,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_of_bins_by_hand() {
        // Two in the bin (0.8, 0.8667], one in (0, 0.0667], one of 1 in the last.
        let found = calibration([(0.82, true), (0.86, false), (0.05, false), (1.0, true)].to_vec());
        let close = |found: Option<f64>, expected: f64| {
            assert!(
                (found.unwrap() - expected).abs() < 1e-12,
                "{found:?}, not {expected}"
            );
        };
        close(found.ece, (0.68 + 0.05) / 4.0);
        close(found.mce, 0.34);
        // Every one in a bin of its own.
        close(found.ece_equal_mass, (0.18 + 0.86 + 0.05 + 0.0) / 4.0);
        close(
            found.brier,
            (0.18f64.powi(2) + 0.86f64.powi(2) + 0.05f64.powi(2)) / 4.0,
        );
    }

    #[test]
    fn probabilities_on_the_edges_are_in_the_lower_bin() {
        for (probability, gap) in [(0.0, 0.0), (1.0 / 15.0, 1.0 / 15.0)] {
            let found = calibration([(probability, false), (1e-9, false)].to_vec());
            // Both in the first bin.
            assert!((found.mce.unwrap() - gap / 2.0).abs() < 1e-8);
        }
        assert_eq!(calibration([].to_vec()).ece, None);
        assert_eq!(calibration([].to_vec()).mce, None);
    }
}
