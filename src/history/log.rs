//! The file of a history: a JSON object a line, only ever appended to, by one process at a time.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::lock::open_alone;
use super::{Entry, HistoryError};
use crate::files::{create_dirs, parent, sync_dir};

/// Version of what is written.
const SCHEMA: u64 = 1;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// The first line.
    History {
        schema: u64,
    },
    /// These three are written before the files are: the step that is about to be made.
    Make(Entry),
    Undo,
    Redo,
    /// The step before was made, or was not.
    Done,
    Dropped,
}

/// The file, open for one process alone until it is dropped.
pub struct Held {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines.
    end: u64,
    lines: usize,
}

impl Held {
    /// Opens a file with what it holds; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be opened, another process has it for too long, or a line of it is damaged.
    pub fn open(path: &Path) -> Result<Option<(Self, Vec<Record>)>, HistoryError> {
        match open_alone(OpenOptions::new().read(true).append(true), path, path) {
            Ok(file) => Self::of(file, path).map(Some),
            Err(HistoryError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The same, with a file that is made if there is none.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn create(path: &Path) -> Result<(Self, Vec<Record>), HistoryError> {
        let told = |source| HistoryError::io(path, source);
        create_dirs(parent(path)).map_err(told)?;
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let (mut held, mut records) = Self::of(open_alone(&options, path, path)?, path)?;
        if records.is_empty() {
            let head = Record::History { schema: SCHEMA };
            held.append(&head)?;
            records.push(head);
            sync_dir(parent(path)).map_err(told)?;
        }
        Ok((held, records))
    }

    fn of(file: File, path: &Path) -> Result<(Self, Vec<Record>), HistoryError> {
        let mut held = Self {
            path: path.to_owned(),
            file,
            end: 0,
            lines: 0,
        };
        let mut content = Vec::new();
        let read = held.file.read_to_end(&mut content);
        read.map_err(|source| HistoryError::io(path, source))?;
        let records = held.read(&content)?;
        // What a process left that was killed as it wrote: it had not begun with the step.
        held.cut()
            .map_err(|source| HistoryError::io(path, source))?;
        Ok((held, records))
    }

    /// The whole lines.
    fn read(&mut self, content: &[u8]) -> Result<Vec<Record>, HistoryError> {
        let mut records = Vec::new();
        for line in content.split_inclusive(|&byte| byte == b'\n') {
            let Some(text) = line.strip_suffix(b"\n") else {
                break;
            };
            (self.end, self.lines) = (self.end + line.len() as u64, self.lines + 1);
            let record = serde_json::from_slice(text)
                .map_err(|error| self.damaged(format!("no record of a history ({error})")))?;
            match record {
                Record::History { schema } if schema != SCHEMA => {
                    let log = self.path.clone();
                    return Err(HistoryError::Schema { log, schema });
                }
                Record::History { .. } => {}
                _ if records.is_empty() => {
                    return Err(self.damaged("the head of a history is missing".to_owned()));
                }
                _ => {}
            }
            records.push(record);
        }
        Ok(records)
    }

    /// Takes off what is no whole line.
    fn cut(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() > self.end {
            self.file.set_len(self.end)?;
        }
        self.file.seek(SeekFrom::End(0)).map(drop)
    }

    /// Writes a line and brings it to disk.
    ///
    /// # Errors
    /// It cannot be written; nothing of it is there then.
    pub fn append(&mut self, record: &Record) -> Result<(), HistoryError> {
        let written = serde_json::to_vec(record)
            .map_err(io::Error::from)
            .and_then(|mut line| {
                line.push(b'\n');
                self.file.write_all(&line)?;
                self.file.sync_data()?;
                Ok(line.len() as u64)
            });
        match written {
            Ok(len) => {
                (self.end, self.lines) = (self.end + len, self.lines + 1);
                Ok(())
            }
            Err(source) => {
                // The next to open it would do so as well.
                let _ = self.cut();
                Err(HistoryError::io(&self.path, source))
            }
        }
    }

    /// The number of lines.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// The last line that was read is damaged.
    fn damaged(&self, what: String) -> HistoryError {
        HistoryError::Damaged {
            log: self.path.clone(),
            line: self.lines,
            what,
        }
    }
}
