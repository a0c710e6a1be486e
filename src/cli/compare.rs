//! `cladist compare`: saved runs side by side.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::ValueHint;

use super::output;
use super::score::Format;
use super::{on_all_cores, output::tell};
use crate::report;
use crate::run::{self, Saved};

/// Compare saved runs: what one has right and the other has not, what improved, and what is noise.
///
/// Two runs are compared image by image: shares with the paired bootstrap interval of their difference, exact McNemar tests
/// (of the verdicts with Holm's correction), how verdicts changed into others, and the answers that differ. Of more runs the
/// figures are in a table, with a test of each pair, and Kendall's τ between the orders that R@1 and mAP@R give to them.
#[derive(clap::Args)]
pub struct CompareArgs {
    /// Directories that `cladist score --out` wrote, two or more
    #[arg(value_name = "RUN_DIR", num_args = 2.., required = true, value_hint = ValueHint::DirPath)]
    runs: Vec<PathBuf>,

    /// How to print the answer
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let mut runs: Vec<(String, Saved)> = Vec::with_capacity(args.runs.len());
    for path in &args.runs {
        runs.push((path.display().to_string(), run::load(path)?));
    }
    match &runs[..] {
        [(first_name, first), (second_name, second)] => {
            let comparison = on_all_cores(|| run::compare(first, second))??;
            tell_of_other_truths(comparison.other_truth > 0);
            match args.format {
                Format::Text => {
                    let names = [first_name.as_str(), second_name];
                    let style = output::style();
                    output::print(&report::compare::render(&comparison, names, style))?;
                }
                Format::Json => output::print(&report::json::pretty(&comparison)?)?,
            }
        }
        [_, _, ..] => {
            let ranking = run::rank(&runs)?;
            tell_of_other_truths(ranking.pairs.iter().any(|pair| pair.other_truth > 0));
            match args.format {
                Format::Text => {
                    output::print(&report::compare::render_many(&ranking, output::style()))?;
                }
                Format::Json => output::print(&report::json::pretty(&ranking)?)?,
            }
        }
        _ => bail!("two runs or more are compared"),
    }
    Ok(ExitCode::SUCCESS)
}

fn tell_of_other_truths(some: bool) {
    if some {
        tell!(
            "the runs do not have the same annotated labels: differences may be of the labels, not of the answers"
        );
    }
}
