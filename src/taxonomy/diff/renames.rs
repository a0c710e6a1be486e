//! Nodes that are the same under another id.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{is_made_of_id, sorted};
use crate::taxonomy::{Declared, DeclaredNode};

/// Rounds in which nodes are recognised by their neighbours, each of which may be what the next one needs.
const MOST_ROUNDS: usize = 16;

/// Which node of the second taxonomy each of the first is that has lost its id.
#[derive(Debug, Default)]
pub struct Renames<'d> {
    now: BTreeMap<&'d str, &'d str>,
    before: BTreeMap<&'d str, &'d str>,
}

impl<'d> Renames<'d> {
    /// Looks for the nodes that are gone among those that are new. One is recognised if of all the nodes that are gone and new no
    /// other has the same
    ///
    /// - names and external ids, of which it has some, or
    /// - names, external ids, parents and children, or
    /// - names, external ids and parents, or names, external ids and children, of which it has some.
    ///
    /// A name that is made of the id is of no help: a node that has no other must have parents, children and the rest of its fields
    /// in common.
    pub fn find(first: &'d Declared, second: &'d Declared) -> Self {
        let mut renames = Self::default();
        let mut gone = Side::new(first, second);
        let mut new = Side::new(second, first);
        if gone.open.is_empty() || new.open.is_empty() {
            return renames;
        }
        for names in [Names::AsTheyAre, Names::OfIds] {
            renames.pair(&mut gone, &mut new, By::ExternalIds, names);
        }
        for _ in 0..MOST_ROUNDS {
            let known = renames.now.len();
            for (by, names) in [
                (By::Neighbours, Names::AsTheyAre),
                (By::Neighbours, Names::OfIds),
                (By::Parents, Names::AsTheyAre),
                (By::Children, Names::AsTheyAre),
            ] {
                renames.pair(&mut gone, &mut new, by, names);
            }
            if renames.now.len() == known {
                break;
            }
        }
        renames
    }

    /// The id that a node of the first taxonomy has in the second, if it is there.
    pub fn now<'i>(&self, id: &'i str) -> &'i str
    where
        'd: 'i,
    {
        self.now.get(id).copied().unwrap_or(id)
    }

    /// The id that a node of the second taxonomy had in the first, if it was there.
    pub fn before<'i>(&self, id: &'i str) -> &'i str
    where
        'd: 'i,
    {
        self.before.get(id).copied().unwrap_or(id)
    }

    /// Pairs those that are alone on their side with what they are recognised by.
    fn pair(&mut self, gone: &mut Side<'d>, new: &mut Side<'d>, by: By, names: Names) {
        let mut found: BTreeMap<Key<'_>, [Vec<&'d str>; 2]> = BTreeMap::new();
        for (side, nodes) in [&*gone, &*new].into_iter().enumerate() {
            for &id in &nodes.open {
                if let Some(key) = nodes.key(id, by, names, self) {
                    found.entry(key).or_default()[side].push(id);
                }
            }
        }
        let pairs: Vec<(&'d str, &'d str)> = found
            .into_values()
            .filter_map(|[gone, new]| match (&gone[..], &new[..]) {
                (&[gone], &[new]) => Some((gone, new)),
                _ => None,
            })
            .collect();
        for (from, to) in pairs {
            gone.open.remove(from);
            new.open.remove(to);
            self.now.insert(from, to);
            self.before.insert(to, from);
        }
    }
}

/// What nodes are recognised by, beside their names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    ExternalIds,
    /// Parents and children.
    Neighbours,
    Parents,
    Children,
}

/// Which names nodes are recognised by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// Those that they have.
    AsTheyAre,
    /// None: of nodes whose only name is made of their id.
    OfIds,
}

/// What two ids of one node have in common.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'k> {
    names: &'k [String],
    ids: Vec<&'k str>,
    parents: Option<Vec<Neighbour<'k>>>,
    children: Option<Vec<Neighbour<'k>>>,
    /// Rank, description and prompts.
    fields: Option<(Option<&'k str>, Option<&'k str>, Vec<&'k str>)>,
}

/// A parent or a child: by the id that it has in the second taxonomy, or by its names where that is not known.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Neighbour<'k> {
    Known(&'k str),
    Named(&'k [String]),
}

/// The nodes of one taxonomy that the other has not.
struct Side<'d> {
    nodes: &'d BTreeMap<String, DeclaredNode>,
    /// Those that are not recognised yet.
    open: HashSet<&'d str>,
    children: HashMap<&'d str, Vec<&'d str>>,
}

impl<'d> Side<'d> {
    fn new(of: &'d Declared, other: &Declared) -> Self {
        let ids = of.nodes.keys().map(String::as_str);
        let open: HashSet<&str> = ids.filter(|&id| !other.nodes.contains_key(id)).collect();
        let mut children: HashMap<&str, Vec<&str>> = HashMap::new();
        for (id, node) in &of.nodes {
            for parent in &node.parents {
                if open.contains(parent.as_str()) {
                    children.entry(parent).or_default().push(id);
                }
            }
        }
        Self {
            nodes: &of.nodes,
            open,
            children,
        }
    }

    fn key(&self, id: &str, by: By, names: Names, renames: &Renames<'d>) -> Option<Key<'d>> {
        let node = self.nodes.get(id)?;
        let as_they_are = names == Names::AsTheyAre;
        let children: &[&str] = self.children.get(id).map_or(&[], Vec::as_slice);
        let is_known_by_nothing = match by {
            By::ExternalIds => node.ids.is_empty(),
            By::Neighbours => false,
            By::Parents => node.parents.is_empty(),
            By::Children => children.is_empty(),
        };
        if is_known_by_nothing || (!as_they_are && !is_made_of_id(id, &node.names)) {
            return None;
        }
        Some(Key {
            names: if as_they_are { &node.names } else { &[] },
            ids: sorted(&node.ids),
            parents: matches!(by, By::Neighbours | By::Parents)
                .then(|| self.neighbours(node.parents.iter().map(String::as_str), renames)),
            children: matches!(by, By::Neighbours | By::Children)
                .then(|| self.neighbours(children.iter().copied(), renames)),
            fields: (by == By::Neighbours && !as_they_are).then(|| {
                (
                    node.rank.as_deref(),
                    node.description.as_deref(),
                    sorted(&node.prompts),
                )
            }),
        })
    }

    fn neighbours(
        &self,
        ids: impl Iterator<Item = &'d str>,
        renames: &Renames<'d>,
    ) -> Vec<Neighbour<'d>> {
        let neighbour = |id: &'d str| match self.nodes.get(id) {
            Some(node) if self.open.contains(id) => Neighbour::Named(&node.names),
            // Of the second taxonomy's ids none is one that another had before.
            _ => Neighbour::Known(renames.now(id)),
        };
        let mut neighbours: Vec<Neighbour<'d>> = ids.map(neighbour).collect();
        neighbours.sort_unstable();
        neighbours
    }
}
