//! Files through the pipeline, with an encoder that reads back which picture it is given.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::embed::{Batch, EmbedError, EmbedOptions, Encoded, Stages, encode_images};
use crate::matrix::Matrix;
use crate::model::pixels::{DecodeOptions, Preprocess};
use crate::model::{Encoder, Fingerprint, ModelError};

pub(super) const SIDE: usize = 4;

/// The row of a picture is its number, written in the red and the green of all its pixels.
pub(crate) struct Reader {
    preprocess: Preprocess,
    fingerprint: Fingerprint,
    workers: usize,
    pub(crate) batch_matters: bool,
    /// What happens when it is given so many images.
    pub(crate) given: Box<dyn Fn(usize) -> Result<(), ModelError> + Send + Sync>,
}

impl Reader {
    pub(crate) fn new(workers: usize) -> Self {
        let preprocess = Preprocess {
            rescale: None,
            normalize: None,
            ..Preprocess::clip(SIDE as u32)
        };
        let fingerprint = Fingerprint {
            weights: String::new(),
            config: String::new(),
            tokenizer: String::new(),
            preprocess: preprocess.clone(),
            dtype: "f32".to_owned(),
            device: "cpu".to_owned(),
        };
        Self {
            preprocess,
            fingerprint,
            workers,
            batch_matters: true,
            given: Box::new(|_| Ok(())),
        }
    }
}

impl Encoder for Reader {
    fn dim(&self) -> usize {
        1
    }

    fn logit_scale(&self) -> f32 {
        1.0
    }

    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    fn device_name(&self) -> String {
        "cpu".to_owned()
    }

    fn dtype_name(&self) -> &'static str {
        "f32"
    }

    fn workers(&self) -> usize {
        self.workers
    }

    fn batch_matters(&self) -> bool {
        self.batch_matters
    }

    fn encode_images(&self, pixels: &[f32]) -> Result<Matrix, ModelError> {
        (self.given)(pixels.len() / (3 * SIDE * SIDE))?;
        let number = |image: &[f32]| {
            let (red, rest) = image.split_at(SIDE * SIDE);
            let (green, blue) = rest.split_at(SIDE * SIDE);
            for plane in [red, green, blue] {
                assert!(plane.iter().all(|v| *v == plane[0]), "{plane:?}");
            }
            // Nothing is where a micro-batch is not full.
            assert!(blue[0] == 7.0 || image.iter().all(|v| *v == 0.0));
            red[0] + 256.0 * green[0]
        };
        std::thread::yield_now();
        let images = pixels.chunks_exact(3 * SIDE * SIDE);
        assert!(images.remainder().is_empty());
        Ok(Matrix::new(1, images.map(number).collect()))
    }

    fn token_ids(&self, _: &str) -> Result<Vec<u32>, ModelError> {
        unimplemented!("no text is encoded here")
    }

    fn encode_texts(&self, _: &[&str]) -> Result<Matrix, ModelError> {
        unimplemented!("no text is encoded here")
    }
}

/// Picture number `i`, of a size of its own.
pub(crate) fn picture(folder: &Path, i: usize) -> PathBuf {
    let colour = [(i % 256) as u8, (i / 256) as u8, 7];
    let image = image::RgbImage::from_pixel(3 + i as u32 % 5, 9, image::Rgb(colour));
    let path = folder.join(format!("{i}.png"));
    image.save(&path).unwrap();
    path
}

pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| error.to_string())
}

pub(super) fn options(batch: usize) -> EmbedOptions {
    EmbedOptions {
        batch: Batch::of(batch),
        decode: DecodeOptions::default(),
        stop_at_bad_image: false,
        stages: Stages::default(),
    }
}

fn encode(
    paths: &[PathBuf],
    workers: usize,
    options: &EmbedOptions,
) -> Result<Encoded, EmbedError> {
    let stop = AtomicBool::new(false);
    let finished = AtomicUsize::new(0);
    let progress = |count: usize| {
        finished.fetch_add(count, Ordering::Relaxed);
    };
    let read = |i: usize| read_file(&paths[i]);
    let encoded = encode_images(
        &Reader::new(workers),
        paths.len(),
        &read,
        options,
        &progress,
        &stop,
    )?;
    assert_eq!(finished.into_inner(), paths.len());
    Ok(encoded)
}

#[test]
fn files_become_rows_in_their_order_with_bad_ones_between() {
    let dir = TempDir::new().unwrap();
    let mut paths: Vec<PathBuf> = (0..300).map(|i| picture(dir.path(), i)).collect();
    // The order of the input counts, not that of the names.
    paths.reverse();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("empty.png"), b"").unwrap();
    std::fs::write(at("text.jpg"), b"no picture").unwrap();
    std::fs::create_dir(at("folder.jpg")).unwrap();
    let whole = std::fs::read(&paths[0]).unwrap();
    std::fs::write(at("half.png"), &whole[..whole.len() / 2]).unwrap();
    let bad = [
        (0, at("empty.png"), "an empty file"),
        (10, at("text.jpg"), "a text file"),
        (11, at("folder.jpg"), "Is a directory"),
        (100, at("nowhere.png"), "os error 2"),
        (305, at("half.png"), "PNG"),
    ];
    for (i, path, _) in &bad {
        paths.insert(*i.min(&paths.len()), path.clone());
    }
    assert_eq!(paths.len(), 305);

    for (batch, workers) in [(1, 1), (32, 3), (7, 8), (1000, 2)] {
        let found = encode(&paths, workers, &options(batch)).unwrap();
        let numbers: Vec<f32> = (0..300).rev().map(|i| i as f32).collect();
        assert_eq!(found.embeddings.as_slice(), numbers, "{batch} {workers}");
        let failed: Vec<usize> = found.failures.iter().map(|(i, _)| *i).collect();
        assert_eq!(failed, [0, 10, 11, 100, 304]);
        for ((_, reason), (_, _, part)) in found.failures.iter().zip(&bad) {
            assert!(reason.contains(part), "{reason:?} does not say {part:?}");
        }
        let rows = found.rows.iter().flatten().copied();
        assert!(rows.eq(0..300));
        assert!(failed.iter().all(|&i| found.rows[i].is_none()));
    }

    let options = EmbedOptions {
        stop_at_bad_image: true,
        ..options(4)
    };
    let error = encode(&paths[1..], 4, &options).unwrap_err();
    assert!(
        matches!(&error, EmbedError::BadImage { index: 9, .. }),
        "{error}"
    );
}

#[test]
fn nothing_and_one() {
    let dir = TempDir::new().unwrap();
    let none = encode(&[], 4, &options(32)).unwrap();
    assert_eq!((none.embeddings.rows(), none.embeddings.cols()), (0, 1));
    assert!(none.rows.is_empty() && none.failures.is_empty());
    let one = encode(&[picture(dir.path(), 258)], 4, &options(32)).unwrap();
    assert_eq!(one.embeddings.as_slice(), [258.0]);
}

#[test]
fn an_interruption_is_no_result() {
    let dir = TempDir::new().unwrap();
    let path = picture(dir.path(), 1);
    let stop = AtomicBool::new(true);
    let read = |_: usize| read_file(&path);
    let ended = encode_images(&Reader::new(2), 1, &read, &options(1), &|_| {}, &stop);
    assert!(matches!(ended, Err(EmbedError::Interrupted)), "{ended:?}");
}
