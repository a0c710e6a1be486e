//! `cladist prompts`: what each label expands to.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::ValueHint;
use serde_json::json;

use super::{find_node, load_taxonomy, output};
use crate::prompts::{self, BUILTIN, DEFAULT, ExpandOptions, TemplateSet};
use crate::taxonomy::NodeId;
use crate::text::printable;

#[derive(clap::Args)]
pub struct PromptsArgs {
    /// The taxonomy's YAML file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    taxonomy: PathBuf,

    /// Prompt templates: a YAML file (FILE#SET for one of several), or a built-in set: bare, general, taxonomic
    #[arg(long, value_name = "FILE|SET", value_hint = ValueHint::AnyPath)]
    prompts: Option<String>,

    /// Prompt with every name of a label, not the preferred one alone; default: as the prompts say, else no
    // Takes `=false`, so that the command line can take back what a file says.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_name = "BOOL")]
    synonyms: Option<bool>,

    /// Only this label: id, name, synonym or external id
    node: Option<String>,

    /// How to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

pub fn run(args: &PromptsArgs) -> anyhow::Result<ExitCode> {
    let taxonomy = load_taxonomy(&args.taxonomy)?;
    let set = load_prompts(args.prompts.as_deref())?;
    let nodes: Vec<NodeId> = match &args.node {
        None => taxonomy.nodes().collect(),
        Some(label) => vec![find_node(&taxonomy, label)?],
    };
    let options = ExpandOptions {
        synonyms: args.synonyms,
    };
    let mut text = String::new();
    let mut objects = Vec::new();
    for node in nodes {
        let expansion = prompts::expand(&set, &taxonomy, node, &options)?;
        let id = taxonomy.id(node);
        match args.format {
            Format::Json => objects.push(json!({
                "id": id,
                "prompts": expansion.texts,
                "left_out": expansion.left_out,
            })),
            Format::Text => {
                text.push_str(&format!(
                    "{}{}\n",
                    printable(id),
                    left_out(expansion.left_out)
                ));
                expansion
                    .texts
                    .iter()
                    .for_each(|t| text.push_str(&format!("  {}\n", printable(t))));
            }
        }
    }
    match args.format {
        Format::Text => output::print(&text)?,
        Format::Json => output::print(&format!("{:#}\n", json!(objects)))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn left_out(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "  (one template left out: it asks for a parent or a description)".to_owned(),
        n => format!("  ({n} templates left out: they ask for a parent or a description)"),
    }
}

/// The templates that `--prompts` names: a file (with `#SET` for one of several), or a built-in set.
pub(super) fn load_prompts(argument: Option<&str>) -> anyhow::Result<TemplateSet> {
    let argument = argument.unwrap_or(DEFAULT);
    let (path, wanted) = match argument.rsplit_once('#') {
        Some((path, set)) if !Path::new(argument).exists() => (path, Some(set)),
        _ => (argument, None),
    };
    if wanted.is_none()
        && !Path::new(path).exists()
        && let Some(set) = prompts::builtin(argument)
    {
        return Ok(set);
    }
    let bytes = std::fs::read(path).with_context(|| {
        format!(
            "--prompts {path}: no file that can be read, and no built-in set ({})",
            BUILTIN.join(", ")
        )
    })?;
    let text = String::from_utf8(bytes).with_context(|| format!("{path}: is not UTF-8 text"))?;
    let file = prompts::parse(path, &text)?;
    let names = || file.names().collect::<Vec<_>>().join(", ");
    let set = match wanted {
        Some(wanted) => file
            .set(wanted)
            .ok_or_else(|| anyhow!("{path}: holds no set `{wanted}`; it has {}", names()))?,
        None => file.only().ok_or_else(|| {
            anyhow!(
                "{path}: holds several sets: choose with `{path}#SET`, one of {}",
                names()
            )
        })?,
    };
    Ok(set.clone())
}
