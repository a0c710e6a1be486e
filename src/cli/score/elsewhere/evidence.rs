//! What others say of the images: predicted labels, scores, or embeddings, each read and checked.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{anyhow, bail};
use serde_json::{Value, json};

use super::ScoresAre;
use crate::cli::output::tell;
use crate::cli::score::annotate::Truth;
use crate::cli::score::memory::{Memory, Rows};
use crate::cli::score::{file_hash, value_name};
use crate::dataset::arrays::Kind;
use crate::dataset::{LabelIndex, Resolver, Spec, read_predictions};
use crate::matrix::Matrix;
use crate::names::Names;
use crate::run::SourceHash;
use crate::score::{Link, Ranked, Rankings};
use crate::taxonomy::{NodeId, Taxonomy};
use crate::text::shown;

/// Images in order, and what is known of their answers before it is known which images and candidates are to be scored.
pub struct Found {
    pub names: Names,
    pub evidence: Raw,
    /// The labels that the evidence is about: the candidates unless others are chosen.
    pub labels: Vec<NodeId>,
    /// Which file it was.
    pub source: SourceHash,
    /// What the manifest says of the model.
    pub model: Value,
}

pub enum Raw {
    Ranked(Rankings),
    Scores(Arc<Matrix>, Link),
    /// Unit rows, and Σσ² of each where it is known.
    Images(Arc<Matrix>, Option<Arc<[f64]>>),
}

/// Reads an array; one that is remembered is read once.
fn read_rows(path: &Path, kind: Kind, memory: Option<&Memory>) -> anyhow::Result<Rows> {
    match memory {
        Some(memory) => memory.rows(path, kind),
        None => Rows::read(path, kind),
    }
}

/// Reads predicted labels. `skipped` counts the images left out since a label of theirs names no node or several.
pub fn predictions(
    path: &Path,
    spec: &Spec,
    resolver: &mut Resolver<'_>,
    index: Option<&LabelIndex>,
    skipped: &mut usize,
) -> anyhow::Result<Found> {
    let mut names = Names::default();
    let mut rankings = Rankings::default();
    let mut occurring: HashSet<NodeId> = HashSet::new();
    let mut has_probabilities = None;
    read_predictions(path, spec, resolver, &mut |image, labels, probabilities| {
        let Some(labels) = labels else {
            *skipped += 1;
            return Ok(());
        };
        if !labels.is_empty() {
            let has = !probabilities.is_empty();
            if *has_probabilities.get_or_insert(has) != has {
                return Err(format!(
                    "`{}` has {}: all images have one, or none has",
                    shown(image),
                    if has {
                        "a probability, and images before it have none"
                    } else {
                        "no probability, and images before it have one"
                    }
                ));
            }
        }
        let is_share = |p: &f64| (0.0..=1.0).contains(p);
        if let Some(wrong) = probabilities.iter().find(|p| !is_share(p)) {
            return Err(format!(
                "the probability {wrong} is not from 0 to 1; --columns probability= leaves the column out"
            ));
        }
        let ranked = labels.iter().enumerate().map(|(i, &label)| Ranked {
            label,
            similarity: None,
            probability: probabilities.get(i).copied(),
        });
        rankings.push(ranked);
        occurring.extend(labels);
        names.push(image);
        Ok(())
    })?;
    let mut labels: Vec<NodeId> = match index {
        Some(index) => index.nodes().to_vec(),
        None => occurring.into_iter().collect(),
    };
    labels.sort_unstable();
    labels.dedup();
    Ok(Found {
        names,
        evidence: Raw::Ranked(rankings),
        labels,
        source: file_hash(path)?,
        model: json!({ "predictions": path.display().to_string() }),
    })
}

/// Reads scores, a column for each label of the index.
pub fn scores(
    path: &Path,
    are: ScoresAre,
    index: Option<&LabelIndex>,
    taxonomy: &Taxonomy,
    truth: &Truth,
    memory: Option<&Memory>,
) -> anyhow::Result<Found> {
    let index = index.ok_or_else(|| {
        anyhow!("say with --label-index FILE what the columns are: a label a line, in their order")
    })?;
    let array = read_rows(path, Kind::Scores, memory)?;
    let (rows, cols) = (array.rows.rows(), array.rows.cols());
    if cols != index.len() {
        bail!(
            "{}: has {cols} columns, and {} has {} labels",
            path.display(),
            index.source(),
            index.len()
        );
    }
    let mut met: HashMap<NodeId, usize> = HashMap::new();
    for (number, &node) in index.nodes().iter().enumerate() {
        if let Some(before) = met.insert(node, number) {
            bail!(
                "{}: numbers {before} and {number} are the same label, `{}`: a column of scores has its own",
                index.source(),
                shown(taxonomy.id(node))
            );
        }
    }
    if are == ScoresAre::Probabilities {
        check_probabilities(&array.rows).map_err(|what| anyhow!("{}: {what}", path.display()))?;
    }
    let names = row_names(path, &array, truth, rows)?;
    Ok(Found {
        names,
        evidence: Raw::Scores(
            array.rows,
            match are {
                ScoresAre::Logits => Link::Softmax { scale: 1.0 },
                ScoresAre::Probabilities => Link::Probabilities,
            },
        ),
        labels: index.nodes().to_vec(),
        source: array.source,
        model: json!({
            "scores": path.display().to_string(),
            "scores-are": value_name(are),
        }),
    })
}

/// Probabilities are not negative and add up to 1, as far as f16 keeps that.
fn check_probabilities(rows: &Matrix) -> Result<(), String> {
    const ALLOWED: f64 = 0.02;
    for i in 0..rows.rows() {
        let row = rows.row(i);
        if let Some(wrong) = row.iter().find(|p| !(0.0..=1.0).contains(*p)) {
            return Err(format!(
                "row {i} (from 0) holds {wrong}, no probability; are they logits? (--scores-are logits)"
            ));
        }
        let total: f64 = row.iter().map(|&p| f64::from(p)).sum();
        if (total - 1.0).abs() > ALLOWED {
            return Err(format!(
                "the probabilities of row {i} (from 0) add up to {total:.4}, not to 1: if they are not of labels that exclude each other, give logits"
            ));
        }
    }
    Ok(())
}

/// Reads embeddings of images.
pub fn images(path: &Path, truth: &Truth, memory: Option<&Memory>) -> anyhow::Result<Found> {
    let array = read_rows(path, Kind::ImageEmbeddings, memory)?;
    let names = row_names(path, &array, truth, array.rows.rows())?;
    Ok(Found {
        names,
        evidence: Raw::Images(array.rows, array.uncertainty),
        labels: Vec::new(),
        source: array.source,
        model: json!({ "image-embeddings": path.display().to_string() }),
    })
}

/// What the rows of an array are called: as it says, else as the table of labels does, which then has as many rows.
fn row_names(path: &Path, array: &Rows, truth: &Truth, rows: usize) -> anyhow::Result<Names> {
    if let Some(names) = &array.names {
        return Ok(names.clone());
    }
    tell!(
        "{}: its rows have no names, and are taken for the images of --truth, in its order",
        path.display()
    );
    let names = truth.images().ok_or_else(|| {
        anyhow!(
            "{}: its rows have no names: give --truth, a row for each of them",
            path.display()
        )
    })?;
    if names.len() != rows {
        bail!(
            "{}: has {rows} rows that have no names, and --truth has {}: give one row an image, in the same order",
            path.display(),
            names.len()
        );
    }
    Ok(names.clone())
}

/// These rows; where they are all, nothing is copied.
pub fn select_rows(rows: Arc<Matrix>, items: &[usize]) -> Arc<Matrix> {
    if items.len() == rows.rows() {
        return rows;
    }
    let mut data = Vec::with_capacity(items.len() * rows.cols());
    items
        .iter()
        .for_each(|&i| data.extend_from_slice(rows.row(i)));
    Arc::new(Matrix::new(rows.cols(), data))
}

/// The columns of the candidates, for each of which there is a label.
///
/// # Errors
/// A row that has nothing for any of them.
pub fn select_columns(
    rows: Arc<Matrix>,
    labels: &[NodeId],
    candidates: &[NodeId],
    link: Link,
    names: &Names,
) -> anyhow::Result<Arc<Matrix>> {
    let selected = if labels == candidates {
        rows
    } else {
        let places: HashMap<NodeId, usize> = labels.iter().copied().zip(0..).collect();
        let columns: Vec<usize> = candidates.iter().map(|c| places[c]).collect();
        let mut data = Vec::with_capacity(rows.rows() * columns.len());
        for i in 0..rows.rows() {
            let row = rows.row(i);
            data.extend(columns.iter().map(|&c| row[c]));
        }
        Arc::new(Matrix::new(candidates.len(), data))
    };
    let none = match link {
        Link::Probabilities => 0.0,
        Link::Softmax { .. } => f32::NEG_INFINITY,
    };
    let is_bare = |&i: &usize| selected.row(i).iter().all(|&v| v == none);
    if let Some(bare) = (0..selected.rows()).find(is_bare) {
        bail!(
            "`{}` has a score of {none} for each of the {} candidates, so nothing can be said of it: choose more candidates, or leave the image out of --truth and the scores",
            shown(names.get(bare)),
            candidates.len()
        );
    }
    Ok(selected)
}

pub fn select_names(names: Names, items: &[usize]) -> Names {
    if items.len() == names.len() {
        return names;
    }
    items.iter().map(|&i| names.get(i)).collect()
}

pub fn select_rankings(rankings: Rankings, items: &[usize]) -> Rankings {
    if items.len() == rankings.len() {
        return rankings;
    }
    let mut selected = Rankings::default();
    items.iter().for_each(|&i| selected.push(rankings.get(i)));
    selected
}
