//! Where commands lead: from line to line, and from a label to what is known of it elsewhere.

use super::super::images;
use super::{
    LABELS, PROMPTS, TRIALS, encoded, entries, select, selected_entry, subject, target, width,
};
use crate::tui::action::{Effect, Job};
use crate::tui::app::App;
use crate::tui::backend::On;
use crate::tui::command::Command;

/// Moves in the pane one is in, if the command moves.
pub fn move_in_pane(app: &mut App, command: Command) {
    let pane = app.prompts.pane;
    let len = match pane {
        LABELS => app.prompts.list.len(),
        pane => entries(app, pane, width(app)).len(),
    };
    let state = &mut app.prompts;
    match pane {
        LABELS => {
            if state.list.cursor.perform(command, len) {
                state.prompts.set(0);
            }
        }
        PROMPTS => {
            state.prompts.perform(command, len);
        }
        _ => {
            state.trials.perform(command, len);
        }
    }
}

/// Back within the lines that there are.
pub fn clamp(app: &mut App) {
    let count = |pane| entries(app, pane, width(app)).len();
    let (prompts, trials) = (count(PROMPTS), count(TRIALS));
    let state = &mut app.prompts;
    state.list.cursor.clamp(state.list.len());
    state.prompts.clamp(prompts);
    state.trials.clamp(trials);
}

/// Opens the selected line.
pub fn open(app: &mut App) {
    if app.prompts.pane == LABELS {
        return images_of(app);
    }
    match selected_entry(app).and_then(|entry| entry.node) {
        Some(node) => select(app, node),
        None => app.complain("there is no label in this line to go to"),
    }
}

/// Goes to the images of a label.
pub fn images_of(app: &mut App) {
    let filter = match (app.run(), subject(app)) {
        (Some(run), Some(node)) => images::under(run, node),
        _ => return app.complain("no label is selected"),
    };
    images::show(app, filter);
}

/// Asks for the cosines of the prompts, once.
pub fn encode(app: &mut App) -> Vec<Effect> {
    if encoded(app).is_some() {
        app.tell("the prompts are encoded already");
        return Vec::new();
    }
    vec![app.request(Job::EncodePrompts)]
}

/// Changes where the next trial is made.
pub fn toggle_target(app: &mut App) {
    app.prompts.on_all = !app.prompts.on_all;
    let told = match (app.prompts.on_all, target(app)) {
        (true, _) => "what is tried is scored on the whole set".to_owned(),
        (false, On::Image(row)) => {
            let name = app.run().map(|run| run.saved.images.get(row));
            format!("what is tried is scored on {}", name.unwrap_or_default())
        }
        (false, On::All) => "no image is selected: select one in Images (3)".to_owned(),
    };
    app.tell(told);
}
