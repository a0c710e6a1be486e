//! Why a step of a history was not made.

use std::io;
use std::path::{Path, PathBuf};

use crate::files::StagingError;

/// A step that was not made. The files are as they were, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error(
        "{}: was changed since it was read, so nothing was written: {what}; read it again, and make the edit anew",
        path.display()
    )]
    Stale { path: PathBuf, what: String },
    /// `doing` is `undo` or `redo`.
    #[error(
        "{}: was changed since by another program, so nothing was written: {doing} {what}; take that change back first, or do it by hand",
        path.display()
    )]
    Changed {
        path: PathBuf,
        doing: &'static str,
        what: String,
    },
    #[error("there is nothing to undo")]
    NothingToUndo,
    #[error("there is nothing to redo")]
    NothingToRedo,
    #[error("nothing would change")]
    Nothing,
    #[error("{}: another cladist is at work there for long: try again", path.display())]
    Busy { path: PathBuf },
    #[error(
        "{}:{line}: {what}: the history of edits cannot be used; move this file away, and a new one is begun",
        log.display()
    )]
    Damaged {
        log: PathBuf,
        /// From 1.
        line: usize,
        what: String,
    },
    #[error(
        "{}: a history of the schema {schema}, which this version of cladist does not know: use a newer one, or move the file away",
        log.display()
    )]
    Schema { log: PathBuf, schema: u64 },
    #[error("{}: the path is no UTF-8, and a history could not name it: rename the file", path.display())]
    NoText { path: PathBuf },
    #[error("{}: {source}: check that the folder above exists and can be written", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Write(#[from] StagingError),
}

impl HistoryError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}
