//! Bytes → text → values, with every syntax error told and as much read as can be.
//!
//! After a syntax error the offending entry (a line and what is indented below it) is blanked and the text read again,
//! so that one unclosed bracket hides nothing that stands elsewhere.

use std::ops::Range;

use super::{
    diagnostic::{Code, Diagnostic, Span},
    yaml::{self, Document, Stop},
};

/// Syntax errors told per file before the rest is given up.
const MAX_ERRORS: usize = 20;
/// Bytes read again and again after syntax errors before the rest is given up.
const MAX_REREAD: usize = 200 << 20;
/// Spans are 32 bits wide.
const MAX_BYTES: usize = 1 << 30;

/// What [`read`] made of a text.
pub(super) struct Read<T> {
    pub value: T,
    /// The parts that had to be left out.
    pub lost: Vec<String>,
    /// Whether everything after the last syntax error was left out.
    pub truncated: bool,
}

/// Bytes as text in UTF-8, errors told. Offsets in the text are offsets in what is returned.
pub(super) fn decode(
    bytes: Vec<u8>,
    source: u32,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<String> {
    let start = Span {
        source,
        start: 0,
        end: 0,
    };
    if bytes.len() > MAX_BYTES {
        let message = format!(
            "the file has {} bytes; the limit is {MAX_BYTES}",
            bytes.len()
        );
        diagnostics.push(Diagnostic::new(Code::TooLarge, start, message));
        return None;
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let message = "the file is UTF-16, not UTF-8";
        diagnostics.push(Diagnostic::new(Code::Syntax, start, message).help("save it as UTF-8"));
        return None;
    }
    let text = String::from_utf8(bytes).unwrap_or_else(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes()[at];
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        // What precedes the first bad byte is unchanged; the byte itself has become U+FFFD.
        let span = Span {
            source,
            start: at as u32,
            end: (at + '\u{fffd}'.len_utf8()) as u32,
        };
        let message = format!("the file is not UTF-8: byte 0x{byte:02x} at offset {at}");
        diagnostics.push(Diagnostic::new(Code::Syntax, span, message).help("save it as UTF-8"));
        text
    });
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    // C1 controls are 0xc2 0x80 to 0xc2 0x9f: nearly no text needs the second look.
    let suspicious =
        |b: u8| matches!(b, 0..0x20 | 0x7f | 0xc2) && !matches!(b, b'\t' | b'\n' | b'\r');
    if text.bytes().any(suspicious)
        && let Some((at, c)) = text.char_indices().find(|(_, c)| control(*c))
    {
        let span = Span {
            source,
            start: at as u32,
            end: (at + c.len_utf8()) as u32,
        };
        let message = format!("control character U+{:04X}; is this a text file?", c as u32);
        diagnostics.push(Diagnostic::new(Code::Syntax, span, message));
        // Blanked byte by byte: the parser would take a NUL for the end.
        let blank = |c: char| {
            if control(c) {
                " ".repeat(c.len_utf8())
            } else {
                c.to_string()
            }
        };
        return Some(text.chars().map(blank).collect());
    }
    Some(text)
}

/// Reads `text` and hands its values to `then`.
pub(super) fn read<T>(
    text: &str,
    source: u32,
    diagnostics: &mut Vec<Diagnostic>,
    then: impl FnOnce(&Document<'_>, &mut Vec<Diagnostic>) -> T,
) -> Read<T> {
    let mut patched: Option<String> = None;
    let mut lost = Vec::new();
    let mut errors = 0;
    let mut reread = 0;
    let mut last_line = None;
    loop {
        let current = patched.as_deref().unwrap_or(text);
        let (doc, stop) = yaml::parse(current);
        reread += current.len();
        let give_up = errors + 1 >= MAX_ERRORS || reread > MAX_REREAD;
        match stop {
            Some(stop) => {
                let line = line_range(current, stop.at as usize);
                if last_line.is_none_or(|l| line.start > l) {
                    diagnostics.push(describe(&stop, current, source));
                    errors += 1;
                }
                let entry = if last_line.is_some_and(|l| line.start <= l) {
                    top_level_entry(current, line.start)
                } else {
                    last_line = Some(line.start);
                    entry(
                        current,
                        stop.opened.map_or(line.start, |o| {
                            line_range(current, o as usize).start.min(line.start)
                        }),
                    )
                };
                let blanked = &current[entry.clone()];
                if give_up || blanked.trim().is_empty() {
                    if let Some(last) = diagnostics.last_mut().filter(|d| d.code == Code::Syntax) {
                        last.help = Some("what follows was not read; mend this first".into());
                    }
                    let value = then(&doc, diagnostics);
                    return Read {
                        value,
                        lost,
                        truncated: true,
                    };
                }
                lost.push(blanked.to_owned());
                let mut next = String::with_capacity(current.len());
                next.push_str(&current[..entry.start]);
                next.extend(blanked.bytes().map(|b| {
                    if matches!(b, b'\n' | b'\r') {
                        b as char
                    } else {
                        ' '
                    }
                }));
                next.push_str(&current[entry.end..]);
                drop(doc);
                patched = Some(next);
            }
            None => {
                if let Some(at) = doc.second {
                    let span = Span {
                        source,
                        start: at,
                        end: line_range(current, at as usize).end as u32,
                    };
                    let message =
                        "a second YAML document: a taxonomy is the first document of its file";
                    let help =
                        "remove the `---`, or put it in a file of its own and `include:` that";
                    diagnostics
                        .push(Diagnostic::new(Code::MultipleDocuments, span, message).help(help));
                }
                let value = then(&doc, diagnostics);
                return Read {
                    value,
                    lost,
                    truncated: false,
                };
            }
        }
    }
}

fn describe(stop: &Stop, text: &str, source: u32) -> Diagnostic {
    let at = (stop.at as usize).min(text.len());
    let line = line_range(text, at);
    // At the end of the text, or of a line, point at the last character there is.
    let start = if at >= line.end {
        text[..at]
            .trim_end()
            .char_indices()
            .next_back()
            .map_or(0, |(i, _)| i)
    } else {
        at
    };
    let end = start + text[start..].chars().next().map_or(0, char::len_utf8);
    let span = Span {
        source,
        start: start as u32,
        end: end as u32,
    };
    let mut diagnostic = Diagnostic::new(Code::Syntax, span, format!("not YAML: {}", stop.message));
    let tabs = text[line.clone()].trim_start_matches(' ').starts_with('\t');
    if let Some(help) = advice(&stop.message, tabs) {
        diagnostic = diagnostic.help(help);
    }
    if let Some(opened) = stop.opened
        && line_range(text, opened as usize).start < line.start
    {
        diagnostic = diagnostic.related(
            Span {
                source,
                start: opened,
                end: opened + 1,
            },
            "opened here",
        );
    }
    diagnostic
}

/// What usually is the matter.
fn advice(message: &str, tabs: bool) -> Option<&'static str> {
    let says = |part| message.contains(part);
    if tabs {
        Some("indent with spaces: YAML does not allow tabs")
    } else if says("mapping values are not allowed") {
        Some("put text that holds `: ` in quotes, or check the line's indentation")
    } else if says("quoted scalar") && !says("escape") {
        Some("is the closing quote missing?")
    } else if says("escape character") {
        Some("in double quotes write a backslash twice, or use single quotes")
    } else if says("unexpected character") {
        Some("put text that begins with this character in quotes")
    } else if says("unknown anchor") {
        Some("put text that begins with `*` in quotes")
    } else if says("expected ',' or") {
        Some("is a comma or a closing bracket missing?")
    } else if says("expected '-'") {
        Some("a list (`- a`) and a mapping (`a:`) cannot mix at one level")
    } else {
        None
    }
}

/// The bytes of the line that holds `at`, without its break.
fn line_range(text: &str, at: usize) -> Range<usize> {
    let at = at.min(text.len());
    let bytes = text.as_bytes();
    let start = bytes[..at]
        .iter()
        .rposition(|&b| b == b'\n')
        .map_or(0, |i| i + 1);
    let end = bytes[at..]
        .iter()
        .position(|&b| b == b'\n')
        .map_or(text.len(), |i| at + i);
    start..end
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// The line that begins at `start` and the deeper lines below it.
fn entry(text: &str, start: usize) -> Range<usize> {
    let line = line_range(text, start);
    let depth = indent(&text[line.clone()]);
    let mut end = line.end;
    while end < text.len() {
        let next = line_range(text, end + 1);
        let below = &text[next.clone()];
        if !below.trim().is_empty() && indent(below) <= depth {
            break;
        }
        end = next.end.max(end + 1);
    }
    line.start..end
}

/// The entry at the left margin that holds the line at `start`.
fn top_level_entry(text: &str, start: usize) -> Range<usize> {
    let mut line = line_range(text, start);
    while line.start > 0
        && (indent(&text[line.clone()]) > 0 || text[line.clone()].trim().is_empty())
    {
        line = line_range(text, line.start - 1);
    }
    entry(text, line.start)
}
