//! The image towers of EVA-CLIP that open_clip takes from timm: what a model is made of, timm alone knows, by its name.

use crate::model::towers::{Activation, Blocks, Patches, Stack, VisionPool, VisionSpec, VitSpec};

/// A model of timm.
struct Known {
    name: &'static str,
    image_size: usize,
    patch_size: usize,
    width: usize,
    layers: usize,
    heads: usize,
}

/// EVA-02 as EVA-CLIP has it, with a layer norm within the attention.
const KNOWN: [Known; 3] = [
    Known {
        name: "eva02_base_patch16_clip_224",
        image_size: 224,
        patch_size: 16,
        width: 768,
        layers: 12,
        heads: 12,
    },
    Known {
        name: "eva02_large_patch14_clip_224",
        image_size: 224,
        patch_size: 14,
        width: 1024,
        layers: 24,
        heads: 16,
    },
    Known {
        name: "eva02_large_patch14_clip_336",
        image_size: 336,
        patch_size: 14,
        width: 1024,
        layers: 24,
        heads: 16,
    },
];

/// Side, in patches, of the pictures that all of them were first made for.
const GRID: usize = 16;

/// The tower that timm calls so; `None` if it is no EVA-02 of EVA-CLIP.
pub fn tower(name: &str) -> Option<VisionSpec> {
    let known = KNOWN.iter().find(|known| known.name == name)?;
    Some(VisionSpec::Vit(VitSpec {
        stack: Stack {
            width: known.width,
            // Of a gated MLP, which has three matrices where others have two.
            inner: known.width * 8 / 3,
            layers: known.layers,
            heads: known.heads,
            activation: Activation::Gelu,
            eps: 1e-6,
            causal: false,
        },
        blocks: Blocks::Eva { grid: GRID },
        image_size: known.image_size,
        patch_size: known.patch_size,
        patches: Patches::Whole { bias: true },
        pre_norm: false,
        pool: VisionPool::Class,
        projection_bias: true,
    }))
}

/// Their names.
pub fn names() -> String {
    KNOWN.map(|known| known.name).join(", ")
}
