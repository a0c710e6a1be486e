//! A checkpoint's tensors by name, from safetensors (also sharded) or PyTorch files, shapes checked.

use std::path::{Path, PathBuf};

use candle_core::pickle::PthTensors;
use candle_core::safetensors::MmapedSafetensors;
use candle_core::{DType, Device, Tensor};

use crate::model::ModelError;

/// Where the tensors are read from.
enum Files {
    Safetensors(MmapedSafetensors),
    Pth(Vec<PthTensors>),
}

/// A checkpoint's tensors; each is read, converted and moved to the device when asked for.
pub struct Weights {
    files: Files,
    shown: String,
    device: Device,
    dtype: DType,
}

impl Weights {
    /// Opens the files: `.safetensors`, or PyTorch's zip format for any other extension.
    ///
    /// # Errors
    /// A file that cannot be read or is not of its format.
    pub fn open(paths: &[PathBuf], device: &Device, dtype: DType) -> Result<Self, ModelError> {
        let bad = |path: &Path, error: candle_core::Error| ModelError::Weights {
            path: path.to_owned(),
            reason: format!("cannot be read ({error}); is it complete?"),
        };
        let first = paths.first().map(PathBuf::as_path).unwrap_or(Path::new(""));
        let is_safetensors = |path: &PathBuf| path.extension().is_some_and(|e| e == "safetensors");
        let files = if paths.iter().all(is_safetensors) {
            // SAFETY: the mapping is sound as long as nobody truncates or rewrites the checkpoint while it is
            // being loaded; the tensors are copied out of it, and it is dropped before the model is used.
            let mapped = unsafe { MmapedSafetensors::multi(paths) };
            Files::Safetensors(mapped.map_err(|error| bad(first, error))?)
        } else {
            let opened = paths
                .iter()
                .map(|path| PthTensors::new(path, None).map_err(|error| bad(path, error)));
            Files::Pth(opened.collect::<Result<_, _>>()?)
        };
        let shown = first.display().to_string();
        Ok(Self {
            files,
            shown,
            device: device.clone(),
            dtype,
        })
    }

    /// The tensor `name`, which must have exactly `shape`, in the model's dtype and on its device.
    ///
    /// # Errors
    /// A missing tensor, or one of another shape, by name.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<Tensor, ModelError> {
        let stored = self.stored(name, shape)?;
        Ok(stored.to_dtype(self.dtype)?.to_device(&self.device)?)
    }

    /// The tensor as the file holds it, on the host.
    fn stored(&self, name: &str, shape: &[usize]) -> Result<Tensor, ModelError> {
        let fault = |reason: String| ModelError::Weights {
            path: PathBuf::from(&self.shown),
            reason: format!("tensor `{name}` {reason}"),
        };
        let missing = || {
            fault(format!(
                "of shape {shape:?} is missing: this is not a complete CLIPModel checkpoint"
            ))
        };
        let tensor = match &self.files {
            Files::Safetensors(files) => {
                if files.get(name).is_err() {
                    return Err(missing());
                }
                files
                    .load(name, &Device::Cpu)
                    .map_err(|e| fault(format!("is broken: {e}")))?
            }
            Files::Pth(files) => files
                .iter()
                .find_map(|file| file.get(name).transpose())
                .ok_or_else(missing)?
                .map_err(|e| fault(format!("is broken: {e}")))?,
        };
        if tensor.dims() != shape {
            return Err(fault(format!(
                "has shape {:?}, config.json asks for {shape:?}",
                tensor.dims()
            )));
        }
        Ok(tensor)
    }

    /// A tensor of one value, as f32 whatever the model's dtype: half precision would shift every logit.
    ///
    /// # Errors
    /// As [`Weights::get`].
    pub fn scalar(&self, name: &str) -> Result<f32, ModelError> {
        let tensor = self
            .stored(name, &[])
            .or_else(|error| self.stored(name, &[1]).map_err(|_| error))?;
        Ok(tensor
            .to_dtype(DType::F32)?
            .flatten_all()?
            .to_vec1::<f32>()?[0])
    }
}
