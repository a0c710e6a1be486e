//! Writing into the Hugging Face cache in its own layout, so that every tool finds what is there: the contents in
//! `blobs/NAME`, named by what they are, and links to them in `snapshots/COMMIT/FILE`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::id::ModelId;

/// Between two looks at a lock that somebody else holds.
const LOCK_TICK: Duration = Duration::from_millis(200);

/// One model's part of a cache.
pub struct Store {
    /// `CACHE/models--ORG--NAME`.
    model: PathBuf,
    /// `CACHE/.locks/models--ORG--NAME`, where huggingface_hub has its locks too.
    locks: PathBuf,
}

/// Nobody else downloads the same content as long as it lives. The system lets go of it when the process ends, in
/// whatever way.
pub struct Lock {
    /// `None` on a file system without locks.
    file: Option<File>,
}

impl Lock {
    /// Whether others are truly kept out.
    pub fn is_exclusive(&self) -> bool {
        self.file.is_some()
    }
}

impl Store {
    pub fn new(cache: &Path, id: &ModelId) -> Self {
        let folder = id.folder();
        Self {
            model: cache.join(&folder),
            locks: cache.join(".locks").join(folder),
        }
    }

    /// Where the files of a commit are.
    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.model.join("snapshots").join(commit)
    }

    /// Where the content `name` is.
    pub fn blob(&self, name: &str) -> PathBuf {
        self.model.join("blobs").join(name)
    }

    /// Where the content `name` gathers until it is whole. No reader looks at such a name, and huggingface_hub's own
    /// half files, which need not be beginnings, have others.
    pub fn partial(&self, name: &str) -> PathBuf {
        self.model
            .join("blobs")
            .join(format!("{name}.cladist-part"))
    }

    /// Makes the directories that files of a commit go into.
    ///
    /// # Errors
    /// The directory that cannot be made, and why.
    pub fn prepare(&self, commit: &str) -> Result<(), (PathBuf, io::Error)> {
        for dir in [
            self.model.join("blobs"),
            self.snapshot(commit),
            self.locks.clone(),
        ] {
            fs::create_dir_all(&dir).map_err(|error| (dir, error))?;
        }
        Ok(())
    }

    /// Waits until nobody else downloads the content `name`; `None` if `go_on` says no before. `waiting` is called once
    /// if somebody does.
    ///
    /// # Errors
    /// A lock file that cannot be made.
    pub fn lock(
        &self,
        name: &str,
        waiting: &dyn Fn(),
        go_on: &dyn Fn() -> bool,
    ) -> io::Result<Option<Lock>> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.locks.join(format!("{name}.lock")))?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Lock { file: Some(file) })),
                Err(TryLockError::Error(_)) => return Ok(Some(Lock { file: None })),
                Err(TryLockError::WouldBlock) => {}
            }
            if !std::mem::replace(&mut told, true) {
                waiting();
            }
            if !go_on() {
                return Ok(None);
            }
            std::thread::sleep(LOCK_TICK);
        }
    }

    /// Gives a whole and checked file its place: as the content `name`, and as `file` of a commit.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn publish(&self, partial: &Path, name: &str, commit: &str, file: &str) -> io::Result<()> {
        fs::rename(partial, self.blob(name))?;
        self.place(name, commit, file, &symlink, true)
    }

    /// Makes a content that is there already `file` of a commit.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn link(&self, name: &str, commit: &str, file: &str) -> io::Result<()> {
        self.place(name, commit, file, &symlink, false)
    }

    /// A link where links can be made; elsewhere (Windows without the right to, FAT) a plain file, as huggingface_hub
    /// does it: the content itself if it `is_new`, else a copy.
    fn place(
        &self,
        name: &str,
        commit: &str,
        file: &str,
        symlink: &dyn Fn(&Path, &Path) -> io::Result<()>,
        is_new: bool,
    ) -> io::Result<()> {
        let target = self.snapshot(commit).join(file);
        // Whatever was there, a reader sees it or the new file, and never nothing.
        let aside = self
            .snapshot(commit)
            .join(format!(".cladist-{}-{file}.part", std::process::id()));
        let relative: PathBuf = ["..", "..", "blobs", name].iter().collect();
        let placed = match symlink(&relative, &aside) {
            Ok(()) => fs::rename(&aside, &target),
            Err(_) if is_new => fs::rename(self.blob(name), &target),
            Err(_) => fs::copy(self.blob(name), &aside).and_then(|_| fs::rename(&aside, &target)),
        };
        if placed.is_err() {
            let _ = fs::remove_file(&aside);
        }
        placed
    }

    /// Notes which commit a revision is.
    ///
    /// # Errors
    /// The file that cannot be written, and why.
    pub fn set_ref(&self, revision: &str, commit: &str) -> Result<(), (PathBuf, io::Error)> {
        let path = self.model.join("refs").join(revision);
        let attempt = || {
            let dir = path.parent().unwrap_or(&self.model);
            fs::create_dir_all(dir)?;
            let mut builder = tempfile::Builder::new();
            builder.prefix(".cladist-").suffix(".part");
            // Temporary files are private by default; others may share this cache. The umask still applies.
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
            let mut file = builder.tempfile_in(dir)?;
            file.write_all(commit.as_bytes())?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        attempt().map_err(|error| (path.clone(), error))
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn store(cache: &Path) -> Store {
        let store = Store::new(cache, &ModelId::parse("org/clip").unwrap());
        store.prepare("abc").unwrap();
        store
    }

    #[test]
    fn where_links_cannot_be_made_files_are_plain() {
        let dir = tempfile::TempDir::new().unwrap();
        let store = store(dir.path());
        let refuse = |_: &Path, _: &Path| Err(io::ErrorKind::PermissionDenied.into());
        fs::write(store.blob("1"), "old").unwrap();
        store
            .place("1", "abc", "config.json", &refuse, false)
            .unwrap();
        assert!(store.blob("1").exists(), "others may link to it");
        fs::write(store.blob("2"), "new").unwrap();
        store
            .place("2", "abc", "config.json", &refuse, true)
            .unwrap();
        assert!(!store.blob("2").exists(), "no second copy of gigabytes");
        let file = store.snapshot("abc").join("config.json");
        assert!(file.symlink_metadata().unwrap().is_file());
        assert_eq!(fs::read_to_string(file).unwrap(), "new");
        assert_eq!(fs::read_dir(store.snapshot("abc")).unwrap().count(), 1);
    }

    #[test]
    fn one_holds_a_lock_and_the_other_waits() {
        let dir = tempfile::TempDir::new().unwrap();
        let store = store(dir.path());
        let (told, asked) = (Cell::new(0), Cell::new(0));
        let waiting = || told.set(told.get() + 1);
        let go_on = || {
            asked.set(asked.get() + 1);
            asked.get() < 3
        };
        let first = store.lock("x", &waiting, &go_on).unwrap().unwrap();
        assert!(first.is_exclusive());
        assert!(store.lock("x", &waiting, &go_on).unwrap().is_none());
        assert_eq!((told.get(), asked.get()), (1, 3));
        assert!(store.lock("y", &waiting, &go_on).unwrap().is_some());
        drop(first);
        assert!(store.lock("x", &waiting, &go_on).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_ref_is_as_readable_as_any_file() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::TempDir::new().unwrap();
        let store = store(dir.path());
        store.set_ref("refs/pr/3", "abc").unwrap();
        let path = dir.path().join("models--org--clip/refs/refs/pr/3");
        assert_eq!(fs::read_to_string(&path).unwrap(), "abc");
        let ordinary = dir.path().join("ordinary");
        fs::write(&ordinary, "").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&ordinary));
    }
}
