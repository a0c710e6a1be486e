//! How many images an encoder is given at once: as many as was asked for, fewer where its memory is too small for them.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::matrix::Matrix;
use crate::model::{Encoder, ModelError};

/// The size of micro-batches. Clones are one and the same: what one of them finds out of a device's memory, all know.
#[derive(Clone)]
pub struct Batch(Arc<State>);

struct State {
    /// Images that are loaded together; never are more given to the encoder at once.
    images: usize,
    /// Images that are given to the encoder at once.
    at_once: AtomicUsize,
    cut: Mutex<Option<Cut>>,
}

/// Memory that was too small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Images that were given to the encoder at once.
    pub from: usize,
    /// Images that are given to it from then on.
    pub to: usize,
    /// What the device said.
    pub reason: String,
}

impl Batch {
    /// So many images, at least 1. Where their number has a say in the values, micro-batches with fewer are made full.
    pub fn of(images: usize) -> Self {
        let images = images.max(1);
        Self(Arc::new(State {
            images,
            at_once: AtomicUsize::new(images),
            cut: Mutex::default(),
        }))
    }

    /// Images that are loaded together, and encoded together where there is memory enough.
    pub fn images(&self) -> usize {
        self.0.images
    }

    /// Images that are given to an encoder at once by now.
    pub fn at_once(&self) -> usize {
        self.0.at_once.load(Ordering::Relaxed)
    }

    /// What memory was too small for since this was last asked.
    pub fn take_cut(&self) -> Option<Cut> {
        self.0.lock_cut().take()
    }

    /// Whether all rows so far are those that this size makes, to the bit.
    pub fn is_whole(&self, encoder: &dyn Encoder) -> bool {
        !encoder.batch_matters() || self.at_once() == self.images()
    }

    /// Encodes pixels, `values` an image, in as many parts as memory asks for. Where their number has a say, parts with fewer images than
    /// are given at once are filled with zeros.
    ///
    /// # Errors
    /// Those of the encoder; [`ModelError::OutOfMemory`] only where one image is too much.
    pub(super) fn encode(
        &self,
        encoder: &dyn Encoder,
        pixels: &[f32],
        values: usize,
    ) -> Result<Matrix, ModelError> {
        let values = values.max(1);
        let (mut rest, mut done) = (pixels, None);
        loop {
            let at_once = self.at_once();
            let images = (rest.len() / values).min(at_once);
            let given = match encoder.batch_matters() {
                true => at_once,
                false => images,
            };
            let (part, others) = rest.split_at(images * values);
            let rows = match encode_full(encoder, part, images, given) {
                Err(ModelError::OutOfMemory(reason)) if given > 1 => {
                    self.0.halve(given, reason);
                    continue;
                }
                rows => rows?,
            };
            // What is wrong with the rows is told by who counts them.
            let is_wrong = (rows.rows(), rows.cols()) != (images, encoder.columns());
            if is_wrong || (others.is_empty() && done.is_none()) {
                return Ok(rows);
            }
            let done = done.get_or_insert_with(|| Vec::with_capacity(pixels.len() / values));
            done.extend_from_slice(rows.as_slice());
            if others.is_empty() {
                return Ok(Matrix::new(encoder.columns(), std::mem::take(done)));
            }
            rest = others;
        }
    }
}

/// Encodes so many images as if there were as many as are `given`.
fn encode_full(
    encoder: &dyn Encoder,
    pixels: &[f32],
    images: usize,
    given: usize,
) -> Result<Matrix, ModelError> {
    if images >= given {
        return encoder.encode_images(pixels);
    }
    let mut full = pixels.to_vec();
    full.resize(pixels.len() / images.max(1) * given, 0.0);
    let rows = encoder.encode_images(&full)?;
    Ok(rows.first_rows(images.min(rows.rows())))
}

impl State {
    fn lock_cut(&self) -> std::sync::MutexGuard<'_, Option<Cut>> {
        // It is written at once, so it is whole also after a panic.
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that `given` images were too many. Of several threads that find that at once each halves what it has given itself.
    fn halve(&self, given: usize, reason: String) {
        let to = given / 2;
        self.at_once.fetch_min(to, Ordering::Relaxed);
        let mut cut = self.lock_cut();
        let from = cut.as_ref().map_or(given, |cut| cut.from.max(given));
        let to = cut.as_ref().map_or(to, |cut| cut.to.min(to));
        *cut = Some(Cut { from, to, reason });
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("images", &self.images())
            .field("at_once", &self.at_once())
            .finish()
    }
}
