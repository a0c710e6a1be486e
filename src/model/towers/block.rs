//! The layers that both towers are made of.

use candle_core::{Result, Tensor};

use super::ops;
use super::spec::Stack;
use crate::model::ModelError;
use crate::model::weights::Weights;

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
        Ok(Self {
            scale: weights.get(&format!("{name}.weight"), &[stack.width])?,
            shift: weights.get(&format!("{name}.bias"), &[stack.width])?,
            eps: stack.eps,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::layer_norm(x, &self.scale, &self.shift, self.eps)
    }
}

/// A linear layer's weight (out × in) and bias (out).
pub(super) struct Linear {
    pub weight: Tensor,
    pub bias: Tensor,
}

impl Linear {
    pub(super) fn load(
        weights: &Weights,
        name: &str,
        [output, input]: [usize; 2],
    ) -> std::result::Result<Self, ModelError> {
        Ok(Self {
            weight: weights.get(&format!("{name}.weight"), &[output, input])?,
            bias: weights.get(&format!("{name}.bias"), &[output])?,
        })
    }

    /// `x` is rows × in.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::add_bias(ops::project(x, &self.weight)?, &self.bias)
    }
}

/// The two layers of a block's MLP.
pub(super) struct Mlp {
    fc1: Linear,
    fc2: Linear,
}

impl Mlp {
    pub(super) fn load(
        weights: &Weights,
        name: &str,
        stack: &Stack,
    ) -> std::result::Result<Self, ModelError> {
        let Stack { width, inner, .. } = *stack;
        Ok(Self {
            fc1: Linear::load(weights, &format!("{name}.fc1"), [inner, width])?,
            fc2: Linear::load(weights, &format!("{name}.fc2"), [width, inner])?,
        })
    }

    /// `x + mlp(normed)`; consumes `x`.
    pub(super) fn add_to(&self, x: Tensor, normed: &Tensor, stack: &Stack) -> Result<Tensor> {
        let inner = ops::project(normed, &self.fc1.weight)?;
        let inner = ops::bias_activation(inner, &self.fc1.bias, stack.activation)?;
        ops::add_residual(x, &ops::project(&inner, &self.fc2.weight)?, &self.fc2.bias)
    }
}

/// One pre-norm transformer block.
pub(super) struct Block {
    norm1: Norm,
    /// Queries, keys and values in one product.
    qkv: Linear,
    out: Linear,
    norm2: Norm,
    mlp: Mlp,
}

impl Block {
    /// The blocks `NAME.0`, `NAME.1`, …
    pub(super) fn load_all(
        weights: &Weights,
        name: &str,
        stack: &Stack,
    ) -> std::result::Result<Vec<Self>, ModelError> {
        let names = (0..stack.layers).map(|i| format!("{name}.{i}"));
        names
            .map(|name| Self::load(weights, &name, stack))
            .collect()
    }

    fn load(weights: &Weights, name: &str, stack: &Stack) -> std::result::Result<Self, ModelError> {
        let width = stack.width;
        let attention = format!("{name}.self_attn");
        let (weight, bias) = weights.queries_keys_values(&attention, width)?;
        Ok(Self {
            norm1: Norm::load(weights, &format!("{name}.layer_norm1"), stack)?,
            qkv: Linear { weight, bias },
            out: Linear::load(weights, &format!("{attention}.out_proj"), [width, width])?,
            norm2: Norm::load(weights, &format!("{name}.layer_norm2"), stack)?,
            mlp: Mlp::load(weights, &format!("{name}.mlp"), stack)?,
        })
    }

    /// `x` is (n · length) × width.
    pub(super) fn forward(&self, x: Tensor, length: usize, stack: &Stack) -> Result<Tensor> {
        let qkv = self.qkv.forward(&self.norm1.forward(&x)?)?;
        let mixed = ops::attention(&qkv, length, stack.heads, stack.causal)?;
        let x = ops::add_residual(x, &ops::project(&mixed, &self.out.weight)?, &self.out.bias)?;
        let normed = self.norm2.forward(&x)?;
        self.mlp.add_to(x, &normed, stack)
    }
}
