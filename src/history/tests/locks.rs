//! Several at work on the same files.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::*;
use crate::point::{at, pausing_in_no_time};

/// What another thread is found to do: it waits for a lock, or has come to its end.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Waiting,
    Ended,
}

/// Starts a thread that says what it comes to.
fn start<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> (JoinHandle<T>, Receiver<Seen>) {
    let (seen, other): (Sender<Seen>, _) = channel();
    let thread = thread::spawn(move || {
        let waits = seen.clone();
        at(move |point| {
            if point == Point::Waiting {
                let _ = waits.send(Seen::Waiting);
            }
        });
        let result = work();
        let _ = seen.send(Seen::Ended);
        result
    });
    (thread, other)
}

/// Two taxonomies with an include of both: the one is edited while an edit of the other is between its checks and its writing.
#[test]
fn two_histories_of_one_file_take_turns() {
    let place = Place::new();
    let log = place.file("state/history/other.jsonl");
    let changes = [place.change("a.yaml", Some("one\n"))];
    let stale = [place.change("a.yaml", Some("other\n"))];
    let (outer, inner) = channel();
    let mut one = place.open();
    at(move |point| {
        if point == Point::Staged {
            let (log, stale) = (log.clone(), stale.clone());
            let (thread, seen) = start(move || {
                let mut other = History::open(&log).unwrap();
                other.make(what("other"), &stale)
            });
            assert_eq!(seen.recv(), Ok(Seen::Waiting));
            outer.send(thread).unwrap();
        }
    });
    one.make(what("one"), &changes).unwrap();
    at(|_| {});
    let error = inner.recv().unwrap().join().unwrap().unwrap_err();
    assert!(matches!(error, HistoryError::Stale { .. }), "{error}");
    assert_eq!(place.read("a.yaml").as_deref(), Some("one\n"));
}

/// A file that an edit only stands on is kept from others as well.
#[test]
fn nobody_writes_what_an_edit_stands_on() {
    let place = Place::new();
    place.put("b.csv", Some("beside\n"));
    let changes = [
        place.change("a.yaml", Some("one\n")),
        place.change("b.csv", Some("beside\n")),
    ];
    let path = place.file("b.csv").canonicalize().unwrap();
    std::fs::create_dir_all(place.file("state/history")).unwrap();
    let locks = Locks::of(&place.log(), [path].into_iter()).unwrap();
    let log = place.log();
    let (thread, seen) = start(move || History::open(&log).unwrap().make(what("one"), &changes));
    assert_eq!(seen.recv(), Ok(Seen::Waiting));
    assert_eq!(place.read("a.yaml").as_deref(), Some(BEGIN));
    drop(locks);
    thread.join().unwrap().unwrap();
    assert_eq!(place.read("a.yaml").as_deref(), Some("one\n"));
}

/// Who has waited for a history that was moved away begins a new one.
#[cfg(unix)]
#[test]
fn a_history_that_was_moved_away_is_not_written() {
    let place = Place::new();
    let (held, _) = Held::create(&place.log()).unwrap();
    let changes = [place.change("a.yaml", Some("one\n"))];
    let log = place.log();
    let (thread, seen) = start(move || {
        let mut history = History {
            log,
            state: State::default(),
        };
        history.make(what("one"), &changes)
    });
    assert_eq!(seen.recv(), Ok(Seen::Waiting));
    let old = place.file("state/old.jsonl");
    fs::rename(place.log(), &old).unwrap();
    drop(held);
    thread.join().unwrap().unwrap();
    assert_eq!(place.open().done().len(), 1);
    assert_eq!(History::open(&old).unwrap().done().len(), 0);
}

/// Who has waited for ten seconds waits no more, says what for, and has written nothing.
#[test]
fn a_lock_that_is_not_let_go_of_is_told() {
    let place = Place::new();
    let changes = [place.change("a.yaml", Some("one\n"))];
    let file = place.file("a.yaml").canonicalize().unwrap();
    fs::create_dir_all(place.file("state/history")).unwrap();
    let mut history = place.open();

    // At the file, by another history.
    let other = place.file("state/history/other.jsonl");
    let locks = Locks::of(&other, [file.clone()].into_iter()).unwrap();
    let (made, waited) = pausing_in_no_time(|| history.make(what("one"), &changes));
    let error = made.unwrap_err();
    assert!(
        matches!(&error, HistoryError::Busy { path } if *path == file),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("another cladist is at work there for long")
    );
    assert_eq!(waited, Duration::from_secs(10));
    drop(locks);

    // At the history itself.
    history
        .make(what("none"), &[place.change("a.yaml", Some("none\n"))])
        .unwrap();
    let (held, _) = Held::create(&place.log()).unwrap();
    let (made, waited) = pausing_in_no_time(|| history.undo());
    let error = made.unwrap_err();
    assert!(
        matches!(&error, HistoryError::Busy { path } if *path == place.log()),
        "{error}"
    );
    assert_eq!(waited, Duration::from_secs(10));
    assert_eq!(place.read("a.yaml").as_deref(), Some("none\n"));
    assert!(place.is_tidy());
    drop(held);

    let (made, waited) = pausing_in_no_time(|| history.undo());
    assert_eq!((made.is_ok(), waited), (true, Duration::ZERO));
    assert_eq!(place.read("a.yaml").as_deref(), Some(BEGIN));
}
