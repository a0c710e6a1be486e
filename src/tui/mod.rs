//! The workbench: a terminal UI in which one sees where the error comes from. It computes nothing itself: it shows a run.
//!
//! `update` turns an action into a new state and effects, `view::draw` draws the state, and effects go to workers, whose answers are
//! actions again. So the whole is tested without a terminal.

pub mod action;
pub mod app;
pub mod backend;
pub mod cast;
mod clipboard;
pub mod command;
mod editing;
mod editor;
mod event_loop;
pub mod keymap;
mod overlay;
mod picture;
mod session;
mod sheet;
pub mod stage;
pub mod still;
mod terminal;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod text;
pub mod theme;
mod update;
pub mod view;
mod widget;
mod worker;

use std::path::PathBuf;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

pub use event_loop::{Ended, run};
pub use picture::ImageProtocol;
pub use terminal::Fault;
pub use update::update;
pub use worker::Workers;

use app::App;
use theme::Theme;

/// Which theme is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThemeChoice {
    /// By the terminal's background.
    #[default]
    Auto,
    Dark,
    Light,
    /// No colours.
    Plain,
}

/// How the workbench is to be.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub image_protocol: ImageProtocol,
    pub theme: ThemeChoice,
    /// A file of keys.
    pub keys: Option<PathBuf>,
    /// What is shown of the run's name until it is known.
    pub title: String,
}

/// The screen as it is now.
pub fn screen(app: &App) -> Buffer {
    let (width, height) = app.size;
    let mut terminal =
        Terminal::new(TestBackend::new(width, height)).expect("a test backend has no faults");
    let _ = terminal.draw(|frame| view::draw(app, frame));
    terminal.backend().buffer().clone()
}

/// The same as an SVG file.
fn still_of(app: &App) -> String {
    let palette = match app.theme {
        Theme::Light => still::Palette::light(),
        Theme::Dark | Theme::Plain => still::Palette::dark(),
    };
    still::svg(&screen(app), &palette)
}
