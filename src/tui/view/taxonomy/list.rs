//! The tree, drawn: only the rows that are seen are made.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::columns::COLUMNS;
use super::order::{By, Order};
use super::places::Place;
use super::{figures, shown};
use crate::report::text::thousands;
use crate::run::{NodeFigures, Opened};
use crate::tui::app::{App, Hit};
use crate::tui::text;
use crate::tui::widget::{Cell, Column, Table, pane};

/// The pane that the marks of branches are told to be, for the mouse: a click on one opens or closes it.
pub const MARKS: usize = 2;

/// What there is room for.
struct Layout {
    /// Columns between the levels of the tree, and at most before a name.
    step: usize,
    indent: usize,
    /// Columns of the names.
    names: u16,
    /// Whether it is told how many places a node has.
    has_places: bool,
    /// The figures, by their places among [`COLUMNS`].
    figures: Vec<usize>,
}

impl Layout {
    fn new(app: &App, width: u16) -> Self {
        let state = &app.taxonomy;
        let least = (width * 2 / 5).max(18);
        let places = if state.has_shared { 4 } else { 0 };
        let mut names = width.saturating_sub(places);
        let mut figures = Vec::new();
        for column in shown(&state.columns) {
            let needs = column_width(app, column) + 1;
            if names < least + needs {
                break;
            }
            names -= needs;
            figures.push(column);
        }
        Self {
            step: if names < 30 { 1 } else { 2 },
            indent: usize::from(names / 2),
            names,
            has_places: state.has_shared,
            figures,
        }
    }

    /// Blanks before the mark of a branch.
    fn indent(&self, place: Place) -> usize {
        (place.depth as usize * self.step).min(self.indent)
    }

    fn columns(&self, app: &App) -> Vec<Column> {
        let mut columns = vec![Column::text("name", 1)];
        if self.has_places {
            columns.push(Column::fixed("", 3));
        }
        let figures = self.figures.iter().map(|&column| {
            let width = column_width(app, column);
            Column::number(COLUMNS[column].head, width)
        });
        columns.extend(figures);
        columns
    }

    /// Which of the columns orders the rows.
    fn sorted(&self, order: Order) -> Option<(usize, bool)> {
        let column = match order.by {
            By::File => return None,
            By::Name => 0,
            By::Figure(figure) => {
                let at = self.figures.iter().position(|&f| f == figure)?;
                1 + usize::from(self.has_places) + at
            }
        };
        Some((column, order.descending))
    }
}

fn column_width(app: &App, column: usize) -> u16 {
    let column = &COLUMNS[column];
    let counts = || app.run().map_or(1, |run| thousands(run.len()).len() as u16);
    // With room for an arrow beside the title.
    let least = column.head.chars().count() as u16 + 1;
    column.width.unwrap_or_else(counts).max(least)
}

pub fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let Some(run) = app.run() else { return };
    let state = &app.taxonomy;
    let is_focused = state.pane == 0;
    let inner = pane(frame, area, &title(app, run), is_focused, app.theme);
    app.hits.add(area, Hit::Pane(0));
    let layout = Layout::new(app, inner.width);
    let figures = figures(app);
    let table = Table {
        columns: &layout.columns(app),
        sorted: layout.sorted(state.order),
        len: state.places.rows().len(),
        row: &|row| cells(app, run, figures, &layout, row),
        cursor: &state.cursor,
        in_focus: is_focused,
        pane: 0,
        theme: app.theme,
    };
    let buffer = frame.buffer_mut();
    table.draw(buffer, inner, &app.hits);
    let rows = state.places.rows();
    let height = usize::from(inner.height.saturating_sub(1));
    let visible = state.cursor.visible(rows.len(), height);
    for (y, row) in (inner.y + 1..).zip(visible) {
        let line = Rect {
            y,
            height: 1,
            ..inner
        };
        mark_hits(app, run, line, &layout, row);
        if let Some(found) = found_at(app, run, line, &layout, rows[row]) {
            buffer.set_style(found, app.theme.found());
        }
    }
}

/// Where a click opens or closes.
fn mark_hits(app: &App, run: &Opened, line: Rect, layout: &Layout, row: usize) {
    let state = &app.taxonomy;
    if row == state.cursor.at() && state.pane != 0 {
        // It is selected, but one is elsewhere: a click comes back to it.
        app.hits.add(line, Hit::Pane(0));
    }
    let Some(place) = state.places.get(row) else {
        return;
    };
    if !run.taxonomy.children(place.node).is_empty() {
        let indent = (layout.indent(place) as u16).min(line.width);
        let mark = Rect {
            x: line.x + indent,
            width: 2.min(line.width - indent),
            ..line
        };
        app.hits.add(mark, Hit::Row(MARKS, row));
    }
}

/// Where in a line that stands which was searched for; all of the name where it is in the id or in another name.
fn found_at(app: &App, run: &Opened, line: Rect, layout: &Layout, place: Place) -> Option<Rect> {
    let search = app.taxonomy.search.as_ref()?;
    let is_match = search.is_match(place.node);
    let label = run.taxonomy.label(place.node);
    let (lower, searched) = (label.to_lowercase(), search.text.to_lowercase());
    let found = lower.find(&searched).map(|at| at..at + searched.len());
    let (from, width) = match found.and_then(|at| Some((label.get(..at.start)?, label.get(at)?))) {
        Some((before, found)) => (text::width(before), text::width(found)),
        None => (0, text::width(label)),
    };
    let from = (layout.indent(place) + 2 + from).min(usize::from(layout.names.min(line.width)));
    let room = usize::from(layout.names.min(line.width)) - from;
    is_match.then(|| Rect {
        x: line.x + from as u16,
        width: width.min(room) as u16,
        ..line
    })
}

fn title(app: &App, run: &Opened) -> String {
    let state = &app.taxonomy;
    let nodes = format!("{} nodes", thousands(run.taxonomy.len()));
    let order = match state.order {
        order if order == Order::default() => String::new(),
        order => format!(" · {}", order.told()),
    };
    match &state.search {
        None => format!("Taxonomy {nodes}{order}"),
        Some(search) => {
            let at = super::selected(app).and_then(|node| search.number(node));
            let at = at.map_or(String::new(), |at| format!("{} of ", thousands(at + 1)));
            let of = thousands(search.len());
            format!("/{} {at}{of} · {nodes}{order}", search.text)
        }
    }
}

fn cells(
    app: &App,
    run: &Opened,
    figures: Option<&NodeFigures>,
    layout: &Layout,
    row: usize,
) -> Vec<Cell> {
    let Some(place) = app.taxonomy.places.get(row) else {
        return Vec::new();
    };
    let taxonomy = &run.taxonomy;
    let node = place.node;
    let figure = figures.and_then(|figures| figures.nodes.get(node.index()));
    let style = match figure {
        Some(figure) if figure.n == 0 => app.theme.dim(),
        _ => Style::new(),
    };
    let mark = match (taxonomy.children(node), place.is_open) {
        ([], _) => " ",
        (_, true) => "▾",
        (_, false) => "▸",
    };
    let same = match taxonomy.equivalents(node).len() {
        0 | 1 => "",
        _ => " ≡",
    };
    let indent = " ".repeat(layout.indent(place));
    let label = taxonomy.label(node);
    let mut cells = vec![Cell::styled(format!("{indent}{mark} {label}{same}"), style)];
    if layout.has_places {
        cells.push(match taxonomy.parents(node).len() {
            0 | 1 => Cell::default(),
            several => Cell::new(format!("⟲{several}")),
        });
    }
    cells.extend(layout.figures.iter().map(|&column| match figure {
        Some(figure) => COLUMNS[column].cell(figure, app.theme),
        None => Cell::styled("…", app.theme.dim()),
    }));
    cells
}
