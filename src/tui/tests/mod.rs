//! The whole workbench on a stage: what keys do, and what is seen.

mod curve;
mod editing;
mod flows;
mod prompts;
mod random;
mod snapshots;
mod styles;

use super::stage::{Stage, text_of};
use super::testing::stage;
