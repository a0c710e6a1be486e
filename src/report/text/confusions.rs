//! The most frequent confusions, in a table that fits the terminal.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use super::{Style, thousands};
use crate::score::{Confusion, Summary};
use crate::text::printable;

pub fn confusions(out: &mut String, summary: &Summary, style: Style) {
    if summary.confusions.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nworst confusions");
    let header = [
        "count",
        "annotated",
        "answered",
        "verdict",
        "relation",
        "LCA",
    ];
    let cells: Vec<[String; 6]> = std::iter::once(header.map(str::to_owned))
        .chain(summary.confusions.iter().map(confusion_cells))
        .collect();
    let mut widths = [0; 6];
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    if let Some(total) = style.width {
        shrink(&mut widths, total);
    }
    for row in &cells {
        let mut line = String::new();
        for (i, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let cell = cut(cell, width);
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            let _ = match i {
                0 => write!(line, "  {padding}{cell}"),
                _ => write!(line, "  {cell}{padding}"),
            };
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

fn confusion_cells(confusion: &Confusion) -> [String; 6] {
    [
        thousands(confusion.count),
        printable(&confusion.truth),
        printable(&confusion.answer),
        confusion.verdict.name().to_owned(),
        confusion.relation.name().to_owned(),
        confusion.lca.as_deref().map_or("–".to_owned(), printable),
    ]
}

/// Narrows the three columns of labels, widest first, until the table fits; no column under eight.
fn shrink(widths: &mut [usize; 6], total: usize) {
    const LABELS: [usize; 3] = [1, 2, 5];
    while widths.iter().map(|w| w + 2).sum::<usize>() > total {
        let Some(widest) = LABELS
            .into_iter()
            .filter(|&i| widths[i] > 8)
            .max_by_key(|&i| widths[i])
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
}
