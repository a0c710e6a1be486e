//! What one process at a time may have: the file of a history, and the files that a step is about.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::HistoryError;
use crate::files::{is_at, parent};
use crate::hash;
use crate::point::{Point, pause, reached};

/// Between two looks whether another process has let go.
const GLANCE: Duration = Duration::from_millis(10);

/// Looks until it is too long. A step takes some milliseconds.
const GLANCES: usize = 1000;

/// Opens a file for this process alone, until it is closed.
///
/// # Errors
/// It cannot be opened, or another process has it for too long; then it is `told` that is named.
pub fn open_alone(options: &OpenOptions, path: &Path, told: &Path) -> Result<File, HistoryError> {
    loop {
        let io_error = |source| HistoryError::io(path, source);
        let file = options.open(path).map_err(io_error)?;
        lock(&file, path, told)?;
        // Whoever had it may have moved it away: then the others meet at the one that has its place.
        if is_at(&file, path).map_err(io_error)? {
            return Ok(file);
        }
    }
}

fn lock(file: &File, path: &Path, told: &Path) -> Result<(), HistoryError> {
    for _ in 0..GLANCES {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {
                reached(Point::Waiting);
                pause(GLANCE);
            }
            Err(TryLockError::Error(source)) => return Err(HistoryError::io(path, source)),
        }
    }
    Err(HistoryError::Busy {
        path: told.to_owned(),
    })
}

/// Keeps every other step, of whatever history beside this log, from these files until it is dropped.
///
/// The files themselves are replaced as they are written, so each has a lock beside the log, named by the hash of its path. It is
/// never taken away: who waits for it would wait for a file of no name.
pub struct Locks {
    _files: Vec<File>,
}

impl Locks {
    /// `paths` are from the root, with links resolved.
    ///
    /// # Errors
    /// The folder of the log cannot be written, or another process is at one of the files for too long.
    pub fn of(log: &Path, paths: impl Iterator<Item = PathBuf>) -> Result<Self, HistoryError> {
        let lock = |path: PathBuf| {
            let name = hash::of_bytes(path.as_os_str().as_encoded_bytes());
            (parent(log).join(name + ".lock"), path)
        };
        let mut locks: Vec<_> = paths.map(lock).collect();
        // All take them in this order, so that no two wait for one another.
        locks.sort();
        locks.dedup();
        let mut options = OpenOptions::new();
        options.write(true).create(true);
        let locks = locks.iter();
        let files = locks.map(|(lock, path)| open_alone(&options, lock, path));
        Ok(Self {
            _files: files.collect::<Result<_, _>>()?,
        })
    }
}
