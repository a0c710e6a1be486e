//! Where the content of an image file is, and how it is had.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::table::parquet::PictureColumn;

/// Where an image's bytes are.
#[derive(Debug, Clone)]
pub enum Picture {
    /// In a file to be opened.
    File(PathBuf),
    /// In an archive, which holds the image file from `offset` on, `length` bytes long.
    Member {
        archive: Arc<Path>,
        offset: u64,
        length: u64,
    },
    /// In a row of a Parquet table, from 0.
    Cell { table: Cell, row: u64 },
    /// Here: the content of an image file that the program made.
    Made(Arc<[u8]>),
}

/// A column of a Parquet table that holds images.
#[derive(Debug, Clone)]
pub struct Cell(pub(super) Arc<PictureColumn>);

impl Picture {
    /// The file that is this image and nothing else.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Member { .. } | Self::Cell { .. } | Self::Made(_) => None,
        }
    }

    /// The file on disk that its bytes are in, perhaps with those of others.
    pub fn holder(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Member { archive, .. } => Some(archive),
            Self::Cell { table, .. } => Some(table.0.path()),
            Self::Made(_) => None,
        }
    }

    /// What tells its place on disk from all others: its path, or one that no file has.
    pub fn locator(&self) -> Option<Cow<'_, Path>> {
        match self {
            Self::File(path) => Some(Cow::Borrowed(path)),
            Self::Member {
                archive,
                offset,
                length,
            } => Some(Cow::Owned(archive.join(format!("{offset}+{length}")))),
            Self::Cell { table, row } => Some(Cow::Owned(table.0.path().join(row.to_string()))),
            Self::Made(_) => None,
        }
    }

    /// The content of the image file.
    ///
    /// # Errors
    /// What is in its place, or why it cannot be read.
    pub fn read(&self) -> Result<Cow<'_, [u8]>, String> {
        match self {
            Self::File(path) => read_file(path).map(Cow::Owned),
            Self::Member {
                archive,
                offset,
                length,
            } => read_member(archive, *offset, *length).map(Cow::Owned),
            Self::Cell { table, row } => table.0.read(*row).map(Cow::Owned),
            Self::Made(bytes) => Ok(Cow::Borrowed(bytes)),
        }
    }
}

/// The content of a regular file.
fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    // A pipe would be waited for, and a device read, for ever.
    let kind = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !kind.is_file() {
        let what = if kind.is_dir() {
            "a directory"
        } else {
            "no regular file"
        };
        return Err(format!("is {what}"));
    }
    std::fs::read(path).map_err(|error| error.to_string())
}

/// So many bytes of a file. It is opened for them: that costs little beside decoding, and a data set may have more archives than
/// a process may have open files.
fn read_member(archive: &Path, offset: u64, length: u64) -> Result<Vec<u8>, String> {
    let attempt = || {
        let mut file = File::open(archive)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = attempt().map_err(|error: std::io::Error| error.to_string())?;
    if (bytes.len() as u64) < length {
        return Err(format!(
            "{} is cut off: it has {} of the {length} bytes of this image",
            archive.display(),
            bytes.len()
        ));
    }
    Ok(bytes)
}
