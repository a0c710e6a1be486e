//! CLIP in the Hugging Face layout, on candle: our own towers.
//!
//! candle-transformers' `clip` is not used because it knows one activation in the text tower, fixes the layer-norm
//! epsilon, replaces a missing class embedding by noise, and pools texts at the device's argmax, which on CUDA is not
//! the first maximum.

mod config;
mod formats;
mod kernels;
mod ops;
mod towers;
mod weights;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::{Device, Tensor};
use tokenizers::Tokenizer;

use super::device::{self, DType};
use super::hub::Checkpoint;
use super::pixels::Preprocess;
use super::{
    EmbeddedCheckpoint, Encoder, Fingerprint, ModelError, hash_files, parse_json, parse_preprocess,
    preprocess_of, read_json, tokenizer,
};
use crate::hash;
use crate::matrix::Matrix;
use config::ClipConfig;
use towers::{TextTower, VisionTower};
use weights::Weights;

/// Texts a micro-batch: prompts are short, and the matmuls are full at a few hundred tokens.
const TEXT_BATCH: usize = 16;

/// A CLIP checkpoint, ready to encode.
pub struct ClipEncoder {
    towers: Towers,
    tokenizer: Tokenizer,
    preprocess: Preprocess,
    config: ClipConfig,
    fingerprint: Fingerprint,
    device: Device,
    dtype: DType,
    notes: Vec<String>,
}

/// What a checkpoint's weights make.
struct Towers {
    vision: VisionTower,
    text: TextTower,
    /// Exponentiated.
    logit_scale: f32,
}

/// All that is read of a checkpoint.
struct Parts {
    config: ClipConfig,
    tokenizer: Tokenizer,
    preprocess: Preprocess,
    towers: Towers,
    /// SHA-256 of the weights, the configuration, the tokenizer.
    hashes: [String; 3],
    notes: Vec<String>,
}

impl ClipEncoder {
    /// Reads a checkpoint onto `device`.
    ///
    /// # Errors
    /// Files that cannot be read or do not fit together, by name.
    pub fn load(checkpoint: &Checkpoint, device: Device, dtype: DType) -> Result<Self, ModelError> {
        let in_file = |error| match error {
            ModelError::Config(reason) => ModelError::File {
                path: checkpoint.config.clone(),
                reason,
            },
            other => other,
        };
        let config = ClipConfig::from_json(&read_json(&checkpoint.config)?)
            .map_err(|reason| in_file(ModelError::Config(reason)))?;
        let tokenizer = tokenizer::load(checkpoint, config.text.max_position_embeddings)?;
        check_vocabulary(&tokenizer, &config)?;
        let preprocess = preprocess_of(checkpoint, config.vision.image_size)?;
        let mut notes = Vec::new();
        if checkpoint.preprocessor.is_none() && checkpoint.processor.is_none() {
            notes.push(
                "no preprocessor_config.json beside the weights: pictures are prepared as CLIP's own are".to_owned(),
            );
        }
        // Hashing reads hundreds of megabytes; it runs beside the loading.
        let (towers, hashes) = std::thread::scope(|scope| {
            let hashes = scope.spawn(|| hash(checkpoint));
            let towers = Weights::open(&checkpoint.weights, &device, dtype.of_candle())
                .and_then(|weights| Towers::load(&weights, &config))
                .map_err(in_file);
            (towers, hashes.join().expect("hashing does not panic"))
        });
        let parts = Parts {
            config,
            tokenizer,
            preprocess,
            towers: towers?,
            hashes: hashes?,
            notes,
        };
        Ok(Self::new(parts, device, dtype))
    }

    /// Reads a checkpoint that is part of the program onto `device`.
    ///
    /// # Errors
    /// Parts that are not what they should be: a test holds that they are.
    pub fn load_embedded(
        checkpoint: &EmbeddedCheckpoint,
        device: Device,
        dtype: DType,
    ) -> Result<Self, ModelError> {
        let name = |file: &str| Path::new(checkpoint.name).join(file);
        let config = ClipConfig::from_json(&parse_json(&name("config.json"), checkpoint.config)?)
            .map_err(ModelError::Config)?;
        let tokenizer = tokenizer::parse(
            &name("tokenizer.json"),
            checkpoint.tokenizer,
            config.text.max_position_embeddings,
        )?;
        check_vocabulary(&tokenizer, &config)?;
        let preprocessor = name("preprocessor_config.json");
        let preprocess = parse_preprocess(
            &preprocessor,
            &parse_json(&preprocessor, checkpoint.preprocessor)?,
            config.vision.image_size,
        )?;
        let weights = Weights::embedded(
            checkpoint.weights,
            name("model.safetensors"),
            &device,
            dtype.of_candle(),
        )?;
        let towers = Towers::load(&weights, &config)?;
        let hashes = [checkpoint.weights, checkpoint.config, checkpoint.tokenizer];
        let parts = Parts {
            config,
            tokenizer,
            preprocess,
            towers,
            // As of a file with the same content, so that a copy on disk has the same fingerprint.
            hashes: hashes.map(hash::of_bytes),
            notes: Vec::new(),
        };
        Ok(Self::new(parts, device, dtype))
    }

    fn new(parts: Parts, device: Device, dtype: DType) -> Self {
        let [weights, config, tokenizer] = parts.hashes;
        let name = device::name(&device);
        let fingerprint = Fingerprint {
            weights,
            config,
            tokenizer,
            preprocess: parts.preprocess.clone(),
            dtype: dtype.name().to_owned(),
            device: name.split(':').next().unwrap_or_default().to_owned(),
        };
        Self {
            towers: parts.towers,
            tokenizer: parts.tokenizer,
            preprocess: parts.preprocess,
            config: parts.config,
            fingerprint,
            device,
            dtype,
            notes: parts.notes,
        }
    }

    /// Unit rows of a n × dim tensor; norms in f64.
    fn unit_rows(&self, features: &Tensor) -> Result<Matrix, ModelError> {
        let mut data = features.flatten_all()?.to_vec1::<f32>()?;
        for row in data.chunks_exact_mut(self.config.projection_dim) {
            let squares: f64 = row.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
            // Left alone, they would rank as the most confident answers of all.
            if !squares.is_finite() {
                return Err(ModelError::Device(format!(
                    "the model gave values that are no numbers: its weights are damaged, or too large for {} (--dtype f32)",
                    self.dtype
                )));
            }
            let norm = squares.sqrt().max(f64::MIN_POSITIVE);
            row.iter_mut()
                .for_each(|v| *v = (f64::from(*v) / norm) as f32);
        }
        Ok(Matrix::new(self.config.projection_dim, data))
    }

    fn encode_ids(&self, texts: &[&[u32]]) -> Result<Matrix, ModelError> {
        self.unit_rows(&self.towers.text.forward(texts, &self.device)?)
    }
}

impl Encoder for ClipEncoder {
    fn dim(&self) -> usize {
        self.config.projection_dim
    }

    fn logit_scale(&self) -> f32 {
        self.towers.logit_scale
    }

    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn device_name(&self) -> String {
        device::name(&self.device)
    }

    fn dtype_name(&self) -> &'static str {
        self.dtype.name()
    }

    fn workers(&self) -> usize {
        if self.device.is_cpu() {
            std::thread::available_parallelism().map_or(1, usize::from)
        } else {
            1
        }
    }

    fn encode_images(&self, pixels: &[f32]) -> Result<Matrix, ModelError> {
        let image = 3 * self.config.vision.image_size * self.config.vision.image_size;
        if pixels.is_empty() {
            return Ok(Matrix::new(self.dim(), Vec::new()));
        }
        if !pixels.len().is_multiple_of(image) {
            return Err(ModelError::Device(format!(
                "{} pixel values are not whole images of {image}",
                pixels.len()
            )));
        }
        let features = self
            .towers
            .vision
            .forward(pixels, &self.device, self.dtype.of_candle())?;
        self.unit_rows(&features)
    }

    fn token_ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let ids = tokenizer::ids(&self.tokenizer, text)?;
        if ids.is_empty() {
            return Err(ModelError::Tokenizer(format!(
                "`{text}` has no tokens, not even a start and an end: tokenizer.json lacks CLIP's post_processor"
            )));
        }
        match ids
            .iter()
            .find(|&&id| id as usize >= self.config.text.vocab_size)
        {
            None => Ok(ids),
            Some(id) => Err(ModelError::Tokenizer(format!(
                "`{text}`: token {id} is outside of the model's vocabulary of {}",
                self.config.text.vocab_size
            ))),
        }
    }

    fn encode_texts(&self, texts: &[&str]) -> Result<Matrix, ModelError> {
        let ids: Vec<Vec<u32>> = texts
            .iter()
            .map(|text| self.token_ids(text))
            .collect::<Result<_, _>>()?;
        // Texts of one length together, and always as many: the number of tokens in a micro-batch changes in which order sums are
        // made, so that else a text's last bits would depend on the others. The order is made good again below.
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_by_key(|&i| ids[i].len());
        let same = order.chunk_by(|&a, &b| ids[a].len() == ids[b].len());
        let batches: Vec<&[usize]> = same.flat_map(|same| same.chunks(TEXT_BATCH)).collect();

        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<(usize, Matrix)>, ModelError> {
            let mut done = Vec::new();
            loop {
                let batch = next.fetch_add(1, Ordering::Relaxed);
                let Some(indices) = batches.get(batch) else {
                    return Ok(done);
                };
                let full = indices.iter().cycle().take(TEXT_BATCH);
                let texts: Vec<&[u32]> = full.map(|&i| ids[i].as_slice()).collect();
                done.push((batch, self.encode_ids(&texts)?));
            }
        };
        let workers = self.workers().min(batches.len());
        let done = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("encoding does not panic"))
                .collect::<Result<Vec<_>, _>>()
        })?;

        let mut all = Matrix::new(self.dim(), vec![0.0; ids.len() * self.dim()]);
        for (batch, rows) in done.into_iter().flatten() {
            // Those that only make it full are at the end.
            for (row, &i) in batches[batch].iter().enumerate() {
                all.row_mut(i).copy_from_slice(rows.row(row));
            }
        }
        Ok(all)
    }
}

impl Towers {
    fn load(weights: &Weights, config: &ClipConfig) -> Result<Self, ModelError> {
        let logit_scale = weights.scalar("logit_scale")?.exp();
        if !logit_scale.is_finite() {
            return Err(ModelError::Weights {
                path: weights.path().to_owned(),
                reason: "tensor `logit_scale` is no number whose exponential is finite".into(),
            });
        }
        Ok(Self {
            vision: VisionTower::load(weights, config)?,
            text: TextTower::load(weights, config)?,
            logit_scale,
        })
    }
}

fn check_vocabulary(tokenizer: &Tokenizer, config: &ClipConfig) -> Result<(), ModelError> {
    let ids = tokenizer.get_vocab_size(true);
    if ids <= config.text.vocab_size {
        return Ok(());
    }
    Err(ModelError::Tokenizer(format!(
        "it knows {ids} tokens, the model's vocab_size is {}: they do not belong together",
        config.text.vocab_size
    )))
}

fn hash(checkpoint: &Checkpoint) -> Result<[String; 3], ModelError> {
    let tokenizer: Vec<&Path> = match (&checkpoint.tokenizer, &checkpoint.vocab_merges) {
        (Some(path), _) => vec![path],
        (None, Some((vocab, merges))) => vec![vocab, merges],
        (None, None) => Vec::new(),
    };
    Ok([
        hash_files(checkpoint.weights.iter().map(|path| path.as_path()))?,
        hash_files([checkpoint.config.as_path()])?,
        hash_files(tokenizer)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::hub::{self, HubEnv};

    fn fixture(dtype: DType) -> ClipEncoder {
        let dir = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/clip/quick-gelu"
        );
        let env = HubEnv::from_variables(&|_| None);
        let checkpoint = hub::resolve(dir, &env, &()).unwrap();
        ClipEncoder::load(&checkpoint, Device::Cpu, dtype).unwrap()
    }

    #[test]
    fn damaged_weights_give_an_error_not_an_answer() {
        let source = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/clip/quick-gelu"
        );
        let dir = tempfile::TempDir::new().unwrap();
        for entry in std::fs::read_dir(source).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
        }
        let weights = dir.path().join("model.safetensors");
        let mut tensors = candle_core::safetensors::load(&weights, &Device::Cpu).unwrap();
        let norm = tensors.get_mut("vision_model.post_layernorm.bias").unwrap();
        *norm = norm.affine(1.0, f64::NAN).unwrap();
        candle_core::safetensors::save(&tensors, &weights).unwrap();
        let env = HubEnv::from_variables(&|_| None);
        let checkpoint = hub::resolve(dir.path().to_str().unwrap(), &env, &()).unwrap();
        let encoder = ClipEncoder::load(&checkpoint, Device::Cpu, DType::F32).unwrap();
        let size = encoder.config.vision.image_size;
        let error = encoder
            .encode_images(&vec![0.0; 3 * size * size])
            .unwrap_err();
        assert!(error.to_string().contains("no numbers"), "{error}");
        assert!(encoder.encode_texts(&["a dog"]).is_ok());
    }

    /// Half precision takes the way of GPUs through every layer, on the CPU too; the command line refuses it there
    /// for being slow.
    #[test]
    fn half_precision_agrees_with_f32() {
        let exact = fixture(DType::F32);
        let size = exact.config.vision.image_size;
        let pixels: Vec<f32> = (0..2 * 3 * size * size)
            .map(|i| ((i * 7919 % 1009) as f32 - 504.0) / 250.0)
            .collect();
        let texts = ["a photo of a square", "the dog and the bone", ""];
        for (dtype, tolerance) in [(DType::F16, 1e-4), (DType::Bf16, 5e-3)] {
            let half = fixture(dtype);
            let pairs = [
                (
                    half.encode_images(&pixels).unwrap(),
                    exact.encode_images(&pixels).unwrap(),
                ),
                (
                    half.encode_texts(&texts).unwrap(),
                    exact.encode_texts(&texts).unwrap(),
                ),
            ];
            for (half, exact) in pairs {
                for i in 0..exact.rows() {
                    let (a, b) = (half.row(i), exact.row(i));
                    let cosine: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                    assert!(cosine > 1.0 - tolerance, "{dtype}: row {i}: {cosine}");
                }
            }
        }
    }
}
