//! Convolutions as they are trained, with batch norms behind them and branches beside them, made into one: in f64, so that nothing but
//! the last rounding tells it from the branches.

use candle_core::{Device, Tensor};

use super::block::Linear;
use super::grid::Depthwise;
use super::spec::Activation;
use crate::model::ModelError;
use crate::model::weights::Weights;

type Result<T> = std::result::Result<T, ModelError>;

/// What PyTorch adds to the variance in a batch norm, where nothing else is said.
const EPS: f64 = 1e-5;

/// A convolution with a bias.
pub struct Convolution {
    /// outputs × inputs × kernel × kernel; the inputs are those of one group.
    weight: Vec<f64>,
    bias: Vec<f64>,
    inputs: usize,
    kernel: usize,
}

/// A batch norm, as what it does once it is trained: `x · scale + shift`, channel by channel.
pub struct BatchNorm {
    scale: Vec<f64>,
    shift: Vec<f64>,
}

/// The branches of a MobileOne block (Vasu et al., MobileOne: An Improved One Millisecond Mobile Backbone, 2023), which are added.
pub struct Branches {
    pub inputs: usize,
    pub outputs: usize,
    /// Inputs of a group.
    pub of_group: usize,
    pub kernel: usize,
    /// Whether what goes in is added, behind a batch norm.
    pub whole: bool,
    /// Whether a larger kernel has one of a single pixel beside it.
    pub single: bool,
}

impl Branches {
    /// Those of a block that gives as many places as it is given.
    pub fn new(inputs: usize, outputs: usize, of_group: usize, kernel: usize) -> Self {
        Self {
            inputs,
            outputs,
            of_group,
            kernel,
            whole: inputs == outputs,
            single: true,
        }
    }

    /// Of a block that gives fewer.
    pub fn apart(self) -> Self {
        Self {
            whole: false,
            ..self
        }
    }
}

impl BatchNorm {
    pub fn load(weights: &Weights, name: &str, channels: usize) -> Result<Self> {
        let get = |part: &str| weights.values(&format!("{name}.{part}"), &[channels]);
        let (mean, variance) = (get("running_mean")?, get("running_var")?);
        let mut scale = get("weight")?;
        for (scale, variance) in scale.iter_mut().zip(variance) {
            *scale /= (variance + EPS).sqrt();
        }
        let mut shift = get("bias")?;
        for ((shift, mean), scale) in shift.iter_mut().zip(mean).zip(&scale) {
            *shift -= mean * scale;
        }
        Ok(Self { scale, shift })
    }
}

impl Convolution {
    /// `NAME.weight` and `NAME.bias`; the sizes are those of outputs, inputs of a group, and the kernel's side.
    pub fn biased(
        weights: &Weights,
        name: &str,
        [outputs, inputs, kernel]: [usize; 3],
    ) -> Result<Self> {
        let shape = [outputs, inputs, kernel, kernel];
        Ok(Self {
            weight: weights.values(&format!("{name}.weight"), &shape)?,
            bias: weights.values(&format!("{name}.bias"), &[outputs])?,
            inputs,
            kernel,
        })
    }

    /// `NAME.conv`, without a bias, and the batch norm `NAME.bn` behind it.
    pub fn normed(
        weights: &Weights,
        name: &str,
        [outputs, inputs, kernel]: [usize; 3],
    ) -> Result<Self> {
        let shape = [outputs, inputs, kernel, kernel];
        let plain = Self {
            weight: weights.values(&format!("{name}.conv.weight"), &shape)?,
            bias: vec![0.0; outputs],
            inputs,
            kernel,
        };
        let norm = BatchNorm::load(weights, &format!("{name}.bn"), outputs)?;
        Ok(plain.normed_by(&norm))
    }

    /// The linear layer without a bias whose weight is `NAME.weight`.
    pub fn unbiased(weights: &Weights, name: &str, sizes: [usize; 2]) -> Result<Self> {
        Ok(Self {
            weight: weights.values(&format!("{name}.weight"), &sizes)?,
            bias: vec![0.0; sizes[0]],
            inputs: sizes[1],
            kernel: 1,
        })
    }

    /// The same with the bias `NAME.bias`.
    pub fn projection(weights: &Weights, name: &str, sizes: [usize; 2]) -> Result<Self> {
        let bias = weights.values(&format!("{name}.bias"), &sizes[..1])?;
        Ok(Self::unbiased(weights, name, sizes)?.shifted(&bias))
    }

    /// A MobileOne block.
    pub fn of_branches(weights: &Weights, name: &str, branches: Branches) -> Result<Self> {
        let Branches {
            inputs,
            outputs,
            of_group,
            kernel,
            ..
        } = branches;
        let sizes = [outputs, of_group, kernel];
        let mut sum = Self::normed(weights, &format!("{name}.conv_kxk.0"), sizes)?;
        if branches.single && kernel > 1 {
            let single = [outputs, of_group, 1];
            sum = sum.plus(Self::normed(
                weights,
                &format!("{name}.conv_scale"),
                single,
            )?);
        }
        if branches.whole {
            let norm = BatchNorm::load(weights, &format!("{name}.identity"), inputs)?;
            sum = sum.plus(Self::identity(outputs, of_group).normed_by(&norm));
        }
        Ok(sum)
    }

    /// What gives each channel as it is, as the convolution of a single pixel; `inputs` are those of a group.
    pub fn identity(channels: usize, inputs: usize) -> Self {
        let is_own = |i: usize| i % inputs == i / inputs % inputs;
        let weight = (0..channels * inputs).map(|i| f64::from(u8::from(is_own(i))));
        Self {
            weight: weight.collect(),
            bias: vec![0.0; channels],
            inputs,
            kernel: 1,
        }
    }

    /// `factor` times this convolution, output by output.
    pub fn scaled(mut self, factors: &[f64]) -> Self {
        let of_output = self.inputs * self.kernel * self.kernel;
        let weights = self.weight.chunks_exact_mut(of_output);
        for ((weights, bias), factor) in weights.zip(&mut self.bias).zip(factors) {
            weights.iter_mut().for_each(|weight| *weight *= factor);
            *bias *= factor;
        }
        self
    }

    /// With a batch norm behind it.
    pub fn normed_by(self, norm: &BatchNorm) -> Self {
        self.scaled(&norm.scale).shifted(&norm.shift)
    }

    /// With a batch norm before it, for a kernel of a single pixel.
    pub fn behind(mut self, norm: &BatchNorm) -> Self {
        for (weights, bias) in self
            .weight
            .chunks_exact_mut(self.inputs)
            .zip(&mut self.bias)
        {
            let channels = norm.scale.iter().zip(&norm.shift);
            for (weight, (scale, shift)) in weights.iter_mut().zip(channels) {
                *bias += *weight * shift;
                *weight *= scale;
            }
        }
        self
    }

    fn shifted(mut self, shifts: &[f64]) -> Self {
        for (bias, shift) in self.bias.iter_mut().zip(shifts) {
            *bias += shift;
        }
        self
    }

    /// The sum of both, of which the smaller kernel stands in the middle of the larger.
    pub fn plus(self, other: Self) -> Self {
        let (mut larger, smaller) = match self.kernel >= other.kernel {
            true => (self, other),
            false => (other, self),
        };
        let (side, part) = (larger.kernel, smaller.kernel);
        let before = (side - part) / 2;
        let planes = larger.weight.chunks_exact_mut(side * side);
        for (plane, of_part) in planes.zip(smaller.weight.chunks_exact(part * part)) {
            for (i, weight) in of_part.iter().enumerate() {
                plane[(before + i / part) * side + before + i % part] += weight;
            }
        }
        larger.shifted(&smaller.bias)
    }

    /// The same for inputs that lie place by place, the values of each side by side.
    pub fn values_last(mut self) -> Self {
        let (inputs, places) = (self.inputs, self.kernel * self.kernel);
        let outputs = self.weight.chunks_exact(inputs * places);
        let turned = outputs.flat_map(|weight| {
            let turned = (0..inputs * places).map(move |i| (i % inputs) * places + i / inputs);
            turned.map(|from| weight[from])
        });
        self.weight = turned.collect();
        self
    }

    /// As the product with what is below the kernel.
    pub fn into_linear(self, weights: &Weights) -> Result<Linear> {
        let (weight, bias) = self.placed(weights)?;
        Ok(Linear::new(weight, Some(bias))?)
    }

    /// As [`Convolution::into_linear`], for one of the many layers of a tower's blocks.
    pub fn into_linear_of_block(self, weights: &Weights) -> Result<Linear> {
        let (weight, bias) = self.placed(weights)?;
        Ok(Linear::held(weight, Some(bias), weights.of_blocks())?)
    }

    /// As a convolution of each channel by itself.
    pub fn into_depthwise(
        self,
        weights: &Weights,
        stride: usize,
        activation: Option<Activation>,
    ) -> Result<Depthwise> {
        let kernel = self.kernel;
        let (weight, bias) = self.placed(weights)?;
        Ok(Depthwise::new(weight, bias, kernel, stride, activation)?)
    }

    /// outputs × (inputs · kernel²), and the bias, as the towers hold them.
    fn placed(self, weights: &Weights) -> Result<(Tensor, Tensor)> {
        let outputs = self.bias.len();
        let shape = (outputs, self.inputs * self.kernel * self.kernel);
        let placed = |values: Vec<f64>, shape: &[usize]| {
            weights.placed(Tensor::from_vec(values, shape, &Device::Cpu)?)
        };
        Ok((
            placed(self.weight, &[shape.0, shape.1])?,
            placed(self.bias, &[outputs])?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_kernel_stands_in_the_middle() {
        let of = |kernel: usize, value: f64| Convolution {
            weight: vec![value; kernel * kernel],
            bias: vec![value],
            inputs: 1,
            kernel,
        };
        let sum = of(1, 4.0).plus(of(5, 1.0)).plus(of(3, 2.0));
        let row = |values: [f64; 5]| values;
        let expected = [
            row([1.0; 5]),
            row([1.0, 3.0, 3.0, 3.0, 1.0]),
            row([1.0, 3.0, 7.0, 3.0, 1.0]),
            row([1.0, 3.0, 3.0, 3.0, 1.0]),
            row([1.0; 5]),
        ];
        assert_eq!(sum.weight, expected.concat());
        assert_eq!(sum.bias, [7.0]);
    }

    #[test]
    fn the_identity_is_one_in_each_group() {
        let whole = Convolution::identity(3, 3);
        assert_eq!(whole.weight, [1., 0., 0., 0., 1., 0., 0., 0., 1.]);
        assert_eq!(Convolution::identity(3, 1).weight, [1.0; 3]);
    }

    #[test]
    fn values_come_last() {
        let convolution = Convolution {
            // 2 outputs × 3 inputs × 2 × 2.
            weight: (0..24).map(f64::from).collect(),
            bias: vec![0.0; 2],
            inputs: 3,
            kernel: 2,
        };
        let turned = convolution.values_last().weight;
        assert_eq!(turned[..6], [0.0, 4.0, 8.0, 1.0, 5.0, 9.0]);
        assert_eq!(turned[12..15], [12.0, 16.0, 20.0]);
    }
}
