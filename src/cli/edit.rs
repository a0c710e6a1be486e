//! `cladist edit`: one edit of a taxonomy's files from the command line, shown, made, and kept in its history.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Subcommand, ValueHint};

use super::output::{self, tell};
use super::{count, find_node, places, read_taxonomy};
use crate::history::{Change, History, What};
use crate::prompts::TemplateSet;
use crate::taxonomy::edit::{Edit, Edited, Orphans, Part, apply};
use crate::taxonomy::{Diagnostic, Taxonomy};
use crate::text::{self, TextError, shown};

/// Edit a taxonomy's files: the change is shown as a diff, written, and can be undone by `cladist history`
///
/// Comments, order, quoting and line endings stay as they are. An edit is refused if the result would have an error that was not there
/// before, or if a file was changed meanwhile. Nodes may be named by id, name or external id.
#[derive(Debug, clap::Args)]
pub struct EditArgs {
    /// Taxonomy file (YAML)
    #[arg(value_name = "TAXONOMY", value_hint = ValueHint::FilePath)]
    taxonomy: PathBuf,

    /// Show the change, and write nothing
    #[arg(long, global = true)]
    dry_run: bool,

    #[command(subcommand)]
    edit: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A new node
    Add {
        id: String,
        /// One of its names, the preferred one first; default: made of the id
        #[arg(long = "name", value_name = "NAME")]
        names: Vec<String>,
        /// One of its parents
        #[arg(long = "parent", value_name = "NODE")]
        parents: Vec<String>,
    },
    /// Another id, wherever the node is mentioned
    Rename { node: String, id: String },
    /// Take a node out, with what is said of it
    Delete {
        node: String,
        /// What becomes of its children: they go to its parents, lose this parent, or are deleted where they have no other
        #[arg(long, value_enum, value_name = "DO", default_value = "to-parents")]
        children: Children,
    },
    /// One more parent
    AddParent { node: String, parent: String },
    /// One parent less
    RemoveParent { node: String, parent: String },
    /// A parent in place of another
    Move {
        node: String,
        from: String,
        to: String,
    },
    /// Take a node out; its children, names, external ids, parents and groups become those of another
    Merge { node: String, into: String },
    /// Two nodes are the same class
    Equivalent { a: String, b: String },
    /// Two nodes can hold at once
    Overlapping { a: String, b: String },
    /// Two nodes never hold at once
    Disjoint { a: String, b: String },
    /// One more name, after those that are there
    AddName { node: String, name: String },
    /// One name less
    RemoveName { node: String, name: String },
    /// Set the description; without a text it is taken out
    Describe { node: String, text: Option<String> },
    /// Set the node's own prompt templates; without any they are taken out
    Prompts {
        node: String,
        #[arg(value_name = "TEMPLATE")]
        templates: Vec<String>,
    },
    /// New nodes below a node, each with those of its children that go below it
    Split {
        node: String,
        /// The new node's id, with the children that it gets
        #[arg(value_name = "ID[=CHILD,…]", required = true)]
        parts: Vec<String>,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Children {
    ToParents,
    Loose,
    Delete,
}

impl Command {
    /// The edit, its nodes by their ids.
    ///
    /// # Errors
    /// A node that is not there.
    fn edit(&self, taxonomy: &Taxonomy) -> anyhow::Result<Edit> {
        let node = |label: &String| -> anyhow::Result<String> {
            Ok(taxonomy.id(find_node(taxonomy, label)?).to_owned())
        };
        let all = |labels: &[String]| labels.iter().map(node).collect::<anyhow::Result<Vec<_>>>();
        Ok(match self {
            Self::Add { id, names, parents } => Edit::Add {
                id: id.clone(),
                names: names.clone(),
                parents: all(parents)?,
            },
            Self::Rename { node: of, id } => Edit::Rename {
                node: node(of)?,
                id: id.clone(),
            },
            Self::Delete { node: of, children } => Edit::Delete {
                node: node(of)?,
                children: match children {
                    Children::ToParents => Orphans::ToParents,
                    Children::Loose => Orphans::Loose,
                    Children::Delete => Orphans::Delete,
                },
            },
            Self::AddParent { node: of, parent } => Edit::AddParent {
                node: node(of)?,
                parent: node(parent)?,
            },
            Self::RemoveParent { node: of, parent } => Edit::RemoveParent {
                node: node(of)?,
                parent: node(parent)?,
            },
            Self::Move { node: of, from, to } => Edit::Move {
                node: node(of)?,
                from: node(from)?,
                to: node(to)?,
            },
            Self::Merge { node: of, into } => Edit::Merge {
                node: node(of)?,
                into: node(into)?,
            },
            Self::Equivalent { a, b } => Edit::Equivalent {
                a: node(a)?,
                b: node(b)?,
            },
            Self::Overlapping { a, b } => Edit::Overlapping {
                a: node(a)?,
                b: node(b)?,
            },
            Self::Disjoint { a, b } => Edit::Disjoint {
                a: node(a)?,
                b: node(b)?,
            },
            Self::AddName { node: of, name } => Edit::AddName {
                node: node(of)?,
                name: name.clone(),
            },
            Self::RemoveName { node: of, name } => Edit::RemoveName {
                node: node(of)?,
                name: name.clone(),
            },
            Self::Describe { node: of, text } => Edit::Describe {
                node: node(of)?,
                description: text.clone(),
            },
            Self::Prompts {
                node: of,
                templates,
            } => Edit::Prompts {
                node: node(of)?,
                prompts: templates.clone(),
            },
            Self::Split { node: of, parts } => {
                let part = |text: &String| -> anyhow::Result<Part> {
                    let (id, children) = text.split_once('=').unwrap_or((text, ""));
                    let children = children.split(',').filter(|child| !child.is_empty());
                    let children: Vec<String> = children.map(str::to_owned).collect();
                    Ok(Part {
                        id: id.to_owned(),
                        children: all(&children)?,
                    })
                };
                Edit::Split {
                    node: node(of)?,
                    parts: parts.iter().map(part).collect::<anyhow::Result<_>>()?,
                }
            }
        })
    }
}

/// Prints the diff and makes the edit.
///
/// # Errors
/// The taxonomy cannot be read, the edit cannot be made, or a file cannot be written.
pub fn run(args: &EditArgs) -> anyhow::Result<ExitCode> {
    let shown = args.taxonomy.display();
    let log = places::history(&args.taxonomy)?;
    let taxonomy = read_taxonomy(&args.taxonomy).taxonomy;
    let taxonomy = taxonomy.with_context(|| {
        format!("{shown}: holds no taxonomy; `cladist check {shown}` tells why")
    })?;
    let edit = args.edit.edit(&taxonomy)?;
    let edited = edited(&taxonomy, &edit).with_context(|| shown.to_string())?;
    let diffs: String = edited.files.iter().map(|file| file.diff()).collect();
    output::print(&diffs)?;
    let warnings = edited.warnings(&taxonomy, &edit);
    warned(&warnings)
        .iter()
        .for_each(|warning| tell!("{warning}"));
    if args.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    let changes = Change::of_sources(&taxonomy, edited);
    let what = What::Taxonomy(edit);
    let told = what.to_string();
    History::open(&log)?.make(what, &changes)?;
    tell!("{told}: written; `cladist history {shown} --undo` takes it back");
    Ok(ExitCode::SUCCESS)
}

/// Warnings that are named where many could be.
const NAMED: usize = 5;

/// What `check` would warn of from now on, in a few lines.
pub fn warned(warnings: &[Diagnostic]) -> Vec<String> {
    let named = warnings.iter().take(NAMED);
    let mut told: Vec<String> = named
        .map(|warning| {
            format!(
                "check will warn [{}]: {}",
                warning.code.as_str(),
                warning.message
            )
        })
        .collect();
    let more = warnings.len().saturating_sub(NAMED);
    if more > 0 {
        told.push(format!("check will give {} more", count(more, "warning")));
    }
    told
}

/// What an edit makes of a taxonomy's text: prompts are templates that can be read, beside all that the edit itself asks for.
///
/// # Errors
/// Why it is not made; a file that is not UTF-8, which an edit cannot leave as it is.
pub fn edited(taxonomy: &Taxonomy, edit: &Edit) -> anyhow::Result<Edited> {
    // What was read of another encoding is not what is there, byte for byte.
    for (path, _) in taxonomy.sources() {
        if let Err(error @ TextError::Encoding { .. }) = text::read(path) {
            bail!(error);
        }
    }
    if let Edit::Prompts { prompts, .. } = edit {
        for prompt in prompts {
            let template = TemplateSet::single(prompt, false);
            template.with_context(|| format!("the prompt `{}`", shown(prompt)))?;
        }
    }
    Ok(apply(taxonomy, edit)?)
}
