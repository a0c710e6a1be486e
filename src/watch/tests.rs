use std::io::Write;
use std::sync::mpsc::channel;

use super::*;

/// What never comes is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A watched folder with one file, and what is told of it.
struct Desk {
    folder: tempfile::TempDir,
    watch: Watch,
    told: Receiver<Vec<PathBuf>>,
}

impl Desk {
    fn new() -> Self {
        let (tell, told) = channel();
        let watch = Watch::start(move |files: &[PathBuf]| drop(tell.send(files.to_vec()))).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.yaml"), "one").unwrap();
        let desk = Self {
            folder,
            watch,
            told,
        };
        desk.watch.files([desk.path("a.yaml")]);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The next that is told.
    #[track_caller]
    fn next(&self) -> Vec<PathBuf> {
        self.told.recv_timeout(PATIENCE).unwrap()
    }
}

#[test]
fn a_file_that_is_written_in_place_is_told() {
    let desk = Desk::new();
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(desk.path("a.yaml"))
        .unwrap();
    file.write_all(b" more").unwrap();
    drop(file);
    assert_eq!(desk.next(), [desk.path("a.yaml")]);
}

#[test]
fn a_file_that_another_is_renamed_over_is_told_each_time() {
    let desk = Desk::new();
    for text in ["two", "three"] {
        fs::write(desk.path("a.yaml~"), text).unwrap();
        fs::rename(desk.path("a.yaml~"), desk.path("a.yaml")).unwrap();
        assert_eq!(desk.next(), [desk.path("a.yaml")]);
    }
    fs::remove_file(desk.path("a.yaml")).unwrap();
    assert_eq!(desk.next(), [desk.path("a.yaml")]);
    fs::write(desk.path("a.yaml"), "three").unwrap();
    assert_eq!(desk.next(), [desk.path("a.yaml")]);
}

#[test]
fn a_file_with_the_same_content_and_the_file_beside_it_are_no_news() {
    let desk = Desk::new();
    let text = fs::read(desk.path("a.yaml")).unwrap();
    fs::write(desk.path("a.yaml"), &text).unwrap();
    fs::write(desk.path("b.yaml"), "other").unwrap();
    desk.watch.files([desk.path("a.yaml"), desk.path("b.yaml")]);
    fs::write(desk.path("a.yaml"), "two").unwrap();
    assert_eq!(desk.next(), [desk.path("a.yaml")]);
}
