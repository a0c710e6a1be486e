//! The blocks of FastViT: tokens that lie in a grid, mixed by convolutions or attention, and MLPs that a convolution stands before.

use crate::block::{Own, side_by_side, tokens_of_thread};
use crate::product::Then;
use crate::{Activation, Depthwise, Linear, Norm, Sequences, Workspace};

/// One block.
pub struct GridBlock {
    pub mixer: Mixer,
    /// Before the MLP.
    pub convolution: Depthwise,
    pub fc1: Linear,
    pub fc2: Linear,
    pub activation: Activation,
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

/// Tokens whose MLP is computed at once, at most: what is inside of it stays in a cache.
const TOKENS_AT_ONCE: usize = 384;

impl GridBlock {
    /// The block, in place; `x` is (n · side · side) × width. It is shared among `threads`, if there are tokens enough; how many has no say
    /// in the values.
    pub fn apply(&self, x: &mut [f32], side: usize, threads: usize, workspace: &mut Workspace) {
        let width = self.fc2.outputs();
        let share = tokens_of_thread(x.len() / width, threads) * width;
        workspace.of_threads(x.len().div_ceil(share).max(1));
        let Workspace { qkv, mixed, own } = workspace;
        mixed.resize(x.len(), 0.0);
        // Tokens look at one another, so before each convolution and the attention all of them must be there.
        let token = |part: usize| part * share / width;
        match &self.mixer {
            Mixer::Convolution(convolution) => {
                let parts = mixed.chunks_mut(share).enumerate();
                side_by_side(parts, |(part, mixed)| {
                    convolution.apply(x, side, token(part), mixed);
                });
            }
            Mixer::Attention {
                norm,
                qkv: to_qkv,
                out,
                heads,
            } => {
                qkv.resize(3 * x.len(), 0.0);
                let parts = x.chunks(share).zip(qkv.chunks_mut(3 * share));
                side_by_side(parts.zip(&mut *own), |((x, qkv), own)| {
                    let x = match norm {
                        None => x,
                        Some(norm) => {
                            own.normed.resize(x.len(), 0.0);
                            norm.apply(x, &mut own.normed);
                            &own.normed
                        }
                    };
                    to_qkv.apply(x, qkv, Then::Bias(to_qkv.bias()), &mut own.scratch);
                });
                let sequences = Sequences {
                    length: side * side,
                    width,
                    heads: *heads,
                    causal: false,
                };
                let parts = x.chunks(share).zip(mixed.chunks_mut(share)).enumerate();
                side_by_side(parts.zip(&mut *own), |((part, (x, mixed)), own)| {
                    let Own {
                        normed,
                        attention,
                        scratch,
                        ..
                    } = own;
                    normed.resize(x.len(), 0.0);
                    attention.compute(qkv, token(part), normed, sequences, scratch);
                    mixed.copy_from_slice(x);
                    out.apply(normed, mixed, Then::AddTo(out.bias()), scratch);
                });
            }
        }
        let parts = x.chunks_mut(share).enumerate();
        side_by_side(parts.zip(own), |((part, x), own)| {
            let Own {
                normed,
                inner,
                scratch,
                ..
            } = own;
            for (piece, x) in x.chunks_mut(TOKENS_AT_ONCE * width).enumerate() {
                let first = token(part) + piece * TOKENS_AT_ONCE;
                normed.resize(x.len(), 0.0);
                self.convolution.apply(mixed, side, first, normed);
                inner.resize(x.len() / width * self.fc1.outputs(), 0.0);
                let then = Then::Activate(self.fc1.bias(), self.activation);
                self.fc1.apply(normed, inner, then, scratch);
                x.copy_from_slice(&mixed[first * width..][..x.len()]);
                let then = Then::AddTo(self.fc2.bias());
                self.fc2.apply(inner, x, then, scratch);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Precision;
    use crate::testing::{filled, linear, norm, threads_and_others_have_no_say};

    #[test]
    fn neither_threads_nor_other_pictures_have_a_say_in_the_values() {
        let (width, inner, side, n) = (24, 40, 5, 5);
        let convolution = |kernel: usize| {
            let weight = filled(width * kernel * kernel, 59, 0.2);
            Depthwise::new(&weight, filled(width, 11, 0.2), kernel, 1, None)
        };
        for precision in [Precision::F32, Precision::Int8] {
            let linear = |outputs, inputs, step| linear([outputs, inputs], step, precision);
            let attention = |norm| Mixer::Attention {
                norm,
                qkv: linear(3 * width, width, 37),
                out: linear(width, width, 41),
                heads: 3,
            };
            for mixer in [
                Mixer::Convolution(convolution(3)),
                attention(None),
                attention(Some(norm(width))),
            ] {
                let block = GridBlock {
                    mixer,
                    convolution: convolution(7),
                    fc1: linear(inner, width, 43),
                    fc2: linear(width, inner, 47),
                    activation: Activation::Gelu,
                };
                let apply = |x: &[f32], threads| {
                    let mut x = x.to_vec();
                    block.apply(&mut x, side, threads, &mut Workspace::default());
                    x
                };
                let x = filled(n * side * side * width, 53, 0.2);
                threads_and_others_have_no_say(&x, side * side * width, apply);
            }
        }
    }
}
