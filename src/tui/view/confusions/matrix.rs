//! The labels with the most confusions as a matrix: annotated in rows, answered in columns.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use serde_json::{Value, json};

use crate::report::text::thousands;
use crate::run::{ConfusedPair, ConfusionMatrix, Confusions, Opened};
use crate::tui::app::{App, Hit};
use crate::tui::command::Command;
use crate::tui::sheet::Sheet;
use crate::tui::text;
use crate::tui::theme::{glyph, level};
use crate::tui::view::overview::{main_verdict, name};
use crate::tui::widget::{Cell, Grid, GridCursor, pane};

use super::list::{Key, Order};

/// The part of the view that the matrix is.
pub const PANE: usize = 2;
/// Columns of the terminal that it needs.
pub const LEAST: u16 = 100;
/// Labels that are shown at most: those with the most errors.
const MOST: usize = 60;

#[derive(Debug, Default)]
pub struct State {
    pub is_shown: bool,
    /// The cell that is to be selected when it is there.
    pub wanted: Option<(String, String)>,
    made: Option<Made>,
    cursor: GridCursor,
}

#[derive(Debug)]
struct Made {
    key: Key,
    matrix: ConfusionMatrix,
    /// The most images in a cell off the diagonal, and in any.
    most: usize,
    widest: usize,
}

pub fn needs_room(width: u16) -> String {
    format!("the matrix needs {LEAST} columns, and this terminal has {width}")
}

/// Makes the matrix of the pairs that match, if it is shown and another one is needed.
pub fn refresh(app: &mut App, run: &Opened) {
    let state = &app.confusions;
    let Some(listed) = state.listed.as_ref().filter(|_| state.matrix.is_shown) else {
        return;
    };
    // The order of the list makes no other matrix.
    let key = Key {
        order: Order::default(),
        ..listed.key.clone()
    };
    if (state.matrix.made.as_ref()).is_some_and(|made| made.key == key) {
        return;
    }
    let matrix = match listed.rows.len() == listed.found.pairs.len() {
        true => listed.found.matrix(&run.taxonomy, MOST),
        false => {
            let rows = listed.rows.iter();
            let pairs = rows.map(|&row| listed.found.pairs[row as usize].clone());
            let matching = Confusions {
                pairs: pairs.collect(),
                exact: listed.found.exact.clone(),
                ..*listed.found
            };
            matching.matrix(&run.taxonomy, MOST)
        }
    };
    let wanted = app
        .confusions
        .matrix
        .wanted
        .take()
        .or_else(|| selected(app));
    let at = wanted.and_then(|wanted| place(&matrix, &wanted));
    let most = most(&matrix);
    let widest = matrix.counts.iter().flatten().copied().max().unwrap_or(0);
    let state = &mut app.confusions.matrix;
    // The worst cell is where one begins.
    state.cursor.set(at.unwrap_or(most.1));
    state.made = Some(Made {
        key,
        matrix,
        most: most.0,
        widest,
    });
}

/// The greatest number off the diagonal and where it is, else of all.
fn most(matrix: &ConfusionMatrix) -> (usize, (usize, usize)) {
    let n = matrix.labels.len();
    let cells = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
    let off = cells.filter(|(i, j)| i != j);
    let most = off.max_by_key(|&(i, j)| (matrix.counts[i][j], std::cmp::Reverse((i, j))));
    most.map_or((0, (0, 0)), |(i, j)| (matrix.counts[i][j], (i, j)))
}

fn place(matrix: &ConfusionMatrix, (truth, answer): &(String, String)) -> Option<(usize, usize)> {
    let at = |id: &String| matrix.labels.iter().position(|label| label == id);
    Some((at(truth)?, at(answer)?))
}

/// The ids of the selected cell.
pub fn selected(app: &App) -> Option<(String, String)> {
    let state = &app.confusions.matrix;
    let labels = &state.made.as_ref()?.matrix.labels;
    let (row, column) = state.cursor.at();
    Some((labels.get(row)?.clone(), labels.get(column)?.clone()))
}

/// The number of the selected cell, line by line.
pub fn cell(app: &App) -> Option<usize> {
    let state = &app.confusions.matrix;
    let n = state.made.as_ref()?.matrix.labels.len();
    let (row, column) = state.cursor.at();
    Some(row * n + column)
}

pub fn select(app: &mut App, cell: usize) {
    let state = &mut app.confusions.matrix;
    let n = state.made.as_ref().map_or(0, |m| m.matrix.labels.len());
    // There may be no matrix any more.
    let width = n.max(1);
    state.cursor.set((cell / width, cell % width));
    state.cursor.clamp((n, n));
}

pub fn perform(app: &mut App, command: Command) {
    let state = &mut app.confusions.matrix;
    let n = state.made.as_ref().map_or(0, |m| m.matrix.labels.len());
    state.cursor.perform(command, (n, n));
}

pub fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let state = &app.confusions.matrix;
    let made = state.made.as_ref().filter(|m| !m.matrix.labels.is_empty());
    let n = made.map_or(0, |made| made.matrix.labels.len());
    let which = match n == MOST {
        true => format!("the {MOST} labels with the most confusions"),
        false => format!("{n} labels"),
    };
    let title = format!("Matrix of {which}{}", super::told(app));
    let inner = pane(frame, area, &title, true, app.theme);
    app.hits.add(area, Hit::Pane(PANE));
    let told = match made {
        _ if app.size.0 < LEAST => {
            let needs = needs_room(app.size.0);
            format!(
                "{}{}. v shows the list.",
                needs[..1].to_uppercase(),
                &needs[1..]
            )
        }
        None => super::nothing(app),
        Some(made) => return draw_matrix(app, frame, inner, made),
    };
    super::super::paragraph(frame, inner, &told, app.theme.dim());
}

fn draw_matrix(app: &App, frame: &mut Frame<'_>, area: Rect, made: &Made) {
    let below = 2.min(area.height);
    let matrix = &made.matrix;
    let n = matrix.labels.len();
    let names: Vec<&str> = matrix.labels.iter().map(|id| name(app, id)).collect();
    let widest = names
        .iter()
        .map(|name| text::width(name))
        .max()
        .unwrap_or(0);
    let digits = n.to_string().len();
    let others = |counts: &[usize]| counts.iter().any(|&count| count > 0);
    let elsewhere = others(&matrix.answered_elsewhere);
    let counts_width = made.widest.to_string().len();
    let grid = Grid {
        size: (n, n),
        row: &|i| Cell::new(format!("{:>digits$} {}", i + 1, names[i])),
        column: &|j| (j + 1).to_string(),
        cell: &|i, j| matrix_cell(app, made, i, j),
        head_width: (widest + digits + 2).min(30) as u16,
        // A blank, the count, and a mark behind it.
        cell_width: (counts_width + 2).max(digits + 1) as u16,
        cursor: &app.confusions.matrix.cursor,
        in_focus: true,
        pane: PANE,
        theme: app.theme,
    };
    let cells = Rect {
        height: area.height - below,
        ..area
    };
    grid.draw(frame.buffer_mut(), cells, &app.hits);
    let lines = [at_cell(app, made), legend(elsewhere)];
    for (y, line) in (cells.bottom()..area.bottom()).zip(lines) {
        frame.buffer_mut().set_line(area.x, y, &line, area.width);
    }
}

/// A count with a mark for how much it is; on the diagonal, what is right, and errors within a group.
fn matrix_cell(app: &App, made: &Made, row: usize, column: usize) -> Cell {
    let count = made.matrix.counts[row][column];
    if row == column {
        let right = match count {
            0 => "\\ ".to_owned(),
            count => format!("{count}="),
        };
        return Cell::styled(right, app.theme.dim());
    }
    if count == 0 {
        return Cell::styled("· ", app.theme.dim());
    }
    let share = count as f64 / made.most.max(1) as f64;
    Cell::styled(format!("{count}{}", level(share)), app.theme.heat(share))
}

/// The selected cell in full.
fn at_cell(app: &App, made: &Made) -> Line<'static> {
    let matrix = &made.matrix;
    let (row, column) = app.confusions.matrix.cursor.at();
    let (Some(truth), Some(answer)) = (matrix.labels.get(row), matrix.labels.get(column)) else {
        return Line::default();
    };
    let count = matrix.counts[row][column];
    let of_truth = matrix.counts[row].iter().sum::<usize>() + matrix.answered_elsewhere[row];
    let share = 100.0 * count as f64 / of_truth.max(1) as f64;
    let names = format!("{} → {}", name(app, truth), name(app, answer));
    let counted = format!(
        ": {} of {} images ({share:.1} %)",
        thousands(count),
        thousands(of_truth)
    );
    let more = match (row == column, pair(app, truth, answer)) {
        (true, _) => {
            let errors = count.saturating_sub(matrix.exact[row]);
            format!(", {} right, {errors} errors within", matrix.exact[row])
        }
        (false, Some(pair)) => {
            let verdict = main_verdict(pair);
            let told = verdict.map_or("", |v| v.name());
            let glyph = glyph(verdict);
            format!(
                ", {glyph} {told}, excess {:+.1}, cost {:.1}",
                pair.excess, pair.cost
            )
        }
        (false, None) => String::new(),
    };
    Line::from(vec![
        Span::styled(names, app.theme.title()),
        Span::raw(counted + &more),
    ])
}

fn pair<'a>(app: &'a App, truth: &str, answer: &str) -> Option<&'a ConfusedPair> {
    let listed = app.confusions.listed.as_ref()?;
    let is_it = |pair: &&ConfusedPair| pair.truth == truth && pair.answer == answer;
    listed.found.pairs.iter().find(is_it)
}

fn legend(elsewhere: bool) -> Line<'static> {
    let others = match elsewhere {
        true => "; answers that are none of these labels are not shown",
        false => "",
    };
    Line::raw(format!(
        "rows: annotated, columns: answered, numbered as the rows; = right{others}"
    ))
}

/// The matrix as it is: a row a label.
pub fn sheet(app: &App) -> Option<Sheet> {
    let matrix = app.confusions.matrix.made.as_ref()?.matrix.clone();
    let labels = matrix.labels.iter().cloned();
    let columns = std::iter::once("annotated".to_owned()).chain(labels);
    let columns = columns.chain(["answered_elsewhere".to_owned()]);
    // The last row is of what is answered so and annotated otherwise.
    Some(Sheet {
        columns: columns.collect(),
        len: matrix.labels.len() + 1,
        row: Box::new(move |i| match matrix.labels.get(i) {
            Some(label) => {
                let counts = matrix.counts[i].iter().map(|count| json!(count));
                let cells = std::iter::once(json!(label)).chain(counts);
                cells.chain([json!(matrix.answered_elsewhere[i])]).collect()
            }
            None => {
                let counts = matrix.from_elsewhere.iter().map(|count| json!(count));
                let cells = std::iter::once(json!("from_elsewhere")).chain(counts);
                cells.chain([Value::Null]).collect()
            }
        }),
    })
}
