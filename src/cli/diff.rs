//! `cladist diff`: what two taxonomies say differently.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueHint;

use super::score::Format;
use super::{load_taxonomy, output};
use crate::report;
use crate::taxonomy::diff::Difference;

/// Compare two taxonomies by what they say: nodes, parents, names, groups, and what follows for the graph.
///
/// Comments, order, includes and other ways of writing the same are no difference. A node that has another id is recognised by its
/// names and external ids, or by its names and its parents or children, where these are no other's. Exits with 2 when a file has errors.
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// Taxonomy file (YAML), or demo
    #[arg(value_name = "FIRST", value_hint = ValueHint::FilePath)]
    first: PathBuf,

    /// The one that it is compared with
    #[arg(value_name = "SECOND", value_hint = ValueHint::FilePath)]
    second: PathBuf,

    /// How to print the difference
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Exit with 1 when there is a difference
    #[arg(long)]
    exit_code: bool,

    /// Print every change, however many there are
    #[arg(long)]
    all: bool,
}

/// Prints the difference on standard output.
///
/// # Errors
/// When a taxonomy has errors, which are shown, those of both; or standard output cannot be written.
pub fn run(args: &DiffArgs) -> anyhow::Result<ExitCode> {
    let [first, second] = [&args.first, &args.second].map(|path| load_taxonomy(path));
    let (first, second) = (first?, second?);
    let difference = Difference::between(&first, &second);
    let [a, b] = [&args.first, &args.second].map(|path| path.display().to_string());
    let names = [a.as_str(), b.as_str()];
    output::print(&match args.format {
        Format::Text => report::diff::render(&difference, names, args.all, output::style()),
        Format::Json => report::json::pretty(&report::diff::Object::new(&difference, names))?,
    })?;
    Ok(match args.exit_code && !difference.is_empty() {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}
