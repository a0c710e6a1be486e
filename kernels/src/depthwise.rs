//! Convolutions of each channel by itself, over tokens that lie in a grid.

use crate::Activation;
use crate::block::{rows_of_layer, side_by_side};
use crate::elementwise::depthwise;

/// Channels that are summed side by side: as many sums as it takes that none waits for the one before.
pub const CHANNELS: usize = 32;

/// A convolution of each channel by itself over square grids, with zeros around them as far as half the kernel reaches.
pub struct Depthwise {
    /// Side of the kernel, an odd number.
    kernel: usize,
    stride: usize,
    /// For each [`CHANNELS`] channels: kernel² × channels, zeros where there are none.
    weight: Vec<f32>,
    bias: Vec<f32>,
    activation: Option<Activation>,
}

/// The tokens that a convolution is to give.
#[derive(Clone, Copy)]
pub struct Window {
    /// Side of the grid that is read.
    pub side: usize,
    pub kernel: usize,
    pub stride: usize,
    /// The first token, of all grids that are given.
    pub first: usize,
}

impl Window {
    /// Side of the grid that is given.
    pub fn out_side(self) -> usize {
        self.side.div_ceil(self.stride)
    }
}

impl Depthwise {
    /// `weight` is channels × kernel · kernel, as checkpoints hold it; the activation comes last.
    ///
    /// # Panics
    /// If the weight is not of the bias's length × kernel², the kernel has no middle, or the stride is 0.
    pub fn new(
        weight: &[f32],
        bias: Vec<f32>,
        kernel: usize,
        stride: usize,
        activation: Option<Activation>,
    ) -> Self {
        let (channels, taps) = (bias.len(), kernel * kernel);
        assert_eq!(weight.len(), channels * taps);
        assert!(kernel % 2 == 1 && stride > 0);
        let mut laid_out = vec![0.0; channels.div_ceil(CHANNELS) * CHANNELS * taps];
        for (channel, weight) in weight.chunks_exact(taps).enumerate() {
            let block = channel / CHANNELS * CHANNELS * taps;
            let places = laid_out[block + channel % CHANNELS..].iter_mut();
            for (out, value) in places.step_by(CHANNELS).zip(weight) {
                *out = *value;
            }
        }
        Self {
            kernel,
            stride,
            weight: laid_out,
            bias,
            activation,
        }
    }

    /// (n · side · side) × channels → (n · side′ · side′) × channels, where side′ is the side by the stride, rounded up. Many tokens are
    /// shared among `threads`; how many has no say in the values.
    ///
    /// # Panics
    /// If `x` is not of whole grids.
    pub fn forward(&self, x: &[f32], side: usize, threads: usize) -> Vec<f32> {
        let channels = self.bias.len();
        let grids = x.len() / (side * side * channels).max(1);
        assert_eq!(x.len(), grids * side * side * channels);
        let out_side = side.div_ceil(self.stride);
        let tokens = grids * out_side * out_side;
        let mut out = vec![0.0; tokens * channels];
        let share = rows_of_layer(tokens, threads);
        let parts = out.chunks_mut((share * channels).max(1)).enumerate();
        side_by_side(parts, |(part, out)| self.apply(x, side, part * share, out));
        out
    }

    /// The same for the tokens from `first` on that `out` has room for.
    pub(crate) fn apply(&self, x: &[f32], side: usize, first: usize, out: &mut [f32]) {
        let window = Window {
            side,
            kernel: self.kernel,
            stride: self.stride,
            first,
        };
        depthwise(out, x, &self.weight, &self.bias, window, self.activation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::filled;

    /// As the definition has it, in f64.
    fn expected(
        x: &[f32],
        weight: &[f32],
        bias: &[f32],
        [side, kernel, stride]: [usize; 3],
    ) -> Vec<f64> {
        let channels = bias.len();
        let out_side = side.div_ceil(stride);
        let places = (0..x.len() / (side * side * channels) * out_side * out_side)
            .flat_map(|token| (0..channels).map(move |channel| (token, channel)));
        let value = |(token, channel): (usize, usize)| {
            let (grid, row) = (token / (out_side * out_side), token / out_side % out_side);
            let mut sum = f64::from(bias[channel]);
            for tap in 0..kernel * kernel {
                let row = (row * stride + tap / kernel).checked_sub(kernel / 2);
                let column = (token % out_side * stride + tap % kernel).checked_sub(kernel / 2);
                let inside = |place: &usize| *place < side;
                if let (Some(row), Some(column)) = (row.filter(inside), column.filter(inside)) {
                    let at = ((grid * side + row) * side + column) * channels + channel;
                    let weight = weight[channel * kernel * kernel + tap];
                    sum += f64::from(x[at]) * f64::from(weight);
                }
            }
            sum
        };
        places.map(value).collect()
    }

    #[test]
    fn it_is_what_the_definition_says_whatever_is_asked_at_once() {
        let n = 2;
        for (channels, side, kernel, stride) in [
            (5, 4, 3, 1),
            (32, 5, 3, 2),
            (40, 6, 7, 2),
            (48, 4, 3, 1),
            (67, 3, 7, 1),
            (64, 9, 3, 1),
            (8, 5, 1, 1),
        ] {
            let x = filled(n * side * side * channels, 37, 1.0);
            let weight = filled(channels * kernel * kernel, 53, 1.0);
            let bias = filled(channels, 7, 1.0);
            let layer = Depthwise::new(&weight, bias.clone(), kernel, stride, None);
            let out = layer.forward(&x, side, 1);
            let expected = expected(&x, &weight, &bias, [side, kernel, stride]);
            assert_eq!(out.len(), expected.len());
            for (at, (out, expected)) in out.iter().zip(expected).enumerate() {
                let off = (f64::from(*out) - expected).abs();
                assert!(
                    off < 1e-5,
                    "{channels} channels, kernel {kernel}, at {at}: {off}"
                );
            }
            for share in [1, 3, 7] {
                let mut shared = vec![0.0; out.len()];
                for (i, part) in shared.chunks_mut(share * channels).enumerate() {
                    layer.apply(&x, side, i * share, part);
                }
                assert_eq!(shared, out, "in shares of {share} tokens");
            }
        }
    }

    #[test]
    fn threads_have_no_say_in_the_values() {
        let (channels, side) = (3, 40);
        let layer = Depthwise::new(
            &filled(9 * channels, 53, 1.0),
            filled(channels, 7, 1.0),
            3,
            1,
            None,
        );
        let x = filled(2 * side * side * channels, 37, 1.0);
        let alone = layer.forward(&x, side, 1);
        for threads in [2, 3, 64] {
            assert_eq!(layer.forward(&x, side, threads), alone, "{threads} threads");
        }
        assert!(layer.forward(&[], side, 2).is_empty());
    }

    #[test]
    fn the_activation_comes_last() {
        let (weight, bias) = (filled(9 * 33, 53, 1.0), filled(33, 7, 1.0));
        let x = filled(16 * 33, 37, 1.0);
        let layer =
            |activation| Depthwise::new(&weight, bias.clone(), 3, 1, activation).forward(&x, 4, 1);
        let mut plain = layer(None);
        Activation::Gelu.apply(&mut plain);
        for (found, expected) in layer(Some(Activation::Gelu)).iter().zip(plain) {
            assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
        }
    }
}
