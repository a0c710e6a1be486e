//! What only the drawn world can show: what was planted beside what was found, and the 1/K curve.

use std::fmt::Write;

use serde::Serialize;

use super::json::Object;
use super::text::{Style, paint, percent, thousands};
use crate::demo::Planted;
use crate::run::Run;
use crate::score::{Dilution, DilutionRow, Interval};

/// Columns of the chart's bars, for a share of 1.
const CHART: usize = 40;

/// Planted against found, and the chart of the dilution, to follow the answer of [`super::text::render`].
pub fn render(run: &Run, planted: &Planted, style: Style) -> String {
    let mut out = String::new();
    compare(&mut out, run, planted, style);
    if let Some(dilution) = &run.summary.dilution {
        chart(&mut out, dilution, style);
    }
    out
}

fn compare(out: &mut String, run: &Run, planted: &Planted, style: Style) {
    let summary = &run.summary;
    let title = "what was planted, and what cladist finds without knowing it";
    let _ = writeln!(out, "\n{}", paint(style, "1", title));
    let multiplicity = match summary.multiplicity.interval_95 {
        Some(interval) => format!(
            "{} to {} (95 %): {}",
            percent(Some(interval.low)),
            percent(Some(interval.high)),
            if contains(interval, planted) {
                "holds it"
            } else {
                "misses it"
            }
        ),
        None => "too few errors to say".to_owned(),
    };
    let suspects = format!(
        "{}: {} of the {}, {} false alarm{}",
        percent(summary.suspects.as_ref().and_then(|s| s.share)),
        thousands(planted.wrong_and_suspect),
        thousands(planted.wrong_annotations),
        thousands(planted.right_but_suspect),
        if planted.right_but_suspect == 1 {
            ""
        } else {
            "s"
        },
    );
    let wrong = (planted.n > 0).then(|| planted.wrong_annotations as f64 / planted.n as f64);
    let _ = writeln!(out, "{:<28}{:>9}   found", "", "planted");
    for (what, share, found) in [
        ("multiplicity in the error", planted.share(), multiplicity),
        ("wrong annotations", wrong, suspects),
    ] {
        let _ = writeln!(out, "{what:<28}{:>9}   {found}", percent(share));
    }
    let _ = writeln!(
        out,
        "other errors: {} where only the answer is true, {} only the annotation, {} neither",
        thousands(planted.only_answer_true),
        thousands(planted.only_annotation_true),
        thousands(planted.neither_true),
    );
}

/// Whether the planted share is in the interval.
pub fn contains(interval: Interval, planted: &Planted) -> bool {
    planted
        .share()
        .is_some_and(|share| (interval.low..=interval.high).contains(&share))
}

fn chart(out: &mut String, dilution: &Dilution, style: Style) {
    if dilution.by_k.is_empty() {
        return;
    }
    let title = "share of the valid mass that the annotated label gets, by K (│ is 1/K)";
    let _ = writeln!(out, "\n{}", paint(style, "1", title));
    let _ = writeln!(out, "{:>4}{:>7}{:>8}{:>8}", "K", "n", "share", "1/K");
    for row in &dilution.by_k {
        let _ = writeln!(
            out,
            "{:>4}{:>7}{:>8.3}{:>8.3}  {}",
            row.k,
            thousands(row.n),
            row.mean,
            row.expected,
            bar(row, style),
        );
    }
}

/// A bar of eighths of a column, with a mark in the column where 1/K ends.
fn bar(row: &DilutionRow, style: Style) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = (row.mean * (CHART * 8) as f64).round() as usize;
    let mark = (row.expected * CHART as f64).round() as usize;
    let cell = |column: usize| match eighths.saturating_sub(8 * column) {
        _ if column == mark => '│',
        left @ 0..8 => EIGHTHS[left],
        _ => '█',
    };
    let last = mark.max(eighths / 8);
    let bar: String = (0..=last).map(cell).collect();
    paint(style, "36", bar.trim_end())
}

/// The object of [`super::json::render`] with the planted counts under `planted`.
#[derive(Serialize)]
struct WithPlanted<'a> {
    #[serde(flatten)]
    object: Object<'a>,
    planted: &'a Planted,
}

/// The run as [`super::json::render`] gives it, with the planted counts under `planted`.
///
/// # Errors
/// None in practice, as there.
pub fn render_json(run: &Run, planted: &Planted) -> serde_json::Result<String> {
    let object = WithPlanted {
        object: Object::new(run),
        planted,
    };
    Ok(serde_json::to_string_pretty(&object)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_ends_at_its_share_and_the_mark_stands_at_one_over_k() {
        let plain = Style {
            colour: false,
            width: None,
        };
        for (mean, k, expected) in [
            (1.0, 1, "████████████████████████████████████████│"),
            (0.25, 4, "██████████│"),
            // Short of the mark, and past it.
            (0.1, 4, "████      │"),
            (0.3125, 8, "█████│██████▌"),
            (0.0, 40, " │"),
        ] {
            let row = DilutionRow {
                k,
                n: 1,
                mean,
                expected: 1.0 / k as f64,
            };
            assert_eq!(bar(&row, plain), expected, "{mean} {k}");
        }
    }
}
