//! What two taxonomies say differently, as text and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

use super::text::{Style, paint, thousands};
use crate::taxonomy::diff::{Change, Difference, Implied, Pairs};
use crate::text::{printable, shown};

/// Changes of a section that are printed unless all are wanted.
const LINES: usize = 40;

/// Ids and pairs that are named of what follows.
const NAMED: usize = 5;

/// The text where there is nothing to tell.
const NONE: &str = "no difference in what they say";

/// A line a change, by what it is of, then what follows for the graph. `all`: also where a section is very long.
pub fn render(difference: &Difference, names: [&str; 2], all: bool, style: Style) -> String {
    let mut out = String::new();
    let [a, b] = names.map(printable);
    let _ = writeln!(out, "A  {a}\nB  {b}");
    if difference.is_empty() {
        let _ = writeln!(out, "{NONE}");
        return out;
    }
    let limit = if all { usize::MAX } else { LINES };
    let sections = difference
        .changes
        .chunk_by(|a, b| section(a) == section(b))
        .filter_map(|changes| Some((section(changes.first()?), changes)));
    for (title, changes) in sections {
        let _ = writeln!(out, "\n{}", paint(style, "1", title));
        for change in &changes[..changes.len().min(limit)] {
            let _ = writeln!(out, "  {}", line(change, style));
        }
        if let Some(more) = changes.len().checked_sub(limit).filter(|&more| more > 0) {
            let _ = writeln!(out, "  … and {} more (--all shows them)", thousands(more));
        }
    }
    follows(&mut out, &difference.implied, style);
    out
}

/// How many changes there are of each kind, in a line.
pub fn brief(difference: &Difference) -> String {
    if difference.is_empty() {
        return NONE.to_owned();
    }
    let counts = difference.counts().into_iter().map(|(kind, count)| {
        let kind = kind.replace('_', " ");
        format!("{kind} {}", thousands(count))
    });
    counts.collect::<Vec<_>>().join(", ")
}

/// The object that `--format json` prints.
#[derive(Serialize)]
pub struct Object<'d> {
    schema: u32,
    first: &'d str,
    second: &'d str,
    /// Whether nothing is declared otherwise.
    same: bool,
    /// Changes by kind.
    counts: BTreeMap<&'static str, usize>,
    #[serde(flatten)]
    difference: &'d Difference,
}

impl<'d> Object<'d> {
    pub fn new(difference: &'d Difference, [first, second]: [&'d str; 2]) -> Self {
        Self {
            schema: 1,
            first,
            second,
            same: difference.is_empty(),
            counts: difference.counts().into_iter().collect(),
            difference,
        }
    }
}

/// Over the lines of a change.
fn section(change: &Change) -> &'static str {
    match change {
        Change::NodeRemoved { .. } | Change::NodeAdded { .. } | Change::NodeRenamed { .. } => {
            "nodes"
        }
        Change::ParentRemoved { .. } | Change::ParentAdded { .. } => "parents",
        Change::NameRemoved { .. } | Change::NameAdded { .. } | Change::PreferredName { .. } => {
            "names"
        }
        Change::ExternalIdRemoved { .. }
        | Change::ExternalIdAdded { .. }
        | Change::Rank { .. }
        | Change::Description { .. }
        | Change::Prompts { .. } => "other fields",
        Change::GroupLost { .. } | Change::GroupGained { .. } => "groups",
        Change::Credit { .. } => "credit",
    }
}

/// What the second has and the first has not, the other way round, and what both have otherwise.
#[derive(Clone, Copy)]
enum Glyph {
    Plus,
    Minus,
    Tilde,
}

fn told(glyph: Glyph, text: &str, style: Style) -> String {
    let (glyph, colour) = match glyph {
        Glyph::Plus => ("+", "32"),
        Glyph::Minus => ("-", "31"),
        Glyph::Tilde => ("~", "33"),
    };
    format!("{} {text}", paint(style, colour, glyph))
}

fn line(change: &Change, style: Style) -> String {
    use Glyph::{Minus, Plus, Tilde};
    let (glyph, text) = match change {
        Change::NodeRemoved {
            node,
            names,
            parents,
        } => (Minus, placed(node, names, parents)),
        Change::NodeAdded {
            node,
            names,
            parents,
        } => (Plus, placed(node, names, parents)),
        Change::NodeRenamed { from, to } => {
            (Tilde, format!("{} → {}", printable(from), printable(to)))
        }
        Change::ParentRemoved { node, parent } => (Minus, below(node, parent)),
        Change::ParentAdded { node, parent } => (Plus, below(node, parent)),
        Change::NameRemoved { node, name } => (Minus, of(node, &quoted(name))),
        Change::NameAdded { node, name } => (Plus, of(node, &quoted(name))),
        Change::PreferredName { node, from, to } => {
            let preferred = format!("preferred {} → {}", quoted(from), quoted(to));
            (Tilde, of(node, &preferred))
        }
        Change::ExternalIdRemoved { node, id } => (Minus, of(node, &format!("id {}", shown(id)))),
        Change::ExternalIdAdded { node, id } => (Plus, of(node, &format!("id {}", shown(id)))),
        Change::Rank { node, from, to } => field(node, "rank", from.as_deref(), to.as_deref()),
        Change::Description { node, from, to } => {
            field(node, "description", from.as_deref(), to.as_deref())
        }
        Change::Prompts { node, from, to } => {
            let joined = |prompts: &[String]| (!prompts.is_empty()).then(|| prompts.join(" | "));
            field(
                node,
                "prompts",
                joined(from).as_deref(),
                joined(to).as_deref(),
            )
        }
        Change::GroupLost { group, members } => {
            (Minus, format!("{}: {}", group.name(), list(members)))
        }
        Change::GroupGained { group, members } => {
            (Plus, format!("{}: {}", group.name(), list(members)))
        }
        Change::Credit { from, to } => {
            let told = |credit: &Option<Value>| {
                let credit = credit.as_ref();
                credit.map_or("none".to_owned(), |c| shown(&c.to_string()))
            };
            (Tilde, format!("{} → {}", told(from), told(to)))
        }
    };
    told(glyph, &text, style)
}

/// A node with its names, where they are not its id, and where it stands.
fn placed(node: &str, names: &[String], parents: &BTreeSet<String>) -> String {
    let mut out = printable(node);
    let is_id = |name: &String| name == node || *name == node.replace('_', " ");
    if !names.iter().all(is_id) {
        let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        let _ = write!(out, " {}", names.join(", "));
    }
    let _ = match parents.is_empty() {
        true => write!(out, "  a root"),
        false => write!(out, "  below {}", list(parents)),
    };
    out
}

fn below(node: &str, parent: &str) -> String {
    format!("{} below {}", printable(node), printable(parent))
}

fn of(node: &str, what: &str) -> String {
    format!("{}: {what}", printable(node))
}

fn field(node: &str, field: &str, from: Option<&str>, to: Option<&str>) -> (Glyph, String) {
    let (glyph, what) = match (from, to) {
        (None, Some(to)) => (Glyph::Plus, quoted(to)),
        (Some(from), None) => (Glyph::Minus, quoted(from)),
        (from, to) => {
            let [from, to] = [from, to].map(|text| quoted(text.unwrap_or_default()));
            (Glyph::Tilde, format!("{from} → {to}"))
        }
    };
    (glyph, of(node, &format!("{field} {what}")))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", shown(text))
}

fn list(ids: &BTreeSet<String>) -> String {
    let ids: Vec<String> = ids.iter().map(|id| printable(id)).collect();
    ids.join(", ")
}

fn follows(out: &mut String, implied: &Implied, style: Style) {
    let _ = writeln!(out, "\n{}", paint(style, "1", "what follows"));
    if implied.is_empty() {
        let _ = writeln!(
            out,
            "  nothing for the nodes of both: the same are above one another"
        );
        return;
    }
    for (glyph, pairs) in [
        (Glyph::Minus, &implied.pairs_lost),
        (Glyph::Plus, &implied.pairs_gained),
    ] {
        if pairs.count > 0 {
            let _ = writeln!(out, "  {}", told(glyph, &all_of(pairs), style));
        }
    }
    for (says, ids) in [
        ("was a leaf, and is none", &implied.became_inner),
        ("is a leaf, and was none", &implied.became_leaves),
    ] {
        if !ids.is_empty() {
            let named = ids.iter().map(|id| printable(id));
            let text = format!("{says}: {}", first_of(named, ids.len()));
            let _ = writeln!(out, "  {}", told(Glyph::Tilde, &text, style));
        }
    }
}

fn all_of(pairs: &Pairs) -> String {
    let plural = if pairs.count == 1 { "pair" } else { "pairs" };
    let named = pairs.first.iter().map(|p| {
        format!(
            "{} above {}",
            printable(&p.ancestor),
            printable(&p.descendant)
        )
    });
    format!(
        "{} {plural} of ancestor and descendant: {}",
        thousands(pairs.count),
        first_of(named, pairs.count)
    )
}

/// The first of so many texts.
fn first_of(texts: impl Iterator<Item = String>, count: usize) -> String {
    let mut named: Vec<String> = texts.take(NAMED).collect();
    if let Some(more) = count.checked_sub(named.len()).filter(|&more| more > 0) {
        named.push(format!("… and {} more", thousands(more)));
    }
    named.join(", ")
}
