//! `cladist show`: a taxonomy as a tree, a graph or JSON; or one of its nodes and what is below it.

use std::{path::PathBuf, process::ExitCode};

use super::output;
use crate::{
    report::{
        diagnostics,
        hierarchy::{self, Extent},
    },
    taxonomy::Code,
};

/// Show a taxonomy, or one of its nodes, as a tree.
///
/// A node with several parents is drawn below each of them, and what is below it only once. Exits with 1 when the
/// taxonomy has errors (what could be built is shown), 2 when it cannot be read or the node is not known.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Taxonomy file (YAML)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A node, by id, name, synonym or external id: shows it and what is below it
    #[arg(value_name = "NODE")]
    node: Option<String>,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Levels to show below the roots, or below NODE
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A tree, with counts
    Text,
    /// A graph for Graphviz
    Dot,
    /// One JSON object
    Json,
}

/// Prints the taxonomy on standard output, and its errors, if any, on standard error.
///
/// # Errors
/// When the node is not known, or standard output cannot be written.
pub fn run(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let loaded = super::read_taxonomy(&args.file);
    let errors: Vec<_> = loaded
        .diagnostics
        .iter()
        .filter(|d| d.is_error())
        .cloned()
        .collect();
    output::print_err(&diagnostics::render(
        &errors,
        &loaded.sources,
        output::style_stderr(),
    ));
    let Some(taxonomy) = &loaded.taxonomy else {
        let unreadable = errors.iter().any(|d| d.code == Code::UnreadableFile);
        return Ok(ExitCode::from(if unreadable { 2 } else { 1 }));
    };
    let node = args
        .node
        .as_deref()
        .map(|label| super::find_node(taxonomy, label))
        .transpose()?;
    let extent = Extent {
        node,
        depth: args.depth,
    };
    output::print(&match args.format {
        Format::Text => hierarchy::text(taxonomy, extent),
        Format::Dot => hierarchy::dot(taxonomy, extent),
        Format::Json => format!("{:#}\n", hierarchy::json(taxonomy, extent)),
    })?;
    Ok(if errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
