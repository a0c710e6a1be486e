//! What one scoring leaves for the next one of the same sources, after a file of text was edited: all that is dear to read or to compute.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::file_hash;
use crate::cli::{locked, on_all_cores, open_dataset};
use crate::dataset::Dataset;
use crate::dataset::arrays::{self, Array, Kind};
use crate::matrix::Matrix;
use crate::names::Names;
use crate::run::{Manifest, Prompts, Run, SourceHash};
use crate::score::{Evaluated, Kept, Match, Matching, Rule};
use crate::taxonomy::Taxonomy;
use crate::watch::{Content, content};

/// Images and arrays as they were read for the first time, and the similarities of the last scoring. Each is replaced as a whole.
#[derive(Default)]
pub struct Memory {
    dataset: Mutex<Option<Listed>>,
    rows: Mutex<BTreeMap<PathBuf, Rows>>,
    similar: Mutex<Similar>,
}

/// Rows of an array that was made elsewhere.
#[derive(Clone)]
pub struct Rows {
    /// Those of embeddings are unit rows.
    pub rows: Arc<Matrix>,
    /// What each is called, where that is said beside them.
    pub names: Option<Names>,
    /// Which file it was.
    pub source: SourceHash,
}

impl Rows {
    /// # Errors
    /// A file that cannot be read.
    pub fn read(path: &Path, kind: Kind) -> anyhow::Result<Self> {
        let Array { rows, names } = arrays::read(path, kind)?;
        Ok(Self {
            rows: Arc::new(match kind {
                Kind::ImageEmbeddings | Kind::TextEmbeddings => unit(rows),
                Kind::Scores => rows,
            }),
            names,
            source: file_hash(path)?,
        })
    }
}

/// The rows at length 1.
pub fn unit(mut rows: Matrix) -> Matrix {
    for i in 0..rows.rows() {
        let row = rows.row_mut(i);
        let squares = row.iter().map(|&v| f64::from(v).powi(2));
        let length = squares.sum::<f64>().sqrt();
        row.iter_mut()
            .for_each(|v| *v = (f64::from(*v) / length) as f32);
    }
    rows
}

/// The images of a source.
struct Listed {
    source: PathBuf,
    /// What a manifest held.
    content: Content,
    dataset: Arc<Dataset>,
}

#[derive(Default)]
struct Similar {
    kept: Option<Arc<Kept>>,
    /// The run that was answered by them.
    answered: Option<Arc<Run>>,
}

/// The similarities of images and candidates.
pub struct Known {
    pub kept: Arc<Kept>,
    /// The run that was answered by the very same.
    answered: Option<Arc<Run>>,
}

impl Memory {
    /// The images of a folder, which is listed once, or of a manifest as it is now.
    ///
    /// # Errors
    /// As [`open_dataset`].
    pub fn dataset(&self, source: &Path) -> anyhow::Result<Arc<Dataset>> {
        let content = source.is_file().then(|| content(source)).flatten();
        let mut listed = locked(&self.dataset);
        if let Some(known) = listed.as_ref()
            && known.source == source
            && known.content == content
        {
            return Ok(Arc::clone(&known.dataset));
        }
        let dataset = Arc::new(open_dataset(source)?);
        *listed = Some(Listed {
            source: source.to_owned(),
            content,
            dataset: Arc::clone(&dataset),
        });
        Ok(dataset)
    }

    /// As [`Rows::read`], once.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn rows(&self, path: &Path, kind: Kind) -> anyhow::Result<Rows> {
        let mut known = locked(&self.rows);
        if let Some(rows) = known.get(path) {
            return Ok(rows.clone());
        }
        let rows = Rows::read(path, kind)?;
        known.insert(path.to_owned(), rows.clone());
        Ok(rows)
    }

    /// The similarities of these images and the candidates, which the first prompts are of; only those are computed that are not
    /// known. `None` where they are too many to be kept, or do not fit together, which whoever scores them tells.
    ///
    /// # Errors
    /// Threads that cannot be started.
    pub fn similarities(
        &self,
        strategy: Match,
        images: &Arc<Matrix>,
        prompts: &Prompts,
        candidates: usize,
    ) -> anyhow::Result<Option<Known>> {
        let counts = &prompts.counts[..candidates];
        let Ok(matching) = Matching::new(strategy, images, &prompts.embeddings, counts) else {
            return Ok(None);
        };
        let mut similar = locked(&self.similar);
        if let Some(kept) = &similar.kept
            && kept.is_of(images, &matching)
        {
            return Ok(Some(Known {
                kept: Arc::clone(kept),
                answered: similar.answered.clone(),
            }));
        }
        let before = std::mem::take(&mut *similar).kept.and_then(Arc::into_inner);
        let kept = on_all_cores(|| Kept::new(images, &matching, before))?.map(Arc::new);
        similar.kept.clone_from(&kept);
        Ok(kept.map(|kept| Known {
            kept,
            answered: None,
        }))
    }

    /// Keeps what was answered by the similarities that are kept.
    pub fn set_answered(&self, run: &Arc<Run>) {
        locked(&self.similar).answered = Some(Arc::clone(run));
    }
}

impl Known {
    /// What the very same similarities were answered, as nodes of another taxonomy. `None` if nothing was, or if something else has a
    /// say in the answers: the rule, unless it is `argmax`, the temperature, which images and which candidates are meant.
    pub fn answers(
        &self,
        manifest: &Manifest,
        images: &Names,
        taxonomy: &Taxonomy,
    ) -> Option<Evaluated> {
        let run = self.answered.as_ref()?;
        let before = &run.manifest;
        let option = |manifest: &Manifest, name: &str| manifest.options.get(name).cloned();
        let is_argmax = option(manifest, "decide") == Some(Rule::Argmax.name().into());
        let is_same = ["decide", "top-k", "calibration"]
            .iter()
            .all(|name| option(manifest, name) == option(before, name))
            && manifest.model == before.model
            && manifest.candidates.sha256 == before.candidates.sha256
            && run.predictions.images() == images;
        (is_argmax && is_same)
            .then(|| run.answers_under(taxonomy))
            .flatten()
    }
}
