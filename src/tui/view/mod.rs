//! What one sees: the frame around the views, and what every view answers to.

pub mod compare;
pub mod confusions;
pub mod curve;
pub mod images;
mod over;
pub mod overview;
pub mod prompts;
pub mod suggest;
pub mod taxonomy;
#[cfg(test)]
mod testing;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use serde_json::{Value, json};

use super::action::{Effect, Job, Kind};
use super::app::{App, Hit, View};
use super::backend::{Progress, Shown};
use super::command::{Command, Scope, Spec, TABLE};
use super::editing::Subject;
use super::sheet::Sheet;
use super::text;
use crate::report::text::thousands;
use crate::run::Completion;

/// A column that can be chosen, and whether it is shown.
pub type Choice = (&'static str, bool);

/// What every view answers to. Its state is in the [`App`].
pub trait Part {
    /// Performs a command that is this view's.
    fn perform(&self, app: &mut App, command: Command) -> Vec<Effect>;

    /// Draws it.
    fn draw(&self, app: &App, frame: &mut Frame<'_>, area: Rect);

    /// Asks for what it needs and does not have.
    fn wants(&self, app: &mut App) -> Vec<Effect>;

    /// Why a command of this view cannot be performed now.
    fn why_not(&self, _app: &App, _command: Command) -> Option<String> {
        None
    }

    /// The selected value, to copy.
    fn value(&self, app: &App) -> Option<String>;

    /// What an edit would be about.
    fn subject(&self, _app: &App) -> Option<Subject> {
        None
    }

    /// What is shown, as a table for a file.
    fn sheet(&self, app: &App) -> Option<Sheet>;

    /// Where one is, to come back to.
    fn remember(&self, app: &App) -> Value;

    /// Goes back there; what is not there any more is passed over.
    fn recall(&self, app: &mut App, place: &Value);

    /// Another run is shown; `earlier` was there before.
    fn run_changed(&self, app: &mut App, earlier: Option<&Shown>);

    /// The filter as it is written.
    fn filter(&self, _app: &App) -> String {
        String::new()
    }

    fn set_filter(&self, _app: &mut App, _text: String) {}

    /// # Errors
    /// What is wrong with a filter.
    fn check_filter(&self, _app: &App, _text: &str) -> Result<(), String> {
        Ok(())
    }

    /// How a filter may go on at a byte.
    fn complete(&self, _app: &App, _text: &str, _cursor: usize) -> Vec<Completion> {
        Vec::new()
    }

    /// The columns that can be chosen.
    fn columns(&self, _app: &App) -> Vec<Choice> {
        Vec::new()
    }

    fn toggle_column(&self, _app: &mut App, _column: usize) {}

    /// The pane that keys go to.
    fn focused(&self, _app: &App) -> usize {
        0
    }

    /// Goes to a pane.
    fn focus(&self, _app: &mut App, _pane: usize) {}

    /// The selected row of a pane.
    fn selected_row(&self, _app: &App, _pane: usize) -> Option<usize> {
        None
    }

    fn select_row(&self, _app: &mut App, _pane: usize, _row: usize) {}
}

/// What answers for a view.
pub fn part(view: View) -> &'static dyn Part {
    match view {
        View::Overview => &overview::Overview,
        View::Taxonomy => &taxonomy::Tree,
        View::Images => &images::Images,
        View::Confusions => &confusions::Pairs,
        View::Prompts => &prompts::Prompts,
        View::Curve => &curve::Curve,
        View::Compare => &compare::Compare,
        View::Suggest => &suggest::Suggest,
    }
}

pub fn why_not(app: &App, command: Command) -> Option<String> {
    part(app.view).why_not(app, command)
}

/// What the view that is shown, and the whole, need.
pub fn wants(app: &mut App) -> Vec<Effect> {
    let mut effects = Vec::new();
    if !app.waiting.contains_key(&Kind::Open) {
        effects.push(app.request(Job::Open));
    }
    if app.shown.is_some() {
        effects.extend(part(app.view).wants(app));
    }
    effects
}

/// Where one is in the view that is shown.
pub fn remember(app: &App) -> Value {
    part(app.view).remember(app)
}

pub fn recall(app: &mut App, place: &Value) {
    part(app.view).recall(app, place);
}

pub fn run_changed(app: &mut App, earlier: Option<&Shown>) {
    for view in View::ALL {
        part(view).run_changed(app, earlier);
    }
}

/// Rows that a word at the foot may take.
const MOST_OF_STATUS: u16 = 4;

/// The least that the workbench can be used in.
const LEAST: (u16, u16) = (60, 16);

/// Draws the whole screen.
pub fn draw(app: &App, frame: &mut Frame<'_>) {
    app.hits.clear();
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return too_small(frame, area);
    }
    let header = Rect { height: 1, ..area };
    let body = Rect {
        y: area.y + 1,
        height: area.height - 2,
        ..area
    };
    let footer = Rect {
        y: area.bottom() - 1,
        height: 1,
        ..area
    };
    draw_header(app, frame, header);
    match app.shown {
        None if app.view != View::Overview => not_there_yet(app, frame, body),
        _ => part(app.view).draw(app, frame, body),
    }
    draw_footer(app, frame, footer);
    if app.overlay.is_some() {
        // What lies below cannot be clicked.
        app.hits.clear();
        over::draw(app, frame, body);
    }
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let text = format!(
        "cladist needs {} × {}, and this terminal has {} × {}",
        LEAST.0, LEAST.1, area.width, area.height
    );
    let lines = super::widget::wrap(&text, usize::from(area.width));
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        frame
            .buffer_mut()
            .set_stringn(area.x, y, line, usize::from(area.width), Style::new());
    }
}

/// What stands in a view until there is a run.
fn not_there_yet(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let inner = super::widget::pane(frame, area, app.view.title(), true, app.theme);
    let text = match app.fault(Kind::Open) {
        Some(fault) => fault.to_owned(),
        None => "The run is being opened …".to_owned(),
    };
    paragraph(frame, inner, &text, Style::new());
}

/// A text in an area, wrapped; what there is no room for is left out.
pub fn paragraph(frame: &mut Frame<'_>, area: Rect, text: &str, style: Style) -> u16 {
    let lines = super::widget::wrap(text, usize::from(area.width));
    let mut drawn = 0;
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        let width = usize::from(area.width);
        frame
            .buffer_mut()
            .set_stringn(area.x, y, line, width, style);
        drawn += 1;
    }
    drawn
}

fn draw_header(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let mut x = area.x;
    let put = |frame: &mut Frame<'_>, x: u16, text: &str, style: Style| {
        let room = usize::from(area.right().saturating_sub(x));
        frame
            .buffer_mut()
            .set_stringn(x, area.y, text, room, style)
            .0
    };
    let is_wide = area.width >= 110;
    for (number, view) in (1..).zip(View::ALL) {
        let is_shown = view == app.view;
        let text = match is_wide || is_shown {
            true => format!(" {number} {} ", view.title()),
            // The next one begins with a blank.
            false => {
                let short: String = view.title().chars().take(4).collect();
                format!(" {number} {short}")
            }
        };
        let style = match is_shown {
            true => app.theme.selected(true),
            false => app.theme.dim(),
        };
        let start = x;
        x = put(frame, x, &text, style);
        let area = Rect {
            x: start,
            width: x - start,
            ..area
        };
        app.hits.add(area, Hit::View(view));
    }
    let name = app.shown.as_ref().map_or(app.title.as_str(), |s| &s.name);
    let follows = match app.is_of_answers {
        true => ", intervals follow",
        false => "",
    };
    let n = app
        .summary()
        .map(|s| format!(" · {} images{follows}", thousands(s.n)));
    let so_far = app.shown.as_ref().and_then(|s| s.so_far);
    let so_far = so_far
        .map(|(done, total)| format!(" · {} of {} so far", thousands(done), thousands(total)));
    let told = so_far.or(n).unwrap_or_default();
    let room = usize::from(area.right().saturating_sub(x + 1));
    let told_width = text::width(&told);
    if room <= told_width + 3 {
        // No name fits.
        let told = told.trim_start_matches(" · ");
        if room >= text::width(told) {
            let x = area.right().saturating_sub(text::width(told) as u16);
            put(frame, x, told, app.theme.title());
        }
    } else {
        let name = match text::width(name) + told_width > room {
            true => text::fit_start(name, room - told_width),
            false => name.to_owned(),
        };
        let text = format!("{name}{told}");
        let x = area.right().saturating_sub(text::width(&text) as u16);
        put(frame, x, &text, app.theme.title());
    }
}

fn draw_footer(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width);
    let right = match &app.progress {
        Some(progress) => told_progress(progress, width / 2),
        None => told_jobs(app),
    };
    let right_width = text::width(&right);
    if let Some(status) = &app.status {
        let style = match status.is_error {
            true => app.theme.error(),
            false => app.theme.title(),
        };
        let mark = if status.is_error { "! " } else { "" };
        let lines = super::widget::wrap(&format!("{mark}{}", status.text), width);
        // What does not fit goes on over the foot of the view: what it says at its end is often the point.
        let height = (lines.len() as u16).clamp(1, MOST_OF_STATUS);
        let top = area.y.saturating_sub(height - 1);
        for (y, line) in (top..=area.y).zip(&lines) {
            let line = text::fit(line, width);
            frame
                .buffer_mut()
                .set_stringn(area.x, y, line, width, style);
        }
        return;
    }
    let mut x = area.x;
    let end = area.right().saturating_sub(right_width as u16 + 1);
    // How to find the rest comes first, then what this view alone has.
    let (own, general): (Vec<&Spec>, Vec<&Spec>) = (TABLE.iter())
        .filter(|spec| !spec.short.is_empty())
        .partition(|spec| spec.scope != Scope::Everywhere);
    let (first, general) = general.split_at(2);
    for spec in first.iter().chain(&own).chain(general) {
        if !spec.scope.covers(app.view) || app.why_not(spec.command).is_some() {
            continue;
        }
        let Some(key) = app.keymap.key(spec.command) else {
            continue;
        };
        let needs = text::width(&key) + 1 + text::width(spec.short) + 2;
        if usize::from(x) + needs > usize::from(end) {
            continue;
        }
        let line = Line::from(vec![
            Span::styled(key, app.theme.key()),
            Span::raw(" "),
            Span::raw(spec.short),
        ]);
        frame.buffer_mut().set_line(x, area.y, &line, needs as u16);
        let hit = Rect {
            x,
            width: needs as u16,
            ..area
        };
        app.hits.add(hit, Hit::Command(spec.command));
        x += needs as u16;
    }
    if right_width > 0 {
        let x = area.right().saturating_sub(right_width as u16);
        frame
            .buffer_mut()
            .set_stringn(x, area.y, right, right_width, app.theme.blue());
    }
}

/// What is being worked on that tells no progress of its own.
fn told_jobs(app: &App) -> String {
    let is_slow = |kind: &Kind| !matches!(kind, Kind::Picture | Kind::Expand | Kind::Rows);
    let busy = app
        .waiting
        .keys()
        .filter(|kind| is_slow(kind) && app.is_busy(**kind));
    let names: Vec<&str> = busy.map(|kind| kind.name()).collect();
    match (names.is_empty(), app.faults.len()) {
        (true, 0) => String::new(),
        (true, 1) => "1 error in the files".to_owned(),
        (true, n) => format!("{n} errors in the files"),
        (false, _) => format!("{} …", names.join(", ")),
    }
}

/// Progress in words: what, how far, how fast, how long.
fn told_progress(progress: &Progress, columns: usize) -> String {
    let mut told = format!(
        "{} {}/{} {}",
        progress.doing,
        thousands(progress.done),
        thousands(progress.total),
        progress.things
    );
    if let (Some(rate), Some(left)) = (progress.rate(), progress.left()) {
        let seconds = left.as_secs();
        let left = match seconds {
            0..60 => format!("{seconds} s"),
            60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
            _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        };
        told = format!("{told}, {rate:.1}/s, {left} left");
    }
    match text::width(&told) > columns {
        true => text::fit(&told, columns),
        false => told,
    }
}

/// The lines of help for the view: keys and what they do.
pub fn help_lines(app: &App) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let scoped = |everywhere: bool| {
        TABLE
            .iter()
            .filter(move |spec| (spec.scope == Scope::Everywhere) == everywhere)
    };
    let own = scoped(false).filter(|spec| spec.scope.covers(app.view));
    for spec in own.chain(scoped(true)) {
        let keys = app.keymap.keys(spec.command).join(" ");
        let why = app.why_not(spec.command);
        let why = why.map_or(String::new(), |why| format!(" (not now: {why})"));
        lines.push((keys, format!("{}{why}", spec.doc)));
    }
    if app.view == View::Images {
        lines.push((String::new(), String::new()));
        lines.push((String::new(), "Filters".to_owned()));
        let examples = crate::run::FILTER_HELP.iter();
        lines.extend(examples.map(|&(example, what)| (example.to_owned(), what.to_owned())));
    }
    lines
}

/// A number in JSON, `null` of none.
pub fn number(value: Option<f64>) -> Value {
    json!(value)
}

/// A share as a percentage; a dash of none.
pub fn percent(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), |share| format!("{:.1} %", 100.0 * share))
}
