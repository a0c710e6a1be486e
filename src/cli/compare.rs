//! `cladist compare`: saved runs side by side.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::ValueHint;

use super::output;
use super::score::Format;
use super::{load_taxonomy, on_all_cores, output::tell};
use crate::report;
use crate::run::{self, Saved};
use crate::taxonomy::diff::Difference;

/// Compare saved runs: what one has right and the other has not, what improved, and what is noise.
///
/// Two runs are compared image by image: shares with the paired bootstrap interval of their difference, exact McNemar tests
/// (of the verdicts with Holm's correction), how verdicts changed into others, and the answers that differ. Of more runs the
/// figures are in a table, with a test of each pair, and Kendall's τ between the orders that R@1 and mAP@R give to them.
///
/// With --taxonomy FIRST SECOND --run RUN_DIR the answers of one run are judged under two taxonomies: what these say differently, what
/// the second forgives that the first does not, or the other way round, and whether that is more than chance explains.
#[derive(clap::Args)]
pub struct CompareArgs {
    /// Directories that `cladist score --out` wrote, two or more
    #[arg(value_name = "RUN_DIR", num_args = 2.., required_unless_present = "taxonomy", conflicts_with_all = ["taxonomy", "run"], value_hint = ValueHint::DirPath)]
    runs: Vec<PathBuf>,

    /// Two taxonomies, in place of runs: the answers of --run are judged under both
    #[arg(long, num_args = 2, value_names = ["FIRST", "SECOND"], requires = "run", value_hint = ValueHint::FilePath)]
    taxonomy: Vec<PathBuf>,

    /// The run whose answers are judged under both taxonomies
    #[arg(long, value_name = "RUN_DIR", requires = "taxonomy", value_hint = ValueHint::DirPath)]
    run: Option<PathBuf>,

    /// How to print the answer
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    if let ([first, second], Some(run)) = (&args.taxonomy[..], &args.run) {
        return under_taxonomies(run, [first, second], args.format);
    }
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

/// One run under two taxonomies.
fn under_taxonomies(run: &Path, paths: [&PathBuf; 2], format: Format) -> anyhow::Result<ExitCode> {
    let [first, second] = paths.map(|path| load_taxonomy(path));
    let (first, second) = (first?, second?);
    let saved = run::load_whole(run)?;
    let [a, b] = paths.map(|path| path.display().to_string());
    let names = [a.as_str(), b.as_str()];
    let named = [(names[0], &first), (names[1], &second)];
    let found = on_all_cores(|| run::compare_taxonomies(&saved, named))??;
    for assumed in &found.assumed {
        tell!("{assumed}");
    }
    let run = run.display().to_string();
    let both = report::taxonomies::Both {
        run: &run,
        names,
        difference: &Difference::between(&first, &second),
        found: &found,
    };
    output::print(&match format {
        Format::Text => report::taxonomies::render(&both, output::style()),
        Format::Json => report::json::pretty(&both)?,
    })?;
    Ok(ExitCode::SUCCESS)
}

fn tell_of_other_truths(some: bool) {
    if some {
        tell!(
            "the runs do not have the same annotated labels: differences may be of the labels, not of the answers"
        );
    }
}
