//! The layers of a transformer block: fused kernels on CPU, compositions of candle's operations elsewhere.
//!
//! On CPU an allocation and a pass over memory for every small operation cost a good part of the matmuls' time, so bias, activation, residual, layer norm and attention are done in place or in one pass (`kernels`).

use candle_core::{
    CpuStorage, CustomOp1, CustomOp3, D, DType, InplaceOp2, InplaceOp3, Layout, Result, Shape,
    Tensor, bail,
};

use super::kernels;
use super::spec::Activation;

/// `x · weightᵀ`, without a bias; `weight` is out × in as checkpoints hold it, `x` rows × in.
pub fn project(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    x.matmul(&weight.t()?)
}

/// Layer norm over the last dimension.
pub fn layer_norm(x: &Tensor, scale: &Tensor, shift: &Tensor, eps: f32) -> Result<Tensor> {
    if on_cpu(x) {
        x.apply_op3_no_bwd(scale, shift, &LayerNorm { eps })
    } else {
        candle_nn::ops::layer_norm(&x.contiguous()?, scale, shift, eps)
    }
}

/// `x + bias`; consumes `x`, which nobody else may hold.
pub fn add_bias(x: Tensor, bias: &Tensor) -> Result<Tensor> {
    if on_cpu(&x) {
        x.inplace_op2(bias, &AddBias)?;
        Ok(x)
    } else {
        x.broadcast_add(bias)
    }
}

/// `activation(x + bias)`; consumes `x`, which nobody else may hold.
pub fn bias_activation(x: Tensor, bias: &Tensor, activation: Activation) -> Result<Tensor> {
    if on_cpu(&x) {
        x.inplace_op2(bias, &BiasActivation(activation))?;
        return Ok(x);
    }
    let x = x.broadcast_add(bias)?;
    match activation {
        Activation::QuickGelu => &x * candle_nn::ops::sigmoid(&(&x * 1.702)?)?,
        Activation::Gelu => x.gelu_erf(),
        Activation::GeluTanh => x.gelu(),
    }
}

/// `x + y + bias`; consumes `x`, which nobody else may hold.
pub fn add_residual(x: Tensor, y: &Tensor, bias: &Tensor) -> Result<Tensor> {
    if on_cpu(&x) {
        x.inplace_op3(y, bias, &AddResidual)?;
        Ok(x)
    } else {
        (x + y)?.broadcast_add(bias)
    }
}

/// Multi-head attention of `n` sequences of `length` tokens.
///
/// `qkv` is (n · length) × 3·width with the queries, keys and values of a token side by side; returns
/// (n · length) × width, heads side by side. `causal` hides later tokens.
pub fn attention(qkv: &Tensor, length: usize, heads: usize, causal: bool) -> Result<Tensor> {
    if on_cpu(qkv) {
        qkv.apply_op1_no_bwd(&Attention {
            length,
            heads,
            causal,
        })
    } else {
        attention_composed(qkv, length, heads, causal)
    }
}

fn attention_composed(qkv: &Tensor, length: usize, heads: usize, causal: bool) -> Result<Tensor> {
    let (rows, width3) = qkv.dims2()?;
    let (n, head) = (rows / length, width3 / 3 / heads);
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

fn on_cpu(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

/// The values of a contiguous f32 tensor.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("the fused CPU operations need contiguous tensors"),
    }
}

fn values_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => Ok(&mut values[start..end]),
        _ => bail!("the fused CPU operations need contiguous f32 tensors"),
    }
}

struct AddBias;

impl InplaceOp2 for AddBias {
    fn name(&self) -> &'static str {
        "add-bias"
    }

    fn cpu_fwd(
        &self,
        x: &mut CpuStorage,
        x_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<()> {
        kernels::add_bias(values_mut(x, x_layout)?, values(bias, bias_layout)?);
        Ok(())
    }
}

struct BiasActivation(Activation);

impl InplaceOp2 for BiasActivation {
    fn name(&self) -> &'static str {
        "bias-activation"
    }

    fn cpu_fwd(
        &self,
        x: &mut CpuStorage,
        x_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<()> {
        kernels::bias_activation(values_mut(x, x_layout)?, values(bias, bias_layout)?, self.0);
        Ok(())
    }
}

struct AddResidual;

impl InplaceOp3 for AddResidual {
    fn name(&self) -> &'static str {
        "add-residual"
    }

    fn cpu_fwd(
        &self,
        x: &mut CpuStorage,
        x_layout: &Layout,
        y: &CpuStorage,
        y_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<()> {
        let (y, bias) = (values(y, y_layout)?, values(bias, bias_layout)?);
        kernels::add_residual(values_mut(x, x_layout)?, y, bias);
        Ok(())
    }
}

struct LayerNorm {
    eps: f32,
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        scale: &CpuStorage,
        scale_layout: &Layout,
        shift: &CpuStorage,
        shift_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = values(x, x_layout)?;
        let (scale, shift) = (values(scale, scale_layout)?, values(shift, shift_layout)?);
        let mut out = vec![0f32; x.len()];
        kernels::layer_norm(&mut out, x, scale, shift, self.eps);
        Ok((CpuStorage::F32(out), x_layout.shape().clone()))
    }
}

struct Attention {
    length: usize,
    heads: usize,
    causal: bool,
}

impl CustomOp1 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, qkv: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, width3) = layout.shape().dims2()?;
        let qkv = values(qkv, layout)?;
        let (length, heads) = (self.length, self.heads);
        let (width, head) = (width3 / 3, width3 / 3 / heads);
        let scale = 1.0 / (head as f32).sqrt();
        let mut out = vec![0f32; rows * width];
        let mut scores = vec![0f32; length * length];
        for sequence in 0..rows / length {
            let qkv = &qkv[sequence * length * width3..][..length * width3];
            let out = &mut out[sequence * length * width..][..length * width];
            for h in 0..heads {
                let (q, k, v) = (h * head, width + h * head, 2 * width + h * head);
                // scores = scale · Q Kᵀ, then out = softmax(scores) V: both read the heads where they lie.
                multiply(
                    Dims {
                        m: length,
                        n: length,
                        k: head,
                    },
                    (&mut scores, length),
                    (&qkv[q..], [width3, 1]),
                    (&qkv[k..], [1, width3]),
                    scale,
                );
                kernels::softmax(&mut scores, length, self.causal);
                multiply(
                    Dims {
                        m: length,
                        n: head,
                        k: length,
                    },
                    (&mut out[h * head..], width),
                    (&scores, [length, 1]),
                    (&qkv[v..], [width3, 1]),
                    1.0,
                );
            }
        }
        Ok((CpuStorage::F32(out), Shape::from((rows, width))))
    }
}

struct Dims {
    m: usize,
    n: usize,
    k: usize,
}

/// `out = scale · a · b` on this thread. `a` is m × k and `b` k × n with [row, column] strides; `out` is m × n with a
/// row stride and columns side by side.
fn multiply(
    Dims { m, n, k }: Dims,
    (out, out_row): (&mut [f32], usize),
    (a, [a_row, a_column]): (&[f32], [usize; 2]),
    (b, [b_row, b_column]): (&[f32], [usize; 2]),
    scale: f32,
) {
    assert!(m > 0 && n > 0 && k > 0);
    assert!((m - 1) * out_row + n <= out.len());
    assert!((m - 1) * a_row + (k - 1) * a_column < a.len());
    assert!((k - 1) * b_row + (n - 1) * b_column < b.len());
    let stride = |s: usize| s as isize;
    // SAFETY: the assertions keep every address that the strides reach inside its slice; `out` is borrowed mutably,
    // so it does not overlap the others; it is written before it is read (`read_dst` is false).
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            stride(out_row),
            false,
            a.as_ptr(),
            stride(a_column),
            stride(a_row),
            b.as_ptr(),
            stride(b_column),
            stride(b_row),
            0.0,
            scale,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// rows × columns of values from −2 to 2 that no two operations treat alike.
    fn filled(rows: usize, columns: usize, step: usize) -> Tensor {
        let value = |i: usize| ((i * step % 101) as f32 - 50.0) / 25.0;
        let values: Vec<f32> = (0..rows * columns).map(value).collect();
        Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap()
    }

    /// What the compositions that serve GPUs give: tensors of f64 take that way on the CPU too.
    fn composed(x: &Tensor) -> Tensor {
        x.to_dtype(DType::F64).unwrap()
    }

    fn assert_close(fused: Tensor, reference: Tensor, what: &str) {
        let off = (composed(&fused) - composed(&reference)).unwrap();
        let off = off.abs().unwrap().max_all().unwrap();
        let off = off.to_scalar::<f64>().unwrap();
        assert!(off < 1e-5, "{what}: off by {off}");
    }

    #[test]
    fn the_fused_layers_are_the_composed_ones() {
        let (x, y) = (filled(5, 37, 37), filled(5, 37, 11));
        let row = |step| filled(1, 37, step).flatten_all().unwrap();
        let (scale, shift) = (row(7), row(13));
        // The in-place operations consume their first argument; a copy keeps `x`.
        let copy = || x.copy().unwrap();
        assert_close(
            layer_norm(&x, &scale, &shift, 1e-5).unwrap(),
            candle_nn::ops::layer_norm(&x, &scale, &shift, 1e-5).unwrap(),
            "layer norm",
        );
        assert_close(
            add_bias(copy(), &shift).unwrap(),
            add_bias(composed(&x), &composed(&shift)).unwrap(),
            "bias",
        );
        assert_close(
            add_residual(copy(), &y, &shift).unwrap(),
            add_residual(composed(&x), &composed(&y), &composed(&shift)).unwrap(),
            "residual",
        );
        for activation in [
            Activation::QuickGelu,
            Activation::Gelu,
            Activation::GeluTanh,
        ] {
            assert_close(
                bias_activation(copy(), &shift, activation).unwrap(),
                bias_activation(composed(&x), &composed(&shift), activation).unwrap(),
                &format!("{activation:?}"),
            );
        }
    }

    #[test]
    fn fused_attention_is_the_composed_one() {
        let (n, length, heads, head) = (2, 7, 3, 8);
        let qkv = filled(n * length, 3 * heads * head, 37);
        for causal in [false, true] {
            assert_close(
                attention(&qkv, length, heads, causal).unwrap(),
                attention_composed(&qkv, length, heads, causal).unwrap(),
                &format!("causal {causal}"),
            );
        }
    }
}
