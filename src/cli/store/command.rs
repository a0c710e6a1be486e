//! `cladist store`: what is kept, whether it is whole, and what to do about it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use clap::ValueHint;
use indicatif::HumanBytes;
use serde::Serialize;

use crate::cli::embed::{KIND, MARKER};
use crate::cli::output::{self, tell};
use crate::cli::score::Format;
use crate::cli::{Interrupted, count, interrupt, places};
use crate::embed::store::{Collection, Kind, Size, Store, StoreError, Take};
use crate::embed::{Images, TableError, write_texts};
use crate::files::Staging;
use crate::matrix::Matrix;
use crate::report;

/// See, check, tidy, export and merge the embeddings that are kept
///
/// `embed`, `score` and the workbench keep what they encode in a store, so that nothing is encoded twice. For each model, and each way to prepare pictures,
/// there is a directory in it, which opens in clip-retrieval and NumPy.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct StoreCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List what is kept, a line for each model and kind
    Ls(ListArgs),
    /// Tell how large it is, and what there is beside the embeddings
    Stats(ListArgs),
    /// Read everything, and tell what is not what was written; exits with 1 then
    Verify(OneArgs),
    /// Take away what nobody needs: what ended processes have left, and damaged shards, whose good rows are kept
    Prune(PruneArgs),
    /// Write all embeddings of one kind and model into a directory, as `embed` does
    Export(ExportArgs),
    /// Add the embeddings of other stores
    Merge(MergeArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    place: PlaceArgs,

    /// How to print it
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, clap::Args)]
struct PlaceArgs {
    /// The store; default: CLADIST_STORE, else cladist/store in the cache directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    store: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct OneArgs {
    #[command(flatten)]
    place: PlaceArgs,

    /// Only this one, by the beginning of its name as `ls` prints it
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

#[derive(Debug, clap::Args)]
struct PruneArgs {
    #[command(flatten)]
    one: OneArgs,

    /// Take away all embeddings of `--only`, the good ones too
    #[arg(long, requires = "only")]
    all: bool,

    /// Forget which files were read: the next time each is read again
    #[arg(long)]
    hints: bool,
}

#[derive(Debug, clap::Args)]
struct ExportArgs {
    #[command(flatten)]
    one: OneArgs,

    /// Write into this directory: images.npy and images.parquet, or texts.npy and texts.parquet
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
struct MergeArgs {
    /// The stores whose embeddings are added; they stay as they are
    #[arg(value_name = "FROM", required = true, value_hint = ValueHint::DirPath)]
    from: Vec<PathBuf>,

    #[command(flatten)]
    place: PlaceArgs,
}

impl PlaceArgs {
    fn directory(&self) -> anyhow::Result<PathBuf> {
        let dir = self.store.clone().or_else(places::store);
        dir.context("no store: name one with --store (there is no home, or CLADIST_STORE is empty)")
    }

    /// The store, which must be there.
    fn store(&self) -> anyhow::Result<Store> {
        let dir = self.directory()?;
        if !dir.is_dir() {
            bail!("{}: no store here", dir.display());
        }
        Ok(Store::at(&dir))
    }
}

impl OneArgs {
    /// The collections that are meant.
    fn collections(&self) -> anyhow::Result<Vec<Collection>> {
        let store = self.place.store()?;
        let mut all = store.collections()?;
        if let Some(only) = &self.only {
            all.retain(|collection| name(collection).starts_with(only));
            if all.is_empty() {
                bail!(
                    "{}: nothing here whose name begins with `{only}`; `cladist store ls` lists what there is",
                    store.path().display()
                );
            }
        }
        Ok(all)
    }
}

fn name(collection: &Collection) -> String {
    let name = collection.path().file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// # Errors
/// A store that cannot be read or written; an interruption.
pub fn run(args: &StoreCommand) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Ls(args) => list(args),
        Command::Stats(args) => stats(args),
        Command::Verify(args) => verify(args),
        Command::Prune(args) => prune(args),
        Command::Export(args) => export(args),
        Command::Merge(args) => merge(args),
    }
}

/// A collection as JSON.
#[derive(Serialize)]
struct Listed {
    name: String,
    path: String,
    kind: &'static str,
    model: String,
    dim: usize,
    embeddings: usize,
    rows: usize,
    shards: usize,
    bytes: u64,
    made_by: serde_json::Value,
    damaged: Vec<String>,
}

impl Listed {
    fn of(collection: &Collection) -> Self {
        let Size {
            keys,
            rows,
            shards,
            bytes,
        } = collection.size();
        let recipe = collection.recipe();
        let faults = collection.faults().into_iter();
        Self {
            name: name(collection),
            path: collection.path().display().to_string(),
            kind: recipe.kind().name(),
            model: recipe.model().to_owned(),
            dim: recipe.dim(),
            embeddings: keys,
            rows,
            shards,
            bytes,
            made_by: recipe.made_by().clone(),
            damaged: faults.map(|fault| fault.what).collect(),
        }
    }
}

fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let store = args.place.store()?;
    let listed: Vec<Listed> = store.collections()?.iter().map(Listed::of).collect();
    let text = match args.format {
        Format::Json => report::json::pretty(&listed)?,
        Format::Text if listed.is_empty() => format!("{}: empty\n", store.path().display()),
        Format::Text => {
            let line = |one: &Listed| {
                format!(
                    "{}  {:>10}  {:>10}  {}\n",
                    one.name,
                    one.embeddings,
                    HumanBytes(one.bytes).to_string(),
                    one.model
                )
            };
            let head = format!(
                "{:<23}  {:>10}  {:>10}  model\n",
                "name", "embeddings", "size"
            );
            head + &listed.iter().map(line).collect::<String>()
        }
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// A store as JSON.
#[derive(Serialize)]
struct Stats {
    store: String,
    collections: Vec<Listed>,
    hints: usize,
    hint_bytes: u64,
}

fn stats(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let store = args.place.store()?;
    let (hints, hint_bytes) = store.hints().size();
    let stats = Stats {
        store: store.path().display().to_string(),
        collections: store.collections()?.iter().map(Listed::of).collect(),
        hints,
        hint_bytes,
    };
    if let Format::Json = args.format {
        output::print(&report::json::pretty(&stats)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!("{}\n", stats.store);
    for one in &stats.collections {
        text += &format!(
            "{}: {} of {} by {}\n  {} in {}, {} of a key that another has, {}\n",
            one.name,
            count(one.embeddings, "embedding"),
            one.kind,
            one.model,
            count(one.rows, "row"),
            count(one.shards, "shard"),
            one.rows - one.embeddings.min(one.rows),
            HumanBytes(one.bytes)
        );
        let parts = one.made_by.as_object();
        for (what, value) in parts.into_iter().flatten() {
            text += &format!("  {what}: {value}\n");
        }
        for damaged in &one.damaged {
            text += &format!("  damaged: {damaged}\n");
        }
    }
    text += &format!(
        "{} of files that need not be read again, {}\n",
        count(stats.hints, "hint"),
        HumanBytes(stats.hint_bytes)
    );
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn verify(args: &OneArgs) -> anyhow::Result<ExitCode> {
    let stop = interrupt::install()?;
    let mut damaged = 0;
    for collection in args.collections()? {
        let (faults, whole) = collection.verify(&|| !stop.load(Ordering::Relaxed))?;
        go_on(stop)?;
        for fault in &faults {
            output::print(&format!("{}\n", fault.what))?;
        }
        damaged += faults.len();
        output::print(&format!(
            "{}: {} whole, {} damaged\n",
            name(&collection),
            count(whole, "shard"),
            faults.len()
        ))?;
    }
    if damaged == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    tell!(
        "cladist: {} damaged: `cladist store prune` keeps the rows that are good, and the others are encoded again when they are asked for",
        count(damaged, "shard")
    );
    Ok(ExitCode::FAILURE)
}

fn go_on(stop: &AtomicBool) -> anyhow::Result<()> {
    if stop.load(Ordering::Relaxed) {
        bail!(Interrupted);
    }
    Ok(())
}

fn prune(args: &PruneArgs) -> anyhow::Result<ExitCode> {
    for collection in args.one.collections()? {
        let name = name(&collection);
        if args.all {
            let bytes = collection.destroy()?;
            output::print(&format!("{name}: removed, {}\n", HumanBytes(bytes)))?;
            continue;
        }
        let tidied = collection.prune()?;
        output::print(&format!(
            "{name}: {} removed, {}\n",
            count(tidied.shards, "unfinished or damaged shard"),
            HumanBytes(tidied.bytes)
        ))?;
    }
    if args.hints {
        let bytes = args.one.place.store()?.hints().destroy()?;
        output::print(&format!("hints removed, {}\n", HumanBytes(bytes)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    Staging::check(&args.out, KIND)?;
    let mut collections = args.one.collections()?;
    let (Some(collection), true) = (collections.pop(), collections.is_empty()) else {
        bail!("there are several: say which with --only NAME; `cladist store ls` lists them");
    };
    let stop = interrupt::install()?;
    let staging = Staging::new(&args.out, KIND)?;
    let rows = match collection.recipe().kind() {
        Kind::Images => export_images(&collection, staging.path(), stop)?,
        Kind::Texts => export_texts(&collection, staging.path(), stop)?,
    };
    let recipe = collection.recipe();
    let made_by = serde_json::json!({
        "cladist": env!("CARGO_PKG_VERSION"),
        "model": recipe.model(),
        "dim": recipe.dim(),
        "made_by": recipe.made_by(),
    });
    let marker = staging.path().join(MARKER);
    std::fs::write(&marker, format!("{made_by:#}\n"))
        .with_context(|| format!("{}: cannot be written", marker.display()))?;
    staging.publish()?;
    tell!(
        "{} written to {}",
        count(rows, "embedding"),
        args.out.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// What can go wrong while one walks through a collection.
#[derive(Debug, thiserror::Error)]
enum WalkError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

fn walk_on(stop: &AtomicBool) -> Result<(), WalkError> {
    match stop.load(Ordering::Relaxed) {
        true => Err(Interrupted.into()),
        false => Ok(()),
    }
}

fn export_images(collection: &Collection, dir: &Path, stop: &AtomicBool) -> anyhow::Result<usize> {
    let recipe = collection.recipe();
    let columns = recipe.columns();
    let mut files = Images::new(dir, recipe.dim(), recipe.tells_uncertainty())?;
    walk(collection, &mut |entries, rows| {
        walk_on(stop)?;
        let paths = entries.iter().map(|entry| entry.name.as_str());
        files.push(&Matrix::new(columns, rows.to_vec()), paths)?;
        Ok(())
    })?;
    Ok(files.finish()?)
}

fn export_texts(collection: &Collection, dir: &Path, stop: &AtomicBool) -> anyhow::Result<usize> {
    let (dim, columns) = (collection.recipe().dim(), collection.recipe().columns());
    let (mut texts, mut all) = (Vec::new(), Vec::new());
    walk(collection, &mut |entries, rows| {
        walk_on(stop)?;
        texts.extend(entries.into_iter().map(|entry| entry.name));
        all.extend_from_slice(rows);
        Ok(())
    })?;
    let count = texts.len();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    // The tokenizer is not at hand, and the embeddings are known by their texts.
    write_texts(
        dir,
        &Matrix::new(columns, all),
        dim,
        &texts,
        &vec![Vec::new(); count],
    )?;
    Ok(count)
}

/// Goes through a collection; an interruption is one.
fn walk(collection: &Collection, take: &mut Take<'_, WalkError>) -> anyhow::Result<()> {
    collection.each(take).map_err(|error| match error {
        WalkError::Interrupted(interrupted) => interrupted.into(),
        error => error.into(),
    })
}

fn merge(args: &MergeArgs) -> anyhow::Result<ExitCode> {
    let into = args.place.directory()?;
    let stop = interrupt::install()?;
    for from in &args.from {
        if !from.is_dir() {
            bail!("{}: no store here", from.display());
        }
        if is_same(from, &into) {
            bail!(
                "{}: the store that is added to; name others",
                from.display()
            );
        }
    }
    for from in &args.from {
        let collections = Store::at(from).collections()?;
        if collections.is_empty() {
            tell!("{}: empty", from.display());
        }
        for collection in collections {
            let into = Store::at(&into).collection(collection.recipe().clone())?;
            let added = add_all(&into, &collection, stop);
            // Also of what ends before its end.
            into.flush()?;
            let (added, known) = added?;
            tell!(
                "{}: {} added, {known} known",
                collection.path().display(),
                count(added, "embedding")
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Adds what is not known: how many that are, and how many are known.
fn add_all(
    into: &Collection,
    from: &Collection,
    stop: &AtomicBool,
) -> anyhow::Result<(usize, usize)> {
    let columns = into.recipe().columns();
    let (mut added, mut known) = (0, 0);
    let mut room = vec![0.0; columns];
    walk(from, &mut |entries, rows| {
        walk_on(stop)?;
        let (mut new, mut new_rows) = (Vec::new(), Vec::new());
        for (entry, row) in entries.into_iter().zip(rows.chunks_exact(columns)) {
            if into.get(&entry.key, &mut room) {
                known += 1;
            } else {
                new.push(entry);
                new_rows.extend_from_slice(row);
            }
        }
        added += new.len();
        into.add(new, &new_rows)?;
        Ok(())
    })?;
    Ok((added, known))
}

fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}
