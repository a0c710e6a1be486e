//! Element-wise CPU kernels, compiled for several vector widths and chosen at run time.
//!
//! The plain loops vectorise; `exp` is a polynomial because the C library's cannot. Relative error of [`exp`]: below 3e-7.

use super::spec::Activation;

/// Values in a row that the kernels treat as one vector; wide enough for AVX-512.
const LANES: usize = 16;

/// Defines a kernel once and compiles it for the baseline, AVX2 + FMA and AVX-512.
macro_rules! kernel {
    ($(#[$doc:meta])* pub fn $name:ident($($arg:ident: $type:ty),*) $body:block) => {
        $(#[$doc])*
        pub fn $name($($arg: $type),*) {
            #[inline(always)]
            fn generic($($arg: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma")]
                fn avx512($($arg: $type),*) {
                    generic($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $type),*) {
                    generic($($arg),*)
                }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("fma")
                {
                    // SAFETY: the features were detected just above.
                    return unsafe { avx512($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the features were detected just above.
                    return unsafe { avx2($($arg),*) };
                }
            }
            generic($($arg),*)
        }
    };
}

kernel! {
    /// `x += bias`, row by row; `x` is rows × `bias.len()`.
    pub fn add_bias(x: &mut [f32], bias: &[f32]) {
        for row in x.chunks_exact_mut(bias.len()) {
            for (x, b) in row.iter_mut().zip(bias) {
                *x += b;
            }
        }
    }
}

kernel! {
    /// `x += y + bias`, row by row: the end of a residual block.
    pub fn add_residual(x: &mut [f32], y: &[f32], bias: &[f32]) {
        for (x, y) in x.chunks_exact_mut(bias.len()).zip(y.chunks_exact(bias.len())) {
            for ((x, y), b) in x.iter_mut().zip(y).zip(bias) {
                *x += y + b;
            }
        }
    }
}

kernel! {
    /// `x = activation(x + bias)`, row by row.
    pub fn bias_activation(x: &mut [f32], bias: &[f32], activation: Activation) {
        for row in x.chunks_exact_mut(bias.len()) {
            match activation {
                Activation::QuickGelu => {
                    for (x, b) in row.iter_mut().zip(bias) {
                        let v = *x + b;
                        *x = v / (1.0 + exp(-1.702 * v));
                    }
                }
                Activation::Gelu => {
                    for (x, b) in row.iter_mut().zip(bias) {
                        let v = *x + b;
                        *x = 0.5 * v * (1.0 + erf(v * std::f32::consts::FRAC_1_SQRT_2));
                    }
                }
                Activation::GeluTanh => {
                    for (x, b) in row.iter_mut().zip(bias) {
                        let v = *x + b;
                        let inner = 0.797_884_6 * (v + 0.044_715 * v * v * v);
                        // 0.5·(1 + tanh y) = σ(2y)
                        *x = v / (1.0 + exp(-2.0 * inner));
                    }
                }
            }
        }
    }
}

kernel! {
    /// `out = (x − mean) / √(variance + eps) · scale + shift`, row by row.
    pub fn layer_norm(out: &mut [f32], x: &[f32], scale: &[f32], shift: &[f32], eps: f32) {
        let width = scale.len();
        for (out, x) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
            let mean = sum(x, |v| v) / width as f32;
            let variance = sum(x, |v| (v - mean) * (v - mean)) / width as f32;
            let norm = 1.0 / (variance + eps).sqrt();
            for (((out, x), scale), shift) in out.iter_mut().zip(x).zip(scale).zip(shift) {
                *out = (x - mean) * norm * scale + shift;
            }
        }
    }
}

kernel! {
    /// Softmax of each row of `scores` (rows × `width`) over its first `row + 1` values if `causal`, else over all;
    /// values outside become 0.
    pub fn softmax(scores: &mut [f32], width: usize, causal: bool) {
        for (i, row) in scores.chunks_exact_mut(width).enumerate() {
            let seen = if causal { i + 1 } else { width };
            let (row, unseen) = row.split_at_mut(seen);
            unseen.fill(0.0);
            let mut largest = f32::NEG_INFINITY;
            for &v in row.iter() {
                largest = largest.max(v);
            }
            for v in row.iter_mut() {
                *v = exp(*v - largest);
            }
            let scale = 1.0 / sum(row, |v| v);
            for v in row.iter_mut() {
                *v *= scale;
            }
        }
    }
}

/// Sum of `f` over the values in sixteen lanes: the order is fixed and vectorises.
#[inline(always)]
fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let chunks = values.chunks_exact(LANES);
    let tail: f32 = chunks.remainder().iter().map(|&v| f(v)).sum();
    for chunk in chunks {
        for (lane, &v) in lanes.iter_mut().zip(chunk) {
            *lane += f(v);
        }
    }
    lanes.iter().sum::<f32>() + tail
}

/// eˣ: range reduction to ±ln2/2 and a polynomial of degree six; 0 below −87, finite above 88.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // The nearest whole number through the rounding of an addition, which vectorises everywhere.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_6e-1;
    p = p * r + 5e-1;
    let p = p * r * r + r + 1.0;
    // 2ⁿ by its bits; the low bits of `rounded` hold n.
    let power = f32::from_bits((rounded.to_bits().wrapping_add(127)) << 23);
    p * power
}

/// erf(x) by Abramowitz & Stegun 7.1.26; absolute error 2e-7.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let a = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * a);
    let mut p = 1.061_405_4;
    p = p * t - 1.453_152_1;
    p = p * t + 1.421_413_8;
    p = p * t - 0.284_496_72;
    p = p * t + 0.254_829_6;
    (1.0 - p * t * exp(-a * a)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values across the range that activations and softmax meet, and beyond.
    fn values() -> Vec<f32> {
        (-9000..9000).map(|i| i as f32 * 0.01).collect()
    }

    #[test]
    fn exp_is_that_of_the_library() {
        for x in values().into_iter().filter(|x| (-87.0..88.0).contains(x)) {
            let (ours, reference) = (f64::from(exp(x)), f64::from(x).exp());
            assert!(
                (ours / reference - 1.0).abs() < 3e-7,
                "exp({x}) = {ours}, not {reference}"
            );
        }
        assert!(exp(-1e30) < 1e-37 && exp(1e30).is_finite());
    }

    #[test]
    fn activations_match_their_formulas() {
        // erf in f64 by its series, exact to 1e-12 in this range.
        let erf = |x: f64| {
            let (mut term, mut total) = (x, x);
            for n in 1..200 {
                let n = f64::from(n);
                term *= -x * x / n;
                total += term / (2.0 * n + 1.0);
            }
            total * 2.0 / std::f64::consts::PI.sqrt()
        };
        let quick = |v: f64| v / (1.0 + (-1.702 * v).exp());
        let gelu = |v: f64| 0.5 * v * (1.0 + erf(v / 2f64.sqrt()));
        let tanh = |v: f64| {
            0.5 * v
                * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (v + 0.044715 * v.powi(3))).tanh())
        };
        let cases: [(Activation, &dyn Fn(f64) -> f64); 3] = [
            (Activation::QuickGelu, &quick),
            (Activation::Gelu, &gelu),
            (Activation::GeluTanh, &tanh),
        ];
        for (activation, formula) in cases {
            for x in values().into_iter().filter(|x| x.abs() < 5.0) {
                let mut out = [x - 0.25];
                bias_activation(&mut out, &[0.25], activation);
                let expected = formula(f64::from(x - 0.25) + 0.25);
                let error = (f64::from(out[0]) - expected).abs();
                assert!(error < 1.5e-6, "{activation:?}({x}): off by {error}");
            }
        }
    }

    #[test]
    fn a_causal_softmax_sees_no_later_token() {
        let mut scores = vec![0.0, 9.0, 9.0, 1.0, 1.0, 9.0, 0.0, 0.0, 0.0];
        softmax(&mut scores, 3, true);
        let third = 1.0 / 3.0;
        for (ours, expected) in scores
            .iter()
            .zip([1.0, 0.0, 0.0, 0.5, 0.5, 0.0, third, third, third])
        {
            assert!((ours - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn layer_norm_has_mean_zero_and_variance_one() {
        let x: Vec<f32> = (0..2 * 37).map(|i| ((i * 7919) % 101) as f32).collect();
        let mut out = vec![0.0; x.len()];
        layer_norm(&mut out, &x, &[1.0; 37], &[0.0; 37], 0.0);
        for row in out.chunks(37) {
            let mean = row.iter().sum::<f32>() / 37.0;
            let variance = row.iter().map(|v| v * v).sum::<f32>() / 37.0;
            assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-5);
        }
    }
}
