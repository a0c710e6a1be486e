//! `cladist score`: labelled images + a taxonomy + a checkpoint → how much of the error is multiplicity.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

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
use crate::run::{
    self, Candidates, Counts, Evidence, MANIFEST_SCHEMA, Manifest, Prompts, Run, SourceHash,
};
use crate::score::{AlsoRight, Annotations, Collisions, CreditPolicy};
use crate::taxonomy::{NodeId, Taxonomy};
use crate::text::{self, TextError, shown};

#[derive(clap::Args)]
pub struct ScoreArgs {
    /// A folder with a directory per label, a CSV, TSV, JSON Lines or Parquet manifest, or `demo`
    #[arg(long, value_name = "DIR|MANIFEST", value_hint = ValueHint::AnyPath)]
    images: PathBuf,

    /// The taxonomy's YAML file, or `demo`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    taxonomy: PathBuf,

    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    options: ScoreOptions,

    /// Write the run into this directory: summary, predictions, manifest
    #[arg(long, value_name = "RUN_DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,

    /// How to print the answer
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// How to score, whatever is scored.
#[derive(Debug, Clone, clap::Args)]
pub struct ScoreOptions {
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
    pub candidates: Option<String>,

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
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum OnUnknown {
    Error,
    Skip,
}

/// What is scored: the inputs as they are named, and as they are read.
pub struct Inputs<'a> {
    pub taxonomy_source: &'a Path,
    pub taxonomy: Taxonomy,
    pub images_source: &'a Path,
    pub dataset: Dataset,
    pub model_source: &'a str,
}

/// What is cheap to read, and is checked before the model is touched.
struct Task<'a> {
    inputs: Inputs<'a>,
    templates: TemplateSet,
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
    let inputs = Inputs {
        taxonomy_source: &args.taxonomy,
        taxonomy: load_taxonomy(&args.taxonomy)?,
        images_source: &args.images,
        dataset: open_dataset(&args.images)?,
        model_source: &args.model.model,
    };
    let stop = interrupt::install()?;
    let load = || args.model.load(stop);
    let Some(run) = compute(inputs, &args.options, &load, stop)? else {
        return Ok(ExitCode::FAILURE);
    };
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

/// Scores the inputs; the model is loaded when all else is found right. `None`, with a word on stderr, if none of the
/// images could be read.
///
/// # Errors
/// Whatever is wrong with the options, the labels, the model; an interruption.
pub fn compute(
    inputs: Inputs<'_>,
    options: &ScoreOptions,
    load: &dyn Fn() -> anyhow::Result<Box<dyn Encoder>>,
    stop: &AtomicBool,
) -> anyhow::Result<Option<Run>> {
    let task = prepare(inputs, options)?;
    let encoder = load()?;

    let prompted = prompted(&task);
    let expand = ExpandOptions {
        synonyms: options.synonyms,
    };
    let (counts, texts) =
        expand_prompts(&task.templates, &task.inputs.taxonomy, &prompted, &expand)?;
    warn_of_same_prompts(&task, &prompted, &counts, &texts);
    let prompt_texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let prompt_embeddings = super::embed::encode_texts(encoder.as_ref(), &prompt_texts, stop)?;
    let encoded = super::embed::encode(
        &options.image,
        encoder.as_ref(),
        &task.inputs.dataset,
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
        return Ok(None);
    }
    // Rows are in the order of the input, so the rows of the kept items are 0, 1, 2, …
    debug_assert!(kept.iter().enumerate().all(|(i, &(_, row))| i == row));
    let truths = kept
        .iter()
        .map(|&(item, _)| task.labelled.truths[item].clone());
    let annotations = Annotations::of_truths(truths);
    let labelled = (0..annotations.len()).filter(|&i| !annotations.get(i).truths.is_empty());
    let scored = labelled.count();

    let manifest = manifest(options, &task, encoder.as_ref(), &texts, kept.len(), scored)?;
    let inputs = run::Inputs {
        taxonomy: &task.inputs.taxonomy,
        candidates: task.candidates.clone(),
        images: kept
            .iter()
            .map(|&(item, _)| task.inputs.dataset.items[item].name.as_str())
            .collect(),
        annotations,
        also_right: AlsoRight::default(),
        evidence: Evidence::Embedded {
            images: encoded.embeddings,
            prompts: Prompts {
                nodes: prompted,
                counts,
                embeddings: prompt_embeddings,
            },
            logit_scale: encoder.logit_scale(),
        },
        collision_threshold: options.collision_cosine,
        credit: task.policy.clone(),
        top_k: options.top_k,
    };
    let run = on_all_cores(|| Run::build(inputs, manifest))?;
    if stop.load(Ordering::Relaxed) {
        bail!(Interrupted);
    }
    Ok(Some(run))
}

/// Reads and checks all that is cheap, so that a mistake in it is told before minutes of encoding.
fn prepare<'a>(inputs: Inputs<'a>, options: &ScoreOptions) -> anyhow::Result<Task<'a>> {
    if !(-1.0..=1.0).contains(&options.collision_cosine) {
        bail!(
            "--collision-cosine {}: a cosine is from -1 to 1",
            options.collision_cosine
        );
    }
    let Inputs {
        taxonomy, dataset, ..
    } = &inputs;
    let policy = credit_policy(options, &inputs)?;
    let templates = prompts::load_prompts(options.prompts.as_deref())?;
    let on_unknown = match options.on_unknown_label {
        OnUnknown::Error => OnUnknownLabel::Error,
        OnUnknown::Skip => OnUnknownLabel::Skip,
    };
    let labelled = dataset::resolve_labels(dataset, taxonomy, on_unknown)?;
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
        bail!(
            "{}: no image is left to score",
            inputs.images_source.display()
        );
    }
    if labelled.unlabelled > 0 {
        tell!(
            "{} without a label: predicted, left out of the verdicts",
            count(labelled.unlabelled, "image")
        );
    }
    let choice = candidate_choice(options.candidates.as_deref(), "--candidates")?;
    let candidates = choice.select(taxonomy, &labelled.truths)?;
    if choice == Candidates::Truths {
        tell!(
            "candidates: the {} that occur{} as truth (--candidates leaves|all|FILE|under:NODE for others)",
            count(candidates.len(), "label"),
            if candidates.len() == 1 { "s" } else { "" }
        );
    }
    Ok(Task {
        inputs,
        templates,
        labelled,
        policy,
        choice,
        candidates,
        items,
    })
}

fn credit_policy(options: &ScoreOptions, inputs: &Inputs<'_>) -> anyhow::Result<CreditPolicy> {
    match (&options.credit, inputs.taxonomy.credit()) {
        (Some(name), _) => CreditPolicy::by_name(name).context("--credit"),
        (None, Some(section)) => CreditPolicy::from_section(section)
            .with_context(|| format!("{}: credit", inputs.taxonomy_source.display())),
        (None, None) => Ok(CreditPolicy::Logical),
    }
}

/// What `--candidates` says, or another option that chooses labels.
pub fn candidate_choice(argument: Option<&str>, option: &str) -> anyhow::Result<Candidates> {
    Ok(match argument {
        None | Some("truths") => Candidates::Truths,
        Some("leaves") => Candidates::Leaves,
        Some("all") => Candidates::All,
        Some(argument) => match argument.strip_prefix("under:") {
            Some(label) => Candidates::Under(label.to_owned()),
            None => candidate_list(Path::new(argument), option)?,
        },
    })
}

/// A choice as it is written on the command line.
fn value_name(choice: impl clap::ValueEnum) -> String {
    let value = choice.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// A label a line; blank lines and lines that begin with `#` are passed over.
fn candidate_list(path: &Path, option: &str) -> anyhow::Result<Candidates> {
    let shown = path.display();
    let text = text::read(path).map_err(|error| match error {
        TextError::Read { .. } => anyhow::Error::new(error).context(format!(
            "{option} {shown}: use leaves, all, under:NODE, or a file with a label a line"
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
fn warn_of_same_prompts(task: &Task<'_>, prompted: &[NodeId], counts: &[usize], texts: &[String]) {
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
        let id = |n| shown(task.inputs.taxonomy.id(n));
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

/// The nodes that need a prototype: the candidates, then the truths that are none.
fn prompted(task: &Task<'_>) -> Vec<NodeId> {
    let mut prompted = task.candidates.clone();
    let mut seen: HashSet<NodeId> = prompted.iter().copied().collect();
    let truths = task.labelled.truths.iter().flatten();
    prompted.extend(truths.copied().filter(|&truth| seen.insert(truth)));
    prompted
}

/// The number of prompts of each node, and the prompts.
pub fn expand_prompts(
    templates: &TemplateSet,
    taxonomy: &Taxonomy,
    nodes: &[NodeId],
    options: &ExpandOptions,
) -> anyhow::Result<(Vec<usize>, Vec<String>)> {
    let mut counts = Vec::with_capacity(nodes.len());
    let mut texts = Vec::new();
    for &node in nodes {
        let expansion = crate::prompts::expand(templates, taxonomy, node, options)?;
        counts.push(expansion.texts.len());
        texts.extend(expansion.texts);
    }
    Ok((counts, texts))
}

fn manifest(
    options: &ScoreOptions,
    task: &Task<'_>,
    encoder: &dyn Encoder,
    texts: &[String],
    predicted: usize,
    scored: usize,
) -> anyhow::Result<Manifest> {
    let inputs = &task.inputs;
    let taxonomy = &inputs.taxonomy;
    let ids = task.candidates.iter().map(|&c| taxonomy.id(c).as_bytes());
    // A hash of each image's name and labels first, so that no other grouping of the same words has the same hash.
    let images: Vec<String> = inputs
        .dataset
        .items
        .iter()
        .map(|item| {
            let name = std::iter::once(item.name.as_bytes());
            hash::of_parts(name.chain(item.labels.iter().map(String::as_bytes)))
        })
        .collect();
    let encoding = options.image.embed_options(encoder, task.items.len());
    Ok(Manifest {
        schema: MANIFEST_SCHEMA,
        cladist: env!("CARGO_PKG_VERSION").to_owned(),
        taxonomy: SourceHash {
            source: inputs.taxonomy_source.display().to_string(),
            sha256: hash::of_parts(taxonomy.sources().iter().map(|(_, text)| text.as_bytes())),
        },
        prompts: SourceHash {
            source: options
                .prompts
                .clone()
                .unwrap_or_else(|| crate::prompts::DEFAULT.to_owned()),
            sha256: hash::of_parts(texts.iter().map(String::as_bytes)),
        },
        images: SourceHash {
            source: inputs.images_source.display().to_string(),
            sha256: hash::of_parts(images.iter().map(String::as_bytes)),
        },
        model: json!({ "source": inputs.model_source, "fingerprint": encoder.fingerprint() }),
        device: encoder.device_name(),
        dtype: encoder.dtype_name().to_owned(),
        candidates: SourceHash {
            source: task.choice.describe(),
            sha256: hash::of_parts(ids),
        },
        options: [
            ("batch", json!(encoding.batch)),
            ("collision-cosine", json!(options.collision_cosine)),
            ("credit", json!(task.policy.name())),
            (
                "no-exif-orientation",
                json!(!encoding.decode.exif_orientation),
            ),
            (
                "on-bad-image",
                json!(value_name(options.image.on_bad_image)),
            ),
            (
                "on-unknown-label",
                json!(value_name(options.on_unknown_label)),
            ),
            (
                "synonyms",
                json!(options.synonyms.unwrap_or(task.templates.synonyms())),
            ),
            ("top-k", json!(options.top_k)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect(),
        counts: Counts {
            images: inputs.dataset.items.len(),
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
