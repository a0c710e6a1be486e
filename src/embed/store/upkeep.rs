//! What is done to a collection but using it: tidying up, checking, counting, walking through all of it.

use std::fs;
use std::path::Path;

use super::claim::Claim;
use super::collection::{Collection, Fault};
use super::error::StoreError;
use super::index::Place;
use super::key::Key;
use super::shard::{Entry, Shard};

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Embeddings that can be had, each key once.
    pub keys: usize,
    /// Rows of all shards.
    pub rows: usize,
    pub shards: usize,
    pub bytes: u64,
}

/// What was taken away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Shards that never came to be, or were damaged.
    pub shards: usize,
    pub bytes: u64,
}

/// Is given entries, and their rows.
pub type Take<'a, E> = dyn FnMut(Vec<Entry>, &[f32]) -> Result<(), E> + 'a;

impl Collection {
    /// How much there is.
    pub fn size(&self) -> Size {
        let state = self.read();
        let shards = state.shards.iter().map(|known| &known.shard);
        Size {
            keys: state.index.len(),
            rows: shards.clone().map(|shard| shard.rows).sum(),
            shards: state.shards.len(),
            bytes: shards.map(|shard| shard.bytes).sum(),
        }
    }

    /// Takes away what processes have begun that did not come to their end. What others are writing now stays.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn tidy(&self) -> Result<Tidied, StoreError> {
        let marked = self.layout.marked()?;
        let (there, lost): (Vec<u32>, Vec<u32>) = self
            .layout
            .begun()?
            .into_iter()
            .partition(|number| marked.binary_search(number).is_ok());
        for number in there {
            let claim = self.layout.claim(number);
            // Ended between the marker and this.
            if claim.exists() {
                Claim::of(&self.layout, number).map_err(|error| StoreError::io(&claim, error))?;
            }
        }
        self.remove(&lost, &|number| Ok(!self.layout.marker(number).exists()))
    }

    /// The same, and shards that are not what was written. Of these the rows that are good go into a new shard first.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn prune(&self) -> Result<Tidied, StoreError> {
        let tidied = self.tidy()?;
        let dim = self.recipe().dim();
        let is_damaged = |number| match Shard::verify(&self.layout, number, dim) {
            Ok(()) => Ok(false),
            Err(error) if error.is_damage() => Ok(true),
            Err(error) => Err(error),
        };
        let mut damaged = Vec::new();
        for number in self.layout.marked()? {
            if is_damaged(number)? {
                let (entries, rows) = self.good_rows(number)?;
                self.add(entries, &rows)?;
                damaged.push(number);
            }
        }
        // They are on disk before the others go.
        self.flush()?;
        let removed = self.remove(&damaged, &is_damaged)?;
        Ok(Tidied {
            shards: tidied.shards + removed.shards,
            bytes: tidied.bytes + removed.bytes,
        })
    }

    /// What is good of a shard that is damaged: the rows whose checks hold. What they are of is lost where that is what is damaged.
    fn good_rows(&self, number: u32) -> Result<(Vec<Entry>, Vec<f32>), StoreError> {
        let (mut entries, mut rows) = (Vec::new(), Vec::new());
        let (dim, columns) = (self.recipe().dim(), self.recipe().columns());
        let (shard, keys) = match Shard::open(&self.layout, number, dim) {
            Ok(opened) => opened,
            Err(error) if error.is_damage() => return Ok((entries, rows)),
            Err(error) => return Err(error),
        };
        let told = shard.entries(&self.layout).unwrap_or_default();
        for (at, (key, check)) in (0..).zip(&keys) {
            let start = rows.len();
            rows.resize(start + columns, 0.0);
            match self.row(&shard, at, (key, *check), &mut rows[start..]) {
                Ok(()) => {}
                Err(error) if error.is_damage() => {
                    rows.truncate(start);
                    continue;
                }
                Err(error) => return Err(error),
            }
            let told = told.get(at as usize).filter(|entry| entry.key == *key);
            entries.push(told.cloned().unwrap_or_else(|| Entry {
                key: *key,
                name: String::new(),
                label: None,
            }));
        }
        Ok((entries, rows))
    }

    /// Takes away those shards that nobody is writing and that are to go. That is asked when nobody can write them any more: one that
    /// was being written when it was listed may be whole by now.
    fn remove(
        &self,
        numbers: &[u32],
        is_to_go: &dyn Fn(u32) -> Result<bool, StoreError>,
    ) -> Result<Tidied, StoreError> {
        let mut tidied = Tidied::default();
        for &number in numbers {
            let path = self.layout.claim(number);
            let claim = Claim::of(&self.layout, number);
            let claim = claim.map_err(|error| StoreError::io(&path, error))?;
            let Some(claim) = claim else {
                continue;
            };
            if !is_to_go(number)? {
                continue;
            }
            tidied.bytes += self.layout.remove(&claim)?;
            tidied.shards += 1;
        }
        Ok(tidied)
    }

    /// Takes the whole collection away: how many bytes that is.
    ///
    /// # Errors
    /// Another process adds to it; it cannot be removed.
    pub fn destroy(self) -> Result<u64, StoreError> {
        let dir = self.path();
        self.layout.create()?;
        // Whoever writes has a claim.
        for number in self.layout.begun()? {
            let path = self.layout.claim(number);
            match Claim::of(&self.layout, number) {
                Ok(Some(_)) => {}
                Ok(None) => {
                    let path = dir.to_owned();
                    return Err(StoreError::Busy { path });
                }
                Err(error) => return Err(StoreError::io(&path, error)),
            }
        }
        let bytes = bytes_in(dir);
        // The manifest first: what is half removed is no collection any more.
        let manifest = self.layout.manifest();
        fs::remove_file(&manifest).map_err(|error| StoreError::io(&manifest, error))?;
        fs::remove_dir_all(dir).map_err(|error| StoreError::io(dir, error))?;
        Ok(bytes)
    }

    /// Reads all that there is: what is wrong with it, and the number of shards that are whole.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn verify(&self, go_on: &dyn Fn() -> bool) -> Result<(Vec<Fault>, usize), StoreError> {
        let dim = self.recipe().dim();
        let (mut faults, mut whole) = (Vec::new(), 0);
        for number in self.layout.marked()? {
            if !go_on() {
                break;
            }
            match Shard::verify(&self.layout, number, dim) {
                Ok(()) => whole += 1,
                Err(error) => faults.push(Fault::of(&error)),
            }
        }
        Ok((faults, whole))
    }

    /// Every embedding once, shard by shard: `take` is given the entries of a shard that are meant, and their rows.
    ///
    /// # Errors
    /// A shard whose entries cannot be read; a row that is damaged; those of `take`.
    pub fn each<E: From<StoreError>>(&self, take: &mut Take<'_, E>) -> Result<(), E> {
        let columns = self.recipe().columns();
        let shards: Vec<Shard> = {
            let state = self.read();
            state
                .shards
                .iter()
                .map(|known| known.shard.clone())
                .collect()
        };
        for (i, shard) in (0..).zip(&shards) {
            let meant = |row: u32, key: &Key| {
                let place = self.read().index.get(key);
                place == Some(Place { shard: i, row })
            };
            let mut rows = Vec::new();
            let mut entries = Vec::new();
            for (row, entry) in (0..).zip(shard.entries(&self.layout)?) {
                if !meant(row, &entry.key) {
                    continue;
                }
                let start = rows.len();
                rows.resize(start + columns, 0.0);
                if !self.get(&entry.key, &mut rows[start..]) {
                    let path = self.path().to_owned();
                    let what = "holds damaged rows: `cladist store verify` tells which, and `prune` removes them";
                    let what = what.to_owned();
                    return Err(StoreError::Damaged { path, what }.into());
                }
                entries.push(entry);
            }
            take(entries, &rows)?;
        }
        Ok(())
    }
}

/// Bytes of the files in a directory and below.
fn bytes_in(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}
