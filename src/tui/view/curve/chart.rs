//! The chart: the share of correct answers as a line, and precision as dots, over recall.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::walk;
use crate::run::Operating;
use crate::score::{CurvePoint, CurveValue};
use crate::tui::app::{App, Hit};
use crate::tui::text;
use crate::tui::theme::Theme;
use crate::tui::widget::pane;

/// Points that are nearer to one another than this look the same on any screen.
const APART: f64 = 1.0 / 2000.0;

/// The numbers of the points that a chart needs, of what may be millions.
pub fn outline(points: &[CurvePoint]) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    for (i, point) in points.iter().enumerate() {
        let is_apart = kept.last().is_none_or(|&last| {
            let last = &points[last];
            let apart = |a: f64, b: f64| (a - b).abs() >= APART;
            apart(point.recall, last.recall)
                || apart(point.correct, last.correct)
                || apart(point.precision, last.precision)
        });
        if is_apart || i + 1 == points.len() {
            kept.push(i);
        }
    }
    kept
}

/// Room left of the chart, for shares.
const MARGIN: u16 = 7;
/// Lines below it: the axis, its labels, the legend.
const BELOW: u16 = 3;

/// What is where on the screen.
struct Scale {
    area: Rect,
    /// The share at the bottom.
    least: f64,
}

impl Scale {
    /// Which of so many columns and rows of the area a point is in.
    fn place(&self, recall: f64, share: f64, columns: u16, rows: u16) -> (i32, i32) {
        let along = |part: f64, cells: u16| {
            let last = f64::from(cells.saturating_sub(1));
            (part.clamp(0.0, 1.0) * last).round() as i32
        };
        let above = (share - self.least) / (1.0 - self.least);
        (along(recall, columns), along(1.0 - above, rows))
    }

    fn cell(&self, recall: f64, share: f64) -> (u16, u16) {
        let (x, y) = self.place(recall, share, self.area.width, self.area.height);
        (self.area.x + x as u16, self.area.y + y as u16)
    }

    /// The same in the dots of braille, 2 × 4 a cell.
    fn dot(&self, recall: f64, share: f64) -> (i32, i32) {
        self.place(recall, share, self.area.width * 2, self.area.height * 4)
    }
}

pub fn draw(app: &App, found: &Operating, frame: &mut Frame<'_>, area: Rect) {
    let theme = app.theme;
    let inner = pane(frame, area, "Operating curve", true, theme);
    app.hits.add(area, Hit::Pane(0));
    app.curve.columns.set(0);
    if inner.width < MARGIN + 8 || inner.height < BELOW + 3 {
        return;
    }
    let points: Vec<&CurvePoint> = outlined(app, found);
    let shares = points.iter().flat_map(|p| [p.correct, p.precision]);
    let least = shares.fold(1.0, f64::min);
    let scale = Scale {
        area: Rect {
            x: inner.x + MARGIN,
            y: inner.y,
            width: inner.width - MARGIN,
            height: inner.height - BELOW,
        },
        // A tenth below, so that a curve that is all but flat does not look steep.
        least: ((least * 10.0).floor() / 10.0).clamp(0.0, 0.9),
    };
    let buffer = frame.buffer_mut();
    axes(buffer, &scale, app.curve.value, theme);
    let at = walk::index_at(&found.curve.points, super::threshold(app));
    let at = &found.curve.points[at];
    upright(buffer, &scale, at, theme);
    dots(buffer, &scale, &points, theme.orange());
    line(buffer, &scale, &points, theme.blue());
    for (point, [correct, precision]) in [(&found.present, NOW), (at, CURSOR)] {
        mark(buffer, &scale, point.recall, point.precision, precision);
        mark(buffer, &scale, point.recall, point.correct, correct);
    }
    legend(buffer, inner, theme);
    app.curve.columns.set(scale.area.width);
    for column in 0..scale.area.width {
        let x = scale.area.x + column;
        let strip = Rect {
            x,
            width: 1,
            ..scale.area
        };
        app.hits.add(strip, Hit::Row(0, usize::from(column)));
    }
}

fn outlined<'a>(app: &App, found: &'a Operating) -> Vec<&'a CurvePoint> {
    let numbers = app.curve.outline.iter();
    numbers.filter_map(|&i| found.curve.points.get(i)).collect()
}

/// Marks of the correct share and of precision: where the run's answers are, and where the cursor is.
const NOW: [&str; 2] = ["●", "○"];
const CURSOR: [&str; 2] = ["◆", "◇"];
const DOT: &str = "·";

fn put(buffer: &mut Buffer, (x, y): (u16, u16), symbol: &str, style: Style) {
    if let Some(cell) = buffer.cell_mut((x, y)) {
        cell.set_symbol(symbol).set_style(style);
    }
}

fn mark(buffer: &mut Buffer, scale: &Scale, recall: f64, share: f64, symbol: &str) {
    let bold = Style::new().add_modifier(ratatui::style::Modifier::BOLD);
    // Reset: the colour of the line below it says what it is, and the mark that it is a mark.
    put(buffer, scale.cell(recall, share), symbol, bold);
}

fn axes(buffer: &mut Buffer, scale: &Scale, value: CurveValue, theme: Theme) {
    let area = scale.area;
    let dim = theme.dim();
    let every = (area.height / 4).max(2);
    let last = area.height - 1;
    for row in 0..area.height {
        let y = area.y + row;
        let has_label = row.is_multiple_of(every) && (last - row >= 2 || row == 0) || row == last;
        let label = match has_label {
            true => {
                let down = f64::from(row) / f64::from(last.max(1));
                let share = 1.0 - (1.0 - scale.least) * down;
                format!("{:>4.0} %", 100.0 * share)
            }
            false => String::new(),
        };
        let tick = if has_label { "┤" } else { "│" };
        let x = area.x - MARGIN;
        buffer.set_stringn(x, y, label, usize::from(MARGIN) - 1, dim);
        put(buffer, (area.x - 1, y), tick, dim);
    }
    let y = area.bottom();
    put(buffer, (area.x - 1, y), "└", dim);
    for x in area.left()..area.right() {
        put(buffer, (x, y), "─", dim);
    }
    let width = usize::from(area.width);
    let title = match (value, width) {
        (_, ..24) => "recall",
        (CurveValue::Information, _) => "recall in bits",
        (CurveValue::Depth, _) => "recall in levels",
    };
    buffer.set_stringn(area.x, y + 1, "0", width, dim);
    let middle = area.x + area.width.saturating_sub(title.len() as u16) / 2;
    buffer.set_stringn(middle, y + 1, title, width, dim);
    let end = area.right().saturating_sub(5);
    buffer.set_stringn(end, y + 1, "100 %", 5, dim);
}

/// The line that the cursor is on.
fn upright(buffer: &mut Buffer, scale: &Scale, at: &CurvePoint, theme: Theme) {
    let (x, _) = scale.cell(at.recall, 1.0);
    for y in scale.area.top()..scale.area.bottom() {
        put(buffer, (x, y), "│", theme.title());
    }
    put(buffer, (x, scale.area.bottom()), "┴", theme.title());
}

/// Precision: a dot in each cell that it goes through.
fn dots(buffer: &mut Buffer, scale: &Scale, points: &[&CurvePoint], style: Style) {
    let cell = |p: &CurvePoint| {
        let (x, y) = scale.cell(p.recall, p.precision);
        (i32::from(x), i32::from(y))
    };
    join(points.iter().map(|p| cell(p)), |x, y| {
        put(buffer, (x as u16, y as u16), DOT, style);
    });
}

/// The correct share, as a line of braille.
fn line(buffer: &mut Buffer, scale: &Scale, points: &[&CurvePoint], style: Style) {
    const BITS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
    let area = scale.area;
    let width = usize::from(area.width);
    let mut cells = vec![0u32; width * usize::from(area.height)];
    let dots = points.iter().map(|p| scale.dot(p.recall, p.correct));
    join(dots, |x, y| {
        let (column, row) = ((x / 2) as usize, (y / 4) as usize);
        if let Some(cell) = cells.get_mut(row * width + column) {
            *cell |= BITS[(y % 4) as usize][(x % 2) as usize];
        }
    });
    for (i, dots) in cells.into_iter().enumerate().filter(|&(_, dots)| dots > 0) {
        let symbol = char::from_u32(0x2800 + dots).unwrap_or('•').to_string();
        let place = (area.x + (i % width) as u16, area.y + (i / width) as u16);
        put(buffer, place, &symbol, style);
    }
}

/// Every place on the lines between neighbouring places.
fn join(places: impl Iterator<Item = (i32, i32)>, mut draw: impl FnMut(i32, i32)) {
    let mut before = None;
    for (x, y) in places {
        let (from_x, from_y) = before.unwrap_or((x, y));
        let (dx, dy) = (x - from_x, y - from_y);
        let steps = dx.abs().max(dy.abs());
        if before.is_none() {
            draw(x, y);
        }
        for step in 1..=steps {
            let part = f64::from(step) / f64::from(steps);
            let along = |from: i32, by: i32| from + (f64::from(by) * part).round() as i32;
            draw(along(from_x, dx), along(from_y, dy));
        }
        before = Some((x, y));
    }
}

fn legend(buffer: &mut Buffer, inner: Rect, theme: Theme) {
    let plain = Style::new();
    let parts = [
        ("⠤".to_owned(), "correct", theme.blue()),
        (DOT.to_owned(), "precision", theme.orange()),
        (CURSOR.concat(), "cursor", plain),
        (NOW.concat(), "now", plain),
    ];
    let gap = if inner.width < 44 { 1 } else { 3 };
    let (mut x, y) = (inner.x, inner.bottom() - 1);
    for (sign, what, style) in parts {
        let needs = (text::width(&sign) + 1 + text::width(what)) as u16;
        if x + needs > inner.right() {
            break;
        }
        let (after, _) = buffer.set_stringn(x, y, &sign, usize::from(needs), style);
        buffer.set_stringn(after + 1, y, what, text::width(what), plain);
        x += needs + gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_leaves_out_what_cannot_be_seen() {
        let point = |recall: f64| CurvePoint {
            threshold: Some(1.0 - recall),
            correct: 1.0,
            exact: 0.0,
            recall,
            precision: 1.0,
            value: 0.0,
        };
        let points: Vec<CurvePoint> = (0..=100_000).map(|i| point(f64::from(i) / 1e5)).collect();
        let kept = outline(&points);
        assert!((1900..2100).contains(&kept.len()), "{}", kept.len());
        assert_eq!((kept[0], *kept.last().unwrap()), (0, 100_000));
        assert_eq!(outline(&points[..1]), [0]);
    }

    #[test]
    fn lines_have_no_gaps() {
        let check = |places: &[(i32, i32)], expected: &[(i32, i32)]| {
            let mut drawn = Vec::new();
            join(places.iter().copied(), |x, y| drawn.push((x, y)));
            assert_eq!(drawn, expected);
        };
        check(&[(0, 0)], &[(0, 0)]);
        check(&[(0, 0), (0, 0), (2, 1)], &[(0, 0), (1, 1), (2, 1)]);
        check(&[(1, 3), (0, 0)], &[(1, 3), (1, 2), (0, 1), (0, 0)]);
    }
}
