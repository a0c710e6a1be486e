//! Embeddings that are normal distributions with a variance in each dimension: how alike two of them are, and whether one
//! is included in the other (METHOD 9).

use std::f64::consts::PI;

use super::answer::prototypes;
use crate::matrix::Matrix;

/// Embeddings, each a normal distribution as far as the model tells how uncertain it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gaussians {
    /// n × dim: μ.
    pub means: Matrix,
    /// n × dim: σ²; `None` of a model that tells none.
    pub variances: Option<Matrix>,
}

impl From<Matrix> for Gaussians {
    /// Of a model that tells no uncertainty.
    fn from(means: Matrix) -> Self {
        Self {
            means,
            variances: None,
        }
    }
}

impl Gaussians {
    /// From rows of `dim` values of the mean, behind which as many of ln σ² may follow.
    pub fn of_rows(rows: Matrix, dim: usize) -> Self {
        if rows.cols() <= dim {
            return rows.into();
        }
        Self::of_parts(rows.columns(0..dim), Some(rows.columns(dim..rows.cols())))
    }

    /// From means and ln σ², n × dim each.
    pub fn of_parts(means: Matrix, log_variances: Option<Matrix>) -> Self {
        let variances = log_variances.map(|mut of| {
            let values = of.as_mut_slice().iter_mut();
            values.for_each(|v| *v = f64::from(*v).exp() as f32);
            of
        });
        Self { means, variances }
    }

    /// The number of them.
    pub fn len(&self) -> usize {
        self.means.rows()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of the first, of which there must be as many.
    pub fn first(&self, count: usize) -> Self {
        self.select(0..count)
    }

    /// Copies of these, in this order.
    pub fn select(&self, rows: impl Iterator<Item = usize> + Clone) -> Self {
        let of = |matrix: &Matrix| {
            let values = rows.clone().flat_map(|i| matrix.row(i)).copied();
            Matrix::new(matrix.cols(), values.collect())
        };
        Self {
            means: of(&self.means),
            variances: self.variances.as_ref().map(of),
        }
    }

    /// These and others of the same model behind them.
    #[must_use]
    pub fn followed_by(self, others: Self) -> Self {
        let both = |first: Matrix, second: Matrix| {
            let cols = first.cols();
            let mut values = first.into_vec();
            values.extend(second.into_vec());
            Matrix::new(cols, values)
        };
        Self {
            means: both(self.means, others.means),
            variances: self
                .variances
                .zip(others.variances)
                .map(|(first, second)| both(first, second)),
        }
    }

    /// Σσ² of each over its dimensions: the expected squared distance of a sample from the mean.
    pub fn totals(&self) -> Option<Vec<f64>> {
        let variances = self.variances.as_ref()?;
        let total = |i| variances.row(i).iter().map(|&v| f64::from(v)).sum();
        Some((0..variances.rows()).map(total).collect())
    }

    /// One for each group of so many consecutive ones: the normalised mean of the normalised means, and the mean of their σ², as
    /// ProLIP's code has it. A prompt is one way of asking for a label: that prompts differ adds nothing to σ².
    pub fn prototypes(&self, groups: &[usize]) -> Self {
        let mut next = 0;
        let variances = self.variances.as_ref().map(|variances| {
            let mut values = Vec::with_capacity(groups.len() * variances.cols());
            for &size in groups {
                let mut sums = vec![0.0; variances.cols()];
                for row in next..next + size {
                    let values = variances.row(row).iter();
                    for (sum, &value) in sums.iter_mut().zip(values) {
                        *sum += f64::from(value);
                    }
                }
                next += size;
                values.extend(sums.iter().map(|sum| (sum / size as f64) as f32));
            }
            Matrix::new(variances.cols(), values)
        });
        Self {
            means: prototypes(&self.means, groups),
            variances,
        }
    }

    /// One of them; `None` of a model that tells no uncertainty.
    pub fn get(&self, i: usize) -> Option<Gaussian<'_>> {
        Some(Gaussian {
            mean: self.means.row(i),
            variance: self.variances.as_ref()?.row(i),
        })
    }
}

/// A normal distribution of independent dimensions: μ and σ², as long as each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaussian<'a> {
    pub mean: &'a [f32],
    /// σ², not σ nor its logarithm.
    pub variance: &'a [f32],
}

impl Gaussian<'_> {
    /// The closed-form sampled distance ‖μ1 − μ2‖² + Σ(σ1² + σ2²): the expected squared distance of a sample of each (Chun,
    /// Improved Probabilistic Image-Text Representations, ICLR 2024). Not 0 for a distribution and itself unless σ = 0.
    pub fn sampled_distance(self, other: Gaussian<'_>) -> f64 {
        let apart = sum(self.mean, other.mean, |a, b| (a - b) * (a - b));
        apart + sum(self.variance, other.variance, |a, b| a + b)
    }

    /// ProLIP's logit of a pair, scale · (μ1·μ2 − ½Σ(σ1² + σ2²)) + bias (Chun et al., Probabilistic Language-Image
    /// Pre-Training, ICLR 2025). With unit means that is scale · (1 − d/2) + bias, d the
    /// [sampled distance](Self::sampled_distance).
    pub fn pair_logit(self, other: Gaussian<'_>, scale: f64, bias: f64) -> f64 {
        let alike = sum(self.mean, other.mean, |a, b| a * b);
        let uncertain = sum(self.variance, other.variance, |a, b| a + b);
        scale * (alike - 0.5 * uncertain) + bias
    }

    /// H(1⊂2) = ln ∫ p1(z)² p2(z) dz in nats, 1 being `self`: large where p2 is large wherever p1 is.
    ///
    /// p1² is the normal distribution of variance σ1²/2 over 2√π·σ1, so that in each dimension the integral's logarithm is
    /// −½ ln(4π σ1²) − ½ ln(π (σ1² + 2σ2²)) − (μ1 − μ2)² / (σ1² + 2σ2²), and their sum is exact.
    ///
    /// The code published with ProLIP (Chun et al., ICLR 2025) differs: it takes 2 ln σ1 + ln σ2 off, as is right, but is
    /// fed ln σ² for ln σ, and so counts the normaliser twice; constants it leaves out.
    ///
    /// `None` unless every variance is positive: of a point the integral has no value.
    pub fn inclusion(self, other: Gaussian<'_>) -> Option<f64> {
        let variances = self.variance.iter().chain(other.variance);
        if !variances.into_iter().all(|&v| v > 0.0) {
            return None;
        }
        let normaliser = sum(self.variance, other.variance, |v1, v2| {
            (4.0 * PI * v1).ln() + (PI * (v1 + 2.0 * v2)).ln()
        });
        let means = self.mean.iter().zip(other.mean);
        let variances = self.variance.iter().zip(other.variance);
        let exponent: f64 = means
            .zip(variances)
            .map(|((&m1, &m2), (&v1, &v2))| {
                let apart = f64::from(m1) - f64::from(m2);
                apart * apart / (f64::from(v1) + 2.0 * f64::from(v2))
            })
            .sum();
        Some(-0.5 * normaliser - exponent)
    }

    /// Whether `self` is in `other`: H(1⊂2) > H(2⊂1). Two that are the same are in neither. `None` where there is no
    /// [inclusion](Self::inclusion).
    pub fn is_in(self, other: Gaussian<'_>) -> Option<bool> {
        Some(self.inclusion(other)? > other.inclusion(self)?)
    }
}

/// Σ f(a, b) over the dimensions, in f64.
fn sum(a: &[f32], b: &[f32], f: impl Fn(f64, f64) -> f64) -> f64 {
    let pairs = a.iter().zip(b);
    pairs.map(|(&a, &b)| f(f64::from(a), f64::from(b))).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of<'a>(mean: &'a [f32], variance: &'a [f32]) -> Gaussian<'a> {
        Gaussian { mean, variance }
    }

    /// p(z), the product over the dimensions.
    fn density(of: Gaussian<'_>, z: &[f64]) -> f64 {
        let dimensions = of.mean.iter().zip(of.variance).zip(z);
        dimensions
            .map(|((&mean, &variance), z)| {
                let (mean, variance) = (f64::from(mean), f64::from(variance));
                (-(z - mean).powi(2) / (2.0 * variance)).exp() / (2.0 * PI * variance).sqrt()
            })
            .product()
    }

    /// By the rectangle rule, which is exact to rounding for what is smooth and vanishes at both ends.
    const STEP: f64 = 1.0 / 16.0;

    fn grid() -> impl Iterator<Item = f64> + Clone {
        (-192..=192).map(|i| f64::from(i) * STEP)
    }

    fn close(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() < 1e-12 * expected.abs().max(1.0),
            "{found}, not {expected}"
        );
    }

    #[test]
    fn distance_and_logit_by_hand() {
        let (a, b) = (of(&[0.5, 1.0], &[0.25, 0.0]), of(&[-0.5, 3.0], &[0.5, 2.0]));
        close(a.sampled_distance(b), 1.0 + 4.0 + 0.75 + 2.0);
        close(a.pair_logit(b, 10.0, -3.0), 10.0 * (2.75 - 1.375) - 3.0);
        // Of points they are those of the vectors.
        let (a, b) = (of(&[0.6, 0.8], &[0.0; 2]), of(&[1.0, 0.0], &[0.0; 2]));
        close(a.pair_logit(b, 10.0, 0.0), 10.0 * f64::from(0.6f32));
        close(a.sampled_distance(a), 0.0);
    }

    #[test]
    fn inclusion_is_the_integral_in_one_dimension() {
        let of_all = [(0.0, 0.3), (0.5, 1.5), (-1.0, 0.8), (0.0, 1.5)];
        for (m1, v1) in of_all {
            for (m2, v2) in of_all {
                let ((m1, v1), (m2, v2)) = (([m1], [v1]), ([m2], [v2]));
                let (a, b) = (of(&m1, &v1), of(&m2, &v2));
                let height = |z: f64| density(a, &[z]).powi(2) * density(b, &[z]);
                let integral = grid().map(height).sum::<f64>() * STEP;
                close(a.inclusion(b).unwrap(), integral.ln());
            }
        }
    }

    #[test]
    fn inclusion_is_the_integral_in_two_dimensions() {
        let a = of(&[0.25, -0.5], &[0.4, 1.2]);
        let b = of(&[1.0, 0.0], &[2.0, 0.7]);
        for (a, b) in [(a, b), (b, a), (a, a)] {
            let mut integral = 0.0;
            for x in grid() {
                for y in grid() {
                    integral += density(a, &[x, y]).powi(2) * density(b, &[x, y]);
                }
            }
            close(a.inclusion(b).unwrap(), (integral * STEP * STEP).ln());
        }
    }

    #[test]
    fn what_is_narrow_is_in_what_is_wide() {
        let (narrow, wide) = (of(&[0.1, 0.0], &[0.1, 0.1]), of(&[0.0, 0.1], &[1.0, 1.0]));
        let is_in = [narrow.is_in(wide), wide.is_in(narrow), wide.is_in(wide)];
        assert_eq!(is_in, [Some(true), Some(false), Some(false)]);
    }

    #[test]
    fn rows_of_a_model_in_their_parts() {
        let ln2 = 2f32.ln();
        let rows = Matrix::new(4, vec![0.6, 0.8, 0.0, ln2, 1.0, 0.0, ln2, ln2]);
        let all = Gaussians::of_rows(rows, 2);
        assert_eq!(all.means.row(0), [0.6, 0.8]);
        let totals = all.totals().unwrap();
        close(totals[0], 3.0);
        close(totals[1], 4.0);
        let one = all.prototypes(&[2]);
        let variance = one.variances.as_ref().unwrap().row(0).to_vec();
        assert_eq!(variance, [1.5, 2.0]);
        let (x, y) = (1.6f64, 0.8f64);
        close(
            (f64::from(one.means.row(0)[1]) - y / x.hypot(y))
                .abs()
                .max(1e-7),
            1e-7,
        );
        let swapped = all.select([1, 0].into_iter());
        assert_eq!(swapped.get(0), all.get(1));
        assert_eq!(all.first(1).followed_by(swapped.first(1)), all);
        let without = Gaussians::of_rows(all.means.clone(), 2);
        assert_eq!((without.totals(), without.get(0)), (None, None));
    }

    #[test]
    fn a_point_is_not_measured() {
        let (point, wide) = (of(&[0.0], &[0.0]), of(&[0.0], &[1.0]));
        assert_eq!((point.inclusion(wide), wide.is_in(point)), (None, None));
        assert_eq!(of(&[0.0], &[f32::NAN]).inclusion(wide), None);
    }

    proptest! {
        /// Of equal variances each is in the other as much: H depends on the distance alone.
        #[test]
        fn of_equal_variances_neither_is_in_the_other(
            means in proptest::collection::vec((-2f32..2.0, -2f32..2.0), 1..6), v in 0.01f32..3.0,
        ) {
            let (a, b): (Vec<f32>, Vec<f32>) = means.into_iter().unzip();
            let variance = vec![v; a.len()];
            let (a, b) = (of(&a, &variance), of(&b, &variance));
            prop_assert_eq!(a.inclusion(b), b.inclusion(a));
            prop_assert_eq!(a.is_in(b), Some(false));
        }
    }
}
