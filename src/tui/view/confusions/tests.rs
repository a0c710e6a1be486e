//! The confusions as one uses them, on the small run.

use proptest::prelude::*;

use crate::tui::app::View;
use crate::tui::stage::Stage;
use crate::tui::testing::stage;
use crate::tui::view::part;

fn on_stage() -> Stage {
    let mut stage = stage(120, 40);
    stage.press("4");
    stage
}

#[test]
fn look() {
    let mut s = on_stage();
    for (w, h) in [(80, 24), (120, 40), (200, 60)] {
        println!("{}", s.text_at(w, h));
    }
    s.press("tab -");
    println!("{}", s.text_at(120, 40));
    s.press("v");
    println!("{}", s.text_at(120, 40));
    s.press("+ +");
    println!("{}", s.text_at(120, 40));
    println!("{}", s.text_at(200, 60));
    println!("{}", s.text_at(80, 24));
}
