//! What can go wrong with a store.

use std::io;
use std::path::{Path, PathBuf};

/// Why a store cannot be read or written. What was stored before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{}: {source}{}", path.display(), advice(source))]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {what}; remove the directory, or choose another store", path.display())]
    Manifest { path: PathBuf, what: String },
    #[error(
        "{}: the embeddings there are of another recipe (other: {}), and are never mixed with these; remove the directory, or choose another store",
        path.display(),
        differences.join(", ")
    )]
    Recipe {
        path: PathBuf,
        /// What is another, by name.
        differences: Vec<String>,
    },
    #[error("{}: {what}", path.display())]
    Damaged { path: PathBuf, what: String },
    #[error("{}: another process has it in use; try again when it has ended", path.display())]
    Busy { path: PathBuf },
}

impl StoreError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    /// Whether it tells that something is not what was written, and not that it cannot be read now.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
            ),
            Self::Damaged { .. } => true,
            Self::Manifest { .. } | Self::Recipe { .. } | Self::Busy { .. } => false,
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

fn is_protected(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

fn advice(error: &io::Error) -> &'static str {
    if is_full(error) {
        ": what was stored before is kept; make room and run it again, or choose another store"
    } else if is_protected(error) {
        ": allow writing there, or choose another store"
    } else {
        ""
    }
}
