//! m(n|x), the probability at or below each node (METHOD 2), for every node that has any.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::DecideError;
use crate::score::answer::Scores;
use crate::taxonomy::{NodeId, Taxonomy};

/// Pairs of a candidate and a class at or above it that are kept: 64 MiB. WordNet has a million of them.
const MAX_PAIRS: usize = if cfg!(test) { 48 } else { 16 << 20 };

/// The nodes that can be answered, and which candidates are at or below each.
///
/// What can be answered are the candidates and their ancestors, equivalent nodes as one class: the *classes*, numbered
/// from 0, parents before children. A class's mass is the sum of the probabilities of the distinct candidates at or below
/// it, added in the order of the candidates: by membership, so that on a diamond none counts twice, and so that in
/// floating point too no class has more mass than one above it.
///
/// Memory is linear in the taxonomy and in the pairs of a candidate and a class at or above it, up to a bound; above
/// it nothing more is kept, and the same sums are found by walks up from every candidate. The masses of an image take time
/// in these pairs; a candidate without probability takes none.
#[derive(Debug)]
pub struct Masses<'t> {
    pub(super) taxonomy: &'t Taxonomy,
    pub(super) candidates: Vec<NodeId>,
    /// Representatives of the classes.
    nodes: Vec<NodeId>,
    /// Parents, children and own candidates of each class.
    parents: Lists,
    children: Lists,
    own: Lists,
    /// The class of each candidate.
    class_of: Vec<u32>,
    /// The classes at or above each candidate; `None` where they are too many to keep.
    above: Option<Lists>,
    /// Leaves of the taxonomy below each class, itself for a leaf.
    leaves: Vec<usize>,
    /// Of each class its greatest depth.
    depths: Vec<usize>,
    /// The place of each class in the order of the representatives' ids: how ties are broken.
    ranks: Vec<u32>,
    /// The place of each candidate in the order of ids.
    tie_order: Vec<usize>,
}

/// Lists of numbers, one after the other.
#[derive(Debug, Default)]
struct Lists {
    starts: Vec<usize>,
    items: Vec<u32>,
}

impl Lists {
    fn collect(lists: impl Iterator<Item = Vec<u32>>) -> Self {
        let mut out = Self {
            starts: vec![0],
            items: Vec::new(),
        };
        for list in lists {
            out.items.extend(list);
            out.starts.push(out.items.len());
        }
        out
    }

    fn get(&self, i: usize) -> &[u32] {
        &self.items[self.starts[i]..self.starts[i + 1]]
    }
}

impl<'t> Masses<'t> {
    /// Prepares the masses over these candidates.
    ///
    /// # Errors
    /// [`DecideError::NoCandidates`] and [`DecideError::RepeatedCandidate`].
    pub fn new(taxonomy: &'t Taxonomy, candidates: &[NodeId]) -> Result<Self, DecideError> {
        if candidates.is_empty() {
            return Err(DecideError::NoCandidates);
        }
        let mut by_id: Vec<usize> = (0..candidates.len()).collect();
        by_id.sort_by_key(|&c| taxonomy.id(candidates[c]));
        if let Some(pair) = by_id
            .windows(2)
            .find(|pair| candidates[pair[0]] == candidates[pair[1]])
        {
            let id = taxonomy.id(candidates[pair[0]]).to_owned();
            return Err(DecideError::RepeatedCandidate { id });
        }
        let nodes = at_or_above(taxonomy, candidates);
        let index: HashMap<NodeId, u32> = nodes.iter().copied().zip(0..).collect();
        let parents: Vec<Vec<u32>> = nodes
            .iter()
            .map(|&n| taxonomy.class_parents(n).map(|p| index[&p]).collect())
            .collect();
        let class_of: Vec<u32> = candidates
            .iter()
            .map(|&c| index[&taxonomy.representative(c)])
            .collect();
        let mut own = vec![Vec::new(); nodes.len()];
        for (candidate, &class) in class_of.iter().enumerate() {
            own[class as usize].push(candidate as u32);
        }
        let mut children = vec![Vec::new(); nodes.len()];
        for (class, parents) in parents.iter().enumerate() {
            for &parent in parents {
                children[parent as usize].push(class as u32);
            }
        }
        let mut ids: Vec<usize> = (0..nodes.len()).collect();
        ids.sort_by_key(|&class| taxonomy.id(nodes[class]));
        taxonomy.count_all_leaves();
        let mut masses = Self {
            taxonomy,
            candidates: candidates.to_vec(),
            leaves: nodes.iter().map(|&n| taxonomy.leaf_count(n)).collect(),
            depths: nodes.iter().map(|&n| taxonomy.depth(n).1).collect(),
            ranks: places(&ids).into_iter().map(|rank| rank as u32).collect(),
            tie_order: places(&by_id),
            nodes,
            parents: Lists::collect(parents.into_iter()),
            children: Lists::collect(children.into_iter()),
            own: Lists::collect(own.into_iter()),
            class_of,
            above: None,
        };
        masses.above = masses.all_above();
        Ok(masses)
    }

    /// The classes above every candidate, unless they are too many.
    fn all_above(&self) -> Option<Lists> {
        let mut walk = Walk::new(self.len());
        let mut lists = Lists {
            starts: vec![0],
            items: Vec::new(),
        };
        for &class in &self.class_of {
            lists.items.extend(walk.up(self, class));
            lists.starts.push(lists.items.len());
            if lists.items.len() > MAX_PAIRS {
                return None;
            }
        }
        Some(lists)
    }

    /// Number of classes that can be answered.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: there is a candidate.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Representatives of the classes, in the order of their masses: parents before children.
    pub fn nodes(&self) -> &[NodeId] {
        &self.nodes
    }

    /// m(n|x) of every class. `probabilities[c]` is that of candidate `c`.
    pub fn of(&self, probabilities: &[f64]) -> Vec<f64> {
        let mut masses = vec![0.0; self.len()];
        let with_any = probabilities.iter().enumerate().filter(|(_, p)| **p != 0.0);
        match &self.above {
            Some(above) => {
                for (candidate, &p) in with_any {
                    for &class in above.get(candidate) {
                        masses[class as usize] += p;
                    }
                }
            }
            None => {
                let mut walk = Walk::new(self.len());
                for (candidate, &p) in with_any {
                    for &class in walk.up(self, self.class_of[candidate]) {
                        masses[class as usize] += p;
                    }
                }
            }
        }
        masses
    }

    /// The probability of the class itself: that of its candidates, none for an ancestor of candidates.
    pub(super) fn own(&self, class: usize, probabilities: &[f64]) -> f64 {
        let own = self.own.get(class).iter();
        own.map(|&c| probabilities[c as usize]).sum()
    }

    /// Whether the class has a candidate of its own.
    pub(super) fn is_candidate(&self, class: usize) -> bool {
        !self.own.get(class).is_empty()
    }

    /// The node that stands for the class in an answer: its most probable candidate, ties by id; else its
    /// representative.
    pub(in crate::score) fn node(&self, class: usize, probabilities: &[f64]) -> NodeId {
        let own = self.own.get(class).iter().map(|&c| c as usize);
        let best = own.min_by(|&a, &b| {
            let more = probabilities[b].total_cmp(&probabilities[a]);
            more.then(self.candidates_by_id(a, b))
        });
        best.map_or(self.nodes[class], |c| self.candidates[c])
    }

    pub(super) fn parents(&self, class: usize) -> impl Iterator<Item = usize> + '_ {
        self.parents.get(class).iter().map(|&p| p as usize)
    }

    pub(super) fn children(&self, class: usize) -> impl Iterator<Item = usize> + '_ {
        self.children.get(class).iter().map(|&c| c as usize)
    }

    /// The class of candidate `c`.
    pub(super) fn class_of(&self, c: usize) -> usize {
        self.class_of[c] as usize
    }

    pub(in crate::score) fn leaves(&self, class: usize) -> usize {
        self.leaves[class]
    }

    /// Which of two is better as an answer of equal merit: the lesser id.
    pub(super) fn by_id(&self, a: usize, b: usize) -> Ordering {
        self.ranks[a].cmp(&self.ranks[b])
    }

    /// The candidate of lesser id first.
    pub(super) fn candidates_by_id(&self, a: usize, b: usize) -> Ordering {
        self.tie_order[a].cmp(&self.tie_order[b])
    }

    /// The more massive first, ties by id.
    pub(super) fn by_mass(&self, masses: &[f64], a: usize, b: usize) -> Ordering {
        masses[b].total_cmp(&masses[a]).then(self.by_id(a, b))
    }

    /// The more specific first: of more information (fewer leaves below), then of more mass, then deeper, then of lesser
    /// id.
    ///
    /// Mass comes before depth, since it is what the nodes of equal information differ in: of two leaves the more probable
    /// is meant, however deep the other lies. Depth decides within a chain that has the same mass all along.
    pub(in crate::score) fn by_specificity(&self, masses: &[f64], a: usize, b: usize) -> Ordering {
        self.leaves[a]
            .cmp(&self.leaves[b])
            .then(masses[b].total_cmp(&masses[a]))
            .then(self.depths[b].cmp(&self.depths[a]))
            .then(self.by_id(a, b))
    }

    /// The better of two candidates first: more probable, then more similar (in a very flat or a saturated softmax the
    /// probabilities are the same), then of lesser id.
    pub(super) fn by_score(&self, scores: &Scores<'_>, a: usize, b: usize) -> Ordering {
        let similarity = |c: usize| scores.similarities.get(c).copied().unwrap_or(0.0);
        scores.probabilities[b]
            .total_cmp(&scores.probabilities[a])
            .then(similarity(b).total_cmp(&similarity(a)))
            .then(self.candidates_by_id(a, b))
    }
}

/// Walks up from one class at a time.
struct Walk {
    /// Of each class the last walk that met it.
    met: Vec<u32>,
    turn: u32,
    found: Vec<u32>,
}

impl Walk {
    fn new(classes: usize) -> Self {
        Self {
            met: vec![0; classes],
            turn: 0,
            found: Vec::new(),
        }
    }

    fn up(&mut self, masses: &Masses<'_>, class: u32) -> &[u32] {
        self.turn += 1;
        self.found.clear();
        self.found.push(class);
        self.met[class as usize] = self.turn;
        let mut next = 0;
        while let Some(&class) = self.found.get(next) {
            next += 1;
            for &parent in masses.parents.get(class as usize) {
                if self.met[parent as usize] != self.turn {
                    self.met[parent as usize] = self.turn;
                    self.found.push(parent);
                }
            }
        }
        &self.found
    }
}

/// Of each number its place in the list.
fn places(order: &[usize]) -> Vec<usize> {
    let mut places = vec![0; order.len()];
    for (place, &i) in order.iter().enumerate() {
        places[i] = place;
    }
    places
}

/// Representatives of the classes of these candidates and of all that is above them, parents before children.
fn at_or_above(taxonomy: &Taxonomy, candidates: &[NodeId]) -> Vec<NodeId> {
    let mut met = vec![false; taxonomy.len()];
    let mut first = |n: &NodeId| !std::mem::replace(&mut met[n.index()], true);
    let mut classes: Vec<NodeId> = candidates
        .iter()
        .map(|&n| taxonomy.representative(n))
        .filter(&mut first)
        .collect();
    let mut next = 0;
    while let Some(&class) = classes.get(next) {
        next += 1;
        classes.extend(taxonomy.class_parents(class).filter(&mut first));
    }
    // A class is deeper than each of its parents.
    classes.sort_unstable_by_key(|&n| (taxonomy.depth(n).1, n));
    classes
}
