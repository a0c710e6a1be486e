//! `cladist embed`: unit embeddings of images and texts, for users who go on in Python.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, anyhow, bail};
use clap::ValueHint;
use serde_json::Value;

use super::model_args::{ImageArgs, ModelArgs};
use super::output::tell;
use super::parts::Parts;
use super::progress::Progress;
use super::{Interrupted, count, interrupt, open_dataset, texts};
use crate::dataset::{Dataset, Picture};
use crate::embed::{self, EmbedError, Encoded};
use crate::files::{Kind, Staging};
use crate::matrix::Matrix;
use crate::model::Encoder;

/// The file that says that a directory holds embeddings of ours.
const MARKER: &str = "embed.json";

/// A directory with embeddings.
const KIND: Kind = Kind {
    marker: MARKER,
    entries: &[
        MARKER,
        "images.npy",
        "images.parquet",
        "texts.npy",
        "texts.parquet",
    ],
};

const IMAGE_FILES: [&str; 2] = ["images.npy", "images.parquet"];
const TEXT_FILES: [&str; 2] = ["texts.npy", "texts.parquet"];

/// Texts a worker between two looks at whether to stop: a second of work with a large model.
const TEXT_SLICE: usize = 64;

#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub struct EmbedArgs {
    /// A folder of images, or a CSV, TSV, JSON Lines or Parquet manifest
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
    ///
    /// Earlier embeddings there are replaced; those of texts are kept when only images are embedded, and the other
    /// way round, if they are of the same model.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: PathBuf,
}

pub fn run(args: &EmbedArgs) -> anyhow::Result<ExitCode> {
    Staging::check(&args.out, KIND)?;
    let dataset = args.images.as_deref().map(open_dataset).transpose()?;
    let texts = args.texts.as_deref().map(texts::read).transpose()?;
    let stop = interrupt::install()?;
    let encoder = args.model.load(stop)?;
    let made_by = serde_json::json!({
        "cladist": env!("CARGO_PKG_VERSION"),
        "model": args.model.model,
        "dim": encoder.dim(),
        "logit_scale": encoder.logit_scale(),
        "fingerprint": encoder.fingerprint(),
    });
    let made_by = format!("{made_by:#}\n");
    let mut kept = Vec::new();
    if dataset.is_none() {
        kept.extend(earlier(&args.out, &IMAGE_FILES, &made_by)?);
    }
    if texts.is_none() {
        kept.extend(earlier(&args.out, &TEXT_FILES, &made_by)?);
    }

    let encoded_texts = match &texts {
        Some(texts) => Some(embed_texts(encoder.as_ref(), texts, stop)?),
        None => None,
    };
    let encoded_images = match &dataset {
        Some(dataset) => {
            let all: Vec<usize> = (0..dataset.items.len()).collect();
            let encoded = encode(&args.image, encoder.as_ref(), dataset, &all, stop)?;
            if encoded.embeddings.rows() == 0 {
                tell!(
                    "cladist: none of the images could be read ({})",
                    count(all.len(), "image")
                );
                return Ok(ExitCode::FAILURE);
            }
            Some((dataset, encoded))
        }
        None => None,
    };
    if stop.load(Ordering::Relaxed) {
        bail!(Interrupted);
    }

    let staging = Staging::new(&args.out, KIND)?;
    if let (Some(texts), Some((embeddings, ids))) = (&texts, &encoded_texts) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        embed::write_texts(staging.path(), embeddings, &texts, ids)?;
        tell!("{} embedded", count(texts.len(), "text"));
    }
    if let Some((dataset, encoded)) = &encoded_images {
        let names: Vec<&str> = dataset
            .items
            .iter()
            .zip(&encoded.rows)
            .filter_map(|(item, row)| row.map(|_| item.name.as_str()))
            .collect();
        embed::write_images(staging.path(), &encoded.embeddings, &names)?;
        tell!("{} embedded", count(names.len(), "image"));
    }
    for file in kept {
        take_over(&args.out.join(file), &staging.path().join(file))?;
    }
    let marker = staging.path().join(MARKER);
    std::fs::write(&marker, made_by)
        .with_context(|| format!("{}: cannot be written", marker.display()))?;
    if stop.load(Ordering::Relaxed) {
        bail!(Interrupted);
    }
    staging.publish()?;
    tell!("written to {}", args.out.display());
    Ok(ExitCode::SUCCESS)
}

/// Those of `files` that an earlier run of the same model left in `out`.
///
/// # Errors
/// If there are some of another model: together with ours they would make no sense, and they are too dear to lose.
fn earlier(
    out: &Path,
    files: &'static [&'static str],
    made_by: &str,
) -> anyhow::Result<Vec<&'static str>> {
    let found: Vec<&str> = files
        .iter()
        .copied()
        .filter(|file| out.join(file).exists())
        .collect();
    let Some(first) = found.first() else {
        return Ok(found);
    };
    // Both from text, so that both have the same numbers.
    let fingerprint = |text: &str| -> Option<Value> {
        let mut value: Value = serde_json::from_str(text).ok()?;
        value.get_mut("fingerprint").map(Value::take)
    };
    let theirs = std::fs::read_to_string(out.join(MARKER)).unwrap_or_default();
    if fingerprint(&theirs) == fingerprint(made_by) {
        return Ok(found);
    }
    Err(anyhow!(
        "{}: holds `{first}` of another model; choose another directory, or embed images and texts at once to replace both",
        out.display()
    ))
}

/// Puts a file into another directory of the same file system, without a copy where that can be.
fn take_over(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::hard_link(from, to)
        .or_else(|_| std::fs::copy(from, to).map(drop))
        .with_context(|| format!("{}: cannot be kept", from.display()))
}

/// Embeddings and token ids of the texts.
fn embed_texts(
    encoder: &dyn Encoder,
    texts: &[String],
    stop: &AtomicBool,
) -> anyhow::Result<(Matrix, Vec<Vec<u32>>)> {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut ids = Vec::with_capacity(texts.len());
    for slice in texts.chunks(TEXT_SLICE) {
        if stop.load(Ordering::Relaxed) {
            bail!(Interrupted);
        }
        for text in slice {
            ids.push(encoder.token_ids(text)?);
        }
    }
    Ok((encode_texts(encoder, &texts, stop)?, ids))
}

/// Encodes texts with a progress bar, in slices between which an interruption is heard.
pub(super) fn encode_texts(
    encoder: &dyn Encoder,
    texts: &[&str],
    stop: &AtomicBool,
) -> anyhow::Result<Matrix> {
    let bar = Progress::new("encoding", texts.len(), "texts");
    let mut data = Vec::with_capacity(texts.len() * encoder.dim());
    for slice in texts.chunks(TEXT_SLICE) {
        if stop.load(Ordering::Relaxed) {
            bar.finish();
            bail!(Interrupted);
        }
        data.extend(encoder.encode_texts(slice)?.into_vec());
        bar.advance(slice.len());
    }
    bar.finish();
    Ok(Matrix::new(encoder.dim(), data))
}

/// Encodes these items of a data set with a progress bar, and lists those that could not be read.
pub(super) fn encode(
    args: &ImageArgs,
    encoder: &dyn Encoder,
    dataset: &Dataset,
    items: &[usize],
    stop: &AtomicBool,
) -> anyhow::Result<Encoded> {
    encode_in_parts(args, encoder, dataset, items, stop, None)
}

/// Is shown what is encoded so far.
pub(super) type Look<'a> = dyn FnMut(&Encoded) + 'a;

/// The same, part by part if there is somebody to look at what is encoded between them. The embeddings are the same.
pub(super) fn encode_in_parts(
    args: &ImageArgs,
    encoder: &dyn Encoder,
    dataset: &Dataset,
    items: &[usize],
    stop: &AtomicBool,
    look: Option<&mut Look<'_>>,
) -> anyhow::Result<Encoded> {
    let read = |i: usize| match &dataset.items[items[i]].picture {
        Picture::File(path) => embed::read_file(path),
        Picture::Made(bytes) => Ok(bytes.to_vec()),
    };
    let bad = |index: usize, reason: &str| {
        let item = &dataset.items[items[index]];
        let place = match item.line {
            Some(_) => format!(" ({})", dataset.place(items[index])),
            None => String::new(),
        };
        let path = item.picture.path().unwrap_or(Path::new(&item.name));
        format!("{}{place}: {reason}", path.display())
    };
    let bar = Progress::new("encoding", items.len(), "images");
    // By the number of all of them, so that the micro-batches are the same.
    let options = args.embed_options(encoder, items.len());
    let encode = |part: Range<usize>| {
        let read = |i: usize| read(part.start + i);
        let progress = |count| bar.advance(count);
        embed::encode_images(encoder, part.len(), &read, &options, &progress, stop).map_err(
            |error| match error {
                EmbedError::BadImage { index, reason } => EmbedError::BadImage {
                    index: part.start + index,
                    reason,
                },
                error => error,
            },
        )
    };
    let encoded = match look {
        None => encode(0..items.len()),
        Some(look) => by_parts(items.len(), Parts::new(options.batch), &encode, look),
    };
    bar.finish();
    let encoded = encoded.map_err(|error| match error {
        EmbedError::Interrupted => anyhow::Error::new(Interrupted),
        EmbedError::BadImage { index, reason } => anyhow!(
            "{}\n--on-bad-image skip leaves such images out",
            bad(index, &reason)
        ),
        error => anyhow::Error::new(error),
    })?;
    if !encoded.failures.is_empty() {
        tell!(
            "{} could not be read and {} left out:",
            count(encoded.failures.len(), "image"),
            if encoded.failures.len() == 1 {
                "is"
            } else {
                "are"
            },
        );
        for (index, reason) in &encoded.failures {
            tell!("  {}", bad(*index, reason));
        }
    }
    if encoded.deep_greys > 0 {
        tell!(
            "{} images hold 16-bit greys, of which those above 255 are white, as in transformers: scale the files to 8 bits if that empties them",
            encoded.deep_greys
        );
    }
    Ok(encoded)
}

/// Encodes one part after the other, and lets `look` at what is there between them.
fn by_parts(
    count: usize,
    mut parts: Parts,
    encode: &dyn Fn(Range<usize>) -> Result<Encoded, EmbedError>,
    look: &mut Look<'_>,
) -> Result<Encoded, EmbedError> {
    let mut all: Option<Encoded> = None;
    loop {
        let start = all.as_ref().map_or(0, |all| all.rows.len());
        let part = start..count.min(start + parts.size());
        let (size, begun) = (part.len(), Instant::now());
        let encoded = encode(part)?;
        parts.took(size, begun.elapsed());
        let all = match &mut all {
            None => all.insert(encoded),
            Some(all) => {
                all.append(encoded);
                all
            }
        };
        if all.rows.len() == count {
            return Ok(std::mem::take(all));
        }
        look(all);
    }
}
