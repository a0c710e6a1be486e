//! A run is opened: read from its directory, or made.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use serde_json::Value;

use super::asking::Asked;
use super::options::Options;
use super::origins::Origin;
use super::{Source, Workbench};
use crate::cli::confusions::{recorded_taxonomy, taxonomy_of};
use crate::cli::output::{self, tell};
use crate::cli::score::{self, Again, Computed, Observer};
use crate::cli::{Interrupted, count, demo, locked, on_all_cores, told};
use crate::demo::{Settings, World, dataset};
use crate::model::Encoder;
use crate::run::{self, Opened, Run, Saved};
use crate::taxonomy::Taxonomy;
use crate::text::shown;
use crate::tui::backend::{Applied, News, Other, Shown};

/// Labels that are named where many could be.
const NAMED: usize = 3;

/// Images that a model in eight bits answers in f32 too: none, since that is told where a command ends.
const NO_CHECK: usize = 0;

/// Opens the source, telling what is known as it becomes known.
pub fn open(bench: &Workbench, tell: &dyn Fn(News), stop: &AtomicBool) -> anyhow::Result<()> {
    let options = bench.options();
    let begun = Origin {
        // Looked at before they are read.
        contents: Arc::new(bench.other_contents(&options)),
        options,
        is_whole: false,
    };
    match &bench.source {
        Source::Saved(dir) => open_saved(bench, dir, begun, tell, stop),
        _ => make(bench, &begun, tell, stop),
    }
}

fn open_saved(
    bench: &Workbench,
    dir: &Path,
    begun: Origin,
    tell: &dyn Fn(News),
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    let given = begun.options.what.taxonomy.as_deref();
    let head = run::load_summary(dir)?;
    tell(News::Figures(
        Box::new(head.summary.clone()),
        head.manifest.clone(),
    ));
    let listener = output::listener();
    let (saved, taxonomy) = std::thread::scope(|scope| {
        let taxonomy = scope.spawn(|| output::heard_by(listener, || taxonomy_of(&head, given)));
        let saved = run::load_whole(dir);
        let taxonomy = taxonomy.join();
        (
            saved,
            taxonomy.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        )
    });
    if stop.load(Ordering::Relaxed) {
        bail!(Interrupted);
    }
    let outdated = outdated(given, &head.manifest, taxonomy.as_ref().ok());
    let opened = beside(saved?, taxonomy);
    bench.tell_of_side_file(&opened);
    bench.begin_with(&opened.saved);
    let origin = Origin {
        is_whole: true,
        ..begun
    };
    tell(News::Run(bench.shown(opened, origin, true)));
    if let Some(why) = outdated {
        tell(News::Outdated(why));
    }
    Ok(())
}

/// Why the figures of a saved run are not those of its taxonomy as it is now: this is another, or it was named and cannot be read.
fn outdated(given: Option<&Path>, manifest: &Value, taxonomy: Option<&Taxonomy>) -> Option<String> {
    let Some(taxonomy) = taxonomy else {
        let named = given?;
        return Some(format!("{} cannot be used", named.display()));
    };
    let (source, _) = taxonomy.sources().first()?;
    let recorded = manifest.pointer("/taxonomy/sha256").and_then(Value::as_str);
    let is_same = recorded == Some(&score::taxonomy_hash(source, taxonomy).sha256);
    (!is_same).then(|| {
        format!(
            "{} is not what the run was made with: judged again by it",
            source.display()
        )
    })
}

/// Another saved run, with the taxonomy that it was judged by.
pub fn other(dir: &Path) -> anyhow::Result<Other> {
    let saved = run::load(dir)?;
    let taxonomy = match recorded_taxonomy(&saved, None) {
        Ok((taxonomy, true)) => Ok(taxonomy),
        Ok((taxonomy, false)) => Err(format!(
            "{} is not what {} was made with",
            shown(taxonomy.name()),
            dir.display()
        )),
        Err(error) => Err(told(&error)),
    };
    Ok(Other { saved, taxonomy })
}

/// The run beside its taxonomy, or for want of one beside its labels alone.
fn beside(saved: Saved, taxonomy: anyhow::Result<Taxonomy>) -> Opened {
    let taxonomy = match taxonomy {
        Ok(taxonomy) => taxonomy,
        Err(error) => {
            tell!(
                "{}; labels are shown without what is above and below them",
                told(&error)
            );
            return Opened::flat(saved);
        }
    };
    let opened = Opened::new(saved, taxonomy);
    let unknown: Vec<String> = opened.unknown().map(shown).collect();
    if !unknown.is_empty() {
        let named = &unknown[..unknown.len().min(NAMED)];
        let more = if named.len() < unknown.len() {
            ", …"
        } else {
            ""
        };
        tell!(
            "{} of the run not in the taxonomy {}: {}{more}",
            count(unknown.len(), "label"),
            shown(opened.taxonomy.name()),
            named.join(", ")
        );
    }
    opened
}

/// Scores what there is to be scored.
fn make(
    bench: &Workbench,
    begun: &Origin,
    tell: &dyn Fn(News),
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    *locked(&bench.made) = None;
    *locked(&bench.embeddings) = None;
    let observer = Observer {
        asked: &|basis, taxonomy, manifest| {
            let asked = Asked::for_run(taxonomy, manifest);
            *locked(&bench.basis) = Some((asked, Arc::clone(basis)));
        },
        partial: &|run, taxonomy, done, total| {
            let shown = as_shown(bench, &run, taxonomy, begun, false);
            tell(News::Run(Shown {
                so_far: Some((done, total)),
                ..shown
            }));
        },
        memory: &bench.memory,
        again: None,
    };
    let computed = compute(bench, None, &begun.options, &observer, stop)?;
    tell(News::Run(keep(bench, computed, begun)));
    Ok(())
}

/// Scores it again under a taxonomy, from what the other files hold now: neither images nor prompts that were encoded are encoded
/// again, and `answers` is shown what follows from the answers alone.
pub fn make_again(
    bench: &Workbench,
    taxonomy: Option<(&Path, Taxonomy)>,
    begun: &Origin,
    answers: &dyn Fn(Applied),
    stop: &AtomicBool,
) -> anyhow::Result<Applied> {
    let embeddings = locked(&bench.embeddings)
        .as_ref()
        .map(|(_, images)| Arc::clone(images));
    let applied = |shown| Applied {
        shown,
        assumed: Vec::new(),
    };
    let observer = Observer {
        asked: &|_, _, _| {},
        partial: &|_, _, _, _| {},
        memory: &bench.memory,
        again: Some(Again {
            images: embeddings.as_deref(),
            answers: &|run, taxonomy| {
                answers(applied(as_shown(bench, &run, taxonomy, begun, false)))
            },
        }),
    };
    let computed = compute(bench, taxonomy, &begun.options, &observer, stop)?;
    // Whoever asked is gone: what is kept stays that of the run that is shown.
    if stop.load(Ordering::Relaxed) {
        bail!(Interrupted);
    }
    Ok(applied(keep(bench, computed, begun)))
}

/// Scores under a taxonomy that was read already; `None`: it is read.
fn compute(
    bench: &Workbench,
    taxonomy: Option<(&Path, Taxonomy)>,
    options: &Options,
    observer: &Observer<'_>,
    stop: &AtomicBool,
) -> anyhow::Result<Computed> {
    let load = |source: &str| bench.encoder(source, stop);
    let observer = Some(observer);
    let what = &options.what;
    match (&bench.source, taxonomy) {
        (Source::Demo(n), taxonomy) => {
            let world = World::new()?;
            let (pictures, _) = on_all_cores(|| dataset(&world, &Settings::default(), *n))?;
            let world = (Settings::default(), *n);
            let options = &what.options;
            demo::compute(pictures, world, taxonomy, options, &load, stop, observer)
        }
        (Source::Scored, Some((path, taxonomy))) => {
            let found = score::answer_under(what, path, taxonomy, &load, stop, observer, NO_CHECK)?;
            found.context("no image is left to score")
        }
        (Source::Scored, None) => {
            let found = score::answer(what, &load, stop, observer, NO_CHECK)?;
            found.context("no image is left to score")
        }
        (Source::Saved(_), _) => bail!("a saved run is not scored again"),
    }
}

/// Keeps what a whole run was computed from.
fn keep(bench: &Workbench, computed: Computed, begun: &Origin) -> Shown {
    let shown = as_shown(bench, &computed.run, &computed.taxonomy, begun, true);
    let Computed {
        run,
        taxonomy,
        basis,
        images,
    } = computed;
    let asked = Asked::for_run(&taxonomy, &run.manifest);
    *locked(&bench.basis) = basis.map(|basis| (asked, basis));
    let images = images.map(|images| (run.predictions.images().clone(), Arc::new(images)));
    *locked(&bench.embeddings) = images;
    *locked(&bench.made) = Some((Arc::downgrade(&shown.opened), run));
    shown
}

fn as_shown(
    bench: &Workbench,
    run: &Run,
    taxonomy: &Taxonomy,
    begun: &Origin,
    is_whole: bool,
) -> Shown {
    let origin = Origin {
        is_whole,
        ..begun.clone()
    };
    // The demo is made again in no time.
    let is_saved = matches!(bench.source, Source::Demo(_));
    bench.shown(
        Opened::new(Saved::of(run), taxonomy.clone()),
        origin,
        is_saved,
    )
}

impl Workbench {
    /// The run as it is shown, with what it was made of kept beside it.
    pub(super) fn shown(&self, opened: Opened, mut origin: Origin, is_saved: bool) -> Shown {
        let opened = Arc::new(opened);
        // What lists the images is known once they are listed.
        let listed = self.memory.listed();
        if listed
            .keys()
            .any(|path| !origin.contents.contains_key(path))
        {
            let contents = Arc::make_mut(&mut origin.contents);
            for (path, content) in listed {
                contents.entry(path).or_insert(content);
            }
        }
        self.origins.keep(&opened, origin);
        let fixed_labels = self.fixed_labels(&opened);
        Shown {
            fixed_labels,
            opened,
            so_far: None,
            is_saved,
            name: self.name(),
        }
    }

    /// The model of this name, loaded once.
    pub(super) fn encoder(
        &self,
        source: &str,
        stop: &AtomicBool,
    ) -> anyhow::Result<Arc<dyn Encoder>> {
        let mut encoder = locked(&self.encoder);
        if let Some((loaded, encoder)) = encoder.as_ref()
            && loaded == source
        {
            return Ok(Arc::clone(encoder));
        }
        let loaded = self.device.load(source, stop)?;
        let loaded = self.store.remembering(loaded, source)?;
        *encoder = Some((source.to_owned(), Arc::clone(&loaded)));
        Ok(loaded)
    }
}

/// The run answered by a threshold on the mass.
pub fn at_threshold(bench: &Workbench, opened: &Opened, threshold: f64) -> anyhow::Result<Applied> {
    let answered = on_all_cores(|| run::at_threshold(opened, threshold))??;
    let saved = Saved::of(&answered.run);
    let answered_so = Arc::new(Opened::new(saved, opened.taxonomy.clone()));
    // Of the same files.
    if let Some(origin) = bench.origins.of(opened) {
        bench.origins.keep(&answered_so, origin);
    }
    let fixed_labels = bench.fixed_labels(&answered_so);
    Ok(Applied {
        shown: Shown {
            opened: answered_so,
            so_far: None,
            // It takes one key to have it again.
            is_saved: true,
            name: format!("{} at threshold {threshold:.4}", bench.name()),
            fixed_labels,
        },
        assumed: answered.assumed.iter().map(ToString::to_string).collect(),
    })
}
