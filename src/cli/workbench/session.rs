//! Where the workbench keeps what it remembers, and where users keep their keys.

use std::path::{Path, PathBuf};

use super::Source;
use crate::cli::places;
use crate::cli::score::WhatArgs;
use crate::hash;

/// The file that the state of the workbench on this source is kept in; `None` without a home.
pub fn file(source: &Source, what: &WhatArgs) -> Option<PathBuf> {
    let name = name(source, what.sources());
    Some(places::state()?.join(format!("sessions/{name}.json")))
}

/// The folder of the snapshots of this source's data, under whatever taxonomy and by whatever model; `None` without a home.
pub fn snapshots(source: &Source, what: &WhatArgs) -> Option<PathBuf> {
    let name = name(source, what.data());
    Some(places::state()?.join("snapshots").join(name))
}

fn name(source: &Source, named: impl Iterator<Item = PathBuf>) -> String {
    let parts: Vec<String> = match source {
        Source::Saved(dir) => vec!["run".to_owned(), real(dir)],
        Source::Demo(_) => vec!["demo".to_owned()],
        Source::Scored => named.map(|path| real(&path)).collect(),
    };
    hash::of_parts(parts.iter().map(String::as_bytes))
}

/// The user's keys, if there are any where they are looked for.
pub fn default_keys() -> Option<PathBuf> {
    let keys = places::settings()?.join("keys.toml");
    keys.is_file().then_some(keys)
}

/// The path from the root, links resolved; as it is where there is nothing, as of a model's name.
fn real(path: &Path) -> String {
    let real = path.canonicalize();
    real.as_deref().unwrap_or(path).display().to_string()
}
