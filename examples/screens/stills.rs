//! Which screens there are, and how they are made.

use std::sync::Arc;
use std::time::Duration;

use cladist::cli::workbench::Workbench;
use cladist::tui::app::Beginning;
use cladist::tui::cast::Cast;
use cladist::tui::keymap::Keymap;
use cladist::tui::stage::Stage;
use cladist::tui::still::{self, Palette};
use cladist::tui::theme::Theme;

/// A still: its file, the keys that lead there, and the size.
const STILLS: &[(&str, &str, (u16, u16))] = &[
    ("overview", "", (120, 42)),
    ("taxonomy", "2 down right down down down", (120, 36)),
    ("images", "1 3 / 'verdict:related enter down", (120, 36)),
    ("confusions", "4 s s down", (120, 36)),
    ("matrix", "4 v", (120, 36)),
    ("prompts", "5 down down", (120, 36)),
    ("curve", "6 right right right right right", (120, 36)),
    (
        "compare",
        "6 right right right right right a 7 b",
        (120, 40),
    ),
    ("palette", ": 'cop", (100, 30)),
    ("narrow", "3 down down", (80, 24)),
];

/// The recording's script: keys, then how long the screen stays, in tenths of a second.
const TOUR: &str = include_str!("tour.txt");

/// The saved run of the demo, from the root of the repository, so that no screen shows where somebody's clone lies.
const RUN: &str = "tests/fixtures/run";

/// The workbench on that run; the current directory is the root of the repository.
fn stage(width: u16, height: u16, theme: Theme) -> Stage {
    let backend = Workbench::with_arguments(&[RUN, "--no-store"]).expect("the fixture is a run");
    Stage::new(
        Arc::new(backend),
        Beginning {
            title: "demo".into(),
            theme,
            keymap: Keymap::default(),
            has_pictures: true,
            keeps_session: false,
            can_save: false,
            session: None,
            snapshots: Vec::new(),
            size: (width, height),
        },
    )
}

/// Presses keys with blanks between them; what begins with `'` is typed in, with `_` for a blank.
fn press(stage: &mut Stage, keys: &str) {
    for key in keys.split_whitespace() {
        match key.strip_prefix('\'') {
            Some(text) => stage.type_in(&text.replace('_', " ")),
            None => stage.press(key),
        }
    }
}

/// All files with what is in them.
pub fn all() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for &(name, keys, (width, height)) in STILLS {
        let mut stage = stage(width, height, Theme::Dark);
        stage.app.name_run("demo");
        press(&mut stage, keys);
        let svg = still::svg(&stage.screen(), &Palette::dark());
        files.push((format!("{name}.svg"), svg));
    }
    let mut light = stage(120, 36, Theme::Light);
    light.app.name_run("demo");
    press(&mut light, "3 down");
    let svg = still::svg(&light.screen(), &Palette::light());
    files.push(("light.svg".into(), svg));
    files.extend(tour());
    files
}

/// The recording, for asciinema and as an animated SVG.
fn tour() -> [(String, String); 2] {
    let (width, height) = (110, 32);
    let mut stage = stage(width, height, Theme::Dark);
    stage.app.name_run("demo");
    let mut cast = Cast::new(width, height, "cladist: where the error comes from");
    let mut frames = vec![(Duration::ZERO, stage.screen())];
    let mut now = Duration::ZERO;
    cast.frame(now, &stage.screen());
    for line in TOUR.lines().filter(|line| !line.starts_with('#')) {
        let Some((tenths, keys)) = line.split_once(' ') else {
            continue;
        };
        press(&mut stage, keys);
        let screen = stage.screen();
        cast.frame(now, &screen);
        frames.push((now, screen));
        now += Duration::from_millis(100 * tenths.parse::<u64>().expect("tenths of a second"));
    }
    let last = stage.screen();
    cast.frame(now, &last);
    frames.push((now, last));
    [
        ("tour.cast".into(), cast.finish()),
        (
            "tour.svg".into(),
            still::animated(&frames, &Palette::dark()),
        ),
    ]
}
