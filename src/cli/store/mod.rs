//! The store of embeddings: which one is in use, and what becomes of what cannot be kept; `cladist store`.

mod command;
mod images;
mod texts;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueHint;

use super::output::tell;
use super::places;
use crate::embed::EmbedOptions;
use crate::embed::store::{Collection, Recipe, SHARD_ROWS, Store, StoreError};
use crate::model::{Encoder, Remembering};

pub use command::{StoreCommand, run};
pub use images::{BETWEEN_SHARDS, Believed, Images, Part};
use texts::Texts;

/// Where embeddings are kept from one time to the next.
#[derive(Debug, Clone, clap::Args)]
pub struct StoreArgs {
    /// Keep embeddings in this directory, and take those from it that it has; default: CLADIST_STORE, else cladist/store in the cache directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    store: Option<PathBuf>,

    /// Encode everything, and keep nothing
    // Takes `=false`, so that the command line can take back what a config file says.
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    no_store: bool,

    /// Read every image, instead of taking a file of the same path, size and time of change for the one that it was
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    verify: bool,

    /// Images that are written to the store at once, at most: what a process that is killed loses
    #[arg(long, value_name = "N", default_value_t = SHARD_ROWS as u32, value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    shard_rows: u32,
}

impl Default for StoreArgs {
    /// As without arguments.
    fn default() -> Self {
        Self {
            store: None,
            no_store: false,
            verify: false,
            shard_rows: SHARD_ROWS as u32,
        }
    }
}

impl StoreArgs {
    /// The directory that is meant; `None` if nothing is to be kept.
    pub fn directory(&self) -> Option<PathBuf> {
        if self.no_store {
            return None;
        }
        self.store.clone().or_else(places::store)
    }

    /// The same as if the user had named the directory: for who wants nothing else.
    pub fn named(&self) -> Self {
        Self {
            store: self.directory(),
            ..self.clone()
        }
    }

    /// Images as this encoder and these options make them; `None` if they are not kept. `model` is what the user calls it.
    ///
    /// # Errors
    /// The store cannot be read, and was named.
    pub fn images(
        &self,
        encoder: &dyn Encoder,
        options: &EmbedOptions,
        model: &str,
    ) -> anyhow::Result<Option<Images>> {
        let recipe = Recipe::of_images(encoder, options, model);
        let opened = self.open(recipe)?;
        Ok(opened.map(|(store, kept)| Images::new(kept, store.hints(), self.verify)))
    }

    /// The encoder, which takes texts from the store that were encoded before.
    ///
    /// # Errors
    /// The store cannot be read, and was named.
    pub fn remembering(
        &self,
        encoder: Box<dyn Encoder>,
        model: &str,
    ) -> anyhow::Result<Arc<dyn Encoder>> {
        let texts = self.open(Recipe::of_texts(encoder.as_ref(), model))?;
        let memory = texts.map(|(_, kept)| Box::new(Texts(kept)) as Box<_>);
        Ok(Arc::new(Remembering::new(Arc::from(encoder), memory)))
    }

    fn open(&self, recipe: Recipe) -> anyhow::Result<Option<(Store, Kept)>> {
        let Some(dir) = self.directory() else {
            return Ok(None);
        };
        let (store, is_named) = (Store::at(&dir), self.store.is_some());
        match store.collection(recipe) {
            Ok(collection) => {
                let collection = collection.with_shards_of(self.shard_rows as usize);
                Ok(Some((store, Kept::new(collection, is_named))))
            }
            Err(error @ StoreError::Io { .. }) if !is_named => {
                tell!("{error}: nothing is kept, and everything encoded");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A collection in use. Where the user has named the store, what cannot be kept there is an error; else the work goes on without.
pub struct Kept {
    collection: Collection,
    is_named: bool,
    /// Whether it was given up to add to it.
    is_closed: AtomicBool,
}

impl Kept {
    fn new(collection: Collection, is_named: bool) -> Self {
        Self {
            collection,
            is_named,
            is_closed: AtomicBool::new(false),
        }
    }

    /// Does something that adds to the collection, as long as that is possible.
    fn adding(
        &self,
        work: impl FnOnce(&Collection) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if self.is_closed.load(Ordering::Relaxed) {
            return Ok(());
        }
        match work(&self.collection) {
            Err(error) if !self.is_named => {
                if !self.is_closed.swap(true, Ordering::Relaxed) {
                    tell!("{error}: what is encoded from here on is not kept");
                }
                Ok(())
            }
            result => result,
        }
    }

    /// Tells what is damaged.
    fn tell_faults(&self) {
        for fault in self.collection.faults() {
            let again = match fault.rows() {
                0 => String::new(),
                1 => "; 1 embedding was made again".to_owned(),
                rows => format!("; {rows} embeddings were made again"),
            };
            tell!("{}{again} (`cladist store prune` mends it)", fault.what);
        }
    }
}
