//! A run's summary as text for the console, in the order in which one reads it.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use crate::run::Run;
use crate::score::{Confusion, Group, PrecisionRecall, Summary, VerdictRow};
use crate::text::printable;

/// How to print.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// ANSI colours. Nothing is told by colour alone.
    pub colour: bool,
    /// Columns to stay within; `None` (a pipe) cuts nothing.
    pub width: Option<usize>,
}

/// Columns of the longest bar, and where it starts.
const BAR: usize = 22;
const BAR_STARTS: usize = 72;

/// The console answer: n and accuracies, the breakdown, the headline, credit, K and its ceiling, confusions.
pub fn render(run: &Run, style: Style) -> String {
    let mut out = String::new();
    let summary = &run.summary;
    accuracies(&mut out, summary);
    if summary.n > 0 {
        out.push('\n');
        breakdown(&mut out, summary, style);
        let _ = writeln!(out, "\n{}", paint(style, BOLD, &headline(summary)));
        if let Some(bounds) = bounds(summary) {
            let _ = writeln!(out, "{bounds}");
        }
        out.push('\n');
        overlapping_causes(&mut out, summary);
        credit_and_ceiling(&mut out, summary);
        confusions(&mut out, summary, style);
    }
    out
}

/// The headline sentence: the interval in which the multiplicity share of the error lies (METHOD 3).
pub fn headline(summary: &Summary) -> String {
    let errors = match summary.errors {
        0 if summary.n == 0 => return "No labelled image was scored: nothing to judge.".into(),
        0 => return "No errors: every answer is the annotated label.".into(),
        1 => "1 error".to_owned(),
        n => format!("{} errors", thousands(n)),
    };
    let share = |count: usize| 100.0 * count as f64 / summary.errors as f64;
    let multiplicity = &summary.multiplicity;
    let low = share(multiplicity.confirmed).round();
    // Mistakes are what is left of the upper bound, so that the two always add up to 100.
    let high = share(multiplicity.confirmed + multiplicity.possible).round();
    let mistakes = 100.0 - high;
    let range = if multiplicity.possible == 0 {
        format!("{low} %")
    } else if low == high {
        format!("about {low} %")
    } else {
        format!("between {low} % and {high} %")
    };
    let (are, mistakes_are) = if summary.errors == 1 {
        ("is", "is")
    } else {
        ("are", "are")
    };
    format!("Of {errors}, {range} {are} multiplicity; {mistakes} % {mistakes_are} real mistakes.")
}

/// What the headline becomes when chance and wrong annotations are allowed for; `None` with too few errors.
fn bounds(summary: &Summary) -> Option<String> {
    let interval = summary.multiplicity.interval_95?;
    let allowed = match summary.suspects.flagged {
        0 => "sampling".to_owned(),
        1 => "sampling and 1 suspect annotation".to_owned(),
        n => format!("sampling and {} suspect annotations", thousands(n)),
    };
    Some(format!(
        "Allowing for {allowed}: {:.1} % to {:.1} % (95 %).",
        100.0 * interval.low,
        100.0 * interval.high
    ))
}

fn accuracies(out: &mut String, summary: &Summary) {
    let _ = writeln!(
        out,
        "n {}   top-1 {}   top-5 {}   over {} {}",
        thousands(summary.n),
        percent(summary.top1),
        percent(summary.top5.accuracy),
        thousands(summary.candidates),
        if summary.candidates == 1 {
            "candidate"
        } else {
            "candidates"
        },
    );
}

fn breakdown(out: &mut String, summary: &Summary, style: Style) {
    let _ = writeln!(
        out,
        "{:<16}{:>9}{:>9}{:>15}{:>10}{:>12}",
        "verdict", "count", "of all", "95 %", "of error", "by chance"
    );
    let mut group = None;
    for row in &summary.verdicts {
        if group != Some(row.group) {
            group = Some(row.group);
            let _ = writeln!(out, "{}", group_title(row.group, summary, style));
        }
        let _ = writeln!(out, "{}", breakdown_row(row, style).trim_end());
    }
}

fn group_title(group: Group, summary: &Summary, style: Style) -> String {
    let multiplicity = &summary.multiplicity;
    let (title, count) = match group {
        Group::Correct => ("correct", summary.n - summary.errors),
        Group::Confirmed => ("multiplicity, confirmed", multiplicity.confirmed),
        Group::Possible => ("multiplicity, possible", multiplicity.possible),
        Group::Mistake => ("mistake", multiplicity.mistakes),
    };
    paint(
        style,
        group_colour(group),
        &format!("{title}: {}", thousands(count)),
    )
}

fn breakdown_row(row: &VerdictRow, style: Style) -> String {
    let or_dash = |share: Option<f64>| match share {
        Some(_) => percent(share),
        None => "–".to_owned(),
    };
    let interval = row.share_95.map_or("–".to_owned(), |i| {
        format!("{:.1}–{:.1} %", 100.0 * i.low, 100.0 * i.high)
    });
    // Luck explains it: no more than one of twenty permutations would have to give fewer.
    let is_luck = row.count > 0
        && matches!(row.group, Group::Confirmed | Group::Possible)
        && row.p_value.is_some_and(|p| p > 0.05);
    let by_chance = or_dash(row.by_chance) + if is_luck { " n.s." } else { "" };
    let columns = style
        .width
        .map_or(BAR, |width| width.saturating_sub(BAR_STARTS).min(BAR));
    format!(
        "  {:<14}{:>9}{:>9}{:>15}{:>10}{:>12} {}",
        row.verdict.name(),
        thousands(row.count),
        percent(row.share),
        interval,
        or_dash(row.share_of_error),
        by_chance,
        paint(
            style,
            group_colour(row.group),
            &bar(row.share.unwrap_or(0.0), columns)
        ),
    )
}

/// Where an error has several causes, what forgiving one of them is worth depends on the others.
fn overlapping_causes(out: &mut String, summary: &Summary) {
    let causes = || summary.causes.iter().filter(|c| c.count > 0);
    if causes().all(|c| c.last == c.alone) {
        return;
    }
    let _ = writeln!(
        out,
        "{:<16}{:>9}{:>9}{:>9}{:>9}   gain of top-1 if it were forgiven",
        "causes overlap", "errors", "alone", "last", "Shapley"
    );
    for row in causes() {
        let gain = |share: f64| format!("+{}", percent(Some(share)));
        let _ = writeln!(
            out,
            "  {:<14}{:>9}{:>9}{:>9}{:>9}",
            row.cause.name(),
            thousands(row.count),
            gain(row.alone),
            gain(row.last),
            gain(row.shapley),
        );
    }
    out.push('\n');
}

fn credit_and_ceiling(out: &mut String, summary: &Summary) {
    let _ = writeln!(
        out,
        "credit       strict {}   {} {}",
        percent(summary.strict_credit),
        summary.credit_policy,
        percent(summary.credit)
    );
    let valid = &summary.valid_set;
    let _ = writeln!(
        out,
        "mean K       {}   1/K ceiling {}   top-1 {} ({} of the ceiling)",
        valid.mean_k.map_or("n/a".to_owned(), |k| format!("{k:.2}")),
        percent(valid.ceiling),
        percent(summary.top1),
        percent(valid.top1_over_ceiling),
    );
    for (count, what) in [
        (
            valid.without_valid_candidate,
            "without any valid candidate: K = 0, counted as ceiling 0",
        ),
        (
            valid.truth_not_a_candidate,
            "whose annotated label is not a candidate: never exact",
        ),
    ] {
        if count > 0 {
            let _ = writeln!(out, "             {} images {what}", thousands(count));
        }
    }
    mass_and_suspects(out, summary);
    metrics(out, summary);
}

fn metrics(out: &mut String, summary: &Summary) {
    let metrics = &summary.metrics;
    let scores = |of: &PrecisionRecall| {
        format!(
            "P {}  R {}  F1 {}",
            percent(of.precision),
            percent(of.recall),
            percent(of.f1)
        )
    };
    let hierarchical = &metrics.hierarchical;
    let _ = writeln!(
        out,
        "hierarchical {}   macro F1 {}  (no virtual root)",
        scores(&hierarchical.micro),
        percent(hierarchical.macro_.f1)
    );
    let information = &metrics.information;
    let decimals = |value: Option<f64>| value.map_or("n/a".to_owned(), |v| format!("{v:.2}"));
    let _ = writeln!(
        out,
        "information  {}   {} below the truth, cut to it\n{:13}{} bits right, {} too many, {} missing",
        scores(&information.scores),
        percent(information.truncated),
        "",
        decimals(information.correct),
        decimals(information.excess),
        decimals(information.deficient),
    );
    for (what, of) in [
        ("height", &metrics.severity_height),
        ("bertinetto", &metrics.severity_bertinetto),
    ] {
        let _ = writeln!(
            out,
            "severity     {} edges   hdist@1 {}  @{k} {}  top@{k} {}  ({what})",
            decimals(of.mistake_severity),
            decimals(of.hdist_1),
            decimals(of.hdist_k),
            decimals(of.hdist_top_k),
            k = of.k,
        );
    }
    for (what, of) in [
        ("annotated", &metrics.calibration_exact),
        ("valid", &metrics.calibration_valid),
    ] {
        let _ = writeln!(
            out,
            "calibration  ECE {}  equal mass {}  MCE {}  Brier {}  ({what})",
            percent(of.ece),
            percent(of.ece_equal_mass),
            percent(of.mce),
            of.brier.map_or("n/a".to_owned(), |b| format!("{b:.3}")),
        );
    }
}

fn mass_and_suspects(out: &mut String, summary: &Summary) {
    let dilution = &summary.dilution;
    let _ = write!(out, "valid mass   {}", percent(dilution.semantic_mass));
    if let Some(slope) = dilution.slope {
        let _ = write!(
            out,
            "   of which the annotated label gets ~ K^{slope:.2} (1/K: K^-1)"
        );
    }
    let suspects = &summary.suspects;
    let _ = writeln!(
        out,
        "\nsuspects     {} of {} annotations ({}); {} in confirmed multiplicity",
        thousands(suspects.flagged),
        thousands(suspects.checked),
        percent(suspects.share),
        thousands(suspects.confirmed),
    );
}

fn confusions(out: &mut String, summary: &Summary, style: Style) {
    if summary.confusions.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nworst confusions");
    let header = [
        "count",
        "annotated",
        "answered",
        "verdict",
        "relation",
        "LCA",
    ];
    let cells: Vec<[String; 6]> = std::iter::once(header.map(str::to_owned))
        .chain(summary.confusions.iter().map(confusion_cells))
        .collect();
    let mut widths = [0; 6];
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    if let Some(total) = style.width {
        shrink(&mut widths, total);
    }
    for row in &cells {
        let mut line = String::new();
        for (i, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let cell = cut(cell, width);
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            let _ = match i {
                0 => write!(line, "  {padding}{cell}"),
                _ => write!(line, "  {cell}{padding}"),
            };
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

fn confusion_cells(confusion: &Confusion) -> [String; 6] {
    [
        thousands(confusion.count),
        printable(&confusion.truth),
        printable(&confusion.answer),
        confusion.verdict.name().to_owned(),
        confusion.relation.name().to_owned(),
        confusion.lca.as_deref().map_or("–".to_owned(), printable),
    ]
}

/// Narrows the three columns of labels, widest first, until the table fits; no column under eight.
fn shrink(widths: &mut [usize; 6], total: usize) {
    const LABELS: [usize; 3] = [1, 2, 5];
    while widths.iter().map(|w| w + 2).sum::<usize>() > total {
        let Some(widest) = LABELS
            .into_iter()
            .filter(|&i| widths[i] > 8)
            .max_by_key(|&i| widths[i])
        else {
            return;
        };
        widths[widest] -= 1;
    }
}

/// The text if it fits in `width` columns, else its head and an ellipsis.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        // Measured whole: a character may widen the one before it.
        if kept.width() + 1 > width {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

/// A bar of eighths of a column, of so many columns for a share of 1; anything above zero shows.
fn bar(share: f64, columns: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share * (columns * 8) as f64).ceil() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

const BOLD: &str = "1";

fn group_colour(group: Group) -> &'static str {
    match group {
        Group::Correct => "32",
        Group::Confirmed => "36",
        Group::Possible => "33",
        Group::Mistake => "31",
    }
}

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
    use crate::score::{Collisions, CreditPolicy, Evaluated, Interval, Multiplicity, summarise};
    use crate::taxonomy::load_str;

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

    /// A summary of which only what the headline reads is filled in.
    fn summary(n: usize, [confirmed, possible, mistakes]: [usize; 3]) -> Summary {
        let taxonomy = load_str("one", "nodes: {a: }").into_sound().unwrap();
        let nobody = Collisions::default();
        let (_, empty) = summarise(
            &taxonomy,
            &[],
            &nobody,
            &CreditPolicy::Strict,
            &Evaluated::default(),
            &[],
        );
        Summary {
            n,
            errors: confirmed + possible + mistakes,
            multiplicity: Multiplicity {
                confirmed,
                possible,
                mistakes,
                ..empty.multiplicity
            },
            ..empty
        }
    }

    #[test]
    fn the_headline_says_the_interval_and_the_rest() {
        for (n, groups, said) in [
            (
                0,
                [0, 0, 0],
                "No labelled image was scored: nothing to judge.",
            ),
            (
                9,
                [0, 0, 0],
                "No errors: every answer is the annotated label.",
            ),
            // One error is one of three.
            (
                1,
                [1, 0, 0],
                "Of 1 error, 100 % is multiplicity; 0 % is real mistakes.",
            ),
            (
                1,
                [0, 1, 0],
                "Of 1 error, between 0 % and 100 % is multiplicity; 0 % is real mistakes.",
            ),
            (
                1,
                [0, 0, 1],
                "Of 1 error, 0 % is multiplicity; 100 % is real mistakes.",
            ),
            // All of one kind.
            (
                9,
                [4, 0, 0],
                "Of 4 errors, 100 % are multiplicity; 0 % are real mistakes.",
            ),
            (
                9,
                [0, 4, 0],
                "Of 4 errors, between 0 % and 100 % are multiplicity; 0 % are real mistakes.",
            ),
            (
                9,
                [0, 0, 4],
                "Of 4 errors, 0 % are multiplicity; 100 % are real mistakes.",
            ),
            // Nothing is possible: no interval.
            (
                9,
                [3, 0, 1],
                "Of 4 errors, 75 % are multiplicity; 25 % are real mistakes.",
            ),
            (
                9,
                [1, 1, 2],
                "Of 4 errors, between 25 % and 50 % are multiplicity; 50 % are real mistakes.",
            ),
            // The bounds are rounded, and the mistakes are the rest: 33.3 and 66.7, 0.5 up, 12.5 up and 87.5 down.
            (
                9,
                [1, 0, 2],
                "Of 3 errors, 33 % are multiplicity; 67 % are real mistakes.",
            ),
            (
                9,
                [2, 0, 1],
                "Of 3 errors, 67 % are multiplicity; 33 % are real mistakes.",
            ),
            (
                9,
                [1, 1, 1],
                "Of 3 errors, between 33 % and 67 % are multiplicity; 33 % are real mistakes.",
            ),
            (
                200,
                [1, 0, 199],
                "Of 200 errors, 1 % are multiplicity; 99 % are real mistakes.",
            ),
            (
                8,
                [1, 0, 7],
                "Of 8 errors, 13 % are multiplicity; 87 % are real mistakes.",
            ),
            (
                8,
                [1, 6, 1],
                "Of 8 errors, between 13 % and 88 % are multiplicity; 12 % are real mistakes.",
            ),
            // An interval that rounding closes.
            (
                9999,
                [300, 1, 699],
                "Of 1,000 errors, about 30 % are multiplicity; 70 % are real mistakes.",
            ),
            (
                9999,
                [0, 1, 999],
                "Of 1,000 errors, about 0 % are multiplicity; 100 % are real mistakes.",
            ),
        ] {
            assert_eq!(headline(&summary(n, groups)), said, "{groups:?}");
        }
    }

    #[test]
    fn the_bounds_say_what_they_allow_for() {
        let of = |interval, flagged| {
            let mut summary = summary(99, [3, 4, 5]);
            summary.multiplicity.interval_95 = interval;
            summary.suspects.flagged = flagged;
            bounds(&summary)
        };
        let interval = Some(Interval {
            low: 0.125,
            high: 0.6,
        });
        for (flagged, said) in [
            (0, "sampling:"),
            (1, "sampling and 1 suspect annotation:"),
            (1200, "sampling and 1,200 suspect annotations:"),
        ] {
            let expected = format!("Allowing for {said} 12.5 % to 60.0 % (95 %).");
            assert_eq!(of(interval, flagged), Some(expected));
        }
        assert_eq!(of(None, 3), None);
    }

    /// Of any counts: the upper bound and the mistakes are all there is, and the bounds are in order.
    #[test]
    fn the_parts_of_the_headline_add_up_to_a_hundred() {
        for confirmed in 0..12 {
            for possible in 0..12 {
                for mistakes in 0..12 {
                    if confirmed + possible + mistakes == 0 {
                        continue;
                    }
                    let groups = [confirmed, possible, mistakes];
                    let said = headline(&summary(99, groups));
                    let figures: Vec<u32> = said
                        .split(" %")
                        .filter_map(|before| before.rsplit(' ').next()?.parse().ok())
                        .collect();
                    let (low, high, rest) = match figures[..] {
                        [low, high, rest] => (low, high, rest),
                        [both, rest] => (both, both, rest),
                        _ => panic!("{said}"),
                    };
                    assert!(low <= high && high + rest == 100, "{said}");
                    assert_eq!(figures.len() == 3, low < high, "{said}");
                }
            }
        }
    }

    #[test]
    fn wide_labels_are_cut_to_columns_not_to_bytes() {
        for (text, width, cut_text) in [
            ("rectangle", 9, "rectangle"),
            ("rectangle", 5, "rect…"),
            ("長方形", 5, "長方…"),
        ] {
            assert_eq!(cut(text, width), cut_text);
        }
    }

    #[test]
    fn a_bar_fills_its_columns_at_one_and_shows_the_smallest_share() {
        assert_eq!(bar(0.0, BAR), "");
        assert_eq!(bar(1e-9, BAR), "▏");
        assert_eq!(bar(1.0, BAR).chars().count(), BAR);
    }
}
