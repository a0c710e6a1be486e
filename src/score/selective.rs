//! Uncertainty against error: how often answers are wrong among the images of which the model is most certain (METHOD 9).
//!
//! The images are answered in the order of their uncertainty, the least first; coverage is the share that is answered, and the
//! risk the share of wrong answers among these. The area under that risk over coverage (Geifman, Uziel & El-Yaniv,
//! Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers, ICLR 2019) is the error rate where uncertainty says nothing, and
//! [`Risk::least`] where every wrong answer is less certain than every right one.
//!
//! Images that are equally uncertain are in no order: they enter the curve at once, and the area is that of their mean over all
//! orders.

use serde::{Deserialize, Serialize};

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ventured {
    /// Of the image: Σσ², or whatever rises with doubt. Finite.
    pub uncertainty: f64,
    /// The answer is not exact.
    pub is_error: bool,
    /// It is no multiplicity either.
    pub is_mistake: bool,
}

/// The answers to the most certain images, up to an uncertainty.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RiskPoint {
    /// The greatest that is answered.
    pub uncertainty: f64,
    /// Share of the images that are answered, above 0.
    pub coverage: f64,
    /// Share of these answers that are not exact.
    pub errors: f64,
    /// Share of these answers that are mistakes.
    pub mistakes: f64,
}

/// Of one kind of wrong answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// Share of all answers.
    pub rate: f64,
    /// Mean over k = 1 … n of the share among the k most certain.
    pub area: f64,
    /// What the area is where all of them are the most uncertain.
    pub least: f64,
}

/// What uncertainty says of error (METHOD 9).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RiskAreas {
    /// Images with a verdict.
    pub n: usize,
    /// Mean uncertainty.
    pub mean: f64,
    /// Of answers that are not exact.
    pub errors: Risk,
    /// Of those that are no multiplicity either.
    pub mistakes: Risk,
}

/// The curve of all images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RiskCurve {
    #[serde(flatten)]
    pub areas: RiskAreas,
    /// By rising uncertainty: one for each that occurs.
    pub points: Vec<RiskPoint>,
}

impl RiskCurve {
    /// The curve of these answers; `None` without any. Takes O(n log n).
    pub fn new(mut all: Vec<Ventured>) -> Option<Self> {
        if all.is_empty() {
            return None;
        }
        // Stable, so that the sums are in the order of the images.
        all.sort_by(|a, b| a.uncertainty.total_cmp(&b.uncertainty));
        let n = all.len();
        let mean = all.iter().map(|a| a.uncertainty).sum::<f64>() / n as f64;
        let mut points = Vec::new();
        let (mut errors, mut mistakes) = (Tally::default(), Tally::default());
        for equals in all.chunk_by(|a, b| a.uncertainty.total_cmp(&b.uncertainty).is_eq()) {
            let count = |of: fn(&Ventured) -> bool| equals.iter().filter(|a| of(a)).count();
            errors.add(equals.len(), count(|a| a.is_error));
            mistakes.add(equals.len(), count(|a| a.is_mistake));
            points.push(RiskPoint {
                uncertainty: equals[0].uncertainty,
                coverage: errors.answered as f64 / n as f64,
                errors: errors.share(),
                mistakes: mistakes.share(),
            });
        }
        Some(Self {
            areas: RiskAreas {
                n,
                mean,
                errors: errors.finish(),
                mistakes: mistakes.finish(),
            },
            points,
        })
    }
}

/// Wrong answers so far.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    answered: usize,
    wrong: usize,
    /// Of the shares after each answer.
    sum: f64,
}

impl Tally {
    /// Answers of equal uncertainty.
    fn add(&mut self, answers: usize, wrong: usize) {
        for k in 1..=answers {
            let expected = self.wrong as f64 + wrong as f64 * k as f64 / answers as f64;
            self.sum += expected / (self.answered + k) as f64;
        }
        self.answered += answers;
        self.wrong += wrong;
    }

    fn share(self) -> f64 {
        self.wrong as f64 / self.answered as f64
    }

    fn finish(self) -> Risk {
        let (n, wrong) = (self.answered, self.wrong);
        let best: f64 = (1..=wrong).map(|k| k as f64 / (n - wrong + k) as f64).sum();
        Risk {
            rate: self.share(),
            area: self.sum / n as f64,
            least: best / n as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curve(answers: &[(f64, bool, bool)]) -> RiskCurve {
        let all = answers.iter();
        let all = all.map(|&(uncertainty, is_error, is_mistake)| Ventured {
            uncertainty,
            is_error,
            is_mistake,
        });
        RiskCurve::new(all.collect()).unwrap()
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
    }

    #[test]
    fn the_curve_by_hand() {
        let of = curve(&[
            (3.0, true, true),
            (1.0, false, false),
            (2.0, true, false),
            (4.0, false, false),
        ]);
        let shares: Vec<[f64; 3]> = of
            .points
            .iter()
            .map(|p| [p.coverage, p.errors, p.mistakes])
            .collect();
        let third = 1.0 / 3.0;
        assert_eq!(
            shares,
            [
                [0.25, 0.0, 0.0],
                [0.5, 0.5, 0.0],
                [0.75, 2.0 / 3.0, third],
                [1.0, 0.5, 0.25]
            ]
        );
        close(of.areas.errors.area, (0.5 + 2.0 / 3.0 + 0.5) / 4.0);
        close(of.areas.errors.least, (third + 0.5) / 4.0);
        close(of.areas.mistakes.area, (third + 0.25) / 4.0);
        close(of.areas.mean, 2.5);
        assert_eq!(RiskCurve::new(Vec::new()), None);
    }

    #[test]
    fn where_uncertainty_says_nothing_the_area_is_the_rate() {
        let of = curve(&[(7.0, true, true), (7.0, false, false), (7.0, false, false)]);
        assert_eq!(of.points.len(), 1);
        close(of.areas.errors.area, of.areas.errors.rate);
        close(of.areas.errors.rate, 1.0 / 3.0);
    }

    proptest! {
        /// Whatever the order of the images, and between the best and the worst there is.
        #[test]
        fn the_area_depends_on_the_order_by_uncertainty_alone(
            mut answers in proptest::collection::vec((0u8..6, any::<bool>(), any::<bool>()), 1..40),
        ) {
            let of = |answers: &[(u8, bool, bool)]| {
                let all: Vec<_> = answers.iter().map(|&(u, e, m)| (f64::from(u), e, e && m)).collect();
                curve(&all)
            };
            let before = of(&answers);
            answers.reverse();
            let after = of(&answers);
            prop_assert_eq!(&before.points, &after.points);
            let (errors, mistakes) = (before.areas.errors, before.areas.mistakes);
            for risk in [errors, mistakes] {
                prop_assert!(risk.least <= risk.area + 1e-12 && risk.least <= risk.rate + 1e-12);
            }
            prop_assert!(mistakes.area <= errors.area + 1e-12);
            let last = before.points.last().unwrap();
            prop_assert_eq!((last.coverage, last.errors), (1.0, errors.rate));
        }
    }
}
