//! Whether what a model says of different levels goes together (METHOD 6).
//!
//! Both figures take a score of every node, such as its mass m(n|x) or the similarity to its own prototype, and look at it
//! at the representatives of classes. It is to be finite; NaN is less than all numbers.

use serde::{Deserialize, Serialize};

use crate::score::figure::{Figure, add_row, mean, one_if};
use crate::score::measures::closure;
use crate::taxonomy::{NodeId, Taxonomy};

/// The threshold from which on a node's score says that the node holds: what is more probable than not.
pub const HOLDS: f64 = 0.5;

/// Consistency of answers, and of scores above and below.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct Consistency {
    /// Images.
    pub n: usize,
    /// Share of images whose answer is one of the truths, or equivalent to one.
    pub leaf: Option<f64>,
    /// Hierarchical consistent accuracy (HCA; Wu et al., ProTeCt, CVPR 2024): share of images whose answer is right as for
    /// `leaf`, and where at every strict ancestor of it the child of greatest score is right too.
    ///
    /// On a tree that is the path from the root. On a DAG, as an extension, it is the whole ancestor closure: at each
    /// ancestor any child is right that is itself at or above the answer. Several roots are the children of the virtual
    /// root. Equal scores: the least id.
    pub hca: Option<f64>,
    /// Pairs of a class that holds (score ≥ [`HOLDS`]) and a strict ancestor of it, over all images.
    pub pairs: usize,
    /// Ancestor-descendant agreement: share of these pairs whose ancestor holds too. Masses always agree, as what is below
    /// a descendant is below its ancestor; scores that each level has of its own need not.
    pub agreement: Option<f64>,
    /// Share of images without a pair that disagrees.
    pub without_contradiction: Option<f64>,
}

/// What is said of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consistent {
    leaf: bool,
    path: bool,
    pairs: usize,
    agreeing: usize,
}

/// Columns that are summed over the images: ones, right answers, consistent ones, pairs, those that agree, images without
/// one that disagrees, and images with a pair.
pub const COLUMNS: usize = 7;

impl Consistent {
    /// What is summed up of the image.
    pub(in crate::score) fn row(self) -> [f64; COLUMNS] {
        [
            1.0,
            one_if(self.leaf),
            one_if(self.path),
            self.pairs as f64,
            self.agreeing as f64,
            one_if(self.agreeing == self.pairs),
            one_if(self.pairs > 0),
        ]
    }
}

/// Looks at images one at a time.
pub struct Consistencies<'t> {
    taxonomy: &'t Taxonomy,
    roots: Vec<NodeId>,
    classes: Vec<NodeId>,
}

impl<'t> Consistencies<'t> {
    /// Over this taxonomy.
    pub fn new(taxonomy: &'t Taxonomy) -> Self {
        let is_class = |&n: &NodeId| taxonomy.representative(n) == n;
        Self {
            taxonomy,
            roots: taxonomy.roots(),
            classes: taxonomy.nodes().filter(is_class).collect(),
        }
    }

    /// An image's answer among the leaves, or whatever the candidates are, and its truths. `score` tells that of a class by
    /// its representative. Time is linear in the taxonomy, plus the ancestor closure of each class that holds.
    pub fn of(
        &self,
        answer: NodeId,
        truths: &[NodeId],
        score: impl Fn(NodeId) -> f64,
    ) -> Consistent {
        let taxonomy = self.taxonomy;
        let leaf = truths.iter().any(|&t| taxonomy.same_class(answer, t));
        let holds = |n: NodeId| score(n) >= HOLDS;
        let (mut pairs, mut agreeing) = (0, 0);
        for &class in self.classes.iter().filter(|&&class| holds(class)) {
            for above in self.strictly_above(class) {
                pairs += 1;
                agreeing += usize::from(holds(above));
            }
        }
        Consistent {
            leaf,
            path: leaf && self.chosen_all_the_way(answer, &score),
            pairs,
            agreeing,
        }
    }

    /// Whether at each strict ancestor, the virtual root included, the child of greatest score is at or above the answer.
    fn chosen_all_the_way(&self, answer: NodeId, score: &impl Fn(NodeId) -> f64) -> bool {
        let is_right = |children: Vec<NodeId>| {
            let chosen = self.greatest(children, score);
            chosen.is_some_and(|child| self.taxonomy.is_ancestor(child, answer))
        };
        is_right(self.roots.clone())
            && self
                .strictly_above(answer)
                .all(|above| is_right(self.taxonomy.class_children(above)))
    }

    /// The class of greatest score, by its representative; of equals that of the least id.
    fn greatest(&self, nodes: Vec<NodeId>, score: &impl Fn(NodeId) -> f64) -> Option<NodeId> {
        let classes = nodes.into_iter().map(|n| self.taxonomy.representative(n));
        let number = |n| {
            Some(score(n))
                .filter(|s| !s.is_nan())
                .unwrap_or(f64::NEG_INFINITY)
        };
        classes.min_by(|&a, &b| {
            let by_score = number(b).partial_cmp(&number(a));
            let by_id = || self.taxonomy.id(a).cmp(self.taxonomy.id(b));
            by_score
                .unwrap_or(std::cmp::Ordering::Equal)
                .then_with(by_id)
        })
    }

    fn strictly_above(&self, n: NodeId) -> impl Iterator<Item = NodeId> {
        let mut above = closure(self.taxonomy, n);
        above.retain(|&a| !self.taxonomy.same_class(a, n));
        above.into_iter()
    }
}

/// Counts over images.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConsistencySums {
    sums: [f64; COLUMNS],
}

impl ConsistencySums {
    pub fn add(&mut self, image: Consistent) {
        add_row(&mut self.sums, &image.row());
    }

    pub fn finish(self) -> Consistency {
        figures(&self.sums)
    }
}

fn figures(sums: &[f64]) -> Consistency {
    let (n, pairs) = (sums[0], sums[3]);
    Consistency {
        n: n as usize,
        leaf: mean(sums[1], n),
        hca: mean(sums[2], n),
        pairs: pairs as usize,
        agreement: mean(sums[4], pairs),
        without_contradiction: mean(sums[5], n),
    }
}

/// The figures of sums of the [columns](COLUMNS).
pub fn named(sums: &[f64]) -> Vec<Figure> {
    let found = figures(sums);
    let (n, with_pair) = (sums[0], sums[6]);
    [
        ("leaf", found.leaf, n),
        ("hca", found.hca, n),
        ("agreement", found.agreement, with_pair),
        ("without_contradiction", found.without_contradiction, n),
    ]
    .map(|(name, value, n)| Figure::new("metrics.consistency", name, value, n))
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::load_str;

    fn diamond() -> Taxonomy {
        load_str(
            "t",
            "tree: {figure: {rectangle: [square, oblong], rhombus: [square, lozenge], circle: }}",
        )
        .into_sound()
        .unwrap()
    }

    /// Scores of what is named, 0 of the rest.
    fn of(t: &Taxonomy, answer: &str, truths: &[&str], scores: &[(&str, f64)]) -> Consistent {
        let truths: Vec<NodeId> = truths.iter().map(|id| t.find(id).unwrap()).collect();
        Consistencies::new(t).of(t.find(answer).unwrap(), &truths, |n| {
            let known = scores.iter().find(|(id, _)| *id == t.id(n));
            known.map_or(0.0, |(_, score)| *score)
        })
    }

    #[test]
    fn every_choice_above_a_square_counts() {
        let t = diamond();
        let path = |scores: &[(&str, f64)]| of(&t, "square", &["square"], scores).path;
        // Of the figure's children either is right; rectangle and rhombus both have to prefer the square.
        assert!(path(&[("rhombus", 0.4), ("circle", 0.3), ("square", 0.4)]));
        assert!(path(&[
            ("rectangle", 0.4),
            ("rhombus", 0.1),
            ("square", 0.4)
        ]));
        assert!(!path(&[
            ("circle", 0.5),
            ("rectangle", 0.4),
            ("square", 0.4)
        ]));
        assert!(!path(&[
            ("rectangle", 0.9),
            ("square", 0.2),
            ("lozenge", 0.3)
        ]));
        // By id among equals, so the oblong goes before the square and the circle before the rectangle.
        assert!(!path(&[
            ("rectangle", 0.4),
            ("square", 0.2),
            ("oblong", 0.2)
        ]));
        assert!(!path(&[
            ("rectangle", 0.4),
            ("circle", 0.4),
            ("square", 0.2)
        ]));
    }

    #[test]
    fn a_wrong_answer_is_not_consistent() {
        let t = diamond();
        let right = [("rectangle", 0.9), ("square", 0.8)];
        let found = of(&t, "square", &["oblong"], &right);
        assert!(!found.leaf && !found.path);
        assert!(of(&t, "square", &["oblong", "square"], &right).path);
        // A truth above the leaves: only what is above it counts.
        assert!(
            of(
                &t,
                "rectangle",
                &["rectangle"],
                &[("rectangle", 0.9), ("oblong", 0.8)]
            )
            .path
        );
    }

    #[test]
    fn roots_are_chosen_among_too() {
        let t = load_str("t", "tree: {animal: [dog], thing: [car]}")
            .into_sound()
            .unwrap();
        assert!(of(&t, "dog", &["dog"], &[("animal", 0.6)]).path);
        assert!(!of(&t, "dog", &["dog"], &[("thing", 0.6), ("dog", 0.9)]).path);
    }

    #[test]
    fn ancestors_agree_where_they_hold() {
        let t = diamond();
        let mut sums = ConsistencySums::default();
        // Above a square: rectangle, rhombus, figure; above the rectangle: figure.
        for (scores, expected) in [
            (
                &[("square", 0.6), ("rectangle", 0.5), ("figure", 1.0)][..],
                (4, 3),
            ),
            (&[("figure", 0.7)], (0, 0)),
            (&[("circle", 0.7)], (1, 0)),
        ] {
            let found = of(&t, "circle", &["circle"], scores);
            assert_eq!((found.pairs, found.agreeing), expected);
            sums.add(found);
        }
        let found = sums.finish();
        assert_eq!((found.pairs, found.agreement), (5, Some(0.6)));
        assert_eq!(found.without_contradiction, Some(1.0 / 3.0));
        // At the first image all children of the figure but the rectangle have 0; the circle is chosen in the last alone.
        assert_eq!((found.leaf, found.hca), (Some(1.0), Some(2.0 / 3.0)));
        let none = ConsistencySums::default().finish();
        assert_eq!((none.leaf, none.hca, none.agreement), (None, None, None));
    }
}
