//! The threads that do what takes long: one has the model, one the columns of the run, one what takes long with them, one makes pictures
//! ready. What is done comes back as an action.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::thread;

use crossbeam_channel::{Receiver, Sender, unbounded};
use ratatui_image::picker::Picker;

use super::action::{Action, Answer, Compared, Job, Kind, Lane, Request};
use super::backend::{Backend, News, Other};
use super::picture;
use super::sheet::Sheet;
use crate::files::StagedFiles;
use crate::run::{self, Comparison, Filter, Opened, Saved};
use crate::taxonomy::edit::{self, EditedFile};

/// What does the jobs.
#[derive(Clone)]
pub struct Worker {
    pub backend: Arc<dyn Backend>,
    /// Known when the terminal has said what it can; `None`: no pictures.
    pub picker: Arc<OnceLock<Option<Picker>>>,
    /// All cores: the process's own pool may be held at one thread, for the model's sake.
    pub pool: Arc<rayon::ThreadPool>,
}

impl Worker {
    /// # Panics
    /// If no thread can be started.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        Self {
            backend,
            picker: Arc::default(),
            pool: Arc::new(pool.expect("threads can be started")),
        }
    }
}

/// The threads.
pub struct Workers {
    lanes: BTreeMap<Lane, Sender<Request>>,
}

impl Workers {
    /// Starts them; what they have to tell goes to `actions`.
    pub fn start(worker: &Worker, actions: &Sender<Action>) -> Self {
        let lanes = Lane::ALL.map(|lane| {
            let (sender, receiver) = unbounded();
            let (worker, actions) = (worker.clone(), actions.clone());
            thread::Builder::new()
                .name(format!("{lane:?}").to_lowercase())
                .spawn(move || worker.serve(&receiver, &actions))
                .expect("a thread can be started");
            (lane, sender)
        });
        Self {
            lanes: lanes.into_iter().collect(),
        }
    }

    pub fn send(&self, request: Request) {
        if let Some(lane) = self.lanes.get(&request.job.kind().lane()) {
            // The threads live as long as this.
            let _ = lane.send(request);
        }
    }
}

impl Worker {
    fn serve(&self, requests: &Receiver<Request>, actions: &Sender<Action>) {
        for request in requests {
            let tell = |news: News| {
                let _ = actions.send(Action::News(news));
            };
            let id = request.id;
            // Where it was asked for again meanwhile, nobody waits for the answer; where it was cancelled, somebody does.
            // What is to be written is written: another file that is asked for takes nothing from it.
            let is_given_up =
                request.stop.load(Ordering::Relaxed) && request.job.kind() != Kind::Write;
            let answer = match is_given_up {
                true => Err("cancelled".to_owned()),
                false => self.perform(request, &tell),
            };
            if actions.send(Action::Answer(id, answer)).is_err() {
                return;
            }
        }
    }

    /// Does a job.
    ///
    /// # Errors
    /// What went wrong, for people.
    pub fn perform(
        &self,
        request: Request,
        tell: &(dyn Fn(News) + Sync),
    ) -> Result<Answer, String> {
        let Request { job, run, stop, .. } = request;
        let backend = &self.backend;
        if let Job::Open = job {
            return backend.open(tell, &stop).map(|()| Answer::Opened);
        }
        let run = run.ok_or("the run is not there yet")?;
        Ok(match job {
            Job::Open => Answer::Opened,
            Job::Again => match backend.again(&run, tell, &stop) {
                Ok(Some(again)) => Answer::Again(again),
                Ok(None) => Answer::Unchanged,
                Err(faults) => Answer::Faults(faults),
            },
            Job::Rows {
                order,
                sorted,
                filter,
            } => {
                let all = || Arc::new(self.pool.install(|| order.rows(&run)));
                let sorted = sorted.unwrap_or_else(all);
                let filter = Filter::parse(&filter, &run).map_err(|e| e.message)?;
                let select = || filter.select(&run, &sorted, &stop);
                let rows = match filter.is_all() {
                    true => Arc::clone(&sorted),
                    false => Arc::new(self.pool.install(select).ok_or("cancelled")?),
                };
                Answer::Rows { sorted, rows }
            }
            Job::Nodes => Answer::Nodes(Arc::new(run::nodes(&run))),
            Job::Confusions { depth } => {
                let found = run::confusions(&run.saved, &run.taxonomy, depth);
                Answer::Confusions(depth, Arc::new(found.map_err(|e| e.to_string())?))
            }
            Job::Curve(value) => {
                let found = self.pool.install(|| run::operating(&run, value));
                Answer::Curve(value, found.map_err(|e| e.to_string())?.map(Arc::new))
            }
            Job::Picture {
                image,
                columns,
                rows,
            } => self.picture(&run, image, columns, rows)?,
            Job::Templates => Answer::Templates(backend.templates(&run)?),
            Job::Expand(node) => Answer::Expanded(node, backend.expand(&run, node)?),
            Job::EncodePrompts => {
                Answer::Encoded(Arc::new(backend.encode_prompts(&run, tell, &stop)?))
            }
            Job::EncodeImages => {
                backend.encode_images(&run, tell, &stop)?;
                Answer::ImagesEncoded
            }
            Job::Try(trial, on) => {
                Answer::Tried(on, backend.try_out(&run, &trial, on, tell, &stop)?)
            }
            Job::CompareWith(dir) => {
                let name = dir.display().to_string();
                self.compare_with(name, backend.other(&dir)?, &run)?
            }
            Job::CompareKept(name) => {
                let other = backend.kept_snapshot(&name)?;
                self.compare_with(name, other, &run)?
            }
            Job::Compare(name, other) => Answer::Compared(Compared {
                name,
                figures: Box::new(other.saved.summary.clone()),
                comparison: Arc::new(self.compare(&other.saved, &run.saved)?),
                other: Ok(other),
            }),
            Job::Explain(other) => {
                let taxonomies = [("A", &other.taxonomy), ("B", &run.taxonomy)];
                let explain = || run::explained(&run.saved, taxonomies);
                let found = self.pool.install(explain);
                let found = found.map(|found| found.map(Box::new));
                Answer::Explained(found.map_err(|error| error.to_string()))
            }
            Job::AtThreshold(threshold) => Answer::Applied(backend.at_threshold(&run, threshold)?),
            Job::Suggest => Answer::Suggested(backend.suggest(&run)),
            Job::Diff(number, edit) => {
                let edited = edit::apply(&run.taxonomy, &edit);
                let diff = edited.map(|edited| edited.files.iter().map(EditedFile::diff).collect());
                Answer::Diff(number, diff.map_err(|refusal| refusal.to_string()))
            }
            Job::Export(path, sheet) => Answer::Written(export(&path, &sheet)?),
            Job::Write(path, text) => Answer::Written(write(&path, text.as_bytes())?),
            Job::SaveRun(dir) => {
                backend.save(&run, &dir)?;
                Answer::Saved(dir)
            }
            Job::Keep(name) => {
                let kept = backend.keep_snapshot(&run, &name);
                let kept = kept.map_err(|why| {
                    format!("`{name}` is kept as long as the workbench is open: {why}")
                })?;
                Answer::Written(format!(
                    "kept as `{name}`: r in Compare (7) compares with it ({})",
                    kept.display()
                ))
            }
            Job::Plan(what) => match backend.plan(&run, &what)? {
                Some(plan) => Answer::Planned(plan),
                None => Answer::WithoutFile(what),
            },
            Job::Edit(plan) => {
                backend.make(&run, &plan)?;
                Answer::Edited(format!("done: {}", plan.what))
            }
            Job::Undo => Answer::Edited(format!("undone: {}", backend.undo(&run)?)),
            Job::Redo => Answer::Edited(format!("done again: {}", backend.redo(&run)?)),
            Job::Adopt(path) => {
                backend.adopt(&run, &path)?;
                Answer::Adopted(path)
            }
        })
    }

    fn compare_with(&self, name: String, other: Other, run: &Opened) -> Result<Answer, String> {
        let Other { saved, taxonomy } = other;
        let comparison = self.compare(&saved, &run.saved)?;
        Ok(Answer::Compared(Compared {
            name,
            figures: Box::new(saved.summary.clone()),
            comparison: Arc::new(comparison),
            other: taxonomy.map(|taxonomy| Arc::new(Opened::new(saved, taxonomy))),
        }))
    }

    fn compare(&self, first: &Saved, second: &Saved) -> Result<Comparison, String> {
        let compare = || run::compare(first, second);
        self.pool.install(compare).map_err(|e| e.to_string())
    }

    fn picture(
        &self,
        run: &Opened,
        image: usize,
        columns: u16,
        rows: u16,
    ) -> Result<Answer, String> {
        let picker = self.picker.wait().as_ref().ok_or("pictures are off")?;
        let bytes = self.backend.picture(run, image)?;
        Ok(Answer::Picture(picture::draw(
            picker, &bytes, image, columns, rows,
        )?))
    }
}

fn export(path: &Path, sheet: &Sheet) -> Result<String, String> {
    write(path, &sheet.render(path)?)
}

/// Writes a file, all or nothing. One that is there already is replaced only if its name is written with a `!` behind it.
fn write(path: &Path, bytes: &[u8]) -> Result<String, String> {
    let text = path.to_string_lossy();
    let (path, replace) = match text.strip_suffix('!') {
        Some(path) => (Path::new(path), true),
        None => (path, false),
    };
    let shown = path.display();
    if !replace && path.exists() {
        return Err(format!(
            "{shown} is there already: choose another name, or write {shown}! to replace it"
        ));
    }
    let staged = StagedFiles::new(&[path]).map_err(|e| e.to_string())?;
    std::fs::write(staged.path(0), bytes).map_err(|e| format!("{shown}: {e}"))?;
    staged.publish().map_err(|e| e.to_string())?;
    Ok(format!("written to {shown}"))
}
