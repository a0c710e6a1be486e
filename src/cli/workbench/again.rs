//! A run is made again, from what the files hold now.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;

use super::opening;
use super::{Source, Workbench};
use crate::cli::score::taxonomy_hash;
use crate::cli::{builtin, on_all_cores, read_taxonomy, told};
use crate::run::{self, Opened, Saved};
use crate::taxonomy::{Diagnostic, Loaded};
use crate::tui::backend::{Applied, Fault, Shown};

impl Workbench {
    /// The taxonomy's file; `None` of the built-in one.
    fn taxonomy_file(&self, opened: Option<&Opened>) -> Option<PathBuf> {
        let path = match &self.source {
            Source::Scored(what) => what.taxonomy.clone()?,
            Source::Demo(..) => return None,
            Source::Saved(_) => {
                let recorded = || {
                    let manifest = &opened?.saved.manifest;
                    let source = manifest.pointer("/taxonomy/source")?.as_str()?;
                    Some(PathBuf::from(source))
                };
                self.taxonomy.clone().or_else(recorded)?
            }
        };
        (path != Path::new(builtin::NAME)).then_some(path)
    }

    /// The files that the run depends on beside images and weights.
    pub(super) fn text_files(&self, opened: Option<&Opened>) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = self.taxonomy_file(opened).into_iter().collect();
        if let (Some(opened), false) = (opened, files.is_empty()) {
            files.extend(
                opened
                    .taxonomy
                    .sources()
                    .iter()
                    .map(|(path, _)| path.clone()),
            );
        }
        if let Source::Scored(what) = &self.source {
            files.extend(what.text_files());
        }
        files.sort_unstable();
        files.dedup();
        files
    }
}

/// Makes the run again. Nothing of what is kept is changed unless that succeeds.
pub fn again(bench: &Workbench, opened: &Opened, stop: &AtomicBool) -> Result<Applied, Vec<Fault>> {
    let file = bench.taxonomy_file(Some(opened));
    let loaded = file.as_deref().map(read_taxonomy);
    if let Some(loaded) = &loaded {
        let faults = faults(loaded);
        if !faults.is_empty() {
            return Err(faults);
        }
    }
    let made = match &bench.source {
        Source::Saved(_) => rejudge(bench, opened, file.as_deref().zip(loaded)),
        _ => opening::make_again(bench, stop),
    };
    made.map_err(|error| vec![Fault::anywhere(told(&error))])
}

/// The answers of a saved run under the taxonomy as it is now.
fn rejudge(
    bench: &Workbench,
    opened: &Opened,
    loaded: Option<(&Path, Loaded)>,
) -> anyhow::Result<Applied> {
    let read = loaded.and_then(|(path, loaded)| Some((path, loaded.taxonomy?)));
    let (path, taxonomy) = read.context("the run's taxonomy is in no file")?;
    let mut again = on_all_cores(|| run::rejudged(&opened.saved, &taxonomy))??;
    again.run.manifest.taxonomy = taxonomy_hash(path, &taxonomy);
    Ok(Applied {
        shown: Shown {
            opened: Arc::new(Opened::new(Saved::of(&again.run), taxonomy)),
            so_far: None,
            // The file is as it was, and so are the answers.
            is_saved: true,
            name: bench.name(),
        },
        assumed: again.assumed.iter().map(ToString::to_string).collect(),
    })
}

/// The errors of a taxonomy, where they are.
fn faults(loaded: &Loaded) -> Vec<Fault> {
    let errors = loaded.diagnostics.iter().filter(|d| d.is_error());
    errors.map(|error| fault(loaded, error)).collect()
}

fn fault(loaded: &Loaded, diagnostic: &Diagnostic) -> Fault {
    let place = diagnostic.primary.map(|span| {
        let source = span.source as usize;
        let (line, column) = loaded.sources.line_column(source, span.start as usize);
        (loaded.sources.path(source).to_owned(), line, column)
    });
    Fault {
        place,
        code: diagnostic.code.as_str().to_owned(),
        message: diagnostic.message.clone(),
        help: diagnostic.help.clone(),
    }
}
