//! What a step does to one file: from which content to which, by the parts of it that differ.

use std::path::Path;

use serde::{Deserialize, Serialize};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::Change;
use crate::hash;

/// Which way an edit is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Forth,
    Back,
}

/// One file's change, as small as the change is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// From the root, links resolved: the log is read in whatever directory.
    pub path: String,
    /// SHA-256 of the content; `None`: there is no such file.
    before: Option<String>,
    after: Option<String>,
    splices: Vec<Splice>,
}

/// A part of the text before, and what stands there after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Splice {
    /// Bytes of the text before that precede it. In their order, and apart.
    at: usize,
    removed: String,
    inserted: String,
}

/// What a file holds, as seen from a patch.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// What the way begins with.
    Start,
    /// What it leads to.
    End,
    Other,
}

impl Patch {
    /// Of a change that changes something.
    pub fn new(path: String, change: &Change) -> Self {
        let hash =
            |text: &Option<String>| text.as_ref().map(|text| hash::of_bytes(text.as_bytes()));
        let text = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        Self {
            path,
            before: hash(&change.before),
            after: hash(&change.after),
            splices: splices(&text(&change.before), &text(&change.after)),
        }
    }

    pub fn path(&self) -> &Path {
        Path::new(&self.path)
    }

    /// Where on the way a content is.
    pub fn find(&self, content: Option<&[u8]>, way: Way) -> Found {
        let hash = content.map(hash::of_bytes);
        let (start, end) = match way {
            Way::Forth => (&self.before, &self.after),
            Way::Back => (&self.after, &self.before),
        };
        match hash {
            hash if hash == *start => Found::Start,
            hash if hash == *end => Found::End,
            _ => Found::Other,
        }
    }

    /// What the way leads to from what it begins with; `None` when the splices do not lead there.
    pub fn follow(&self, start: Option<&[u8]>, way: Way) -> Option<Option<String>> {
        let start = std::str::from_utf8(start.unwrap_or_default()).ok()?;
        let mut text = String::with_capacity(start.len());
        // Bytes of the start that have been gone over, and of the text before.
        let (mut read, mut before) = (0_usize, 0);
        for Splice {
            at,
            removed,
            inserted,
        } in &self.splices
        {
            let (from, to) = match way {
                Way::Forth => (removed, inserted),
                Way::Back => (inserted, removed),
            };
            let kept = read.checked_add(at.checked_sub(before)?)?;
            text.push_str(start.get(read..kept)?);
            if !start.get(kept..)?.starts_with(from.as_str()) {
                return None;
            }
            text.push_str(to);
            (read, before) = (kept + from.len(), at + removed.len());
        }
        text.push_str(start.get(read..)?);
        let is_file = match way {
            Way::Forth => self.after.is_some(),
            Way::Back => self.before.is_some(),
        };
        let end = is_file.then_some(text);
        let bytes = end.as_ref().map(String::as_bytes);
        (self.find(bytes, way) == Found::End).then_some(end)
    }
}

/// What differs, by lines, and within these from the first character to the last that does.
fn splices(before: &str, after: &str) -> Vec<Splice> {
    let lines = |text| -> Vec<&str> { str::split_inclusive(text, '\n').collect() };
    let (old, new) = (lines(before), lines(after));
    let starts = |lines: &[&str]| -> Vec<usize> {
        let ends = lines.iter().scan(0, |end, line| {
            *end += line.len();
            Some(*end)
        });
        std::iter::once(0).chain(ends).collect()
    };
    let (old_starts, new_starts) = (starts(&old), starts(&new));
    let ops = capture_diff_slices(Algorithm::Myers, &old, &new);
    ops.into_iter()
        .filter(|op| !matches!(op, DiffOp::Equal { .. }))
        .map(|op| {
            let (old, new) = (op.old_range(), op.new_range());
            let at = old_starts[old.start];
            let removed = &before[at..old_starts[old.end]];
            let inserted = &after[new_starts[new.start]..new_starts[new.end]];
            trimmed(at, removed, inserted)
        })
        .collect()
}

/// Without what both begin and end with.
fn trimmed(at: usize, removed: &str, inserted: &str) -> Splice {
    let same = |pairs: &mut dyn Iterator<Item = (char, char)>| -> usize {
        pairs
            .take_while(|(a, b)| a == b)
            .map(|(a, _)| a.len_utf8())
            .sum()
    };
    let first = same(&mut removed.chars().zip(inserted.chars()));
    let (removed, inserted) = (&removed[first..], &inserted[first..]);
    let last = same(&mut removed.chars().rev().zip(inserted.chars().rev()));
    Splice {
        at: at + first,
        removed: removed[..removed.len() - last].to_owned(),
        inserted: inserted[..inserted.len() - last].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;

    fn patch(before: Option<&str>, after: Option<&str>) -> Patch {
        let change = Change {
            path: PathBuf::from("a"),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        Patch::new("a".to_owned(), &change)
    }

    fn check(before: Option<&str>, after: Option<&str>) {
        let patch = patch(before, after);
        for (way, start, end) in [(Way::Forth, before, after), (Way::Back, after, before)] {
            let start = start.map(str::as_bytes);
            assert_eq!(patch.find(start, way), Found::Start);
            let found = patch.follow(start, way);
            assert_eq!(found, Some(end.map(str::to_owned)), "{patch:?}");
        }
    }

    #[test]
    fn a_patch_is_small_and_leads_both_ways() {
        let before = "nodes:\r\n  a: {}\r\n  é: x # here\r\n  c:\r\n";
        let after = "nodes:\r\n  a: {}\r\n  é: [x, y] # here\r\n  c:\r\n    d";
        check(Some(before), Some(after));
        let patch = patch(Some(before), Some(after));
        let splice = |at, removed: &str, inserted: &str| Splice {
            at,
            removed: removed.to_owned(),
            inserted: inserted.to_owned(),
        };
        let expected = [splice(23, "x", "[x, y]"), splice(39, "", "    d")];
        assert_eq!(patch.splices, expected);
        assert_eq!(patch.find(Some(b"other"), Way::Back), Found::Other);
        assert_eq!(patch.find(None, Way::Back), Found::Other);
        assert_eq!(patch.find(Some(before.as_bytes()), Way::Back), Found::End);
        check(None, Some("a\n"));
        check(Some("a\n"), None);
        check(Some(""), None);
    }

    #[test]
    fn damaged_splices_lead_nowhere() {
        let good = patch(Some("a\nb\nc\n"), Some("a\nB\nc\n"));
        let start = Some(&b"a\nb\nc\n"[..]);
        for (at, removed, inserted) in [
            (2, "c", "B"),
            (2, "b", "C"),
            (3, "b", "B"),
            (99, "", "B"),
            (usize::MAX, "", "B"),
        ] {
            let mut bad = good.clone();
            bad.splices[0] = Splice {
                at,
                removed: removed.to_owned(),
                inserted: inserted.to_owned(),
            };
            assert_eq!(bad.follow(start, Way::Forth), None);
            bad.splices.push(good.splices[0].clone());
            assert_eq!(bad.follow(start, Way::Forth), None);
        }
        assert_eq!(good.follow(Some(b"\xff"), Way::Forth), None);
    }

    proptest! {
        #[test]
        fn any_two_texts_have_a_way(before in "([aéb]{0,3}\r?\n){0,8}[ab]{0,2}", after in "([aéb]{0,3}\r?\n){0,8}[ab]{0,2}") {
            prop_assume!(before != after);
            check(Some(&before), Some(&after));
        }
    }
}
