//! `cladist score`: labelled images + a taxonomy + a checkpoint → how much of the error is multiplicity.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use clap::ValueHint;
use serde_json::json;

use super::model_args::{ImageArgs, ModelArgs};
use super::output::tell;
use super::{
    Interrupted, count, interrupt, load_taxonomy, on_all_cores, open_dataset, output, prompts,
};
use crate::dataset::{self, Dataset, Labelled, OnUnknownLabel};
use crate::files::Staging;
use crate::hash;
use crate::model::Encoder;
use crate::prompts::{ExpandOptions, TemplateSet};
use crate::report;
use crate::run::{self, Candidates, Counts, Inputs, MANIFEST_SCHEMA, Manifest, Run, SourceHash};
use crate::score::{Collisions, CreditPolicy};
use crate::taxonomy::{NodeId, Taxonomy};
use crate::text::{self, TextError, shown};

#[derive(clap::Args)]
pub struct ScoreArgs {
    /// A folder with a directory per label, or a CSV, TSV, JSON Lines or Parquet manifest
    #[arg(long, value_name = "DIR|MANIFEST", value_hint = ValueHint::AnyPath)]
    images: PathBuf,

    /// The taxonomy's YAML file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    taxonomy: PathBuf,

    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    image: ImageArgs,

    /// Prompt templates: a YAML file (FILE#SET for one of several), or a built-in set: bare, general, taxonomic
    #[arg(long, value_name = "FILE|SET", value_hint = ValueHint::AnyPath)]
    prompts: Option<String>,

    /// Prompt with every name of a label, not the preferred one alone; default: as the prompts say, else no
    // Takes `=false`, so that the command line can take back what a file says.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    synonyms: Option<bool>,

    /// What may be answered: truths (the labels that occur), leaves, all, under:NODE, or a file with a label a line; default: truths
    #[arg(long, value_name = "WHICH", value_hint = ValueHint::AnyPath)]
    candidates: Option<String>,

    /// Ranked candidates to keep for each image; 0 keeps all
    #[arg(long, value_name = "K", default_value_t = 5)]
    top_k: usize,

    /// Credit policy: strict, logical, hf1, wu-palmer, lin or depth; default: the taxonomy's, else logical
    #[arg(long, value_name = "POLICY")]
    credit: Option<String>,

    /// Cosine of two labels' text prototypes from which they count as the same name
    #[arg(long, value_name = "COSINE", allow_negative_numbers = true, default_value_t = Collisions::DEFAULT_THRESHOLD)]
    collision_cosine: f64,

    /// What to do with images one of whose labels names no node of the taxonomy, or several
    #[arg(long, value_enum, value_name = "DO", default_value = "error")]
    on_unknown_label: OnUnknown,

    /// Write the run into this directory: summary, predictions, manifest
    #[arg(long, value_name = "RUN_DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,

    /// How to print the answer
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum OnUnknown {
    Error,
    Skip,
}

/// What is cheap to read, and is checked before the model is touched.
struct Task {
    taxonomy: Taxonomy,
    templates: TemplateSet,
    dataset: Dataset,
    labelled: Labelled,
    policy: CreditPolicy,
    choice: Candidates,
    candidates: Vec<NodeId>,
    /// Indices of the items that are not skipped for their label.
    items: Vec<usize>,
}

pub fn run(args: &ScoreArgs) -> anyhow::Result<ExitCode> {
    if let Some(out) = &args.out {
        Staging::check(out, run::KIND)?;
    }
    let task = prepare(args)?;
    let stop = interrupt::install()?;
    let encoder = args.model.load(stop)?;

    let (prompted, counts, texts) = expand_prompts(args, &task)?;
    warn_of_same_prompts(&task, &prompted, &counts, &texts);
    let prompt_texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let prompt_embeddings = super::embed::encode_texts(encoder.as_ref(), &prompt_texts, stop)?;
    let encoded = super::embed::encode(
        &args.image,
        encoder.as_ref(),
        &task.dataset,
        &task.items,
        stop,
    )?;
    let kept: Vec<(usize, usize)> = task
        .items
        .iter()
        .zip(&encoded.rows)
        .filter_map(|(&item, row)| Some((item, (*row)?)))
        .collect();
    if kept.is_empty() {
        tell!(
            "cladist: none of the images could be read ({})",
            count(task.items.len(), "image")
        );
        return Ok(ExitCode::FAILURE);
    }
    // Rows are in the order of the input, so the rows of the kept items are 0, 1, 2, …
    debug_assert!(kept.iter().enumerate().all(|(i, &(_, row))| i == row));
    let truths: Vec<_> = kept
        .iter()
        .map(|&(item, _)| task.labelled.truths[item].clone())
        .collect();
    let scored = truths.iter().filter(|t| !t.is_empty()).count();

    let manifest = manifest(args, &task, encoder.as_ref(), &texts, kept.len(), scored)?;
    let inputs = Inputs {
        taxonomy: &task.taxonomy,
        candidates: task.candidates.clone(),
        prompted,
        prompt_counts: counts,
        prompt_embeddings,
        images: kept
            .iter()
            .map(|&(item, _)| task.dataset.items[item].name.clone())
            .collect(),
        truths,
        image_embeddings: encoded.embeddings,
        logit_scale: encoder.logit_scale(),
        collision_threshold: args.collision_cosine,
        credit: task.policy.clone(),
        top_k: args.top_k,
    };
    let run = on_all_cores(|| Run::build(inputs, manifest))?;

    if stop.load(Ordering::Relaxed) {
        bail!(Interrupted);
    }
    if let Some(out) = &args.out {
        run::save(&run, Staging::new(out, run::KIND)?)?;
    }
    match args.format {
        Format::Text => output::print(&report::text::render(&run, output::style()))?,
        Format::Json => output::print(&report::json::render(&run)?)?,
    }
    if let Some(out) = &args.out {
        tell!("run written to {}", out.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads and checks all that is cheap, so that a mistake in it is told before minutes of encoding.
fn prepare(args: &ScoreArgs) -> anyhow::Result<Task> {
    if !(-1.0..=1.0).contains(&args.collision_cosine) {
        bail!(
            "--collision-cosine {}: a cosine is from -1 to 1",
            args.collision_cosine
        );
    }
    let taxonomy = load_taxonomy(&args.taxonomy)?;
    let policy = credit_policy(args, &taxonomy)?;
    let templates = prompts::load_prompts(args.prompts.as_deref())?;
    let dataset = open_dataset(&args.images)?;
    let on_unknown = match args.on_unknown_label {
        OnUnknown::Error => OnUnknownLabel::Error,
        OnUnknown::Skip => OnUnknownLabel::Skip,
    };
    let labelled = dataset::resolve_labels(&dataset, &taxonomy, on_unknown)?;
    let skipped: HashSet<usize> = labelled.skipped.iter().map(|s| s.item).collect();
    let items: Vec<usize> = (0..dataset.items.len())
        .filter(|i| !skipped.contains(i))
        .collect();
    if !skipped.is_empty() {
        tell!(
            "{} left out, labelled with what names no node or several:",
            count(skipped.len(), "image")
        );
        for fault in &labelled.faults {
            tell!("  {fault}");
        }
    }
    if items.is_empty() {
        bail!("{}: no image is left to score", args.images.display());
    }
    if labelled.unlabelled > 0 {
        tell!(
            "{} without a label: predicted, left out of the verdicts",
            count(labelled.unlabelled, "image")
        );
    }
    let choice = candidate_choice(args.candidates.as_deref())?;
    let candidates = choice.select(&taxonomy, &labelled.truths)?;
    if choice == Candidates::Truths {
        tell!(
            "candidates: the {} that occur{} as truth (--candidates leaves|all|FILE|under:NODE for others)",
            count(candidates.len(), "label"),
            if candidates.len() == 1 { "s" } else { "" }
        );
    }
    Ok(Task {
        taxonomy,
        templates,
        dataset,
        labelled,
        policy,
        choice,
        candidates,
        items,
    })
}

fn credit_policy(args: &ScoreArgs, taxonomy: &Taxonomy) -> anyhow::Result<CreditPolicy> {
    match (&args.credit, taxonomy.credit()) {
        (Some(name), _) => CreditPolicy::by_name(name).context("--credit"),
        (None, Some(section)) => CreditPolicy::from_section(section)
            .with_context(|| format!("{}: credit", args.taxonomy.display())),
        (None, None) => Ok(CreditPolicy::Logical),
    }
}

fn candidate_choice(argument: Option<&str>) -> anyhow::Result<Candidates> {
    Ok(match argument {
        None | Some("truths") => Candidates::Truths,
        Some("leaves") => Candidates::Leaves,
        Some("all") => Candidates::All,
        Some(argument) => match argument.strip_prefix("under:") {
            Some(label) => Candidates::Under(label.to_owned()),
            None => candidate_list(Path::new(argument))?,
        },
    })
}

/// A choice as it is written on the command line.
fn value_name(choice: impl clap::ValueEnum) -> String {
    let value = choice.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// A label a line; blank lines and lines that begin with `#` are passed over.
fn candidate_list(path: &Path) -> anyhow::Result<Candidates> {
    let shown = path.display();
    let text = text::read(path).map_err(|error| match error {
        TextError::Read { .. } => anyhow::Error::new(error).context(format!(
            "--candidates {shown}: use leaves, all, under:NODE, or a file with a label a line"
        )),
        error => error.into(),
    })?;
    let labels = text
        .lines()
        .enumerate()
        .map(|(i, line)| (format!("line {}", i + 1), line.trim().to_owned()))
        .filter(|(_, label)| !label.is_empty() && !label.starts_with('#'))
        .collect();
    Ok(Candidates::List {
        source: shown.to_string(),
        labels,
    })
}

/// Tells of labels that the model is asked for in the very same words: a template without a placeholder, or homonyms.
fn warn_of_same_prompts(task: &Task, prompted: &[NodeId], counts: &[usize], texts: &[String]) {
    let mut met: HashMap<&[String], NodeId> = HashMap::new();
    let mut first: Option<(NodeId, NodeId)> = None;
    let mut same = 0;
    let mut rest = texts;
    for (&node, &count) in prompted.iter().zip(counts) {
        let (own, others) = rest.split_at(count);
        rest = others;
        if let Some(other) = met.insert(own, node) {
            first.get_or_insert((other, node));
            same += 1;
        }
    }
    if let Some((a, b)) = first {
        let id = |n| shown(task.taxonomy.id(n));
        tell!(
            "{} the prompts of another label, so the model cannot tell them apart (first: `{}` and `{}`); \
             has every template a {{name}}?",
            if same == 1 {
                "1 label has".to_owned()
            } else {
                format!("{same} labels have")
            },
            id(a),
            id(b)
        );
    }
}

/// The nodes that need a prototype (candidates, then other truths), the number of prompts of each, the prompts.
fn expand_prompts(
    args: &ScoreArgs,
    task: &Task,
) -> anyhow::Result<(Vec<NodeId>, Vec<usize>, Vec<String>)> {
    let mut prompted = task.candidates.clone();
    let mut seen: HashSet<NodeId> = prompted.iter().copied().collect();
    for &truth in task.labelled.truths.iter().flatten() {
        if seen.insert(truth) {
            prompted.push(truth);
        }
    }
    let options = ExpandOptions {
        synonyms: args.synonyms,
    };
    let mut counts = Vec::with_capacity(prompted.len());
    let mut texts = Vec::new();
    for &node in &prompted {
        let expansion = crate::prompts::expand(&task.templates, &task.taxonomy, node, &options)?;
        counts.push(expansion.texts.len());
        texts.extend(expansion.texts);
    }
    Ok((prompted, counts, texts))
}

fn manifest(
    args: &ScoreArgs,
    task: &Task,
    encoder: &dyn Encoder,
    texts: &[String],
    predicted: usize,
    scored: usize,
) -> anyhow::Result<Manifest> {
    let taxonomy = &task.taxonomy;
    let ids = task.candidates.iter().map(|&c| taxonomy.id(c).as_bytes());
    // A hash of each image's name and labels first, so that no other grouping of the same words has the same hash.
    let images: Vec<String> = task
        .dataset
        .items
        .iter()
        .map(|item| {
            let name = std::iter::once(item.name.as_bytes());
            hash::of_parts(name.chain(item.labels.iter().map(String::as_bytes)))
        })
        .collect();
    let encoding = args.image.embed_options(encoder, task.items.len());
    Ok(Manifest {
        schema: MANIFEST_SCHEMA,
        cladist: env!("CARGO_PKG_VERSION").to_owned(),
        taxonomy: SourceHash {
            source: args.taxonomy.display().to_string(),
            sha256: hash::of_parts(taxonomy.sources().iter().map(|(_, text)| text.as_bytes())),
        },
        prompts: SourceHash {
            source: args
                .prompts
                .clone()
                .unwrap_or_else(|| crate::prompts::DEFAULT.to_owned()),
            sha256: hash::of_parts(texts.iter().map(String::as_bytes)),
        },
        images: SourceHash {
            source: args.images.display().to_string(),
            sha256: hash::of_parts(images.iter().map(String::as_bytes)),
        },
        model: json!({ "source": args.model.model, "fingerprint": encoder.fingerprint() }),
        device: encoder.device_name(),
        dtype: encoder.dtype_name().to_owned(),
        candidates: SourceHash {
            source: task.choice.describe(),
            sha256: hash::of_parts(ids),
        },
        options: [
            ("batch", json!(encoding.batch)),
            ("collision-cosine", json!(args.collision_cosine)),
            ("credit", json!(task.policy.name())),
            (
                "no-exif-orientation",
                json!(!encoding.decode.exif_orientation),
            ),
            ("on-bad-image", json!(value_name(args.image.on_bad_image))),
            ("on-unknown-label", json!(value_name(args.on_unknown_label))),
            (
                "synonyms",
                json!(args.synonyms.unwrap_or(task.templates.synonyms())),
            ),
            ("top-k", json!(args.top_k)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect(),
        counts: Counts {
            images: task.dataset.items.len(),
            predicted,
            scored,
            unlabelled: task.labelled.unlabelled,
            skipped_unknown_label: task.labelled.skipped.len(),
            skipped_bad_image: task.items.len() - predicted,
            candidates: task.candidates.len(),
            prompts: texts.len(),
        },
    })
}
