//! Label taxonomies: YAML → DAG, relations, closures, information, diagnostics. Pure: no I/O.
//!
//! METHOD section numbers in this room's docstrings refer to `docs/METHOD.md`.

use std::path::{Path, PathBuf};

/// A node's dense index, `0..taxonomy.len()`, in the order of first appearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// The index as a `usize`, for tables that hold a value per node.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A concept of the taxonomy.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// Stable id, unique in the taxonomy.
    pub id: String,
    /// Names, at least one; the first is preferred, the rest are synonyms.
    pub names: Vec<String>,
    /// External ids (wnid, GBIF, Wikidata, …).
    pub ids: Vec<String>,
    /// One sentence that says what it is.
    pub description: Option<String>,
    /// Templates that replace the template set for this node; empty: none.
    pub prompts: Vec<String>,
}

/// Relation of a prediction to one truth, by the graph alone (METHOD 3); declared in order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    Same,
    Equivalent,
    Ancestor,
    Descendant,
    Overlapping,
    Sibling,
    Related,
    Unrelated,
}

/// What a label, as a user wrote it, stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// One node.
    One(NodeId),
    /// A name that several nodes carry (a homonym), in id order.
    Ambiguous(Vec<NodeId>),
    /// No node; the nearest names or ids, best first, at most three.
    Unknown(Vec<String>),
}

/// A label taxonomy: a DAG of is-a edges with names, equivalences, overlaps and disjointness.
#[derive(Debug, Clone)]
pub struct Taxonomy {}

#[allow(unused_variables)]
impl Taxonomy {
    /// The taxonomy's name: the `taxonomy:` field, else the file's stem.
    pub fn name(&self) -> &str {
        todo!()
    }
    /// Number of nodes (before equivalent ones are collapsed).
    pub fn len(&self) -> usize {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Every node, in file order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        (0..self.len() as u32).map(NodeId)
    }
    pub fn node(&self, n: NodeId) -> &Node {
        todo!()
    }
    /// The node's stable id.
    pub fn id(&self, n: NodeId) -> &str {
        &self.node(n).id
    }
    /// The node's preferred name.
    pub fn label(&self, n: NodeId) -> &str {
        &self.node(n).names[0]
    }
    /// The node with exactly this id.
    pub fn find(&self, id: &str) -> Option<NodeId> {
        todo!()
    }
    /// A label as written by a user: by id, name, synonym or external id, case, spaces, `_` and `-` folded.
    /// An exact id wins over everything else; then a unique normalised match over ids, names, external ids.
    pub fn resolve(&self, label: &str) -> Resolution {
        todo!()
    }
    /// Declared parents, in file order.
    pub fn parents(&self, n: NodeId) -> &[NodeId] {
        todo!()
    }
    /// Declared children, in file order.
    pub fn children(&self, n: NodeId) -> &[NodeId] {
        todo!()
    }
    /// Nodes without parents.
    pub fn roots(&self) -> Vec<NodeId> {
        todo!()
    }
    /// The representative of the node's equivalence class (the least id of the class); itself when alone.
    pub fn representative(&self, n: NodeId) -> NodeId {
        todo!()
    }
    /// Whether the two are the same class after equivalences are collapsed.
    pub fn same_class(&self, a: NodeId, b: NodeId) -> bool {
        self.representative(a) == self.representative(b)
    }
    /// Ancestor closure, `n` included, on the collapsed graph: every member of every class, sorted.
    pub fn ancestors(&self, n: NodeId) -> Vec<NodeId> {
        todo!()
    }
    /// Descendant closure, `n` included, on the collapsed graph: every member of every class, sorted.
    pub fn descendants(&self, n: NodeId) -> Vec<NodeId> {
        todo!()
    }
    /// Whether `a` is an ancestor of `d`, or the same class.
    pub fn is_ancestor(&self, a: NodeId, d: NodeId) -> bool {
        todo!()
    }
    /// Relation of prediction `p` to truth `t` (METHOD 3).
    pub fn relation(&self, p: NodeId, t: NodeId) -> Relation {
        todo!()
    }
    /// The lowest common ancestors: minimal elements of anc(a) ∩ anc(b), representatives, sorted by id.
    pub fn lca_set(&self, a: NodeId, b: NodeId) -> Vec<NodeId> {
        todo!()
    }
    /// The LCA of maximal information content, ties by id (METHOD 2).
    pub fn lca(&self, a: NodeId, b: NodeId) -> Option<NodeId> {
        todo!()
    }
    /// I(n) = −log2(leaves(n)/L) in bits, leaves counted once (METHOD 2).
    pub fn information(&self, n: NodeId) -> f64 {
        todo!()
    }
    /// Whether nothing is below the node's class.
    pub fn is_leaf(&self, n: NodeId) -> bool {
        todo!()
    }
    /// Number of distinct leaves below the node (itself for a leaf), classes counted once.
    pub fn leaf_count(&self, n: NodeId) -> usize {
        todo!()
    }
    /// (min, max) number of edges from a root.
    pub fn depth(&self, n: NodeId) -> (usize, usize) {
        todo!()
    }
    /// The `credit:` section, raw: checked by `score::credit`.
    pub fn credit(&self) -> Option<&serde_json::Value> {
        todo!()
    }
    /// Text of every source file in include order, for hashing: (path, content).
    pub fn sources(&self) -> &[(PathBuf, String)] {
        todo!()
    }
}

/// Reads a file for [`load`]; the room itself does no I/O.
pub type ReadFile<'a> = dyn Fn(&Path) -> std::io::Result<Vec<u8>> + 'a;
