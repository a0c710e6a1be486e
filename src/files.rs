//! Publishing results all at once, a directory or a few files, so that an interruption leaves them complete or as they
//! were.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

pub use replacement::{Replacement, remove};
use sync::sync_all;
pub use sync::{create_dirs, is_at, sync_dir};

mod replacement;
mod sync;

/// A kind of result: what a directory of it holds.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// The file that says that a directory is a result of this kind: it holds the word `cladist`.
    pub marker: &'static str,
    /// Everything in such a directory by name, the marker included: what a new result may replace.
    pub entries: &'static [&'static str],
}

/// Directories that are being filled, for [`discard_unpublished`].
static UNPUBLISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes every directory that is being filled, for a process that is about to end without unwinding. Until it does,
/// no other is published.
pub fn discard_unpublished() -> impl Sized {
    let unpublished = UNPUBLISHED.lock().unwrap_or_else(PoisonError::into_inner);
    for dir in unpublished.iter() {
        // Whoever fills it may add a file between two steps of the removal.
        for _ in 0..100 {
            if fs::remove_dir_all(dir).is_ok() || !dir.exists() {
                break;
            }
        }
    }
    unpublished
}

/// What every marker holds.
const MADE_BY: &str = "cladist";

/// What file managers leave everywhere; nobody misses it.
const LITTER: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];

/// A directory that is filled out of sight and then takes its place in one rename.
///
/// It is made beside its destination, so the rename stays on one file system. Dropped without
/// [`publish`](Staging::publish), it is removed with all that is in it.
#[derive(Debug)]
pub struct Staging {
    dir: Registered,
    destination: PathBuf,
    kind: Kind,
}

/// Why a directory of results could not be written.
#[derive(Debug, thiserror::Error)]
pub enum StagingError {
    #[error("{}: exists and is not the result of an earlier run (no `{marker}` of cladist in it): choose another directory or remove it", path.display())]
    Foreign { path: PathBuf, marker: &'static str },
    #[error("{}: holds an earlier result, but `{entry}` too, which would be lost: move it away or choose another directory", path.display())]
    Precious { path: PathBuf, entry: String },
    #[error("{}: exists and is no directory: choose another name", path.display())]
    NoDirectory { path: PathBuf },
    #[error("{}: the working directory, or above it, and would be replaced under your feet: choose another", path.display())]
    Working { path: PathBuf },
    #[error("`{}`: names no directory that could be made", path.display())]
    NoName { path: PathBuf },
    #[error("{}: is no name of a file that could be written: choose another", path.display())]
    NoFile { path: PathBuf },
    #[error("{}: is write-protected: allow writing it first", path.display())]
    ReadOnly { path: PathBuf },
    #[error("{}: is another user's, or of a group that you are not in, which a new file in its place would not be: let its owner write it, or make it yours with chown first", path.display())]
    Owner { path: PathBuf },
    #[error("{}: {source}: check that the folder above exists and can be written", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Staging {
    /// Starts a directory that will become `destination`. Where that is a symbolic link to a directory, the
    /// directory is replaced and the link kept.
    ///
    /// # Errors
    /// If `destination` exists, is not empty and is no earlier result of this kind, or holds more than that; if it is no
    /// directory, or the working directory; if its parent cannot be made or written.
    pub fn new(destination: &Path, kind: Kind) -> Result<Self, StagingError> {
        let io_error = |source| StagingError::Io {
            path: destination.to_owned(),
            source,
        };
        let real = destination.canonicalize();
        // A shell there would go on in the old directory, which has no name any more.
        if real.as_deref().is_ok_and(is_working_directory) {
            return Err(StagingError::Working {
                path: destination.to_owned(),
            });
        }
        refuse_others(destination, kind)?;
        let destination = &match real {
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
        Ok(Self {
            dir: Registered::new_in(parent).map_err(io_error)?,
            destination: destination.to_owned(),
            kind,
        })
    }

    /// Tells early what [`new`](Staging::new) would find wrong, and leaves nothing behind but the folders above.
    ///
    /// # Errors
    /// As [`new`](Staging::new).
    pub fn check(destination: &Path, kind: Kind) -> Result<(), StagingError> {
        Self::new(destination, kind).map(drop)
    }

    /// Where to write the files.
    pub fn path(&self) -> &Path {
        self.dir.0.path()
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
        sync_all(self.dir.0.path()).map_err(io_error)?;
        let mut unpublished = UNPUBLISHED.lock().unwrap_or_else(PoisonError::into_inner);

        refuse_others(&destination, self.kind)?;
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
        let staged = self.dir.0.path().to_owned();
        if let Err(error) = fs::rename(&staged, &destination) {
            if let Some(aside) = &aside {
                // The earlier result is better than none; the first error is the one to tell.
                let _ = fs::rename(aside.path().join("old"), &destination);
            }
            return Err(io_error(error));
        }
        unpublished.retain(|dir| *dir != staged);
        // While the process cannot be ended: the earlier result should not stay under its temporary name.
        drop(aside);
        drop(unpublished);
        sync_dir(parent(&destination)).map_err(io_error)
    }
}

/// Files that are written out of sight and then take their places, each in one rename, when all are complete.
///
/// Dropped without [`publish`](StagedFiles::publish), nothing is left of them.
#[derive(Debug)]
pub struct StagedFiles(Vec<StagedFile>);

/// One of them.
#[derive(Debug)]
struct StagedFile {
    /// Beside the destination, so that the rename stays on one file system.
    dir: Registered,
    destination: PathBuf,
}

impl StagedFiles {
    /// Starts files that will become `destinations`. A symbolic link to a file is kept, and the file replaced.
    ///
    /// # Errors
    /// If a destination names no file, or is something else than a file, such as a directory or a device; if the folder
    /// above it cannot be made or written.
    pub fn new(destinations: &[&Path]) -> Result<Self, StagingError> {
        let start = |&given: &&Path| {
            let destination = real_file(given)?;
            let path = given.to_owned();
            let io_error = |source| StagingError::Io { path, source };
            let parent = parent(&destination);
            let dir = fs::create_dir_all(parent).and_then(|()| Registered::new_in(parent));
            Ok(StagedFile {
                dir: dir.map_err(io_error)?,
                destination,
            })
        };
        destinations
            .iter()
            .map(start)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Where to write the file that will become the `i`th destination.
    pub fn path(&self, i: usize) -> PathBuf {
        self.0[i].written()
    }

    /// Brings the files to disk and puts them in their places, in order, instead of earlier ones if there are any.
    ///
    /// # Errors
    /// If one of them cannot be; the earlier files are put back then, where the file system has hard links.
    pub fn publish(self) -> Result<(), StagingError> {
        for file in &self.0 {
            let synced = sync_all(file.dir.0.path());
            synced.map_err(|source| file.error(source))?;
        }
        // From here on the process cannot be ended between two of them.
        let mut unpublished = UNPUBLISHED.lock().unwrap_or_else(PoisonError::into_inner);
        for (i, file) in self.0.iter().enumerate() {
            if let Err(source) = file.place() {
                self.0[..i].iter().for_each(StagedFile::take_back);
                drop(unpublished);
                return Err(file.error(source));
            }
        }
        unpublished.retain(|dir| self.0.iter().all(|file| file.dir.0.path() != dir));
        drop(unpublished);
        for file in &self.0 {
            sync_dir(parent(&file.destination)).map_err(|source| file.error(source))?;
        }
        Ok(())
    }
}

impl StagedFile {
    fn written(&self) -> PathBuf {
        self.dir.0.path().join("new")
    }

    fn earlier(&self) -> PathBuf {
        self.dir.0.path().join("old")
    }

    fn error(&self, source: io::Error) -> StagingError {
        StagingError::Io {
            path: self.destination.clone(),
            source,
        }
    }

    fn place(&self) -> io::Result<()> {
        // Only for `take_back`: without hard links, or an earlier file, there is none to keep.
        let _ = fs::hard_link(&self.destination, self.earlier());
        fs::rename(self.written(), &self.destination)
    }

    /// Undoes [`place`](Self::place) as far as it can; the error that led here is the one to tell.
    fn take_back(&self) {
        let _ = fs::rename(&self.destination, self.written());
        let _ = fs::rename(self.earlier(), &self.destination);
    }
}

/// A temporary directory that [`discard_unpublished`] knows of.
#[derive(Debug)]
struct Registered(TempDir);

impl Registered {
    fn new_in(parent: &Path) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".cladist-").suffix(".part");
        // A temporary directory is private by default; a result is as readable as any other directory.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755));
        let dir = builder.tempdir_in(parent)?;
        let mut unpublished = UNPUBLISHED.lock().unwrap_or_else(PoisonError::into_inner);
        unpublished.push(dir.path().to_owned());
        Ok(Self(dir))
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut unpublished = UNPUBLISHED.lock().unwrap_or_else(PoisonError::into_inner);
        unpublished.retain(|dir| dir != self.0.path());
    }
}

/// Refuses what is neither nothing, nor an empty directory, nor an earlier result and nothing else.
fn refuse_others(destination: &Path, kind: Kind) -> Result<(), StagingError> {
    let path = destination.to_owned();
    let entries = match fs::read_dir(destination) {
        Ok(entries) => entries,
        // A link to nothing would only be found wrong when everything is done.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !destination.is_symlink() => {
            return Ok(());
        }
        Err(_) if destination.is_file() => return Err(StagingError::NoDirectory { path }),
        Err(source) => return Err(StagingError::Io { path, source }),
    };
    let mut names = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => names.push(entry.file_name().to_string_lossy().into_owned()),
            Err(source) => return Err(StagingError::Io { path, source }),
        }
    }
    names.retain(|name| !LITTER.contains(&name.as_str()));
    names.sort();
    if names.is_empty() {
        return Ok(());
    }
    let marker = kind.marker;
    // Other programs name files so too; ours tell whose they are.
    let ours = fs::read(destination.join(marker)).is_ok_and(|content| {
        content
            .windows(MADE_BY.len())
            .any(|word| word == MADE_BY.as_bytes())
    });
    if !ours {
        return Err(StagingError::Foreign { path, marker });
    }
    match names
        .into_iter()
        .find(|n| !kind.entries.contains(&n.as_str()))
    {
        Some(entry) => Err(StagingError::Precious { path, entry }),
        None => Ok(()),
    }
}

/// Whether the working directory is `real` or lies in it.
fn is_working_directory(real: &Path) -> bool {
    let current = std::env::current_dir().and_then(|current| current.canonicalize());
    current.is_ok_and(|current| current.starts_with(real))
}

/// The file that a path leads to, links followed; where there is none yet, the path as it is.
///
/// # Errors
/// Something else than a file is there, such as a directory, a device, or a link to nothing; or no file could be.
pub fn real_file(path: &Path) -> Result<PathBuf, StagingError> {
    match path.canonicalize() {
        Ok(real) if real.is_file() => Ok(real),
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                && !path.is_symlink()
                && path.file_name().is_some() =>
        {
            Ok(path.to_owned())
        }
        _ => Err(StagingError::NoFile {
            path: path.to_owned(),
        }),
    }
}

/// The directory that a path lies in; `.` of a bare name.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Kind = Kind {
        marker: "run.yaml",
        entries: &["run.yaml", "a", "b"],
    };

    #[test]
    fn nothing_is_left_of_an_unpublished_directory() {
        let root = TempDir::new().unwrap();
        let staging = Staging::new(&root.path().join("run"), RUN).unwrap();
        fs::write(staging.path().join("run.yaml"), "half").unwrap();
        drop(staging);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_unpublished_directory_can_be_discarded_from_elsewhere() {
        let root = TempDir::new().unwrap();
        let staging = Staging::new(&root.path().join("run"), RUN).unwrap();
        fs::write(staging.path().join("run.yaml"), "half").unwrap();
        // Only this one: other tests fill directories at the same time.
        let known = |path: &Path| UNPUBLISHED.lock().unwrap().iter().any(|dir| dir == path);
        let path = staging.path().to_owned();
        assert!(known(&path));
        drop(staging);
        assert!(!known(&path) && !path.exists());
    }

    #[test]
    fn another_programs_marker_does_not_make_a_directory_ours() {
        let root = TempDir::new().unwrap();
        fs::write(root.path().join("run.yaml"), "my: run").unwrap();
        let error = Staging::check(root.path(), RUN).unwrap_err();
        assert!(matches!(error, StagingError::Foreign { .. }), "{error}");
    }

    #[test]
    fn an_earlier_result_is_replaced_whole() {
        let root = TempDir::new().unwrap();
        let run = root.path().join("deep/run");
        for files in [["run.yaml", "a"], ["run.yaml", "b"]] {
            let staging = Staging::new(&run, RUN).unwrap();
            for file in files {
                fs::write(staging.path().join(file), "cladist: 1").unwrap();
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
    fn what_somebody_put_beside_a_result_is_not_lost() {
        let root = TempDir::new().unwrap();
        let run = root.path().join("run");
        fs::create_dir(&run).unwrap();
        for file in ["run.yaml", "a", ".DS_Store"] {
            fs::write(run.join(file), "cladist").unwrap();
        }
        Staging::check(&run, RUN).unwrap();
        fs::write(run.join("notes.txt"), "precious").unwrap();
        let error = Staging::check(&run, RUN).unwrap_err();
        assert!(error.to_string().contains("`notes.txt`"), "{error}");
    }

    #[test]
    fn somebody_elses_directory_is_refused() {
        let root = TempDir::new().unwrap();
        fs::write(root.path().join("thesis.tex"), "precious").unwrap();
        let error = Staging::new(root.path(), RUN).unwrap_err();
        assert!(matches!(error, StagingError::Foreign { .. }), "{error}");
    }

    #[test]
    fn what_can_be_no_directory_is_told_before_the_work() {
        let root = TempDir::new().unwrap();
        let file = root.path().join("results");
        fs::write(&file, "precious").unwrap();
        let error = Staging::check(&file, RUN).unwrap_err();
        assert!(matches!(error, StagingError::NoDirectory { .. }), "{error}");
        let error = Staging::check(Path::new("."), RUN).unwrap_err();
        assert!(matches!(error, StagingError::Working { .. }), "{error}");
        let error = Staging::check(Path::new(""), RUN).unwrap_err();
        assert!(matches!(error, StagingError::NoName { .. }), "{error}");
        let error = Staging::check(&root.path().join("nowhere/.."), RUN).unwrap_err();
        assert!(matches!(error, StagingError::NoName { .. }), "{error}");
        let error = Staging::check(&file.join("run"), RUN).unwrap_err();
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
        for content in ["cladist a", "cladist b"] {
            let staging = Staging::new(&link, RUN).unwrap();
            fs::write(staging.path().join("run.yaml"), content).unwrap();
            staging.publish().unwrap();
            assert_eq!(fs::read_to_string(real.join("run.yaml")).unwrap(), content);
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        }
    }

    #[test]
    fn files_are_published_together_or_not_at_all() {
        let root = TempDir::new().unwrap();
        let (a, b) = (root.path().join("deep/a"), root.path().join("b"));
        let stage = |content: &str| {
            let staged = StagedFiles::new(&[&a, &b]).unwrap();
            for i in 0..2 {
                fs::write(staged.path(i), content).unwrap();
            }
            staged
        };
        let read = || [&a, &b].map(|path| fs::read_to_string(path).unwrap_or_default());
        let here = || fs::read_dir(root.path()).unwrap().count();
        drop(stage("dropped"));
        assert_eq!((read(), here()), (["", ""].map(str::to_owned), 1));
        for content in ["first", "second"] {
            stage(content).publish().unwrap();
            assert_eq!((read(), here()), ([content; 2].map(str::to_owned), 2));
        }
        let staged = stage("third");
        fs::remove_file(staged.path(1)).unwrap();
        assert!(matches!(staged.publish(), Err(StagingError::Io { .. })));
        assert_eq!((read(), here()), (["second"; 2].map(str::to_owned), 2));
        fs::remove_file(&a).unwrap();
        let staged = stage("fourth");
        fs::remove_file(staged.path(1)).unwrap();
        assert!(staged.publish().is_err());
        assert_eq!(read(), ["", "second"].map(str::to_owned));
    }

    #[test]
    fn what_is_no_file_is_not_replaced_by_one() {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("folder")).unwrap();
        for name in ["folder", "folder/..", ""] {
            let path = root.path().join(name);
            let error = StagedFiles::new(&[&path]).unwrap_err();
            assert!(matches!(error, StagingError::NoFile { .. }), "{error}");
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_file_stays_a_link() {
        let root = TempDir::new().unwrap();
        let (real, link) = (root.path().join("real"), root.path().join("link"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let staged = StagedFiles::new(&[&link]).unwrap();
        fs::write(staged.path(0), "new").unwrap();
        staged.publish().unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        fs::remove_file(&real).unwrap();
        for path in [&link, Path::new("/dev/null")] {
            let error = StagedFiles::new(&[path]).unwrap_err();
            assert!(matches!(error, StagingError::NoFile { .. }), "{error}");
        }
    }
}
