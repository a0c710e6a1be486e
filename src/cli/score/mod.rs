//! `cladist score`: answers of a model, or of anything else, against a taxonomy → how much of the error is multiplicity.

mod annotate;
mod elsewhere;
mod encoded;
mod join;
mod memory;
mod pictures;
mod precision;
mod prompting;
mod side;
mod sources;
mod steps;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, bail};
use clap::ValueHint;
use serde_json::json;

use super::model_args::{DeviceArgs, ImageArgs};
use super::output::tell;
use super::{
    Interrupted, builtin, count, interrupt, load_taxonomy, on_all_cores, open_dataset, output,
};
use crate::dataset::{OnUnknownLabel, metadata_of};
use crate::demo::{PICTURES, Settings};
use crate::files::Staging;
use crate::hash;
use crate::model::Encoder;
use crate::names::Names;
use crate::report;
use crate::run::{self, BuildError, Candidates};
use crate::score::{
    Annotations, Collisions, CreditPolicy, DecideError, Depth, Match, Root, Rule, RuleError, Stop,
};
use crate::taxonomy::{NodeId, Taxonomy};
use crate::text::{self, TextError};

pub use annotate::TruthArgs;
use elsewhere::ElsewhereArgs;
pub use elsewhere::{EmbeddingsArgs, Placed};
pub use encoded::{Embeddings, Held, Version, versions};
pub use join::by_last_parts;
pub use memory::Memory;
pub use pictures::{Again, Computed, Inputs, Observer, compute};
pub use prompting::{Basis, expand_prompts};
pub use side::{OPTION as SIDE_LABELS, SideLabels};
pub use sources::{array_files, candidates_hash, file_hash, taxonomy_hash};

/// Score answers against a taxonomy: how much of the error is multiplicity, how much is a real mistake
///
/// What is scored is one of: `--images` with a `--model` that answers them; `--predictions`, `--scores` or
/// `--image-embeddings` that were made elsewhere, with the `--truth` beside them.
#[derive(clap::Args)]
// Here it must be given, and elsewhere it need not.
#[command(mut_arg("taxonomy", |arg| arg.required(true)))]
pub struct ScoreArgs {
    #[command(flatten)]
    what: WhatArgs,

    /// Write the run into this directory: summary, predictions, manifest
    #[arg(long, value_name = "RUN_DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,

    /// How to print the answer
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Say below the answer what each figure is: its formula and conventions (JSON has them always)
    // Takes `=false`, so that the command line can take back what a config file says.
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    conventions: bool,
}

/// What is scored, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct WhatArgs {
    /// The taxonomy's YAML file, or `demo`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub taxonomy: Option<PathBuf>,

    /// A folder with a directory per label, a manifest (CSV, TSV, JSON Lines, Parquet), COCO's annotations (.json), Parquet tables with
    /// the images in them, WebDataset shards (.tar, a folder of them, or a pattern '{00..12}.tar'), or `demo`
    #[arg(long, group = "source", value_name = "DIR|FILE", value_hint = ValueHint::AnyPath)]
    pub images: Option<PathBuf>,

    /// A CLIP, SigLIP or ProLIP checkpoint: a directory, a Hugging Face id such as openai/clip-vit-base-patch32, or `demo`
    ///
    /// CLIP as transformers or open_clip save it, SigLIP, SigLIP 2 of fixed resolution, EVA-CLIP with EVA-02, MobileCLIP, MobileCLIP2 and
    /// ProLIP; `cladist model info` tells what is understood. hf-hub:ORG/NAME and local-dir:DIR ask for open_clip's files where there are
    /// others too.
    // What answers: so `model:` in cladist.yaml stands aside where the command line names another.
    #[arg(long, group = "answering", value_name = "DIR|ID", value_hint = ValueHint::AnyPath)]
    pub model: Option<String>,

    #[command(flatten)]
    pub device: DeviceArgs,

    #[command(flatten)]
    pub elsewhere: ElsewhereArgs,

    #[command(flatten)]
    truth: TruthArgs,

    #[command(flatten)]
    pub options: ScoreOptions,
}

/// How to score, whatever is scored.
#[derive(Debug, Clone, clap::Args)]
pub struct ScoreOptions {
    #[command(flatten)]
    pub image: ImageArgs,

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

    /// How an image is matched with a label's prompts: mean (their one prototype), max, smooth-chamfer, gaussian, or prolip
    /// (by the uncertainty that a ProLIP model tells)
    #[arg(long = "match", value_name = "STRATEGY", default_value = "mean", value_parser = strategy)]
    strategy: Match,

    /// How an answer comes from the probabilities: argmax, leaf, majority, threshold:MASS, rollup:MASS, darts:ERROR, crm[:DISTANCE],
    /// top-down[:beam=N], chils, rerank, speciesnet, inaturalist or pybioclip:RANK
    #[arg(long, value_name = "RULE", default_value = "argmax", value_parser = rule)]
    decide: Rule,

    /// Share of the labelled images that a rule is calibrated on (darts); they are left out of the figures
    #[arg(long, value_name = "SHARE")]
    calibration: Option<f64>,

    /// Whether the root counts in hierarchical precision and recall: as it is declared, counted (also the virtual one above
    /// several), or excluded
    #[arg(long, value_name = "HOW", default_value = "declared", value_parser = root)]
    root: Root,

    /// Cosine of two labels' text prototypes from which they count as the same name
    #[arg(long, value_name = "COSINE", allow_negative_numbers = true, default_value_t = Collisions::DEFAULT_THRESHOLD)]
    collision_cosine: f64,

    /// With --dtype q8: labelled images that are answered in f32 too, before all others, to tell what eight bits change; 0 for none
    #[arg(long, value_name = "N", default_value_t = 256)]
    q8_check: usize,

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

fn strategy(text: &str) -> Result<Match, String> {
    match Match::by_name(text) {
        Some(strategy) => Ok(strategy),
        None => Err("use mean, max, smooth-chamfer, gaussian or prolip".to_owned()),
    }
}

fn root(text: &str) -> Result<Root, String> {
    let known = || Root::ALL.map(Root::name).join(", ");
    Root::by_name(text).ok_or_else(|| format!("use one of {}", known()))
}

fn rule(text: &str) -> Result<Rule, RuleError> {
    Rule::parse(text)
}

impl ScoreOptions {
    fn on_unknown(&self) -> OnUnknownLabel {
        match self.on_unknown_label {
            OnUnknown::Error => OnUnknownLabel::Error,
            OnUnknown::Skip => OnUnknownLabel::Skip,
        }
    }

    /// Refuses values that mean nothing.
    fn check(&self) -> anyhow::Result<()> {
        if let Some(share) = self.calibration {
            if !(share > 0.0 && share < 1.0) {
                bail!("--calibration {share}: a share is between 0 and 1");
            }
            if !matches!(self.decide, Rule::Darts(_)) {
                bail!(
                    "--calibration: the rule `{}` is not calibrated",
                    self.decide
                );
            }
        }
        if self.calibration.is_none() && matches!(self.decide, Rule::Darts(_)) {
            let rule = self.decide.name();
            bail!(DecideError::NeedsCalibration { rule });
        }
        if (-1.0..=1.0).contains(&self.collision_cosine) {
            return Ok(());
        }
        bail!(
            "--collision-cosine {}: a cosine is from -1 to 1",
            self.collision_cosine
        );
    }
}

pub fn run(args: &ScoreArgs) -> anyhow::Result<ExitCode> {
    if let Some(out) = &args.out {
        Staging::check(out, run::KIND)?;
    }
    let stop = interrupt::install()?;
    let load = |source: &str| args.what.load(source, stop);
    let Some(Computed { run, .. }) = answer(&args.what, &load, stop, None)? else {
        return Ok(ExitCode::FAILURE);
    };
    if let Some(out) = &args.out {
        run::save(&run, Staging::new(out, run::KIND)?)?;
    }
    match args.format {
        Format::Text => {
            let style = output::style();
            output::print(&report::text::render(&run, style))?;
            if args.conventions {
                output::print(&report::text::conventions(style))?;
            }
        }
        Format::Json => output::print(&report::json::render(&run)?)?,
    }
    if let Some(out) = &args.out {
        tell!("run written to {}", out.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Loads the model that is named so.
pub type LoadModel<'a> = dyn Fn(&str) -> anyhow::Result<Arc<dyn Encoder>> + 'a;

/// Scores what the options name. `None`, with a word on stderr, if none of the images could be read.
///
/// # Errors
/// Whatever is wrong with the options and what they name; an interruption.
pub fn answer(
    args: &WhatArgs,
    load: &LoadModel<'_>,
    stop: &AtomicBool,
    observer: Option<&Observer<'_>>,
) -> anyhow::Result<Option<Computed>> {
    let Some(source) = &args.taxonomy else {
        bail!("--taxonomy FILE is needed: labels are scored under one (`demo` is built in)");
    };
    let taxonomy = load_taxonomy(source)?;
    answer_under(args, source, taxonomy, load, stop, observer)
}

/// The same under a taxonomy that was read already, from `source`.
///
/// # Errors
/// As [`answer`].
pub fn answer_under(
    args: &WhatArgs,
    source: &Path,
    taxonomy: Taxonomy,
    load: &LoadModel<'_>,
    stop: &AtomicBool,
    observer: Option<&Observer<'_>>,
) -> anyhow::Result<Option<Computed>> {
    args.check()?;
    let (Some(images), Some(model)) = (&args.images, &args.model) else {
        return elsewhere::compute(args, source, taxonomy, load, stop, observer).map(Some);
    };
    let exact = || -> anyhow::Result<_> {
        let device = args.device.in_f32();
        let exact = WhatArgs {
            device,
            ..args.clone()
        };
        exact.load(model, stop)
    };
    // Whoever watches has the figures move anyway.
    let is_checked = args.device.is_q8() && args.options.q8_check > 0 && observer.is_none();
    let inputs = Inputs {
        exact: is_checked.then_some(&exact),
        taxonomy_source: source,
        taxonomy,
        images_source: images,
        dataset: match observer {
            Some(observer) => observer.memory.dataset(images)?,
            None => Arc::new(open_dataset(images)?),
        },
        world: (images == Path::new(builtin::NAME)).then(|| (Settings::default(), PICTURES)),
        model_source: model,
    };
    compute(inputs, &args.truth, &args.options, load, stop, observer)
}

impl WhatArgs {
    /// Loads the model of this name, which has the texts that were encoded before.
    ///
    /// # Errors
    /// As [`DeviceArgs::load`]; a store that cannot be used.
    pub fn load(&self, source: &str, stop: &AtomicBool) -> anyhow::Result<Arc<dyn Encoder>> {
        let encoder = self.device.load(source, stop)?;
        self.options.image.store.remembering(encoder, source)
    }

    /// Whether nothing is named that could be scored.
    pub fn is_nothing(&self) -> bool {
        self.sources().next().is_none()
    }

    /// The files that it is scored from, beside the taxonomy, the weights and the pictures themselves.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let options = &self.options;
        let named = |text: &String| PathBuf::from(text.split('#').next().unwrap_or(text));
        let prompts = options.prompts.as_ref().map(named);
        let candidates = options.candidates.as_ref().map(PathBuf::from);
        // A manifest has labels too.
        let manifest = self.images.clone();
        let files = self.truth.files().chain(prompts).chain(candidates);
        let metadata = self.images.iter().flat_map(|folder| metadata_of(folder));
        let files = files.chain(manifest).chain(metadata);
        let arrays = self.elsewhere.files().flat_map(|path| {
            // What is not there is told when it is read.
            array_files(path).unwrap_or_default()
        });
        files.filter(|path| path.is_file()).chain(arrays)
    }

    /// The file of labels that are right too, which need not exist; `None` where it takes no part.
    pub fn side_file(&self) -> Option<PathBuf> {
        side::of_data(&self.truth, self.images.as_deref())
    }

    /// Whether the side file is left out.
    pub fn has_no_side_labels(&self) -> bool {
        self.truth.no_side_labels
    }

    /// What these say of judging, with what the others say is scored: the images, how they are read, and what answers them.
    pub fn applied_to(self, others: &Self) -> Self {
        let image = others.options.image.clone();
        let options = ScoreOptions {
            image,
            ..self.options
        };
        Self {
            taxonomy: self.taxonomy,
            truth: self.truth,
            options,
            ..others.clone()
        }
    }

    /// What is scored, in a few words.
    pub fn name(&self) -> String {
        let mut names = self.sources().map(|path| path.display().to_string());
        let images = names.next().unwrap_or_default();
        match &self.model {
            Some(model) => format!("{images} by {model}"),
            None => images,
        }
    }

    /// The paths that are named, first what is scored.
    pub fn sources(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let model = self.model.as_ref().map(PathBuf::from);
        self.data().chain(self.taxonomy.clone()).chain(model)
    }

    /// What is scored and how it is annotated, whatever it is judged by.
    pub fn data(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let own = &self.elsewhere;
        let paths = [
            &self.images,
            &own.predictions,
            &own.scores,
            &own.image_embeddings,
            &self.truth.truth,
        ];
        paths.into_iter().flatten().cloned()
    }

    /// Whether the options belong together.
    pub fn check(&self) -> anyhow::Result<()> {
        self.options.check()?;
        let own = &self.elsewhere;
        let source = match (&self.images, &own.predictions, &own.scores) {
            (Some(_), ..) if self.model.is_none() => bail!(
                "--images: say which --model answers them (`demo` is built in), or give --predictions of them"
            ),
            (Some(_), ..) => "--images",
            (_, Some(_), _) => "--predictions",
            (.., Some(_)) => "--scores",
            _ if own.image_embeddings.is_some() => "--image-embeddings",
            _ => bail!(
                "nothing to score: give --images with a --model, or --predictions, --scores or --image-embeddings with --truth"
            ),
        };
        if !matches!(source, "--images" | "--image-embeddings")
            && self.options.strategy != Match::Mean
        {
            bail!(
                "--match {}: {source} are no embeddings, so there is nothing to match",
                self.options.strategy.name()
            );
        }
        if self.images.is_none() && self.truth.truth.is_none() {
            bail!("{source} needs --truth FILE: a table of images and their labels");
        }
        self.elsewhere.check(self.model.is_some())
    }
}

fn credit_policy(
    options: &ScoreOptions,
    source: &Path,
    taxonomy: &Taxonomy,
) -> anyhow::Result<CreditPolicy> {
    match (&options.credit, taxonomy.credit()) {
        (Some(name), _) => CreditPolicy::by_name(name).context("--credit"),
        (None, Some(section)) => CreditPolicy::from_section(section)
            .with_context(|| format!("{}: credit", source.display())),
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

/// The labelled images that a rule is calibrated on: by their names, so that they are the same in every run.
fn calibration(options: &ScoreOptions, images: &Names, annotations: &Annotations) -> Vec<usize> {
    let Some(share) = options.calibration else {
        return Vec::new();
    };
    let is_set_aside = |name: &str| {
        let hash = hash::of_bytes(name.as_bytes());
        let number = u32::from_str_radix(&hash[..8], 16).unwrap_or(u32::MAX);
        f64::from(number) < share * f64::from(u32::MAX)
    };
    (0..images.len())
        .filter(|&i| !annotations.get(i).truths.is_empty() && is_set_aside(images.get(i)))
        .collect()
}

/// Builds a run on all cores; what is missing is told with the option that asks for it, and an interruption is an error.
fn build(
    depth: Depth,
    inputs: run::Inputs<'_>,
    manifest: run::Manifest,
    stop: &AtomicBool,
) -> anyhow::Result<run::Run> {
    let built = on_all_cores(|| {
        let stop = Stop::when(stop);
        run::Run::build_to(depth, inputs, manifest, stop)
    })?;
    built.map_err(|error| match error {
        BuildError::Decide(error) => anyhow::Error::new(error).context("--decide"),
        BuildError::Match(error) => anyhow::Error::new(error).context("--match"),
        BuildError::Stopped(_) => Interrupted.into(),
    })
}

/// Tells that the candidates are the labels that occur, which nobody asked for.
fn tell_of_truths_as_candidates(candidates: &[NodeId]) {
    tell!(
        "candidates: the {} that occur{} as truth (--candidates leaves|all|FILE|under:NODE for others)",
        count(candidates.len(), "label"),
        if candidates.len() == 1 { "s" } else { "" }
    );
}

/// The options that every run has, as resolved.
fn common_options(
    options: &ScoreOptions,
    policy: &CreditPolicy,
) -> Vec<(String, serde_json::Value)> {
    [
        ("collision-cosine", json!(options.collision_cosine)),
        ("credit", json!(policy.name())),
        ("decide", json!(options.decide.name())),
        ("match", json!(options.strategy.name())),
        ("root", json!(options.root.name())),
        ("calibration", json!(options.calibration)),
        (
            "on-unknown-label",
            json!(value_name(options.on_unknown_label)),
        ),
        ("top-k", json!(options.top_k)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}
