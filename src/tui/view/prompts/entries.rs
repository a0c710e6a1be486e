//! Lines of a pane that one goes through one by one.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::taxonomy::NodeId;
use crate::tui::app::{App, Hit};
use crate::tui::widget::{Cursor, pane};

/// A line, and what is behind it.
#[derive(Debug, Default)]
pub struct Entry {
    pub line: Line<'static>,
    /// What is copied of it.
    pub value: Option<String>,
    /// The label that it tells of.
    pub node: Option<NodeId>,
    /// The number of the trial that it is of.
    pub of: Option<usize>,
}

impl Entry {
    pub fn new(line: impl Into<Line<'static>>) -> Self {
        Self {
            line: line.into(),
            ..Self::default()
        }
    }

    pub fn styled(text: impl Into<String>, style: Style) -> Self {
        Self::new(Line::styled(text.into(), style))
    }

    pub fn with_value(self, value: impl Into<String>) -> Self {
        Self {
            value: Some(value.into()),
            ..self
        }
    }

    pub fn with_node(self, node: Option<NodeId>) -> Self {
        Self { node, ..self }
    }
}

/// A pane of lines.
pub struct Lines<'a> {
    pub title: &'a str,
    /// Which pane of the view.
    pub pane: usize,
    pub cursor: &'a Cursor,
    /// The lines, in so many columns.
    pub entries: &'a dyn Fn(usize) -> Vec<Entry>,
}

impl Lines<'_> {
    pub fn draw(&self, app: &App, frame: &mut Frame<'_>, area: Rect) {
        let is_focused = app.prompts.pane == self.pane;
        let inner = pane(frame, area, self.title, is_focused, app.theme);
        app.hits.add(area, Hit::Pane(self.pane));
        app.prompts.width.set(usize::from(inner.width));
        let entries = (self.entries)(usize::from(inner.width));
        let visible = self
            .cursor
            .visible(entries.len(), usize::from(inner.height));
        let more = entries.len() - visible.end;
        for (y, i) in (inner.y..).zip(visible) {
            let line = Rect {
                y,
                height: 1,
                ..inner
            };
            let buffer = frame.buffer_mut();
            buffer.set_line(line.x, y, &entries[i].line, line.width);
            if i == self.cursor.at() && is_focused {
                buffer.set_style(line, app.theme.selected(true));
            }
            app.hits.add(line, Hit::Row(self.pane, i));
        }
        if more > 0 && area.height > 1 {
            let told = format!(" ↓ {more} more ");
            let width = crate::tui::text::width(&told) as u16;
            let x = area.right().saturating_sub(width + 2).max(area.x);
            let (y, room) = (area.bottom() - 1, usize::from(area.right() - x));
            frame
                .buffer_mut()
                .set_stringn(x, y, told, room, app.theme.dim());
        }
    }
}
