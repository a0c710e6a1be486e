//! Annotations that a mixture of two losses finds suspect: noisy correspondence (METHOD 8), an overlay on the verdicts.
//!
//! Where confident learning asks for a rival class, this asks only how little of its probability the model puts on what the
//! annotation calls valid.

use serde::{Deserialize, Serialize};

/// A valid mass below this is taken to be this much: its loss, 27.6 nats, stays finite, and does not outweigh all others.
pub const SMALLEST_MASS: f64 = 1e-12;

/// Images that a mixture is fitted to, at least.
pub const FEWEST_IMAGES: usize = 10;

/// Iterations of the fit, at most.
const ITERATIONS: usize = 500;

/// The fit has converged when the mean log-likelihood, in nats, changes by less.
const TOLERANCE: f64 = 1e-7;

/// Added to every variance, in units of the squared range of the losses: as in the code published with NCR.
const VARIANCE_FLOOR: f64 = 5e-4;

/// A component with less than so many images has none.
const LEAST_IMAGES: f64 = 0.5;

/// What is suspect by the losses of a run.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct NoisySummary {
    /// Images with a loss.
    pub n: usize,
    pub flagged: usize,
    /// `flagged / n`; `None` where there are no two components.
    pub share: Option<f64>,
    /// Mean loss of the two components in nats, the lesser first; `None` where there are no two.
    pub means: Option<[f64; 2]>,
    /// Shares of the images that they explain, in that order; they add up to 1.
    pub weights: Option<[f64; 2]>,
    /// Whether the fit came to rest within 500 iterations. False where nothing was fitted.
    pub converged: bool,
    /// Why there are no two components.
    pub unfitted: Option<Unfitted>,
}

/// Why losses are not parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfitted {
    /// Fewer than [`FEWEST_IMAGES`] have a loss.
    TooFewImages,
    /// All losses are the same.
    EqualLosses,
    /// One component explains less than half an image.
    OneComponent,
}

/// A mixture of two normal distributions of the losses, and what it says of each image.
#[derive(Debug, Clone, PartialEq)]
pub struct Noisy {
    /// Of each image the probability that its loss is of the component of greater mean: that its annotation is suspect.
    /// `None` for an image without a loss, and for all where there are no two components.
    pub posteriors: Vec<Option<f64>>,
    /// Of each image whether its annotation is suspect: the posterior is above ½, and the loss above the lesser mean. For a
    /// component as wide as the losses of mistakes reaches below the narrow one of the right answers too, where the
    /// posterior is high and the model agrees with the annotation best of all.
    pub flagged: Vec<bool>,
    pub summary: NoisySummary,
}

/// Parts annotations by the loss −ln m_valid(x) in nats, m_valid the probability of the valid set (METHOD 4): a mixture of
/// two normal distributions (Huang et al., Learning with Noisy Correspondence for Cross-modal Matching, NeurIPS 2021; Li et
/// al., DivideMix, ICLR 2020).
///
/// `valid` has m_valid of each image: above 1 it is taken for 1, below [`SMALLEST_MASS`] for that, NaN too. `None` is for
/// an image that has no loss, since none of its valid labels is a candidate, or it has no label.
///
/// As in the code published with both papers the losses are brought to [0, 1] by their least and greatest, and 5·10⁻⁴ is
/// added to each variance. The fit is by expectation maximisation from components of equal weight at 0 and at 1, each with
/// the variance of all; so it needs no seed. It stops when the mean log-likelihood changes by less than 10⁻⁷.
///
/// The mixture always finds two components where there are ten images of unequal loss, whether or not there are suspects:
/// far apart means say more than the share.
pub fn noisy(valid: &[Option<f64>]) -> Noisy {
    // What is no number is not above the smallest either.
    let loss = |mass: f64| {
        if mass > SMALLEST_MASS {
            -mass.min(1.0).ln()
        } else {
            -SMALLEST_MASS.ln()
        }
    };
    let losses: Vec<f64> = valid.iter().flatten().map(|&mass| loss(mass)).collect();
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let range = greatest - least;
    let scaled = || losses.iter().map(|loss| (loss - least) / range).collect();
    let fit = if losses.len() < FEWEST_IMAGES {
        Err(Unfitted::TooFewImages)
    } else if range <= 0.0 {
        Err(Unfitted::EqualLosses)
    } else {
        fit(scaled())
    };
    let (fit, unfitted) = match fit {
        Ok(fit) => (Some(fit), None),
        Err(why) => (None, Some(why)),
    };
    let mut found = Noisy {
        posteriors: vec![None; valid.len()],
        flagged: vec![false; valid.len()],
        summary: NoisySummary {
            n: losses.len(),
            flagged: 0,
            share: None,
            means: None,
            weights: None,
            converged: fit.as_ref().is_some_and(|fit| fit.converged),
            unfitted,
        },
    };
    let Some(fit) = fit else {
        return found;
    };
    let with_loss = (0..valid.len()).filter(|&i| valid[i].is_some());
    for ((i, x), greater) in with_loss.zip(&fit.values).zip(&fit.greater) {
        found.posteriors[i] = Some(*greater);
        found.flagged[i] = *greater > 0.5 && *x > fit.lesser_of(|c| c.mean);
    }
    let summary = &mut found.summary;
    summary.flagged = found.flagged.iter().filter(|&&flagged| flagged).count();
    summary.share = Some(summary.flagged as f64 / losses.len() as f64);
    summary.means = Some(fit.in_order(|c| least + range * c.mean));
    summary.weights = Some(fit.in_order(|c| c.weight));
    found
}

#[derive(Debug, Clone, Copy)]
struct Component {
    weight: f64,
    mean: f64,
    variance: f64,
}

impl Component {
    /// ln of weight times density.
    fn log_density(&self, x: f64) -> f64 {
        let normaliser = 2.0 * std::f64::consts::PI * self.variance;
        let apart = x - self.mean;
        self.weight.ln() - 0.5 * (normaliser.ln() + apart * apart / self.variance)
    }
}

struct Fit {
    values: Vec<f64>,
    components: [Component; 2],
    /// Of each value the posterior of the component of greater mean.
    greater: Vec<f64>,
    converged: bool,
}

impl Fit {
    /// Of the components, that of lesser mean first.
    fn in_order(&self, of: impl Fn(&Component) -> f64) -> [f64; 2] {
        let [a, b] = &self.components;
        if a.mean <= b.mean {
            [of(a), of(b)]
        } else {
            [of(b), of(a)]
        }
    }

    fn lesser_of(&self, of: impl Fn(&Component) -> f64) -> f64 {
        self.in_order(of)[0]
    }
}

/// Fits two components to values from 0 to 1, both of which occur. Time is linear in the values for each iteration.
fn fit(values: Vec<f64>) -> Result<Fit, Unfitted> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|x| (x - mean) * (x - mean));
    let variance = squares.sum::<f64>() / n;
    let mut components = [0.0, 1.0].map(|mean| Component {
        weight: 0.5,
        mean,
        variance,
    });
    let mut second = vec![0.0; values.len()];
    let mut likelihood = f64::NEG_INFINITY;
    let mut converged = false;
    for _ in 0..ITERATIONS {
        let before = likelihood;
        likelihood = expect(&values, &components, &mut second) / n;
        components = maximise(&values, &second)?;
        if (likelihood - before).abs() < TOLERANCE {
            converged = true;
            break;
        }
    }
    expect(&values, &components, &mut second);
    let [first_mean, second_mean] = components.map(|c| c.mean);
    if first_mean > second_mean {
        second.iter_mut().for_each(|p| *p = 1.0 - *p);
    }
    Ok(Fit {
        values,
        components,
        greater: second,
        converged,
    })
}

/// Makes `second` the posterior of the second component of each value; returns the log-likelihood of all.
fn expect(values: &[f64], components: &[Component; 2], second: &mut [f64]) -> f64 {
    let mut likelihood = 0.0;
    for (&x, second) in values.iter().zip(second) {
        let [a, b] = components.each_ref().map(|c| c.log_density(x));
        let largest = a.max(b);
        let both = largest + ((a - largest).exp() + (b - largest).exp()).ln();
        likelihood += both;
        *second = (b - both).exp();
    }
    likelihood
}

/// The weights, means and variances under these posteriors of the second component.
fn maximise(values: &[f64], second: &[f64]) -> Result<[Component; 2], Unfitted> {
    let weighted = |of_second: bool, f: &dyn Fn(f64) -> f64| -> f64 {
        let terms = values.iter().zip(second).map(|(&x, &second)| {
            let posterior = if of_second { second } else { 1.0 - second };
            posterior * f(x)
        });
        terms.sum()
    };
    let component = |of_second: bool| {
        let images = weighted(of_second, &|_| 1.0);
        if images < LEAST_IMAGES {
            return Err(Unfitted::OneComponent);
        }
        let mean = weighted(of_second, &|x| x) / images;
        let variance = weighted(of_second, &|x| (x - mean) * (x - mean)) / images;
        Ok(Component {
            weight: images / values.len() as f64,
            mean,
            variance: variance + VARIANCE_FLOOR,
        })
    };
    Ok([component(false)?, component(true)?])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of these losses in nats.
    fn of(losses: &[f64]) -> Noisy {
        let masses: Vec<_> = losses.iter().map(|loss| Some((-loss).exp())).collect();
        noisy(&masses)
    }

    #[test]
    fn two_heaps_are_parted() {
        let mut losses: Vec<f64> = (0..30).map(|i| 0.1 + 0.002 * f64::from(i)).collect();
        losses.extend((0..10).map(|i| 6.0 + 0.1 * f64::from(i)));
        let found = of(&losses);
        assert_eq!(
            found.flagged,
            [[false; 30].as_slice(), &[true; 10]].concat()
        );
        let summary = found.summary;
        assert_eq!(
            (summary.n, summary.flagged, summary.share),
            (40, 10, Some(0.25))
        );
        assert!(summary.converged && summary.unfitted.is_none());
        let [lesser, greater] = summary.means.unwrap();
        assert!((lesser - 0.129).abs() < 1e-9 && (greater - 6.45).abs() < 1e-9);
        assert!((summary.weights.unwrap()[1] - 0.25).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_parted_says_why() {
        for (losses, why) in [
            (&[][..], Unfitted::TooFewImages),
            (
                &[1.0, 2.0, 0.1, 0.2, 5.0, 0.0, 0.0, 0.1, 3.0],
                Unfitted::TooFewImages,
            ),
            (&[1.5; 12], Unfitted::EqualLosses),
        ] {
            let found = of(losses);
            assert_eq!(found.summary.unfitted, Some(why));
            assert_eq!(found.posteriors, vec![None; losses.len()]);
            assert_eq!((found.summary.flagged, found.summary.share), (0, None));
            assert_eq!(
                (found.summary.means, found.summary.converged),
                (None, false)
            );
        }
        // Posteriors that leave nothing to one component.
        let nothing = maximise(&[0.0, 0.4, 1.0], &[0.1, 0.1, 0.2]);
        assert_eq!(nothing.err(), Some(Unfitted::OneComponent));
    }

    #[test]
    fn images_without_a_loss_are_left_out() {
        let mut masses = vec![Some(0.9); 9];
        masses.extend([None, Some(0.0), Some(1.0 + 1e-9), Some(f64::NAN)]);
        let found = noisy(&masses);
        assert_eq!((found.summary.n, found.posteriors[9]), (12, None));
        // No mass, and what is no number, have the greatest loss there is.
        let suspect: Vec<usize> = (0..13).filter(|&i| found.flagged[i]).collect();
        assert_eq!(suspect, [10, 12]);
        let [_, greater] = found.summary.means.unwrap();
        assert!((greater + SMALLEST_MASS.ln()).abs() < 1e-6, "{greater}");
    }

    /// The wide component is likelier far below the narrow one too, where nothing is suspect.
    #[test]
    fn the_best_fits_are_not_suspect() {
        let mut losses: Vec<f64> = (0..400).map(|i| 3.0 + 0.0005 * f64::from(i)).collect();
        losses.extend((0..100).map(|i| 0.3 * f64::from(i)));
        let found = of(&losses);
        assert!(found.posteriors[400].unwrap() > 0.9);
        assert!(!found.flagged[400] && found.flagged[480]);
    }

    proptest! {
        #[test]
        fn posteriors_are_probabilities(losses in proptest::collection::vec(0f64..40.0, 0..60)) {
            let found = of(&losses);
            for (i, posterior) in found.posteriors.iter().enumerate() {
                prop_assert!(posterior.is_none_or(|p| (0.0..=1.0).contains(&p)));
                prop_assert!(!found.flagged[i] || posterior.is_some_and(|p| p > 0.5));
            }
            if let Some([lesser, greater]) = found.summary.means {
                prop_assert!(lesser <= greater);
                let [a, b] = found.summary.weights.unwrap();
                prop_assert!((a + b - 1.0).abs() < 1e-9);
            }
        }
    }
}
