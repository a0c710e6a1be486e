//! Which verdict became which: that of the other run in rows, that of this one in columns.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{Compared, TRANSITIONS, WAYS, flips};
use crate::report::text::thousands;
use crate::score::Verdict;
use crate::tui::app::App;
use crate::tui::command::Command;
use crate::tui::theme::{glyph, level};
use crate::tui::widget::{Cell, Grid, pane};

const VERDICTS: usize = Verdict::ALL.len();
pub const SIZE: (usize, usize) = (VERDICTS, VERDICTS);
/// Heads, rows, what the selected cell says, and the frame.
pub const HEIGHT: u16 = VERDICTS as u16 + 5;

/// Where most images changed their verdict.
pub fn most_frequent(app: &App) -> (usize, usize) {
    let Some(comparison) = super::comparison(app) else {
        return (0, 0);
    };
    let all = (0..VERDICTS).flat_map(|a| (0..VERDICTS).map(move |b| (a, b)));
    let off = all.filter(|(a, b)| a != b);
    let count = |(a, b): (usize, usize)| comparison.transitions[a][b];
    let most = off.max_by_key(|&at| (count(at), std::cmp::Reverse(at)));
    most.filter(|&at| count(at) > 0).unwrap_or((0, 0))
}

pub fn perform(app: &mut App, command: Command) {
    app.compare.cell.perform(command, SIZE);
}

/// The number of the selected cell, line by line.
pub fn cell(app: &App) -> usize {
    let (row, column) = app.compare.cell.at();
    row * VERDICTS + column
}

pub fn select(app: &mut App, cell: usize) {
    app.compare.cell.set((cell / VERDICTS, cell % VERDICTS));
    app.compare.cell.clamp(SIZE);
}

fn verdicts(app: &App) -> (Verdict, Verdict) {
    let (row, column) = app.compare.cell.at();
    let of = |i: usize| Verdict::ALL[i.min(VERDICTS - 1)];
    (of(row), of(column))
}

pub fn value(app: &App, compared: &Compared) -> String {
    let (a, b) = verdicts(app);
    let count = compared.comparison.transitions[a as usize][b as usize];
    format!("{}\t{}\t{count}", a.name(), b.name())
}

/// Opens the flips of the selected transition: the language of filters knows one run. What kept its verdict is among the images that
/// have it now.
pub fn open(app: &mut App) {
    let (a, b) = verdicts(app);
    let count = super::comparison(app).map_or(0, |c| c.transitions[a as usize][b as usize]);
    match (count, a == b) {
        (0, _) => app.complain(format!("no image went from {} to {}", a.name(), b.name())),
        (_, true) => {
            super::show(app, format!("verdict:{}", b.name()));
        }
        (_, false) => {
            app.compare.transition = Some((a, b));
            app.compare.filter.clear();
            flips::list(app);
            app.compare.pane = WAYS;
        }
    }
}

pub fn draw(app: &App, frame: &mut Frame<'_>, area: Rect, compared: &Compared) {
    let in_focus = app.compare.pane == TRANSITIONS;
    let title = super::title(app, "Verdicts in A (rows) and in B (columns)");
    let inner = pane(frame, area, &title, in_focus, app.theme);
    let counts = &compared.comparison.transitions;
    let off = |a: usize, b: usize| if a == b { 0 } else { counts[a][b] };
    let all = (0..VERDICTS).flat_map(|a| (0..VERDICTS).map(move |b| (a, b)));
    let most = all.map(|(a, b)| off(a, b)).max().unwrap_or(0).max(1);
    let widest = counts.iter().flatten().copied().max().unwrap_or(0);
    // A blank, the count, and a mark behind it.
    let cell_width = (widest.to_string().len() + 2) as u16;
    let names = inner.width.saturating_sub(cell_width * VERDICTS as u16);
    let grid = Grid {
        size: SIZE,
        row: &|a| {
            let verdict = Verdict::ALL[a];
            let told = format!("{} {}", glyph(Some(verdict)), verdict.name());
            Cell::styled(told, app.theme.verdict(verdict))
        },
        column: &|b| format!("{} ", glyph(Some(Verdict::ALL[b]))),
        cell: &|a, b| {
            let count = counts[a][b];
            let share = off(a, b) as f64 / most as f64;
            match (count, a == b) {
                (0, true) => Cell::styled("\\ ", app.theme.dim()),
                (0, false) => Cell::styled("· ", app.theme.dim()),
                (count, true) => Cell::styled(format!("{count} "), app.theme.dim()),
                (count, false) => {
                    Cell::styled(format!("{count}{}", level(share)), app.theme.heat(share))
                }
            }
        },
        head_width: names.clamp(3, 17),
        cell_width,
        cursor: &app.compare.cell,
        in_focus,
        pane: TRANSITIONS,
        theme: app.theme,
    };
    let told = 2.min(inner.height);
    let cells = Rect {
        height: inner.height - told,
        ..inner
    };
    grid.draw(frame.buffer_mut(), cells, &app.hits);
    let y = cells.bottom() + told.saturating_sub(1);
    if told > 0 {
        let line = at_cell(app, compared);
        frame.buffer_mut().set_line(inner.x, y, &line, inner.width);
    }
}

/// The selected cell in full.
fn at_cell(app: &App, compared: &Compared) -> Line<'static> {
    let (a, b) = verdicts(app);
    let count = compared.comparison.transitions[a as usize][b as usize];
    let told = match a == b {
        true => format!("{} {} in both", glyph(Some(a)), a.name()),
        false => format!(
            "{} {} → {} {}",
            glyph(Some(a)),
            a.name(),
            glyph(Some(b)),
            b.name()
        ),
    };
    let n = compared.comparison.n.max(1);
    let share = 100.0 * count as f64 / n as f64;
    let images = if count == 1 { "image" } else { "images" };
    let counted = format!(": {} {images} ({share:.1} %)", thousands(count));
    Line::from(vec![
        Span::styled(told, app.theme.title()),
        Span::raw(counted),
    ])
}
