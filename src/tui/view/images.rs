//! The images: a table, and of the selected one all that is known.

mod detail;
mod table;

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use super::{Choice, Part};
use crate::run::{Completion, Filter, Key, Opened, Order, complete, quote};
use crate::taxonomy::NodeId;
use crate::tui::action::{Effect, Job, Kind};
use crate::tui::app::{App, View};
use crate::tui::backend::Shown;
use crate::tui::command::Command;
use crate::tui::editing::{self, Subject};
use crate::tui::picture::Drawn;
use crate::tui::sheet::Sheet;
use crate::tui::widget::{Cursor, Scroll};

pub struct State {
    pub filter: String,
    pub order: Order,
    /// All rows in an order, of a run by its generation.
    sorted: Option<(u64, Order, Arc<Vec<u32>>)>,
    /// The rows that match, of a run by its generation.
    rows: Option<(u64, Arc<Vec<u32>>)>,
    /// The image that is to be selected when the rows are there.
    wanted: Option<u32>,
    pub cursor: Cursor,
    /// 0: the table; 1: the selected image.
    pub pane: usize,
    detail: Scroll,
    pub picture: Option<Drawn>,
    /// Which of [`table::COLUMNS`] are shown.
    columns: Vec<bool>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            filter: String::new(),
            order: Order {
                by: Key::File,
                descending: false,
            },
            sorted: None,
            rows: None,
            wanted: None,
            cursor: Cursor::default(),
            pane: 0,
            detail: Scroll::default(),
            picture: None,
            columns: table::COLUMNS.iter().map(|c| c.by_default).collect(),
        }
    }
}

pub struct Images;

/// The rows that match, as far as they are known.
pub fn rows(app: &App) -> Option<&Arc<Vec<u32>>> {
    app.images.rows.as_ref().map(|(_, rows)| rows)
}

/// The selected image, by its row in the run.
pub fn selected(app: &App) -> Option<usize> {
    let row = rows(app)?.get(app.images.cursor.at())?;
    let run = app.run()?;
    Some(*row as usize).filter(|&row| row < run.len())
}

/// Goes to the images of a filter.
pub fn show(app: &mut App, filter: String) {
    app.go(View::Images);
    app.images.pane = 0;
    app.images.cursor.set(0);
    set_filter(app, filter);
}

fn set_filter(app: &mut App, filter: String) {
    app.images.wanted = selected(app).map(|row| row as u32);
    app.images.filter = filter;
}

/// The filter of the images annotated with a node or what is below it.
pub fn under(run: &Opened, node: NodeId) -> String {
    format!("truth:under({})", quote(run.taxonomy.id(node)))
}

/// The filter of a confusion.
pub fn of_pair(truth: &str, answer: &str) -> String {
    format!("truth:{} answer:{}", quote(truth), quote(answer))
}

/// Takes the rows of a filter.
pub fn set_rows(app: &mut App, sorted: Arc<Vec<u32>>, rows: Arc<Vec<u32>>) {
    let state = &mut app.images;
    let wanted = state.wanted.take().or_else(|| {
        let (_, rows) = state.rows.as_ref()?;
        rows.get(state.cursor.at()).copied()
    });
    let at = wanted.and_then(|row| rows.iter().position(|&r| r == row));
    state.cursor.set(at.unwrap_or(0));
    state.sorted = Some((app.generation, state.order, sorted));
    state.rows = Some((app.generation, rows));
    state.detail.to_top();
}

/// Asks for the rows of the filter, which other views need too to know the selected image.
pub fn want_rows(app: &mut App) -> Option<Effect> {
    let state = &app.images;
    let sorted = match &state.sorted {
        Some((generation, order, rows))
            if (*generation, *order) == (app.generation, state.order) =>
        {
            Some(Arc::clone(rows))
        }
        _ => None,
    };
    let key = format!("{:?} {}", state.order, state.filter);
    let job = Job::Rows {
        order: state.order,
        sorted,
        filter: state.filter.clone(),
    };
    app.want(key, job)
}

impl Part for Images {
    fn perform(&self, app: &mut App, command: Command) -> Vec<Effect> {
        let len = rows(app).map_or(0, |rows| rows.len());
        match command {
            Command::NextPane | Command::PreviousPane => app.images.pane = 1 - app.images.pane,
            Command::NextMatch => {
                app.images.cursor.perform(Command::Down, len);
                app.images.detail.to_top();
            }
            Command::PreviousMatch => {
                app.images.cursor.perform(Command::Up, len);
                app.images.detail.to_top();
            }
            Command::ClearFilter => set_filter(app, String::new()),
            Command::Sort => {
                let shown: Vec<Key> = table::shown(&app.images.columns)
                    .filter_map(|c| c.key)
                    .collect();
                let at = shown.iter().position(|&key| key == app.images.order.by);
                let next = at.map_or(0, |at| at + 1);
                app.images.order = match shown.get(next) {
                    Some(&by) => Order {
                        by,
                        descending: is_figure(by),
                    },
                    None => Order {
                        by: Key::File,
                        descending: false,
                    },
                };
                let how = if app.images.order.descending {
                    "greatest first"
                } else {
                    "least first"
                };
                app.tell(format!("sorted by {}, {how}", app.images.order.by.name()));
            }
            Command::Reverse => app.images.order.descending = !app.images.order.descending,
            Command::Open => app.images.pane = 1,
            Command::Left if app.images.pane == 1 => app.images.pane = 0,
            Command::Right if app.images.pane == 0 => app.images.pane = 1,
            Command::Reveal | Command::PromptsOf | Command::ConfusionsOf => {
                match node_of_selected(app) {
                    Some(node) => super::taxonomy::go_with(app, node, command),
                    None => app.complain("the image has no label that the taxonomy knows"),
                }
            }
            Command::ImagesOf => {
                if let (Some(run), Some(node)) = (app.run(), node_of_selected(app)) {
                    let filter = under(run, node);
                    show(app, filter);
                }
            }
            command if app.images.pane == 1 => {
                app.images.detail.perform(command);
            }
            command => {
                if app.images.cursor.perform(command, len) {
                    app.images.detail.to_top();
                }
            }
        }
        Vec::new()
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, area: Rect) {
        let [left, right] = areas(app, area);
        table::draw(app, frame, left);
        detail::draw(app, frame, right);
    }

    fn wants(&self, app: &mut App) -> Vec<Effect> {
        let mut effects: Vec<Effect> = want_rows(app).into_iter().collect();
        effects.extend(want_picture(app));
        effects
    }

    fn value(&self, app: &App) -> Option<String> {
        let row = selected(app)?;
        Some(app.run()?.saved.images.get(row).to_owned())
    }

    fn subject(&self, app: &App) -> Option<Subject> {
        let (run, image) = (app.run()?, selected(app)?);
        let row = run.saved.rows.get(image)?;
        let id = |label: u32| run.saved.id(label).to_owned();
        let answer = row.answer.map(id);
        let truth = row.primary.map(id);
        let node = truth.clone().or_else(|| answer.clone())?;
        Some(Subject {
            other: answer.clone().filter(|answer| *answer != node),
            node,
            image: Some(editing::Image {
                name: run.saved.images.get(image).to_owned(),
                answer,
                truth,
                fixed: app
                    .shown
                    .as_ref()
                    .and_then(|shown| shown.fixed_labels.clone()),
            }),
        })
    }

    fn sheet(&self, app: &App) -> Option<Sheet> {
        table::sheet(app)
    }

    fn remember(&self, app: &App) -> Value {
        let state = &app.images;
        let columns = state.columns.iter().zip(table::COLUMNS);
        let shown: Vec<&str> = columns
            .filter(|(shown, _)| **shown)
            .map(|(_, c)| c.title)
            .collect();
        json!({
            "filter": state.filter,
            "by": state.order.by.name(),
            "descending": state.order.descending,
            "image": selected(app),
            "pane": state.pane,
            "columns": shown,
        })
    }

    fn recall(&self, app: &mut App, place: &Value) {
        let filter = place["filter"].as_str().unwrap_or_default().to_owned();
        let state = &mut app.images;
        state.pane = usize::from(place["pane"] == 1);
        let by = place["by"].as_str();
        if let Some(by) = by.and_then(|by| Key::ALL.into_iter().find(|key| key.name() == by)) {
            state.order = Order {
                by,
                descending: place["descending"] == true,
            };
        }
        if let Some(shown) = place["columns"].as_array() {
            let is_shown = |title: &str| shown.iter().any(|s| s == title);
            state.columns = table::COLUMNS.iter().map(|c| is_shown(c.title)).collect();
        }
        if self.check_filter(app, &filter).is_ok() {
            app.images.filter = filter;
        }
        app.images.wanted = place["image"].as_u64().map(|row| row as u32);
        // The rows are those of the filter already, if it is the same.
        let at = match (&app.images.rows, app.images.wanted) {
            (Some((_, rows)), Some(wanted)) => rows.iter().position(|&row| row == wanted),
            _ => None,
        };
        if let Some(at) = at {
            app.images.cursor.set(at);
        }
    }

    fn run_changed(&self, app: &mut App, earlier: Option<&Shown>) {
        // Rows are the same images where the runs are of the same, whole or so far.
        let row = app
            .images
            .rows
            .as_ref()
            .and_then(|(_, rows)| rows.get(app.images.cursor.at()).copied());
        let is_same = |row: u32| {
            let (Some(earlier), Some(run)) = (earlier, app.run()) else {
                return false;
            };
            let row = row as usize;
            let (a, b) = (&earlier.opened.saved.images, &run.saved.images);
            row < a.len() && row < b.len() && a.get(row) == b.get(row)
        };
        app.images.wanted = row.filter(|&row| is_same(row));
        let filter = app.images.filter.clone();
        if self.check_filter(app, &filter).is_err() {
            app.images.filter = String::new();
        }
        app.images.picture = None;
    }

    fn filter(&self, app: &App) -> String {
        app.images.filter.clone()
    }

    fn set_filter(&self, app: &mut App, text: String) {
        set_filter(app, text);
    }

    fn check_filter(&self, app: &App, text: &str) -> Result<(), String> {
        let Some(run) = app.run() else { return Ok(()) };
        match Filter::parse(text, run) {
            Ok(_) => Ok(()),
            Err(error) => Err(error.message),
        }
    }

    fn complete(&self, app: &App, text: &str, cursor: usize) -> Vec<Completion> {
        app.run()
            .map_or(Vec::new(), |run| complete(text, cursor, run))
    }

    fn columns(&self, app: &App) -> Vec<Choice> {
        let shown = app.images.columns.iter();
        table::COLUMNS
            .iter()
            .map(|c| c.title)
            .zip(shown.copied())
            .collect()
    }

    fn toggle_column(&self, app: &mut App, column: usize) {
        if let Some(shown) = app.images.columns.get_mut(column) {
            *shown = !*shown;
        }
    }

    fn focused(&self, app: &App) -> usize {
        app.images.pane
    }

    fn focus(&self, app: &mut App, pane: usize) {
        app.images.pane = pane.min(1);
    }

    fn selected_row(&self, app: &App, pane: usize) -> Option<usize> {
        (pane == 0).then(|| app.images.cursor.at())
    }

    fn select_row(&self, app: &mut App, _pane: usize, row: usize) {
        app.images.cursor.set(row);
        app.images.detail.to_top();
    }
}

/// Whether the greatest is what one looks for first.
fn is_figure(key: Key) -> bool {
    !matches!(
        key,
        Key::File | Key::Image | Key::Truth | Key::Answer | Key::Verdict
    )
}

/// The table and the detail. Narrow screens show them side by side too, the table with fewer columns.
fn areas(app: &App, area: Rect) -> [Rect; 2] {
    crate::tui::widget::split(area, app.split, &app.hits)
}

/// The room for the picture, as it will be drawn.
fn picture_room(app: &App) -> Option<(u16, u16)> {
    let (width, height) = app.size;
    let body = Rect::new(0, 1, width, height.saturating_sub(2));
    let left = (u32::from(width) * u32::from(app.split.clamp(10, 90)) / 100) as u16;
    let right = Rect {
        x: left,
        width: width - left,
        ..body
    };
    let room = detail::picture_area(app, right)?;
    Some((room.width, room.height))
}

fn want_picture(app: &mut App) -> Option<Effect> {
    let image = selected(app)?;
    let (columns, rows) = picture_room(app)?;
    let key = format!("{image} {columns}x{rows}");
    app.want(
        key,
        Job::Picture {
            image,
            columns,
            rows,
        },
    )
}

/// The picture of the selected image, if it is there.
fn picture(app: &App) -> Option<&Drawn> {
    let image = selected(app)?;
    app.images
        .picture
        .as_ref()
        .filter(|drawn| drawn.image == image && !app.is_busy(Kind::Picture))
}

/// The node that the selected image is annotated with, else what was answered.
fn node_of_selected(app: &App) -> Option<NodeId> {
    let run = app.run()?;
    let row = &run.saved.rows[selected(app)?];
    run.node(row.truth.or(row.primary).or(row.answer)?)
}
