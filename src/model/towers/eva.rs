//! The blocks of EVA-02, the image towers of EVA-CLIP (Fang et al., EVA-02: A Visual Representation for Neon Genesis, 2023):
//! rotary positions in the attention, an MLP with a gate, and a layer norm more in each of the two.

use candle_core::{Device, Result, Tensor};

use super::block::{Linear, Norm};
use super::ops;
use super::spec::{Stack, VitSpec};
use crate::model::ModelError;
use crate::model::weights::Weights;

/// Pre-norm blocks, and the positions that their attention goes by.
pub(super) struct EvaBlocks {
    blocks: Vec<Block>,
    rotary: Rotary,
}

/// One block.
struct Block {
    norm1: Norm,
    /// Queries, keys and values in one product; keys have no bias.
    qkv: Linear,
    inner_norm: Norm,
    out: Linear,
    norm2: Norm,
    gate: Linear,
    value: Linear,
    mlp_norm: Norm,
    fc2: Linear,
}

impl EvaBlocks {
    /// The blocks `NAME.0`, `NAME.1`, …; `grid` is the side, in patches, of the picture whose patches are one step apart.
    pub fn load(
        weights: &Weights,
        name: &str,
        spec: &VitSpec,
        grid: usize,
    ) -> std::result::Result<Self, ModelError> {
        let stack = &spec.stack;
        let names = (0..stack.layers).map(|i| format!("{name}.{i}"));
        let blocks = names.map(|name| Block::load(weights, &name, stack));
        Ok(Self {
            blocks: blocks.collect::<std::result::Result<_, _>>()?,
            rotary: Rotary::new(spec, grid, weights)?,
        })
    }

    /// `x` is (n · length) × width.
    pub fn forward(&self, mut x: Tensor, length: usize, stack: &Stack) -> Result<Tensor> {
        for block in &self.blocks {
            x = block.forward(x, length, stack, &self.rotary)?;
        }
        Ok(x)
    }
}

impl Block {
    fn load(weights: &Weights, name: &str, stack: &Stack) -> std::result::Result<Self, ModelError> {
        let Stack { width, inner, .. } = *stack;
        let attention = format!("{name}.self_attn");
        let part = |part: &str| weights.get(&format!("{attention}.{part}"), &[width, width]);
        let bias = |part: &str| weights.get(&format!("{attention}.{part}"), &[width]);
        let parts = ["q_proj.weight", "k_proj.weight", "v_proj.weight"].map(part);
        let weight = Tensor::cat(
            &parts
                .into_iter()
                .collect::<std::result::Result<Vec<_>, _>>()?,
            0,
        )?;
        let query = bias("q_proj.bias")?;
        let bias = Tensor::cat(&[&query, &query.zeros_like()?, &bias("v_proj.bias")?], 0)?;
        let linear =
            |part: &str, sizes| Linear::load_of_block(weights, &format!("{name}.{part}"), sizes);
        Ok(Self {
            norm1: Norm::load(weights, &format!("{name}.layer_norm1"), stack)?,
            qkv: Linear::held(weight, Some(bias), weights.of_blocks())?,
            inner_norm: Norm::load(weights, &format!("{attention}.norm"), stack)?,
            out: linear("self_attn.out_proj", [width, width])?,
            norm2: Norm::load(weights, &format!("{name}.layer_norm2"), stack)?,
            gate: linear("mlp.gate", [inner, width])?,
            value: linear("mlp.value", [inner, width])?,
            mlp_norm: Norm::of_width(weights, &format!("{name}.mlp.norm"), inner, stack.eps)?,
            fc2: linear("mlp.fc2", [width, inner])?,
        })
    }

    fn forward(&self, x: Tensor, length: usize, stack: &Stack, rotary: &Rotary) -> Result<Tensor> {
        let qkv = self.qkv.forward(&self.norm1.forward(&x)?)?;
        let qkv = rotary.turn(&qkv, length, stack.width)?;
        let mixed = ops::attention(&qkv, length, stack.heads, stack.causal)?;
        let x = (x + self.out.forward(&self.inner_norm.forward(&mixed)?)?)?;
        let normed = self.norm2.forward(&x)?;
        let gated = (self.gate.forward(&normed)?.silu()? * self.value.forward(&normed)?)?;
        x + self.fc2.forward(&self.mlp_norm.forward(&gated)?)?
    }
}

/// Rotations of the values of queries and keys, two by two, by angles that grow with the place of a patch: the first half of a head
/// goes by its row and the second by its column. The class token has none.
struct Rotary {
    /// 1 × length × 2·width, of queries and keys.
    cos: Tensor,
    /// The same, negative where a value takes from the next, and positive where it takes from the one before.
    sin: Tensor,
}

/// Angles fall off from 1 to almost 1 / this.
const SLOWEST: f64 = 10_000.0;

impl Rotary {
    fn new(
        spec: &VitSpec,
        grid: usize,
        weights: &Weights,
    ) -> std::result::Result<Self, ModelError> {
        let (stack, side) = (&spec.stack, spec.patches_per_side());
        let head = stack.width / stack.heads;
        let (mut cos, mut sin) = (vec![1f32; 2 * stack.width], vec![0f32; 2 * stack.width]);
        for patch in 0..side * side {
            let place = |i: usize| i as f64 / side as f64 * grid as f64;
            let (row, column) = (place(patch / side), place(patch % side));
            for value in 0..2 * stack.width {
                let (pair, pairs) = (value % head / 2, head / 2);
                let (along, band, bands) = match pair < pairs / 2 {
                    true => (row, pair, pairs / 2),
                    false => (column, pair - pairs / 2, pairs / 2),
                };
                let angle = along / SLOWEST.powf(band as f64 / bands as f64);
                let sign = if value.is_multiple_of(2) { -1.0 } else { 1.0 };
                cos.push(angle.cos() as f32);
                sin.push((sign * angle.sin()) as f32);
            }
        }
        let shape = (1, 1 + side * side, 2 * stack.width);
        let placed = |values| weights.placed(Tensor::from_vec(values, shape, &Device::Cpu)?);
        Ok(Self {
            cos: placed(cos)?,
            sin: placed(sin)?,
        })
    }

    /// `qkv` is (n · length) × 3·width.
    fn turn(&self, qkv: &Tensor, length: usize, width: usize) -> Result<Tensor> {
        let rows = qkv.dim(0)?;
        let of_picture = (rows / length, length, 2 * width);
        let both = qkv.narrow(1, 0, 2 * width)?.contiguous()?;
        let pairs = both.reshape((rows, width, 2))?;
        // Of each pair the other one.
        let others = Tensor::cat(&[pairs.narrow(2, 1, 1)?, pairs.narrow(2, 0, 1)?], 2)?;
        let turned = (both.reshape(of_picture)?.broadcast_mul(&self.cos)?
            + others.reshape(of_picture)?.broadcast_mul(&self.sin)?)?;
        let turned = turned.reshape((rows, 2 * width))?;
        Tensor::cat(&[&turned, &qkv.narrow(1, 2 * width, width)?], 1)?.contiguous()
    }
}
