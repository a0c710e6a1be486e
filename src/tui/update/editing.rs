//! Edits: chosen from a menu, asked for what they need, shown as a diff, written, taken back.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent};

use super::overlays::{check_line, completions, list_command};
use super::{again, over};
use crate::history::What;
use crate::run::Completion;
use crate::taxonomy::NodeId;
use crate::tui::action::{self, Effect, Job, Then};
use crate::tui::app::App;
use crate::tui::backend::Plan;
use crate::tui::editing::{Draft, Kind, Step, Subject};
use crate::tui::overlay::{Asked, Choose, Jump, Line, Overlay, Preview, Purpose};
use crate::tui::text;
use crate::tui::view;
use crate::tui::view::suggest::Accepted;
use crate::tui::widget::Cursor;

/// Columns that a diff moves sideways at a key.
const SIDEWAYS: usize = 16;

/// Shows the edits that there are of what is selected.
pub fn menu(app: &mut App) -> Vec<Effect> {
    match view::part(app.view).subject(app) {
        Some(subject) => over(app, Overlay::Edits(subject, Cursor::default())),
        None => {
            app.complain("nothing is selected that could be edited");
            Vec::new()
        }
    }
}

/// A key in the menu.
pub fn in_menu(app: &mut App, subject: Subject, mut cursor: Cursor, key: KeyEvent) -> Vec<Effect> {
    let chosen = match key.code {
        KeyCode::Enter => Kind::MENU.get(cursor.at()).map(|&(_, kind)| kind),
        KeyCode::Char(c) => Kind::MENU.iter().find(|e| e.0 == c).map(|&(_, kind)| kind),
        _ => None,
    };
    if let Some(kind) = chosen {
        return begin(app, Draft::new(kind, subject));
    }
    if key.code == KeyCode::Tab {
        return over(app, Overlay::Edits(subject.swapped(), cursor));
    }
    if let Some(command) = list_command(key) {
        cursor.perform(command, Kind::MENU.len());
    }
    over(app, Overlay::Edits(subject, cursor))
}

/// Makes the selected suggestion an edit.
pub fn accept(app: &mut App) -> Vec<Effect> {
    match view::suggest::accepted(app) {
        Ok(Accepted::Edit(edit)) => plan(app, What::Taxonomy(edit)),
        Ok(Accepted::Words(draft)) => begin(app, draft),
        Err(why) => {
            app.complain(why);
            Vec::new()
        }
    }
}

/// Begins an edit, or says why it cannot be made.
fn begin(app: &mut App, draft: Draft) -> Vec<Effect> {
    let Some(run) = app.run().cloned() else {
        return Vec::new();
    };
    if let Some(why) = draft.kind.why_not(&draft.subject, &run.taxonomy) {
        app.complain(format!("{}: {why}", draft.kind.title(&draft.subject)));
        return over(app, Overlay::Edits(draft.subject, Cursor::default()));
    }
    go_on(app, draft)
}

/// Asks for what the edit needs next, or for what it would write.
pub fn go_on(app: &mut App, draft: Draft) -> Vec<Effect> {
    let Some(run) = app.run().cloned() else {
        return Vec::new();
    };
    match draft.step(&run.taxonomy) {
        Err(why) => ask_again(app, draft, why),
        Ok(Step::Choose { title, options }) => over(
            app,
            Overlay::Choose(Choose {
                asked: Asked { title, draft },
                options,
                cursor: Cursor::default(),
            }),
        ),
        Ok(Step::Pick { title }) => {
            let jump = Jump::new(app, Some(Asked { title, draft }));
            over(app, Overlay::Jump(jump))
        }
        Ok(Step::Type { title, text }) => {
            let mut line = Line::asked(Asked { title, draft }, text);
            check_line(app, &mut line);
            over(app, Overlay::Line(line))
        }
        Ok(Step::Done(what)) => prepare(app, what, Some(draft)),
    }
}

/// Asks what an edit would write.
pub fn plan(app: &mut App, what: What) -> Vec<Effect> {
    prepare(app, what, None)
}

/// The same of a draft that one goes back to if it is refused. No key goes to the view meanwhile: it would be meant for the preview.
fn prepare(app: &mut App, what: What, draft: Option<Draft>) -> Vec<Effect> {
    app.overlay = Some(Overlay::Preparing(draft));
    vec![app.request(Job::Plan(what))]
}

/// The end of the preparation: the draft that it was of. `None` if it was left meanwhile.
fn prepared(app: &mut App) -> Option<Option<Draft>> {
    match app.overlay.take() {
        Some(Overlay::Preparing(draft)) => Some(draft),
        other => {
            app.overlay = other;
            None
        }
    }
}

/// Goes back to the line that was typed last, with what is wrong with it; without one it is told.
fn ask_again(app: &mut App, mut draft: Draft, why: String) -> Vec<Effect> {
    let typed = draft.answers.pop();
    let asked = app.run().and_then(|run| draft.step(&run.taxonomy).ok());
    match (typed, asked) {
        (Some(text), Some(Step::Type { title, .. })) => {
            let mut line = Line::asked(Asked { title, draft }, text);
            check_line(app, &mut line);
            line.fault = Some(why);
            over(app, Overlay::Line(line))
        }
        _ => {
            app.complain(why);
            Vec::new()
        }
    }
}

/// The edit cannot be made.
pub fn set_refused(app: &mut App, why: String) -> Vec<Effect> {
    match prepared(app) {
        Some(Some(draft)) => ask_again(app, draft, why),
        Some(None) => {
            app.complain(why);
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// A node was picked for an edit.
pub fn picked(app: &mut App, draft: Draft, node: NodeId) -> Vec<Effect> {
    let id = app.run().map(|run| run.taxonomy.id(node).to_owned());
    match id {
        Some(id) => go_on(app, draft.answered(id)),
        None => Vec::new(),
    }
}

/// A key in a choice of a few.
pub fn in_choice(app: &mut App, mut choose: Choose, key: KeyEvent) -> Vec<Effect> {
    if key.code == KeyCode::Enter {
        let option = choose.options.get(choose.cursor.at());
        if let Some((_, answer)) = option {
            return go_on(app, choose.asked.draft.answered(answer.clone()));
        }
    }
    if let Some(command) = list_command(key) {
        choose.cursor.perform(command, choose.options.len());
    }
    over(app, Overlay::Choose(choose))
}

/// Shows what an edit would write, unless it was left meanwhile.
pub fn preview(app: &mut App, plan: Plan) -> Vec<Effect> {
    if prepared(app).is_none() {
        return Vec::new();
    }
    let changes = plan.changes.iter();
    let lines = changes
        .filter(|change| change.before != change.after)
        .flat_map(|change| change.diff().lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    over(
        app,
        Overlay::Preview(Preview {
            plan,
            lines,
            shift: 0,
            cursor: Cursor::default(),
        }),
    )
}

/// Asks anew what the edit would write that is shown: the text is another by now.
pub fn renew(app: &mut App) -> Vec<Effect> {
    match app.overlay.take() {
        Some(Overlay::Preview(preview)) => plan(app, preview.plan.what),
        other => {
            app.overlay = other;
            Vec::new()
        }
    }
}

/// A key while an edit is shown that is not written yet.
pub fn in_preview(app: &mut App, mut preview: Preview, key: KeyEvent) -> Vec<Effect> {
    match (key.code, list_command(key)) {
        (KeyCode::Enter | KeyCode::Char('y'), _) if app.is_busy(action::Kind::Edit) => {
            app.complain("another edit is being written: in a moment");
        }
        (KeyCode::Enter | KeyCode::Char('y'), _) => {
            return vec![app.request(Job::Edit(preview.plan))];
        }
        (KeyCode::Char('n' | 'q'), _) => return Vec::new(),
        (KeyCode::Left, _) => preview.shift = preview.shift.saturating_sub(SIDEWAYS),
        (KeyCode::Right, _) => {
            let widest = preview.lines.iter().map(|line| text::width(line)).max();
            preview.shift = (preview.shift + SIDEWAYS).min(widest.unwrap_or(0));
        }
        (_, Some(command)) => {
            preview.cursor.perform(command, preview.lines.len());
        }
        _ => {}
    }
    over(app, Overlay::Preview(preview))
}

/// The files were edited: the run is made again of what they hold now.
pub fn set_edited(app: &mut App, told: String) -> Vec<Effect> {
    app.tell(told);
    app.outcome.clone_from(&app.status);
    app.has_changed = false;
    vec![Effect::KnowFiles, again::ask(app)]
}

/// How a line for an edit may go on at a byte.
pub fn complete(app: &App, line: &Line, cursor: usize) -> Vec<Completion> {
    let (Some(asked), Some(run)) = (&line.asked, app.run()) else {
        return Vec::new();
    };
    let text = line.input.value();
    let before = &text[..cursor];
    // The word that is being typed, behind what divides words of a split.
    let start = before.rfind([':', ',', ';']).map_or(0, |at| at + 1);
    let start = cursor - before[start..].trim_start().len();
    let is_child = before[..start]
        .rfind([':', ';'])
        .is_some_and(|at| text[at..].starts_with(':'));
    let placed: Vec<&str> = text.split([':', ',', ';']).map(str::trim).collect();
    let words = asked.draft.words(&run.taxonomy);
    let left = words
        .into_iter()
        .filter(|word| is_child && !placed.contains(word));
    completions(text, start..cursor, left, "a child")
}

/// The files could not be edited. What was saved meanwhile by others is seen to now.
pub fn set_failed(app: &mut App, why: String) -> Vec<Effect> {
    app.complain(&why);
    app.outcome.clone_from(&app.status);
    let is_changed = std::mem::take(&mut app.has_changed);
    let mut effects = Vec::new();
    if is_changed {
        effects.push(again::ask(app));
    }
    // Another file can be named.
    if let Some((path, then)) = app.adopting.take()
        && app.overlay.is_none()
    {
        let mut line = file_line(path, then);
        line.fault = Some(why);
        app.overlay = Some(Overlay::Line(line));
    }
    effects
}

/// Asks for the file that takes the place of the built-in taxonomy, and for what is done with it then.
pub fn ask_for_file(app: &mut App, then: Then) -> Vec<Effect> {
    let line = file_line("taxonomy.yaml", then);
    over(app, Overlay::Line(line))
}

fn file_line(path: impl Into<String>, then: Then) -> Line {
    Line {
        then: Some(then),
        ..Line::new(Purpose::Adopt, path)
    }
}

/// There is no file to make an edit in: it is asked for, and the edit goes on afterwards.
pub fn set_without_file(app: &mut App, what: What) -> Vec<Effect> {
    match prepared(app) {
        Some(_) => ask_for_file(app, Then::Plan(what)),
        None => Vec::new(),
    }
}

/// The taxonomy is in a file from now on.
pub fn set_adopted(app: &mut App, path: PathBuf) -> Vec<Effect> {
    app.tell(format!(
        "the taxonomy is {} from now on: edit it here, or anywhere",
        path.display()
    ));
    app.adopted = Some(path.clone());
    let mut effects = vec![Effect::KnowFiles, again::ask(app)];
    match app.adopting.take().map(|(_, then)| then) {
        Some(Then::Plan(what)) => app.pending = Some(what),
        Some(Then::Editor) => effects.push(Effect::Edit(path, 1)),
        None => {}
    }
    effects
}

/// Goes on with the edit that a file was wanting for, unless something else is going on by now.
pub fn resume(app: &mut App) -> Vec<Effect> {
    match app.pending.take() {
        Some(what) if app.overlay.is_none() => plan(app, what),
        _ => Vec::new(),
    }
}
