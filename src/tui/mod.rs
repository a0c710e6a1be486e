//! The terminal workbench, and what is made of its screens: stills, recordings, the clipboard.

pub mod cast;
pub mod clipboard;
pub mod still;
pub mod text;
