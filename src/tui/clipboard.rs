//! Copying without a clipboard library: the sequence OSC 52 asks the terminal to do it, which also works over SSH.
//!
//! A multiplexer keeps such a sequence to itself unless it is wrapped so as to be passed on. tmux does so only with
//! `set -g allow-passthrough on`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes that may be copied at once: terminals take sequences of 100,000 bytes, which is so much text in base64.
pub const LIMIT: usize = 74_994;

/// Bytes of base64 in one piece: GNU screen drops a string that is longer than its buffer, and the oldest have 256 bytes.
const PIECE: usize = 76;

/// A text that terminals would drop without a word.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{bytes} bytes are more than terminals copy at once ({LIMIT}); write them to a file instead"
)]
pub struct TooLong {
    pub bytes: usize,
}

/// The bytes that make the terminal put `text` on its clipboard. Inside of both, tmux is the inner one.
///
/// # Errors
/// A text above [`LIMIT`].
pub fn osc52(text: &str, in_tmux: bool, in_screen: bool) -> Result<String, TooLong> {
    if text.len() > LIMIT {
        return Err(TooLong { bytes: text.len() });
    }
    let payload = STANDARD.encode(text);
    Ok(if in_tmux {
        // Ended by BEL: the other terminator is an escape, which tmux would want doubled too.
        format!("\x1bPtmux;\x1b\x1b]52;c;{payload}\x07\x1b\\")
    } else if in_screen {
        format!("\x1bP\x1b]52;c;{}\x07\x1b\\", pieces(&payload))
    } else {
        format!("\x1b]52;c;{payload}\x07")
    })
}

/// screen passes the strings on one after the other, so the terminal sees one sequence again.
fn pieces(payload: &str) -> String {
    let mut out = String::with_capacity(payload.len() * 11 / 10);
    for (i, c) in payload.chars().enumerate() {
        if i > 0 && i % PIECE == 0 {
            out.push_str("\x1b\\\x1bP");
        }
        out.push(c);
    }
    out
}

/// [`osc52`] for the multiplexer that the environment tells of: `TMUX`, or a `TERM` that begins with `tmux` or `screen`.
///
/// # Errors
/// A text above [`LIMIT`].
pub fn sequence_for(env: impl Fn(&str) -> Option<String>, text: &str) -> Result<String, TooLong> {
    let term = env("TERM").unwrap_or_default();
    // tmux calls its own terminal `screen` too, so its variable goes first. `TERM` alone crosses SSH.
    let in_tmux = env("TMUX").is_some_and(|socket| !socket.is_empty()) || term.starts_with("tmux");
    osc52(text, in_tmux, term.starts_with("screen"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_multiplexer_gets_its_wrapping() {
        let check = |tmux: bool, screen: bool, expected: &str| {
            assert_eq!(osc52("cat ä", tmux, screen).unwrap(), expected);
        };
        check(false, false, "\x1b]52;c;Y2F0IMOk\x07");
        check(true, false, "\x1bPtmux;\x1b\x1b]52;c;Y2F0IMOk\x07\x1b\\");
        check(true, true, "\x1bPtmux;\x1b\x1b]52;c;Y2F0IMOk\x07\x1b\\");
        check(false, true, "\x1bP\x1b]52;c;Y2F0IMOk\x07\x1b\\");
    }

    #[test]
    fn screen_gets_pieces_that_join_to_the_whole() {
        // 57 bytes are one piece in base64, so the next byte begins another.
        let one = osc52(&"a".repeat(57), false, true).unwrap();
        assert_eq!(one.matches("\x1bP").count(), 1);
        let two = osc52(&"a".repeat(58), false, true).unwrap();
        assert_eq!(
            two,
            format!(
                "\x1bP\x1b]52;c;{}\x1b\\\x1bPYQ==\x07\x1b\\",
                "YWFh".repeat(19)
            )
        );
        let text = "ß∂ƒ".repeat(999);
        let joined = osc52(&text, false, true)
            .unwrap()
            .replace("\x1b\\", "")
            .replace("\x1bP", "");
        assert_eq!(joined, osc52(&text, false, false).unwrap());
    }

    #[test]
    fn the_limit_is_in_bytes_of_text_and_keeps_to_the_terminals() {
        let longest = osc52(&"a".repeat(LIMIT), false, false).unwrap();
        assert_eq!(longest.len(), 100_000);
        let error = osc52(&"a".repeat(LIMIT + 1), true, false).unwrap_err();
        assert_eq!(error, TooLong { bytes: LIMIT + 1 });
        assert!(error.to_string().starts_with("74995 bytes"));
        assert!(osc52(&"ä".repeat(LIMIT), false, false).is_err());
    }

    #[test]
    fn the_environment_picks() {
        let check = |variables: &[(&str, &str)], start: &str| {
            let env = |name: &str| {
                let found = variables.iter().find(|(n, _)| *n == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let found = sequence_for(env, "x").unwrap();
            assert!(found.starts_with(start), "{variables:?}: {found:?}");
        };
        check(&[], "\x1b]52;c;");
        check(&[("TERM", "xterm-256color")], "\x1b]52;c;");
        check(&[("TERM", "screen.xterm")], "\x1bP\x1b]52;c;");
        check(
            &[("TERM", "screen-256color"), ("TMUX", "/tmp/x,1,0")],
            "\x1bPtmux;",
        );
        check(&[("TERM", "screen"), ("TMUX", "")], "\x1bP\x1b]52;c;");
        check(&[("TERM", "tmux-256color")], "\x1bPtmux;");
    }
}
