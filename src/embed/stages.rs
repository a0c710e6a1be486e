//! Where the time of encoding goes, for those who want to know.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What threads spend their time with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Files are read.
    Read,
    /// Their keys in the store are made of their bytes, and looked for there.
    Hash,
    /// Files are decoded to pictures.
    Decode,
    /// Pictures are resized, cropped and normalised.
    Resize,
    /// A loader waits for an encoder to take a micro-batch.
    AwaitEncoder,
    /// An encoder waits for pictures.
    AwaitPictures,
    /// The model computes.
    Encode,
    /// Embeddings are written into the store.
    Keep,
}

impl Stage {
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Hash,
        Self::Decode,
        Self::Resize,
        Self::AwaitEncoder,
        Self::AwaitPictures,
        Self::Encode,
        Self::Keep,
    ];
}

/// Adds up the time of each stage over all threads, if it was given a clock; else it costs nothing.
#[derive(Clone, Default)]
pub struct Stages(Option<Arc<Measured>>);

struct Measured {
    clock: fn() -> Duration,
    /// Nanoseconds.
    spent: [AtomicU64; Stage::ALL.len()],
}

impl Stages {
    /// Measures with a clock that never goes back, from whenever.
    pub fn measured(clock: fn() -> Duration) -> Self {
        let spent = Default::default();
        Self(Some(Arc::new(Measured { clock, spent })))
    }

    /// Does some work of a stage.
    pub fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let Some(measured) = &self.0 else {
            return work();
        };
        let start = (measured.clock)();
        let done = work();
        let took = (measured.clock)().saturating_sub(start);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        measured.spent[stage as usize].fetch_add(nanoseconds, Ordering::Relaxed);
        done
    }

    /// What all threads together have spent; zero if nothing is measured.
    pub fn spent(&self, stage: Stage) -> Duration {
        let nanoseconds = |measured: &Arc<Measured>| {
            let spent = &measured.spent[stage as usize];
            spent.load(Ordering::Relaxed)
        };
        Duration::from_nanos(self.0.as_ref().map_or(0, nanoseconds))
    }
}

impl fmt::Debug for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spent = Stage::ALL.map(|stage| (stage, self.spent(stage)));
        f.debug_map().entries(spent).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_adds_up() {
        static NOW: AtomicU64 = AtomicU64::new(5);
        let stages = Stages::measured(|| Duration::from_secs(NOW.load(Ordering::Relaxed)));
        let pass = |seconds| {
            NOW.fetch_add(seconds, Ordering::Relaxed);
            seconds
        };
        assert_eq!(stages.time(Stage::Decode, || pass(2)), 2);
        pass(100);
        let same = stages.clone();
        same.time(Stage::Decode, || pass(3));
        same.time(Stage::Encode, || pass(1));
        let spent = [Stage::Decode, Stage::Encode, Stage::Read].map(|stage| stages.spent(stage));
        assert_eq!(spent.map(|spent| spent.as_secs()), [5, 1, 0]);
        let none = Stages::default();
        assert_eq!(none.time(Stage::Decode, || pass(2)), 2);
        assert_eq!(none.spent(Stage::Decode), Duration::ZERO);
    }
}
