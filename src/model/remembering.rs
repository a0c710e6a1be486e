//! An encoder that encodes each text once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Encoder, Fingerprint, ModelError, Preprocess};
use crate::matrix::Matrix;

/// An encoder in front of another one that keeps the embeddings of texts, for who asks for nearly the same ones again and again: after
/// an edit of a taxonomy or of a template set, only the prompts that are new are encoded.
///
/// A text keeps the embedding of the first time, and the batch that it was encoded in can change its last bits (about 1e-7).
pub struct Remembering {
    encoder: Arc<dyn Encoder>,
    texts: Mutex<HashMap<String, Box<[f32]>>>,
}

impl Remembering {
    pub fn new(encoder: Arc<dyn Encoder>) -> Self {
        Self {
            encoder,
            texts: Mutex::default(),
        }
    }
}

impl Encoder for Remembering {
    fn dim(&self) -> usize {
        self.encoder.dim()
    }

    fn logit_scale(&self) -> f32 {
        self.encoder.logit_scale()
    }

    fn fingerprint(&self) -> &Fingerprint {
        self.encoder.fingerprint()
    }

    fn preprocess(&self) -> &Preprocess {
        self.encoder.preprocess()
    }

    fn notes(&self) -> &[String] {
        self.encoder.notes()
    }

    fn device_name(&self) -> String {
        self.encoder.device_name()
    }

    fn dtype_name(&self) -> &'static str {
        self.encoder.dtype_name()
    }

    fn workers(&self) -> usize {
        self.encoder.workers()
    }

    fn encode_images(&self, pixels: &[f32]) -> Result<Matrix, ModelError> {
        self.encoder.encode_images(pixels)
    }

    fn token_ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.encoder.token_ids(text)
    }

    fn encode_texts(&self, texts: &[&str]) -> Result<Matrix, ModelError> {
        // What is kept is added to and never changed, so it is whole also after a panic.
        let known = || self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let new: Vec<&str> = {
            let known = known();
            let unknown = texts.iter().filter(|&&text| !known.contains_key(text));
            unknown.copied().collect()
        };
        if !new.is_empty() {
            let encoded = self.encoder.encode_texts(&new)?;
            let mut known = known();
            for (i, text) in new.iter().enumerate() {
                known.insert((*text).to_owned(), encoded.row(i).into());
            }
        }
        let known = known();
        let mut data = Vec::with_capacity(texts.len() * self.dim());
        for &text in texts {
            data.extend_from_slice(&known[text]);
        }
        Ok(Matrix::new(self.dim(), data))
    }
}
