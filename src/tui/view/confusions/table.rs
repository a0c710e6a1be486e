//! The list of the pairs.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use serde_json::{Value, json};

use super::list::By;
use crate::report::confusions;
use crate::report::text::thousands;
use crate::run::ConfusedPair;
use crate::score::Verdict;
use crate::tui::app::{App, Hit};
use crate::tui::sheet::Sheet;
use crate::tui::theme::glyph;
use crate::tui::view::overview::{main_verdict, name};
use crate::tui::widget::{Cell, Column, Table, pane};

/// A column that can be shown.
pub struct Shown {
    pub title: &'static str,
    /// What it is sorted by.
    pub by: Option<By>,
    pub by_default: bool,
    column: fn(&str) -> Column,
    cell: fn(&App, &ConfusedPair) -> Cell,
}

fn verdict_style(app: &App, pair: &ConfusedPair) -> Style {
    main_verdict(pair).map_or(Style::new(), |v| app.theme.verdict(v))
}

/// All columns, in the order in which they are shown.
pub const COLUMNS: &[Shown] = &[
    Shown {
        title: "verdict",
        by: None,
        by_default: true,
        column: |_| Column::fixed("", 1),
        cell: |app, pair| Cell::styled(glyph(main_verdict(pair)), verdict_style(app, pair)),
    },
    Shown {
        title: "annotated",
        by: Some(By::Truth),
        by_default: true,
        column: |title| Column::text(title, 3),
        cell: |app, pair| Cell::new(name(app, &pair.truth)),
    },
    Shown {
        title: "answered",
        by: Some(By::Answer),
        by_default: true,
        column: |title| Column::text(title, 3),
        cell: |app, pair| Cell::styled(name(app, &pair.answer), verdict_style(app, pair)),
    },
    Shown {
        title: "images",
        by: Some(By::Count),
        by_default: true,
        column: |title| Column::number(title, 7),
        cell: |_, pair| Cell::new(thousands(pair.count)),
    },
    Shown {
        title: "chance",
        by: None,
        by_default: false,
        column: |title| Column::number(title, 7),
        cell: |_, pair| Cell::new(format!("{:.1}", pair.expected)),
    },
    Shown {
        title: "excess",
        by: Some(By::Excess),
        by_default: true,
        column: |title| Column::number(title, 7),
        cell: |_, pair| Cell::new(format!("{:+.1}", pair.excess)),
    },
    Shown {
        title: "cost",
        by: Some(By::Cost),
        by_default: true,
        column: |title| Column::number(title, 7),
        cell: |_, pair| Cell::new(format!("{:.1}", pair.cost)),
    },
    Shown {
        title: "cosine",
        by: None,
        by_default: false,
        column: |title| Column::number(title, 6),
        cell: |_, pair| {
            let cosine = pair.text_cosine.map(|cosine| format!("{cosine:.3}"));
            Cell::new(cosine.unwrap_or_else(|| "–".to_owned()))
        },
    },
    Shown {
        title: "verdicts",
        by: None,
        by_default: false,
        column: |title| Column::text(title, 2),
        cell: |app, pair| Cell::styled(verdicts(pair), verdict_style(app, pair)),
    },
];

/// The verdicts in words, the most frequent first.
fn verdicts(pair: &ConfusedPair) -> String {
    let mut found: Vec<(Verdict, usize)> = pair.verdicts.iter().map(|(&v, &n)| (v, n)).collect();
    found.sort_by_key(|&(verdict, count)| (std::cmp::Reverse(count), verdict));
    let names: Vec<&str> = found.iter().map(|(verdict, _)| verdict.name()).collect();
    names.join(", ")
}

pub fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let state = &app.confusions;
    let n = state.listed.as_ref().map_or(0, |listed| listed.rows.len());
    let all = state.listed.as_ref().map_or(0, |l| l.found.pairs.len());
    let count = match n == all {
        true => thousands(n),
        false => format!("{} of {}", thousands(n), thousands(all)),
    };
    let title = format!("Confusions {count}{}", super::told(app));
    let in_focus = state.pane == 0;
    let inner = pane(frame, area, &title, in_focus, app.theme);
    app.hits.add(area, Hit::Pane(0));
    let Some(listed) = state.listed.as_ref().filter(|_| n > 0) else {
        super::super::paragraph(frame, inner, &super::nothing(app), app.theme.dim());
        return;
    };
    let shown = COLUMNS.iter().zip(&state.columns);
    let shown: Vec<&Shown> = shown.filter(|(_, is)| **is).map(|(c, _)| c).collect();
    let columns: Vec<Column> = shown.iter().map(|c| (c.column)(c.title)).collect();
    let sorted = shown.iter().position(|c| c.by == Some(state.order.by));
    let table = Table {
        columns: &columns,
        sorted: sorted.map(|column| (column, state.order.descending)),
        len: n,
        row: &|i| match listed.get(i) {
            Some(pair) => shown.iter().map(|c| (c.cell)(app, pair)).collect(),
            None => Vec::new(),
        },
        cursor: &state.cursor,
        in_focus,
        pane: 0,
        theme: app.theme,
    };
    table.draw(frame.buffer_mut(), inner, &app.hits);
}

/// All pairs that are listed, with the columns of the report.
pub fn sheet(app: &App) -> Option<Sheet> {
    let listed = app.confusions.listed.as_ref()?;
    let (found, rows) = (Arc::clone(&listed.found), Arc::clone(&listed.rows));
    Some(Sheet {
        columns: confusions::COLUMNS.map(str::to_owned).to_vec(),
        len: rows.len(),
        row: Box::new(move |i| cells(&found.pairs[rows[i] as usize])),
    })
}

fn cells(pair: &ConfusedPair) -> Vec<Value> {
    let verdicts = pair.verdicts.iter();
    let verdicts: Vec<String> = verdicts.map(|(v, n)| format!("{}:{n}", v.name())).collect();
    vec![
        json!(pair.truth),
        json!(pair.answer),
        json!(pair.count),
        json!(pair.expected),
        json!(pair.excess),
        json!(pair.relation),
        json!(pair.lca),
        json!(pair.text_cosine),
        json!(verdicts.join("|")),
        json!(pair.cost),
        json!(pair.suspect),
    ]
}
