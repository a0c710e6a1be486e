//! `cladist check`: everything that is wrong with taxonomy files, in one run.

use std::{path::PathBuf, process::ExitCode};

use serde_json::{Value, json};

use super::output;
use crate::{
    report::diagnostics,
    taxonomy::{Code, Loaded, Severity},
};

/// Warnings drawn per code unless `--all` is given: homonyms come by the ten thousand.
const WARNINGS: usize = 20;

/// Check taxonomy files: prints every error and warning with the line it is on.
///
/// Exits with 0 when there is no error, 1 when there are errors, 2 when a file cannot be read.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Taxonomy files (YAML); each is checked with what it includes
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to print the diagnostics
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Print every warning, however many there are of a kind
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// As rustc does, with the lines concerned
    Text,
    /// One JSON object
    Json,
}

/// Checks the files and prints what is wrong with them on standard output.
///
/// # Errors
/// Only when standard output cannot be written.
pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let mut total = Tally::default();
    let mut unreadable = false;
    let mut objects: Vec<Value> = Vec::new();
    for path in &args.files {
        let loaded = super::read_taxonomy(path);
        let tally = Tally::of(&loaded);
        total.errors += tally.errors;
        total.warnings += tally.warnings;
        unreadable |= loaded
            .diagnostics
            .iter()
            .any(|d| d.code == Code::UnreadableFile);
        match args.format {
            Format::Json => objects.push(json!({
                "file": path.display().to_string(),
                "nodes": loaded.taxonomy.as_ref().map_or(0, |t| t.len()),
                "errors": tally.errors,
                "warnings": tally.warnings,
                "diagnostics": diagnostics::json(&loaded.diagnostics, &loaded.sources),
            })),
            Format::Text => {
                let mut text = drawn(&loaded, args.all);
                text.push_str(&format!("{}: {}\n", path.display(), tally.summary(&loaded)));
                output::print(&text)?;
            }
        }
    }
    if args.format == Format::Json {
        let object = json!({
            "schema": 1,
            "errors": total.errors,
            "warnings": total.warnings,
            "files": objects,
        });
        output::print(&format!("{object:#}\n"))?;
    }
    Ok(match (unreadable, total.errors) {
        (true, _) => ExitCode::from(2),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::FAILURE,
    })
}

fn drawn(loaded: &Loaded, all: bool) -> String {
    let limit = if all { usize::MAX } else { WARNINGS };
    let (shown, left_out) = diagnostics::cap_warnings(&loaded.diagnostics, limit);
    let mut text = diagnostics::render(&shown, &loaded.sources, output::style());
    for (code, count) in &left_out {
        let plural = if *count == 1 { "warning" } else { "warnings" };
        text.push_str(&format!(
            "… and {count} more `{}` {plural} (--all shows them)\n",
            code.as_str()
        ));
    }
    if !left_out.is_empty() {
        text.push('\n');
    }
    text
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    errors: usize,
    warnings: usize,
}

impl Tally {
    fn of(loaded: &Loaded) -> Self {
        let count = |severity| {
            loaded
                .diagnostics
                .iter()
                .filter(|d| d.severity == severity)
                .count()
        };
        Self {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
        }
    }

    fn summary(self, loaded: &Loaded) -> String {
        let count = |n: usize, what: &str| match n {
            0 => format!("no {what}s"),
            1 => format!("1 {what}"),
            n => format!("{n} {what}s"),
        };
        let nodes = count(loaded.taxonomy.as_ref().map_or(0, |t| t.len()), "node");
        format!(
            "{nodes}, {}, {}",
            count(self.errors, "error"),
            count(self.warnings, "warning")
        )
    }
}
