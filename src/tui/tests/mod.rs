//! The whole workbench on a stage: what keys do, and what is seen.

mod flows;
mod random;

use super::stage::{Stage, text_of};
use super::testing::stage;
