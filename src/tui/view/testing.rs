//! What somebody may do who does anything.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;

use crate::tui::action::Action;
use crate::tui::overlay::{Overlay, Purpose};
use crate::tui::stage::Stage;

#[derive(Debug, Clone)]
pub enum Step {
    Press(&'static str),
    Click(u16, u16),
    Scroll(u16, u16, bool),
    Resize(u16, u16),
}

/// Keys that write no file and do not end.
const KEYS: &[&str] = &[
    "up",
    "down",
    "left",
    "right",
    "pageup",
    "pagedown",
    "home",
    "end",
    "enter",
    "tab",
    "shift-tab",
    "esc",
    "n",
    "shift-n",
    "s",
    "shift-s",
    "c",
    "space",
    "+",
    "-",
    "v",
    "i",
    "t",
    "p",
    "shift-c",
    "y",
    "backspace",
    "4",
    "7",
    "8",
    "b",
    "r",
    "/",
    "o",
    "<",
    ">",
    "shift-t",
    "f",
];

impl Step {
    /// Does it, and draws what is to be seen then.
    pub fn take(&self, stage: &mut Stage) {
        let mouse = |column, row, kind| {
            Action::Mouse(MouseEvent {
                kind,
                column,
                row,
                modifiers: KeyModifiers::NONE,
            })
        };
        match *self {
            Step::Press(key) => stage.press(key),
            Step::Click(x, y) => {
                stage.act(mouse(x, y, MouseEventKind::Down(MouseButton::Left)));
            }
            Step::Scroll(x, y, true) => stage.act(mouse(x, y, MouseEventKind::ScrollUp)),
            Step::Scroll(x, y, false) => stage.act(mouse(x, y, MouseEventKind::ScrollDown)),
            Step::Resize(width, height) => stage.resize(width, height),
        }
        // Clicks find the commands that write files, too.
        let is_of_file = matches!(&stage.app.overlay, Some(Overlay::Line(line))
            if !matches!(line.purpose, Purpose::Filter | Purpose::CompareWith));
        if is_of_file {
            stage.press("esc");
        }
        stage.screen();
    }
}

pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let place = || (0u16..210, 0u16..64);
    let step = prop_oneof![
        8 => prop::sample::select(KEYS).prop_map(Step::Press),
        2 => place().prop_map(|(x, y)| Step::Click(x, y)),
        1 => (place(), any::<bool>()).prop_map(|((x, y), up)| Step::Scroll(x, y, up)),
        1 => (1u16..210, 1u16..64).prop_map(|(w, h)| Step::Resize(w, h)),
    ];
    prop::collection::vec(step, 1..most)
}
