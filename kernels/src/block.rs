//! The layers of a transformer block.

use crate::Activation;
use crate::attention::Attention;
use crate::elementwise;
use crate::product::{Packed, Rows, Scratch, Then};

/// A linear layer.
pub struct Linear {
    weight: Packed,
    /// Zeros where the layer has none.
    bias: Vec<f32>,
}

/// A layer norm over the last dimension.
pub struct Norm {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
    pub eps: f32,
}

/// One pre-norm transformer block.
pub struct Block {
    pub norm1: Norm,
    /// Queries, keys and values in one product.
    pub qkv: Linear,
    pub out: Linear,
    pub norm2: Norm,
    pub fc1: Linear,
    pub fc2: Linear,
    pub activation: Activation,
}

/// How the tokens of a sequence look at one another.
#[derive(Debug, Clone, Copy)]
pub struct Sequences {
    /// Tokens of a sequence.
    pub length: usize,
    /// Values of a token, a multiple of the heads.
    pub width: usize,
    pub heads: usize,
    /// Whether a token sees itself and those before it alone.
    pub causal: bool,
}

/// What a thread computes in; it grows to what is needed, and is kept from one call to the next.
#[derive(Default)]
pub struct Workspace {
    /// rows × width.
    normed: Vec<f32>,
    /// rows × 3·width.
    qkv: Vec<f32>,
    /// rows × inner.
    inner: Vec<f32>,
    attention: Attention,
    scratch: Scratch,
}

impl Linear {
    /// Lays out a weight, outputs × inputs as checkpoints hold it, and its bias.
    ///
    /// # Panics
    /// If the weight is not of the bias's length × inputs.
    pub fn new(weight: &[f32], bias: Vec<f32>, inputs: usize) -> Self {
        let outputs = bias.len();
        assert_eq!(weight.len(), outputs * inputs);
        Self {
            weight: Packed::new(weight, [outputs, inputs], [inputs, 1]),
            bias,
        }
    }

    /// Width of what it gives.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// rows × inputs → rows × outputs.
    pub fn forward(&self, x: &[f32], workspace: &mut Workspace) -> Vec<f32> {
        let rows = x.len() / self.weight.inputs().max(1);
        let mut out = vec![0.0; rows * self.outputs()];
        self.apply(x, &mut out, Then::Bias(&self.bias), &mut workspace.scratch);
        out
    }

    fn apply(&self, x: &[f32], out: &mut [f32], then: Then<'_>, scratch: &mut Scratch) {
        let inputs = self.weight.inputs();
        let rows = Rows {
            values: x,
            stride: inputs,
            count: x.len() / inputs.max(1),
        };
        let outputs = self.outputs();
        self.weight.multiply(rows, out, outputs, then, scratch);
    }
}

impl Norm {
    fn apply(&self, x: &[f32], out: &mut [f32]) {
        elementwise::layer_norm(out, x, &self.scale, &self.shift, self.eps);
    }
}

impl Block {
    /// The block, in place; `x` is (n · length) × width.
    pub fn apply(&self, x: &mut [f32], sequences: Sequences, workspace: &mut Workspace) {
        let rows = x.len() / sequences.width;
        let Workspace {
            normed,
            qkv,
            inner,
            attention,
            scratch,
        } = workspace;
        normed.resize(x.len(), 0.0);
        qkv.resize(3 * x.len(), 0.0);
        inner.resize(rows * self.fc1.outputs(), 0.0);
        self.norm1.apply(x, normed);
        let then = Then::Bias(&self.qkv.bias);
        self.qkv.apply(normed, qkv, then, scratch);
        // What was normed has served, and its place is taken.
        attention.compute(qkv, normed, sequences, scratch);
        let then = Then::AddTo(&self.out.bias);
        self.out.apply(normed, x, then, scratch);
        self.norm2.apply(x, normed);
        let then = Then::Activate(&self.fc1.bias, self.activation);
        self.fc1.apply(normed, inner, then, scratch);
        let then = Then::AddTo(&self.fc2.bias);
        self.fc2.apply(inner, x, then, scratch);
    }
}
