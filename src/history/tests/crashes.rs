//! What a process leaves that is killed, at each point of a step.

use super::*;

/// A history of one edit of two files, one of them new, as it is on disk when the edit has been noted and not yet made.
struct Crash {
    place: Place,
    /// The contents of both files before and after.
    start: [Option<&'static str>; 2],
    end: [Option<&'static str>; 2],
    /// The log up to the line that says what is about to be done, and how many edits were done then.
    log: String,
    done: usize,
}

const START: [Option<&str>; 2] = [Some(BEGIN), None];
const END: [Option<&str>; 2] = [Some("nodes:\n  square:\n"), Some("image,labels\n")];

impl Crash {
    fn of_making() -> Self {
        let place = Place::new();
        let changes = [
            place.change("a.yaml", END[0]),
            place.change("b.csv", END[1]),
        ];
        place.open().make(what("made"), &changes).unwrap();
        Self::before_the_mark(place, (START, END), 0)
    }

    fn of_undoing() -> Self {
        let Self { place, .. } = Self::of_making();
        place.open().undo().unwrap();
        Self::before_the_mark(place, (END, START), 1)
    }

    fn of_redoing() -> Self {
        let Self { place, .. } = Self::of_undoing();
        place.open().redo().unwrap();
        Self::before_the_mark(place, (START, END), 0)
    }

    fn before_the_mark(
        place: Place,
        (start, end): ([Option<&'static str>; 2], [Option<&'static str>; 2]),
        done: usize,
    ) -> Self {
        let log = fs::read_to_string(place.log()).unwrap();
        let log = log.strip_suffix("{\"record\":\"done\"}\n").unwrap();
        Self {
            log: log.to_owned(),
            place,
            start,
            end,
            done,
        }
    }

    /// With these contents on disk the history is opened: the files are found to be `expected`, and the step to be done or not.
    fn check(&self, found: [Option<&str>; 2], expected: [Option<&str>; 2], is_done: bool) {
        fs::write(self.place.log(), &self.log).unwrap();
        for (name, content) in ["a.yaml", "b.csv"].into_iter().zip(found) {
            self.place.put(name, content);
        }
        // New contents that did not take their places.
        let history = History {
            log: self.place.log(),
            state: State::default(),
        };
        let patch = |name| {
            Patch::new(
                as_text(from_root(&self.place.file(name)).unwrap()).unwrap(),
                &self.place.change(name, None),
            )
        };
        for name in ["a.yaml", "b.csv"] {
            fs::write(self.place.file(&history.part(&patch(name))), "half").unwrap();
        }
        assert!(!self.place.is_tidy());
        let history = self.place.open();
        let done = match (is_done, self.done) {
            (true, done) => 1 - done,
            (false, done) => done,
        };
        assert_eq!(history.done().len(), done, "{found:?}");
        let now = ["a.yaml", "b.csv"].map(|name| self.place.read(name));
        assert_eq!(now, expected.map(|content| content.map(str::to_owned)));
        assert!(self.place.is_tidy());
        // It is settled for good.
        let log = fs::read(self.place.log()).unwrap();
        assert_eq!(self.place.open().done().len(), done);
        assert_eq!(fs::read(self.place.log()).unwrap(), log);
    }
}

#[test]
fn a_step_is_finished_or_dropped() {
    let other = Some("of another\n");
    for crash in [Crash::of_making(), Crash::of_undoing(), Crash::of_redoing()] {
        let ([a, b], [c, d]) = (crash.start, crash.end);
        crash.check([a, b], [a, b], false);
        crash.check([c, b], [c, d], true);
        crash.check([a, d], [c, d], true);
        crash.check([c, d], [c, d], true);
        // What somebody has written since is theirs.
        crash.check([other, b], [other, b], false);
        crash.check([other, other], [other, other], false);
        crash.check([other, d], [other, d], true);
        crash.check([c, other], [c, other], true);
    }
}

/// Wherever the writing of the log stops, what is before it counts.
#[test]
fn a_torn_line_is_none() {
    let crash = Crash::of_making();
    let begun = crash.log.len();
    let whole = format!("{}{{\"record\":\"done\"}}\n", crash.log);
    for cut in 0..=whole.len() {
        fs::write(crash.place.log(), &whole.as_bytes()[..cut]).unwrap();
        let now = if cut < begun { crash.start } else { crash.end };
        crash.place.put("a.yaml", now[0]);
        crash.place.put("b.csv", now[1]);
        let mut history = crash.place.open();
        assert_eq!(history.done().len(), usize::from(cut >= begun), "{cut}");
        if cut % 97 != 0 && cut != begun {
            continue;
        }
        // What is written next stands on a line of its own.
        let changes = [crash.place.change("a.yaml", Some("next\n"))];
        history.make(what("next"), &changes).unwrap();
        let mut history = crash.place.open();
        while history.done().len() > 0 {
            history.undo().unwrap();
        }
        assert_eq!(crash.place.read("a.yaml").as_deref(), Some(BEGIN));
        assert_eq!(crash.place.read("b.csv"), None);
    }
}

/// A file that cannot take its place brings those before it back.
#[test]
fn all_files_are_written_or_none() {
    let place = Place::new();
    place.put("b.csv", Some("of another\n"));
    let (a, b) = (place.file("a.yaml"), place.file("b.csv"));
    let changed = |path: &Path| HistoryError::Stale {
        path: path.to_owned(),
        what: String::new(),
    };
    let bytes = |text: &str| Some(text.as_bytes().to_vec());
    let writes = |starts: [Content; 2]| {
        let [first, second] = starts;
        let of = |path, part: &str, start| Write {
            path,
            part: part.to_owned(),
            start,
            end: bytes("new\n"),
        };
        [
            of(a.as_path(), "a.part", first),
            of(b.as_path(), "b.part", second),
        ]
    };
    let error = write(&writes([bytes(BEGIN), None]), &changed).unwrap_err();
    assert!(matches!(error, HistoryError::Stale { path, .. } if path == b));
    assert_eq!(place.read("a.yaml").as_deref(), Some(BEGIN));
    assert_eq!(place.read("b.csv").as_deref(), Some("of another\n"));
    write(&writes([bytes(BEGIN), bytes("of another\n")]), &changed).unwrap();
    assert_eq!(place.read("a.yaml").as_deref(), Some("new\n"));
    assert_eq!(place.read("b.csv").as_deref(), Some("new\n"));
    assert!(place.is_tidy());
}
