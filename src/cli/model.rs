//! `cladist model`: what a model is made of, and which are on this machine.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand, ValueHint};
use indicatif::BinaryBytes;
use serde_json::json;

use super::score::Format;
use super::{builtin, count, output};
use crate::demo;
use crate::model::hub::{self, Cached, HubEnv};
use crate::model::pixels::{Preprocess, Reference, Resample, Resize};
use crate::model::{self, Description, Tower};
use crate::report;
use crate::report::text::thousands;
use crate::text::printable;

/// Describe a model, or list those on this machine
///
/// Nothing is downloaded, and no weights are loaded.
#[derive(Debug, Args)]
pub struct ModelCommandArgs {
    #[command(subcommand)]
    command: ModelCommand,
}

#[derive(Debug, Subcommand)]
enum ModelCommand {
    /// List the models in the Hugging Face cache
    Ls(LsArgs),
    /// Print what a model is made of: family, sizes, parameters, preprocessing, fingerprint
    Info(InfoArgs),
}

#[derive(Debug, Args)]
struct LsArgs {
    /// Also those that cannot be used here: of other families, or incomplete
    #[arg(long)]
    all: bool,

    /// How to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Args)]
struct InfoArgs {
    /// What --model takes: a directory, an id of a model in the local cache, or `demo`
    // Not by the name of the option that a config file sets.
    #[arg(value_name = "DIR|ID", value_hint = ValueHint::AnyPath)]
    source: String,

    /// How to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// Prints the description, or the list.
///
/// # Errors
/// A model that is not here, or is of no family that can be read; no cache.
pub fn run(args: &ModelCommandArgs) -> anyhow::Result<ExitCode> {
    let text = match &args.command {
        ModelCommand::Ls(args) => list(args)?,
        ModelCommand::Info(args) => {
            let described = match builtin::is_meant(Path::new(&args.source)) {
                true => model::describe_embedded(&demo::MODEL)?,
                false => model::describe(&args.source)?,
            };
            match args.format {
                Format::Json => report::json::pretty(&described)?,
                Format::Text => info(&described),
            }
        }
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn list(args: &LsArgs) -> anyhow::Result<String> {
    let Some(cache) = HubEnv::from_process().cache else {
        bail!("there is no cache: set HF_HUB_CACHE to a directory");
    };
    let (shown, hidden): (Vec<Cached>, Vec<Cached>) = hub::cached(&cache)
        .into_iter()
        .partition(|cached| args.all || is_usable(cached));
    if let Format::Json = args.format {
        let models: Vec<_> = shown.iter().map(listed).collect();
        return Ok(report::json::pretty(
            &json!({"cache": cache, "models": models}),
        )?);
    }
    let mut out = String::new();
    let width = shown.iter().map(|cached| cached.id.chars().count()).max();
    for cached in &shown {
        let state = match (&cached.checkpoint, cached.is_supported) {
            (Ok(_), true) => BinaryBytes(bytes_of(cached)).to_string(),
            (_, false) => "of a family that is not supported".to_owned(),
            // The first line is enough to know which it is; `info` tells all.
            (Err(fault), true) => format!("incomplete: {}", fault.lines().next().unwrap_or("")),
        };
        let kind = cached.kind.as_deref().unwrap_or("?");
        let (id, commit) = (printable(&cached.id), cached.commit.get(..7).unwrap_or(""));
        let width = width.unwrap_or(0);
        let _ = writeln!(
            out,
            "{id:width$}  {commit:7}  {:9}  {state}",
            printable(kind)
        );
    }
    if shown.is_empty() {
        let _ = writeln!(out, "no model that can be used is in {}", cache.display());
    }
    if !hidden.is_empty() {
        let models = count(hidden.len(), "model");
        let _ = writeln!(
            out,
            "({models} of other families or incomplete: --all lists them)"
        );
    }
    Ok(out)
}

fn is_usable(cached: &Cached) -> bool {
    cached.is_supported && cached.checkpoint.is_ok()
}

fn bytes_of(cached: &Cached) -> u64 {
    let weights = cached.checkpoint.iter().flat_map(|found| &found.weights);
    weights
        .filter_map(|path| Some(path.metadata().ok()?.len()))
        .sum()
}

fn listed(cached: &Cached) -> serde_json::Value {
    json!({
        "id": cached.id,
        "commit": cached.commit,
        "kind": cached.kind,
        "usable": is_usable(cached),
        "weight_bytes": bytes_of(cached),
        "directory": cached.checkpoint.as_ref().ok().map(|found| &found.dir),
        "fault": cached.checkpoint.as_ref().err(),
    })
}

fn info(described: &Description) -> String {
    let d = described;
    let mut out = String::new();
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(out, "{key:14} {value}");
    };
    line("family", d.family);
    line("files", &d.directory.display().to_string());
    line("image tower", &tower(&d.image_tower));
    let size = format!(
        "{0} × {0} in patches of {1} × {1}",
        d.image_size, d.patch_size
    );
    line("", &format!("{size}: {}", tokens(&d.image_tower)));
    line("text tower", &tower(&d.text_tower));
    let known = thousands(d.vocabulary);
    line(
        "",
        &format!(
            "{} of {known} ids, padding: {}",
            tokens(&d.text_tower),
            d.text_padding
        ),
    );
    let uncertainty = match d.tells_uncertainty {
        true => ", each with a mean and log σ²",
        false => "",
    };
    line("joint space", &format!("{} dimensions{uncertainty}", d.dim));
    let bias = d.logit_bias.map_or(String::new(), |bias| {
        format!(", bias {bias} (the same for all candidates: the softmax does not know it)")
    });
    line("logit scale", &format!("{}{bias}", d.logit_scale));
    let stored: Vec<&str> = d.stored.keys().map(String::as_str).collect();
    let files: Vec<String> = d
        .weights
        .iter()
        .map(|(name, bytes)| format!("{name} ({})", BinaryBytes(*bytes)))
        .collect();
    let stored = format!(
        "{}, stored as {}",
        thousands(d.parameters as usize),
        stored.join(", ")
    );
    line("parameters", &stored);
    line("weights", &files.join(", "));
    line("pictures", &steps(&d.preprocess));
    line("", &channels(&d.preprocess));
    line(
        "fingerprint",
        &format!("weights   {}", d.fingerprint.weights),
    );
    line("", &format!("config    {}", d.fingerprint.config));
    line("", &format!("tokenizer {}", d.fingerprint.tokenizer));
    for note in &d.notes {
        line("note", note);
    }
    out
}

fn tower(tower: &Tower) -> String {
    let (layers, width) = match &tower.stages[..] {
        [] => (tower.layers.to_string(), "width"),
        stages => {
            let stages: Vec<String> = stages.iter().map(usize::to_string).collect();
            (stages.join(" + "), "widths up to")
        }
    };
    format!(
        "{layers} layers of {width} {}, {} heads, MLP of {} ({}): {} parameters",
        tower.width,
        tower.heads,
        tower.mlp_width,
        tower.activation,
        thousands(tower.parameters as usize)
    )
}

fn tokens(tower: &Tower) -> String {
    format!("{} tokens (pooled: {})", tower.tokens, tower.pool)
}

fn steps(preprocess: &Preprocess) -> String {
    let filter = match preprocess.resample {
        Resample::Nearest => "nearest",
        Resample::Lanczos => "Lanczos",
        Resample::Bilinear => "bilinear",
        Resample::Bicubic => "bicubic",
    };
    let resize = match preprocess.resize {
        None => "as they are".to_owned(),
        Some(Resize::ShortestEdge(edge)) => format!("shorter side to {edge} ({filter})"),
        Some(Resize::Exact { height, width }) => {
            format!("squashed to {width} × {height} ({filter})")
        }
    };
    let crop = preprocess.crop.map_or(String::new(), |(height, width)| {
        format!(", centre crop {width} × {height}")
    });
    let reference = match preprocess.reference {
        Reference::Transformers => "as transformers does it",
        Reference::OpenClip => "as open_clip does it",
    };
    format!("{resize}{crop}, {reference}")
}

fn channels(preprocess: &Preprocess) -> String {
    match preprocess.normalize {
        None => "not normalised".to_owned(),
        Some((mean, std)) => format!("mean {mean:?}, deviation {std:?}"),
    }
}
