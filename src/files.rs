//! Publishing a directory of results all at once, so that an interruption leaves a complete one or none.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory that is filled out of sight and then takes its place in one rename.
///
/// It is made beside its destination, so the rename stays on one file system. Dropped without
/// [`publish`](Staging::publish), it is removed with all that is in it.
#[derive(Debug)]
pub struct Staging {
    dir: TempDir,
    destination: PathBuf,
    /// The file whose presence says that an existing destination is an earlier result of the same kind.
    marker: &'static str,
}

/// Why a directory of results could not be written.
#[derive(Debug, thiserror::Error)]
pub enum StagingError {
    #[error("{}: exists and is not the result of an earlier run (no `{marker}` in it): choose another directory or remove it", path.display())]
    Foreign { path: PathBuf, marker: &'static str },
    #[error("{}: exists and is no directory: choose another name", path.display())]
    NoDirectory { path: PathBuf },
    #[error("{}: the working directory, or above it, and would be replaced under your feet: choose another", path.display())]
    Working { path: PathBuf },
    #[error("`{}`: names no directory that could be made", path.display())]
    NoName { path: PathBuf },
    #[error("{}: {source}: check that the folder above exists and can be written", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Staging {
    /// Starts a directory that will become `destination`. Where that is a symbolic link to a directory, the
    /// directory is replaced and the link kept.
    ///
    /// # Errors
    /// If `destination` exists, is not empty and holds no `marker`; if it is no directory, or the working directory;
    /// if its parent cannot be made or written.
    pub fn new(destination: &Path, marker: &'static str) -> Result<Self, StagingError> {
        let io_error = |source| StagingError::Io {
            path: destination.to_owned(),
            source,
        };
        refuse_others(destination, marker)?;
        let destination = &match destination.canonicalize() {
            // A shell there would go on in the old directory, which has no name any more.
            Ok(real) if is_working_directory(&real) => {
                return Err(StagingError::Working {
                    path: destination.to_owned(),
                });
            }
            Ok(real) => real,
            Err(_) if destination.file_name().is_some() => destination.to_owned(),
            Err(_) => {
                return Err(StagingError::NoName {
                    path: destination.to_owned(),
                });
            }
        };
        let parent = parent(destination);
        fs::create_dir_all(parent).map_err(io_error)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".cladist-").suffix(".part");
        // A temporary directory is private by default; a result is as readable as any other directory.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755));
        let dir = builder.tempdir_in(parent).map_err(io_error)?;
        Ok(Self {
            dir,
            destination: destination.to_owned(),
            marker,
        })
    }

    /// Tells early what [`new`](Staging::new) would find wrong, and leaves nothing behind but the folders above.
    ///
    /// # Errors
    /// As [`new`](Staging::new).
    pub fn check(destination: &Path, marker: &'static str) -> Result<(), StagingError> {
        Self::new(destination, marker).map(drop)
    }

    /// Where to write the files.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Brings the files to disk and puts the directory in its place, instead of an earlier result if there is one.
    ///
    /// # Errors
    /// As [`Staging::new`]; on an error the earlier result is still there.
    pub fn publish(self) -> Result<(), StagingError> {
        let destination = self.destination;
        let io_error = |source| StagingError::Io {
            path: destination.clone(),
            source,
        };
        for entry in fs::read_dir(self.dir.path()).map_err(io_error)? {
            let path = entry.map_err(io_error)?.path();
            File::open(path)
                .and_then(|f| f.sync_all())
                .map_err(io_error)?;
        }
        sync_dir(self.dir.path()).map_err(io_error)?;

        refuse_others(&destination, self.marker)?;
        // A directory that is not empty cannot be renamed over: the earlier result steps aside first, into a
        // directory that is removed on drop.
        let aside = if destination.exists() {
            let aside = tempfile::Builder::new()
                .prefix(".cladist-")
                .suffix(".old")
                .tempdir_in(parent(&destination))
                .map_err(io_error)?;
            fs::rename(&destination, aside.path().join("old")).map_err(io_error)?;
            Some(aside)
        } else {
            None
        };
        let staged = self.dir.keep();
        if let Err(error) = fs::rename(&staged, &destination) {
            if let Some(aside) = &aside {
                // The earlier result is better than none; the first error is the one to tell.
                let _ = fs::rename(aside.path().join("old"), &destination);
            }
            let _ = fs::remove_dir_all(&staged);
            return Err(io_error(error));
        }
        sync_dir(parent(&destination)).map_err(io_error)
    }
}

/// Refuses what is neither nothing, nor an empty directory, nor an earlier result.
fn refuse_others(destination: &Path, marker: &'static str) -> Result<(), StagingError> {
    let path = destination.to_owned();
    match fs::read_dir(destination) {
        Ok(mut entries) => match entries.next() {
            Some(_) if !destination.join(marker).exists() => {
                Err(StagingError::Foreign { path, marker })
            }
            _ => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(_) if destination.is_file() => Err(StagingError::NoDirectory { path }),
        Err(source) => Err(StagingError::Io { path, source }),
    }
}

/// Whether the working directory is `real` or lies in it.
fn is_working_directory(real: &Path) -> bool {
    let current = std::env::current_dir().and_then(|current| current.canonicalize());
    current.is_ok_and(|current| current.starts_with(real))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Makes a rename in `dir` outlive a power cut; a no-op where directories cannot be opened.
fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(dir)?.sync_all()
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_an_unpublished_directory() {
        let root = TempDir::new().unwrap();
        let staging = Staging::new(&root.path().join("run"), "run.yaml").unwrap();
        fs::write(staging.path().join("run.yaml"), "half").unwrap();
        drop(staging);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_earlier_result_is_replaced_whole() {
        let root = TempDir::new().unwrap();
        let run = root.path().join("deep/run");
        for files in [["run.yaml", "a"], ["run.yaml", "b"]] {
            let staging = Staging::new(&run, "run.yaml").unwrap();
            for file in files {
                fs::write(staging.path().join(file), file).unwrap();
            }
            staging.publish().unwrap();
        }
        let mut left: Vec<_> = fs::read_dir(&run)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["b", "run.yaml"]);
        assert_eq!(fs::read_dir(root.path().join("deep")).unwrap().count(), 1);
    }

    #[test]
    fn somebody_elses_directory_is_refused() {
        let root = TempDir::new().unwrap();
        fs::write(root.path().join("thesis.tex"), "precious").unwrap();
        let error = Staging::new(root.path(), "run.yaml").unwrap_err();
        assert!(matches!(error, StagingError::Foreign { .. }), "{error}");
    }

    #[test]
    fn what_can_be_no_directory_is_told_before_the_work() {
        let root = TempDir::new().unwrap();
        let file = root.path().join("results");
        fs::write(&file, "precious").unwrap();
        let error = Staging::check(&file, "run.yaml").unwrap_err();
        assert!(matches!(error, StagingError::NoDirectory { .. }), "{error}");
        let error = Staging::check(Path::new("."), "src").unwrap_err();
        assert!(matches!(error, StagingError::Working { .. }), "{error}");
        let error = Staging::check(Path::new(""), "run.yaml").unwrap_err();
        assert!(matches!(error, StagingError::NoName { .. }), "{error}");
        let error = Staging::check(&root.path().join("nowhere/.."), "run.yaml").unwrap_err();
        assert!(matches!(error, StagingError::NoName { .. }), "{error}");
        let error = Staging::check(&file.join("run"), "run.yaml").unwrap_err();
        assert!(matches!(error, StagingError::Io { .. }), "{error}");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_an_earlier_result_stays_a_link() {
        let root = TempDir::new().unwrap();
        let (real, link) = (root.path().join("disk/run"), root.path().join("run"));
        fs::create_dir_all(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        for content in ["a", "b"] {
            let staging = Staging::new(&link, "run.yaml").unwrap();
            fs::write(staging.path().join("run.yaml"), content).unwrap();
            staging.publish().unwrap();
            assert_eq!(fs::read_to_string(real.join("run.yaml")).unwrap(), content);
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        }
    }
}
