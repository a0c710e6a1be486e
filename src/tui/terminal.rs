//! The terminal: taken over, and given back as it was, whatever happens.

use std::backtrace::Backtrace;
use std::fs;
use std::io::{self, Stdout, Write, stdout};
use std::panic;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::keymap::KeysError;
use crate::guard;

/// Why the workbench could not be opened, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] io::Error),
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// The screen that is drawn on.
pub type Screen = Terminal<CrosstermBackend<Stdout>>;

/// Whether the terminal is ours now: what is not ours is not given back, so that nothing is written twice.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Held by who writes to the terminal, which is the thread of the screen unless a worker panics.
static WRITING: Mutex<()> = Mutex::new(());

/// The right to write to the terminal.
pub fn writing() -> MutexGuard<'static, ()> {
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the terminal over.
///
/// # Errors
/// A terminal that cannot be put into raw mode or written to.
pub fn take(catches_mouse: bool) -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    let mut out = stdout();
    queue!(out, EnterAlternateScreen, EnableBracketedPaste)?;
    if catches_mouse {
        queue!(out, EnableMouseCapture)?;
    }
    out.flush()
}

/// Gives the terminal back. Goes on at faults: a terminal that is gone cannot be mended.
pub fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = stdout();
    let _ = execute!(
        out,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
}

/// Catches the mouse, or lets it go.
///
/// # Errors
/// A terminal that cannot be written to.
pub fn catch_mouse(catches: bool) -> io::Result<()> {
    match catches {
        true => execute!(stdout(), EnableMouseCapture),
        false => execute!(stdout(), DisableMouseCapture),
    }
}

/// Empties the screen.
///
/// # Errors
/// A terminal that cannot be written to.
pub fn wipe() -> io::Result<()> {
    execute!(stdout(), Clear(ClearType::All))
}

/// Gives the terminal back when it goes out of scope, on every way out.
pub struct Taken;

impl Taken {
    /// # Errors
    /// As [`take`].
    pub fn new(catches_mouse: bool) -> io::Result<Self> {
        // From here on, since what follows may fail half way.
        let taken = Self;
        take(catches_mouse)?;
        Ok(taken)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back();
    }
}

/// Makes panics of any thread give the terminal back first, and write what happened to a file whose path is told: a message on a
/// screen that is gone helps nobody. The panic of a worker ends the process, since the screen would wait for its answer for ever.
pub fn install_panic_hook() {
    let earlier = panic::take_hook();
    let ui = thread::current().id();
    panic::set_hook(Box::new(move |info| {
        // Damaged files make libraries panic, which is told as what is wrong with the file.
        if guard::is_expected() || !TAKEN.load(Ordering::SeqCst) {
            return earlier(info);
        }
        // Nothing is drawn any more on the terminal that is given back; this thread ends the process.
        let of_worker = (thread::current().id() != ui).then(writing);
        give_back();
        let backtrace = Backtrace::force_capture();
        let version = env!("CARGO_PKG_VERSION");
        let report = format!("cladist {version}\n{info}\n\n{backtrace}\n");
        let mut err = io::stderr();
        let _ = match write_report(&report) {
            Some(path) => writeln!(
                err,
                "cladist: internal error; a report is in {}",
                path.display()
            ),
            None => write!(err, "{report}"),
        };
        earlier(info);
        if of_worker.is_some() {
            std::process::exit(INTERNAL);
        }
    }));
}

/// Exit code of an internal error.
const INTERNAL: i32 = 3;

fn write_report(report: &str) -> Option<PathBuf> {
    let path = std::env::temp_dir().join(format!("cladist-panic-{}.txt", std::process::id()));
    fs::write(&path, report).ok()?;
    Some(path)
}

/// Asks the whole job to stop, as a shell does at Ctrl-Z: what this command is piped to stops too. The signal comes back to this
/// process, as it does when another one sends it.
#[cfg(unix)]
pub fn stop_job() {
    use rustix::process::{Signal, kill_current_process_group};
    let _ = kill_current_process_group(Signal::TSTP);
}

/// Stops this process until it is told to go on. Where no shell could tell it so, the system does not let it stop, which is why
/// SIGTSTP is left to the system for a moment instead of sending SIGSTOP.
#[cfg(unix)]
pub fn stop_process() {
    // SAFETY: both structures are plain data that the call reads or fills in, and `raise` returns when the process goes on. No other
    // code of this process sets what SIGTSTP does once the workbench is open.
    unsafe {
        let mut ours: libc::sigaction = std::mem::zeroed();
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        if libc::sigaction(libc::SIGTSTP, &raw const default, &raw mut ours) == 0 {
            libc::raise(libc::SIGTSTP);
            libc::sigaction(libc::SIGTSTP, &raw const ours, std::ptr::null_mut());
        }
    }
}

#[cfg(not(unix))]
pub fn stop_job() {}

#[cfg(not(unix))]
pub fn stop_process() {}
