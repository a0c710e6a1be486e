//! The small files of a checkpoint, read once: what families make of them, and what a fingerprint hashes, is the same.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::hub::Checkpoint;
use super::{EmbeddedCheckpoint, ModelError};
use crate::hash;

/// One file, with the name that errors call it by.
#[derive(Debug, Clone)]
pub struct Document {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
}

impl Document {
    fn read(path: &Path) -> Result<Self, ModelError> {
        let bytes = std::fs::read(path).map_err(|error| ModelError::File {
            path: path.to_owned(),
            reason: format!("cannot be read: {error}"),
        })?;
        Ok(Self {
            path: path.to_owned(),
            bytes,
        })
    }

    fn read_all<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<Vec<Self>, ModelError> {
        paths.into_iter().map(|path| Self::read(path)).collect()
    }

    /// The content as JSON.
    ///
    /// # Errors
    /// If it is none.
    pub fn json(&self) -> Result<Value, ModelError> {
        serde_json::from_slice(&self.bytes)
            .map_err(|error| self.fault(format!("is not valid JSON: {error}")))
    }

    /// What is wrong with the file, to follow its name.
    pub fn fault(&self, reason: impl Into<String>) -> ModelError {
        ModelError::File {
            path: self.path.clone(),
            reason: reason.into(),
        }
    }
}

/// The small files of a checkpoint.
#[derive(Debug)]
pub struct Documents {
    /// `config.json` or `open_clip_config.json`.
    pub config: Document,
    /// `tokenizer.json`, or `vocab.json` and `merges.txt`.
    pub tokenizer: Vec<Document>,
    /// `tokenizer_config.json`.
    pub tokenizer_config: Option<Document>,
    /// `preprocessor_config.json`.
    pub preprocessor: Option<Document>,
    /// `processor_config.json`.
    pub processor: Option<Document>,
}

impl Documents {
    /// Those of a checkpoint on this machine.
    ///
    /// # Errors
    /// The file that cannot be read.
    pub fn read(checkpoint: &Checkpoint) -> Result<Self, ModelError> {
        let optional = |path: &Option<PathBuf>| path.as_deref().map(Document::read).transpose();
        Ok(Self {
            config: Document::read(&checkpoint.config)?,
            tokenizer: Document::read_all(&checkpoint.tokenizer)?,
            tokenizer_config: optional(&checkpoint.tokenizer_config)?,
            preprocessor: optional(&checkpoint.preprocessor)?,
            processor: optional(&checkpoint.processor)?,
        })
    }

    /// Those of a checkpoint that is part of the program.
    pub fn embedded(checkpoint: &EmbeddedCheckpoint) -> Self {
        let document = |name: &str, bytes: &[u8]| Document {
            path: Path::new(checkpoint.name).join(name),
            bytes: bytes.to_vec(),
        };
        let preprocessor = document("preprocessor_config.json", checkpoint.preprocessor);
        Self {
            config: document("config.json", checkpoint.config),
            tokenizer: vec![document("tokenizer.json", checkpoint.tokenizer)],
            tokenizer_config: None,
            preprocessor: Some(preprocessor),
            processor: None,
        }
    }

    /// SHA-256 of the configuration.
    pub fn config_hash(&self) -> String {
        hash::of_bytes(&self.config.bytes)
    }

    /// SHA-256 of all that decides how a text becomes tokens.
    pub fn tokenizer_hash(&self, with_config: bool) -> String {
        let config = self.tokenizer_config.as_ref().filter(|_| with_config);
        let all: Vec<u8> = self
            .tokenizer
            .iter()
            .chain(config)
            .flat_map(|document| document.bytes.iter().copied())
            .collect();
        hash::of_bytes(&all)
    }
}
