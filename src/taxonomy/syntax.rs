//! Bytes → text → values, with every syntax error told and as much read as can be.
//!
//! After a syntax error the text is mended and read again, so that one slip hides nothing that stands elsewhere:
//! [`recovery`] says how.

use std::ops::Range;

use super::{
    diagnostic::{Code, Diagnostic, Span},
    lines::line_range,
    recovery::Recovery,
    yaml::{self, Document},
};

/// Syntax errors told per file before the rest is given up.
const MAX_ERRORS: usize = 100;
/// Bytes read again and again after syntax errors before the rest is given up.
const MAX_REREAD: usize = 200 << 20;
/// Lines of a file whose bad bytes or control characters are told.
const MAX_BAD_CHARACTERS: usize = 20;
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
    let utf16: Option<fn([u8; 2]) -> u16> = match bytes.as_slice() {
        [0xff, 0xfe, ..] => Some(u16::from_le_bytes),
        [0xfe, 0xff, ..] => Some(u16::from_be_bytes),
        _ => None,
    };
    if let Some(unit) = utf16 {
        let message = "the file is UTF-16, not UTF-8";
        diagnostics.push(Diagnostic::new(Code::Syntax, start, message).help("save it as UTF-8"));
        let units = bytes[2..]
            .chunks_exact(2)
            .map(|pair| unit([pair[0], pair[1]]));
        let text: String = char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        return Some(without_controls(text, source, diagnostics));
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => replaced(error.as_bytes(), source, diagnostics),
    };
    Some(without_controls(text, source, diagnostics))
}

/// Bytes that are not UTF-8 as U+FFFD, the first of each line told.
fn replaced(bytes: &[u8], source: u32, diagnostics: &mut Vec<Diagnostic>) -> String {
    let mut text = String::with_capacity(bytes.len());
    let (mut at, mut told) = (0, 0);
    let mut told_on_this_line = false;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        at += chunk.valid().len();
        told_on_this_line &= !chunk.valid().contains('\n');
        let Some(&byte) = chunk.invalid().first() else {
            continue;
        };
        let start = text.len();
        text.push(char::REPLACEMENT_CHARACTER);
        if !told_on_this_line && told < MAX_BAD_CHARACTERS {
            let span = Span {
                source,
                start: start as u32,
                end: text.len() as u32,
            };
            let message = format!("the file is not UTF-8: byte 0x{byte:02x} at offset {at}");
            diagnostics.push(Diagnostic::new(Code::Syntax, span, message).help("save it as UTF-8"));
            told += 1;
        }
        told_on_this_line = true;
        at += chunk.invalid().len();
    }
    text
}

/// Control characters blanked, the first of each line told: the parser would take a NUL for the end.
fn without_controls(text: String, source: u32, diagnostics: &mut Vec<Diagnostic>) -> String {
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    // C1 controls are 0xc2 0x80 to 0xc2 0x9f: nearly no text needs the second look.
    let suspicious =
        |b: u8| matches!(b, 0..0x20 | 0x7f | 0xc2) && !matches!(b, b'\t' | b'\n' | b'\r');
    if !text.bytes().any(suspicious) {
        return text;
    }
    let mut told = 0;
    let mut told_on_this_line = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        told_on_this_line &= c != '\n';
        if !control(c) {
            out.push(c);
            continue;
        }
        let start = out.len() as u32;
        // Byte by byte: places stay what they are.
        out.extend(std::iter::repeat_n(' ', c.len_utf8()));
        if !told_on_this_line && told < MAX_BAD_CHARACTERS {
            let span = Span {
                source,
                start,
                end: out.len() as u32,
            };
            let message = format!("control character U+{:04X}; is this a text file?", c as u32);
            diagnostics.push(Diagnostic::new(Code::Syntax, span, message));
            told += 1;
        }
        told_on_this_line = true;
    }
    out
}

/// Reads `text` and hands its values to `then`.
pub(super) fn read<T>(
    text: &str,
    source: u32,
    diagnostics: &mut Vec<Diagnostic>,
    then: impl FnOnce(&Document<'_>, &mut Vec<Diagnostic>) -> T,
) -> Read<T> {
    let mut recovery = Recovery::new(text, source);
    let (mut told, mut reread) = (0, 0);
    loop {
        let patched = recovery.patched();
        let (doc, stop) = yaml::parse(&patched, recovery.insertions());
        reread += patched.len();
        let mut truncated = false;
        if let Some(stop) = &stop {
            let (errors, step) = recovery.diagnose(stop);
            told += errors.len();
            diagnostics.extend(errors);
            let go_on = told < MAX_ERRORS && reread < MAX_REREAD;
            // The error that was told last is the reason for whatever is left out.
            let reason = diagnostics.last_mut().filter(|d| d.code == Code::Syntax);
            match step.filter(|_| go_on) {
                Some(step) => {
                    if let (Some(reason), Some(left_out)) = (reason, step.given_up()) {
                        reason.help = Some(not_read(text, &left_out));
                    }
                    drop(doc);
                    drop(patched);
                    recovery.apply(step);
                    continue;
                }
                None => {
                    truncated = true;
                    if let Some(reason) = reason {
                        reason.help = Some("what follows was not read; mend this first".into());
                    }
                }
            }
        }
        around(&doc, text, source, diagnostics);
        let value = then(&doc, diagnostics);
        drop(doc);
        drop(patched);
        return Read {
            value,
            lost: recovery.lost(),
            truncated,
        };
    }
}

fn not_read(text: &str, left_out: &Range<usize>) -> String {
    let line = |at: usize| text[..at].bytes().filter(|&b| b == b'\n').count() + 1;
    let (from, to) = (line(left_out.start), line(left_out.end));
    if from == to {
        format!("line {from} was not read; mend this first")
    } else {
        format!("lines {from} to {to} were not read; mend this first")
    }
}

/// What is wrong with the values as YAML, whatever they say: further documents, tags.
fn around(doc: &Document<'_>, text: &str, source: u32, diagnostics: &mut Vec<Diagnostic>) {
    for &at in &doc.more_documents {
        let span = Span {
            source,
            start: at,
            end: line_range(text, at as usize).end as u32,
        };
        let message = "another YAML document: a taxonomy file is one document";
        diagnostics.push(
            Diagnostic::new(Code::MultipleDocuments, span, message).help(
                "remove the `---`, or put what follows in a file of its own and `include:` it",
            ),
        );
    }
    for (tag, at) in &doc.tags {
        // The value's place, or the tag's if that is where the value begins.
        let line = line_range(text, *at as usize);
        let before = &text[line.start..(*at as usize + tag.len()).min(line.end).max(line.start)];
        let start = before
            .rfind(tag.as_str())
            .map_or(*at as usize, |i| line.start + i);
        let end = if text[start..].starts_with(tag.as_str()) {
            start + tag.len()
        } else {
            start
        };
        let span = Span {
            source,
            start: start as u32,
            end: end as u32,
        };
        let help = if tag == "!include" {
            "list files under `include:`, at the left margin"
        } else {
            "remove the tag; put text that begins with `!` in quotes"
        };
        let message = format!("the tag `{tag}` means nothing in a taxonomy");
        diagnostics.push(Diagnostic::new(Code::WrongType, span, message).help(help));
    }
}
