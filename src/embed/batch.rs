//! How many images an encoder is given at once: as many as was asked for, or as it is fastest with; fewer where its memory is too small
//! for them.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::search::Search;
use crate::matrix::Matrix;
use crate::model::{Encoder, ModelError};

/// Images that are loaded together where it is found out how many are encoded at once, and so the most: such a micro-batch takes 150 MB of
/// the host's memory at 224 × 224 pixels, and several are on their way.
const MOST: usize = 256;

/// The size of micro-batches. Clones are one and the same: what one of them finds out of a device's memory, all know.
#[derive(Clone)]
pub struct Batch(Arc<State>);

struct State {
    /// Images that are loaded together; never are more given to the encoder at once.
    images: usize,
    /// Images that are given to the encoder at once.
    at_once: AtomicUsize,
    cut: Mutex<Option<Cut>>,
    /// How the number is found, if it is.
    trials: Option<Trials>,
}

struct Trials {
    clock: fn() -> Duration,
    /// Held while the number that it says is tried, so that nothing else is computed meanwhile.
    search: Mutex<Search>,
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
        Self::new(images, images, None)
    }

    /// As many images as the encoder is fastest with: begins small, and doubles while that gives more images a second and there is memory.
    /// The clock never goes back, from whenever.
    ///
    /// What is found depends on the time that things take, so micro-batches are not made full, and where their size has a say in the values
    /// these agree with others to within rounding, not to the bit.
    pub fn found(clock: fn() -> Duration) -> Self {
        let search = Search::new(MOST);
        let first = search.at_once();
        let search = Mutex::new(search);
        Self::new(MOST, first, Some(Trials { clock, search }))
    }

    fn new(images: usize, at_once: usize, trials: Option<Trials>) -> Self {
        Self(Arc::new(State {
            images,
            at_once: AtomicUsize::new(at_once),
            cut: Mutex::default(),
            trials,
        }))
    }

    /// Whether it is found, and not said.
    pub fn is_found(&self) -> bool {
        self.0.trials.is_some()
    }

    /// Images that are loaded together, and encoded together where there is memory enough.
    pub fn images(&self) -> usize {
        self.0.images
    }

    /// Images that are given to an encoder at once by now.
    pub fn at_once(&self) -> usize {
        self.0.at_once.load(Ordering::Relaxed)
    }

    /// What was found out, once it is.
    pub fn finding(&self) -> Option<usize> {
        let trials = self.0.trials.as_ref()?;
        trials.next().is_none().then(|| self.at_once())
    }

    /// What memory was too small for since this was last asked.
    pub fn take_cut(&self) -> Option<Cut> {
        self.0.lock_cut().take()
    }

    /// Whether all rows so far are what a recipe with this size says.
    pub fn fits_recipe(&self, encoder: &dyn Encoder) -> bool {
        !encoder.batch_matters() || self.is_found() || self.at_once() == self.images()
    }

    /// Encodes pixels, `values` an image, in as many parts as there must be. Where a number was said and has a say in the values, parts
    /// with fewer images than are given at once are filled with zeros.
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
        if !pixels.len().is_multiple_of(values) {
            // The encoder tells that they are not whole images.
            return encoder.encode_images(pixels);
        }
        let is_filled = encoder.batch_matters() && !self.is_found();
        let (mut rest, mut done) = (pixels, None);
        loop {
            let trial = self.0.trials.as_ref().and_then(Trials::next);
            let at_once = self.at_once();
            let images = (rest.len() / values).min(at_once);
            let given = if is_filled { at_once } else { images };
            let (part, others) = rest.split_at(images * values);
            let start = trial.as_ref().map(|trial| (trial.clock)());
            let rows = match encode_full(encoder, part, images, given) {
                Err(ModelError::OutOfMemory(reason)) if given > 1 => {
                    self.0.halve(given, reason, trial);
                    continue;
                }
                rows => rows?,
            };
            if let (Some(mut trial), Some(start)) = (trial, start) {
                let time = (trial.clock)().saturating_sub(start);
                trial.search.took(images, time);
                self.0
                    .at_once
                    .store(trial.search.at_once(), Ordering::Relaxed);
            }
            // What is wrong with the rows is told by who counts them.
            let is_wrong = (rows.rows(), rows.cols()) != (images, encoder.columns());
            if is_wrong || (others.is_empty() && done.is_none()) {
                return Ok(rows);
            }
            let done = done.get_or_insert_with(|| {
                Vec::with_capacity(pixels.len() / values * encoder.columns())
            });
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
    fn lock_cut(&self) -> MutexGuard<'_, Option<Cut>> {
        // It is written at once, so it is whole also after a panic.
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that `given` images were too many. Of several threads that find that at once each halves what it has given itself.
    fn halve(&self, given: usize, reason: String, trial: Option<Trial<'_>>) {
        let to = given / 2;
        self.at_once.fetch_min(to, Ordering::Relaxed);
        if let Some(mut trial) = trial {
            // To find the end of the memory is a part of the search, and nothing to be told.
            trial.search.had_no_room_for(given);
            return;
        }
        let mut cut = self.lock_cut();
        let from = cut.as_ref().map_or(given, |cut| cut.from.max(given));
        let to = cut.as_ref().map_or(to, |cut| cut.to.min(to));
        *cut = Some(Cut { from, to, reason });
    }
}

/// A number of images that is tried.
struct Trial<'a> {
    clock: fn() -> Duration,
    search: MutexGuard<'a, Search>,
}

impl Trials {
    /// The next one, unless the number is found.
    fn next(&self) -> Option<Trial<'_>> {
        let search = self.search.lock().unwrap_or_else(PoisonError::into_inner);
        (!search.is_over()).then_some(Trial {
            clock: self.clock,
            search,
        })
    }
}

/// The number of images, or `auto`.
impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.is_found() {
            true => serializer.serialize_str("auto"),
            false => self.images().serialize(serializer),
        }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("images", &self.images())
            .field("at_once", &self.at_once())
            .field("is_found", &self.is_found())
            .finish()
    }
}
