//! Suggestions as one goes through them.

use proptest::prelude::*;

use super::*;
use crate::history::What;
use crate::tui::action::Action;
use crate::tui::app::View;
use crate::tui::backend::News;
use crate::tui::stage::Stage;
use crate::tui::testing::{Fake, stage, stage_with};
use crate::tui::theme::Theme;
use crate::tui::view::part;
use crate::tui::view::testing::steps;

/// The demo's run under a taxonomy with faults.
fn on_stage() -> Stage {
    let mut stage = stage_with(&Arc::new(Fake::faulty()), 120, 50);
    stage.press("8");
    stage
}

fn status(stage: &Stage) -> &str {
    stage.app.status.as_ref().map_or("", |s| &s.text)
}

fn nodes(stage: &Stage) -> Vec<&str> {
    let nodes = &selected(&stage.app).unwrap().nodes;
    nodes.iter().map(String::as_str).collect()
}

#[test]
fn an_edge_that_is_missing_is_suggested_with_its_numbers_and_its_diff() {
    let mut stage = on_stage();
    assert_eq!(nodes(&stage), ["rhombus", "kite"]);
    for told in [
        "`rhombus` below `kite`        2   +0.67",
        "The model holds nearly all images of `rhombus` to be",
        "confused      0 and 0 times, by chance 0.0: +0.0",
        "Bayes factor  3.5",
        "image overlap –",
        "moves         0 confirmed, 2 possible: +0.67 points",
        "In shapes.yaml",
        "-    parents: [parallelogram, equilateral_polygon]",
    ] {
        assert!(stage.find(told).is_some(), "{told}");
    }
    // The next one has its own.
    stage.press("down");
    assert_eq!(nodes(&stage), ["circle", "constant_width_figure"]);
    let diff = stage.find("+    parents: [constant_width_figure]");
    assert!(diff.is_some());
    stage.press("up tab y");
    assert!(
        stage.copied[0].contains("\n+    parents: [parallelogram, equilateral_polygon, kite]\n")
    );
    stage.press("tab y");
    assert_eq!(stage.copied[1], "missing_parent\trhombus\tkite");
    let sheet = part(View::Suggest).sheet(&stage.app).unwrap();
    assert_eq!(sheet.len, stage.app.suggest.listed.len());
    assert_eq!((sheet.row)(0).len(), sheet.columns.len());
}

#[test]
fn lines_that_come_and_go_are_told_apart_without_colours() {
    let mut stage = on_stage();
    let colour = |stage: &Stage, text: &str| {
        let (row, column) = stage.find(text).unwrap_or_else(|| panic!("no `{text}`"));
        stage.screen()[(column, row)].fg
    };
    let (gone, new) = ("-    parents: [paral", "+    parents: [paral");
    assert_ne!(colour(&stage, gone), colour(&stage, new));
    stage.app.theme = Theme::Plain;
    assert_eq!(colour(&stage, gone), colour(&stage, new));
}

#[test]
fn from_a_suggestion_one_goes_to_its_labels() {
    let mut stage = on_stage();
    stage.press("enter");
    let filter = "truth:rhombus top:kite OR truth:kite top:rhombus";
    assert_eq!(stage.app.images.filter, filter);
    assert!(!images::rows(&stage.app).unwrap().is_empty());
    stage.press("backspace i");
    assert_eq!(stage.app.images.filter, "truth:under(rhombus)");
    // The other label.
    stage.press("backspace right");
    assert!(stage.find("Of `kite`: i images").is_some());
    stage.press("i");
    assert_eq!(stage.app.images.filter, "truth:under(kite)");
    stage.press("backspace t");
    assert_eq!(stage.app.view, View::Taxonomy);
    stage.press("backspace shift-c backspace p backspace");
    assert_eq!(stage.app.view, View::Suggest);
    assert_eq!(nodes(&stage), ["rhombus", "kite"]);
    // Advice on the whole run is about no label.
    stage.press("end");
    assert_eq!(nodes(&stage), [""; 0]);
    stage.press("t");
    assert_eq!(status(&stage), "no suggestion about a label is selected");
    stage.press("enter");
    assert_eq!(stage.app.images.filter, "verdict:generalised,specialised");
}

#[test]
fn suggestions_are_filtered_by_kind_and_by_label() {
    let mut stage = on_stage();
    let all = stage.app.suggest.listed.len();
    stage.press("end /");
    stage.type_in("redundant");
    stage.press("enter");
    assert_eq!(stage.app.suggest.listed.len(), 1);
    assert_eq!(nodes(&stage), ["square", "parallelogram"]);
    stage.press("/");
    (0..9).for_each(|_| stage.press("backspace"));
    // A name of the node, and not its id.
    stage.type_in("DIAMOND");
    stage.press("enter");
    assert!((1..all).contains(&stage.app.suggest.listed.len()));
    stage.press("/");
    stage.type_in(" and more");
    stage.press("enter");
    assert!(stage.find("No suggestion matches").is_some());
    let place = part(View::Suggest).remember(&stage.app);
    stage.press("esc end tab");
    assert_eq!(stage.app.suggest.listed.len(), all);
    let last = part(View::Suggest).remember(&stage.app);
    part(View::Suggest).recall(&mut stage.app, &place);
    assert_eq!(part(View::Suggest).remember(&stage.app), place);
    part(View::Suggest).recall(&mut stage.app, &last);
    assert_eq!(part(View::Suggest).remember(&stage.app), last);
}

#[test]
fn an_edit_that_was_made_is_suggested_no_more() {
    let fake = Arc::new(Fake::faulty());
    let mut stage = stage_with(&fake, 120, 50);
    stage.press("8 down");
    let before = stage.app.suggest.listed.len();
    assert_eq!(nodes(&stage), ["circle", "constant_width_figure"]);
    fake.write(&[(
        "constant_width_figure: [circle, reuleaux_triangle]",
        "constant_width_figure: [reuleaux_triangle]",
    )]);
    stage.act(Action::Changed(vec!["shapes.yaml".into()]));
    // What was selected is found again, wherever it is now.
    assert_eq!(nodes(&stage), ["circle", "constant_width_figure"]);
    assert_eq!(stage.app.suggest.cursor.at(), 0);
    assert!(stage.app.suggest.listed.len() < before);
    let diff = stage.find("+    parents: [constant_width_figure]");
    assert!(diff.is_some());
    fake.write(&[]);
    stage.act(Action::Changed(vec!["shapes.yaml".into()]));
    assert!(stage.find("score with candidates of one level").is_some());
    assert_eq!(stage.app.suggest.listed.len(), 1);
}

#[test]
fn a_suggestion_is_accepted_after_its_diff_was_seen() {
    let fake = Arc::new(Fake::faulty());
    let mut stage = stage_with(&fake, 120, 50);
    let made = || -> Vec<String> {
        let made = fake.made.lock().unwrap();
        made.iter().map(|plan| plan.what.to_string()).collect()
    };
    stage.press("8 a esc");
    assert_eq!(made(), [""; 0]);
    stage.press("a enter");
    assert_eq!(made(), ["add parent `kite` to `rhombus`"]);
    stage.press("u");
    assert_eq!(made(), [""; 0]);
    // Any other edit of the two labels is a key further.
    stage.press("e o enter");
    assert_eq!(made(), ["declare `rhombus` and `kite` overlapping"]);
    stage.press("end a");
    assert!(status(&stage).starts_with("no edit of the taxonomy helps"));
}

/// Which words to write a run cannot know.
#[test]
fn what_takes_words_is_asked_for() {
    let fake = Arc::new(Fake::faulty());
    let mut stage = stage_with(&fake, 120, 50);
    stage.press("8");
    let known = found(&stage.app).unwrap()[0].clone();
    let sorts = Suggestion {
        kind: SuggestionKind::TooCoarse,
        nodes: vec!["rhombus".into()],
        ..known.clone()
    };
    set(&mut stage.app, vec![sorts]);
    stage.press("a");
    stage.type_in("one sort; other");
    stage.press("enter");
    // What is wrong with it is told where it was typed.
    assert!(stage.app.overlay.is_some());
    stage.press("esc a");
    stage.type_in("one; other");
    stage.press("enter enter");
    let senses = Suggestion {
        kind: SuggestionKind::NameCollision,
        edit: None,
        ..known
    };
    set(&mut stage.app, vec![senses]);
    stage.press("right");
    let told = "By hand: give `rhombus` or `kite` a `description`";
    assert!(stage.find(told).is_some());
    stage.press("a");
    stage.type_in(", but no toy");
    stage.press("enter enter");
    let made = fake.made.lock().unwrap();
    let made: Vec<&What> = made.iter().map(|plan| &plan.what).collect();
    let [
        What::Taxonomy(Edit::Split { node, parts }),
        What::Taxonomy(Edit::Describe {
            node: described,
            description,
        }),
    ] = made[..]
    else {
        panic!("{made:?}");
    };
    assert_eq!((node.as_str(), parts.len()), ("rhombus", 2));
    assert_eq!(described, "kite");
    assert!(
        description
            .as_ref()
            .unwrap()
            .ends_with(" that meet, but no toy")
    );
}

#[test]
fn encoded_images_tell_whether_those_of_two_labels_coincide() {
    let mut stage = on_stage();
    stage.press("down");
    assert!(stage.find("image overlap –").is_some());
    stage.press("shift-p");
    assert!(status(&stage).starts_with("the images are encoded"));
    assert_eq!(nodes(&stage), ["circle", "constant_width_figure"]);
    assert!(stage.find("image overlap 0.00").is_some());
    assert!(
        stage
            .find("+    parents: [constant_width_figure]")
            .is_some()
    );
}

#[test]
fn of_the_first_images_nothing_is_suggested_yet() {
    let mut stage = stage(120, 50);
    let mut shown = stage.app.shown.clone().unwrap();
    shown.so_far = Some((300, 1000));
    stage.act(Action::News(News::Run(shown)));
    stage.press("8");
    assert!(
        stage
            .find("What the answers speak for is told when all")
            .is_some()
    );
    assert_eq!(part(View::Suggest).value(&stage.app), None);
    stage.press("enter");
    assert_eq!(status(&stage), "no suggestion is selected");
    stage.press("shift-p");
    assert!(status(&stage).ends_with("not all images are scored yet"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_one_does_there_is_a_screen(steps in steps(40)) {
        let mut stage = on_stage();
        for step in steps {
            step.take(&mut stage);
            let state = &stage.app.suggest;
            prop_assert!(state.pane <= DETAIL);
            prop_assert!(state.cursor.at() < state.listed.len().max(1));
        }
    }
}
