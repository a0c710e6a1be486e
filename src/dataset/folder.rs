//! A folder of images: labels are the names of its directories.

use std::path::{Path, PathBuf};

use super::{Dataset, DatasetError, Item, is_image, manifest};

/// Fills `dataset` with the images under `root`, sorted by the bytes of their relative names.
///
/// The label is the first directory below `root`; images in `root` itself have none. Hidden files and
/// directories are passed over, symbolic links are followed unless they lead back up. A directory that
/// holds Hugging Face metadata is not searched: its metadata lists its images.
pub(super) fn read(root: &Path, dataset: &mut Dataset) -> Result<(), DatasetError> {
    let mut walk = Walk::default();
    walk.enter(root, "")?;
    walk.images.sort();
    dataset.ignored = walk.ignored;
    dataset.items = walk
        .images
        .into_iter()
        .map(|(name, path)| Item {
            labels: name
                .split_once('/')
                .map(|(label, _)| label.to_owned())
                .into_iter()
                .collect(),
            path,
            name,
            line: None,
        })
        .collect();
    for (prefix, path, kind) in walk.metadata {
        dataset.add_manifest(&path, kind, &prefix, true)?;
    }
    if dataset.items.is_empty() {
        return Err(DatasetError::NoImages {
            path: root.to_owned(),
            ignored: dataset.ignored,
        });
    }
    Ok(())
}

#[derive(Default)]
struct Walk {
    /// (name relative to the root, path).
    images: Vec<(String, PathBuf)>,
    /// (prefix of its images' names, path, kind).
    metadata: Vec<(String, PathBuf, manifest::Kind)>,
    ignored: usize,
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

        let metadata: Vec<_> = entries
            .iter()
            .filter_map(|(name, path)| {
                let kind = manifest::Kind::of_metadata(name).filter(|_| path.is_file())?;
                Some((prefix.to_owned(), path.clone(), kind))
            })
            .collect();
        if metadata.len() > 1 {
            return Err(DatasetError::SeveralMetadata {
                path: folder.to_owned(),
                found: entries
                    .into_iter()
                    .map(|(name, _)| name)
                    .filter(|name| manifest::Kind::of_metadata(name).is_some())
                    .collect(),
            });
        }
        if !metadata.is_empty() {
            self.metadata.extend(metadata);
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
                self.ignored += 1;
            }
        }
        self.above.pop();
        Ok(())
    }
}
