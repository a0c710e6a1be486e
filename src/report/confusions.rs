//! Confused pairs of labels as text and as CSV.

use std::fmt::Write;

use super::columns::table;
use super::text::{Style, thousands};
use crate::run::{ConfusedPair, Confusions};
use crate::text::printable;

/// A table of the first `most` pairs (0: all).
pub fn render(confusions: &Confusions, most: usize, style: Style) -> String {
    let mut out = String::new();
    let _ = write!(
        out,
        "{} of {} answers are not the annotated label, {} pairs",
        thousands(confusions.errors),
        thousands(confusions.n),
        thousands(confusions.pairs.len())
    );
    if let Some(depth) = confusions.depth {
        let _ = write!(out, " of what is at depth {depth}");
    }
    out.push('\n');
    let shown = match most {
        0 => &confusions.pairs[..],
        most => &confusions.pairs[..confusions.pairs.len().min(most)],
    };
    if shown.is_empty() {
        return out;
    }
    let header = [
        "count",
        "excess",
        "cost",
        "annotated",
        "answered",
        "relation",
        "LCA",
        "text cos",
        "verdict",
    ];
    let cells: Vec<[String; 9]> = std::iter::once(header.map(str::to_owned))
        .chain(shown.iter().map(cells))
        .collect();
    out.push_str(&table(&cells, &[3, 4, 6], style));
    if shown.len() < confusions.pairs.len() {
        let _ = writeln!(
            out,
            "  … and {} more (--top 0 shows all)",
            thousands(confusions.pairs.len() - shown.len())
        );
    }
    out
}

fn cells(pair: &ConfusedPair) -> [String; 9] {
    let verdict = match pair.verdicts.len() {
        1 => pair
            .verdicts
            .keys()
            .next()
            .map_or("", |v| v.name())
            .to_owned(),
        n => format!("{n} verdicts"),
    };
    [
        thousands(pair.count),
        format!("{:.1}", pair.excess),
        format!("{:.1}", pair.cost),
        printable(&pair.truth),
        printable(&pair.answer),
        pair.relation.name().to_owned(),
        pair.lca.as_deref().map_or("–".to_owned(), printable),
        pair.text_cosine
            .map_or("–".to_owned(), |c| format!("{c:.3}")),
        verdict,
    ]
}

/// The columns of the table, as the workbench exports them too.
pub const COLUMNS: [&str; 11] = [
    "truth",
    "answer",
    "count",
    "expected",
    "excess",
    "relation",
    "lca",
    "text_cosine",
    "verdicts",
    "cost",
    "suspect",
];

/// All pairs as CSV.
///
/// # Errors
/// None that a memory has not.
pub fn csv(confusions: &Confusions) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for pair in &confusions.pairs {
        let verdicts = pair.verdicts.iter();
        let verdicts: Vec<String> = verdicts.map(|(v, n)| format!("{}:{n}", v.name())).collect();
        writer.write_record([
            &pair.truth,
            &pair.answer,
            &pair.count.to_string(),
            &pair.expected.to_string(),
            &pair.excess.to_string(),
            pair.relation.name(),
            pair.lca.as_deref().unwrap_or(""),
            &pair.text_cosine.map_or(String::new(), |c| c.to_string()),
            &verdicts.join("|"),
            &pair.cost.to_string(),
            &pair.suspect.to_string(),
        ])?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
