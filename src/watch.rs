//! Files that are watched for another content, whoever writes them and however: in place, by renaming another file over them, or on
//! a network file system that tells nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use crate::hash;

/// A save is over when nothing was told for so long: editors write several times.
const SETTLED: Duration = Duration::from_millis(30);

/// Events after which a save that never settles is looked at nevertheless.
const MOST_EVENTS: usize = 256;

/// Files that are larger are not read to be looked at, in bytes: 16 MiB.
const LARGE: u64 = 1 << 24;

/// Files of arrays and of images, which may be many, and which no editor writes.
const ARRAYS: [&str; 4] = ["npy", "safetensors", "parquet", "tar"];

/// Between two looks where nothing is told: network file systems do not tell.
const POLL: Duration = Duration::from_secs(2);

/// Watches files until it is dropped.
pub struct Watch {
    events: Sender<Event>,
}

enum Event {
    /// Other files are watched from now on, and what they hold.
    Files(Contents),
    /// The same, whatever those that were watched already held.
    Known(Contents),
    /// Something happened in one of their directories.
    Touched,
}

impl Watch {
    /// Starts a thread that calls `changed` with the files whose content is another than before, or that are there or gone, once a
    /// save has settled. No file is watched yet.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub fn start(changed: impl Fn(&[PathBuf]) + Send + 'static) -> std::io::Result<Self> {
        let (events, happened) = channel();
        let touch = events.clone();
        thread::Builder::new()
            .name("watch".into())
            .spawn(move || serve(&happened, touch, &changed))?;
        Ok(Self { events })
    }

    /// Watches these files in place of those before. What they hold now is what later contents are compared with; of those that were
    /// watched already, what they held when they were last looked at.
    pub fn files(&self, files: impl IntoIterator<Item = PathBuf>) {
        // Read here, so that nothing that happens after this call is missed.
        // The thread ends only with this.
        let _ = self.events.send(Event::Files(contents(files)));
    }

    /// The same, but what all of them hold now is known: for who has written them, and is about to read them.
    pub fn known(&self, files: impl IntoIterator<Item = PathBuf>) {
        let _ = self.events.send(Event::Known(contents(files)));
    }
}

/// What a file held: enough to see that it is another. It is the hash of a text, and of what is large, or an array, its size and when it was
/// written. `None` of what cannot be read, and of a folder.
pub type Content = Option<String>;

/// Of each file what it held.
pub type Contents = BTreeMap<PathBuf, Content>;

#[derive(Default)]
struct Watched {
    contents: Contents,
    /// Directories that the system is asked about: an editor that saves by renaming puts another file where the watched one was.
    directories: BTreeSet<PathBuf>,
}

fn serve(happened: &Receiver<Event>, touch: Sender<Event>, changed: &dyn Fn(&[PathBuf])) {
    // Where the system cannot tell, looking from time to time is left.
    let told = move |event: notify::Result<notify::Event>| {
        if !event.is_ok_and(|event| event.kind.is_access()) {
            let _ = touch.send(Event::Touched);
        }
    };
    let mut watcher = notify::recommended_watcher(told).ok();
    let mut watched = Watched::default();
    loop {
        match happened.recv_timeout(POLL) {
            Ok(Event::Files(files)) => {
                watched.set(files, watcher.as_mut());
                // What happened before the system was asked about a directory is told by nobody.
                watched.look(changed);
            }
            Ok(Event::Known(files)) => watched.know(files, watcher.as_mut()),
            Ok(Event::Touched) => {
                settle(happened, &mut watched, watcher.as_mut());
                watched.look(changed);
            }
            Err(RecvTimeoutError::Timeout) => watched.look(changed),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Waits until nothing more happens, but that other files are to be watched.
fn settle(
    happened: &Receiver<Event>,
    watched: &mut Watched,
    mut watcher: Option<&mut RecommendedWatcher>,
) {
    for _ in 0..MOST_EVENTS {
        match happened.recv_timeout(SETTLED) {
            Ok(Event::Touched) => {}
            Ok(Event::Files(files)) => watched.set(files, watcher.as_deref_mut()),
            Ok(Event::Known(files)) => watched.know(files, watcher.as_deref_mut()),
            Err(_) => break,
        }
    }
}

impl Watched {
    fn set(&mut self, mut files: Contents, watcher: Option<&mut RecommendedWatcher>) {
        for (path, known) in std::mem::take(&mut self.contents) {
            if let Some(content) = files.get_mut(&path) {
                *content = known;
            }
        }
        self.know(files, watcher);
    }

    fn know(&mut self, files: Contents, watcher: Option<&mut RecommendedWatcher>) {
        self.contents = files;
        let Some(watcher) = watcher else { return };
        let directories = self.contents.keys().map(|path| directory(path));
        let directories: BTreeSet<PathBuf> = directories.collect();
        for gone in self.directories.difference(&directories) {
            let _ = watcher.unwatch(gone);
        }
        for new in directories.difference(&self.directories) {
            let _ = watcher.watch(new, RecursiveMode::NonRecursive);
        }
        self.directories = directories;
    }

    /// Tells which files are others than before.
    fn look(&mut self, changed: &dyn Fn(&[PathBuf])) {
        let mut others = Vec::new();
        for (path, before) in &mut self.contents {
            let now = content(path);
            if *before != now {
                *before = now;
                others.push(path.clone());
            }
        }
        if !others.is_empty() {
            changed(&others);
        }
    }
}

/// The directory that a file is in; `.` of a bare name.
fn directory(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// What these files hold now.
pub fn contents(files: impl IntoIterator<Item = PathBuf>) -> Contents {
    let files = files.into_iter().map(|path| {
        let content = content(&path);
        (path, content)
    });
    files.collect()
}

/// What a file holds now.
pub fn content(path: &Path) -> Content {
    let metadata = fs::metadata(path).ok().filter(|found| !found.is_dir())?;
    let is_array = path.extension().is_some_and(|extension| {
        ARRAYS
            .iter()
            .any(|array| extension.eq_ignore_ascii_case(array))
    });
    if is_array || metadata.len() > LARGE {
        let written = metadata.modified().ok()?;
        return Some(format!("{} bytes of {written:?}", metadata.len()));
    }
    let bytes = fs::read(path).ok()?;
    Some(hash::of_bytes(&bytes))
}

#[cfg(test)]
mod tests;
