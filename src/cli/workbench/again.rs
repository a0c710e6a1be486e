//! A run is made again, from what the files hold now.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use serde_json::Value;

use super::opening;
use super::{Source, Workbench, locked};
use crate::cli::score::taxonomy_hash;
use crate::cli::{builtin, on_all_cores, read_taxonomy, told};
use crate::run::{self, Opened, Saved};
use crate::taxonomy::{Diagnostic, Loaded, Taxonomy};
use crate::tui::backend::{Applied, Fault, Shown};
use crate::watch::{Contents, content};

impl Workbench {
    /// The taxonomy's file; `None` of the built-in one.
    pub(super) fn taxonomy_file(&self, opened: Option<&Opened>) -> Option<PathBuf> {
        if let Some(adopted) = &*locked(&self.adopted) {
            return Some(adopted.clone());
        }
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
            let sources = opened.taxonomy.sources().iter();
            files.extend(sources.map(|(path, _)| path.clone()));
            // Also those of a reading that found errors: they may be in a file that is included only now.
            files.extend(locked(&self.included).iter().cloned());
        }
        if let Source::Scored(what) = &self.source {
            files.extend(what.text_files());
            // Also those that are gone at the moment.
            files.extend(locked(&self.made_of).keys().cloned());
        }
        // Also while it is not there: the first label makes it.
        if !files.is_empty() {
            files.extend(self.side_file(opened));
        }
        files.sort_unstable();
        files.dedup();
        files
    }

    /// What the files of text beside the taxonomy hold.
    pub(super) fn other_contents(&self) -> Contents {
        let Source::Scored(what) = &self.source else {
            return Contents::new();
        };
        let files = what.text_files().chain(what.side_file());
        files.map(|path| (path.clone(), content(&path))).collect()
    }
}

/// Makes the run again; `None` where the files hold what the run that is shown was made of. Nothing of what is kept is changed unless
/// that succeeds.
pub fn again(
    bench: &Workbench,
    opened: &Opened,
    stop: &AtomicBool,
) -> Result<Option<Applied>, Vec<Fault>> {
    // Looked at before they are read: what is saved meanwhile is a change the next time.
    let others = bench.other_contents();
    let file = bench.taxonomy_file(Some(opened));
    let read = file.as_deref().map(|path| (path, read_taxonomy(path)));
    if let Some((_, loaded)) = &read {
        let sources = loaded.sources.files().iter();
        *locked(&bench.included) = sources.map(|(path, _)| path.clone()).collect();
        let faults = faults(loaded);
        if !faults.is_empty() {
            return Err(faults);
        }
    }
    let taxonomy = read.and_then(|(path, loaded)| Some((path, loaded.taxonomy?)));
    let is_same = |(path, taxonomy): &(&Path, Taxonomy)| is_made_of(opened, path, taxonomy);
    if taxonomy.as_ref().is_none_or(is_same)
        && *locked(&bench.made_of) == others
        && bench.has_side_labels_of(opened)
    {
        return Ok(None);
    }
    let made = match &bench.source {
        Source::Saved(_) => rejudge(bench, opened, taxonomy),
        _ => opening::make_again(bench, stop),
    };
    let made = made.map_err(|error| vec![Fault::anywhere(told(&error))])?;
    *locked(&bench.made_of) = others;
    Ok(Some(made))
}

/// Whether a run was made of this taxonomy and is read by it, text by text.
fn is_made_of(opened: &Opened, path: &Path, taxonomy: &Taxonomy) -> bool {
    let recorded = opened.saved.manifest.pointer("/taxonomy/sha256");
    let hash = taxonomy_hash(path, taxonomy).sha256;
    recorded.and_then(Value::as_str) == Some(&hash)
        && opened.taxonomy.sources() == taxonomy.sources()
}

/// The answers of a saved run under the taxonomy as it is now.
fn rejudge(
    bench: &Workbench,
    opened: &Opened,
    taxonomy: Option<(&Path, Taxonomy)>,
) -> anyhow::Result<Applied> {
    let (path, taxonomy) = taxonomy.context("the run's taxonomy is in no file")?;
    let side = bench.side_labels(opened, &taxonomy)?;
    let right_too = side.as_ref().map(|side| &side.labels);
    let mut again = on_all_cores(|| run::rejudged(&opened.saved, &taxonomy, right_too))??;
    again.run.manifest.taxonomy = taxonomy_hash(path, &taxonomy);
    if let Some(side) = &side {
        side.record(&mut again.run.manifest)?;
    }
    // Its nodes are numbered by the taxonomy as it was.
    *locked(&bench.basis) = None;
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
