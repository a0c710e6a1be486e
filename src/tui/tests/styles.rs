//! What is told by colour is told without it too.

use ratatui::style::{Color, Modifier};

use super::*;
use crate::tui::app::View;
use crate::tui::theme::Theme;

fn modifiers_at(stage: &Stage, text: &str) -> Modifier {
    let (row, column) = stage.find(text).unwrap_or_else(|| panic!("no `{text}`"));
    stage.screen()[(column, row)].modifier
}

#[test]
fn without_colours_no_cell_has_one_and_the_selection_is_seen() {
    let mut stage = stage(120, 40);
    stage.app.theme = Theme::Plain;
    // Pictures are colours, and nothing else.
    stage.app.has_pictures = false;
    for view in View::ALL {
        stage.press(&(view as usize + 1).to_string());
        let screen = stage.screen();
        let coloured = (screen.content.iter())
            .filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
            .count();
        assert_eq!(coloured, 0, "{view:?}");
        let reversed = screen.content.iter();
        let reversed = reversed.filter(|cell| cell.modifier.contains(Modifier::REVERSED));
        // The tab of the view, and what is selected in it.
        assert!(reversed.count() >= 9, "{view:?}");
    }
}

#[test]
fn a_verdict_has_a_glyph_beside_its_colour() {
    let mut stage = stage(120, 40);
    let colour_of = |stage: &Stage, text: &str| {
        let (row, column) = stage.find(text).unwrap_or_else(|| panic!("no `{text}`"));
        stage.screen()[(column, row)].fg
    };
    stage.press("end");
    stage.press("g");
    let confirmed = colour_of(&stage, "↑ generalised");
    let mistake = colour_of(&stage, "○ related");
    assert_eq!(confirmed, Color::LightBlue);
    assert_eq!(mistake, Color::Indexed(208));
    stage.app.theme = Theme::Light;
    assert_eq!(colour_of(&stage, "↑ generalised"), Color::Blue);
    assert_eq!(colour_of(&stage, "○ related"), Color::Indexed(166));
}

#[test]
fn the_selected_row_is_reversed_in_the_pane_in_focus_alone() {
    let mut stage = stage(120, 40);
    stage.press("3 down");
    assert!(modifiers_at(&stage, "0.336 images/0001").contains(Modifier::REVERSED));
    stage.press("tab");
    assert!(!modifiers_at(&stage, "0.336 images/0001").contains(Modifier::REVERSED));
    assert!(modifiers_at(&stage, "0.336 images/0001").contains(Modifier::UNDERLINED));
}
