//! Image files → decode → encode → unit embeddings: all cores busy, bounded memory, the order of the input.
//!
//! Decoders read, decode and resize micro-batches ahead and hand them over through a bounded channel, so an encoder
//! never waits for a disk while there is work. What was encoded before is taken from a [`store`].
//!
//! A row depends on its image alone, to the bit: where the number of images that a model is given has a say in the order of its
//! sums, unlike their places and what they are, every micro-batch is full. So it makes no difference which images are encoded
//! together, and which of them are known already. Only where that number is left to be found ([`Batch::found`]) it is so to within rounding.

mod batch;
mod keeping;
mod pipeline;
mod search;
mod stages;
pub mod store;
mod table;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::matrix::Matrix;
use crate::model::pixels::{self, DecodeOptions, Preprocess, is_deep_grey};
use crate::model::{Encoder, ModelError};
use pipeline::{Fault, Loading, Pipeline};
use store::StoreError;

pub use batch::{Batch, Cut};
pub use keeping::{Kept, Known, encode_new_images};
pub use stages::{Stage, Stages};
pub use table::{Images, TableError, write_texts};

/// How to encode files.
#[derive(Debug, Clone)]
pub struct EmbedOptions {
    /// Images a micro-batch. On some devices their number changes the last bits of the values.
    pub batch: Batch,
    pub decode: DecodeOptions,
    /// Stop at the first file that cannot be read or decoded, instead of passing over it.
    pub stop_at_bad_image: bool,
    /// Measures the stages of the work.
    pub stages: Stages,
}

/// Embeddings of the images that could be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Encoded {
    /// The encoder's rows, in the order of the input, without the failures.
    pub embeddings: Matrix,
    /// For each image the row of its embedding, `None` for a failure.
    pub rows: Vec<Option<usize>>,
    /// Index of each image that failed, and the reason; in the order of the input.
    pub failures: Vec<(usize, String)>,
    /// How many pictures hold 16-bit greys, which are clipped at 255.
    pub deep_greys: usize,
}

impl Encoded {
    /// Adds what was encoded of the images that follow.
    pub fn append(&mut self, next: Self) {
        let (images, first_row) = (self.rows.len(), self.embeddings.rows());
        let mut data = std::mem::take(&mut self.embeddings).into_vec();
        data.extend_from_slice(next.embeddings.as_slice());
        self.embeddings = Matrix::new(next.embeddings.cols(), data);
        let rows = next.rows.into_iter();
        self.rows.extend(rows.map(|row| row.map(|r| first_row + r)));
        let failures = next.failures.into_iter();
        self.failures
            .extend(failures.map(|(i, reason)| (images + i, reason)));
        self.deep_greys += next.deep_greys;
    }
}

/// Why nothing was encoded.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    #[error("interrupted")]
    Interrupted,
    #[error("image {index} (counted from 0): {reason}")]
    BadImage { index: usize, reason: String },
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Gives the content of the image file with this index, or tells why there is none.
pub type ReadImage<'a> = dyn Fn(usize) -> Result<Vec<u8>, String> + Sync + 'a;

/// Encodes `count` images, of which `read` gives the files' content: of any format that can be decoded.
///
/// `progress` is told the number of images finished since it was last called, from several threads. When `stop`
/// becomes true the work ends within a micro-batch. At most `2·workers + cores + 1` micro-batches of decoded
/// images are held, where workers is what the encoder says. Where the device's memory is too small for a micro-batch, it is encoded in
/// parts ([`Batch`]).
///
/// # Errors
/// An interruption; a model that fails; the first bad image if the options say so.
pub fn encode_images(
    encoder: &dyn Encoder,
    count: usize,
    read: &ReadImage<'_>,
    options: &EmbedOptions,
    progress: &(dyn Fn(usize) + Sync),
    stop: &AtomicBool,
) -> Result<Encoded, EmbedError> {
    encode_some(
        encoder,
        count,
        &|i, load| {
            load(&options.stages.time(Stage::Read, || read(i))?)?;
            Ok(Loading::Encode)
        },
        options,
        progress,
        stop,
    )
}

/// Decodes the content of an image file for the model, or tells why it cannot be.
type Decode<'a> = dyn for<'b> FnMut(&'b [u8]) -> Result<(), String> + 'a;

/// Reads an image and has it decoded, or passes over it.
type Choose<'a> =
    dyn for<'b, 'c> Fn(usize, &'b mut Decode<'c>) -> Result<Loading, String> + Sync + 'a;

/// As [`encode_images`], of those images that `choose` has decoded.
fn encode_some(
    encoder: &dyn Encoder,
    count: usize,
    choose: &Choose<'_>,
    options: &EmbedOptions,
    progress: &(dyn Fn(usize) + Sync),
    stop: &AtomicBool,
) -> Result<Encoded, EmbedError> {
    let preprocess = encoder.preprocess();
    let (height, width) = preprocess.output_size();
    let values = 3 * height * width;
    let deep_greys = AtomicUsize::new(0);
    let pipeline = Pipeline {
        items: count,
        batch: options.batch.images(),
        values,
        dim: encoder.columns(),
        loaders: loaders(),
        workers: encoder.workers().max(1),
        load: &|i, pixels| {
            choose(i, &mut |bytes| {
                let is_deep_grey = load(bytes, options, preprocess, pixels)?;
                deep_greys.fetch_add(usize::from(is_deep_grey), Ordering::Relaxed);
                Ok(())
            })
        },
        encode: &|pixels| options.batch.encode(encoder, pixels, values),
        stages: options.stages.clone(),
        stop_at_failure: options.stop_at_bad_image,
        progress,
        stop,
    };
    let encoded = pipeline.run().map_err(|fault| match fault {
        Fault::Interrupted => EmbedError::Interrupted,
        Fault::Model(error) => EmbedError::Model(error),
        Fault::Item(index, reason) => EmbedError::BadImage { index, reason },
    })?;
    Ok(Encoded {
        deep_greys: deep_greys.into_inner(),
        ..encoded
    })
}

/// Threads that read and decode.
fn loaders() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Adds the pixels of an image file, and says whether it holds 16-bit greys.
fn load(
    bytes: &[u8],
    EmbedOptions { decode, stages, .. }: &EmbedOptions,
    preprocess: &Preprocess,
    values: &mut Vec<f32>,
) -> Result<bool, String> {
    let options = preprocess.decode_options(decode);
    let picture = stages
        .time(Stage::Decode, || pixels::read(bytes, &options))
        .map_err(|error| error.to_string())?;
    let (height, width) = preprocess.output_size();
    let start = values.len();
    values.resize(start + 3 * height * width, 0.0);
    stages.time(Stage::Resize, || {
        preprocess.apply_into(picture, &mut values[start..]);
    });
    Ok(is_deep_grey(bytes))
}
