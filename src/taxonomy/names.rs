//! Labels as people write them: normalisation, look-up, and the nearest names to one that is not known.

use std::{borrow::Cow, collections::HashMap, sync::OnceLock};

use unicode_normalization::UnicodeNormalization;

use super::{Node, NodeId};

/// Folds what does not tell labels apart: case, Unicode compatibility forms, and runs of spaces, `_` and `-`, which
/// become one space; none at the ends. `Golden_Retriever`, `golden-retriever` and `golden  retriever` are one label.
pub fn normalise(label: &str) -> String {
    let mut out = String::with_capacity(label.len());
    if label.is_ascii() {
        fold(label.chars().map(|c| c.to_ascii_lowercase()), &mut out);
    } else {
        // Lower case may decompose (İ → i + dot above), hence the second composition.
        let lower: String = label.nfkc().flat_map(char::to_lowercase).collect();
        fold(lower.nfkc(), &mut out);
    }
    out
}

fn fold(characters: impl Iterator<Item = char>, out: &mut String) {
    let mut gap = false;
    for c in characters {
        // Hyphen, non-breaking hyphen, and the dashes people type for them.
        if c.is_whitespace() || matches!(c, '_' | '-' | '\u{2010}'..='\u{2015}' | '\u{2212}') {
            gap = true;
            continue;
        }
        if gap && !out.is_empty() {
            out.push(' ');
        }
        gap = false;
        out.push(c);
    }
}

/// Where a key comes from: a node's id, its `i`th name, its `i`th external id.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin {
    Id,
    Name(u32),
    External(u32),
}

/// The nodes that carry a key.
#[derive(Debug, Clone)]
enum Bearers {
    One(NodeId),
    Many(Vec<NodeId>),
}

impl Bearers {
    fn as_slice(&self) -> &[NodeId] {
        match self {
            Bearers::One(n) => std::slice::from_ref(n),
            Bearers::Many(all) => all,
        }
    }
}

/// All keys by which nodes are found.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    by_id: HashMap<String, NodeId>,
    by_external: HashMap<String, Bearers>,
    by_key: HashMap<String, Bearers>,
    /// For the nearest names: built when the first unknown label comes.
    near: OnceLock<Vec<Near>>,
}

#[derive(Debug, Clone)]
struct Near {
    key: String,
    letters: u64,
    length: usize,
    node: NodeId,
    origin: Origin,
}

fn add(map: &mut HashMap<String, Bearers>, key: Cow<'_, str>, node: NodeId) {
    match map.get_mut(key.as_ref()) {
        None => {
            map.insert(key.into_owned(), Bearers::One(node));
        }
        Some(Bearers::One(first)) if *first == node => {}
        Some(Bearers::Many(all)) if all.last() == Some(&node) => {}
        Some(Bearers::Many(all)) => all.push(node),
        Some(one) => *one = Bearers::Many(one.as_slice().iter().copied().chain([node]).collect()),
    }
}

impl Names {
    pub fn new<'n>(
        nodes: impl Iterator<Item = (NodeId, &'n Node)>,
        by_id: HashMap<String, NodeId>,
    ) -> Self {
        let mut by_external = HashMap::new();
        let mut by_key = HashMap::with_capacity(by_id.len() * 2);
        for (n, node) in nodes {
            add(&mut by_key, normalise(&node.id).into(), n);
            for name in &node.names {
                add(&mut by_key, normalise(name).into(), n);
            }
            for id in &node.ids {
                add(&mut by_external, id.as_str().into(), n);
                add(&mut by_key, normalise(id).into(), n);
            }
        }
        Self {
            by_id,
            by_external,
            by_key,
            near: OnceLock::new(),
        }
    }

    pub fn find(&self, id: &str) -> Option<NodeId> {
        self.by_id.get(id).copied()
    }

    /// The nodes that carry exactly this external id.
    pub fn external(&self, id: &str) -> &[NodeId] {
        self.by_external.get(id).map_or(&[], Bearers::as_slice)
    }

    /// The nodes that carry this normalised key, in node order.
    pub fn bearers(&self, key: &str) -> &[NodeId] {
        self.by_key.get(key).map_or(&[], Bearers::as_slice)
    }

    /// Keys that several nodes carry, in no order.
    pub fn shared(&self) -> impl Iterator<Item = (&str, &[NodeId])> {
        self.by_key
            .iter()
            .filter_map(|(key, bearers)| match bearers {
                Bearers::Many(all) => Some((key.as_str(), all.as_slice())),
                Bearers::One(_) => None,
            })
    }

    /// External ids that several nodes carry, in no order.
    pub fn shared_external(&self) -> impl Iterator<Item = (&str, &[NodeId])> {
        self.by_external
            .iter()
            .filter_map(|(key, bearers)| match bearers {
                Bearers::Many(all) => Some((key.as_str(), all.as_slice())),
                Bearers::One(_) => None,
            })
    }

    /// The known ids, names and external ids nearest to `label`, best first, at most three, as they are written.
    pub fn nearest<'n>(&self, label: &str, nodes: &dyn Fn(NodeId) -> &'n Node) -> Vec<String> {
        let near = self.near.get_or_init(|| {
            let mut keys: Vec<Near> = self
                .by_key
                .iter()
                .map(|(key, bearers)| {
                    let node = bearers.as_slice()[0];
                    let origin = origin(key, nodes(node));
                    Near {
                        letters: letters(key),
                        length: key.chars().count(),
                        key: key.clone(),
                        node,
                        origin,
                    }
                })
                .collect();
            keys.sort_unstable_by(|a, b| a.key.cmp(&b.key));
            keys
        });
        let wanted = normalise(label);
        let (bag, length) = (letters(&wanted), wanted.chars().count());
        let limit = limit(length);
        let mut best: Vec<(usize, &Near)> = Vec::new();
        for candidate in near {
            // Each edit changes the length by at most one and the set of letters by at most two.
            if candidate.length.abs_diff(length) > limit
                || (candidate.letters ^ bag).count_ones() as usize > 2 * limit
            {
                continue;
            }
            let distance = strsim::osa_distance(&wanted, &candidate.key);
            if distance <= limit {
                best.push((distance, candidate));
            }
        }
        best.sort_by_key(|(distance, _)| *distance);
        let mut out: Vec<String> = Vec::new();
        for (_, candidate) in best {
            let node = nodes(candidate.node);
            let written = match candidate.origin {
                Origin::Id => &node.id,
                Origin::Name(i) => &node.names[i as usize],
                Origin::External(i) => &node.ids[i as usize],
            };
            if !out.contains(written) {
                out.push(written.clone());
            }
            if out.len() == 3 {
                break;
            }
        }
        out
    }
}

/// Which of a node's ids and names normalises to `key`.
pub(super) fn origin(key: &str, node: &Node) -> Origin {
    if normalise(&node.id) == key {
        return Origin::Id;
    }
    let position = |all: &[String]| {
        all.iter()
            .position(|n| normalise(n) == key)
            .map(|i| i as u32)
    };
    match (position(&node.names), position(&node.ids)) {
        (Some(i), _) => Origin::Name(i),
        (None, Some(i)) => Origin::External(i),
        (None, None) => Origin::Id,
    }
}

/// Edits within which a word of `length` letters is a likely slip of another.
fn limit(length: usize) -> usize {
    match length {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    }
}

/// The set of letters of a word, hashed to 64 bits.
fn letters(word: &str) -> u64 {
    word.chars().fold(0, |bag, c| bag | 1 << (c as u32 % 64))
}

/// The word nearest to `word` among a few, if any is near enough to be meant.
pub(super) fn closest<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let wanted = normalise(word);
    let limit = limit(wanted.chars().count());
    known
        .into_iter()
        .map(|candidate| {
            (
                strsim::osa_distance(&wanted, &normalise(candidate)),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
