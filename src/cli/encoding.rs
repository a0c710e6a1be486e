//! Images of a data set → embeddings, for every command that needs them: in parts, through the store if there is one, with progress and with
//! what could not be read.

use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::model_args::ImageArgs;
use super::output::tell;
use super::parts::{BETWEEN_LOOKS, Parts};
use super::progress::Progress;
use super::store::{self, BETWEEN_SHARDS};
use super::{Interrupted, count};
use crate::dataset::{Dataset, Item};
use crate::embed::{self, Batch, Cut, EmbedError, EmbedOptions, Encoded, Known, Stage, Stages};
use crate::matrix::Matrix;
use crate::model::Encoder;

/// Images of which is looked up at once whether the store has them: what is known of one before it is read is some hundred bytes.
const LOOKED_UP_AT_ONCE: usize = 1 << 20;

/// Images that are to be encoded, by whom, and how.
pub struct Encoding<'a> {
    pub args: &'a ImageArgs,
    pub encoder: &'a dyn Encoder,
    /// What the user calls the model.
    pub model: &'a str,
    pub dataset: &'a Dataset,
    pub stop: &'a AtomicBool,
    pub stages: Stages,
}

/// Is shown what is encoded so far.
pub type Look<'a> = dyn FnMut(&Encoded) + 'a;

/// Is given what is encoded, part after part.
type Take<'a> = dyn FnMut(Encoded) -> anyhow::Result<()> + 'a;

impl Encoding<'_> {
    /// Encodes these items of the data set with a progress bar, and lists those that could not be read. Part by part if there is somebody to
    /// look at what is encoded between them; the embeddings are the same.
    pub fn encode(
        &self,
        items: &[usize],
        mut look: Option<&mut Look<'_>>,
    ) -> anyhow::Result<Encoded> {
        let columns = self.encoder.columns();
        // At once, so that they are never copied: the memory is used when they are there.
        let room = Vec::with_capacity(items.len() * columns);
        let mut all = Encoded {
            embeddings: Matrix::new(columns, room),
            ..Encoded::default()
        };
        let longest = look.is_some().then_some(BETWEEN_LOOKS);
        self.each(items, longest, &mut |part| {
            all.append(part);
            if let Some(look) = look.as_mut()
                && all.rows.len() < items.len()
            {
                look(&all);
            }
            Ok(())
        })?;
        Ok(all)
    }

    /// Encodes these items, and hands them over in parts: of a store's own size if they are kept in one, all at once if nobody wants them
    /// sooner.
    pub fn each(
        &self,
        items: &[usize],
        longest: Option<Duration>,
        take: &mut Take<'_>,
    ) -> anyhow::Result<()> {
        let mut options = EmbedOptions {
            stages: self.stages.clone(),
            ..self.args.embed_options(self.encoder)
        };
        let mut store = self.args.store.images(self.encoder, &options, self.model)?;
        let bar = Progress::new("encoding", items.len(), "images");
        let mut faults = Faults::default();
        let mut work = || -> anyhow::Result<()> {
            let longest = longest.or(store.as_ref().map(|_| BETWEEN_SHARDS));
            let mut parts = longest.map(|longest| Parts::new(options.batch.images(), longest));
            let of = |part: Range<usize>| -> Vec<Item> {
                let items = items[part].iter();
                items.map(|&i| self.dataset.item(i)).collect()
            };
            let (mut believed, mut known) = (store::Believed::default(), 0..0);
            let mut start = 0;
            while start < items.len() {
                if let Some(store) = &store
                    && start == known.end
                {
                    known = start..items.len().min(start + LOOKED_UP_AT_ONCE);
                    believed = store.believed(&of(known.clone()))?;
                }
                let size = parts.as_ref().map_or(items.len(), Parts::size);
                let end = if store.is_some() {
                    known.end
                } else {
                    items.len()
                };
                let part = start..end.min(start + size);
                let begun = Instant::now();
                let encoded = self.encode_part(
                    &of(part.clone()),
                    &options,
                    &bar,
                    store.as_ref().map(|store| {
                        let known = start - known.start..part.end - known.start;
                        (store, believed.part(known))
                    }),
                );
                let encoded = encoded.map_err(|error| self.told(error, &items[part.clone()]))?;
                faults.add(start, &encoded);
                take(encoded)?;
                if let Some(parts) = &mut parts {
                    parts.took(part.len(), begun.elapsed());
                }
                start = part.end;
                if start < items.len()
                    && let Some(closed) =
                        store.take_if(|_| !options.batch.fits_recipe(self.encoder))
                {
                    closed.flush()?;
                    closed.tell();
                    // What is made otherwise is another collection's.
                    options.batch = Batch::of(options.batch.at_once());
                    bar.tell(format!(
                        "from the next images on the store has them with those of --batch {}",
                        options.batch.images()
                    ));
                    store = self.args.store.images(self.encoder, &options, self.model)?;
                    known = start..start;
                }
            }
            Ok(())
        };
        let worked = work();
        bar.finish();
        // Also after an interruption: what is encoded is encoded.
        let flushed = store.as_ref().map_or(Ok(()), store::Images::flush);
        worked?;
        flushed?;
        if let Some(store) = &store {
            store.tell();
        }
        if let Some(images) = options.batch.finding() {
            tell!(
                "{}: up to {images} images were encoded at once; with --batch {images} rows are the same to the bit each time",
                self.encoder.device_name()
            );
        }
        self.tell(&faults, items);
        Ok(())
    }

    /// Encodes what is not known of one part.
    fn encode_part(
        &self,
        items: &[Item<'_>],
        options: &EmbedOptions,
        bar: &Progress,
        store: Option<(&store::Images, store::Part<'_>)>,
    ) -> Result<Encoded, EmbedError> {
        let read = |i: usize| Ok(items[i].picture().read()?.into_owned());
        let (count, encoder, stop) = (items.len(), self.encoder, self.stop);
        let progress = progress(bar, encoder, options);
        let Some((store, believed)) = store else {
            return embed::encode_images(encoder, count, &read, options, &progress, stop);
        };
        let known = Known {
            collection: store.collection(),
            hinted: &store.hinted(believed),
        };
        let kept = embed::encode_new_images(encoder, known, &read, options, &progress, stop)?;
        store.learn(items, believed, &kept);
        let described = |i: usize| {
            let item = items[i];
            (shown_path(item), item.labels().first().cloned())
        };
        let keep = || store.keep(&kept, &described);
        self.stages.time(Stage::Keep, keep)?;
        Ok(kept.encoded)
    }

    /// The error that ended the encoding of these items.
    fn told(&self, error: EmbedError, items: &[usize]) -> anyhow::Error {
        match error {
            EmbedError::Interrupted => anyhow::Error::new(Interrupted),
            EmbedError::BadImage { index, reason } => anyhow!(
                "{}\n--on-bad-image skip leaves such images out",
                self.bad(items[index], &reason)
            ),
            error => anyhow::Error::new(error),
        }
    }

    /// What is wrong with an item, with its place.
    fn bad(&self, item: usize, reason: &str) -> String {
        let place = match self.dataset.item(item).line() {
            Some(_) => format!(" ({})", self.dataset.place(item)),
            None => String::new(),
        };
        let path = shown_path(self.dataset.item(item));
        format!("{path}{place}: {reason}")
    }

    /// Lists what could not be read.
    fn tell(&self, faults: &Faults, items: &[usize]) {
        if !faults.failures.is_empty() {
            tell!(
                "{} could not be read and {} left out:",
                count(faults.failures.len(), "image"),
                if faults.failures.len() == 1 {
                    "is"
                } else {
                    "are"
                },
            );
            for (index, reason) in &faults.failures {
                tell!("  {}", self.bad(items[*index], reason));
            }
        }
        if faults.deep_greys > 0 {
            tell!(
                "{} images hold 16-bit greys, of which those above 255 are white, as in transformers: scale the files to 8 bits if that empties them",
                faults.deep_greys
            );
        }
    }
}

/// Tells of images that are encoded, and of memory that is too small for them.
pub fn progress(
    bar: &Progress,
    encoder: &dyn Encoder,
    options: &EmbedOptions,
) -> impl Fn(usize) + Sync {
    move |count| {
        bar.advance(count);
        if let Some(Cut { from, to, reason }) = options.batch.take_cut() {
            bar.tell(format!(
                "{}: too little memory for {from} images at once, so from here on they are encoded {to} at once ({reason})",
                encoder.device_name()
            ));
        }
    }
}

/// The file of an image; of one that is in an archive, with its name there.
fn shown_path(item: Item<'_>) -> String {
    let picture = item.picture();
    match (picture.path(), picture.holder()) {
        (Some(path), _) => path.display().to_string(),
        (None, Some(holder)) => holder.join(item.own_name()).display().to_string(),
        (None, None) => item.name().to_owned(),
    }
}

/// What there is to tell of images that are encoded.
#[derive(Default)]
struct Faults {
    failures: Vec<(usize, String)>,
    deep_greys: usize,
}

impl Faults {
    /// Adds those of a part that begins at an item.
    fn add(&mut self, start: usize, part: &Encoded) {
        let failures = part.failures.iter();
        self.failures
            .extend(failures.map(|(i, reason)| (start + i, reason.clone())));
        self.deep_greys += part.deep_greys;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use clap::Parser;

    use super::*;
    use crate::cli::open_dataset;
    use crate::embed::store::Store;
    use crate::embed::tests::files::{Reader, picture};
    use crate::model::ModelError;

    #[derive(Parser)]
    struct Args {
        #[command(flatten)]
        images: ImageArgs,
    }

    /// A device that has room for eight images, and after the first part only for three.
    #[test]
    fn rows_of_smaller_batches_are_kept_with_their_like() {
        let dir = tempfile::TempDir::new().unwrap();
        let pictures = dir.path().join("pictures");
        std::fs::create_dir(&pictures).unwrap();
        for i in 0..200 {
            picture(&pictures, i);
        }
        let dataset = open_dataset(&pictures).unwrap();
        let numbers: Vec<f32> = (0..200)
            .map(|i| {
                let name = dataset.item(i).name();
                name.trim_end_matches(".png").parse().unwrap()
            })
            .collect();

        let store = dir.path().join("store");
        let args = ["", "--batch", "8", "--store", store.to_str().unwrap()];
        let args = Args::try_parse_from(args).unwrap();
        static SEEN: AtomicUsize = AtomicUsize::new(0);
        let mut encoder = Reader::new(1);
        encoder.given = Box::new(|images| {
            let is_early = SEEN.load(Ordering::Relaxed) < 64;
            if images > if is_early { 8 } else { 3 } {
                return Err(ModelError::OutOfMemory(format!("no room for {images}")));
            }
            SEEN.fetch_add(images, Ordering::Relaxed);
            Ok(())
        });
        let encoding = Encoding {
            args: &args.images,
            encoder: &encoder,
            model: "reader",
            dataset: &dataset,
            stop: &AtomicBool::new(false),
            stages: Stages::default(),
        };
        let items: Vec<usize> = (0..200).collect();
        let encoded = encoding.encode(&items, None).unwrap();
        assert_eq!(encoded.embeddings.as_slice(), numbers);

        // 64 images of the first part, none of the second, in which memory became too small, and the others.
        let mut kept: Vec<(u64, usize)> = (Store::at(&store).collections().unwrap().iter())
            .map(|one| {
                let batch = one.recipe().made_by()["batch"].as_u64();
                (batch.unwrap(), one.size().keys)
            })
            .collect();
        kept.sort_unstable();
        assert_eq!(kept, [(2, 200 - 64 - 128), (8, 64)]);
    }
}
