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
    pub figures: Option<(u64, std::sync::Arc<crate::run::NodeFigures>)>,
}

pub struct Tree;

impl Part for Tree {
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

/// The figures of the nodes of the run that is shown.
pub fn figures(app: &App) -> Option<&crate::run::NodeFigures> {
    let (generation, figures) = app.taxonomy.figures.as_ref()?;
    (*generation == app.generation).then_some(figures.as_ref())
}

/// Selects a node in the tree, with all that is above it open.
pub fn reveal(_app: &mut App, _node: crate::taxonomy::NodeId) {}

/// Goes where a command about a node leads.
pub fn go_with(app: &mut App, node: crate::taxonomy::NodeId, command: Command) {
    use crate::tui::app::View;
    match command {
        Command::Reveal => {
            app.go(View::Taxonomy);
            reveal(app, node);
        }
        Command::PromptsOf => {
            app.go(View::Prompts);
            super::prompts::select(app, node);
        }
        Command::ConfusionsOf => {
            app.go(View::Confusions);
            super::confusions::show_of(app, node);
        }
        _ => {}
    }
}
