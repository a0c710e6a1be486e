//! An encoder that encodes each text once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Encoder, Fingerprint, ModelError, Preprocess};
use crate::matrix::Matrix;

/// Where embeddings of texts outlive the program.
pub trait TextMemory: Send + Sync {
    /// Puts the embedding of a text into `row`, of as many values as it has; whether it is known.
    fn recall(&self, text: &str, row: &mut [f32]) -> bool;

    /// Takes the embeddings of texts that were not known.
    ///
    /// # Errors
    /// They cannot be kept, and are to be.
    fn remember(&self, texts: &[&str], rows: &Matrix) -> Result<(), ModelError>;

    /// Brings what was taken to where it outlives the program.
    ///
    /// # Errors
    /// As [`remember`](Self::remember).
    fn keep(&self) -> Result<(), ModelError>;
}

/// An encoder in front of another one that keeps the embeddings of texts, for who asks for nearly the same ones again and again: after
/// an edit of a taxonomy or of a template set, only the prompts that are new are encoded.
pub struct Remembering {
    encoder: Arc<dyn Encoder>,
    texts: Mutex<HashMap<String, Box<[f32]>>>,
    /// Is asked before the encoder is.
    memory: Option<Box<dyn TextMemory>>,
}

impl Remembering {
    /// Keeps them as long as it lives, and in `memory` if there is one.
    pub fn new(encoder: Arc<dyn Encoder>, memory: Option<Box<dyn TextMemory>>) -> Self {
        Self {
            encoder,
            texts: Mutex::default(),
            memory,
        }
    }

    /// The embeddings of texts that are not known yet, which are to be kept.
    fn learn(&self, texts: &[&str]) -> Result<Vec<Box<[f32]>>, ModelError> {
        let columns = self.columns();
        let recall = |text: &&str| {
            let mut row = vec![0.0; columns];
            let memory = self.memory.as_ref()?;
            memory.recall(text, &mut row).then(|| row.into())
        };
        let recalled: Vec<Option<Box<[f32]>>> = texts.iter().map(recall).collect();
        let new = texts.iter().zip(&recalled);
        let new = new.filter(|(_, row)| row.is_none());
        let new: Vec<&str> = new.map(|(text, _)| *text).collect();
        let mut encoded = Matrix::new(columns, Vec::new());
        if !new.is_empty() {
            encoded = self.encoder.encode_texts(&new)?;
            if let Some(memory) = &self.memory {
                memory.remember(&new, &encoded)?;
            }
        }
        let mut next = 0..;
        let mut row = || encoded.row(next.next().unwrap_or_default()).into();
        let rows = recalled.into_iter();
        Ok(rows.map(|known| known.unwrap_or_else(&mut row)).collect())
    }
}

impl Encoder for Remembering {
    fn dim(&self) -> usize {
        self.encoder.dim()
    }

    fn tells_uncertainty(&self) -> bool {
        self.encoder.tells_uncertainty()
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

    fn batch_matters(&self) -> bool {
        self.encoder.batch_matters()
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
            let mut seen = HashSet::new();
            let unknown = texts.iter().copied();
            let unknown = unknown.filter(|text| !known.contains_key(*text) && seen.insert(*text));
            unknown.collect()
        };
        if !new.is_empty() {
            let rows = self.learn(&new)?;
            let new = new.into_iter().map(str::to_owned);
            known().extend(new.zip(rows));
        }
        let known = known();
        let mut data = Vec::with_capacity(texts.len() * self.columns());
        for &text in texts {
            data.extend_from_slice(&known[text]);
        }
        Ok(Matrix::new(self.columns(), data))
    }

    fn keep_texts(&self) -> Result<(), ModelError> {
        self.memory.as_ref().map_or(Ok(()), |memory| memory.keep())
    }
}
