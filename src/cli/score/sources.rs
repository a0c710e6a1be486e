//! Which files a run is made of, and the hashes of what was read.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::hash;
use crate::run::SourceHash;
use crate::taxonomy::{NodeId, Taxonomy};

/// Which taxonomy it was.
pub fn taxonomy_hash(source: &Path, taxonomy: &Taxonomy) -> SourceHash {
    let texts = taxonomy.sources().iter().map(|(_, text)| text.as_bytes());
    SourceHash {
        source: source.display().to_string(),
        sha256: hash::of_parts(texts),
    }
}

/// Which candidates they were, by their ids.
pub fn candidates_hash(source: String, taxonomy: &Taxonomy, candidates: &[NodeId]) -> SourceHash {
    let ids = candidates.iter().map(|&c| taxonomy.id(c).as_bytes());
    SourceHash {
        source,
        sha256: hash::of_parts(ids),
    }
}

/// The files that a path names: itself, without the tensor that is chosen of it, or those in the folder, in the order of their names.
///
/// # Errors
/// A folder that cannot be listed.
fn files_at(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let text = path.to_string_lossy();
    let path = match text.rsplit_once(".safetensors#") {
        Some((file, _)) => PathBuf::from(format!("{file}.safetensors")),
        None => path.to_owned(),
    };
    let mut files = vec![path];
    while let Some(at) = files.iter().position(|file| file.is_dir()) {
        let folder = files.swap_remove(at);
        let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        for entry in entries {
            let entry = entry.with_context(|| folder.display().to_string())?;
            // A link to a folder may lead back up.
            let is_link_to_folder = entry.path().is_dir() && entry.path().is_symlink();
            files.extend((!is_link_to_folder).then(|| entry.path()));
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// The files that an array is read from: a Parquet file beside an `.npy` may name its rows.
///
/// # Errors
/// As [`files_at`].
pub fn array_files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = files_at(path)?;
    let is_npy = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "npy");
    let beside = files.iter().filter(|path| is_npy(path));
    let beside: Vec<PathBuf> = beside.map(|path| path.with_extension("parquet")).collect();
    files.extend(beside.into_iter().filter(|path| path.is_file()));
    files.sort_unstable();
    files.dedup();
    Ok(files)
}

/// Which file it was; a folder's by those in it.
///
/// # Errors
/// A file that cannot be read.
pub fn file_hash(path: &Path) -> anyhow::Result<SourceHash> {
    let files = files_at(path)?;
    let mut hashes = Vec::with_capacity(files.len());
    for file in &files {
        let shown = || file.display().to_string();
        let reader = std::fs::File::open(file).with_context(shown)?;
        hashes.push(hash::of_readers([reader]).with_context(shown)?);
    }
    Ok(SourceHash {
        source: path.to_string_lossy().into_owned(),
        sha256: match &hashes[..] {
            [of_file] => of_file.clone(),
            hashes => hash::of_parts(hashes.iter().map(String::as_bytes)),
        },
    })
}
