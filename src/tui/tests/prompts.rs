//! Prompts: labels and what they are called, and trials.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::tui::app::View;
use crate::tui::backend::{On, Trial, Tried};
use crate::tui::testing::{Fake, beginning};
use crate::tui::view::part;

fn at_prompts() -> (Arc<Fake>, Stage) {
    let fake = Arc::new(Fake::default());
    let mut stage = Stage::new(Arc::clone(&fake) as _, beginning(120, 40));
    stage.press("5");
    (fake, stage)
}

fn try_out(stage: &mut Stage, key: &str, text: &str) {
    stage.press(key);
    stage.type_in(text);
    stage.press("enter");
}

#[test]
fn a_label_that_is_typed_in_is_tried_on_the_selected_image_or_on_all() {
    let (fake, mut stage) = at_prompts();
    try_out(&mut stage, "a", "zebra");
    let screen = text_of(&stage.screen());
    assert!(screen.contains("the label zebra on "), "{screen}");
    stage.press("3 down 5 w");
    try_out(&mut stage, "shift-a", "a sketch of {a name}");
    let screen = text_of(&stage.screen());
    assert!(screen.contains("on the whole set"), "{screen}");
    assert!(
        screen.contains("100.0") || screen.contains("right after"),
        "{screen}"
    );
    stage.press("w");
    try_out(&mut stage, "a", "okapi");
    let second = crate::tui::view::images::rows(&stage.app).unwrap()[1] as usize;
    let first = crate::tui::view::images::rows(&stage.app).unwrap()[0] as usize;
    let expected = [
        (Trial::Label("zebra".into()), On::Image(first)),
        (Trial::Template("a sketch of {a name}".into()), On::All),
        (Trial::Label("okapi".into()), On::Image(second)),
    ];
    assert_eq!(*fake.trials.lock().unwrap(), expected);
}

#[test]
fn a_trial_on_all_tells_what_is_won_and_from_where() {
    let (_, mut stage) = at_prompts();
    stage.press("w");
    try_out(&mut stage, "a", "zebra");
    let screen = stage.text_at(120, 60);
    for expected in [
        "the label zebra on the whole set",
        "images won              7   2.3 %",
        "right before          100  33.3 %",
        "right after           103  34.3 %  +3",
        "answers changed        12   4.0 %",
    ] {
        assert!(screen.contains(expected), "{expected}:\n{screen}");
    }
    let sheet = part(View::Prompts).sheet(&stage.app).unwrap();
    let rows: Vec<_> = (0..sheet.len).map(|i| (sheet.row)(i)).collect();
    assert!(
        rows.iter()
            .any(|row| row[1] == "won from" && row[2] == "square" && row[3] == 5)
    );
    // A line of a label leads to it.
    let (at, _) = stage.find("square          ").unwrap();
    for _ in 0..at {
        stage.press("down");
        if part(View::Prompts)
            .value(&stage.app)
            .is_some_and(|v| v.starts_with("square\t"))
        {
            break;
        }
    }
    stage.press("enter");
    assert_eq!(
        part(View::Prompts).value(&stage.app).as_deref(),
        Some("square")
    );
}

#[test]
fn a_tried_label_is_seen_however_low_it_is_ranked() {
    let (_, mut stage) = at_prompts();
    let mut ranked: Vec<(String, f64)> = (0..1000).map(|i| (format!("other {i}"), 1e-3)).collect();
    ranked[700].0 = "zebra".into();
    let tried = Tried {
        trial: Trial::Label("zebra".into()),
        ranked,
        whole: None,
    };
    crate::tui::view::prompts::set_tried(&mut stage.app, On::Image(0), tried);
    let screen = stage.text_at(120, 60);
    for expected in ["… 688 labels more", "▸ zebra", "… 299 labels more"] {
        assert!(screen.contains(expected), "{expected}:\n{screen}");
    }
}

#[test]
fn a_trial_that_fails_says_why_in_its_pane() {
    let (_, mut stage) = at_prompts();
    try_out(&mut stage, "a", "fails");
    stage.press("tab");
    let screen = stage.text_at(120, 40);
    assert!(screen.contains("! the model cannot be read"), "{screen}");
    assert!(screen.contains("Nothing was tried"), "{screen}");
}

#[test]
fn labels_are_filtered_and_lead_to_their_images_and_their_place() {
    let (_, mut stage) = at_prompts();
    try_out(&mut stage, "/", "SQUARE");
    stage.press("down");
    let screen = text_of(&stage.screen());
    assert!(screen.contains("Prompts of square"), "{screen}");
    assert!(screen.contains("a photo of a square"), "{screen}");
    stage.press("enter");
    assert_eq!(stage.app.view, View::Images);
    assert_eq!(stage.app.images.filter, "truth:under(square)");
    stage.press("backspace t");
    assert_eq!(stage.app.view, View::Taxonomy);
    stage.press("backspace esc");
    let screen = text_of(&stage.screen());
    // The label stays where it was.
    assert!(screen.contains("Prompts of square"), "{screen}");
    try_out(&mut stage, "/", "no such label");
    let screen = text_of(&stage.screen());
    assert!(screen.contains("No label matches"), "{screen}");
}

#[test]
fn encoded_prompts_tell_of_agreement_and_of_the_nearest_labels() {
    let (_, mut stage) = at_prompts();
    let screen = text_of(&stage.screen());
    assert!(screen.contains("P encodes the prompts"), "{screen}");
    stage.press("P");
    let screen = text_of(&stage.screen());
    assert!(
        screen.contains("2 prompts, their mean cosine 0.900"),
        "{screen}"
    );
    assert!(screen.contains("0.900 ██"), "{screen}");
    let label = part(View::Prompts).value(&stage.app).unwrap();
    stage.press("tab");
    let find = |stage: &mut Stage| {
        (0..20).find(|_| {
            stage.press("down");
            let value = part(View::Prompts).value(&stage.app);
            value.is_some_and(|value| value.ends_with("\t0.9"))
        })
    };
    assert!(find(&mut stage).is_some());
    stage.press("enter");
    let other = part(View::Prompts).value(&stage.app).unwrap();
    assert_ne!(label, other);
    // Of the same labels in the same words the cosines stay when a threshold is applied.
    stage.press("6 a 5");
    let screen = text_of(&stage.screen());
    assert!(screen.contains("their mean cosine 0.900"), "{screen}");
}

#[test]
fn the_order_is_by_name_or_agreement_and_one_comes_back() {
    let (_, mut stage) = at_prompts();
    stage.press("P s shift-s down down tab w");
    let place = part(View::Prompts).remember(&stage.app);
    stage.press("tab tab home s shift-s w");
    part(View::Prompts).recall(&mut stage.app, &place);
    assert_eq!(part(View::Prompts).remember(&stage.app), place);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_what_is_selected_is_there(
        steps in prop::collection::vec((0usize..22, 0u16..220, 0u16..70), 60)
    ) {
        const KEYS: [&str; 22] = [
            "left", "right", "up", "down", "pageup", "pagedown", "home", "end", "tab", "shift-tab", "w", "e", "s", "shift-s",
            "y", "esc", "n", "N", ">", "<", "/ q u enter", "a z enter",
        ];
        let (_, mut stage) = at_prompts();
        for (key, width, height) in steps {
            stage.resize(width, height);
            stage.press(KEYS[key]);
            stage.screen();
            let prompts = part(View::Prompts);
            for pane in 0..3 {
                prop_assert!(prompts.selected_row(&stage.app, pane).unwrap() < 500);
            }
            prop_assert!(prompts.sheet(&stage.app).is_none_or(|sheet| (0..sheet.len).all(|i| (sheet.row)(i).len() == sheet.columns.len())));
        }
    }
}
