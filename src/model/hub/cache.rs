//! The Hugging Face cache on disk: `models--ORG--NAME/refs/REVISION` → `snapshots/COMMIT/FILE`.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Checkpoint, ModelId, in_directory};

/// A complete checkpoint of the model in the cache.
///
/// With a revision, that one alone: a ref, or (the beginning of) a commit. Without, `main` first, then every other
/// snapshot, the latest first: some tools leave refs that point to nothing.
pub fn find(cache: &Path, id: &ModelId) -> Option<Checkpoint> {
    let model = cache.join(id.folder());
    let snapshots = model.join("snapshots");
    let of_ref = |name: &str| {
        let commit = fs::read_to_string(model.join("refs").join(name)).ok()?;
        in_directory(&snapshots.join(commit.trim())).ok()
    };
    match &id.revision {
        Some(revision) => of_ref(revision).or_else(|| {
            by_age(&snapshots)
                .into_iter()
                .filter(|dir| {
                    dir.file_name()
                        .is_some_and(|n| n.to_string_lossy().starts_with(revision))
                })
                .find_map(|dir| in_directory(&dir).ok())
        }),
        None => of_ref("main").or_else(|| {
            by_age(&snapshots)
                .into_iter()
                .find_map(|dir| in_directory(&dir).ok())
        }),
    }
}

/// The directories in `dir`, the latest first, then by name.
fn by_age(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let modified = path.metadata().ok()?.modified().ok()?;
            path.is_dir().then_some((std::cmp::Reverse(modified), path))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

    fn snapshot(cache: &Path, commit: &str, files: &[&str]) {
        let dir = cache.join("models--org--clip/snapshots").join(commit);
        fs::create_dir_all(&dir).unwrap();
        for file in files {
            fs::write(dir.join(file), commit).unwrap();
        }
    }

    fn refer(cache: &Path, name: &str, commit: &str) {
        let path = cache.join("models--org--clip/refs").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, commit).unwrap();
    }

    /// The commit of what is found.
    fn found(cache: &Path, source: &str) -> Option<String> {
        let checkpoint = find(cache, &ModelId::parse(source).unwrap())?;
        Some(fs::read_to_string(checkpoint.config).unwrap())
    }

    #[test]
    fn main_then_any_complete_snapshot() {
        let dir = tempfile::TempDir::new().unwrap();
        let cache = dir.path();
        assert_eq!(found(cache, "org/clip"), None);
        snapshot(cache, "aaa", &FILES[..2]);
        refer(cache, "main", "aaa");
        assert_eq!(found(cache, "org/clip"), None, "incomplete");
        snapshot(cache, "bbb", &FILES);
        assert_eq!(
            found(cache, "org/clip").as_deref(),
            Some("bbb"),
            "main is incomplete"
        );
        snapshot(cache, "ccc", &FILES);
        refer(cache, "main", "bbb\n");
        assert_eq!(found(cache, "org/clip").as_deref(), Some("bbb"), "main");
        assert_eq!(
            found(cache, "org/clip@cc").as_deref(),
            Some("ccc"),
            "by commit"
        );
        assert_eq!(found(cache, "org/clip@v2"), None, "another revision");
        refer(cache, "v2", "ccc");
        assert_eq!(
            found(cache, "org/clip@v2").as_deref(),
            Some("ccc"),
            "by ref"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_is_a_missing_file() {
        let dir = tempfile::TempDir::new().unwrap();
        snapshot(dir.path(), "aaa", &FILES[..2]);
        refer(dir.path(), "main", "aaa");
        let link = dir
            .path()
            .join("models--org--clip/snapshots/aaa/model.safetensors");
        std::os::unix::fs::symlink("../../blobs/gone", link).unwrap();
        assert_eq!(found(dir.path(), "org/clip"), None);
    }
}
