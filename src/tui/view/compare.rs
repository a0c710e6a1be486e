//! The run that is shown against another: what changed from the other to this one, and what of it is more than noise.

mod flips;
mod summary;
#[cfg(test)]
mod tests;
mod transitions;

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use super::{Part, images};
use crate::run::{Comparison, Explained};
use crate::score::Verdict;
use crate::tui::action::{self, Effect, Job, Kind};
use crate::tui::app::{App, Hit};
use crate::tui::backend::Shown;
use crate::tui::command::Command;
use crate::tui::sheet::Sheet;
use crate::tui::widget::{Cursor, GridCursor, Scroll, pane, split, stacked};

#[derive(Debug, Default)]
pub struct State {
    compared: Option<Compared>,
    pane: usize,
    summary: Scroll,
    /// Verdict before and verdict now.
    cell: GridCursor,
    ways: Cursor,
    images: Cursor,
    filter: String,
    /// Flips with these verdicts alone.
    transition: Option<(Verdict, Verdict)>,
    listed: flips::Listed,
}

/// A comparison that was made.
#[derive(Debug)]
pub struct Compared {
    /// Of the run that is the second of the two.
    generation: u64,
    /// The two by name, the other one first.
    names: [String; 2],
    comparison: Arc<Comparison>,
    /// Whether what the taxonomies say differently explains more than chance; `None` until it is known.
    explained: Option<Result<Option<Box<Explained>>, String>>,
    /// The images of each way in [`Comparison::flips`], as numbers in [`Comparison::images`].
    of_ways: Vec<Vec<u32>>,
}

const SUMMARY: usize = 0;
const TRANSITIONS: usize = 1;
const WAYS: usize = 2;
const IMAGES: usize = 3;
const PANES: usize = 4;

pub struct Compare;

/// Takes a comparison of another run with the one that is shown, and asks whether the taxonomies explain it.
pub fn set(app: &mut App, compared: action::Compared) -> Vec<Effect> {
    let action::Compared {
        name,
        comparison,
        other,
        ..
    } = compared;
    let this = app.shown.as_ref().map_or("", |shown| shown.name.as_str());
    let name = match (&app.before, name.as_str()) {
        (Some(before), "before") => format!("before: {}", before.name),
        _ => name,
    };
    let names = [name, this.to_owned()];
    let of_ways = flips::of_ways(&comparison);
    let state = &mut app.compare;
    state.compared = Some(Compared {
        generation: app.generation,
        names,
        of_ways,
        comparison,
        explained: None,
    });
    state.transition = None;
    state.summary.to_top();
    let most_frequent = transitions::most_frequent(app);
    app.compare.cell.set(most_frequent);
    flips::list(app);
    match other {
        Ok(other) => vec![app.request(Job::Explain(other))],
        Err(why) => {
            app.forget(Kind::Explain);
            set_explained(app, Err(why));
            Vec::new()
        }
    }
}

/// Takes what the taxonomies explain.
pub fn set_explained(app: &mut App, explained: Result<Option<Box<Explained>>, String>) {
    if let Some(compared) = &mut app.compare.compared {
        compared.explained = Some(explained);
    }
}

fn comparison(app: &App) -> Option<&Comparison> {
    let compared = app.compare.compared.as_ref()?;
    Some(compared.comparison.as_ref())
}

/// Whether the comparison is of the run that is shown.
fn is_current(app: &App) -> bool {
    let compared = app.compare.compared.as_ref();
    compared.is_some_and(|compared| compared.generation == app.generation)
}

/// What stands where there is no comparison.
fn invitation(app: &App) -> String {
    let key = |command| app.keymap.key(command).unwrap_or_else(|| ":".to_owned());
    let before = match app.before {
        Some(_) => "compares with what was shown before",
        None => {
            "compares with what was shown before a rule was applied or the run was made anew: nothing was, so far"
        }
    };
    let doing = match (app.is_busy(Kind::Compare), app.fault(Kind::Compare)) {
        (true, _) => "Comparing …\n\n".to_owned(),
        (false, Some(fault)) => format!("Not compared: {fault}\n\n"),
        (false, None) => String::new(),
    };
    format!(
        "{doing}This run is not compared with another yet.\n\n\
         {} asks for a snapshot, or for the directory of another run of the same images: made with another model, other prompts, another taxonomy or \
         another rule.\n\n{} {before}.\n\n\
         You will see which answers flip, which verdicts come and go, and what of the difference is more than noise: paired \
         bootstrap intervals, exact McNemar tests, Holm's correction over the verdicts.",
        key(Command::CompareWith),
        key(Command::CompareBefore)
    )
}

impl Part for Compare {
    fn perform(&self, app: &mut App, command: Command) -> Vec<Effect> {
        let pane = app.compare.pane;
        match command {
            Command::CompareBefore => {
                let before = app.before.as_ref().map(|b| Arc::clone(&b.opened));
                return before
                    .map(|before| app.request(Job::Compare("before".to_owned(), before)))
                    .into_iter()
                    .collect();
            }
            Command::NextPane => app.compare.pane = (pane + 1) % PANES,
            Command::PreviousPane => app.compare.pane = (pane + PANES - 1) % PANES,
            Command::ClearFilter => {
                app.compare.filter.clear();
                app.compare.transition = None;
                flips::list(app);
            }
            _ if app.compare.compared.is_none() => {}
            Command::Open => open(app),
            Command::ImagesOf | Command::Reveal | Command::PromptsOf | Command::ConfusionsOf => {
                go_with_truth(app, command);
            }
            Command::NextMatch => flips::perform(app, WAYS, Command::Down),
            Command::PreviousMatch => flips::perform(app, WAYS, Command::Up),
            command => match pane {
                SUMMARY => drop(app.compare.summary.perform(command)),
                TRANSITIONS => transitions::perform(app, command),
                pane => flips::perform(app, pane, command),
            },
        }
        Vec::new()
    }

    fn draw(&self, app: &App, frame: &mut Frame<'_>, area: Rect) {
        let Some(compared) = &app.compare.compared else {
            let inner = pane(frame, area, "Compare", true, app.theme);
            super::paragraph(frame, inner, &invitation(app), app.theme.dim());
            return;
        };
        for (part, area) in areas(app, area).into_iter().enumerate() {
            if area.is_empty() {
                continue;
            }
            app.hits.add(area, Hit::Pane(part));
            match part {
                SUMMARY => summary::draw(app, frame, area, compared),
                TRANSITIONS => transitions::draw(app, frame, area, compared),
                WAYS => flips::draw_ways(app, frame, area, compared),
                _ => flips::draw_images(app, frame, area, compared),
            }
        }
    }

    fn wants(&self, _app: &mut App) -> Vec<Effect> {
        Vec::new()
    }

    fn why_not(&self, app: &App, command: Command) -> Option<String> {
        let needs_run = || match app.run() {
            Some(_) => None,
            None => Some("the run is not there yet".to_owned()),
        };
        match command {
            Command::CompareBefore if app.before.is_none() => {
                Some("nothing was shown before: apply a rule in Curve, or make the run anew".into())
            }
            Command::CompareBefore | Command::CompareWith => needs_run(),
            Command::Filter if app.compare.compared.is_none() => {
                Some("there is no comparison yet".into())
            }
            _ => None,
        }
    }

    fn value(&self, app: &App) -> Option<String> {
        let compared = app.compare.compared.as_ref()?;
        match app.compare.pane {
            SUMMARY => Some(summary::value(compared)),
            TRANSITIONS => Some(transitions::value(app, compared)),
            WAYS => flips::selected_way(app).map(flips::told),
            _ => flips::selected_image(app).map(|image| image.image.clone()),
        }
    }

    fn sheet(&self, app: &App) -> Option<Sheet> {
        flips::sheet(app)
    }

    fn remember(&self, app: &App) -> Value {
        let state = &app.compare;
        let (row, column) = state.cell.at();
        json!({
            "pane": state.pane,
            "cell": [row, column],
            "filter": state.filter,
            "transition": state.transition,
            "way": state.ways.at(),
            "image": state.images.at(),
        })
    }

    fn recall(&self, app: &mut App, place: &Value) {
        let number = |of: &Value| of.as_u64().unwrap_or(0) as usize;
        let state = &mut app.compare;
        state.pane = number(&place["pane"]).min(PANES - 1);
        let cell = &place["cell"];
        state.cell.set((number(&cell[0]), number(&cell[1])));
        state.cell.clamp(transitions::SIZE);
        state.filter = place["filter"].as_str().unwrap_or_default().to_owned();
        let verdict = |of: &Value| of.as_str().and_then(Verdict::by_name);
        let of = &place["transition"];
        state.transition = verdict(&of[0]).zip(verdict(&of[1]));
        flips::list(app);
        let (way, image) = (number(&place["way"]), number(&place["image"]));
        flips::select(app, WAYS, way);
        flips::select(app, IMAGES, image);
    }

    fn run_changed(&self, _app: &mut App, _earlier: Option<&Shown>) {
        // The comparison is kept, and says that it is of an earlier run.
    }

    fn filter(&self, app: &App) -> String {
        app.compare.filter.clone()
    }

    fn set_filter(&self, app: &mut App, text: String) {
        app.compare.filter = text;
        flips::list(app);
    }

    fn focused(&self, app: &App) -> usize {
        app.compare.pane
    }

    fn focus(&self, app: &mut App, pane: usize) {
        app.compare.pane = pane.min(PANES - 1);
    }

    fn selected_row(&self, app: &App, pane: usize) -> Option<usize> {
        match pane {
            TRANSITIONS => Some(transitions::cell(app)),
            WAYS => Some(app.compare.ways.at()),
            IMAGES => Some(app.compare.images.at()),
            _ => None,
        }
    }

    fn select_row(&self, app: &mut App, pane: usize, row: usize) {
        match pane {
            TRANSITIONS => transitions::select(app, row),
            WAYS | IMAGES => flips::select(app, pane, row),
            _ => {}
        }
    }
}

/// Opens what is selected: the images behind it, or the flips behind a transition.
fn open(app: &mut App) {
    let filter = match app.compare.pane {
        TRANSITIONS => return transitions::open(app),
        WAYS => flips::selected_way(app).map(flips::filter_of_way),
        IMAGES => flips::selected_image(app).map(flips::filter_of_image),
        _ => {
            app.complain("select a transition or a flip to open");
            return;
        }
    };
    match filter {
        Some(filter) => show(app, filter),
        None => app.complain("no flip is selected"),
    }
}

/// Goes to images of the run that is shown.
fn show(app: &mut App, filter: String) {
    let is_current = is_current(app);
    images::show(app, filter);
    if !is_current {
        app.complain(
            "these are of the run that is shown now, and the comparison is of an earlier one",
        );
    }
}

/// Goes where a command about a node leads, with what the selected flip is annotated with.
fn go_with_truth(app: &mut App, command: Command) {
    let truth = match app.compare.pane {
        WAYS => flips::selected_way(app).and_then(|way| way.truth.clone()),
        IMAGES => flips::selected_image(app).and_then(|image| image.flip.truth.clone()),
        _ => None,
    };
    let node = truth.and_then(|truth| app.run()?.taxonomy.find(&truth));
    match node {
        None => app.complain("select a flip of a label that the taxonomy knows"),
        Some(node) if command == Command::ImagesOf => {
            let filter = app.run().map(|run| images::under(run, node));
            images::show(app, filter.unwrap_or_default());
        }
        Some(node) => super::taxonomy::go_with(app, node, command),
    }
}

/// The areas of the panes: all of them where there is room, else that of the pane one is in.
fn areas(app: &App, area: Rect) -> [Rect; PANES] {
    let mut areas = [Rect::default(); PANES];
    let pane = app.compare.pane;
    let is_large = area.width >= 116 && area.height >= 30;
    if is_large {
        let [left, right] = split(area, app.split, &app.hits);
        [areas[SUMMARY], areas[TRANSITIONS]] = stacked(left, left.height - transitions::HEIGHT);
        [areas[WAYS], areas[IMAGES]] = stacked(right, right.height * 3 / 5);
    } else if pane >= WAYS {
        [areas[WAYS], areas[IMAGES]] = stacked(area, area.height * 3 / 5);
    } else {
        areas[pane] = area;
    }
    areas
}

/// What a pane is called, with what else there is where it stands alone.
fn title(app: &App, own: &str) -> String {
    let key = app.keymap.key(Command::NextPane);
    let is_alone = app.size.0 < 116 || app.size.1 < 32;
    match (is_alone, key) {
        (true, Some(key)) => format!("{own} · {key}: next pane"),
        _ => own.to_owned(),
    }
}
