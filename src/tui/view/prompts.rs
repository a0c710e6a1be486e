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
    pub templates: Option<crate::tui::backend::Templates>,
    pub expanded: Option<(crate::taxonomy::NodeId, crate::tui::backend::Expanded)>,
    pub encoded: Option<(u64, std::sync::Arc<crate::tui::backend::EncodedPrompts>)>,
    /// Whether a trial is on the whole set.
    pub on_all: bool,
}

pub struct Prompts;

impl Part for Prompts {
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

/// Shows the prompts of a node.
pub fn select(_app: &mut App, _node: crate::taxonomy::NodeId) {}

pub fn set_tried(_app: &mut App, _tried: crate::tui::backend::Tried) {}
