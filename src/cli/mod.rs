//! Arguments → commands, one file a command. The only room that prints: results to stdout, the rest to stderr.

mod builtin;
mod check;
mod compare;
mod config;
mod confusions;
mod curve;
mod demo;
mod diff;
mod distances;
mod doctor;
mod edit;
mod embed;
mod encoding;
mod generate;
mod history;
mod import;
mod interrupt;
mod model;
mod model_args;
mod output;
mod parts;
mod places;
mod profile;
mod progress;
mod prompts;
mod score;
mod show;
mod store;
mod suggest;
mod texts;
mod watch;
pub mod workbench;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueHint};

use crate::dataset::{self, Dataset};
use crate::report;
use crate::taxonomy::{self, Code, Diagnostic, Loaded, NodeId, Resolution, Taxonomy};

/// Over the options of every command in help texts.
const GLOBAL: &str = "Global options";

/// Zero-shot image classification under label taxonomies: how much of the error is multiplicity?
///
/// Scores a CLIP model's answers against a taxonomy of labels and tells how much of the measured error is
/// multiplicity (the answer was another true label: a synonym, an ancestor, an overlapping class) and how much is
/// a real mistake.
#[derive(Parser)]
#[command(
    name = "cladist",
    version,
    args_override_self = true,
    arg_required_else_help = true
)]
struct Cli {
    /// Options from this file instead of cladist.yaml in the working directory; the command line wins
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,

    /// When to use colours; `auto` also honours NO_COLOR
    #[arg(long, global = true, help_heading = GLOBAL, value_enum, default_value_t, value_name = "WHEN")]
    color: output::ColorChoice,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    // Large beside the others, as is `demo`.
    Score(Box<score::ScoreArgs>),
    Compare(compare::CompareArgs),
    Confusions(confusions::ConfusionsArgs),
    Curve(curve::CurveArgs),
    Suggest(suggest::SuggestArgs),
    /// Validate taxonomy files: every error and warning, each at its line
    Check(check::CheckArgs),
    /// Print a taxonomy as a tree, with its counts
    Show(show::ShowArgs),
    Diff(diff::DiffArgs),
    Edit(edit::EditArgs),
    History(history::HistoryArgs),
    Import(import::ImportArgs),
    Distances(distances::DistancesArgs),
    /// Print what each label's prompts expand to
    Prompts(prompts::PromptsArgs),
    /// Write unit embeddings of images and texts for use elsewhere
    Embed(embed::EmbedArgs),
    Doctor(doctor::DoctorArgs),
    Model(model::ModelCommandArgs),
    Store(store::StoreCommand),
    Demo(Box<demo::DemoArgs>),
    Tui(Box<workbench::TuiArgs>),
    Watch(Box<watch::WatchArgs>),
    /// Print a shell's completion script
    Completions(generate::CompletionsArgs),
    /// Print the manual page, or write one page a command
    Man(generate::ManArgs),
}

/// Exit codes beyond 0 (fine) and 1 (a gate failed: errors found, nothing could be read).
mod exit {
    pub const USAGE: u8 = 2;
    pub const INTERNAL: u8 = 3;
    /// As a shell reports a process that Ctrl-C ended.
    pub const INTERRUPTED: u8 = 130;
}

/// The work was interrupted: nothing went wrong, and nothing half-written was left.
#[derive(Debug, thiserror::Error)]
#[error("interrupted: no result was written")]
struct Interrupted;

/// The same, when a result is printed as it is made.
#[derive(Debug, thiserror::Error)]
#[error("interrupted: what was printed is not the whole result")]
struct InterruptedPrinting;

/// The binary's whole life: parse, run, turn what went wrong into a message and an exit code.
pub fn main() -> ExitCode {
    match std::panic::catch_unwind(|| run(std::env::args_os().collect())) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => fail(&error),
        Err(_) => {
            output::tell!(
                "cladist: internal error (above); please report it with the command that led to it"
            );
            ExitCode::from(exit::INTERNAL)
        }
    }
}

fn run(args: Vec<OsString>) -> anyhow::Result<ExitCode> {
    // Who types nothing more sees what there is to be seen, where it can be shown.
    if args.len() == 1 && workbench::is_possible() {
        return workbench::run_demo();
    }
    let mut command = command();
    // Completes what the definitions say in pieces, such as the members of a group.
    command.build();
    let expanded = config::expand(args.clone(), &command)?;
    let cli = match command
        .try_get_matches_from(&expanded.args)
        .and_then(|m| Cli::from_arg_matches(&m))
    {
        Ok(cli) => cli,
        Err(error) => {
            // clap prints help and version to stdout with code 0, errors to stderr with code 2.
            error.print().or_else(ignore_broken_pipe)?;
            if let Some(place) = expanded.from_file.place_of(&error) {
                output::tell!("This value stands at {place}.");
            }
            return Ok(ExitCode::from(
                u8::try_from(error.exit_code()).unwrap_or(exit::USAGE),
            ));
        }
    };
    output::set_colour(cli.color);
    let line = config::in_use(cli.config.as_deref()).map(|file| Line { args, file });
    match &cli.command {
        Command::Score(args) => score::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Confusions(args) => confusions::run(args),
        Command::Curve(args) => curve::run(args),
        Command::Suggest(args) => suggest::run(args),
        Command::Check(args) => check::run(args),
        Command::Show(args) => show::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Edit(args) => edit::run(args),
        Command::History(args) => history::run(args),
        Command::Import(args) => import::run(args),
        Command::Distances(args) => distances::run(args),
        Command::Prompts(args) => prompts::run(args),
        Command::Embed(args) => embed::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Model(args) => model::run(args),
        Command::Store(args) => store::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Tui(args) => workbench::run(args, line),
        Command::Watch(args) => watch::run(args, line),
        Command::Completions(args) => generate::completions(args),
        Command::Man(args) => generate::man(args),
    }
}

/// What was typed, and the file whose options were put in.
#[derive(Debug, Clone)]
pub struct Line {
    /// With the program's name.
    pub args: Vec<OsString>,
    pub file: PathBuf,
}

/// The definitions behind parsing, completions and manual pages.
fn command() -> clap::Command {
    Cli::command()
        .mut_subcommand("tui", workbench::complete)
        .mut_subcommand("watch", workbench::complete)
}

fn fail(error: &anyhow::Error) -> ExitCode {
    if error.is::<output::Closed>() {
        return ExitCode::SUCCESS;
    }
    output::tell!("cladist: {}", told(error));
    let interrupted = error.is::<Interrupted>() || error.is::<InterruptedPrinting>();
    ExitCode::from(if interrupted {
        exit::INTERRUPTED
    } else {
        exit::USAGE
    })
}

/// An error with its causes. A cause that the message before it quotes is not told again.
fn told(error: &anyhow::Error) -> String {
    let mut told = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

fn ignore_broken_pipe(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Ok(())
    } else {
        Err(error)
    }
}

/// Reads a taxonomy with everything that is wrong with it, its nodes' own prompt templates included.
fn read_taxonomy(path: &Path) -> Loaded {
    let mut loaded = if builtin::is_meant(path) {
        builtin::taxonomy()
    } else {
        taxonomy::load(path, &|path: &Path| std::fs::read(path))
    };
    let templates = loaded.taxonomy.as_ref().map(crate::prompts::check);
    loaded.add(templates.unwrap_or_default());
    loaded
}

/// Loads a taxonomy that is to be used: errors are shown whole and end the command, warnings are counted.
fn load_taxonomy(path: &Path) -> anyhow::Result<Taxonomy> {
    usable(path, read_taxonomy(path))
}

/// What was read of a taxonomy that is to be used; as [`load_taxonomy`].
fn usable(path: &Path, loaded: Loaded) -> anyhow::Result<Taxonomy> {
    let shown = path.display();
    let (errors, warnings): (Vec<_>, Vec<_>) = loaded
        .diagnostics
        .iter()
        .cloned()
        .partition(Diagnostic::is_error);
    if !errors.is_empty() {
        let style = output::style_stderr();
        output::print_err(&report::diagnostics::render(
            &errors,
            &loaded.sources,
            style,
        ));
        bail!("{shown}: {}: mend them first", count(errors.len(), "error"));
    }
    // How the file could be tidier is for `check` alone.
    let told = warnings
        .iter()
        .filter(|d| !matches!(d.code, Code::SingleChildChain | Code::RedundantEdge))
        .count();
    if told > 0 {
        output::tell!(
            "{shown}: {}; `cladist check {shown}` tells",
            count(told, "warning")
        );
    }
    loaded
        .taxonomy
        .with_context(|| format!("{shown}: holds no taxonomy"))
}

/// The value, also after a panic of whoever held it: what is kept is replaced as a whole, so it is never half-made.
fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number of things in words: `1 image`, `2 images`.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// The node that a user names; who is not understood is told what could be meant.
fn find_node(taxonomy: &Taxonomy, label: &str) -> anyhow::Result<NodeId> {
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
            bail!(
                "`{label}` stands for {} nodes of {}: say which by its id: {ids}",
                nodes.len(),
                taxonomy.name()
            )
        }
        Resolution::Unknown(near) if near.is_empty() => {
            bail!("no node `{label}` in {}", taxonomy.name())
        }
        Resolution::Unknown(near) => {
            let near = quoted(near.iter().map(String::as_str).collect());
            bail!(
                "no node `{label}` in {}; did you mean {near}?",
                taxonomy.name()
            )
        }
    }
}

/// Opens a data set and tells what its user should know.
fn open_dataset(path: &Path) -> anyhow::Result<Dataset> {
    let dataset = if builtin::is_meant(path) {
        builtin::dataset()?
    } else {
        dataset::open(path)?
    };
    for note in &dataset.notes {
        output::tell!("{note}");
    }
    Ok(dataset)
}

/// Runs `work` on a pool with a thread per core: candle's own pool is held at one thread, and it is the global one.
fn on_all_cores<T: Send>(work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    // The work moves to a thread of the pool, and who hears it with it.
    let listener = output::listener();
    Ok(pool.install(|| output::heard_by(listener, work)))
}
