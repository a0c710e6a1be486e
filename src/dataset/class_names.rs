//! Names of classes that a data set gives as numbers, where they lie beside it.

use std::path::{Path, PathBuf};

use super::DatasetError;
use crate::text;

/// The files that may hold them: a name a line, the first that of class 0.
const FILES: [&str; 2] = ["classes.txt", "classnames.txt"];

/// The name of each number, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClassNames {
    /// What messages call the place that they are from.
    source: String,
    names: Vec<String>,
}

impl ClassNames {
    /// The names beside a file, or in the folder above it, as CLIP benchmark has them; `None` where there are none.
    ///
    /// # Errors
    /// They cannot be read, or one is blank.
    pub fn beside(file: &Path) -> Result<Option<Self>, DatasetError> {
        // The parent of a bare name is empty, and what is above it is above the working directory.
        let folder = file.parent().unwrap_or(Path::new(""));
        let folders = [folder.to_owned(), folder.join("..")];
        let files = folders
            .iter()
            .flat_map(|folder| FILES.map(|name| folder.join(name)));
        let found = files.into_iter().find(|path| path.is_file());
        found.map(Self::read).transpose()
    }

    /// `source` is what messages call the place that they are from.
    pub fn new(source: String, names: Vec<String>) -> Self {
        Self { source, names }
    }

    fn read(path: PathBuf) -> Result<Self, DatasetError> {
        let text = text::read(&path)?;
        let names: Vec<String> = text
            .trim_end()
            .lines()
            .map(|line| line.trim().to_owned())
            .collect();
        if let Some(blank) = names.iter().position(String::is_empty) {
            return Err(DatasetError::Line {
                path,
                line: blank + 1,
                what: format!(
                    "blank, and every line is the name of a class, this one of number {blank}"
                ),
            });
        }
        Ok(Self {
            source: path.display().to_string(),
            names,
        })
    }

    /// Where they are from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The name of a label that is a number; any other label.
    ///
    /// # Errors
    /// A number that has no name, in words.
    pub fn name(&self, label: &str) -> Result<String, String> {
        if !is_number(label) {
            return Ok(label.to_owned());
        }
        let name = label.parse().ok().and_then(|i: usize| self.names.get(i));
        name.cloned().ok_or_else(|| {
            format!(
                "the class {} is beyond {}, which has {} names, numbered from 0",
                text::shown(label),
                self.source,
                self.names.len()
            )
        })
    }
}

/// Whether the label is a whole number from 0.
pub(super) fn is_number(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit())
}
