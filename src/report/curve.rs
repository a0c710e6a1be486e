//! The operating curve as a chart with a table, and as CSV.

use std::fmt::Write;

use super::text::{Style, percent, thousands};
use crate::score::{CurvePoint, OperatingCurve};

/// Lines of the chart, and its columns where the terminal has no width.
const LINES: usize = 16;
const COLUMNS: usize = 64;
/// What stands left of the chart.
const MARGIN: usize = 8;

/// Shares of correct answers of which the table shows the point that says most.
const SHARES: [f64; 9] = [0.99, 0.98, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5];

/// Figures, a chart of the correct share and of precision over recall, and points to work at.
pub fn render(curve: &OperatingCurve, style: Style) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "n {}   AP {}   AC {}   recall at 90 % correct {}, at 95 % {}",
        thousands(curve.n),
        percent(Some(curve.average_precision)),
        percent(Some(curve.average_correct)),
        percent(Some(curve.recall_at_90)),
        percent(Some(curve.recall_at_95)),
    );
    out.push('\n');
    let over_recall = |height: fn(&CurvePoint) -> f64| {
        let points = curve.points.iter();
        points.map(|point| (point.recall, height(point))).collect()
    };
    let chart = Chart {
        over: "recall",
        above: over_recall(|point| point.correct),
        below: over_recall(|point| point.precision),
        names: ["correct", "precision"],
    };
    chart.draw(&mut out, style);
    let _ = writeln!(
        out,
        "\n{:>10}{:>10}{:>11}{:>11}{:>11}{:>11}{:>11}",
        "at least", "correct", "threshold", "recall", "precision", "exact", "value"
    );
    for share in SHARES {
        let enough = curve.points.iter().filter(|point| point.correct >= share);
        // The last of equals: the lowest threshold that says as much.
        let best = enough.max_by(|a, b| a.recall.total_cmp(&b.recall));
        let line = match best {
            Some(point) => row(point),
            None => format!("{:>10}", "–"),
        };
        let _ = writeln!(out, "{:>8} %{line}", 100.0 * share);
    }
    out
}

fn row(point: &CurvePoint) -> String {
    format!(
        "{:>10}{:>11}{:>11}{:>11}{:>11}{:>11.3}",
        percent(Some(point.correct)),
        point
            .threshold
            .map_or("> all".to_owned(), |t| format!("{t:.4}")),
        percent(Some(point.recall)),
        percent(Some(point.precision)),
        percent(Some(point.exact)),
        point.value
    )
}

/// Two curves over the same shares from 0 to 1.
pub(super) struct Chart<'c> {
    /// What the shares are.
    pub over: &'c str,
    /// Share, and height up to 1.
    pub above: Vec<(f64, f64)>,
    pub below: Vec<(f64, f64)>,
    /// What the two are called.
    pub names: [&'c str; 2],
}

impl Chart<'_> {
    /// Draws both, from the least height that occurs to 1.
    pub fn draw(&self, out: &mut String, style: Style) {
        let columns = style.width.map_or(COLUMNS, |width| {
            width.saturating_sub(MARGIN + 1).clamp(20, 100)
        });
        let heights = self.above.iter().chain(&self.below);
        let least = heights.fold(1.0, |least: f64, &(_, height)| least.min(height));
        // A tenth below, so that a curve that is all but flat does not look steep.
        let least = ((least * 10.0).floor() / 10.0).min(0.9);
        let mut grid = vec![vec![' '; columns]; LINES];
        let mut mark = |(share, height): (f64, f64), with: char| {
            let column = ((share * (columns - 1) as f64).round() as usize).min(columns - 1);
            let above = (height - least) / (1.0 - least) * (LINES - 1) as f64;
            let line = LINES - 1 - (above.round().max(0.0) as usize).min(LINES - 1);
            let cell = &mut grid[line][column];
            *cell = match *cell {
                ' ' => with,
                same if same == with => with,
                _ => '*',
            };
        };
        self.below.iter().for_each(|&point| mark(point, '·'));
        self.above.iter().for_each(|&point| mark(point, '●'));
        for (i, line) in grid.iter().enumerate() {
            let height = 1.0 - (1.0 - least) * i as f64 / (LINES - 1) as f64;
            let label = match i % 5 {
                0 => format!("{:.0} %", 100.0 * height),
                _ => String::new(),
            };
            let line: String = line.iter().collect();
            let _ = writeln!(out, "{}", format!("{label:>6} │{line}").trim_end());
        }
        let _ = writeln!(out, "{:>6} └{}", "", "─".repeat(columns));
        let middle = columns / 2;
        let _ = writeln!(
            out,
            "{:>7}0{:>middle$}{:>rest$}",
            "",
            "50 %",
            "100 %",
            rest = columns - middle
        );
        let [above, below] = self.names;
        let over = self.over;
        let _ = writeln!(out, "{:>8}{over}   ● {above}   · {below}   * both", "");
    }
}

/// Every point as CSV; the threshold of the first, above which nothing is answered, is empty.
pub fn csv(curve: &OperatingCurve) -> String {
    let mut out = String::from("threshold,correct,exact,recall,precision,value\n");
    for point in &curve.points {
        let threshold = point.threshold.map_or(String::new(), |t| t.to_string());
        let _ = writeln!(
            out,
            "{threshold},{},{},{},{},{}",
            point.correct, point.exact, point.recall, point.precision, point.value
        );
    }
    out
}
