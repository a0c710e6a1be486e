//! What each run that is shown was made of. It is kept by the run: what was made last need not be what is shown, since a run that is
//! asked for anew meanwhile is dropped unseen.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};

use super::options::Options;
use crate::cli::locked;
use crate::run::Opened;
use crate::watch::Contents;

/// What a run was made of.
#[derive(Debug, Clone)]
pub struct Origin {
    /// What the files beside the taxonomy held.
    pub contents: Arc<Contents>,
    pub options: Arc<Options>,
    /// Whether it has all images and all figures, and not those alone that are shown first.
    pub is_whole: bool,
}

/// The origin of each run that somebody holds.
#[derive(Default)]
pub struct Origins(Mutex<Vec<(Weak<Opened>, Origin)>>);

impl Origins {
    /// Keeps it as long as the run is there.
    pub fn keep(&self, run: &Arc<Opened>, origin: Origin) {
        let mut kept = locked(&self.0);
        kept.retain(|(run, _)| run.strong_count() > 0);
        kept.push((Arc::downgrade(run), origin));
    }

    /// That of a run; `None` of one that was not made here. O(runs that are there), which are a few.
    pub fn of(&self, run: &Opened) -> Option<Origin> {
        let kept = locked(&self.0);
        let found = kept.iter().find(|(known, _)| is(known, run));
        found.map(|(_, origin)| origin.clone())
    }

    /// The files beside the taxonomy that a run was made of.
    pub fn paths(&self) -> BTreeSet<PathBuf> {
        let kept = locked(&self.0);
        let contents = kept.iter().map(|(_, origin)| &origin.contents);
        contents.flat_map(|files| files.keys().cloned()).collect()
    }
}

/// Whether this is the run itself, and not one like it. No other takes its address as long as there is a `Weak` of it.
pub fn is(known: &Weak<Opened>, run: &Opened) -> bool {
    std::ptr::eq(known.as_ptr(), run)
}
