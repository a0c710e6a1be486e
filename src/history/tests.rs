//! Steps that are made, refused, interrupted, and made by several at once.

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
    assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 2);
}
