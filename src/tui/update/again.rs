//! What a saved file does: the run is made again, or what is wrong with the file is shown.

use std::path::PathBuf;
use std::sync::Arc;

use super::set_run;
use crate::tui::action::{Effect, Job, Kind, Then};
use crate::tui::app::{App, View};
use crate::tui::backend::{Applied, Fault};
use crate::tui::overlay::Overlay;
use crate::tui::view;
use crate::tui::widget::Cursor;

/// Files were saved: the run is made again, once there is one.
pub fn on_changed(app: &mut App, files: &[PathBuf]) -> Vec<Effect> {
    let is_whole = app
        .shown
        .as_ref()
        .is_some_and(|shown| shown.so_far.is_none());
    if !is_whole || app.is_busy(Kind::Open) {
        app.is_stale = true;
        return Vec::new();
    }
    // The edit that is being made asks for it when it is done.
    if app.is_busy(Kind::Edit) {
        app.has_changed = true;
        return Vec::new();
    }
    let names = files.iter().filter_map(|path| path.file_name());
    let names: Vec<_> = names.map(|name| name.to_string_lossy()).collect();
    app.tell(format!("{} changed: scoring again …", names.join(", ")));
    vec![ask(app)]
}

/// Asks for the run again.
pub fn ask(app: &mut App) -> Effect {
    app.old_notes = app.notes.len();
    app.request(Job::Again)
}

/// Shows the answers of the run that is being made again: the whole one follows.
pub fn show_answers(app: &mut App, answers: Applied) -> Vec<Effect> {
    // Cancelled meanwhile.
    if !app.is_busy(Kind::Again) {
        return Vec::new();
    }
    let effects = show(app, answers);
    app.is_of_answers = true;
    app.tell_of_run("scored again: the intervals follow");
    effects
}

/// Shows the run that was made again.
pub fn show_again(app: &mut App, again: Applied) -> Vec<Effect> {
    let mut effects = show(app, again);
    app.tell_of_run("scored again");
    effects.extend(super::editing::resume(app));
    effects
}

/// Shows a run in place of the one that is shown, and asks what is another than before.
fn show(app: &mut App, again: Applied) -> Vec<Effect> {
    clear_faults(app);
    // The whole run takes the place of its answers, which are no other run.
    if !app.is_of_answers {
        app.before = app.shown.clone();
    }
    // What was told of the run before.
    let old = std::mem::take(&mut app.old_notes);
    app.notes.drain(..old.min(app.notes.len()));
    for word in again.assumed {
        if !app.notes.contains(&word) {
            app.notes.push(word);
        }
    }
    set_run(app, again.shown);
    let opened = app.before.as_ref().map(|before| Arc::clone(&before.opened));
    let compare = opened.map(|opened| app.request(Job::Compare("before".to_owned(), opened)));
    let renewed = super::editing::renew(app);
    compare.into_iter().chain(renewed).collect()
}

/// Keeps what is shown, and what was shown before: a file that was broken may be as it was. It is told to who asked.
pub fn keep_shown(app: &mut App, is_asked: bool) {
    if app.outcome.is_none() || !app.faults.is_empty() || is_asked {
        app.tell_of_run("the files hold what is shown");
    }
    clear_faults(app);
}

/// Nothing is wrong with the files any more.
fn clear_faults(app: &mut App) {
    app.faults.clear();
    if matches!(app.overlay, Some(Overlay::Faults(_))) {
        app.overlay = None;
    }
}

/// Keeps what is shown, and tells why it is not of the files as they are now: what is wrong with them, or that nobody waited for it.
pub fn set_faults(app: &mut App, faults: Vec<Fault>) {
    let what = match &faults[..] {
        [] => {
            app.pending = None;
            app.tell(match app.is_of_answers {
                true => "cancelled: the intervals of what is shown are not computed",
                false => "cancelled: what is shown is from before",
            });
            app.outcome.clone_from(&app.status);
            return;
        }
        [only] => only.message.clone(),
        [first, ..] => format!("{} errors, the first: {}", faults.len(), first.message),
    };
    app.complain(format!("{what} – what is shown is from before"));
    app.faults = faults;
    app.pending = None;
    if matches!(app.overlay, None | Some(Overlay::Faults(_))) {
        app.overlay = Some(Overlay::Faults(Cursor::default()));
    }
}

/// Opens the editor where the selected node is written, at an error, or at the beginning of the taxonomy.
pub fn edit_file(app: &mut App) -> Vec<Effect> {
    let fault = app.faults.first().and_then(|fault| fault.place.clone());
    let place = fault.map(|(path, line, _)| (path, line));
    let place = place.or_else(|| {
        let run = app.run()?;
        let taxonomy = &run.taxonomy;
        let node = view::taxonomy::selected(app).filter(|_| app.view == View::Taxonomy);
        let place = node.and_then(|node| taxonomy.place(node));
        let beginning = || Some((taxonomy.sources().first()?.0.as_path(), 1));
        let (path, line) = place.or_else(beginning)?;
        path.is_file().then(|| (path.to_owned(), line))
    });
    match place {
        Some((path, line)) => vec![Effect::Edit(path, line)],
        None => match app.adopted.clone() {
            Some(path) => vec![Effect::Edit(path, 1)],
            None => super::editing::ask_for_file(app, Then::Editor),
        },
    }
}
