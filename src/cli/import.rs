//! `cladist import`: a taxonomy of what others wrote.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::ValueHint;

use super::count;
use super::output::{self, tell};
use crate::dataset;
use crate::files::StagedFiles;

/// Make a taxonomy of the categories in COCO's or iNaturalist's annotations.
///
/// A category becomes a node of its name, with its number in `ids` and its common name as a synonym, so that the labels of the
/// images are found in it. Above it are the supercategory, or the taxa from kingdom to genus where they are told. The result is a
/// beginning to be edited: no two categories overlap in it but through what is above them.
#[derive(clap::Args)]
pub struct ImportArgs {
    /// The JSON file with a list `categories`
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,

    /// Write the taxonomy into this new file instead of standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
}

pub fn run(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    if let Some(out) = &args.out
        && out.exists()
    {
        bail!(
            "{}: is there already, and what was edited in it would be lost; choose another name",
            out.display()
        );
    }
    let found = dataset::read_categories(&args.file)?;
    match &args.out {
        None => output::print(&found.yaml)?,
        Some(out) => {
            let staged = StagedFiles::new(&[out])?;
            std::fs::write(staged.path(0), &found.yaml)
                .with_context(|| format!("{}: cannot be written", out.display()))?;
            staged.publish()?;
        }
    }
    let categories = match found.categories {
        1 => "1 category".to_owned(),
        n => format!("{n} categories"),
    };
    tell!("{categories} under {}", count(found.above, "other node"));
    Ok(ExitCode::SUCCESS)
}
