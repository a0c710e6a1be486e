//! Embeddings on disk as other tools read them: `.npy` beside a Parquet table with a row for each.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, UInt32Builder};
use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::matrix::Matrix;
use crate::npy;

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Parquet { path: PathBuf, source: ParquetError },
}

/// Writes `images.npy` and `images.parquet` (row, path) into `dir`; `paths[i]` belongs to row `i`.
///
/// # Errors
/// What could not be written.
pub fn write_images(dir: &Path, embeddings: &Matrix, paths: &[&str]) -> Result<(), TableError> {
    write_npy(&dir.join("images.npy"), embeddings)?;
    let schema = Schema::new(vec![
        Field::new("row", DataType::UInt64, false),
        Field::new("path", DataType::Utf8, false),
    ]);
    let paths = StringArray::from_iter_values(paths);
    write_parquet(&dir.join("images.parquet"), schema, vec![Arc::new(paths)])
}

/// Writes `texts.npy` and `texts.parquet` (row, text, token_ids) into `dir`.
///
/// # Errors
/// What could not be written.
pub fn write_texts(
    dir: &Path,
    embeddings: &Matrix,
    texts: &[&str],
    token_ids: &[Vec<u32>],
) -> Result<(), TableError> {
    write_npy(&dir.join("texts.npy"), embeddings)?;
    let item = Arc::new(Field::new("item", DataType::UInt32, false));
    let schema = Schema::new(vec![
        Field::new("row", DataType::UInt64, false),
        Field::new("text", DataType::Utf8, false),
        Field::new("token_ids", DataType::List(Arc::clone(&item)), false),
    ]);
    let mut ids = ListBuilder::new(UInt32Builder::new()).with_field(item);
    for text_ids in token_ids {
        ids.append_value(text_ids.iter().copied().map(Some));
    }
    let texts = StringArray::from_iter_values(texts);
    write_parquet(
        &dir.join("texts.parquet"),
        schema,
        vec![Arc::new(texts), Arc::new(ids.finish())],
    )
}

fn write_npy(path: &Path, matrix: &Matrix) -> Result<(), TableError> {
    let attempt = || {
        let mut out = BufWriter::new(File::create(path)?);
        out.write_all(&npy::header::<f32>(matrix.rows(), matrix.cols()))?;
        npy::write(&mut out, matrix.as_slice())?;
        out.flush()
    };
    attempt().map_err(|source| TableError::Io {
        path: path.to_owned(),
        source,
    })
}

/// A table with a `row` column before the given ones.
fn write_parquet(path: &Path, schema: Schema, columns: Vec<ArrayRef>) -> Result<(), TableError> {
    let attempt = || -> Result<(), ParquetError> {
        let schema = Arc::new(schema);
        let rows = columns.first().map_or(0, |c| c.len()) as u64;
        let mut all: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from_iter_values(0..rows))];
        all.extend(columns);
        let batch = RecordBatch::try_new(Arc::clone(&schema), all)
            .map_err(|error: ArrowError| ParquetError::from(error))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .build();
        let mut writer = ArrowWriter::try_new(File::create(path)?, schema, Some(properties))?;
        writer.write(&batch)?;
        writer.close()?;
        Ok(())
    };
    attempt().map_err(|source| TableError::Parquet {
        path: path.to_owned(),
        source,
    })
}
