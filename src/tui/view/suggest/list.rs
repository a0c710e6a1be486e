//! What is suggested, best first, as a table.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use super::{LIST, found};
use crate::report::suggest::{points, title};
use crate::report::text::thousands;
use crate::run::Suggestion;
use crate::taxonomy::Taxonomy;
use crate::tui::action::Kind;
use crate::tui::app::{App, Hit};
use crate::tui::sheet::Sheet;
use crate::tui::view::confusions::has_text;
use crate::tui::view::paragraph;
use crate::tui::widget::{Cell, Column, Table, pane};

/// Lists those that match.
pub fn refresh(app: &mut App) {
    let Some((_, all)) = app.suggest.found.as_ref() else {
        return;
    };
    let text = app.suggest.filter.trim().to_lowercase();
    let taxonomy = app.run().map(|run| &run.taxonomy);
    let numbered = all.iter().enumerate();
    let matching = numbered.filter(|(_, s)| text.is_empty() || matches(s, &text, taxonomy));
    let listed: Vec<usize> = matching.map(|(number, _)| number).collect();
    app.suggest.cursor.clamp(listed.len());
    app.suggest.listed = Arc::new(listed);
}

/// Whether a text in lower case is in the kind of a suggestion, or in an id or a name of one of its labels.
fn matches(suggestion: &Suggestion, text: &str, taxonomy: Option<&Taxonomy>) -> bool {
    let is_in_label = |id: &String| match taxonomy {
        Some(taxonomy) => has_text(text, id, taxonomy.find(id), taxonomy),
        None => id.to_lowercase().contains(text),
    };
    suggestion.kind.name().contains(text) || suggestion.nodes.iter().any(is_in_label)
}

pub fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let state = &app.suggest;
    let in_focus = state.pane == LIST;
    let inner = pane(frame, area, &heading(app), in_focus, app.theme);
    app.hits.add(area, Hit::Pane(LIST));
    let Some(all) = found(app).filter(|_| !state.listed.is_empty()) else {
        paragraph(frame, inner, &nothing(app), app.theme.dim());
        return;
    };
    let columns = [
        Column::number("#", 3),
        Column::fixed("kind", 14),
        Column::text("suggestion", 1),
        Column::number("images", 7),
        Column::number("points", 7),
    ];
    let table = Table {
        columns: &columns,
        sorted: None,
        len: state.listed.len(),
        row: &|row| {
            let number = state.listed[row];
            let suggestion = &all[number];
            vec![
                Cell::styled((number + 1).to_string(), app.theme.dim()),
                Cell::new(suggestion.kind.name()),
                Cell::new(title(suggestion)),
                Cell::new(thousands(suggestion.evidence.moved.all())),
                Cell::new(points(suggestion.evidence.accuracy)),
            ]
        },
        cursor: &state.cursor,
        in_focus,
        pane: LIST,
        theme: app.theme,
    };
    table.draw(frame.buffer_mut(), inner, &app.hits);
}

fn heading(app: &App) -> String {
    let Some(all) = found(app) else {
        return "Suggested edits".to_owned();
    };
    let listed = app.suggest.listed.len();
    let count = match listed == all.len() {
        true => thousands(listed),
        false => format!("{} of {}", thousands(listed), thousands(all.len())),
    };
    match app.suggest.filter.as_str() {
        "" => format!("Suggested edits {count}: images they move, points of accuracy"),
        filter => format!("Suggested edits {count} · {filter}"),
    }
}

/// What stands where nothing is listed.
fn nothing(app: &App) -> String {
    let is_whole = app.shown.as_ref().is_some_and(|s| s.so_far.is_none());
    let told = match (found(app), app.fault(Kind::Suggest)) {
        (_, Some(fault)) => return fault.to_owned(),
        (Some(all), _) if all.is_empty() => {
            "Nothing is suggested: the answers contradict nothing that the taxonomy says."
        }
        (Some(_), _) => "No suggestion matches. esc shows all of them.",
        (None, _) if !is_whole => "What the answers speak for is told when all images are scored.",
        (None, _) => "Reading off the answers what they speak for …",
    };
    told.to_owned()
}

/// Those that are listed, with their numbers and their edits.
pub fn sheet(app: &App) -> Option<Sheet> {
    const TITLES: [&str; 15] = [
        "rank",
        "kind",
        "first",
        "second",
        "images_first",
        "images_second",
        "first_as_second",
        "second_as_first",
        "excess",
        "log_bayes",
        "text_cosine",
        "image_overlap",
        "moved",
        "accuracy",
        "edit",
    ];
    let (all, listed) = (Arc::clone(found(app)?), Arc::clone(&app.suggest.listed));
    Some(Sheet {
        columns: TITLES.map(str::to_owned).to_vec(),
        len: listed.len(),
        row: Box::new(move |row| cells(listed[row], &all[listed[row]])),
    })
}

fn cells(number: usize, suggestion: &Suggestion) -> Vec<Value> {
    let evidence = &suggestion.evidence;
    let edit = suggestion.edit.as_ref().map(|edit| json!(edit).to_string());
    vec![
        json!(number + 1),
        json!(suggestion.kind),
        json!(suggestion.nodes.first()),
        json!(suggestion.nodes.get(1)),
        json!(evidence.images[0]),
        json!(evidence.images[1]),
        json!(evidence.first_as_second),
        json!(evidence.second_as_first),
        json!(evidence.excess),
        json!(evidence.log_bayes),
        json!(evidence.text_cosine),
        json!(evidence.image_overlap),
        json!(evidence.moved.all()),
        json!(evidence.accuracy),
        json!(edit),
    ]
}
