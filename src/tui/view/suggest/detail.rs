//! One suggestion in full: why, every number, and what it does to the text.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{DETAIL, number, selected, subject};
use crate::report::suggest::{advice, facts, reason, title};
use crate::run::Suggestion;
use crate::tui::app::{App, Hit};
use crate::tui::command::Command;
use crate::tui::text::{escaped, fit, width};
use crate::tui::theme::Theme;
use crate::tui::widget::{pane, wrap};

/// From so many columns on numbers stand in two columns.
const WIDE: usize = 76;

pub fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let in_focus = app.suggest.pane == DETAIL;
    let number = number(app);
    let suggestion = number.and(selected(app));
    let heading = suggestion.map_or(String::new(), title);
    let inner = pane(frame, area, &heading, in_focus, app.theme);
    app.hits.add(area, Hit::Pane(DETAIL));
    let (Some(number), Some(suggestion)) = (number, suggestion) else {
        return;
    };
    let lines = lines(app, number, suggestion, usize::from(inner.width));
    let scroll = &app.suggest.detail;
    scroll.draw(frame, area, inner, &lines, app.theme);
}

fn lines(app: &App, number: usize, suggestion: &Suggestion, columns: usize) -> Vec<Line<'static>> {
    let theme = app.theme;
    let wrapped = |text: &str, style: Style| -> Vec<Line<'static>> {
        let lines = wrap(text, columns).into_iter();
        lines.map(|line| Line::styled(line, style)).collect()
    };
    let mut lines = wrapped(&sentence(&reason(suggestion)), theme.title());
    lines.push(Line::default());
    lines.extend(numbers(suggestion, columns, theme));
    if let Some(told) = told_commands(app) {
        lines.push(Line::default());
        lines.extend(wrapped(&told, theme.dim()));
    }
    lines.push(Line::default());
    if suggestion.edit.is_some() {
        lines.push(Line::styled("In the taxonomy's text", theme.title()));
        match app.suggest.diffs.get(&number) {
            None => lines.push(Line::styled("…", theme.dim())),
            Some(Ok(diff)) => lines.extend(diff.lines().map(|line| of_diff(line, theme))),
            Some(Err(why)) => lines.extend(wrapped(&format!("by hand: {why}"), theme.orange())),
        }
    }
    for line in advice(suggestion) {
        lines.extend(wrapped(&sentence(&line), theme.dim()));
    }
    lines
}

/// With a full stop.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase);
    let first: String = first.into_iter().flatten().collect();
    format!("{first}{}.", characters.as_str())
}

fn numbers(suggestion: &Suggestion, columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let facts = facts(suggestion);
    let sides = if columns < WIDE { 1 } else { 2 };
    let side = columns / sides;
    let widest = facts.iter().map(|(what, _)| width(what)).max();
    let room = widest.unwrap_or(0).min(side * 5 / 8);
    let cell = |(what, value): &(String, String)| {
        let value_room = side.saturating_sub(room + 2);
        [
            Span::styled(format!("{} ", fit(what, room)), theme.dim()),
            Span::raw(format!("{} ", fit(value, value_room))),
        ]
    };
    let rows = facts.len().div_ceil(sides);
    let row = |first: usize| {
        let of_row = facts.iter().skip(first).step_by(rows);
        Line::from(of_row.flat_map(cell).collect::<Vec<_>>())
    };
    (0..rows).map(row).collect()
}

/// Which label commands go with, and how to go with the other.
fn told_commands(app: &App) -> Option<String> {
    let label = subject(app)?;
    let commands = [
        (Command::ImagesOf, "images"),
        (Command::ConfusionsOf, "confusions"),
        (Command::PromptsOf, "prompts"),
        (Command::Reveal, "taxonomy"),
    ];
    let told = commands.into_iter().filter_map(|(command, what)| {
        let key = app.keymap.key(command)?;
        Some(format!("{key} {what}"))
    });
    let told: Vec<String> = told.collect();
    let other = [Command::Left, Command::Right].map(|command| app.keymap.key(command));
    let other = match (&selected(app)?.nodes[..], other) {
        ([_, _], [Some(left), Some(right)]) => format!("; {left} {right}: of the other label"),
        _ => String::new(),
    };
    Some(format!("Of `{label}`: {}{other}", told.join(", ")))
}

/// A line of a diff. Its sign tells what its colour does.
fn of_diff(line: &str, theme: Theme) -> Line<'static> {
    let style = match line.as_bytes().first() {
        _ if ["--- ", "+++ ", "@@"]
            .iter()
            .any(|head| line.starts_with(head)) =>
        {
            theme.dim()
        }
        Some(b'+') => theme.blue(),
        Some(b'-') => theme.orange(),
        _ => Style::new(),
    };
    Line::styled(escaped(line).into_owned(), style)
}
