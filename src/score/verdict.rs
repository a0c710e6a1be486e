//! The verdict of one prediction: exclusive, exhaustive, tested in a fixed order (METHOD 3).

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::matrix::Matrix;
use crate::taxonomy::{NodeId, Relation, Taxonomy, normalise};

/// The verdict of one prediction, declared in the order in which it is tested (METHOD 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Exact,
    Synonym,
    AlsoValid,
    Generalised,
    Specialised,
    Overlap,
    NameCollision,
    Near,
    Related,
    Unrelated,
}

/// What a verdict says of the error it stands for (METHOD 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    Correct,
    /// Multiplicity that the graph or the annotation confirms: the answer is true.
    Confirmed,
    /// Multiplicity that the data cannot decide: the answer may be true.
    Possible,
    Mistake,
}

impl Verdict {
    /// Every verdict, in the order of the tests.
    pub const ALL: [Verdict; 10] = [
        Verdict::Exact,
        Verdict::Synonym,
        Verdict::AlsoValid,
        Verdict::Generalised,
        Verdict::Specialised,
        Verdict::Overlap,
        Verdict::NameCollision,
        Verdict::Near,
        Verdict::Related,
        Verdict::Unrelated,
    ];

    /// The verdict's name in files and tables, `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Exact => "exact",
            Verdict::Synonym => "synonym",
            Verdict::AlsoValid => "also_valid",
            Verdict::Generalised => "generalised",
            Verdict::Specialised => "specialised",
            Verdict::Overlap => "overlap",
            Verdict::NameCollision => "name_collision",
            Verdict::Near => "near",
            Verdict::Related => "related",
            Verdict::Unrelated => "unrelated",
        }
    }

    /// The group that the verdict belongs to.
    pub fn group(self) -> Group {
        match self {
            Verdict::Exact => Group::Correct,
            Verdict::Synonym | Verdict::AlsoValid | Verdict::Generalised => Group::Confirmed,
            Verdict::Specialised | Verdict::Overlap | Verdict::NameCollision => Group::Possible,
            Verdict::Near | Verdict::Related | Verdict::Unrelated => Group::Mistake,
        }
    }

    /// Whether an answer with this verdict is true of the image: what K(x) counts (METHOD 4).
    pub fn is_valid(self) -> bool {
        matches!(self.group(), Group::Correct | Group::Confirmed)
    }
}

/// What is known of one prediction: its verdict, and the truth that it was best related to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    pub verdict: Verdict,
    /// The best relation to any truth.
    pub relation: Relation,
    /// The truth that has it; the first in the order of the annotation.
    pub truth: NodeId,
}

/// The causes that an error has, apart from the order in which verdicts are tested: a set of the verdicts of confirmed
/// and possible multiplicity (METHOD 3). A mistake has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Causes(u16);

impl Causes {
    /// Every cause there is, in the order of the verdicts.
    pub const ALL: [Verdict; 6] = [
        Verdict::Synonym,
        Verdict::AlsoValid,
        Verdict::Generalised,
        Verdict::Specialised,
        Verdict::Overlap,
        Verdict::NameCollision,
    ];

    pub fn contains(self, cause: Verdict) -> bool {
        self.0 & (1 << cause as u16) != 0
    }

    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn insert(&mut self, cause: Verdict) {
        self.0 |= 1 << cause as u16;
    }
}

/// Every cause that forgives the answer `p` for an image annotated with `truths`, the first of which is the primary one;
/// none if the answer is exact, or there is no truth.
///
/// `synonym` is asked of the primary truth, `also_valid` of the others, the rest of each truth.
pub fn causes(
    taxonomy: &Taxonomy,
    collisions: &Collisions,
    p: NodeId,
    truths: &[NodeId],
) -> Causes {
    let mut causes = Causes::default();
    let Some((&primary, others)) = truths.split_first().filter(|(primary, _)| p != **primary)
    else {
        return causes;
    };
    if taxonomy.same_class(p, primary) || same_surface_name(taxonomy, p, primary) {
        causes.insert(Verdict::Synonym);
    }
    if others.iter().any(|&t| taxonomy.same_class(p, t)) {
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
        if p != t && collisions.collide(p, t) {
            causes.insert(Verdict::NameCollision);
        }
    }
    causes
}

/// Which labels cannot be told apart by what the model is given (METHOD 3, `name_collision`).
///
/// Two labels collide if they carry a common name after normalisation, or if their text prototypes have a
/// cosine of at least the threshold.
#[derive(Debug, Clone, Default)]
pub struct Collisions {
    names: HashMap<NodeId, HashSet<String>>,
    prototypes: HashMap<NodeId, usize>,
    vectors: Matrix,
    threshold: f64,
}

impl Collisions {
    /// METHOD's default threshold τ on the cosine of two text prototypes.
    pub const DEFAULT_THRESHOLD: f64 = 0.99;

    /// `nodes[i]` has the unit prototype `vectors.row(i)`.
    pub fn new(taxonomy: &Taxonomy, nodes: &[NodeId], vectors: Matrix, threshold: f64) -> Self {
        let names = nodes
            .iter()
            .map(|&n| {
                let names = taxonomy.node(n).names.iter().map(|name| normalise(name));
                (n, names.collect())
            })
            .collect();
        let prototypes = nodes.iter().enumerate().map(|(i, &n)| (n, i)).collect();
        Self {
            names,
            prototypes,
            vectors,
            threshold,
        }
    }

    /// Whether `a` and `b` cannot be told apart. Nodes that were not given to [`Collisions::new`] never collide.
    pub fn collide(&self, a: NodeId, b: NodeId) -> bool {
        let (Some(&row_a), Some(&row_b)) = (self.prototypes.get(&a), self.prototypes.get(&b))
        else {
            return false;
        };
        if !self.names[&a].is_disjoint(&self.names[&b]) {
            return true;
        }
        let (a, b) = (self.vectors.row(row_a), self.vectors.row(row_b));
        let cosine: f64 = a
            .iter()
            .zip(b)
            .map(|(&x, &y)| f64::from(x) * f64::from(y))
            .sum();
        cosine >= self.threshold
    }
}

/// Judges the answer `p` for an image annotated with `truths`, the first of which is the primary one (METHOD 3).
///
/// `None` if `truths` is empty: an image without a label has no verdict.
///
/// The *surface name* of a label is its preferred name, the one that the prompts show to the model; a name that
/// two labels share further down their lists is a `name_collision`, not a synonym.
pub fn judge(
    taxonomy: &Taxonomy,
    collisions: &Collisions,
    p: NodeId,
    truths: &[NodeId],
) -> Option<Judgement> {
    let (relation, truth) = truths
        .iter()
        .map(|&t| (taxonomy.relation(p, t), t))
        // `min_by_key` keeps the first of equals, so the order of the annotation decides.
        .min_by_key(|(relation, _)| *relation)?;
    let primary = truths[0];
    let verdict = if p == primary {
        Verdict::Exact
    } else if taxonomy.same_class(p, primary) || same_surface_name(taxonomy, p, primary) {
        Verdict::Synonym
    } else {
        match relation {
            Relation::Same | Relation::Equivalent => Verdict::AlsoValid,
            Relation::Ancestor => Verdict::Generalised,
            Relation::Descendant => Verdict::Specialised,
            Relation::Overlapping => Verdict::Overlap,
            _ if truths.iter().any(|&t| collisions.collide(p, t)) => Verdict::NameCollision,
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

/// Which candidates are valid for an image: verdict exact, synonym, also_valid or generalised (METHOD 4).
///
/// By closures and names instead of a judgement a candidate, so that a set takes time in the size of the truths'
/// closures, however many candidates there are.
pub struct ValidSets<'a> {
    taxonomy: &'a Taxonomy,
    /// The place of each candidate.
    places: HashMap<NodeId, usize>,
    /// Candidates by their surface name, normalised.
    by_name: HashMap<String, Vec<NodeId>>,
}

impl<'a> ValidSets<'a> {
    /// For these candidates.
    pub fn new(taxonomy: &'a Taxonomy, candidates: &[NodeId]) -> Self {
        let mut by_name: HashMap<String, Vec<NodeId>> = HashMap::new();
        for &c in candidates {
            let name = normalise(taxonomy.label(c));
            by_name.entry(name).or_default().push(c);
        }
        Self {
            taxonomy,
            places: candidates.iter().copied().zip(0..).collect(),
            by_name,
        }
    }

    /// The candidates that are valid for `truths`, the primary one first, as ascending indices into the candidates: K(x)
    /// is their number.
    pub fn of(&self, truths: &[NodeId]) -> Vec<usize> {
        let Some(&primary) = truths.first() else {
            return Vec::new();
        };
        // Equivalents of a truth and of its ancestors are in its closure.
        let closures = truths.iter().flat_map(|&t| self.taxonomy.ancestors(t));
        let namesakes = self.by_name.get(&normalise(self.taxonomy.label(primary)));
        let mut valid: Vec<usize> = closures
            .chain(namesakes.into_iter().flatten().copied())
            .filter_map(|n| self.places.get(&n).copied())
            .collect();
        valid.sort_unstable();
        valid.dedup();
        valid
    }
}

fn same_surface_name(taxonomy: &Taxonomy, a: NodeId, b: NodeId) -> bool {
    normalise(taxonomy.label(a)) == normalise(taxonomy.label(b))
}
