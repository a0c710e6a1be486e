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
            is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    }
}

/// Whether what goes to stdout may be coloured.
pub fn colour_stdout() -> bool {
    colour(io::stdout().is_terminal())
}

/// Whether what goes to stderr may be coloured.
pub fn colour_stderr() -> bool {
    colour(io::stderr().is_terminal())
}

/// How to print to stdout: within the terminal's width, or uncut and plain into a pipe.
pub fn style() -> Style {
    let width = io::stdout()
        .is_terminal()
        .then(|| terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)));
    Style {
        colour: colour_stdout(),
        width,
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

/// Prints a result. The error keeps its kind, so that a closed pipe ends the program in silence.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("standard output cannot be written")
}
