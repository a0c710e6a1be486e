//! `cladist show`: a taxonomy as a tree, a graph or JSON; or one of its nodes and what is below it.

use std::{path::PathBuf, process::ExitCode};

use super::output;
use crate::{
    report::{
        diagnostics,
        hierarchy::{self, Extent},
    },
    taxonomy::{self, NodeId, Resolution, Taxonomy},
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
    let loaded = taxonomy::load(&args.file, &|path| std::fs::read(path));
    let errors: Vec<_> = loaded
        .diagnostics
        .iter()
        .filter(|d| d.is_error())
        .cloned()
        .collect();
    output::print_err(&diagnostics::render(
        &errors,
        &loaded.sources,
        output::colour_stderr(),
    ));
    let Some(taxonomy) = &loaded.taxonomy else {
        return Ok(ExitCode::from(2));
    };
    let node = args
        .node
        .as_deref()
        .map(|label| find(taxonomy, label))
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

fn find(taxonomy: &Taxonomy, label: &str) -> anyhow::Result<NodeId> {
    let quoted = |all: Vec<&str>| {
        all.iter()
            .map(|s| format!("`{s}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match taxonomy.resolve(label) {
        Resolution::One(n) => Ok(n),
        Resolution::Ambiguous(nodes) => {
            let ids = quoted(nodes.iter().map(|&n| taxonomy.id(n)).collect());
            anyhow::bail!(
                "`{label}` stands for {} nodes of {}: say which by its id: {ids}",
                nodes.len(),
                taxonomy.name()
            )
        }
        Resolution::Unknown(near) if near.is_empty() => {
            anyhow::bail!("no node `{label}` in {}", taxonomy.name())
        }
        Resolution::Unknown(near) => {
            let near = quoted(near.iter().map(String::as_str).collect());
            anyhow::bail!(
                "no node `{label}` in {}; did you mean {near}?",
                taxonomy.name()
            )
        }
    }
}
