//! A run's summary as text for the console, in the order in which one reads it.

mod breakdown;
mod confusions;
mod figures;
mod headline;

use std::fmt::Write;

use breakdown::{breakdown, overlapping_causes};
use confusions::confusions;
use figures::figures;
pub use headline::{bounds, headline};

use crate::run::Run;
use crate::score::Summary;

/// How to print.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// ANSI colours. Nothing is told by colour alone.
    pub colour: bool,
    /// Columns to stay within; `None` (a pipe) cuts nothing.
    pub width: Option<usize>,
}

/// The console answer: n and accuracies, the breakdown, the headline, credit, K and its ceiling, confusions.
pub fn render(run: &Run, style: Style) -> String {
    let mut out = String::new();
    let summary = &run.summary;
    accuracies(&mut out, summary);
    if summary.n > 0 {
        out.push('\n');
        out.push_str(&attribution(summary, style));
        out.push('\n');
        overlapping_causes(&mut out, summary);
        figures(&mut out, summary);
        confusions(&mut out, summary, style);
    }
    out
}

/// How much of the error is multiplicity: the verdicts, the headline and its interval.
pub fn attribution(summary: &Summary, style: Style) -> String {
    let mut out = String::new();
    breakdown(&mut out, summary, style);
    let _ = writeln!(out, "\n{}", paint(style, BOLD, &headline(summary)));
    if let Some(bounds) = bounds(summary) {
        let _ = writeln!(out, "{bounds}");
    }
    out
}

fn accuracies(out: &mut String, summary: &Summary) {
    let _ = writeln!(
        out,
        "n {}   top-1 {}   top-5 {}   over {} {}",
        thousands(summary.n),
        with_interval(summary, "top1", summary.top1),
        with_interval(summary, "top5.accuracy", summary.top5.accuracy),
        thousands(summary.candidates),
        if summary.candidates == 1 {
            "candidate"
        } else {
            "candidates"
        },
    );
    if summary.rule != "argmax" {
        let _ = writeln!(
            out,
            "answers by the rule {}{}",
            summary.rule,
            calibrated(summary)
        );
    }
    if summary.abstained > 0 {
        let _ = writeln!(
            out,
            "abstained from {} more, which hierarchical recall counts as 0",
            thousands(summary.abstained)
        );
    }
    if let Some(of) = &summary.reassessed {
        let _ = writeln!(
            out,
            "re-assessed {} (n {})   multi-label {} (n {}, {} {}; {} over images)",
            precise(of.real),
            thousands(of.real_n),
            precise(of.mla),
            thousands(of.mla_n),
            thousands(of.classes),
            if of.classes == 1 { "class" } else { "classes" },
            precise(of.mla_plain),
        );
        if summary.judged < summary.n {
            let _ = writeln!(
                out,
                "verdicts over the {} that are re-annotated; {} are not, or problematic",
                thousands(summary.judged),
                thousands(summary.n - summary.judged)
            );
        }
    }
}

/// What the figures are, a line each, broken to the width.
pub fn conventions(style: Style) -> String {
    const FIELD: usize = 30;
    let mut out = String::from("\nwhat the figures are\n");
    for (field, text) in crate::score::conventions() {
        let width = style
            .width
            .map_or(usize::MAX, |width| width.saturating_sub(FIELD + 2).max(20));
        let mut line = String::new();
        let mut first = field;
        for word in text.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                let _ = writeln!(out, "  {first:<FIELD$}{line}");
                line.clear();
                first = "";
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        let _ = writeln!(out, "  {first:<FIELD$}{line}");
    }
    out
}

/// What a calibrated rule came from, in words.
fn calibrated(summary: &Summary) -> String {
    summary.calibrated.map_or(String::new(), |of| {
        format!(
            ": λ {:.4}, {} of {} right where it was calibrated, at least {:.1} % (95 %)",
            of.lambda,
            thousands(of.correct),
            thousands(of.n),
            100.0 * of.bound
        )
    })
}

pub(super) const BOLD: &str = "1";

/// The text in this ANSI colour, or plain.
pub(super) fn paint(style: Style, code: &str, text: &str) -> String {
    if style.colour && !text.is_empty() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// A fraction as a percentage with one decimal, `n/a` where there is none.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or("n/a".to_owned(), |share| format!("{:.1} %", 100.0 * share))
}

/// A figure of the summary, by its path, with its 95 % interval where there is one.
fn with_interval(summary: &Summary, path: &str, share: Option<f64>) -> String {
    let interval = summary.intervals_95.get(path).map(|interval| {
        format!(
            " ({:.1}–{:.1})",
            100.0 * interval.low,
            100.0 * interval.high
        )
    });
    percent(share) + &interval.unwrap_or_default()
}

/// A fraction as a percentage with two decimals, for figures that are compared with published ones.
fn precise(share: Option<f64>) -> String {
    share.map_or("n/a".to_owned(), |share| format!("{:.2} %", 100.0 * share))
}

/// A count with a comma every three digits.
pub fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_a_comma_every_three_digits() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (12_345_678, "12,345,678"),
        ] {
            assert_eq!(thousands(n), text);
        }
    }
}
