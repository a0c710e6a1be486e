//! The prompts of the selected label, the labels near it, and the templates that there are.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use serde_json::json;

use super::entries::{Entry, Lines};
use super::labels;
use crate::taxonomy::{NodeId, Taxonomy};
use crate::tui::action::Kind;
use crate::tui::app::App;
use crate::tui::backend::Expanded;
use crate::tui::command::Command;
use crate::tui::sheet::Sheet;
use crate::tui::text;
use crate::tui::widget::{bar, wrap};

pub fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let label = app.run().zip(labels::selected(app));
    let title = label.map_or("Prompts".to_owned(), |(run, node)| {
        let (name, id) = (run.taxonomy.label(node), run.taxonomy.id(node));
        match name == id {
            true => format!("Prompts of {name}"),
            false => format!("Prompts of {name} ({id})"),
        }
    });
    let lines = Lines {
        title: &title,
        pane: super::PROMPTS,
        cursor: &app.prompts.prompts,
        entries: &|width| entries(app, width),
    };
    lines.draw(app, frame, area);
}

/// All lines of the pane.
pub fn entries(app: &App, width: usize) -> Vec<Entry> {
    let Some((run, node)) = app.run().zip(labels::selected(app)) else {
        return vec![Entry::styled("no label is selected", app.theme.dim())];
    };
    let mut entries = Vec::new();
    prompt_entries(app, node, width, &mut entries);
    entries.push(Entry::default());
    nearest_entries(app, &run.taxonomy, node, width, &mut entries);
    template_entries(app, width, &mut entries);
    entries
}

/// The prompts of the label that is selected, if they are there.
fn expanded(app: &App) -> Option<(NodeId, &Expanded)> {
    let (node, expanded) = app.prompts.expanded.as_ref()?;
    (labels::selected(app) == Some(*node)).then_some((*node, expanded))
}

/// A failure, and what it is of.
fn fault_entries(app: &App, kind: Kind, width: usize, entries: &mut Vec<Entry>) -> bool {
    let Some(fault) = app.fault(kind) else {
        return false;
    };
    let lines = wrap(&format!("! {}: {fault}", kind.name()), width);
    entries.extend(
        lines
            .into_iter()
            .map(|line| Entry::styled(line, app.theme.error())),
    );
    true
}

/// Columns from which on a prompt has room for its template beside it.
const WIDE: usize = 56;

fn prompt_entries(app: &App, node: NodeId, width: usize, entries: &mut Vec<Entry>) {
    let dim = app.theme.dim();
    let Some((_, expanded)) = expanded(app) else {
        if !fault_entries(app, Kind::Expand, width, entries) {
            entries.push(Entry::styled("…", dim));
        }
        return;
    };
    let count = match expanded.prompts.len() {
        1 => "1 prompt".to_owned(),
        n => format!("{n} prompts"),
    };
    let agreement = labels::agreement(app, node).map(|a| {
        let told = format!("{count}, their mean cosine {a:.3}");
        Entry::styled(told, app.theme.title()).with_value(a.to_string())
    });
    entries.push(agreement.unwrap_or_else(|| Entry::styled(count, app.theme.title())));
    let widest = expanded.prompts.iter().map(|(_, t)| text::width(t)).max();
    let room = widest.unwrap_or(0).min(width * 2 / 5);
    for (prompt, template) in &expanded.prompts {
        let line = match width < WIDE {
            true => Line::raw(text::fit(prompt, width)),
            false => Line::from(vec![
                Span::styled(text::fit_middle(template, room), dim),
                Span::styled(" → ", dim),
                Span::raw(text::fit(prompt, width.saturating_sub(room + 3))),
            ]),
        };
        entries.push(Entry::new(line).with_value(prompt));
    }
}

fn nearest_entries(
    app: &App,
    taxonomy: &Taxonomy,
    node: NodeId,
    width: usize,
    entries: &mut Vec<Entry>,
) {
    let (title, dim) = (app.theme.title(), app.theme.dim());
    entries.push(Entry::styled("nearest labels, by cosine", title));
    let Some(nearest) = labels::nearest(app, node) else {
        let key = super::key(app, Command::EncodePrompts);
        if app.is_busy(Kind::EncodePrompts) {
            entries.push(Entry::styled(
                "the prompts are being encoded …",
                app.theme.blue(),
            ));
        } else if super::encoded(app).is_some() {
            let told = "not a candidate: its prompts were not encoded";
            entries.extend(notes(told, width, dim));
        } else if !fault_entries(app, Kind::EncodePrompts, width, entries) {
            let told = format!("{key} encodes the prompts of all candidates: then it is known");
            entries.extend(notes(&told, width, dim));
        }
        entries.push(Entry::default());
        return;
    };
    let names = (width.saturating_sub(8) / 2).clamp(8, 40);
    let room = width.saturating_sub(names + 8);
    for &(near, cosine) in nearest.iter().filter(|(n, _)| n.index() < taxonomy.len()) {
        let line = Line::from(vec![
            Span::raw(text::fit(taxonomy.label(near), names)),
            Span::raw(format!(" {cosine:>6.3} ")),
            Span::styled(bar(cosine, room), app.theme.blue()),
        ]);
        let value = format!("{}\t{cosine}", taxonomy.id(near));
        entries.push(Entry::new(line).with_value(value).with_node(Some(near)));
    }
    entries.push(Entry::default());
}

fn notes(text: &str, width: usize, style: ratatui::style::Style) -> impl Iterator<Item = Entry> {
    let lines = wrap(text, width).into_iter();
    lines.map(move |line| Entry::styled(line, style))
}

fn template_entries(app: &App, width: usize, entries: &mut Vec<Entry>) {
    let (title, dim) = (app.theme.title(), app.theme.dim());
    let Some(found) = &app.prompts.templates else {
        if !fault_entries(app, Kind::Templates, width, entries) {
            entries.push(Entry::styled("…", dim));
        }
        return;
    };
    let others = found.others.iter();
    let others = others.map(|(name, templates)| (format!("another set: {name}"), templates, dim));
    let own = (
        format!("the templates of the run: {}", found.name),
        &found.templates,
        ratatui::style::Style::new(),
    );
    for (heading, templates, style) in std::iter::once(own).chain(others) {
        entries.push(Entry::styled(
            format!("{heading} ({})", templates.len()),
            title,
        ));
        entries.extend(templates.iter().map(|template| {
            let line = format!("  {}", text::fit(template, width.saturating_sub(2)));
            Entry::styled(line, style).with_value(template)
        }));
    }
}

/// The prompts of the label, a row each.
pub fn sheet(app: &App) -> Option<Sheet> {
    let (node, expanded) = expanded(app)?;
    let label = app.run()?.taxonomy.id(node).to_owned();
    let prompts = expanded.prompts.clone();
    Some(Sheet {
        columns: ["label", "template", "prompt"].map(str::to_owned).to_vec(),
        len: prompts.len(),
        row: Box::new(move |i| {
            let (prompt, template) = &prompts[i];
            vec![json!(label), json!(template), json!(prompt)]
        }),
    })
}
