//! The confusions as one uses them, on the small run.

use proptest::prelude::*;

use super::commands::side_of_group;
use super::*;
use crate::run::Filter as ImageFilter;
use crate::tui::action::{Action, Answer};
use crate::tui::app::View;
use crate::tui::backend::News;
use crate::tui::stage::Stage;
use crate::tui::testing::stage;
use crate::tui::view::testing::{Step, steps};
use crate::tui::view::{images, part};

fn on_stage() -> Stage {
    let mut stage = stage(120, 40);
    stage.press("4");
    stage
}

fn listed(stage: &Stage) -> &Listed {
    stage.app.confusions.listed.as_ref().unwrap()
}

fn pairs(stage: &Stage) -> Vec<&ConfusedPair> {
    let listed = listed(stage);
    (0..listed.rows.len())
        .map(|row| listed.get(row).unwrap())
        .collect()
}

fn status(stage: &Stage) -> &str {
    stage.app.status.as_ref().map_or("", |s| &s.text)
}

/// How many images of the run a filter has.
fn images_of(stage: &Stage, filter: &str) -> usize {
    let run = stage.app.run().unwrap();
    let all: Vec<u32> = (0..run.len() as u32).collect();
    let filter = ImageFilter::parse(filter, run).unwrap();
    filter.select(run, &all, &Default::default()).unwrap().len()
}

#[test]
fn pairs_are_sorted_by_one_key_after_the_other() {
    let mut stage = on_stage();
    let is_sorted = |stage: &Stage, of: fn(&ConfusedPair) -> f64, descending: bool| {
        let figures: Vec<f64> = pairs(stage).into_iter().map(of).collect();
        let in_order = |w: &[f64]| {
            if descending {
                w[0] >= w[1]
            } else {
                w[0] <= w[1]
            }
        };
        figures.len() > 100 && figures.windows(2).all(in_order)
    };
    assert!(is_sorted(&stage, |p| p.count as f64, true));
    stage.press("s");
    assert_eq!(status(&stage), "sorted by excess, greatest first");
    assert!(is_sorted(&stage, |p| p.excess, true));
    stage.press("shift-s");
    assert!(is_sorted(&stage, |p| p.excess, false));
    stage.press("s");
    assert!(is_sorted(&stage, |p| p.cost, true));
    stage.press("s");
    assert_eq!(status(&stage), "sorted by annotated, from A to Z");
    let names = |stage: &Stage, of: fn(&ConfusedPair) -> &str| -> Vec<String> {
        let app = &stage.app;
        let pairs = pairs(stage).into_iter();
        let name = |p| crate::tui::view::overview::name(app, of(p)).to_lowercase();
        pairs.map(name).collect()
    };
    assert!(names(&stage, |p| &p.truth).is_sorted());
    stage.press("s");
    assert!(names(&stage, |p| &p.answer).is_sorted());
    stage.press("s");
    assert_eq!(status(&stage), "sorted by images, greatest first");
}

#[test]
fn labels_are_grouped_from_the_depth_up_and_back() {
    let mut stage = on_stage();
    let deepest = stage.app.confusions.deepest.unwrap();
    assert_eq!(listed(&stage).found.depth, None);
    for depth in (0..=deepest).rev() {
        stage.press("-");
        assert_eq!(listed(&stage).found.depth, Some(depth));
        let told = format!("at depth {depth} of {deepest}");
        assert!(stage.find(&told).is_some(), "{told}");
    }
    stage.press("-");
    assert_eq!(
        status(&stage),
        "shallower: the labels are grouped at the top"
    );
    for _ in 0..=deepest {
        stage.press("+");
    }
    assert_eq!(listed(&stage).found.depth, None);
    stage.press("+");
    assert_eq!(status(&stage), "deeper: the labels are not grouped");
    // What was found once is not looked for again.
    for depth in (0..=deepest).map(Some).chain([None]) {
        assert!(want(&mut stage.app, depth).is_none());
    }
}

#[test]
fn a_filter_leaves_what_matches() {
    let mut stage = on_stage();
    let all = pairs(&stage).len();
    stage.press("/");
    stage.type_in("CURVED");
    stage.press("enter");
    let found = pairs(&stage);
    assert!(!found.is_empty() && found.len() < all);
    let is_curved =
        |p: &&ConfusedPair| [&p.truth, &p.answer].iter().any(|id| id.contains("curved"));
    assert!(found.iter().all(is_curved));
    assert!(stage.find("· CURVED").is_some());
    stage.press("esc");
    assert_eq!(pairs(&stage).len(), all);
    // What one comes from by a node is its confusions.
    let truth = at_cursor(&stage.app).unwrap().truth.clone();
    stage.press("- shift-c");
    let filter = stage.app.confusions.filter.clone();
    assert!(filter.starts_with("label:"), "{filter} of {truth}");
    assert!(!pairs(&stage).is_empty());
    stage.press("/");
    stage.type_in("x");
    stage.press("enter");
    assert!(stage.app.overlay.is_some(), "no such label is told");
    stage.press("esc backspace");
    assert_eq!(stage.app.confusions.filter, "");
    assert_eq!(stage.app.confusions.depth, stage.app.confusions.deepest);
}

#[test]
fn enter_opens_the_images_of_a_pair() {
    let mut stage = on_stage();
    stage.press("down");
    let pair = at_cursor(&stage.app).unwrap().clone();
    stage.press("enter");
    assert_eq!(stage.app.view, View::Images);
    let filter = stage.app.images.filter.clone();
    assert_eq!(filter, images::of_pair(&pair.truth, &pair.answer));
    assert_eq!(images_of(&stage, &filter), pair.count);
    stage.press("backspace");
    assert_eq!(at_cursor(&stage.app), Some(&pair));
    assert_eq!(
        part(View::Confusions).value(&stage.app).unwrap(),
        format!("{}\t{}", pair.truth, pair.answer)
    );
}

/// On the tree of the first two levels groups and what is below them are the same; the world is a DAG below.
#[test]
fn enter_opens_the_images_of_groups() {
    let mut stage = on_stage();
    let deepest = stage.app.confusions.deepest.unwrap();
    for _ in 0..deepest {
        stage.press("-");
    }
    let count = pairs(&stage).len();
    let mut met = 0;
    for row in 0..count {
        stage.app.confusions.cursor.set(row);
        let pair = at_cursor(&stage.app).unwrap().clone();
        stage.press("enter");
        let filter = stage.app.images.filter.clone();
        assert!(filter.ends_with(" verdict:error"), "{filter}");
        met += usize::from(filter.contains("truth:under("));
        assert!(images_of(&stage, &filter) >= pair.count, "{filter}");
        stage.press("backspace");
    }
    assert!(met > 0);
    let run = stage.app.run().unwrap();
    assert_eq!(side_of_group(run, "polygon", 1), "under(polygon)");
    // It stands for itself, since it is not as deep.
    assert_eq!(side_of_group(run, "shape", 1), "shape");
}

#[test]
fn the_matrix_tells_its_cells_and_opens_them() {
    let mut stage = on_stage();
    stage.press("v");
    let most = pairs(&stage)[0].clone();
    let told = selected(&stage.app).unwrap();
    assert_eq!(told, (most.truth.clone(), most.answer.clone()));
    assert!(
        stage
            .find("curved figure → shape: 12 of 30 images")
            .is_some()
    );
    stage.press("right left up down enter");
    assert_eq!(
        stage.app.images.filter,
        images::of_pair(&most.truth, &most.answer)
    );
    stage.press("backspace");
    assert!(stage.app.confusions.matrix.is_shown);
    assert_eq!(selected(&stage.app).unwrap(), told);
    // The diagonal has what is right.
    stage.press("home");
    while selected(&stage.app).is_some_and(|(a, b)| a != b) {
        stage.press("down");
    }
    stage.press("enter");
    let filter = stage.app.images.filter.clone();
    assert!(!filter.contains("verdict"), "{filter}");
    stage.press("backspace");
    let sheet = part(View::Confusions).sheet(&stage.app).unwrap();
    assert_eq!(sheet.columns.len(), sheet.len + 1);
    assert_eq!((sheet.row)(0).len(), sheet.columns.len());
    assert!(
        stage
            .text_at(80, 24)
            .contains("The matrix needs 100 columns")
    );
    stage.press("v v");
    assert!(status(&stage).contains("the matrix needs 100 columns, and this terminal has 80"));
}

/// The matrix has what the filter leaves.
#[test]
fn the_matrix_is_of_what_matches() {
    let mut stage = on_stage();
    stage.press("/");
    stage.type_in("label:triangle");
    stage.press("enter v");
    let sheet = part(View::Confusions).sheet(&stage.app).unwrap();
    let all = listed(&stage)
        .found
        .matrix(&stage.app.run().unwrap().taxonomy, 1000);
    assert!(sheet.len > 2 && sheet.len < all.labels.len());
}

#[test]
fn what_is_shown_is_exported() {
    let mut stage = on_stage();
    stage.press("/");
    stage.type_in("oval");
    stage.press("enter");
    let sheet = part(View::Confusions).sheet(&stage.app).unwrap();
    assert_eq!(sheet.len, pairs(&stage).len());
    let row = (sheet.row)(0);
    assert_eq!(row.len(), sheet.columns.len());
    assert_eq!(row[0], json!(pairs(&stage)[0].truth));
}

#[test]
fn one_comes_back_to_where_one_was() {
    let mut stage = on_stage();
    stage.press("- - s s down down down tab v right c space esc");
    let place = part(View::Confusions).remember(&stage.app);
    let mut other = on_stage();
    part(View::Confusions).recall(&mut other.app, &place);
    other.press("tab tab");
    assert_eq!(part(View::Confusions).remember(&other.app), place);
}

/// An answer about a run that is not shown any more is none.
#[test]
fn stale_answers_are_dropped() {
    let mut stage = stage(120, 40);
    stage.press("3");
    let found = at_depth(&stage.app, None).unwrap().clone();
    let Effect::Request(request) = stage.app.request(Job::Confusions { depth: Some(2) }) else {
        panic!("no request");
    };
    let shown = stage.app.shown.clone().unwrap();
    stage.act(Action::News(News::Run(shown)));
    let answer = Answer::Confusions(Some(2), Arc::new(found));
    stage.act(Action::Answer(request.id, Ok(answer)));
    assert!(at_depth(&stage.app, Some(2)).is_none());
}

#[test]
fn a_hundred_thousand_pairs_are_listed() {
    let mut stage = on_stage();
    let found = at_depth(&stage.app, None).unwrap().clone();
    let many = (0..100_000).map(|i| {
        let mut pair = found.pairs[i * 7919 % found.pairs.len()].clone();
        pair.count = i * 31 % 1009;
        pair.cost = (i * 17 % 1013) as f64;
        pair
    });
    let many = Confusions {
        pairs: many.collect(),
        ..found
    };
    set(&mut stage.app, None, Arc::new(many));
    stage.app.confusions.listed = None;
    stage.press("s s s s s end pagedown up");
    let listed = listed(&stage);
    assert_eq!(listed.rows.len(), 100_000);
    assert_eq!(stage.app.confusions.cursor.at(), 99_998);
    // What did not change is not sorted again.
    let rows = Arc::as_ptr(&listed.rows);
    stage.press("up home down tab tab");
    assert_eq!(Arc::as_ptr(&self::listed(&stage).rows), rows);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_one_does_there_is_a_screen(steps in steps(40)) {
        let mut stage = on_stage();
        for step in steps {
            step.take(&mut stage);
            let state = &stage.app.confusions;
            if let Some(listed) = &state.listed {
                let len = listed.rows.len();
                prop_assert!(state.cursor.at() < len.max(1));
                prop_assert!(len <= listed.found.pairs.len());
            }
            prop_assert!(state.depth <= state.deepest);
            prop_assert!(state.pane < 2);
            if let Step::Resize(width, height) = step {
                prop_assert_eq!(stage.screen().area.as_size(), (width, height).into());
            }
        }
    }
}
