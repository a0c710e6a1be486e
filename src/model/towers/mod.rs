//! A pair of transformers, pictures → joint space and texts → joint space, on candle: all families are made of these.
//!
//! candle-transformers' `clip` is not used because it knows one activation in the text tower, fixes the layer-norm
//! epsilon, replaces a missing class embedding by noise, and pools texts at the device's argmax, which on CUDA is not
//! the first maximum. Its other models repeat the same network without the fused operations of ours.

mod block;
mod cpu;
mod eva;
mod ops;
mod spec;
mod text;
mod vision;

pub use block::PlainBlocks;
pub use spec::{
    Activation, Blocks, Padding, Spec, Stack, TextPool, TextSpec, VisionPool, VisionSpec,
};
pub use text::TextTower;
pub use vision::VisionTower;
