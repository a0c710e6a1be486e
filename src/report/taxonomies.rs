//! One run under two taxonomies, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Serialize, Serializer};

use super::compare::{header, row};
use super::text::{Style, paint, thousands};
use crate::run::{Explained, UnderTaxonomies};
use crate::score::{Forgiven, Forgiveness};
use crate::taxonomy::diff::Difference;
use crate::text::printable;

/// What is told of a run under two taxonomies, which is also the object that `--format json` prints.
#[derive(Serialize)]
pub struct Both<'a> {
    /// The run, as it was named.
    pub run: &'a str,
    /// The taxonomies, as they were named.
    pub names: [&'a str; 2],
    /// Changes by kind.
    #[serde(rename = "changes", serialize_with = "counts")]
    pub difference: &'a Difference,
    #[serde(flatten)]
    pub found: &'a UnderTaxonomies,
}

fn counts<S: Serializer>(difference: &&Difference, serializer: S) -> Result<S::Ok, S::Error> {
    BTreeMap::from_iter(difference.counts()).serialize(serializer)
}

/// What the taxonomies say differently, what they forgive, and all that two runs are compared by.
pub fn render(both: &Both<'_>, style: Style) -> String {
    let mut out = String::new();
    let forgiveness = &both.found.forgiveness;
    let _ = writeln!(
        out,
        "the answers of {} under two taxonomies\nthey differ: {}\n",
        printable(both.run),
        super::diff::brief(both.difference)
    );
    let comparison = super::compare::render(&both.found.comparison, both.names, style);
    out.push_str(&comparison);
    if forgiveness.n == 0 {
        return out;
    }
    let _ = writeln!(out, "\n{}", header("forgiven"));
    for (title, of) in extents(forgiveness) {
        forgiven(&mut out, title, of, style);
    }
    let _ = writeln!(
        out,
        "\nn {} images; by chance: the mean over all orders of the answers; p of {} permutations",
        thousands(forgiveness.n),
        thousands(forgiveness.permutations)
    );
    out
}

/// What an edit said otherwise and whether it explains more of the error, a line each: A is the taxonomy before it, B the one after it.
pub fn render_edit(explained: &Explained) -> String {
    let said = super::diff::brief(&explained.difference);
    let mut out = format!("from A to B: {said}\n");
    for (title, of) in extents(&explained.forgiveness) {
        let _ = writeln!(out, "{title}: {}", sentence(of));
    }
    out
}

/// The lower and the upper end of what is forgiven, with what they are of.
pub fn extents(forgiveness: &Forgiveness) -> [(&'static str, &Forgiven); 2] {
    [
        ("confirmed multiplicity", &forgiveness.confirmed),
        ("confirmed and possible multiplicity", &forgiveness.at_most),
    ]
}

fn forgiven(out: &mut String, title: &str, of: &Forgiven, style: Style) {
    let title = format!("{title}: {}", sentence(of));
    let _ = writeln!(out, "{}", paint(style, "1", &title));
    let _ = writeln!(
        out,
        "{}",
        row("  of errors", &of.share_of_error, None).trim_end()
    );
    let _ = writeln!(out, "{}", row("  of images", &of.share, of.p_value));
    for (what, figure) in [
        ("    by chance", &of.by_chance),
        ("    beyond it", &of.excess),
    ] {
        if let Some(figure) = figure {
            let _ = writeln!(out, "{}", row(what, figure, None));
        }
    }
}

/// Whether the second taxonomy explains more, in words.
pub fn sentence(of: &Forgiven) -> String {
    let says = match of.share.difference {
        None => return "no image has a verdict".to_owned(),
        Some(0.0) => return "B forgives as many answers as A".to_owned(),
        Some(change) if change > 0.0 => "B forgives more than A",
        Some(_) => "B forgives less than A",
    };
    match of.exceeds_chance {
        Some(true) => format!("{says}, by more than chance explains"),
        Some(false) => format!("{says}, but not surely by more than chance"),
        None => format!("{says}; of so few images it cannot be told from chance"),
    }
}
