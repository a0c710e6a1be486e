//! A table of any length, of which only what is seen is made.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::cursor::Cursor;
use crate::tui::app::{Hit, Hits};
use crate::tui::text;
use crate::tui::theme::Theme;

/// A column's width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    Fixed(u16),
    /// A share of what the fixed columns leave, by weight.
    Share(u16),
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    pub title: String,
    pub width: Width,
    /// Numbers stand at the right.
    pub right: bool,
}

impl Column {
    pub fn text(title: impl Into<String>, weight: u16) -> Self {
        Self {
            title: title.into(),
            width: Width::Share(weight),
            right: false,
        }
    }

    pub fn fixed(title: impl Into<String>, width: u16) -> Self {
        Self {
            title: title.into(),
            width: Width::Fixed(width),
            right: false,
        }
    }

    pub fn number(title: impl Into<String>, width: u16) -> Self {
        Self {
            title: title.into(),
            width: Width::Fixed(width),
            right: true,
        }
    }
}

/// What stands in a row of a column.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    pub text: String,
    pub style: Style,
}

impl Cell {
    pub fn new(text: impl Into<String>) -> Self {
        Self::styled(text, Style::new())
    }

    pub fn styled(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }
}

/// A table to draw.
pub struct Table<'a> {
    pub columns: &'a [Column],
    /// The column that orders the rows, and whether from above.
    pub sorted: Option<(usize, bool)>,
    pub len: usize,
    /// The cells of a row.
    pub row: &'a dyn Fn(usize) -> Vec<Cell>,
    pub cursor: &'a Cursor,
    pub in_focus: bool,
    /// Which table of the view it is, for the mouse.
    pub pane: usize,
    pub theme: Theme,
}

impl Table<'_> {
    /// Draws the titles and the rows that there is room for.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, hits: &Hits) {
        if area.is_empty() {
            return;
        }
        let widths = widths(self.columns, area.width);
        let titles: Vec<Cell> = (self.columns.iter().enumerate())
            .map(|(i, column)| {
                let arrow = match self.sorted {
                    Some((by, true)) if by == i => "▾",
                    Some((by, false)) if by == i => "▴",
                    _ => "",
                };
                Cell::styled(format!("{}{arrow}", column.title), self.theme.title())
            })
            .collect();
        let top = Rect { height: 1, ..area };
        self.draw_row(buffer, top, &widths, &titles);
        let body = Rect {
            y: area.y + 1,
            height: area.height - 1,
            ..area
        };
        let visible = self.cursor.visible(self.len, usize::from(body.height));
        for (y, i) in (body.y..).zip(visible) {
            let line = Rect {
                y,
                height: 1,
                ..body
            };
            self.draw_row(buffer, line, &widths, &(self.row)(i));
            if i == self.cursor.at() {
                buffer.set_style(line, self.theme.selected(self.in_focus));
            }
            hits.add(line, Hit::Row(self.pane, i));
        }
    }

    fn draw_row(&self, buffer: &mut Buffer, line: Rect, widths: &[u16], cells: &[Cell]) {
        let mut x = line.x;
        for ((column, &width), cell) in self.columns.iter().zip(widths).zip(cells) {
            if width == 0 {
                continue;
            }
            let fit = match column.right {
                true => text::fit_right,
                false => text::fit,
            };
            let text = fit(&cell.text, usize::from(width));
            buffer.set_stringn(x, line.y, text, usize::from(width), cell.style);
            x += width + 1;
        }
    }
}

/// Widths of columns in so many cells, with a blank between two. Columns from the right go first where there is not enough room.
fn widths(columns: &[Column], available: u16) -> Vec<u16> {
    // A name that is cut to less says nothing.
    const LEAST: u16 = 11;
    let mut shown = columns.len();
    let needs = |shown: usize| -> u16 {
        let widths = columns[..shown].iter().map(|column| match column.width {
            Width::Fixed(width) => width,
            Width::Share(_) => LEAST,
        });
        widths.sum::<u16>() + (shown as u16).saturating_sub(1)
    };
    while shown > 1 && needs(shown) > available {
        shown -= 1;
    }
    let fixed: u16 = (columns[..shown].iter())
        .map(|column| match column.width {
            Width::Fixed(width) => width,
            Width::Share(_) => 0,
        })
        .sum();
    let mut left = available.saturating_sub(fixed + (shown as u16).saturating_sub(1));
    let weight = |column: &Column| match column.width {
        Width::Fixed(_) => 0,
        Width::Share(weight) => weight,
    };
    let mut weights: u16 = columns[..shown].iter().map(weight).sum();
    let mut widths = Vec::with_capacity(columns.len());
    for (i, column) in columns.iter().enumerate() {
        widths.push(match column.width {
            _ if i >= shown => 0,
            Width::Fixed(width) => width.min(available),
            Width::Share(weight) => {
                let own = u32::from(left) * u32::from(weight) / u32::from(weights.max(1));
                left -= own as u16;
                weights -= weight;
                own as u16
            }
        });
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_fill_what_is_left_and_the_last_columns_go_first() {
        let columns = [
            Column::text("a", 2),
            Column::number("b", 5),
            Column::text("c", 1),
            Column::number("d", 8),
        ];
        assert_eq!(widths(&columns, 48), [21, 5, 11, 8]);
        assert_eq!(widths(&columns, 37), [20, 5, 10, 0]);
        assert_eq!(widths(&columns, 24), [18, 5, 0, 0]);
        assert_eq!(widths(&columns, 3), [3, 0, 0, 0]);
    }
}
