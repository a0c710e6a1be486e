//! What is not done, and what is said then.

use super::*;

/// A step is refused with this said, and nothing is lost.
fn refused(place: &Place, result: Result<What>, said: &[&str]) {
    let files = || ["a.yaml", "b.csv"].map(|name| place.read(name));
    let before = files();
    let error = result.unwrap_err().to_string();
    for part in said {
        assert!(error.contains(part), "{error:?} does not say {part:?}");
    }
    assert_eq!(files(), before);
    assert!(place.is_tidy());
}

#[test]
fn what_another_program_wrote_is_not_written_over() {
    let place = Place::new();
    let mut history = place.open();
    let changes = [place.change("a.yaml", Some("one\n"))];
    for content in [Some("another's\n"), Some(""), None] {
        place.put("a.yaml", content);
        let result = history.make(what("one"), &changes).map(|()| what(""));
        let said = [
            "a.yaml: was changed since it was read",
            "`one` is right too",
        ];
        refused(&place, result, &said);
        assert_eq!(place.read("a.yaml").as_deref(), content);
    }
    place.put("a.yaml", Some(BEGIN));
    history.make(what("one"), &changes).unwrap();
    place.put("a.yaml", Some("another's\n"));
    let changed = "a.yaml: was changed since by another program";
    refused(
        &place,
        history.undo(),
        &[changed, "undo `one` is right too"],
    );
    assert_eq!(place.read("a.yaml").as_deref(), Some("another's\n"));
    // It can be, once that is taken back.
    place.put("a.yaml", Some("one\n"));
    history.undo().unwrap();
    place.put("a.yaml", None);
    refused(
        &place,
        history.redo(),
        &[changed, "redo `one` is right too"],
    );
    place.put("a.yaml", Some(BEGIN));
    history.redo().unwrap();
    assert_eq!(place.read("a.yaml").as_deref(), Some("one\n"));
}

/// A file that an edit leaves as it is was still read for it.
#[test]
fn an_edit_is_not_made_beside_another_content_than_it_was_planned_beside() {
    let place = Place::new();
    place.put("b.csv", Some("beside\n"));
    let changes = [
        place.change("a.yaml", Some("one\n")),
        place.change("b.csv", Some("beside\n")),
    ];
    let mut history = place.open();
    for content in [Some("another's\n"), None] {
        place.put("b.csv", content);
        let result = history.make(what("one"), &changes).map(|()| what(""));
        refused(&place, result, &["b.csv: was changed since it was read"]);
        assert_eq!(place.open().done().len(), 0);
    }
    place.put("b.csv", Some("beside\n"));
    history.make(what("one"), &changes).unwrap();
    assert_eq!(history.done().flat_map(Entry::paths).count(), 1);
    // It is no part of the edit, so the way back does not ask for it.
    place.put("b.csv", Some("another's\n"));
    history.undo().unwrap();
    assert_eq!(place.read("a.yaml").as_deref(), Some(BEGIN));
    // As a file is read that is no UTF-8, and stays as it is.
    fs::write(place.file("b.csv"), b"caf\xe9\n").unwrap();
    let mut changes = changes;
    changes[1].before = Some("caf\u{fffd}\n".to_owned());
    changes[1].after = changes[1].before.clone();
    history.make(what("one"), &changes).unwrap();
}

#[test]
fn what_was_no_text_is_not_written_over() {
    let place = Place::new();
    // As a taxonomy is read that is no UTF-8.
    let before = "caf\u{fffd}\n";
    fs::write(place.file("a.yaml"), b"caf\xe9\n").unwrap();
    let change = Change {
        path: place.file("a.yaml"),
        before: Some(before.to_owned()),
        after: Some("cafe\n".to_owned()),
    };
    let error = place.open().make(what("x"), &[change]).unwrap_err();
    assert!(matches!(error, HistoryError::Stale { .. }), "{error}");
    assert_eq!(fs::read(place.file("a.yaml")).unwrap(), b"caf\xe9\n");
}

#[test]
fn nothing_is_no_edit() {
    let place = Place::new();
    let changes = [place.change("a.yaml", Some(BEGIN))];
    for changes in [&changes[..], &[]] {
        let result = place.open().make(what("x"), changes);
        assert!(matches!(result, Err(HistoryError::Nothing)));
    }
    assert!(!place.log().exists());
}

#[test]
fn where_nothing_can_be_written_it_is_said() {
    let place = Place::new();
    let make = |change: Change| place.open().make(what("x"), &[change]).map(|()| what(""));
    let mut change = place.change("a.yaml", Some("new\n"));
    let protect = |readonly| {
        let mut permissions = fs::metadata(place.file("a.yaml")).unwrap().permissions();
        permissions.set_readonly(readonly);
        fs::set_permissions(place.file("a.yaml"), permissions).unwrap();
    };
    protect(true);
    refused(
        &place,
        make(change.clone()),
        &["a.yaml: is write-protected"],
    );
    assert_eq!(place.open().done().len(), 0);
    protect(false);
    change.path = place.file("gone/a.yaml");
    change.before = None;
    let said = ["gone/a.yaml", "check that the folder above exists"];
    refused(&place, make(change.clone()), &said);
    change.path = place.dir.path().to_owned();
    refused(&place, make(change), &["is no name of a file"]);
    // Nor where the history would be.
    let place = Place::new();
    place.put("state", Some("in the way\n"));
    let changes = [place.change("a.yaml", Some("new\n"))];
    let error = History::open(&place.log()).map(drop).unwrap_err();
    assert!(error.to_string().contains("log.jsonl"), "{error}");
    let mut history = History {
        log: place.log(),
        state: State::default(),
    };
    let error = history.make(what("x"), &changes).unwrap_err();
    assert!(matches!(error, HistoryError::Io { .. }), "{error}");
    assert_eq!(place.read("a.yaml").as_deref(), Some(BEGIN));
}

/// A damaged log is told at its line, and left as it is.
#[test]
fn a_damaged_log_is_told_at_its_line() {
    let place = Place::new();
    for text in ["one\n", "two\n"] {
        let changes = [place.change("a.yaml", Some(text))];
        place.open().make(what(text), &changes).unwrap();
    }
    let log = fs::read_to_string(place.log()).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 5);
    let with = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines[at - 1] = line;
        lines.join("\n") + "\n"
    };
    let done = "{\"record\":\"done\"}";
    for (text, said) in [
        (with(1, done), ":1: the head of a history is missing"),
        (with(2, "{\"record\":\"ma"), ":2: no record of a history"),
        (with(2, ""), ":2: no record of a history"),
        (
            with(3, "{\"record\":\"undo\"}"),
            ":3: a record that cannot follow",
        ),
        (with(2, done), ":2: a record that cannot follow"),
        (
            with(4, "{\"record\":\"redo\"}"),
            ":4: a record that cannot follow",
        ),
        (with(3, lines[0]), ":3: a record that cannot follow"),
        (
            with(1, "{\"record\":\"history\",\"schema\":2}"),
            ": a history of the schema 2",
        ),
        (with(5, "\u{0}"), ":5: no record of a history"),
        (with(4, &lines[3].replace("two", "TWO")), ""),
    ] {
        fs::write(place.log(), &text).unwrap();
        let opened = History::open(&place.log());
        if said.is_empty() {
            // Each line by itself is right, and together they are not.
            let said = "log.jsonl:4: what it says of a file does not fit its hashes";
            refused(&place, opened.unwrap().undo(), &[said]);
            continue;
        }
        let error = opened.map(drop).unwrap_err().to_string();
        assert!(error.contains(&format!("log.jsonl{said}")), "{error}");
        assert!(error.contains("move"), "{error}");
        assert_eq!(fs::read_to_string(place.log()).unwrap(), text);
    }
    assert_eq!(place.read("a.yaml").as_deref(), Some("two\n"));
}
