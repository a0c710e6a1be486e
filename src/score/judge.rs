//! How a prediction is judged: exclusive, exhaustive tests in a fixed order (METHOD 3).

use std::collections::HashMap;

use rayon::prelude::*;

use super::annotation::{Annotation, Annotations};
use super::answer::dot_f64;
use super::verdict::{Causes, Judgement, Verdict};
use crate::matrix::Matrix;
use crate::taxonomy::{NodeId, Relation, Taxonomy, normalise};

/// Which labels cannot be told apart by what the model is given (METHOD 3, `name_collision`).
///
/// Two labels collide if they carry a common name after normalisation, or if their text prototypes have a
/// cosine of at least the threshold.
#[derive(Debug, Clone, Default)]
pub struct Collisions {
    /// The nodes that are asked about, by [`NodeId::index`].
    known: Vec<bool>,
    /// Row of each node's prototype, the same way.
    prototypes: Vec<Option<u32>>,
    vectors: Matrix,
    threshold: f64,
}

impl Collisions {
    /// METHOD's default threshold τ on the cosine of two text prototypes.
    pub const DEFAULT_THRESHOLD: f64 = 0.99;

    /// `nodes[i]` has the unit prototype `vectors.row(i)`.
    pub fn new(taxonomy: &Taxonomy, nodes: &[NodeId], vectors: Matrix, threshold: f64) -> Self {
        let mut prototypes = vec![None; taxonomy.len()];
        for (row, n) in (0..).zip(nodes) {
            prototypes[n.index()] = Some(row);
        }
        Self {
            prototypes,
            vectors,
            threshold,
            ..Self::of_names(taxonomy, nodes)
        }
    }

    /// These nodes too, by their names alone.
    pub fn with_names(mut self, nodes: &[NodeId]) -> Self {
        for n in nodes {
            self.known[n.index()] = true;
        }
        self
    }

    /// By names alone, where no prototypes are known.
    pub fn of_names(taxonomy: &Taxonomy, nodes: &[NodeId]) -> Self {
        let none = Self {
            known: vec![false; taxonomy.len()],
            ..Self::default()
        };
        none.with_names(nodes)
    }

    /// Whether `a` and `b`, nodes of this taxonomy, cannot be told apart. Those that were not given to [`Collisions::new`] never collide.
    pub fn collide(&self, taxonomy: &Taxonomy, a: NodeId, b: NodeId) -> bool {
        let is_known = |n: NodeId| self.known.get(n.index()) == Some(&true);
        is_known(a)
            && is_known(b)
            && (taxonomy.share_name(a, b)
                || self
                    .cosine(a, b)
                    .is_some_and(|cosine| cosine >= self.threshold))
    }

    /// Cosine of the text prototypes of two labels; `None` where they are not known.
    pub fn cosine(&self, a: NodeId, b: NodeId) -> Option<f64> {
        let row = |n: NodeId| {
            Some(
                self.vectors
                    .row((*self.prototypes.get(n.index())?)? as usize),
            )
        };
        Some(dot_f64(row(a)?, row(b)?))
    }
}

/// Labels that are right whenever another is the truth, in one direction only, whatever the graph says: its verdict is
/// `synonym`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlsoRight(HashMap<NodeId, Vec<NodeId>>);

impl AlsoRight {
    /// Declares that `right` is right whenever `truth` is the truth; both stand for their equivalents too.
    pub fn declare(&mut self, taxonomy: &Taxonomy, truth: NodeId, right: NodeId) {
        let of_truth = self.0.entry(taxonomy.representative(truth)).or_default();
        of_truth.push(taxonomy.representative(right));
    }

    /// Whether nothing was declared.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The representatives of the labels that are right whenever `truth` is the truth.
    fn of(&self, taxonomy: &Taxonomy, truth: NodeId) -> &[NodeId] {
        self.0
            .get(&taxonomy.representative(truth))
            .map_or(&[], Vec::as_slice)
    }
}

/// All that a prediction is judged by: what the labels mean, how they look to the model, and what was declared.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    pub taxonomy: &'a Taxonomy,
    pub collisions: &'a Collisions,
    pub also_right: &'a AlsoRight,
}

impl Judge<'_> {
    /// Judges the answer `p` for an image (METHOD 3).
    ///
    /// `None` without a truth: an image without a label has no verdict.
    ///
    /// The *surface name* of a label is its preferred name, the one that the prompts show to the model; a name that
    /// two labels share further down their lists is a `name_collision`, not a synonym. The relation is to T(x); the
    /// re-annotated valid set is asked for `also_valid` alone.
    pub fn judge(&self, p: NodeId, annotation: &Annotation) -> Option<Judgement> {
        let taxonomy = self.taxonomy;
        let truths = &annotation.truths;
        let (relation, truth) = truths
            .iter()
            .map(|&t| (taxonomy.relation(p, t), t))
            // `min_by_key` keeps the first of equals, so the order of the annotation decides.
            .min_by_key(|(relation, _)| *relation)?;
        let verdict = if p == truths[0] {
            Verdict::Exact
        } else if self.is_synonym(p, truths) {
            Verdict::Synonym
        } else if self.is_also_valid(p, annotation) {
            Verdict::AlsoValid
        } else {
            match relation {
                // The primary truth's class is a synonym, and another's is also valid.
                Relation::Same | Relation::Equivalent => Verdict::AlsoValid,
                Relation::Ancestor => Verdict::Generalised,
                Relation::Descendant => Verdict::Specialised,
                Relation::Overlapping => Verdict::Overlap,
                _ if truths
                    .iter()
                    .any(|&t| self.collisions.collide(taxonomy, p, t)) =>
                {
                    Verdict::NameCollision
                }
                Relation::Sibling => Verdict::Near,
                Relation::Related => Verdict::Related,
                Relation::Unrelated => Verdict::Unrelated,
            }
        };
        Some(Judgement {
            verdict,
            relation,
            truth,
        })
    }

    /// Every cause that forgives the answer `p` for an image; none if the answer is exact, or there is no truth.
    ///
    /// `synonym` is asked of the primary truth (what is declared to be right also, of every truth), `also_valid` of the
    /// other truths and the valid set, the rest of each truth.
    pub fn causes(&self, p: NodeId, annotation: &Annotation) -> Causes {
        let taxonomy = self.taxonomy;
        let truths = &annotation.truths;
        let mut causes = Causes::default();
        if truths.first().is_none_or(|&primary| p == primary) {
            return causes;
        }
        if self.is_synonym(p, truths) {
            causes.insert(Verdict::Synonym);
        }
        if self.is_also_valid(p, annotation) {
            causes.insert(Verdict::AlsoValid);
        }
        for &t in truths {
            match taxonomy.relation(p, t) {
                Relation::Ancestor => causes.insert(Verdict::Generalised),
                Relation::Descendant => causes.insert(Verdict::Specialised),
                Relation::Overlapping => causes.insert(Verdict::Overlap),
                _ => {}
            }
            // Of one node with itself there is nothing to be mistaken for.
            if p != t && self.collisions.collide(taxonomy, p, t) {
                causes.insert(Verdict::NameCollision);
            }
        }
        causes
    }

    /// Whether `p` is in the re-annotated valid set; `None` if there is none.
    pub fn is_in_valid_set(&self, p: NodeId, annotation: &Annotation) -> Option<bool> {
        let valid = annotation.valid.as_ref()?;
        Some(valid.iter().any(|&v| self.taxonomy.same_class(p, v)))
    }

    fn is_synonym(&self, p: NodeId, truths: &[NodeId]) -> bool {
        let taxonomy = self.taxonomy;
        let class = taxonomy.representative(p);
        taxonomy.same_class(p, truths[0])
            || taxonomy.same_surface_name(p, truths[0])
            || truths
                .iter()
                .any(|&t| self.also_right.of(taxonomy, t).contains(&class))
    }

    fn is_also_valid(&self, p: NodeId, annotation: &Annotation) -> bool {
        let others = &annotation.truths[1..];
        others.iter().any(|&t| self.taxonomy.same_class(p, t))
            || self.is_in_valid_set(p, annotation) == Some(true)
    }
}

/// Which candidates are valid for an image: verdict exact, synonym, also_valid or generalised (METHOD 4).
///
/// By closures and names instead of a judgement a candidate, so that a set takes time in the size of the truths'
/// closures, however many candidates there are.
pub struct ValidSets<'a> {
    judge: Judge<'a>,
    /// The place of each candidate.
    places: HashMap<NodeId, usize>,
    /// Candidates by their surface name, normalised.
    by_name: HashMap<String, Vec<NodeId>>,
}

impl<'a> ValidSets<'a> {
    /// For these candidates.
    pub fn new(judge: Judge<'a>, candidates: &[NodeId]) -> Self {
        let taxonomy = judge.taxonomy;
        let mut by_name: HashMap<String, Vec<NodeId>> = HashMap::new();
        for &c in candidates {
            let name = normalise(taxonomy.label(c));
            by_name.entry(name).or_default().push(c);
        }
        Self {
            judge,
            places: candidates.iter().copied().zip(0..).collect(),
            by_name,
        }
    }

    /// The candidates that are valid for an image, as ascending indices into the candidates: K(x) is their number.
    pub fn of(&self, annotation: &Annotation) -> Vec<usize> {
        let Judge {
            taxonomy,
            also_right,
            ..
        } = self.judge;
        let Some(&primary) = annotation.truths.first() else {
            return Vec::new();
        };
        let truths = annotation.truths.iter();
        // Equivalents of a truth and of its ancestors are in its closure.
        let closures = truths.clone().flat_map(|&t| taxonomy.ancestors(t));
        let namesakes = self.by_name.get(&normalise(taxonomy.label(primary)));
        let declared = truths.flat_map(|&t| also_right.of(taxonomy, t));
        let classes = declared.chain(annotation.valid.iter().flatten());
        let mut valid: Vec<usize> = closures
            .chain(namesakes.into_iter().flatten().copied())
            .chain(classes.flat_map(|&n| taxonomy.equivalents(n).iter().copied()))
            .filter_map(|n| self.places.get(&n).copied())
            .collect();
        valid.sort_unstable();
        valid.dedup();
        valid
    }

    /// Those of each distinct annotation.
    pub fn of_all(&self, annotations: &Annotations) -> Vec<Vec<usize>> {
        (annotations.distinct().par_iter().map(|a| self.of(a))).collect()
    }
}
