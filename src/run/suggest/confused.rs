//! What was answered for what, by classes, and what an edit would make of it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::run::Opened;
use crate::taxonomy::{NodeId, Relation, Taxonomy};

/// Images whose verdict changes group (METHOD 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Moved {
    /// To correct, or confirmed multiplicity: the answer is known to be true.
    pub confirmed: usize,
    /// From a mistake to possible multiplicity: the answer may be true.
    pub possible: usize,
}

impl Moved {
    pub fn all(self) -> usize {
        self.confirmed + self.possible
    }

    /// What scores count: who says "may be true" has explained half of an image.
    pub(super) fn weight(self) -> f64 {
        self.confirmed as f64 + 0.5 * self.possible as f64
    }
}

/// Pairs of an annotated and an answered class.
pub(super) struct Confused {
    pairs: BTreeMap<(NodeId, NodeId), Pair>,
    annotated: BTreeMap<NodeId, usize>,
    answered: BTreeMap<NodeId, usize>,
    judged: usize,
}

#[derive(Default)]
struct Pair {
    count: usize,
    /// Sum of the cosines of the images that have one, and how many they are.
    cosine: (f64, usize),
}

/// How well an answer fits an annotation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Mistake,
    Possible,
    Confirmed,
}

impl Fit {
    fn of(relation: Relation) -> Self {
        match relation {
            Relation::Same | Relation::Equivalent | Relation::Ancestor => Self::Confirmed,
            Relation::Descendant | Relation::Overlapping => Self::Possible,
            Relation::Sibling | Relation::Related | Relation::Unrelated => Self::Mistake,
        }
    }
}

impl Confused {
    pub(super) fn new(run: &Opened) -> Self {
        let class = |label: u32| run.node(label).map(|n| run.taxonomy.representative(n));
        let mut confused = Self {
            pairs: BTreeMap::new(),
            annotated: BTreeMap::new(),
            answered: BTreeMap::new(),
            judged: 0,
        };
        for row in &run.saved.rows {
            // Of several truths the one that the answer is best related to, as everywhere.
            let truth = row.truth.or(row.primary).and_then(class);
            let (Some(truth), Some(answer)) = (truth, row.answer.and_then(class)) else {
                continue;
            };
            let pair = confused.pairs.entry((truth, answer)).or_default();
            pair.count += 1;
            if let Some(cosine) = row.text_cosine {
                pair.cosine.0 += cosine;
                pair.cosine.1 += 1;
            }
            *confused.annotated.entry(truth).or_default() += 1;
            *confused.answered.entry(answer).or_default() += 1;
            confused.judged += 1;
        }
        confused
    }

    /// Images with an annotation and an answer.
    pub(super) fn judged(&self) -> usize {
        self.judged
    }

    pub(super) fn count(&self, truth: NodeId, answer: NodeId) -> usize {
        self.pairs
            .get(&(truth, answer))
            .map_or(0, |pair| pair.count)
    }

    /// The pairs that are not one class, with their counts.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (NodeId, NodeId, usize)> {
        let pairs = self.pairs.iter();
        pairs
            .filter(|((truth, answer), _)| truth != answer)
            .map(|(&(truth, answer), pair)| (truth, answer, pair.count))
    }

    /// How many there would be by chance.
    pub(super) fn expected(&self, truth: NodeId, answer: NodeId) -> f64 {
        let of = |counts: &BTreeMap<NodeId, usize>, n| counts.get(&n).map_or(0.0, |&c| c as f64);
        of(&self.annotated, truth) * of(&self.answered, answer) / (self.judged.max(1) as f64)
    }

    /// The mean cosine of the two labels' prototypes over the images that one was answered for the other of.
    pub(super) fn text_cosine(&self, first: NodeId, second: NodeId) -> Option<f64> {
        let both = [(first, second), (second, first)];
        let cosines = both.iter().filter_map(|pair| self.pairs.get(pair));
        let (sum, n) = cosines.fold((0.0, 0), |(sum, n), pair| {
            (sum + pair.cosine.0, n + pair.cosine.1)
        });
        (n > 0).then(|| sum / n as f64)
    }

    /// What it would move if `low` were below `high`, and, for synonyms, the other way too.
    pub(super) fn moved_by_edges(&self, taxonomy: &Taxonomy, edges: &[(NodeId, NodeId)]) -> Moved {
        // What shares a descendant with the lower node would overlap with all that is above the higher one.
        let touched: Vec<Vec<bool>> = edges
            .iter()
            .map(|&(low, _)| {
                let mut touched = vec![false; taxonomy.len()];
                for d in taxonomy.descendants(low) {
                    for above in taxonomy.ancestors(d) {
                        touched[above.index()] = true;
                    }
                }
                touched
            })
            .collect();
        let is_above = |a: NodeId, d: NodeId| {
            edges
                .iter()
                .any(|&(low, high)| taxonomy.is_ancestor(low, d) && taxonomy.is_ancestor(a, high))
        };
        let overlap = |x: NodeId, y: NodeId| {
            edges
                .iter()
                .zip(&touched)
                .any(|(&(_, high), touched)| touched[x.index()] && taxonomy.is_ancestor(y, high))
        };
        self.moved(taxonomy, |truth, answer| {
            if is_above(answer, truth) {
                Fit::Confirmed
            } else if is_above(truth, answer) || overlap(truth, answer) || overlap(answer, truth) {
                Fit::Possible
            } else {
                Fit::Mistake
            }
        })
    }

    /// What it would move if the two were declared to overlap.
    pub(super) fn moved_by_overlap(&self, taxonomy: &Taxonomy, a: NodeId, b: NodeId) -> Moved {
        self.moved(taxonomy, |truth, answer| {
            match (truth, answer) == (a, b) || (truth, answer) == (b, a) {
                true => Fit::Possible,
                false => Fit::Mistake,
            }
        })
    }

    fn moved(&self, taxonomy: &Taxonomy, after: impl Fn(NodeId, NodeId) -> Fit) -> Moved {
        let mut moved = Moved::default();
        for (truth, answer, count) in self.pairs() {
            let before = Fit::of(taxonomy.relation(answer, truth));
            match after(truth, answer) {
                Fit::Confirmed if before < Fit::Confirmed => moved.confirmed += count,
                Fit::Possible if before < Fit::Possible => moved.possible += count,
                _ => {}
            }
        }
        moved
    }
}
