//! What the workbench asks of the outside. The command implements it, and so do tests.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::Value;

use crate::history::{Change, What};
use crate::run::{self, Embeddings, Opened, Saved, Suggestion};
use crate::score::{CurveValue, Summary, TemplateAgreement};
use crate::taxonomy::{NodeId, Taxonomy};

/// What there is to tell while a run is opened or made.
#[derive(Debug, Clone)]
pub enum News {
    /// The figures of a saved run, before its images are read.
    Figures(Box<Summary>, Value),
    /// A run, whole or of the images that are encoded so far.
    Run(Shown),
    /// The run that is being made again, by its answers alone: what is drawn (intervals, chance) follows with the whole one.
    Answers(Applied),
    Progress(Progress),
    /// A word on what was left out, or is not as it should be.
    Note(String),
    /// The run that was told is not of what the files hold now, in words: it is to be made again, so that no edit is blamed for it.
    Outdated(String),
    /// The run is being made again with other options, in words.
    Options(String),
}

/// A run as it is shown.
#[derive(Debug, Clone)]
pub struct Shown {
    pub opened: Arc<Opened>,
    /// Images scored and images in all, while it is being made; `None` of a whole run.
    pub so_far: Option<(usize, usize)>,
    /// Whether nothing is lost by quitting: it is on disk, or made again in no time.
    pub is_saved: bool,
    /// What it is called: its directory, or what is scored.
    pub name: String,
    /// Why nothing can be added to what its images are annotated with; `None` if it can.
    pub fixed_labels: Option<String>,
}

/// A run in place of the one that is shown: answered by another rule, or made again.
#[derive(Debug, Clone)]
pub struct Applied {
    pub shown: Shown,
    /// What had to be taken for granted, a sentence each.
    pub assumed: Vec<String>,
}

/// Another saved run.
#[derive(Debug)]
pub struct Other {
    pub saved: Saved,
    /// The taxonomy that it was judged by, if it is still there as it was; else why not.
    pub taxonomy: Result<Taxonomy, String>,
}

/// Why a run cannot be made again: something that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, the line and the column, both from 1; `None` if it is at no place.
    pub place: Option<(PathBuf, usize, usize)>,
    /// The diagnostic's code; empty without one.
    pub code: String,
    pub message: String,
    pub help: Option<String>,
}

impl Fault {
    /// A fault that is at no place.
    pub fn anywhere(message: String) -> Self {
        Self {
            place: None,
            code: String::new(),
            message,
            help: None,
        }
    }
}

/// As compilers tell it, with what to do on a line of its own.
impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some((path, line, column)) = &self.place {
            write!(f, "{}:{line}:{column}: ", path.display())?;
        }
        f.write_str(&self.message)?;
        if !self.code.is_empty() {
            write!(f, " [{}]", self.code)?;
        }
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// An edit that can be made: what it is, and what it writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub what: What,
    pub changes: Vec<Change>,
    /// What it brings that one may not want, a sentence each.
    pub warnings: Vec<String>,
}

/// How far long work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is done, as in `encoding`.
    pub doing: String,
    /// To what, in the plural, as in `images`.
    pub things: String,
    pub done: usize,
    pub total: usize,
    pub elapsed: Duration,
}

impl Progress {
    /// Things a second so far.
    pub fn rate(&self) -> Option<f64> {
        let seconds = self.elapsed.as_secs_f64();
        (self.done > 0 && seconds > 0.0).then(|| self.done as f64 / seconds)
    }

    /// Time left at that rate.
    pub fn left(&self) -> Option<Duration> {
        let left = self.total.saturating_sub(self.done) as f64 / self.rate()?;
        Duration::try_from_secs_f64(left).ok()
    }
}

/// The prompts of one label.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expanded {
    /// A prompt and the template that it comes from.
    pub prompts: Vec<(String, String)>,
}

/// Which templates there are, and what they make of labels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Templates {
    /// Name of the set.
    pub name: String,
    /// As they are written.
    pub templates: Vec<String>,
    /// The built-in sets and their templates.
    pub others: Vec<(String, Vec<String>)>,
}

/// What the encoded prompts tell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EncodedPrompts {
    /// Whose prompts were encoded.
    pub nodes: Vec<NodeId>,
    /// Of each of these the labels whose prototypes are nearest by cosine, nearest first, itself left out.
    pub nearest: Vec<Vec<(NodeId, f64)>>,
    /// Of each of these the mean cosine between its prompts; `None` of fewer than two.
    pub agreement: Vec<Option<f64>>,
}

/// What is tried: a label or a template that the taxonomy has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// A label beside the candidates.
    Label(String),
    /// A template in place of the set.
    Template(String),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    pub trial: Trial,
    /// On one image, by its row: the candidates with the label, or by the template, ranked, best first: a name and its probability.
    pub ranked: Vec<(String, f64)>,
    /// On the whole set.
    pub whole: Option<TriedOnAll>,
}

/// A trial on the whole set.
#[derive(Debug, Clone, PartialEq)]
pub struct TriedOnAll {
    pub n: usize,
    /// Images whose answer is another than the run's.
    pub changed: usize,
    /// Images that the label wins, or that the template has right, and the run's own number of right ones.
    pub won: usize,
    pub right_before: usize,
    pub right_after: usize,
    /// The annotated labels of the images that a tried label wins, most frequent first.
    pub from: Vec<(String, usize)>,
    /// How each template of the set alone answers.
    pub templates: Vec<TemplateAgreement>,
}

/// Where a trial is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// The image in this row.
    Image(usize),
    All,
}

/// What a backend says that has nothing to edit.
const NO_EDITS: &str = "what this run was made of cannot be edited here";

/// What the workbench asks for. Every method may take long and is called on a thread of its own kind; `stop` asks it to end early.
/// Errors are texts for people.
pub trait Backend: Send + Sync {
    /// Opens the saved run, or makes one, telling what is known as it becomes known. The last run that is told is the whole one.
    fn open(&self, tell: &(dyn Fn(News) + Sync), stop: &AtomicBool) -> Result<(), String>;

    /// The bytes of an image's file.
    fn picture(&self, opened: &Opened, image: usize) -> Result<Vec<u8>, String>;

    /// Another saved run, to compare with.
    fn other(&self, dir: &Path) -> Result<Other, String>;

    /// The templates of the run.
    fn templates(&self, opened: &Opened) -> Result<Templates, String>;

    /// What the prompts of a label are.
    fn expand(&self, opened: &Opened, node: NodeId) -> Result<Expanded, String>;

    /// Encodes the prompts of all candidates.
    fn encode_prompts(
        &self,
        opened: &Opened,
        tell: &(dyn Fn(News) + Sync),
        stop: &AtomicBool,
    ) -> Result<EncodedPrompts, String>;

    /// Encodes the images, for [`suggest`](Self::suggest) to look at. In no time where they are at hand.
    fn encode_images(
        &self,
        _opened: &Opened,
        _tell: &(dyn Fn(News) + Sync),
        _stop: &AtomicBool,
    ) -> Result<(), String> {
        Err("there is no model to encode images with".to_owned())
    }

    /// Scores a label or a template that is typed in.
    fn try_out(
        &self,
        opened: &Opened,
        trial: &Trial,
        on: On,
        tell: &(dyn Fn(News) + Sync),
        stop: &AtomicBool,
    ) -> Result<Tried, String>;

    /// The run answered by a threshold on the mass.
    fn at_threshold(&self, opened: &Opened, threshold: f64) -> Result<Applied, String>;

    /// The files that the run depends on and that people edit: the taxonomy and what it includes, prompts, labels. Before the run is
    /// there, those that are known from the start.
    fn files(&self, _opened: Option<&Opened>) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Makes the run again from what these files hold now, and from what was computed before as far as that stays true. `None` where
    /// all of them hold what the run that is shown was made of: then nothing is made. [`News::Answers`] comes before a whole run, and
    /// [`News::Options`] before that.
    ///
    /// # Errors
    /// All that is wrong with the files; nothing where it was asked to stop. What was shown can go on being shown.
    fn again(
        &self,
        _opened: &Opened,
        _tell: &(dyn Fn(News) + Sync),
        _stop: &AtomicBool,
    ) -> Result<Option<Applied>, Vec<Fault>> {
        Err(vec![Fault::anywhere(
            "this run cannot be made again".to_owned(),
        )])
    }

    /// What an edit would write; nothing is written. `None` where the taxonomy is built in, so that there is no file to write.
    ///
    /// # Errors
    /// Why it cannot be made.
    fn plan(&self, _opened: &Opened, _what: &What) -> Result<Option<Plan>, String> {
        Err(NO_EDITS.to_owned())
    }

    /// Makes an edit, unless the files are others than those it was planned for.
    fn make(&self, _opened: &Opened, _plan: &Plan) -> Result<(), String> {
        Err(NO_EDITS.to_owned())
    }

    /// Takes the last edit back.
    fn undo(&self, _opened: &Opened) -> Result<What, String> {
        Err(NO_EDITS.to_owned())
    }

    /// Makes the edit again that was taken back last.
    fn redo(&self, _opened: &Opened) -> Result<What, String> {
        Err(NO_EDITS.to_owned())
    }

    /// Goes on with a file in the place of a taxonomy that is built in: the one that is there, else a copy that is written.
    fn adopt(&self, _opened: &Opened, _path: &Path) -> Result<(), String> {
        Err(NO_EDITS.to_owned())
    }

    /// The edits that the run speaks for. What was encoded for it has a say as far as it is at hand: nothing is encoded for this.
    fn suggest(&self, opened: &Opened) -> Vec<Suggestion> {
        run::suggest(opened, Embeddings::default())
    }

    /// The names of the runs that were kept of what is shown, in this workbench or an earlier one.
    fn snapshots(&self) -> Vec<String> {
        Vec::new()
    }

    /// Keeps the run under a name, in the place of an earlier one of that name; where it is.
    ///
    /// # Errors
    /// It cannot be written.
    fn keep_snapshot(&self, _opened: &Opened, _name: &str) -> Result<PathBuf, String> {
        Err("there is no place to keep it in".to_owned())
    }

    /// The run that was kept under a name.
    ///
    /// # Errors
    /// It cannot be read.
    fn kept_snapshot(&self, name: &str) -> Result<Other, String> {
        Err(format!("there is no snapshot `{name}`"))
    }

    /// Saves the run that is shown.
    ///
    /// # Errors
    /// It was not made here, or is shown by its answers alone; it cannot be written.
    fn save(&self, opened: &Opened, dir: &Path) -> Result<(), String>;

    /// Whether [`save`](Self::save) has something to save.
    fn can_save(&self) -> bool;

    /// Where the state of the workbench on this run is kept; `None`: nowhere.
    fn session_file(&self) -> Option<PathBuf>;

    /// The curve's unit to begin with.
    fn curve_value(&self) -> CurveValue {
        CurveValue::Information
    }
}
