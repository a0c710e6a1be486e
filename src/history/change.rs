//! What an edit does to files, as its maker says it.

use std::path::{Path, PathBuf};

use super::HistoryError;
use crate::files::{parent, real_file};
use crate::taxonomy::Taxonomy;
use crate::taxonomy::edit::{Edited, EditedFile, unified_diff};

/// A file before and after an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Links are followed, and stay.
    pub path: PathBuf,
    /// `None`: there is no such file.
    pub before: Option<String>,
    /// The same as `before`: the edit was found right beside this content, and is not made beside another.
    pub after: Option<String>,
}

impl Change {
    /// What an edit does to the files of the taxonomy, in the order of [`Taxonomy::sources`]: all of them, for the edit was held
    /// against what they declare together.
    pub fn of_sources(taxonomy: &Taxonomy, edited: Edited) -> Vec<Self> {
        let mut files = edited.files.into_iter().peekable();
        let of = |(path, text): &(PathBuf, String)| match files.next_if(|file| file.path == *path) {
            Some(file) => Self::from(file),
            None => Self {
                path: path.clone(),
                before: Some(text.clone()),
                after: Some(text.clone()),
            },
        };
        taxonomy.sources().iter().map(of).collect()
    }

    /// Whether anything is to be written.
    pub fn writes(&self) -> bool {
        self.before != self.after
    }

    /// As a unified diff; a file that is not there is an empty one. O(size of the file).
    pub fn diff(&self) -> String {
        let before = self.before.as_deref().unwrap_or_default();
        unified_diff(
            &self.path,
            before,
            self.after.as_deref().unwrap_or_default(),
        )
    }
}

impl From<EditedFile> for Change {
    fn from(file: EditedFile) -> Self {
        Self {
            path: file.path,
            before: Some(file.before),
            after: Some(file.after),
        }
    }
}

/// The path from the root, links resolved.
///
/// # Errors
/// The folder is not there, or the path leads to something else than a file.
pub fn from_root(path: &Path) -> Result<PathBuf, HistoryError> {
    let real = real_file(path)?;
    let folder = parent(&real).canonicalize();
    let folder = folder.map_err(|source| HistoryError::io(path, source))?;
    Ok(folder.join(real.file_name().unwrap_or_default()))
}
