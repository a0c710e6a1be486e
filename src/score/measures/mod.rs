//! How near two labels are in the taxonomy: the distances and similarities of METHOD 6.
//!
//! [`Pairwise`] measures one pair at a time, [`AllPairs`] a row at a time, which is far faster. The formulas are here and
//! nowhere else.
//!
//! What holds for every measure:
//!
//! - Equivalent labels are one class, so they are as near as a label is to itself.
//! - Every measure is symmetric.
//! - Depth is counted in edges from a root, which has 0. Where a class has several depths it is the greatest (METHOD 2).
//! - The lowest common ancestor (LCA) is the one of most information, ties by id ([`Taxonomy::lca`]).
//! - Several roots are joined by a virtual root one edge above them, which carries no information and is no label's
//!   ancestor. What becomes of two labels without a common ancestor stands at each measure.

mod rows;
#[cfg(test)]
mod tests;

pub use rows::AllPairs;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::taxonomy::{NodeId, Taxonomy};

/// A measure of two labels. The conventions that all have in common are the module's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Distance in edges: the height of the LCA, which is the longest way down from it to a leaf (Deng et al., What does
    /// classifying more than 10,000 image categories tell us?, ECCV 2010).
    ///
    /// 0 for a label and itself, also above the leaves, where the height is not 0: a right answer is no mistake. For a
    /// label and its ancestor it is the ancestor's height. Without a common ancestor it is the height of the virtual root.
    Height,
    /// Distance in edges: H − depth(s), H the greatest depth of the taxonomy, s the *strict* common ancestor: one of both
    /// labels that is neither of them. So where one label is the other's ancestor, s is that ancestor's parent. 0 for a
    /// label and itself. What the files published with Bertinetto et al., Making Better Mistakes (CVPR 2020), hold; on a
    /// tree whose leaves are all equally deep it is [`Height`](Self::Height), for any two leaves.
    ///
    /// On a DAG s is the deepest of the strict common ancestors, by greatest depths. Where there is none, as for a root and
    /// what is below it, s is taken to be above the roots, at depth −1: the distance is H + 1.
    Bertinetto,
    /// Similarity from 0 to 1: 2·depth(l) / (depth(a) + depth(b)), l the LCA (Wu & Palmer, Verb semantics and lexical
    /// selection, ACL 1994). Depths are in nodes here, so that a root counts and has 1; greatest depths. 0 without a common
    /// ancestor.
    WuPalmer,
    /// Similarity in bits, from 0 to log2 of the number of leaves: I(l), l the LCA (Resnik, Using information content to
    /// evaluate semantic similarity in a taxonomy, IJCAI 1995). A label is as similar to itself as it carries information,
    /// the root of everything not at all. 0 without a common ancestor.
    Resnik,
    /// Similarity from 0 to 1: 2·I(l) / (I(a) + I(b)), l the LCA (Lin, An information-theoretic definition of similarity,
    /// ICML 1998). 0/0 = 1: two labels that both say nothing agree. 0 without a common ancestor.
    Lin,
    /// Distance in bits: I(a) + I(b) − 2·I(l), l the LCA (Jiang & Conrath, Semantic similarity based on corpus statistics
    /// and lexical taxonomy, ROCLING 1997). Without a common ancestor I(l) = 0. Also 0 for a label and its ancestor with
    /// the very same leaves below.
    JiangConrath,
    /// Similarity from 0 to 1: F1 of the ancestor closures α and β, 2|α∩β| / (|α| + |β|), each with its label (Silla &
    /// Freitas, A survey of hierarchical classification, 2011). On a DAG the closure is the union over parents. The virtual
    /// root is in neither; a declared root counts.
    Hf1,
    /// Similarity from 0 to 1: 1 − d/d_max, d the [`Path`](Self::Path); d_max is twice the greatest depth, one edge deeper
    /// where the virtual root joins several roots. 1 in a taxonomy of one class.
    Depth,
    /// Distance in edges: the fewest between the two through a common ancestor, which need not be a lowest one; through
    /// the virtual root where there is none.
    Path,
}

impl Measure {
    /// All measures, in the order in which they are told.
    pub const ALL: [Self; 9] = [
        Self::Height,
        Self::Bertinetto,
        Self::WuPalmer,
        Self::Resnik,
        Self::Lin,
        Self::JiangConrath,
        Self::Hf1,
        Self::Depth,
        Self::Path,
    ];

    /// A measure by its name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.name() == name)
    }

    /// The name, as METHOD and the command line have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Height => "height",
            Self::Bertinetto => "bertinetto",
            Self::WuPalmer => "wu-palmer",
            Self::Resnik => "resnik",
            Self::Lin => "lin",
            Self::JiangConrath => "jiang-conrath",
            Self::Hf1 => "hf1",
            Self::Depth => "depth",
            Self::Path => "path",
        }
    }

    /// Whether more is nearer; else it is a distance.
    pub fn is_similarity(self) -> bool {
        match self {
            Self::WuPalmer | Self::Resnik | Self::Lin | Self::Hf1 | Self::Depth => true,
            Self::Height | Self::Bertinetto | Self::JiangConrath | Self::Path => false,
        }
    }

    /// The formula and its conventions in a line, to be told beside the values.
    pub fn definition(self) -> &'static str {
        match self {
            Self::Height => {
                "distance in edges: height of the LCA (longest way down); 0 for a label and itself; several roots meet one edge above"
            }
            Self::Bertinetto => {
                "distance in edges: H − depth of the deepest strict common ancestor; H the greatest depth, roots 0; H + 1 where there is none"
            }
            Self::WuPalmer => {
                "similarity 0 to 1: 2·depth(LCA) / (depth(a) + depth(b)); greatest depths in nodes, roots 1; 0 without a common ancestor"
            }
            Self::Resnik => {
                "similarity in bits: I(LCA), I = −log2 of the share of leaves below; 0 without a common ancestor"
            }
            Self::Lin => {
                "similarity 0 to 1: 2·I(LCA) / (I(a) + I(b)); I by leaves below; 0/0 = 1; 0 without a common ancestor"
            }
            Self::JiangConrath => {
                "distance in bits: I(a) + I(b) − 2·I(LCA); I by leaves below; I(LCA) = 0 without a common ancestor"
            }
            Self::Hf1 => {
                "similarity 0 to 1: 2|α∩β| / (|α| + |β|) of the ancestor closures; each label and the roots count"
            }
            Self::Depth => {
                "similarity 0 to 1: 1 − path / twice the greatest depth (one edge deeper where there are several roots)"
            }
            Self::Path => {
                "distance in edges: fewest through a common ancestor; several roots meet one edge above"
            }
        }
    }

    /// Whether it is a function of the two labels and their LCA.
    fn needs_lca(self) -> bool {
        match self {
            Self::Height | Self::WuPalmer | Self::Resnik | Self::Lin | Self::JiangConrath => true,
            Self::Bertinetto | Self::Hf1 | Self::Depth | Self::Path => false,
        }
    }
}

/// A measure over one taxonomy.
#[derive(Debug, Clone)]
pub struct Pairwise<'t> {
    taxonomy: &'t Taxonomy,
    measure: Measure,
    /// The greatest depth, in edges.
    deepest: usize,
    /// Twice the greatest depth below the root, the virtual one if there is one, in edges.
    farthest: usize,
    /// Of each class, at its representative, the longest way down in edges; empty where the measure is another.
    heights: Vec<usize>,
}

impl<'t> Pairwise<'t> {
    /// Prepares in time linear in the taxonomy.
    pub fn new(taxonomy: &'t Taxonomy, measure: Measure) -> Self {
        let depths = taxonomy.nodes().map(|n| taxonomy.depth(n).1);
        let deepest = depths.max().unwrap_or(0);
        let virtual_edge = usize::from(taxonomy.roots().len() > 1);
        Self {
            taxonomy,
            measure,
            deepest,
            farthest: 2 * (deepest + virtual_edge),
            heights: match measure {
                Measure::Height => heights(taxonomy),
                _ => Vec::new(),
            },
        }
    }

    /// The measure of two labels. Takes time in the size of their ancestor closures.
    pub fn value(&self, a: NodeId, b: NodeId) -> f64 {
        let taxonomy = self.taxonomy;
        let same = taxonomy.same_class(a, b);
        match self.measure {
            Measure::Bertinetto => self.of_strict_ancestor(same, self.strict_depth(a, b)),
            Measure::Hf1 => {
                let shared = taxonomy.common_ancestors(a, b).count();
                of_closures(
                    shared,
                    taxonomy.ancestor_count(a),
                    taxonomy.ancestor_count(b),
                )
            }
            Measure::Depth | Measure::Path => self.of_steps(self.steps(a, b)),
            _ => {
                let lca = taxonomy.lca(a, b).map(|l| self.weight(l));
                self.of_lca(same, self.weight(a), self.weight(b), lca)
            }
        }
    }

    /// What the measure reads of a label or of an LCA: its height, its depth in nodes, or its information.
    fn weight(&self, n: NodeId) -> f64 {
        match self.measure {
            Measure::Height => self.heights[self.taxonomy.representative(n).index()] as f64,
            Measure::WuPalmer => (self.taxonomy.depth(n).1 + 1) as f64,
            Measure::Resnik | Measure::Lin | Measure::JiangConrath => self.taxonomy.information(n),
            Measure::Bertinetto | Measure::Hf1 | Measure::Depth | Measure::Path => 0.0,
        }
    }

    /// From the [weights](Self::weight) of two labels and of their LCA.
    fn of_lca(&self, same: bool, a: f64, b: f64, lca: Option<f64>) -> f64 {
        match (self.measure, lca) {
            (Measure::Height, _) if same => 0.0,
            // The highest root is as high as the deepest class is deep.
            (Measure::Height, None) => (self.deepest + 1) as f64,
            (Measure::WuPalmer, Some(l)) => 2.0 * l / (a + b),
            (Measure::Lin, Some(l)) => ratio(2.0 * l, a + b),
            // Not below 0: neither weight is less than the LCA's, and rounding keeps that.
            (Measure::JiangConrath, l) => a + b - 2.0 * l.unwrap_or(0.0),
            (_, l) => l.unwrap_or(0.0),
        }
    }

    /// From the depth of the deepest strict common ancestor.
    fn of_strict_ancestor(&self, same: bool, depth: Option<usize>) -> f64 {
        match depth {
            _ if same => 0.0,
            Some(depth) => (self.deepest - depth) as f64,
            None => (self.deepest + 1) as f64,
        }
    }

    /// From the number of edges between two labels.
    fn of_steps(&self, steps: usize) -> f64 {
        match self.measure {
            Measure::Depth if self.farthest == 0 => 1.0,
            Measure::Depth => 1.0 - steps as f64 / self.farthest as f64,
            _ => steps as f64,
        }
    }

    /// The depth of the deepest class that is above both labels and neither of them.
    fn strict_depth(&self, a: NodeId, b: NodeId) -> Option<usize> {
        let taxonomy = self.taxonomy;
        let is_strict = |&c: &NodeId| !taxonomy.same_class(c, a) && !taxonomy.same_class(c, b);
        let common = taxonomy.common_ancestors(a, b).filter(is_strict);
        common.map(|n| taxonomy.depth(n).1).max()
    }

    /// Fewest edges between the two through a common ancestor, or through the virtual root.
    fn steps(&self, a: NodeId, b: NodeId) -> usize {
        let (up_a, up_b) = (steps_up(self.taxonomy, a), steps_up(self.taxonomy, b));
        let through_common = up_a
            .iter()
            .filter_map(|(n, steps)| Some(steps + up_b.get(n)?))
            .min();
        through_common.unwrap_or_else(|| {
            through_virtual_root(self.taxonomy.depth(a).0, self.taxonomy.depth(b).0)
        })
    }
}

/// F1 of two closures that share so many classes.
fn of_closures(shared: usize, a: usize, b: usize) -> f64 {
    2.0 * shared as f64 / (a + b) as f64
}

/// `a / b`, with 0/0 = 1: two labels that both say nothing agree.
pub(super) fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 1.0 } else { a / b }
}

/// Edges between two labels by way of the virtual root, from their least depths.
fn through_virtual_root(a: usize, b: usize) -> usize {
    (a + 1) + (b + 1)
}

/// The ancestor closure with each equivalence class once, sorted.
pub(super) fn closure(taxonomy: &Taxonomy, n: NodeId) -> Vec<NodeId> {
    let mut closure = taxonomy.ancestors(n);
    closure.retain(|&a| taxonomy.representative(a) == a);
    closure
}

/// Fewest edges up to each ancestor class.
fn steps_up(taxonomy: &Taxonomy, n: NodeId) -> HashMap<NodeId, usize> {
    let mut steps = HashMap::from([(taxonomy.representative(n), 0)]);
    let mut level = vec![taxonomy.representative(n)];
    for distance in 1.. {
        let mut above = Vec::new();
        for class in level {
            for parent in taxonomy.class_parents(class) {
                if let Entry::Vacant(unmet) = steps.entry(parent) {
                    unmet.insert(distance);
                    above.push(parent);
                }
            }
        }
        if above.is_empty() {
            break;
        }
        level = above;
    }
    steps
}

/// The representatives of classes, parents before children.
fn downwards(taxonomy: &Taxonomy, mut classes: Vec<NodeId>) -> Vec<NodeId> {
    // A class is deeper than each of its parents.
    classes.sort_unstable_by_key(|&n| (taxonomy.depth(n).1, n));
    classes
}

/// Of each class, at its representative's index, the longest way down to a leaf, in edges.
fn heights(taxonomy: &Taxonomy) -> Vec<usize> {
    let classes = taxonomy
        .nodes()
        .filter(|&n| taxonomy.representative(n) == n)
        .collect();
    let mut heights = vec![0; taxonomy.len()];
    for class in downwards(taxonomy, classes).into_iter().rev() {
        for parent in taxonomy.class_parents(class) {
            heights[parent.index()] = heights[parent.index()].max(heights[class.index()] + 1);
        }
    }
    heights
}
