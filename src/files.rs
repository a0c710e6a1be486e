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
    #[error("{}: {source}: check that the folder above exists and can be written", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Staging {
    /// Starts a directory that will become `destination`.
    ///
    /// # Errors
    /// If `destination` exists, is not empty and holds no `marker`; if its parent cannot be made or written.
    pub fn new(destination: &Path, marker: &'static str) -> Result<Self, StagingError> {
        let io_error = |source| StagingError::Io {
            path: destination.to_owned(),
            source,
        };
        if is_foreign(destination, marker).map_err(io_error)? {
            return Err(StagingError::Foreign {
                path: destination.to_owned(),
                marker,
            });
        }
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

        if is_foreign(&destination, self.marker).map_err(io_error)? {
            return Err(StagingError::Foreign {
                path: destination,
                marker: self.marker,
            });
        }
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

/// Whether something is at `path` that is neither empty nor an earlier result.
fn is_foreign(path: &Path, marker: &str) -> io::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_some() && !path.join(marker).exists()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
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
}
