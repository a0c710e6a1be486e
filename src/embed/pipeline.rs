//! The engine of encoding: items → load → encode, on two kinds of threads with a bounded channel between them.
//!
//! It knows neither files nor models. A micro-batch is a fixed slice of the items, whoever works on it: the result
//! does not depend on the number of threads.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::matrix::Matrix;
use crate::model::ModelError;

use super::{Encoded, Stage, Stages};

/// Adds the values of an item to those of its micro-batch, or tells why there are none.
pub(super) type Load<'a> = dyn Fn(usize, &mut Vec<f32>) -> Result<Loading, String> + Sync + 'a;

/// What is to be done with an item that could be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loading {
    /// Its values were added.
    Encode,
    /// Nothing: its row is known otherwise, so no values were added, and it gets none here.
    PassOver,
}

/// The values of some items → a unit row each.
pub(super) type Encode<'a> = dyn Fn(&[f32]) -> Result<Matrix, ModelError> + Sync + 'a;

/// What is to be done, by whom.
pub(super) struct Pipeline<'a> {
    /// Number of items.
    pub items: usize,
    /// Items a micro-batch, at least 1.
    pub batch: usize,
    /// Values an item, a hint.
    pub values: usize,
    /// Columns of the result.
    pub dim: usize,
    /// Threads that load, at least 1.
    pub loaders: usize,
    /// Threads that encode, at least 1.
    pub workers: usize,
    pub load: &'a Load<'a>,
    pub encode: &'a Encode<'a>,
    /// End at an item that cannot be loaded, instead of passing over it.
    pub stop_at_failure: bool,
    /// Told of each micro-batch that is done, by its number of items.
    pub progress: &'a (dyn Fn(usize) + Sync),
    /// Ends the work when it becomes true.
    pub stop: &'a AtomicBool,
    /// Measures what the threads do, but for loading.
    pub stages: Stages,
}

/// Why a pipeline ended early.
#[derive(Debug)]
pub(super) enum Fault {
    Interrupted,
    /// The first item that cannot be loaded, and the reason.
    Item(usize, String),
    Model(ModelError),
}

/// A micro-batch on its way from a loader to an encoder.
struct Loaded {
    batch: usize,
    /// The values of those that could be loaded, one after the other.
    values: Vec<f32>,
    passed_over: Vec<usize>,
    failures: Vec<(usize, String)>,
}

/// A micro-batch's results.
struct Done {
    rows: Matrix,
    passed_over: Vec<usize>,
    failures: Vec<(usize, String)>,
}

/// What the threads share.
struct Shared {
    /// The next micro-batch to be loaded.
    next: AtomicUsize,
    /// Something went wrong that ends all threads.
    failed: AtomicBool,
    /// The first item known to be bad where that ends the work, else `usize::MAX`.
    first_bad: AtomicUsize,
    /// The same with its reason.
    bad: Mutex<Option<(usize, String)>>,
    /// The results of each micro-batch.
    done: Vec<Mutex<Option<Done>>>,
}

impl Pipeline<'_> {
    /// Does the work. Without an early end every item has a row or a failure, or was passed over.
    ///
    /// # Errors
    /// An interruption; a model that fails; the first item that cannot be loaded if that ends the work, on any
    /// number of threads the same.
    pub fn run(&self) -> Result<Encoded, Fault> {
        let batches = self.items.div_ceil(self.batch);
        let shared = Shared {
            next: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            first_bad: AtomicUsize::new(usize::MAX),
            bad: Mutex::new(None),
            done: (0..batches).map(|_| Mutex::new(None)).collect(),
        };
        // So at most 2·workers + loaders + 1 micro-batches are loaded and not yet encoded: those that wait here, and
        // one in the hands of each thread.
        let (to_encoders, loaded) = bounded::<Loaded>(self.workers + 1);
        std::thread::scope(|scope| {
            for _ in 0..self.loaders.min(batches) {
                let to_encoders = to_encoders.clone();
                let shared = &shared;
                scope.spawn(move || self.load_all(shared, &to_encoders));
            }
            let encoders: Vec<_> = (0..self.workers.min(batches))
                .map(|_| {
                    let loaded = loaded.clone();
                    let shared = &shared;
                    scope.spawn(move || self.encode_all(shared, &loaded))
                })
                .collect();
            // Each side ends when the other is gone, so only the threads may hold an end of the channel.
            drop((to_encoders, loaded));
            encoders.into_iter().try_for_each(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })
        .map_err(Fault::Model)?;
        if self.stop.load(Ordering::Relaxed) {
            return Err(Fault::Interrupted);
        }
        if let Some((item, reason)) = shared.bad.into_inner().expect("no holder panics") {
            return Err(Fault::Item(item, reason));
        }
        Ok(self.gather(shared.done))
    }

    /// The items of a micro-batch.
    fn items_of(&self, batch: usize) -> Range<usize> {
        let first = batch * self.batch;
        first..self.items.min(first + self.batch)
    }

    fn halted(&self, shared: &Shared) -> bool {
        self.stop.load(Ordering::Relaxed) || shared.failed.load(Ordering::Relaxed)
    }

    /// A loader's life.
    fn load_all(&self, shared: &Shared, to_encoders: &Sender<Loaded>) {
        let _guard = FailOnPanic(&shared.failed);
        while !self.halted(shared) {
            let batch = shared.next.fetch_add(1, Ordering::Relaxed);
            let items = self.items_of(batch);
            // Micro-batches are handed out in order. So all before the first bad item are with a loader by now, and
            // each loads to its end or to an earlier bad item, which makes the one that is told the first of all.
            if items.is_empty() || items.start > shared.first_bad.load(Ordering::Relaxed) {
                return;
            }
            let mut values = Vec::with_capacity(items.len() * self.values);
            let (mut passed_over, mut failures) = (Vec::new(), Vec::new());
            for item in items {
                if self.halted(shared) || item > shared.first_bad.load(Ordering::Relaxed) {
                    break;
                }
                match (self.load)(item, &mut values) {
                    Ok(Loading::Encode) => {}
                    Ok(Loading::PassOver) => passed_over.push(item),
                    Err(reason) if self.stop_at_failure => {
                        shared.note_bad(item, reason);
                        break;
                    }
                    Err(reason) => failures.push((item, reason)),
                }
            }
            let loaded = Loaded {
                batch,
                values,
                passed_over,
                failures,
            };
            // The receivers are gone when the encoders have failed: there is nobody to tell.
            let send = || to_encoders.send(loaded);
            if self.stages.time(Stage::AwaitEncoder, send).is_err() {
                return;
            }
        }
    }

    /// An encoder's life.
    fn encode_all(&self, shared: &Shared, loaded: &Receiver<Loaded>) -> Result<(), ModelError> {
        let _guard = FailOnPanic(&shared.failed);
        let next = || self.stages.time(Stage::AwaitPictures, || loaded.recv());
        while let Ok(loaded) = next() {
            if self.halted(shared) {
                break;
            }
            // The result is lost, but the loaders still look for an earlier bad item and must not be held up.
            if shared.first_bad.load(Ordering::Relaxed) != usize::MAX {
                continue;
            }
            let items = self.items_of(loaded.batch).len();
            let others = loaded.failures.len() + loaded.passed_over.len();
            let rows = self
                .encode_some(&loaded.values, items - others)
                .inspect_err(|_| shared.failed.store(true, Ordering::Relaxed))?;
            *shared.done[loaded.batch].lock().expect("no holder panics") = Some(Done {
                rows,
                passed_over: loaded.passed_over,
                failures: loaded.failures,
            });
            (self.progress)(items);
        }
        Ok(())
    }

    fn encode_some(&self, values: &[f32], items: usize) -> Result<Matrix, ModelError> {
        if items == 0 {
            return Ok(Matrix::new(self.dim, Vec::new()));
        }
        let rows = self.stages.time(Stage::Encode, || (self.encode)(values))?;
        if (rows.rows(), rows.cols()) == (items, self.dim) {
            Ok(rows)
        } else {
            Err(ModelError::Device(format!(
                "the model gave {} × {} values for {items} images of dimension {}",
                rows.rows(),
                rows.cols(),
                self.dim
            )))
        }
    }

    /// Puts the micro-batches together in the order of the items.
    fn gather(&self, done: Vec<Mutex<Option<Done>>>) -> Encoded {
        let mut data = Vec::with_capacity(self.items * self.dim);
        let mut rows = Vec::with_capacity(self.items);
        let mut failures = Vec::new();
        let mut next_row = 0;
        for (batch, done) in done.into_iter().enumerate() {
            let done = done.into_inner().expect("no holder panics");
            let done = done.expect("without an early end every batch is done");
            let mut failed = done.failures.into_iter().peekable();
            let mut passed_over = done.passed_over.into_iter().peekable();
            for item in self.items_of(batch) {
                if let Some(failure) = failed.next_if(|(bad, _)| *bad == item) {
                    failures.push(failure);
                    rows.push(None);
                } else if passed_over.next_if_eq(&item).is_some() {
                    rows.push(None);
                } else {
                    rows.push(Some(next_row));
                    next_row += 1;
                }
            }
            data.extend_from_slice(done.rows.as_slice());
        }
        Encoded {
            embeddings: Matrix::new(self.dim, data),
            rows,
            failures,
            deep_greys: 0,
        }
    }
}

impl Shared {
    /// Remembers a bad item if none before it is known.
    fn note_bad(&self, item: usize, reason: String) {
        let mut bad = self.bad.lock().expect("no holder panics");
        if bad.as_ref().is_none_or(|(first, _)| item < *first) {
            *bad = Some((item, reason));
            self.first_bad.store(item, Ordering::Relaxed);
        }
    }
}

/// Ends all threads when one panics: without it the others would work on for a result that is lost.
struct FailOnPanic<'a>(&'a AtomicBool);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
