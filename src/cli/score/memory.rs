//! What one scoring leaves for the next one of the same sources, after a file of text was edited: all that is dear to read or to compute.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::elsewhere::select_rows;
use super::{array_files, file_hash};
use crate::cli::{locked, on_all_cores, open_dataset};
use crate::dataset::arrays::{self, Array, Kind};
use crate::dataset::{Dataset, metadata_of};
use crate::matrix::Matrix;
use crate::names::Names;
use crate::run::{Manifest, Prompts, RANKED_AT_LEAST, Run, SourceHash};
use crate::score::{Evaluated, Gaussians, Kept, Match, Matching, Rule};
use crate::taxonomy::Taxonomy;
use crate::watch::{Contents, content, contents};

/// Images and arrays as they were read for the first time, and the similarities of the last scoring. Each is replaced as a whole.
#[derive(Default)]
pub struct Memory {
    dataset: Mutex<Option<Listed>>,
    /// What the files held that they were read from, and the rows.
    rows: Mutex<BTreeMap<PathBuf, (Contents, Rows)>>,
    selected: Mutex<Option<Selected>>,
    similar: Mutex<Similar>,
}

/// Rows of an array that was made elsewhere.
#[derive(Clone)]
pub struct Rows {
    /// Those of embeddings are unit rows.
    pub rows: Arc<Matrix>,
    /// Σσ² of each, where log σ² is beside them.
    pub uncertainty: Option<Arc<[f64]>>,
    /// What each is called, where that is said beside them.
    pub names: Option<Names>,
    /// Which file it was.
    pub source: SourceHash,
}

impl Rows {
    /// # Errors
    /// A file that cannot be read.
    pub fn read(path: &Path, kind: Kind) -> anyhow::Result<Self> {
        let Array {
            rows,
            log_variances,
            names,
        } = arrays::read(path, kind)?;
        let rows = match kind {
            Kind::ImageEmbeddings | Kind::TextEmbeddings => unit(rows),
            Kind::Scores => rows,
        };
        let made = Gaussians::of_parts(rows, log_variances);
        Ok(Self {
            uncertainty: made.totals().map(Arc::from),
            rows: Arc::new(made.means),
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
    /// What the tables held that list them.
    contents: Contents,
    dataset: Arc<Dataset>,
}

/// Some rows of an array.
struct Selected {
    all: Arc<Matrix>,
    items: Vec<usize>,
    rows: Arc<Matrix>,
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

/// The tables that list the images of a source, which need not be there any more.
fn tables(source: &Path, dataset: &Dataset) -> impl Iterator<Item = PathBuf> {
    let own = source.is_file().then(|| source.to_owned());
    let listed = dataset.manifests().map(Path::to_owned);
    let tables: Vec<PathBuf> = own
        .into_iter()
        .chain(metadata_of(source))
        .chain(listed)
        .collect();
    tables.into_iter()
}

impl Memory {
    /// The images of a folder, which is listed once, or by a manifest, or by the metadata in the folder, as these are now.
    ///
    /// # Errors
    /// As [`open_dataset`].
    pub fn dataset(&self, source: &Path) -> anyhow::Result<Arc<Dataset>> {
        let mut listed = locked(&self.dataset);
        if let Some(known) = listed.as_ref()
            && known.source == source
            && known.contents == contents(tables(source, &known.dataset))
        {
            return Ok(Arc::clone(&known.dataset));
        }
        // Looked at before it is read, as far as it is known before: what is saved meanwhile is a change the next time.
        let mut before = contents(metadata_of(source).chain([source.to_owned()]));
        let dataset = Arc::new(open_dataset(source)?);
        before.retain(|path, _| path.is_file());
        for path in tables(source, &dataset) {
            before.entry(path).or_insert_with_key(|path| content(path));
        }
        *listed = Some(Listed {
            source: source.to_owned(),
            contents: before,
            dataset: Arc::clone(&dataset),
        });
        Ok(dataset)
    }

    /// What the tables held that list the images; nothing before they were listed.
    pub fn listed(&self) -> Contents {
        let listed = locked(&self.dataset);
        listed
            .as_ref()
            .map_or_else(Contents::new, |listed| listed.contents.clone())
    }

    /// As [`Rows::read`], once for what the files hold.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn rows(&self, path: &Path, kind: Kind) -> anyhow::Result<Rows> {
        let now = contents(array_files(path)?);
        let mut known = locked(&self.rows);
        if let Some((_, rows)) = known.get(path).filter(|(before, _)| *before == now) {
            return Ok(rows.clone());
        }
        let rows = Rows::read(path, kind)?;
        known.insert(path.to_owned(), (now, rows.clone()));
        Ok(rows)
    }

    /// These rows: the same as long as they are the same of the same, so that what was computed of them stays true.
    pub fn select(&self, all: Arc<Matrix>, items: &[usize]) -> Arc<Matrix> {
        let mut selected = locked(&self.selected);
        if let Some(known) = selected.as_ref()
            && Arc::ptr_eq(&known.all, &all)
            && known.items == items
        {
            return Arc::clone(&known.rows);
        }
        let rows = select_rows(Arc::clone(&all), items);
        *selected = Some(Selected {
            all,
            items: items.to_vec(),
            rows: Arc::clone(&rows),
        });
        rows
    }

    /// The similarities of these images, whose Σσ² are these if the model tells them, and the candidates, which the first prompts are
    /// of; only those are computed that are not known. `None` where they are too many to be kept, or do not fit together, which whoever scores them tells.
    ///
    /// # Errors
    /// Threads that cannot be started.
    pub fn similarities(
        &self,
        strategy: Match,
        images: &Arc<Matrix>,
        uncertainty: Option<&[f64]>,
        prompts: &Prompts,
        candidates: usize,
    ) -> anyhow::Result<Option<Known>> {
        let (prompts, counts) = (&prompts.embeddings, &prompts.counts[..candidates]);
        let Ok(matching) = Matching::new(strategy, images, uncertainty, prompts, counts) else {
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
    /// say in the answers: the rule, unless it is `argmax`, the temperature, which images and which candidates are meant; and if fewer
    /// ranked labels were kept than figures are made of.
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
        let kept = option(before, "top-k").and_then(|k| k.as_u64());
        let needed = RANKED_AT_LEAST.min(manifest.counts.candidates) as u64;
        let is_deep = kept.is_some_and(|kept| kept == 0 || kept >= needed);
        (is_argmax && is_same && is_deep)
            .then(|| run.answers_under(taxonomy))
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::run::Evidence;
    use crate::run::testing::{inputs, manifest};
    use crate::taxonomy::load_str;

    const TAXONOMY: &str = "nodes: {a: {}, b: {}, c: {parents: [a]}}";

    /// A taxonomy of three labels, four images, and the prompts of all labels, which are candidates.
    struct World {
        taxonomy: Taxonomy,
        images: Arc<Matrix>,
        prompts: Prompts,
        memory: Memory,
    }

    fn wave(rows: usize, shift: f32) -> Matrix {
        Matrix::new(3, (0..3 * rows).map(|i| (i as f32 + shift).sin()).collect())
    }

    impl World {
        fn new() -> Self {
            let taxonomy = load_str("t", TAXONOMY).into_sound().expect("a sound DAG");
            let prompts = Prompts {
                nodes: taxonomy.nodes().collect(),
                counts: vec![1; 3],
                embeddings: wave(3, 0.0).into(),
            };
            Self {
                taxonomy,
                images: Arc::new(wave(4, 5.0)),
                prompts,
                memory: Memory::default(),
            }
        }

        fn similarities(&self, images: &Arc<Matrix>, prompts: &Prompts, by: Match) -> Known {
            let known = self.memory.similarities(by, images, None, prompts, 3);
            known.expect("threads").expect("they are few")
        }

        /// The run of all images, which is kept as made so.
        fn answer(&self, manifest: Manifest) -> Names {
            let known = self.similarities(&self.images, &self.prompts, Match::Mean);
            let evidence = Evidence::Embedded {
                images: std::borrow::Cow::Borrowed(&*self.images),
                prompts: std::borrow::Cow::Borrowed(&self.prompts),
                kinds: None,
                logit_scale: 10.0,
                similarities: Some(known.kept.values()),
            };
            let truths = self.taxonomy.nodes().chain(self.taxonomy.nodes().take(1));
            let truths: Vec<Vec<_>> = truths.map(|label| vec![label]).collect();
            let inputs = inputs(&self.taxonomy, truths, Rule::Argmax, evidence);
            let names = inputs.images.clone();
            let run = Run::build(inputs, manifest).expect("all is there");
            self.memory.set_answered(&Arc::new(run));
            names
        }
    }

    fn asked(changes: &[(&str, Value)]) -> Manifest {
        let mut manifest = manifest();
        manifest.counts.candidates = 6;
        manifest.options.insert("top-k".to_owned(), json!(5));
        manifest
            .options
            .insert("calibration".to_owned(), json!(null));
        for (what, value) in changes {
            match *what {
                "candidates" => manifest.candidates.sha256 = value.to_string(),
                "count" => manifest.counts.candidates = value.as_u64().expect("a number") as usize,
                "model" => manifest.model = value.clone(),
                "credit" | "decide" | "top-k" | "calibration" => {
                    manifest.options.insert((*what).to_owned(), value.clone());
                }
                other => panic!("{other}"),
            }
        }
        manifest
    }

    /// Answers are taken from the run before only where nothing is another that has a say in them.
    #[test]
    fn what_has_a_say_in_the_answers_is_asked_again() {
        let leaf = || ("decide", json!("leaf"));
        let top = |k: usize| ("top-k", json!(k));
        for (before, now, is_known) in [
            (vec![], vec![], true),
            (vec![], vec![("credit", json!("lin"))], true),
            (vec![], vec![("candidates", json!(1))], false),
            (vec![], vec![("model", json!({"logit_scale": 1.0}))], false),
            (vec![], vec![leaf()], false),
            (vec![leaf()], vec![], false),
            (vec![leaf()], vec![leaf()], false),
            (vec![], vec![("calibration", json!(0.5))], false),
            (vec![], vec![top(6)], false),
            // As deep as figures need it: all candidates, or five.
            (vec![top(0)], vec![top(0)], true),
            (vec![top(4)], vec![top(4)], false),
            (
                vec![top(4), ("count", json!(4))],
                vec![top(4), ("count", json!(4))],
                true,
            ),
        ] {
            let world = World::new();
            let names = world.answer(asked(&before));
            let known = world.similarities(&world.images, &world.prompts, Match::Mean);
            let found = known.answers(&asked(&now), &names, &world.taxonomy);
            assert_eq!(found.is_some(), is_known, "{before:?} {now:?}");
        }
    }

    #[test]
    fn other_images_prompts_and_labels_are_answered_anew() {
        let world = World::new();
        let names = world.answer(asked(&[]));
        let others: Names = ["0", "1", "2", "another"].into_iter().collect();
        let fewer = load_str("t", "nodes: {a: {}, b: {}}")
            .into_sound()
            .expect("a sound DAG");
        let renumbered = load_str("t", "nodes: {b: {}, c: {}, a: {}}");
        let renumbered = renumbered.into_sound().expect("a sound DAG");
        let known = world.similarities(&world.images, &world.prompts, Match::Mean);
        let answers = |names, taxonomy| known.answers(&asked(&[]), names, taxonomy);
        assert!(answers(&others, &world.taxonomy).is_none());
        assert!(answers(&names, &fewer).is_none());
        let (first, moved) = (
            answers(&names, &world.taxonomy).expect("nothing has changed"),
            answers(&names, &renumbered).expect("the labels are there"),
        );
        for (a, b) in first.answers.iter().zip(&moved.answers) {
            let (a, b) = (a.expect("an answer"), b.expect("an answer"));
            assert_eq!(world.taxonomy.id(a), renumbered.id(b));
        }
        let prompts = Prompts {
            embeddings: wave(3, 1.0).into(),
            ..world.prompts.clone()
        };
        let images = Arc::new((*world.images).clone());
        for (images, prompts, by) in [
            (&world.images, &prompts, Match::Mean),
            (&images, &world.prompts, Match::Mean),
            (&world.images, &world.prompts, Match::Max),
        ] {
            world.answer(asked(&[]));
            let known = world.similarities(images, prompts, by);
            assert!(
                known
                    .answers(&asked(&[]), &names, &world.taxonomy)
                    .is_none()
            );
        }
    }

    /// The matrix is the same as long as its rows are, which the similarities are known by.
    #[test]
    fn selected_rows_are_selected_once() {
        let (memory, all) = (Memory::default(), Arc::new(wave(4, 0.0)));
        let first = memory.select(Arc::clone(&all), &[0, 2]);
        assert_eq!(first.row(1), all.row(2));
        assert!(Arc::ptr_eq(
            &first,
            &memory.select(Arc::clone(&all), &[0, 2])
        ));
        let other = memory.select(Arc::clone(&all), &[0, 3]);
        assert_eq!(other.row(1), all.row(3));
        let others = Arc::new(wave(4, 1.0));
        let other = memory.select(Arc::clone(&others), &[0, 3]);
        assert_eq!(other.row(1), others.row(3));
    }
}
