//! AdamW whose state can be saved, so that training goes on where it was stopped, to the same result.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use super::DEVICE;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.98;
const EPS: f64 = 1e-8;
/// Of matrices; vectors and the scale are left alone, as usual.
const WEIGHT_DECAY: f64 = 0.05;
/// Gradients are cut to this norm over all variables.
const MAX_NORM: f64 = 1.0;

/// Loshchilov & Hutter, "Decoupled Weight Decay Regularization" (arXiv 1711.05101).
pub struct AdamW {
    slots: Vec<Slot>,
    steps: u64,
}

struct Slot {
    name: String,
    variable: Var,
    /// Running means of the gradient and of its square.
    first: Tensor,
    second: Tensor,
}

impl AdamW {
    pub fn new(variables: Vec<(String, Var)>) -> Result<Self> {
        let slot = |(name, variable): (String, Var)| {
            let zeros = variable.as_tensor().zeros_like()?;
            Ok(Slot {
                name,
                first: zeros.clone(),
                second: zeros,
                variable,
            })
        };
        Ok(Self {
            slots: variables.into_iter().map(slot).collect::<Result<_>>()?,
            steps: 0,
        })
    }

    /// One step along the mean of the parts' gradients.
    pub fn step(&mut self, parts: &[GradStore], rate: f64) -> Result<()> {
        self.steps += 1;
        let mut gradients = Vec::with_capacity(self.slots.len());
        let mut squares = 0.0;
        for slot in &self.slots {
            let mut sum: Option<Tensor> = None;
            for gradient in parts.iter().filter_map(|part| part.get(&slot.variable)) {
                sum = Some(match sum {
                    Some(sum) => (sum + gradient)?,
                    None => gradient.clone(),
                });
            }
            let mean = match sum {
                Some(sum) => Some((sum.detach() * (1.0 / parts.len() as f64))?),
                None => None,
            };
            if let Some(mean) = &mean {
                squares += f64::from(mean.sqr()?.sum_all()?.to_scalar::<f32>()?);
            }
            gradients.push(mean);
        }
        let cut = (MAX_NORM / squares.sqrt().max(1e-12)).min(1.0);
        let bias1 = 1.0 - BETA1.powf(self.steps as f64);
        let bias2 = 1.0 - BETA2.powf(self.steps as f64);
        for (slot, gradient) in self.slots.iter_mut().zip(gradients) {
            let Some(gradient) = gradient else { continue };
            let gradient = (gradient * cut)?;
            slot.first = ((&slot.first * BETA1)? + (&gradient * (1.0 - BETA1))?)?;
            slot.second = ((&slot.second * BETA2)? + (gradient.sqr()? * (1.0 - BETA2))?)?;
            let root = ((&slot.second * (1.0 / bias2))?.sqrt()? + EPS)?;
            let mut change = ((&slot.first * (1.0 / bias1))? / root)?;
            let value = slot.variable.as_tensor();
            if value.rank() > 1 {
                change = (change + (value * WEIGHT_DECAY)?)?;
            }
            slot.variable.set(&(value - (change * rate)?)?)?;
        }
        Ok(())
    }

    /// Writes variables and state, under a temporary name first.
    pub fn save(&self, path: &Path, done: u64) -> Result<()> {
        let mut tensors = HashMap::new();
        for slot in &self.slots {
            tensors.insert(slot.name.clone(), slot.variable.as_tensor().clone());
            tensors.insert(format!("{}.first", slot.name), slot.first.clone());
            tensors.insert(format!("{}.second", slot.name), slot.second.clone());
        }
        tensors.insert("steps".to_owned(), Tensor::new(&[done as i64], &DEVICE)?);
        let part = path.with_extension("part");
        candle_core::safetensors::save(&tensors, &part)?;
        std::fs::rename(&part, path)
            .with_context(|| format!("{}: cannot be written", path.display()))
    }

    /// Reads what [`save`](Self::save) wrote, if it is there; returns the number of steps that are done.
    pub fn resume(&mut self, path: &Path) -> Result<u64> {
        if !path.exists() {
            return Ok(0);
        }
        let tensors = candle_core::safetensors::load(path, &DEVICE).with_context(|| {
            format!(
                "{}: is not a checkpoint; remove it to start anew",
                path.display()
            )
        })?;
        let get = |name: &str, like: &Tensor| -> Result<Tensor> {
            let tensor = tensors.get(name).with_context(|| {
                format!(
                    "{}: holds no `{name}`; remove it to start anew",
                    path.display()
                )
            })?;
            ensure!(
                tensor.shape() == like.shape(),
                "{}: `{name}` has another shape; remove it to start anew",
                path.display()
            );
            Ok(tensor.clone())
        };
        for slot in &mut self.slots {
            let value = get(&slot.name, slot.variable.as_tensor())?;
            slot.variable.set(&value)?;
            slot.first = get(&format!("{}.first", slot.name), &value)?;
            slot.second = get(&format!("{}.second", slot.name), &value)?;
        }
        let steps = tensors
            .get("steps")
            .context("no `steps`")?
            .to_vec1::<i64>()?;
        self.steps = steps.first().copied().unwrap_or(0).max(0) as u64;
        Ok(self.steps)
    }
}
