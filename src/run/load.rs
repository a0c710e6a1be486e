//! Reading a run back: its figures, what made it, and the columns that other runs are compared by.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, UInt32Type};
use arrow_array::{
    Array, ArrayRef, Float64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use serde_json::Value;

use super::MANIFEST_SCHEMA;
use super::save::{MANIFEST, SUMMARY, TABLE};
use super::saved::{Detail, Details, Jagged, Numbers, Saved, SavedRank, SavedRow, SavedStep};
use crate::guard::guard;
use crate::names::Names;
use crate::score::Verdict;
use crate::taxonomy::Relation;

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

/// Reads what runs are compared by from the directory that `--out` named.
///
/// # Errors
/// When the directory holds no run, or another version's, or one that is damaged.
pub fn load(dir: &Path) -> Result<Saved, LoadError> {
    load_columns(dir, Extent::Compared)
}

/// Reads all of a run but the ranked labels and the Pareto sequences, which are most of it: the former are then empty, the
/// latter not known.
///
/// # Errors
/// As [`load`].
pub fn load_flat(dir: &Path) -> Result<Saved, LoadError> {
    load_columns(dir, Extent::Flat)
}

/// Reads all of a run, its [details](Details) too.
///
/// # Errors
/// As [`load`].
pub fn load_whole(dir: &Path) -> Result<Saved, LoadError> {
    load_columns(dir, Extent::Whole)
}

/// Reads a run's figures and what made it, and no image yet.
///
/// # Errors
/// As [`load`].
pub fn load_summary(dir: &Path) -> Result<Saved, LoadError> {
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
    Ok(Saved {
        summary,
        manifest,
        labels: Vec::new(),
        truths: Vec::new(),
        images: Names::default(),
        rows: Vec::new(),
        details: None,
    })
}

/// How much of each image is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// What runs are compared by.
    Compared,
    /// The details too, but for lists.
    Flat,
    Whole,
}

fn load_columns(dir: &Path, extent: Extent) -> Result<Saved, LoadError> {
    let mut saved = load_summary(dir)?;
    let table = dir.join(TABLE);
    guarded(&table, || read_table(&mut saved, &table, extent))?;
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

/// A table's batches with these columns alone.
fn batches(path: &Path, columns: &[&str]) -> Result<ParquetRecordBatchReader, String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| e.to_string())?;
    let fields = builder.schema().fields();
    let mut roots = Vec::with_capacity(columns.len());
    for name in columns {
        match fields.iter().position(|field| field.name() == name) {
            Some(root) => roots.push(root),
            None if [K, UNCERTAINTY].contains(name) => {}
            None => return Err(format!("no column `{name}`")),
        }
    }
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    builder
        .with_projection(mask)
        .build()
        .map_err(|e| e.to_string())
}

/// The columns that are always read.
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

/// The columns of the details but for lists of what is ranked. The last two are not in the files of older versions.
const DETAILS: [&str; 10] = [
    "valid",
    "relation",
    "lca",
    "valid_mass",
    "self_confidence",
    "margin",
    "looks_like",
    "noisy",
    K,
    UNCERTAINTY,
];
/// The lists of the details.
const LISTS: [&str; 2] = ["top_k", "pareto"];
const K: &str = "k";
const UNCERTAINTY: &str = "uncertainty";

fn read_table(saved: &mut Saved, path: &Path, extent: Extent) -> Result<(), String> {
    let mut numbers = Numbers::default();
    let mut columns = COLUMNS.to_vec();
    let has_lists = extent == Extent::Whole;
    let mut details = (extent != Extent::Compared).then(|| Details {
        pareto: has_lists.then(Jagged::default),
        ..Details::default()
    });
    if details.is_some() {
        columns.extend(DETAILS);
    }
    if has_lists {
        columns.extend(LISTS);
    }
    for batch in batches(path, &columns)? {
        let batch = Batch(batch.map_err(|e| e.to_string())?);
        batch.rows(saved, &mut numbers)?;
        if let Some(details) = &mut details {
            batch.details(details, &mut numbers)?;
            if has_lists {
                batch.ranked(details, &mut numbers)?;
                batch.pareto(details, &mut numbers)?;
            } else {
                (0..batch.0.num_rows()).for_each(|_| details.ranked.push([]));
            }
        }
    }
    if let Some(details) = &mut details {
        details.valid = std::mem::take(&mut numbers.valid.distinct);
    }
    saved.labels = numbers.labels;
    saved.truths = numbers.truths.distinct;
    saved.details = details;
    Ok(())
}

/// Some rows of the table.
struct Batch(RecordBatch);

impl Batch {
    fn column(&self, name: &str) -> Result<&ArrayRef, String> {
        let found = self.0.column_by_name(name);
        found.ok_or_else(|| format!("no column `{name}`"))
    }

    fn text(&self, name: &str) -> Result<&StringArray, String> {
        let strings = self.column(name)?.as_string_opt::<i32>();
        strings.ok_or_else(|| format!("`{name}` holds no text"))
    }

    fn numbers(&self, name: &str) -> Result<&Float64Array, String> {
        let values = self.column(name)?.as_primitive_opt::<Float64Type>();
        values.ok_or_else(|| format!("`{name}` holds no numbers"))
    }

    fn lists(&self, name: &str) -> Result<&ListArray, String> {
        let lists = self.column(name)?.as_list_opt::<i32>();
        lists.ok_or_else(|| format!("`{name}` holds no lists"))
    }

    /// A column of lists of labels, and the labels in them.
    fn sets(&self, name: &str) -> Result<(&ListArray, &StringArray), String> {
        let lists = self.lists(name)?;
        let labels = lists.values().as_string_opt::<i32>();
        Ok((
            lists,
            labels.ok_or_else(|| format!("`{name}` holds no text"))?,
        ))
    }

    /// A column of lists of structs, and a field of these.
    fn fields(&self, name: &str) -> Result<(&ListArray, &StructArray), String> {
        let lists = self.lists(name)?;
        let structs = lists.values().as_struct_opt();
        Ok((
            lists,
            structs.ok_or_else(|| format!("`{name}` holds no fields"))?,
        ))
    }

    fn rows(&self, saved: &mut Saved, numbers: &mut Numbers) -> Result<(), String> {
        let (images, answers) = (self.text("image")?, self.text("answer")?);
        let (verdicts, truth) = (self.text("verdict")?, self.text("truth")?);
        let (truths, of_truths) = self.sets("truths")?;
        let probability = self.numbers("probability")?;
        let (cosine, credit) = (self.numbers("text_cosine")?, self.numbers("credit")?);
        for i in 0..self.0.num_rows() {
            saved.images.push(images.value(i));
            let set: Vec<u32> = range(truths, i)
                .map(|k| numbers.label(of_truths.value(k)))
                .collect();
            let verdict = match verdicts.is_valid(i) {
                true => {
                    let name = verdicts.value(i);
                    let verdict = Verdict::by_name(name);
                    Some(verdict.ok_or_else(|| format!("unknown verdict `{name}`"))?)
                }
                false => None,
            };
            saved.rows.push(SavedRow {
                primary: set.first().copied(),
                truths: numbers.truths.number(set),
                answer: label(answers, i, numbers),
                probability: number(probability, i),
                verdict,
                truth: label(truth, i, numbers),
                text_cosine: number(cosine, i),
                credit: number(credit, i),
            });
        }
        Ok(())
    }

    fn details(&self, details: &mut Details, numbers: &mut Numbers) -> Result<(), String> {
        let (valid, of_valid) = self.sets("valid")?;
        let (relations, lcas) = (self.text("relation")?, self.text("lca")?);
        let looks_like = self.text("looks_like")?;
        let (mass, noisy) = (self.numbers("valid_mass")?, self.numbers("noisy")?);
        let (own, margin) = (self.numbers("self_confidence")?, self.numbers("margin")?);
        let k = self.0.column_by_name(K);
        let k = k.and_then(|c| c.as_primitive_opt::<UInt32Type>());
        let uncertainty = self.0.column_by_name(UNCERTAINTY);
        let uncertainty = uncertainty.and_then(|c| c.as_primitive_opt::<Float64Type>());
        for i in 0..self.0.num_rows() {
            let relation = match relations.is_valid(i) {
                true => {
                    let name = relations.value(i);
                    let relation = Relation::by_name(name);
                    Some(relation.ok_or_else(|| format!("unknown relation `{name}`"))?)
                }
                false => None,
            };
            let set = valid.is_valid(i).then(|| {
                let set = range(valid, i).map(|k| numbers.label(of_valid.value(k)));
                set.collect::<Vec<u32>>()
            });
            details.rows.push(Detail {
                relation,
                lca: label(lcas, i, numbers),
                k: k.filter(|k| k.is_valid(i)).map(|k| k.value(i)),
                valid: set.map(|set| numbers.valid.number(set)),
                valid_mass: number(mass, i),
                self_confidence: number(own, i),
                margin: number(margin, i),
                looks_like: label(looks_like, i, numbers),
                noisy: number(noisy, i),
                uncertainty: uncertainty.and_then(|values| number(values, i)),
            });
        }
        Ok(())
    }

    fn ranked(&self, details: &mut Details, numbers: &mut Numbers) -> Result<(), String> {
        let (lists, fields) = self.fields("top_k")?;
        let fault = || "`top_k` holds no ranked labels".to_owned();
        let labels = fields.column_by_name("label");
        let labels = labels.and_then(|c| c.as_string_opt::<i32>());
        let labels = labels.ok_or_else(fault)?;
        let similarities = fields.column_by_name("similarity");
        let similarities = similarities.and_then(|c| c.as_primitive_opt::<Float32Type>());
        let similarities = similarities.ok_or_else(fault)?;
        let probabilities = fields.column_by_name("probability");
        let probabilities = probabilities.and_then(|c| c.as_primitive_opt::<Float64Type>());
        let probabilities = probabilities.ok_or_else(fault)?;
        for i in 0..self.0.num_rows() {
            details.ranked.push(range(lists, i).map(|k| SavedRank {
                label: numbers.label(labels.value(k)),
                similarity: similarities.is_valid(k).then(|| similarities.value(k)),
                probability: number(probabilities, k),
            }));
        }
        Ok(())
    }

    fn pareto(&self, details: &mut Details, numbers: &mut Numbers) -> Result<(), String> {
        let (lists, fields) = self.fields("pareto")?;
        let fault = || "`pareto` holds no labels with masses".to_owned();
        let labels = fields.column_by_name("label");
        let labels = labels.and_then(|c| c.as_string_opt::<i32>());
        let labels = labels.ok_or_else(fault)?;
        let masses = fields.column_by_name("mass");
        let masses = masses.and_then(|c| c.as_primitive_opt::<Float64Type>());
        let masses = masses.ok_or_else(fault)?;
        for i in 0..self.0.num_rows() {
            // Known of all images or of none.
            let Some(pareto) = details.pareto.as_mut().filter(|_| lists.is_valid(i)) else {
                details.pareto = None;
                break;
            };
            pareto.push(range(lists, i).map(|k| SavedStep {
                label: numbers.label(labels.value(k)),
                mass: masses.value(k),
            }));
        }
        Ok(())
    }
}

/// Where the values of a list are.
fn range(lists: &ListArray, i: usize) -> std::ops::Range<usize> {
    let offsets = lists.value_offsets();
    offsets[i] as usize..offsets[i + 1] as usize
}

fn number(values: &Float64Array, i: usize) -> Option<f64> {
    values.is_valid(i).then(|| values.value(i))
}

fn label(ids: &StringArray, i: usize, numbers: &mut Numbers) -> Option<u32> {
    ids.is_valid(i).then(|| numbers.label(ids.value(i)))
}
