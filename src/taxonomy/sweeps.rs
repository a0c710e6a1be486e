//! Questions about the closures of all classes at once: which edges are redundant, how many leaves everything has.
//!
//! A walk from each class is quickest where closures are small, as in WordNet, and quadratic where they are not. So
//! walks have a budget that is linear in the graph, and what is left is found by sweeps: each passes once over the graph
//! and carries sets of [`WIDTH`] classes as bits. Memory stays linear, and the time of a sweep is that of its edges.

use std::collections::BinaryHeap;

use super::graph::{Class, Dag};

/// Classes that one sweep follows.
const WIDTH: usize = 512;
/// As many bits.
type Bits = [u64; WIDTH / 64];

/// Steps that walks may take together, per class and edge. Tests take both ways.
const STEPS: usize = if cfg!(test) { 1 } else { 32 };

/// An edge that a longer path implies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Redundant {
    pub child: Class,
    pub parent: Class,
    /// Another parent of the child, below `parent`.
    pub through: Class,
}

impl Dag {
    /// Every redundant edge, by child and parent: what the transitive reduction leaves out.
    ///
    /// O(V + E) for walks, then O(E · V / 512) set operations at most for what they leave.
    pub fn redundant_edges(&self) -> Vec<Redundant> {
        let mut out = Vec::new();
        let mut pending = Vec::new();
        let mut walk = Walk::new(self);
        for c in 0..self.len() as Class {
            if !self.suspects(c).is_empty() && !walk.from(c, &mut out) {
                pending.push(c);
            }
        }
        if !pending.is_empty() {
            self.sweep_up(&pending, &mut out);
        }
        out.sort_unstable();
        out
    }

    /// Parents that may be above another parent: such a one lies less deep.
    fn suspects(&self, c: Class) -> Vec<Class> {
        let parents = self.up(c);
        if parents.len() < 2 {
            return Vec::new();
        }
        let deepest = parents.iter().map(|&p| self.depth(p).1).max();
        let shallow = parents.iter().filter(|&&p| Some(self.depth(p).1) < deepest);
        shallow.copied().collect()
    }

    /// The redundant edges of the `pending` classes. What is above each class flows down from its parents.
    fn sweep_up(&self, pending: &[Class], out: &mut Vec<Redundant>) {
        let n = self.len();
        let mut position = vec![0u32; n];
        for (i, &c) in self.order().iter().enumerate() {
            position[c as usize] = i as u32;
        }
        let mut asked = vec![false; n];
        let mut targets: Vec<Class> = Vec::new();
        for &c in pending {
            asked[c as usize] = true;
            targets.extend(self.suspects(c));
        }
        // In this order each sweep can begin at its first target.
        targets.sort_unstable_by_key(|&c| position[c as usize]);
        targets.dedup();
        // What lies on no way up from what is asked need not be visited.
        let mut needed = asked.clone();
        for &c in self.order().iter().rev() {
            if needed[c as usize] {
                self.up(c).iter().for_each(|&p| needed[p as usize] = true);
            }
        }
        let mut bit = vec![u16::MAX; n];
        let mut above: Vec<Bits> = vec![[0; WIDTH / 64]; n];
        for block in targets.chunks(WIDTH) {
            for (i, &c) in block.iter().enumerate() {
                bit[c as usize] = i as u16;
            }
            let first = position[block[0] as usize] as usize;
            for &c in &self.order()[first..] {
                if !needed[c as usize] {
                    continue;
                }
                let mut bits = [0; WIDTH / 64];
                for &p in self.up(c) {
                    // Classes before the first target have nothing of this block above them.
                    if position[p as usize] as usize >= first {
                        unite(&mut bits, &above[p as usize]);
                    }
                }
                if asked[c as usize] {
                    self.redundant_of(c, &bits, &bit, &above, &position, out);
                }
                // From here on, the parents are above too.
                for &p in self.up(c) {
                    set(&mut bits, bit[p as usize]);
                }
                above[c as usize] = bits;
            }
            block.iter().for_each(|&c| bit[c as usize] = u16::MAX);
        }
    }

    /// The redundant edges of `c` among this block's targets; `strictly`: what is above its parents.
    fn redundant_of(
        &self,
        c: Class,
        strictly: &Bits,
        bit: &[u16],
        above: &[Bits],
        position: &[u32],
        out: &mut Vec<Redundant>,
    ) {
        for &parent in self.up(c) {
            let b = bit[parent as usize];
            if !has(strictly, b) {
                continue;
            }
            // What comes before `parent` is not below it, and may hold the bits of another block.
            let after = |q: &Class| position[*q as usize] > position[parent as usize];
            let below = |q: &&Class| after(q) && has(&above[**q as usize], b);
            let below = self.up(c).iter().find(below);
            if let Some(&through) = below {
                out.push(Redundant {
                    child: c,
                    parent,
                    through,
                });
            }
        }
    }

    /// Finds every leaf count that is not known yet, so that [`Dag::leaf_count`] takes no walk.
    pub fn count_all_leaves(&self) {
        let n = self.len();
        let unknown = |c: &Class| self.known_leaf_count(*c).is_none();
        let mut needed = vec![false; n];
        for &c in self.order() {
            if needed[c as usize] || unknown(&c) {
                needed[c as usize] = true;
                self.down(c).iter().for_each(|&d| needed[d as usize] = true);
            }
        }
        let below: Vec<Class> = self
            .order()
            .iter()
            .rev()
            .copied()
            .filter(|&c| needed[c as usize])
            .collect();
        let leaves: Vec<Class> = below
            .iter()
            .copied()
            .filter(|&c| self.down(c).is_empty())
            .collect();
        let mut counts = vec![0u32; n];
        let mut under: Vec<Bits> = vec![[0; WIDTH / 64]; n];
        for block in leaves.chunks(WIDTH) {
            for (i, &leaf) in block.iter().enumerate() {
                set(&mut under[leaf as usize], i as u16);
            }
            for &c in below.iter().filter(|&&c| !self.down(c).is_empty()) {
                let mut bits = [0; WIDTH / 64];
                for &d in self.down(c) {
                    unite(&mut bits, &under[d as usize]);
                }
                counts[c as usize] += bits.iter().map(|word| word.count_ones()).sum::<u32>();
                under[c as usize] = bits;
            }
            for &leaf in block {
                under[leaf as usize] = [0; WIDTH / 64];
            }
        }
        for &c in below.iter().filter(|c| unknown(c)) {
            self.keep_leaf_count(c, counts[c as usize]);
        }
    }
}

fn unite(bits: &mut Bits, more: &Bits) {
    for (word, more) in bits.iter_mut().zip(more) {
        *word |= more;
    }
}

/// `u16::MAX` is no member of any set.
fn set(bits: &mut Bits, i: u16) {
    if let Some(word) = bits.get_mut(usize::from(i) / 64) {
        *word |= 1 << (i % 64);
    }
}

fn has(bits: &Bits, i: u16) -> bool {
    bits.get(usize::from(i) / 64)
        .is_some_and(|word| word >> (i % 64) & 1 == 1)
}

/// Walks up from one class at a time, deepest first.
struct Walk<'d> {
    dag: &'d Dag,
    /// Steps that may still be taken.
    left: usize,
    /// Class → the last class that was walked from and met it.
    met: Vec<Class>,
    /// Class → the last class that was walked from of which it is a parent.
    parent_of: Vec<Class>,
    /// (depth, class, parent by which it was reached)
    heap: BinaryHeap<(usize, Class, Class)>,
}

impl<'d> Walk<'d> {
    fn new(dag: &'d Dag) -> Self {
        let edges: usize = dag.order().iter().map(|&c| dag.up(c).len()).sum();
        Self {
            dag,
            left: STEPS * (dag.len() + edges),
            met: vec![Class::MAX; dag.len()],
            parent_of: vec![Class::MAX; dag.len()],
            heap: BinaryHeap::new(),
        }
    }

    /// Finds the redundant edges of `c`; false, and none, when the steps run out.
    fn from(&mut self, c: Class, out: &mut Vec<Redundant>) -> bool {
        let dag = self.dag;
        let (parents, before) = (dag.up(c), out.len());
        // A parent that is above another lies less deep, so one walk up to the least deep one serves for all.
        let floor = parents.iter().map(|&p| dag.depth(p).1).min().unwrap_or(0);
        self.heap.clear();
        let climb = |heap: &mut BinaryHeap<_>, from: Class, through: Class| {
            let above = dag.up(from).iter().map(|&g| (dag.depth(g).1, g, through));
            heap.extend(above.filter(|(depth, ..)| *depth >= floor));
        };
        for &p in parents {
            self.parent_of[p as usize] = c;
            climb(&mut self.heap, p, p);
        }
        while let Some((_, class, through)) = self.heap.pop() {
            if self.left == 0 {
                out.truncate(before);
                return false;
            }
            self.left -= 1;
            if std::mem::replace(&mut self.met[class as usize], c) == c {
                continue;
            }
            if self.parent_of[class as usize] == c {
                out.push(Redundant {
                    child: c,
                    parent: class,
                    through,
                });
            }
            climb(&mut self.heap, class, through);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::{NodeId, graph::Lists};

    /// `n` classes, each but the first with up to `parents` parents among the `window` before it.
    fn random(n: u32, parents: u32, window: u32) -> Dag {
        let mut state = 7u64;
        let mut below = |limit: u32| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32 % limit
        };
        let mut edges = Vec::new();
        for child in 1..n {
            for _ in 0..=below(parents) {
                let parent = child - 1 - below(child.min(window));
                edges.push((NodeId(child), NodeId(parent)));
            }
        }
        let members = Lists::group(n as usize, (0..n).map(|i| (i, NodeId(i))), NodeId(0));
        Dag::new((0..n).collect(), members, &edges)
    }

    /// Sparse and dense, of several blocks of [`WIDTH`].
    fn graphs() -> [Dag; 4] {
        [
            random(40, 3, 40),
            random(1500, 2, 1500),
            random(1300, 6, 1300),
            random(1100, 5, 30),
        ]
    }

    #[test]
    fn walks_and_sweeps_find_what_brute_force_finds() {
        for dag in graphs() {
            let mut expected = Vec::new();
            for c in 0..dag.len() as Class {
                for &p in dag.up(c) {
                    if dag.up(c).iter().any(|&q| q != p && dag.is_ancestor(p, q)) {
                        expected.push((c, p));
                    }
                }
            }
            expected.sort_unstable();
            let mut walked = Vec::new();
            let mut walk = Walk::new(&dag);
            walk.left = usize::MAX;
            let all: Vec<Class> = (0..dag.len() as Class)
                .filter(|&c| !dag.suspects(c).is_empty())
                .collect();
            assert!(all.iter().all(|&c| walk.from(c, &mut walked)));
            let mut swept = Vec::new();
            dag.sweep_up(&all, &mut swept);
            for mut found in [walked, swept, dag.redundant_edges()] {
                found.sort_unstable();
                let through =
                    |e: &Redundant| e.through != e.parent && dag.up(e.child).contains(&e.through);
                assert!(
                    found
                        .iter()
                        .all(|e| through(e) && dag.is_ancestor(e.parent, e.through))
                );
                let edges: Vec<_> = found.iter().map(|e| (e.child, e.parent)).collect();
                assert_eq!(edges, expected);
            }
        }
    }

    #[test]
    fn all_leaves_at_once_are_as_many_as_one_by_one() {
        for dag in graphs() {
            let swept = dag.clone();
            swept.count_all_leaves();
            for c in 0..dag.len() as Class {
                let leaves = dag
                    .descendants(c)
                    .iter()
                    .filter(|&&d| dag.down(d).is_empty())
                    .count();
                assert_eq!(swept.known_leaf_count(c), Some(leaves));
                assert_eq!(dag.leaf_count(c), leaves);
            }
        }
    }
}
