//! A run in two steps where it is made again before somebody's eyes: first what follows from the answers alone.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::build;
use super::pictures::Observer;
use crate::run::{self, Evidence, Manifest, Run};
use crate::score::Depth;
use crate::taxonomy::Taxonomy;

/// What a run is built of.
pub struct Steps<'s, 'e> {
    pub taxonomy: &'s Taxonomy,
    /// What was answered already, if nothing has changed that has a say in it.
    pub answered: &'s dyn Fn() -> Option<Evidence<'e>>,
    pub evidence: &'s dyn Fn() -> Evidence<'e>,
    pub inputs: &'s dyn Fn(Evidence<'e>) -> run::Inputs<'e>,
    pub manifest: &'s Manifest,
}

impl<'e> Steps<'_, 'e> {
    /// The whole run, of what is made again after that of the answers alone was shown.
    ///
    /// # Errors
    /// As [`build`].
    pub fn build(&self, observer: &Observer<'_>, stop: &AtomicBool) -> anyhow::Result<Arc<Run>> {
        if let Some(again) = &observer.again {
            let evidence = (self.answered)().unwrap_or_else(|| (self.evidence)());
            let run = self.to(Depth::Answers, evidence, stop)?;
            (again.answers)(run, self.taxonomy);
        }
        let run = self.whole(stop)?;
        observer.memory.set_answered(&run);
        Ok(run)
    }

    /// The whole run at once.
    ///
    /// # Errors
    /// As [`build`].
    pub fn whole(&self, stop: &AtomicBool) -> anyhow::Result<Arc<Run>> {
        let run = self.to(Depth::Whole, (self.evidence)(), stop)?;
        Ok(Arc::new(run))
    }

    fn to(&self, depth: Depth, evidence: Evidence<'e>, stop: &AtomicBool) -> anyhow::Result<Run> {
        build(depth, (self.inputs)(evidence), self.manifest.clone(), stop)
    }
}
