//! Which key the file of an image has, by its path, size and time of change: so that known files need not be read.
//!
//! Hints are derived, and nothing depends on them: a lost one costs the reading of a file, a false one can only be made by who changes a
//! file and gives it the size and the time that it had. Records are of fixed size, and only ever added, to a file of the process's own.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::key::Key;
use crate::files::create_dirs;
use crate::hash;

/// Bytes of the hash of a path.
const PATH: usize = 16;

/// Bytes of a record: the path's hash, size, time, key.
const RECORD: usize = PATH + 8 + 8 + Key::LEN;

/// Which content a file has, as far as its directory tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub bytes: u64,
    /// When it was changed, in nanoseconds from whenever the caller counts.
    pub changed: i64,
}

/// The hints of a store.
#[derive(Debug)]
pub struct Hints {
    dir: PathBuf,
    /// What is not on disk yet.
    fresh: Vec<u8>,
    /// The file of this process.
    own: Option<File>,
}

type PathHash = [u8; PATH];

fn hash_of(path: &Path) -> PathHash {
    let absolute = std::path::absolute(path);
    let path = absolute.as_deref().unwrap_or(path);
    let digest = hash::digest([path.as_os_str().as_encoded_bytes()]);
    let mut hash = [0; PATH];
    hash.copy_from_slice(&digest[..PATH]);
    hash
}

impl Hints {
    pub(super) fn at(dir: PathBuf) -> Self {
        Self {
            dir,
            fresh: Vec::new(),
            own: None,
        }
    }

    /// The files with hints, the oldest first.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "bin"));
        files.sort();
        files
    }

    /// The key of each file, where it is known of just this content; none of what is no file. Of memory it takes some 80 bytes a file, and
    /// none for hints of others.
    pub fn look_up<P: AsRef<Path>>(
        &self,
        files: impl ExactSizeIterator<Item = Option<(P, Stamp)>>,
    ) -> Vec<Option<Key>> {
        let mut keys = vec![None; files.len()];
        let hints = self.files();
        if hints.is_empty() {
            return keys;
        }
        let files = files.zip(0..).filter_map(|(file, i)| {
            let (path, stamp) = file?;
            Some((hash_of(path.as_ref()), i, stamp))
        });
        let mut wanted: Vec<(PathHash, usize, Stamp)> = files.collect();
        wanted.sort_unstable_by_key(|&(hash, i, _)| (hash, i));
        for hints in hints {
            // What cannot be read is as if it were lost.
            let _ = each(&hints, &mut |record| {
                let (path, rest) = record.split_at(PATH);
                let number = |at: usize| rest[at..at + 8].try_into().unwrap_or_default();
                let stamp = Stamp {
                    bytes: u64::from_le_bytes(number(0)),
                    changed: i64::from_le_bytes(number(8)),
                };
                let key = rest[16..].try_into().unwrap_or_default();
                let first = wanted.partition_point(|(other, ..)| other[..] < *path);
                let same = wanted[first..]
                    .iter()
                    .take_while(|(other, ..)| other[..] == *path);
                for &(_, i, wanted) in same {
                    // Of two that differ the later one is true.
                    if wanted == stamp {
                        keys[i] = Some(Key::from_bytes(key));
                    }
                }
            });
        }
        keys
    }

    /// Notes the key of a file of this content.
    pub fn learn(&mut self, path: &Path, stamp: Stamp, key: &Key) {
        self.fresh.extend(hash_of(path));
        self.fresh.extend(stamp.bytes.to_le_bytes());
        self.fresh.extend(stamp.changed.to_le_bytes());
        self.fresh.extend(key.as_bytes());
    }

    /// Writes what was noted.
    ///
    /// # Errors
    /// It cannot be written, and is dropped then.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        let fresh = std::mem::take(&mut self.fresh);
        if fresh.is_empty() {
            return Ok(());
        }
        let dir = self.dir.clone();
        let failed = |error| StoreError::io(&dir, error);
        let own = match self.own.take() {
            Some(own) => own,
            None => self.begin().map_err(failed)?,
        };
        let own = self.own.insert(own);
        own.write_all(&fresh).map_err(failed)
    }

    /// A new file, after all others.
    fn begin(&self) -> io::Result<File> {
        create_dirs(&self.dir)?;
        let number = |path: &PathBuf| path.file_stem()?.to_str()?.parse::<u32>().ok();
        let last = self.files().iter().filter_map(number).max();
        let mut next = last.map_or(0, |last| last + 1);
        loop {
            match File::create_new(self.dir.join(format!("{next:07}.bin"))) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => next += 1,
                file => return file,
            }
        }
    }

    /// Number of hints, and their bytes on disk.
    pub fn size(&self) -> (usize, u64) {
        let files = self.files();
        let bytes = files
            .iter()
            .filter_map(|file| Some(fs::metadata(file).ok()?.len()));
        let bytes: u64 = bytes.sum();
        ((bytes / RECORD as u64) as usize, bytes)
    }

    /// Forgets all of them.
    ///
    /// # Errors
    /// They cannot be removed.
    pub fn destroy(self) -> Result<u64, StoreError> {
        let (_, bytes) = self.size();
        for file in self.files() {
            fs::remove_file(&file).map_err(|error| StoreError::io(&file, error))?;
        }
        Ok(bytes)
    }
}

/// Shows the whole records of a file.
fn each(path: &Path, take: &mut dyn FnMut(&[u8; RECORD])) -> io::Result<()> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut record = [0; RECORD];
    loop {
        match file.read_exact(&mut record) {
            Ok(()) => take(&record),
            // The process was ended in the middle of the last.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
