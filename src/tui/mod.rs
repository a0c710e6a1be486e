//! The workbench: a run, its taxonomy and its pictures on a terminal.

pub mod backend;

use std::path::PathBuf;
use std::sync::Arc;

use backend::Backend;

/// How pictures are put on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImageProtocol {
    /// By what the terminal says of itself.
    #[default]
    Auto,
    Kitty,
    Sixel,
    Iterm2,
    HalfBlocks,
    /// Not at all.
    None,
}

/// Which colours are used.
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

/// How the workbench looks and what keys do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub image_protocol: ImageProtocol,
    pub theme: ThemeChoice,
    /// A file with keys of the user's own.
    pub keys: Option<PathBuf>,
    /// What is shown, in a few words.
    pub title: String,
}

/// How the workbench ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// As the user asked.
    Quit,
}

/// Why the workbench could not go on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// Shows the workbench until it is left.
///
/// # Errors
/// What is wrong with the terminal or the settings.
pub fn run(_backend: Arc<dyn Backend>, _settings: Settings) -> Result<Ended, Fault> {
    Err(Fault("the workbench is not built yet".to_owned()))
}
