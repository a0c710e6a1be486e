//! Layers over tokens that lie in a grid, and the blocks of FastViT that are made of them: candle's operations, or in f32 on a CPU those
//! of `cladist_kernels`.

use candle_core::{DType, Result, Tensor};
use cladist_kernels::GridBlock;

use super::block::{Linear, Norm, is_packed};
use super::spec::Activation;
use super::{cpu, ops};

/// A convolution of each channel by itself, with zeros around the grid as far as half the kernel reaches.
pub enum Depthwise {
    Composed(Composed),
    Packed(cladist_kernels::Depthwise),
}

/// As sums of the grid, moved and weighed: candle's convolutions of groups are one after the other.
pub struct Composed {
    /// kernel² × channels, in f32: sums of so many are too coarse in half precision.
    weight: Tensor,
    bias: Tensor,
    kernel: usize,
    stride: usize,
    activation: Option<Activation>,
}

impl Depthwise {
    /// `weight` is channels × kernel²; the activation comes last.
    pub fn new(
        weight: Tensor,
        bias: Tensor,
        kernel: usize,
        stride: usize,
        activation: Option<Activation>,
    ) -> Result<Self> {
        if is_packed(&weight) {
            let weight = weight.flatten_all()?.to_vec1::<f32>()?;
            let bias = bias.to_vec1::<f32>()?;
            let packed = cladist_kernels::Depthwise::new(&weight, bias, kernel, stride, activation);
            return Ok(Self::Packed(packed));
        }
        Ok(Self::Composed(Composed {
            weight: weight.to_dtype(DType::F32)?.t()?.contiguous()?,
            bias: bias.to_dtype(DType::F32)?,
            kernel,
            stride,
            activation,
        }))
    }

    /// (n · side · side) × channels → (n · side′ · side′) × channels, where side′ is the side by the stride, rounded up.
    pub fn forward(&self, x: &Tensor, side: usize) -> Result<Tensor> {
        match self {
            Self::Packed(layer) => cpu::convolve(layer, x, side),
            Self::Composed(layer) => layer.forward(x, side),
        }
    }
}

impl Composed {
    fn forward(&self, x: &Tensor, side: usize) -> Result<Tensor> {
        let (rows, channels) = x.dims2()?;
        let (n, kernel, stride) = (rows / (side * side), self.kernel, self.stride);
        let (before, out_side) = (kernel / 2, side.div_ceil(stride));
        let steps = (side + 2 * before).div_ceil(stride);
        let after = steps * stride - side - before;
        let padded = x
            .to_dtype(DType::F32)?
            .reshape((n, side, side, channels))?
            .pad_with_zeros(1, before, after)?
            .pad_with_zeros(2, before, after)?
            .reshape(vec![n, steps, stride, steps, stride, channels])?;
        // The places that are a stride apart, for each place within a stride.
        let apart = |row: usize, column: usize| {
            let rows = padded.narrow(2, row, 1)?.narrow(4, column, 1)?;
            rows.reshape((n, steps, steps, channels))
        };
        let apart = (0..stride * stride).map(|place| apart(place / stride, place % stride));
        let apart = apart.collect::<Result<Vec<_>>>()?;
        let mut sum = self.bias.reshape((1, 1, 1, channels))?;
        for tap in 0..kernel * kernel {
            let (row, column) = (tap / kernel, tap % kernel);
            let moved = apart[row % stride * stride + column % stride]
                .narrow(1, row / stride, out_side)?
                .narrow(2, column / stride, out_side)?;
            let weighed = moved.broadcast_mul(&self.weight.get(tap)?)?;
            sum = weighed.broadcast_add(&sum)?;
        }
        let sum = sum.reshape(((), channels))?.to_dtype(x.dtype())?;
        match self.activation {
            Some(activation) => ops::activate(&sum, activation),
            None => Ok(sum),
        }
    }
}

/// One block.
pub struct Block {
    pub mixer: Mixer,
    /// Before the MLP.
    pub convolution: Depthwise,
    pub fc1: Linear,
    pub fc2: Linear,
}

/// What lets the tokens of a grid know of one another.
pub enum Mixer {
    /// What it gives takes their place.
    Convolution(Depthwise),
    /// What it gives is added to them.
    Attention {
        norm: Option<Norm>,
        /// Queries, keys and values in one product.
        qkv: Linear,
        out: Linear,
        heads: usize,
    },
}

/// The activation of all MLPs.
pub const ACTIVATION: Activation = Activation::Gelu;

impl Block {
    /// As the CPU computes it, if it does.
    fn pack(self) -> Result<std::result::Result<GridBlock, Self>> {
        let Self {
            mixer,
            convolution: Depthwise::Packed(convolution),
            fc1: Linear::Packed(fc1),
            fc2: Linear::Packed(fc2),
        } = self
        else {
            return Ok(Err(self));
        };
        let mixer = match mixer {
            Mixer::Convolution(Depthwise::Packed(layer)) => {
                cladist_kernels::Mixer::Convolution(layer)
            }
            Mixer::Attention {
                norm,
                qkv: Linear::Packed(qkv),
                out: Linear::Packed(out),
                heads,
            } => cladist_kernels::Mixer::Attention {
                norm: norm.map(|norm| norm.pack()).transpose()?,
                qkv,
                out,
                heads,
            },
            mixer => {
                return Ok(Err(Self {
                    mixer,
                    convolution: Depthwise::Packed(convolution),
                    fc1: Linear::Packed(fc1),
                    fc2: Linear::Packed(fc2),
                }));
            }
        };
        Ok(Ok(GridBlock {
            mixer,
            convolution,
            fc1,
            fc2,
            activation: ACTIVATION,
        }))
    }

    /// `x` is (n · side · side) × width.
    fn forward(&self, x: Tensor, side: usize) -> Result<Tensor> {
        let x = match &self.mixer {
            Mixer::Convolution(layer) => layer.forward(&x, side)?,
            Mixer::Attention {
                norm,
                qkv,
                out,
                heads,
            } => {
                let normed = norm.as_ref().map(|norm| norm.forward(&x)).transpose()?;
                let qkv = qkv.forward(normed.as_ref().unwrap_or(&x))?;
                let mixed = ops::attention(&qkv, side * side, *heads, false)?;
                (x + out.forward(&mixed)?)?
            }
        };
        let inner = self.convolution.forward(&x, side)?;
        let inner = self.fc1.activated(&inner, ACTIVATION)?;
        x + self.fc2.forward(&inner)?
    }
}

/// Blocks of one kind: their weights are all of one type on one device.
pub enum Blocks {
    Composed(Vec<Block>),
    Packed(Vec<GridBlock>),
}

impl Blocks {
    pub fn new<E: From<candle_core::Error>>(
        blocks: impl Iterator<Item = std::result::Result<Block, E>>,
    ) -> std::result::Result<Self, E> {
        let (mut composed, mut packed) = (Vec::new(), Vec::new());
        // One at a time: a block that is packed needs its tensors no more.
        for block in blocks {
            match block?.pack()? {
                Ok(block) => packed.push(block),
                Err(block) => composed.push(block),
            }
        }
        Ok(match composed.is_empty() {
            true => Self::Packed(packed),
            false => Self::Composed(composed),
        })
    }

    /// Whether a row is the same to the bit whatever is computed with it.
    pub fn rows_are_independent(&self) -> bool {
        matches!(self, Self::Packed(_))
    }

    /// `x` is (n · side · side) × width.
    pub fn forward(&self, x: Tensor, side: usize) -> Result<Tensor> {
        match self {
            Self::Packed(blocks) => {
                cpu::forward(blocks, &x, |block, values, threads, workspace| {
                    block.apply(values, side, threads, workspace);
                })
            }
            Self::Composed(blocks) => {
                let mut blocks = blocks.iter();
                blocks.try_fold(x, |x, block| block.forward(x, side))
            }
        }
    }
}
