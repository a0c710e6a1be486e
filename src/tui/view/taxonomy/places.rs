//! The places of nodes that one sees: the DAG as a tree, in which a node stands under each of its parents, as far as it is open.
//!
//! The rows lie in one list. Opening a place puts its children into the list and closing takes all below it out, so that drawing
//! and scrolling ask for nothing but a part of the list.

use std::collections::HashMap;

use super::order::Sorter;
use crate::taxonomy::{NodeId, Taxonomy};

/// Rows that opening everything may make: a subtree with several parents is there several times, and what is below it too.
pub const MOST_ROWS: usize = if cfg!(test) { 90_000 } else { 200_000 };
/// Rows that are to be seen at the beginning, about.
const AT_FIRST: usize = 40;
/// So few rows are not left alone for what is somewhat more than that.
const FEW: usize = 8;

/// A node at one of its places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub node: NodeId,
    /// How many are above it, here.
    pub depth: u32,
    pub is_open: bool,
}

/// Which places are open: the tree of these alone. Number 0 is what the roots hang under.
#[derive(Debug, Default)]
pub struct Open {
    numbers: HashMap<(u32, NodeId), u32>,
}

impl Open {
    /// The number of a place by that of the one above it; `None` if it is closed.
    fn get(&self, above: u32, node: NodeId) -> Option<u32> {
        self.numbers.get(&(above, node)).copied()
    }

    /// Opens a place below one that is open, and gives its number.
    fn insert(&mut self, above: u32, node: NodeId) -> u32 {
        let next = self.numbers.len() as u32 + 1;
        *self.numbers.entry((above, node)).or_insert(next)
    }

    /// Of places in the order of a tree, each with its depth; `None` stands for a node that is not there any more. What has no
    /// open place above it is left out.
    pub fn of(places: impl IntoIterator<Item = (u32, Option<NodeId>)>) -> Self {
        let mut open = Self::default();
        let mut above: Vec<Option<u32>> = vec![Some(0)];
        for (depth, node) in places {
            let depth = depth as usize;
            // A place that is deeper than the one above it allows hangs nowhere.
            let under = above.get(depth).copied().flatten();
            above.truncate(depth + 1);
            let number = under
                .zip(node)
                .map(|(under, node)| open.insert(under, node));
            if above.len() == depth + 1 {
                above.push(number);
            }
        }
        open
    }

    /// Level by level, until there is about a screen of rows.
    pub fn at_first(taxonomy: &Taxonomy, roots: &[NodeId]) -> Self {
        let mut open = Self::default();
        let mut rows = roots.len();
        let mut level: Vec<(u32, NodeId)> = roots.iter().map(|&root| (0, root)).collect();
        loop {
            let children = level.iter().map(|&(_, n)| taxonomy.children(n).len());
            let next: usize = children.sum();
            let is_too_much =
                rows + next > AT_FIRST * 3 / 2 && (rows > FEW || next > AT_FIRST * 10);
            // A root alone says nothing, whatever is below it.
            if next == 0 || rows > 1 && is_too_much {
                return open;
            }
            level = level
                .into_iter()
                .flat_map(|(above, node)| open.all_below(taxonomy, above, node))
                .collect();
            rows += next;
        }
    }

    /// Everything, breadth first, and whether that is all: not where it would be more than [`MOST_ROWS`].
    pub fn everything(taxonomy: &Taxonomy, roots: &[NodeId]) -> (Self, bool) {
        let mut open = Self::default();
        let mut queue: Vec<(u32, NodeId)> = roots.iter().map(|&root| (0, root)).collect();
        let mut next = 0;
        while let Some(&(above, node)) = queue.get(next) {
            next += 1;
            if queue.len() + taxonomy.children(node).len() > MOST_ROWS {
                return (open, false);
            }
            queue.extend(open.all_below(taxonomy, above, node));
        }
        (open, true)
    }

    /// Opens a place and gives what is below it, each with its number.
    fn all_below<'a>(
        &mut self,
        taxonomy: &'a Taxonomy,
        above: u32,
        node: NodeId,
    ) -> impl Iterator<Item = (u32, NodeId)> + use<'a> {
        let children = taxonomy.children(node);
        let number = match children {
            [] => 0,
            _ => self.insert(above, node),
        };
        children.iter().map(move |&child| (number, child))
    }
}

/// The rows, in the order of a tree: what is below a place follows it.
#[derive(Debug, Default, PartialEq)]
pub struct Places {
    rows: Vec<Place>,
}

impl Places {
    /// The roots and what is below open places.
    pub fn new(sorter: &Sorter<'_>, open: &Open) -> Self {
        let mut rows = Vec::new();
        let most = most(sorter.taxonomy);
        let roots = sorter.roots().into_iter().rev();
        let mut left: Vec<(NodeId, u32, u32)> = roots.map(|root| (root, 0, 0)).collect();
        while let Some((node, depth, above)) = left.pop() {
            let number = open.get(above, node).filter(|_| {
                let is_within = rows.len() + left.len() < most;
                is_within && !sorter.taxonomy.children(node).is_empty()
            });
            rows.push(Place {
                node,
                depth,
                is_open: number.is_some(),
            });
            if let Some(number) = number {
                let children = sorter.children(node).into_iter().rev();
                left.extend(children.map(|child| (child, depth + 1, number)));
            }
        }
        Self { rows }
    }

    pub fn rows(&self) -> &[Place] {
        &self.rows
    }

    pub fn get(&self, row: usize) -> Option<Place> {
        self.rows.get(row).copied()
    }

    /// The open places in order, each with its depth.
    pub fn open_ones(&self) -> impl Iterator<Item = (u32, NodeId)> + '_ {
        let open = self.rows.iter().filter(|place| place.is_open);
        open.map(|place| (place.depth, place.node))
    }

    /// Opens a place; whether it is open now. A leaf is not, and none is where there are far too many rows already.
    pub fn open(&mut self, row: usize, sorter: &Sorter<'_>) -> bool {
        let Some(place) = self.get(row) else {
            return false;
        };
        if place.is_open {
            return true;
        }
        let children = sorter.children(place.node);
        if children.is_empty() || self.rows.len() >= most(sorter.taxonomy) {
            return false;
        }
        self.rows[row].is_open = true;
        let below = children.into_iter().map(|node| Place {
            node,
            depth: place.depth + 1,
            is_open: false,
        });
        self.rows.splice(row + 1..row + 1, below);
        true
    }

    /// Closes a place, with all that is below it.
    pub fn close(&mut self, row: usize) {
        let end = self.end(row);
        if let Some(place) = self.rows.get_mut(row) {
            place.is_open = false;
            self.rows.drain(row + 1..end);
        }
    }

    /// The row after the last one that is below this one.
    fn end(&self, row: usize) -> usize {
        let Some(place) = self.get(row) else {
            return self.rows.len();
        };
        let below = self.rows[row + 1..].iter();
        row + 1 + below.take_while(|other| other.depth > place.depth).count()
    }

    /// The row that this one hangs under.
    pub fn above(&self, row: usize) -> Option<usize> {
        let depth = self.get(row)?.depth;
        self.rows[..row].iter().rposition(|p| p.depth < depth)
    }

    /// The nodes from a root down to this row.
    pub fn path(&self, row: usize) -> Vec<NodeId> {
        let mut path: Vec<NodeId> = Vec::new();
        let mut at = Some(row);
        while let Some(row) = at {
            path.extend(self.get(row).map(|place| place.node));
            at = self.above(row);
        }
        path.reverse();
        path
    }

    /// The first row of a node.
    pub fn first_of(&self, node: NodeId) -> Option<usize> {
        self.rows.iter().position(|place| place.node == node)
    }

    /// The row of a node right below another row.
    pub fn child(&self, row: usize, node: NodeId) -> Option<usize> {
        let depth = self.get(row)?.depth;
        let below = self.rows[row + 1..].iter();
        let mut below = below.take_while(|place| place.depth > depth);
        let is_it = |place: &Place| place.depth == depth + 1 && place.node == node;
        below.position(is_it).map(|at| row + 1 + at)
    }

    /// Goes down a path as far as it leads and is open: the row that one comes to, and how many nodes of the path that is.
    pub fn follow(&self, path: &[NodeId]) -> Option<(usize, usize)> {
        let (&root, rest) = path.split_first()?;
        let is_root = |place: &Place| place.depth == 0 && place.node == root;
        let mut row = self.rows.iter().position(is_root)?;
        let mut met = 1;
        for &node in rest {
            let Some(child) = self.child(row, node) else {
                break;
            };
            row = child;
            met += 1;
        }
        Some((row, met))
    }

    /// The row at the end of a path, all above it opened; `None` if the path leads nowhere, or there are too many rows.
    pub fn open_path(&mut self, path: &[NodeId], sorter: &Sorter<'_>) -> Option<usize> {
        let (mut row, met) = self.follow(path)?;
        for &node in &path[met..] {
            if !self.open(row, sorter) {
                return None;
            }
            row = self.child(row, node)?;
        }
        Some(row)
    }
}

/// Rows up to which places are opened one by one.
fn most(taxonomy: &Taxonomy) -> usize {
    MOST_ROWS + taxonomy.len()
}

/// The first way up from a node by declared parents, as a path down to it.
pub fn path_to(taxonomy: &Taxonomy, node: NodeId) -> Vec<NodeId> {
    let mut path = vec![node];
    while let Some(&parent) = path.last().and_then(|&n| taxonomy.parents(n).first()) {
        path.push(parent);
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::testing::random_dag;
    use crate::taxonomy::load_str;
    use crate::tui::view::taxonomy::order::Order;

    fn sorter(taxonomy: &Taxonomy) -> Sorter<'_> {
        Sorter::new(taxonomy, None, Order::default())
    }

    fn told(places: &Places, taxonomy: &Taxonomy) -> String {
        let told = places.rows().iter().map(|place| {
            let mark = if place.is_open { "-" } else { "" };
            let indent = "  ".repeat(place.depth as usize);
            format!("{indent}{}{mark}\n", taxonomy.id(place.node))
        });
        told.collect()
    }

    const DIAMOND: &str = "tree: {shape: {quad: {rectangle: {square: {}}, rhombus: {square: {}}}, round: {circle: {}}}}";

    #[test]
    fn a_node_stands_under_each_of_its_parents() {
        let taxonomy = load_str("t", DIAMOND).into_sound().unwrap();
        let sorter = sorter(&taxonomy);
        let (open, is_all) = Open::everything(&taxonomy, &sorter.roots());
        let mut places = Places::new(&sorter, &open);
        let everything = "shape-\n  quad-\n    rectangle-\n      square\n    rhombus-\n      square\n  round-\n    circle\n";
        assert_eq!(
            (told(&places, &taxonomy).as_str(), is_all),
            (everything, true)
        );
        // Each place is open or closed by itself.
        places.close(2);
        assert_eq!(places.above(4), Some(3));
        assert!(places.open(2, &sorter) && !places.open(3, &sorter));
        places.close(0);
        assert_eq!(told(&places, &taxonomy), "shape\n");
        let node = |id: &str| taxonomy.find(id).unwrap();
        let path = ["shape", "quad", "rhombus", "square"].map(node);
        let row = places.open_path(&path, &sorter);
        assert_eq!(row, Some(4));
        assert_eq!(places.path(4), path);
        let opened = "shape-\n  quad-\n    rectangle\n    rhombus-\n      square\n  round\n";
        assert_eq!(told(&places, &taxonomy), opened);
    }

    #[test]
    fn what_would_explode_is_opened_as_far_as_there_is_room() {
        // Forty diamonds on top of each other: 2^40 ways down.
        let mut text = "nodes:\n  n0: {}\n".to_owned();
        for i in 0..40 {
            let next = i + 1;
            text += &format!("  a{i}: {{parents: [n{i}]}}\n  b{i}: {{parents: [n{i}]}}\n");
            text += &format!("  n{next}: {{parents: [a{i}, b{i}]}}\n");
        }
        let taxonomy = load_str("t", &text).into_sound().unwrap();
        let sorter = sorter(&taxonomy);
        let (open, is_all) = Open::everything(&taxonomy, &sorter.roots());
        let places = Places::new(&sorter, &open);
        assert!(!is_all && places.rows().len() <= MOST_ROWS);
        assert!(places.rows().len() > MOST_ROWS / 4);
    }

    #[test]
    fn a_root_alone_is_open_and_long_lists_stay_closed() {
        let text = |roots: usize, leaves: usize| {
            let mut text = "nodes:\n".to_owned();
            for root in 0..roots {
                text += &format!("  r{root}: {{}}\n");
                for leaf in 0..leaves {
                    text += &format!("  r{root}_{leaf}: {{parents: [r{root}]}}\n");
                }
            }
            text
        };
        let rows = |roots: usize, leaves: usize| {
            let taxonomy = load_str("t", &text(roots, leaves)).into_sound().unwrap();
            let sorter = sorter(&taxonomy);
            let open = Open::at_first(&taxonomy, &sorter.roots());
            Places::new(&sorter, &open).rows().len()
        };
        assert_eq!(rows(1, 300), 301);
        assert_eq!(rows(12, 300), 12);
        assert_eq!(rows(12, 3), 48);
    }

    proptest! {
        #[test]
        fn the_list_is_what_the_open_places_say((text, size) in random_dag(), steps in proptest::collection::vec((any::<bool>(), 0usize..40), 0..40)) {
            let taxonomy = load_str("t", &text).into_sound().unwrap();
            prop_assert_eq!(taxonomy.len(), size);
            let sorter = sorter(&taxonomy);
            let mut places = Places::new(&sorter, &Open::default());
            for (opens, at) in steps {
                match opens {
                    true => { places.open(at, &sorter); },
                    false => places.close(at),
                }
                let open = Open::of(places.open_ones().map(|(depth, n)| (depth, Some(n))));
                prop_assert_eq!(&Places::new(&sorter, &open), &places);
                for row in 0..places.rows().len() {
                    let path = places.path(row);
                    prop_assert_eq!(path.len() as u32, places.rows()[row].depth + 1);
                    prop_assert!(path.windows(2).all(|w| taxonomy.parents(w[1]).contains(&w[0])));
                    prop_assert_eq!(places.follow(&path), Some((row, path.len())));
                }
            }
        }

        #[test]
        fn any_node_can_be_revealed((text, size) in random_dag(), at in 0usize..9) {
            let taxonomy = load_str("t", &text).into_sound().unwrap();
            let node = taxonomy.nodes().nth(at % size).unwrap();
            let mut places = Places::new(&sorter(&taxonomy), &Open::default());
            let row = places.open_path(&path_to(&taxonomy, node), &sorter(&taxonomy));
            prop_assert_eq!(row.and_then(|row| places.get(row)).map(|place| place.node), Some(node));
        }
    }
}
