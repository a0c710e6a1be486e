//! The workbench in a real pseudo-terminal: it starts, follows the size, stops and goes on, and leaves the terminal as it was, however
//! it ends. What is waited for is a condition, never a time.
#![cfg(unix)]

mod edits;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cladist::run::Opened;
use cladist::score::CurveValue;
use cladist::taxonomy::NodeId;
use cladist::tui::backend::{
    Applied, Backend, EncodedPrompts, Expanded, News, On, Other, Templates, Trial, Tried,
};
use cladist::tui::{self, ImageProtocol, Settings, ThemeChoice};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

/// A condition that is not met by then never will be.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the terminal shows; `None` when nobody writes to it any more.
type Shown = Arc<(Mutex<(vt100::Parser, bool)>, Condvar)>;

/// A program in a terminal.
struct Session {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    shown: Shown,
    /// Its state and temporary files are its own.
    home: TempDir,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

/// An editor that writes down how it was called, and waits for a key.
fn editor(home: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = home.join("vi");
    std::fs::write(&path, "#!/bin/sh\necho \"editing $*\"\nread -r line\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

impl Session {
    fn start(program: &str, args: &[&str], columns: u16, rows: u16) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let home = TempDir::new().unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.cwd(home.path());
        command.env("TERM", "xterm-256color");
        command.env("TMPDIR", home.path());
        command.env("XDG_STATE_HOME", home.path());
        command.env("XDG_CONFIG_HOME", home.path());
        command.env("CLADIST_STORE", home.path().join("store"));
        command.env("PS1", "shell> ");
        command.env("EDITOR", editor(home.path()));
        command.env_remove("VISUAL");
        for gone in ["NO_COLOR", "TMUX", "COLORFGBG"] {
            command.env_remove(gone);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let parser = vt100::Parser::new(rows, columns, 1000);
        let shown: Shown = Arc::new((Mutex::new((parser, false)), Condvar::new()));
        let mut screen = pair.master.try_clone_reader().unwrap();
        let filled = Arc::clone(&shown);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                let read = screen.read(&mut bytes).unwrap_or(0);
                let (state, changed) = &*filled;
                let mut state = state.lock().unwrap();
                state.0.process(&bytes[..read]);
                state.1 = read == 0;
                changed.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self {
            keyboard: pair.master.take_writer().unwrap(),
            master: pair.master,
            child,
            shown,
            home,
        }
    }

    fn cladist(args: &[&str], columns: u16, rows: u16) -> Self {
        Self::start(env!("CARGO_BIN_EXE_cladist"), args, columns, rows)
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits until the screen is so.
    #[track_caller]
    fn wait(&self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        let (state, changed) = &*self.shown;
        let deadline = Instant::now() + PATIENCE;
        let mut state = state.lock().unwrap();
        while !is_so(state.0.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let text = state.0.screen().contents();
            assert!(!left.is_zero() && !state.1, "no {what}:\n{text}");
            state = changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Waits for a text.
    #[track_caller]
    fn see(&self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text));
    }

    /// Resizes the terminal, and what we make of it.
    fn resize(&mut self, columns: u16, rows: u16) {
        let (state, _) = &*self.shown;
        state.lock().unwrap().0.screen_mut().set_size(rows, columns);
        self.master.resize(size(columns, rows)).unwrap();
    }

    fn kill(&self, signal: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        kill(signal, &pid);
    }

    /// Waits for the end, and what the terminal is like then: a text on its screen, and the exit code.
    #[track_caller]
    fn end(mut self) -> (u32, String) {
        let (state, changed) = &*self.shown;
        let state = state.lock().unwrap();
        let (state, waited) = changed
            .wait_timeout_while(state, PATIENCE, |state| !state.1)
            .unwrap();
        let screen = state.0.screen();
        let text = screen.contents();
        assert!(!waited.timed_out(), "it does not end:\n{text}");
        assert_is_restored(screen);
        (self.child.wait().unwrap().exit_code(), text)
    }
}

fn kill(signal: &str, pid: &str) {
    let status = std::process::Command::new("kill")
        .args([signal, pid])
        .status();
    assert!(status.unwrap().success());
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[track_caller]
fn assert_is_restored(screen: &vt100::Screen) {
    assert!(!screen.alternate_screen(), "the alternate screen is left");
    assert!(!screen.hide_cursor(), "the cursor is seen");
    assert!(!screen.bracketed_paste(), "pasting is as it was");
    let mouse = screen.mouse_protocol_mode();
    assert_eq!(mouse, vt100::MouseProtocolMode::None, "the mouse is let go");
}

/// Whether the shell waits for a command: what is typed before is still the workbench's.
fn is_prompted(screen: &vt100::Screen) -> bool {
    !screen.alternate_screen() && screen.contents().trim_end().ends_with("shell>")
}

fn run_dir() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/run");
    path.display().to_string()
}

const PLAIN: [&str; 4] = ["--image-protocol", "halfblocks", "--theme", "dark"];

fn workbench(columns: u16, rows: u16) -> Session {
    let dir = run_dir();
    let args = [&["tui", &dir][..], &PLAIN].concat();
    Session::cladist(&args, columns, rows)
}

#[test]
fn it_starts_on_a_saved_run_and_leaves_the_terminal_as_it_was() {
    let mut session = workbench(100, 30);
    session.see("251 errors");
    session.wait("the alternate screen", vt100::Screen::alternate_screen);
    session.press("3");
    session.see("Images 300 of 300");
    session.press("q");
    let (code, _) = session.end();
    assert_eq!(code, 0);
}

#[test]
fn it_follows_the_size_of_the_terminal() {
    let mut session = workbench(80, 24);
    session.see("251 errors");
    session.resize(40, 10);
    session.see("cladist needs 60");
    session.resize(160, 50);
    session.see("Where to look");
    session.press("q");
    assert_eq!(session.end().0, 0);
}

/// A key that comes with a change of the size is not lost: the one is told by a signal, the other by the terminal.
#[test]
fn keys_are_heard_while_the_size_changes() {
    let mut session = workbench(100, 30);
    session.see("251 errors");
    for turn in 0..100 {
        session.resize(100 + turn % 2, 30);
        session.press("3");
        session.see("Images 300 of 300");
        session.press("1");
        session.resize(100, 30 + turn % 2);
        session.see("251 errors");
    }
    session.press("q");
    assert_eq!(session.end().0, 0);
}

/// The workbench as a job of a shell.
fn workbench_in_a_shell() -> Session {
    let mut session = Session::start("bash", &["--norc", "--noprofile", "-i"], 100, 30);
    session.see("shell>");
    let command = format!(
        "sh -c 'echo $$ > pid; exec {} tui {} {}'\n",
        env!("CARGO_BIN_EXE_cladist"),
        run_dir(),
        PLAIN.join(" ")
    );
    session.press(&command);
    session.wait("the workbench", |s| {
        s.alternate_screen() && s.contents().contains("251 errors")
    });
    session
}

/// It has stopped; goes on with it, to its end.
#[track_caller]
fn goes_on(mut session: Session) {
    session.wait("the shell", |s| {
        is_prompted(s) && s.contents().contains("Stopped")
    });
    session.press("fg\n");
    session.wait("the workbench again", |s| {
        s.alternate_screen() && s.contents().contains("251 errors")
    });
    session.press("2");
    session.see("shape");
    session.press("q");
    session.wait("the shell again", is_prompted);
    session.press("echo code $?\n");
    session.see("code 0");
    session.press("exit\n");
    session.end();
}

#[test]
fn it_stops_and_goes_on_as_other_programs_do() {
    let mut session = workbench_in_a_shell();
    session.press("\u{1a}");
    goes_on(session);
}

#[test]
fn it_stops_when_another_process_asks_for_it() {
    let session = workbench_in_a_shell();
    let pid = std::fs::read_to_string(session.home.path().join("pid")).unwrap();
    kill("-TSTP", pid.trim());
    goes_on(session);
}

/// Where no shell could let it go on, it does not stop.
#[test]
fn without_a_shell_it_does_not_stop() {
    let mut session = workbench(100, 30);
    session.see("251 errors");
    session.press("\u{1a}3");
    session.see("Images 300 of 300");
    session.press("q");
    assert_eq!(session.end().0, 0);
}

/// SIGHUP is what the system sends when the terminal is closed.
#[test]
fn it_ends_when_the_system_asks_and_leaves_the_terminal_as_it_was() {
    for signal in ["-TERM", "-HUP"] {
        let session = workbench(100, 30);
        session.see("251 errors");
        session.kill(signal);
        let (code, _) = session.end();
        assert_ne!(code, 0, "{signal}");
    }
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let (code, out, err) = crate::cmd::run(Path::new("."), &["tui", &run_dir()]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("terminal"), "{err}");
}

#[test]
fn where_one_was_is_kept_for_the_next_time() {
    let mut session = workbench(100, 30);
    session.see("251 errors");
    session.press("3/verdict:related\r");
    session.see("Images 13 of 300");
    session.press("q");
    // The home goes with the session, so the next one is started in it.
    let state = session.home.path().join("cladist/sessions");
    let _ = session.child.wait();
    let files: Vec<_> = std::fs::read_dir(&state).unwrap().collect();
    assert_eq!(files.len(), 1);
    let text = std::fs::read_to_string(files[0].as_ref().unwrap().path()).unwrap();
    assert!(text.contains("verdict:related"), "{text}");
}

#[test]
fn what_is_saved_beside_it_is_seen_and_errors_open_the_editor() {
    let shapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("taxonomies/shapes.yaml");
    let text = std::fs::read_to_string(shapes).unwrap();
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("shapes.yaml");
    std::fs::write(&path, &text).unwrap();
    let (dir, file) = (run_dir(), path.display().to_string());
    let args = [&["tui", &dir, "--taxonomy", &file][..], &PLAIN].concat();
    let mut session = Session::cladist(&args, 140, 40);
    session.see("251 errors");
    let edge = "    parents: [isosceles_triangle, acute_triangle, regular_polygon]\n";
    std::fs::write(&path, text.replace(edge, "")).unwrap();
    session.see("verdicts moved");
    session.press("7");
    session.see("before: ");
    std::fs::write(
        &path,
        text.replace("parents: [triangle]", "parents: [triangel]"),
    )
    .unwrap();
    session.see("4 errors in the files");
    session.see("shapes.yaml:37:15 [unknown-parent]");
    session.press("\r");
    session.wait("the editor", |screen| {
        !screen.alternate_screen() && screen.contents().contains("editing +37")
    });
    // What is typed is the editor's.
    session.press("q\n");
    session.see("4 errors in the files");
    std::fs::write(&path, &text).unwrap();
    session.wait("the errors gone", |screen| {
        !screen.contents().contains("errors in the files")
    });
    session.press("q");
    assert_eq!(session.end().0, 0);
}

/// A backend that panics: on the thread of the screen, or on a worker.
struct Broken {
    on_a_worker: bool,
}

impl Backend for Broken {
    fn open(&self, _: &(dyn Fn(News) + Sync), _: &AtomicBool) -> Result<(), String> {
        panic!("a worker is broken");
    }

    fn curve_value(&self) -> CurveValue {
        assert!(self.on_a_worker, "the screen is broken");
        CurveValue::Information
    }

    fn can_save(&self) -> bool {
        false
    }

    fn session_file(&self) -> Option<PathBuf> {
        None
    }

    fn picture(&self, _: &Opened, _: usize) -> Result<Vec<u8>, String> {
        unreachable!()
    }

    fn other(&self, _: &Path) -> Result<Other, String> {
        unreachable!()
    }

    fn templates(&self, _: &Opened) -> Result<Templates, String> {
        unreachable!()
    }

    fn expand(&self, _: &Opened, _: NodeId) -> Result<Expanded, String> {
        unreachable!()
    }

    fn encode_prompts(
        &self,
        _: &Opened,
        _: &(dyn Fn(News) + Sync),
        _: &AtomicBool,
    ) -> Result<EncodedPrompts, String> {
        unreachable!()
    }

    fn try_out(
        &self,
        _: &Opened,
        _: &Trial,
        _: On,
        _: &(dyn Fn(News) + Sync),
        _: &AtomicBool,
    ) -> Result<Tried, String> {
        unreachable!()
    }

    fn at_threshold(&self, _: &Opened, _: f64) -> Result<Applied, String> {
        unreachable!()
    }

    fn save(&self, _: &Opened, _: &Path) -> Result<(), String> {
        unreachable!()
    }
}

fn open_broken(on_a_worker: bool) {
    let settings = Settings {
        image_protocol: ImageProtocol::HalfBlocks,
        theme: ThemeChoice::Dark,
        keys: None,
        title: "broken".into(),
    };
    let _ = tui::run(Arc::new(Broken { on_a_worker }), &settings);
}

#[test]
#[ignore = "run in a terminal by the test of panics"]
fn broken_screen() {
    open_broken(false);
}

#[test]
#[ignore = "run in a terminal by the test of panics"]
fn broken_worker() {
    open_broken(true);
}

#[test]
fn a_panic_gives_the_terminal_back_and_leaves_a_report() {
    let own = std::env::current_exe().unwrap();
    for (test, message) in [
        ("terminal::broken_screen", "the screen is broken"),
        ("terminal::broken_worker", "a worker is broken"),
    ] {
        let args = [
            "--ignored",
            "--exact",
            "--nocapture",
            "--test-threads=1",
            test,
        ];
        let mut session = Session::start(own.to_str().unwrap(), &args, 200, 50);
        session.wait("a report", |s| s.contents().contains("a report is in"));
        let _ = session.child.wait();
        let mut entries = std::fs::read_dir(session.home.path()).unwrap();
        let report = entries.find_map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name()?.to_str()?.to_owned();
            (name.starts_with("cladist-panic-")).then_some((name, path))
        });
        let (name, path) = report.expect("a report in the temporary directory");
        let report = std::fs::read_to_string(path).unwrap();
        assert!(
            report.contains(message) && report.contains(env!("CARGO_PKG_VERSION")),
            "{report}"
        );
        let (code, screen) = session.end();
        assert_ne!(code, 0);
        assert!(screen.contains(&name), "{screen}");
    }
}
