//! Edits of a taxonomy in a terminal, as one makes them: what is written, and what is taken back.

use super::*;

/// A file of the demo's taxonomy, and the workbench on a run that is judged by it.
struct Desk {
    _folder: TempDir,
    path: PathBuf,
    text: String,
    session: Session,
}

impl Desk {
    fn new() -> Self {
        let shapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("taxonomies/shapes.yaml");
        let text = std::fs::read_to_string(shapes).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shapes.yaml");
        std::fs::write(&path, &text).unwrap();
        let (dir, file) = (run_dir(), path.display().to_string());
        let args = [&["tui", &dir, "--taxonomy", &file][..], &PLAIN].concat();
        let session = Session::cladist(&args, 140, 40);
        session.see("251 errors");
        Self {
            _folder: folder,
            path,
            text,
            session,
        }
    }

    fn read(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }
}

#[test]
fn a_suggestion_restores_what_was_removed_in_another_editor_and_is_taken_back() {
    let mut desk = Desk::new();
    let with = "parents: [parallelogram, kite, equilateral_polygon]";
    let without = "parents: [parallelogram, equilateral_polygon]";
    let edited = desk.text.replace(with, without);
    assert_ne!(edited, desk.text);
    std::fs::write(&desk.path, &edited).unwrap();
    desk.session.see("verdicts moved");
    desk.session.press("7");
    desk.session.see("parent removed 1");
    desk.session.press("8");
    desk.session.see("`rhombus` below `kite`");
    desk.session.press("a");
    desk.session.see("Write this?");
    let restored = "parents: [parallelogram, equilateral_polygon, kite]";
    desk.session.see(&format!("+    {restored}"));
    assert_eq!(desk.read(), edited, "nothing is written unasked");
    desk.session.press("\r");
    desk.session.wait("the edit", |_| {
        std::fs::read_to_string(&desk.path).unwrap() == edited.replace(without, restored)
    });
    desk.session.see("verdicts moved");
    desk.session.press("u");
    desk.session.wait("the edit taken back", |_| {
        std::fs::read_to_string(&desk.path).unwrap() == edited
    });
    // Until then a file is being written, and it asks before it quits.
    desk.session.see("undone");
    desk.session.press("q");
    assert_eq!(desk.session.end().0, 0);
}

#[test]
fn an_edit_of_a_file_that_has_changed_is_refused_and_the_file_is_left_alone() {
    let mut desk = Desk::new();
    // The figures are there before the run is.
    desk.session.press("2");
    desk.session.see("Taxonomy 51 nodes");
    desk.session.press("fkite\r");
    desk.session.see("id kite");
    desk.session.press("esdragon\r");
    desk.session.see("enter writes it");
    let other = desk.text.replace("# Three sides.", "# With three sides.");
    assert_ne!(other, desk.text);
    std::fs::write(&desk.path, &other).unwrap();
    desk.session.press("\r");
    desk.session.see("was changed since it was read");
    assert_eq!(desk.read(), other);
    desk.session.press("q");
    assert_eq!(desk.session.end().0, 0);
}
