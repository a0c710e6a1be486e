//! What can happen to the workbench, and what it asks for: `update` turns the one into the other.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crossterm::event::{KeyEvent, MouseEvent};

use super::backend::{Applied, EncodedPrompts, Expanded, Fault, News, On, Templates, Trial, Tried};
use super::picture::Drawn;
use super::sheet::Sheet;
use crate::run::{Comparison, Confusions, NodeFigures, Opened, Operating, Order};
use crate::score::{CurveValue, Summary};
use crate::taxonomy::NodeId;

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
    Try(Trial, On),
    /// With the run in a directory.
    CompareWith(PathBuf),
    /// With another run at hand.
    Compare(Arc<Opened>),
    AtThreshold(f64),
    Export(PathBuf, Sheet),
    /// A text to a file.
    Write(PathBuf, String),
    SaveRun(PathBuf),
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
    Try,
    Compare,
    AtThreshold,
    Write,
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
            Job::Try(..) => Kind::Try,
            Job::CompareWith(_) | Job::Compare(_) => Kind::Compare,
            Job::AtThreshold(_) => Kind::AtThreshold,
            Job::Export(..) | Job::Write(..) | Job::SaveRun(_) => Kind::Write,
        }
    }
}

impl Kind {
    pub fn lane(self) -> Lane {
        match self {
            Kind::Open | Kind::Again | Kind::EncodePrompts | Kind::Try => Lane::Model,
            Kind::Compare | Kind::AtThreshold => Lane::Long,
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
            Kind::Try => "trying it out",
            Kind::Compare => "comparing",
            Kind::AtThreshold => "applying the rule",
            Kind::Write => "writing",
        }
    }
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
    /// Where it was tried, and what came of it.
    Tried(On, Tried),
    /// The other run's name, its figures, and the comparison: it is the first of the two.
    Compared(String, Box<Summary>, Arc<Comparison>),
    Applied(Applied),
    Again(Applied),
    /// The files hold what the run that is shown was made of.
    Unchanged,
    /// The run cannot be made again: this is wrong with the files.
    Faults(Vec<Fault>),
    /// The run was saved in this directory.
    Saved(PathBuf),
    /// What was written.
    Written(String),
}
