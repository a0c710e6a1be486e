//! `cladist distances`: a measure of METHOD 6 for all pairs of labels, as a table.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use clap::ValueHint;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::output::{self, tell};
use super::progress::Progress;
use super::score::candidate_choice;
use super::{Interrupted, InterruptedPrinting, interrupt, load_taxonomy, on_all_cores};
use crate::files::StagedFiles;
use crate::npy;
use crate::report::distances::{csv_header, csv_row};
use crate::run::Candidates;
use crate::score::{AllPairs, Measure};
use crate::taxonomy::{NodeId, Taxonomy};
use crate::text::shown;

/// Values that are computed between two looks at whether to stop: tens of megabytes as text.
const VALUES_AT_ONCE: usize = 1 << 21;

/// Measure how near labels are in a taxonomy, all pairs of them.
///
/// Writes a square table with a row and a column for each label. Equivalent labels are one class: as near as a label is to
/// itself. Where a label has several depths the greatest counts, and of several lowest common ancestors (LCA) the one of
/// most information, ties by id. A line on standard error says what the values are.
#[derive(clap::Args)]
pub struct DistancesArgs {
    /// The taxonomy's YAML file, or `demo`
    #[arg(value_name = "TAXONOMY", value_hint = ValueHint::FilePath)]
    taxonomy: PathBuf,

    /// The measure
    #[arg(long, value_name = "NAME", value_parser = measures())]
    measure: Measure,

    /// Which labels: leaves, all, under:NODE (each by id), or a file with a label a line, in its order
    #[arg(long, value_name = "WHICH", default_value = "leaves", value_hint = ValueHint::AnyPath)]
    nodes: String,

    /// How to write the table; default: npy where --out ends in .npy, else csv
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,

    /// Write into this file instead of standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Ids above and beside the values, each with the fewest digits that read back as the same number
    Csv,
    /// NumPy's float64 in --out FILE.npy, and the ids, a line each, in FILE.labels.txt
    Npy,
}

fn measures() -> impl TypedValueParser<Value = Measure> {
    let values =
        Measure::ALL.map(|measure| PossibleValue::new(measure.name()).help(measure.definition()));
    PossibleValuesParser::new(values)
        .try_map(|name| Measure::by_name(&name).ok_or("no such measure"))
}

/// Where the table goes.
enum Target<'a> {
    Stdout,
    Csv(&'a Path),
    Npy { values: &'a Path, labels: PathBuf },
}

pub fn run(args: &DistancesArgs) -> anyhow::Result<ExitCode> {
    let target = target(args)?;
    let choice = candidate_choice(Some(&args.nodes), "--nodes")?;
    if choice == Candidates::Truths {
        bail!(
            "--nodes {}: there are no images here whose labels could be meant: use leaves, all, under:NODE, or a file with a label a line",
            args.nodes
        );
    }
    let taxonomy = load_taxonomy(&args.taxonomy)?;
    let labels = choice.in_order(&taxonomy).context("--nodes")?;
    let staged = match &target {
        Target::Stdout => None,
        Target::Csv(path) => Some(StagedFiles::new(&[path])?),
        Target::Npy {
            values,
            labels: list,
        } => {
            refuse_line_breaks(&taxonomy, &labels)?;
            Some(StagedFiles::new(&[list, values])?)
        }
    };
    tell!("{}: {}", args.measure.name(), args.measure.definition());
    let stop = interrupt::install()?;
    let pairs = AllPairs::new(&taxonomy, args.measure, &labels);
    let id = |i: usize| taxonomy.id(labels[i]);
    let ids = || (0..labels.len()).map(id);
    let as_csv = |i: usize, row: &[f64]| csv_row(id(i), row).into_bytes();
    let header = || csv_header(args.measure.name(), ids()).into_bytes();
    match (&target, &staged) {
        (Target::Npy { values, .. }, Some(staged)) => {
            let list: String = ids().map(|id| format!("{id}\n")).collect();
            std::fs::write(staged.path(0), list).with_context(|| unwritable(values))?;
            let as_npy = |_: usize, row: &[f64]| {
                let mut bytes = Vec::with_capacity(8 * row.len());
                // A vector takes whatever is written.
                let _ = npy::write(&mut bytes, row);
                bytes
            };
            let header = npy::header::<f64>(labels.len(), labels.len());
            let mut out = Sink::file(&staged.path(1), values)?;
            stream(&pairs, &header, &as_npy, &mut out, stop)?;
        }
        (Target::Csv(path), Some(staged)) => {
            let mut out = Sink::file(&staged.path(0), path)?;
            stream(&pairs, &header(), &as_csv, &mut out, stop)?;
        }
        _ => stream(&pairs, &header(), &as_csv, &mut Sink::Stdout, stop)?,
    }
    if let Some(staged) = staged {
        if stop.load(Ordering::Relaxed) {
            bail!(Interrupted);
        }
        staged.publish()?;
        match &target {
            Target::Npy { values, labels } => {
                tell!("written to {} and {}", values.display(), labels.display());
            }
            Target::Csv(path) => tell!("written to {}", path.display()),
            Target::Stdout => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn target(args: &DistancesArgs) -> anyhow::Result<Target<'_>> {
    let is_npy = |path: &Path| {
        path.extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("npy"))
    };
    let Some(out) = args.out.as_deref() else {
        return match args.format {
            Some(Format::Npy) => bail!("--format npy: needs --out FILE.npy, two files are written"),
            _ => Ok(Target::Stdout),
        };
    };
    Ok(match args.format {
        Some(Format::Npy) if !is_npy(out) => bail!(
            "--out {}: with --format npy it must end in .npy, so that the ids can stand beside it in FILE.labels.txt",
            out.display()
        ),
        None | Some(Format::Npy) if is_npy(out) => Target::Npy {
            values: out,
            labels: out.with_extension("labels.txt"),
        },
        _ => Target::Csv(out),
    })
}

/// A list with an id a line cannot hold one of two lines.
fn refuse_line_breaks(taxonomy: &Taxonomy, labels: &[NodeId]) -> anyhow::Result<()> {
    let broken = |id: &&str| id.contains(['\n', '\r']);
    match labels.iter().map(|&n| taxonomy.id(n)).find(broken) {
        Some(id) => bail!(
            "--format npy: the id `{}` has a line break, which a list with an id a line cannot hold: use --format csv",
            shown(id)
        ),
        None => Ok(()),
    }
}

/// Where the bytes go as they are made.
enum Sink<'a> {
    Stdout,
    /// A file, and how its user calls it.
    File(BufWriter<File>, &'a Path),
}

impl<'a> Sink<'a> {
    fn file(path: &Path, shown: &'a Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| unwritable(shown))?;
        Ok(Self::File(BufWriter::new(file), shown))
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Stdout => output::print_bytes(bytes),
            Self::File(out, shown) => out.write_all(bytes).with_context(|| unwritable(shown)),
        }
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Stdout => Ok(()),
            Self::File(out, shown) => out.flush().with_context(|| unwritable(shown)),
        }
    }
}

fn unwritable(path: &Path) -> String {
    format!("{}: cannot be written", path.display())
}

/// Writes the header and what `encode` makes of every row. Rows are computed on all cores, some at a time, so that memory
/// is bounded and an interruption is heard.
fn stream(
    pairs: &AllPairs<'_>,
    header: &[u8],
    encode: &(dyn Fn(usize, &[f64]) -> Vec<u8> + Sync),
    out: &mut Sink<'_>,
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    let to_stdout = matches!(out, Sink::Stdout);
    // Among the lines of the table on one terminal a bar would only be in the way.
    let bar = (!to_stdout || !io::stdout().is_terminal())
        .then(|| Progress::new("measuring", pairs.len(), "rows"));
    let mut attempt = || {
        out.write(header)?;
        for rows in blocks(pairs.len()) {
            if stop.load(Ordering::Relaxed) {
                return Err(if to_stdout {
                    InterruptedPrinting.into()
                } else {
                    Interrupted.into()
                });
            }
            let done = rows.len();
            for bytes in pairs.map(rows, encode) {
                out.write(&bytes)?;
            }
            if let Some(bar) = &bar {
                bar.advance(done);
            }
        }
        out.flush()
    };
    // The pool is made once, for all blocks.
    let result = on_all_cores(&mut attempt);
    if let Some(bar) = bar {
        bar.finish();
    }
    result?
}

/// The rows of a table with so many, in blocks of about [`VALUES_AT_ONCE`] values.
fn blocks(rows: usize) -> impl Iterator<Item = Range<usize>> {
    let height = (VALUES_AT_ONCE / rows.max(1)).max(1);
    (0..rows)
        .step_by(height)
        .map(move |first| first..rows.min(first + height))
}
