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
    let diff = app.suggest.diffs.get(&number);
    match diff.filter(|_| suggestion.edit.is_some()) {
        None if suggestion.edit.is_none() => {}
        None => lines.push(Line::styled("…", theme.dim())),
        Some(Ok(diff)) => lines.extend(diff_lines(diff, theme)),
        Some(Err(why)) => lines.extend(wrapped(&format!("by hand: {why}"), theme.orange())),
    }
    for line in advice(suggestion) {
        lines.extend(wrapped(&sentence(&line), Style::new()));
    }
    if let Some(told) = told_commands(app) {
        lines.push(Line::default());
        lines.extend(wrapped(&told, theme.dim()));
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
    let widest = facts.iter().map(|(what, _)| width(what)).max();
    let widest = widest.unwrap_or(0);
    let mut lines = Vec::new();
    for (what, value) in facts {
        // What is too long for its line goes on below.
        for (i, part) in wrap(&value, columns.saturating_sub(widest + 1))
            .iter()
            .enumerate()
        {
            let what = fit(if i == 0 { what } else { "" }, widest);
            lines.push(Line::from(vec![
                Span::styled(what + " ", theme.dim()),
                Span::raw(part.clone()),
            ]));
        }
    }
    lines
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

/// The diff below the name of its file; of further files the names are in it.
fn diff_lines(diff: &str, theme: Theme) -> Vec<Line<'static>> {
    let file = diff
        .lines()
        .nth(1)
        .and_then(|line| line.strip_prefix("+++ "));
    let head = format!("In {}", escaped(file.unwrap_or_default()));
    let rest = diff.lines().skip(2).map(|line| of_diff(line, theme));
    std::iter::once(Line::styled(head, theme.title()))
        .chain(rest)
        .collect()
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
