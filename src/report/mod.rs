//! A run, diagnostics, a taxonomy or a table as something to read or to parse: one file a format.

mod columns;
pub mod compare;
pub mod confusions;
pub mod curve;
pub mod demo;
pub mod diagnostics;
pub mod diff;
pub mod distances;
pub mod hierarchy;
pub mod json;
pub mod lab;
pub mod risk;
pub mod sentence;
pub mod suggest;
pub mod taxonomies;
pub mod text;
