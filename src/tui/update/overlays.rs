//! Keys while something lies over the view: lists, questions, lines that are typed in.

use std::ops::Range;
use std::path::PathBuf;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_input::backend::crossterm::EventHandler;

use super::editing;
use super::{leave, over, perform};
use crate::run::Completion;
use crate::tui::action::{Effect, Job, Kind};
use crate::tui::app::{App, View};
use crate::tui::backend::Trial;
use crate::tui::command::Command;
use crate::tui::overlay::{Line, Overlay, Purpose};
use crate::tui::still_of;
use crate::tui::view;

/// Keys while something lies over the view.
pub fn in_overlay(app: &mut App, key: KeyEvent) -> Vec<Effect> {
    // What is escaped from; it is put back unless it is done with.
    let Some(overlay) = app.overlay.take() else {
        return Vec::new();
    };
    let is_escape = key.code == KeyCode::Esc
        || (key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL));
    if is_escape {
        return Vec::new();
    }
    match overlay {
        Overlay::Confirm(question, command) => match key.code {
            KeyCode::Char('y' | 'Y') | KeyCode::Enter => match command {
                Command::Quit => leave(app),
                command => perform(app, command),
            },
            KeyCode::Char('n' | 'N' | 'q') => Vec::new(),
            _ => over(app, Overlay::Confirm(question, command)),
        },
        Overlay::Help(mut cursor) => {
            let command = app.keymap.command(key, app.view);
            match command {
                Some(Command::Help | Command::Quit) => Vec::new(),
                Some(command) => {
                    cursor.perform(command, view::help_lines(app).len());
                    over(app, Overlay::Help(cursor))
                }
                None => over(app, Overlay::Help(cursor)),
            }
        }
        Overlay::Faults(mut cursor) => match (key.code, app.keymap.command(key, app.view)) {
            (KeyCode::Enter, _) => {
                let place = app.faults.get(cursor.at()).and_then(|f| f.place.clone());
                let edit = place.map(|(path, line, _)| Effect::Edit(path, line));
                if edit.is_none() {
                    app.complain("this one is at no line of a file");
                }
                app.overlay = Some(Overlay::Faults(cursor));
                edit.into_iter().collect()
            }
            (_, Some(Command::Faults | Command::Quit)) => Vec::new(),
            (_, Some(command)) if cursor.perform(command, app.faults.len()) => {
                over(app, Overlay::Faults(cursor))
            }
            // It lies there unasked: whatever else is pressed is meant for what is below it.
            (_, Some(command)) => perform(app, command),
            (_, None) => over(app, Overlay::Faults(cursor)),
        },
        Overlay::Columns(mut cursor) => {
            let part = view::part(app.view);
            let count = part.columns(app).len();
            match (key.code, app.keymap.command(key, app.view)) {
                (KeyCode::Char(' ') | KeyCode::Enter, _) => part.toggle_column(app, cursor.at()),
                (_, Some(Command::Columns | Command::Quit)) => return Vec::new(),
                (_, Some(command)) => {
                    cursor.perform(command, count);
                }
                _ => {}
            }
            over(app, Overlay::Columns(cursor))
        }
        Overlay::Palette(mut palette) => match list_key(key) {
            Some(ListKey::Take) => match palette.matches.get(palette.cursor.at()) {
                Some(&command) => perform(app, command),
                None => over(app, Overlay::Palette(palette)),
            },
            Some(ListKey::Move(command)) => {
                palette.cursor.perform(command, palette.matches.len());
                over(app, Overlay::Palette(palette))
            }
            None => {
                if typed(&mut palette.input, key) {
                    palette.search(app);
                }
                over(app, Overlay::Palette(palette))
            }
        },
        Overlay::Jump(mut jump) => match list_key(key) {
            Some(ListKey::Take) => match jump.matches.get(jump.cursor.at()) {
                Some(&node) => match jump.asked {
                    Some(asked) => editing::picked(app, asked.draft, node),
                    None => {
                        app.go(View::Taxonomy);
                        view::taxonomy::reveal(app, node);
                        Vec::new()
                    }
                },
                None => over(app, Overlay::Jump(jump)),
            },
            Some(ListKey::Move(command)) => {
                jump.cursor.perform(command, jump.matches.len());
                over(app, Overlay::Jump(jump))
            }
            None => {
                if typed(&mut jump.input, key) {
                    jump.search(app);
                }
                over(app, Overlay::Jump(jump))
            }
        },
        Overlay::Line(line) => in_line(app, line, key),
        Overlay::Edits(subject, cursor) => editing::in_menu(app, subject, cursor, key),
        Overlay::Preparing(draft) => over(app, Overlay::Preparing(draft)),
        Overlay::Choose(choose) => editing::in_choice(app, choose, key),
        Overlay::Preview(preview) => editing::in_preview(app, preview, key),
    }
}

/// Looks again for what is listed by the run that was shown before.
pub fn renew(app: &mut App) {
    if let Some(Overlay::Jump(mut jump)) = app.overlay.take_if(|o| matches!(o, Overlay::Jump(_))) {
        jump.search(app);
        app.overlay = Some(Overlay::Jump(jump));
    }
}

/// Keys of a list below an input.
enum ListKey {
    Take,
    Move(Command),
}

/// How a key moves in a list with nothing to type in.
pub fn list_command(key: KeyEvent) -> Option<Command> {
    match (key.code, list_key(key)) {
        (_, Some(ListKey::Move(command))) => Some(command),
        (KeyCode::Home, _) => Some(Command::First),
        (KeyCode::End, _) => Some(Command::Last),
        _ => None,
    }
}

fn list_key(key: KeyEvent) -> Option<ListKey> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Enter => ListKey::Take,
        KeyCode::Up | KeyCode::BackTab => ListKey::Move(Command::Up),
        KeyCode::Down | KeyCode::Tab => ListKey::Move(Command::Down),
        KeyCode::Char('p') if control => ListKey::Move(Command::Up),
        KeyCode::Char('n') if control => ListKey::Move(Command::Down),
        KeyCode::PageUp => ListKey::Move(Command::PageUp),
        KeyCode::PageDown => ListKey::Move(Command::PageDown),
        _ => return None,
    })
}

/// Types a key into an input; whether its text is another.
fn typed(input: &mut tui_input::Input, key: KeyEvent) -> bool {
    let changed = input.handle_event(&Event::Key(key));
    changed.is_some_and(|changed| changed.value)
}

fn in_line(app: &mut App, mut line: Line, key: KeyEvent) -> Vec<Effect> {
    match key.code {
        KeyCode::Enter => {
            line.accept();
            check_line(app, &mut line);
            finish_line(app, line)
        }
        KeyCode::Tab | KeyCode::Down => {
            line.complete(1);
            over(app, Overlay::Line(line))
        }
        KeyCode::BackTab | KeyCode::Up => {
            line.complete(-1);
            over(app, Overlay::Line(line))
        }
        _ => {
            line.accept();
            typed(&mut line.input, key);
            check_line(app, &mut line);
            over(app, Overlay::Line(line))
        }
    }
}

/// Finds what is wrong with a line, and how it may go on.
pub fn check_line(app: &App, line: &mut Line) {
    line.chosen = None;
    line.completions.clear();
    line.fault = None;
    let text = line.input.value();
    let cursor = text
        .char_indices()
        .nth(line.input.cursor())
        .map_or(text.len(), |(at, _)| at);
    match line.purpose {
        Purpose::Filter => {
            let part = view::part(app.view);
            line.completions = part.complete(app, text, cursor);
            line.fault = part.check_filter(app, text).err();
        }
        Purpose::Edit => line.completions = editing::complete(app, line, cursor),
        Purpose::CompareWith => {
            let names = app.snapshots.keys().map(String::as_str);
            line.completions = completions(text, 0..text.len(), names, "a snapshot");
        }
        _ => {}
    }
}

/// The words that a part of a text may become: those that begin with it.
pub fn completions<'a>(
    text: &str,
    part: Range<usize>,
    words: impl Iterator<Item = &'a str>,
    note: &str,
) -> Vec<Completion> {
    let begun = &text[part.clone()];
    let words = words.filter(|word| word.starts_with(begun) && *word != begun);
    let completion = |word: &str| Completion {
        range: part.clone(),
        text: word.to_owned(),
        note: note.to_owned(),
    };
    words.map(completion).collect()
}

fn finish_line(app: &mut App, mut line: Line) -> Vec<Effect> {
    let text = line.input.value().trim().to_owned();
    if line.fault.is_some() {
        return over(app, Overlay::Line(line));
    }
    match line.purpose {
        Purpose::Filter => {
            view::part(app.view).set_filter(app, text);
            Vec::new()
        }
        Purpose::Edit => match line.asked {
            Some(asked) if !text.is_empty() || asked.draft.takes_nothing() => {
                editing::go_on(app, asked.draft.answered(text))
            }
            _ => Vec::new(),
        },
        _ if text.is_empty() => Vec::new(),
        Purpose::Export => match view::part(app.view).sheet(app) {
            Some(sheet) => vec![app.request(Job::Export(PathBuf::from(text), sheet))],
            None => {
                app.complain("there is nothing here to write yet");
                Vec::new()
            }
        },
        Purpose::SaveRun => vec![app.request(Job::SaveRun(PathBuf::from(text)))],
        Purpose::Screenshot => {
            let svg = still_of(app);
            vec![app.request(Job::Write(PathBuf::from(text), svg))]
        }
        Purpose::CompareWith => {
            let snapshot = app.snapshots.get(&text).cloned();
            let job = match snapshot {
                Some(Some(opened)) => Job::Compare(text, opened),
                Some(None) => Job::CompareKept(text),
                None => Job::CompareWith(PathBuf::from(text)),
            };
            vec![app.request(job)]
        }
        Purpose::Snapshot if app.is_busy(Kind::Write) => {
            line.fault = Some("a file is being written: in a moment".to_owned());
            over(app, Overlay::Line(line))
        }
        Purpose::Snapshot if app.snapshots.contains_key(&text) => {
            line.fault = Some(format!("there is one of this name: `{text}!` replaces it"));
            over(app, Overlay::Line(line))
        }
        Purpose::Snapshot => {
            let text = text.strip_suffix('!').unwrap_or(&text).to_owned();
            let Some(run) = app.run().cloned() else {
                return Vec::new();
            };
            app.tell(format!("keeping `{text}` …"));
            app.snapshots.insert(text.clone(), Some(run));
            vec![app.request(Job::Keep(text))]
        }
        Purpose::Adopt if app.is_busy(Kind::Edit) => {
            app.complain("another edit is being written: in a moment");
            over(app, Overlay::Line(line))
        }
        Purpose::Adopt => {
            app.adopting = line.then.map(|then| (text.clone(), then));
            vec![app.request(Job::Adopt(PathBuf::from(text)))]
        }
        Purpose::TryLabel => try_out(app, Trial::Label(text)),
        Purpose::TryTemplate => try_out(app, Trial::Template(text)),
    }
}

fn try_out(app: &mut App, trial: Trial) -> Vec<Effect> {
    let on = view::prompts::begin_trial(app);
    vec![app.request(Job::Try(trial, on))]
}

pub fn on_paste(app: &mut App, text: &str) -> Vec<Effect> {
    // One line is typed in; pasted line ends are no Enter.
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let Some(mut overlay) = app.overlay.take() else {
        return Vec::new();
    };
    let input = match &mut overlay {
        Overlay::Line(line) => Some(&mut line.input),
        Overlay::Palette(palette) => Some(&mut palette.input),
        Overlay::Jump(jump) => Some(&mut jump.input),
        _ => None,
    };
    if let Some(input) = input {
        for c in text.chars() {
            input.handle(tui_input::InputRequest::InsertChar(c));
        }
    }
    match &mut overlay {
        Overlay::Line(line) => check_line(app, line),
        Overlay::Palette(palette) => palette.search(app),
        Overlay::Jump(jump) => jump.search(app),
        _ => {}
    }
    over(app, overlay)
}
