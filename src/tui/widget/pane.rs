//! Panes: framed parts of the screen, and text that is wrapped in them.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, BorderType};

use crate::tui::app::{Hit, Hits};
use crate::tui::text;
use crate::tui::theme::Theme;

/// Draws a frame with a title, and gives what is inside.
pub fn pane(frame: &mut Frame<'_>, area: Rect, title: &str, in_focus: bool, theme: Theme) -> Rect {
    let room = usize::from(area.width.saturating_sub(4));
    let title = match text::width(title) > room {
        true => text::fit(title, room),
        false => title.to_owned(),
    };
    // In focus is told by the frame's line too, and not by its colour alone.
    let kind = match in_focus {
        true => BorderType::Thick,
        false => BorderType::Rounded,
    };
    let block = Block::bordered()
        .border_type(kind)
        .border_style(theme.frame(in_focus))
        .title_style(theme.title())
        .title(if title.is_empty() {
            title
        } else {
            format!(" {title} ")
        });
    let inner = block.inner(area);
    frame.render_widget(block, area);
    inner
}

/// Two panes beside each other, the left of so many percent; the line between them can be dragged.
pub fn split(area: Rect, percent: u16, hits: &Hits) -> [Rect; 2] {
    let left = (u32::from(area.width) * u32::from(percent.clamp(10, 90)) / 100) as u16;
    let [a, b] = [
        Rect {
            width: left,
            ..area
        },
        Rect {
            x: area.x + left,
            width: area.width - left,
            ..area
        },
    ];
    if left > 0 {
        let line = Rect {
            x: b.x - 1,
            width: 2.min(b.width + 1),
            ..b
        };
        hits.add(line, Hit::Split(area));
    }
    [a, b]
}

/// Two panes, the upper one so many rows high as far as there are.
pub fn stacked(area: Rect, above: u16) -> [Rect; 2] {
    let above = above.min(area.height);
    let top = Rect {
        height: above,
        ..area
    };
    let bottom = Rect {
        y: area.y + above,
        height: area.height - above,
        ..area
    };
    [top, bottom]
}

/// Breaks a text into lines of at most so many columns, at blanks where it can.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if columns == 0 {
        return lines;
    }
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let mut word = word.to_owned();
            let needs = text::width(&line) + usize::from(!line.is_empty()) + text::width(&word);
            if needs <= columns {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(&word);
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            while text::width(&word) > columns {
                let (head, tail) = text::cut(&word, columns);
                if head.is_empty() {
                    // A grapheme that is wider than all there is.
                    break;
                }
                lines.push(head.to_owned());
                word = tail.to_owned();
            }
            line = word;
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_blanks_and_long_words_anywhere() {
        assert_eq!(wrap("a bc def", 4), ["a bc", "def"]);
        assert_eq!(wrap("abcdefg h", 3), ["abc", "def", "g h"]);
        assert_eq!(wrap("一二三", 3), ["一", "二", "三"]);
        assert!(wrap("a", 0).is_empty());
        assert_eq!(wrap("一", 1), ["一"]);
    }
}
