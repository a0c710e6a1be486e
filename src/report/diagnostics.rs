//! Diagnostics of a taxonomy in rustc's manner, and as JSON.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use serde_json::Value;

use crate::report::text::Style;
use crate::taxonomy::{Code, Diagnostic, Severity, Sources, Span};
use crate::text::printable;

/// Lines between two places that are still drawn in one excerpt.
const NEAR: usize = 30;
/// A line longer than this (in bytes) is drawn in part.
const LONG_LINE: usize = 1000;
/// How much of a long line is drawn on either side of the place.
const AROUND: usize = 60;

/// Columns of an excerpt where the width is not known.
const WIDTH: usize = 120;
/// Columns without which nothing can be told.
const LEAST_WIDTH: usize = 40;

/// Diagnostics drawn one after the other, each with the lines it concerns, places underlined. Lines are cut around the
/// places; messages are not cut.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let renderer = if style.colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.term_width(style.width.unwrap_or(WIDTH).max(LEAST_WIDTH));
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&render_one(diagnostic, sources, &renderer));
        out.push_str("\n\n");
    }
    out
}

/// Every diagnostic as a JSON object ([`Diagnostic::to_json`]).
pub fn json(diagnostics: &[Diagnostic], sources: &Sources) -> Value {
    diagnostics.iter().map(|d| d.to_json(sources)).collect()
}

/// All errors and at most `limit` warnings of each code, with how many of each code are left out.
pub fn cap_warnings(
    diagnostics: &[Diagnostic],
    limit: usize,
) -> (Vec<Diagnostic>, Vec<(Code, usize)>) {
    let mut warnings = [0usize; Code::ALL.len()];
    let kept = diagnostics.iter().filter(|d| {
        let count = &mut warnings[d.code as usize];
        *count += usize::from(!d.is_error());
        d.is_error() || *count <= limit
    });
    let kept = kept.cloned().collect();
    let left_out = Code::ALL
        .iter()
        .map(|c| (*c, warnings[*c as usize].saturating_sub(limit)))
        .filter(|(_, n)| *n > 0)
        .collect();
    (kept, left_out)
}

/// A run of lines of one file and the places in it.
struct Excerpt {
    source: usize,
    /// Lines from 0, inclusive.
    lines: (usize, usize),
    places: Vec<(Range<usize>, String, AnnotationKind)>,
}

fn render_one(diagnostic: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group: Group<'_> = Group::with_title(
        level
            .primary_title(printable(&diagnostic.message))
            .id(diagnostic.code.as_str()),
    );
    for excerpt in excerpts(diagnostic, sources) {
        for element in draw(&excerpt, sources) {
            group = group.element(element);
        }
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(printable(help)));
    }
    renderer.render(&[group])
}

/// The lines that a diagnostic concerns: those of the primary place first, near ones together.
fn excerpts(diagnostic: &Diagnostic, sources: &Sources) -> Vec<Excerpt> {
    let primary = diagnostic
        .primary
        .map(|s| (s, diagnostic.label.clone(), AnnotationKind::Primary));
    let related = diagnostic
        .related
        .iter()
        .map(|r| (r.span, r.label.clone(), AnnotationKind::Context));
    let mut out: Vec<Excerpt> = Vec::new();
    for (span, label, kind) in primary.into_iter().chain(related) {
        let (range, line) = within_line(span, sources);
        let near = out.iter_mut().find(|e| {
            e.source == span.source as usize && line + NEAR >= e.lines.0 && line <= e.lines.1 + NEAR
        });
        let place = (range, printable(&label), kind);
        match near {
            Some(excerpt) => {
                excerpt.lines = (excerpt.lines.0.min(line), excerpt.lines.1.max(line));
                excerpt.places.push(place);
            }
            None => out.push(Excerpt {
                source: span.source as usize,
                lines: (line, line),
                places: vec![place],
            }),
        }
    }
    out
}

/// The part of a span that is on its first line, and that line, from 0.
fn within_line(span: Span, sources: &Sources) -> (Range<usize>, usize) {
    let source = span.source as usize;
    let text = sources.text(source);
    let starts = sources.line_starts(source);
    let line = starts.partition_point(|&s| s <= span.start) - 1;
    let end_of_line = starts.get(line + 1).map_or(text.len(), |&s| s as usize - 1);
    let start = (span.start as usize).min(end_of_line);
    let cut = (span.end as usize).clamp(start, end_of_line);
    let trimmed = text
        .get(start..cut)
        .map_or(cut, |t| start + t.trim_end().len());
    (start..trimmed, line)
}

fn draw<'s>(excerpt: &Excerpt, sources: &'s Sources) -> Vec<Element<'s>> {
    let text = sources.text(excerpt.source);
    let starts = sources.line_starts(excerpt.source);
    let path = sources.path(excerpt.source).display().to_string();
    let from = starts[excerpt.lines.0] as usize;
    let to = starts
        .get(excerpt.lines.1 + 1)
        .map_or(text.len(), |&s| s as usize);
    let from = if text[from..].starts_with('\u{feff}') {
        from + '\u{feff}'.len_utf8()
    } else {
        from
    };
    let lines = &starts[excerpt.lines.0..=excerpt.lines.1];
    let longest = lines
        .windows(2)
        .map(|w| w[1] - w[0])
        .chain(lines.last().map(|&s| (to - s as usize) as u32))
        .max();
    if longest.unwrap_or(0) as usize <= LONG_LINE {
        let mut snippet = Snippet::source(&text[from..to])
            .line_start(excerpt.lines.0 + 1)
            .path(path);
        for (range, label, kind) in &excerpt.places {
            let range = range.start.max(from) - from..range.end.max(from) - from;
            snippet = snippet.annotation(annotation(range, label, kind));
        }
        return vec![snippet.into()];
    }
    // Each place by itself, with what is around it in its line.
    let mut out: Vec<Element<'s>> = Vec::new();
    for (range, label, kind) in &excerpt.places {
        let (line, column) = sources.line_column(excerpt.source, range.start);
        let begin = floor(
            text,
            range
                .start
                .saturating_sub(AROUND)
                .max(starts[line - 1] as usize)
                .max(from),
        );
        let end_of_line = starts.get(line).map_or(text.len(), |&s| s as usize - 1);
        let stop = range.end.min(range.start + 4 * AROUND);
        let stop = floor(text, stop).max(range.start);
        let end = floor(text, (stop + AROUND).min(end_of_line)).max(stop);
        let begin = begin.min(range.start);
        let before = if begin > (starts[line - 1] as usize).max(from) {
            "…"
        } else {
            ""
        };
        let after = if end < end_of_line { "…" } else { "" };
        let shown = format!("{before}{}{after}", &text[begin..end]);
        let snippet = Snippet::source(shown).line_start(line);
        let at = |byte: usize| byte - begin + before.len();
        out.push(
            Origin::path(path.clone())
                .line(line)
                .char_column(column)
                .into(),
        );
        out.push(
            snippet
                .annotation(annotation(at(range.start)..at(stop), label, kind))
                .into(),
        );
    }
    out
}

fn annotation<'s>(
    range: Range<usize>,
    label: &str,
    kind: &AnnotationKind,
) -> annotate_snippets::Annotation<'s> {
    let label = (!label.is_empty()).then(|| std::borrow::Cow::Owned(label.to_owned()));
    kind.span(range).label(label)
}

/// The character boundary at or before `at`.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::taxonomy::load_str;

    /// The excerpt of the first diagnostic of `text`, within `width` columns.
    fn excerpt(text: &str, width: usize) -> Vec<String> {
        let loaded = load_str("t.yaml", text);
        let style = Style {
            colour: false,
            width: Some(width),
        };
        let out = render(&loaded.diagnostics[..1], &loaded.sources, style);
        let lines = out.lines().filter(|l| l.contains('|')).map(str::to_owned);
        lines.collect()
    }

    #[test]
    fn lines_stay_within_the_width() {
        let long = "description: ".to_owned() + &"words and ".repeat(30);
        let wide = "説明".repeat(40);
        let leaves: Vec<String> = (0..400).map(|i| format!("leaf{i}")).collect();
        for text in [
            format!("nodes:\n  a: {{parents: gone, {long}}}\n"),
            format!("nodes:\n  a: {{{long}, parents: gone}}\n"),
            format!("nodes:\n  a: {{description: {wide}, parents: gone}}\n"),
            format!("tree: {{a: [{}, leaf7]}}\n", leaves.join(", ")),
        ] {
            for width in [60, 80, 120] {
                for line in excerpt(&text, width) {
                    assert!(line.width() <= width, "{width}: {line}");
                }
            }
        }
    }

    /// The carets are below what they mean, whatever the characters' widths.
    #[test]
    fn carets_stand_below_their_words() {
        for before in [
            "",
            "é: , ",
            "説明: , ",
            "e\u{301}: , ",
            "🦊: , ",
            "'x\ty': , ",
        ] {
            let lines = excerpt(&format!("nodes: {{{before}a: {{parents: gone}}}}\n"), 80);
            let word = lines.iter().find(|l| l.contains("gone")).expect("the line");
            let carets = lines.iter().find(|l| l.contains("^^^^")).expect("carets");
            let column = |line: &str, what| line[..line.find(what).unwrap()].width();
            assert_eq!(column(word, "gone"), column(carets, "^^^^"), "{lines:#?}");
        }
    }

    #[test]
    fn what_is_cut_says_so() {
        let leaves: Vec<String> = (0..20_000).map(|i| format!("leaf{i}")).collect();
        let text = format!("tree: {{a: [{}, leaf7, end]}}\n", leaves.join(", "));
        let lines = excerpt(&text, 80).join("\n");
        assert!(lines.contains('…') || lines.contains("..."), "{lines}");
        assert!(lines.contains("^^^^^"), "{lines}");
    }
}
