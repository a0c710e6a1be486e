//! Text that may be longer than its pane.

use std::cell::Cell;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::tui::command::Command;
use crate::tui::text;
use crate::tui::theme::Theme;

/// How far a text is scrolled. Its length and height are known when it is drawn, and are those of the last time.
#[derive(Debug, Default)]
pub struct Scroll {
    at: Cell<usize>,
    drawn: Cell<(usize, usize)>,
}

impl Scroll {
    pub fn to_top(&self) {
        self.at.set(0);
    }

    /// Scrolls as the command says; whether it is one that scrolls.
    pub fn perform(&self, command: Command) -> bool {
        let (lines, height) = self.drawn.get();
        let most = lines.saturating_sub(height);
        let page = height.saturating_sub(1).max(1);
        let at = self.at.get();
        self.at.set(match command {
            Command::Up => at.saturating_sub(1),
            Command::Down => (at + 1).min(most),
            Command::PageUp => at.saturating_sub(page),
            Command::PageDown => (at + page).min(most),
            Command::First => 0,
            Command::Last => most,
            _ => return false,
        });
        true
    }

    /// Draws the lines inside a pane, and on its frame how many there are below.
    pub fn draw(
        &self,
        frame: &mut Frame<'_>,
        pane: Rect,
        inner: Rect,
        lines: &[Line<'_>],
        theme: Theme,
    ) {
        let height = usize::from(inner.height);
        self.drawn.set((lines.len(), height));
        let top = self.at.get().min(lines.len().saturating_sub(height));
        self.at.set(top);
        for (y, line) in (inner.y..inner.bottom()).zip(&lines[top..]) {
            frame.buffer_mut().set_line(inner.x, y, line, inner.width);
        }
        let more = lines.len().saturating_sub(top + height);
        if more > 0 && pane.height > 0 {
            let told = format!(" ↓ {more} more ");
            let x = pane.right().saturating_sub(text::width(&told) as u16 + 2);
            let room = usize::from(pane.right() - x);
            let y = pane.bottom() - 1;
            let style = theme.dim();
            frame
                .buffer_mut()
                .set_stringn(x.max(pane.x), y, told, room, style);
        }
    }
}
