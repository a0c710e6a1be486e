//! The image towers of MobileCLIP and MobileCLIP2 that open_clip takes from timm: what a model is made of, timm alone knows, by its name.

use crate::model::towers::{
    Activation, Blocks, FastVitSpec, Patches, Stack, VisionPool, VisionSpec, VitSpec,
};

/// A FastViT of timm.
struct Known {
    name: &'static str,
    width: usize,
    layers: &'static [usize],
    mlp_ratio: usize,
    large: bool,
}

const KNOWN: [Known; 5] = [
    Known {
        name: "fastvit_mci0",
        width: 64,
        layers: &[2, 6, 10, 2],
        mlp_ratio: 3,
        large: false,
    },
    Known {
        name: "fastvit_mci1",
        width: 64,
        layers: &[4, 12, 20, 4],
        mlp_ratio: 3,
        large: false,
    },
    Known {
        name: "fastvit_mci2",
        width: 80,
        layers: &[4, 12, 24, 4],
        mlp_ratio: 3,
        large: false,
    },
    Known {
        name: "fastvit_mci3",
        width: 96,
        layers: &[2, 12, 24, 4, 2],
        mlp_ratio: 4,
        large: true,
    },
    Known {
        name: "fastvit_mci4",
        width: 128,
        layers: &[2, 12, 24, 4, 4],
        mlp_ratio: 4,
        large: true,
    },
];

/// The one that is a vision transformer.
const VIT: &str = "vit_base_mci_224";

/// The tower that timm calls so, for pictures of `image_size` where it takes any; `None` if it is none of MobileCLIP's.
pub fn tower(name: &str, image_size: usize) -> Option<VisionSpec> {
    if name == VIT {
        return Some(VisionSpec::Vit(vit()));
    }
    let known = KNOWN.iter().find(|known| known.name == name)?;
    Some(VisionSpec::FastVit(FastVitSpec {
        image_size,
        width: known.width,
        layers: known.layers.to_vec(),
        mlp_ratio: known.mlp_ratio,
        large: known.large,
    }))
}

fn vit() -> VitSpec {
    VitSpec {
        stack: Stack {
            width: 768,
            inner: 3072,
            layers: 12,
            heads: 12,
            activation: Activation::Gelu,
            eps: 1e-6,
            causal: false,
        },
        blocks: Blocks::Plain,
        image_size: 224,
        patch_size: 16,
        patches: Patches::Steps,
        pre_norm: false,
        pool: VisionPool::Class,
        projection_bias: true,
    }
}

/// Their names.
pub fn names() -> String {
    let fast = KNOWN.map(|known| known.name).join(", ");
    format!("{fast}, {VIT}")
}
