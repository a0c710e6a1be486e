//! The table of the images.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use serde_json::{Value, json};

use crate::report::text::thousands;
use crate::run::{Key, Opened};
use crate::tui::action::Kind;
use crate::tui::app::App;
use crate::tui::sheet::Sheet;
use crate::tui::theme::{Theme, glyph};
use crate::tui::widget::{Cell, Column, Table, pane};

/// A column that can be shown.
pub struct Shown {
    pub title: &'static str,
    /// What it is sorted by.
    pub key: Option<Key>,
    pub by_default: bool,
    column: fn(&str) -> Column,
    cell: fn(&Opened, usize, Theme) -> Cell,
    value: fn(&Opened, usize) -> Value,
}

/// A column of figures, which are told with so many digits behind the point.
macro_rules! figures {
    ($title:literal, $key:expr, $by_default:literal, $digits:literal, $of:expr) => {
        Shown {
            title: $title,
            key: Some($key),
            by_default: $by_default,
            column: |title| Column::number(title, 6),
            cell: |run, row, _| {
                let of: fn(&Opened, usize) -> Option<f64> = $of;
                Cell::new(of(run, row).map_or(String::new(), |v| format!("{:.*}", $digits, v)))
            },
            value: |run, row| {
                let of: fn(&Opened, usize) -> Option<f64> = $of;
                json!(of(run, row))
            },
        }
    };
}

fn label_cell(run: &Opened, label: Option<u32>, style: Style) -> Cell {
    Cell::styled(label.map_or("–", |label| name(run, label)), style)
}

/// The preferred name of a label, or its id where the taxonomy has it not.
pub fn name(run: &Opened, label: u32) -> &str {
    match run.node(label) {
        Some(node) => run.taxonomy.label(node),
        None => run.saved.id(label),
    }
}

/// All columns, in the order in which they are shown.
pub const COLUMNS: &[Shown] = &[
    Shown {
        title: "verdict",
        key: Some(Key::Verdict),
        by_default: true,
        column: |_| Column::fixed("", 1),
        cell: |run, row, theme| {
            let verdict = run.saved.rows[row].verdict;
            let style = verdict.map_or(theme.dim(), |v| theme.verdict(v));
            Cell::styled(glyph(verdict), style)
        },
        value: |run, row| json!(run.saved.rows[row].verdict),
    },
    Shown {
        title: "annotated",
        key: Some(Key::Truth),
        by_default: true,
        column: |title| Column::text(title, 3),
        cell: |run, row, _| {
            let row = &run.saved.rows[row];
            label_cell(run, row.truth.or(row.primary), Style::new())
        },
        value: |run, row| {
            let row = &run.saved.rows[row];
            json!(row.truth.or(row.primary).map(|label| run.saved.id(label)))
        },
    },
    Shown {
        title: "answered",
        key: Some(Key::Answer),
        by_default: true,
        column: |title| Column::text(title, 3),
        cell: |run, row, theme| {
            let row = &run.saved.rows[row];
            let style = row.verdict.map_or(theme.dim(), |v| theme.verdict(v));
            label_cell(run, row.answer, style)
        },
        value: |run, row| json!(run.saved.rows[row].answer.map(|label| run.saved.id(label))),
    },
    figures!("p", Key::Probability, true, 3, |run, row| run.saved.rows
        [row]
        .probability),
    Shown {
        title: "image",
        key: Some(Key::Image),
        by_default: true,
        column: |title| Column::text(title, 4),
        cell: |run, row, _| Cell::new(run.saved.images.get(row)),
        value: |run, row| json!(run.saved.images.get(row)),
    },
    figures!("K", Key::K, false, 0, |run, row| detail(run, row)?
        .k
        .map(f64::from)),
    figures!("credit", Key::Credit, false, 2, |run, row| run.saved.rows
        [row]
        .credit),
    figures!("mass", Key::Mass, false, 3, |run, row| detail(run, row)?
        .valid_mass),
    figures!("self", Key::SelfConfidence, false, 3, |run, row| detail(
        run, row
    )?
    .self_confidence),
    figures!("margin", Key::Margin, false, 3, |run, row| detail(
        run, row
    )?
    .margin),
    figures!("noisy", Key::Noisy, false, 3, |run, row| detail(run, row)?
        .noisy),
    figures!("cosine", Key::Cosine, false, 3, |run, row| run.saved.rows
        [row]
        .text_cosine),
    figures!("uncert", Key::Uncertainty, false, 4, |run, row| detail(
        run, row
    )?
    .uncertainty),
];

fn detail(run: &Opened, row: usize) -> Option<&crate::run::Detail> {
    run.saved.details.as_ref()?.rows.get(row)
}

/// The columns that are shown.
pub fn shown(columns: &[bool]) -> impl Iterator<Item = &'static Shown> {
    let all = COLUMNS.iter().zip(columns);
    all.filter(|(_, shown)| **shown).map(|(column, _)| column)
}

pub fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let Some(run) = app.run() else { return };
    let state = &app.images;
    let rows = super::rows(app);
    let n = rows.map_or(0, |rows| rows.len());
    let filter = match state.filter.as_str() {
        "" => String::new(),
        filter => format!(" · {filter}"),
    };
    let busy = if app.is_busy(Kind::Rows) { " …" } else { "" };
    let title = format!(
        "Images {} of {}{filter}{busy}",
        thousands(n),
        thousands(run.len())
    );
    let is_focused = state.pane == 0;
    let inner = pane(frame, area, &title, is_focused, app.theme);
    app.hits.add(area, crate::tui::app::Hit::Pane(0));
    if n == 0 {
        let told = match (rows, app.fault(Kind::Rows)) {
            (_, Some(fault)) => fault.to_owned(),
            (None, _) => "…".to_owned(),
            _ => "No image matches. esc shows all of them.".to_owned(),
        };
        super::super::paragraph(frame, inner, &told, app.theme.dim());
        return;
    }
    let shown: Vec<&Shown> = shown(&state.columns).collect();
    let columns: Vec<Column> = shown.iter().map(|c| (c.column)(c.title)).collect();
    let sorted = shown.iter().position(|c| c.key == Some(state.order.by));
    let rows = rows.expect("there is at least one");
    let table = Table {
        columns: &columns,
        sorted: sorted.map(|column| (column, state.order.descending)),
        len: n,
        row: &|i| {
            let row = rows[i] as usize;
            match row < run.len() {
                true => shown
                    .iter()
                    .map(|c| (c.cell)(run, row, app.theme))
                    .collect(),
                // Of a run that is not shown any more.
                false => Vec::new(),
            }
        },
        cursor: &state.cursor,
        in_focus: is_focused,
        pane: 0,
        theme: app.theme,
    };
    table.draw(frame.buffer_mut(), inner, &app.hits);
}

pub fn sheet(app: &App) -> Option<Sheet> {
    let (run, rows) = (Arc::clone(app.run()?), Arc::clone(super::rows(app)?));
    Some(Sheet {
        columns: COLUMNS.iter().map(|c| c.title.to_owned()).collect(),
        len: rows.len(),
        row: Box::new(move |i| {
            let row = rows[i] as usize;
            match row < run.len() {
                true => COLUMNS.iter().map(|c| (c.value)(&run, row)).collect(),
                false => vec![Value::Null; COLUMNS.len()],
            }
        }),
    })
}
