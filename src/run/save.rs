//! Writing a run: `summary.json`, `predictions.parquet`, `predictions.jsonl`, `run.yaml`, all or none.
//!
//! The files' schema is documented in `docs/run-files.md`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{
    Float32Builder, Float64Builder, ListBuilder, StringBuilder, StructBuilder, UInt32Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::Serialize;

use super::Run;
use super::saved::{Details, Saved};
use crate::files::{Kind, Staging, StagingError};
use crate::score::{Summary, Verdict};
use crate::taxonomy::{NodeId, Relation};

pub(super) const SUMMARY: &str = "summary.json";
const LINES: &str = "predictions.jsonl";
pub(super) const TABLE: &str = "predictions.parquet";
pub(super) const MANIFEST: &str = "run.yaml";

/// A directory with a run.
pub const KIND: Kind = Kind {
    marker: MANIFEST,
    entries: &[SUMMARY, LINES, TABLE, MANIFEST],
};

/// Images a Parquet batch, at most.
const BATCH: usize = 8192;

/// Ranked candidates a Parquet batch, or those of one image: bounds the memory that writing takes, and the bytes of
/// their ids, which a column counts in 31 bits.
const RANKED: usize = 1 << 20;

/// Why a run could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error(transparent)]
    Staging(#[from] StagingError),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Parquet {
        path: PathBuf,
        source: parquet::errors::ParquetError,
    },
    #[error("{}: the run was not read whole, so it cannot be written", path.display())]
    NotWhole { path: PathBuf },
}

/// What is written of each image.
enum Rows<'a> {
    Made(&'a Run),
    Read(&'a Saved, &'a Details),
}

/// Writes `run` into `staging` and puts it in its place.
///
/// # Errors
/// What could not be written, with its path; an earlier run in the same place is then still there.
pub fn save(run: &Run, staging: Staging) -> Result<(), SaveError> {
    save_rows(&Rows::Made(run), &run.summary, &run.manifest, staging)
}

/// The same of a run in the columns of its files: what was read, or is shown.
///
/// # Errors
/// As [`save`]; a run that was not read whole.
pub fn save_again(saved: &Saved, staging: Staging) -> Result<(), SaveError> {
    let details = saved.details.as_ref().ok_or_else(|| SaveError::NotWhole {
        path: staging.path().to_owned(),
    })?;
    let rows = Rows::Read(saved, details);
    save_rows(&rows, &saved.summary, &saved.manifest, staging)
}

fn save_rows(
    rows: &Rows<'_>,
    summary: &Summary,
    manifest: &impl Serialize,
    staging: Staging,
) -> Result<(), SaveError> {
    let at = |name: &str| staging.path().join(name);
    write(&at(SUMMARY), |out| {
        serde_json::to_writer_pretty(&mut *out, summary)?;
        out.write_all(b"\n")
    })?;
    write(&at(LINES), |out| {
        for i in 0..rows.len() {
            serde_json::to_writer(&mut *out, &rows.line(i))?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })?;
    let parquet = at(TABLE);
    write_parquet(rows, &parquet).map_err(|source| SaveError::Parquet {
        path: parquet,
        source,
    })?;
    write(&at(MANIFEST), |out| {
        serde_yaml::to_writer(out, manifest).map_err(io::Error::other)
    })?;
    Ok(staging.publish()?)
}

fn write(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), SaveError> {
    let attempt = || {
        let mut out = BufWriter::new(File::create(path)?);
        fill(&mut out)?;
        out.flush()
    };
    attempt().map_err(|source| SaveError::Io {
        path: path.to_owned(),
        source,
    })
}

/// One line of `predictions.jsonl`: the columns of the Parquet file under the same names.
#[derive(Serialize)]
struct Line<'a> {
    image: &'a str,
    truths: Vec<&'a str>,
    valid: Option<Vec<&'a str>>,
    answer: Option<&'a str>,
    probability: Option<f64>,
    verdict: Option<&'static str>,
    relation: Option<&'static str>,
    truth: Option<&'a str>,
    lca: Option<&'a str>,
    text_cosine: Option<f64>,
    credit: Option<f64>,
    k: Option<u32>,
    valid_mass: Option<f64>,
    self_confidence: Option<f64>,
    margin: Option<f64>,
    looks_like: Option<&'a str>,
    noisy: Option<f64>,
    uncertainty: Option<f64>,
    top_k: Vec<RankedLine<'a>>,
    pareto: Option<Vec<MassLine<'a>>>,
}

#[derive(Serialize)]
struct RankedLine<'a> {
    label: &'a str,
    similarity: Option<f32>,
    probability: Option<f64>,
}

#[derive(Serialize)]
struct MassLine<'a> {
    label: &'a str,
    mass: f64,
}

impl<'a> Rows<'a> {
    fn len(&self) -> usize {
        match self {
            Self::Made(run) => run.predictions.len(),
            Self::Read(saved, _) => saved.rows.len(),
        }
    }

    /// Ranked labels of the image that has most.
    fn most_ranked(&self) -> usize {
        match self {
            Self::Made(run) => run.predictions.most_ranked(),
            Self::Read(_, details) => details.ranked.iter().map(<[_]>::len).max().unwrap_or(0),
        }
    }

    /// Of the `i`th image.
    fn line(&self, i: usize) -> Line<'a> {
        match *self {
            Self::Made(run) => Line::made(run, i),
            Self::Read(saved, details) => Line::read(saved, details, i),
        }
    }
}

impl<'a> Line<'a> {
    fn read(saved: &'a Saved, details: &'a Details, i: usize) -> Self {
        let (row, detail) = (&saved.rows[i], &details.rows[i]);
        let id = |label: u32| saved.id(label);
        let ids = |set: &'a [u32]| set.iter().map(|&label| id(label)).collect();
        let ranked = details.ranked.get(i).iter();
        let ranked = ranked.map(|rank| RankedLine {
            label: id(rank.label),
            similarity: rank.similarity,
            probability: rank.probability,
        });
        let pareto = details.pareto.as_ref().map(|pareto| {
            let steps = pareto.get(i).iter();
            let steps = steps.map(|step| MassLine {
                label: id(step.label),
                mass: step.mass,
            });
            steps.collect()
        });
        Self {
            image: saved.images.get(i),
            truths: ids(&saved.truths[row.truths as usize]),
            valid: detail.valid.map(|set| ids(&details.valid[set as usize])),
            answer: row.answer.map(id),
            probability: row.probability,
            verdict: row.verdict.map(Verdict::name),
            relation: detail.relation.map(Relation::name),
            truth: row.truth.map(id),
            lca: detail.lca.map(id),
            text_cosine: row.text_cosine,
            credit: row.credit,
            k: detail.k,
            valid_mass: detail.valid_mass,
            self_confidence: detail.self_confidence,
            margin: detail.margin,
            looks_like: detail.looks_like.map(id),
            noisy: detail.noisy,
            uncertainty: detail.uncertainty,
            top_k: ranked.collect(),
            pareto,
        }
    }

    fn made(run: &'a Run, i: usize) -> Self {
        let prediction = run.predictions.get(i);
        let ids = |nodes: &[NodeId]| nodes.iter().map(|&n| run.id(n)).collect();
        let judged = prediction.judged;
        // What is asked of the annotation.
        let of_label = |value| Some(value).filter(|_| !prediction.truths.is_empty());
        Self {
            image: prediction.image,
            truths: ids(prediction.truths),
            valid: prediction.valid.map(ids),
            answer: prediction.answer.map(|n| run.id(n)),
            probability: prediction.probability,
            verdict: judged.map(|j| j.verdict.name()),
            relation: judged.map(|j| j.relation.name()),
            truth: judged.map(|j| run.id(j.truth)),
            text_cosine: judged.and_then(|j| j.text_cosine),
            lca: judged.and_then(|j| j.lca).map(|l| run.id(l)),
            credit: judged.map(|j| j.credit),
            k: judged.map(|j| j.k as u32),
            valid_mass: prediction.mass.and_then(|m| of_label(m.valid)),
            self_confidence: prediction.checked.map(|c| c.self_confidence),
            margin: prediction.checked.map(|c| c.margin),
            looks_like: (prediction.checked)
                .and_then(|c| c.looks_like)
                .map(|n| run.id(n)),
            noisy: prediction.noisy,
            uncertainty: prediction.uncertainty,
            top_k: run
                .predictions
                .ranked(i)
                .map(|ranked| RankedLine {
                    label: run.id(ranked.label),
                    similarity: ranked.similarity,
                    probability: ranked.probability,
                })
                .collect(),
            pareto: run.predictions.pareto(i).map(|steps| {
                let step = |(label, mass)| MassLine {
                    label: run.id(label),
                    mass,
                };
                steps.map(step).collect()
            }),
        }
    }
}

fn write_parquet(rows: &Rows<'_>, path: &Path) -> Result<(), parquet::errors::ParquetError> {
    let item = |data_type| Arc::new(Field::new("item", data_type, false));
    let ranked = Fields::from(vec![
        Field::new("label", DataType::Utf8, false),
        Field::new("similarity", DataType::Float32, true),
        Field::new("probability", DataType::Float64, true),
    ]);
    let step = Fields::from(vec![
        Field::new("label", DataType::Utf8, false),
        Field::new("mass", DataType::Float64, false),
    ]);
    let schema = Arc::new(Schema::new(vec![
        Field::new("image", DataType::Utf8, false),
        Field::new("truths", DataType::List(item(DataType::Utf8)), false),
        Field::new("valid", DataType::List(item(DataType::Utf8)), true),
        Field::new("answer", DataType::Utf8, true),
        Field::new("probability", DataType::Float64, true),
        Field::new("verdict", DataType::Utf8, true),
        Field::new("relation", DataType::Utf8, true),
        Field::new("truth", DataType::Utf8, true),
        Field::new("lca", DataType::Utf8, true),
        Field::new("text_cosine", DataType::Float64, true),
        Field::new("credit", DataType::Float64, true),
        Field::new("k", DataType::UInt32, true),
        Field::new("valid_mass", DataType::Float64, true),
        Field::new("self_confidence", DataType::Float64, true),
        Field::new("margin", DataType::Float64, true),
        Field::new("looks_like", DataType::Utf8, true),
        Field::new("noisy", DataType::Float64, true),
        Field::new("uncertainty", DataType::Float64, true),
        Field::new(
            "top_k",
            DataType::List(item(DataType::Struct(ranked.clone()))),
            false,
        ),
        Field::new(
            "pareto",
            DataType::List(item(DataType::Struct(step.clone()))),
            true,
        ),
    ]));
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let mut writer =
        ArrowWriter::try_new(File::create(path)?, Arc::clone(&schema), Some(properties))?;
    let batch = (RANKED / rows.most_ranked().max(1)).clamp(1, BATCH);
    for start in (0..rows.len()).step_by(batch) {
        let mut image = StringBuilder::new();
        let mut truths = ListBuilder::new(StringBuilder::new()).with_field(item(DataType::Utf8));
        let mut valid = ListBuilder::new(StringBuilder::new()).with_field(item(DataType::Utf8));
        let mut answer = StringBuilder::new();
        let mut probability = Float64Builder::new();
        let mut verdict = StringBuilder::new();
        let mut relation = StringBuilder::new();
        let mut truth = StringBuilder::new();
        let mut lca = StringBuilder::new();
        let mut text_cosine = Float64Builder::new();
        let mut credit = Float64Builder::new();
        let mut k = UInt32Builder::new();
        let mut valid_mass = Float64Builder::new();
        let mut self_confidence = Float64Builder::new();
        let mut margin = Float64Builder::new();
        let mut looks_like = StringBuilder::new();
        let mut noisy = Float64Builder::new();
        let mut uncertainty = Float64Builder::new();
        let mut top_k = ListBuilder::new(StructBuilder::from_fields(ranked.clone(), 0))
            .with_field(item(DataType::Struct(ranked.clone())));
        let mut pareto = ListBuilder::new(StructBuilder::from_fields(step.clone(), 0))
            .with_field(item(DataType::Struct(step.clone())));
        for i in start..(start + batch).min(rows.len()) {
            let line = rows.line(i);
            image.append_value(line.image);
            truths.append_value(line.truths.iter().map(Some));
            valid.append_option(line.valid.map(|valid| valid.into_iter().map(Some)));
            answer.append_option(line.answer);
            probability.append_option(line.probability);
            verdict.append_option(line.verdict);
            relation.append_option(line.relation);
            truth.append_option(line.truth);
            lca.append_option(line.lca);
            text_cosine.append_option(line.text_cosine);
            credit.append_option(line.credit);
            k.append_option(line.k);
            valid_mass.append_option(line.valid_mass);
            self_confidence.append_option(line.self_confidence);
            margin.append_option(line.margin);
            looks_like.append_option(line.looks_like);
            noisy.append_option(line.noisy);
            uncertainty.append_option(line.uncertainty);
            let of_the_schema = "the builders are made from the schema above";
            for ranked in &line.top_k {
                let row = top_k.values();
                row.field_builder::<StringBuilder>(0)
                    .expect(of_the_schema)
                    .append_value(ranked.label);
                row.field_builder::<Float32Builder>(1)
                    .expect(of_the_schema)
                    .append_option(ranked.similarity);
                row.field_builder::<Float64Builder>(2)
                    .expect(of_the_schema)
                    .append_option(ranked.probability);
                row.append(true);
            }
            top_k.append(true);
            for step in line.pareto.iter().flatten() {
                let row = pareto.values();
                row.field_builder::<StringBuilder>(0)
                    .expect(of_the_schema)
                    .append_value(step.label);
                row.field_builder::<Float64Builder>(1)
                    .expect(of_the_schema)
                    .append_value(step.mass);
                row.append(true);
            }
            pareto.append(line.pareto.is_some());
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(image.finish()),
            Arc::new(truths.finish()),
            Arc::new(valid.finish()),
            Arc::new(answer.finish()),
            Arc::new(probability.finish()),
            Arc::new(verdict.finish()),
            Arc::new(relation.finish()),
            Arc::new(truth.finish()),
            Arc::new(lca.finish()),
            Arc::new(text_cosine.finish()),
            Arc::new(credit.finish()),
            Arc::new(k.finish()),
            Arc::new(valid_mass.finish()),
            Arc::new(self_confidence.finish()),
            Arc::new(margin.finish()),
            Arc::new(looks_like.finish()),
            Arc::new(noisy.finish()),
            Arc::new(uncertainty.finish()),
            Arc::new(top_k.finish()),
            Arc::new(pareto.finish()),
        ];
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns)?)?;
    }
    writer.close()?;
    Ok(())
}
