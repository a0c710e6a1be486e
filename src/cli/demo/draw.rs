//! `cladist demo draw`: the world's pictures as files.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail};
use clap::ValueHint;
use rayon::prelude::*;
use serde_json::json;

use super::{WorldArgs, habit_name};
use crate::cli::output::tell;
use crate::cli::progress::Progress;
use crate::cli::{Interrupted, interrupt, on_all_cores};
use crate::demo::{self, Facts, World};
use crate::files::{Kind, Staging};
use crate::taxonomy::NodeId;

/// The file that says that a directory holds drawings of ours, and how they were made.
const MARKER: &str = "demo.json";

/// A directory with drawings.
const KIND: Kind = Kind {
    marker: MARKER,
    entries: &[MARKER, "images", "manifest.csv", "taxonomy.yaml"],
};

/// Draw figures with a known truth, annotated by an annotator of known habits
///
/// Writes DIR/images/*.png and DIR/manifest.csv: `image`, `label` (as annotated), `specific` (the most specific true
/// node), `true_labels` (every true node, separated by `|`) and `is_error` (the annotation is a plain error).
/// DIR/demo.json holds the settings and DIR/taxonomy.yaml the taxonomy. The same seed draws the same pictures: the
/// first of a large set are those of a small one.
#[derive(clap::Args)]
pub struct DrawArgs {
    #[command(flatten)]
    world: WorldArgs,

    /// Write into this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: PathBuf,
}

pub fn run(args: &DrawArgs) -> anyhow::Result<ExitCode> {
    let (settings, n) = (args.world.settings(), args.world.pictures.n);
    let staging = Staging::new(&args.out, KIND)?;
    let world = World::new()?;
    let stop = interrupt::install()?;
    let images = staging.path().join("images");
    std::fs::create_dir(&images)
        .with_context(|| format!("{}: cannot be made", images.display()))?;
    let write = |name: &str, bytes: &[u8]| {
        let path = staging.path().join(name);
        std::fs::write(&path, bytes)
            .with_context(|| format!("{}: cannot be written", path.display()))
    };

    let bar = Progress::new("drawing", n as usize, "pictures");
    let rows = on_all_cores(|| {
        let one = |i: u64| -> anyhow::Result<[String; 5]> {
            if stop.load(Ordering::Relaxed) {
                bail!(Interrupted);
            }
            let item = world.item(&settings, i);
            let name = demo::name(i, n);
            write(&name, &demo::png(&item.drawing))?;
            bar.advance(1);
            Ok(row(&world, name, &item.facts))
        };
        (0..n)
            .into_par_iter()
            .map(one)
            .collect::<anyhow::Result<Vec<_>>>()
    })??;
    bar.finish();

    write("manifest.csv", &manifest(&rows)?)?;
    write("taxonomy.yaml", demo::TAXONOMY.as_bytes())?;
    let made_by = json!({
        "cladist": env!("CARGO_PKG_VERSION"),
        "n": n,
        "seed": settings.seed,
        "size": settings.canvas.size,
        "turn": settings.canvas.turn,
        "distractors": settings.canvas.distractors,
        "annotator": habit_name(settings.annotator.habit),
        "error_rate": settings.annotator.error_rate,
    });
    write(MARKER, format!("{made_by:#}\n").as_bytes())?;
    staging.publish()?;
    tell!("{n} pictures written to {}", args.out.display());
    Ok(ExitCode::SUCCESS)
}

/// One row of the manifest, in the order of its header.
fn row(world: &World, name: String, facts: &Facts) -> [String; 5] {
    let id = |n: NodeId| world.taxonomy().id(n).to_owned();
    let truths: Vec<String> = facts.truths.iter().map(|&t| id(t)).collect();
    [
        name,
        id(facts.annotation.label),
        id(facts.specific),
        truths.join("|"),
        facts.annotation.is_error.to_string(),
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
