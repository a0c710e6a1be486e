//! Edits in a few words.

use std::fmt::{self, Display, Formatter};

use super::{Edit, Orphans};

/// What it does, as in ``remove parent `polygon` of `square` ``. Ids and names stand there as they are.
impl Display for Edit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Edit::Add { id, names, parents } => {
                write!(f, "add `{id}`")?;
                if !names.is_empty() {
                    write!(f, " named {}", quoted(names.iter()))?;
                }
                if !parents.is_empty() {
                    write!(f, " below {}", quoted(parents.iter()))?;
                }
                Ok(())
            }
            Edit::Rename { node, id } => write!(f, "rename `{node}` to `{id}`"),
            Edit::Delete { node, children } => {
                let children = match children {
                    Orphans::ToParents => "its children go to its parents",
                    Orphans::Loose => "its children lose this parent",
                    Orphans::Delete => "and what is below it alone",
                };
                write!(f, "delete `{node}`, {children}")
            }
            Edit::AddParent { node, parent } => write!(f, "add parent `{parent}` to `{node}`"),
            Edit::RemoveParent { node, parent } => {
                write!(f, "remove parent `{parent}` of `{node}`")
            }
            Edit::Move { node, from, to } => write!(f, "move `{node}` from `{from}` to `{to}`"),
            Edit::Merge { node, into } => write!(f, "merge `{node}` into `{into}`"),
            Edit::Equivalent { a, b } => write!(f, "declare `{a}` and `{b}` equivalent"),
            Edit::Overlapping { a, b } => write!(f, "declare `{a}` and `{b}` overlapping"),
            Edit::Disjoint { a, b } => write!(f, "declare `{a}` and `{b}` disjoint"),
            Edit::AddName { node, name } => write!(f, "add name `{name}` to `{node}`"),
            Edit::RemoveName { node, name } => write!(f, "remove name `{name}` of `{node}`"),
            Edit::Describe { node, description } => match description {
                Some(_) => write!(f, "describe `{node}`"),
                None => write!(f, "remove the description of `{node}`"),
            },
            Edit::Prompts { node, prompts } => match prompts.is_empty() {
                false => write!(f, "set the prompts of `{node}`"),
                true => write!(f, "remove the prompts of `{node}`"),
            },
            Edit::Split { node, parts } => {
                let parts = quoted(parts.iter().map(|part| &part.id));
                write!(f, "split `{node}` into {parts}")
            }
        }
    }
}

/// `` `a`, `b` and `c` ``.
fn quoted<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    let mut texts: Vec<String> = texts.map(|text| format!("`{text}`")).collect();
    match (texts.pop(), texts.is_empty()) {
        (None, _) => String::new(),
        (Some(last), true) => last,
        (Some(last), false) => format!("{} and {last}", texts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::edit::Part;

    #[test]
    fn an_edit_is_a_part_of_a_sentence() {
        let text = |text: &str| text.to_owned();
        let add = |names: &[&str], parents: &[&str]| Edit::Add {
            id: text("a"),
            names: names.iter().map(|name| text(name)).collect(),
            parents: parents.iter().map(|parent| text(parent)).collect(),
        };
        let part = |id: &str| Part {
            id: text(id),
            children: Vec::new(),
        };
        let split = |parts: &[&str]| Edit::Split {
            node: text("a"),
            parts: parts.iter().map(|id| part(id)).collect(),
        };
        for (edit, expected) in [
            (add(&[], &[]), "add `a`"),
            (
                add(&["x", "y"], &["b", "c", "d"]),
                "add `a` named `x` and `y` below `b`, `c` and `d`",
            ),
            (
                Edit::RemoveParent {
                    node: text("square"),
                    parent: text("polygon"),
                },
                "remove parent `polygon` of `square`",
            ),
            (
                Edit::Delete {
                    node: text("a"),
                    children: Orphans::Loose,
                },
                "delete `a`, its children lose this parent",
            ),
            (
                Edit::Describe {
                    node: text("a"),
                    description: None,
                },
                "remove the description of `a`",
            ),
            (split(&["b"]), "split `a` into `b`"),
            (split(&["b", "c"]), "split `a` into `b` and `c`"),
        ] {
            assert_eq!(edit.to_string(), expected);
        }
    }
}
