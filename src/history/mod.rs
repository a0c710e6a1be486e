//! Edits on disk: each is written whole or not at all, can be undone and redone without limit, and outlives a crash.
//!
//! A history is a file of its own, a JSON object a line, to which lines are only added. What a step is about to do is on
//! disk before the first file is touched, so who opens a history after a crash sees by the files' hashes how far it came: a step of
//! which any file was written is finished, any other is dropped. A lock lets one process at a time at a history, which reads first what the
//! others have added; so they do not write over one another's edits, and an undo takes back the last edit of all of them.
//!
//! No file is written whose content is not, byte for byte, what the step begins with; and no edit is made when a file that it was only read
//! beside is another by now. Two histories may share a file (an include of two taxonomies): so a step has a lock on each file too.

mod change;
mod error;
mod lock;
mod log;
mod patch;
#[cfg(test)]
mod tests;
mod write;

use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use change::Change;
use change::from_root;
pub use error::HistoryError;
use lock::Locks;
use log::{Held, Record};
use patch::{Found, Patch, Way};
use write::{Content, Write, read, write};

use crate::files::Replacement;
use crate::hash;
use crate::point::{Point, reached};
use crate::taxonomy::edit::Edit;
use crate::text::shown;

type Result<T> = std::result::Result<T, HistoryError>;

/// What was done: the unit of undo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Taxonomy(Edit),
    /// A label that is valid for an image beside its own.
    AlsoRight {
        image: String,
        label: String,
    },
}

/// As a part of a sentence, on one line.
impl Display for What {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taxonomy(edit) => f.write_str(&shown(&edit.to_string())),
            Self::AlsoRight { image, label } => {
                write!(f, "`{}` is right too of `{}`", shown(label), shown(image))
            }
        }
    }
}

/// An edit that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub what: What,
    patches: Vec<Patch>,
    /// Where it stands in the log.
    #[serde(skip)]
    line: usize,
}

impl Entry {
    /// The files that it changed, from the root, links resolved.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.patches.iter().map(Patch::path)
    }
}

/// The edits of one taxonomy, and of what belongs to it.
#[derive(Debug)]
pub struct History {
    log: PathBuf,
    state: State,
}

/// What the lines of a log come to.
#[derive(Debug, Default)]
struct State {
    /// In order; the first `done` of them are done, the others undone.
    entries: Vec<Entry>,
    done: usize,
    /// A step that was begun, and of which is not known whether it was made.
    begun: Option<Record>,
}

impl State {
    /// Goes on by a line of the log.
    ///
    /// # Errors
    /// What is wrong with it, if it does not belong there.
    fn take(&mut self, record: Record, line: usize) -> std::result::Result<(), &'static str> {
        match (record, self.begun.take()) {
            (Record::History { .. }, None) if line == 1 => {}
            (Record::Make(entry), None) => self.begun = Some(Record::Make(Entry { line, ..entry })),
            (Record::Undo, None) if self.done > 0 => self.begun = Some(Record::Undo),
            (Record::Redo, None) if self.done < self.entries.len() => {
                self.begun = Some(Record::Redo);
            }
            (Record::Done, Some(Record::Make(entry))) => {
                self.entries.truncate(self.done);
                self.entries.push(entry);
                self.done += 1;
            }
            (Record::Done, Some(Record::Undo)) => self.done -= 1,
            (Record::Done, Some(Record::Redo)) => self.done += 1,
            (Record::Dropped, Some(_)) => {}
            _ => return Err("a record that cannot follow those before it"),
        }
        Ok(())
    }

    /// The edit that the step that was begun is about, and which way.
    fn under_way(&self) -> Option<(&Entry, Way)> {
        match self.begun.as_ref()? {
            Record::Make(entry) => Some((entry, Way::Forth)),
            Record::Undo => Some((&self.entries[self.done - 1], Way::Back)),
            Record::Redo => Some((&self.entries[self.done], Way::Forth)),
            Record::History { .. } | Record::Done | Record::Dropped => None,
        }
    }
}

impl History {
    /// Opens the history that is kept in this file, and finishes or drops what a crash left half done. No file: nothing was done yet.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or is held by another process for ten seconds; what a crash left cannot be written.
    pub fn open(log: &Path) -> Result<Self> {
        let mut history = Self {
            log: log.to_owned(),
            state: State::default(),
        };
        history.hold()?;
        Ok(history)
    }

    /// Makes an edit: writes what the changes say, once the disk is found to hold what they begin with, those included that change
    /// nothing. What was undone before cannot be redone any more.
    ///
    /// # Errors
    /// [`HistoryError::Stale`] if a file holds something else; whatever keeps the log or the files from being written. The
    /// files are as they were then.
    pub fn make(&mut self, what: What, changes: &[Change]) -> Result<()> {
        let (mut patches, mut premises) = (Vec::new(), Vec::new());
        for change in changes {
            let path = from_root(&change.path)?;
            match change.writes() {
                true => patches.push(Patch::new(as_text(path)?, change)),
                false => premises.push(Premise { path, change }),
            }
        }
        if patches.is_empty() {
            return Err(HistoryError::Nothing);
        }
        let opened = Held::create(&self.log)?;
        let held = self.learn(opened)?;
        let entry = Entry {
            what,
            patches,
            line: 0,
        };
        self.go(held, Record::Make(entry), &premises).map(drop)
    }

    /// Takes back the last edit that is done, whichever process made it, and says which it was.
    ///
    /// # Errors
    /// [`HistoryError::NothingToUndo`]; [`HistoryError::Changed`] if a file is not as the edit left it; whatever keeps the log or
    /// the files from being written. The files are as they were then.
    pub fn undo(&mut self) -> Result<What> {
        let held = self.hold()?.filter(|_| self.state.done > 0);
        self.go(held.ok_or(HistoryError::NothingToUndo)?, Record::Undo, &[])
    }

    /// Makes the edit again that was undone last, and says which it was.
    ///
    /// # Errors
    /// As [`undo`](Self::undo), with [`HistoryError::NothingToRedo`].
    pub fn redo(&mut self) -> Result<What> {
        let is_undone = |state: &State| state.done < state.entries.len();
        let held = self.hold()?.filter(|_| is_undone(&self.state));
        self.go(held.ok_or(HistoryError::NothingToRedo)?, Record::Redo, &[])
    }

    /// The edits that are done, the oldest first, as of when the history was opened or last asked to do something.
    pub fn done(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.state.entries[..self.state.done].iter()
    }

    /// The edits that can be redone, the next first.
    pub fn undone(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.state.entries[self.state.done..].iter()
    }

    /// Takes the log, if there is one, for this process alone, and learns what it says.
    fn hold(&mut self) -> Result<Option<Held>> {
        self.state = State::default();
        let opened = Held::open(&self.log)?;
        opened.map(|opened| self.learn(opened)).transpose()
    }

    /// Learns what a log says, and settles what a crash left. O(its size).
    fn learn(&mut self, (mut held, records): (Held, Vec<Record>)) -> Result<Held> {
        self.state = State::default();
        for (line, record) in (1..).zip(records) {
            self.take(record, line)?;
        }
        if self.state.begun.is_some() {
            let record = self.settled()?;
            held.append(&record)?;
            self.take(record, held.lines())?;
        }
        Ok(held)
    }

    fn take(&mut self, record: Record, line: usize) -> Result<()> {
        let taken = self.state.take(record, line);
        taken.map_err(|what| self.damaged(line, what))
    }

    fn damaged(&self, line: usize, what: &str) -> HistoryError {
        HistoryError::Damaged {
            log: self.log.clone(),
            line,
            what: what.to_owned(),
        }
    }

    /// Finishes the step that was begun if any file of it was written, and says what became of it.
    fn settled(&self) -> Result<Record> {
        let Some((entry, way)) = self.state.under_way() else {
            return Ok(Record::Dropped);
        };
        let _locks = Locks::of(&self.log, entry.paths().map(Path::to_owned))?;
        let mut is_begun = false;
        let mut left = Vec::new();
        for patch in &entry.patches {
            Replacement::discard(patch.path(), &self.part(patch))?;
            let content = read(patch.path())?;
            match patch.find(content.as_deref(), way) {
                Found::Start => left.push((patch, content)),
                Found::End => is_begun = true,
                // Somebody has been at it since: it stays theirs.
                Found::Other => {}
            }
        }
        if !is_begun {
            return Ok(Record::Dropped);
        }
        let left = left.into_iter();
        let writes = left.map(|(patch, start)| self.write(entry, patch, start, way));
        let changed = |path: &Path| self.changed(entry, path);
        write(&writes.collect::<Result<Vec<_>>>()?, &changed)?;
        Ok(Record::Done)
    }

    /// Makes a step, once the log is ours.
    fn go(&mut self, mut held: Held, step: Record, premises: &[Premise<'_>]) -> Result<What> {
        self.take(step, held.lines() + 1)?;
        let made = self.carry_out(&mut held, premises);
        match &made {
            Ok(_) => self.take(Record::Done, held.lines())?,
            Err(_) => self.state.begun = None,
        }
        made
    }

    /// Notes the step that was begun, makes it, and notes that it is made.
    fn carry_out(&self, held: &mut Held, premises: &[Premise<'_>]) -> Result<What> {
        let (Some(step), Some((entry, way))) = (&self.state.begun, self.state.under_way()) else {
            return Err(HistoryError::Nothing);
        };
        let beside = premises.iter().map(|premise| premise.path.as_path());
        let paths = entry.paths().chain(beside).map(Path::to_owned);
        let _locks = Locks::of(&self.log, paths)?;
        let changed = |path: &Path| self.changed(entry, path);
        for premise in premises {
            if !premise.holds()? {
                return Err(changed(&premise.path));
            }
        }
        let mut writes = Vec::with_capacity(entry.patches.len());
        for patch in &entry.patches {
            let start = read(patch.path())?;
            if patch.find(start.as_deref(), way) != Found::Start {
                return Err(changed(patch.path()));
            }
            writes.push(self.write(entry, patch, start, way)?);
        }
        held.append(step)?;
        reached(Point::Noted);
        let written = write(&writes, &changed);
        let is_left = |write: &Write<'_>| read(write.path).is_ok_and(|now| now == write.end);
        // Where this cannot be noted, or a file could not be put back, who opens the log next sees by the files what was made.
        if written.is_ok() {
            let _ = held.append(&Record::Done);
            reached(Point::Marked);
        } else if !writes.iter().any(is_left) {
            let _ = held.append(&Record::Dropped);
        }
        written.map(|()| entry.what.clone())
    }

    fn write<'e>(
        &self,
        entry: &Entry,
        patch: &'e Patch,
        start: Content,
        way: Way,
    ) -> Result<Write<'e>> {
        let end = patch.follow(start.as_deref(), way);
        let damaged = || self.damaged(entry.line, "what it says of a file does not fit its hashes");
        Ok(Write {
            path: patch.path(),
            part: self.part(patch),
            start,
            end: end.ok_or_else(damaged)?.map(String::into_bytes),
        })
    }

    /// What the new content of a file is called before it takes its place: the same after a crash, and of no other history.
    fn part(&self, patch: &Patch) -> String {
        let paths = [self.log.as_os_str(), patch.path().as_os_str()];
        let hash = hash::of_parts(paths.map(OsStr::as_encoded_bytes));
        format!(".cladist-{}.part", &hash[..16])
    }

    /// A file does not hold what the step begins with.
    fn changed(&self, entry: &Entry, path: &Path) -> HistoryError {
        let (path, what) = (path.to_owned(), entry.what.to_string());
        let doing = match self.state.begun {
            Some(Record::Undo) => "undo",
            Some(Record::Redo) => "redo",
            _ => return HistoryError::Stale { path, what },
        };
        HistoryError::Changed { path, doing, what }
    }
}

/// A file that an edit was found right beside, and that it leaves as it is.
struct Premise<'c> {
    path: PathBuf,
    change: &'c Change,
}

impl Premise<'_> {
    /// Whether the file would be read as it was. It is not written, so it need not be so to the byte where it is no UTF-8.
    fn holds(&self) -> Result<bool> {
        let content = read(&self.path)?;
        let now = content.as_deref().map(String::from_utf8_lossy);
        Ok(now.as_deref() == self.change.before.as_deref())
    }
}

/// The path as a log names it.
fn as_text(path: PathBuf) -> Result<String> {
    let text = path.into_os_string().into_string();
    text.map_err(|path| HistoryError::NoText { path: path.into() })
}
