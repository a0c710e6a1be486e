//! The laboratory's table: for each annotator what was planted, what cladist claims, and whether it holds.

use std::fmt::Write;

use super::demo::contains;
use super::text::percent;
use crate::demo::Planted;
use crate::score::{Interval, Multiplicity};

/// One annotator with one rate of errors.
#[derive(Debug, Clone)]
pub struct Cell {
    pub annotator: String,
    pub error_rate: f64,
    pub planted: Planted,
    /// What cladist says.
    pub multiplicity: Multiplicity,
}

impl Cell {
    /// Whether the 95 % interval holds the planted share.
    pub fn is_held(&self) -> bool {
        let interval = self.multiplicity.interval_95;
        interval.is_some_and(|interval| contains(interval, &self.planted))
    }

    fn headline_holds(&self) -> bool {
        let headline = self.multiplicity.share_of_error;
        headline.is_some_and(|interval| contains(interval, &self.planted))
    }
}

/// A row a cell, and what they come to, as Markdown.
pub fn render(cells: &[Cell]) -> String {
    let mut out = String::new();
    let header = [
        "annotator",
        "errors in labels",
        "errors",
        "planted",
        "headline",
        "holds it",
        "95 % interval",
        "holds it",
        "width",
        "wrong labels found",
        "false alarms",
    ];
    let _ = writeln!(out, "\n| {} |", header.join(" | "));
    let _ = writeln!(out, "|---|{}", "--:|".repeat(header.len() - 1));
    let yes_no = |holds| if holds { "yes" } else { "**no**" };
    for cell in cells {
        let (planted, claimed) = (&cell.planted, &cell.multiplicity);
        let row = [
            cell.annotator.clone(),
            format!("{:.0} %", 100.0 * cell.error_rate),
            planted.errors.to_string(),
            percent(planted.share()),
            interval(claimed.share_of_error),
            yes_no(cell.headline_holds()).to_owned(),
            interval(claimed.interval_95),
            yes_no(cell.is_held()).to_owned(),
            claimed
                .interval_95
                .map_or("n/a".to_owned(), |i| points(i.high - i.low)),
            format!(
                "{} of {}",
                planted.wrong_and_suspect, planted.wrong_annotations
            ),
            planted.right_but_suspect.to_string(),
        ];
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    let held = |holds: fn(&Cell) -> bool| cells.iter().filter(|c| holds(c)).count();
    let _ = writeln!(
        out,
        "\nThe headline holds the planted share in {} of {} cells, the 95 % interval in {}; its width is {} in the middle, \
         {} at most.",
        held(Cell::headline_holds),
        cells.len(),
        held(Cell::is_held),
        points(width(cells, 0.5)),
        points(width(cells, 1.0)),
    );
    out
}

/// The width of the interval at this place among the cells by width.
fn width(cells: &[Cell], place: f64) -> f64 {
    let mut widths: Vec<f64> = cells
        .iter()
        .filter_map(|cell| cell.multiplicity.interval_95)
        .map(|interval| interval.high - interval.low)
        .collect();
    widths.sort_unstable_by(f64::total_cmp);
    let last = widths.len().saturating_sub(1);
    widths
        .get((place * last as f64) as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

fn interval(interval: Option<Interval>) -> String {
    interval.map_or("n/a".to_owned(), |i| {
        format!("{:.1} to {:.1} %", 100.0 * i.low, 100.0 * i.high)
    })
}

/// A difference of two shares in percentage points.
fn points(difference: f64) -> String {
    format!("{:.1} points", 100.0 * difference)
}
