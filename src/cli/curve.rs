//! `cladist curve`: how much a saved run can say, and how much of it is right; how often it is wrong of what it is most certain of.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::ValueHint;

use super::confusions::taxonomy_of;
use super::output;
use crate::report;
use crate::run;
use crate::score::CurveValue;

/// Show the operating curve of a saved run: what any threshold on the mass would answer, and how much of it is right.
///
/// As the mass that an answer needs falls from 1 to 0, answers become more specific and more of them wrong. The curve pools the
/// thresholds of all images: mean recall of information (how much of what the label says is said) against the share of
/// correct answers (the label, something above it, or below it) and against precision.
///
/// `--by uncertainty` has the images in the order of the uncertainty that a ProLIP model tells of each, the least first: the share of
/// errors, and of mistakes, among so many of them as one answers.
#[derive(clap::Args)]
pub struct CurveArgs {
    /// A directory that `cladist score --out` wrote, from pictures, embeddings or scores
    #[arg(value_name = "RUN_DIR", value_hint = ValueHint::DirPath)]
    run: PathBuf,

    /// What decides how much is answered
    #[arg(long, value_enum, value_name = "WHAT", default_value = "mass")]
    by: By,

    /// What recall and precision are measured in, by mass
    #[arg(long, value_enum, value_name = "VALUE", default_value = "information")]
    value: Value,

    /// The taxonomy, if it is not where the run found it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    taxonomy: Option<PathBuf>,

    /// How to print the curve: a chart with a table, or every point
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// The probability that an answer needs
    Mass,
    /// The model's own uncertainty of an image
    Uncertainty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Value {
    /// Bits: −log2 of the share of leaves below
    Information,
    /// The greatest depth, a root at 1
    Depth,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Csv,
    Json,
}

pub fn run(args: &CurveArgs) -> anyhow::Result<ExitCode> {
    let saved = run::load_whole(&args.run)?;
    if args.by == By::Uncertainty {
        let Some(curve) = run::uncertainty(&saved) else {
            bail!(
                "{}: uncertainty is n/a: no image with a verdict has one; score with a ProLIP model, or with embeddings that have log σ² beside them",
                args.run.display()
            );
        };
        output::print(&match args.format {
            Format::Text => report::risk::render(&curve, output::style()),
            Format::Csv => report::risk::csv(&curve),
            Format::Json => report::json::pretty(&curve)?,
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    if saved.details.as_ref().is_none_or(|d| d.pareto.is_none()) {
        bail!(
            "{}: was made of predicted labels, and the curve needs the probabilities of all candidates: score pictures, embeddings or --scores",
            args.run.display()
        );
    }
    let taxonomy = taxonomy_of(&saved, args.taxonomy.as_deref())?;
    let value = match args.value {
        Value::Information => CurveValue::Information,
        Value::Depth => CurveValue::Depth,
    };
    let Some(curve) = run::curve(&saved, &taxonomy, value)? else {
        bail!("{}: no image has a label", args.run.display());
    };
    let text = match args.format {
        Format::Text => report::curve::render(&curve, output::style()),
        Format::Csv => report::curve::csv(&curve),
        Format::Json => report::json::pretty(&curve)?,
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
