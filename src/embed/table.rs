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

/// NumPy's format 1.0: little-endian f32, C order, rows × cols.
fn write_npy(path: &Path, matrix: &Matrix) -> Result<(), TableError> {
    let attempt = || {
        let mut out = BufWriter::new(File::create(path)?);
        let mut header = format!(
            "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}",
            matrix.rows(),
            matrix.cols()
        );
        // Magic, version and length take ten bytes; the data start at a multiple of 64.
        let padding = 64 - (10 + header.len() + 1) % 64;
        header.push_str(&" ".repeat(padding % 64));
        header.push('\n');
        let length = u16::try_from(header.len()).map_err(io::Error::other)?;
        out.write_all(b"\x93NUMPY\x01\x00")?;
        out.write_all(&length.to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        for value in matrix.as_slice() {
            out.write_all(&value.to_le_bytes())?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npy_is_laid_out_as_numpy_reads_it() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("a.npy");
        write_npy(&path, &Matrix::new(2, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert_eq!((10 + header) % 64, 0);
        let text = std::str::from_utf8(&bytes[10..10 + header]).unwrap();
        assert!(
            text.contains("'shape': (3, 2)") && text.ends_with('\n'),
            "{text}"
        );
        assert_eq!(bytes[10 + header..].len(), 6 * 4);
        assert_eq!(bytes[10 + header + 4..][..4], 2f32.to_le_bytes());
    }
}
