//! What is kept of a run's workbench between two sessions: where one was, and how it was set.

use serde_json::{Value, json};

use super::app::{App, View};
use super::view;

/// Version of what is kept: what another version kept is left alone.
const VERSION: u64 = 1;

/// The state, as text.
pub fn write(app: &App) -> String {
    let mut places = serde_json::Map::new();
    for view in View::ALL {
        places.insert(view.title().to_lowercase(), view::part(view).remember(app));
    }
    let state = json!({
        "version": VERSION,
        "view": app.view.title().to_lowercase(),
        "split": app.split,
        "views": places,
    });
    state.to_string()
}

/// Reads what is kept; `None` of what is no state of this version.
pub fn read(text: &str) -> Option<Value> {
    let state: Value = serde_json::from_str(text).ok()?;
    (state["version"] == VERSION).then_some(state)
}

/// Goes back to where one was. What the run does not have any more is passed over.
pub fn restore(app: &mut App, state: &Value) {
    if let Some(split) = state["split"].as_u64() {
        app.split = (split as u16).clamp(15, 85);
    }
    for view in View::ALL {
        let place = &state["views"][view.title().to_lowercase()];
        if place.is_object() {
            view::part(view).recall(app, place);
        }
    }
    if let Some(view) = state["view"].as_str().and_then(View::by_name) {
        app.view = view;
    }
}
