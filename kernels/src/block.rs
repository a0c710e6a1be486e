//! The layers of a transformer block.

use crate::Activation;
use crate::attention::Attention;
use crate::elementwise;
use crate::product::{Int8, Packed, Rows, Scratch, Then};

/// A linear layer.
pub struct Linear {
    weight: Weight,
    /// Zeros where the layer has none.
    bias: Vec<f32>,
}

enum Weight {
    F32(Packed),
    Int8(Int8),
}

/// How the weight of a linear layer is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    F32,
    /// In eight bits, the rows that it multiplies in fifteen, with a scale for each output and row.
    Int8,
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

/// What blocks are computed in; it grows to what is needed, and is kept from one call to the next.
#[derive(Default)]
pub struct Workspace {
    /// rows × 3·width.
    pub(crate) qkv: Vec<f32>,
    /// rows × width.
    pub(crate) mixed: Vec<f32>,
    /// One a thread.
    pub(crate) own: Vec<Own>,
}

/// What a thread alone sees of some rows.
#[derive(Default)]
pub(crate) struct Own {
    /// rows × width.
    pub normed: Vec<f32>,
    /// rows × inner.
    pub inner: Vec<f32>,
    pub attention: Attention,
    pub scratch: Scratch,
}

/// Rows that make a thread of their own worth its while: fewer of them fill no tile.
const ROWS_OF_THREAD: usize = 12;

/// The same of a layer that stands alone.
const ROWS_OF_LAYER: usize = 512;

impl Linear {
    /// Lays out a weight, outputs × inputs as checkpoints hold it, and its bias.
    ///
    /// # Panics
    /// If the weight is not of the bias's length × inputs.
    pub fn new(weight: &[f32], bias: Vec<f32>, inputs: usize, precision: Precision) -> Self {
        let outputs = bias.len();
        assert_eq!(weight.len(), outputs * inputs);
        let sizes = [outputs, inputs];
        let weight = match precision {
            Precision::F32 => Weight::F32(Packed::new(weight, sizes, [inputs, 1])),
            Precision::Int8 => Weight::Int8(Int8::new(weight, sizes)),
        };
        Self { weight, bias }
    }

    fn inputs(&self) -> usize {
        match &self.weight {
            Weight::F32(weight) => weight.inputs(),
            Weight::Int8(weight) => weight.inputs(),
        }
    }

    /// Width of what it gives.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Zeros where the layer has none.
    pub(crate) fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// rows × inputs → rows × outputs, and then the activation. Many rows are shared among `threads`; how many has no say in the values.
    pub fn forward(
        &self,
        x: &[f32],
        activation: Option<Activation>,
        threads: usize,
        workspace: &mut Workspace,
    ) -> Vec<f32> {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let rows = x.len() / inputs.max(1);
        let mut out = vec![0.0; rows * outputs];
        let then = match activation {
            None => Then::Bias(&self.bias),
            Some(activation) => Then::Activate(&self.bias, activation),
        };
        let share = rows_of_layer(rows, threads);
        let own = workspace.of_threads(rows.div_ceil(share).max(1));
        let parts = x.chunks((share * inputs).max(1));
        let parts = parts.zip(out.chunks_mut((share * outputs).max(1)));
        side_by_side(parts.zip(own), |((x, out), own)| {
            self.apply(x, out, then, &mut own.scratch);
        });
        out
    }

    pub(crate) fn apply(&self, x: &[f32], out: &mut [f32], then: Then<'_>, scratch: &mut Scratch) {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let rows = Rows {
            values: x,
            stride: inputs,
            count: x.len() / inputs.max(1),
        };
        match &self.weight {
            Weight::F32(weight) => weight.multiply(rows, out, outputs, then, scratch),
            Weight::Int8(weight) => weight.multiply(rows, out, outputs, then, scratch),
        }
    }
}

impl Norm {
    pub(crate) fn apply(&self, x: &[f32], out: &mut [f32]) {
        elementwise::layer_norm(out, x, &self.scale, &self.shift, self.eps);
    }
}

impl Workspace {
    pub(crate) fn of_threads(&mut self, threads: usize) -> &mut [Own] {
        if self.own.len() < threads {
            self.own.resize_with(threads, Own::default);
        }
        &mut self.own[..threads]
    }
}

impl Block {
    /// The block, in place; `x` is (n · length) × width. It is shared among `threads`, if there are rows enough; how many has no say in the
    /// values.
    pub fn apply(
        &self,
        x: &mut [f32],
        sequences: Sequences,
        threads: usize,
        workspace: &mut Workspace,
    ) {
        let width = sequences.width;
        let rows = x.len() / width;
        let share = tokens_of_thread(rows, threads);
        workspace.of_threads(rows.div_ceil(share).max(1));
        let Workspace { qkv, own, .. } = workspace;
        qkv.resize(3 * x.len(), 0.0);

        let parts = x.chunks(share * width);
        let parts = parts.zip(qkv.chunks_mut(3 * share * width));
        side_by_side(parts.zip(&mut *own), |((x, qkv), own)| {
            own.normed.resize(x.len(), 0.0);
            self.norm1.apply(x, &mut own.normed);
            let then = Then::Bias(&self.qkv.bias);
            self.qkv.apply(&own.normed, qkv, then, &mut own.scratch);
        });
        // Tokens look at one another, so all of them must be there.
        let parts = x.chunks_mut(share * width).enumerate();
        side_by_side(parts.zip(own), |((part, x), own)| {
            let Own {
                normed,
                inner,
                attention,
                scratch,
            } = own;
            inner.resize(x.len() / width * self.fc1.outputs(), 0.0);
            // What was normed has served, and its place is taken.
            attention.compute(qkv, part * share, normed, sequences, scratch);
            let then = Then::AddTo(&self.out.bias);
            self.out.apply(normed, x, then, scratch);
            self.norm2.apply(x, normed);
            let then = Then::Activate(&self.fc1.bias, self.activation);
            self.fc1.apply(normed, inner, then, scratch);
            let then = Then::AddTo(&self.fc2.bias);
            self.fc2.apply(inner, x, then, scratch);
        });
    }
}

/// How many of so many rows each of the threads has, if there are enough of them.
pub(crate) fn tokens_of_thread(rows: usize, threads: usize) -> usize {
    let tiles = rows.div_ceil(ROWS_OF_THREAD).max(1);
    tiles.div_ceil(threads.clamp(1, tiles)) * ROWS_OF_THREAD
}

/// The same of a layer by itself, whose rows are worth a thread only if they are many.
pub(crate) fn rows_of_layer(rows: usize, threads: usize) -> usize {
    tokens_of_thread(rows, threads.min(rows / ROWS_OF_LAYER).max(1))
}

/// Does the work on each part, on a thread each: the first on this one.
pub(crate) fn side_by_side<T: Send>(mut parts: impl Iterator<Item = T>, work: impl Fn(T) + Sync) {
    let Some(first) = parts.next() else {
        return;
    };
    let Some(second) = parts.next() else {
        return work(first);
    };
    std::thread::scope(|scope| {
        for part in std::iter::once(second).chain(parts) {
            scope.spawn(|| work(part));
        }
        work(first);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{filled, linear, norm, threads_and_others_have_no_say};

    #[test]
    fn threads_have_no_say_in_the_values() {
        let (width, inner, length, n) = (24, 40, 13, 5);
        for precision in [Precision::F32, Precision::Int8] {
            let linear = |outputs, inputs, step| linear([outputs, inputs], step, precision);
            let block = Block {
                norm1: norm(width),
                qkv: linear(3 * width, width, 37),
                out: linear(width, width, 41),
                norm2: norm(width),
                fc1: linear(inner, width, 43),
                fc2: linear(width, inner, 47),
                activation: Activation::Gelu,
            };
            for causal in [false, true] {
                let sequences = Sequences {
                    length,
                    width,
                    heads: 3,
                    causal,
                };
                let apply = |x: &[f32], threads| {
                    let mut x = x.to_vec();
                    block.apply(&mut x, sequences, threads, &mut Workspace::default());
                    x
                };
                let x = filled(n * length * width, 53, 0.2);
                threads_and_others_have_no_say(&x, length * width, apply);
            }
        }
    }

    #[test]
    fn threads_have_no_say_in_a_layer_by_itself() {
        let (outputs, inputs) = (24, 20);
        let weight = filled(outputs * inputs, 37, 0.2);
        let layer = Linear::new(&weight, filled(outputs, 7, 0.2), inputs, Precision::F32);
        let x = filled(1700 * inputs, 53, 0.2);
        let forward = |x: &[f32], threads| {
            let activation = Some(Activation::Gelu);
            layer.forward(x, activation, threads, &mut Workspace::default())
        };
        let alone = forward(&x, 1);
        assert_eq!(alone.len(), 1700 * outputs);
        for threads in [2, 3, 64] {
            assert_eq!(forward(&x, threads), alone, "{threads} threads");
        }
        assert!(forward(&[], 2).is_empty());
    }
}
