//! The text tower: token ids → joint space.

use candle_core::{DType, Device, Result, Tensor};

use super::block::{Linear, Norm, PlainBlocks};
use super::spec::{Padding, Spec, TextPool, TextSpec};
use crate::model::ModelError;
use crate::model::weights::Weights;

/// A text transformer.
pub struct TextTower {
    tokens: Tensor,
    positions: Tensor,
    blocks: PlainBlocks,
    final_norm: Norm,
    /// dim × width.
    projection: Linear,
    uncertainty: Option<Uncertainty>,
    spec: TextSpec,
}

/// What a tower has that tells how uncertain it is.
struct Uncertainty {
    /// 2 × width: the tokens behind the text, the class token last.
    tokens: Tensor,
    /// dim × dim: from the projected class token to log σ².
    head: Linear,
}

impl TextTower {
    pub fn load(weights: &Weights, spec: &Spec) -> std::result::Result<Self, ModelError> {
        let (dim, spec) = (spec.dim, spec.text.clone());
        let stack = &spec.stack;
        let width = stack.width;
        let embeddings = "text_model.embeddings";
        let bias = || weights.get("text_projection.bias", &[dim]);
        Ok(Self {
            tokens: weights.get(
                &format!("{embeddings}.token_embedding.weight"),
                &[spec.vocabulary, width],
            )?,
            positions: weights.get(
                &format!("{embeddings}.position_embedding.weight"),
                &[spec.tokens(), width],
            )?,
            blocks: PlainBlocks::load(weights, "text_model.encoder.layers", stack)?,
            final_norm: Norm::load(weights, "text_model.final_layer_norm", stack)?,
            projection: Linear::new(
                weights.get("text_projection.weight", &[dim, width])?,
                spec.projection_bias.then(bias).transpose()?,
            )?,
            uncertainty: (spec.pool == TextPool::ClassAndUncertainty)
                .then(|| Uncertainty::load(weights, dim, width))
                .transpose()?,
            spec,
        })
    }

    /// Whether a row is the same to the bit whatever is computed with it.
    pub fn rows_are_independent(&self) -> bool {
        self.blocks.rows_are_independent()
    }

    /// Token ids of each text, at most as many as the longest text has → n × dim, not normalised, f32; with as many columns of
    /// log σ² behind them where the tower tells it.
    pub fn forward(&self, texts: &[&[u32]], device: &Device) -> Result<Tensor> {
        let (n, width) = (texts.len(), self.spec.stack.width);
        let longest = || texts.iter().map(|ids| ids.len()).max().unwrap_or(0);
        let (length, pad) = match self.spec.padding {
            Padding::Unseen => (longest(), 0),
            Padding::Full(pad) => (self.spec.length, pad),
        };
        let padded: Vec<u32> = texts
            .iter()
            .flat_map(|ids| {
                let padding = std::iter::repeat_n(pad, length - ids.len());
                ids.iter().copied().chain(padding)
            })
            .collect();
        let seen = length + self.spec.pool.learnt_tokens();
        let pooled: Vec<u32> = padded
            .chunks_exact(length)
            .enumerate()
            .map(|(i, ids)| (i * seen + pooled_position(ids, self.spec.pool)) as u32)
            .collect();
        let ids = Tensor::from_vec(padded, n * length, device)?;
        let mut x = self
            .tokens
            .index_select(&ids, 0)?
            .reshape((n, length, width))?;
        if let Some(Uncertainty { tokens, .. }) = &self.uncertainty {
            let tokens = tokens.reshape((1, (), width))?.repeat((n, 1, 1))?;
            x = Tensor::cat(&[&x, &tokens], 1)?;
        }
        let mut x = x
            .broadcast_add(&self.positions.narrow(0, 0, seen)?)?
            .reshape((n * seen, width))?;
        x = self.blocks.forward(x, seen)?;
        let pooled = x.index_select(&Tensor::from_vec(pooled, n, device)?, 0)?;
        let pooled = self.final_norm.forward(&pooled)?;
        let mut out = self.projection.forward(&pooled)?;
        if let Some(Uncertainty { head, .. }) = &self.uncertainty {
            out = Tensor::cat(&[&out, &head.forward(&out)?], 1)?;
        }
        out.to_dtype(DType::F32)
    }
}

impl Uncertainty {
    fn load(weights: &Weights, dim: usize, width: usize) -> std::result::Result<Self, ModelError> {
        let embeddings = "text_model.embeddings";
        let [uncertainty, class] = ["uncertainty_embedding", "class_embedding"]
            .map(|name| weights.get(&format!("{embeddings}.{name}"), &[width]));
        Ok(Self {
            tokens: Tensor::stack(&[uncertainty?, class?], 0)?,
            head: Linear::load(weights, "text_uncertainty", [dim, dim])?,
        })
    }
}

/// The position whose state stands for the text. It is found here, on the host: the argmax of a device need not be the
/// first maximum.
fn pooled_position(ids: &[u32], pool: TextPool) -> usize {
    let first = |id: u32| ids.iter().position(|&other| other == id).unwrap_or(0);
    match pool {
        TextPool::First => 0,
        TextPool::Last => ids.len().saturating_sub(1),
        TextPool::Highest => first(ids.iter().copied().max().unwrap_or(0)),
        TextPool::Id(id) => first(id),
        TextPool::ClassAndUncertainty => ids.len() + pool.learnt_tokens() - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_pooled_where_the_references_pool_it() {
        for (ids, pool, position) in [
            (&[49406, 320, 49407][..], TextPool::Id(49407), 2),
            (&[49406, 320, 49407, 49407, 49407], TextPool::Id(49407), 2),
            (&[49406, 320, 49407, 49407], TextPool::Highest, 2),
            (&[5, 9, 7, 9], TextPool::Highest, 1),
            (&[5, 9, 7], TextPool::Id(8), 0),
            (&[5, 9, 7, 0], TextPool::Last, 3),
            (&[5, 9, 7, 0], TextPool::First, 0),
            (&[5, 9, 7, 0], TextPool::ClassAndUncertainty, 5),
        ] {
            assert_eq!(pooled_position(ids, pool), position, "{ids:?} {pool:?}");
        }
    }
}
