//! Whether a probability is the frequency with which it comes true (METHOD 6).

use serde::Serialize;

/// Bins of every binned figure (Guo et al. 2017).
const BINS: usize = 15;

/// Calibration of the answer's probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
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

/// Of the answers' (probability, whether it came true).
pub fn calibration(mut answers: Vec<(f64, bool)>) -> Calibration {
    let n = answers.len();
    let mean = |sum: f64| (n > 0).then(|| sum / n as f64);
    let mut equal_width = [Bin::default(); BINS];
    let mut brier = 0.0;
    for &(probability, comes_true) in &answers {
        // A probability of 0 belongs to the first bin.
        let bin = (probability * BINS as f64).ceil() as usize;
        equal_width[bin.clamp(1, BINS) - 1].add(probability, comes_true);
        brier += (probability - f64::from(u8::from(comes_true))).powi(2);
    }
    // By both, so that the order of the images does not matter.
    answers.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let equal_mass = (0..BINS).map(|b| {
        let mut bin = Bin::default();
        for &(probability, comes_true) in &answers[b * n / BINS..(b + 1) * n / BINS] {
            bin.add(probability, comes_true);
        }
        bin
    });
    Calibration {
        ece: mean(equal_width.iter().map(|bin| bin.gap_sum()).sum()),
        ece_equal_mass: mean(equal_mass.map(|bin| bin.gap_sum()).sum()),
        mce: equal_width
            .iter()
            .filter(|bin| bin.n > 0)
            .map(|bin| bin.gap_sum() / bin.n as f64)
            .max_by(f64::total_cmp),
        brier: mean(brier),
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    n: usize,
    true_: usize,
    probability: f64,
}

impl Bin {
    fn add(&mut self, probability: f64, comes_true: bool) {
        self.n += 1;
        self.true_ += usize::from(comes_true);
        self.probability += probability;
    }

    /// n · |accuracy − confidence|.
    fn gap_sum(&self) -> f64 {
        (self.true_ as f64 - self.probability).abs()
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
