//! Names in directories that outlive a power cut.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use super::parent;

/// Brings a directory and all that is in it to disk.
pub fn sync_all(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_all(&path)?;
        } else {
            // Windows syncs only what is open for writing.
            OpenOptions::new().write(true).open(path)?.sync_all()?;
        }
    }
    sync_dir(dir)
}

/// Makes a directory with those above it, so that they outlive a power cut; none if it is there.
///
/// # Errors
/// One cannot be made or brought to disk.
pub fn create_dirs(dir: &Path) -> io::Result<()> {
    create_dirs_with(dir, &mut sync_dir)
}

/// The same; `sync` brings to disk what a directory holds.
fn create_dirs_with(dir: &Path, sync: &mut dyn FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let missing = dir
        .ancestors()
        .take_while(|dir| *dir != Path::new("") && !dir.is_dir());
    let missing: Vec<&Path> = missing.collect();
    fs::create_dir_all(dir)?;
    missing.into_iter().rev().map(parent).try_for_each(sync)
}

/// Makes a rename in `dir` outlive a power cut; a no-op where directories cannot be opened.
///
/// # Errors
/// The directory cannot be opened or brought to disk.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(dir)?.sync_all()
    } else {
        Ok(())
    }
}

/// Whether the path leads to this open file: who waited for a lock on it may find it moved away.
///
/// # Errors
/// The file cannot be asked.
#[cfg(unix)]
pub fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let of = |file: &fs::Metadata| (file.dev(), file.ino());
    let held = of(&file.metadata()?);
    Ok(fs::metadata(path).is_ok_and(|there| of(&there) == held))
}

/// What is open keeps its place there.
#[cfg(not(unix))]
pub fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn each_new_directory_is_brought_to_disk_in_the_one_above() {
        let root = TempDir::new().unwrap();
        let deep = root.path().join("a/b/c");
        let mut synced = Vec::new();
        for _ in 0..2 {
            create_dirs_with(&deep, &mut |dir| {
                synced.push(dir.to_owned());
                Ok(())
            })
            .unwrap();
        }
        let above = ["", "a", "a/b"].map(|name| root.path().join(name).components().collect());
        assert_eq!(synced, above.map(|path: PathBuf| path));
        assert!(deep.is_dir());
    }
}
