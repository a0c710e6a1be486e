//! Manifests: CSV, TSV, JSON Lines and Parquet with a column of images and one of labels.

mod delimited;
mod json;
mod labels;
mod parquet;

use std::path::Path;

use super::DatasetError;
use crate::text;

/// How a manifest is written, told by the extension of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Fields separated by this byte, quoted as RFC 4180 says.
    Delimited(u8),
    /// One JSON object a line, or one JSON list of objects.
    Json,
    Parquet,
}

impl Kind {
    pub(super) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Delimited(b',')),
            "tsv" => Some(Self::Delimited(b'\t')),
            "jsonl" | "ndjson" | "json" => Some(Self::Json),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// The kind of a file of this name, if it is Hugging Face's metadata for the folder that it lies in.
    pub(super) fn of_metadata(name: &str) -> Option<Self> {
        matches!(name, "metadata.csv" | "metadata.jsonl" | "metadata.parquet")
            .then(|| Self::of(Path::new(name)))?
    }
}

/// A manifest's content.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rows {
    pub rows: Vec<Row>,
    /// The columns in order of appearance; of JSON the first [`COLUMNS`] of them.
    pub columns: Vec<String>,
    /// Whether there is a column that labels come from; without one, nothing is labelled.
    pub labelled: bool,
}

#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub image: String,
    pub labels: Vec<String>,
    /// From 1.
    pub line: Option<usize>,
}

/// Columns that are remembered and shown: enough to see what is wrong.
const COLUMNS: usize = 20;

/// Names of the image column, the first that is there counts.
type ImageNames = [&'static str; 3];

/// Names of the columns of labels; both may be there, the first then gives the primary label.
const LABEL_NAMES: [&str; 2] = ["label", "labels"];

/// Reads a manifest. Column names are compared without case. Of several image columns `image` comes
/// before `file_name` before `path`; in Hugging Face metadata `file_name` comes first. `label` and
/// `labels` may both be there: `label` then gives the primary label. Other columns are ignored.
pub(super) fn read(path: &Path, kind: Kind, hugging_face: bool) -> Result<Rows, DatasetError> {
    let image_names = if hugging_face {
        ["file_name", "image", "path"]
    } else {
        ["image", "file_name", "path"]
    };
    let rows = match kind {
        Kind::Delimited(delimiter) => {
            delimited::read(path, &read_text(path)?, delimiter, image_names)?
        }
        Kind::Json => json::read(path, &read_text(path)?, image_names)?,
        Kind::Parquet => parquet::read(path, image_names)?,
    };
    if rows.rows.is_empty() {
        return Err(empty(path, "it holds column names and no row"));
    }
    Ok(rows)
}

fn empty(path: &Path, what: &'static str) -> DatasetError {
    DatasetError::Empty {
        path: path.to_owned(),
        what,
    }
}

fn read_text(path: &Path) -> Result<String, DatasetError> {
    let text = text::read(path)?;
    if text.trim().is_empty() {
        return Err(empty(path, "the file is empty"));
    }
    Ok(text)
}

/// Which columns are read.
struct Columns {
    image: usize,
    /// `label`, then `labels`, where they exist.
    labels: Vec<usize>,
}

/// Why columns were not found.
enum ColumnFault {
    NoImage,
    Twice(&'static str),
}

impl Columns {
    fn find(names: &[String], image_names: ImageNames) -> Result<Self, ColumnFault> {
        let position = |wanted: &'static str| {
            let mut hits = (0..names.len()).filter(|&i| names[i].eq_ignore_ascii_case(wanted));
            match (hits.next(), hits.next()) {
                (_, Some(_)) => Err(ColumnFault::Twice(wanted)),
                (first, None) => Ok(first),
            }
        };
        let mut image = None;
        for name in image_names {
            image = image.or(position(name)?);
        }
        let image = image.ok_or(ColumnFault::NoImage)?;
        let labels = [position(LABEL_NAMES[0])?, position(LABEL_NAMES[1])?];
        Ok(Self {
            image,
            labels: labels.into_iter().flatten().collect(),
        })
    }
}

/// What columns there are, as a message names them.
pub(super) fn list(columns: &[String]) -> String {
    let mut shown: Vec<String> = columns
        .iter()
        .take(COLUMNS)
        .map(|c| text::shown(c))
        .collect();
    if columns.len() > COLUMNS {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}
