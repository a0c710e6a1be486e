//! The most frequent confusions, in a table that fits the terminal.

use std::fmt::Write;

use super::{Style, thousands};
use crate::report::columns::table;
use crate::score::{Confusion, Summary};
use crate::text::printable;

/// Prints nothing where there is none.
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
    out.push_str(&table(&cells, &[1, 2, 5], style));
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
