//! The error by verdict, and by causes that overlap.

use std::fmt::Write;

use super::{Style, paint, percent, thousands};
use crate::score::{Group, Summary, VerdictRow};

/// Columns of the longest bar, and where it starts.
const BAR: usize = 22;
const BAR_STARTS: usize = 72;

pub fn breakdown(out: &mut String, summary: &Summary, style: Style) {
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
        Group::Correct => ("correct", summary.judged - summary.errors),
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
pub fn overlapping_causes(out: &mut String, summary: &Summary) {
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

/// A bar of eighths of a column, of so many columns for a share of 1; anything above zero shows.
fn bar(share: f64, columns: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share * (columns * 8) as f64).ceil() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

fn group_colour(group: Group) -> &'static str {
    match group {
        Group::Correct => "32",
        Group::Confirmed => "36",
        Group::Possible => "33",
        Group::Mistake => "31",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_its_columns_at_one_and_shows_the_smallest_share() {
        assert_eq!(bar(0.0, BAR), "");
        assert_eq!(bar(1e-9, BAR), "▏");
        assert_eq!(bar(1.0, BAR).chars().count(), BAR);
    }
}
