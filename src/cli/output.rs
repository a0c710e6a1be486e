//! Where output goes and how: stdout that survives a closed pipe, colours, width.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

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

/// How to print to stdout: within the terminal's width, or uncut and plain into a pipe.
pub fn style() -> Style {
    style_of(io::stdout().is_terminal())
}

/// The same for stderr.
pub fn style_stderr() -> Style {
    style_of(io::stderr().is_terminal())
}

fn style_of(is_terminal: bool) -> Style {
    let width = || terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
    Style {
        colour: colour(is_terminal),
        width: is_terminal.then(width),
    }
}

/// Writes to stderr. Unlike `eprint!` it does not panic when nobody reads there any more, as after `2>&1 | head`.
pub fn print_err(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
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
