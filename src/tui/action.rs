//! What can happen to the workbench, and what it asks for: `update` turns the one into the other.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crossterm::event::{KeyEvent, MouseEvent};

use super::backend::{
    Applied, EncodedPrompts, Expanded, Fault, News, On, Plan, Templates, Trial, Tried,
};
use super::picture::Drawn;
use super::sheet::Sheet;
use crate::history::What;
use crate::run::{
    Comparison, Confusions, Explained, NodeFigures, Opened, Operating, Order, Suggestion,
};
use crate::score::{CurveValue, Summary};
use crate::taxonomy::NodeId;
use crate::taxonomy::edit::Edit;

/// Something that happened.
#[derive(Debug)]
pub enum Action {
    Key(KeyEvent),
    Mouse(MouseEvent),
    Paste(String),
    Resize(u16, u16),
    /// Told while the run is opened or made.
    News(News),
    /// Files that the run depends on are others than before.
    Changed(Vec<PathBuf>),
    /// A request is done.
    Answer(u64, Result<Answer, String>),
    /// The process goes on after it was suspended, or the terminal may show something else.
    Resumed,
    /// The system asks that the process stop, as a shell does at Ctrl-Z.
    Stop,
    /// The system asks the program to end, or the terminal is gone.
    Terminate,
}

/// Something to be done outside.
#[derive(Debug)]
pub enum Effect {
    /// On a thread of its own kind; the answer comes back as an action.
    Request(Request),
    /// To the clipboard of the terminal.
    Copy(String),
    /// Catch the mouse, or let it go.
    Mouse(bool),
    /// Ask the system to stop the job, as a shell does at Ctrl-Z; then comes [`Action::Stop`].
    Suspend,
    /// Stop the process until it is told to go on.
    Stop,
    /// Take what the watched files hold now for known: they are read next.
    KnowFiles,
    /// Open the user's editor on a file, at a line.
    Edit(PathBuf, usize),
    /// Draw every cell.
    Redraw,
    /// Keep the state of this run's workbench.
    KeepSession(String),
    Quit,
}

/// Work for another thread.
#[derive(Debug)]
pub struct Request {
    pub id: u64,
    pub job: Job,
    /// The run that it is about.
    pub run: Option<Arc<Opened>>,
    /// Becomes true when nobody waits for the answer any more.
    pub stop: Arc<AtomicBool>,
}

/// What is to be done.
#[derive(Debug)]
pub enum Job {
    Open,
    /// Make the run again from what the files hold now.
    Again,
    /// The images of a filter in an order. The order's rows are those of an earlier answer, if they are known.
    Rows {
        order: Order,
        sorted: Option<Arc<Vec<u32>>>,
        filter: String,
    },
    Nodes,
    Confusions {
        depth: Option<usize>,
    },
    Curve(CurveValue),
    /// A picture in so many columns and rows.
    Picture {
        image: usize,
        columns: u16,
        rows: u16,
    },
    Templates,
    Expand(NodeId),
    EncodePrompts,
    /// The images of a saved run, which keeps no embeddings.
    EncodeImages,
    Try(Trial, On),
    /// With the run in a directory.
    CompareWith(PathBuf),
    /// With the run that was kept under a name.
    CompareKept(String),
    /// With another run at hand, by what it is called.
    Compare(String, Arc<Opened>),
    /// What the taxonomy of the run explains that that of another one does not.
    Explain(Arc<Opened>),
    AtThreshold(f64),
    Suggest,
    /// What the edit of the suggestion with this number does to the text.
    Diff(usize, Edit),
    Export(PathBuf, Sheet),
    /// A text to a file.
    Write(PathBuf, String),
    SaveRun(PathBuf),
    /// Keep the run under a name.
    Keep(String),
    /// What an edit would write.
    Plan(What),
    Edit(Plan),
    Undo,
    Redo,
    /// Go on with a file in the place of the built-in taxonomy.
    Adopt(PathBuf),
}

/// What is done once the taxonomy is in a file.
#[derive(Debug)]
pub enum Then {
    /// The edit that a file was wanting for.
    Plan(What),
    /// The user's editor is opened on it.
    Editor,
}

/// A kind of job: a new one of a kind takes the place of an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Open,
    Again,
    Rows,
    Nodes,
    Confusions,
    Curve,
    Picture,
    Templates,
    Expand,
    EncodePrompts,
    EncodeImages,
    Try,
    Compare,
    Explain,
    AtThreshold,
    Suggest,
    Diff,
    Write,
    Plan,
    Edit,
}

/// Which thread does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// The one that has the model.
    Model,
    Data,
    /// What takes long without the model, so that rows and figures need not wait for it.
    Long,
    Picture,
}

impl Lane {
    pub const ALL: [Self; 4] = [Self::Model, Self::Data, Self::Long, Self::Picture];
}

impl Job {
    pub fn kind(&self) -> Kind {
        match self {
            Job::Open => Kind::Open,
            Job::Again => Kind::Again,
            Job::Rows { .. } => Kind::Rows,
            Job::Nodes => Kind::Nodes,
            Job::Confusions { .. } => Kind::Confusions,
            Job::Curve(_) => Kind::Curve,
            Job::Picture { .. } => Kind::Picture,
            Job::Templates => Kind::Templates,
            Job::Expand(_) => Kind::Expand,
            Job::EncodePrompts => Kind::EncodePrompts,
            Job::EncodeImages => Kind::EncodeImages,
            Job::Try(..) => Kind::Try,
            Job::CompareWith(_) | Job::CompareKept(_) | Job::Compare(..) => Kind::Compare,
            Job::Explain(_) => Kind::Explain,
            Job::AtThreshold(_) => Kind::AtThreshold,
            Job::Suggest => Kind::Suggest,
            Job::Diff(..) => Kind::Diff,
            Job::Export(..) | Job::Write(..) | Job::SaveRun(_) | Job::Keep(_) => Kind::Write,
            Job::Plan(_) => Kind::Plan,
            Job::Edit(_) | Job::Undo | Job::Redo | Job::Adopt(..) => Kind::Edit,
        }
    }
}

impl Kind {
    pub fn lane(self) -> Lane {
        match self {
            Kind::Open | Kind::Again | Kind::EncodePrompts | Kind::EncodeImages | Kind::Try => {
                Lane::Model
            }
            Kind::Compare | Kind::Explain | Kind::AtThreshold | Kind::Suggest | Kind::Diff => {
                Lane::Long
            }
            Kind::Picture => Lane::Picture,
            _ => Lane::Data,
        }
    }

    /// What is told of it while it is going on.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Open => "opening the run",
            Kind::Again => "scoring again",
            Kind::Rows => "choosing images",
            Kind::Nodes => "figures of the nodes",
            Kind::Confusions => "confusions",
            Kind::Curve => "operating curve",
            Kind::Picture => "picture",
            Kind::Templates | Kind::Expand => "prompts",
            Kind::EncodePrompts => "encoding prompts",
            Kind::EncodeImages => "encoding images",
            Kind::Try => "trying it out",
            Kind::Compare => "comparing",
            Kind::Explain => "comparing taxonomies",
            Kind::AtThreshold => "applying the rule",
            Kind::Suggest => "suggesting",
            Kind::Diff => "making the edit",
            Kind::Write => "writing",
            Kind::Plan => "preparing the edit",
            Kind::Edit => "editing",
        }
    }
}

/// A comparison with another run, which is the first of the two.
#[derive(Debug)]
pub struct Compared {
    /// The other run's name.
    pub name: String,
    /// Its figures.
    pub figures: Box<Summary>,
    pub comparison: Arc<Comparison>,
    /// It with the taxonomy that it was judged by; else why that is not known.
    pub other: Result<Arc<Opened>, String>,
}

/// What came of a job.
#[derive(Debug)]
pub enum Answer {
    Opened,
    Rows {
        /// All images in the order.
        sorted: Arc<Vec<u32>>,
        /// Those that match.
        rows: Arc<Vec<u32>>,
    },
    Nodes(Arc<NodeFigures>),
    Confusions(Option<usize>, Arc<Confusions>),
    /// `None` where the run has none.
    Curve(CurveValue, Option<Arc<Operating>>),
    Picture(Drawn),
    Templates(Templates),
    Expanded(NodeId, Expanded),
    Encoded(Arc<EncodedPrompts>),
    ImagesEncoded,
    /// Where it was tried, and what came of it.
    Tried(On, Tried),
    Compared(Compared),
    /// `None` where the two taxonomies say the same; else why it cannot be told.
    Explained(Result<Option<Box<Explained>>, String>),
    Applied(Applied),
    Suggested(Vec<Suggestion>),
    /// What the edit of the suggestion with this number does to the text, as a diff, or why it cannot be made.
    Diff(usize, Result<String, String>),
    Again(Applied),
    /// The files hold what the run that is shown was made of.
    Unchanged,
    /// The run cannot be made again: this is wrong with the files.
    Faults(Vec<Fault>),
    /// The run was saved in this directory.
    Saved(PathBuf),
    /// What was written.
    Written(String),
    Planned(Plan),
    /// There is no file to make this edit in.
    WithoutFile(What),
    /// What was done to the files, in words: the run is of other ones now.
    Edited(String),
    /// The taxonomy is in this file now.
    Adopted(PathBuf),
}
