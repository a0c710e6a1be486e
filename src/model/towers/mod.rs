//! A pair of towers, pictures → joint space and texts → joint space, on candle: all families are made of these.
//!
//! candle-transformers' `clip` is not used because it knows one activation in the text tower, fixes the layer-norm
//! epsilon, replaces a missing class embedding by noise, and pools texts at the device's argmax, which on CUDA is not
//! the first maximum. Its other models repeat the same network without the fused operations of ours.

mod block;
mod cpu;
mod eva;
mod fastvit;
mod fold;
mod grid;
mod ops;
mod patches;
mod spec;
#[cfg(test)]
mod tests;
mod text;
mod vision;
mod vit;

pub use block::PlainBlocks;
pub use spec::{
    Activation, Blocks, FastVitSpec, Padding, Patches, Spec, Stack, TextPool, TextSpec, VisionPool,
    VisionSpec, VitSpec,
};
pub use text::TextTower;
pub use vision::VisionTower;
