//! Models: the [`Encoder`] trait, and behind it checkpoints of several families that share a pair of towers.
//!
//! A family (`clip`, `open_clip`, `siglip`, `prolip`) reads the small files of a checkpoint into a blueprint: what the towers are made of,
//! how pictures and texts become their input, what its tensors are called. `towers` is the network, `encoder` what the rest
//! of the program sees of it.
//!
//! The only room that names candle.

mod blueprint;
mod clip;
mod describe;
mod device;
mod devices;
mod documents;
mod encoder;
pub mod hub;
mod open_clip;
pub mod pixels;
mod prolip;
mod remembering;
mod replicas;
mod siglip;
mod speed;
mod tokenizer;
mod towers;
mod transformers;
mod upload;
mod weights;

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

pub use cladist_kernels::vectors;
pub use describe::{Description, Hashes, Tower, describe, describe_embedded};
pub use device::{DType, DeviceChoice, devices};
pub use devices::Devices;
pub use remembering::{Remembering, TextMemory};
pub use replicas::Replicas;
pub use speed::SpeedTest;

use crate::hash;
use crate::matrix::Matrix;
use documents::{Document, Documents};
use encoder::DualEncoder;
use hub::{DownloadProgress, HubEnv, HubError};
use pixels::{Preprocess, PreprocessError};
use tokenizer::TextReader;
use towers::{Padding, Spec};

/// A model that maps images and texts into one space.
///
/// A row of what it gives is a unit vector of f32. Of a model that [tells how uncertain it is](Self::tells_uncertainty) that is
/// the mean μ of a normal distribution of independent dimensions, and as many values follow: log σ² of each.
pub trait Encoder: Send + Sync {
    /// Dimension of the joint space.
    fn dim(&self) -> usize;

    /// Whether log σ² follows the mean in each row.
    fn tells_uncertainty(&self) -> bool {
        false
    }

    /// Values of a row: `dim`, or twice as many where log σ² follows.
    fn columns(&self) -> usize {
        match self.tells_uncertainty() {
            true => 2 * self.dim(),
            false => self.dim(),
        }
    }

    /// The temperature: logits are `logit_scale × cosine`. Already exponentiated. What a sigmoid model adds to that is the same
    /// for all candidates, and no softmax over them knows it.
    fn logit_scale(&self) -> f32;

    /// What made the values that the encoder gives.
    fn fingerprint(&self) -> &Fingerprint;

    /// How an image becomes pixels for [`encode_images`](Self::encode_images).
    fn preprocess(&self) -> &Preprocess;

    /// What its user should know of the checkpoint, a sentence each.
    fn notes(&self) -> &[String] {
        &[]
    }

    /// `cpu`, `cuda:N` or `metal`; of several with commas between them.
    fn device_name(&self) -> String;

    /// `f32`, `f16` or `bf16`.
    fn dtype_name(&self) -> &'static str;

    /// How many threads may encode at once with profit: one a core on CPU, where each call uses one; two a CUDA device, of which one
    /// computes while pixels of the other are on their way.
    fn workers(&self) -> usize;

    /// Whether how many images or texts are encoded at once has a say in the last bits of their rows. Unless it does not, it is always
    /// the same number that is given to [`encode_images`](Self::encode_images).
    fn batch_matters(&self) -> bool {
        true
    }

    /// n × 3 × S × S normalised pixels, row-major → n rows of [`columns`](Self::columns).
    ///
    /// # Errors
    /// Pixels that are not whole images; a device that fails.
    fn encode_images(&self, pixels: &[f32]) -> Result<Matrix, ModelError>;

    /// The ids that the text tower sees, with start and end as the model has them, cut to its length, without padding.
    ///
    /// # Errors
    /// A text that the tokenizer refuses.
    fn token_ids(&self, text: &str) -> Result<Vec<u32>, ModelError>;

    /// Texts, exactly as given → a row of [`columns`](Self::columns) for each, in the same order. Uses all workers.
    ///
    /// # Errors
    /// As [`token_ids`](Self::token_ids); a device that fails.
    fn encode_texts(&self, texts: &[&str]) -> Result<Matrix, ModelError>;

    /// Brings embeddings of texts that are to outlive the program to where they do: see [`Remembering`].
    ///
    /// # Errors
    /// They cannot be kept.
    fn keep_texts(&self) -> Result<(), ModelError> {
        Ok(())
    }
}

/// What made an embedding, by content: two encoders with the same fingerprint give the same values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fingerprint {
    /// SHA-256 of the weight files, in order.
    pub weights: String,
    /// SHA-256 of `config.json` or `open_clip_config.json`.
    pub config: String,
    /// SHA-256 of the tokenizer's files.
    pub tokenizer: String,
    /// Preprocessing, resolved.
    pub preprocess: Preprocess,
    pub dtype: String,
    /// `cpu`, `cuda` or `metal`: their sums differ in the last bits.
    pub device: String,
}

/// How to load a model.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    pub devices: Devices,
    pub dtype: DType,
}

/// A checkpoint whose files are part of the program, each with the content that it would have in a directory.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedCheckpoint {
    /// What errors call the directory.
    pub name: &'static str,
    /// `config.json`.
    pub config: &'static [u8],
    /// `model.safetensors`.
    pub weights: &'static [u8],
    /// `tokenizer.json`.
    pub tokenizer: &'static [u8],
    /// `preprocessor_config.json`.
    pub preprocessor: &'static [u8],
}

/// What can go wrong with a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error("{}: {reason}", path.display())]
    Weights { path: PathBuf, reason: String },
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    #[error("{0}")]
    Device(String),
    #[error("{0}")]
    Memory(String),
    /// Fewer images at once may have room.
    #[error(
        "the device has too little memory: end what else uses it, or try --dtype f16 or --device cpu ({0})"
    )]
    OutOfMemory(String),
    #[error("the model failed to compute: {0}")]
    Candle(#[source] candle_core::Error),
}

impl From<candle_core::Error> for ModelError {
    fn from(error: candle_core::Error) -> Self {
        let reason = error.to_string();
        match device::lacks_memory(&reason) {
            // The rest of it are the places that it came through.
            true => Self::OutOfMemory(reason.lines().next().unwrap_or_default().to_owned()),
            false => Self::Candle(error),
        }
    }
}

/// Holds candle's own threads at one: encoding is parallel over micro-batches instead, and candle's second pool spins
/// and serialises concurrent callers. Does nothing to variables that the user has set.
///
/// # Safety
/// It writes to the environment: call it first thing in `main`, before any other thread exists.
pub unsafe fn init_threads() {
    for name in ["CANDLE_NUM_THREADS", "RAYON_NUM_THREADS"] {
        if std::env::var_os(name).is_none() {
            // SAFETY: the caller says that nobody reads the environment meanwhile.
            unsafe { std::env::set_var(name, "1") };
        }
    }
}

/// Loads the checkpoint that `source` names: a directory, or a Hugging Face id that is found in the local cache or
/// downloaded. On several devices it is there once on each.
///
/// # Errors
/// Files that are missing, incomplete or do not fit together, by name; a device that cannot be opened.
pub fn load(
    source: &str,
    options: LoadOptions,
    progress: &dyn DownloadProgress,
) -> Result<Box<dyn Encoder>, ModelError> {
    // The devices first: they are the cheapest to find wrong.
    let devices = options.devices.open(options.dtype)?;
    let checkpoint = hub::resolve(source, &HubEnv::from_process(), progress)?;
    let encoders = DualEncoder::load(&checkpoint, &devices, options.dtype)?;
    Ok(together(encoders))
}

/// Loads a checkpoint that is part of the program.
///
/// # Errors
/// A device that cannot be opened; content that is no checkpoint.
pub fn load_embedded(
    checkpoint: &EmbeddedCheckpoint,
    options: LoadOptions,
) -> Result<Box<dyn Encoder>, ModelError> {
    let devices = options.devices.open(options.dtype)?;
    let encoders = DualEncoder::load_embedded(checkpoint, &devices, options.dtype)?;
    Ok(together(encoders))
}

/// The only encoder, or one that shares its work among them.
fn together(mut encoders: Vec<DualEncoder>) -> Box<dyn Encoder> {
    if encoders.len() == 1 {
        return Box::new(encoders.remove(0));
    }
    let encoders = encoders.into_iter();
    Box::new(Replicas::new(
        encoders.map(|one| Box::new(one) as Box<_>).collect(),
    ))
}

/// SHA-256 over the contents of the files, in order.
fn hash_files(paths: &[PathBuf]) -> Result<String, ModelError> {
    let failed = |path: &Path, error: std::io::Error| ModelError::File {
        path: path.to_owned(),
        reason: format!("cannot be read: {error}"),
    };
    let opened = paths
        .iter()
        .map(|path| File::open(path).map_err(|error| failed(path, error)));
    let files: Vec<File> = opened.collect::<Result<_, _>>()?;
    let first = paths.first().map_or(Path::new(""), PathBuf::as_path);
    hash::of_readers(files).map_err(|error| failed(first, error))
}

/// How a checkpoint wants pictures prepared, as `read` understands it; `None` if it does not say.
///
/// # Errors
/// What is not understood, or makes pictures of another size than the model's, with the file.
fn image_processor(
    documents: &Documents,
    spec: &Spec,
    read: impl Fn(&Value) -> Result<Preprocess, PreprocessError>,
) -> Result<Option<Preprocess>, ModelError> {
    let Some((document, steps)) = processor_steps(documents)? else {
        return Ok(None);
    };
    let preprocess = read(&steps).map_err(|reason| document.fault(reason.to_string()))?;
    check_size(document, &preprocess, spec)?;
    Ok(Some(preprocess))
}

/// The steps, and where they are, as transformers looks them up: `image_processor` in `processor_config.json`, where newer
/// checkpoints have it, else `preprocessor_config.json`.
fn processor_steps(documents: &Documents) -> Result<Option<(&Document, Value)>, ModelError> {
    if let Some(document) = &documents.processor
        && let Some(nested) = document.json()?.get_mut("image_processor")
    {
        return Ok(Some((document, nested.take())));
    }
    let read = documents.preprocessor.as_ref();
    read.map(|document| Ok((document, document.json()?)))
        .transpose()
}

/// Whether the preprocessing makes pictures of the model's size.
fn check_size(document: &Document, preprocess: &Preprocess, spec: &Spec) -> Result<(), ModelError> {
    let (height, width) = preprocess.output_size();
    let size = spec.vision.image_size();
    if (height, width) == (size, size) {
        return Ok(());
    }
    Err(document.fault(format!(
        "makes pictures of {width} × {height}, but vision_config.image_size in config.json is {size}: correct one of them"
    )))
}

/// Whether the text tower knows every token of the vocabulary.
fn check_vocabulary(reader: &TextReader, spec: &Spec) -> Result<(), ModelError> {
    let (ids, known) = (reader.vocabulary(), spec.text.vocabulary);
    if let Padding::Full(pad) = spec.text.padding
        && pad as usize >= known
    {
        return Err(ModelError::Tokenizer(format!(
            "texts are padded with {pad}, which the model's vocab_size of {known} leaves out"
        )));
    }
    if ids <= known {
        return Ok(());
    }
    Err(ModelError::Tokenizer(format!(
        "it knows {ids} tokens, the model's vocab_size is {known}: they do not belong together"
    )))
}
