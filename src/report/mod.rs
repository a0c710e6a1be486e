//! A run as something to read or to parse: one file a format. Reads a [`Run`](crate::run::Run) and nothing else.

pub mod diagnostics;
pub mod hierarchy;
