//! Where the workbench keeps what it remembers, and where users keep their keys.

use std::path::{Path, PathBuf};

use super::Source;
use crate::hash;

/// The file that the state of the workbench on this source is kept in; `None` without a home.
pub fn file(source: &Source) -> Option<PathBuf> {
    let parts: Vec<String> = match source {
        Source::Saved(dir) => vec!["run".to_owned(), real(dir)],
        Source::Demo(..) => vec!["demo".to_owned()],
        Source::Scored(what) => what.sources().map(|path| real(&path)).collect(),
    };
    let name = hash::of_parts(parts.iter().map(String::as_bytes));
    let state = directory("XDG_STATE_HOME", ".local/state")?;
    Some(state.join(format!("cladist/sessions/{name}.json")))
}

/// The user's keys, if there are any where they are looked for.
pub fn default_keys() -> Option<PathBuf> {
    let keys = directory("XDG_CONFIG_HOME", ".config")?.join("cladist/keys.toml");
    keys.is_file().then_some(keys)
}

/// A directory of the user's: as the variable says, which must be absolute to count, else in the home.
fn directory(variable: &str, in_home: &str) -> Option<PathBuf> {
    let said = std::env::var_os(variable).map(PathBuf::from);
    let home = || std::env::home_dir().filter(|home| home.is_absolute());
    said.filter(|path| path.is_absolute())
        .or_else(|| Some(home()?.join(in_home)))
}

/// The path from the root, links resolved; as it is where there is nothing, as of a model's name.
fn real(path: &Path) -> String {
    let real = path.canonicalize();
    real.as_deref().unwrap_or(path).display().to_string()
}
