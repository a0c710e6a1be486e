//! Numbers of shards: who writes one has its number for itself, also among several processes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::PathBuf;

use super::error::StoreError;
use super::layout::Layout;
use crate::files::is_at;
use crate::point::{Point, reached};

/// A number of a shard that nobody else writes as long as this lives: an open file that has a lock. A process that ends without giving it
/// back leaves the file without the lock, by which the next one sees that what there is of the shard is nobody's.
#[derive(Debug)]
pub(super) struct Claim {
    number: u32,
    path: PathBuf,
    /// Holds the lock.
    _file: File,
}

impl Claim {
    /// Takes the first free number that is not below `first`.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn new(layout: &Layout, first: u32) -> Result<Self, StoreError> {
        let mut number = first;
        loop {
            match Self::open(layout, number, true) {
                // Whoever had it may have written its shard and given it back.
                Ok(Some(claim)) if !layout.is_there(number) => {
                    reached(Point::Claimed);
                    return Ok(claim);
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreError::io(&layout.claim(number), error)),
            }
            number += 1;
        }
    }

    /// Takes a number that may be somebody's; `None` if it is.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn of(layout: &Layout, number: u32) -> io::Result<Option<Self>> {
        Self::open(layout, number, false)
    }

    fn open(layout: &Layout, number: u32, is_new: bool) -> io::Result<Option<Self>> {
        let path = layout.claim(number);
        let mut options = OpenOptions::new();
        options.write(true).create(true).create_new(is_new);
        let file = options.open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            // Where there are no locks who makes the file has the number, and of a file that is there nobody can tell whose it is.
            Err(TryLockError::Error(_)) if is_new => {}
            Err(_) => return Ok(None),
        }
        // Whoever had it before may have given it back meanwhile.
        if !is_at(&file, &path)? {
            return Ok(None);
        }
        Ok(Some(Self {
            number,
            path,
            _file: file,
        }))
    }

    pub fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // If it stays, the next process that writes sees that nobody has it.
        let _ = fs::remove_file(&self.path);
    }
}
