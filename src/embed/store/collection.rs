//! The embeddings of one recipe: found by key, added to, shard by shard.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SHARD_ROWS;
use super::claim::Claim;
use super::error::StoreError;
use super::index::{Index, Place};
use super::key::{Key, Kind, Recipe};
use super::layout::{Layout, Part};
use super::shard::{self, Check, Entry, SCHEMA, Shard, bytes_of};
use crate::files::{create_dirs, parent};

/// Files of rows that are held open: enough for what lies together, and far below what a process may have.
const OPEN_FILES: usize = 64;

/// A shard that is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong, with the file.
    pub what: String,
    /// The rows that were asked for and could not be had for it, each once however often that was.
    rows: BTreeSet<u32>,
}

impl Fault {
    pub(super) fn of(error: &StoreError) -> Self {
        Self {
            what: error.to_string(),
            rows: BTreeSet::new(),
        }
    }

    /// How many embeddings could not be had for it.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }
}

/// What is in the manifest.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    schema: u64,
    cladist: String,
    /// What the user called the model.
    model: String,
    kind: Kind,
    dim: usize,
    fingerprint: String,
    made_by: Value,
}

/// Embeddings of one recipe. What others add meanwhile is not seen before it is opened again.
pub struct Collection {
    pub(super) layout: Layout,
    recipe: Recipe,
    /// Rows of a shard, at most.
    shard_rows: usize,
    pub(super) state: RwLock<State>,
    /// Files of rows, by the number of their shard.
    open: Mutex<HashMap<(u32, Part), Arc<File>>>,
    /// What was found wrong, by the number of the shard: the first reason, and the rows.
    damaged: Mutex<BTreeMap<u32, Fault>>,
}

#[derive(Default)]
pub(super) struct State {
    pub index: Index,
    pub shards: Vec<Known>,
    pending: Pending,
    /// Whether there is a directory that is tidy.
    is_prepared: bool,
    /// The number from which on one is looked for, once it is.
    next: u32,
}

/// A shard that is there, with the checks of its rows.
pub(super) struct Known {
    pub shard: Shard,
    pub checks: Vec<Check>,
}

/// What is no shard yet.
#[derive(Default)]
struct Pending {
    entries: Vec<Entry>,
    rows: Vec<f32>,
    /// The number that it will have.
    claim: Option<Claim>,
}

/// Whether a directory looks like one of a collection.
pub(super) fn is_one(dir: &Path) -> bool {
    dir.join("manifest.json").is_file()
}

impl Collection {
    /// # Errors
    /// It cannot be read, or is of another recipe.
    pub(super) fn open(dir: PathBuf, recipe: Recipe) -> Result<Self, StoreError> {
        let layout = Layout::new(dir, &recipe);
        if let Some(found) = Manifest::read(&layout.manifest())? {
            found.refuse_others(&layout.manifest(), &recipe)?;
        }
        Self::load(layout, recipe)
    }

    /// Whatever recipe it has.
    ///
    /// # Errors
    /// It cannot be read, or has no manifest.
    pub(super) fn open_as_is(dir: PathBuf) -> Result<Self, StoreError> {
        let path = dir.join("manifest.json");
        let manifest = Manifest::read(&path)?.ok_or_else(|| StoreError::Manifest {
            path,
            what: "is missing".to_owned(),
        })?;
        let recipe = Recipe {
            kind: manifest.kind,
            dim: manifest.dim,
            made_by: manifest.made_by,
            model: manifest.model,
        };
        Self::load(Layout::new(dir, &recipe), recipe)
    }

    fn load(layout: Layout, recipe: Recipe) -> Result<Self, StoreError> {
        let mut state = State::default();
        let mut damaged = BTreeMap::new();
        for number in layout.marked()? {
            // Of a shard that is truncated the rows that are there are as good as any: each has its check.
            let opened = Shard::open(&layout, number, recipe.dim());
            let opened = opened.map(|(shard, keys)| state.add(shard, &keys));
            if let Err(error) = opened.and_then(|()| Shard::check_lengths(&layout, number)) {
                damaged.insert(number, Fault::of(&error));
            }
        }
        state.index.sort();
        Ok(Self {
            layout,
            recipe,
            shard_rows: SHARD_ROWS,
            state: RwLock::new(state),
            open: Mutex::default(),
            damaged: Mutex::new(damaged),
        })
    }

    /// The same with shards of so many rows at most, at least 1.
    #[must_use]
    pub fn with_shards_of(mut self, rows: usize) -> Self {
        self.shard_rows = rows.max(1);
        self
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.layout.dir
    }

    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.read().index.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was found wrong so far: shards that could not be opened, rows that are not what was written.
    pub fn faults(&self) -> Vec<Fault> {
        self.damaged().values().cloned().collect()
    }

    /// The embedding of this key, put into `row` of as many values as it has; whether it is known. One that is damaged is not.
    ///
    /// # Panics
    /// If `row` is of another length.
    pub fn get(&self, key: &Key, row: &mut [f32]) -> bool {
        let columns = self.recipe.columns();
        assert_eq!(row.len(), columns, "a row of the collection's length");
        let (shard, place, check) = {
            let state = self.read();
            let Some(place) = state.index.get(key) else {
                return false;
            };
            let at = place.row as usize;
            let Some(known) = state.shards.get(place.shard as usize) else {
                let pending = &state.pending.rows[at * columns..(at + 1) * columns];
                row.copy_from_slice(pending);
                return true;
            };
            (known.shard.clone(), place, known.checks[at])
        };
        let read = self.row(&shard, place.row, (key, check), row);
        if let Err(error) = &read {
            let mut damaged = self.damaged();
            let fault = damaged.entry(shard.number);
            let fault = fault.or_insert_with(|| Fault::of(error));
            fault.rows.insert(place.row);
        }
        read.is_ok()
    }

    /// Reads a row of a shard that has this key and this check.
    pub(super) fn row(
        &self,
        shard: &Shard,
        at: u32,
        (key, check): (&Key, Check),
        row: &mut [f32],
    ) -> Result<(), StoreError> {
        let mut bytes = vec![0; size_of_val(row)];
        let path = |part| self.layout.path(part, shard.number);
        let dim = self.recipe.dim();
        let place = shard::offset(shard, at, dim);
        let parts = self.layout.parts_of_rows().iter();
        for (&part, bytes) in parts.zip(bytes.chunks_mut(dim * size_of::<f32>())) {
            self.file(shard, part)
                .and_then(|file| read_at(&file, bytes, place))
                .map_err(|error| StoreError::io(&path(part), error))?;
        }
        if shard::check(key, &bytes) != check {
            let what =
                "holds rows that are not what was written: a bit has flipped, or it was changed";
            return Err(StoreError::Damaged {
                path: path(Part::Rows),
                what: what.to_owned(),
            });
        }
        for (value, bytes) in row.iter_mut().zip(bytes.as_chunks().0) {
            *value = f32::from_le_bytes(*bytes);
        }
        Ok(())
    }

    /// Makes sure that something can be added, before it is made.
    ///
    /// # Errors
    /// The directory cannot be made or written.
    pub fn prepare(&self) -> Result<(), StoreError> {
        self.claim(&mut self.write())
    }

    /// Adds the rows of these entries. They are a shard when there are enough of them, or at [`flush`](Self::flush).
    ///
    /// # Errors
    /// A shard cannot be written.
    ///
    /// # Panics
    /// If there are not as many rows as entries.
    pub fn add(&self, entries: Vec<Entry>, rows: &[f32]) -> Result<(), StoreError> {
        let columns = self.recipe.columns();
        assert_eq!(rows.len(), entries.len() * columns, "a row for each entry");
        let mut state = self.write();
        for (entry, row) in entries.into_iter().zip(rows.chunks_exact(columns)) {
            let place = Place {
                shard: u32::MAX,
                row: state.pending.entries.len() as u32,
            };
            state.index.insert(&entry.key, place);
            state.pending.rows.extend_from_slice(row);
            state.pending.entries.push(entry);
            if state.pending.entries.len() >= self.shard_rows {
                self.flush_of(&mut state)?;
            }
        }
        Ok(())
    }

    /// Makes a shard of what was added.
    ///
    /// # Errors
    /// It cannot be written; what was added is still known to this process.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.flush_of(&mut self.write())
    }

    /// Number of rows that were added and are no shard yet.
    pub fn pending(&self) -> usize {
        self.read().pending.entries.len()
    }

    fn flush_of(&self, state: &mut State) -> Result<(), StoreError> {
        if state.pending.entries.is_empty() {
            return Ok(());
        }
        self.claim(state)?;
        let pending = &mut state.pending;
        let Some(claim) = &pending.claim else {
            return Ok(());
        };
        let (dim, columns) = (self.recipe.dim(), self.recipe.columns());
        let shard = shard::write(&self.layout, claim, dim, &pending.entries, &pending.rows)?;
        let pending = std::mem::take(pending);
        let keys = pending
            .entries
            .iter()
            .zip(pending.rows.chunks_exact(columns));
        let keys = keys.map(|(entry, row)| (entry.key, shard::check(&entry.key, &bytes_of(row))));
        let keys: Vec<_> = keys.collect();
        let number = state.shards.len() as u32;
        for (row, (key, _)) in (0..).zip(&keys) {
            let place = Place { shard: number, row };
            state.index.insert(key, place);
        }
        let checks = keys.into_iter().map(|(_, check)| check).collect();
        state.shards.push(Known { shard, checks });
        Ok(())
    }

    /// Sees to it that the next shard has a number.
    fn claim(&self, state: &mut State) -> Result<(), StoreError> {
        if state.pending.claim.is_some() {
            return Ok(());
        }
        if !state.is_prepared {
            let root = parent(&self.layout.dir);
            create_dirs(root).map_err(|error| StoreError::io(root, error))?;
            tag(root);
            self.layout.create()?;
            self.tidy()?;
            // Above all that there is, since of one key the row of the highest number is meant.
            state.next = self.layout.begun()?.last().map_or(0, |last| last + 1);
        }
        let claim = Claim::new(&self.layout, state.next)?;
        state.next = claim.number() + 1;
        if !state.is_prepared {
            self.introduce(&claim)?;
            state.is_prepared = true;
        }
        state.pending.claim = Some(claim);
        Ok(())
    }

    /// Writes the manifest, if there is none. Whoever does so at the same time writes the same.
    fn introduce(&self, claim: &Claim) -> Result<(), StoreError> {
        if self.layout.manifest().is_file() {
            return Ok(());
        }
        let recipe = &self.recipe;
        let manifest = Manifest {
            schema: SCHEMA,
            cladist: env!("CARGO_PKG_VERSION").to_owned(),
            model: recipe.model().to_owned(),
            kind: recipe.kind(),
            dim: recipe.dim(),
            fingerprint: recipe.fingerprint(),
            made_by: recipe.made_by().clone(),
        };
        shard::write_manifest(&self.layout, claim, &manifest)
    }

    fn file(&self, shard: &Shard, part: Part) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&(shard.number, part)) {
            return Ok(Arc::clone(file));
        }
        let path = self.layout.path(part, shard.number);
        let file = Arc::new(File::open(path)?);
        if open.len() >= OPEN_FILES {
            open.clear();
        }
        open.insert((shard.number, part), Arc::clone(&file));
        Ok(file)
    }

    pub(super) fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn damaged(&self) -> MutexGuard<'_, BTreeMap<u32, Fault>> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, shard: Shard, keys: &[(Key, Check)]) {
        let number = self.shards.len() as u32;
        let places = (0..).map(|row| Place { shard: number, row });
        let keys_of = keys.iter().map(|(key, _)| *key);
        self.index.extend(keys_of.zip(places));
        let checks = keys.iter().map(|(_, check)| *check).collect();
        self.shards.push(Known { shard, checks });
    }
}

impl Manifest {
    fn read(path: &Path) -> Result<Option<Self>, StoreError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io(path, error)),
        };
        let refused = |what| StoreError::Manifest {
            path: path.to_owned(),
            what,
        };
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|error| refused(format!("is no manifest of embeddings: {error}")))?;
        if manifest.schema != SCHEMA {
            let schema = manifest.schema;
            return Err(refused(format!(
                "is of version {schema}, and this cladist writes version {SCHEMA}"
            )));
        }
        Ok(Some(manifest))
    }

    /// # Errors
    /// It is of another recipe; in which parts.
    fn refuse_others(&self, path: &Path, recipe: &Recipe) -> Result<(), StoreError> {
        if self.fingerprint == recipe.fingerprint() {
            return Ok(());
        }
        let text = |value: Option<&Value>| value.map(Value::to_string);
        let (theirs, ours) = (&self.made_by, recipe.made_by());
        let names = [theirs, ours].into_iter().filter_map(Value::as_object);
        let names = names.flat_map(|parts| parts.keys());
        let others = names.filter(|name| text(theirs.get(name)) != text(ours.get(name)));
        let mut differences: Vec<String> = others.cloned().collect();
        if self.dim != recipe.dim() {
            differences.push("dim".to_owned());
        }
        if differences.is_empty() {
            differences.push("fingerprint".to_owned());
        }
        differences.sort();
        differences.dedup();
        Err(StoreError::Recipe {
            path: path.to_owned(),
            differences,
        })
    }
}

/// Tells programs that make backups that what is here can be made again (<https://bford.info/cachedir/>).
fn tag(root: &Path) {
    let text = "Signature: 8a477f597d28d172789f06886806bc55\n# Embeddings that cladist keeps; `cladist store ls` lists them.\n";
    // Nothing depends on it.
    let _ = File::create_new(root.join("CACHEDIR.TAG"))
        .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()));
}

/// Reads so many bytes at a place of a file, which several threads may at once.
#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    let mut done = 0;
    while done < bytes.len() {
        match file.seek_read(&mut bytes[done..], at + done as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => done += count,
        }
    }
    Ok(())
}
