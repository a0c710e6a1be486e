//! Operations of a transformer block, composed of candle's: what GPUs compute, and half precision.

use candle_core::{D, DType, Result, Tensor};

use super::spec::Activation;

/// The activation of an MLP.
pub fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::QuickGelu => x * candle_nn::ops::sigmoid(&(x * 1.702)?)?,
        Activation::Gelu => x.gelu_erf(),
        Activation::GeluTanh => x.gelu(),
    }
}

/// Multi-head attention of `n` sequences of `length` tokens.
///
/// `qkv` is (n · length) × 3·width with the queries, keys and values of a token side by side; returns
/// (n · length) × width, heads side by side. `causal` hides later tokens.
pub fn attention(qkv: &Tensor, length: usize, heads: usize, causal: bool) -> Result<Tensor> {
    let (rows, width3) = qkv.dims2()?;
    let (n, head) = (rows / length, width3 / 3 / heads);
    #[cfg(feature = "flash-attn")]
    if flash::knows(qkv, head) {
        let mixed = flash::attention(&qkv.reshape((n, length, 3, heads, head))?, causal)?;
        return mixed.reshape((rows, heads * head));
    }
    // 3 × n × heads × length × head
    let qkv = qkv
        .reshape((n, length, 3, heads, head))?
        .permute((2, 0, 3, 1, 4))?
        .contiguous()?;
    let (q, k, v) = (qkv.get(0)?, qkv.get(1)?, qkv.get(2)?);
    let q = (q * (1.0 / (head as f64).sqrt()))?;
    let hidden = causal.then(|| {
        let hide = |i: usize| match i % length > i / length {
            true => f32::NEG_INFINITY,
            false => 0.0,
        };
        let hidden: Vec<f32> = (0..length * length).map(hide).collect();
        Tensor::from_vec(hidden, (length, length), q.device())
    });
    weigh(&q, &k, &v, hidden.transpose()?.as_ref())?
        .transpose(1, 2)?
        .reshape((rows, heads * head))
}

/// The values, weighed by how well their keys fit the scaled queries: all n × heads × length × head. What is `hidden`
/// (−∞, else 0) is not seen.
pub fn weigh(
    queries: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    hidden: Option<&Tensor>,
) -> Result<Tensor> {
    // The softmax in f32: sums of many exponentials are too coarse in half precision.
    let mut scores = queries
        .matmul(&keys.transpose(2, 3)?)?
        .to_dtype(DType::F32)?;
    if let Some(hidden) = hidden {
        scores = scores.broadcast_add(hidden)?;
    }
    let weights = candle_nn::ops::softmax(&scores, D::Minus1)?;
    weights.to_dtype(values.dtype())?.matmul(values)
}

/// Attention that never writes the scores down (Dao 2023), where candle has it: in half precision on CUDA.
#[cfg(feature = "flash-attn")]
mod flash {
    use candle_core::{DType, Result, Tensor};

    /// The widest head, and what its width must be a multiple of.
    const HEAD: (usize, usize) = (256, 8);

    pub fn knows(qkv: &Tensor, head: usize) -> bool {
        let is_half = matches!(qkv.dtype(), DType::F16 | DType::BF16);
        is_half && qkv.device().is_cuda() && head <= HEAD.0 && head.is_multiple_of(HEAD.1)
    }

    /// n × length × 3 × heads × head → n × length × heads × head.
    pub fn attention(qkv: &Tensor, causal: bool) -> Result<Tensor> {
        let part = |i: usize| qkv.narrow(2, i, 1)?.squeeze(2);
        let scale = 1.0 / (qkv.dim(4)? as f32).sqrt();
        candle_flash_attn::flash_attn(&part(0)?, &part(1)?, &part(2)?, scale, causal)
    }
}
