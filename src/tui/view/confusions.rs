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
    pub found:
        std::collections::BTreeMap<Option<usize>, (u64, std::sync::Arc<crate::run::Confusions>)>,
}

pub struct Pairs;

impl Part for Pairs {
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

/// The confusions of the run that is shown, grouped at a depth, if they are known.
pub fn at_depth(app: &App, depth: Option<usize>) -> Option<&crate::run::Confusions> {
    let (generation, found) = app.confusions.found.get(&depth)?;
    (*generation == app.generation).then_some(found.as_ref())
}

pub fn set(app: &mut App, depth: Option<usize>, found: std::sync::Arc<crate::run::Confusions>) {
    app.confusions.found.insert(depth, (app.generation, found));
}

/// Shows the confusions of a node.
pub fn show_of(_app: &mut App, _node: crate::taxonomy::NodeId) {}
