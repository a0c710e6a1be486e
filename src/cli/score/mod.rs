//! `cladist score`: answers of a model, or of anything else, against a taxonomy → how much of the error is multiplicity.

mod annotate;
mod elsewhere;
mod encoded;
mod join;
mod memory;
mod options;
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

use anyhow::bail;
use clap::ValueHint;

use super::model_args::DeviceArgs;
use super::output::tell;
use super::{Interrupted, builtin, interrupt, load_taxonomy, on_all_cores, open_dataset, output};
use crate::dataset::metadata_of;
use crate::demo::{PICTURES, Settings};
use crate::files::Staging;
use crate::model::Encoder;
use crate::report;
use crate::run::{self, BuildError};
use crate::score::{Depth, Match, Stop};
use crate::taxonomy::Taxonomy;

pub use annotate::TruthArgs;
use elsewhere::ElsewhereArgs;
pub use elsewhere::{EmbeddingsArgs, Placed};
pub use encoded::{Embeddings, Held, Version, versions};
pub use join::by_last_parts;
pub use memory::Memory;
pub use options::{ScoreOptions, candidate_choice};
use options::{
    calibration, common_options, credit_policy, tell_of_truths_as_candidates, value_name,
};
pub use pictures::{Again, Computed, Inputs, Observer, compute};
use precision::Check;
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

    /// With --dtype q8: labelled images that are answered in f32 too, before all others, to tell what eight bits change; 0 for none
    #[arg(long, value_name = "N", default_value_t = 256)]
    q8_check: usize,

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

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Format {
    Text,
    Json,
}

pub fn run(args: &ScoreArgs) -> anyhow::Result<ExitCode> {
    if let Some(out) = &args.out {
        Staging::check(out, run::KIND)?;
    }
    let stop = interrupt::install()?;
    let load = |source: &str| args.what.load(source, stop);
    let Some(Computed { run, .. }) = answer(&args.what, &load, stop, None, args.q8_check)? else {
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

/// Scores what the options name; of a model in eight bits it is told what that changes in `q8_check` images. `None`, with a word on stderr, if none of the images could be read.
///
/// # Errors
/// Whatever is wrong with the options and what they name; an interruption.
pub fn answer(
    args: &WhatArgs,
    load: &LoadModel<'_>,
    stop: &AtomicBool,
    observer: Option<&Observer<'_>>,
    q8_check: usize,
) -> anyhow::Result<Option<Computed>> {
    let Some(source) = &args.taxonomy else {
        bail!("--taxonomy FILE is needed: labels are scored under one (`demo` is built in)");
    };
    let taxonomy = load_taxonomy(source)?;
    answer_under(args, source, taxonomy, load, stop, observer, q8_check)
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
    q8_check: usize,
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
    let inputs = Inputs {
        check: (args.device.is_q8() && q8_check > 0).then_some(Check {
            images: q8_check,
            exact: &exact,
        }),
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
