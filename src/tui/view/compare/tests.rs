//! Comparisons as one uses them.

use std::sync::Arc;

use proptest::prelude::*;

use crate::run::{Saved, compare};
use crate::score::Verdict;
use crate::tui::app::View;
use crate::tui::stage::Stage;
use crate::tui::testing::stage;
use crate::tui::view::part;

/// Compared with a run in which some answers are others.
fn on_stage() -> Stage {
    let mut stage = stage(120, 40);
    stage.press("7");
    let run = Arc::clone(stage.app.run().unwrap());
    let other = Arc::new(changed(&run.saved));
    let comparison = Arc::new(compare(&other, &run.saved).unwrap());
    super::set(&mut stage.app, "other".into(), other, comparison);
    stage
}

/// The run as it would be if each exact answer in three had been the first label of the run, which has nothing to do with it.
fn changed(saved: &Saved) -> Saved {
    let mut other = saved.clone();
    let exact = other
        .rows
        .iter_mut()
        .filter(|row| row.verdict == Some(Verdict::Exact));
    for row in exact.step_by(3) {
        let wrong = u32::from(row.answer == Some(0));
        row.answer = Some(wrong);
        row.verdict = Some(Verdict::Unrelated);
        row.credit = Some(0.0);
    }
    other.manifest["model"]["source"] = "another model".into();
    other
}

#[test]
fn look() {
    let mut s = stage(80, 24);
    s.press("7");
    println!("{}", s.text_at(80, 24));
    s.press("r");
    s.type_in("fixture");
    s.press("enter");
    println!("{}", s.text_at(120, 40));
    let mut s = on_stage();
    for _ in 0..4 {
        println!("{}", s.text_at(80, 24));
        s.press("tab");
    }
    println!("{}", s.text_at(120, 40));
    println!("{}", s.text_at(200, 60));
}
