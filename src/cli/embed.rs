//! `cladist embed`: unit embeddings of images and texts, for users who go on in Python.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use clap::ValueHint;
use serde::Deserialize;

use super::model_args::{ImageArgs, ModelArgs};
use super::progress::Progress;
use super::{Interrupted, interrupt, open_dataset};
use crate::embed::{self, EmbedError, Encoded};
use crate::files::Staging;
use crate::matrix::Matrix;
use crate::model::Encoder;

/// The file that says that a directory holds embeddings of ours.
const MARKER: &str = "embed.json";

/// Texts between two looks at whether to stop: a second or two of work.
const TEXT_SLICE: usize = 512;

#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub struct EmbedArgs {
    /// A folder of images, or a CSV, TSV or JSON Lines manifest
    #[arg(long, value_name = "DIR|MANIFEST", value_hint = ValueHint::AnyPath, group = "what")]
    images: Option<PathBuf>,

    /// Texts: a plain file with one a line, or JSON Lines with `text`; encoded exactly as given
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, group = "what")]
    texts: Option<PathBuf>,

    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    image: ImageArgs,

    /// Write the embeddings into this directory: images.npy, images.parquet, texts.npy, texts.parquet
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: PathBuf,
}

pub fn run(args: &EmbedArgs) -> anyhow::Result<ExitCode> {
    let staging = Staging::new(&args.out, MARKER)?;
    let dataset = args.images.as_deref().map(open_dataset).transpose()?;
    let texts = args.texts.as_deref().map(read_texts).transpose()?;
    let stop = interrupt::install()?;
    let encoder = args.model.load(stop)?;

    if let Some(texts) = &texts {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let ids: Vec<Vec<u32>> = texts
            .iter()
            .map(|text| encoder.token_ids(text))
            .collect::<Result<_, _>>()?;
        let embeddings = encode_texts(encoder.as_ref(), &texts, stop)?;
        embed::write_texts(staging.path(), &embeddings, &texts, &ids)?;
        eprintln!("{} texts embedded", texts.len());
    }
    if let Some(dataset) = &dataset {
        let paths: Vec<PathBuf> = dataset.items.iter().map(|item| item.path.clone()).collect();
        let encoded = encode(&args.image, encoder.as_ref(), &paths, stop)?;
        let names: Vec<&str> = dataset
            .items
            .iter()
            .zip(&encoded.rows)
            .filter_map(|(item, row)| row.map(|_| item.name.as_str()))
            .collect();
        if names.is_empty() {
            eprintln!("cladist: none of the {} images could be read", paths.len());
            return Ok(ExitCode::FAILURE);
        }
        embed::write_images(staging.path(), &encoded.embeddings, &names)?;
        eprintln!("{} images embedded", names.len());
    }
    let made_by = serde_json::json!({
        "cladist": env!("CARGO_PKG_VERSION"),
        "model": args.model.model,
        "dim": encoder.dim(),
        "logit_scale": encoder.logit_scale(),
        "fingerprint": encoder.fingerprint(),
    });
    let marker = staging.path().join(MARKER);
    std::fs::write(&marker, format!("{made_by:#}\n"))
        .with_context(|| format!("{}: cannot be written", marker.display()))?;
    if stop.load(Ordering::Relaxed) {
        bail!(Interrupted);
    }
    staging.publish()?;
    eprintln!("written to {}", args.out.display());
    Ok(ExitCode::SUCCESS)
}

/// Encodes texts with a progress bar, in slices between which an interruption is heard.
pub(super) fn encode_texts(
    encoder: &dyn Encoder,
    texts: &[&str],
    stop: &AtomicBool,
) -> anyhow::Result<Matrix> {
    let bar = Progress::new(texts.len(), "texts");
    let mut data = Vec::with_capacity(texts.len() * encoder.dim());
    for slice in texts.chunks(TEXT_SLICE) {
        if stop.load(Ordering::Relaxed) {
            bail!(Interrupted);
        }
        data.extend(encoder.encode_texts(slice)?.into_vec());
        bar.advance(slice.len());
    }
    bar.finish();
    Ok(Matrix::new(encoder.dim(), data))
}

/// Encodes images with a progress bar, and lists those that could not be read.
pub(super) fn encode(
    args: &ImageArgs,
    encoder: &dyn Encoder,
    paths: &[PathBuf],
    stop: &AtomicBool,
) -> anyhow::Result<Encoded> {
    let bar = Progress::new(paths.len(), "images");
    let options = args.embed_options(encoder);
    let encoded = embed::encode_files(encoder, paths, &options, &|count| bar.advance(count), stop);
    bar.finish();
    let encoded = encoded.map_err(|error| match error {
        EmbedError::Interrupted => anyhow::Error::new(Interrupted),
        EmbedError::BadImage { .. } => {
            anyhow::Error::new(error).context("--on-bad-image skip passes over such files")
        }
        error => anyhow::Error::new(error),
    })?;
    if !encoded.failures.is_empty() {
        eprintln!(
            "{} images could not be read and are left out:",
            encoded.failures.len()
        );
        for (i, reason) in &encoded.failures {
            eprintln!("  {}: {reason}", paths[*i].display());
        }
    }
    Ok(encoded)
}

/// One line of a JSON Lines file of texts; other fields do not matter.
#[derive(Deserialize)]
struct TextLine {
    text: String,
}

/// The texts of a file. In a plain file every line is a text, also an empty one; the last line's end starts none.
fn read_texts(path: &Path) -> anyhow::Result<Vec<String>> {
    let shown = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("{shown}: cannot be read"))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| anyhow::anyhow!("{shown}: is not UTF-8 text: {error}"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let is_json = path
        .extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| e.eq_ignore_ascii_case("jsonl") || e.eq_ignore_ascii_case("ndjson"));
    let texts: Vec<String> = if is_json {
        text.lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(i, line)| {
                let line: TextLine = serde_json::from_str(line).with_context(|| {
                    format!(
                        "{shown}:{}: is not a JSON object with a string `text`",
                        i + 1
                    )
                })?;
                Ok(line.text)
            })
            .collect::<anyhow::Result<_>>()?
    } else {
        text.lines().map(str::to_owned).collect()
    };
    if texts.is_empty() {
        bail!("{shown}: holds no text");
    }
    Ok(texts)
}
