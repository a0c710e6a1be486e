//! The image tower: pixels → joint space.

use candle_core::{DType, Device, Result, Tensor};

use super::block::{Linear, Mlp, Norm, PlainBlocks};
use super::eva::EvaBlocks;
use super::ops;
use super::spec::{Blocks, Spec, VisionPool, VisionSpec};
use crate::model::ModelError;
use crate::model::upload::Upload;
use crate::model::weights::Weights;

/// What the blocks are called.
const LAYERS: &str = "vision_model.encoder.layers";

/// A vision transformer.
pub struct VisionTower {
    /// width × (3 · patch · patch): the patch convolution as a matrix.
    patch: Linear,
    /// What stands before the patches, 1 × tokens × width.
    learnt: Option<Tensor>,
    positions: Tensor,
    pre_norm: Option<Norm>,
    blocks: BlocksOf,
    post_norm: Norm,
    head: Head,
    spec: VisionSpec,
}

/// The blocks of either kind.
enum BlocksOf {
    Plain(PlainBlocks),
    Eva(EvaBlocks),
}

/// From what stands for a picture to the joint space.
enum Head {
    /// dim × width.
    Projection(Linear),
    Attention(Box<AttentionHead>),
    /// The same to the mean, and one to log σ².
    Uncertain {
        mean: Linear,
        log_variance: Linear,
    },
}

/// One learnt query that attends to all patches, then an MLP beside what it found.
struct AttentionHead {
    /// 1 × width: the query is the same for all pictures, so it is projected once.
    query: Tensor,
    keys_values: Linear,
    out: Linear,
    norm: Norm,
    mlp: Mlp,
}

impl VisionTower {
    pub fn load(weights: &Weights, spec: &Spec) -> std::result::Result<Self, ModelError> {
        let (dim, spec) = (spec.dim, spec.vision.clone());
        let (stack, patch) = (&spec.stack, spec.patch_size);
        let width = stack.width;
        let embeddings = "vision_model.embeddings";
        let learnt = ["class_embedding", "uncertainty_embedding"];
        let learnt = learnt[..spec.pool.learnt_tokens()]
            .iter()
            .map(|name| weights.get(&format!("{embeddings}.{name}"), &[width]))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let learnt = match learnt.is_empty() {
            true => None,
            false => Some(Tensor::stack(&learnt, 0)?.unsqueeze(0)?),
        };
        let bias = || weights.get(&format!("{embeddings}.patch_embedding.bias"), &[width]);
        // The spelling is the checkpoints' own.
        let pre_norm = || Norm::load(weights, "vision_model.pre_layrnorm", stack);
        let projection = || -> std::result::Result<Linear, ModelError> {
            let weight = weights.get("visual_projection.weight", &[dim, width])?;
            let bias = || weights.get("visual_projection.bias", &[dim]);
            let bias = spec.projection_bias.then(bias).transpose()?;
            Ok(Linear::new(weight, bias)?)
        };
        let head = match spec.pool {
            VisionPool::Attention => {
                Head::Attention(Box::new(AttentionHead::load(weights, &spec)?))
            }
            VisionPool::Class | VisionPool::Mean { .. } => Head::Projection(projection()?),
            VisionPool::ClassAndUncertainty => Head::Uncertain {
                mean: projection()?,
                log_variance: Linear::load(weights, "visual_uncertainty", [dim, width])?,
            },
        };
        let name = format!("{embeddings}.patch_embedding.weight");
        let convolution = weights
            .get(&name, &[width, 3, patch, patch])?
            .reshape((width, 3 * patch * patch))?;
        Ok(Self {
            patch: Linear::new(convolution, spec.patch_bias.then(bias).transpose()?)?,
            learnt,
            positions: weights.get(
                &format!("{embeddings}.position_embedding.weight"),
                &[spec.tokens(), width],
            )?,
            pre_norm: spec.pre_norm.then(pre_norm).transpose()?,
            blocks: match spec.blocks {
                Blocks::Plain => BlocksOf::Plain(PlainBlocks::load(weights, LAYERS, stack)?),
                Blocks::Eva { grid } => {
                    BlocksOf::Eva(EvaBlocks::load(weights, LAYERS, &spec, grid)?)
                }
            },
            post_norm: Norm::load(weights, "vision_model.post_layernorm", stack)?,
            head,
            spec,
        })
    }

    /// Whether a row is the same to the bit whatever is computed with it.
    pub fn rows_are_independent(&self) -> bool {
        match &self.blocks {
            BlocksOf::Plain(blocks) => blocks.rows_are_independent(),
            BlocksOf::Eva(_) => false,
        }
    }

    /// Brings n × 3 × S × S pixels to the device, rearranged for [`forward`](Self::forward) so that the patch convolution is one product:
    /// (n · patches) × (3 · patch · patch).
    pub fn upload(&self, pixels: &[f32], device: &Device, upload: &Upload) -> Result<Tensor> {
        let patch = 3 * self.spec.patch_size * self.spec.patch_size;
        let patches = (pixels.len() / (3 * self.spec.image_size.pow(2)))
            * self.spec.patches_per_side().pow(2);
        upload.tensor((patches, patch), device, |out| self.patches(pixels, out))
    }

    /// Patches as they were [uploaded](Self::upload) → n × dim, not normalised, f32 on the host's order of rows; with as many columns of
    /// log σ² behind them where the tower tells it.
    pub fn forward(&self, patches: Tensor, dtype: DType) -> Result<Tensor> {
        let n = patches.dim(0)? / self.spec.patches_per_side().pow(2);
        let (width, length) = (self.spec.stack.width, self.spec.tokens());
        let x = self.patch.forward(&patches.to_dtype(dtype)?)?;
        let mut x = x.reshape((n, (), width))?;
        if let Some(learnt) = &self.learnt {
            x = Tensor::cat(&[&learnt.repeat((n, 1, 1))?, &x], 1)?;
        }
        let mut x = x
            .broadcast_add(&self.positions)?
            .reshape((n * length, width))?;
        if let Some(norm) = &self.pre_norm {
            x = norm.forward(&x)?;
        }
        x = match &self.blocks {
            BlocksOf::Plain(blocks) => blocks.forward(x, length)?,
            BlocksOf::Eva(blocks) => blocks.forward(x, length, &self.spec.stack)?,
        };
        self.pooled(&x, n)?.to_dtype(DType::F32)
    }

    /// `x` is (n · tokens) × width, before the last layer norm.
    fn pooled(&self, x: &Tensor, n: usize) -> Result<Tensor> {
        let tokens = |x: &Tensor| x.reshape((n, self.spec.tokens(), self.spec.stack.width));
        // Without the class token.
        let mean = |x: &Tensor| tokens(x)?.narrow(1, 1, self.spec.tokens() - 1)?.mean(1);
        let token = |x: &Tensor, i: usize| tokens(x)?.narrow(1, i, 1)?.squeeze(1)?.contiguous();
        let pooled = match self.spec.pool {
            VisionPool::Class | VisionPool::ClassAndUncertainty => {
                self.post_norm.forward(&token(x, 0)?)?
            }
            VisionPool::Mean { norm_first: true } => mean(&self.post_norm.forward(x)?)?,
            VisionPool::Mean { norm_first: false } => self.post_norm.forward(&mean(x)?)?,
            VisionPool::Attention => self.post_norm.forward(x)?,
        };
        match &self.head {
            Head::Projection(projection) => projection.forward(&pooled),
            Head::Attention(head) => head.forward(&pooled, n, &self.spec),
            Head::Uncertain { mean, log_variance } => {
                let mean = mean.forward(&self.post_norm.forward(&pooled)?)?;
                let uncertain = self.post_norm.forward(&token(x, 1)?)?;
                Tensor::cat(&[&mean, &log_variance.forward(&uncertain)?], 1)
            }
        }
    }

    /// Writes the pixels patch after patch.
    fn patches(&self, pixels: &[f32], out: &mut [f32]) {
        let (size, patch) = (self.spec.image_size, self.spec.patch_size);
        let side = self.spec.patches_per_side();
        let mut out = out.chunks_exact_mut(patch);
        for image in pixels.chunks_exact(3 * size * size) {
            for (top, left) in (0..side * side).map(|i| (i / side * patch, i % side * patch)) {
                for channel in image.chunks_exact(size * size) {
                    let rows = channel.chunks_exact(size).skip(top).take(patch);
                    for (row, out) in rows.zip(&mut out) {
                        out.copy_from_slice(&row[left..left + patch]);
                    }
                }
            }
        }
    }
}

impl AttentionHead {
    fn load(weights: &Weights, spec: &VisionSpec) -> std::result::Result<Self, ModelError> {
        let (name, stack) = ("vision_model.head", &spec.stack);
        let width = stack.width;
        let attention = format!("{name}.attention");
        let weight = weights.get(&format!("{attention}.in_proj_weight"), &[3 * width, width])?;
        let bias = weights.get(&format!("{attention}.in_proj_bias"), &[3 * width])?;
        let part = |first: usize, parts: usize| -> Result<Linear> {
            let of = |all: &Tensor| all.narrow(0, first * width, parts * width)?.contiguous();
            Linear::new(of(&weight)?, Some(of(&bias)?))
        };
        let probe = weights.get(&format!("{name}.probe"), &[1, 1, width])?;
        Ok(Self {
            query: part(0, 1)?.forward(&probe.reshape((1, width))?)?,
            keys_values: part(1, 2)?,
            out: Linear::load(weights, &format!("{attention}.out_proj"), [width, width])?,
            norm: Norm::load(weights, &format!("{name}.layernorm"), stack)?,
            mlp: Mlp::load(weights, &format!("{name}.mlp"), stack)?,
        })
    }

    /// `x` is (n · tokens) × width.
    fn forward(&self, x: &Tensor, n: usize, spec: &VisionSpec) -> Result<Tensor> {
        let (stack, length) = (&spec.stack, spec.tokens());
        let head = stack.width / stack.heads;
        // 2 × n × heads × length × head
        let keys_values = self.keys_values.forward(x)?;
        let keys_values = keys_values
            .reshape((n, length, 2, stack.heads, head))?
            .permute((2, 0, 3, 1, 4))?
            .contiguous()?;
        let (keys, values) = (keys_values.get(0)?, keys_values.get(1)?);
        let query = (&self.query * (1.0 / (head as f64).sqrt()))?
            .reshape((1, stack.heads, 1, head))?
            .broadcast_as((n, stack.heads, 1, head))?
            .contiguous()?;
        let found = ops::weigh(&query, &keys, &values, None)?.reshape((n, stack.width))?;
        let found = self.out.forward(&found)?;
        let beside = self.mlp.forward(&self.norm.forward(&found)?)?;
        found + beside
    }
}
