//! Edits of a taxonomy's YAML that leave every byte alone that they need not touch: comments, order, quoting, line endings.
//!
//! Nodes are named by their ids. An edit is applied to the text, the text is read again, and the edit is refused unless what is
//! declared then is what the edit makes of what was declared before ([`Edit::on_declared`]).

mod apply;
mod book;
mod bytes;
mod display;
#[cfg(test)]
pub(crate) mod drawn;
mod meaning;
mod places;
#[cfg(test)]
mod properties;
mod refusal;
mod render;
mod scalar;
mod sheet;
mod splice;
#[cfg(test)]
mod tests;
mod value;
mod whole;

pub use apply::{Edited, EditedFile, apply, unified_diff};
pub use refusal::Refusal;

/// One change of a taxonomy, the unit of undo.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "edit", rename_all = "snake_case")]
pub enum Edit {
    /// A new node; `names` may be empty, as in a file: its name is then made of the id.
    Add {
        id: String,
        names: Vec<String>,
        parents: Vec<String>,
    },
    /// Gives a node another id, wherever it is mentioned. A name that was made of the id changes with it.
    Rename {
        node: String,
        id: String,
    },
    /// Takes a node out, with what is said of it.
    Delete {
        node: String,
        children: Orphans,
    },
    AddParent {
        node: String,
        parent: String,
    },
    RemoveParent {
        node: String,
        parent: String,
    },
    /// A parent in place of another.
    Move {
        node: String,
        from: String,
        to: String,
    },
    /// Takes `node` out; its children, names, external ids, parents and groups become those of `into`.
    Merge {
        node: String,
        into: String,
    },
    Equivalent {
        a: String,
        b: String,
    },
    Overlapping {
        a: String,
        b: String,
    },
    Disjoint {
        a: String,
        b: String,
    },
    /// One more name, after those that are there.
    AddName {
        node: String,
        name: String,
    },
    RemoveName {
        node: String,
        name: String,
    },
    /// Sets the description; `None` takes it out.
    Describe {
        node: String,
        description: Option<String>,
    },
    /// Sets the node's own prompt templates; none takes them out.
    Prompts {
        node: String,
        prompts: Vec<String>,
    },
    /// New nodes below `node`, each with those of its children that go below it.
    Split {
        node: String,
        parts: Vec<Part>,
    },
}

/// A new node of a split.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Part {
    pub id: String,
    /// Children of the node that is split: they get this parent in its place.
    pub children: Vec<String>,
}

/// What becomes of the children of a node that is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orphans {
    /// They get its parents.
    ToParents,
    /// They lose this parent, and may become roots.
    Loose,
    /// Those that have no other parent are deleted too, and so on down.
    Delete,
}
