//! Files → decode → encode → unit embeddings: all cores busy, bounded memory, the order of the input.
//!
//! Decoders read, decode and resize micro-batches ahead and hand them over through a bounded channel, so an encoder
//! never waits for a disk while there is work. A micro-batch is a fixed slice of the input, whoever works on it: the
//! result does not depend on the number of threads.

mod table;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::matrix::Matrix;
use crate::model::pixels::{DecodeOptions, decode};
use crate::model::{Encoder, ModelError};

pub use table::{TableError, write_images, write_texts};

/// How to encode files.
#[derive(Debug, Clone)]
pub struct EmbedOptions {
    /// Images a micro-batch, at least 1.
    pub batch: usize,
    pub decode: DecodeOptions,
    /// Stop at the first file that cannot be read or decoded, instead of passing over it.
    pub stop_at_bad_image: bool,
}

/// Embeddings of the files that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// Unit rows, in the order of the input, without the failures.
    pub embeddings: Matrix,
    /// For each path the row of its embedding, `None` for a failure.
    pub rows: Vec<Option<usize>>,
    /// Index of each path that failed, and the reason; in the order of the input.
    pub failures: Vec<(usize, String)>,
}

/// Why nothing was encoded.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    #[error("interrupted")]
    Interrupted,
    #[error("{}: {reason}", path.display())]
    BadImage { path: PathBuf, reason: String },
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// A micro-batch on its way from a decoder to an encoder.
struct Prepared {
    batch: usize,
    /// The pixels of those that could be decoded, one after the other.
    pixels: Vec<f32>,
    failures: Vec<(usize, String)>,
}

/// A micro-batch's results.
type Done = (Matrix, Vec<(usize, String)>);

/// Encodes the files at `paths`.
///
/// `progress` is told the number of images finished since it was last called, from several threads. When `stop`
/// becomes true the work ends within a micro-batch. At most `2·workers + decoders + 1` micro-batches of decoded
/// images are held.
///
/// # Errors
/// An interruption; a model that fails; a bad image if the options say so.
pub fn encode_files(
    encoder: &dyn Encoder,
    paths: &[PathBuf],
    options: &EmbedOptions,
    progress: &(dyn Fn(usize) + Sync),
    stop: &AtomicBool,
) -> Result<Encoded, EmbedError> {
    let batches: Vec<&[PathBuf]> = paths.chunks(options.batch.max(1)).collect();
    let workers = encoder.workers().clamp(1, batches.len().max(1));
    let decoders = std::thread::available_parallelism().map_or(1, usize::from);
    let (to_encoders, prepared) = bounded::<Prepared>(workers + 1);
    let done: Vec<Mutex<Option<Done>>> = batches.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let halt = || stop.load(Ordering::Relaxed) || failed.load(Ordering::Relaxed);

    let decode_all = |to_encoders: Sender<Prepared>| {
        while !halt() {
            let batch = next.fetch_add(1, Ordering::Relaxed);
            let Some(paths) = batches.get(batch) else {
                return;
            };
            let ready = prepare(encoder, paths, batch, options, &halt);
            // The receivers are gone when an encoder has failed: there is nobody to tell.
            if to_encoders.send(ready).is_err() {
                return;
            }
        }
    };
    let encode_all = |prepared: Receiver<Prepared>| -> Result<(), EmbedError> {
        for Prepared {
            batch,
            pixels,
            failures,
        } in prepared
        {
            if halt() {
                break;
            }
            if let (true, Some((i, reason))) = (options.stop_at_bad_image, failures.first()) {
                failed.store(true, Ordering::Relaxed);
                let path = batches[batch][*i].clone();
                return Err(EmbedError::BadImage {
                    path,
                    reason: reason.clone(),
                });
            }
            match encoder.encode_images(&pixels) {
                Ok(rows) => {
                    *done[batch].lock().expect("no holder panics") = Some((rows, failures));
                    progress(batches[batch].len());
                }
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    return Err(error.into());
                }
            }
        }
        Ok(())
    };

    std::thread::scope(|scope| {
        for _ in 0..decoders {
            let to_encoders = to_encoders.clone();
            scope.spawn(|| decode_all(to_encoders));
        }
        drop(to_encoders);
        let encoders: Vec<_> = (0..workers)
            .map(|_| {
                let prepared = prepared.clone();
                scope.spawn(|| encode_all(prepared))
            })
            .collect();
        drop(prepared);
        encoders
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect::<Result<Vec<()>, _>>()
    })?;
    if stop.load(Ordering::Relaxed) {
        return Err(EmbedError::Interrupted);
    }
    Ok(gather(
        encoder.dim(),
        paths.len(),
        options.batch.max(1),
        done,
    ))
}

/// Decodes one micro-batch. What could not be decoded is told by its index within the batch.
fn prepare(
    encoder: &dyn Encoder,
    paths: &[PathBuf],
    batch: usize,
    options: &EmbedOptions,
    halt: &dyn Fn() -> bool,
) -> Prepared {
    let (height, width) = encoder.preprocess().output_size();
    let mut pixels = Vec::with_capacity(paths.len() * 3 * height * width);
    let mut failures = Vec::new();
    for (i, path) in paths.iter().enumerate() {
        if halt() {
            break;
        }
        match load(encoder, path, &options.decode) {
            Ok(image) => pixels.extend_from_slice(&image),
            Err(reason) => failures.push((i, reason)),
        }
    }
    Prepared {
        batch,
        pixels,
        failures,
    }
}

fn load(encoder: &dyn Encoder, path: &Path, options: &DecodeOptions) -> Result<Vec<f32>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let image = decode(&bytes, options).map_err(|error| error.to_string())?;
    Ok(encoder.preprocess().apply(&image))
}

fn gather(dim: usize, paths: usize, batch: usize, done: Vec<Mutex<Option<Done>>>) -> Encoded {
    let mut data = Vec::with_capacity(paths * dim);
    let mut rows = Vec::with_capacity(paths);
    let mut failures = Vec::new();
    for (b, done) in done.into_iter().enumerate() {
        let done = done.into_inner().expect("no holder panics");
        let (embeddings, failed) = done.expect("without an error every batch is done");
        let first = b * batch;
        let size = batch.min(paths - first);
        let mut next_row = data.len().checked_div(dim).unwrap_or(0);
        let mut bad = failed.into_iter().peekable();
        for i in 0..size {
            if let Some((_, reason)) = bad.next_if(|(bad, _)| *bad == i) {
                failures.push((first + i, reason));
                rows.push(None);
            } else {
                rows.push(Some(next_row));
                next_row += 1;
            }
        }
        data.extend_from_slice(embeddings.as_slice());
    }
    Encoded {
        embeddings: Matrix::new(dim, data),
        rows,
        failures,
    }
}
