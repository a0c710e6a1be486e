//! TODO

pub mod pixels;
