//! A checkpoint's tensors by name, from safetensors (also sharded) or PyTorch files, shapes checked.

mod formats;
mod names;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use candle_core::pickle::PthTensors;
use candle_core::safetensors::{MmapedSafetensors, SliceSafetensors};
use candle_core::{Device, Tensor};
use cladist_kernels::Precision;

use crate::model::ModelError;
use crate::model::device::DType;
use formats::Format;
pub use names::Naming;

/// Where the tensors are read from.
enum Files {
    Safetensors(MmapedSafetensors),
    /// Part of the program.
    Embedded(SliceSafetensors<'static>),
    Pth(Vec<PthTensors>),
}

impl Files {
    fn names(&self) -> BTreeSet<String> {
        match self {
            Self::Safetensors(files) => files.tensors().into_iter().map(|(name, _)| name).collect(),
            Self::Embedded(file) => file.tensors().into_iter().map(|(name, _)| name).collect(),
            Self::Pth(files) => files
                .iter()
                .flat_map(|file| file.tensor_infos().keys().cloned())
                .collect(),
        }
    }

    /// Name, type and number of elements of all tensors.
    fn stored(&self) -> Vec<(String, String, u64)> {
        let of_view = |(name, view): (String, safetensors::tensor::TensorView<'_>)| {
            let elements = view.shape().iter().map(|&side| side as u64).product();
            (name, format!("{:?}", view.dtype()).to_lowercase(), elements)
        };
        match self {
            Self::Safetensors(files) => files.tensors().into_iter().map(of_view).collect(),
            Self::Embedded(file) => file.tensors().into_iter().map(of_view).collect(),
            Self::Pth(files) => {
                let infos = files.iter().flat_map(|file| file.tensor_infos());
                let of_info = infos.map(|(name, info)| {
                    let elements = info.layout.shape().elem_count() as u64;
                    (name.clone(), info.dtype.as_str().to_owned(), elements)
                });
                of_info.collect()
            }
        }
    }

    /// The tensor `name`, which is there, on the host.
    fn load(&self, name: &str) -> candle_core::Result<Option<Tensor>> {
        match self {
            Self::Safetensors(files) => files.load(name, &Device::Cpu).map(Some),
            Self::Embedded(file) => file.load(name, &Device::Cpu).map(Some),
            Self::Pth(files) => {
                let found = files.iter().find_map(|file| file.get(name).transpose());
                found.transpose()
            }
        }
    }
}

/// What precedes `logit_scale`, which every model has once; nothing if that leaves a doubt.
fn prefix_of(names: &BTreeSet<String>) -> String {
    const MARK: &str = "logit_scale";
    let prefixes: Vec<&str> = names
        .iter()
        .filter_map(|name| name.strip_suffix(MARK))
        .filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
        .collect();
    match prefixes[..] {
        [only] => only.to_owned(),
        _ => String::new(),
    }
}

/// A PyTorch file that holds a state dict, or one under the name that training scripts give it.
///
/// # Errors
/// What is wrong with the file, to follow its name.
fn open_torch(path: &Path) -> Result<PthTensors, String> {
    let opened = PthTensors::new(path, None)
        .map_err(|error| format!("cannot be read ({error}): is it whole? Get it again"))?;
    if !opened.tensor_infos().is_empty() {
        return Ok(opened);
    }
    PthTensors::new(path, Some("state_dict"))
        .ok()
        .filter(|nested| !nested.tensor_infos().is_empty())
        .ok_or_else(|| {
            "is a PyTorch file, but holds no state dict: save `model.state_dict()` of the whole model"
                .into()
        })
}

/// A checkpoint's tensors; each is read, converted and moved to the device when asked for.
pub struct Weights {
    files: Files,
    /// All that the files hold.
    names: BTreeSet<String>,
    /// What precedes the names that the layout gives, where the model was saved as a part of another.
    prefix: String,
    naming: Naming,
    /// The names of the tensors that were asked for.
    used: Mutex<BTreeSet<String>>,
    shown: PathBuf,
    device: Device,
    dtype: DType,
}

/// What checkpoints hold beside the weights: constants that follow from the configuration, and what scores have no need of.
const KNOWINGLY_UNUSED: [&str; 7] = [
    "num_batches_tracked",
    "position_ids",
    "attn_mask",
    "logit_bias",
    "input_resolution",
    "context_length",
    "vocab_size",
];

fn is_known_to_be_unused(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    KNOWINGLY_UNUSED.contains(&last)
}

/// How one tensor is stored.
pub struct Stored {
    /// Of the image tower, and not of that for texts.
    pub of_images: bool,
    /// `f32`, `f16`, `bf16`, …
    pub dtype: String,
    pub elements: u64,
}

impl Weights {
    /// Opens the files: `.safetensors`, or PyTorch's zip format for any other extension.
    ///
    /// # Errors
    /// A file that cannot be read, is not whole or is not of its format, by name.
    pub fn open(
        paths: &[PathBuf],
        naming: Naming,
        device: &Device,
        dtype: DType,
    ) -> Result<Self, ModelError> {
        let bad = |path: &Path, reason: String| ModelError::Weights {
            path: path.to_owned(),
            reason,
        };
        let mut are_safetensors = true;
        for path in paths {
            let format = formats::of_file(path).map_err(|reason| bad(path, reason))?;
            are_safetensors &= format == Format::Safetensors;
        }
        let first = paths.first().map(PathBuf::as_path).unwrap_or(Path::new(""));
        let files =
            if are_safetensors {
                // SAFETY: the mapping is sound as long as nobody truncates or rewrites the checkpoint while it is
                // being loaded; the tensors are copied out of it, and it is dropped before the model is used.
                let mapped = unsafe { MmapedSafetensors::multi(paths) };
                Files::Safetensors(mapped.map_err(|error| {
                    bad(first, format!("cannot be read ({error}): get it again"))
                })?)
            } else {
                let opened = paths
                    .iter()
                    .map(|path| open_torch(path).map_err(|reason| bad(path, reason)));
                Files::Pth(opened.collect::<Result<_, _>>()?)
            };
        Ok(Self::new(files, naming, first.to_owned(), device, dtype))
    }

    /// The content of a safetensors file that is part of the program; `name` is what errors call it.
    ///
    /// # Errors
    /// If it is none.
    pub fn embedded(
        bytes: &'static [u8],
        naming: Naming,
        name: PathBuf,
        device: &Device,
        dtype: DType,
    ) -> Result<Self, ModelError> {
        let file = SliceSafetensors::new(bytes)?;
        Ok(Self::new(
            Files::Embedded(file),
            naming,
            name,
            device,
            dtype,
        ))
    }

    fn new(files: Files, naming: Naming, shown: PathBuf, device: &Device, dtype: DType) -> Self {
        let names = files.names();
        Self {
            prefix: prefix_of(&names),
            files,
            names,
            naming,
            used: Mutex::default(),
            shown,
            device: device.clone(),
            dtype,
        }
    }

    /// The first file, as errors call it.
    pub fn path(&self) -> &Path {
        &self.shown
    }

    /// How the weights of the towers' blocks are to be held.
    pub fn of_blocks(&self) -> Precision {
        self.dtype.of_blocks()
    }

    /// The tensor that transformers' CLIP calls `name`, which must have exactly `shape`, in the model's dtype and on its
    /// device.
    ///
    /// # Errors
    /// A missing tensor, or one of another shape, by the name that it has in the file.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<Tensor, ModelError> {
        let origin = self.naming.origin(name, &|name| self.has(name));
        if !origin.transposed {
            let in_file = [&vec![1; origin.leading], shape].concat();
            let stored = self.stored(&origin.name, &in_file)?;
            return self.placed(stored.reshape(shape)?);
        }
        let turned: Vec<usize> = shape.iter().rev().copied().collect();
        let stored = self.stored(&origin.name, &turned)?;
        self.placed(stored.t()?)
    }

    /// As [`Weights::get`], on the host in f64 and row by row, for weights that the towers do not hold as they are.
    ///
    /// # Errors
    /// As [`Weights::get`].
    pub fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f64>, ModelError> {
        let origin = self.naming.origin(name, &|name| self.has(name));
        let stored = self.stored(&origin.name, shape)?;
        let values = stored.to_dtype(candle_core::DType::F64)?.flatten_all()?;
        Ok(values.to_vec1()?)
    }

    /// Whether there is a tensor that [`Weights::get`] would ask for by this name.
    pub fn has_tensor(&self, name: &str) -> bool {
        self.has(&self.naming.origin(name, &|name| self.has(name)).name)
    }

    /// The projections to queries, keys and values of the attention `name`, one below the other: 3·width × width, and
    /// their bias.
    ///
    /// # Errors
    /// As [`Weights::get`].
    pub fn queries_keys_values(
        &self,
        name: &str,
        width: usize,
    ) -> Result<(Tensor, Tensor), ModelError> {
        if let Some(fused) = self.naming.fused_attention(name, &|name| self.has(name)) {
            let [weight, bias] = fused;
            let weight = self.stored(&weight, &[3 * width, width])?;
            let bias = self.stored(&bias, &[3 * width])?;
            return Ok((self.placed(weight)?, self.placed(bias)?));
        }
        let part = |part: &str, shape: &[usize]| {
            let names = ["q_proj", "k_proj", "v_proj"].map(|p| format!("{name}.{p}.{part}"));
            let parts: Result<Vec<_>, _> = names.iter().map(|name| self.get(name, shape)).collect();
            Ok::<_, ModelError>(Tensor::cat(&parts?, 0)?)
        };
        Ok((part("weight", &[width, width])?, part("bias", &[width])?))
    }

    /// The tensors of the model that nobody has asked for, by the names that they have in the file. Those that no answer
    /// depends on are not among them.
    pub fn unused(&self) -> Vec<&str> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        self.names
            .iter()
            .filter(|name| name.starts_with(&self.prefix))
            .filter(|name| !used.contains(*name) && !is_known_to_be_unused(name))
            .map(String::as_str)
            .collect()
    }

    /// What the model's numbers are stored as; what no answer depends on is not among them.
    pub fn parameters(&self) -> Vec<Stored> {
        let all = self.files.stored().into_iter();
        let of_model = all.filter_map(|(name, dtype, elements)| {
            let plain = name.strip_prefix(&self.prefix)?;
            let is_number = dtype.starts_with('f') || dtype.starts_with("bf");
            (is_number && !is_known_to_be_unused(plain)).then(|| Stored {
                of_images: plain.starts_with("vis"),
                dtype,
                elements,
            })
        });
        of_model.collect()
    }

    /// A scalar that not every model has.
    ///
    /// # Errors
    /// As [`Weights::scalar`], if it is there.
    pub fn optional_scalar(&self, name: &str) -> Result<Option<f32>, ModelError> {
        self.has(name).then(|| self.scalar(name)).transpose()
    }

    fn has(&self, name: &str) -> bool {
        self.names.contains(&format!("{}{name}", self.prefix))
    }

    /// A tensor of the host as the towers hold it. PyTorch's files may hold a matrix column by column.
    ///
    /// # Errors
    /// The device has no room for it.
    pub fn placed(&self, stored: Tensor) -> Result<Tensor, ModelError> {
        let stored = stored.contiguous()?.to_dtype(self.dtype.of_candle())?;
        Ok(stored.to_device(&self.device)?)
    }

    /// The tensor as the file holds it, on the host.
    fn stored(&self, name: &str, shape: &[usize]) -> Result<Tensor, ModelError> {
        let name = &format!("{}{name}", self.prefix);
        let fault = |reason: String| ModelError::Weights {
            path: self.shown.clone(),
            reason: format!("tensor `{name}` {reason}"),
        };
        if !self.names.contains(name) {
            return Err(fault(format!(
                "of shape {shape:?} is missing: this is not the whole model that the configuration describes"
            )));
        }
        let tensor = self.files.load(name);
        let tensor = tensor.map_err(|error| fault(format!("is broken: {error}")))?;
        let tensor = tensor.ok_or_else(|| fault("is broken".into()))?;
        if tensor.dims() != shape {
            return Err(fault(format!(
                "has shape {:?}, the configuration asks for {shape:?}",
                tensor.dims()
            )));
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert(name.clone());
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
            .to_dtype(candle_core::DType::F32)?
            .flatten_all()?
            .to_vec1::<f32>()?[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(paths: &[PathBuf]) -> Result<Weights, ModelError> {
        Weights::open(paths, Naming::Clip, &Device::Cpu, DType::F32)
    }

    fn torch(name: &str) -> Vec<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        vec![root.join(format!("tests/fixtures/torch/{name}.bin"))]
    }

    #[test]
    fn state_dicts_as_people_save_them() {
        for name in ["plain", "prefixed", "nested"] {
            let weights = open(&torch(name)).unwrap();
            assert_eq!(weights.scalar("logit_scale").unwrap(), 2.5, "{name}");
            let tensor = weights.get("text_projection.weight", &[2, 3]).unwrap();
            let values = tensor.to_vec2::<f32>().unwrap();
            assert_eq!(values, [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], "{name}");
        }
        let error = open(&torch("prefixed")).unwrap().get("other", &[1]);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("`model.clip.other`"), "{error}");
    }

    #[test]
    fn what_is_no_state_dict_is_told_by_name() {
        let dir = tempfile::TempDir::new().unwrap();
        let truncated = dir.path().join("pytorch_model.bin");
        let whole = std::fs::read(&torch("plain")[0]).unwrap();
        std::fs::write(&truncated, &whole[..whole.len() / 2]).unwrap();
        for (paths, name, said) in [
            (torch("no-state-dict"), "no-state-dict.bin", "no state dict"),
            (torch("old"), "old.bin", "before 1.6"),
            (vec![truncated], "pytorch_model.bin", "is it whole?"),
            // Of several files, the one that is at fault.
            (
                [torch("plain"), torch("old")].concat(),
                "old.bin",
                "before 1.6",
            ),
        ] {
            let error = open(&paths).err().unwrap().to_string();
            assert!(error.contains(name) && error.contains(said), "{error}");
        }
    }
}
