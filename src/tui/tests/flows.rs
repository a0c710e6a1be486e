//! What a user does, key by key.

use super::*;
use crate::tui::app::View;

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
