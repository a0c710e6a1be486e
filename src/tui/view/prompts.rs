//! Prompts: what the labels are called in front of the model, how well that agrees, and labels and templates that are tried out.

mod entries;
mod going;
mod labels;
mod of_label;
mod trials;

use std::cell::Cell;
use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use super::{Part, images};
use crate::run::Opened;
use crate::taxonomy::NodeId;
use crate::tui::action::{Effect, Job, Kind};
use crate::tui::app::App;
use crate::tui::backend::{EncodedPrompts, Expanded, On, Shown, Templates, Tried};
use crate::tui::command::Command;
use crate::tui::editing::Subject;
use crate::tui::sheet::Sheet;
use crate::tui::widget::{Cursor, split};

use entries::Entry;
use going::{clamp, encode, images_of, move_in_pane, open, toggle_target};
use labels::List;
use trials::Trial;

#[derive(Debug, Default)]
pub struct State {
    pub templates: Option<Templates>,
    pub expanded: Option<(NodeId, Expanded)>,
    /// Of a run by its generation.
    pub encoded: Option<(u64, Arc<EncodedPrompts>)>,
    /// Whether a trial is on the whole set.
    pub on_all: bool,
    /// 0: the labels; 1: the prompts of the selected one; 2: the trials.
    pane: usize,
    list: List,
    /// Lines of the other two panes.
    prompts: Cursor,
    trials: Cursor,
    /// Latest first.
    tried: Vec<Trial>,
    /// Columns of these panes when they were last drawn.
    width: Cell<usize>,
}

const PANES: usize = 3;
const LABELS: usize = 0;
const PROMPTS: usize = 1;
const TRIALS: usize = 2;

/// Trials that are kept.
const MOST_TRIALS: usize = 50;

pub struct Prompts;

/// Shows the prompts of a node.
pub fn select(app: &mut App, node: NodeId) {
    app.prompts.pane = LABELS;
    app.prompts.list.want(node);
    labels::refresh(app);
    if labels::selected(app) != Some(node) {
        // Filtered out.
        app.prompts.list.filter.clear();
        app.prompts.list.want(node);
        labels::refresh(app);
    }
    app.prompts.prompts.set(0);
}

/// Where a trial is made: on the image that is selected among the images, or on all.
fn target(app: &App) -> On {
    match (app.prompts.on_all, images::selected(app)) {
        (false, Some(image)) => On::Image(image),
        _ => On::All,
    }
}

/// Shows the trials, and tells where the next is to be made.
pub fn begin_trial(app: &mut App) -> On {
    app.prompts.pane = TRIALS;
    app.prompts.trials.set(0);
    target(app)
}

/// Takes what came of a trial.
pub fn set_tried(app: &mut App, on: On, tried: Tried) {
    let trial = trials::taken(app, on, tried);
    app.prompts.tried.insert(0, trial);
    app.prompts.tried.truncate(MOST_TRIALS);
    app.prompts.trials.set(0);
}

/// What the prompts tell, if they were encoded for this run.
fn encoded(app: &App) -> Option<&EncodedPrompts> {
    let (generation, encoded) = app.prompts.encoded.as_ref()?;
    (*generation == app.generation).then_some(encoded)
}

/// The key of a command, as it is told.
fn key(app: &App, command: Command) -> String {
    app.keymap.key(command).unwrap_or_default()
}

/// The lines of one of the two panes beside the labels.
fn entries(app: &App, pane: usize, width: usize) -> Vec<Entry> {
    match pane {
        PROMPTS => of_label::entries(app, width),
        TRIALS => trials::entries(app, width),
        _ => Vec::new(),
    }
}

/// The selected line of the pane one is in.
fn selected_entry(app: &App) -> Option<Entry> {
    let state = &app.prompts;
    let cursor = match state.pane {
        PROMPTS => &state.prompts,
        TRIALS => &state.trials,
        _ => return None,
    };
    entries(app, state.pane, width(app))
        .into_iter()
        .nth(cursor.at())
}

/// Columns of the panes beside the labels when they were last drawn: texts are wrapped in these.
fn width(app: &App) -> usize {
    match app.prompts.width.get() {
        0 => 80,
        width => width,
    }
}

/// The label that a command is about: the one in the selected line, or the selected one.
fn subject(app: &App) -> Option<NodeId> {
    let of_entry = selected_entry(app).and_then(|entry| entry.node);
    of_entry.or_else(|| labels::selected(app))
}

impl Part for Prompts {
    fn perform(&self, app: &mut App, command: Command) -> Vec<Effect> {
        let pane = app.prompts.pane;
        match command {
            Command::NextPane => app.prompts.pane = (pane + 1) % PANES,
            Command::PreviousPane => app.prompts.pane = (pane + PANES - 1) % PANES,
            Command::Left => app.prompts.pane = LABELS,
            Command::Right if pane == LABELS => app.prompts.pane = PROMPTS,
            Command::Sort => labels::sort(app),
            Command::Reverse => {
                app.prompts.list.reversed = !app.prompts.list.reversed;
                labels::refresh(app);
            }
            Command::ClearFilter => self.set_filter(app, String::new()),
            Command::NextMatch | Command::PreviousMatch => {
                app.prompts.pane = LABELS;
                let is_next = command == Command::NextMatch;
                move_in_pane(app, if is_next { Command::Down } else { Command::Up });
            }
            Command::EncodePrompts => return encode(app),
            Command::WholeSet => toggle_target(app),
            Command::Open => open(app),
            Command::ImagesOf => images_of(app),
            Command::PromptsOf => match subject(app) {
                Some(node) => select(app, node),
                None => app.complain("no label is selected"),
            },
            Command::Reveal | Command::ConfusionsOf => match subject(app) {
                Some(node) => super::taxonomy::go_with(app, node, command),
                None => app.complain("no label is selected"),
            },
            command => move_in_pane(app, command),
        }
        Vec::new()
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, area: Rect) {
        let [left, right] = split(area, app.split, &app.hits);
        let upper = Rect {
            height: right.height / 2,
            ..right
        };
        let lower = Rect {
            y: right.y + upper.height,
            height: right.height - upper.height,
            ..right
        };
        labels::draw(app, frame, left);
        of_label::draw(app, frame, upper);
        trials::draw(app, frame, lower);
    }

    fn wants(&self, app: &mut App) -> Vec<Effect> {
        labels::refresh(app);
        let mut effects = Vec::new();
        effects.extend(app.want("templates", Job::Templates));
        if let Some(node) = labels::selected(app) {
            effects.extend(app.want(format!("prompts of {}", node.index()), Job::Expand(node)));
        }
        // What is tried is tried on one of them.
        effects.extend(images::want_rows(app));
        clamp(app);
        effects
    }

    fn why_not(&self, app: &App, command: Command) -> Option<String> {
        match command {
            Command::TryLabel | Command::TryTemplate if app.is_busy(Kind::Try) => {
                let cancel = key(app, Command::Cancel);
                Some(format!("a trial is going on ({cancel} cancels it)"))
            }
            Command::EncodePrompts if app.is_busy(Kind::EncodePrompts) => {
                Some("they are being encoded".into())
            }
            _ => None,
        }
    }

    fn value(&self, app: &App) -> Option<String> {
        match app.prompts.pane {
            LABELS => {
                let run = app.run()?;
                Some(run.taxonomy.id(labels::selected(app)?).to_owned())
            }
            _ => selected_entry(app)?.value,
        }
    }

    fn subject(&self, app: &App) -> Option<Subject> {
        Some(Subject::of(app.run()?, labels::selected(app)?))
    }

    fn sheet(&self, app: &App) -> Option<Sheet> {
        match app.prompts.pane {
            LABELS => labels::sheet(app),
            PROMPTS => of_label::sheet(app),
            _ => trials::sheet(app),
        }
    }

    fn remember(&self, app: &App) -> Value {
        let state = &app.prompts;
        let label = app.run().zip(labels::selected(app));
        json!({
            "label": label.map(|(run, node)| run.taxonomy.id(node)),
            "pane": state.pane,
            "filter": state.list.filter,
            "by": state.list.by.name(),
            "reversed": state.list.reversed,
            "on_all": state.on_all,
        })
    }

    fn recall(&self, app: &mut App, place: &Value) {
        let state = &mut app.prompts;
        state.pane = place["pane"]
            .as_u64()
            .map_or(LABELS, |p| p as usize % PANES);
        state.list.recall(place);
        state.on_all = place["on_all"] == true;
        let label = place["label"].as_str();
        let node = label.and_then(|id| app.run()?.taxonomy.find(id));
        if let Some(node) = node {
            app.prompts.list.want(node);
        }
        labels::refresh(app);
    }

    fn run_changed(&self, app: &mut App, earlier: Option<&Shown>) {
        let earlier = earlier.map(|shown| &shown.opened);
        let is_same = earlier
            .zip(app.run())
            .is_some_and(|(a, b)| prompts_alike(a, b));
        let was = app.generation.wrapping_sub(1);
        let state = &mut app.prompts;
        match &mut state.encoded {
            // Other answers, but the same prompts.
            Some((generation, _)) if is_same && *generation == was => *generation += 1,
            encoded => *encoded = None,
        }
        if !is_same {
            // A node's number is another in another taxonomy.
            let id = earlier.zip(state.list.selected());
            let id = id.map(|(run, node)| run.taxonomy.id(node).to_owned());
            state.templates = None;
            state.expanded = None;
            let node = id.and_then(|id| app.run()?.taxonomy.find(&id));
            app.prompts.list.forget(node);
        }
    }

    fn filter(&self, app: &App) -> String {
        app.prompts.list.filter.clone()
    }

    fn set_filter(&self, app: &mut App, text: String) {
        app.prompts.list.filter = text;
        app.prompts.pane = LABELS;
        labels::refresh(app);
    }

    fn focused(&self, app: &App) -> usize {
        app.prompts.pane
    }

    fn focus(&self, app: &mut App, pane: usize) {
        app.prompts.pane = pane.min(PANES - 1);
    }

    fn selected_row(&self, app: &App, pane: usize) -> Option<usize> {
        let state = &app.prompts;
        let cursors = [&state.list.cursor, &state.prompts, &state.trials];
        cursors.get(pane).map(|cursor| cursor.at())
    }

    fn select_row(&self, app: &mut App, pane: usize, row: usize) {
        let state = &mut app.prompts;
        match pane {
            LABELS => {
                state.list.cursor.set(row);
                state.prompts.set(0);
            }
            PROMPTS => state.prompts.set(row),
            _ => state.trials.set(row),
        }
    }
}

/// Whether two runs have the same labels in the same words before the same model.
fn prompts_alike(a: &Opened, b: &Opened) -> bool {
    let made_of = ["taxonomy", "prompts", "model", "candidates"];
    let (x, y) = (&a.saved.manifest, &b.saved.manifest);
    a.taxonomy.len() == b.taxonomy.len() && made_of.iter().all(|&part| x[part] == y[part])
}
