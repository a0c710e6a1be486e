//! The collapsed graph: equivalence classes and their edges, with the indices that answer relations quickly.
//!
//! Every measure of METHOD 2 and 3 is computed here, on classes. Nothing is quadratic in the number of nodes: an
//! ancestor test climbs only through classes with several parents, with a spanning forest's intervals for the rest;
//! common descendants are looked for among the classes with several parents, since the topmost one must be such.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use super::{Map, NodeId, Relation, Set};

/// Index of an equivalence class.
pub(super) type Class = u32;

const NONE: u32 = u32::MAX;
/// Memory for [`Dag::shared`]: a list longer than this, or lists longer than this together, are not kept. Tests run
/// with hardly any, so that small graphs take both ways.
const LIST_LIMIT: usize = if cfg!(test) { 2 } else { 4096 };
const LISTS_LIMIT: usize = 8_000_000;
/// Entries that may be merged to find a list, and all lists: a dense graph's would take longer than the rest of loading.
const MERGE_LIMIT: usize = 4 * LIST_LIMIT;
const MERGES_LIMIT: usize = 2 * LISTS_LIMIT;

/// Ancestors that a class may have for its closure to be kept: those of all classes of a deep, dense graph would take quadratic memory.
const KEPT_ABOVE: usize = if cfg!(test) { 3 } else { 64 };

/// Lists of lists in two arrays: the `i`th is `items[starts[i]..starts[i + 1]]`.
#[derive(Debug, Clone)]
pub(super) struct Lists<T> {
    starts: Vec<u32>,
    items: Vec<T>,
}

impl<T: Copy> Lists<T> {
    /// Groups `(list, item)` pairs over `count` lists; each list keeps the order of the pairs.
    pub fn group(count: usize, pairs: impl Iterator<Item = (u32, T)> + Clone, blank: T) -> Self {
        let mut starts = vec![0u32; count + 1];
        for (list, _) in pairs.clone() {
            starts[list as usize + 1] += 1;
        }
        for i in 0..count {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut items = vec![blank; starts[count] as usize];
        for (list, item) in pairs {
            let at = &mut next[list as usize];
            items[*at as usize] = item;
            *at += 1;
        }
        Self { starts, items }
    }

    pub fn get(&self, i: u32) -> &[T] {
        &self.items[self.starts[i as usize] as usize..self.starts[i as usize + 1] as usize]
    }
}

/// Leaf counts that take a walk to find, kept once found; 0: not yet.
#[derive(Debug)]
struct Counts(Vec<AtomicU32>);

impl Clone for Counts {
    fn clone(&self) -> Self {
        Self(
            self.0
                .iter()
                .map(|c| c.load(Ordering::Relaxed).into())
                .collect(),
        )
    }
}

/// Elements up to which a set is searched one by one.
const FEW: usize = if cfg!(test) { 3 } else { 32 };

/// A set of classes that is nearly always small.
#[derive(Default)]
struct Seen {
    few: Vec<Class>,
    many: Set<Class>,
}

impl Seen {
    fn insert(&mut self, c: Class) -> bool {
        if !self.many.is_empty() {
            return self.many.insert(c);
        }
        if self.few.contains(&c) {
            return false;
        }
        self.few.push(c);
        if self.few.len() > FEW {
            self.many.extend(self.few.drain(..));
        }
        true
    }
}

/// The ancestor closure of a class, ascending; `None` if it has more than [`KEPT_ABOVE`].
type Above = OnceLock<Option<Box<[Class]>>>;

#[derive(Debug, Clone)]
pub(super) struct Dag {
    /// Node → class.
    class_of: Vec<Class>,
    /// Class → nodes, by id; the first represents the class.
    members: Lists<NodeId>,
    /// Class → parents, and children, each once.
    up: Lists<Class>,
    down: Lists<Class>,
    /// Parents before children.
    order: Vec<Class>,
    depth: Vec<(u32, u32)>,
    /// Interval in the spanning forest of first parents: `a` is above `d` in it iff `a.0 <= d.0 && d.0 < a.1`.
    interval: Vec<(u32, u32)>,
    /// The nearest class with several parents at or above, along only parents.
    climb: Vec<u32>,
    /// The one root above, or `NONE` when there are several.
    root: Vec<u32>,
    /// Classes with several parents at or below, sorted; `None` where the list would be long.
    shared: Vec<Option<Box<[Class]>>>,
    leaves: Counts,
    total_leaves: usize,
    /// Ancestor closures of classes that were asked for theirs. All clones have the same.
    above: Arc<[Above]>,
    /// Class → groups of `overlaps` it is in, sorted.
    overlaps: Map<Class, Vec<u32>>,
    /// Class → (group of `disjoint`, member number) it is.
    disjoint: Map<Class, Vec<(u32, u32)>>,
}

impl Dag {
    /// Builds the indices over the collapsed edges `(child node, parent node)`, which must be acyclic.
    /// `class_of` gives each node's class, `0..classes` without gaps; `members` each class's nodes by id.
    pub fn new(class_of: Vec<Class>, members: Lists<NodeId>, edges: &[(NodeId, NodeId)]) -> Self {
        let n = members.starts.len() - 1;
        let mut seen = Set::default();
        seen.reserve(edges.len());
        let mut links: Vec<(Class, Class)> = Vec::with_capacity(edges.len());
        for &(child, parent) in edges {
            let link = (class_of[child.index()], class_of[parent.index()]);
            if link.0 != link.1 && seen.insert(link) {
                links.push(link);
            }
        }
        drop(seen);
        let up = Lists::group(n, links.iter().copied(), 0);
        let down = Lists::group(n, links.iter().map(|&(c, p)| (p, c)), 0);
        let mut dag = Self {
            class_of,
            members,
            up,
            down,
            order: Vec::with_capacity(n),
            depth: vec![(0, 0); n],
            interval: vec![(0, 0); n],
            climb: vec![NONE; n],
            root: vec![NONE; n],
            shared: vec![None; n],
            leaves: Counts((0..n).map(|_| AtomicU32::new(0)).collect()),
            total_leaves: 0,
            above: (0..n).map(|_| OnceLock::new()).collect(),
            overlaps: Map::default(),
            disjoint: Map::default(),
        };
        dag.sort();
        dag.sink();
        dag.span();
        dag.rise();
        dag
    }

    /// `order`: Kahn's, from the roots.
    fn sort(&mut self) {
        let n = self.depth.len() as u32;
        let mut waits: Vec<u32> = (0..n).map(|c| self.up.get(c).len() as u32).collect();
        self.order
            .extend((0..n).filter(|&c| waits[c as usize] == 0));
        let mut next = 0;
        while let Some(&c) = self.order.get(next) {
            next += 1;
            for &child in self.down.get(c) {
                waits[child as usize] -= 1;
                if waits[child as usize] == 0 {
                    self.order.push(child);
                }
            }
        }
        debug_assert_eq!(
            self.order.len(),
            n as usize,
            "the collapsed graph has a cycle"
        );
    }

    /// What flows down: depths, climbs, roots.
    fn sink(&mut self) {
        for &c in &self.order {
            let i = c as usize;
            let parents = self.up.get(c);
            let Some(&first) = parents.first() else {
                self.root[i] = c;
                continue;
            };
            let depths = || parents.iter().map(|&p| self.depth[p as usize]);
            let least = depths().map(|d| d.0).min().unwrap_or(0);
            let most = depths().map(|d| d.1).max().unwrap_or(0);
            self.depth[i] = (least + 1, most + 1);
            let root = self.root[first as usize];
            self.root[i] = if parents.iter().all(|&p| self.root[p as usize] == root) {
                root
            } else {
                NONE
            };
            self.climb[i] = if parents.len() > 1 {
                c
            } else {
                self.climb[first as usize]
            };
        }
    }

    /// `interval`, by a walk of the forest of first parents.
    fn span(&mut self) {
        let mut clock = 0;
        let mut stack: Vec<(Class, usize)> = Vec::new();
        let roots: Vec<Class> = self
            .order
            .iter()
            .copied()
            .take_while(|&c| self.up.get(c).is_empty())
            .collect();
        for root in roots {
            self.interval[root as usize].0 = clock;
            clock += 1;
            stack.push((root, 0));
            while let Some((c, next)) = stack.last_mut() {
                let c = *c;
                let Some(&child) = self.down.get(c).get(*next) else {
                    self.interval[c as usize].1 = clock;
                    stack.pop();
                    continue;
                };
                *next += 1;
                if self.up.get(child)[0] == c {
                    self.interval[child as usize].0 = clock;
                    clock += 1;
                    stack.push((child, 0));
                }
            }
        }
    }

    /// What flows up: shared classes, and leaf counts where nothing below is reached twice.
    fn rise(&mut self) {
        let (mut kept, mut work) = (0, 0);
        let mut merged: Vec<Class> = Vec::new();
        for &c in self.order.iter().rev() {
            let children = self.down.get(c);
            if children.is_empty() {
                self.total_leaves += 1;
                self.leaves.0[c as usize] = AtomicU32::new(1);
            }
            let lists = || {
                children
                    .iter()
                    .map(|&child| self.shared[child as usize].as_deref())
            };
            let length: Option<usize> = lists().map(|list| list.map(<[_]>::len)).sum();
            let Some(length) = length.filter(|&l| l <= MERGE_LIMIT && work + l <= MERGES_LIMIT)
            else {
                continue;
            };
            work += length;
            merged.clear();
            lists()
                .flatten()
                .for_each(|list| merged.extend_from_slice(list));
            merged.sort_unstable();
            merged.dedup();
            let once = merged.len() == length;
            if self.up.get(c).len() > 1
                && let Err(at) = merged.binary_search(&c)
            {
                merged.insert(at, c);
            }
            let below = |child: &Class| self.leaves.0[*child as usize].load(Ordering::Relaxed);
            if once && !children.is_empty() && children.iter().all(|child| below(child) > 0) {
                let sum = children.iter().map(below).sum();
                self.leaves.0[c as usize] = AtomicU32::new(sum);
            }
            if merged.len() <= LIST_LIMIT && kept + merged.len() <= LISTS_LIMIT {
                kept += merged.len();
                self.shared[c as usize] = Some(merged.as_slice().into());
            }
        }
    }

    /// Declares the nodes of each group to overlap, or to be disjoint, pairwise.
    pub fn declare(&mut self, overlaps: &[Vec<NodeId>], disjoint: &[Vec<NodeId>]) {
        for (group, nodes) in overlaps.iter().enumerate() {
            for &n in nodes {
                self.overlaps
                    .entry(self.class(n))
                    .or_default()
                    .push(group as u32);
            }
        }
        for (group, nodes) in disjoint.iter().enumerate() {
            for (member, &n) in nodes.iter().enumerate() {
                self.disjoint
                    .entry(self.class(n))
                    .or_default()
                    .push((group as u32, member as u32));
            }
        }
    }

    pub fn class(&self, n: NodeId) -> Class {
        self.class_of[n.index()]
    }

    pub fn len(&self) -> usize {
        self.depth.len()
    }

    /// The nodes of a class, by id.
    pub fn members(&self, c: Class) -> &[NodeId] {
        self.members.get(c)
    }

    pub fn up(&self, c: Class) -> &[Class] {
        self.up.get(c)
    }

    pub fn down(&self, c: Class) -> &[Class] {
        self.down.get(c)
    }

    /// (min, max) edges from a root.
    pub fn depth(&self, c: Class) -> (usize, usize) {
        let (least, most) = self.depth[c as usize];
        (least as usize, most as usize)
    }

    /// The closure of `c` along `lists`, `c` included, in no order.
    fn closure(lists: &Lists<Class>, c: Class) -> Vec<Class> {
        let mut seen = Seen::default();
        seen.insert(c);
        let mut out = vec![c];
        let mut next = 0;
        while let Some(&c) = out.get(next) {
            next += 1;
            for &other in lists.get(c) {
                if seen.insert(other) {
                    out.push(other);
                }
            }
        }
        out
    }

    pub fn ancestors(&self, c: Class) -> Vec<Class> {
        Self::closure(&self.up, c)
    }

    /// The ancestors of `c`, `c` included, ascending.
    pub fn sorted_ancestors(&self, c: Class) -> Cow<'_, [Class]> {
        let sorted = || {
            let mut above = self.ancestors(c);
            above.sort_unstable();
            above
        };
        let mut found = None;
        let kept = self.above[c as usize].get_or_init(|| {
            let above = sorted();
            match above.len() {
                ..=KEPT_ABOVE => Some(above.into()),
                _ => {
                    found = Some(above);
                    None
                }
            }
        });
        match kept {
            Some(kept) => Cow::Borrowed(kept),
            None => Cow::Owned(found.unwrap_or_else(sorted)),
        }
    }

    /// What is above both, these included, ascending.
    pub fn common_ancestors(&self, a: Class, b: Class) -> Vec<Class> {
        let (a, b) = (self.sorted_ancestors(a), self.sorted_ancestors(b));
        let (few, many) = if a.len() < b.len() { (a, b) } else { (b, a) };
        let mut rest = &many[..];
        let mut common = Vec::with_capacity(few.len());
        for &c in few.iter() {
            rest = &rest[rest.partition_point(|&other| other < c)..];
            common.extend((rest.first() == Some(&c)).then_some(c));
        }
        common
    }

    pub fn descendants(&self, c: Class) -> Vec<Class> {
        Self::closure(&self.down, c)
    }

    fn spans(&self, a: Class, d: Class) -> bool {
        let ((from, to), (at, _)) = (self.interval[a as usize], self.interval[d as usize]);
        from <= at && at < to
    }

    /// Whether `a` is `d` or above it.
    pub fn is_ancestor(&self, a: Class, d: Class) -> bool {
        if self.spans(a, d) {
            return true;
        }
        let floor = self.depth[a as usize].1;
        if self.depth[d as usize].1 <= floor || self.climb[d as usize] == NONE {
            return false;
        }
        let mut seen = Seen::default();
        let mut stack = vec![self.climb[d as usize]];
        while let Some(joint) = stack.pop() {
            for &p in self.up.get(joint) {
                if self.spans(a, p) {
                    return true;
                }
                // Whatever has an ancestor at depth `floor` is deeper than that.
                let next = self.climb[p as usize];
                if next != NONE && self.depth[next as usize].1 > floor && seen.insert(next) {
                    stack.push(next);
                }
            }
        }
        false
    }

    /// Whether two classes, neither above the other, have a common descendant.
    fn share_descendant(&self, a: Class, b: Class) -> bool {
        // A topmost common descendant has one parent below `a` and another below `b`.
        match (&self.shared[a as usize], &self.shared[b as usize]) {
            (Some(x), Some(y)) => {
                let (few, many) = if x.len() < y.len() { (x, y) } else { (y, x) };
                few.iter().any(|c| many.binary_search(c).is_ok())
            }
            (Some(x), None) => self.any_below(x, b),
            (None, Some(y)) => self.any_below(y, a),
            (None, None) => {
                let mut below = self.descendants(a);
                below.sort_unstable();
                self.any_below(&below, b)
            }
        }
    }

    /// Whether any of these classes, sorted, is at or below `c`.
    fn any_below(&self, classes: &[Class], c: Class) -> bool {
        if classes.len() <= FEW {
            return classes.iter().any(|&d| self.is_ancestor(c, d));
        }
        let below = self.descendants(c);
        below.iter().any(|d| classes.binary_search(d).is_ok())
    }

    /// The (group of `disjoint`, member number) that the class is, or is below.
    pub fn disjoint_above(&self, c: Class) -> Vec<(u32, u32)> {
        if self.disjoint.is_empty() {
            return Vec::new();
        }
        let above = self.sorted_ancestors(c);
        let members = above.iter();
        members
            .filter_map(|a| self.disjoint.get(a))
            .flatten()
            .copied()
            .collect()
    }

    /// Whether the classes are, or are below, two members of a `disjoint` group.
    fn are_disjoint(&self, a: Class, b: Class) -> bool {
        let of_a = self.disjoint_above(a);
        let other =
            |(group, member): &(u32, u32)| of_a.iter().any(|(g, m)| g == group && m != member);
        !of_a.is_empty() && self.disjoint_above(b).iter().any(other)
    }

    fn declared_overlap(&self, a: Class, b: Class) -> bool {
        match (self.overlaps.get(&a), self.overlaps.get(&b)) {
            (Some(x), Some(y)) => x.iter().any(|g| y.binary_search(g).is_ok()),
            _ => false,
        }
    }

    /// The relation of two different classes (METHOD 3).
    pub fn relation(&self, p: Class, t: Class) -> Relation {
        if self.is_ancestor(p, t) {
            return Relation::Ancestor;
        }
        if self.is_ancestor(t, p) {
            return Relation::Descendant;
        }
        if (self.declared_overlap(p, t) || self.share_descendant(p, t)) && !self.are_disjoint(p, t)
        {
            return Relation::Overlapping;
        }
        if self.up.get(p).iter().any(|c| self.up.get(t).contains(c)) {
            return Relation::Sibling;
        }
        // Whatever two classes share above, they share its roots.
        let (x, y) = (self.root[p as usize], self.root[t as usize]);
        let related = if x != NONE && y != NONE {
            x == y
        } else {
            self.roots_above(p).iter().any(|r| self.is_ancestor(*r, t))
        };
        if related {
            Relation::Related
        } else {
            Relation::Unrelated
        }
    }

    fn roots_above(&self, c: Class) -> Vec<Class> {
        let mut above = self.ancestors(c);
        above.retain(|&a| self.up.get(a).is_empty());
        above
    }

    /// Minimal elements of the common ancestors, in no order.
    pub fn lowest_common(&self, a: Class, b: Class) -> Vec<Class> {
        let mut common = self.common_ancestors(a, b);
        // What is common is closed upwards, so an element is minimal iff it is no common element's parent.
        let mut above: Vec<Class> = common
            .iter()
            .flat_map(|&c| self.up.get(c))
            .copied()
            .collect();
        above.sort_unstable();
        common.retain(|c| above.binary_search(c).is_err());
        common
    }

    /// Classes with their parents before them.
    pub fn order(&self) -> &[Class] {
        &self.order
    }

    /// The leaf count if it is known without a walk.
    pub fn known_leaf_count(&self, c: Class) -> Option<usize> {
        let known = self.leaves.0[c as usize].load(Ordering::Relaxed);
        (known > 0).then_some(known as usize)
    }

    /// Keeps a leaf count that was found elsewhere.
    pub fn keep_leaf_count(&self, c: Class, count: u32) {
        self.leaves.0[c as usize].store(count, Ordering::Relaxed);
    }

    /// Distinct leaf classes at or below.
    pub fn leaf_count(&self, c: Class) -> usize {
        if let Some(known) = self.known_leaf_count(c) {
            return known;
        }
        let below = self.descendants(c);
        let count = below
            .iter()
            .filter(|&&d| self.down.get(d).is_empty())
            .count();
        self.keep_leaf_count(c, count as u32);
        count
    }

    /// Leaf classes of the whole graph.
    pub fn total_leaves(&self) -> usize {
        self.total_leaves
    }
}
