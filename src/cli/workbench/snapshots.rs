//! Runs that were given a name, as they were then: they are on disk, to be compared with after the next start too.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;

use super::{Workbench, session};
use crate::cli::score::taxonomy_hash;
use crate::files::{StagedFiles, Staging};
use crate::run::{self, Opened};
use crate::taxonomy::{self, Taxonomy};
use crate::tui::backend::Other;

/// The run, as `score --out` writes it.
const RUN: &str = "run";

/// The texts of the taxonomy that it was judged by, with their paths: its files are edited meanwhile.
const TAXONOMY: &str = "taxonomy.json";

/// Bytes of a name that are themselves in the name of its folder; of the others their number is.
const PLAIN: &[u8] = b" -_";

impl Workbench {
    /// The names of the snapshots that there are of what is shown.
    pub(super) fn snapshot_names(&self) -> Vec<String> {
        let folder = session::snapshots(&self.source, &self.start.what);
        folder.map_or_else(Vec::new, |folder| names(&folder))
    }

    /// Where the snapshot of a name is, or will be.
    ///
    /// # Errors
    /// There is no home.
    pub(super) fn snapshot(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = session::snapshots(&self.source, &self.start.what);
        let folder = folder.context("no home directory: XDG_STATE_HOME says where to keep it")?;
        Ok(folder.join(folder_of(name)))
    }
}

/// The names of the snapshots that are whole.
fn names(folder: &Path) -> Vec<String> {
    let found = folder.read_dir().into_iter().flatten().flatten();
    let whole = found.filter(|entry| entry.path().join(RUN).is_dir());
    whole
        .filter_map(|entry| name_of(entry.file_name().to_str()?))
        .collect()
}

/// Keeps a run in a folder, in the place of the one that is there.
///
/// # Errors
/// It cannot be written.
pub fn keep(folder: &Path, opened: &Opened) -> anyhow::Result<()> {
    let staging = Staging::new(&folder.join(RUN), run::KIND)?;
    let file = folder.join(TAXONOMY);
    let taxonomy = StagedFiles::new(&[&file])?;
    let text = serde_json::to_string(opened.taxonomy.sources())?;
    std::fs::write(taxonomy.path(0), text).with_context(|| file.display().to_string())?;
    taxonomy.publish()?;
    // With this it is whole.
    Ok(run::save_again(&opened.saved, staging)?)
}

/// The run in a folder, with the taxonomy that it was judged by.
///
/// # Errors
/// It cannot be read.
pub fn kept(folder: &Path) -> anyhow::Result<Other> {
    let saved = run::load(&folder.join(RUN))?;
    let taxonomy = taxonomy_in(&folder.join(TAXONOMY), &saved.manifest);
    Ok(Other { saved, taxonomy })
}

/// The taxonomy whose texts a file holds, if it is the one of the run.
fn taxonomy_in(file: &Path, manifest: &Value) -> Result<Taxonomy, String> {
    let text = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let damaged = || format!("{}: damaged", file.display());
    let texts: Vec<(PathBuf, String)> = serde_json::from_slice(&text).map_err(|_| damaged())?;
    let pairs = texts.iter();
    let pairs = pairs.map(|(path, text)| (path.as_path(), text.as_str()));
    let loaded = taxonomy::load_texts(pairs).and_then(|loaded| loaded.taxonomy);
    let taxonomy = loaded.ok_or_else(damaged)?;
    let recorded = manifest.pointer("/taxonomy/sha256").and_then(Value::as_str);
    match recorded == Some(&taxonomy_hash(file, &taxonomy).sha256) {
        true => Ok(taxonomy),
        false => Err("it was looked at beside another taxonomy than it was judged by".to_owned()),
    }
}

fn folder_of(name: &str) -> String {
    let mut folder = String::new();
    for byte in name.bytes() {
        match byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) {
            true => folder.push(char::from(byte)),
            // Writing to a text does not fail.
            false => drop(write!(folder, "%{byte:02x}")),
        }
    }
    folder
}

/// The name that a folder is of; `None` of one that no name has.
fn name_of(folder: &str) -> Option<String> {
    let mut parts = folder.split('%');
    let mut name = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (byte, rest) = part.split_at_checked(2)?;
        name.push(u8::from_str_radix(byte, 16).ok()?);
        name.extend_from_slice(rest.as_bytes());
    }
    let name = String::from_utf8(name).ok()?;
    (folder_of(&name) == folder).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_folder_is_of_one_name(name in any::<String>(), other in any::<String>()) {
            let folder = folder_of(&name);
            prop_assert_eq!(name_of(&folder), Some(name.clone()));
            prop_assert_eq!(Path::new(&folder).components().count(), usize::from(!name.is_empty()));
            prop_assert_eq!(folder == folder_of(&other), name == other);
        }
    }

    /// A fixture, judged by two taxonomies: each is kept with its own, whatever becomes of the file.
    #[test]
    fn a_snapshot_is_read_as_it_was_kept() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(root.join("taxonomies/shapes.yaml")).expect("a file");
        let edge = "parents: [isosceles_triangle, acute_triangle, regular_polygon]";
        let less = text.replace(edge, "parents: [isosceles_triangle, acute_triangle]");
        assert_ne!(text, less);
        let home = tempfile::tempdir().expect("a folder");
        let folder = |name: &str| home.path().join(folder_of(name));
        let saved = run::load_whole(&root.join("tests/fixtures/run")).expect("a run");
        for (name, text) in [("as it is", text), ("less/edges", less)] {
            let taxonomy = taxonomy::load_str("shapes.yaml", &text);
            let taxonomy = taxonomy.into_sound().expect("a sound DAG");
            use crate::score::{Depth, Stop};
            let depth = Depth::Whole;
            let again = run::rejudged(&saved, &taxonomy, None, depth, Stop::NEVER)
                .expect("it can be judged");
            let mut run = again.run;
            run.manifest.taxonomy = taxonomy_hash(Path::new("shapes.yaml"), &taxonomy);
            let opened = Opened::new(run::Saved::of(&run), taxonomy);
            // In the place of another one, the second time.
            for _ in 0..2 {
                keep(&folder(name), &opened).expect("it can be written");
            }
            let found = kept(&folder(name)).expect("it can be read");
            let rows = |saved: &run::Saved| {
                let of = |label: Option<u32>| label.map(|label| saved.id(label).to_owned());
                let rows = saved.rows.iter();
                let rows =
                    rows.map(|row| (of(row.primary), of(row.answer), row.verdict, row.credit));
                rows.collect::<Vec<_>>()
            };
            assert_eq!(rows(&found.saved), rows(&opened.saved));
            let taxonomy = found.taxonomy.expect("its own");
            assert_eq!(taxonomy.sources(), opened.taxonomy.sources());
        }
        let mut names = names(home.path());
        names.sort_unstable();
        assert_eq!(names, ["as it is", "less/edges"]);
        // One whose texts are not those that it was judged by says so.
        let swapped = std::fs::copy(
            folder("as it is").join(TAXONOMY),
            folder("less/edges").join(TAXONOMY),
        );
        swapped.expect("a copy");
        let found = kept(&folder("less/edges")).expect("it can be read");
        assert!(found.taxonomy.is_err());
        std::fs::remove_dir_all(folder("as it is").join(RUN)).expect("it goes");
        assert_eq!(super::names(home.path()), ["less/edges"]);
    }

    #[test]
    fn what_no_name_makes_is_no_snapshot() {
        for folder in ["..", "%4", "%zz", "a%41", "%ff", "x.json"] {
            assert_eq!(name_of(folder), None, "{folder}");
        }
    }
}
