//! A measure of all pairs, a row at a time: one label against every other in a single pass down the graph.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ops::Range;

use rayon::prelude::*;

use super::{Measure, Pairwise, downwards, of_closures, through_virtual_root};
use crate::taxonomy::{NodeId, Taxonomy};

/// Words of a set of classes that one pass follows: memory for a row stays linear in the taxonomy, however deep it is.
const WORDS: usize = if cfg!(test) { 1 } else { 8 };

/// No class, no number.
const NONE: u32 = u32::MAX;

/// A measure of every pair of some labels.
///
/// Memory is linear in the taxonomy: no table of pairs is kept. A row takes time linear in what is at or above the labels
/// ([`Hf1`](Measure::Hf1): times one for every 512 ancestors of its label).
#[derive(Debug)]
pub struct AllPairs<'t> {
    pairwise: Pairwise<'t>,
    /// The class of each label, as an index into the following.
    labels: Vec<u32>,
    /// The classes at or above a label, by representatives, parents before children.
    classes: Vec<NodeId>,
    /// The parents of class `c`: `parents[starts[c]..starts[c + 1]]`.
    starts: Vec<u32>,
    parents: Vec<u32>,
    /// (min, max) in edges.
    depths: Vec<(u32, u32)>,
    /// [`Pairwise::weight`].
    weights: Vec<f64>,
    /// Leaves below each class, and its place in the order of ids; for measures that need the LCA.
    leaves: Vec<usize>,
    ranks: Vec<u32>,
    /// Classes in the ancestor closure; for [`Measure::Hf1`].
    sizes: Vec<u32>,
}

/// What a row is computed in, used again for the next.
#[derive(Debug, Default)]
struct Scratch {
    /// Whether the class is the row's or above it.
    above: Vec<bool>,
    /// One number a class; what it is depends on the measure.
    found: Vec<u32>,
    /// Sets of lowest common ancestors that are equally informative, each in the order of ids.
    ties: Vec<Vec<u32>>,
    /// [`WORDS`] or fewer of bits a class.
    bits: Vec<u64>,
    row: Vec<f64>,
}

impl<'t> AllPairs<'t> {
    /// The pairs of these labels; a label may stand there several times.
    pub fn new(taxonomy: &'t Taxonomy, measure: Measure, labels: &[NodeId]) -> Self {
        let pairwise = Pairwise::new(taxonomy, measure);
        let classes = downwards(taxonomy, at_or_above(taxonomy, labels));
        let mut index = vec![NONE; taxonomy.len()];
        for (i, class) in classes.iter().enumerate() {
            index[class.index()] = i as u32;
        }
        let (mut starts, mut parents) = (vec![0], Vec::new());
        for &class in &classes {
            parents.extend(taxonomy.class_parents(class).map(|p| index[p.index()]));
            starts.push(parents.len() as u32);
        }
        let (mut leaves, mut ranks) = (Vec::new(), Vec::new());
        if measure.needs_lca() {
            taxonomy.count_all_leaves();
            leaves.extend(classes.iter().map(|&c| taxonomy.leaf_count(c)));
            let mut by_id: Vec<usize> = (0..classes.len()).collect();
            by_id.sort_unstable_by_key(|&c| taxonomy.id(classes[c]));
            ranks.resize(classes.len(), 0);
            for (rank, c) in by_id.into_iter().enumerate() {
                ranks[c] = rank as u32;
            }
        }
        let class_of = |&n: &NodeId| index[taxonomy.representative(n).index()];
        let mut pairs = Self {
            labels: labels.iter().map(class_of).collect(),
            depths: classes
                .iter()
                .map(|&c| taxonomy.depth(c))
                .map(|(min, max)| (min as u32, max as u32))
                .collect(),
            weights: classes.iter().map(|&c| pairwise.weight(c)).collect(),
            pairwise,
            classes,
            starts,
            parents,
            leaves,
            ranks,
            sizes: Vec::new(),
        };
        if measure == Measure::Hf1 {
            let everything: Vec<usize> = (0..pairs.classes.len()).collect();
            let (mut sizes, mut bits) = (Vec::new(), Vec::new());
            pairs.count_above(&everything, &mut bits, &mut sizes);
            pairs.sizes = sizes;
        }
        pairs
    }

    /// Number of labels: of rows, and of values in a row.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no label.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// What `visit` makes of each of these rows, in their order: it is given the row's number and, for each label, its
    /// measure to the row's label. Runs on the current rayon pool; the values do not depend on the number of threads.
    pub fn map<T: Send>(
        &self,
        rows: Range<usize>,
        visit: impl Fn(usize, &[f64]) -> T + Sync,
    ) -> Vec<T> {
        rows.into_par_iter()
            .map_init(Scratch::default, |scratch, i| {
                self.fill(i, scratch);
                visit(i, &scratch.row)
            })
            .collect()
    }

    /// Computes row `i`.
    fn fill(&self, i: usize, scratch: &mut Scratch) {
        let a = self.labels[i] as usize;
        self.mark(a, scratch);
        let mut row = std::mem::take(&mut scratch.row);
        row.clear();
        let columns = self.labels.iter().map(|&b| b as usize);
        match self.pairwise.measure {
            Measure::Bertinetto => {
                self.find_strict(a, scratch);
                row.extend(columns.map(|b| {
                    let deepest = self.up(b).iter().map(|&p| scratch.found[p as usize]).max();
                    // One more than the depth, so that 0 is none.
                    let depth = deepest.unwrap_or(0).checked_sub(1);
                    let depth = depth.map(|depth| depth as usize);
                    self.pairwise.of_strict_ancestor(a == b, depth)
                }));
            }
            Measure::Hf1 => {
                let above: Vec<usize> = (0..=a).filter(|&c| scratch.above[c]).collect();
                self.count_above(&above, &mut scratch.bits, &mut scratch.found);
                row.extend(columns.map(|b| {
                    let count = |list: &[u32], c: usize| list[c] as usize;
                    let sizes = &self.sizes;
                    of_closures(count(&scratch.found, b), count(sizes, a), count(sizes, b))
                }));
            }
            Measure::Depth | Measure::Path => {
                self.find_steps(a, scratch);
                row.extend(columns.map(|b| {
                    let steps = match scratch.found[b] {
                        NONE => {
                            let least = |c: usize| self.depths[c].0 as usize;
                            through_virtual_root(least(a), least(b))
                        }
                        steps => steps as usize,
                    };
                    self.pairwise.of_steps(steps)
                }));
            }
            _ => {
                self.find_lowest(scratch);
                row.extend(columns.map(|b| {
                    let lca = self.members(&scratch.found[b], &scratch.ties).first();
                    let lca = lca.map(|&l| self.weights[l as usize]);
                    let (weight_a, weight_b) = (self.weights[a], self.weights[b]);
                    self.pairwise.of_lca(a == b, weight_a, weight_b, lca)
                }));
            }
        }
        scratch.row = row;
    }

    fn up(&self, c: usize) -> &[u32] {
        &self.parents[self.starts[c] as usize..self.starts[c + 1] as usize]
    }

    /// `above`: the closure of `a`.
    fn mark(&self, a: usize, scratch: &mut Scratch) {
        let above = &mut scratch.above;
        above.clear();
        above.resize(self.classes.len(), false);
        above[a] = true;
        for c in (0..=a).rev() {
            if above[c] {
                self.up(c).iter().for_each(|&p| above[p as usize] = true);
            }
        }
    }

    /// `found`: of each class `c` the deepest at or above it that is strictly above `a`, as its depth plus one; 0 for none.
    fn find_strict(&self, a: usize, scratch: &mut Scratch) {
        let (above, found) = (&scratch.above, &mut scratch.found);
        found.clear();
        for (c, &is_above) in above.iter().enumerate() {
            let deepest = if is_above && c != a {
                self.depths[c].1 + 1
            } else {
                let of_parents = self.up(c).iter().map(|&p| found[p as usize]);
                of_parents.max().unwrap_or(0)
            };
            found.push(deepest);
        }
    }

    /// `found`: fewest edges from `a` up, and from there down to each class.
    fn find_steps(&self, a: usize, scratch: &mut Scratch) {
        let (above, found) = (&scratch.above, &mut scratch.found);
        found.clear();
        found.resize(self.classes.len(), NONE);
        found[a] = 0;
        for c in (0..=a).rev().filter(|&c| above[c]) {
            for &p in self.up(c) {
                found[p as usize] = found[p as usize].min(found[c] + 1);
            }
        }
        for c in 0..found.len() {
            for &p in self.up(c) {
                found[c] = found[c].min(found[p as usize].saturating_add(1));
            }
        }
    }

    /// `counts`: how many of `chosen`, in ascending order, each class has at or above it.
    fn count_above(&self, chosen: &[usize], bits: &mut Vec<u64>, counts: &mut Vec<u32>) {
        counts.clear();
        counts.resize(self.classes.len(), 0);
        for block in chosen.chunks(64 * WORDS) {
            let words = block.len().div_ceil(64);
            bits.clear();
            bits.resize(words * self.classes.len(), 0);
            for (i, &c) in block.iter().enumerate() {
                bits[words * c + i / 64] |= 1 << (i % 64);
            }
            // Nothing of the block is above what comes before its first class.
            for (c, count) in counts.iter_mut().enumerate().skip(block[0]) {
                let (before, own) = bits.split_at_mut(words * c);
                let own = &mut own[..words];
                for &p in self.up(c) {
                    let of_parent = &before[words * p as usize..][..words];
                    own.iter_mut().zip(of_parent).for_each(|(o, p)| *o |= p);
                }
                *count += own.iter().map(|word| word.count_ones()).sum::<u32>();
            }
        }
    }

    /// `found`: the lowest common ancestor of each class with `a`, as [`members`](Self::members) reads it.
    ///
    /// A class above `a` is itself the LCA. What any other has in common with `a` its parents have, so its most informative
    /// LCAs are among theirs. Several that are equally informative go down together: which of them is the least id of those
    /// that are minimal can only be said when all are known.
    fn find_lowest(&self, scratch: &mut Scratch) {
        let (found, ties) = (&mut scratch.found, &mut scratch.ties);
        found.clear();
        ties.clear();
        for (c, &is_above) in scratch.above.iter().enumerate() {
            let lowest = if is_above {
                c as u32
            } else {
                let parents = self.up(c).iter();
                parents.fold(NONE, |lowest, &p| {
                    self.lower(lowest, found[p as usize], ties)
                })
            };
            found.push(lowest);
        }
    }

    /// The classes that an entry of `found` stands for: none, one, or those of a tie.
    fn members<'a>(&self, entry: &'a u32, ties: &'a [Vec<u32>]) -> &'a [u32] {
        let classes = self.classes.len();
        match *entry as usize {
            _ if *entry == NONE => &[],
            class if class < classes => std::slice::from_ref(entry),
            tie => &ties[tie - classes],
        }
    }

    /// The more informative of two entries; where they are equal, the minimal of their classes.
    fn lower(&self, x: u32, y: u32, ties: &mut Vec<Vec<u32>>) -> u32 {
        if x == y {
            return x;
        }
        let (of_x, of_y) = (self.members(&x, ties), self.members(&y, ties));
        let (Some(&first_x), Some(&first_y)) = (of_x.first(), of_y.first()) else {
            return if of_x.is_empty() { y } else { x };
        };
        let leaves = |c: u32| self.leaves[c as usize];
        match leaves(first_x).cmp(&leaves(first_y)) {
            Ordering::Less => return x,
            Ordering::Greater => return y,
            Ordering::Equal => {}
        }
        let mut both = [of_x, of_y].concat();
        both.sort_unstable_by_key(|&c| self.ranks[c as usize]);
        both.dedup();
        let is_above = |c: u32, d: u32| {
            let [c, d] = [c, d].map(|c| self.classes[c as usize]);
            c != d && self.pairwise.taxonomy.is_ancestor(c, d)
        };
        let mut minimal = both.clone();
        minimal.retain(|&c| !both.iter().any(|&d| is_above(c, d)));
        if minimal == of_x {
            x
        } else if minimal == of_y {
            y
        } else if let [one] = minimal[..] {
            one
        } else {
            ties.push(minimal);
            (self.classes.len() + ties.len() - 1) as u32
        }
    }
}

/// Representatives of the classes of these labels and of all that is above them.
fn at_or_above(taxonomy: &Taxonomy, labels: &[NodeId]) -> Vec<NodeId> {
    let mut met = HashSet::new();
    let mut classes: Vec<NodeId> = labels
        .iter()
        .map(|&n| taxonomy.representative(n))
        .filter(|&n| met.insert(n))
        .collect();
    let mut next = 0;
    while let Some(&class) = classes.get(next) {
        next += 1;
        classes.extend(taxonomy.class_parents(class).filter(|&p| met.insert(p)));
    }
    classes
}
