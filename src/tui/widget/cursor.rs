//! Where one is in a list, and which part of it is on the screen.

use std::cell::Cell;
use std::ops::Range;

use crate::tui::command::Command;

/// A selected row, and the first row that is drawn.
#[derive(Debug, Clone, Default)]
pub struct Cursor {
    at: usize,
    /// Drawing decides these: how much there is room for is known there alone.
    offset: Cell<usize>,
    height: Cell<usize>,
}

impl Cursor {
    pub fn at(&self) -> usize {
        self.at
    }

    pub fn set(&mut self, at: usize) {
        self.at = at;
    }

    /// Back within a list of this length.
    pub fn clamp(&mut self, len: usize) {
        self.at = self.at.min(len.saturating_sub(1));
    }

    /// Moves by so many rows.
    pub fn move_by(&mut self, rows: isize, len: usize) {
        self.at = self.at.saturating_add_signed(rows);
        self.clamp(len);
    }

    /// Moves as the command says; whether it is one that moves.
    pub fn perform(&mut self, command: Command, len: usize) -> bool {
        let page = self.height.get().saturating_sub(1).max(1) as isize;
        match command {
            Command::Up => self.move_by(-1, len),
            Command::Down => self.move_by(1, len),
            Command::PageUp => self.move_by(-page, len),
            Command::PageDown => self.move_by(page, len),
            Command::First => self.at = 0,
            Command::Last => self.at = len.saturating_sub(1),
            _ => return false,
        }
        true
    }

    /// The rows to draw in this height, so that the selected one is among them.
    pub fn visible(&self, len: usize, height: usize) -> Range<usize> {
        self.height.set(height);
        if len == 0 || height == 0 {
            return 0..0;
        }
        let at = self.at.min(len - 1);
        let highest = len.saturating_sub(height);
        let offset = (self.offset.get())
            .min(at)
            .max((at + 1).saturating_sub(height))
            .min(highest);
        self.offset.set(offset);
        offset..len.min(offset + height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_part_that_is_drawn_moves_no_more_than_it_must() {
        let mut cursor = Cursor::default();
        assert_eq!(cursor.visible(100, 10), 0..10);
        cursor.set(12);
        assert_eq!(cursor.visible(100, 10), 3..13);
        cursor.set(5);
        assert_eq!(cursor.visible(100, 10), 3..13);
        cursor.perform(Command::Last, 100);
        assert_eq!(cursor.visible(100, 10), 90..100);
        // A taller screen shows no blank rows below the last.
        assert_eq!(cursor.visible(100, 20), 80..100);
        cursor.perform(Command::PageUp, 100);
        assert_eq!(cursor.at(), 80);
    }

    proptest! {
        #[test]
        fn the_selected_row_is_drawn(steps in proptest::collection::vec((0usize..6, 0usize..300, 0usize..40), 1..60)) {
            let commands = [Command::Up, Command::Down, Command::PageUp, Command::PageDown, Command::First, Command::Last];
            let mut cursor = Cursor::default();
            for (command, len, height) in steps {
                cursor.perform(commands[command], len);
                cursor.clamp(len);
                let visible = cursor.visible(len, height);
                prop_assert!(visible.end <= len && visible.len() <= height);
                if len > 0 && height > 0 {
                    prop_assert!(visible.contains(&cursor.at()));
                    prop_assert_eq!(visible.len(), len.min(height));
                }
            }
        }
    }
}
