//! Where output goes and how: stdout that survives a closed pipe, colours, width; and who hears messages instead of stderr.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;

use crate::report::text::Style;

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    #[default]
    Auto,
    Always,
    Never,
}

static COLOUR: OnceLock<ColorChoice> = OnceLock::new();

/// Remembers what `--color` said; the first call counts.
pub fn set_colour(choice: ColorChoice) {
    let _ = COLOUR.set(choice);
}

fn colour(is_terminal: bool) -> bool {
    match COLOUR.get().copied().unwrap_or_default() {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        // no-color.org: set to anything but the empty string.
        ColorChoice::Auto => {
            is_terminal
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// Whether the user wants no colours, on a terminal either.
pub fn is_colourless() -> bool {
    !colour(true)
}

/// How to print to stdout: within the terminal's width, or uncut and plain into a pipe.
pub fn style() -> Style {
    style_of(io::stdout().is_terminal())
}

/// The same for stderr; plain and uncut where somebody else hears what would be printed there.
pub fn style_stderr() -> Style {
    match listener() {
        None => style_of(io::stderr().is_terminal()),
        Some(_) => Style {
            colour: false,
            width: None,
        },
    }
}

fn style_of(is_terminal: bool) -> Style {
    let width = || terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
    Style {
        colour: colour(is_terminal),
        width: is_terminal.then(width),
    }
}

/// What is told while a command works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// One line, without its end.
    Text(String),
    /// How far long work is.
    Progress {
        /// What is done, as in `encoding`.
        doing: String,
        /// To what, in the plural, as in `images`.
        things: String,
        done: usize,
        /// 0 if it is not known.
        total: usize,
        elapsed: Duration,
    },
    /// That work is over.
    ProgressEnd,
}

/// Hears messages.
pub type Listener = Arc<dyn Fn(Message) + Send + Sync>;

/// Who hears what no thread's own listener does.
static EVERYWHERE: RwLock<Option<Listener>> = RwLock::new(None);

thread_local! {
    static HERE: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

/// Who hears the messages of this thread; `None`: they go to stderr.
pub fn listener() -> Option<Listener> {
    let everywhere = || {
        let listener = EVERYWHERE.read().unwrap_or_else(PoisonError::into_inner);
        listener.clone()
    };
    HERE.with_borrow(Option::clone).or_else(everywhere)
}

/// Sends the messages of all threads elsewhere than to stderr, as while a terminal UI is on the screen, until what is returned
/// is dropped.
pub fn redirect(listener: Box<dyn Fn(Message) + Send + Sync>) -> Redirected {
    let mut everywhere = EVERYWHERE.write().unwrap_or_else(PoisonError::into_inner);
    Redirected(everywhere.replace(Arc::from(listener)))
}

/// As long as it lives messages go elsewhere.
#[must_use]
pub struct Redirected(Option<Listener>);

impl Drop for Redirected {
    fn drop(&mut self) {
        let mut everywhere = EVERYWHERE.write().unwrap_or_else(PoisonError::into_inner);
        *everywhere = self.0.take();
    }
}

/// Does work whose messages, as far as they come from this thread and from progress begun on it, go to `listener`, if there is
/// one. So several can be at work, each with a listener of its own.
pub fn heard_by<T>(listener: Option<Listener>, work: impl FnOnce() -> T) -> T {
    /// Puts back who was there before, also when the work panics.
    struct Before(Option<Listener>);
    impl Drop for Before {
        fn drop(&mut self) {
            HERE.set(self.0.take());
        }
    }
    let Some(listener) = listener else {
        return work();
    };
    let _before = Before(HERE.replace(Some(listener)));
    work()
}

/// Writes to stderr, or tells whoever listens instead, line by line. Unlike `eprint!` it does not panic when nobody reads there
/// any more, as after `2>&1 | head`.
pub fn print_err(text: &str) {
    match listener() {
        None => {
            let _ = io::stderr().write_all(text.as_bytes());
        }
        Some(listener) => text
            .lines()
            .for_each(|line| listener(Message::Text(line.to_owned()))),
    }
}

/// A line on stderr, by [`print_err`].
macro_rules! tell {
    ($($part:tt)*) => {
        $crate::cli::output::print_err(&format!("{}\n", format_args!($($part)*)))
    };
}
pub(super) use tell;

/// Whoever read standard output has enough of it: the program ends in silence.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
pub struct Closed;

/// Prints a result.
///
/// # Errors
/// [`Closed`], or what else is wrong with standard output.
pub fn print(text: &str) -> anyhow::Result<()> {
    print_bytes(text.as_bytes())
}

/// Prints a result, or a part of one, that is bytes already.
///
/// # Errors
/// As [`print`].
pub fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Closed.into()),
        result => result.context("standard output cannot be written"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn messages_go_to_whoever_listens_on_the_thread() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&heard);
        let listener: Listener = Arc::new(move |message| into.lock().unwrap().push(message));
        assert!(listener_is(None));
        heard_by(Some(Arc::clone(&listener)), || {
            print_err("one\ntwo\n\nthree\n");
            let style = style_stderr();
            assert!(!style.colour && style.width.is_none());
            // Of nobody else's threads, unless it is passed on.
            std::thread::scope(|scope| {
                scope.spawn(|| assert!(listener_is(None)));
            });
            heard_by(None, || assert!(listener_is(Some(&listener))));
        });
        assert!(listener_is(None));
        let texts = ["one", "two", "", "three"].map(|line| Message::Text(line.to_owned()));
        assert_eq!(*heard.lock().unwrap(), texts);
    }

    fn listener_is(expected: Option<&Listener>) -> bool {
        match (HERE.with_borrow(Option::clone), expected) {
            (Some(found), Some(expected)) => Arc::ptr_eq(&found, expected),
            (found, expected) => found.is_none() && expected.is_none(),
        }
    }
}
