//! cladist: zero-shot image classification under label taxonomies.
//!
//! The map of the house; ARCHITECTURE.md tells the whole story. Arrows point down this list.
//!
//! | room | what it is for |
//! |---|---|
//! | [`cli`] | arguments → commands, one file a command; the only room that prints |
//! | [`tui`] | the workbench: the terminal UI that shows a run; the only room that names ratatui |
//! | [`report`] | a run or a table as text, JSON or CSV, one file a format |
//! | [`run`] | the one immutable result: build, save |
//! | [`history`] | edits on disk: whole or not at all, undone and redone |
//! | [`embed`] | files → decode → encode → unit embeddings, bounded memory, all cores |
//! | [`model`] | the `Encoder` trait and what is behind it: CLIP, tokenizer, pixels, hub, device |
//! | [`dataset`] | folders and manifests → images with labels |
//! | [`demo`] | a drawn world whose truth is known (pure) |
//! | [`score`] | similarity, verdicts, credit, measures of two labels, summary statistics (pure) |
//! | [`prompts`] | template sets and their expansion per node (pure) |
//! | [`taxonomy`] | YAML → DAG, relations, closures, information, diagnostics (pure) |
//! | [`files`] | publishing results all at once: a directory, or a few files |
//! | [`guard`] | calls into libraries that may panic on damaged files |
//! | [`hash`] | SHA-256 of what made a result |
//! | [`matrix`] | the row-major f32 matrix that crosses rooms |
//! | [`names`] | many names in little memory |
//! | [`npy`] | NumPy's `.npy` files |
//! | [`point`] | where what is written can be interrupted, for tests |
//! | [`text`] | text files in UTF-8; foreign text in messages |
//! | [`watch`] | files whose content changes under us |

pub mod cli;
pub mod dataset;
pub mod demo;
pub mod embed;
pub mod files;
pub mod guard;
pub mod hash;
pub mod history;
pub mod matrix;
pub mod model;
pub mod names;
pub mod npy;
mod point;
pub mod prompts;
pub mod report;
pub mod run;
pub mod score;
pub mod taxonomy;
pub mod text;
pub mod tui;
pub mod watch;
