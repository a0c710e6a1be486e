//! The operating curve: the cursor, and the threshold that is applied.

use std::sync::Arc;

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;

use super::*;
use crate::run::Opened;
use crate::score::CurveValue;
use crate::tui::action::Action;
use crate::tui::app::View;
use crate::tui::backend::{News, Shown};
use crate::tui::testing::taxonomy;
use crate::tui::view::curve::threshold;
use crate::tui::view::part;

fn at_curve() -> Stage {
    let mut stage = stage(120, 40);
    stage.press("6");
    stage
}

#[test]
fn the_cursor_begins_in_the_middle_and_moves_by_hundredths_tenths_and_points() {
    let mut stage = at_curve();
    let mut check = |keys: &str, expected: f64| {
        stage.press(keys);
        assert_eq!(threshold(&stage.app), expected, "{keys}");
    };
    check("down", 0.49);
    check("up up", 0.51);
    check("pageup", 0.6);
    check("home", 1.0);
    check("up", 1.0);
    check("end", 0.0);
    check("right", 0.0);
    stage.press("left");
    let last = threshold(&stage.app);
    assert!(last > 0.0);
    let sentence = part(View::Curve).value(&stage.app);
    stage.press("right left");
    assert_eq!(threshold(&stage.app), last);
    assert_eq!(part(View::Curve).value(&stage.app), sentence);
}

#[test]
fn beside_the_curve_stands_what_the_threshold_means() {
    let mut stage = at_curve();
    let screen = stage.text_at(120, 40);
    for expected in [
        "threshold 0.5000",
        "answered            300 100.0 %",
        "average precision 67.7 %, correct 66.8 %",
        "recall at 90 % correct 72.1 %, at 95 % 57.0 %",
        "recall in bits",
    ] {
        assert!(screen.contains(expected), "{expected}:\n{screen}");
    }
    stage.press("home");
    let screen = stage.text_at(120, 40);
    // Of some images all is a shape for certain, and so even 1 is enough.
    assert!(
        screen.contains("abstained           118  39.3 %"),
        "{screen}"
    );
    // All of it has a place on the smallest usual screen.
    let screen = stage.text_at(80, 24);
    assert!(screen.contains("│57.0 %"), "{screen}");
    stage.press("y");
    let copied = stage.copied.concat();
    let expected = "threshold 1: 182 of 300 images answered, 35 exact, 147 true, general, 0 below the truth, 0 wrong; correct 100.0 %";
    assert!(copied.starts_with(expected), "{copied}");
}

#[test]
fn the_measure_is_changed_and_the_cursor_stays() {
    let mut stage = at_curve();
    stage.press("pageup b");
    assert_eq!(stage.app.curve.value, CurveValue::Depth);
    assert_eq!(threshold(&stage.app), 0.6);
    let screen = stage.text_at(120, 40);
    assert!(screen.contains("recall in levels"), "{screen}");
    assert!(screen.contains("levels said"), "{screen}");
}

#[test]
fn a_threshold_is_applied_and_what_was_there_before_is_kept() {
    for keys in ["a", "enter"] {
        let mut stage = at_curve();
        stage.press("pagedown");
        stage.press(keys);
        let name = |shown: &Option<Shown>| shown.as_ref().map(|s| s.name.clone());
        let expected = Some("fixture at threshold 0.4".to_owned());
        assert_eq!(name(&stage.app.shown), expected);
        assert_eq!(name(&stage.app.before).as_deref(), Some("fixture"));
        let screen = text_of(&stage.screen());
        assert!(
            screen.contains("Compare (7) says what it changes"),
            "{screen}"
        );
        // The curve is the same, and one is where one was.
        assert_eq!(threshold(&stage.app), 0.4);
        assert!(screen.contains("threshold 0.4000"), "{screen}");
    }
}

#[test]
fn a_click_on_the_chart_goes_to_that_recall_and_applies_nothing() {
    let mut stage = at_curve();
    let click = |stage: &mut Stage, column| {
        stage.screen();
        stage.act(Action::Mouse(MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column,
            row: 10,
            modifiers: KeyModifiers::NONE,
        }));
        threshold(&stage.app)
    };
    let [left, again, right] = [30, 30, 50].map(|column| click(&mut stage, column));
    assert!(left > right && left == again, "{left} {again} {right}");
    assert!(stage.app.before.is_none());
}

#[test]
fn one_comes_back_to_the_very_point() {
    let mut stage = at_curve();
    stage.press("right right right b");
    let at = threshold(&stage.app);
    let place = part(View::Curve).remember(&stage.app);
    let text = place.to_string();
    stage.press("home b");
    part(View::Curve).recall(&mut stage.app, &serde_json::from_str(&text).unwrap());
    assert_eq!(threshold(&stage.app).to_bits(), at.to_bits());
    assert_eq!(stage.app.curve.value, CurveValue::Depth);
}

#[test]
fn every_point_is_exported() {
    let stage = at_curve();
    let sheet = part(View::Curve).sheet(&stage.app).unwrap();
    assert_eq!(sheet.len, 1051);
    assert!((sheet.row)(0)[0].is_null());
    assert!((sheet.row)(1)[0].as_f64().unwrap() > (sheet.row)(2)[0].as_f64().unwrap());
}

#[test]
fn a_run_without_a_curve_says_why_and_what_to_do() {
    let mut stage = at_curve();
    let mut shown = stage.app.shown.clone().unwrap();
    let mut saved = shown.opened.saved.clone();
    saved.details.as_mut().unwrap().pareto = None;
    shown.opened = Arc::new(Opened::new(saved, taxonomy()));
    stage.act(Action::News(News::Run(shown)));
    let screen = stage.text_at(80, 24);
    assert!(screen.contains("no operating curve"), "{screen}");
    assert!(screen.contains("--scores"), "{screen}");
    stage.press("a");
    let screen = text_of(&stage.screen());
    assert!(
        screen.contains("apply-rule: the run has no operating curve"),
        "{screen}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_the_cursor_is_a_threshold(
        steps in prop::collection::vec((0usize..16, 0u16..220, 0u16..70), 60)
    ) {
        const KEYS: [&str; 16] = [
            "left", "right", "up", "down", "pageup", "pagedown", "home", "end", "b", "y", "tab", ">", "<", "T", "esc", "a",
        ];
        let mut stage = at_curve();
        for (key, width, height) in steps {
            stage.resize(width, height);
            stage.press(KEYS[key]);
            stage.screen();
            prop_assert!((0.0..=1.0).contains(&threshold(&stage.app)));
            prop_assert_eq!(stage.app.view, View::Curve);
        }
    }
}
