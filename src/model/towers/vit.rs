//! Vision transformers: pixels → joint space.

use candle_core::{DType, Device, Result, Tensor};

use super::block::{Linear, Mlp, Norm, PlainBlocks};
use super::eva::EvaBlocks;
use super::ops;
use super::patches::Embedding;
use super::spec::{Blocks, Patches, VisionPool, VitSpec};
use crate::model::ModelError;
use crate::model::upload::Upload;
use crate::model::weights::Weights;

/// What the blocks are called.
const LAYERS: &str = "vision_model.encoder.layers";

/// A vision transformer.
pub struct Vit {
    patches: Embedding,
    /// What stands before the patches, 1 × tokens × width.
    learnt: Option<Tensor>,
    positions: Tensor,
    pre_norm: Option<Norm>,
    blocks: BlocksOf,
    post_norm: Norm,
    head: Head,
    spec: VitSpec,
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

impl Vit {
    /// `dim` is that of the joint space.
    pub fn load(
        weights: &Weights,
        spec: &VitSpec,
        dim: usize,
    ) -> std::result::Result<Self, ModelError> {
        let spec = spec.clone();
        let stack = &spec.stack;
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
        let name = format!("{embeddings}.position_embedding.weight");
        let positions = |tokens: usize| weights.get(&name, &[tokens, width]);
        Ok(Self {
            patches: Embedding::load(weights, &spec)?,
            learnt,
            positions: match spec.patches {
                Patches::Whole { .. } => positions(spec.tokens())?,
                Patches::Steps => {
                    let learnt = spec.pool.learnt_tokens();
                    positions(spec.tokens() - learnt)?.pad_with_zeros(0, learnt, 0)?
                }
            },
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

    /// See [`VisionTower::upload`](super::VisionTower::upload).
    pub fn upload(&self, pixels: &[f32], device: &Device, upload: &Upload) -> Result<Tensor> {
        self.patches.upload(pixels, &self.spec, device, upload)
    }

    /// See [`VisionTower::forward`](super::VisionTower::forward).
    pub fn forward(&self, cells: Tensor, dtype: DType) -> Result<Tensor> {
        let (width, length) = (self.spec.stack.width, self.spec.tokens());
        let x = self.patches.forward(&cells, dtype)?;
        let n = x.dim(0)? / self.spec.patches_per_side().pow(2);
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
}

impl AttentionHead {
    fn load(weights: &Weights, spec: &VitSpec) -> std::result::Result<Self, ModelError> {
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
    fn forward(&self, x: &Tensor, n: usize, spec: &VitSpec) -> Result<Tensor> {
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
