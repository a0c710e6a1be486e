//! Where output goes and how: stdout that survives a closed pipe, colours.

use std::io::{self, IsTerminal, Write};

/// Whether what goes to stdout may be coloured.
pub fn colour_stdout() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether what goes to stderr may be coloured.
pub fn colour_stderr() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Prints a result. An error keeps its kind, so that a closed pipe ends the program in silence.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
