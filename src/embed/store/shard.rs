//! One shard on disk: rows, what they are of, their keys, and last the marker by which it exists.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};

use super::claim::Claim;
use super::error::StoreError;
use super::key::{Key, Kind};
use super::layout::{Layout, Part};
use crate::files::sync_dir;
use crate::guard::guard;
use crate::hash::{self, Hashing};
use crate::npy;
use crate::point::{Point, reached};

/// Version of what is written.
pub(super) const SCHEMA: u64 = 1;

/// Bytes that tell whether a row is what was written.
const CHECK: usize = 8;

/// Bytes of a record of the keys: a key, and its row's check.
const RECORD: usize = Key::LEN + CHECK;

/// A record of the keys.
pub(super) type Check = [u8; CHECK];

/// What a row is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub key: Key,
    /// The path of the image, or the text.
    pub name: String,
    /// What is shown beside the image, such as the label that it had.
    pub label: Option<String>,
}

/// What a marker says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Marker {
    schema: u64,
    pub rows: usize,
    dim: usize,
    files: BTreeMap<String, Sum>,
}

/// A file as it was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sum {
    bytes: u64,
    sha256: String,
}

/// A shard that is there.
#[derive(Debug, Clone)]
pub(super) struct Shard {
    pub number: u32,
    pub rows: usize,
    /// Bytes before the first row.
    head: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Where a row lies in a file of rows, for a shard that is there: that of log σ² has the same shape.
pub(super) fn offset(shard: &Shard, row: u32, dim: usize) -> u64 {
    shard.head + u64::from(row) * (dim * size_of::<f32>()) as u64
}

/// The check of a row: of its key too, so that a row of another shard in its place is noticed as well.
pub(super) fn check(key: &Key, row: &[u8]) -> Check {
    let digest = hash::digest([&key.as_bytes()[..], row]);
    let mut check = [0; CHECK];
    check.copy_from_slice(&digest[..CHECK]);
    check
}

pub(super) fn bytes_of(row: &[f32]) -> Vec<u8> {
    row.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Writes a shard under the number that is claimed: rows of `dim` values, or twice as many where log σ² follows.
///
/// # Errors
/// A file cannot be written; nothing of the shard is left then.
pub(super) fn write(
    layout: &Layout,
    claim: &Claim,
    dim: usize,
    entries: &[Entry],
    rows: &[f32],
) -> Result<Shard, StoreError> {
    let written = write_all(layout, claim, dim, entries, rows);
    if written.is_err() {
        // What led here is the error to tell.
        let _ = layout.remove(claim);
    }
    written
}

fn write_all(
    layout: &Layout,
    claim: &Claim,
    dim: usize,
    entries: &[Entry],
    rows: &[f32],
) -> Result<Shard, StoreError> {
    let number = claim.number();
    let columns = layout.parts_of_rows().len() * dim;
    let mut files = BTreeMap::new();
    for &part in layout.parts() {
        let path = layout.staged(part, number);
        let write_rows = |out: &mut Hashing<BufWriter<File>>, columns_of_part: Range<usize>| {
            out.write_all(&npy::header::<f32>(entries.len(), dim))?;
            let mut rows = rows.chunks_exact(columns);
            rows.try_for_each(|row| npy::write(out, &row[columns_of_part.clone()]))
        };
        let sum = write_file(&path, &mut |out| match part {
            Part::Rows => write_rows(out, 0..dim),
            Part::LogVariances => write_rows(out, dim..columns),
            Part::Metadata => write_metadata(layout.kind, entries, out),
            Part::Keys => {
                out.write_all(&npy::header::<u8>(entries.len(), RECORD))?;
                for (entry, row) in entries.iter().zip(rows.chunks_exact(columns)) {
                    out.write_all(entry.key.as_bytes())?;
                    out.write_all(&check(&entry.key, &bytes_of(row)))?;
                }
                Ok(())
            }
        })?;
        files.insert(layout.name(part, number), sum);
        reached(Point::Written);
    }
    let marker = Marker {
        schema: SCHEMA,
        rows: entries.len(),
        dim,
        files,
    };
    let marked = layout.staged_marker(number);
    write_json(&marked, &marker)?;
    for &part in layout.parts() {
        let staged = layout.staged(part, number);
        place(&staged, &layout.path(part, number))?;
        reached(Point::Placed);
    }
    place(&marked, &layout.marker(number))?;
    reached(Point::Sealed);
    Shard::of(layout, number, &marker)
}

/// Writes what tells of the whole directory, under the name of a shard that is claimed until it has its place.
///
/// # Errors
/// It cannot be written.
pub(super) fn write_manifest(
    layout: &Layout,
    claim: &Claim,
    manifest: &impl Serialize,
) -> Result<(), StoreError> {
    let staged = layout.staged_manifest(claim.number());
    write_json(&staged, manifest)?;
    place(&staged, &layout.manifest())
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
    let text = serde_json::to_vec_pretty(value).map_err(io::Error::from);
    let text = text.map_err(|error| StoreError::io(path, error))?;
    write_file(path, &mut |out| out.write_all(&text)).map(drop)
}

/// Gives a file its place, also after a power cut.
fn place(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to)
        .and_then(|()| sync_dir(crate::files::parent(to)))
        .map_err(|error| StoreError::io(to, error))
}

/// What writes a file.
type Writing<'a> = dyn FnMut(&mut Hashing<BufWriter<File>>) -> io::Result<()> + 'a;

/// Writes a file and brings it to disk.
fn write_file(path: &Path, content: &mut Writing<'_>) -> Result<Sum, StoreError> {
    let mut attempt = || {
        let mut out = Hashing::new(BufWriter::new(File::create(path)?));
        content(&mut out)?;
        let (out, bytes, sha256) = out.finish();
        out.into_inner()?.sync_all()?;
        Ok(Sum { bytes, sha256 })
    };
    attempt().map_err(|error: io::Error| StoreError::io(path, error))
}

fn write_metadata(kind: Kind, entries: &[Entry], out: &mut (impl Write + Send)) -> io::Result<()> {
    let text = |name, nullable| Field::new(name, DataType::Utf8, nullable);
    let names = StringArray::from_iter_values(entries.iter().map(|entry| &entry.name));
    let keys = StringArray::from_iter_values(entries.iter().map(|entry| entry.key.to_string()));
    let labels: StringArray = entries.iter().map(|entry| entry.label.as_deref()).collect();
    let (schema, columns): (_, Vec<ArrayRef>) = match kind {
        Kind::Images => (
            vec![
                text("image_path", false),
                text("sha256", false),
                text("label", true),
            ],
            vec![Arc::new(names), Arc::new(keys), Arc::new(labels)],
        ),
        Kind::Texts => (
            vec![text("caption", false), text("sha256", false)],
            vec![Arc::new(names), Arc::new(keys)],
        ),
    };
    let attempt = || -> Result<(), ParquetError> {
        let batch = RecordBatch::try_new(Arc::new(Schema::new(schema)), columns)?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
        let mut writer = ArrowWriter::try_new(out, batch.schema(), Some(properties.build()))?;
        writer.write(&batch)?;
        writer.close().map(drop)
    };
    attempt().map_err(|error| match error {
        // So that a full disk is told as one.
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    })
}

impl Shard {
    /// The shard of this number, as its marker says it is, and the keys of its rows with their checks.
    ///
    /// # Errors
    /// The marker, or the file of keys, is damaged.
    pub fn open(
        layout: &Layout,
        number: u32,
        dim: usize,
    ) -> Result<(Self, Vec<(Key, Check)>), StoreError> {
        let marker = Marker::read(layout, number)?;
        if (marker.schema, marker.dim) != (SCHEMA, dim) {
            return Err(StoreError::Damaged {
                path: layout.marker(number),
                what: format!(
                    "is of version {} and dimension {}; expected {SCHEMA} and {dim}",
                    marker.schema, marker.dim
                ),
            });
        }
        marker.check_length(layout, Part::Keys, number)?;
        let shard = Self::of(layout, number, &marker)?;
        let keys = shard.keys(layout)?;
        Ok((shard, keys))
    }

    /// Whether its files are as long as the marker says: what can be told without reading them.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check_lengths(layout: &Layout, number: u32) -> Result<(), StoreError> {
        let marker = Marker::read(layout, number)?;
        let mut parts = layout.parts().iter();
        parts.try_for_each(|&part| marker.check_length(layout, part, number))
    }

    fn of(layout: &Layout, number: u32, marker: &Marker) -> Result<Self, StoreError> {
        let rows = marker.sum(layout, Part::Rows, number)?.bytes;
        let keys = marker.sum(layout, Part::Keys, number)?.bytes;
        let of_rows = marker.rows.checked_mul(marker.dim * size_of::<f32>());
        let of_keys = marker.rows.checked_mul(RECORD);
        let head = of_rows.and_then(|bytes| rows.checked_sub(bytes as u64));
        let fits = of_keys.is_some_and(|bytes| bytes as u64 <= keys);
        match head.filter(|_| fits) {
            Some(head) => Ok(Self {
                number,
                rows: marker.rows,
                head,
                bytes: marker.files.values().map(|sum| sum.bytes).sum(),
            }),
            None => Err(StoreError::Damaged {
                path: layout.marker(number),
                what: format!("{} rows have no room in its files", marker.rows),
            }),
        }
    }

    /// The keys of all rows, with their checks, in order.
    fn keys(&self, layout: &Layout) -> Result<Vec<(Key, Check)>, StoreError> {
        let path = layout.path(Part::Keys, self.number);
        let read = || {
            let bytes = fs::read(&path)?;
            let start = bytes.len().checked_sub(self.rows * RECORD);
            let start = start.ok_or(io::ErrorKind::UnexpectedEof)?;
            Ok(bytes[start..].to_vec())
        };
        let bytes = read().map_err(|error: io::Error| StoreError::io(&path, error))?;
        let record = |bytes: &[u8]| {
            let (key, check) = bytes.split_at(Key::LEN);
            let key = Key::from_bytes(key.try_into().unwrap_or_default());
            (key, check.try_into().unwrap_or_default())
        };
        Ok(bytes.chunks_exact(RECORD).map(record).collect())
    }

    /// What the rows are of, in order.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn entries(&self, layout: &Layout) -> Result<Vec<Entry>, StoreError> {
        let path = layout.path(Part::Metadata, self.number);
        let keys = self.keys(layout)?;
        let read = guard(|| read_metadata(&path, layout.kind));
        let read = read.unwrap_or_else(|| Err("the Parquet file is damaged".to_owned()));
        let damaged = |what| StoreError::Damaged {
            path: path.clone(),
            what,
        };
        let names = read.map_err(damaged)?;
        if names.len() != keys.len() {
            return Err(damaged(format!(
                "has {} rows where the shard has {}",
                names.len(),
                keys.len()
            )));
        }
        let entry = |((name, label), (key, _))| Entry { key, name, label };
        Ok(names.into_iter().zip(keys).map(entry).collect())
    }

    /// Whether every file is what was written, to the bit.
    ///
    /// # Errors
    /// The first that is not.
    pub fn verify(layout: &Layout, number: u32, dim: usize) -> Result<(), StoreError> {
        Self::open(layout, number, dim)?;
        Self::check_lengths(layout, number)?;
        let marker = Marker::read(layout, number)?;
        for &part in layout.parts() {
            let path = layout.path(part, number);
            let sum = marker.sum(layout, part, number)?;
            let found = File::open(&path).and_then(|file| hash::of_readers([file]));
            if found.map_err(|error| StoreError::io(&path, error))? != sum.sha256 {
                let what = "is not what was written (another SHA-256): a bit has flipped, or it was changed";
                let what = what.to_owned();
                return Err(StoreError::Damaged { path, what });
            }
        }
        Ok(())
    }
}

/// The name and the label of each row.
fn read_metadata(path: &Path, kind: Kind) -> Result<Vec<(String, Option<String>)>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.build());
    let mut found = Vec::new();
    for batch in reader.map_err(|error| error.to_string())? {
        let batch = batch.map_err(|error| error.to_string())?;
        let column = |name: &str| {
            let column = batch.column_by_name(name);
            column.and_then(|column| column.as_string_opt::<i32>())
        };
        let name = match kind {
            Kind::Images => "image_path",
            Kind::Texts => "caption",
        };
        let names = column(name).ok_or_else(|| format!("has no column `{name}` of texts"))?;
        let labels = column("label");
        for (i, name) in names.iter().enumerate() {
            let label = labels.filter(|labels| labels.is_valid(i));
            let label = label.map(|labels| labels.value(i).to_owned());
            found.push((name.unwrap_or_default().to_owned(), label));
        }
    }
    Ok(found)
}

impl Marker {
    fn read(layout: &Layout, number: u32) -> Result<Self, StoreError> {
        let path = layout.marker(number);
        let text = fs::read(&path).map_err(|error| StoreError::io(&path, error))?;
        serde_json::from_slice(&text).map_err(|error| StoreError::Damaged {
            path,
            what: format!("is no marker of a shard: {error}"),
        })
    }

    fn check_length(&self, layout: &Layout, part: Part, number: u32) -> Result<(), StoreError> {
        let path = layout.path(part, number);
        let bytes = self.sum(layout, part, number)?.bytes;
        let there = fs::metadata(&path).map_err(|error| StoreError::io(&path, error))?;
        if there.len() == bytes {
            return Ok(());
        }
        let what = format!(
            "has {} bytes where {bytes} were written: it is truncated, or was changed",
            there.len()
        );
        Err(StoreError::Damaged { path, what })
    }

    fn sum(&self, layout: &Layout, part: Part, number: u32) -> Result<&Sum, StoreError> {
        let name = layout.name(part, number);
        self.files.get(&name).ok_or_else(|| StoreError::Damaged {
            path: layout.marker(number),
            what: format!("does not name {name}"),
        })
    }
}
