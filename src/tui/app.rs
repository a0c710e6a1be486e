//! The whole state of the workbench: what is shown, where one is, what is being waited for. It is changed by [`update`](super::update)
//! alone and knows no terminal.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::layout::{Position, Rect};
use serde_json::Value;

use super::action::{Effect, Job, Kind, Request, Then};
use super::backend::{Fault, Progress, Shown};
use super::command::{Command, Scope};
use super::keymap::Keymap;
use super::overlay::Overlay;
use super::theme::Theme;
use super::view::{compare, confusions, curve, images, overview, prompts, suggest, taxonomy};
use crate::history::What;
use crate::run::Opened;
use crate::score::Summary;

/// What one looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum View {
    Overview,
    Taxonomy,
    Images,
    Confusions,
    Prompts,
    Curve,
    Compare,
    Suggest,
}

impl View {
    pub const ALL: [View; 8] = [
        View::Overview,
        View::Taxonomy,
        View::Images,
        View::Confusions,
        View::Prompts,
        View::Curve,
        View::Compare,
        View::Suggest,
    ];

    pub fn title(self) -> &'static str {
        match self {
            View::Overview => "Overview",
            View::Taxonomy => "Taxonomy",
            View::Images => "Images",
            View::Confusions => "Confusions",
            View::Prompts => "Prompts",
            View::Curve => "Curve",
            View::Compare => "Compare",
            View::Suggest => "Suggest",
        }
    }

    /// A view by its title in lower case.
    pub fn by_name(name: &str) -> Option<Self> {
        let all = Self::ALL.into_iter();
        all.into_iter()
            .find(|view| view.title().to_lowercase() == name)
    }

    /// The view so many places further, around the end.
    pub fn step(self, by: isize) -> Self {
        let views = Self::ALL.len() as isize;
        Self::ALL[(self as isize + by).rem_euclid(views) as usize]
    }
}

/// What a click at a place means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    View(View),
    /// A row of a list of the view.
    Row(usize, usize),
    /// A pane of the view, where nothing else is.
    Pane(usize),
    /// The line between two panes that share this area.
    Split(Rect),
    Command(Command),
    /// A row of what lies over the view.
    Choice(usize),
}

/// Where what was drawn last: later ones lie over earlier ones.
#[derive(Debug, Default)]
pub struct Hits(RefCell<Vec<(Rect, Hit)>>);

impl Hits {
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    pub fn add(&self, area: Rect, hit: Hit) {
        self.0.borrow_mut().push((area, hit));
    }

    pub fn at(&self, column: u16, row: u16) -> Option<Hit> {
        let at = Position::new(column, row);
        let hits = self.0.borrow();
        let found = hits.iter().rev().find(|(area, _)| area.contains(at));
        found.map(|&(_, hit)| hit)
    }
}

/// A word at the foot of the screen, until the next key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub text: String,
    pub is_error: bool,
}

/// A job that was asked for, and what came of it.
#[derive(Debug)]
pub struct Waiting {
    /// What exactly was asked for: the same is not asked for twice.
    pub key: String,
    pub id: u64,
    pub stop: Arc<AtomicBool>,
    /// `None` while it is going on.
    pub outcome: Option<Result<(), String>>,
}

/// A place to go back to.
#[derive(Debug, Clone)]
pub struct Place {
    pub view: View,
    pub state: Value,
}

pub struct App {
    pub title: String,
    pub theme: Theme,
    pub keymap: Keymap,
    /// Whether pictures can be drawn.
    pub has_pictures: bool,
    /// Where the run's state is kept, if it is.
    pub keeps_session: bool,
    pub can_save: bool,
    pub size: (u16, u16),
    pub view: View,
    /// The run; `None` until it is there.
    pub shown: Option<Shown>,
    /// Grows with each run that is shown, so that answers about another are known.
    pub generation: u64,
    /// Figures that are known before the run is.
    pub figures: Option<(Arc<Summary>, Arc<Value>)>,
    /// What was shown before a rule was applied, or the run was made anew.
    pub before: Option<Shown>,
    /// Whether what is shown is of the answers alone: the whole run, with its intervals, was still being made.
    pub is_of_answers: bool,
    /// What is wrong with the files, while the run from before it went wrong is shown.
    pub faults: Vec<Fault>,
    /// Whether files changed while the run was not whole yet.
    pub is_stale: bool,
    /// Whether files changed while an edit was being written.
    pub has_changed: bool,
    /// How often the files were read, whatever came of it.
    pub readings: u64,
    /// Whether the user asked to score again, and is told also if there is nothing to do.
    pub asks_again: bool,
    pub overview: overview::State,
    pub taxonomy: taxonomy::State,
    pub images: images::State,
    pub confusions: confusions::State,
    pub prompts: prompts::State,
    pub curve: curve::State,
    pub compare: compare::State,
    pub suggest: suggest::State,
    pub overlay: Option<Overlay>,
    /// The edit that waits for the taxonomy to be in a file.
    pub pending: Option<What>,
    /// The file that is to take the place of the built-in taxonomy, and what is done once it has.
    pub adopting: Option<(String, Then)>,
    /// Runs that were given a name; `None` of one that was kept earlier, and is read when it is compared with.
    pub snapshots: BTreeMap<String, Option<Arc<Opened>>>,
    pub history: Vec<Place>,
    pub notes: Vec<String>,
    pub status: Option<Status>,
    /// What came of the last edit, until the next key: what it did to the run is told behind it.
    pub outcome: Option<Status>,
    /// How many notes there were when the run was asked for again: they are of the run before.
    pub old_notes: usize,
    /// The file that has taken the place of the built-in taxonomy, before the run is made of it.
    pub adopted: Option<PathBuf>,
    pub progress: Option<Progress>,
    pub waiting: BTreeMap<Kind, Waiting>,
    pub catches_mouse: bool,
    /// Width of the left pane in percent.
    pub split: u16,
    /// The area whose split is being dragged.
    pub dragged: Option<Rect>,
    pub hits: Hits,
    /// What an earlier session left, until the run is there that it is of.
    pub session: Option<Value>,
    next_id: u64,
}

/// How the workbench begins.
#[derive(Debug, Clone)]
pub struct Beginning {
    pub title: String,
    pub theme: Theme,
    pub keymap: Keymap,
    pub has_pictures: bool,
    pub keeps_session: bool,
    pub can_save: bool,
    pub session: Option<Value>,
    /// Runs that were kept by these names.
    pub snapshots: Vec<String>,
    pub size: (u16, u16),
}

/// How many places one can go back through.
const MOST_PLACES: usize = 200;

impl App {
    pub fn new(beginning: Beginning) -> Self {
        Self {
            title: beginning.title,
            theme: beginning.theme,
            keymap: beginning.keymap,
            has_pictures: beginning.has_pictures,
            keeps_session: beginning.keeps_session,
            can_save: beginning.can_save,
            size: beginning.size,
            view: View::Overview,
            shown: None,
            generation: 0,
            figures: None,
            before: None,
            is_of_answers: false,
            faults: Vec::new(),
            is_stale: false,
            has_changed: false,
            readings: 0,
            asks_again: false,
            overview: overview::State::default(),
            taxonomy: taxonomy::State::default(),
            images: images::State::default(),
            confusions: confusions::State::default(),
            prompts: prompts::State::default(),
            curve: curve::State::default(),
            compare: compare::State::default(),
            suggest: suggest::State::default(),
            overlay: None,
            pending: None,
            adopting: None,
            snapshots: beginning
                .snapshots
                .into_iter()
                .map(|name| (name, None))
                .collect(),
            history: Vec::new(),
            notes: Vec::new(),
            status: None,
            outcome: None,
            old_notes: 0,
            adopted: None,
            progress: None,
            waiting: BTreeMap::new(),
            catches_mouse: true,
            split: 50,
            dragged: None,
            hits: Hits::default(),
            session: beginning.session,
            next_id: 1,
        }
    }

    /// Calls the run otherwise, as for a picture in which the path of a directory has no place.
    pub fn name_run(&mut self, name: &str) {
        if let Some(shown) = &mut self.shown {
            shown.name = name.to_owned();
        }
    }

    /// The run with its taxonomy.
    pub fn run(&self) -> Option<&Arc<Opened>> {
        self.shown.as_ref().map(|shown| &shown.opened)
    }

    /// The figures, from the run or from before it was read.
    pub fn summary(&self) -> Option<&Summary> {
        match &self.shown {
            Some(shown) => Some(&shown.opened.saved.summary),
            None => self.figures.as_ref().map(|(summary, _)| summary.as_ref()),
        }
    }

    /// Asks for a job unless the same was asked for before: `key` says what exactly it is, beside the run.
    pub fn want(&mut self, key: impl Into<String>, job: Job) -> Option<Effect> {
        let kind = job.kind();
        let key = format!("{}/{}", self.generation, key.into());
        if self.waiting.get(&kind).is_some_and(|w| w.key == key) {
            return None;
        }
        Some(self.request_as(key, job))
    }

    /// Asks for a job, in place of an earlier one of its kind.
    pub fn request(&mut self, job: Job) -> Effect {
        let key = format!("{}/request {}", self.generation, self.next_id);
        self.request_as(key, job)
    }

    fn request_as(&mut self, key: String, job: Job) -> Effect {
        let kind = job.kind();
        let id = self.next_id;
        self.next_id += 1;
        let stop = Arc::new(AtomicBool::new(false));
        let waiting = Waiting {
            key,
            id,
            stop: Arc::clone(&stop),
            outcome: None,
        };
        if let Some(earlier) = self.waiting.insert(kind, waiting) {
            earlier.stop.store(true, Ordering::Relaxed);
        }
        Effect::Request(Request {
            id,
            job,
            run: self.run().cloned(),
            stop,
        })
    }

    /// Gives up all jobs that are about the run that was shown, since their answers are about no other.
    pub fn forget_waiting(&mut self) {
        self.waiting.retain(|kind, waiting| {
            // These are about what is opened or written, or the text of the taxonomy, whatever is shown.
            let stays = matches!(
                kind,
                Kind::Open | Kind::Again | Kind::Write | Kind::Plan | Kind::Edit
            );
            if !stays {
                waiting.stop.store(true, Ordering::Relaxed);
            }
            stays
        });
    }

    /// Gives up a job of this kind.
    pub fn forget(&mut self, kind: Kind) {
        if let Some(waiting) = self.waiting.remove(&kind) {
            waiting.stop.store(true, Ordering::Relaxed);
        }
    }

    /// The kind of the job with this number, if its answer is still waited for.
    pub fn kind_of(&self, id: u64) -> Option<Kind> {
        let found = self.waiting.iter().find(|(_, w)| w.id == id);
        found.map(|(&kind, _)| kind)
    }

    /// Whether a job of this kind is going on.
    pub fn is_busy(&self, kind: Kind) -> bool {
        self.waiting.get(&kind).is_some_and(|w| w.outcome.is_none())
    }

    /// Why the last job of this kind failed, if it did.
    pub fn fault(&self, kind: Kind) -> Option<&str> {
        match self.waiting.get(&kind)?.outcome.as_ref()? {
            Err(message) => Some(message),
            Ok(()) => None,
        }
    }

    pub fn tell(&mut self, text: impl Into<String>) {
        self.status = Some(Status {
            text: text.into(),
            is_error: false,
        });
    }

    pub fn complain(&mut self, text: impl Into<String>) {
        self.status = Some(Status {
            text: text.into(),
            is_error: true,
        });
    }

    /// Tells what has become of the run, behind what came of the edit that it comes from.
    pub fn tell_of_run(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.status = Some(match &self.outcome {
            Some(outcome) => Status {
                text: format!("{} · {text}", outcome.text),
                is_error: outcome.is_error,
            },
            None => Status {
                text,
                is_error: false,
            },
        });
    }

    /// Where one is now.
    pub fn place(&self) -> Place {
        Place {
            view: self.view,
            state: super::view::remember(self),
        }
    }

    /// Goes to a view, from where one comes back here.
    pub fn go(&mut self, view: View) {
        let here = self.place();
        if self.history.len() == MOST_PLACES {
            self.history.remove(0);
        }
        self.history.push(here);
        self.view = view;
    }

    /// Why a command cannot be performed now; `None` if it can.
    pub fn why_not(&self, command: Command) -> Option<String> {
        if !command.spec().scope.covers(self.view) {
            let Scope::In(views) = command.spec().scope else {
                return None;
            };
            let titles: Vec<&str> = views.iter().map(|view| view.title()).collect();
            return Some(format!("only in {}", titles.join(", ")));
        }
        let needs_run = || match self.run() {
            Some(_) => None,
            None => Some("the run is not there yet".to_owned()),
        };
        let is_of_answers = "the intervals are not there yet: in a moment";
        match command {
            Command::SaveRun | Command::Snapshot | Command::Export | Command::ApplyRule
                if self.is_of_answers =>
            {
                Some(is_of_answers.into())
            }
            Command::Snapshot if self.shown.as_ref().is_some_and(|s| s.so_far.is_some()) => {
                Some("the run is not whole yet".into())
            }
            Command::Undo | Command::Redo if self.is_busy(Kind::Edit) => {
                Some("an edit is being written".into())
            }
            Command::Back if self.history.is_empty() => Some("this is where you began".into()),
            Command::Cancel if !self.is_working() => Some("nothing is in progress".into()),
            Command::SaveRun if !self.can_save => {
                Some("the run is on disk already, or is not whole yet".into())
            }
            Command::PromptsOf
                if self
                    .run()
                    .is_some_and(|run| run.saved.manifest["prompts"].is_null()) =>
            {
                Some("the answers were made elsewhere: there are no prompts".into())
            }
            Command::Faults if self.faults.is_empty() => {
                Some("nothing is wrong with the files".into())
            }
            Command::Jump
            | Command::Export
            | Command::SaveRun
            | Command::Again
            | Command::Edit
            | Command::Undo
            | Command::Redo
            | Command::Snapshot => needs_run(),
            _ => super::view::why_not(self, command),
        }
    }

    /// Whether long work is going on that one may want to end.
    pub fn is_working(&self) -> bool {
        let long = [
            Kind::Open,
            Kind::Again,
            Kind::EncodePrompts,
            Kind::EncodeImages,
            Kind::Try,
            Kind::Compare,
            Kind::AtThreshold,
        ];
        long.into_iter().any(|kind| self.is_busy(kind))
    }

    /// What would be lost by quitting now, in words.
    pub fn at_stake(&self) -> Option<String> {
        if self.is_busy(Kind::Write) || self.is_busy(Kind::Edit) {
            return Some("a file is being written".into());
        }
        match &self.shown {
            Some(shown) if shown.is_saved => None,
            Some(shown) if shown.so_far.is_some() => {
                Some("the run is still being made, and is not saved".into())
            }
            Some(_) if self.can_save => Some("the run is not saved (W saves it)".into()),
            _ => None,
        }
    }

    /// Where what is shown is written, where nobody says otherwise.
    pub fn export_name(&self) -> PathBuf {
        PathBuf::from(format!("{}.csv", self.view.title().to_lowercase()))
    }
}
