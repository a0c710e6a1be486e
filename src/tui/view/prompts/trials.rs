//! What was tried: labels and templates that the run has not, on one image or on all.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use serde_json::{Value, json};

use super::super::percent;
use super::entries::{Entry, Lines};
use crate::report::text::thousands;
use crate::taxonomy::{NodeId, Resolution};
use crate::tui::action::Kind;
use crate::tui::app::App;
use crate::tui::backend::{self, On, Tried, TriedOnAll};
use crate::tui::command::Command;
use crate::tui::sheet::Sheet;
use crate::tui::text;
use crate::tui::widget::{bar, wrap};

/// A trial, and where it was made.
#[derive(Debug)]
pub struct Trial {
    tried: Tried,
    /// The image, and the name of its label; `None`: the whole set.
    image: Option<(String, Option<String>)>,
    /// The run that it was beside.
    run: String,
    /// The templates of that run's set.
    templates: Vec<String>,
}

/// Labels that are listed of those on an image, and of those that a label wins images from.
const LISTED: usize = 12;

/// What came of a trial, with what it was made on.
pub fn taken(app: &App, on: On, tried: Tried) -> Trial {
    let image = match (on, app.run()) {
        (On::Image(row), Some(run)) if row < run.len() => {
            let label = run.saved.rows[row].primary;
            let label = label.map(|label| match run.node(label) {
                Some(node) => run.taxonomy.label(node).to_owned(),
                None => run.saved.id(label).to_owned(),
            });
            Some((run.saved.images.get(row).to_owned(), label))
        }
        _ => None,
    };
    let templates = app.prompts.templates.as_ref();
    Trial {
        tried,
        image,
        run: run_name(app),
        templates: templates.map_or(Vec::new(), |found| found.templates.clone()),
    }
}

fn run_name(app: &App) -> String {
    let shown = app.shown.as_ref();
    shown.map_or(String::new(), |shown| shown.name.clone())
}

impl Trial {
    /// What was tried, and on what.
    fn title(&self, app: &App) -> String {
        let what = match &self.tried.trial {
            backend::Trial::Label(label) => format!("the label {label}"),
            backend::Trial::Template(template) => format!("the template {template}"),
        };
        let on = match &self.image {
            Some((image, _)) => image.as_str(),
            None => "the whole set",
        };
        match self.run == run_name(app) {
            true => format!("{what} on {on}"),
            false => format!("{what} on {on}, beside {}", self.run),
        }
    }

    fn label(&self) -> Option<&str> {
        match &self.tried.trial {
            backend::Trial::Label(label) => Some(label),
            backend::Trial::Template(_) => None,
        }
    }

    fn template(&self, number: usize) -> String {
        match (self.templates.get(number), &self.tried.trial) {
            (Some(template), _) => template.clone(),
            (None, backend::Trial::Template(template)) => template.clone(),
            (None, _) => format!("template {}", number + 1),
        }
    }

    /// The figures of the whole set: a title, the count, and of how many.
    fn counts(&self, whole: &TriedOnAll) -> Vec<(&'static str, usize)> {
        let won = (self.label()).map(|_| ("images won", whole.won));
        let others = [
            ("answers changed", whole.changed),
            ("right before", whole.right_before),
            ("right after", whole.right_after),
        ];
        won.into_iter().chain(others).collect()
    }
}

pub fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let lines = Lines {
        title: "Trials",
        pane: super::TRIALS,
        cursor: &app.prompts.trials,
        entries: &|width| entries(app, width),
    };
    lines.draw(app, frame, area);
}

/// All lines of the pane.
pub fn entries(app: &App, width: usize) -> Vec<Entry> {
    let mut entries = Vec::new();
    invitation(app, width, &mut entries);
    if app.is_busy(Kind::Try) {
        let cancel = super::key(app, Command::Cancel);
        let told = format!("it is being scored … {cancel} cancels it");
        entries.push(Entry::styled(told, app.theme.blue()));
    } else if let Some(fault) = app.fault(Kind::Try) {
        let lines = wrap(&format!("! {fault}"), width).into_iter();
        entries.extend(lines.map(|line| Entry::styled(line, app.theme.error())));
        let again = super::key(app, Command::TryLabel);
        let told = format!("Nothing was tried. When that is put right, {again} types it in again.");
        entries.extend(
            wrap(&told, width)
                .into_iter()
                .map(|line| Entry::styled(line, app.theme.dim())),
        );
    }
    for (number, trial) in app.prompts.tried.iter().enumerate() {
        entries.push(Entry::default());
        let first = entries.len();
        trial_entries(app, trial, width, &mut entries);
        for entry in &mut entries[first..] {
            entry.of = Some(number);
        }
    }
    entries
}

/// How to try something, and on what it will be.
fn invitation(app: &App, width: usize, entries: &mut Vec<Entry>) {
    let key = |command| super::key(app, command);
    let on = match (super::target(app), app.run()) {
        (On::Image(row), Some(run)) => run.saved.images.get(row).to_owned(),
        _ if app.prompts.on_all => "the whole set".to_owned(),
        _ => "the whole set: no image is selected in Images (3)".to_owned(),
    };
    let told = format!(
        "{} tries a label, {} a template, on {on} ({} changes that)",
        key(Command::TryLabel),
        key(Command::TryTemplate),
        key(Command::WholeSet),
    );
    let lines = wrap(&told, width).into_iter();
    entries.extend(lines.map(|line| Entry::styled(line, app.theme.dim())));
}

fn trial_entries(app: &App, trial: &Trial, width: usize, entries: &mut Vec<Entry>) {
    let title = trial.title(app);
    let lines = wrap(&title, width).into_iter();
    let styled = |line| Entry::styled(line, app.theme.title()).with_value(&title);
    entries.extend(lines.map(styled));
    if let Some((_, label)) = &trial.image {
        ranked_entries(app, trial, label.as_deref(), width, entries);
    }
    if let Some(whole) = &trial.tried.whole {
        whole_entries(app, trial, whole, width, entries);
    }
}

/// The labels on the image as bars, with a sign for the tried one and for the annotated one.
fn ranked_entries(
    app: &App,
    trial: &Trial,
    annotated: Option<&str>,
    width: usize,
    entries: &mut Vec<Entry>,
) {
    let names = (width.saturating_sub(10) / 2).clamp(8, 30);
    let room = width.saturating_sub(names + 10);
    let is_tried = |name: &str| trial.label() == Some(name);
    let row = |(name, probability): &(String, f64)| {
        let (sign, style) = match name.as_str() {
            name if is_tried(name) => ("▸", app.theme.blue()),
            name if annotated == Some(name) => ("=", Style::new()),
            _ => (" ", app.theme.dim()),
        };
        let line = Line::from(vec![
            Span::styled(format!("{sign} "), app.theme.title()),
            Span::styled(text::fit(name, names), style),
            Span::raw(format!(" {probability:>5.3} ")),
            Span::styled(bar(*probability, room), style),
        ]);
        let value = format!("{name}\t{probability}");
        let node = node_of(app, name);
        Entry::new(line).with_value(value).with_node(node)
    };
    let ranked = &trial.tried.ranked;
    entries.extend(ranked.iter().take(LISTED).map(row));
    // What is asked for is told wherever it is.
    let is_asked_for = |name: &str| is_tried(name) || annotated == Some(name);
    let mut last = LISTED;
    for (i, rank) in ranked.iter().enumerate().skip(LISTED) {
        if is_asked_for(&rank.0) {
            entries.extend(left_out(app, i - last));
            entries.push(row(rank));
            last = i + 1;
        }
    }
    entries.extend(left_out(app, ranked.len().saturating_sub(last)));
    if trial.tried.ranked.is_empty() {
        entries.push(Entry::styled("nothing is ranked", app.theme.dim()));
    }
    let mut signs = Vec::new();
    signs.extend(trial.label().map(|_| "▸ tried".to_owned()));
    signs.extend(annotated.map(|name| format!("= annotated: {name}")));
    let signs = text::fit(&signs.join("  "), width);
    entries.push(Entry::styled(signs, app.theme.dim()));
}

/// A line for labels that are not listed.
fn left_out(app: &App, count: usize) -> Option<Entry> {
    let told = match count {
        0 => return None,
        1 => "  … 1 label more".to_owned(),
        count => format!("  … {} labels more", thousands(count)),
    };
    Some(Entry::styled(told, app.theme.dim()))
}

/// The label with this name, if there is one and only one.
fn node_of(app: &App, name: &str) -> Option<NodeId> {
    match app.run()?.taxonomy.look_up(name) {
        Resolution::One(node) => Some(node),
        _ => None,
    }
}

const TITLE: usize = 16;

fn whole_entries(
    app: &App,
    trial: &Trial,
    whole: &TriedOnAll,
    width: usize,
    entries: &mut Vec<Entry>,
) {
    let share = |count: usize| (whole.n > 0).then(|| count as f64 / whole.n as f64);
    for (title, count) in trial.counts(whole) {
        let gain = whole.right_after as i64 - whole.right_before as i64;
        let gain = match title == "right after" {
            true => format!("  {gain:+}"),
            false => String::new(),
        };
        let figures = format!("{:>9}{:>8}{gain}", thousands(count), percent(share(count)));
        let line = Line::from(vec![Span::raw(text::fit(title, TITLE)), Span::raw(figures)]);
        entries.push(Entry::new(line).with_value(format!("{title}\t{count}")));
    }
    if trial.label().is_some() && !whole.from.is_empty() {
        from_entries(app, whole, width, entries);
    }
    template_entries(app, trial, whole, width, entries);
}

/// From which annotated labels the images are that a tried label wins.
fn from_entries(app: &App, whole: &TriedOnAll, width: usize, entries: &mut Vec<Entry>) {
    let dim = app.theme.dim();
    entries.push(Entry::styled("won from images annotated as", dim));
    let names = TITLE.min(width.saturating_sub(10)).max(8);
    let room = width.saturating_sub(names + 11).min(60);
    let most = whole.from.iter().map(|(_, count)| *count).max();
    let most = most.unwrap_or(0).max(1) as f64;
    for (name, count) in whole.from.iter().take(LISTED) {
        let line = Line::from(vec![
            Span::raw(text::fit(name, names)),
            Span::raw(format!("{:>9}  ", thousands(*count))),
            Span::styled(bar(*count as f64 / most, room), app.theme.blue()),
        ]);
        let value = format!("{name}\t{count}");
        let node = node_of(app, name);
        entries.push(Entry::new(line).with_value(value).with_node(node));
    }
    let more = whole.from.len().saturating_sub(LISTED);
    entries.extend(left_out(app, more));
}

/// How each template alone does.
fn template_entries(
    app: &App,
    trial: &Trial,
    whole: &TriedOnAll,
    width: usize,
    entries: &mut Vec<Entry>,
) {
    if whole.templates.is_empty() {
        return;
    }
    let names = width.saturating_sub(18).clamp(10, 60);
    let header = format!(
        "{}{:>9}{:>9}",
        text::fit("template alone", names),
        "right",
        "agrees"
    );
    entries.push(Entry::styled(header, app.theme.dim()));
    for row in &whole.templates {
        let share = |count: usize| percent((row.n > 0).then(|| count as f64 / row.n as f64));
        let template = trial.template(row.template);
        let figures = format!("{:>9}{:>9}", share(row.right), share(row.agrees));
        let line = format!("{}{figures}", text::fit_middle(&template, names));
        entries.push(Entry::new(line).with_value(template));
    }
}

/// The trial that the cursor is in, a row a figure.
pub fn sheet(app: &App) -> Option<Sheet> {
    let width = super::width(app);
    let entry = entries(app, width).into_iter().nth(app.prompts.trials.at());
    let number = entry.and_then(|entry| entry.of).unwrap_or(0);
    let trial = app.prompts.tried.get(number)?;
    let title = trial.title(app);
    let mut rows: Vec<(&'static str, String, Value)> = Vec::new();
    if trial.image.is_some() {
        let ranked = trial.tried.ranked.iter();
        rows.extend(ranked.map(|(name, p)| ("probability", name.clone(), json!(p))));
    }
    if let Some(whole) = &trial.tried.whole {
        let counts = trial.counts(whole).into_iter();
        rows.push(("images", String::new(), json!(whole.n)));
        rows.extend(counts.map(|(what, count)| (what, String::new(), json!(count))));
        let from = whole.from.iter();
        rows.extend(from.map(|(name, count)| ("won from", name.clone(), json!(count))));
        for row in &whole.templates {
            let template = trial.template(row.template);
            rows.push(("template alone: images", template.clone(), json!(row.n)));
            rows.push(("template alone: right", template.clone(), json!(row.right)));
            rows.push(("template alone: agrees", template, json!(row.agrees)));
        }
    }
    let columns = ["trial", "figure", "of", "value"];
    Some(Sheet {
        columns: columns.map(str::to_owned).to_vec(),
        len: rows.len(),
        row: Box::new(move |i| {
            let (figure, of, value) = &rows[i];
            vec![json!(title), json!(figure), json!(of), value.clone()]
        }),
    })
}
