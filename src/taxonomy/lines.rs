//! Text by lines, entries (a line and what is indented below it) and brackets, where it cannot be read as YAML.

use std::ops::Range;

/// The bytes of the line that holds `at`, without its break.
pub(super) fn line_range(text: &str, at: usize) -> Range<usize> {
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

pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// What a line says: without indentation and comment.
pub(super) fn content(line: &str) -> &str {
    let line = line.trim_start();
    if line.starts_with('#') {
        return "";
    }
    line.find(" #").map_or(line, |i| &line[..i]).trim_end()
}

/// The nearest line above the one that begins at `start` which is neither blank nor a comment.
pub(super) fn significant_above(text: &str, start: usize) -> Option<Range<usize>> {
    let mut start = start;
    while start > 0 {
        let line = line_range(text, start - 1);
        if !content(&text[line.clone()]).is_empty() {
            return Some(line);
        }
        start = line.start;
    }
    None
}

/// The innermost bracket that is open at `at`, looked for from the last line above that stands at the left margin, and
/// at least `back` bytes.
pub(super) fn open_bracket(text: &str, at: usize, back: usize) -> Option<usize> {
    let mut from = line_range(text, at).start;
    while from > 0 {
        from = line_range(text, from - 1).start;
        let margin = text[from..].starts_with(|c: char| !c.is_whitespace() && c != '#');
        if margin && from + back <= at {
            break;
        }
    }
    let mut open: Vec<usize> = Vec::new();
    let mut quote = None;
    // What precedes a value: nothing but blanks on its line, or an indicator and a blank.
    let (mut begins, mut blank) = (true, true);
    let mut comment = false;
    for (i, c) in text[from..at].char_indices() {
        match c {
            '\n' => (comment, blank, begins) = (false, true, begins || quote.is_none()),
            _ if comment => {}
            _ if quote.is_some() => {
                if quote == Some(c) {
                    quote = None;
                }
                (begins, blank) = (false, false);
            }
            '#' if blank => comment = true,
            ' ' | '\t' | '\r' => blank = true,
            '\'' | '"' if begins => (quote, begins, blank) = (Some(c), false, false),
            '[' | '{' if begins || !open.is_empty() => {
                open.push(from + i);
                (begins, blank) = (true, false);
            }
            ']' | '}' if !open.is_empty() => {
                open.pop();
                (begins, blank) = (false, false);
            }
            _ => (begins, blank) = (matches!(c, ':' | ',' | '-' | '?'), false),
        }
    }
    open.pop()
}

/// Lines with tabs in their indentation, except where the line above goes on: tabs are allowed within brackets.
pub(super) fn lines_with_tabs(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut goes_on = false;
    for line in text.split_inclusive('\n') {
        let lead = &line[..indent(line)];
        let says = content(line);
        if lead.contains('\t') && !says.is_empty() && !goes_on {
            out.push(start..start + line.trim_end_matches('\n').len());
        }
        if !says.is_empty() {
            goes_on = says.ends_with(['[', '{', ',']);
        }
        start += line.len();
    }
    out
}

/// The line that begins at `start` and the deeper lines below it.
pub(super) fn entry(text: &str, start: usize) -> Range<usize> {
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
pub(super) fn top_level_entry(text: &str, start: usize) -> Range<usize> {
    let mut line = line_range(text, start);
    while line.start > 0
        && (indent(&text[line.clone()]) > 0 || text[line.clone()].trim().is_empty())
    {
        line = line_range(text, line.start - 1);
    }
    entry(text, line.start)
}
