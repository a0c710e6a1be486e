//! Embeddings that outlive the program: what was encoded once is not encoded again.
//!
//! A [`Store`] is a directory. In it each [`Recipe`], which is all that has a say in the values (weights, preprocessing, precision,
//! …), has a directory of its own, so that values of two models are never mixed: a [`Collection`] of immutable shards, in the layout of
//! clip-retrieval. An embedding is known by the [`Key`] of what it is of: the bytes of an image file, or a text. Beside the
//! collections are hints which key the file of an image has ([`Hints`]), by which known files need not be read; they can be lost without harm.
//!
//! A shard is there when its marker is, which is written last; so who is killed loses what is no shard yet, and no other
//! process ever sees a half of one. Several may add at once, each shards of numbers of its own. Every row has a check of its
//! key and values, which is looked at whenever it is read: a damaged row counts as unknown and is told.
//!
//! The room knows neither labels nor the command line: what is shown beside a row is text to it.

mod claim;
mod collection;
mod error;
mod hints;
mod index;
mod key;
mod layout;
mod shard;
#[cfg(test)]
mod tests;
mod upkeep;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use collection::{Collection, Fault};
pub use error::StoreError;
pub use hints::{Hints, Stamp};
pub use key::{Key, Kind, Recipe};
pub use shard::Entry;
pub use upkeep::{Size, Take, Tidied};

/// Rows of a shard, at most, unless somebody wants others: 32 MiB with 512 columns.
pub const SHARD_ROWS: usize = 1 << 14;

/// A directory of collections.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store in this directory, which need not be there yet.
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The collection of this recipe, with what it holds by now. Nothing is written before something is added.
    ///
    /// # Errors
    /// It cannot be read, or what is in its place is of another recipe.
    pub fn collection(&self, recipe: Recipe) -> Result<Collection, StoreError> {
        let dir = self.root.join(recipe.directory());
        Collection::open(dir, recipe)
    }

    /// All collections, by the names of their directories.
    ///
    /// # Errors
    /// The directory, or a manifest, cannot be read.
    pub fn collections(&self) -> Result<Vec<Collection>, StoreError> {
        let mut dirs: Vec<PathBuf> = match fs::read_dir(&self.root) {
            Ok(entries) => entries
                .map(|entry| Ok(entry?.path()))
                .collect::<io::Result<_>>()
                .map_err(|source| StoreError::io(&self.root, source))?,
            Err(source) => return Err(StoreError::io(&self.root, source)),
        };
        dirs.retain(|dir| collection::is_one(dir));
        dirs.sort();
        dirs.into_iter().map(Collection::open_as_is).collect()
    }

    /// What is known of image files by their paths.
    pub fn hints(&self) -> Hints {
        Hints::at(self.root.join("hints"))
    }
}
