//! What a user does, key by key.

use super::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::tui::action::Action;
use crate::tui::app::View;
use crate::tui::backend::{Applied, Fault, News};
use crate::tui::testing::{Fake, stage_with};

#[test]
fn it_opens_on_the_overview_with_the_headline() {
    let mut stage = stage(120, 40);
    assert_eq!(stage.app.view, View::Overview);
    let screen = stage.text_at(120, 40);
    assert!(
        screen.contains("Of 251 errors, between 47 % and"),
        "{screen}"
    );
    // The last part is below the edge until one goes there.
    stage.press("end");
    let screen = text_of(&stage.screen());
    assert!(screen.contains("a word on the run"), "{screen}");
}

#[test]
fn every_number_of_the_overview_opens_its_images() {
    let mut stage = stage(120, 40);
    // Every item can be reached and opened; there are more than a dozen.
    for steps in 0..40 {
        stage.press("1 g");
        (0..steps).for_each(|_| stage.press("down"));
        stage.press("enter");
        match stage.app.view {
            View::Images => {
                let rows = crate::tui::view::images::rows(&stage.app).unwrap();
                let filter = &stage.app.images.filter;
                // What has images says so; a verdict that no image has is an empty list.
                assert!(
                    !rows.is_empty() || filter.starts_with("verdict:"),
                    "{filter}"
                );
            }
            View::Confusions => {}
            view => panic!("{view:?}"),
        }
        stage.press("backspace");
        assert_eq!(stage.app.view, View::Overview);
    }
}

#[test]
fn a_filter_is_typed_and_cleared_and_one_goes_back_through_where_one_was() {
    let mut stage = stage(120, 40);
    stage.press("3");
    let all = crate::tui::view::images::rows(&stage.app).unwrap().len();
    assert_eq!(all, 300);
    stage.press("/");
    stage.type_in("verdict:generalised p<0.9");
    stage.press("enter");
    let some = crate::tui::view::images::rows(&stage.app).unwrap().len();
    assert!(0 < some && some < all, "{some}");
    stage.press("4 backspace");
    assert_eq!(stage.app.view, View::Images);
    assert_eq!(stage.app.images.filter, "verdict:generalised p<0.9");
    stage.press("esc");
    assert_eq!(
        crate::tui::view::images::rows(&stage.app).unwrap().len(),
        all
    );
}

#[test]
fn a_filter_that_is_wrong_is_told_while_it_is_typed_and_not_taken() {
    let mut stage = stage(100, 30);
    stage.press("3 /");
    stage.type_in("verdict:generalized");
    let screen = text_of(&stage.screen());
    assert!(screen.contains("generalised"), "{screen}");
    stage.press("enter");
    assert!(stage.app.overlay.is_some());
    stage.press("esc");
    assert!(stage.app.overlay.is_none() && stage.app.images.filter.is_empty());
}

#[test]
fn a_run_is_made_again_when_files_change_and_kept_when_they_are_broken() {
    let fake = Arc::new(Fake::default());
    let mut stage = stage_with(&fake, 120, 40);
    let saved = || vec![std::path::PathBuf::from("shapes.yaml")];
    let generation = stage.app.generation;
    stage.act(Action::Changed(saved()));
    // By its answers, and whole. The same run, so nothing moved; it is compared with what was shown before.
    assert_eq!(stage.app.generation, generation + 2);
    let screen = text_of(&stage.screen());
    assert!(
        screen.contains("0 answers flipped, 0 verdicts moved"),
        "{screen}"
    );
    stage.press("7");
    let screen = text_of(&stage.screen());
    assert!(screen.contains("before: fixture"), "{screen}");

    let fault = |line, message: &str| Fault {
        place: Some(("dir/shapes.yaml".into(), line, 3)),
        code: "syntax".into(),
        message: message.into(),
        help: Some("mend it".into()),
    };
    *fake.faults.lock().unwrap() = vec![fault(4, "not YAML"), fault(9, "no node")];
    stage.act(Action::Changed(saved()));
    assert_eq!(stage.app.generation, generation + 2);
    let screen = text_of(&stage.screen());
    for told in [
        "2 errors in the files",
        "shapes.yaml:4:3 [syntax] not YAML",
        "mend it",
    ] {
        assert!(screen.contains(told), "{told}: {screen}");
    }
    stage.press("down enter");
    assert_eq!(stage.edited, [("dir/shapes.yaml".into(), 9)]);
    // They can be closed and come back to.
    stage.press("esc 1 ! esc");
    assert!(text_of(&stage.screen()).contains("2 errors in the files"));
    // As they were before: nothing is wrong any more, and nothing is another than it was.
    let broken = std::mem::take(&mut *fake.faults.lock().unwrap());
    fake.is_unchanged.store(true, Ordering::Relaxed);
    let before = stage.app.before.clone().map(|before| before.opened);
    stage.press("! ctrl-r");
    assert!(stage.app.faults.is_empty() && stage.app.overlay.is_none());
    assert_eq!(stage.app.generation, generation + 2);
    let kept = stage.app.before.clone().map(|before| before.opened);
    assert!(Arc::ptr_eq(&before.unwrap(), &kept.unwrap()));
    fake.is_unchanged.store(false, Ordering::Relaxed);
    *fake.faults.lock().unwrap() = broken;
    stage.act(Action::Changed(saved()));
    fake.faults.lock().unwrap().clear();
    stage.press("! ctrl-r");
    assert_eq!(stage.app.generation, generation + 4);
    assert!(!text_of(&stage.screen()).contains("errors in the files"));
    stage.press("!");
    let screen = text_of(&stage.screen());
    assert!(
        screen.contains("nothing is wrong with the files"),
        "{screen}"
    );
}

#[test]
fn a_run_is_shown_by_its_answers_until_it_is_whole() {
    let fake = Arc::new(Fake::default());
    let mut stage = stage_with(&fake, 120, 40);
    let shown = |stage: &Stage| Arc::clone(&stage.app.shown.as_ref().unwrap().opened);
    let begun = shown(&stage);
    fake.stops_at_answers.store(true, Ordering::Relaxed);
    stage.press("ctrl-r");
    assert!(text_of(&stage.screen()).contains("images, intervals follow"));
    let answers = shown(&stage);
    assert!(!Arc::ptr_eq(&begun, &answers));
    // To cancel is no error in the files.
    assert!(stage.app.overlay.is_none() && stage.app.faults.is_empty());
    fake.is_cancelled.store(true, Ordering::Relaxed);
    stage.press("ctrl-r");
    let screen = text_of(&stage.screen());
    let told = "cancelled: the intervals of what is shown are not computed";
    assert!(screen.contains(told), "{screen}");
    assert!(Arc::ptr_eq(&shown(&stage), &answers) && stage.app.overlay.is_none());
    fake.is_cancelled.store(false, Ordering::Relaxed);
    // However often it is not finished, before it was what was whole.
    stage.press("ctrl-r");
    fake.stops_at_answers.store(false, Ordering::Relaxed);
    stage.press("ctrl-r");
    assert!(!text_of(&stage.screen()).contains("intervals follow"));
    let before = stage.app.before.clone().unwrap().opened;
    assert!(Arc::ptr_eq(&before, &begun));
    fake.is_cancelled.store(true, Ordering::Relaxed);
    stage.press("ctrl-r");
    let screen = text_of(&stage.screen());
    let told = "cancelled: what is shown is from before";
    assert!(screen.contains(told), "{screen}");
    // What nobody waits for any more is not shown.
    let late = News::Answers(Applied {
        shown: stage.app.before.clone().unwrap(),
        assumed: Vec::new(),
    });
    stage.act(Action::News(late));
    assert!(!Arc::ptr_eq(&shown(&stage), &begun));
}
