//! The workbench in a real pseudo-terminal: it starts, follows the size, stops and goes on, and leaves the terminal as it was, however
//! it ends. What is waited for is a condition, never a time.
#![cfg(unix)]

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

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
        command.env("PS1", "shell> ");
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
        let status = std::process::Command::new("kill")
            .args([signal, &pid])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end, and what the terminal is like then: a text on its screen, and the exit code.
    #[track_caller]
    fn end(mut self) -> (u32, String) {
        let code = self.child.wait().unwrap().exit_code();
        let (state, changed) = &*self.shown;
        let mut state = state.lock().unwrap();
        while !state.1 {
            state = changed.wait_timeout(state, PATIENCE).unwrap().0;
        }
        let screen = state.0.screen();
        assert_is_restored(screen);
        (code, screen.contents())
    }
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

#[test]
fn it_stops_and_goes_on_as_other_programs_do() {
    let mut session = Session::start("bash", &["--norc", "--noprofile", "-i"], 100, 30);
    session.see("shell>");
    let command = format!(
        "{} tui {} {}\n",
        env!("CARGO_BIN_EXE_cladist"),
        run_dir(),
        PLAIN.join(" ")
    );
    session.press(&command);
    session.wait("the workbench", |s| {
        s.alternate_screen() && s.contents().contains("251 errors")
    });
    session.press("\u{1a}");
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
