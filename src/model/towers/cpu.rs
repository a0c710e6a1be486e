//! Layers in f32 on a CPU: candle's tensors in and out of `cladist_kernels`.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::{Device, Result, Tensor};
use cladist_kernels::{Activation, Depthwise, Linear, Norm, Precision, Workspace};

thread_local! {
    /// A worker keeps its memory from one micro-batch to the next.
    static WORKSPACE: RefCell<Workspace> = RefCell::default();
}

/// Lays out a weight, out × in as checkpoints hold it, and a bias.
pub fn linear(weight: &Tensor, bias: Option<&Tensor>, precision: Precision) -> Result<Linear> {
    let (outputs, inputs) = weight.dims2()?;
    let bias = match bias {
        Some(bias) => bias.to_vec1()?,
        None => vec![0.0; outputs],
    };
    let weight = weight.flatten_all()?.to_vec1::<f32>()?;
    Ok(Linear::new(&weight, bias, inputs, precision))
}

/// A layer norm of its scale and shift.
pub fn norm(scale: &Tensor, shift: &Tensor, eps: f32) -> Result<Norm> {
    Ok(Norm {
        scale: scale.to_vec1()?,
        shift: shift.to_vec1()?,
        eps,
    })
}

/// rows × in → rows × out.
pub fn project(linear: &Linear, x: &Tensor, activation: Option<Activation>) -> Result<Tensor> {
    let rows = x.dim(0)?;
    let x = x.flatten_all()?.to_vec1::<f32>()?;
    let out = WORKSPACE.with_borrow_mut(|workspace| {
        linear.forward(&x, activation, Busy::new().share(), workspace)
    });
    Tensor::from_vec(out, (rows, linear.outputs()), &Device::Cpu)
}

/// (n · side · side) × channels → (n · side′ · side′) × channels.
pub fn convolve(layer: &Depthwise, x: &Tensor, side: usize) -> Result<Tensor> {
    let channels = x.dim(1)?;
    let x = x.flatten_all()?.to_vec1::<f32>()?;
    let out = layer.forward(&x, side, Busy::new().share());
    Tensor::from_vec(out, ((), channels), &Device::Cpu)
}

/// The blocks one after the other, with the help of cores that are idle: `apply` computes one in place, on so many threads. `x` is
/// (n · length) × width.
pub fn forward<B>(
    blocks: &[B],
    x: &Tensor,
    apply: impl Fn(&B, &mut [f32], usize, &mut Workspace),
) -> Result<Tensor> {
    let mut values = x.flatten_all()?.to_vec1::<f32>()?;
    let busy = Busy::new();
    WORKSPACE.with_borrow_mut(|workspace| {
        for block in blocks {
            apply(block, &mut values, busy.share(), workspace);
        }
    });
    Tensor::from_vec(values, x.shape(), x.device())
}

/// Threads that compute blocks now.
static BUSY: AtomicUsize = AtomicUsize::new(0);

/// A thread that computes blocks, while it lives.
struct Busy {
    cores: usize,
}

impl Busy {
    fn new() -> Self {
        BUSY.fetch_add(1, Ordering::Relaxed);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { cores }
    }

    /// Cores for each of the threads, of which others may have come or gone since it was last asked.
    fn share(&self) -> usize {
        self.cores / BUSY.load(Ordering::Relaxed).max(1)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.fetch_sub(1, Ordering::Relaxed);
    }
}
