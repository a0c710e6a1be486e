//! Edits on disk: `cladist history`, and several processes at work.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cladist::history::{Change, History, HistoryError, What};
use cladist::taxonomy::edit::{Edit, apply};
use cladist::taxonomy::{Taxonomy, load};

use crate::cmd;

/// Set for a process that is started by a test here: what it is to do, and where.
const ROLE: &str = "CLADIST_TEST_HISTORY_ROLE";
const PLACE: &str = "CLADIST_TEST_HISTORY_PLACE";

const MAIN: &str = "# a taxonomy in two files\r\ninclude: [below.yaml]\r\nnodes:\r\n  n0:   # renamed again and again\r\n";
const BELOW: &str = "nodes:\n  child:\n    parents: ['n0'] # here too\n";

fn place() -> tempfile::TempDir {
    cmd::dir(&[
        ("main.yaml", MAIN.as_bytes()),
        ("below.yaml", BELOW.as_bytes()),
    ])
}

fn log(dir: &Path) -> PathBuf {
    dir.join("state/log.jsonl")
}

fn taxonomy(dir: &Path) -> Taxonomy {
    let loaded = load(&dir.join("main.yaml"), &|path: &Path| fs::read(path));
    loaded.into_sound().expect("a sound taxonomy")
}

/// Makes an edit of what the files say now.
fn make(history: &mut History, dir: &Path, edit: Edit) -> Result<(), HistoryError> {
    let before = taxonomy(dir);
    let edited = apply(&before, &edit).expect("an edit that can be made");
    let changes = Change::of_sources(&before, edited);
    history.make(What::Taxonomy(edit), &changes)
}

/// What the files hold when the root has this number.
fn texts(number: usize) -> [String; 2] {
    [MAIN, BELOW].map(|text| text.replace("n0", &format!("n{number}")))
}

fn read(dir: &Path) -> [String; 2] {
    ["main.yaml", "below.yaml"].map(|name| fs::read_to_string(dir.join(name)).expect("a file"))
}

/// Starts this program again, for the test below alone, which does what the role says.
fn start(role: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "history::a_process_of_its_own",
            "--ignored",
            "--nocapture",
        ])
        .env(ROLE, role)
        .env(PLACE, dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process")
}

#[test]
#[ignore = "the other side of the tests below: it does what they tell it in the environment"]
fn a_process_of_its_own() {
    let (Ok(role), Some(dir)) = (std::env::var(ROLE), std::env::var_os(PLACE)) else {
        return;
    };
    let dir = PathBuf::from(dir);
    let mut history = History::open(&log(&dir)).expect("a history");
    for i in 0..EDITS {
        let id = format!("{role}{i}");
        let add = Edit::Add {
            id,
            names: Vec::new(),
            parents: vec!["n0".to_owned()],
        };
        // The other process may have written between our reading and writing.
        while let Err(error) = make(&mut history, &dir, add.clone()) {
            assert!(matches!(error, HistoryError::Stale { .. }), "{error}");
        }
    }
}

/// Edits that each of two processes makes at once.
const EDITS: usize = 20;

/// An edit of one file is held against what the others declare.
#[test]
fn an_edit_is_made_beside_the_includes_that_it_was_found_right_beside() {
    let place = place();
    let dir = place.path();
    let before = taxonomy(dir);
    let edit = Edit::Add {
        id: "new".to_owned(),
        names: Vec::new(),
        parents: vec!["n0".to_owned()],
    };
    let edited = apply(&before, &edit).expect("an edit that can be made");
    assert_eq!(edited.files.len(), 1);
    let changes = Change::of_sources(&before, edited);
    assert_eq!(changes.len(), 2);
    let mut history = History::open(&log(dir)).expect("a history");
    let made = |history: &mut History| history.make(What::Taxonomy(edit.clone()), &changes);
    let other = format!("{BELOW}  new:\n");
    fs::write(dir.join("below.yaml"), &other).expect("a file");
    match made(&mut history) {
        Err(HistoryError::Stale { path, .. }) => assert!(path.ends_with("below.yaml"), "{path:?}"),
        result => panic!("{result:?}"),
    }
    assert_eq!(read(dir), [MAIN.to_owned(), other]);
    fs::write(dir.join("below.yaml"), BELOW).expect("a file");
    made(&mut history).expect("an edit");
}

/// Without the rights of root: a file of another's that one may not write stays that file, though the folder is one's own; and so does
/// one that may be written, but whose owner could not be kept.
#[cfg(unix)]
#[test]
fn the_file_of_another_is_not_replaced() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    let place = place();
    let dir = place.path();
    if fs::metadata(dir).expect("the place").uid() != 0 {
        // Only root can make a file of another's.
        return;
    }
    let own = |path: &Path| chown(path, Some(NOBODY), Some(NOBODY)).expect("root's right");
    let allow = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("root's right");
    };
    own(dir);
    // Where it was built, others may have no way to it.
    let program = dir.join("cladist");
    let copied = Command::new("cp")
        .args([Path::new(env!("CARGO_BIN_EXE_cladist")), &program])
        .status();
    assert!(copied.expect("cp").success());
    allow(&program, 0o755);
    let main = dir.join("main.yaml");
    for (mode, told) in [
        (0o644, "main.yaml: is write-protected"),
        (0o666, "main.yaml: is another user's"),
    ] {
        allow(&main, mode);
        let out = Command::new(&program)
            .current_dir(dir)
            .env("XDG_STATE_HOME", dir.join("state"))
            .args(["edit", "main.yaml", "describe", "n0", "new"])
            .uid(NOBODY)
            .gid(NOBODY)
            .output()
            .expect("the program runs");
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(
            out.status.code() == Some(2) && said.contains(told),
            "{said}"
        );
        let now = fs::metadata(&main).expect("the file");
        assert_eq!((now.uid(), now.mode() & 0o777), (0, mode));
        assert_eq!(read(dir), texts(0));
    }
}

#[test]
fn two_processes_lose_no_edit() {
    let place = place();
    let dir = place.path();
    for mut child in ["a", "b"].map(|role| start(role, dir)) {
        assert!(child.wait().expect("an end").success());
    }
    let now = taxonomy(dir);
    for id in ["a", "b"]
        .iter()
        .flat_map(|role| (0..EDITS).map(move |i| format!("{role}{i}")))
    {
        assert!(now.find(&id).is_some(), "{id} is lost");
    }
    let mut history = History::open(&log(dir)).expect("a history");
    assert_eq!(history.done().len(), 2 * EDITS);
    for _ in 0..2 * EDITS {
        history.undo().expect("a way back");
    }
    assert_eq!(read(dir), [MAIN, BELOW].map(str::to_owned));
}

/// Runs `cladist history main.yaml …`.
fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    run_command(dir, &[&["history", "main.yaml"], args].concat())
}

/// Runs `cladist` with its state in the directory.
fn run_command(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let out = crate::cmd::program(dir)
        .env("XDG_STATE_HOME", dir.join("state"))
        .args(args)
        .output()
        .expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let code = out.status.code().expect("an exit code");
    (code, text(out.stdout), text(out.stderr))
}

#[test]
fn edits_are_listed_undone_and_redone() {
    let place = place();
    let dir = place.path();
    assert_eq!(run(dir, &[]), (0, "no edits\n".to_owned(), String::new()));
    assert!(!dir.join("state").exists());
    let (code, object, _) = run(dir, &["--format", "json"]);
    assert_eq!(code, 0);
    let object: serde_json::Value = serde_json::from_str(&object).expect("JSON");
    let log = PathBuf::from(object["history"].as_str().expect("a path"));
    assert!(
        log.starts_with(dir.join("state/cladist/history")),
        "{log:?}"
    );
    let mut history = History::open(&log).expect("a history");
    for i in 0..3 {
        let (node, id) = (format!("n{i}"), format!("n{}", i + 1));
        make(&mut history, dir, Edit::Rename { node, id }).expect("an edit");
    }
    let out = |text: &str| (0, text.to_owned(), String::new());
    assert_eq!(run(dir, &["--undo"]), out("undone: rename `n2` to `n3`\n"));
    assert_eq!(read(dir), texts(2));
    let listed =
        "1  rename `n0` to `n1`\n2  rename `n1` to `n2`\n3  rename `n2` to `n3` (undone)\n";
    assert_eq!(run(dir, &[]), out(listed));
    let (_, object, _) = run(dir, &["--format", "json"]);
    let object: serde_json::Value = serde_json::from_str(&object).expect("JSON");
    let undone = &object["undone"][0];
    assert_eq!(undone["sentence"], "rename `n2` to `n3`");
    assert_eq!(undone["what"]["taxonomy"]["edit"], "rename");
    assert_eq!(undone["files"].as_array().map(Vec::len), Some(2));
    assert_eq!(object["done"].as_array().map(Vec::len), Some(2));
    let both = "undone: rename `n1` to `n2`\nundone: rename `n0` to `n1`\n";
    assert_eq!(run(dir, &["--undo", "2"]), out(both));
    assert_eq!(read(dir), texts(0));
    let (code, _, said) = run(dir, &["--undo"]);
    assert_eq!(
        (code, said.contains("there is nothing to undo")),
        (2, true),
        "{said}"
    );
    let (code, _, said) = run(dir, &["--redo", "4"]);
    assert_eq!(
        (code, said.contains("there are only 3 edits to redo")),
        (2, true),
        "{said}"
    );
    assert_eq!(read(dir), texts(0));
    run(dir, &["--redo", "3"]);
    assert_eq!(read(dir), texts(3));
    // What is undone before one is refused is told.
    let [main, below] = read(dir);
    fs::write(dir.join("below.yaml"), below + "# by hand\n").expect("a file");
    let (code, out, said) = run(dir, &["--undo", "2"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(
        said.contains("below.yaml: was changed since by another program"),
        "{said}"
    );
    assert_eq!(
        fs::read_to_string(dir.join("main.yaml")).expect("a file"),
        main
    );
    let (code, _, said) = cmd::run(dir, &["history", "demo"]);
    assert_eq!((code, said.contains("is in no file")), (2, true), "{said}");
    let (code, _, said) = cmd::run(dir, &["history", "gone.yaml"]);
    assert_eq!((code, said.contains("gone.yaml")), (2, true), "{said}");
}

#[test]
fn an_edit_is_shown_written_and_undone() {
    let place = place();
    let dir = place.path();
    let edit = |args: &[&str]| run_command(dir, &[&["edit", "main.yaml"], args].concat());
    let (code, shown, _) = edit(&["rename", "n0", "n1", "--dry-run"]);
    assert_eq!(code, 0);
    let expected = "--- below.yaml\n+++ below.yaml\n@@ -1,3 +1,3 @@\n nodes:\n   child:\n\
        -    parents: ['n0'] # here too\n+    parents: ['n1'] # here too\n";
    assert!(shown.ends_with(expected), "{shown}");
    assert_eq!((read(dir), dir.join("state").exists()), (texts(0), false));
    let (code, again, said) = edit(&["rename", "n0", "n1"]);
    assert_eq!((code, again), (0, shown));
    let told = "rename `n0` to `n1`: written; `cladist history main.yaml --undo` takes it back\n";
    assert_eq!(said, told);
    assert_eq!(read(dir), texts(1));
    // Every edit is understood, as far as the nodes are there.
    for (args, told) in [
        (
            &["add", "new", "--name", "the new", "--parent", "n1"][..],
            "add `new` named `the new` below `n1`",
        ),
        (
            &["add-parent", "the new", "child"],
            "add parent `child` to `new`",
        ),
        (
            &["remove-parent", "new", "n1"],
            "remove parent `n1` of `new`",
        ),
        (
            &["move", "new", "child", "n1"],
            "move `new` from `child` to `n1`",
        ),
        (
            &["overlapping", "new", "child"],
            "declare `new` and `child` overlapping",
        ),
        (&["add-name", "new", "newer"], "add name `newer` to `new`"),
        (
            &["remove-name", "new", "newer"],
            "remove name `newer` of `new`",
        ),
        (&["describe", "new", "what is new"], "describe `new`"),
        (&["describe", "new"], "remove the description of `new`"),
        (
            &["prompts", "new", "a {name}", "one {name}"],
            "set the prompts of `new`",
        ),
        (
            &["split", "n1", "p=new,child", "q"],
            "split `n1` into `p` and `q`",
        ),
        (&["merge", "q", "p"], "merge `q` into `p`"),
        (&["add", "apart"], "add `apart`"),
        (
            &["equivalent", "new", "apart"],
            "declare `new` and `apart` equivalent",
        ),
        (&["add", "else"], "add `else`"),
        (
            &["disjoint", "new", "else"],
            "declare `new` and `else` disjoint",
        ),
        (
            &["delete", "p", "--children", "loose"],
            "delete `p`, its children lose this parent",
        ),
    ] {
        let (code, shown, said) = edit(args);
        assert!(code == 0 && said.contains(told), "{args:?}: {said}");
        assert!(shown.starts_with("--- "), "{shown}");
    }
    // What cannot be is refused with the reason, and is in no history.
    let before = read(dir);
    for (args, told) in [
        (&["add-parent", "n1", "chidl"][..], "did you mean `child`"),
        (
            &["add-parent", "child", "child"],
            "`child` can be no relation of itself",
        ),
        (&["add", "new"], "there is a node `new` already"),
    ] {
        let (code, _, said) = edit(args);
        assert!(code == 2 && said.contains(told), "{args:?}: {said}");
    }
    assert_eq!(read(dir), before);
    let (code, ..) = run(dir, &["--undo", "18"]);
    assert_eq!((code, read(dir)), (0, texts(0)));
}

/// What could not be written back as it is, is refused before anything is shown.
#[test]
fn a_file_of_another_encoding_is_not_edited() {
    let text = "nodes:\n  a: # é\n  b:\n";
    let utf16 = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
        units.flat_map(order).collect()
    };
    let latin1: Vec<u8> = text.chars().map(|c| u32::from(c) as u8).collect();
    for (bytes, why) in [
        (
            utf16(u16::to_le_bytes),
            "main.yaml:1: UTF-16; save the file as UTF-8",
        ),
        (
            utf16(u16::to_be_bytes),
            "main.yaml:1: UTF-16; save the file as UTF-8",
        ),
        (latin1, "main.yaml:2: the byte 0xe9 is not UTF-8"),
    ] {
        let place = crate::cmd::dir(&[("main.yaml", &bytes)]);
        let dir = place.path();
        let args = ["edit", "main.yaml", "add-parent", "b", "a"];
        let (code, shown, said) = run_command(dir, &args);
        assert_eq!((code, shown.as_str()), (2, ""), "{said}");
        assert!(said.contains(why), "{said}");
        assert_eq!(std::fs::read(dir.join("main.yaml")).expect("a file"), bytes);
    }
}

#[test]
fn an_edit_tells_what_check_will_warn_of() {
    let text = b"nodes:\n  a:\n  b: {parents: [a]}\n  c: {parents: [b]}\n";
    let place = crate::cmd::dir(&[("main.yaml", text)]);
    let edit = |args: &[&str]| {
        let (code, _, said) = run_command(place.path(), &[&["edit", "main.yaml"], args].concat());
        assert_eq!(code, 0, "{said}");
        said
    };
    let said = edit(&["add-parent", "c", "a", "--dry-run"]);
    assert!(said.contains("check will warn [redundant-edge]"), "{said}");
    let said = edit(&["add", "d", "--name", "b", "--parent", "a", "--dry-run"]);
    assert!(said.contains("check will warn [same-name]"), "{said}");
    let said = edit(&["rename", "b", "e", "--dry-run"]);
    assert_eq!(said, "");
}

/// Runs `cladist` where no file may become larger than so many blocks of 512 bytes: the write that goes beyond fails as on a full
/// disk, or, if that is not `heeded`, ends the process in its midst.
#[cfg(unix)]
fn run_on_little_disk(
    dir: &Path,
    blocks: usize,
    heeded: bool,
    args: &[&str],
) -> (Option<i32>, String) {
    let trap = if heeded { "trap '' XFSZ; " } else { "" };
    // No core is dumped, whatever there is room for.
    let script = format!("{trap}ulimit -c 0; ulimit -f {blocks}; exec \"$@\"");
    let out = Command::new("sh")
        .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_cladist")])
        .args(args)
        .current_dir(dir)
        .env("XDG_STATE_HOME", dir.join("state"))
        .output()
        .expect("a shell");
    let said = String::from_utf8(out.stderr).expect("UTF-8");
    (out.status.code(), said)
}

/// A disk that is full while an edit is written leaves the file as it was, and the next edit is made as if nothing had been.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_file_as_it_was() {
    // Larger than what fits: 400 kB, where 64 kB may be written and the log takes less than that.
    let nodes: String = (0..4000)
        .map(|i| format!("  node_{i}: # {}\n", "x".repeat(80)))
        .collect();
    let text = format!("nodes:\n{nodes}");
    let edit = ["edit", "main.yaml", "add-parent", "node_7", "node_8"];
    let names = |dir: &Path| {
        let entries = std::fs::read_dir(dir).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names
    };
    for (blocks, heeded) in [(128, true), (128, false), (0, true), (0, false)] {
        let place = crate::cmd::dir(&[("main.yaml", text.as_bytes())]);
        let dir = place.path();
        let read = || std::fs::read_to_string(dir.join("main.yaml")).expect("a file");
        let (code, said) = run_on_little_disk(dir, blocks, heeded, &edit);
        let case = format!("{blocks} blocks, heeded: {heeded}: {said}");
        assert_eq!(code, heeded.then_some(2), "{case}");
        // The error says what is too large, as it says what is full.
        let is_told = said.contains("File too large") || said.contains("os error 27");
        assert_eq!(is_told, heeded, "{case}");
        assert!(read() == text, "{case}");

        // Nothing of it is in the history, and what a dead process left goes with the next edit.
        let (code, listed, said) = run(dir, &[]);
        assert!(
            code == 0 && !listed.contains("node_7"),
            "{case}: {listed}{said}"
        );
        let (code, _, said) = run_command(dir, &edit);
        assert_eq!(code, 0, "{case}: {said}");
        assert_ne!(read(), text);
        assert_eq!(names(dir), ["main.yaml", "state"], "{case}");
        let (code, ..) = run(dir, &["--undo"]);
        assert!(code == 0 && read() == text, "{case}");
    }
}
