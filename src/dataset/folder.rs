//! A folder of images: labels are the names of its directories.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::items::{Labels, Origin};
use super::shards::Shard;
use super::{Dataset, DatasetError, Item, is_image, picture_tables, table, webdataset};

/// Names of directories that are parts of a data set and no labels, if they stand side by side and alone.
const SPLITS: [&str; 10] = [
    "train",
    "training",
    "test",
    "testing",
    "val",
    "valid",
    "validation",
    "dev",
    "eval",
    "evaluation",
];

/// Fills `dataset` with the images under `root`, sorted by the bytes of their relative names.
///
/// The label is the first directory below `root`; images in `root` itself have none. Hidden files and
/// directories are passed over, symbolic links are followed unless they lead back up. A directory that
/// holds Hugging Face metadata is not searched: its metadata lists its images.
pub(super) fn read(root: &Path, dataset: &mut Dataset) -> Result<(), DatasetError> {
    let mut walk = Walk {
        obey_metadata: true,
        ..Walk::default()
    };
    walk.enter(root, "")?;
    walk.images.sort();
    note_ignored(root, &walk, &mut dataset.notes);
    note_splits(root, &walk.images, &mut dataset.notes);
    dataset.items.begin("", Origin::Folder(root.to_owned()));
    for (name, path) in walk.images {
        let labels = Labels::named(label(&name).map(str::to_owned).into_iter().collect());
        match root.join(&name) == path {
            true => dataset.items.push(&name, &labels, None),
            false => dataset.items.push_odd(&name, path, &labels),
        }
    }
    for (prefix, path, kind) in walk.metadata {
        let first = dataset.items.len();
        dataset.add_manifest(&path, kind, &prefix, true)?;
        let unlisted = unlisted(&path, dataset.items().skip(first));
        dataset.notes.extend(unlisted);
    }
    if dataset.items.is_empty() && !walk.shards.is_empty() {
        dataset.notes.clear();
        return webdataset::read(&walk.shards, dataset);
    }
    if dataset.items.is_empty() {
        walk.tables
            .retain(|table| picture_tables::is_one(&table.path));
        if !walk.tables.is_empty() {
            dataset.notes.clear();
            return picture_tables::read(&walk.tables, dataset);
        }
    }
    if dataset.items.is_empty() {
        return Err(DatasetError::NoImages {
            path: root.to_owned(),
            ignored: walk.ignored,
            hint: walk.manifest.map_or(String::new(), |name| {
                format!("; if `{name}` lists them, give it as --images")
            }),
        });
    }
    Ok(())
}

/// The first directory of a relative name.
fn label(name: &str) -> Option<&str> {
    name.split_once('/').map(|(label, _)| label)
}

/// Tells of files that were passed over; a manifest among them is probably meant to be read.
fn note_ignored(root: &Path, walk: &Walk, notes: &mut Vec<String>) {
    let Some(first) = &walk.first_ignored else {
        return;
    };
    let root = root.display();
    let s = if walk.ignored == 1 { "" } else { "s" };
    notes.push(format!(
        "{root}: passed over {} file{s} with extensions that no image has (the first: {first})",
        walk.ignored
    ));
    if let Some(name) = &walk.manifest {
        notes.push(format!(
            "{root}: `{name}` is not read; give it as --images if it is the manifest of this folder"
        ));
    }
}

/// Tells where the labels are probably one directory deeper, as in `train/cat/1.jpg`.
fn note_splits(root: &Path, images: &[(String, PathBuf)], notes: &mut Vec<String>) {
    // The images are sorted, so that those of one label are neighbours.
    let mut labels: Vec<&str> = images.iter().filter_map(|(name, _)| label(name)).collect();
    labels.dedup();
    let is_split = |label: &&str| SPLITS.iter().any(|split| label.eq_ignore_ascii_case(split));
    let deeper = images.iter().any(|(name, _)| name.matches('/').count() > 1);
    if deeper && labels.iter().all(is_split) {
        notes.push(format!(
            "{}: its directories have the names of splits ({}), and these are taken for labels; give one of them as --images if the labels are the directories in it",
            root.display(),
            labels.join(", ")
        ));
    }
}

/// Tells of images beside Hugging Face metadata that it does not list.
fn unlisted<'a>(metadata: &Path, items: impl Iterator<Item = Item<'a>>) -> Option<String> {
    let mut walk = Walk::default();
    // What cannot be searched is not missed: the metadata has been read.
    let _ = walk.enter(metadata.parent().unwrap_or(Path::new(".")), "");
    let listed: HashSet<PathBuf> = items
        .filter_map(|item| item.picture().path().map(Path::to_owned))
        .collect();
    let unlisted = walk.images.iter();
    let unlisted = unlisted.filter(|(_, path)| !listed.contains(path));
    let unlisted = unlisted.map(|(name, _)| name);
    let count = unlisted.clone().count();
    let first = unlisted.min()?;
    Some(format!(
        "{}: does not list {count} image{} that lie{} beside it; left out (the first: {first})",
        metadata.display(),
        if count == 1 { "" } else { "s" },
        if count == 1 { "s" } else { "" },
    ))
}

#[derive(Default)]
struct Walk {
    /// Whether directories with Hugging Face metadata are left to it.
    obey_metadata: bool,
    /// (name relative to the root, path).
    images: Vec<(String, PathBuf)>,
    /// (prefix of its images' names, path, kind).
    metadata: Vec<(String, PathBuf, table::Kind)>,
    /// Archives, which are read where there is nothing else.
    shards: Vec<Shard>,
    /// Parquet tables, of which those are read that hold images, where there is nothing else.
    tables: Vec<Shard>,
    /// Files that are no images by their extension.
    ignored: usize,
    first_ignored: Option<String>,
    /// The first file in the root itself that could be a manifest.
    manifest: Option<String>,
    /// Real paths of the directories that are being searched, outermost first.
    above: Vec<PathBuf>,
}

impl Walk {
    fn enter(&mut self, folder: &Path, prefix: &str) -> Result<(), DatasetError> {
        let failed = |source| DatasetError::Read {
            path: folder.to_owned(),
            source,
        };
        let real = folder.canonicalize().map_err(failed)?;
        if self.above.contains(&real) {
            return Ok(());
        }
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let Some(name) = path.file_name() else {
                continue;
            };
            let name = name.to_string_lossy().into_owned();
            if !name.starts_with('.') {
                entries.push((name, path));
            }
        }
        entries.sort();
        if self.obey_metadata && self.take_metadata(folder, prefix, &entries)? {
            return Ok(());
        }

        self.above.push(real);
        for (name, path) in entries {
            let name = format!("{prefix}{name}");
            if path.is_dir() {
                self.enter(&path, &format!("{name}/"))?;
            } else if is_image(&path) {
                // A dangling link is kept: reading it fails later, and is then told with the reason.
                self.images.push((name, path));
            } else {
                let shard = || Shard {
                    prefix: format!("{name}/"),
                    path: path.clone(),
                };
                if webdataset::is_shard(&path) {
                    self.shards.push(shard());
                } else if table::Kind::of(&path) == Some(table::Kind::Parquet) {
                    self.tables.push(shard());
                }
                if prefix.is_empty() && table::Kind::of(&path).is_some() {
                    self.manifest.get_or_insert_with(|| name.clone());
                }
                self.first_ignored.get_or_insert(name);
                self.ignored += 1;
            }
        }
        self.above.pop();
        Ok(())
    }

    /// Whether the directory holds Hugging Face metadata, which is then remembered.
    fn take_metadata(
        &mut self,
        folder: &Path,
        prefix: &str,
        entries: &[(String, PathBuf)],
    ) -> Result<bool, DatasetError> {
        let found: Vec<_> = entries
            .iter()
            .filter_map(|(name, path)| {
                let kind = table::Kind::of_metadata(name).filter(|_| path.is_file())?;
                Some((name, path, kind))
            })
            .collect();
        match found[..] {
            [] => Ok(false),
            [(_, path, kind)] => {
                self.metadata.push((prefix.to_owned(), path.clone(), kind));
                Ok(true)
            }
            _ => Err(DatasetError::SeveralMetadata {
                path: folder.to_owned(),
                found: found.into_iter().map(|(name, ..)| name.clone()).collect(),
            }),
        }
    }
}
