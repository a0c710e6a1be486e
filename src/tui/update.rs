//! What an action changes, and what it asks for: the whole behaviour of the workbench, without a terminal.

mod again;
mod editing;
mod overlays;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::layout::Rect;

use super::action::{Action, Answer, Effect, Job, Kind, Lane};
use super::app::{App, Hit};
use super::backend::{Applied, News, Shown};
use super::command::Command;
use super::overlay::{Jump, Line, Overlay, Palette, Purpose};
use super::session;
use super::view;
use super::widget::Cursor;
use crate::report;

/// Changes the state; what is to be done outside comes back.
pub fn update(app: &mut App, action: Action) -> Vec<Effect> {
    let mut effects = match action {
        Action::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
        Action::Key(key) => on_key(app, key),
        Action::Mouse(mouse) => on_mouse(app, mouse),
        Action::Paste(text) => overlays::on_paste(app, &text),
        Action::Resize(width, height) => {
            app.size = (width, height);
            Vec::new()
        }
        Action::News(news) => on_news(app, news),
        Action::Answer(id, answer) => on_answer(app, id, answer),
        Action::Changed(files) => again::on_changed(app, &files),
        Action::Stop => vec![Effect::Stop],
        Action::Resumed => vec![Effect::Redraw],
        Action::Terminate => leave(app),
    };
    effects.extend(view::wants(app));
    effects
}

fn on_key(app: &mut App, key: KeyEvent) -> Vec<Effect> {
    app.status = None;
    app.outcome = None;
    if app.overlay.is_some() {
        return overlays::in_overlay(app, key);
    }
    match app.keymap.command(key, app.view) {
        Some(command) => perform(app, command),
        None => Vec::new(),
    }
}

/// Performs a command, or tells why it cannot be.
pub fn perform(app: &mut App, command: Command) -> Vec<Effect> {
    if let Some(why) = app.why_not(command) {
        app.complain(format!("{}: {why}", command.spec().id));
        return Vec::new();
    }
    match command {
        Command::Quit => match app.at_stake() {
            Some(stake) => {
                let question = format!("Quit? {}{}.", stake[..1].to_uppercase(), &stake[1..]);
                app.overlay = Some(Overlay::Confirm(question, Command::Quit));
                Vec::new()
            }
            None => leave(app),
        },
        Command::Help => over(app, Overlay::Help(Cursor::default())),
        Command::Palette => {
            let palette = Palette::new(app);
            over(app, Overlay::Palette(palette))
        }
        Command::Jump => {
            let jump = Jump::new(app, None);
            over(app, Overlay::Jump(jump))
        }
        Command::Show(view) => {
            if view != app.view {
                app.go(view);
            }
            Vec::new()
        }
        Command::NextView => step_view(app, 1),
        Command::PreviousView => step_view(app, -1),
        Command::Back => {
            if let Some(place) = app.history.pop() {
                app.view = place.view;
                view::recall(app, &place.state);
            }
            Vec::new()
        }
        Command::Filter => {
            let text = view::part(app.view).filter(app);
            line(app, Line::new(Purpose::Filter, text))
        }
        Command::Export => {
            let name = app.export_name().display().to_string();
            line(app, Line::new(Purpose::Export, name))
        }
        Command::SaveRun => line(app, Line::new(Purpose::SaveRun, "run")),
        Command::Screenshot => {
            let name = format!("{}.svg", app.view.title().to_lowercase());
            line(app, Line::new(Purpose::Screenshot, name))
        }
        Command::CompareWith => line(app, Line::new(Purpose::CompareWith, "")),
        Command::TryLabel => line(app, Line::new(Purpose::TryLabel, "")),
        Command::TryTemplate => line(app, Line::new(Purpose::TryTemplate, "")),
        Command::Columns => over(app, Overlay::Columns(Cursor::default())),
        Command::Copy => match view::part(app.view).value(app) {
            Some(value) => {
                app.tell(format!("copied: {value}"));
                vec![Effect::Copy(value)]
            }
            None => {
                app.complain("nothing is selected that could be copied");
                Vec::new()
            }
        },
        Command::Cancel => {
            app.waiting.retain(|kind, waiting| {
                if waiting.outcome.is_some() {
                    return true;
                }
                // What is written is written whole.
                if matches!(kind, Kind::Edit | Kind::Write) {
                    return true;
                }
                waiting.stop.store(true, Ordering::Relaxed);
                // These cannot be stopped half-way, so nobody waits for their end.
                kind.lane() != Lane::Long
            });
            app.tell("cancelled: it ends at the next safe point");
            Vec::new()
        }
        Command::Mouse => {
            app.catches_mouse = !app.catches_mouse;
            app.tell(match app.catches_mouse {
                true => "the mouse works here again",
                false => "the mouse is the terminal's: text can be selected",
            });
            vec![Effect::Mouse(app.catches_mouse)]
        }
        Command::Theme => {
            app.theme = app.theme.next();
            app.tell(format!("theme: {}", app.theme.name()));
            Vec::new()
        }
        Command::Again => {
            app.asks_again = true;
            vec![again::ask(app)]
        }
        Command::Faults => over(app, Overlay::Faults(Cursor::default())),
        Command::EditFile => again::edit_file(app),
        Command::Edit => editing::menu(app),
        Command::Accept => editing::accept(app),
        Command::Undo => vec![app.request(Job::Undo)],
        Command::Redo => vec![app.request(Job::Redo)],
        Command::Snapshot => line(app, Line::new(Purpose::Snapshot, "")),
        Command::Widen => split_at(app, app.split + 5),
        Command::Narrow => split_at(app, app.split.saturating_sub(5)),
        Command::Suspend => vec![Effect::Suspend],
        Command::Redraw => vec![Effect::Redraw],
        command => view::part(app.view).perform(app, command),
    }
}

fn leave(app: &App) -> Vec<Effect> {
    for waiting in app.waiting.values() {
        waiting.stop.store(true, Ordering::Relaxed);
    }
    let mut effects = Vec::new();
    if app.keeps_session && app.shown.is_some() {
        effects.push(Effect::KeepSession(session::write(app)));
    }
    effects.push(Effect::Quit);
    effects
}

fn over(app: &mut App, overlay: Overlay) -> Vec<Effect> {
    app.overlay = Some(overlay);
    Vec::new()
}

fn line(app: &mut App, mut line: Line) -> Vec<Effect> {
    overlays::check_line(app, &mut line);
    over(app, Overlay::Line(line))
}

fn step_view(app: &mut App, by: isize) -> Vec<Effect> {
    app.go(app.view.step(by));
    Vec::new()
}

fn split_at(app: &mut App, percent: u16) -> Vec<Effect> {
    app.split = percent.clamp(15, 85);
    Vec::new()
}

fn on_mouse(app: &mut App, mouse: MouseEvent) -> Vec<Effect> {
    let hit = app.hits.at(mouse.column, mouse.row);
    match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => {
            app.status = None;
            app.dragged = None;
            match hit {
                Some(hit) => on_click(app, hit),
                None => {
                    // Beside what lies over the view: it goes.
                    app.overlay = None;
                    Vec::new()
                }
            }
        }
        MouseEventKind::Drag(MouseButton::Left) => match app.dragged {
            Some(area) => drag(app, area, mouse.column),
            None => Vec::new(),
        },
        MouseEventKind::Up(_) => {
            app.dragged = None;
            Vec::new()
        }
        MouseEventKind::ScrollUp => wheel(app, hit, -3),
        MouseEventKind::ScrollDown => wheel(app, hit, 3),
        _ => Vec::new(),
    }
}

fn on_click(app: &mut App, hit: Hit) -> Vec<Effect> {
    match hit {
        Hit::View(view) => {
            app.overlay = None;
            perform(app, Command::Show(view))
        }
        Hit::Command(command) => {
            app.overlay = None;
            perform(app, command)
        }
        Hit::Split(area) => {
            app.dragged = Some(area);
            Vec::new()
        }
        Hit::Pane(pane) => {
            view::part(app.view).focus(app, pane);
            Vec::new()
        }
        Hit::Row(pane, row) => {
            let part = view::part(app.view);
            let was_there = part.focused(app) == pane;
            part.focus(app, pane);
            match was_there && part.selected_row(app, pane) == Some(row) {
                // What is selected already is opened.
                true => perform(app, Command::Open),
                false => {
                    part.select_row(app, pane, row);
                    Vec::new()
                }
            }
        }
        Hit::Choice(row) => {
            let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
            let cursor = match &mut app.overlay {
                Some(Overlay::Palette(palette)) => &mut palette.cursor,
                Some(Overlay::Jump(jump)) => &mut jump.cursor,
                Some(Overlay::Choose(choose)) => &mut choose.cursor,
                Some(
                    Overlay::Columns(cursor) | Overlay::Faults(cursor) | Overlay::Edits(_, cursor),
                ) => cursor,
                _ => return Vec::new(),
            };
            cursor.set(row);
            overlays::in_overlay(app, enter)
        }
    }
}

fn drag(app: &mut App, area: Rect, column: u16) -> Vec<Effect> {
    let left = u32::from(column.saturating_sub(area.x));
    split_at(app, (100 * left / u32::from(area.width.max(1))) as u16)
}

fn wheel(app: &mut App, hit: Option<Hit>, rows: isize) -> Vec<Effect> {
    let command = match rows < 0 {
        true => Command::Up,
        false => Command::Down,
    };
    let times = rows.unsigned_abs();
    let lines_of_help = match app.overlay {
        Some(Overlay::Help(_)) => view::help_lines(app).len(),
        _ => 0,
    };
    if let Some(overlay) = &mut app.overlay {
        let (cursor, len) = match overlay {
            Overlay::Palette(palette) => (&mut palette.cursor, palette.matches.len()),
            Overlay::Jump(jump) => (&mut jump.cursor, jump.matches.len()),
            Overlay::Help(cursor) => (cursor, lines_of_help),
            Overlay::Faults(cursor) => (cursor, app.faults.len()),
            Overlay::Preview(preview) => (&mut preview.cursor, preview.lines.len()),
            _ => return Vec::new(),
        };
        cursor.move_by(rows, len);
        return Vec::new();
    }
    let part = view::part(app.view);
    if let Some(Hit::Row(pane, _) | Hit::Pane(pane)) = hit {
        part.focus(app, pane);
    }
    (0..times)
        .flat_map(|_| part.perform(app, command))
        .collect()
}

fn on_news(app: &mut App, news: News) -> Vec<Effect> {
    match news {
        News::Figures(summary, manifest) => {
            app.figures = Some((Arc::new(*summary), Arc::new(manifest)));
        }
        News::Run(shown) => set_run(app, shown),
        News::Answers(answers) => return again::show_answers(app, answers),
        News::Outdated(why) => {
            app.is_stale = true;
            app.tell(why);
            app.outcome.clone_from(&app.status);
        }
        News::Options(word) => {
            app.tell(word);
            app.outcome.clone_from(&app.status);
        }
        News::Progress(progress) => app.progress = Some(progress),
        News::Note(note) => {
            // Scored again, it is told again; of the run before it is an old one.
            if !app.notes[app.old_notes.min(app.notes.len())..].contains(&note) {
                app.notes.push(note);
            }
        }
    }
    Vec::new()
}

/// Shows a run. Where one was, stays as far as the new run has it.
fn set_run(app: &mut App, shown: Shown) {
    let earlier = app.shown.replace(shown);
    app.is_of_answers = false;
    app.generation += 1;
    app.forget_waiting();
    view::run_changed(app, earlier.as_ref());
    overlays::renew(app);
    if let Some(session) = app.session.take() {
        session::restore(app, &session);
    }
}

fn on_answer(app: &mut App, id: u64, answer: Result<Answer, String>) -> Vec<Effect> {
    // What was asked for again meanwhile is no answer any more.
    let Some(kind) = app.kind_of(id) else {
        return Vec::new();
    };
    if kind.lane() == Lane::Model {
        app.progress = None;
    }
    if matches!(kind, Kind::Again | Kind::Edit) {
        app.readings += 1;
    }
    let is_asked = kind == Kind::Again && std::mem::take(&mut app.asks_again);
    let answer = match answer {
        Ok(answer) => {
            set_outcome(app, kind, Ok(()));
            answer
        }
        Err(message) => {
            set_outcome(app, kind, Err(message.clone()));
            match kind {
                Kind::Plan => return editing::set_refused(app, message),
                Kind::Edit => return editing::set_failed(app, message),
                _ => {}
            }
            // What a view asks for by itself is told in the view.
            if !matches!(kind, Kind::Expand | Kind::Picture) {
                app.complain(message);
            }
            return Vec::new();
        }
    };
    match answer {
        Answer::Opened if std::mem::take(&mut app.is_stale) => {
            return vec![again::ask(app)];
        }
        Answer::Opened => {}
        Answer::Rows { sorted, rows } => view::images::set_rows(app, sorted, rows),
        Answer::Nodes(nodes) => {
            view::overview::set_nodes(app, &nodes);
            app.taxonomy.figures = Some((app.generation, nodes));
        }
        Answer::Confusions(depth, found) => {
            if depth.is_none() {
                view::overview::set_pairs(app, &found);
            }
            view::confusions::set(app, depth, found);
        }
        Answer::Curve(value, curve) => view::curve::set(app, value, curve),
        Answer::Picture(drawn) => app.images.picture = Some(drawn),
        Answer::Templates(templates) => app.prompts.templates = Some(templates),
        Answer::Expanded(node, expanded) => {
            app.prompts.expanded = Some((node, expanded));
        }
        Answer::Encoded(encoded) => app.prompts.encoded = Some((app.generation, encoded)),
        Answer::Tried(on, tried) => view::prompts::set_tried(app, on, tried),
        Answer::Compared(compared) => {
            if let Some(now) = app.summary() {
                let (before, comparison) = (&compared.figures, &compared.comparison);
                let told = report::compare::in_a_line(before, now, comparison);
                app.tell_of_run(format!("{told} – Compare (7)"));
            }
            return view::compare::set(app, compared);
        }
        Answer::Explained(explained) => view::compare::set_explained(app, explained),
        Answer::Saved(dir) => {
            if let Some(shown) = &mut app.shown {
                shown.is_saved = true;
            }
            app.tell(format!("the run is in {}", dir.display()));
        }
        Answer::Applied(Applied { shown, assumed }) => {
            app.before = app.shown.clone();
            app.notes.extend(assumed);
            app.tell(format!("{}: Compare (7) says what it changes", shown.name));
            set_run(app, shown);
        }
        Answer::ImagesEncoded => view::suggest::ask_again(app),
        Answer::Suggested(found) => view::suggest::set(app, found),
        Answer::Diff(number, diff) => view::suggest::set_diff(app, number, diff),
        Answer::Again(again) => return again::show_again(app, again),
        Answer::Unchanged => again::keep_shown(app, is_asked),
        Answer::Faults(faults) => again::set_faults(app, faults),
        Answer::Written(what) => app.tell(what),
        Answer::Planned(plan) => return editing::preview(app, plan),
        Answer::WithoutFile(what) => return editing::set_without_file(app, what),
        Answer::Edited(told) => return editing::set_edited(app, told),
        Answer::Adopted(path) => return editing::set_adopted(app, path),
    }
    Vec::new()
}

fn set_outcome(app: &mut App, kind: Kind, outcome: Result<(), String>) {
    if let Some(waiting) = app.waiting.get_mut(&kind) {
        waiting.outcome = Some(outcome);
    }
}
