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
use crate::names::Names;
use crate::npy;

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Parquet { path: PathBuf, source: ParquetError },
}

impl TableError {
    fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Io { path, source }
    }

    fn parquet(path: &Path, source: ParquetError) -> Self {
        let path = path.to_owned();
        Self::Parquet { path, source }
    }
}

/// Rows of a table that are written at once: always as many, so that the bytes do not depend on how they come.
const ROWS_AT_ONCE: usize = 1 << 16;

/// `images.npy` and `images.parquet` (row, path) in the making, and `images_logvar.npy` where rows have log σ²: they are written
/// as the rows come, so that the memory that is needed does not grow with them.
pub struct Images {
    /// A file for each part of a row, the mean first.
    npy: Vec<(PathBuf, npy::Rows<BufWriter<File>>)>,
    dim: usize,
    table: ArrowWriter<File>,
    table_path: PathBuf,
    schema: Arc<Schema>,
    /// Those that are not written yet.
    paths: Names,
    written: u64,
}

impl Images {
    /// Begins the files in `dir`, of rows of `dim` values, or twice as many where log σ² follows the mean.
    ///
    /// # Errors
    /// What could not be written.
    pub fn new(dir: &Path, dim: usize, tells_uncertainty: bool) -> Result<Self, TableError> {
        let table_path = dir.join("images.parquet");
        let mut npy = Vec::new();
        for name in parts_of(["images.npy", "images_logvar.npy"], tells_uncertainty) {
            let path = dir.join(name);
            let rows =
                File::create(&path).and_then(|file| npy::Rows::new(BufWriter::new(file), dim));
            let rows = rows.map_err(|source| TableError::io(&path, source))?;
            npy.push((path, rows));
        }
        let schema = Arc::new(Schema::new(vec![
            Field::new("row", DataType::UInt64, false),
            Field::new("path", DataType::Utf8, false),
        ]));
        let table = File::create(&table_path)
            .map_err(ParquetError::from)
            .and_then(|file| ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties())));
        Ok(Self {
            npy,
            dim,
            table: table.map_err(|source| TableError::parquet(&table_path, source))?,
            table_path,
            schema,
            paths: Names::default(),
            written: 0,
        })
    }

    /// Adds rows; a path belongs to each.
    ///
    /// # Errors
    /// What could not be written.
    pub fn push<'m, 'p>(
        &mut self,
        embeddings: &'m Matrix,
        paths: impl Iterator<Item = &'p str>,
    ) -> Result<(), TableError> {
        let part_of = |row: &'m [f32], i: usize| &row[i * self.dim..(i + 1) * self.dim];
        for (i, (path, npy)) in self.npy.iter_mut().enumerate() {
            let mut rows = (0..embeddings.rows()).map(|row| embeddings.row(row));
            let pushed = rows.try_for_each(|row| npy.push(part_of(row, i)));
            pushed.map_err(|source| TableError::io(path, source))?;
        }
        for path in paths {
            self.paths.push(path);
            if self.paths.len() == ROWS_AT_ONCE {
                self.write_paths()?;
            }
        }
        Ok(())
    }

    fn write_paths(&mut self) -> Result<(), TableError> {
        let paths = std::mem::take(&mut self.paths);
        let rows = self.written..self.written + paths.len() as u64;
        self.written = rows.end;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values(rows)),
            Arc::new(StringArray::from_iter_values(paths.iter())),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns);
        let batch = batch.map_err(|error: ArrowError| ParquetError::from(error));
        batch
            .and_then(|batch| self.table.write(&batch))
            .map_err(|source| TableError::parquet(&self.table_path, source))
    }

    /// Completes the files: the number of rows.
    ///
    /// # Errors
    /// What could not be written.
    pub fn finish(mut self) -> Result<usize, TableError> {
        self.write_paths()?;
        let closed = self.table.close();
        closed.map_err(|source| TableError::parquet(&self.table_path, source))?;
        let mut count = 0;
        for (path, npy) in self.npy {
            count = npy.rows();
            npy.finish()
                .map_err(|source| TableError::io(&path, source))?;
        }
        Ok(count)
    }
}

/// The files of a row's parts: that of the mean alone, unless there is log σ².
fn parts_of(
    [mean, log_variance]: [&str; 2],
    tells_uncertainty: bool,
) -> impl Iterator<Item = &str> {
    std::iter::once(mean).chain(tells_uncertainty.then_some(log_variance))
}

/// Writes `texts.npy` and `texts.parquet` (row, text, token_ids) into `dir`, and `texts_logvar.npy` where the rows have log σ² behind
/// the `dim` values of the mean.
///
/// # Errors
/// What could not be written.
pub fn write_texts(
    dir: &Path,
    embeddings: &Matrix,
    dim: usize,
    texts: &[&str],
    token_ids: &[Vec<u32>],
) -> Result<(), TableError> {
    let tells_uncertainty = embeddings.cols() > dim;
    let names = parts_of(["texts.npy", "texts_logvar.npy"], tells_uncertainty);
    for (i, name) in names.enumerate() {
        write_npy(&dir.join(name), &embeddings.columns(i * dim..(i + 1) * dim))?;
    }
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
    attempt().map_err(|source| TableError::io(path, source))
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
        let mut writer = ArrowWriter::try_new(File::create(path)?, schema, Some(properties()))?;
        writer.write(&batch)?;
        writer.close()?;
        Ok(())
    };
    attempt().map_err(|source| TableError::parquet(path, source))
}

fn properties() -> WriterProperties {
    let properties = WriterProperties::builder();
    properties.set_compression(Compression::SNAPPY).build()
}
