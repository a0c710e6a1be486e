//! The pictures of the workbench in the documentation are what it shows.

#[path = "../../examples/screens/stills.rs"]
mod stills;

use std::fs;
use std::path::Path;

#[test]
fn the_screens_in_the_documentation_are_those_of_the_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/screens");
    let mut stale = Vec::new();
    for (name, text) in stills::all() {
        let on_disk = fs::read_to_string(folder.join(&name)).unwrap_or_default();
        if on_disk != text {
            stale.push(name);
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?} are out of date: `cargo run --release --example screens` makes them anew"
    );
}
