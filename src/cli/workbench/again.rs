//! A run is made again, from what the files hold now.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use serde_json::Value;

use super::options::Options;
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
        self.taxonomy_file_by(&self.options_of(opened), opened)
    }

    /// The same by these options.
    fn taxonomy_file_by(&self, options: &Options, opened: Option<&Opened>) -> Option<PathBuf> {
        if let Some(adopted) = &*locked(&self.adopted) {
            return Some(adopted.clone());
        }
        let taxonomy = options.what.taxonomy.clone();
        let path = match &self.source {
            Source::Scored => taxonomy?,
            Source::Demo(_) => return None,
            Source::Saved(_) => {
                let recorded = || {
                    let manifest = &opened?.saved.manifest;
                    let source = manifest.pointer("/taxonomy/source")?.as_str()?;
                    Some(PathBuf::from(source))
                };
                taxonomy.or_else(recorded)?
            }
        };
        (path != Path::new(builtin::NAME)).then_some(path)
    }

    /// The files that the run depends on beside images and weights.
    pub(super) fn text_files(&self, opened: Option<&Opened>) -> Vec<PathBuf> {
        // Those that what is shown was made of, and those that the options name by now: these may be what is wrong.
        let options = [self.options_of(opened), self.options()];
        let named = options.iter();
        let named = named.filter_map(|options| self.taxonomy_file_by(options, opened));
        let mut files: Vec<PathBuf> = named.collect();
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
        if !matches!(self.source, Source::Saved(_)) {
            files.extend(options.iter().flat_map(|options| options.what.files()));
        }
        files.extend(self.config());
        if !files.is_empty() {
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
    pub(super) fn other_contents(&self, options: &Options) -> Contents {
        let what = &options.what;
        let mut found = match self.source {
            Source::Saved(_) => Contents::new(),
            Source::Demo(_) => contents(what.files()),
            Source::Scored => contents(what.files().chain(what.side_file())),
        };
        for path in self.memory.listed().into_keys() {
            found.entry(path).or_insert_with_key(|path| content(path));
        }
        found
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
    let (options, word) = bench.read_options().map_err(|fault| vec![fault])?;
    if let Some(word) = word {
        tell(News::Options(word));
    }
    // Looked at before they are read: what is saved meanwhile is a change the next time.
    let others = Arc::new(bench.other_contents(&options));
    let file = bench.taxonomy_file_by(&options, Some(opened));
    let read = file.as_deref().map(|path| (path, read_taxonomy(path)));
    if let Some((_, loaded)) = &read {
        let sources = loaded.sources.files().iter();
        *locked(&bench.included) = sources.map(|(path, _)| path.clone()).collect();
        let faults = faults(loaded).into_iter();
        let faults: Vec<Fault> = faults.map(|fault| options.placed(fault)).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
    }
    let taxonomy = read
        .map(|(path, loaded)| Ok((path, usable(path, loaded)?)))
        .transpose()
        .map_err(|error| fault_of(&options, error))?;
    let is_same = |(path, taxonomy): &(&Path, Taxonomy)| is_made_of(opened, path, taxonomy);
    let origin = bench.origins.of(opened);
    let is_whole_of = |origin: &Origin| {
        let is_same = origin.contents == others;
        origin.is_whole && is_same && options.make_the_same(&origin.options, &bench.source)
    };
    if origin.as_ref().is_some_and(is_whole_of)
        && taxonomy.as_ref().is_none_or(is_same)
        && bench.has_side_labels_of(opened)
    {
        return Ok(None);
    }
    let put_off = bench.put_off(&options);
    let with_word = |mut applied: Applied| {
        applied.assumed.extend(put_off.clone());
        applied
    };
    let begun = Origin {
        contents: others,
        options: Arc::clone(&options),
        is_whole: false,
    };
    let answers = |answers| tell(News::Answers(with_word(answers)));
    let made = match &bench.source {
        Source::Saved(_) => rejudge(bench, opened, taxonomy, &begun, &answers, stop),
        _ => opening::make_again(bench, taxonomy, &begun, &answers, stop),
    };
    made.map(|made| Some(with_word(made)))
        .map_err(|error| fault_of(&options, error))
}

fn fault_of(options: &Options, error: anyhow::Error) -> Vec<Fault> {
    match error.is::<Interrupted>() {
        true => Vec::new(),
        false => vec![options.placed(Fault::anywhere(told(&error)))],
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
    begun: &Origin,
    answers: &dyn Fn(Applied),
    stop: &AtomicBool,
) -> anyhow::Result<Applied> {
    let (path, taxonomy) = taxonomy.context("the run's taxonomy is in no file")?;
    let side = bench.side_labels(&begun.options, opened, &taxonomy)?;
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
            is_whole: depth == Depth::Whole,
            ..begun.clone()
        };
        let opened = Opened::new(Saved::of(&again.run), taxonomy.clone());
        Ok(Applied {
            // The file is as it was, and so are the answers.
            shown: bench.shown(opened, origin, true),
            assumed: (again.assumed.iter().map(ToString::to_string))
                .chain(bench.lost_figures())
                .collect(),
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
