//! Edits of the taxonomy that the answers speak for: each with its evidence, and what it would do to the text.

mod detail;
mod list;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use super::{Part, images};
use crate::run::{Suggestion, SuggestionKind, quote};
use crate::taxonomy::NodeId;
use crate::taxonomy::edit::Edit;
use crate::tui::action::{Effect, Job, Kind};
use crate::tui::app::App;
use crate::tui::backend::Shown;
use crate::tui::command::Command;
use crate::tui::editing::{self, Draft, Subject};
use crate::tui::sheet::Sheet;
use crate::tui::widget::{Cursor, Scroll, split, stacked};

#[derive(Debug, Default)]
pub struct State {
    /// Of a run by its generation.
    found: Option<(u64, Arc<Vec<Suggestion>>)>,
    /// The numbers of those that match.
    listed: Arc<Vec<usize>>,
    filter: String,
    cursor: Cursor,
    /// 0: the list; 1: the selected one.
    pane: usize,
    detail: Scroll,
    /// Whether commands about a label go with the second of the two.
    is_second: bool,
    /// What edits do to the text, or why they cannot be made, by the number of the suggestion: as far as they were looked at.
    diffs: HashMap<usize, Result<String, String>>,
}

const LIST: usize = 0;
const DETAIL: usize = 1;

pub struct Suggest;

/// Takes what is suggested. What was selected stays so, if it is still suggested.
pub fn set(app: &mut App, found: Vec<Suggestion>) {
    let earlier = selected(app).map(|suggestion| (suggestion.kind, suggestion.nodes.clone()));
    // Diffs are known by the numbers of suggestions, which are others now.
    app.forget(Kind::Diff);
    let state = &mut app.suggest;
    state.found = Some((app.generation, Arc::new(found)));
    state.diffs.clear();
    list::refresh(app);
    select(app, earlier);
}

/// Takes what the edit of a suggestion does to the text.
pub fn set_diff(app: &mut App, number: usize, diff: Result<String, String>) {
    app.suggest.diffs.insert(number, diff);
}

/// Asks anew: more is known of the images.
pub fn ask_again(app: &mut App) {
    if let Some((generation, _)) = &mut app.suggest.found {
        // Kept until the new list is there, so that what is selected can be found in it.
        *generation = 0;
    }
    app.forget(Kind::Suggest);
    app.tell("the images are encoded: what coincides is told now");
}

/// What is suggested for the run that is shown, if it is known.
fn found(app: &App) -> Option<&Arc<Vec<Suggestion>>> {
    let (generation, found) = app.suggest.found.as_ref()?;
    (*generation == app.generation).then_some(found)
}

/// The number of the selected suggestion.
fn number(app: &App) -> Option<usize> {
    found(app)?;
    app.suggest.listed.get(app.suggest.cursor.at()).copied()
}

fn selected(app: &App) -> Option<&Suggestion> {
    let (_, all) = app.suggest.found.as_ref()?;
    all.get(*app.suggest.listed.get(app.suggest.cursor.at())?)
}

/// Selects a suggestion by its kind and its labels; the first, if it is not listed.
fn select(app: &mut App, wanted: Option<(SuggestionKind, Vec<String>)>) {
    let at = wanted.and_then(|(kind, nodes)| {
        let (_, all) = app.suggest.found.as_ref()?;
        let is_it = |&number: &usize| all[number].kind == kind && all[number].nodes == nodes;
        app.suggest.listed.iter().position(is_it)
    });
    app.suggest.cursor.set(at.unwrap_or(0));
    app.suggest.detail.to_top();
}

/// Of the labels of the selected suggestion the one that commands go with.
fn subject(app: &App) -> Option<&str> {
    let nodes = &selected(app)?.nodes;
    let wanted = usize::from(app.suggest.is_second);
    nodes
        .get(wanted)
        .or_else(|| nodes.first())
        .map(String::as_str)
}

/// The images that a suggestion is read off.
fn behind(suggestion: &Suggestion) -> String {
    let of = |id: &str| format!("truth:under({})", quote(id));
    match (suggestion.kind, &suggestion.nodes[..]) {
        (SuggestionKind::TooCoarse | SuggestionKind::RedundantEdge, [a, ..]) => of(a),
        (_, [a, b]) => {
            let evidence = &suggestion.evidence;
            // Where neither was answered for the other, both were thought probable.
            let by = match evidence.first_as_second + evidence.second_as_first {
                0 => "top",
                _ => "answer",
            };
            let [a, b] = [a, b].map(|id| quote(id));
            format!("truth:{a} {by}:{b} OR truth:{b} {by}:{a}")
        }
        _ => "verdict:generalised,specialised".to_owned(),
    }
}

/// What accepting a suggestion comes to.
#[derive(Debug)]
pub enum Accepted {
    /// An edit that is known.
    Edit(Edit),
    /// One that takes words, which are asked for.
    Words(Draft),
}

/// What accepting the selected suggestion comes to.
///
/// # Errors
/// Why there is nothing to accept.
pub fn accepted(app: &App) -> Result<Accepted, &'static str> {
    let number = number(app).ok_or("no suggestion is selected")?;
    let suggestion = selected(app).ok_or("no suggestion is selected")?;
    let subject = Suggest.subject(app);
    let words = |kind| subject.map(|subject| Accepted::Words(Draft::new(kind, subject)));
    let none = "no edit of the taxonomy helps: what does is said beside it";
    match (suggestion.kind, &suggestion.edit) {
        // The parts that the suggestion names are placeholders.
        (SuggestionKind::TooCoarse, _) => words(editing::Kind::Split).ok_or(none),
        (SuggestionKind::NameCollision, None) => words(editing::Kind::Describe).ok_or(none),
        (_, None) => Err(none),
        (_, Some(_)) if matches!(app.suggest.diffs.get(&number), Some(Err(_))) => {
            Err("this edit is to be made by hand: why is said beside it")
        }
        (_, Some(edit)) => Ok(Accepted::Edit(edit.clone())),
    }
}

/// Goes where a command about a node leads.
fn go_with_label(app: &mut App, command: Command) {
    let node: Option<NodeId> = subject(app).and_then(|id| app.run()?.taxonomy.find(id));
    match node {
        None => app.complain("no suggestion about a label is selected"),
        Some(node) if command == Command::ImagesOf => {
            let filter = app.run().map(|run| images::under(run, node));
            images::show(app, filter.unwrap_or_default());
        }
        Some(node) => super::taxonomy::go_with(app, node, command),
    }
}

fn move_by(app: &mut App, command: Command) {
    let len = app.suggest.listed.len();
    if app.suggest.cursor.perform(command, len) {
        app.suggest.detail.to_top();
    }
}

impl Part for Suggest {
    fn perform(&self, app: &mut App, command: Command) -> Vec<Effect> {
        let pane = app.suggest.pane;
        match command {
            Command::NextPane | Command::PreviousPane => app.suggest.pane = 1 - pane,
            Command::Left => app.suggest.is_second = false,
            Command::Right => app.suggest.is_second = true,
            Command::Open => match selected(app).map(behind) {
                Some(filter) => images::show(app, filter),
                None => app.complain("no suggestion is selected"),
            },
            Command::ImagesOf | Command::Reveal | Command::PromptsOf | Command::ConfusionsOf => {
                go_with_label(app, command);
            }
            Command::EncodeImages => return vec![app.request(Job::EncodeImages)],
            Command::ClearFilter => self.set_filter(app, String::new()),
            Command::NextMatch => move_by(app, Command::Down),
            Command::PreviousMatch => move_by(app, Command::Up),
            command if pane == DETAIL => drop(app.suggest.detail.perform(command)),
            command => move_by(app, command),
        }
        Vec::new()
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, area: Rect) {
        let [list, detail] = areas(app, area);
        list::draw(app, frame, list);
        detail::draw(app, frame, detail);
    }

    fn wants(&self, app: &mut App) -> Vec<Effect> {
        if found(app).is_none() {
            // What the first images speak for is soon something else.
            let is_whole = app.shown.as_ref().is_some_and(|s| s.so_far.is_none());
            let wanted = is_whole.then(|| app.want("suggest", Job::Suggest));
            return wanted.flatten().into_iter().collect();
        }
        let Some(number) = number(app).filter(|n| !app.suggest.diffs.contains_key(n)) else {
            return Vec::new();
        };
        let edit = selected(app).and_then(|suggestion| suggestion.edit.clone());
        let diff = edit.and_then(|edit| {
            let key = format!("diff {number}");
            app.want(key, Job::Diff(number, edit))
        });
        diff.into_iter().collect()
    }

    fn why_not(&self, app: &App, command: Command) -> Option<String> {
        let is_whole = app.shown.as_ref().is_some_and(|s| s.so_far.is_none());
        let why = match command {
            Command::EncodeImages if !is_whole => "not all images are scored yet",
            Command::EncodeImages if app.is_busy(Kind::EncodeImages) => "they are being encoded",
            _ => return None,
        };
        Some(why.to_owned())
    }

    fn value(&self, app: &App) -> Option<String> {
        let suggestion = selected(app)?;
        let diff = || app.suggest.diffs.get(&number(app)?)?.as_ref().ok().cloned();
        match app.suggest.pane {
            DETAIL => diff(),
            _ => Some(format!(
                "{}\t{}",
                suggestion.kind.name(),
                suggestion.nodes.join("\t")
            )),
        }
    }

    fn subject(&self, app: &App) -> Option<Subject> {
        let node = subject(app)?.to_owned();
        let other = selected(app)?.nodes.iter().find(|&other| *other != node);
        Some(Subject {
            other: other.cloned(),
            node,
            image: None,
        })
    }

    fn sheet(&self, app: &App) -> Option<Sheet> {
        list::sheet(app)
    }

    fn remember(&self, app: &App) -> Value {
        let state = &app.suggest;
        let selected = selected(app).map(|s| json!({"kind": s.kind.name(), "nodes": s.nodes}));
        json!({
            "filter": state.filter,
            "pane": state.pane,
            "second": state.is_second,
            "selected": selected,
        })
    }

    fn recall(&self, app: &mut App, place: &Value) {
        let state = &mut app.suggest;
        state.pane = usize::from(place["pane"] == 1);
        state.is_second = place["second"] == true;
        state.filter = place["filter"].as_str().unwrap_or_default().to_owned();
        list::refresh(app);
        let of = &place["selected"];
        let kind = SuggestionKind::ALL
            .into_iter()
            .find(|kind| of["kind"] == kind.name());
        let nodes = of["nodes"].as_array().map(|nodes| {
            let ids = nodes.iter().filter_map(Value::as_str);
            ids.map(str::to_owned).collect()
        });
        select(app, kind.zip(nodes));
    }

    fn run_changed(&self, app: &mut App, _earlier: Option<&Shown>) {
        // The list stays until the new one is there, so that what is selected can be found in it.
        app.suggest.diffs.clear();
    }

    fn filter(&self, app: &App) -> String {
        app.suggest.filter.clone()
    }

    fn set_filter(&self, app: &mut App, text: String) {
        let earlier = selected(app).map(|s| (s.kind, s.nodes.clone()));
        app.suggest.filter = text;
        list::refresh(app);
        select(app, earlier);
    }

    fn focused(&self, app: &App) -> usize {
        app.suggest.pane
    }

    fn focus(&self, app: &mut App, pane: usize) {
        app.suggest.pane = pane.min(DETAIL);
    }

    fn selected_row(&self, app: &App, pane: usize) -> Option<usize> {
        (pane == LIST).then(|| app.suggest.cursor.at())
    }

    fn select_row(&self, app: &mut App, pane: usize, row: usize) {
        if pane == LIST {
            app.suggest.cursor.set(row);
            app.suggest.cursor.clamp(app.suggest.listed.len());
            app.suggest.detail.to_top();
        }
    }
}

/// The list and the selected suggestion: side by side where both have room, else the list above.
fn areas(app: &App, area: Rect) -> [Rect; 2] {
    if area.width >= 110 {
        return split(area, app.split, &app.hits);
    }
    // Few lines tell where one is, and the diff is what one decides by.
    stacked(area, (area.height * 2 / 5).max(5))
}
