//! Reading a run back: its figures, what made it, and the columns that other runs are compared by.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use serde_json::Value;

use super::MANIFEST_SCHEMA;
use super::save::{MANIFEST, SUMMARY, TABLE};
use crate::guard::guard;
use crate::names::Names;
use crate::score::Verdict;

/// Why a run could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(
        "{}: no run of cladist ({what}); write one with `cladist score … --out {}`",
        path.display(),
        path.display()
    )]
    NoRun { path: PathBuf, what: String },
    #[error("{}: {what}", path.display())]
    File { path: PathBuf, what: String },
    #[error(
        "{}: has schema {found}, and this cladist reads {MANIFEST_SCHEMA}: score it again",
        path.display()
    )]
    Schema { path: PathBuf, found: String },
}

/// A run as it was saved.
#[derive(Debug, Clone)]
pub struct Saved {
    /// `summary.json`.
    pub summary: Value,
    /// `run.yaml`.
    pub manifest: Value,
    /// Ids that occur in the columns, by the numbers there.
    pub labels: Vec<String>,
    /// The distinct sets of labels, the primary one first.
    pub truths: Vec<Vec<u32>>,
    pub images: Names,
    pub rows: Vec<SavedRow>,
}

/// One image of a saved run; labels are numbers in [`Saved::labels`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SavedRow {
    /// `None` for an image without a label.
    pub primary: Option<u32>,
    /// The number of its labels in [`Saved::truths`].
    pub truths: u32,
    /// `None`: abstained.
    pub answer: Option<u32>,
    pub probability: Option<f64>,
    pub verdict: Option<Verdict>,
    /// The truth that the answer is best related to.
    pub truth: Option<u32>,
    pub text_cosine: Option<f64>,
    pub credit: Option<f64>,
}

/// Reads a run from the directory that `--out` named.
///
/// # Errors
/// When the directory holds no run, or another version's, or one that is damaged.
pub fn load(dir: &Path) -> Result<Saved, LoadError> {
    let read = |name: &str| {
        std::fs::read_to_string(dir.join(name)).map_err(|error| LoadError::NoRun {
            path: dir.to_owned(),
            what: format!("{name}: {error}"),
        })
    };
    let damaged = |name: &str, what: String| LoadError::File {
        path: dir.join(name),
        what: format!("damaged: {what}"),
    };
    let manifest: Value = serde_yaml::from_str(&read(MANIFEST)?)
        .map_err(|error| damaged(MANIFEST, error.to_string()))?;
    if manifest["schema"] != MANIFEST_SCHEMA {
        return Err(LoadError::Schema {
            path: dir.to_owned(),
            found: manifest["schema"].to_string(),
        });
    }
    let summary = serde_json::from_str(&read(SUMMARY)?)
        .map_err(|error| damaged(SUMMARY, error.to_string()))?;
    let mut saved = Saved {
        summary,
        manifest,
        labels: Vec::new(),
        truths: Vec::new(),
        images: Names::default(),
        rows: Vec::new(),
    };
    let table = dir.join(TABLE);
    guarded(&table, || saved.read_table(&table))?;
    Ok(saved)
}

/// What `read` makes of a file, on some of which the library panics.
fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, String>) -> Result<T, LoadError> {
    guard(read)
        .unwrap_or_else(|| Err("it cannot be decoded".to_owned()))
        .map_err(|what| LoadError::File {
            path: path.to_owned(),
            what: format!("cannot be read: {what}"),
        })
}

/// What every threshold answers, as ids, with its mass, most massive first.
pub type Sequence = Vec<(String, f64)>;

/// The Pareto sequence of each image of a run in `dir`. `None` where the run was made without the probabilities of all candidates.
///
/// # Errors
/// When the table cannot be read.
pub fn load_pareto(dir: &Path) -> Result<Option<Vec<Sequence>>, LoadError> {
    let path = dir.join(TABLE);
    guarded(&path, || read_pareto(&path))
}

fn read_pareto(path: &Path) -> Result<Option<Vec<Sequence>>, String> {
    let mut images = Vec::new();
    for batch in batches(path, &["pareto"])? {
        let batch = batch.map_err(|e| e.to_string())?;
        let column = batch.column_by_name("pareto");
        let lists = column.and_then(|c| c.as_list_opt::<i32>());
        let lists = lists.ok_or("`pareto` holds no lists")?;
        let steps = lists
            .values()
            .as_struct_opt()
            .ok_or("`pareto` holds no steps")?;
        let labels = steps
            .column_by_name("label")
            .and_then(|c| c.as_string_opt::<i32>());
        let masses = steps.column_by_name("mass");
        let masses = masses.and_then(|c| c.as_primitive_opt::<Float64Type>());
        let (Some(labels), Some(masses)) = (labels, masses) else {
            return Err("`pareto` holds no labels with masses".to_owned());
        };
        for i in 0..batch.num_rows() {
            if lists.is_null(i) {
                return Ok(None);
            }
            let (start, end) = (lists.value_offsets()[i], lists.value_offsets()[i + 1]);
            let steps = start as usize..end as usize;
            images.push(
                steps
                    .map(|k| (labels.value(k).to_owned(), masses.value(k)))
                    .collect(),
            );
        }
    }
    Ok(Some(images))
}

/// A table's batches with these columns alone.
fn batches(path: &Path, columns: &[&str]) -> Result<ParquetRecordBatchReader, String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| e.to_string())?;
    let fields = builder.schema().fields();
    let mut roots = Vec::with_capacity(columns.len());
    for name in columns {
        let root = fields.iter().position(|field| field.name() == name);
        roots.push(root.ok_or_else(|| format!("no column `{name}`"))?);
    }
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    builder
        .with_projection(mask)
        .build()
        .map_err(|e| e.to_string())
}

/// The columns that are read.
const COLUMNS: [&str; 8] = [
    "image",
    "truths",
    "answer",
    "probability",
    "verdict",
    "truth",
    "text_cosine",
    "credit",
];

impl Saved {
    /// The id of a label by its number.
    pub fn id(&self, label: u32) -> &str {
        &self.labels[label as usize]
    }

    fn read_table(&mut self, path: &Path) -> Result<(), String> {
        let (mut numbers, mut sets) = (HashMap::new(), HashMap::new());
        for batch in batches(path, &COLUMNS)? {
            let batch = batch.map_err(|e| e.to_string())?;
            self.read_batch(&batch, &mut numbers, &mut sets)?;
        }
        Ok(())
    }

    fn read_batch(
        &mut self,
        batch: &RecordBatch,
        numbers: &mut HashMap<String, u32>,
        sets: &mut HashMap<Vec<u32>, u32>,
    ) -> Result<(), String> {
        let column = |name: &str| {
            let found = batch.column_by_name(name);
            found.ok_or_else(|| format!("no column `{name}`"))
        };
        let text = |name: &str| -> Result<_, String> {
            let strings = column(name)?.as_string_opt::<i32>();
            strings.ok_or_else(|| format!("`{name}` holds no text"))
        };
        let number = |name: &str| -> Result<_, String> {
            let values = column(name)?.as_primitive_opt::<Float64Type>();
            values.ok_or_else(|| format!("`{name}` holds no numbers"))
        };
        let (images, answers, verdicts) = (text("image")?, text("answer")?, text("verdict")?);
        let truth = text("truth")?;
        let truths = column("truths")?.as_list_opt::<i32>();
        let truths = truths.ok_or("`truths` holds no lists")?;
        let of_truths = truths.values().as_string_opt::<i32>();
        let of_truths = of_truths.ok_or("`truths` holds no text")?;
        let probability = number("probability")?;
        let (cosine, credit) = (number("text_cosine")?, number("credit")?);
        let labels = &mut self.labels;
        let mut label = |id: &str| {
            *numbers.entry(id.to_owned()).or_insert_with(|| {
                labels.push(id.to_owned());
                labels.len() as u32 - 1
            })
        };
        for i in 0..batch.num_rows() {
            self.images.push(images.value(i));
            let (start, end) = (truths.value_offsets()[i], truths.value_offsets()[i + 1]);
            let set: Vec<u32> = (start as usize..end as usize)
                .map(|k| label(of_truths.value(k)))
                .collect();
            let primary = set.first().copied();
            let next = self.truths.len() as u32;
            let truths = *sets.entry(set).or_insert_with_key(|set| {
                self.truths.push(set.clone());
                next
            });
            let verdict = match verdicts.is_valid(i) {
                true => {
                    let name = verdicts.value(i);
                    let verdict = Verdict::by_name(name);
                    Some(verdict.ok_or_else(|| format!("unknown verdict `{name}`"))?)
                }
                false => None,
            };
            let value = |of: &arrow_array::Float64Array| of.is_valid(i).then(|| of.value(i));
            self.rows.push(SavedRow {
                primary,
                truths,
                answer: answers.is_valid(i).then(|| label(answers.value(i))),
                probability: value(probability),
                verdict,
                truth: truth.is_valid(i).then(|| label(truth.value(i))),
                text_cosine: value(cosine),
                credit: value(credit),
            });
        }
        Ok(())
    }
}
