//! Whether a result is still waited for: what takes long looks from time to time.

use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that ends work early when it becomes true; there may be none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stop<'a>(Option<&'a AtomicBool>);

/// The work was ended early: there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped before it was done")]
pub struct Stopped;

impl<'a> Stop<'a> {
    /// Work that is always finished.
    pub const NEVER: Self = Self(None);

    /// Work that ends when the flag becomes true.
    pub fn when(flag: &'a AtomicBool) -> Self {
        Self(Some(flag))
    }

    /// Whether the work is to end.
    pub fn is_asked(self) -> bool {
        self.0.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// # Errors
    /// The work is to end.
    pub fn check(self) -> Result<(), Stopped> {
        match self.is_asked() {
            true => Err(Stopped),
            false => Ok(()),
        }
    }
}
