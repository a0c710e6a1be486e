//! Tables of text that fit the terminal.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use super::text::Style;

/// No column is cut below this.
const NARROWEST: usize = 8;

/// Rows of cells in columns two apart, the first row its header. Columns of numbers (those whose cells below the header
/// begin with a digit) stand to the right. The columns of `labels` are narrowed, widest first, until the table fits.
pub fn table<const N: usize>(rows: &[[String; N]], labels: &[usize], style: Style) -> String {
    let mut widths = [0; N];
    let mut is_number = [true; N];
    for (i, row) in rows.iter().enumerate() {
        for (column, cell) in row.iter().enumerate() {
            widths[column] = widths[column].max(cell.width());
            is_number[column] &= i == 0 || cell.starts_with(|c: char| c.is_ascii_digit());
        }
    }
    for &label in labels {
        is_number[label] = false;
    }
    if let Some(total) = style.width {
        shrink(&mut widths, labels, total);
    }
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let cell = cut(cell, width);
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            let _ = match is_number[column] {
                true => write!(line, "  {padding}{cell}"),
                false => write!(line, "  {cell}{padding}"),
            };
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

fn shrink(widths: &mut [usize], labels: &[usize], total: usize) {
    while widths.iter().map(|w| w + 2).sum::<usize>() > total {
        let Some(&widest) = labels
            .iter()
            .filter(|&&i| widths[i] > NARROWEST)
            .max_by_key(|&&i| widths[i])
        else {
            return;
        };
        widths[widest] -= 1;
    }
}

/// The text if it fits in `width` columns, else its head and an ellipsis.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        // Measured whole: a character may widen the one before it.
        if kept.width() + 1 > width {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_labels_are_cut_to_columns_not_to_bytes() {
        for (text, width, cut_text) in [
            ("rectangle", 9, "rectangle"),
            ("rectangle", 5, "rect…"),
            ("長方形", 5, "長方…"),
        ] {
            assert_eq!(cut(text, width), cut_text);
        }
    }

    #[test]
    fn numbers_stand_right_and_labels_are_narrowed_to_fit() {
        let rows = [
            ["n", "label"],
            ["1,000", "rectangle with rounded corners"],
            ["7", "kite"],
        ];
        let rows = rows.map(|row| row.map(str::to_owned));
        let style = |width| Style {
            colour: false,
            width,
        };
        assert_eq!(
            table(&rows, &[1], style(None)),
            "      n  label\n  1,000  rectangle with rounded corners\n      7  kite\n"
        );
        assert_eq!(
            table(&rows, &[1], style(Some(20))),
            "      n  label\n  1,000  rectangle …\n      7  kite\n"
        );
    }
}
