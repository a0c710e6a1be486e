//! A grid of cells with a head on each row and column, of which only what is seen is made.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::cursor::Cursor;
use super::table::Cell;
use crate::tui::app::{Hit, Hits};
use crate::tui::command::Command;
use crate::tui::text;
use crate::tui::theme::Theme;

/// The cell one is at.
#[derive(Debug, Clone, Default)]
pub struct GridCursor {
    row: Cursor,
    column: Cursor,
}

impl GridCursor {
    /// Row and column.
    pub fn at(&self) -> (usize, usize) {
        (self.row.at(), self.column.at())
    }

    pub fn set(&mut self, (row, column): (usize, usize)) {
        self.row.set(row);
        self.column.set(column);
    }

    /// Back within a grid of so many rows and columns.
    pub fn clamp(&mut self, (rows, columns): (usize, usize)) {
        self.row.clamp(rows);
        self.column.clamp(columns);
    }

    /// Moves as the command says; whether it is one that moves.
    pub fn perform(&mut self, command: Command, (rows, columns): (usize, usize)) -> bool {
        match command {
            Command::Left => self.column.move_by(-1, columns),
            Command::Right => self.column.move_by(1, columns),
            command => return self.row.perform(command, rows),
        }
        true
    }
}

/// A grid to draw.
pub struct Grid<'a> {
    /// Rows and columns.
    pub size: (usize, usize),
    /// What stands before a row.
    pub row: &'a dyn Fn(usize) -> Cell,
    /// What stands above a column.
    pub column: &'a dyn Fn(usize) -> String,
    pub cell: &'a dyn Fn(usize, usize) -> Cell,
    pub head_width: u16,
    /// With the blank before it.
    pub cell_width: u16,
    pub cursor: &'a GridCursor,
    pub in_focus: bool,
    /// Which part of the view it is, for the mouse: cells are rows of it, line by line.
    pub pane: usize,
    pub theme: Theme,
}

impl Grid<'_> {
    /// Draws the heads and the cells that there is room for, the one of the cursor among them.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, hits: &Hits) {
        let head = self.head_width.min(area.width / 2);
        if area.height < 2 || area.width <= head {
            return;
        }
        let room = usize::from(area.width - head) / usize::from(self.cell_width.max(1));
        let rows = (self.cursor.row).visible(self.size.0, usize::from(area.height - 1));
        let columns = self.cursor.column.visible(self.size.1, room);
        let (at_row, at_column) = self.cursor.at();
        for (i, column) in columns.clone().enumerate() {
            let x = area.x + head + i as u16 * self.cell_width;
            let style = self.head_style(column == at_column);
            self.put(buffer, (x, area.y), &(self.column)(column), style);
        }
        self.tell_more(
            buffer,
            area,
            head,
            columns.start > 0,
            columns.end < self.size.1,
        );
        for (y, row) in (area.y + 1..).zip(rows) {
            let title = (self.row)(row);
            let text = text::fit(&title.text, usize::from(head));
            let style = title.style.patch(self.head_style(row == at_row));
            buffer.set_stringn(area.x, y, text, usize::from(head), style);
            for (i, column) in columns.clone().enumerate() {
                let x = area.x + head + i as u16 * self.cell_width;
                let cell = (self.cell)(row, column);
                self.put(buffer, (x, y), &cell.text, cell.style);
                let place = Rect::new(x, y, self.cell_width, 1);
                if (row, column) == (at_row, at_column) {
                    buffer.set_style(place, self.theme.selected(self.in_focus));
                }
                hits.add(place, Hit::Row(self.pane, row * self.size.1 + column));
            }
        }
    }

    fn head_style(&self, is_at: bool) -> Style {
        match is_at {
            true => self.theme.title(),
            false => self.theme.dim(),
        }
    }

    fn put(&self, buffer: &mut Buffer, (x, y): (u16, u16), told: &str, style: Style) {
        let width = usize::from(self.cell_width);
        let text = match width {
            0 => String::new(),
            width => format!(" {}", text::fit_right(told, width - 1)),
        };
        buffer.set_stringn(x, y, text, width, style);
    }

    /// Marks at the ends of the heads where columns are out of sight.
    fn tell_more(&self, buffer: &mut Buffer, area: Rect, head: u16, before: bool, after: bool) {
        let style = self.theme.title();
        if before && head > 0 {
            buffer.set_stringn(area.x + head - 1, area.y, "‹", 1, style);
        }
        if after {
            buffer.set_stringn(area.right() - 1, area.y, "›", 1, style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drawn(cursor: &GridCursor, size: (usize, usize), area: Rect) -> Buffer {
        let grid = Grid {
            size,
            row: &|row| Cell::new(format!("row {row}")),
            column: &|column| column.to_string(),
            cell: &|row, column| Cell::new(format!("{row}{column}")),
            head_width: 6,
            cell_width: 3,
            cursor,
            in_focus: true,
            pane: 0,
            theme: Theme::Plain,
        };
        let mut buffer = Buffer::empty(area);
        grid.draw(&mut buffer, area, &Hits::default());
        buffer
    }

    #[test]
    fn the_part_around_the_cursor_is_drawn() {
        let mut cursor = GridCursor::default();
        cursor.set((2, 5));
        let buffer = drawn(&cursor, (4, 9), Rect::new(0, 0, 14, 3));
        let lines = ["row 1  14 15  ", "row 2  24 25  "];
        let heads = "     ‹  4  5 ›";
        assert_eq!(buffer, {
            let mut expected = Buffer::with_lines([heads, lines[0], lines[1]]);
            for y in 0..3 {
                for x in 0..14 {
                    expected[(x, y)].set_style(buffer[(x, y)].style());
                }
            }
            expected
        });
    }

    proptest! {
        #[test]
        fn nothing_is_drawn_outside(
            size in (0usize..20, 0usize..20),
            at in (0usize..20, 0usize..20),
            area in (0u16..30, 0u16..12),
        ) {
            let mut cursor = GridCursor::default();
            cursor.set(at);
            cursor.clamp(size);
            drawn(&cursor, size, Rect::new(0, 0, area.0, area.1));
        }
    }
}
