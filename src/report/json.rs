//! A run's summary and what made it as one JSON object, for `--format json`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::run::{Manifest, Run};
use crate::score::{Summary, conventions};

/// The summary's fields, as in `summary.json`, the manifest under `run`, as in `run.yaml`, and what the figures are under
/// `conventions`, by field.
#[derive(Serialize)]
pub struct Object<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    run: &'a Manifest,
    conventions: BTreeMap<&'static str, String>,
}

impl<'a> Object<'a> {
    pub fn new(run: &'a Run) -> Self {
        Self {
            summary: &run.summary,
            run: &run.manifest,
            conventions: conventions().into_iter().collect(),
        }
    }
}

/// The object, pretty-printed, with a final newline.
///
/// # Errors
/// None in practice: the types hold nothing that JSON cannot say.
pub fn render(run: &Run) -> serde_json::Result<String> {
    pretty(&Object::new(run))
}

/// Anything, pretty-printed, with a final newline.
///
/// # Errors
/// As [`render`].
pub fn pretty(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
