//! Texts that were encoded before.

use super::Kept;
use crate::embed::store::{Collection, Entry, Key, StoreError};
use crate::matrix::Matrix;
use crate::model::{ModelError, TextMemory};

/// Embeddings of texts that outlive the program.
pub struct Texts(pub Kept);

impl TextMemory for Texts {
    fn recall(&self, text: &str, row: &mut [f32]) -> bool {
        self.0.collection.get(&Key::of(text.as_bytes()), row)
    }

    fn remember(&self, texts: &[&str], rows: &Matrix) -> Result<(), ModelError> {
        let entry = |text: &&str| Entry {
            key: Key::of(text.as_bytes()),
            name: (*text).to_owned(),
            label: None,
        };
        let entries = texts.iter().map(entry).collect();
        let added = self.0.adding(|texts| texts.add(entries, rows.as_slice()));
        added.map_err(told)
    }

    fn keep(&self) -> Result<(), ModelError> {
        self.0.tell_faults();
        self.0.adding(Collection::flush).map_err(told)
    }
}

fn told(error: StoreError) -> ModelError {
    ModelError::Memory(error.to_string())
}
