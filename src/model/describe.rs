//! What a checkpoint is made of, without building it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Device;
use serde::Serialize;

use super::DType;
use super::blueprint::Blueprint;
use super::documents::Documents;
use super::hub::{self, HubEnv};
use super::pixels::Preprocess;
use super::towers::{
    Activation, Blocks, FastVitSpec, Padding, Spec, Stack, TextPool, VisionPool, VisionSpec,
    VitSpec,
};
use super::weights::Weights;
use super::{EmbeddedCheckpoint, ModelError, hash_files};
use crate::hash;

/// A checkpoint, described.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Description {
    pub family: &'static str,
    /// Where its files are.
    pub directory: PathBuf,
    /// Dimension of the joint space.
    pub dim: usize,
    /// Whether it tells log σ² of each dimension.
    pub tells_uncertainty: bool,
    pub image_tower: Tower,
    pub text_tower: Tower,
    /// Pixels of a side of the picture, and of what becomes a token of the last layers.
    pub image_size: usize,
    pub patch_size: usize,
    /// Ids that the text tower knows.
    pub vocabulary: usize,
    pub text_padding: &'static str,
    /// Exponentiated.
    pub logit_scale: f32,
    /// What a sigmoid model adds to its logits.
    pub logit_bias: Option<f32>,
    /// Numbers in the weights.
    pub parameters: u64,
    /// How many of them are stored in which type.
    pub stored: BTreeMap<String, u64>,
    /// The files of the weights, and their bytes.
    pub weights: Vec<(String, u64)>,
    pub preprocess: Preprocess,
    pub fingerprint: Hashes,
    /// What its user should know, a sentence each.
    pub notes: Vec<String>,
}

/// One tower.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tower {
    pub layers: usize,
    /// How many there are of each width, where each stage has another; width, heads, MLP and tokens are of the last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<usize>,
    pub width: usize,
    pub heads: usize,
    pub mlp_width: usize,
    pub activation: &'static str,
    /// Tokens that it sees at most.
    pub tokens: usize,
    /// What stands for the whole.
    pub pool: &'static str,
    pub parameters: u64,
}

/// SHA-256 of the files that make an embedding; precision and device are of the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hashes {
    pub weights: String,
    pub config: String,
    pub tokenizer: String,
}

/// Describes the checkpoint that `source` names, a directory or a hub's model in the local cache; nothing is downloaded.
///
/// # Errors
/// As [`load`](super::load), but that weights of another shape are not noticed.
pub fn describe(source: &str) -> Result<Description, ModelError> {
    let checkpoint = hub::find(source, &HubEnv::from_process())?;
    let blueprint = Blueprint::read(&checkpoint)?;
    let naming = blueprint.family.naming();
    let weights = Weights::open(&checkpoint.weights, naming, &Device::Cpu, DType::F32)?;
    let size = |path: &PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
    let name = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let files = checkpoint.weights.iter();
    let files = files.map(|path| (name(path), size(path))).collect();
    let hash = hash_files(&checkpoint.weights)?;
    describe_parts(checkpoint.dir, blueprint, &weights, files, hash)
}

/// Describes a checkpoint that is part of the program.
///
/// # Errors
/// Content that is no checkpoint.
pub fn describe_embedded(checkpoint: &EmbeddedCheckpoint) -> Result<Description, ModelError> {
    let blueprint = Blueprint::of_transformers(&Documents::embedded(checkpoint))?;
    let file = "model.safetensors";
    let weights = Weights::embedded(
        checkpoint.weights,
        blueprint.family.naming(),
        Path::new(checkpoint.name).join(file),
        &Device::Cpu,
        DType::F32,
    )?;
    let files = vec![(file.to_owned(), checkpoint.weights.len() as u64)];
    let hash = hash::of_bytes(checkpoint.weights);
    let dir = PathBuf::from(checkpoint.name);
    describe_parts(dir, blueprint, &weights, files, hash)
}

fn describe_parts(
    directory: PathBuf,
    blueprint: Blueprint,
    weights: &Weights,
    files: Vec<(String, u64)>,
    hash: String,
) -> Result<Description, ModelError> {
    let tells_uncertainty = blueprint.spec.tells_uncertainty();
    let Spec { vision, text, dim } = blueprint.spec;
    let mut stored = BTreeMap::new();
    let (mut of_images, mut of_texts) = (0, 0);
    for tensor in weights.parameters() {
        *stored.entry(tensor.dtype).or_default() += tensor.elements;
        match tensor.of_images {
            true => of_images += tensor.elements,
            false => of_texts += tensor.elements,
        }
    }
    let of_text = match text.pool {
        TextPool::First => "first token",
        TextPool::Last => "last token",
        TextPool::Highest => "first token of the largest id",
        TextPool::Id(_) => "end of the text",
        TextPool::ClassAndUncertainty => "class token behind the text; log σ²: its projection",
    };
    let (image_tower, patch_size) = match &vision {
        VisionSpec::Vit(vision) => (Tower::of_vit(vision, of_images), vision.patch_size),
        VisionSpec::FastVit(vision) => (
            Tower::of_fastvit(vision, of_images),
            vision.pixels_of_token(),
        ),
    };
    Ok(Description {
        family: blueprint.family.name(),
        directory,
        dim,
        tells_uncertainty,
        image_tower,
        text_tower: Tower::of(&text.stack, text.tokens(), of_text, of_texts),
        image_size: vision.image_size(),
        patch_size,
        vocabulary: text.vocabulary,
        text_padding: match text.padding {
            Padding::Unseen => "none that is seen",
            Padding::Full(_) => "to the full length",
        },
        logit_scale: weights.scalar("logit_scale")?.exp(),
        logit_bias: weights.optional_scalar("logit_bias")?,
        parameters: of_images + of_texts,
        stored,
        weights: files,
        preprocess: blueprint.preprocess,
        fingerprint: Hashes {
            weights: hash,
            config: blueprint.config_hash,
            tokenizer: blueprint.tokenizer_hash,
        },
        notes: blueprint.notes,
    })
}

impl Tower {
    fn of(stack: &Stack, tokens: usize, pool: &'static str, parameters: u64) -> Self {
        Self {
            layers: stack.layers,
            stages: Vec::new(),
            width: stack.width,
            heads: stack.heads,
            mlp_width: stack.inner,
            activation: stack.activation.name(),
            tokens,
            pool,
            parameters,
        }
    }

    fn of_vit(vision: &VitSpec, parameters: u64) -> Self {
        let pool = match vision.pool {
            VisionPool::Class => "class token",
            VisionPool::Mean { .. } => "mean of the patches",
            VisionPool::Attention => "attention over the patches",
            VisionPool::ClassAndUncertainty => "class token; log σ²: uncertainty token",
        };
        let mut tower = Self::of(&vision.stack, vision.tokens(), pool, parameters);
        if vision.blocks != Blocks::Plain {
            tower.activation = "silu of a gate";
        }
        tower
    }

    fn of_fastvit(vision: &FastVitSpec, parameters: u64) -> Self {
        let last = vision.last();
        let (width, side) = (vision.width_of(last), vision.side(last));
        Self {
            layers: vision.layers.iter().sum(),
            stages: vision.layers.clone(),
            width,
            heads: width / FastVitSpec::HEAD,
            mlp_width: width * vision.mlp_ratio,
            activation: Activation::Gelu.name(),
            tokens: side * side,
            pool: "mean of the tokens",
            parameters,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tower_of_stages_is_told_by_its_last() {
        let vision = FastVitSpec {
            image_size: 256,
            width: 80,
            layers: vec![4, 12, 24, 4],
            mlp_ratio: 3,
            large: false,
        };
        let tower = Tower::of_fastvit(&vision, 1);
        assert_eq!((tower.layers, &tower.stages[..]), (44, &[4, 12, 24, 4][..]));
        assert_eq!(
            (tower.width, tower.heads, tower.mlp_width, tower.tokens),
            (640, 20, 1920, 64)
        );
        assert_eq!(vision.pixels_of_token(), 32);
    }
}
