//! `cladist history`: the edits of a taxonomy that were made here, undone and redone.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::ValueHint;
use serde::Serialize;

use super::score::Format;
use super::{count, output, places};
use crate::history::{Entry, History, HistoryError, What};
use crate::report;

/// List the edits of a taxonomy that were made with cladist; undo and redo them
///
/// The history is a file below XDG_STATE_HOME (else ~/.local/state), so it survives a crash, and several cladist at once share it. An edit is
/// undone only while its files are byte for byte as it left them.
#[derive(Debug, clap::Args)]
pub struct HistoryArgs {
    /// Taxonomy file (YAML)
    #[arg(value_name = "TAXONOMY", value_hint = ValueHint::FilePath)]
    taxonomy: PathBuf,

    /// Take back so many edits, the last first; 1 if no number is given
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1", conflicts_with = "redo")]
    undo: Option<usize>,

    /// Make so many edits again that were undone
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1")]
    redo: Option<usize>,

    /// How to print the list; with --undo and --redo what is there afterwards
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// Prints the list, or what was undone or redone.
///
/// # Errors
/// The taxonomy or its history cannot be read; an edit cannot be undone or redone, or there are not so many.
pub fn run(args: &HistoryArgs) -> anyhow::Result<ExitCode> {
    let log = places::history(&args.taxonomy)?;
    let mut history = History::open(&log)?;
    let steps = match (args.undo, args.redo) {
        (Some(n), _) => go(&mut history, n, ["undo", "undone"], History::undo, |h| {
            h.done().len()
        })?,
        (_, Some(n)) => go(&mut history, n, ["redo", "redone"], History::redo, |h| {
            h.undone().len()
        })?,
        (None, None) => String::new(),
    };
    let text = match args.format {
        Format::Json => report::json::pretty(&Object {
            taxonomy: args.taxonomy.display().to_string(),
            history: log.display().to_string(),
            done: history.done().map(Edit::of).collect(),
            undone: history.undone().map(Edit::of).collect(),
        })?,
        Format::Text if steps.is_empty() => listed(&history),
        Format::Text => steps,
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Goes so many steps, and says which they were, a line each. What was done before one is refused stays done.
fn go(
    history: &mut History,
    n: usize,
    [doing, past]: [&str; 2],
    step: fn(&mut History) -> Result<What, HistoryError>,
    left: fn(&History) -> usize,
) -> anyhow::Result<String> {
    if n == 0 {
        bail!("--{doing} 0: nothing to do");
    }
    if n > left(history) {
        bail!(
            "--{doing} {n}: there {} to {doing}",
            match left(history) {
                0 => "is nothing".to_owned(),
                1 => "is only 1 edit".to_owned(),
                edits => format!("are only {edits} edits"),
            }
        );
    }
    let mut told = String::new();
    for done in 0..n {
        match step(history) {
            Ok(what) => told.push_str(&format!("{past}: {what}\n")),
            Err(error) if done == 0 => return Err(error.into()),
            Err(error) => {
                output::print(&told)?;
                bail!("{} {past}, and no more: {error}", count(done, "edit"));
            }
        }
    }
    Ok(told)
}

fn listed(history: &History) -> String {
    let (done, undone) = (history.done(), history.undone());
    if done.len() + undone.len() == 0 {
        return "no edits\n".to_owned();
    }
    let width = (done.len() + undone.len()).to_string().len();
    let done = done.map(|entry| (entry, ""));
    let undone = undone.map(|entry| (entry, " (undone)"));
    let lines = (1..).zip(done.chain(undone));
    let line =
        |(i, (entry, mark)): (usize, (&Entry, &str))| format!("{i:width$}  {}{mark}\n", entry.what);
    lines.map(line).collect()
}

/// The history as one JSON object.
#[derive(Serialize)]
struct Object<'a> {
    taxonomy: String,
    /// The file that it is kept in.
    history: String,
    /// The oldest first.
    done: Vec<Edit<'a>>,
    /// The next to be redone first.
    undone: Vec<Edit<'a>>,
}

#[derive(Serialize)]
struct Edit<'a> {
    what: &'a What,
    sentence: String,
    files: Vec<String>,
}

impl<'a> Edit<'a> {
    fn of(entry: &'a Entry) -> Self {
        Self {
            what: &entry.what,
            sentence: entry.what.to_string(),
            files: entry
                .paths()
                .map(|path| path.display().to_string())
                .collect(),
        }
    }
}
