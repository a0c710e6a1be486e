//! Blocks of transformers, and of networks between them and convolutions, in f32 on one core: plain slices, and memory that is kept from one call to the next.
//!
//! A crate of its own so that it is optimised even where the program is built for debugging. On a CPU an allocation and a pass over
//! memory for every small operation cost a good part of the products' time. So bias, activation and residual are done where a
//! product's sums are, and attention reads queries, keys and values where they lie. A row of the result depends on its sequence
//! alone, to the bit, whatever else is computed with it.

mod activation;
mod attention;
mod block;
mod depthwise;
mod elementwise;
mod grid;
mod product;
#[cfg(test)]
mod testing;

pub use activation::Activation;
pub use block::{Block, Linear, Norm, Precision, Sequences, Workspace};
pub use depthwise::Depthwise;
pub use grid::{GridBlock, Mixer};
pub use product::vectors;
