//! How reading goes on after a syntax error.
//!
//! The parser stops at the first error. What usually is the matter is recognised by the parser's message and the lines
//! around: a key without its `:` gets one, tabs become spaces, and anything else (a line and what is indented below it)
//! is blanked. Then the text is read again. An error that comes back no further down takes the surrounding entry with it.

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use super::{
    diagnostic::{Code, Diagnostic, Span},
    lines::{
        content, entry, indent, line_range, lines_with_tabs, open_bracket, significant_above,
        top_level_entry,
    },
    yaml::{Insertions, Stop},
};

/// How far above an unclosed bracket is looked for, in bytes.
const LOOK_BACK: usize = 1 << 16;
/// Columns from one tab stop to the next.
const TAB: usize = 8;
/// Runs of lines with tabs that are told one by one.
const MAX_TAB_RUNS: usize = 20;

/// A way to read on.
#[derive(Debug)]
enum Mend {
    /// Put this text there.
    Insert(usize, &'static str),
    /// Leave these bytes out.
    Blank(Range<usize>),
    /// Take tabs in indentation for spaces.
    ExpandTabs,
}

/// The last error that was told.
#[derive(Debug)]
struct Last {
    /// Where the parser stopped: the start of that line.
    stopped: usize,
    /// What was left out, or would have been.
    entry: Range<usize>,
    /// How far that is indented.
    indent: usize,
}

/// What to do next.
#[derive(Debug)]
pub(super) struct Step {
    mend: Mend,
    /// For an error that was not told before.
    new: Option<Last>,
}

impl Step {
    /// What a step that follows no new error leaves out.
    pub fn given_up(&self) -> Option<Range<usize>> {
        match (&self.mend, &self.new) {
            (Mend::Blank(range), None) => Some(range.clone()),
            _ => None,
        }
    }
}

/// A text under repair. Offsets are those of the text as it was given.
pub(super) struct Recovery<'t> {
    source: u32,
    /// The text with what is left out blanked.
    text: Cow<'t, str>,
    insertions: Insertions,
    lost: Vec<String>,
    last: Option<Last>,
    tabs_expanded: bool,
}

impl<'t> Recovery<'t> {
    pub fn new(text: &'t str, source: u32) -> Self {
        Self {
            source,
            text: Cow::Borrowed(text),
            insertions: BTreeMap::new(),
            lost: Vec::new(),
            last: None,
            tabs_expanded: false,
        }
    }

    /// What to read.
    pub fn patched(&self) -> Cow<'_, str> {
        if self.insertions.is_empty() {
            return Cow::Borrowed(&self.text);
        }
        let more: usize = self.insertions.values().map(String::len).sum();
        let mut out = String::with_capacity(self.text.len() + more);
        let mut from = 0;
        for (&at, what) in &self.insertions {
            out.push_str(&self.text[from..at]);
            out.push_str(what);
            from = at;
        }
        out.push_str(&self.text[from..]);
        Cow::Owned(out)
    }

    pub fn insertions(&self) -> &Insertions {
        &self.insertions
    }

    /// What was left out.
    pub fn lost(self) -> Vec<String> {
        self.lost
    }

    /// What to say of an error, if it is a new one, and how to read on, if there is a way.
    pub fn diagnose(&self, stop: &Stop) -> (Vec<Diagnostic>, Option<Step>) {
        let line = line_range(&self.text, stop.at as usize);
        if let Some(last) = self.last.as_ref().filter(|last| line.start <= last.stopped) {
            let step = |range| Step {
                mend: Mend::Blank(range),
                new: None,
            };
            return (Vec::new(), self.enclosing(last, line.start).map(step));
        }
        let (told, mend, entry) = self.judge(stop);
        let indent = indent(&self.text[entry.clone()]);
        let last = Last {
            stopped: line.start.max(entry.start),
            entry,
            indent,
        };
        let idle = self.is_idle(&mend);
        let step = Step {
            mend,
            new: Some(last),
        };
        (told, Some(step).filter(|_| !idle))
    }

    /// Whether nothing would change.
    fn is_idle(&self, mend: &Mend) -> bool {
        match mend {
            Mend::Insert(at, _) => self.insertions.contains_key(at),
            Mend::Blank(range) => self.text[range.clone()].trim().is_empty(),
            Mend::ExpandTabs => self.tabs_expanded,
        }
    }

    /// What to leave out when what was done did not help: the entry itself, the one where the parser stopped then, the
    /// one where it stops now, then those around; `None` at the left margin.
    fn enclosing(&self, last: &Last, now: usize) -> Option<Range<usize>> {
        let text = &self.text[..];
        for entry in [
            last.entry.clone(),
            entry(text, last.stopped),
            entry(text, now),
        ] {
            if !text[entry.clone()].trim().is_empty() {
                return Some(entry);
            }
        }
        let mut line = line_range(text, last.entry.start);
        while line.start > 0 {
            line = line_range(text, line.start - 1);
            let content = &text[line.clone()];
            if !content.trim().is_empty() && indent(content) < last.indent {
                return Some(entry(text, line.start));
            }
        }
        None
    }

    pub fn apply(&mut self, step: Step) {
        self.last = step.new.or(self.last.take());
        match step.mend {
            Mend::Insert(at, what) => {
                self.insertions.insert(at, what.to_owned());
            }
            Mend::Blank(range) => {
                if let Some(last) = &mut self.last {
                    last.indent = last.indent.min(indent(&self.text[range.clone()]));
                    last.entry = range.clone();
                }
                self.lost.push(self.text[range.clone()].to_owned());
                // What was to be put there goes too.
                self.insertions
                    .retain(|at, _| !range.contains(at) && *at != range.end);
                let blank = |b: u8| if matches!(b, b'\n' | b'\r') { b } else { b' ' };
                let blanked = self.text[range.clone()]
                    .bytes()
                    .map(|b| char::from(blank(b)));
                let blanked: String = blanked.collect();
                self.text.to_mut().replace_range(range, &blanked);
            }
            Mend::ExpandTabs => self.expand_tabs(),
        }
    }

    fn expand_tabs(&mut self) {
        self.tabs_expanded = true;
        for line in lines_with_tabs(&self.text) {
            let mut column = 0;
            let lead = self.text[line.clone()].bytes().enumerate();
            for (i, byte) in lead.take_while(|(_, b)| matches!(b, b' ' | b'\t')) {
                let width = if byte == b'\t' { TAB - column % TAB } else { 1 };
                column += width;
                if width > 1 {
                    self.insertions
                        .insert(line.start + i, " ".repeat(width - 1));
                }
            }
        }
        let lines = lines_with_tabs(&self.text);
        let text = self.text.to_mut();
        for line in lines {
            let lead = indent(&text[line.clone()]);
            text.replace_range(line.start..line.start + lead, &" ".repeat(lead));
        }
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span {
            source: self.source,
            start: range.start as u32,
            end: range.end as u32,
        }
    }

    /// What to say of an error, how to read on, and which entry to blame.
    fn judge(&self, stop: &Stop) -> (Vec<Diagnostic>, Mend, Range<usize>) {
        let text = &self.text[..];
        let mut at = (stop.at as usize).min(text.len());
        let mut line = line_range(text, at);
        if stop.too_deep {
            let span = self.span(at..at + text[at..].chars().next().map_or(0, char::len_utf8));
            let diagnostic = Diagnostic::new(Code::TooLarge, span, stop.message.as_str())
                .help("write deep hierarchies under `nodes:`, each node with its `parents:`");
            let entry = top_level_entry(text, line.start);
            return (vec![diagnostic], Mend::Blank(entry.clone()), entry);
        }
        if !self.tabs_expanded && text[line.clone()].trim_start_matches(' ').starts_with('\t') {
            return (
                self.tabs(line.start),
                Mend::ExpandTabs,
                entry(text, line.start),
            );
        }
        let opened = self.opened(stop, at);
        if opened.is_none()
            && let Some((diagnostic, mend, blamed)) = self.missing_colon(stop, at)
        {
            return (vec![diagnostic], mend, blamed);
        }
        if opened.is_none() && stop.message.starts_with("simple key expect") {
            line = self.above(at, true).unwrap_or(line);
            at = at.min(line.end);
        }
        while text[line.clone()].trim().is_empty() && line.start > 0 {
            line = line_range(text, line.start - 1);
        }
        let start = opened.map_or(line.start, |o| line_range(text, o).start.min(line.start));
        let mut entry = entry(text, start);
        // A line at a level of its own, with its value on it: what is below belongs elsewhere.
        if stop
            .message
            .contains("block mapping, did not find expected key")
            && !content(&text[line.clone()]).ends_with([':', '|', '>', '-'])
        {
            entry = line.clone();
        }
        (
            vec![self.plain(stop, at, opened)],
            Mend::Blank(entry.clone()),
            entry,
        )
    }

    /// The innermost bracket that is open. The parser has not told of one that could still be a key.
    fn opened(&self, stop: &Stop, at: usize) -> Option<usize> {
        let says = |part| stop.message.contains(part);
        let within = says("illegal placement of ':'") || says("flow construct");
        let perhaps = says("invalid indentation") || says("simple key expect");
        match stop.opened {
            Some(opened) => Some(opened as usize),
            None if within => open_bracket(&self.text, at, LOOK_BACK),
            None if perhaps => open_bracket(&self.text, at, 0),
            None => None,
        }
    }

    /// The parser's own words, at its place.
    fn plain(&self, stop: &Stop, at: usize, opened: Option<usize>) -> Diagnostic {
        let text = &self.text[..];
        let line = line_range(text, at);
        // At the end of the text, or of a line, point at the last character there is.
        let start = if at >= line.end {
            let before = text[..at].trim_end().char_indices();
            before.last().map_or(0, |(i, _)| i)
        } else {
            at
        };
        let end = start + text[start..].chars().next().map_or(0, char::len_utf8);
        let message = format!("not YAML: {}", stop.message);
        let mut diagnostic = Diagnostic::new(Code::Syntax, self.span(start..end), message);
        let above = opened.filter(|&o| line_range(text, o).start < line.start);
        let says = text[line.clone()].trim_start();
        if says.starts_with(['*', '&']) {
            diagnostic = diagnostic.help("put text that begins with `*` or `&` in quotes");
        } else if says.starts_with("- ") && stop.message.contains("did not find expected key") {
            diagnostic =
                diagnostic.help("a list (`- a`) and a mapping (`a:`) cannot mix at one level");
        } else if let Some(help) = advice(&stop.message, above.is_some()) {
            diagnostic = diagnostic.help(help);
        }
        if let Some(o) = above {
            diagnostic = diagnostic.related(self.span(o..o + 1), "opened here");
        }
        diagnostic
    }

    /// One error for every run of lines that are indented with tabs, from the line that starts at `from`.
    fn tabs(&self, from: usize) -> Vec<Diagnostic> {
        let text = &self.text[..];
        let lines = lines_with_tabs(text);
        let mut runs: Vec<(Range<usize>, usize)> = Vec::new();
        let mut end = None;
        for line in lines.into_iter().filter(|line| line.start >= from) {
            match runs.last_mut().filter(|_| end == Some(line.start)) {
                Some((_, count)) => *count += 1,
                None => runs.push((line.clone(), 1)),
            }
            end = Some(line.end + 1);
        }
        let told = runs.into_iter().take(MAX_TAB_RUNS).map(|(line, count)| {
            let lead = indent(&text[line.clone()]);
            let tab = line.start + text[line.clone()].find('\t').unwrap_or(0);
            let message = match count {
                1 => "not YAML: a tab in the indentation".to_owned(),
                n => format!("not YAML: tabs in the indentation of {n} lines"),
            };
            Diagnostic::new(Code::Syntax, self.span(tab..line.start + lead), message)
                .help("indent with spaces: YAML does not allow tabs")
        });
        told.collect()
    }

    /// The line that the parser was done with when it stopped at `at`: it notices at the next line, or, where it is
    /// `stale`, at the end of the line itself.
    fn above(&self, at: usize, stale: bool) -> Option<Range<usize>> {
        let text = &self.text[..];
        let line = line_range(text, at);
        let done = stale
            && text[at..line.end].trim().is_empty()
            && !content(&text[line.clone()]).is_empty();
        if done {
            Some(line)
        } else {
            significant_above(text, line.start)
        }
    }

    /// A line that is a key, or a key and a value, but for its `:`.
    fn missing_colon(&self, stop: &Stop, at: usize) -> Option<(Diagnostic, Mend, Range<usize>)> {
        let text = &self.text[..];
        let line = line_range(text, at);
        let stale = stop.message.starts_with("simple key expect");
        let merged = stop.message.starts_with("mapping values are not allowed")
            && !text[line.start..at].contains(": ");
        if !(stale || merged) {
            return None;
        }
        let blamed = self.above(at, stale)?;
        let key = content(&text[blamed.clone()]);
        let depth = indent(&text[blamed.clone()]);
        let key = key.trim_start_matches("- ").trim_start();
        if key.is_empty() || key.ends_with(':') || key.contains(": ") || key.starts_with(['[', '{'])
        {
            return None;
        }
        // The last line of a text over several lines is no key.
        let mut above = significant_above(text, blamed.start);
        while let Some(parent) = above.clone().filter(|l| indent(&text[l.clone()]) >= depth) {
            above = significant_above(text, parent.start);
        }
        if above.is_some_and(|parent| !content(&text[parent]).ends_with(':')) {
            return None;
        }
        let start = blamed.start + text[blamed.clone()].find(key)?;
        let span = self.span(start..start + key.len());
        let glued = key
            .match_indices(':')
            .map(|(i, _)| i + 1)
            .find(|&i| key[i..].starts_with(['[', '{', '"', '\'']));
        if let Some(i) = glued {
            let message = "not YAML: no space after the `:`";
            let diagnostic = Diagnostic::new(Code::Syntax, span, message);
            let fixed = format!("{} {}", &key[..i], &key[i..]);
            let diagnostic = diagnostic.help(format!("write `{}`", short(&fixed)));
            return Some((diagnostic, Mend::Insert(start + i, " "), blamed));
        }
        let value = [" [", " {", " \"", " '"]
            .iter()
            .filter_map(|v| key.find(v))
            .min();
        let colon = value.unwrap_or(key.len());
        let name = key[..colon].trim_end();
        let message = format!("not YAML: no `:` after `{}`", short(name));
        let fixed = format!("{name}:{}", &key[colon..]);
        let diagnostic = Diagnostic::new(Code::Syntax, span, message)
            .label("a key ends with a `:`")
            .help(format!("write `{}`", short(&fixed)));
        // Of several words without anything below, one cannot tell which is the key.
        let below = blamed.end < line.start && indent(&text[line.clone()]) > depth;
        let mend = if value.is_some() || below || !name.contains(' ') {
            Mend::Insert(start + name.len(), ":")
        } else {
            Mend::Blank(blamed.clone())
        };
        Some((diagnostic, mend, blamed))
    }
}

/// What usually is the matter; `above`: a bracket was opened on an earlier line.
fn advice(message: &str, above: bool) -> Option<&'static str> {
    let says = |part| message.contains(part);
    if says("mapping values are not allowed") {
        Some("put text that holds `: ` in quotes, or check the line's indentation")
    } else if says("quoted scalar") && !says("escape") {
        Some("is the closing quote missing?")
    } else if says("escape character") {
        Some("in double quotes write a backslash twice, or use single quotes")
    } else if says("unexpected character") {
        Some("put text that begins with this character in quotes")
    } else if says("unknown anchor") {
        Some("put text that begins with `*` in quotes")
    } else if above {
        Some("is a closing bracket or a comma missing?")
    } else if says("did not find expected ',' or '}'") {
        Some("is a comma or a closing bracket missing? Put text that holds `: ` in quotes")
    } else if says("expected ',' or") {
        Some("is a comma or a closing bracket missing?")
    } else if says("misplaced bracket") {
        Some("remove it, or put the text in quotes")
    } else if says("expected '-'") {
        Some("a list (`- a`) and a mapping (`a:`) cannot mix at one level")
    } else if says("block mapping, did not find expected key") {
        Some("check the line's indentation: it fits none of the levels above")
    } else {
        None
    }
}

/// A text for a message, cut.
fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", &text[..cut]).into(),
        None => text.into(),
    }
}
