//! Label taxonomies: YAML → DAG, relations, closures, information, diagnostics. Pure: no I/O.
//!
//! [`load`] reads the files through a closure and returns what it could build with a list of [`Diagnostic`]s.
//!
//! ```
//! use cladist::taxonomy::{Relation, load_str};
//!
//! let shapes = load_str("shapes", "tree: {quadrilateral: {rectangle: [square], rhombus: [square]}}");
//! let shapes = shapes.into_sound()?;
//! let node = |id| shapes.find(id).unwrap();
//! assert_eq!(shapes.relation(node("rectangle"), node("square")), Relation::Ancestor);
//! assert_eq!(shapes.relation(node("rectangle"), node("rhombus")), Relation::Overlapping);
//! # Ok::<(), cladist::taxonomy::UnsoundTaxonomy>(())
//! ```
//!
//! How a file is read:
//!
//! - An id is the text as it is written: `yes`, `1984` and `3.0` are labels like any other.
//! - The same node may be mentioned under `nodes:` and any number of times in `tree:`, here and in included files.
//!   Its fields come from `nodes:`, its parents from everywhere. Only `nodes:` declares, and only once.
//! - Whatever stands in a tree exists; a parent under `nodes:` must exist elsewhere.
//! - Files included are read after the file that includes them, each once.
//!
//! METHOD section numbers in this room's docstrings refer to `docs/METHOD.md`.

mod build;
mod credit;
mod declare;
mod declared;
mod diagnostic;
pub mod diff;
pub mod edit;
mod graph;
mod lines;
mod load;
mod names;
mod nearest;
#[cfg(test)]
mod properties;
mod reader;
mod recovery;
mod sweeps;
mod syntax;
#[cfg(test)]
mod tests;
mod validate;
pub(crate) mod yaml;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use petgraph::graph::{DiGraph, NodeIndex};

pub use declared::{Declared, DeclaredNode};
pub use diagnostic::{Code, Diagnostic, Related, Severity, Span, Suggestion};
pub use load::{Loaded, Sources, UnsoundTaxonomy, load, load_str, load_texts};
pub use names::normalise;

use graph::{Class, Dag, Lists};
use names::Names;

/// Maps and sets with a fast hash: loading looks up hundreds of thousands of short keys.
type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
type Set<T> = std::collections::HashSet<T, foldhash::fast::RandomState>;

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
    /// The level of a classification that it stands on (`species`, `genus`, …), trimmed, in lower case.
    pub rank: Option<String>,
    /// One sentence that says what it is.
    pub description: Option<String>,
    /// Templates that replace the template set for this node; empty: none.
    pub prompts: Vec<String>,
}

/// Relation of a prediction to one truth, by the graph alone (METHOD 3); declared in order of preference.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize,
)]
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

impl Relation {
    /// Every relation, in the order of preference.
    pub const ALL: [Relation; 8] = [
        Relation::Same,
        Relation::Equivalent,
        Relation::Ancestor,
        Relation::Descendant,
        Relation::Overlapping,
        Relation::Sibling,
        Relation::Related,
        Relation::Unrelated,
    ];

    /// A relation by its name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|relation| relation.name() == name)
    }

    /// The relation's name in files and tables, `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Relation::Same => "same",
            Relation::Equivalent => "equivalent",
            Relation::Ancestor => "ancestor",
            Relation::Descendant => "descendant",
            Relation::Overlapping => "overlapping",
            Relation::Sibling => "sibling",
            Relation::Related => "related",
            Relation::Unrelated => "unrelated",
        }
    }
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
pub struct Taxonomy {
    name: String,
    graph: DiGraph<Node, Span>,
    parents: Lists<NodeId>,
    children: Lists<NodeId>,
    dag: Dag,
    names: Names,
    credit: Option<serde_json::Value>,
    /// Groups of nodes as declared, each with its place.
    overlaps: Vec<(Span, Vec<NodeId>)>,
    disjoint: Vec<(Span, Vec<NodeId>)>,
    /// Where the nodes' own prompts are written; nearly no node has any.
    prompt_places: Map<NodeId, Vec<Span>>,
    sources: Arc<Sources>,
}

impl Taxonomy {
    /// The taxonomy's name: the `taxonomy:` field, else the file's stem.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of nodes (before equivalent ones are collapsed).
    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// Whether there is no node; never so for a taxonomy that was loaded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every node, in file order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        (0..self.len() as u32).map(NodeId)
    }

    /// The graph as declared: edges from child to parent, each with the place where it is written; node indices are
    /// [`NodeId::index`].
    pub fn graph(&self) -> &DiGraph<Node, Span> {
        &self.graph
    }

    /// What is known of a node.
    pub fn node(&self, n: NodeId) -> &Node {
        &self.graph[NodeIndex::new(n.index())]
    }

    /// The node's stable id.
    pub fn id(&self, n: NodeId) -> &str {
        &self.node(n).id
    }

    /// The node's preferred name.
    pub fn label(&self, n: NodeId) -> &str {
        &self.node(n).names[0]
    }

    /// The node's declared rank, in lower case: free text such as `species`. That of an equivalent node is not its own.
    pub fn rank(&self, n: NodeId) -> Option<&str> {
        self.node(n).rank.as_deref()
    }

    /// Where the node's `i`th prompt is written.
    pub fn prompt_place(&self, n: NodeId, i: usize) -> Option<Span> {
        self.prompt_places.get(&n)?.get(i).copied()
    }

    /// File and line, from 1, where the node's first parent is written, which is in or beside its own entry; `None` of one without
    /// parents.
    pub fn place(&self, n: NodeId) -> Option<(&Path, usize)> {
        let edges = self.graph.edges(NodeIndex::new(n.index()));
        let span = edges.map(|edge| *edge.weight()).min()?;
        let source = span.source as usize;
        let (line, _) = self.sources.line_column(source, span.start as usize);
        Some((self.sources.path(source), line))
    }

    /// The node with exactly this id.
    pub fn find(&self, id: &str) -> Option<NodeId> {
        self.names.find(id)
    }

    /// A label as written by a user: by id, name, synonym or external id, case, spaces, `_` and `-` folded
    /// ([`normalise`]).
    ///
    /// An exact id wins over everything else, then an exact external id; then a unique normalised match over ids,
    /// names and external ids. Where all that match are declared equivalent, the label stands for the one that
    /// represents them.
    pub fn resolve(&self, label: &str) -> Resolution {
        match self.look_up(label) {
            Resolution::Unknown(_) => Resolution::Unknown(self.nearest(label)),
            known => known,
        }
    }

    /// The known ids, names and external ids nearest to `label`, best first, at most three. Looks at many of them.
    pub fn nearest(&self, label: &str) -> Vec<String> {
        self.names.nearest(label, self.graph.node_weights())
    }

    /// [`resolve`](Self::resolve) for many labels: of an unknown one it does not look for the [`nearest`](Self::nearest).
    pub fn look_up(&self, label: &str) -> Resolution {
        if let Some(n) = self.find(label) {
            return Resolution::One(n);
        }
        if let Some(n) = self.one(self.names.external(label)) {
            return Resolution::One(n);
        }
        let key = normalise(label);
        let bearers = if key.is_empty() {
            &[]
        } else {
            self.names.bearers(&key)
        };
        match (self.one(bearers), bearers) {
            (Some(n), _) => Resolution::One(n),
            (None, []) => Resolution::Unknown(Vec::new()),
            (None, several) => {
                let mut nodes = several.to_vec();
                nodes.sort_unstable_by(|&a, &b| self.id(a).cmp(self.id(b)));
                Resolution::Ambiguous(nodes)
            }
        }
    }

    /// The node that these are, if they are one or all of one class.
    fn one(&self, nodes: &[NodeId]) -> Option<NodeId> {
        let (&first, rest) = nodes.split_first()?;
        match rest {
            [] => Some(first),
            _ => rest
                .iter()
                .all(|&n| self.same_class(first, n))
                .then(|| self.representative(first)),
        }
    }

    /// Whether two nodes have the same surface name, their preferred ones after normalisation ([`normalise`]).
    pub fn same_surface_name(&self, a: NodeId, b: NodeId) -> bool {
        self.names.share_preferred(a, b, |n| self.node(n))
    }

    /// Whether two nodes carry a common name after normalisation: a preferred one or a synonym.
    pub fn share_name(&self, a: NodeId, b: NodeId) -> bool {
        self.names.share_any(a, b, |n| self.node(n))
    }

    /// Declared parents, in file order.
    pub fn parents(&self, n: NodeId) -> &[NodeId] {
        self.parents.get(n.0)
    }

    /// Declared children, in file order.
    pub fn children(&self, n: NodeId) -> &[NodeId] {
        self.children.get(n.0)
    }

    /// The chain of first declared parents, from a root down to `n`: one of the ways to say where a node is. For
    /// display and prompts only, since it depends on the order in the file; no measure uses it.
    pub fn path_to_root(&self, n: NodeId) -> Vec<NodeId> {
        let mut path = vec![n];
        // A node without parents of its own may have them through an equivalent one; every step is up the DAG.
        let above = |n: NodeId| {
            let equivalents = self.equivalents(n);
            self.parents(n).first().copied().or_else(|| {
                equivalents
                    .iter()
                    .find_map(|&e| self.parents(e).first().copied())
            })
        };
        while let Some(parent) = path.last().copied().and_then(above) {
            path.push(parent);
        }
        path.reverse();
        path
    }

    /// A shortest chain from `above` down to `n`, by steps from a class to a parent's: of several, the one whose parents have the
    /// lesser places in the file. Its ends are the given nodes, the others representatives of their classes; empty if `above` is not
    /// at or above `n`. For display: no measure uses it.
    pub fn path_from(&self, above: NodeId, n: NodeId) -> Vec<NodeId> {
        let top = self.representative(above);
        if self.same_class(above, n) {
            return if above == n { vec![n] } else { vec![above, n] };
        }
        let mut came_from: std::collections::HashMap<NodeId, NodeId> =
            std::collections::HashMap::new();
        let mut reached = vec![self.representative(n)];
        let mut next = 0;
        while let Some(&at) = reached.get(next) {
            next += 1;
            if at == top {
                break;
            }
            for parent in self.class_parents(at) {
                if let std::collections::hash_map::Entry::Vacant(place) = came_from.entry(parent) {
                    place.insert(at);
                    reached.push(parent);
                }
            }
        }
        let mut path = vec![above];
        let mut at = top;
        while let Some(&below) = came_from.get(&at) {
            at = below;
            path.push(at);
        }
        match path.last_mut() {
            Some(last) if self.same_class(*last, n) => *last = n,
            _ => path.clear(),
        }
        path
    }

    /// The nodes declared equivalent to `n`, `n` included, by id.
    pub fn equivalents(&self, n: NodeId) -> &[NodeId] {
        self.dag.members(self.dag.class(n))
    }

    /// The representative of the node's equivalence class (the least id of the class); itself when alone.
    pub fn representative(&self, n: NodeId) -> NodeId {
        self.equivalents(n)[0]
    }

    /// Whether the two are the same class after equivalences are collapsed.
    pub fn same_class(&self, a: NodeId, b: NodeId) -> bool {
        self.dag.class(a) == self.dag.class(b)
    }

    /// Parents of the node's class on the collapsed graph, one representative each.
    pub fn class_parents(&self, n: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let up = self.dag.up(self.dag.class(n)).iter();
        up.map(|&parent| self.dag.members(parent)[0])
    }

    fn expand(&self, classes: Vec<Class>) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = classes
            .into_iter()
            .flat_map(|c| self.dag.members(c))
            .copied()
            .collect();
        nodes.sort_unstable();
        nodes
    }

    /// What is declared below the node's class: the children of `n`, then those of its equivalents, in file order, one of
    /// each class.
    pub fn class_children(&self, n: NodeId) -> Vec<NodeId> {
        let mut met = Set::default();
        let others = self.equivalents(n).iter().filter(|&&e| e != n);
        std::iter::once(&n)
            .chain(others)
            .flat_map(|&member| self.children(member))
            .copied()
            .filter(|&child| met.insert(self.dag.class(child)))
            .collect()
    }

    /// Nodes above whose class there is nothing, in file order, one of each class.
    pub fn roots(&self) -> Vec<NodeId> {
        let mut met = Set::default();
        self.nodes()
            .filter(|&n| self.dag.up(self.dag.class(n)).is_empty() && met.insert(self.dag.class(n)))
            .collect()
    }

    /// Ancestor closure, `n` included, on the collapsed graph: every member of every class, sorted.
    pub fn ancestors(&self, n: NodeId) -> Vec<NodeId> {
        self.expand(self.dag.ancestors(self.dag.class(n)))
    }

    /// The number of classes at or above that of `n`.
    pub fn ancestor_count(&self, n: NodeId) -> usize {
        self.dag.sorted_ancestors(self.dag.class(n)).len()
    }

    /// The classes that are at or above both nodes', by their representatives, in no particular order.
    pub fn common_ancestors(&self, a: NodeId, b: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let common = self
            .dag
            .common_ancestors(self.dag.class(a), self.dag.class(b));
        common.into_iter().map(|c| self.dag.members(c)[0])
    }

    /// Descendant closure, `n` included, on the collapsed graph: every member of every class, sorted.
    pub fn descendants(&self, n: NodeId) -> Vec<NodeId> {
        self.expand(self.dag.descendants(self.dag.class(n)))
    }

    /// Whether `a` is an ancestor of `d`, or the same class.
    pub fn is_ancestor(&self, a: NodeId, d: NodeId) -> bool {
        self.dag.is_ancestor(self.dag.class(a), self.dag.class(d))
    }

    /// Relation of prediction `p` to truth `t` (METHOD 3).
    pub fn relation(&self, p: NodeId, t: NodeId) -> Relation {
        if p == t {
            return Relation::Same;
        }
        match (self.dag.class(p), self.dag.class(t)) {
            (a, b) if a == b => Relation::Equivalent,
            (a, b) => self.dag.relation(a, b),
        }
    }

    /// The lowest common ancestors: minimal elements of anc(a) ∩ anc(b), representatives, sorted by id.
    pub fn lca_set(&self, a: NodeId, b: NodeId) -> Vec<NodeId> {
        let lowest = self.dag.lowest_common(self.dag.class(a), self.dag.class(b));
        let mut nodes: Vec<NodeId> = lowest.into_iter().map(|c| self.dag.members(c)[0]).collect();
        nodes.sort_unstable_by(|&a, &b| self.id(a).cmp(self.id(b)));
        nodes
    }

    /// The LCA of maximal information content, ties by id (METHOD 2).
    pub fn lca(&self, a: NodeId, b: NodeId) -> Option<NodeId> {
        // Fewest leaves is most information; the first of equals is the least id.
        self.lca_set(a, b)
            .into_iter()
            .min_by_key(|&n| self.leaf_count(n))
    }

    /// I(n) = −log2(leaves(n)/L) in bits, leaves counted once (METHOD 2).
    pub fn information(&self, n: NodeId) -> f64 {
        // The quotient the other way round, so that the root of everything has 0 and not −0.
        (self.dag.total_leaves() as f64 / self.leaf_count(n) as f64).log2()
    }

    /// Whether nothing is below the node's class.
    pub fn is_leaf(&self, n: NodeId) -> bool {
        self.dag.down(self.dag.class(n)).is_empty()
    }

    /// Number of distinct leaves below the node (itself for a leaf), classes counted once.
    pub fn leaf_count(&self, n: NodeId) -> usize {
        self.dag.leaf_count(self.dag.class(n))
    }

    /// Counts the leaves of every node at once, for those who will ask of many: a walk from each node of a dense graph
    /// takes quadratic time.
    pub fn count_all_leaves(&self) {
        self.dag.count_all_leaves();
    }

    /// (min, max) number of edges from a root, on the collapsed graph.
    pub fn depth(&self, n: NodeId) -> (usize, usize) {
        self.dag.depth(self.dag.class(n))
    }

    /// Sizes and depths of the collapsed graph.
    pub fn counts(&self) -> Counts {
        let classes = || 0..self.dag.len() as Class;
        let leaves = || classes().filter(|&c| self.dag.down(c).is_empty());
        Counts {
            nodes: self.len(),
            edges: self.graph.edge_count(),
            classes: self.dag.len(),
            leaves: self.dag.total_leaves(),
            roots: classes().filter(|&c| self.dag.up(c).is_empty()).count(),
            multi_parent: classes().filter(|&c| self.dag.up(c).len() > 1).count(),
            leaf_depth: (
                leaves().map(|c| self.dag.depth(c).0).min().unwrap_or(0),
                leaves().map(|c| self.dag.depth(c).1).max().unwrap_or(0),
            ),
        }
    }

    /// The groups that are declared to overlap, each with its place, in file order. What they imply is in [`relation`](Self::relation).
    pub fn declared_overlaps(&self) -> &[(Span, Vec<NodeId>)] {
        &self.overlaps
    }

    /// The groups that are declared disjoint, each with its place, in file order. Each holds for all descendants.
    pub fn declared_disjoint(&self) -> &[(Span, Vec<NodeId>)] {
        &self.disjoint
    }

    /// The `credit:` section, raw: checked by `score::credit`.
    pub fn credit(&self) -> Option<&serde_json::Value> {
        self.credit.as_ref()
    }

    /// Text of every source file in include order, for hashing: (path, content).
    pub fn sources(&self) -> &[(PathBuf, String)] {
        self.sources.files()
    }
}

/// Sizes of a taxonomy. `nodes` and `edges` are as declared, the rest counts equivalent nodes once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    pub nodes: usize,
    pub edges: usize,
    pub classes: usize,
    pub leaves: usize,
    pub roots: usize,
    /// Classes with several parents.
    pub multi_parent: usize,
    /// The shortest way from a root to a leaf, and the longest, in edges.
    pub leaf_depth: (usize, usize),
}

/// Reads a file for [`load`]; the room itself does no I/O.
pub type ReadFile<'a> = dyn Fn(&Path) -> std::io::Result<Vec<u8>> + 'a;
