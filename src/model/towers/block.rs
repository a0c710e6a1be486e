//! The layers that both towers are made of: candle's operations, or in f32 on a CPU those of `cladist_kernels`.

use candle_core::{Device, Result, Tensor};
use cladist_kernels::{Precision, Sequences};

use super::cpu;
use super::ops;
use super::spec::{Activation, Stack};
use crate::model::weights::Weights;
use crate::model::{DType, ModelError};

/// Scale and shift of a layer norm.
pub(super) struct Norm {
    scale: Tensor,
    shift: Tensor,
    eps: f32,
}

impl Norm {
    pub(super) fn load(
        weights: &Weights,
        name: &str,
        stack: &Stack,
    ) -> std::result::Result<Self, ModelError> {
        Self::of_width(weights, name, stack.width, stack.eps)
    }

    pub(super) fn of_width(
        weights: &Weights,
        name: &str,
        width: usize,
        eps: f32,
    ) -> std::result::Result<Self, ModelError> {
        Ok(Self {
            scale: weights.get(&format!("{name}.weight"), &[width])?,
            shift: weights.get(&format!("{name}.bias"), &[width])?,
            eps,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        candle_nn::ops::layer_norm(&x.contiguous()?, &self.scale, &self.shift, self.eps)
    }

    pub(super) fn pack(&self) -> Result<cladist_kernels::Norm> {
        cpu::norm(&self.scale, &self.shift, self.eps)
    }
}

/// A linear layer.
pub(super) enum Linear {
    /// The weight is out × in.
    Composed {
        weight: Tensor,
        bias: Option<Tensor>,
    },
    Packed(cladist_kernels::Linear),
}

impl Linear {
    /// `weight` is out × in, as checkpoints hold it.
    pub(super) fn new(weight: Tensor, bias: Option<Tensor>) -> Result<Self> {
        Self::held(weight, bias, Precision::F32)
    }

    /// The same with the precision that the CPU holds it in; elsewhere it is the tensor's own.
    pub(super) fn held(weight: Tensor, bias: Option<Tensor>, precision: Precision) -> Result<Self> {
        Ok(if is_packed(&weight) {
            Self::Packed(cpu::linear(&weight, bias.as_ref(), precision)?)
        } else {
            Self::Composed { weight, bias }
        })
    }

    pub(super) fn load(
        weights: &Weights,
        name: &str,
        sizes: [usize; 2],
    ) -> std::result::Result<Self, ModelError> {
        let (weight, bias) = parts(weights, name, sizes)?;
        Ok(Self::new(weight, Some(bias))?)
    }

    /// As [`Linear::load`], for one of the many layers of a tower's blocks.
    pub(super) fn load_of_block(
        weights: &Weights,
        name: &str,
        sizes: [usize; 2],
    ) -> std::result::Result<Self, ModelError> {
        let (weight, bias) = parts(weights, name, sizes)?;
        Ok(Self::held(weight, Some(bias), weights.of_blocks())?)
    }

    /// `x` is rows × in.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Packed(linear) => cpu::project(linear, x, None),
            Self::Composed { weight, bias } => {
                let product = x.matmul(&weight.t()?)?;
                match bias {
                    Some(bias) => product.broadcast_add(bias),
                    None => Ok(product),
                }
            }
        }
    }

    /// The same, and then the activation.
    pub(super) fn activated(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        match self {
            Self::Packed(linear) => cpu::project(linear, x, Some(activation)),
            Self::Composed { .. } => ops::activate(&self.forward(x)?, activation),
        }
    }
}

/// Weight and bias of the layer `name`.
fn parts(
    weights: &Weights,
    name: &str,
    [output, input]: [usize; 2],
) -> std::result::Result<(Tensor, Tensor), ModelError> {
    let weight = weights.get(&format!("{name}.weight"), &[output, input])?;
    Ok((weight, weights.get(&format!("{name}.bias"), &[output])?))
}

/// Whether layers with such weights are computed by `cladist_kernels`.
pub(super) fn is_packed(weight: &Tensor) -> bool {
    weight.device().is_cpu() && weight.dtype() == candle_core::DType::F32
}

/// The two layers of a block's MLP.
pub(super) struct Mlp {
    fc1: Linear,
    fc2: Linear,
    activation: Activation,
}

impl Mlp {
    pub(super) fn load(
        weights: &Weights,
        name: &str,
        stack: &Stack,
    ) -> std::result::Result<Self, ModelError> {
        let Stack { width, inner, .. } = *stack;
        Ok(Self {
            fc1: Linear::load_of_block(weights, &format!("{name}.fc1"), [inner, width])?,
            fc2: Linear::load_of_block(weights, &format!("{name}.fc2"), [width, inner])?,
            activation: stack.activation,
        })
    }

    /// `x` is rows × width.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.fc2.forward(&self.fc1.activated(x, self.activation)?)
    }
}

/// One pre-norm transformer block.
struct Block {
    norm1: Norm,
    /// Queries, keys and values in one product.
    qkv: Linear,
    out: Linear,
    norm2: Norm,
    mlp: Mlp,
}

impl Block {
    fn load(weights: &Weights, name: &str, stack: &Stack) -> std::result::Result<Self, ModelError> {
        let width = stack.width;
        let attention = format!("{name}.self_attn");
        let (weight, bias) = weights.queries_keys_values(&attention, width)?;
        Ok(Self {
            norm1: Norm::load(weights, &format!("{name}.layer_norm1"), stack)?,
            qkv: Linear::held(weight, Some(bias), weights.of_blocks())?,
            out: Linear::load_of_block(weights, &format!("{attention}.out_proj"), [width, width])?,
            norm2: Norm::load(weights, &format!("{name}.layer_norm2"), stack)?,
            mlp: Mlp::load(weights, &format!("{name}.mlp"), stack)?,
        })
    }

    /// As the CPU computes it, if it does.
    fn pack(self) -> Result<std::result::Result<cladist_kernels::Block, Self>> {
        Ok(match self {
            Self {
                norm1,
                qkv: Linear::Packed(qkv),
                out: Linear::Packed(out),
                norm2,
                mlp:
                    Mlp {
                        fc1: Linear::Packed(fc1),
                        fc2: Linear::Packed(fc2),
                        activation,
                    },
            } => Ok(cladist_kernels::Block {
                norm1: norm1.pack()?,
                qkv,
                out,
                norm2: norm2.pack()?,
                fc1,
                fc2,
                activation,
            }),
            composed => Err(composed),
        })
    }

    /// `x` is (n · length) × width.
    fn forward(&self, x: &Tensor, length: usize, stack: &Stack) -> Result<Tensor> {
        let qkv = self.qkv.forward(&self.norm1.forward(x)?)?;
        let mixed = ops::attention(&qkv, length, stack.heads, stack.causal)?;
        let x = (x + self.out.forward(&mixed)?)?;
        &x + self.mlp.forward(&self.norm2.forward(&x)?)?
    }
}

/// A stack of blocks.
pub struct PlainBlocks {
    stack: Stack,
    layers: Layers,
}

/// Blocks of one kind: their weights are all of one type on one device.
enum Layers {
    Composed(Vec<Block>),
    Packed(Vec<cladist_kernels::Block>),
}

impl PlainBlocks {
    /// The blocks `NAME.0`, `NAME.1`, …
    pub(super) fn load(
        weights: &Weights,
        name: &str,
        stack: &Stack,
    ) -> std::result::Result<Self, ModelError> {
        let blocks = (0..stack.layers).map(|i| Block::load(weights, &format!("{name}.{i}"), stack));
        Self::new(blocks, stack)
    }

    fn new(
        blocks: impl Iterator<Item = std::result::Result<Block, ModelError>>,
        stack: &Stack,
    ) -> std::result::Result<Self, ModelError> {
        let (mut composed, mut packed) = (Vec::new(), Vec::new());
        // One at a time: a block that is packed needs its tensors no more.
        for block in blocks {
            match block?.pack()? {
                Ok(block) => packed.push(block),
                Err(block) => composed.push(block),
            }
        }
        let layers = match composed.is_empty() {
            true => Layers::Packed(packed),
            false => Layers::Composed(composed),
        };
        Ok(Self {
            stack: stack.clone(),
            layers,
        })
    }

    /// Blocks of the right sizes that know nothing, to see how long they take.
    pub fn of_ones(
        stack: &Stack,
        device: &Device,
        dtype: DType,
    ) -> std::result::Result<Self, ModelError> {
        let (precision, dtype) = (dtype.of_blocks(), dtype.of_candle());
        let ones = |size: usize| Tensor::ones(size, dtype, device);
        let norm = || -> Result<Norm> {
            Ok(Norm {
                scale: ones(stack.width)?,
                shift: ones(stack.width)?,
                eps: stack.eps,
            })
        };
        let linear = |output: usize, input: usize| {
            Linear::held(
                Tensor::ones((output, input), dtype, device)?,
                Some(ones(output)?),
                precision,
            )
        };
        let block = || -> Result<Block> {
            let Stack { width, inner, .. } = *stack;
            Ok(Block {
                norm1: norm()?,
                qkv: linear(3 * width, width)?,
                out: linear(width, width)?,
                norm2: norm()?,
                mlp: Mlp {
                    fc1: linear(inner, width)?,
                    fc2: linear(width, inner)?,
                    activation: stack.activation,
                },
            })
        };
        Self::new((0..stack.layers).map(|_| Ok(block()?)), stack)
    }

    /// Whether a row is the same to the bit whatever is computed with it: how candle's products sum depends on how many rows there are.
    pub(super) fn rows_are_independent(&self) -> bool {
        matches!(self.layers, Layers::Packed(_))
    }

    /// `x` is (n · length) × width.
    pub fn forward(&self, x: Tensor, length: usize) -> Result<Tensor> {
        let stack = &self.stack;
        match &self.layers {
            Layers::Packed(blocks) => {
                let sequences = Sequences {
                    length,
                    width: stack.width,
                    heads: stack.heads,
                    causal: stack.causal,
                };
                cpu::forward(blocks, &x, |block, values, threads, workspace| {
                    block.apply(values, sequences, threads, workspace);
                })
            }
            Layers::Composed(blocks) => {
                let mut blocks = blocks.iter();
                blocks.try_fold(x, |x, block| block.forward(&x, length, stack))
            }
        }
    }
}
