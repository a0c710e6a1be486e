//! `cladist confusions`: which labels a saved run takes for which.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::ValueHint;

use super::output::{self, tell};
use super::{load_taxonomy, score};
use crate::report;
use crate::run::{self, ConfusionOrder, Saved};
use crate::taxonomy::Taxonomy;

/// Tell which labels a saved run takes for which, with how much more often than chance would.
///
/// Each pair of an annotated label and an answer that is not it has its count, the excess over chance (the count if answers
/// and annotations were independent), the credit that it costs, the relation of the two, their lowest common ancestor, and the
/// cosine of their text prototypes. With --depth labels are grouped under what is above them at that depth.
#[derive(clap::Args)]
pub struct ConfusionsArgs {
    /// A directory that `cladist score --out` wrote
    #[arg(value_name = "RUN_DIR", value_hint = ValueHint::DirPath)]
    run: PathBuf,

    /// Group labels under what is above them at this depth (roots at 0)
    #[arg(long, value_name = "DEPTH")]
    depth: Option<usize>,

    /// What comes first: the most frequent pairs, those furthest above chance, or those that cost the most credit
    #[arg(long, value_enum, value_name = "BY", default_value = "count")]
    sort: Sort,

    /// Pairs to show as text; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 30)]
    top: usize,

    /// The taxonomy, if it is not where the run found it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    taxonomy: Option<PathBuf>,

    /// How to print the pairs
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Csv,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Sort {
    Count,
    Excess,
    Cost,
}

impl From<Sort> for ConfusionOrder {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Count => Self::Count,
            Sort::Excess => Self::Excess,
            Sort::Cost => Self::Cost,
        }
    }
}

pub fn run(args: &ConfusionsArgs) -> anyhow::Result<ExitCode> {
    let saved = run::load_flat(&args.run)?;
    let taxonomy = taxonomy_of(&saved, args.taxonomy.as_deref())?;
    let mut confusions = run::confusions(&saved, &taxonomy, args.depth)?;
    confusions.sort(args.sort.into());
    let text = match args.format {
        Format::Text => report::confusions::render(&confusions, args.top, output::style()),
        Format::Csv => report::confusions::csv(&confusions)?,
        Format::Json => report::json::pretty(&confusions)?,
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The taxonomy that a run was made with, from where it was found then or from another place; a word where it has changed.
///
/// # Errors
/// It is not there any more, or has errors.
pub fn taxonomy_of(saved: &Saved, given: Option<&Path>) -> anyhow::Result<Taxonomy> {
    let (taxonomy, is_as_then) = recorded_taxonomy(saved, given)?;
    if !is_as_then {
        let path = taxonomy.sources().first().map(|(path, _)| path.display());
        tell!(
            "{} is not what the run was made with: relations are those of the file as it is now",
            path.map_or_else(|| taxonomy.name().to_owned(), |path| path.to_string())
        );
    }
    Ok(taxonomy)
}

/// The same without a word, and whether it is as it was then.
///
/// # Errors
/// As [`taxonomy_of`].
pub fn recorded_taxonomy(saved: &Saved, given: Option<&Path>) -> anyhow::Result<(Taxonomy, bool)> {
    let recorded = saved
        .manifest
        .pointer("/taxonomy/source")
        .and_then(|s| s.as_str());
    let path = match (given, recorded) {
        (Some(path), _) => path,
        (None, Some(source)) => Path::new(source),
        (None, None) => {
            bail!("the run does not say which taxonomy it was made with: give --taxonomy")
        }
    };
    let what = "the taxonomy that the run was made with cannot be used; --taxonomy FILE gives it from another place";
    let taxonomy = load_taxonomy(path).context(what)?;
    let hash = score::taxonomy_hash(path, &taxonomy).sha256;
    let then = saved.manifest.pointer("/taxonomy/sha256");
    let is_as_then = then.and_then(|hash| hash.as_str()) == Some(&hash);
    Ok((taxonomy, is_as_then))
}
