//! `cladist demo`: the drawn world, whose truth is known, scored with the model that is part of the program.

mod draw;
mod lab;
pub(in crate::cli) mod recorded;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use clap::ValueHint;

use super::model_args::DeviceArgs;
use super::output::tell;
use super::score::{self, Computed, Format, Inputs, LoadModel, Observer, ScoreOptions, TruthArgs};
use super::{builtin, count, interrupt, on_all_cores, output};
use crate::dataset::Dataset;
use crate::demo::{self, Annotator, Canvas, Habit, Planted, Settings, World};
use crate::files::Staging;
use crate::report;
use crate::run;
use crate::taxonomy::Taxonomy;

/// See it all at work: drawn figures whose truth is known, scored with a small model; no files needed
///
/// Figures, taxonomy and model are part of the program. Prints what `cladist score` prints. Below it, since the truth of every figure is known, how much multiplicity and how
/// many wrong annotations were planted beside what cladist finds from the annotations alone, and how the probability of
/// the annotated label falls with the number K of true ones. Every label is a candidate unless `--candidates` says
/// otherwise.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DemoArgs {
    #[command(subcommand)]
    command: Option<DemoCommand>,

    #[command(flatten)]
    world: WorldArgs,

    #[command(flatten)]
    options: ScoreOptions,

    #[command(flatten)]
    device: DeviceArgs,

    /// Write the run into this directory, as `score` does
    #[arg(long, value_name = "RUN_DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,

    /// How to print the answer
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(clap::Subcommand)]
enum DemoCommand {
    Draw(draw::DrawArgs),
    Lab(lab::LabArgs),
}

/// Which pictures, and who annotates them.
#[derive(clap::Args)]
struct WorldArgs {
    #[command(flatten)]
    pictures: PictureArgs,

    /// Which of the true labels the annotator writes down: specific, general (any but the most specific), uniform (any),
    /// or a share from 0 to 1 of most specific ones among general ones
    #[arg(long, value_name = "HABIT", default_value = "uniform", value_parser = habit)]
    annotator: Habit,

    /// Share of the annotations that are plain errors, from 0 to 1
    #[arg(long, value_name = "RATE", default_value_t = Settings::default().annotator.error_rate, value_parser = rate)]
    error_rate: f64,
}

/// Which pictures are drawn.
#[derive(clap::Args)]
struct PictureArgs {
    /// Number of pictures
    #[arg(long, value_name = "N", default_value_t = demo::PICTURES, value_parser = clap::value_parser!(u64).range(1..))]
    n: u64,

    /// Seed of the pictures and of the annotator
    #[arg(long, value_name = "S", default_value_t = Settings::default().seed)]
    seed: u64,

    /// Width and height of a picture in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = Canvas::default().size, value_parser = clap::value_parser!(u32).range(i64::from(*SIZES.start())..=i64::from(*SIZES.end())))]
    size: u32,

    /// Largest turn of a figure to either side, in degrees
    #[arg(long, value_name = "DEGREES", default_value_t = Canvas::default().turn, value_parser = degrees)]
    turn: f64,

    /// Share of the pictures with small marks beside the figure, from 0 to 1
    #[arg(long, value_name = "RATE", default_value_t = Canvas::default().distractors, value_parser = rate)]
    distractors: f64,
}

impl PictureArgs {
    fn settings(&self, annotator: Annotator) -> Settings {
        Settings {
            seed: self.seed,
            canvas: Canvas {
                size: self.size,
                turn: self.turn,
                distractors: self.distractors,
            },
            annotator,
        }
    }
}

impl WorldArgs {
    fn settings(&self) -> Settings {
        self.pictures.settings(Annotator {
            habit: self.annotator,
            error_rate: self.error_rate,
        })
    }
}

fn habit(text: &str) -> Result<Habit, String> {
    Ok(match text {
        "specific" => Habit::Specific,
        "general" => Habit::General,
        "uniform" => Habit::Uniform,
        share => Habit::Mixed {
            specific: rate(share).map_err(|_| {
                "an annotator is specific, general, uniform, or a share from 0 to 1".to_owned()
            })?,
        },
    })
}

/// A habit as it is written on the command line.
fn habit_name(habit: Habit) -> String {
    match habit {
        Habit::Specific => "specific".to_owned(),
        Habit::General => "general".to_owned(),
        Habit::Uniform => "uniform".to_owned(),
        Habit::Mixed { specific } => specific.to_string(),
    }
}

/// Pixels that a picture may be wide and high.
const SIZES: RangeInclusive<u32> = 16..=4096;

/// Degrees that a figure may be turned by at most.
const TURNS: RangeInclusive<f64> = 0.0..=180.0;

fn rate(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|rate| (0.0..=1.0).contains(rate))
        .ok_or_else(|| "a rate is a number from 0 to 1".to_owned())
}

fn degrees(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|angle| TURNS.contains(angle))
        .ok_or_else(|| "a turn is a number of degrees from 0 to 180".to_owned())
}

pub fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        Some(DemoCommand::Draw(args)) => draw::run(args),
        Some(DemoCommand::Lab(args)) => lab::run(args),
        None => score_world(args),
    }
}

/// Scores pictures of the world, which are so many with these settings, with its model, under its taxonomy or one that was read already.
/// Every label is a candidate unless the options say otherwise.
///
/// # Errors
/// Whatever is wrong with the options; an interruption.
pub fn compute(
    dataset: Dataset,
    world: (Settings, u64),
    taxonomy: Option<(&Path, Taxonomy)>,
    options: &ScoreOptions,
    load: &LoadModel<'_>,
    stop: &AtomicBool,
    observer: Option<&Observer<'_>>,
) -> anyhow::Result<Computed> {
    let source = Path::new(builtin::NAME);
    let (taxonomy_source, taxonomy) = match taxonomy {
        Some(read) => read,
        None => (source, super::load_taxonomy(source)?),
    };
    let inputs = Inputs {
        check: None,
        taxonomy_source,
        taxonomy,
        images_source: source,
        dataset: Arc::new(dataset),
        world: Some(world),
        model_source: builtin::NAME,
    };
    let mut options = options.clone();
    options.candidates.get_or_insert_with(|| "all".to_owned());
    let truth = TruthArgs::default();
    score::compute(inputs, &truth, &options, load, stop, observer)?
        .context("no picture could be read")
}

fn score_world(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    if let Some(out) = &args.out {
        Staging::check(out, run::KIND)?;
    }
    let (world, settings) = (World::new()?, args.world.settings());
    let n = args.world.pictures.n;
    tell!(
        "{} drawn (seed {}), annotator `{}` with {} % errors; the model is the built-in one",
        count(n as usize, "figure"),
        settings.seed,
        habit_name(settings.annotator.habit),
        100.0 * settings.annotator.error_rate
    );
    let stop = interrupt::install()?;
    let (dataset, facts) = on_all_cores(|| demo::dataset(&world, &settings, n))?;
    let load = |source: &str| {
        let encoder = args.device.load(source, stop)?;
        args.options.image.store.remembering(encoder, source)
    };
    let world = (settings, n);
    let Computed { run, .. } = compute(dataset, world, None, &args.options, &load, stop, None)?;
    if let Some(out) = &args.out {
        run::save(&run, Staging::new(out, run::KIND)?)?;
    }
    let found = run.predictions.iter().map(|prediction| {
        let answer = prediction.answer.expect("the best candidate is the answer");
        (answer, prediction.is_suspect())
    });
    let pictures = facts.iter().zip(found);
    let planted =
        Planted::count(pictures.map(|(facts, (answer, suspect))| (facts, answer, suspect)));
    let style = output::style();
    match args.format {
        Format::Text => {
            output::print(&report::text::render(&run, style))?;
            output::print(&report::demo::render(&run, &planted, style))?;
        }
        Format::Json => output::print(&report::demo::render_json(&run, &planted)?)?,
    }
    if let Some(out) = &args.out {
        tell!("run written to {}", out.display());
    }
    Ok(ExitCode::SUCCESS)
}
