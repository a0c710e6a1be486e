//! Uncertainty against error as a chart with a table, and as CSV.

use std::fmt::Write;

use super::curve::Chart;
use super::text::{Style, percent, thousands};
use crate::score::{RiskCurve, RiskPoint};

/// Shares of the images of which the table shows what is wrong among the most certain.
const SHARES: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// Figures, a chart of what is not wrong over the share of images that are answered, and points of it.
pub fn render(curve: &RiskCurve, style: Style) -> String {
    let mut out = String::new();
    let of = &curve.areas;
    let _ = writeln!(
        out,
        "n {}   mean uncertainty {:.4}",
        thousands(of.n),
        of.mean
    );
    for (what, risk) in [("errors", of.errors), ("mistakes", of.mistakes)] {
        let _ = writeln!(
            out,
            "{what:<9} {} of all; mean over all shares {}, at least {}, by chance {}",
            percent(Some(risk.rate)),
            percent(Some(risk.area)),
            percent(Some(risk.least)),
            percent(Some(risk.rate)),
        );
    }
    out.push('\n');
    let over_coverage = |wrong: fn(&RiskPoint) -> f64| {
        let points = curve.points.iter();
        let points = points.map(|point| (point.coverage, 1.0 - wrong(point)));
        points.collect()
    };
    let chart = Chart {
        over: "coverage, the most certain first",
        above: over_coverage(|point| point.errors),
        below: over_coverage(|point| point.mistakes),
        names: ["exact", "no mistake"],
    };
    chart.draw(&mut out, style);
    let _ = writeln!(
        out,
        "\n{:>10}{:>12}{:>14}{:>10}{:>10}",
        "at least", "coverage", "uncertainty", "errors", "mistakes"
    );
    for share in SHARES {
        // The fewest images that are as many.
        let point = curve.points.iter().find(|point| point.coverage >= share);
        if let Some(point) = point {
            let _ = writeln!(
                out,
                "{:>8} %{:>12}{:>14.5}{:>10}{:>10}",
                (100.0 * share).round(),
                percent(Some(point.coverage)),
                point.uncertainty,
                percent(Some(point.errors)),
                percent(Some(point.mistakes)),
            );
        }
    }
    out
}

/// Every point as CSV.
pub fn csv(curve: &RiskCurve) -> String {
    let mut out = String::from("uncertainty,coverage,errors,mistakes\n");
    for point in &curve.points {
        let _ = writeln!(
            out,
            "{},{},{},{}",
            point.uncertainty, point.coverage, point.errors, point.mistakes
        );
    }
    out
}
