//! The two transformers of CLIP: images → joint space, token ids → joint space.

use candle_core::{DType, Device, Result, Tensor};

use super::config::{Activation, ClipConfig};
use super::ops;
use super::weights::Weights;
use crate::model::ModelError;

/// Scale and shift of a layer norm.
struct Norm {
    scale: Tensor,
    shift: Tensor,
    eps: f32,
}

impl Norm {
    fn load(
        weights: &Weights,
        name: &str,
        width: usize,
        eps: f32,
    ) -> std::result::Result<Self, ModelError> {
        Ok(Self {
            scale: weights.get(&format!("{name}.weight"), &[width])?,
            shift: weights.get(&format!("{name}.bias"), &[width])?,
            eps,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::layer_norm(x, &self.scale, &self.shift, self.eps)
    }
}

/// A linear layer's weight (out × in) and bias (out).
struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    fn load(
        weights: &Weights,
        name: &str,
        [output, input]: [usize; 2],
    ) -> std::result::Result<Self, ModelError> {
        Ok(Self {
            weight: weights.get(&format!("{name}.weight"), &[output, input])?,
            bias: weights.get(&format!("{name}.bias"), &[output])?,
        })
    }
}

/// One pre-norm transformer block.
struct Block {
    norm1: Norm,
    /// Queries, keys and values in one product.
    qkv: Linear,
    out: Linear,
    norm2: Norm,
    fc1: Linear,
    fc2: Linear,
}

/// What the blocks of one tower share.
struct Shape {
    width: usize,
    inner: usize,
    heads: usize,
    eps: f32,
    activation: Activation,
    causal: bool,
}

impl Block {
    fn load(weights: &Weights, name: &str, shape: &Shape) -> std::result::Result<Self, ModelError> {
        let Shape {
            width, inner, eps, ..
        } = *shape;
        let attention =
            |part: &str| Linear::load(weights, &format!("{name}.self_attn.{part}"), [width, width]);
        let parts = [
            attention("q_proj")?,
            attention("k_proj")?,
            attention("v_proj")?,
        ];
        let qkv = Linear {
            weight: Tensor::cat(&parts.each_ref().map(|p| &p.weight), 0)?,
            bias: Tensor::cat(&parts.each_ref().map(|p| &p.bias), 0)?,
        };
        Ok(Self {
            norm1: Norm::load(weights, &format!("{name}.layer_norm1"), width, eps)?,
            qkv,
            out: attention("out_proj")?,
            norm2: Norm::load(weights, &format!("{name}.layer_norm2"), width, eps)?,
            fc1: Linear::load(weights, &format!("{name}.mlp.fc1"), [inner, width])?,
            fc2: Linear::load(weights, &format!("{name}.mlp.fc2"), [width, inner])?,
        })
    }

    /// `x` is (n · length) × width.
    fn forward(&self, x: Tensor, length: usize, shape: &Shape) -> Result<Tensor> {
        let qkv = ops::project(&self.norm1.forward(&x)?, &self.qkv.weight)?;
        let qkv = ops::add_bias(qkv, &self.qkv.bias)?;
        let mixed = ops::attention(&qkv, length, shape.heads, shape.causal)?;
        let x = ops::add_residual(x, &ops::project(&mixed, &self.out.weight)?, &self.out.bias)?;
        let inner = ops::project(&self.norm2.forward(&x)?, &self.fc1.weight)?;
        let inner = ops::bias_activation(inner, &self.fc1.bias, shape.activation)?;
        ops::add_residual(x, &ops::project(&inner, &self.fc2.weight)?, &self.fc2.bias)
    }
}

/// The image tower.
pub struct VisionTower {
    /// width × (3 · patch · patch): the patch convolution as a matrix.
    patch: Tensor,
    class: Tensor,
    positions: Tensor,
    pre_norm: Norm,
    blocks: Vec<Block>,
    post_norm: Norm,
    projection: Tensor,
    shape: Shape,
    image_size: usize,
    patch_size: usize,
}

impl VisionTower {
    pub fn load(weights: &Weights, config: &ClipConfig) -> std::result::Result<Self, ModelError> {
        let c = &config.vision;
        let width = c.hidden_size;
        let shape = Shape {
            width,
            inner: c.intermediate_size,
            heads: c.num_attention_heads,
            eps: c.layer_norm_eps,
            activation: Activation::by_name(&c.hidden_act).map_err(ModelError::Config)?,
            causal: false,
        };
        let patches = c.patches_per_side() * c.patches_per_side();
        let kernel = [width, 3, c.patch_size, c.patch_size];
        let embeddings = "vision_model.embeddings";
        let blocks = (0..c.num_hidden_layers)
            .map(|i| Block::load(weights, &format!("vision_model.encoder.layers.{i}"), &shape));
        Ok(Self {
            patch: weights
                .get(&format!("{embeddings}.patch_embedding.weight"), &kernel)?
                .reshape((width, 3 * c.patch_size * c.patch_size))?,
            class: weights.get(&format!("{embeddings}.class_embedding"), &[width])?,
            positions: weights.get(
                &format!("{embeddings}.position_embedding.weight"),
                &[patches + 1, width],
            )?,
            // The spelling is the checkpoints' own.
            pre_norm: Norm::load(weights, "vision_model.pre_layrnorm", width, shape.eps)?,
            blocks: blocks.collect::<std::result::Result<_, _>>()?,
            post_norm: Norm::load(weights, "vision_model.post_layernorm", width, shape.eps)?,
            projection: weights.get("visual_projection.weight", &[config.projection_dim, width])?,
            shape,
            image_size: c.image_size,
            patch_size: c.patch_size,
        })
    }

    /// n × 3 × S × S pixels → n × projection_dim, not normalised, f32 on the host's order of rows.
    pub fn forward(&self, pixels: &[f32], device: &Device, dtype: DType) -> Result<Tensor> {
        let n = pixels.len() / (3 * self.image_size * self.image_size);
        let width = self.shape.width;
        let patches = self.patches(pixels);
        let count = patches.len() / n / (3 * self.patch_size * self.patch_size);
        let patches = Tensor::from_vec(patches, (n * count, ()), device)?.to_dtype(dtype)?;
        let patches = ops::project(&patches, &self.patch)?.reshape((n, count, width))?;
        let class = self
            .class
            .reshape((1, 1, width))?
            .broadcast_as((n, 1, width))?;
        let length = count + 1;
        let x = Tensor::cat(&[&class.contiguous()?, &patches], 1)?
            .broadcast_add(&self.positions)?
            .reshape((n * length, width))?;
        let mut x = self.pre_norm.forward(&x)?;
        for block in &self.blocks {
            x = block.forward(x, length, &self.shape)?;
        }
        let pooled = x
            .reshape((n, length, width))?
            .narrow(1, 0, 1)?
            .squeeze(1)?
            .contiguous()?;
        ops::project(&self.post_norm.forward(&pooled)?, &self.projection)?.to_dtype(DType::F32)
    }

    /// Pixels rearranged so that the patch convolution is one product: (n · patches) × (3 · patch · patch).
    fn patches(&self, pixels: &[f32]) -> Vec<f32> {
        let (size, patch) = (self.image_size, self.patch_size);
        let side = size / patch;
        let mut out = Vec::with_capacity(pixels.len());
        for image in pixels.chunks_exact(3 * size * size) {
            for (top, left) in (0..side * side).map(|i| (i / side * patch, i % side * patch)) {
                for channel in image.chunks_exact(size * size) {
                    for row in channel.chunks_exact(size).skip(top).take(patch) {
                        out.extend_from_slice(&row[left..left + patch]);
                    }
                }
            }
        }
        out
    }
}

/// The text tower.
pub struct TextTower {
    tokens: Tensor,
    positions: Tensor,
    blocks: Vec<Block>,
    final_norm: Norm,
    projection: Tensor,
    shape: Shape,
    eos_token_id: u32,
}

impl TextTower {
    pub fn load(weights: &Weights, config: &ClipConfig) -> std::result::Result<Self, ModelError> {
        let c = &config.text;
        let width = c.hidden_size;
        let shape = Shape {
            width,
            inner: c.intermediate_size,
            heads: c.num_attention_heads,
            eps: c.layer_norm_eps,
            activation: Activation::by_name(&c.hidden_act).map_err(ModelError::Config)?,
            causal: true,
        };
        let embeddings = "text_model.embeddings";
        let blocks = (0..c.num_hidden_layers)
            .map(|i| Block::load(weights, &format!("text_model.encoder.layers.{i}"), &shape));
        Ok(Self {
            tokens: weights.get(
                &format!("{embeddings}.token_embedding.weight"),
                &[c.vocab_size, width],
            )?,
            positions: weights.get(
                &format!("{embeddings}.position_embedding.weight"),
                &[c.max_position_embeddings, width],
            )?,
            blocks: blocks.collect::<std::result::Result<_, _>>()?,
            final_norm: Norm::load(weights, "text_model.final_layer_norm", width, shape.eps)?,
            projection: weights.get("text_projection.weight", &[config.projection_dim, width])?,
            shape,
            eos_token_id: c.eos_token_id,
        })
    }

    /// Token ids of each text → n × projection_dim, not normalised, f32.
    ///
    /// The texts are padded to the longest of them: a causal tower does not see what comes after a token, so
    /// neither the padding nor its id changes anything.
    pub fn forward(&self, texts: &[&[u32]], device: &Device) -> Result<Tensor> {
        let (n, width) = (texts.len(), self.shape.width);
        let length = texts.iter().map(|ids| ids.len()).max().unwrap_or(0);
        let padded: Vec<u32> = texts
            .iter()
            .flat_map(|ids| {
                ids.iter()
                    .copied()
                    .chain(std::iter::repeat_n(0, length - ids.len()))
            })
            .collect();
        let ids = Tensor::from_vec(padded, n * length, device)?;
        let mut x = self
            .tokens
            .index_select(&ids, 0)?
            .reshape((n, length, width))?
            .broadcast_add(&self.positions.narrow(0, 0, length)?)?
            .reshape((n * length, width))?;
        for block in &self.blocks {
            x = block.forward(x, length, &self.shape)?;
        }
        let pooled: Vec<u32> = texts
            .iter()
            .enumerate()
            .map(|(i, ids)| (i * length + pooled_position(ids, self.eos_token_id)) as u32)
            .collect();
        let pooled = x.index_select(&Tensor::from_vec(pooled, n, device)?, 0)?;
        ops::project(&self.final_norm.forward(&pooled)?, &self.projection)?.to_dtype(DType::F32)
    }
}

/// The position whose state stands for the text, as transformers finds it.
///
/// `eos_token_id` 2 is what old configurations say, wrongly: there it is the first of the largest ids. Otherwise
/// the first end-of-text token, or 0 without one.
fn pooled_position(ids: &[u32], eos_token_id: u32) -> usize {
    let sought = if eos_token_id == 2 {
        ids.iter().copied().max().unwrap_or(0)
    } else {
        eos_token_id
    };
    ids.iter().position(|&id| id == sought).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_pooled_where_transformers_pools_it() {
        for (ids, eos, position) in [
            (&[49406, 320, 49407][..], 49407, 2),
            (&[49406, 320, 49407, 49407, 49407], 49407, 2),
            (&[49406, 320, 49407, 49407], 2, 2),
            (&[5, 9, 7, 9], 2, 1),
            (&[5, 9, 7], 8, 0),
        ] {
            assert_eq!(
                pooled_position(ids, eos),
                position,
                "{ids:?} with end {eos}"
            );
        }
    }
}
