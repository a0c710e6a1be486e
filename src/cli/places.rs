//! Where the user's own files are: settings, and what the program remembers.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::builtin;
use crate::hash;

/// The directory of settings; `None` without a home.
pub fn settings() -> Option<PathBuf> {
    Some(directory("XDG_CONFIG_HOME", ".config")?.join("cladist"))
}

/// The directory of what is remembered from one time to the next; `None` without a home.
pub fn state() -> Option<PathBuf> {
    Some(directory("XDG_STATE_HOME", ".local/state")?.join("cladist"))
}

/// The file that the history of a taxonomy's edits is in: one of the taxonomy's file, by whatever path or link it is named.
///
/// # Errors
/// The taxonomy is in no file, or there is no home.
pub fn history(taxonomy: &Path) -> anyhow::Result<PathBuf> {
    let shown = taxonomy.display();
    if builtin::is_meant(taxonomy) {
        bail!("{shown}: the built-in taxonomy is in no file, so it cannot be edited");
    }
    let real = taxonomy.canonicalize();
    let real = real.with_context(|| shown.to_string())?;
    let name = hash::of_bytes(real.as_os_str().as_encoded_bytes());
    let state = state()
        .context("no home directory: set XDG_STATE_HOME to where a history of edits can be kept")?;
    Ok(state.join(format!("history/{name}.jsonl")))
}

/// Names the directory that embeddings are kept in; empty: they are not.
const STORE: &str = "CLADIST_STORE";

/// The directory that embeddings are kept in unless an option says otherwise; `None` without a home, or if the environment says so.
pub fn store() -> Option<PathBuf> {
    match std::env::var_os(STORE) {
        Some(said) if said.is_empty() => None,
        Some(said) => Some(PathBuf::from(said)),
        None => Some(directory("XDG_CACHE_HOME", ".cache")?.join("cladist/store")),
    }
}

/// A directory of the user's: as the variable says, which must be absolute to count, else in the home.
fn directory(variable: &str, in_home: &str) -> Option<PathBuf> {
    let said = std::env::var_os(variable).map(PathBuf::from);
    let home = || std::env::home_dir().filter(|home| home.is_absolute());
    said.filter(|path| path.is_absolute())
        .or_else(|| Some(home()?.join(in_home)))
}
