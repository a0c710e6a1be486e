//! What is taken for what: pairs of an annotated label and an answer, as a list or as a matrix.

mod commands;
mod detail;
mod filter;
mod list;
mod matrix;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use super::{Choice, Part};
use crate::run::{Completion, ConfusedPair, Confusions, Opened, quote};
use crate::taxonomy::NodeId;
use crate::tui::action::{Effect, Job, Kind};
use crate::tui::app::App;
use crate::tui::backend::Shown;
use crate::tui::command::Command;
use crate::tui::editing::Subject;
use crate::tui::sheet::Sheet;
use crate::tui::widget::{Cursor, Scroll, split};
use commands::{go_with_truth, group_at, move_by, open, sort_by};
use detail::Examples;
use filter::Filter;
pub use filter::has_text;
use list::{By, Key, Listed, Order};

pub struct State {
    /// What was found at each depth, of a run by its generation.
    pub found: BTreeMap<Option<usize>, (u64, Arc<Confusions>)>,
    /// The depth that labels are grouped at; `None`: not at all.
    depth: Option<usize>,
    /// The greatest depth at which labels of the run are grouped, if there is one.
    deepest: Option<usize>,
    order: Order,
    filter: String,
    /// What is shown: of another depth or run until that which is asked for is there.
    listed: Option<Listed>,
    /// The pair that is to be selected when it is there.
    wanted: Option<(String, String)>,
    cursor: Cursor,
    /// 0: the list; 1: the selected pair.
    pane: usize,
    detail: Scroll,
    examples: Option<Examples>,
    /// Which of [`table::COLUMNS`] are shown.
    columns: Vec<bool>,
    matrix: matrix::State,
}

impl Default for State {
    fn default() -> Self {
        Self {
            found: BTreeMap::new(),
            depth: None,
            deepest: None,
            order: Order::default(),
            filter: String::new(),
            listed: None,
            wanted: None,
            cursor: Cursor::default(),
            pane: 0,
            detail: Scroll::default(),
            examples: None,
            columns: table::COLUMNS.iter().map(|c| c.by_default).collect(),
            matrix: matrix::State::default(),
        }
    }
}

pub struct Pairs;

/// The confusions of the run that is shown, grouped at a depth, if they are known.
pub fn at_depth(app: &App, depth: Option<usize>) -> Option<&Confusions> {
    known(app, depth).map(Arc::as_ref)
}

fn known(app: &App, depth: Option<usize>) -> Option<&Arc<Confusions>> {
    let (generation, found) = app.confusions.found.get(&depth)?;
    (*generation == app.generation).then_some(found)
}

/// Asks for the confusions at a depth unless they are known.
pub fn want(app: &mut App, depth: Option<usize>) -> Option<Effect> {
    match at_depth(app, depth) {
        Some(_) => None,
        None => app.want(format!("depth {depth:?}"), Job::Confusions { depth }),
    }
}

/// Takes what was found. What is of earlier runs is let go.
pub fn set(app: &mut App, depth: Option<usize>, found: Arc<Confusions>) {
    let generation = app.generation;
    let all = &mut app.confusions.found;
    all.retain(|_, (of, _)| *of == generation);
    all.insert(depth, (generation, found));
}

/// Shows the confusions of a node.
pub fn show_of(app: &mut App, node: NodeId) {
    let Some(run) = app.run() else { return };
    let filter = format!("label:{}", quote(run.taxonomy.id(node)));
    let state = &mut app.confusions;
    state.filter = filter;
    state.depth = None;
    state.matrix.is_shown = false;
    state.pane = 0;
    refresh(app);
    app.confusions.cursor.set(0);
}

/// The pair at the cursor of the list.
fn at_cursor(app: &App) -> Option<&ConfusedPair> {
    let state = &app.confusions;
    state.listed.as_ref()?.get(state.cursor.at())
}

/// The selected pair, of the list or of the matrix: its ids.
fn selected(app: &App) -> Option<(String, String)> {
    match app.confusions.matrix.is_shown {
        true => matrix::selected(app),
        false => at_cursor(app).map(|pair| (pair.truth.clone(), pair.answer.clone())),
    }
}

/// Lists the pairs anew, if something has changed that decides which they are; the selected one stays selected.
fn refresh(app: &mut App) {
    let depth = app.confusions.depth;
    let (Some(run), Some(found)) = (app.run().cloned(), known(app, depth).cloned()) else {
        return;
    };
    let state = &app.confusions;
    let key = Key {
        generation: app.generation,
        depth,
        order: state.order,
        filter: state.filter.clone(),
    };
    if !state.listed.as_ref().is_some_and(|l| l.key == key) {
        let earlier = at_cursor(app).map(|p| (p.truth.clone(), p.answer.clone()));
        let listed = Listed::new(key, found, &run.taxonomy);
        let state = &mut app.confusions;
        let wanted = state.wanted.take().or(earlier);
        let at = wanted.and_then(|(truth, answer)| listed.position(&truth, &answer));
        state.cursor.set(at.unwrap_or(0));
        state.listed = Some(listed);
    }
    matrix::refresh(app, &run);
    detail::refresh(app, &run);
}

impl Part for Pairs {
    fn perform(&self, app: &mut App, command: Command) -> Vec<Effect> {
        let state = &app.confusions;
        let (order, pane, is_matrix) = (state.order, state.pane, state.matrix.is_shown);
        match command {
            Command::Open => open(app),
            Command::ImagesOf | Command::Reveal | Command::PromptsOf | Command::ConfusionsOf => {
                go_with_truth(app, command);
            }
            Command::Matrix => app.confusions.matrix.is_shown = !is_matrix,
            Command::Shallower => {
                let next = match state.depth {
                    None => state.deepest,
                    Some(depth) => Some(depth.saturating_sub(1)),
                };
                group_at(app, next);
            }
            Command::Deeper => {
                let next = state.depth.map(|depth| depth + 1);
                let next = next.filter(|&depth| state.deepest.is_some_and(|most| depth <= most));
                group_at(app, next);
            }
            Command::Sort => {
                let by = order.by.next();
                let descending = by.is_figure();
                sort_by(app, Order { by, descending });
            }
            Command::Reverse => {
                let descending = !order.descending;
                sort_by(
                    app,
                    Order {
                        descending,
                        ..order
                    },
                );
            }
            Command::ClearFilter => app.confusions.filter.clear(),
            command if is_matrix => matrix::perform(app, command),
            Command::NextPane | Command::PreviousPane => app.confusions.pane = 1 - pane,
            Command::Left => app.confusions.pane = 0,
            Command::Right => app.confusions.pane = 1,
            Command::NextMatch => move_by(app, Command::Down),
            Command::PreviousMatch => move_by(app, Command::Up),
            command if pane == 1 => {
                app.confusions.detail.perform(command);
            }
            command => move_by(app, command),
        }
        refresh(app);
        Vec::new()
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, area: Rect) {
        if app.confusions.matrix.is_shown {
            return matrix::draw(app, frame, area);
        }
        let [list, detail] = areas(app, area);
        table::draw(app, frame, list);
        detail::draw(app, frame, detail);
    }

    fn wants(&self, app: &mut App) -> Vec<Effect> {
        refresh(app);
        want(app, app.confusions.depth).into_iter().collect()
    }

    fn why_not(&self, app: &App, command: Command) -> Option<String> {
        let state = &app.confusions;
        let why = match command {
            Command::Matrix if !state.matrix.is_shown && app.size.0 < matrix::LEAST => {
                return Some(matrix::needs_room(app.size.0));
            }
            Command::Shallower if state.depth == Some(0) => "the labels are grouped at the top",
            Command::Shallower if state.depth.is_none() && state.deepest.is_none() => {
                "no label of the run has anything above it"
            }
            Command::Deeper if state.depth.is_none() => "the labels are not grouped",
            _ => return None,
        };
        Some(why.to_owned())
    }

    fn value(&self, app: &App) -> Option<String> {
        selected(app).map(|(truth, answer)| format!("{truth}\t{answer}"))
    }

    fn subject(&self, app: &App) -> Option<Subject> {
        let (truth, answer) = selected(app)?;
        Some(Subject {
            node: truth,
            other: Some(answer),
            image: None,
        })
    }

    fn sheet(&self, app: &App) -> Option<Sheet> {
        match app.confusions.matrix.is_shown {
            true => matrix::sheet(app),
            false => table::sheet(app),
        }
    }

    fn remember(&self, app: &App) -> Value {
        let state = &app.confusions;
        let shown = state.columns.iter().zip(table::COLUMNS);
        let shown = shown.filter(|(shown, _)| **shown).map(|(_, c)| c.title);
        json!({
            "filter": state.filter,
            "depth": state.depth,
            "by": state.order.by.name(),
            "descending": state.order.descending,
            "selected": at_cursor(app).map(|pair| [&pair.truth, &pair.answer]),
            "pane": state.pane,
            "columns": shown.collect::<Vec<_>>(),
            "matrix": state.matrix.is_shown,
            "cell": matrix::selected(app).map(|(truth, answer)| [truth, answer]),
        })
    }

    fn recall(&self, app: &mut App, place: &Value) {
        let filter = place["filter"].as_str().unwrap_or_default();
        let is_filter = self.check_filter(app, filter).is_ok();
        let pair = |of: &Value| Some((of[0].as_str()?.to_owned(), of[1].as_str()?.to_owned()));
        let state = &mut app.confusions;
        if is_filter {
            state.filter = filter.to_owned();
        }
        let depth = place["depth"].as_u64().map(|depth| depth as usize);
        state.depth = depth.and_then(|depth| Some(depth.min(state.deepest?)));
        if let Some(by) = place["by"].as_str().and_then(By::by_name) {
            let descending = place["descending"] == true;
            state.order = Order { by, descending };
        }
        state.pane = usize::from(place["pane"] == 1);
        if let Some(shown) = place["columns"].as_array() {
            let is_shown = |title: &str| shown.iter().any(|s| s == title);
            state.columns = table::COLUMNS.iter().map(|c| is_shown(c.title)).collect();
        }
        state.matrix.is_shown = place["matrix"] == true;
        state.matrix.wanted = pair(&place["cell"]);
        // Another pair may be listed at the cursor by now, and the list may stay as it is.
        state.wanted = pair(&place["selected"]);
        state.listed = None;
        refresh(app);
    }

    fn run_changed(&self, app: &mut App, _earlier: Option<&Shown>) {
        let deepest = app.run().and_then(|run| deepest(run));
        let filter = app.confusions.filter.clone();
        let is_filter = self.check_filter(app, &filter).is_ok();
        let state = &mut app.confusions;
        state.deepest = deepest;
        state.depth = (state.depth).and_then(|depth| Some(depth.min(deepest?)));
        if !is_filter {
            state.filter.clear();
        }
        state.examples = None;
    }

    fn filter(&self, app: &App) -> String {
        app.confusions.filter.clone()
    }

    fn set_filter(&self, app: &mut App, text: String) {
        app.confusions.filter = text;
        refresh(app);
    }

    fn check_filter(&self, app: &App, text: &str) -> Result<(), String> {
        let Some(run) = app.run() else { return Ok(()) };
        Filter::parse(text, &run.taxonomy).map(drop)
    }

    fn complete(&self, app: &App, text: &str, cursor: usize) -> Vec<Completion> {
        let run = app.run();
        run.map_or(Vec::new(), |run| filter::completions(text, cursor, run))
    }

    fn columns(&self, app: &App) -> Vec<Choice> {
        let titles = table::COLUMNS.iter().map(|c| c.title);
        titles.zip(app.confusions.columns.iter().copied()).collect()
    }

    fn toggle_column(&self, app: &mut App, column: usize) {
        if let Some(shown) = app.confusions.columns.get_mut(column) {
            *shown = !*shown;
        }
    }

    fn focused(&self, app: &App) -> usize {
        match app.confusions.matrix.is_shown {
            true => matrix::PANE,
            false => app.confusions.pane,
        }
    }

    fn focus(&self, app: &mut App, pane: usize) {
        if pane != matrix::PANE {
            app.confusions.pane = pane.min(1);
        }
    }

    fn selected_row(&self, app: &App, pane: usize) -> Option<usize> {
        match pane {
            0 => Some(app.confusions.cursor.at()),
            matrix::PANE => matrix::cell(app),
            _ => None,
        }
    }

    fn select_row(&self, app: &mut App, pane: usize, row: usize) {
        match pane {
            matrix::PANE => matrix::select(app, row),
            _ => {
                app.confusions.cursor.set(row);
                app.confusions.detail.to_top();
            }
        }
        refresh(app);
    }
}

/// The greatest depth at which there is something above a label of the run.
fn deepest(run: &Opened) -> Option<usize> {
    let labels = 0..run.saved.labels.len() as u32;
    let nodes = labels.filter_map(|label| run.node(label));
    let deepest = nodes.map(|node| run.taxonomy.depth(node).1).max();
    deepest.and_then(|depth| depth.checked_sub(1))
}

/// The list and the detail: side by side where both have room for names and figures.
fn areas(app: &App, area: Rect) -> [Rect; 2] {
    if area.width >= 110 {
        return split(area, app.split, &app.hits);
    }
    let below = area.height * 2 / 5;
    let list = Rect {
        height: area.height - below,
        ..area
    };
    let detail = Rect {
        y: area.y + list.height,
        height: below,
        ..area
    };
    [list, detail]
}

/// How the labels are grouped, what is filtered, and whether something else is awaited: for titles.
fn told(app: &App) -> String {
    let state = &app.confusions;
    let depth = match state.listed.as_ref().and_then(|listed| listed.found.depth) {
        None => String::new(),
        Some(depth) => format!(" at depth {depth} of {}", state.deepest.unwrap_or(depth)),
    };
    let filter = match state.filter.as_str() {
        "" => String::new(),
        filter => format!(" · {filter}"),
    };
    let busy = if app.is_busy(Kind::Confusions) {
        " …"
    } else {
        ""
    };
    format!("{depth}{filter}{busy}")
}

/// What stands where nothing can be shown.
fn nothing(app: &App) -> String {
    match (&app.confusions.listed, app.fault(Kind::Confusions)) {
        (_, Some(fault)) => fault.to_owned(),
        (None, None) => "…".to_owned(),
        (Some(listed), None) if listed.found.pairs.is_empty() => {
            "Every answer is the annotated label: there are no confusions.".to_owned()
        }
        _ => "No confusion matches. esc shows all of them.".to_owned(),
    }
}
