//! `cladist demo`: the drawn world, whose truth is known.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use clap::ValueHint;
use rayon::prelude::*;
use serde_json::json;

use super::output::tell;
use super::progress::Progress;
use super::{Interrupted, interrupt, on_all_cores};
use crate::demo::{Annotator, Canvas, Drawing, Habit, Item, Settings, World};
use crate::files::{Kind, Staging};
use crate::taxonomy::NodeId;

/// The file that says that a directory holds drawings of ours, and how they were made.
const MARKER: &str = "demo.json";

/// A directory with drawings.
const KIND: Kind = Kind {
    marker: MARKER,
    entries: &[MARKER, "images", "manifest.csv", "taxonomy.yaml"],
};

#[derive(clap::Args)]
pub struct DemoArgs {
    #[command(subcommand)]
    command: DemoCommand,
}

#[derive(clap::Subcommand)]
enum DemoCommand {
    Draw(DrawArgs),
}

/// Draw figures with a known truth, annotated by an annotator of known habits
///
/// Writes DIR/images/*.png and DIR/manifest.csv: `image`, `label` (as annotated), `specific` (the most specific true
/// node), `true_labels` (every true node, separated by `|`) and `is_error` (the annotation is a plain error).
/// DIR/demo.json holds the settings and DIR/taxonomy.yaml the taxonomy. The same seed draws the same pictures: the
/// first of a large set are those of a small one.
#[derive(clap::Args)]
struct DrawArgs {
    /// Number of pictures
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    n: u64,

    /// Seed of the pictures and of the annotator
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Write into this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: PathBuf,

    /// Width and height of a picture in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = Canvas::default().size, value_parser = clap::value_parser!(u32).range(16..=4096))]
    size: u32,

    /// Largest turn of a figure to either side, in degrees
    #[arg(long, value_name = "DEGREES", default_value_t = Canvas::default().turn, value_parser = degrees)]
    turn: f64,

    /// Share of the pictures with small marks beside the figure, from 0 to 1
    #[arg(long, value_name = "RATE", default_value_t = Canvas::default().distractors, value_parser = rate)]
    distractors: f64,

    /// Which of the true labels the annotator writes down
    #[arg(long, value_enum, value_name = "HABIT", default_value = "uniform")]
    annotator: HabitChoice,

    /// Share of the annotations that are plain errors, from 0 to 1
    #[arg(long, value_name = "RATE", default_value_t = 0.05, value_parser = rate)]
    error_rate: f64,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum HabitChoice {
    /// The most specific one
    Specific,
    /// One of the more general ones, each as likely
    General,
    /// Any true one, each as likely
    Uniform,
}

fn rate(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|rate| (0.0..=1.0).contains(rate))
        .ok_or_else(|| "a rate is a number from 0 to 1".to_owned())
}

fn degrees(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|angle| (0.0..=180.0).contains(angle))
        .ok_or_else(|| "a turn is a number of degrees from 0 to 180".to_owned())
}

pub fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        DemoCommand::Draw(args) => draw(args),
    }
}

fn draw(args: &DrawArgs) -> anyhow::Result<ExitCode> {
    let settings = Settings {
        seed: args.seed,
        canvas: Canvas {
            size: args.size,
            turn: args.turn,
            distractors: args.distractors,
        },
        annotator: Annotator {
            habit: match args.annotator {
                HabitChoice::Specific => Habit::Specific,
                HabitChoice::General => Habit::General,
                HabitChoice::Uniform => Habit::Uniform,
            },
            error_rate: args.error_rate,
        },
    };
    let staging = Staging::new(&args.out, KIND)?;
    let world = World::new()?;
    let stop = interrupt::install()?;
    let images = staging.path().join("images");
    std::fs::create_dir(&images)
        .with_context(|| format!("{}: cannot be made", images.display()))?;

    let digits = (args.n - 1).to_string().len().max(4);
    let bar = Progress::new("drawing", args.n as usize, "pictures");
    let rows = on_all_cores(|| {
        let one = |i: u64| -> anyhow::Result<[String; 5]> {
            if stop.load(Ordering::Relaxed) {
                bail!(Interrupted);
            }
            let item = world.item(&settings, i);
            let name = format!("images/{i:0digits$}.png");
            write_png(&staging.path().join(&name), &item.drawing)?;
            bar.advance(1);
            Ok(row(&world, name, &item))
        };
        (0..args.n)
            .into_par_iter()
            .map(one)
            .collect::<anyhow::Result<Vec<_>>>()
    })??;
    bar.finish();

    let write = |name: &str, bytes: &[u8]| {
        let path = staging.path().join(name);
        std::fs::write(&path, bytes)
            .with_context(|| format!("{}: cannot be written", path.display()))
    };
    write("manifest.csv", &manifest(&rows)?)?;
    write("taxonomy.yaml", crate::demo::TAXONOMY.as_bytes())?;
    let made_by = json!({
        "cladist": env!("CARGO_PKG_VERSION"),
        "n": args.n,
        "seed": settings.seed,
        "size": settings.canvas.size,
        "turn": settings.canvas.turn,
        "distractors": settings.canvas.distractors,
        "annotator": format!("{:?}", settings.annotator.habit).to_lowercase(),
        "error_rate": settings.annotator.error_rate,
    });
    write(MARKER, format!("{made_by:#}\n").as_bytes())?;
    staging.publish()?;
    tell!("{} pictures written to {}", args.n, args.out.display());
    Ok(ExitCode::SUCCESS)
}

/// One row of the manifest, in the order of its header.
fn row(world: &World, name: String, item: &Item) -> [String; 5] {
    let id = |n: NodeId| world.taxonomy().id(n).to_owned();
    let truths: Vec<String> = item.truths.iter().map(|&t| id(t)).collect();
    [
        name,
        id(item.annotation.label),
        id(item.specific),
        truths.join("|"),
        item.annotation.is_error.to_string(),
    ]
}

fn manifest(rows: &[[String; 5]]) -> anyhow::Result<Vec<u8>> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(["image", "label", "specific", "true_labels", "is_error"])?;
    for row in rows {
        out.write_record(row)?;
    }
    Ok(out.into_inner()?)
}

fn write_png(path: &Path, drawing: &Drawing) -> anyhow::Result<()> {
    let write = || -> Result<(), png::EncodingError> {
        let out = BufWriter::new(File::create(path)?);
        let mut encoder = png::Encoder::new(out, drawing.size, drawing.size);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&drawing.rgb)?;
        writer.finish()
    };
    write().with_context(|| format!("{}: cannot be written", path.display()))
}
