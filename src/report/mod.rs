//! A run, diagnostics or a taxonomy as something to read or to parse: one file a format.

pub mod demo;
pub mod diagnostics;
pub mod hierarchy;
pub mod json;
pub mod lab;
pub mod text;
