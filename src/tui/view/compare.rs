//! STUB

use ratatui::Frame;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use super::Part;
use crate::tui::action::Effect;
use crate::tui::app::App;
use crate::tui::backend::Shown;
use crate::tui::command::Command;
use crate::tui::sheet::Sheet;

#[derive(Debug, Default)]
pub struct State {
    pub compared: Option<(
        u64,
        String,
        std::sync::Arc<crate::run::Saved>,
        std::sync::Arc<crate::run::Comparison>,
    )>,
}

pub struct Compare;

impl Part for Compare {
    fn perform(&self, _app: &mut App, _command: Command) -> Vec<Effect> {
        Vec::new()
    }

    fn draw(&self, _app: &App, _frame: &mut Frame<'_>, _area: Rect) {}

    fn wants(&self, _app: &mut App) -> Vec<Effect> {
        Vec::new()
    }

    fn value(&self, _app: &App) -> Option<String> {
        None
    }

    fn sheet(&self, _app: &App) -> Option<Sheet> {
        None
    }

    fn remember(&self, _app: &App) -> Value {
        json!({})
    }

    fn recall(&self, _app: &mut App, _place: &Value) {}

    fn run_changed(&self, _app: &mut App, _earlier: Option<&Shown>) {}
}

pub fn set(
    app: &mut App,
    name: String,
    other: std::sync::Arc<crate::run::Saved>,
    comparison: std::sync::Arc<crate::run::Comparison>,
) {
    app.compare.compared = Some((app.generation, name, other, comparison));
}
