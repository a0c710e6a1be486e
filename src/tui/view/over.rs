//! Draws what lies over a view.

mod edits;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::Clear;
use tui_input::Input;

use crate::report::text::thousands;
use crate::tui::app::{App, Hit};
use crate::tui::backend::Fault;
use crate::tui::overlay::{Line, Overlay};
use crate::tui::text;
use crate::tui::widget::{Cursor, pane, wrap};

pub fn draw(app: &App, frame: &mut Frame<'_>, body: Rect) {
    match &app.overlay {
        None => {}
        Some(Overlay::Help(cursor)) => help(app, frame, body, cursor),
        Some(Overlay::Palette(palette)) => {
            let rows: Vec<(String, bool)> = palette
                .matches
                .iter()
                .map(|command| {
                    let spec = command.spec();
                    let keys = app.keymap.keys(*command).join(" ");
                    let why = app.why_not(*command);
                    let told = match &why {
                        Some(why) => format!("{} – not now: {why}", spec.doc),
                        None => spec.doc.to_owned(),
                    };
                    let text =
                        format!("{} {} {told}", text::fit(spec.id, 16), text::fit(&keys, 14));
                    (text, why.is_none())
                })
                .collect();
            choose(
                app,
                frame,
                body,
                "Commands",
                &palette.input,
                &palette.cursor,
                &rows,
            );
        }
        Some(Overlay::Jump(jump)) => {
            let Some(opened) = app.run() else { return };
            let taxonomy = &opened.taxonomy;
            let rows: Vec<(String, bool)> = jump
                .matches
                .iter()
                .map(|&n| {
                    let parents = taxonomy.parents(n).iter();
                    let parents: Vec<&str> = parents.map(|&p| taxonomy.label(p)).collect();
                    let under = match parents.is_empty() {
                        true => String::new(),
                        false => format!("  under {}", parents.join(", ")),
                    };
                    (
                        format!("{}  ({}){under}", taxonomy.label(n), taxonomy.id(n)),
                        true,
                    )
                })
                .collect();
            let title = match &jump.asked {
                Some(asked) => asked.title.as_str(),
                None => "Jump to a node",
            };
            let title = format!("{title} ({} match)", thousands(jump.count));
            choose(app, frame, body, &title, &jump.input, &jump.cursor, &rows);
        }
        Some(Overlay::Columns(cursor)) => {
            let columns = super::part(app.view).columns(app);
            let area = centred(body, 36, columns.len() as u16 + 3);
            frame.render_widget(Clear, area);
            let inner = pane(frame, area, "Columns (space)", true, app.theme);
            let mark = |is_shown| if is_shown { "[x]" } else { "[ ]" };
            let rows = columns.iter();
            let rows: Vec<(String, bool)> = rows
                .map(|&(title, is_shown)| (format!("{} {title}", mark(is_shown)), true))
                .collect();
            listed(app, frame, inner, cursor, &rows);
        }
        Some(Overlay::Faults(cursor)) => faults(app, frame, body, cursor),
        Some(Overlay::Confirm(question, _)) => {
            let width = (text::width(question) as u16 + 4).min(body.width);
            let area = centred(body, width.max(30), 5);
            frame.render_widget(Clear, area);
            let inner = pane(frame, area, "", true, app.theme);
            let used = super::paragraph(frame, inner, question, app.theme.title());
            let below = Rect {
                y: (inner.y + used).min(inner.bottom()),
                height: inner.height.saturating_sub(used),
                ..inner
            };
            super::paragraph(frame, below, "y yes   n no", app.theme.key());
        }
        Some(Overlay::Line(line)) => input_line(app, frame, body, line),
        Some(Overlay::Edits(subject, cursor)) => edits::menu(app, frame, body, subject, cursor),
        Some(Overlay::Choose(choose)) => edits::choose(app, frame, body, choose),
        Some(Overlay::Preparing(_)) => edits::preparing(app, frame, body),
        Some(Overlay::Preview(preview)) => edits::preview(app, frame, body, preview),
    }
}

fn centred(body: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(body.width), height.min(body.height));
    Rect {
        x: body.x + (body.width - width) / 2,
        y: body.y + (body.height - height) / 2,
        width,
        height,
    }
}

/// What is wrong with the files, below the run from before it went wrong.
fn faults(app: &App, frame: &mut Frame<'_>, body: Rect, cursor: &Cursor) {
    let width = usize::from(body.width.saturating_sub(2));
    // The selected one whole, of the others a line.
    let selected = app.faults.get(cursor.at()).map_or_else(Vec::new, |fault| {
        let [what, help] = told(fault);
        let mut lines = wrap(&what, width);
        let help = wrap(&help, width.saturating_sub(HELP.len()));
        lines.extend(help.iter().map(|line| format!("{HELP}{line}")));
        lines
    });
    let count = app.faults.len();
    let rows = (count + selected.len()).saturating_sub(1);
    let height = (rows as u16).saturating_add(2).min(body.height / 2).max(4);
    let area = Rect {
        y: body.bottom().saturating_sub(height),
        height: height.min(body.height),
        ..body
    };
    frame.render_widget(Clear, area);
    let title = format!(
        "{} – what is shown is from before; enter opens the editor, esc closes",
        match count {
            1 => "1 error in the files".to_owned(),
            n => format!("{} errors in the files", thousands(n)),
        }
    );
    let inner = pane(frame, area, &title, true, app.theme);
    let room = usize::from(inner.height).saturating_sub(selected.len().saturating_sub(1));
    let mut y = inner.y;
    for i in cursor.visible(count, room.max(1)) {
        let is_selected = i == cursor.at();
        let lines = match is_selected {
            true => selected.clone(),
            false => vec![told(&app.faults[i])[0].clone()],
        };
        for (n, line) in lines.iter().enumerate() {
            if y >= inner.bottom() {
                return;
            }
            let at = Rect {
                y,
                height: 1,
                ..inner
            };
            row(app, frame, at, line, is_selected && n == 0, true);
            app.hits.add(at, Hit::Choice(i));
            y += 1;
        }
    }
}

/// What is before a line of help.
const HELP: &str = "   ";

/// An error in two texts: where and what, and what to do.
fn told(fault: &Fault) -> [String; 2] {
    let place = fault.place.as_ref().map(|(path, line, column)| {
        let name = path.file_name().unwrap_or(path.as_os_str());
        format!("{}:{line}:{column} ", name.to_string_lossy())
    });
    let code = match fault.code.is_empty() {
        true => String::new(),
        false => format!("[{}] ", fault.code),
    };
    let what = format!("{}{code}{}", place.unwrap_or_default(), fault.message);
    [what, fault.help.clone().unwrap_or_default()]
}

fn help(app: &App, frame: &mut Frame<'_>, body: Rect, cursor: &Cursor) {
    let lines = super::help_lines(app);
    let area = centred(body, 96, lines.len() as u16 + 2);
    frame.render_widget(Clear, area);
    let title = format!("Keys in {} – ↑ ↓ scroll, esc closes", app.view.title());
    let inner = pane(frame, area, &title, true, app.theme);
    let keys = (inner.width / 3).min(30);
    let visible = cursor.visible(lines.len(), usize::from(inner.height));
    let buffer = frame.buffer_mut();
    for (y, i) in (inner.y..).zip(visible) {
        let (key, doc) = &lines[i];
        let width = usize::from(keys.saturating_sub(1));
        buffer.set_stringn(inner.x, y, text::fit(key, width), width, app.theme.key());
        let room = usize::from(inner.width - keys);
        let style = match key.is_empty() {
            true => app.theme.title(),
            false => Style::new(),
        };
        buffer.set_stringn(inner.x + keys, y, text::fit(doc, room), room, style);
    }
}

fn row(
    app: &App,
    frame: &mut Frame<'_>,
    line: Rect,
    text: &str,
    is_selected: bool,
    is_enabled: bool,
) {
    let width = usize::from(line.width);
    let style = match is_enabled {
        true => Style::new(),
        false => app.theme.dim(),
    };
    let buffer = frame.buffer_mut();
    buffer.set_stringn(line.x, line.y, text::fit(text, width), width, style);
    if is_selected {
        buffer.set_style(line, app.theme.selected(true));
    }
}

/// An input above a list of what matches.
fn choose(
    app: &App,
    frame: &mut Frame<'_>,
    body: Rect,
    title: &str,
    input: &Input,
    cursor: &Cursor,
    rows: &[(String, bool)],
) {
    let width = usize::from(body.width.min(96).saturating_sub(2));
    // The selected one whole where it is cut: at its end is why it cannot be.
    let selected = rows.get(cursor.at()).map(|(text, _)| text.as_str());
    let selected = selected.filter(|text| text::width(text) > width);
    let whole = selected.map_or_else(Vec::new, |text| wrap(text, width));
    let height = (rows.len() as u16).clamp(1, 20) + 3 + whole.len() as u16;
    let area = centred(body, 96, height);
    frame.render_widget(Clear, area);
    let inner = pane(frame, area, title, true, app.theme);
    let below = (whole.len() as u16).min(inner.height.saturating_sub(2));
    let top = inner.bottom() - below;
    for (y, told) in (top..inner.bottom()).zip(&whole) {
        let buffer = frame.buffer_mut();
        buffer.set_stringn(inner.x, y, told, width, app.theme.title());
    }
    let inner = Rect {
        height: inner.height - below,
        ..inner
    };
    let line = Rect { height: 1, ..inner };
    draw_input(app, frame, line, input.value(), Some(input.visual_cursor()));
    let list = Rect {
        y: inner.y + 1,
        height: inner.height.saturating_sub(1),
        ..inner
    };
    if rows.is_empty() {
        super::paragraph(frame, list, "nothing matches", app.theme.dim());
    }
    listed(app, frame, list, cursor, rows);
}

/// Rows of which one is chosen, each with whether it can be.
fn listed(app: &App, frame: &mut Frame<'_>, area: Rect, cursor: &Cursor, rows: &[(String, bool)]) {
    let visible = cursor.visible(rows.len(), usize::from(area.height));
    for (y, i) in (area.y..).zip(visible) {
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        let (text, is_enabled) = &rows[i];
        row(app, frame, line, text, i == cursor.at(), *is_enabled);
        app.hits.add(line, Hit::Choice(i));
    }
}

/// A typed text behind a prompt; the terminal's cursor is in it.
fn draw_input(app: &App, frame: &mut Frame<'_>, line: Rect, value: &str, cursor: Option<usize>) {
    let room = usize::from(line.width.saturating_sub(3));
    let (before, at) = match cursor {
        Some(at) => (at.saturating_sub(room), at),
        None => (0, 0),
    };
    let (_, seen) = text::cut(value, before);
    let buffer = frame.buffer_mut();
    buffer.set_stringn(line.x, line.y, "> ", 2, app.theme.key());
    buffer.set_stringn(
        line.x + 2,
        line.y,
        text::fit(seen, room),
        room,
        Style::new(),
    );
    if cursor.is_some() {
        let x = line.x + 2 + (at - before) as u16;
        frame.set_cursor_position(Position::new(x.min(line.right().saturating_sub(1)), line.y));
    }
}

/// A line to type in at the foot of the view, with what is wrong with it and how it may go on.
fn input_line(app: &App, frame: &mut Frame<'_>, body: Rect, line: &Line) {
    const MOST: usize = 8;
    let shown = line.completions.len().min(MOST) as u16;
    // What does not fit into the frame stands in it, whole.
    let title = line.title();
    let is_long = text::width(title) + 4 > usize::from(body.width);
    let asked = match is_long {
        true => wrap(title, usize::from(body.width.saturating_sub(2))),
        false => Vec::new(),
    };
    let height = (4 + shown + asked.len() as u16).min(body.height);
    let area = Rect {
        y: body.bottom() - height,
        height,
        ..body
    };
    frame.render_widget(Clear, area);
    let inner = pane(
        frame,
        area,
        if is_long { "" } else { title },
        true,
        app.theme,
    );
    for (y, told) in (inner.y..inner.bottom()).zip(&asked) {
        let width = usize::from(inner.width);
        let style = app.theme.title();
        frame
            .buffer_mut()
            .set_stringn(inner.x, y, told, width, style);
    }
    let inner = Rect {
        y: inner.y + (asked.len() as u16).min(inner.height),
        height: inner.height.saturating_sub(asked.len() as u16),
        ..inner
    };
    let first = Rect {
        height: inner.height.min(1),
        ..inner
    };
    let cursor = line.chosen.is_none().then(|| line.input.visual_cursor());
    draw_input(app, frame, first, &line.text(), cursor);
    let mut y = inner.y + 1;
    let under = |y: u16| Rect {
        y,
        height: 1,
        ..inner
    };
    if y < inner.bottom() {
        // What a completion would make of it is not what is wrong with it.
        match line.fault.as_ref().filter(|_| line.chosen.is_none()) {
            Some(fault) => super::paragraph(frame, under(y), fault, app.theme.error()),
            None => {
                let help = match line.completions.is_empty() {
                    true => "enter takes it, esc leaves it",
                    false => "enter takes it, tab completes, esc leaves it",
                };
                super::paragraph(frame, under(y), help, app.theme.dim())
            }
        };
        y += 1;
    }
    let at = line.chosen.unwrap_or(0);
    let start = at.saturating_sub(MOST - 1);
    for (i, completion) in line.completions.iter().enumerate().skip(start).take(MOST) {
        if y >= inner.bottom() {
            break;
        }
        let text = format!("{}  {}", text::fit(&completion.text, 28), completion.note);
        row(app, frame, under(y), &text, line.chosen == Some(i), true);
        y += 1;
    }
}
