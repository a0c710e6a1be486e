//! A backend for tests: a small saved run of the drawn world.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::app::Beginning;
use super::backend::{
    Applied, Backend, EncodedPrompts, Expanded, Fault, News, On, Other, Plan, Progress, Shown,
    Templates, Trial, Tried, TriedOnAll,
};
use super::keymap::Keymap;
use super::stage::Stage;
use super::theme::Theme;
use crate::history::{Change, What};
use crate::matrix::Matrix;
use crate::run::{self, Embedded, Embeddings, Opened, Saved, Suggestion};
use crate::score::{Depth, Stop};
use crate::taxonomy::{NodeId, Taxonomy, edit, load_str};

/// Where the fixture is.
pub fn run_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/run")
}

pub fn taxonomy() -> Taxonomy {
    load_str("shapes.yaml", &shapes()).into_sound().unwrap()
}

/// Answers from the fixture; what a model would say is made up.
#[derive(Default)]
pub struct Fake {
    /// What was tried, in order.
    pub trials: Mutex<Vec<(Trial, On)>>,
    /// What is wrong with the files when the run is to be made again.
    pub faults: Mutex<Vec<Fault>>,
    /// The taxonomy's text, where it is not that of the demo.
    pub text: Mutex<Option<String>>,
    /// Whether the images were encoded.
    pub has_images: AtomicBool,
    /// Whether they hold what the run was made of.
    pub is_unchanged: AtomicBool,
    /// Edits that were made and not taken back: no file is touched.
    pub made: Mutex<Vec<Plan>>,
    /// Whether the taxonomy is in no file yet.
    pub is_built_in: AtomicBool,
    /// Files that took the place of the built-in taxonomy.
    pub adopted: Mutex<Vec<PathBuf>>,
    /// Whether a run that is made again is cancelled before it has answers.
    pub is_cancelled: AtomicBool,
    /// Whether the run is shown by its answers first, and then never whole, as if it was cancelled.
    pub stops_at_answers: AtomicBool,
    /// Runs that were kept, by their names.
    pub kept: Mutex<Vec<(String, Saved)>>,
}

impl Fake {
    /// Of the demo's taxonomy with three faults: two edges less and one too many.
    pub fn faulty() -> Self {
        let fake = Self::default();
        fake.write(&[
            (
                "constant_width_figure: [circle, reuleaux_triangle]",
                "constant_width_figure: [reuleaux_triangle]",
            ),
            (
                "parents: [parallelogram, kite, equilateral_polygon]",
                "parents: [parallelogram, equilateral_polygon]",
            ),
            (
                "parents: [rectangle, rhombus, regular_polygon]",
                "parents: [rectangle, rhombus, regular_polygon, parallelogram]",
            ),
        ]);
        fake
    }

    /// Writes the demo's taxonomy anew, each of these texts replaced by the one beside it.
    pub fn write(&self, changes: &[(&str, &str)]) {
        let mut text = shapes();
        for (before, after) in changes {
            assert!(text.contains(before), "{before}");
            text = text.replacen(before, after, 1);
        }
        *self.text.lock().unwrap() = Some(text);
    }

    fn taxonomy(&self) -> Taxonomy {
        let text = self.text.lock().unwrap().clone();
        let text = text.unwrap_or_else(shapes);
        load_str("shapes.yaml", &text).into_sound().unwrap()
    }

    /// The run under the taxonomy as it is now, judged again if that has changed.
    fn judged(&self, opened: &Opened) -> Opened {
        let taxonomy = self.taxonomy();
        let saved = match taxonomy.sources() == opened.taxonomy.sources() {
            true => opened.saved.clone(),
            false => {
                let mut again =
                    run::rejudged(&opened.saved, &taxonomy, None, Depth::Whole, Stop::NEVER)
                        .unwrap();
                again.run.manifest.taxonomy.sha256 = "edited".into();
                Saved::of(&again.run)
            }
        };
        Opened::new(saved, taxonomy)
    }
}

fn shapes() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("taxonomies/shapes.yaml");
    std::fs::read_to_string(path).unwrap()
}

impl Backend for Fake {
    fn again(
        &self,
        opened: &Opened,
        tell: &(dyn Fn(News) + Sync),
        _stop: &AtomicBool,
    ) -> Result<Option<Applied>, Vec<Fault>> {
        let faults = self.faults.lock().unwrap().clone();
        if !faults.is_empty() {
            return Err(faults);
        }
        if self.is_cancelled.load(Ordering::Relaxed) {
            return Err(Vec::new());
        }
        if self.is_unchanged.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let again = Applied {
            shown: Shown {
                opened: Arc::new(self.judged(opened)),
                so_far: None,
                is_saved: true,
                name: "fixture".into(),
                fixed_labels: None,
            },
            assumed: Vec::new(),
        };
        tell(News::Answers(again.clone()));
        match self.stops_at_answers.load(Ordering::Relaxed) {
            true => Err(Vec::new()),
            false => Ok(Some(again)),
        }
    }

    fn open(&self, tell: &(dyn Fn(News) + Sync), _stop: &AtomicBool) -> Result<(), String> {
        let saved = run::load_whole(&run_dir()).map_err(|e| e.to_string())?;
        tell(News::Figures(
            Box::new(saved.summary.clone()),
            saved.manifest.clone(),
        ));
        tell(News::Note("a word on the run".into()));
        tell(News::Progress(Progress {
            doing: "reading".into(),
            things: "images".into(),
            done: 100,
            total: 300,
            elapsed: Duration::from_secs(2),
        }));
        tell(News::Run(Shown {
            opened: Arc::new(Opened::new(saved, self.taxonomy())),
            so_far: None,
            is_saved: true,
            name: "fixture".into(),
            fixed_labels: None,
        }));
        Ok(())
    }

    fn picture(&self, _opened: &Opened, image: usize) -> Result<Vec<u8>, String> {
        if image % 50 == 49 {
            return Err("the file is gone".into());
        }
        let shade = (image % 200) as u8;
        let pixels = image::RgbImage::from_fn(16, 16, |x, y| {
            image::Rgb([shade, (x * 16) as u8, (y * 16) as u8])
        });
        let mut bytes = std::io::Cursor::new(Vec::new());
        pixels
            .write_to(&mut bytes, image::ImageFormat::Png)
            .map_err(|e| e.to_string())?;
        Ok(bytes.into_inner())
    }

    fn other(&self, dir: &Path) -> Result<Other, String> {
        let saved = run::load_whole(&run_dir()).map_err(|e| e.to_string())?;
        let taxonomy = match dir.to_str() {
            Some("fixture") => Ok(taxonomy()),
            Some("moved") => Err("shapes.yaml is gone".to_owned()),
            _ => return Err(format!("{}: no run of cladist", dir.display())),
        };
        Ok(Other { saved, taxonomy })
    }

    fn templates(&self, _opened: &Opened) -> Result<Templates, String> {
        Ok(Templates {
            name: "general".into(),
            templates: vec!["a photo of {a name}".into(), "a drawing of {a name}".into()],
            others: vec![("bare".into(), vec!["{name}".into()])],
        })
    }

    fn expand(&self, opened: &Opened, node: NodeId) -> Result<Expanded, String> {
        let name = opened.taxonomy.label(node);
        let of = |what: &str| {
            (
                format!("a {what} of a {name}"),
                format!("a {what} of {{a name}}"),
            )
        };
        Ok(Expanded {
            prompts: vec![of("photo"), of("drawing")],
        })
    }

    fn encode_prompts(
        &self,
        opened: &Opened,
        _tell: &(dyn Fn(News) + Sync),
        _stop: &AtomicBool,
    ) -> Result<EncodedPrompts, String> {
        let nodes: Vec<NodeId> = opened.taxonomy.nodes().collect();
        let nearest = |i: usize| {
            let others = (1..4).map(|k| (nodes[(i + k) % nodes.len()], 1.0 - 0.1 * k as f64));
            others.collect()
        };
        Ok(EncodedPrompts {
            nearest: (0..nodes.len()).map(nearest).collect(),
            agreement: nodes.iter().map(|_| Some(0.9)).collect(),
            nodes,
        })
    }

    fn encode_images(
        &self,
        _opened: &Opened,
        _tell: &(dyn Fn(News) + Sync),
        _stop: &AtomicBool,
    ) -> Result<(), String> {
        self.has_images.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Every image is encoded as the number of its first label.
    fn suggest(&self, opened: &Opened) -> Vec<Suggestion> {
        let labels = opened.saved.rows.iter().map(|row| row.primary.unwrap_or(0));
        let rows = labels.flat_map(|label| {
            let angle = f64::from(label) / 100.0;
            [angle.cos() as f32, angle.sin() as f32]
        });
        let rows = Matrix::new(2, rows.collect());
        let of: Vec<Option<usize>> = (0..opened.len()).map(Some).collect();
        let has_images = self.has_images.load(Ordering::Relaxed);
        let images = has_images.then_some(Embedded {
            rows: &rows,
            of: &of,
        });
        let embeddings = Embeddings {
            texts: None,
            images,
        };
        run::suggest(opened, embeddings)
    }

    fn try_out(
        &self,
        opened: &Opened,
        trial: &Trial,
        on: On,
        _tell: &(dyn Fn(News) + Sync),
        _stop: &AtomicBool,
    ) -> Result<Tried, String> {
        self.trials.lock().unwrap().push((trial.clone(), on));
        if let Trial::Label(label) = trial
            && label == "fails"
        {
            return Err("the model cannot be read".into());
        }
        Ok(Tried {
            trial: trial.clone(),
            ranked: vec![("square".into(), 0.7), ("tried".into(), 0.2)],
            whole: (on == On::All).then(|| TriedOnAll {
                n: opened.len(),
                changed: 12,
                won: 7,
                right_before: 100,
                right_after: 103,
                from: vec![("square".into(), 5), ("circle".into(), 2)],
                templates: Vec::new(),
            }),
        })
    }

    fn at_threshold(&self, opened: &Opened, threshold: f64) -> Result<Applied, String> {
        Ok(Applied {
            shown: Shown {
                opened: Arc::new(Opened::new(opened.saved.clone(), taxonomy())),
                so_far: None,
                is_saved: false,
                name: format!("fixture at threshold {threshold}"),
                fixed_labels: None,
            },
            assumed: vec!["something had to be assumed".into()],
        })
    }

    fn plan(&self, opened: &Opened, what: &What) -> Result<Option<Plan>, String> {
        if self.is_built_in.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let What::Taxonomy(edit) = what else {
            return Ok(Some(Plan {
                what: what.clone(),
                changes: vec![Change {
                    path: "labels.valid.csv".into(),
                    before: None,
                    after: Some("image,labels\n".to_owned()),
                }],
                warnings: Vec::new(),
            }));
        };
        let edited = edit::apply(&opened.taxonomy, edit).map_err(|refusal| refusal.to_string())?;
        let warnings = edited.warnings(&opened.taxonomy, edit).into_iter();
        let warnings = warnings.map(|warning| warning.message).collect();
        let changes = edited.files.into_iter().map(|file| Change {
            path: file.path,
            before: Some(file.before),
            after: Some(file.after),
        });
        let changes = changes.collect();
        Ok(Some(Plan {
            what: what.clone(),
            changes,
            warnings,
        }))
    }

    fn make(&self, _opened: &Opened, plan: &Plan) -> Result<(), String> {
        self.made.lock().unwrap().push(plan.clone());
        Ok(())
    }

    fn undo(&self, _opened: &Opened) -> Result<What, String> {
        let plan = self.made.lock().unwrap().pop();
        plan.map(|plan| plan.what)
            .ok_or_else(|| "there is no edit to take back".to_owned())
    }

    fn redo(&self, _opened: &Opened) -> Result<What, String> {
        Err("no edit was taken back".to_owned())
    }

    fn adopt(&self, _opened: &Opened, path: &Path) -> Result<(), String> {
        self.adopted.lock().unwrap().push(path.to_owned());
        self.is_built_in.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn keep_snapshot(&self, opened: &Opened, name: &str) -> Result<PathBuf, String> {
        if name == "too long" {
            return Err("the disk is full".to_owned());
        }
        let mut kept = self.kept.lock().unwrap();
        kept.retain(|(of, _)| of != name);
        kept.push((name.to_owned(), opened.saved.clone()));
        Ok(PathBuf::from("snapshots").join(name))
    }

    fn kept_snapshot(&self, name: &str) -> Result<Other, String> {
        let kept = self.kept.lock().unwrap();
        let found = kept.iter().find(|(of, _)| of == name);
        let (_, saved) = found.ok_or_else(|| format!("no `{name}`"))?;
        Ok(Other {
            saved: saved.clone(),
            taxonomy: Ok(taxonomy()),
        })
    }

    fn save(&self, _opened: &Opened, _dir: &Path) -> Result<(), String> {
        Ok(())
    }

    fn can_save(&self) -> bool {
        false
    }

    fn session_file(&self) -> Option<PathBuf> {
        None
    }
}

pub fn beginning(width: u16, height: u16) -> Beginning {
    Beginning {
        title: "fixture".into(),
        theme: Theme::Dark,
        keymap: Keymap::default(),
        has_pictures: true,
        keeps_session: true,
        can_save: false,
        session: None,
        snapshots: Vec::new(),
        size: (width, height),
    }
}

/// The fixture on a stage.
pub fn stage(width: u16, height: u16) -> Stage {
    stage_with(&Arc::default(), width, height)
}

/// With a backend that one goes on to have a say in.
pub fn stage_with(fake: &Arc<Fake>, width: u16, height: u16) -> Stage {
    let backend: Arc<dyn Backend> = Arc::<Fake>::clone(fake);
    Stage::new(backend, beginning(width, height))
}
