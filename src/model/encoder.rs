//! The encoder of all families: a pair of towers, a tokenizer before one of them.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::{Device, Tensor};

use super::blueprint::Blueprint;
use super::device::{self, DType};
use super::documents::Documents;
use super::hub::Checkpoint;
use super::pixels::Preprocess;
use super::tokenizer::TextReader;
use super::towers::{Spec, TextTower, VisionTower};
use super::upload::{CUDA_WORKERS, Turns, Upload};
use super::weights::Weights;
use super::{EmbeddedCheckpoint, Encoder, Fingerprint, ModelError, hash_files};
use crate::hash;
use crate::matrix::Matrix;

/// Texts a micro-batch: prompts are short, and the matmuls are full at a few hundred tokens.
pub(super) const TEXT_BATCH: usize = 16;

/// A checkpoint, ready to encode.
pub struct DualEncoder {
    towers: Towers,
    reader: TextReader,
    preprocess: Preprocess,
    spec: Spec,
    fingerprint: Fingerprint,
    device: Device,
    upload: Upload,
    turns: Turns,
    dtype: DType,
    notes: Vec<String>,
}

/// What a checkpoint's weights make.
struct Towers {
    vision: VisionTower,
    text: TextTower,
    /// Exponentiated.
    logit_scale: f32,
    /// What is to be said of the weights.
    note: Option<String>,
}

impl DualEncoder {
    /// Reads a checkpoint onto each of the devices.
    ///
    /// # Errors
    /// Files that cannot be read or do not fit together, by name.
    pub fn load(
        checkpoint: &Checkpoint,
        devices: &[Device],
        dtype: DType,
    ) -> Result<Vec<Self>, ModelError> {
        let blueprint = Blueprint::read(checkpoint)?;
        // Hashing reads hundreds of megabytes; it runs beside the loading.
        let (encoders, hash) = std::thread::scope(|scope| {
            let hash = scope.spawn(|| hash_files(&checkpoint.weights));
            let encoders = Self::on_each(&blueprint, devices, dtype, |device| {
                let naming = blueprint.family.naming();
                Weights::open(&checkpoint.weights, naming, device, dtype)
            });
            (encoders, hash.join().expect("hashing does not panic"))
        });
        Ok(Self::of_weights(encoders?, &hash?))
    }

    /// Reads a checkpoint that is part of the program onto each of the devices.
    ///
    /// # Errors
    /// Parts that are not what they should be: a test holds that they are.
    pub fn load_embedded(
        checkpoint: &EmbeddedCheckpoint,
        devices: &[Device],
        dtype: DType,
    ) -> Result<Vec<Self>, ModelError> {
        let blueprint = Blueprint::of_transformers(&Documents::embedded(checkpoint))?;
        let encoders = Self::on_each(&blueprint, devices, dtype, |device| {
            Weights::embedded(
                checkpoint.weights,
                blueprint.family.naming(),
                Path::new(checkpoint.name).join("model.safetensors"),
                device,
                dtype,
            )
        })?;
        // As of a file with the same content, so that a copy on disk has the same fingerprint.
        let hash = hash::of_bytes(checkpoint.weights);
        Ok(Self::of_weights(encoders, &hash))
    }

    /// Builds the towers on each of the devices from what `open` gives for it; the fingerprint lacks the weights.
    fn on_each(
        blueprint: &Blueprint,
        devices: &[Device],
        dtype: DType,
        open: impl Fn(&Device) -> Result<Weights, ModelError>,
    ) -> Result<Vec<Self>, ModelError> {
        let on = |device: &Device| {
            let towers = Towers::load(&open(device)?, &blueprint.spec)?;
            // Other threads use the weights, and what they do waits for nothing that this one has asked for.
            device.synchronize()?;
            Ok(Self::new(blueprint.clone(), towers, device.clone(), dtype))
        };
        devices.iter().map(on).collect()
    }

    /// Tells the encoders the hash of the weights that they were made of.
    fn of_weights(mut encoders: Vec<Self>, hash: &str) -> Vec<Self> {
        for encoder in &mut encoders {
            hash.clone_into(&mut encoder.fingerprint.weights);
        }
        encoders
    }

    fn new(blueprint: Blueprint, towers: Towers, device: Device, dtype: DType) -> Self {
        let fingerprint = Fingerprint {
            weights: String::new(),
            config: blueprint.config_hash,
            tokenizer: blueprint.tokenizer_hash,
            preprocess: blueprint.preprocess.clone(),
            dtype: dtype.name().to_owned(),
            device: device::kind(&device),
        };
        let mut notes = blueprint.notes;
        notes.extend(towers.note.clone());
        Self {
            towers,
            reader: blueprint.reader,
            preprocess: blueprint.preprocess,
            spec: blueprint.spec,
            fingerprint,
            device,
            upload: Upload::default(),
            turns: Turns::default(),
            dtype,
            notes,
        }
    }

    /// Computes n × columns values when it is this thread's turn, and reads them.
    fn compute(
        &self,
        features: impl FnOnce() -> candle_core::Result<Tensor>,
    ) -> Result<Vec<f32>, ModelError> {
        let _turn = self.turns.wait(&self.device);
        Ok(features()?.flatten_all()?.to_vec1::<f32>()?)
    }

    /// The rows of n × columns values, their means at length 1; norms in f64.
    fn unit_rows(&self, mut data: Vec<f32>) -> Result<Matrix, ModelError> {
        for row in data.chunks_exact_mut(self.columns()) {
            let (row, log_variance) = row.split_at_mut(self.spec.dim);
            let squares: f64 = row.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
            // Left alone, they would rank as the most confident answers of all.
            if !squares.is_finite() || log_variance.iter().any(|v| !v.is_finite()) {
                return Err(ModelError::Device(format!(
                    "the model gave values that are no numbers: its weights are damaged, or too large for {} (--dtype f32)",
                    self.dtype
                )));
            }
            let norm = squares.sqrt().max(f64::MIN_POSITIVE);
            row.iter_mut()
                .for_each(|v| *v = (f64::from(*v) / norm) as f32);
        }
        Ok(Matrix::new(self.columns(), data))
    }

    fn encode_ids(&self, texts: &[&[u32]]) -> Result<Matrix, ModelError> {
        self.unit_rows(self.compute(|| self.towers.text.forward(texts, &self.device))?)
    }
}

impl Encoder for DualEncoder {
    fn dim(&self) -> usize {
        self.spec.dim
    }

    fn tells_uncertainty(&self) -> bool {
        self.spec.tells_uncertainty()
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
        match self.device {
            Device::Cuda(_) => CUDA_WORKERS,
            _ => device::workers(&self.device),
        }
    }

    fn batch_matters(&self) -> bool {
        !self.towers.rows_are_independent()
    }

    fn encode_images(&self, pixels: &[f32]) -> Result<Matrix, ModelError> {
        let image = 3 * self.spec.vision.image_size() * self.spec.vision.image_size();
        if pixels.is_empty() {
            return Ok(Matrix::new(self.columns(), Vec::new()));
        }
        if !pixels.len().is_multiple_of(image) {
            return Err(ModelError::Device(format!(
                "{} pixel values are not whole images of {image}",
                pixels.len()
            )));
        }
        let vision = &self.towers.vision;
        let patches = vision.upload(pixels, &self.device, &self.upload)?;
        self.unit_rows(self.compute(|| vision.forward(patches, self.dtype.of_candle()))?)
    }

    fn token_ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let ids = self.reader.ids(text)?;
        if ids.is_empty() {
            return Err(ModelError::Tokenizer(format!(
                "`{text}` has no tokens, not even an end: tokenizer.json lacks the model's post_processor"
            )));
        }
        match ids
            .iter()
            .find(|&&id| id as usize >= self.spec.text.vocabulary)
        {
            None => Ok(ids),
            Some(id) => Err(ModelError::Tokenizer(format!(
                "`{text}`: token {id} is outside of the model's vocabulary of {}",
                self.spec.text.vocabulary
            ))),
        }
    }

    fn encode_texts(&self, texts: &[&str]) -> Result<Matrix, ModelError> {
        let ids: Vec<Vec<u32>> = texts
            .iter()
            .map(|text| self.token_ids(text))
            .collect::<Result<_, _>>()?;
        // Texts of one length together, and where their number has a say always as many, so that a text's last bits do not depend on the
        // others. The order is made good again below.
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
                let count = if self.batch_matters() {
                    TEXT_BATCH
                } else {
                    indices.len()
                };
                let texts = indices.iter().cycle().take(count);
                let texts: Vec<&[u32]> = texts.map(|&i| ids[i].as_slice()).collect();
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

        let columns = self.columns();
        let mut all = Matrix::new(columns, vec![0.0; ids.len() * columns]);
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
    /// Whether a row is the same to the bit whatever is computed with it.
    fn rows_are_independent(&self) -> bool {
        self.vision.rows_are_independent() && self.text.rows_are_independent()
    }

    fn load(weights: &Weights, spec: &Spec) -> Result<Self, ModelError> {
        let logit_scale = weights.scalar("logit_scale")?.exp();
        if !logit_scale.is_finite() {
            return Err(ModelError::Weights {
                path: weights.path().to_owned(),
                reason: "tensor `logit_scale` is no number whose exponential is finite".into(),
            });
        }
        let vision = VisionTower::load(weights, spec)?;
        let text = TextTower::load(weights, spec)?;
        let unused = weights.unused();
        // A part of the network that we do not know would make every answer another one.
        let note = unused.first().map(|first| {
            format!(
                "{} tensor(s) of the weights are not used, `{first}` among them: is it a variant that the configuration does not tell?",
                unused.len()
            )
        });
        Ok(Self {
            vision,
            text,
            logit_scale,
            note,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::hub::{self, HubEnv};

    fn fixture(name: &str, dtype: DType) -> DualEncoder {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
        let env = HubEnv::from_variables(&|_| None);
        let checkpoint = hub::resolve(&format!("{root}/{name}"), &env, &()).unwrap();
        let encoders = DualEncoder::load(&checkpoint, &[Device::Cpu], dtype).unwrap();
        encoders.into_iter().next().unwrap()
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
        let encoders = DualEncoder::load(&checkpoint, &[Device::Cpu], DType::F32).unwrap();
        let encoder = &encoders[0];
        let size = encoder.spec.vision.image_size();
        let error = encoder
            .encode_images(&vec![0.0; 3 * size * size])
            .unwrap_err();
        assert!(error.to_string().contains("no numbers"), "{error}");
        assert!(encoder.encode_texts(&["a dog"]).is_ok());
    }

    /// Half precision takes the way of GPUs through every layer, on the CPU too; the command line refuses it there
    /// for being slow.
    #[test]
    fn less_precision_agrees_with_f32() {
        let names = [
            "clip/quick-gelu",
            "open_clip/clipa",
            "siglip/siglip",
            "prolip/b16",
        ];
        names.into_iter().for_each(less_precision_agrees);
    }

    fn less_precision_agrees(name: &str) {
        let exact = fixture(name, DType::F32);
        let (size, half_dim) = (exact.spec.vision.image_size(), exact.spec.dim);
        let pixels: Vec<f32> = (0..2 * 3 * size * size)
            .map(|i| ((i * 7919 % 1009) as f32 - 504.0) / 250.0)
            .collect();
        let texts = ["a photo of a square", "the dog and the bone", ""];
        for (dtype, tolerance) in [
            (DType::F16, 1e-4f32),
            (DType::Bf16, 5e-3),
            (DType::Q8, 1e-3),
        ] {
            let half = fixture(name, dtype);
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
                    let ((a, of_a), (b, of_b)) = (
                        half.row(i).split_at(half_dim),
                        exact.row(i).split_at(half_dim),
                    );
                    let off = of_a.iter().zip(of_b).map(|(a, b)| (a - b).abs());
                    let off = off.fold(0.0, f32::max);
                    // As far as a value of a unit vector that is off by the cosine below, and some more: they are larger.
                    let largest = (8.0 * tolerance).sqrt();
                    assert!(off < largest, "{name} in {dtype}: log σ² off by {off}");
                    let cosine: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                    assert!(
                        cosine > 1.0 - tolerance,
                        "{name} in {dtype}: row {i}: {cosine}"
                    );
                }
            }
        }
    }
}
