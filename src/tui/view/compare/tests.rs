//! Comparisons as one uses them.

use proptest::prelude::*;

use super::*;
use crate::run::Saved;
use crate::run::compare;
use crate::tui::action::Action;
use crate::tui::app::View;
use crate::tui::backend::News;
use crate::tui::stage::Stage;
use crate::tui::testing::{Fake, stage, stage_with};
use crate::tui::view::part;
use crate::tui::view::testing::steps;

/// Compared with a run in which some answers are others.
fn on_stage() -> Stage {
    let mut stage = stage(120, 40);
    stage.press("7");
    compare_with_changed(&mut stage);
    stage
}

fn compare_with_changed(stage: &mut Stage) {
    let run = Arc::clone(stage.app.run().unwrap());
    let other = Arc::new(changed(&run.saved));
    let comparison = Arc::new(compare(&other, &run.saved).unwrap());
    let compared = action::Compared {
        name: "other".into(),
        figures: Box::new(other.summary.clone()),
        comparison,
        other: Err("it was made up".into()),
    };
    assert!(set(&mut stage.app, compared).is_empty());
}

/// The run as it would be if each exact answer in three had been the first label of the run, which has nothing to do with it.
fn changed(saved: &Saved) -> Saved {
    let mut other = saved.clone();
    let exact = other.rows.iter_mut();
    let exact = exact.filter(|row| row.verdict == Some(Verdict::Exact));
    for row in exact.step_by(3) {
        let wrong = u32::from(row.answer == Some(0));
        row.answer = Some(wrong);
        row.verdict = Some(Verdict::Unrelated);
        row.credit = Some(0.0);
    }
    other.manifest["model"]["source"] = "another model".into();
    other
}

fn status(stage: &Stage) -> &str {
    stage.app.status.as_ref().map_or("", |s| &s.text)
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let mut stage = stage(120, 40);
    stage.press("7");
    assert!(stage.find("not compared with another yet").is_some());
    stage.press("b");
    assert!(status(&stage).starts_with("compare-before: nothing was shown before"));
    stage.press("r");
    stage.type_in("nowhere");
    stage.press("enter");
    assert!(
        stage
            .find("Not compared: nowhere: no run of cladist")
            .is_some()
    );
    stage.press("r");
    stage.type_in("fixture");
    stage.press("enter");
    assert!(
        stage
            .find("No difference: every answer is the same.")
            .is_some()
    );
    assert!(
        stage
            .find("Every answer is the same in both runs.")
            .is_some()
    );
    stage.press("tab tab enter");
    assert_eq!(status(&stage), "no flip is selected");
}

#[test]
fn what_was_shown_before_is_compared_with() {
    let mut stage = stage(120, 40);
    stage.press("7");
    stage.app.before = stage.app.shown.clone();
    stage.press("b");
    assert!(stage.find("A: before: fixture").is_some());
    assert!(stage.find("B: fixture").is_some());
}

/// Two edges less forgive less of the same answers, and the interval of the multiplicity moves.
#[test]
fn whether_an_edit_explains_more_than_chance_is_told() {
    let fake = Arc::new(Fake::default());
    let mut stage = stage_with(&fake, 140, 60);
    stage.press("7 r");
    stage.type_in("fixture");
    stage.press("enter");
    // The same taxonomy: nothing is to be explained.
    assert!(stage.find("The taxonomy from A to B").is_none());
    fake.write(&[(
        "    parents: [polygon]\n    description: a polygon without an inward corner",
        "    parents: [shape]\n    description: a polygon without an inward corner",
    )]);
    stage.act(Action::Changed(vec!["shapes.yaml".into()]));
    for told in [
        "Forgiven of the answers of B, by each taxonomy",
        "parent removed 1, parent added 1",
        "confirmed multiplicity: B forgives less than A",
        "  beyond it",
        "permutations",
    ] {
        assert!(stage.find(told).is_some(), "{told}");
    }
    let comparison = comparison(&stage.app).unwrap();
    let change = &comparison.multiplicity.confirmed;
    assert!(change.difference.unwrap() < 0.0 && change.interval.is_some());
    let before = stage.app.before.as_ref().unwrap();
    let of = |run: &Saved| run.summary.multiplicity.share_of_error.unwrap().low;
    let told = [change.first.unwrap(), change.second.unwrap()];
    let kept = [&before.opened, stage.app.run().unwrap()].map(|run| of(&run.saved));
    for (told, kept) in told.into_iter().zip(kept) {
        assert!((told - kept).abs() < 1e-12, "{told} {kept}");
    }
    // Where nobody knows the other's taxonomy, and it is another one, that is told.
    stage.press("r");
    stage.type_in("moved");
    stage.press("enter");
    assert!(stage.find("The taxonomy from A to B").is_none());
    assert!(stage.find("is not known: shapes.yaml is gone").is_some());
}

#[test]
fn a_changed_run_tells_what_flips() {
    let mut stage = on_stage();
    let flipped = comparison(&stage.app).unwrap().flipped;
    assert!(flipped > 10);
    let told = format!("{flipped} answers differ. B has more right than A");
    assert!(stage.find(&told).is_some());
    assert!(stage.find("model: another model → ").is_some());
    let sheet = part(View::Compare).sheet(&stage.app).unwrap();
    assert_eq!(sheet.len, flipped);
    assert_eq!((sheet.row)(0).len(), sheet.columns.len());
    stage.press("tab");
    let value = part(View::Compare).value(&stage.app).unwrap();
    assert_eq!(value, format!("unrelated\texact\t{flipped}"));
}

#[test]
fn a_transition_opens_its_flips_and_a_flip_its_images() {
    let mut stage = on_stage();
    stage.press("tab enter");
    assert_eq!(stage.app.compare.pane, WAYS);
    let transition = (Verdict::Unrelated, Verdict::Exact);
    assert_eq!(stage.app.compare.transition, Some(transition));
    assert!(stage.find("· unrelated → exact").is_some());
    let way = flips::selected_way(&stage.app).unwrap().clone();
    let image = flips::selected_image(&stage.app).unwrap().image.clone();
    stage.press("enter");
    assert_eq!(stage.app.view, View::Images);
    let truth = way.truth.unwrap();
    let expected = format!("truth:{truth} answer:{truth} verdict:exact");
    assert_eq!(stage.app.images.filter, expected);
    let rows = images::rows(&stage.app).unwrap().len();
    assert!(rows >= way.count);
    stage.press("backspace tab enter");
    assert_eq!(
        stage.app.images.filter,
        format!("image:{}", crate::run::quote(&image))
    );
    assert_eq!(images::rows(&stage.app).unwrap().len(), 1);
    stage.press("backspace esc");
    assert_eq!(stage.app.compare.transition, None);
    // What kept its verdict is among the images that have it.
    stage.press("shift-tab shift-tab home left left left left left left left left left enter");
    assert_eq!(stage.app.images.filter, "verdict:exact");
    stage.press("backspace down enter");
    assert_eq!(status(&stage), "no image went from synonym to exact");
}

#[test]
fn flips_are_filtered_by_a_part_of_a_name() {
    let mut stage = on_stage();
    let all = stage.app.compare.listed.len();
    stage.press("/");
    stage.type_in("CURVED");
    stage.press("enter tab tab");
    assert!(stage.app.compare.listed.len() < all);
    assert!(flips::selected_way(&stage.app).unwrap().truth.as_deref() == Some("curved_figure"));
    let place = part(View::Compare).remember(&stage.app);
    stage.press("esc end tab");
    part(View::Compare).recall(&mut stage.app, &place);
    assert_eq!(part(View::Compare).remember(&stage.app), place);
}

#[test]
fn a_comparison_of_an_earlier_run_says_so() {
    let mut stage = on_stage();
    let shown = stage.app.shown.clone().unwrap();
    stage.act(Action::News(News::Run(shown)));
    assert!(stage.find("! This is of an earlier run").is_some());
    stage.press("tab tab enter");
    assert!(status(&stage).contains("of an earlier one"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_one_does_there_is_a_screen(steps in steps(40)) {
        let mut stage = on_stage();
        stage.app.before = stage.app.shown.clone();
        for step in steps {
            step.take(&mut stage);
            let state = &stage.app.compare;
            prop_assert!(state.pane < PANES);
            prop_assert!(state.ways.at() < state.listed.len().max(1));
            let (row, column) = state.cell.at();
            prop_assert!(row < transitions::SIZE.0 && column < transitions::SIZE.1);
        }
    }
}
