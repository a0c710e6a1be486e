//! Keys and sizes at random: nothing panics, and what must hold does.

use proptest::prelude::*;

use super::*;
use crate::tui::command::TABLE;

/// What holds after whatever was done.
fn check(stage: &Stage) {
    let app = &stage.app;
    assert!((15..=85).contains(&app.split));
    assert!(app.history.len() <= 200);
    if let Some(rows) = crate::tui::view::images::rows(app) {
        assert!(app.images.cursor.at() < rows.len().max(1));
    }
    let screen = stage.screen();
    assert_eq!((screen.area.width, screen.area.height), app.size);
}

fn keys() -> impl Strategy<Value = String> {
    let known = TABLE.iter().flat_map(|spec| spec.keys.iter().copied());
    // Quitting ends the stage, and stopping is the shell's affair.
    let known: Vec<&str> = known
        .filter(|key| !["q", "ctrl-c", "ctrl-z"].contains(key))
        .collect();
    prop_oneof![
        4 => proptest::sample::select(known).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9:<>() .]".prop_map(|c| c),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_whatever_is_pressed_at_whatever_size(
        steps in proptest::collection::vec((keys(), 0u16..210, 0u16..65, 0u8..10), 500)
    ) {
        let mut stage = stage(80, 24);
        for (key, width, height, resize) in steps {
            match key.trim() {
                "" => stage.type_in(" "),
                key => stage.press(key),
            }
            if resize == 0 {
                stage.resize(width, height);
            }
            check(&stage);
        }
    }
}
