//! Kernels that go over memory once, compiled for several vector widths and chosen at run time.
//!
//! The plain loops vectorise; `exp` is a polynomial because the C library's cannot. Relative error of [`exp`]: below 3e-7.

use crate::Activation;
use crate::depthwise::{CHANNELS, Window};

/// Values in a row that the kernels treat as one vector; wide enough for AVX-512.
const LANES: usize = 16;

/// What makes an addition round to a whole number, which the low bits of the sum then hold: so it vectorises everywhere.
const ROUND: f32 = 12_582_912.0;

/// Whether the machine has what the kernels for AVX-512 need.
#[cfg(target_arch = "x86_64")]
pub fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && has_avx2()
}

/// Whether the machine has what the kernels for AVX2 need.
#[cfg(target_arch = "x86_64")]
pub fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

/// Whether a machine with AVX-512 multiplies and adds whole numbers in one instruction.
#[cfg(target_arch = "x86_64")]
pub fn has_vnni() -> bool {
    is_x86_feature_detected!("avx512vnni")
}

/// Defines a kernel once and compiles it for the baseline, AVX2 + FMA and AVX-512.
macro_rules! kernel {
    ($(#[$doc:meta])* pub fn $name:ident($($arg:ident: $type:ty),*) $body:block) => {
        $(#[$doc])*
        pub fn $name($($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                if has_avx512() {
                    // SAFETY: the features were detected just above.
                    return unsafe { $name::avx512($($arg),*) };
                }
                if has_avx2() {
                    // SAFETY: the features were detected just above.
                    return unsafe { $name::avx2($($arg),*) };
                }
            }
            $name::generic($($arg),*)
        }

        /// One function for each width.
        mod $name {
            use super::*;

            #[inline(always)]
            pub fn generic($($arg: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma")]
            pub fn avx512($($arg: $type),*) {
                generic($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            pub fn avx2($($arg: $type),*) {
                generic($($arg),*)
            }

            /// Those that this machine has.
            #[cfg(test)]
            pub fn of_all_widths() -> Vec<unsafe fn($($type),*)> {
                let mut all: Vec<unsafe fn($($type),*)> = vec![generic];
                #[cfg(target_arch = "x86_64")]
                {
                    if has_avx2() {
                        all.push(avx2);
                    }
                    if has_avx512() {
                        all.push(avx512);
                    }
                }
                all
            }
        }
    };
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
    /// Softmax of each row of `scale · scores` (rows × `width`) over all its values, or if it is `causal` over those up to its own place,
    /// which for the first row is the number there; values outside become 0.
    pub fn softmax(scores: &mut [f32], width: usize, scale: f32, causal: Option<usize>) {
        for (i, row) in scores.chunks_exact_mut(width).enumerate() {
            let seen = causal.map_or(width, |first| first + i + 1);
            let (row, unseen) = row.split_at_mut(seen);
            unseen.fill(0.0);
            let mut largest = f32::NEG_INFINITY;
            for &v in row.iter() {
                largest = largest.max(v);
            }
            for v in row.iter_mut() {
                *v = exp(scale * (*v - largest));
            }
            let norm = 1.0 / sum(row, |v| v);
            for v in row.iter_mut() {
                *v *= norm;
            }
        }
    }
}

kernel! {
    /// The sums of [`Depthwise`](crate::Depthwise), whose weights and biases these are, for the tokens that `out` has room for.
    pub fn depthwise(
        out: &mut [f32],
        x: &[f32],
        weight: &[f32],
        bias: &[f32],
        window: Window,
        activation: Option<Activation>
    ) {
        let channels = bias.len();
        let blocks = weight.chunks_exact(window.kernel * window.kernel * CHANNELS);
        for (weight, block) in blocks.zip((0..).step_by(CHANNELS)) {
            let (weight, _) = weight.as_chunks::<CHANNELS>();
            let mut from = block;
            let to = channels.min(block + CHANNELS);
            while from < to {
                from += match to - from {
                    CHANNELS.. => convolve::<CHANNELS>(out, x, weight, bias, window, from),
                    LANES.. => convolve::<LANES>(out, x, weight, bias, window, from),
                    _ => convolve::<1>(out, x, weight, bias, window, from),
                };
            }
        }
        if let Some(activation) = activation {
            activation.apply(out);
        }
    }
}

/// The sums of `N` channels of a block from `from` on, which stay in registers; returns how many they are.
#[inline(always)]
fn convolve<const N: usize>(
    out: &mut [f32],
    x: &[f32],
    weight: &[[f32; CHANNELS]],
    bias: &[f32],
    window: Window,
    from: usize,
) -> usize {
    let Window {
        side,
        kernel,
        stride,
        first,
    } = window;
    let (channels, out_side, of_block) = (bias.len(), window.out_side(), from % CHANNELS);
    // Where a kernel that begins `start` places behind the edge is over the grid.
    let inside = |start: usize| {
        let before = kernel / 2;
        before.saturating_sub(start)..kernel.min((side + before).saturating_sub(start))
    };
    let mut begin = [0f32; N];
    begin.copy_from_slice(&bias[from..from + N]);
    let mut column = first % out_side;
    let mut row = first / out_side % out_side;
    let mut grid = first / (out_side * out_side);
    for out in out.chunks_exact_mut(channels) {
        let (top, left) = (row * stride, column * stride);
        let columns = inside(left);
        let mut sums = begin;
        for y in inside(top) {
            let line = (grid * side + top + y - kernel / 2) * side;
            for tap in columns.clone() {
                let x = &x[(line + left + tap - kernel / 2) * channels + from..][..N];
                let weight = &weight[y * kernel + tap][of_block..of_block + N];
                for ((sum, x), weight) in sums.iter_mut().zip(x).zip(weight) {
                    *sum += x * weight;
                }
            }
        }
        out[from..from + N].copy_from_slice(&sums);
        column += 1;
        if column == out_side {
            (row, column) = (row + 1, 0);
        }
        if row == out_side {
            (grid, row) = (grid + 1, 0);
        }
    }
    N
}

kernel! {
    /// `out = x / scale`, rounded to whole numbers from −`limit` to `limit`, which is the largest of `i16` at most; the scale is that for which
    /// the largest value becomes the limit. It is 0 if all are 0, or nearly so; NaN, and `out` 0, if one is no finite number.
    pub fn whole_numbers(out: &mut [i16], x: &[f32], limit: f32, scale: &mut f32) {
        // Without the sign the bits of floats are in the order of their values, those of NaN after all others.
        let largest = x.iter().map(|v| v.abs().to_bits()).fold(0, u32::max);
        let largest = f32::from_bits(largest);
        let by = limit / largest;
        if !largest.is_finite() || !by.is_finite() {
            *scale = if largest.is_finite() { 0.0 } else { f32::NAN };
            out.fill(0);
            return;
        }
        *scale = largest / limit;
        for (out, x) in out.iter_mut().zip(x) {
            *out = (x * by + ROUND).to_bits().wrapping_sub(ROUND.to_bits()) as i16;
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
pub fn exp(x: f32) -> f32 {
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
pub fn erf(x: f32) -> f32 {
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
    fn a_causal_softmax_sees_no_later_token() {
        let mut scores = vec![0.0, 9.0, 9.0, 1.0, 1.0, 9.0, 0.0, 0.0, 0.0];
        softmax(&mut scores, 3, 1.0, Some(0));
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

    #[test]
    fn the_width_has_no_say_in_the_values() {
        fn bits(values: Vec<f32>) -> Vec<u32> {
            values.into_iter().map(f32::to_bits).collect()
        }
        fn all_same<K, T: PartialEq + std::fmt::Debug>(kernels: Vec<K>, result: impl Fn(K) -> T) {
            let mut results = kernels.into_iter().map(result);
            let first = results.next().unwrap();
            results.for_each(|other| assert_eq!(other, first));
        }
        for width in [1, 7, 16, 31, 64, 257] {
            let x: Vec<f32> = (0..5 * width)
                .map(|i| ((i * 7919) % 1013) as f32 / 50.0 - 9.0)
                .collect();
            // SAFETY: here and below, the machine has what the kernels need.
            all_same(layer_norm::of_all_widths(), |kernel| unsafe {
                let mut out = vec![0.0; x.len()];
                kernel(&mut out, &x, &x[..width], &x[width..2 * width], 1e-5);
                bits(out)
            });
            for causal in [None, Some(0), Some(width.saturating_sub(5))] {
                let rows = causal.map_or(5, |first| 5.min(width - first));
                all_same(softmax::of_all_widths(), |kernel| unsafe {
                    let mut scores = x[..rows * width].to_vec();
                    kernel(&mut scores, width, 0.3, causal);
                    bits(scores)
                });
            }
            all_same(whole_numbers::of_all_widths(), |kernel| unsafe {
                let (mut out, mut scale) = (vec![0; width], 0.0);
                kernel(&mut out, &x[..width], 127.0, &mut scale);
                (out, scale.to_bits())
            });
            all_same(depthwise::of_all_widths(), |kernel| unsafe {
                let window = Window {
                    side: 2,
                    kernel: 3,
                    stride: 1,
                    first: 1,
                };
                let weight = x.iter().cycle();
                let weight = weight.take(9 * width.next_multiple_of(CHANNELS));
                let weight: Vec<f32> = weight.copied().collect();
                let (grid, bias) = (&x[..4 * width], &x[4 * width..]);
                let mut out = vec![0.0; 3 * width];
                let activation = Some(Activation::Gelu);
                kernel(&mut out, grid, &weight, bias, window, activation);
                bits(out)
            });
        }
    }
}
