//! Steps that are made, refused, interrupted, and made by several at once.

mod crashes;
mod killed;
mod locks;
mod properties;
mod refusals;

use std::fs;

use tempfile::TempDir;

use super::*;

/// A taxonomy's file and its history.
struct Place {
    dir: TempDir,
}

const BEGIN: &str = "nodes:\n  polygon:   # flat\n  square:\n";

impl Place {
    fn new() -> Self {
        let place = Self {
            dir: TempDir::new().unwrap(),
        };
        fs::write(place.file("a.yaml"), BEGIN).unwrap();
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn log(&self) -> PathBuf {
        self.file("state/history/log.jsonl")
    }

    fn open(&self) -> History {
        History::open(&self.log()).unwrap()
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.file(name)).ok()
    }

    /// Puts a file there by other means than a history.
    fn put(&self, name: &str, content: Option<&str>) {
        match content {
            Some(content) => fs::write(self.file(name), content).unwrap(),
            None => drop(fs::remove_file(self.file(name))),
        }
    }

    /// Whether nothing is there but the files and the history.
    fn is_tidy(&self) -> bool {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        let known = ["a.yaml", "b.csv", "state"];
        names
            .into_iter()
            .all(|name| known.contains(&name.to_str().unwrap()))
    }

    fn change(&self, name: &str, after: Option<&str>) -> Change {
        Change {
            path: self.file(name),
            before: self.read(name),
            after: after.map(str::to_owned),
        }
    }
}

fn what(label: &str) -> What {
    What::AlsoRight {
        image: "1.jpg".to_owned(),
        label: label.to_owned(),
    }
}

#[test]
fn edits_are_undone_and_redone() {
    let place = Place::new();
    let mut history = place.open();
    assert!(!place.log().exists(), "nothing was done yet");
    assert!(matches!(history.undo(), Err(HistoryError::NothingToUndo)));
    for (i, after) in ["one\n", "one\ntwo\n", "two\n"].into_iter().enumerate() {
        let changes = [place.change("a.yaml", Some(after))];
        history.make(what(&i.to_string()), &changes).unwrap();
        assert_eq!(place.read("a.yaml").as_deref(), Some(after));
    }
    assert_eq!(history.undo().unwrap(), what("2"));
    assert_eq!(history.undo().unwrap(), what("1"));
    assert_eq!(place.read("a.yaml").as_deref(), Some("one\n"));
    assert_eq!(history.redo().unwrap(), what("1"));
    assert_eq!(place.read("a.yaml").as_deref(), Some("one\ntwo\n"));
    // As the next process finds it.
    let mut history = place.open();
    let all = |history: &History| -> Vec<What> {
        let entries = history.done().chain(history.undone());
        entries.map(|entry| entry.what.clone()).collect()
    };
    assert_eq!((history.done().len(), history.undone().len()), (2, 1));
    assert_eq!(all(&history), ["0", "1", "2"].map(what));
    let changes = [place.change("a.yaml", Some("three\n"))];
    history.make(what("3"), &changes).unwrap();
    assert!(matches!(history.redo(), Err(HistoryError::NothingToRedo)));
    assert_eq!(all(&history), ["0", "1", "3"].map(what));
    for _ in 0..3 {
        history.undo().unwrap();
    }
    assert_eq!(place.read("a.yaml").as_deref(), Some(BEGIN));
    assert!(matches!(history.undo(), Err(HistoryError::NothingToUndo)));
    assert!(place.is_tidy());
}

#[test]
fn two_processes_take_turns() {
    let place = Place::new();
    let (mut one, mut two) = (place.open(), place.open());
    let stale = [place.change("a.yaml", Some("stale\n"))];
    let make = |history: &mut History, text: &str| {
        let changes = [place.change("a.yaml", Some(text))];
        history.make(what(text), &changes)
    };
    make(&mut one, "one\n").unwrap();
    // What the other read is no more.
    let error = two.make(what("stale"), &stale).unwrap_err();
    assert!(matches!(error, HistoryError::Stale { .. }), "{error}");
    make(&mut two, "two\n").unwrap();
    // It is the last edit that is undone, whoever made it.
    assert_eq!(one.undo().unwrap(), what("two\n"));
    assert_eq!(two.undo().unwrap(), what("one\n"));
    assert_eq!(place.read("a.yaml").as_deref(), Some(BEGIN));
    assert_eq!(one.redo().unwrap(), what("one\n"));
    make(&mut two, "three\n").unwrap();
    assert!(matches!(one.redo(), Err(HistoryError::NothingToRedo)));
    assert_eq!((one.done().len(), one.undone().len()), (2, 0));
}

#[test]
fn a_file_may_come_and_go() {
    let place = Place::new();
    let mut history = place.open();
    let both = [
        place.change("a.yaml", Some("a\n")),
        place.change("b.csv", Some("b\r\n")),
    ];
    assert!(
        both[1].diff().ends_with("@@ -0,0 +1 @@\n+b\r\n"),
        "{}",
        both[1].diff()
    );
    history.make(what("both"), &both).unwrap();
    let paths: Vec<&Path> = history.done().flat_map(Entry::paths).collect();
    let real = place.dir.path().canonicalize().unwrap();
    assert_eq!(paths, [real.join("a.yaml"), real.join("b.csv")]);
    assert_eq!(place.read("b.csv").as_deref(), Some("b\r\n"));
    let gone = [place.change("b.csv", None)];
    history.make(what("gone"), &gone).unwrap();
    assert_eq!(place.read("b.csv"), None);
    history.undo().unwrap();
    assert_eq!(place.read("b.csv").as_deref(), Some("b\r\n"));
    history.undo().unwrap();
    assert_eq!(place.read("b.csv"), None);
    assert_eq!(place.read("a.yaml").as_deref(), Some(BEGIN));
    history.redo().unwrap();
    assert_eq!(place.read("b.csv").as_deref(), Some("b\r\n"));
}

#[test]
fn what_is_told_stays_on_its_line() {
    let rename = Edit::Rename {
        node: "a".to_owned(),
        id: "b\u{1b}[2J".to_owned(),
    };
    let told = What::Taxonomy(rename).to_string();
    assert_eq!(told, "rename `a` to `b\\u{1b}[2J`");
    let told = what("x\ny").to_string();
    assert_eq!(told, "`x\\ny` is right too of `1.jpg`");
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_stay() {
    let place = Place::new();
    std::os::unix::fs::symlink(place.file("a.yaml"), place.file("b.csv")).unwrap();
    let mut history = place.open();
    let changes = [place.change("b.csv", Some("new\n"))];
    history.make(what("new"), &changes).unwrap();
    assert_eq!(place.read("a.yaml").as_deref(), Some("new\n"));
    history.undo().unwrap();
    assert_eq!(place.read("a.yaml").as_deref(), Some(BEGIN));
    assert!(place.file("b.csv").is_symlink());
}
