//! One file that gets another content all at once, and otherwise stays what it is: its permissions, and the links to it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{StagingError, parent, real_file, sync_dir};

/// The new content of a file, on disk beside it and ready to take its place in one rename.
///
/// Dropped without [`put`](Replacement::put), nothing is left of it. What a process leaves that is killed is overwritten by the next
/// that uses the same name.
#[derive(Debug)]
pub struct Replacement {
    /// Beside the destination, so that the rename stays on one file system.
    beside: PathBuf,
    destination: PathBuf,
}

impl Replacement {
    /// Writes `content` into a file called `name` beside `path`, and brings it to disk. A symbolic link is followed; the permissions,
    /// the owner and the group are those of the file that is there, before there is anything to read.
    ///
    /// # Errors
    /// If `path` leads to something else than a file, to one that may not be written, or to one whose owner or group we may not give to
    /// another; if its folder cannot be written, or is full.
    pub fn new(path: &Path, name: &str, content: &[u8]) -> Result<Self, StagingError> {
        let destination = writable(path)?;
        let replacement = Self {
            beside: parent(&destination).join(name),
            destination,
        };
        replacement.write(content)?;
        Ok(replacement)
    }

    fn write(&self, content: &[u8]) -> Result<(), StagingError> {
        let mut file = self.begun()?;
        let written = file.write_all(content).and_then(|()| file.sync_all());
        written.map_err(|source| self.error(source))
    }

    /// The file beside, empty, with the owner and the permissions of the one that is there.
    fn begun(&self) -> Result<File, StagingError> {
        let told = |source| self.error(source);
        // Not through a link that somebody put there, nor into a file that another has open.
        discard(&self.beside).map_err(told)?;
        let Ok(old) = fs::metadata(&self.destination) else {
            return File::create_new(&self.beside).map_err(told);
        };
        let file = create_private(&self.beside).map_err(told)?;
        keep_owner(&file, &old).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => StagingError::Owner {
                path: self.destination.clone(),
            },
            _ => told(error),
        })?;
        file.set_permissions(old.permissions()).map_err(told)?;
        Ok(file)
    }

    /// Takes away what a process left of a file called `name` beside `path` that was killed before it put it.
    ///
    /// # Errors
    /// If it cannot be.
    pub fn discard(path: &Path, name: &str) -> Result<(), StagingError> {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        discard(&parent(&path).join(name)).map_err(|source| StagingError::Io { path, source })
    }

    /// Puts the content in its place.
    ///
    /// # Errors
    /// If it cannot be; the file is as it was then.
    pub fn put(self) -> Result<(), StagingError> {
        fs::rename(&self.beside, &self.destination)
            .and_then(|()| sync_dir(parent(&self.destination)))
            .map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> StagingError {
        StagingError::Io {
            path: self.destination.clone(),
            source,
        }
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        // Nothing is there any more once it has been put; else the error that led here is the one to tell.
        let _ = discard(&self.beside);
    }
}

/// Takes a file away if it is there.
fn discard(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Takes a file away.
///
/// # Errors
/// As [`Replacement::new`].
pub fn remove(path: &Path) -> Result<(), StagingError> {
    let path = writable(path)?;
    fs::remove_file(&path)
        .and_then(|()| sync_dir(parent(&path)))
        .map_err(|source| StagingError::Io { path, source })
}

/// The file that a path leads to, unless it may not be written: a rename would not ask.
fn writable(path: &Path) -> Result<PathBuf, StagingError> {
    let real = real_file(path)?;
    // Root may write what its owner has protected, and it is meant nevertheless.
    let is_protected = fs::metadata(&real).is_ok_and(|old| old.permissions().readonly());
    let opened = OpenOptions::new().write(true).open(&real);
    match opened.map_err(|error| (error.kind(), error)) {
        _ if is_protected => Err(StagingError::ReadOnly { path: real }),
        Ok(_) | Err((io::ErrorKind::NotFound, _)) => Ok(real),
        Err((io::ErrorKind::PermissionDenied, _)) => Err(StagingError::ReadOnly { path: real }),
        Err((_, source)) => Err(StagingError::Io { path: real, source }),
    }
}

/// Makes a file that nobody else may read yet.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Gives a file the owner and the group of another, where it has not got them.
fn keep_owner(file: &File, old: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let of = |file: &Metadata| (file.uid(), file.gid());
        if of(&file.metadata()?) != of(old) {
            fchown(file, Some(old.uid()), Some(old.gid()))?;
        }
    }
    #[cfg(not(unix))]
    let _ = (file, old);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_as_before_until_it_is_put() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("a");
        let read = || fs::read_to_string(&path).unwrap_or_default();
        let count = || fs::read_dir(dir.path()).unwrap().count();
        // What somebody who was killed has left.
        let leave = || fs::write(dir.path().join(".part"), "half").unwrap();
        leave();
        Replacement::discard(&path, ".part").unwrap();
        Replacement::discard(&path, ".part").unwrap();
        assert_eq!(count(), 0);
        leave();
        drop(Replacement::new(&path, ".part", b"dropped").unwrap());
        assert_eq!((read().as_str(), count()), ("", 0));
        for content in ["first", "second"] {
            let new = Replacement::new(&path, ".part", content.as_bytes()).unwrap();
            assert_eq!(count(), if content == "first" { 1 } else { 2 });
            new.put().unwrap();
            assert_eq!((read().as_str(), count()), (content, 1));
        }
        remove(&path).unwrap();
        assert_eq!(count(), 0);
        assert!(matches!(remove(&path), Err(StagingError::Io { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = tempfile::TempDir::new().unwrap();
        fs::create_dir(dir.path().join("deep")).unwrap();
        let (real, link) = (dir.path().join("deep/real"), dir.path().join("link"));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&real, &link).unwrap();
        let put = |path: &Path| Replacement::new(path, ".part", b"new")?.put();
        put(&link).unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let mode = fs::metadata(&real).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        // Before anybody could read more than that.
        let new = Replacement {
            beside: dir.path().join("deep/.part"),
            destination: real.clone(),
        };
        let begun = new.begun().unwrap().metadata().unwrap();
        assert_eq!(
            (begun.len(), begun.permissions().mode() & 0o777),
            (0, 0o640)
        );
        let private = create_private(&dir.path().join("private")).unwrap();
        let mode = private.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // Also where a rename would be allowed.
        fs::set_permissions(&real, fs::Permissions::from_mode(0o440)).unwrap();
        for error in [put(&link).unwrap_err(), remove(&link).unwrap_err()] {
            assert!(matches!(error, StagingError::ReadOnly { .. }), "{error}");
        }
        fs::remove_file(&real).unwrap();
        for path in [link.as_path(), dir.path()] {
            assert!(matches!(put(path), Err(StagingError::NoFile { .. })));
        }
        let gone = dir.path().join("gone/a");
        assert!(matches!(put(&gone), Err(StagingError::Io { .. })));
    }
}
