//! Every view at three sizes, as it is kept in `tests/fixtures/screens`. `UPDATE_SCREENS=1 cargo test snapshots` writes them anew: look at
//! what changed before you keep it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::tui::testing::{Fake, stage_with};

/// A screen, and the keys that lead there.
const SCREENS: &[(&str, &str)] = &[
    ("overview", "g"),
    ("taxonomy", "2 down down right down"),
    ("images", "3 down down"),
    ("confusions", "4 down"),
    ("matrix", "4 v"),
    ("prompts", "5 down"),
    ("curve", "6 right right right"),
    ("compare", "7"),
    ("suggest", "8"),
    ("explained", "7"),
    ("help", "3 ?"),
    ("palette", ":"),
    ("jump", "f"),
    ("edits", "4 e"),
    ("preview", "4 e o"),
    ("columns", "3 c"),
];

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

#[test]
fn every_view_looks_as_it_did() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/screens");
    let update = std::env::var_os("UPDATE_SCREENS").is_some();
    let mut differing = Vec::new();
    for (name, keys) in SCREENS {
        for (width, height) in SIZES {
            let fake = Arc::new(match *name {
                "suggest" => Fake::faulty(),
                _ => Fake::default(),
            });
            let mut stage = stage_with(&fake, width, height);
            stage.press(keys);
            if *name == "explained" {
                // Triangles and squares are no polygons any more.
                fake.write(&[(
                    "parents: [polygon]\n    description: a polygon without an inward corner",
                    "parents: [shape]\n    description: a polygon without an inward corner",
                )]);
                stage.press("ctrl-r");
            }
            let screen = stage.text_at(width, height);
            let file = folder.join(format!("{name}-{width}x{height}.txt"));
            if update {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&file, &screen).unwrap();
            } else if fs::read_to_string(&file).unwrap_or_default() != screen {
                differing.push(format!("{}:\n{screen}", file.display()));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn a_comparison_and_a_comparison_of_a_run_with_itself_have_a_place() {
    let mut stage = stage(120, 40);
    stage.press("7 r");
    stage.type_in("fixture");
    stage.press("enter");
    let screen = text_of(&stage.screen());
    assert!(screen.contains("300"), "{screen}");
    stage.press("r");
    stage.type_in("elsewhere");
    stage.press("enter");
    let screen = text_of(&stage.screen());
    assert!(screen.contains("elsewhere: no run of cladist"), "{screen}");
}
