//! Files that get other contents, all of them or none.

use std::fs;
use std::io;
use std::path::Path;

use super::HistoryError;
use crate::files::{self, Replacement};
use crate::point::{Point, reached};

/// What a file holds; `None`: there is no such file.
pub type Content = Option<Vec<u8>>;

/// # Errors
/// A file that is there and cannot be read.
pub fn read(path: &Path) -> Result<Content, HistoryError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(HistoryError::io(path, source)),
    }
}

/// A file that is to hold `end` where it holds `start`.
pub struct Write<'a> {
    pub path: &'a Path,
    /// What a file beside it is called that does not yet take its place.
    pub part: String,
    pub start: Content,
    pub end: Content,
}

impl Write<'_> {
    fn stage(&self) -> Result<Option<Replacement>, HistoryError> {
        let stage = |content: &Vec<u8>| Replacement::new(self.path, &self.part, content);
        Ok(self.end.as_ref().map(stage).transpose()?)
    }

    /// Puts back what was there, unless somebody else has been at it. What led here is the error to tell.
    fn take_back(&self) {
        if read(self.path).is_ok_and(|now| now == self.end) {
            let _ = match &self.start {
                Some(start) => {
                    Replacement::new(self.path, &self.part, start).and_then(Replacement::put)
                }
                None => files::remove(self.path),
            };
        }
    }
}

/// Writes the files. All new contents are on disk before the first takes its place.
///
/// # Errors
/// One cannot be written, or holds something else than it should, which `changed` tells; those before it are put back then.
pub fn write(
    writes: &[Write<'_>],
    changed: &dyn Fn(&Path) -> HistoryError,
) -> Result<(), HistoryError> {
    let staged: Vec<_> = writes.iter().map(Write::stage).collect::<Result<_, _>>()?;
    reached(Point::Staged);
    let put = |write: &Write<'_>, new: Option<Replacement>| {
        if read(write.path)? != write.start {
            return Err(changed(write.path));
        }
        Ok(match new {
            Some(new) => new.put(),
            None => files::remove(write.path),
        }?)
    };
    for (i, (write, new)) in writes.iter().zip(staged).enumerate() {
        if let Err(error) = put(write, new) {
            writes[..=i].iter().rev().for_each(Write::take_back);
            return Err(error);
        }
        reached(Point::Put);
    }
    Ok(())
}
