//! A run is made again, from what the files hold now.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use serde_json::Value;

use super::origins::Origin;
use super::{Source, Workbench, opening};
use crate::cli::score::taxonomy_hash;
use crate::cli::{Interrupted, builtin, locked, on_all_cores, read_taxonomy, told, usable};
use crate::run::{self, BuildError, Opened, RejudgeError, Saved};
use crate::score::{Depth, Stop};
use crate::taxonomy::{Diagnostic, Loaded, Taxonomy};
use crate::tui::backend::{Applied, Fault, News};
use crate::watch::{Contents, content, contents};

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
            let sources = opened.taxonomy.sources().iter().map(|(path, _)| path);
            // The built-in one, where it was shown until a copy took its place, is no file.
            files.extend(
                sources
                    .filter(|path| *path != Path::new(builtin::NAME))
                    .cloned(),
            );
            // Also those of a reading that found errors: they may be in a file that is included only now.
            files.extend(locked(&self.included).iter().cloned());
        }
        if let Source::Scored(what) = &self.source {
            files.extend(what.files());
        }
        if !files.is_empty() {
            files.extend(self.config.clone());
            // Also those that are gone at the moment.
            files.extend(self.origins.paths());
        }
        // Also while it is not there: the first label makes it.
        if !files.is_empty() {
            files.extend(self.side_file(opened));
        }
        files.sort_unstable();
        files.dedup();
        files
    }

    /// What the files beside the taxonomy hold.
    pub(super) fn other_contents(&self) -> Contents {
        let mut files: Vec<PathBuf> = self.config.iter().cloned().collect();
        if let Source::Scored(what) = &self.source {
            files.extend(what.files().chain(what.side_file()));
        }
        let mut found = contents(files);
        for path in self.memory.listed().into_keys() {
            found.entry(path).or_insert_with_key(|path| content(path));
        }
        found
    }
}

impl Workbench {
    /// What there is to say if the options' file is another than it was.
    fn config_changed(&self, before: &Contents, now: &Contents) -> Option<String> {
        let config = self.config.as_ref()?;
        let is_same = before.get(config) == now.get(config);
        (!is_same).then(|| {
            format!(
                "{} has changed: its options count once cladist is started again",
                config.display()
            )
        })
    }
}

/// Makes the run again; `None` where the files hold what the run that is shown was made of. Nothing of what is kept is changed unless
/// that succeeds. What is wrong is empty where it was asked to stop.
pub fn again(
    bench: &Workbench,
    opened: &Opened,
    tell: &dyn Fn(News),
    stop: &AtomicBool,
) -> Result<Option<Applied>, Vec<Fault>> {
    // Looked at before they are read: what is saved meanwhile is a change the next time.
    let others = Arc::new(bench.other_contents());
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
    let taxonomy = read
        .map(|(path, loaded)| Ok((path, usable(path, loaded)?)))
        .transpose()
        .map_err(fault_of)?;
    let is_same = |(path, taxonomy): &(&Path, Taxonomy)| is_made_of(opened, path, taxonomy);
    let origin = bench.origins.of(opened);
    let is_whole_of = |origin: &Origin| origin.is_whole && origin.contents == others;
    if origin.as_ref().is_some_and(is_whole_of)
        && taxonomy.as_ref().is_none_or(is_same)
        && bench.has_side_labels_of(opened)
    {
        return Ok(None);
    }
    let word = origin.and_then(|origin| bench.config_changed(&origin.contents, &others));
    let with_word = |mut applied: Applied| {
        applied.assumed.extend(word.clone());
        applied
    };
    let answers = |answers| tell(News::Answers(with_word(answers)));
    let made = match &bench.source {
        Source::Saved(_) => rejudge(bench, opened, taxonomy, &others, &answers, stop),
        _ => opening::make_again(bench, taxonomy, &others, &answers, stop),
    };
    made.map(|made| Some(with_word(made))).map_err(fault_of)
}

fn fault_of(error: anyhow::Error) -> Vec<Fault> {
    match error.is::<Interrupted>() {
        true => Vec::new(),
        false => vec![Fault::anywhere(told(&error))],
    }
}

/// Whether a run was made of this taxonomy and is read by it, text by text.
fn is_made_of(opened: &Opened, path: &Path, taxonomy: &Taxonomy) -> bool {
    let recorded = opened.saved.manifest.pointer("/taxonomy/sha256");
    let hash = taxonomy_hash(path, taxonomy).sha256;
    recorded.and_then(Value::as_str) == Some(&hash)
        && opened.taxonomy.sources() == taxonomy.sources()
}

/// The answers of a saved run under the taxonomy as it is now; `answers` is shown what follows from them alone.
fn rejudge(
    bench: &Workbench,
    opened: &Opened,
    taxonomy: Option<(&Path, Taxonomy)>,
    contents: &Arc<Contents>,
    answers: &dyn Fn(Applied),
    stop: &AtomicBool,
) -> anyhow::Result<Applied> {
    let (path, taxonomy) = taxonomy.context("the run's taxonomy is in no file")?;
    let side = bench.side_labels(opened, &taxonomy)?;
    let right_too = side.as_ref().map(|side| &side.labels);
    let judged = |depth| -> anyhow::Result<Applied> {
        let judge_again = || {
            let stop = Stop::when(stop);
            run::rejudged(&opened.saved, &taxonomy, right_too, depth, stop)
        };
        let mut again = on_all_cores(judge_again)?.map_err(|error| match error {
            RejudgeError::Build(BuildError::Stopped(_)) => anyhow::Error::new(Interrupted),
            error => error.into(),
        })?;
        again.run.manifest.taxonomy = taxonomy_hash(path, &taxonomy);
        if let Some(side) = &side {
            side.record(&mut again.run.manifest)?;
        }
        let origin = Origin {
            contents: Arc::clone(contents),
            is_whole: depth == Depth::Whole,
        };
        let opened = Opened::new(Saved::of(&again.run), taxonomy.clone());
        Ok(Applied {
            // The file is as it was, and so are the answers.
            shown: bench.shown(opened, origin, true),
            assumed: again.assumed.iter().map(ToString::to_string).collect(),
        })
    };
    answers(judged(Depth::Answers)?);
    judged(Depth::Whole)
}

/// The errors of a taxonomy, where they are.
pub fn faults(loaded: &Loaded) -> Vec<Fault> {
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
