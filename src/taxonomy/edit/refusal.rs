//! Why an edit is not made.

/// An edit that is not made; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no node `{0}`")]
    UnknownNode(String),
    #[error("there is a node `{0}` already")]
    IdTaken(String),
    /// `what` is `an id`, `a name`, …
    #[error("{what} must not be empty")]
    Empty { what: &'static str },
    #[error("`{text}` comes twice in the {what}")]
    Twice { what: &'static str, text: String },
    #[error("`{0}` can be no relation of itself")]
    Itself(String),
    #[error("`{parent}` is a parent of `{node}` already")]
    ParentThere { node: String, parent: String },
    #[error("`{parent}` is no parent of `{node}`")]
    NoSuchParent { node: String, parent: String },
    #[error("`{node}` below `{parent}` would close a cycle: `{parent}` is below `{node}` already")]
    Cycle { node: String, parent: String },
    #[error(
        "`{a}` and `{b}` cannot be equivalent: one is an ancestor of the other, and a kind of something is not the same thing"
    )]
    EquivalentAncestor { a: String, b: String },
    /// `relation` is `equivalent`, `overlapping` or `disjoint`.
    #[error("`{a}` and `{b}` are declared {relation} already")]
    RelationThere {
        a: String,
        b: String,
        relation: &'static str,
    },
    #[error("`{name}` is a name of `{node}` already")]
    NameThere { node: String, name: String },
    #[error("`{name}` is no name of `{node}`")]
    NoSuchName { node: String, name: String },
    #[error(
        "`{name}` is the name that `{node}` has by its id: add another first, or rename the node"
    )]
    LastName { node: String, name: String },
    #[error("`{0}` is the last node: a taxonomy has one at least")]
    LastNode(String),
    #[error("`{0}` and what is deleted with it are all nodes: a taxonomy has one at least")]
    AllNodes(String),
    #[error("a split needs one part at least")]
    NoParts,
    #[error("nothing would change")]
    Nothing,
    /// The edit could be written, but what it says cannot be.
    #[error("it would make the taxonomy unsound: {0}")]
    Unsound(String),
    #[error("{path}:{line}: {message}; mend this first")]
    Syntax {
        path: String,
        line: usize,
        message: String,
    },
    /// The text would not say what the edit means, and nothing else.
    #[error("it cannot be made without changing something else ({0}): edit the file by hand")]
    Unsafe(String),
}
