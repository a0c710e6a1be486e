//! Processes that end at each point of a step in turn, without a chance to tidy up.

use std::process::Command;

use super::*;
use crate::point::{KILLED, exit_at};

/// Set for the process of its own: what it is to do, where, and at which of the points that it reaches it ends.
const VARIABLES: [&str; 3] = [
    "CLADIST_TEST_KILLED_STEP",
    "CLADIST_TEST_KILLED_PLACE",
    "CLADIST_TEST_KILLED_AT",
];

#[test]
#[ignore = "the other side of the test below: it does what that tells it in the environment"]
fn a_process_of_its_own() {
    let [Ok(step), Ok(dir), Ok(last)] = VARIABLES.map(std::env::var) else {
        return;
    };
    exit_at(last.parse().unwrap());
    take(&step, Path::new(&dir));
}

fn take(step: &str, dir: &Path) {
    let mut history = History::open(&dir.join("state/log.jsonl")).unwrap();
    match step {
        "make" => history.make(what("made"), &changes(dir)),
        "undo" => history.undo().map(drop),
        _ => history.redo().map(drop),
    }
    .unwrap();
}

/// Of two files, one of them new.
fn changes(dir: &Path) -> [Change; 2] {
    let change = |name: &str, before: Option<&str>, after: &str| Change {
        path: dir.join(name),
        before: before.map(str::to_owned),
        after: Some(after.to_owned()),
    };
    [
        change("a.yaml", Some(BEGIN), "made\n"),
        change("b.csv", None, "image,labels\n"),
    ]
}

/// A step is taken in a process that ends at each of its points in turn: how many files had their new content each time.
fn written_at_each_end(before: &[&str], step: &str) -> Vec<usize> {
    let mut written = Vec::new();
    loop {
        let place = Place::new();
        let dir = place.dir.path();
        before.iter().for_each(|step| take(step, dir));
        let contents = || ["a.yaml", "b.csv"].map(|name| place.read(name));
        let start = contents();
        let at = (written.len() + 1).to_string();
        let values = [step.as_ref(), dir.as_os_str(), at.as_ref()];
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "history::tests::killed::a_process_of_its_own"])
            .arg("--ignored")
            .envs(VARIABLES.into_iter().zip(values))
            .output()
            .unwrap()
            .status;
        let found = contents();
        if status.success() {
            assert!(place.is_tidy());
            return written;
        }
        assert_eq!(status.code(), Some(KILLED));
        let changed = found.iter().zip(&start).filter(|(now, was)| now != was);
        written.push(changed.count());
        // Any file of the step: then all of them.
        let mut history = History::open(&dir.join("state/log.jsonl")).unwrap();
        let is_done = match (step, written.last()) {
            ("undo", n) => n == Some(&0),
            (_, n) => n != Some(&0),
        };
        assert_eq!(history.done().len(), usize::from(is_done), "{step} {at}");
        assert!(place.is_tidy(), "{step} {at}");
        let [begun, made] = [
            [Some(BEGIN.to_owned()), None],
            changes(dir).map(|change| change.after),
        ];
        assert_eq!(
            contents(),
            if is_done { made.clone() } else { begun.clone() }
        );
        // And it goes on from there.
        match is_done {
            true => history.undo().map(drop),
            false if step == "make" => history.make(what("made"), &changes(dir)),
            false => history.redo().map(drop),
        }
        .unwrap();
        assert_eq!(contents(), if is_done { begun } else { made });
    }
}

#[test]
fn killed_at_any_point_the_files_are_whole() {
    // Noted, staged, one file put, both put, marked.
    let expected = [0, 0, 1, 2, 2];
    assert_eq!(written_at_each_end(&[], "make"), expected);
    assert_eq!(written_at_each_end(&["make", "undo"], "redo"), expected);
    assert_eq!(written_at_each_end(&["make"], "undo"), expected);
}
