//! `cladist embed`: unit embeddings of images and texts, for users who go on in Python.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, anyhow, bail};
use clap::ValueHint;
use serde_json::Value;

use super::encoding::Encoding;
use super::model_args::{ImageArgs, ModelArgs};
use super::output::tell;
use super::profile::Profile;
use super::progress::Progress;
use super::store::BETWEEN_SHARDS;
use super::{Interrupted, count, interrupt, open_dataset, texts};
use crate::embed::{self, Stages};
use crate::files::{Kind, Staging};
use crate::hash;
use crate::matrix::Matrix;
use crate::model::{Encoder, ModelError};
use crate::score::Gaussians;

/// The file that says that a directory holds embeddings of ours.
pub(super) const MARKER: &str = "embed.json";

/// A directory with embeddings.
pub(super) const KIND: Kind = Kind {
    marker: MARKER,
    entries: &[
        MARKER,
        "images.npy",
        "images_logvar.npy",
        "images.parquet",
        "texts.npy",
        "texts_logvar.npy",
        "texts.parquet",
    ],
};

const IMAGE_FILES: [&str; 3] = ["images.npy", "images_logvar.npy", "images.parquet"];
const TEXT_FILES: [&str; 3] = ["texts.npy", "texts_logvar.npy", "texts.parquet"];

/// Texts a worker between two looks at whether to stop: a second of work with a large model.
const TEXT_SLICE: usize = 64;

#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub struct EmbedArgs {
    /// A folder of images, a manifest (CSV, TSV, JSON Lines, Parquet), COCO's annotations (.json), Parquet tables with the images in them,
    /// or WebDataset shards (.tar, a folder of them, or a pattern '{00..12}.tar')
    #[arg(long, value_name = "DIR|FILE", value_hint = ValueHint::AnyPath, group = "what")]
    images: Option<PathBuf>,

    /// Texts: a plain file with one a line, or JSON Lines with `text`; encoded exactly as given
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, group = "what")]
    texts: Option<PathBuf>,

    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    image: ImageArgs,

    /// Embed only this slice of the images, for N jobs that share the work: 1/N to N/N
    ///
    /// Which slice an image is in is decided by its name, so that it stays there when others come or go. Each job fills its own part of
    /// one store, or a store of its own for `cladist store merge`.
    #[arg(long, value_name = "I/N", requires = "images")]
    shard: Option<Slice>,

    /// Write the embeddings into this directory: images.npy, images.parquet, texts.npy, texts.parquet
    ///
    /// Of a model that tells how uncertain it is also log σ² of each value: images_logvar.npy, texts_logvar.npy.
    ///
    /// Earlier embeddings there are replaced; those of texts are kept when only images are embedded, and the other
    /// way round, if they are of the same model. Without it only the store is filled.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,

    /// Tell how much time each stage took, from reading the images to keeping their rows, and which one holds up the others
    #[arg(long, requires = "images")]
    profile: bool,
}

/// One of several slices of the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slice {
    /// From 0.
    i: u64,
    n: u64,
}

impl FromStr for Slice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(i, n)| {
            let (i, n): (u64, u64) = (i.parse().ok()?, n.parse().ok()?);
            (1..=n).contains(&i).then_some((i, n))
        });
        let (i, n) = numbers.ok_or("write I/N with I from 1 to N, such as 3/16")?;
        Ok(Self { i: i - 1, n })
    }
}

impl Slice {
    /// Whether the image of this name is in it.
    fn has(self, name: &str) -> bool {
        let hash = hash::digest([name.as_bytes()]);
        let first = hash[..8].try_into().unwrap_or_default();
        u64::from_be_bytes(first) % self.n == self.i
    }
}

pub fn run(args: &EmbedArgs) -> anyhow::Result<ExitCode> {
    let mut image = args.image.clone();
    match &args.out {
        Some(out) => Staging::check(out, KIND)?,
        None => image.store = image.store.named(),
    }
    let store = image.store.directory();
    if args.out.is_none() && store.is_none() {
        bail!("nothing would be kept: give --out DIR, or a --store");
    }
    let dataset = args.images.as_deref().map(open_dataset).transpose()?;
    let texts = args.texts.as_deref().map(texts::read).transpose()?;
    let stop = interrupt::install()?;
    let model = &args.model.model;
    let encoder = args
        .image
        .store
        .remembering(args.model.load(stop)?, model)?;
    let encoder = encoder.as_ref();
    let made_by = serde_json::json!({
        "cladist": env!("CARGO_PKG_VERSION"),
        "model": model,
        "dim": encoder.dim(),
        "logit_scale": encoder.logit_scale(),
        "fingerprint": encoder.fingerprint(),
    });
    let made_by = format!("{made_by:#}\n");
    let mut kept = Vec::new();
    if let (Some(out), None) = (&args.out, &dataset) {
        kept.extend(earlier(out, &IMAGE_FILES, &made_by)?);
    }
    if let (Some(out), None) = (&args.out, &texts) {
        kept.extend(earlier(out, &TEXT_FILES, &made_by)?);
    }

    let staging = args.out.as_deref().map(|out| Staging::new(out, KIND));
    let staging = staging.transpose()?;
    if let Some(texts) = &texts {
        let (embeddings, ids) = embed_texts(encoder, texts, stop)?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        if let Some(staging) = &staging {
            embed::write_texts(staging.path(), &embeddings, encoder.dim(), &texts, &ids)?;
        }
        tell!("{} embedded", count(texts.len(), "text"));
    }
    if let Some(dataset) = &dataset {
        let profile = args.profile.then(Profile::start);
        let encoding = Encoding {
            args: &image,
            encoder,
            model,
            dataset,
            stop,
            stages: profile
                .as_ref()
                .map_or_else(Stages::default, |p| p.stages.clone()),
        };
        let rows = embed_images(&encoding, args.shard, staging.as_ref().map(Staging::path))?;
        if let Some(profile) = profile {
            profile.tell(rows);
        }
        if rows == 0 {
            return Ok(ExitCode::FAILURE);
        }
        tell!("{} embedded", count(rows, "image"));
    }
    if stop.load(Ordering::Relaxed) {
        bail!(Interrupted);
    }
    let (Some(staging), Some(out)) = (staging, &args.out) else {
        tell!("kept in {}", store.unwrap_or_default().display());
        return Ok(ExitCode::SUCCESS);
    };
    for file in kept {
        take_over(&out.join(file), &staging.path().join(file))?;
    }
    let marker = staging.path().join(MARKER);
    std::fs::write(&marker, made_by)
        .with_context(|| format!("{}: cannot be written", marker.display()))?;
    if stop.load(Ordering::Relaxed) {
        bail!(Interrupted);
    }
    staging.publish()?;
    tell!("written to {}", out.display());
    Ok(ExitCode::SUCCESS)
}

/// Embeds the images of a slice, or all, and writes them into `dir` as they come: how many could be read.
fn embed_images(
    encoding: &Encoding<'_>,
    slice: Option<Slice>,
    dir: Option<&Path>,
) -> anyhow::Result<usize> {
    let all = encoding.dataset;
    let is_meant = |&i: &usize| slice.is_none_or(|slice| slice.has(all.item(i).name()));
    let items: Vec<usize> = (0..all.len()).filter(is_meant).collect();
    if items.is_empty() {
        bail!(
            "--shard: none of the {} is in this slice",
            count(all.len(), "image")
        );
    }
    let encoder = encoding.encoder;
    let files = |dir| embed::Images::new(dir, encoder.dim(), encoder.tells_uncertainty());
    let mut files = dir.map(files).transpose()?;
    let (mut done, mut rows) = (0, 0);
    encoding.each(&items, Some(BETWEEN_SHARDS), &mut |part| {
        let of_part = &items[done..done + part.rows.len()];
        let names = of_part.iter().zip(&part.rows);
        let names = names.filter_map(|(&i, row)| row.map(|_| all.item(i).name()));
        if let Some(files) = &mut files {
            files.push(&part.embeddings, names)?;
        }
        (done, rows) = (done + part.rows.len(), rows + part.embeddings.rows());
        Ok(())
    })?;
    if rows == 0 {
        tell!(
            "cladist: none of the images could be read ({})",
            count(items.len(), "image")
        );
    }
    files.map(embed::Images::finish).transpose()?;
    Ok(rows)
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

/// As [`encode_texts`], with the parts of the rows told apart.
pub(super) fn embed_prompts(
    encoder: &dyn Encoder,
    texts: &[&str],
    stop: &AtomicBool,
) -> anyhow::Result<Gaussians> {
    let rows = encode_texts(encoder, texts, stop)?;
    Ok(Gaussians::of_rows(rows, encoder.dim()))
}

/// Encodes texts with a progress bar, in slices between which an interruption is heard.
fn encode_texts(
    encoder: &dyn Encoder,
    texts: &[&str],
    stop: &AtomicBool,
) -> anyhow::Result<Matrix> {
    let bar = Progress::new("encoding", texts.len(), "texts");
    // Those of one length are encoded together.
    let lengths = texts.iter().map(|text| Ok(encoder.token_ids(text)?.len()));
    let lengths: Vec<usize> = lengths.collect::<Result<_, ModelError>>()?;
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by_key(|&i| lengths[i]);
    let columns = encoder.columns();
    let mut all = Matrix::new(columns, vec![0.0; texts.len() * columns]);
    for slice in order.chunks(TEXT_SLICE) {
        if stop.load(Ordering::Relaxed) {
            bar.finish();
            encoder.keep_texts()?;
            bail!(Interrupted);
        }
        let of_slice: Vec<&str> = slice.iter().map(|&i| texts[i]).collect();
        let rows = encoder.encode_texts(&of_slice)?;
        for (row, &i) in slice.iter().enumerate() {
            all.row_mut(i).copy_from_slice(rows.row(row));
        }
        bar.advance(slice.len());
    }
    bar.finish();
    encoder.keep_texts()?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_image_is_in_one_slice_and_stays_there() {
        let names: Vec<String> = (0..1000).map(|i| format!("photos/{i}.jpg")).collect();
        let slices: Vec<Slice> = (1..=7).map(|i| format!("{i}/7").parse().unwrap()).collect();
        let mut sizes = [0; 7];
        for name in &names {
            let of: Vec<usize> = (0..7).filter(|&i| slices[i].has(name)).collect();
            assert_eq!(of.len(), 1, "{name}");
            sizes[of[0]] += 1;
        }
        assert!(sizes.iter().all(|&size| size > 100), "{sizes:?}");
        // What jobs must agree on, whatever version they are of: the SHA-256 begins with 509b0d4641a7c3ba.
        assert!("2/3".parse::<Slice>().unwrap().has("a.jpg"));
        for wrong in ["", "3", "0/3", "4/3", "1/0", "a/b", "1/2/3", "-1/2"] {
            assert!(wrong.parse::<Slice>().is_err(), "{wrong}");
        }
        assert_eq!("1/1".parse(), Ok(Slice { i: 0, n: 1 }));
    }
}
