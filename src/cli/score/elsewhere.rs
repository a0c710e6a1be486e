//! Answers that were made elsewhere: predicted labels, scores, or embeddings.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, anyhow, bail};
use clap::ValueHint;
use serde_json::{Value, json};

use super::annotate::{Annotated, Truth, choose_columns, column, read_label_index};
use super::prompting::ask;
use super::{
    ScoreArgs, build, calibration, candidate_choice, candidates_hash, common_options,
    credit_policy, file_hash, taxonomy_hash,
};
use crate::cli::output::tell;
use crate::cli::{Interrupted, count, prompts};
use crate::dataset::arrays::{self, Array};
use crate::dataset::{LabelIndex, Resolver, Role, Spec, read_predictions};
use crate::hash;
use crate::matrix::Matrix;
use crate::names::Names;
use crate::run::{
    self, Candidates, Counts, Evidence, MANIFEST_SCHEMA, Manifest, Prompts, Run, SourceHash,
};
use crate::score::{Link, Ranked, Rankings};
use crate::taxonomy::{NodeId, Taxonomy};
use crate::text::shown;

/// Over these options in help texts.
const ELSEWHERE: &str = "Made elsewhere";

/// CLIP's own temperature, where that of the model is not known.
const CLIP_LOGIT_SCALE: f32 = 100.0;

#[derive(Debug, Clone, Default, clap::Args)]
pub struct ElsewhereArgs {
    /// Predicted labels: CSV, TSV, JSON Lines or Parquet with an image and a label, or ranked labels, and probabilities
    #[arg(long, help_heading = ELSEWHERE, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub predictions: Option<PathBuf>,

    /// Columns of --predictions that go by other names, as in image=file,label=top1,label=top2,probability=p
    #[arg(long, help_heading = ELSEWHERE, value_name = "ROLE=NAME,…", value_delimiter = ',', value_parser = column)]
    columns: Vec<(Role, String)>,

    /// Scores of images and labels, a column for each of --label-index: .npy, .safetensors (FILE#TENSOR) or .parquet
    #[arg(long, help_heading = ELSEWHERE, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub scores: Option<PathBuf>,

    /// What --scores are
    #[arg(long, help_heading = ELSEWHERE, value_enum, value_name = "WHAT")]
    scores_are: Option<ScoresAre>,

    /// Embeddings of images: .npy, .safetensors, .parquet, or a folder as clip-retrieval or `cladist embed` writes it
    #[arg(long, help_heading = ELSEWHERE, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub image_embeddings: Option<PathBuf>,

    /// Embeddings of prompts, whose labels are in --label-index or beside them; a label may have several
    #[arg(long, help_heading = ELSEWHERE, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    text_embeddings: Option<PathBuf>,

    /// The temperature that cosines of embeddings are multiplied by; default: the --model's, else 100 as CLIP's
    #[arg(long, help_heading = ELSEWHERE, value_name = "SCALE")]
    logit_scale: Option<f32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ScoresAre {
    /// Of which softmax makes probabilities
    Logits,
    Probabilities,
}

impl ElsewhereArgs {
    /// Whether the options belong together.
    pub fn check(&self, has_model: bool) -> anyhow::Result<()> {
        if self.scores.is_some() && self.scores_are.is_none() {
            bail!("--scores: say what they are with --scores-are logits, or probabilities");
        }
        if self.image_embeddings.is_some() && self.text_embeddings.is_none() && !has_model {
            bail!(
                "--image-embeddings: the labels need --text-embeddings, or the --model that the images were embedded with"
            );
        }
        if let Some(scale) = self.logit_scale
            && !(scale.is_finite() && scale > 0.0)
        {
            bail!("--logit-scale {scale}: a temperature is above 0");
        }
        Ok(())
    }
}

/// Images in order, and what is known of their answers before it is known which images and candidates are to be scored.
struct Found {
    names: Names,
    evidence: Raw,
    /// The labels that the evidence is about: the candidates unless others are chosen.
    labels: Vec<NodeId>,
    /// What the manifest says of the model.
    model: Value,
}

enum Raw {
    Ranked(Rankings),
    Scores(Matrix, Link),
    Images(Matrix),
}

/// Scores what was made elsewhere.
///
/// # Errors
/// Whatever is wrong with the options and the files; an interruption.
pub fn compute(args: &ScoreArgs, taxonomy: &Taxonomy, stop: &AtomicBool) -> anyhow::Result<Run> {
    let (own, options) = (&args.elsewhere, &args.options);
    let policy = credit_policy(options, &args.taxonomy, taxonomy)?;
    let index = read_label_index(&args.truth, taxonomy)?;
    let mut resolver = Resolver::new(taxonomy, index.as_ref());
    let mut truth = Truth::read(&args.truth, taxonomy, &mut resolver)?;
    let mut skipped = 0;
    let (source, found) = match (&own.predictions, &own.scores, &own.image_embeddings) {
        (Some(path), ..) => {
            let spec = choose_columns(Spec::predictions(), &own.columns);
            let found = predictions(path, &spec, &mut resolver, index.as_ref(), &mut skipped);
            (path, found.context("--predictions")?)
        }
        (_, Some(path), _) => {
            let are = own.scores_are.unwrap_or(ScoresAre::Logits);
            let found = scores(path, are, index.as_ref(), taxonomy, &truth);
            (path, found.context("--scores")?)
        }
        (.., Some(path)) => (path, images(path, &truth).context("--image-embeddings")?),
        _ => bail!("nothing to score"),
    };
    let texts = match &own.text_embeddings {
        Some(path) if own.image_embeddings.is_some() => {
            let texts = text_embeddings(path, index.as_ref(), &mut resolver);
            Some(texts.context("--text-embeddings")?)
        }
        _ => None,
    };
    let faults = resolver.finish(options.on_unknown())?;
    let mut annotated = truth.annotate(&found.names, None, source)?;
    annotated.at_fault += skipped;
    annotated.tell(&faults, source)?;

    let labels = match (&texts, &found.evidence) {
        (Some(texts), _) => texts.nodes.clone(),
        // Without an index the labels that occur are all that is known.
        (None, Raw::Ranked(_)) if index.is_none() => {
            let mut all = found.labels.clone();
            all.extend(annotated.occurring());
            all
        }
        _ => found.labels.clone(),
    };
    let (description, candidates) = candidates(args, taxonomy, labels, &annotated, &found)?;
    if stop.load(Ordering::Relaxed) {
        bail!(Interrupted);
    }

    let mut prompt_texts = Vec::new();
    let mut model = found.model;
    let images: Names = select_names(found.names, &annotated.items);
    let evidence = match found.evidence {
        Raw::Ranked(rankings) => Evidence::Ranked(select_rankings(rankings, &annotated.items)),
        Raw::Scores(scores, link) => {
            let scores = select_rows(scores, &annotated.items);
            Evidence::Scored(select_columns(scores, &found.labels, &candidates), link)
        }
        Raw::Images(embeddings) => {
            let images = unit(select_rows(embeddings, &annotated.items));
            let (prompts, kinds, logit_scale) = match texts {
                Some(texts) => (
                    texts.prompts(&candidates),
                    None,
                    own.logit_scale.unwrap_or(CLIP_LOGIT_SCALE),
                ),
                None => {
                    let source = args.model.as_deref().unwrap_or_default();
                    let encoder = args.device.load(source, stop)?;
                    let templates = prompts::load_prompts(options.prompts.as_deref())?;
                    let encoder = encoder.as_ref();
                    let asked = ask(
                        taxonomy,
                        &candidates,
                        &annotated,
                        &templates,
                        options,
                        encoder,
                        stop,
                    )?;
                    prompt_texts = asked.texts;
                    model["texts"] =
                        json!({ "source": source, "fingerprint": encoder.fingerprint() });
                    let scale = own.logit_scale.unwrap_or(encoder.logit_scale());
                    (asked.prompts, asked.kinds, scale)
                }
            };
            if prompts.embeddings.cols() != images.cols() {
                bail!(
                    "images are embedded in {} dimensions and texts in {}: they are not of one model",
                    images.cols(),
                    prompts.embeddings.cols()
                );
            }
            model["logit_scale"] = json!(logit_scale);
            Evidence::Embedded {
                images,
                prompts,
                kinds,
                logit_scale,
            }
        }
    };
    let calibration = calibration(options, &images, &annotated.annotations);
    let manifest = Manifest {
        schema: MANIFEST_SCHEMA,
        cladist: env!("CARGO_PKG_VERSION").to_owned(),
        taxonomy: taxonomy_hash(&args.taxonomy, taxonomy),
        prompts: (!prompt_texts.is_empty()).then(|| SourceHash {
            source: options
                .prompts
                .clone()
                .unwrap_or_else(|| crate::prompts::DEFAULT.to_owned()),
            sha256: hash::of_parts(prompt_texts.iter().map(String::as_bytes)),
        }),
        images: file_hash(source)?,
        truth: truth.hashes()?,
        model,
        device: None,
        dtype: None,
        candidates: candidates_hash(description, taxonomy, &candidates),
        options: common_options(options, &policy).into_iter().collect(),
        counts: Counts {
            images: images.len() + annotated.at_fault + annotated.problematic,
            predicted: images.len() - calibration.len(),
            scored: annotated.labelled() - calibration.len(),
            calibration: calibration.len(),
            unlabelled: annotated.unlabelled,
            skipped_unknown_label: annotated.at_fault,
            skipped_problematic: annotated.problematic,
            skipped_bad_image: 0,
            candidates: candidates.len(),
            prompts: prompt_texts.len(),
        },
    };
    let inputs = run::Inputs {
        taxonomy,
        candidates,
        images,
        annotations: annotated.annotations,
        also_right: truth.also_right,
        evidence,
        collision_threshold: options.collision_cosine,
        credit: policy,
        strategy: options.strategy,
        rule: options.decide.clone(),
        calibration,
        top_k: options.top_k,
    };
    let run = build(inputs, manifest)?;
    if stop.load(Ordering::Relaxed) {
        bail!(Interrupted);
    }
    Ok(run)
}

/// What may be answered: as it is chosen, else the labels that the evidence is about; in the order of the evidence where its
/// columns are labels.
fn candidates(
    args: &ScoreArgs,
    taxonomy: &Taxonomy,
    labels: Vec<NodeId>,
    annotated: &Annotated,
    found: &Found,
) -> anyhow::Result<(String, Vec<NodeId>)> {
    let mut seen = HashSet::new();
    let labels: Vec<NodeId> = labels.into_iter().filter(|&n| seen.insert(n)).collect();
    let argument = args.options.candidates.as_deref();
    let has_model_texts = matches!(found.evidence, Raw::Images(_)) && labels.is_empty();
    if argument.is_none() && !has_model_texts {
        return Ok(("labels of what was given".to_owned(), labels));
    }
    let choice = candidate_choice(argument, "--candidates")?;
    let chosen = choice.select(taxonomy, &annotated.occurring())?;
    let is_open = matches!(found.evidence, Raw::Ranked(_)) || has_model_texts;
    if !is_open && let Some(other) = chosen.iter().find(|n| !seen.contains(n)) {
        bail!(
            "--candidates {}: nothing was given of `{}`; choose among the {} labels of what was given",
            choice.describe(),
            shown(taxonomy.id(*other)),
            labels.len()
        );
    }
    if choice == Candidates::Truths && has_model_texts {
        tell!(
            "candidates: the {} that occur as truth (--candidates leaves|all|FILE|under:NODE for others)",
            count(chosen.len(), "label")
        );
    }
    Ok((choice.describe(), chosen))
}

/// Reads predicted labels. `skipped` counts the images left out since a label of theirs names no node or several.
fn predictions(
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
                    "`{}` has {} probability, and images before it have: all have one, or none has",
                    shown(image),
                    if has { "a" } else { "no" }
                ));
            }
        }
        let is_share = |p: &f64| (0.0..=1.0).contains(p);
        if let Some(wrong) = probabilities.iter().find(|p| !is_share(p)) {
            return Err(format!(
                "the probability {wrong} is not from 0 to 1; leave the column out with --columns probability=… of another, or give all scores with --scores"
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
        model: json!({ "predictions": path.display().to_string() }),
    })
}

/// Reads scores, a column for each label of the index.
fn scores(
    path: &Path,
    are: ScoresAre,
    index: Option<&LabelIndex>,
    taxonomy: &Taxonomy,
    truth: &Truth,
) -> anyhow::Result<Found> {
    let index = index.ok_or_else(|| {
        anyhow!("say with --label-index FILE what the columns are: a label a line, in their order")
    })?;
    let array = arrays::read(path, arrays::Kind::Scores)?;
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
        model: json!({
            "scores": path.display().to_string(),
            "scores-are": super::value_name(are),
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
                "the probabilities of row {i} (from 0) add up to {total:.4}, not to 1"
            ));
        }
    }
    Ok(())
}

/// Reads embeddings of images.
fn images(path: &Path, truth: &Truth) -> anyhow::Result<Found> {
    let array = arrays::read(path, arrays::Kind::ImageEmbeddings)?;
    let names = row_names(path, &array, truth, array.rows.rows())?;
    Ok(Found {
        names,
        evidence: Raw::Images(array.rows),
        labels: Vec::new(),
        model: json!({ "image-embeddings": path.display().to_string() }),
    })
}

/// What the rows of an array are called: as it says, else as the table of labels does, which then has as many rows.
fn row_names(path: &Path, array: &Array, truth: &Truth, rows: usize) -> anyhow::Result<Names> {
    if let Some(names) = &array.names {
        return Ok(names.clone());
    }
    let names = truth
        .images()
        .ok_or_else(|| anyhow!("a row for each image of --truth, in its order"))?;
    if names.len() != rows {
        bail!(
            "{}: has {rows} rows that have no names, and --truth has {}: give one row an image, in the same order",
            path.display(),
            names.len()
        );
    }
    Ok(names.clone())
}

/// Embedded prompts of labels.
struct Texts {
    /// The label of each row.
    nodes: Vec<NodeId>,
    rows: Matrix,
}

/// Reads embeddings of prompts: their labels are beside them, else in the index.
fn text_embeddings(
    path: &Path,
    index: Option<&LabelIndex>,
    resolver: &mut Resolver<'_>,
) -> anyhow::Result<Texts> {
    let array = arrays::read(path, arrays::Kind::TextEmbeddings)?;
    let rows = array.rows.rows();
    let nodes: Vec<Option<NodeId>> = match (index, &array.names) {
        (Some(index), _) if index.len() == rows => {
            index.nodes().iter().copied().map(Some).collect()
        }
        (_, Some(names)) => {
            let place = || path.display().to_string();
            let all = names.iter().map(|name| resolver.resolve(name, place));
            // Those at fault are told of all at once, or passed over.
            all.map(Result::ok).collect()
        }
        (Some(index), None) => bail!(
            "{}: has {rows} rows, and {} has {} labels: a label a row, the same one again for another prompt of it",
            path.display(),
            index.source(),
            index.len()
        ),
        (None, None) => bail!(
            "{}: say with --label-index FILE what the rows are: a label a line, in their order",
            path.display()
        ),
    };
    let known: Vec<usize> = (0..rows).filter(|&row| nodes[row].is_some()).collect();
    Ok(Texts {
        nodes: nodes.into_iter().flatten().collect(),
        rows: unit(select_rows(array.rows, &known)),
    })
}

impl Texts {
    /// The prompts of the candidates, then those of other labels.
    fn prompts(&self, candidates: &[NodeId]) -> Prompts {
        let mut rows_of: HashMap<NodeId, Vec<usize>> = HashMap::new();
        let mut nodes = candidates.to_vec();
        let mut seen: HashSet<NodeId> = candidates.iter().copied().collect();
        for (row, &node) in self.nodes.iter().enumerate() {
            rows_of.entry(node).or_default().push(row);
            if seen.insert(node) {
                nodes.push(node);
            }
        }
        let rows = nodes.iter().flat_map(|n| &rows_of[n]);
        let data = rows.flat_map(|&row| self.rows.row(row)).copied();
        Prompts {
            embeddings: Matrix::new(self.rows.cols(), data.collect()),
            counts: nodes.iter().map(|n| rows_of[n].len()).collect(),
            nodes,
        }
    }
}

/// The rows at length 1.
fn unit(mut rows: Matrix) -> Matrix {
    for i in 0..rows.rows() {
        let row = rows.row_mut(i);
        let length = row
            .iter()
            .map(|&v| f64::from(v).powi(2))
            .sum::<f64>()
            .sqrt();
        row.iter_mut()
            .for_each(|v| *v = (f64::from(*v) / length) as f32);
    }
    rows
}

fn select_rows(rows: Matrix, items: &[usize]) -> Matrix {
    if items.len() == rows.rows() {
        return rows;
    }
    let data = items.iter().flat_map(|&i| rows.row(i)).copied();
    Matrix::new(rows.cols(), data.collect())
}

fn select_columns(rows: Matrix, labels: &[NodeId], candidates: &[NodeId]) -> Matrix {
    if labels == candidates {
        return rows;
    }
    let places: HashMap<NodeId, usize> = labels.iter().copied().zip(0..).collect();
    let columns: Vec<usize> = candidates.iter().map(|c| places[c]).collect();
    let data = (0..rows.rows()).flat_map(|i| {
        let row = rows.row(i);
        columns.iter().map(move |&c| row[c])
    });
    Matrix::new(candidates.len(), data.collect())
}

fn select_names(names: Names, items: &[usize]) -> Names {
    if items.len() == names.len() {
        return names;
    }
    items.iter().map(|&i| names.get(i)).collect()
}

fn select_rankings(rankings: Rankings, items: &[usize]) -> Rankings {
    if items.len() == rankings.len() {
        return rankings;
    }
    let mut selected = Rankings::default();
    items.iter().for_each(|&i| selected.push(rankings.get(i)));
    selected
}
