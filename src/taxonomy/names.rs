//! Labels as people write them: normalisation, look-up, and the nearest names to one that is not known.

use std::{borrow::Cow, sync::OnceLock};

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::{
    Map, Node, NodeId,
    nearest::{Nearest, limit},
};

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

/// The name of a node that is given none: its id with spaces for `_`.
pub(super) fn of_id(id: &str) -> String {
    let name = id.replace('_', " ");
    match name.trim() {
        "" => id.to_owned(),
        name => name.to_owned(),
    }
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

/// A label in Unicode's composed form, as ids are kept.
fn composed(label: &str) -> Cow<'_, str> {
    if label.is_ascii() || is_nfc_quick(label.chars()) == IsNormalized::Yes {
        label.into()
    } else {
        label.nfc().collect::<String>().into()
    }
}

/// Where a key comes from: a node's id, its `i`th name, or else an external id.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin {
    Id,
    Name(u32),
    External,
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
    by_id: Map<String, NodeId>,
    by_external: Map<String, Bearers>,
    by_key: Map<String, Bearers>,
    /// Built when the first unknown label comes.
    nearest: OnceLock<Nearest>,
    /// Built when the first two nodes are asked whether they go by the same name.
    common: OnceLock<Common>,
}

/// Names, normalised, that several nodes carry, by numbers: nearly no node has any, so that two are compared in no time.
#[derive(Debug, Clone, Default)]
struct Common {
    /// Of a node that carries some, ascending.
    of_node: Map<NodeId, Vec<u32>>,
    /// Of a node whose preferred name is one of them.
    preferred: Map<NodeId, u32>,
}

fn add(map: &mut Map<String, Bearers>, key: Cow<'_, str>, node: NodeId) {
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
        by_id: Map<String, NodeId>,
    ) -> Self {
        let mut by_external = Map::default();
        let mut by_key = Map::default();
        // An id, a name and an external id each, and some synonyms.
        by_key.reserve(by_id.len() * 7 / 2);
        by_external.reserve(by_id.len());
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
            nearest: OnceLock::new(),
            common: OnceLock::new(),
        }
    }

    pub fn find(&self, id: &str) -> Option<NodeId> {
        self.by_id.get(composed(id).as_ref()).copied()
    }

    /// The nodes that carry exactly this external id.
    pub fn external(&self, id: &str) -> &[NodeId] {
        let bearers = self.by_external.get(composed(id).as_ref());
        bearers.map_or(&[], Bearers::as_slice)
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

    /// Whether two nodes have the same preferred name, normalised.
    pub fn share_preferred<'n>(
        &self,
        a: NodeId,
        b: NodeId,
        node: impl Fn(NodeId) -> &'n Node,
    ) -> bool {
        let preferred = &self.common(node).preferred;
        a == b
            || preferred
                .get(&a)
                .is_some_and(|name| preferred.get(&b) == Some(name))
    }

    /// Whether two nodes carry a common name, normalised: preferred or not, ids aside.
    pub fn share_any<'n>(&self, a: NodeId, b: NodeId, node: impl Fn(NodeId) -> &'n Node) -> bool {
        let of_node = &self.common(node).of_node;
        let carried = |n| of_node.get(n).map_or(&[][..], Vec::as_slice);
        a == b
            || carried(&a)
                .iter()
                .any(|name| carried(&b).binary_search(name).is_ok())
    }

    fn common<'n>(&self, node: impl Fn(NodeId) -> &'n Node) -> &Common {
        self.common.get_or_init(|| {
            let mut common = Common::default();
            for (number, (key, bearers)) in (0..).zip(self.shared()) {
                for &n in bearers {
                    // Not those that have it as an id.
                    match node(n).names.iter().position(|name| normalise(name) == key) {
                        None => continue,
                        Some(0) => drop(common.preferred.insert(n, number)),
                        Some(_) => {}
                    }
                    common.of_node.entry(n).or_default().push(number);
                }
            }
            common
        })
    }

    /// The known ids, names and external ids nearest to `label`, best first, at most three, as they are written.
    pub fn nearest<'n>(&self, label: &str, nodes: impl Iterator<Item = &'n Node>) -> Vec<String> {
        let all = || Nearest::new(nodes.flat_map(keys).map(|written| (written, written)));
        let nearest = self.nearest.get_or_init(all);
        nearest
            .find(label, 3)
            .0
            .into_iter()
            .map(str::to_owned)
            .collect()
    }
}

/// A node's id, names and external ids.
pub(super) fn keys(node: &Node) -> impl Iterator<Item = &str> {
    let rest = node.names.iter().chain(&node.ids).map(String::as_str);
    std::iter::once(node.id.as_str()).chain(rest)
}

/// Which of a node's ids and names normalises to `key`.
pub(super) fn origin(key: &str, node: &Node) -> Origin {
    if normalise(&node.id) == key {
        return Origin::Id;
    }
    match node.names.iter().position(|n| normalise(n) == key) {
        Some(i) => Origin::Name(i as u32),
        None => Origin::External,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalisation_folds_what_does_not_tell_labels_apart() {
        let cases = [
            ("Golden_Retriever", "golden retriever"),
            ("  golden -_ retriever__", "golden retriever"),
            ("T-shirt", "t shirt"),
            (
                "jack\u{2011}o\u{2019}\u{2013}lantern",
                "jack o\u{2019} lantern",
            ),
            ("CAFE\u{301}", "caf\u{e9}"),
            ("ＡＢＣ１", "abc1"),
            ("İstanbul", "i\u{307}stanbul"),
            ("a\u{a0}b\tc\n", "a b c"),
            ("_", ""),
            ("dog.n.01", "dog.n.01"),
        ];
        for (label, expected) in cases {
            assert_eq!(normalise(label), expected, "{label:?}");
            assert_eq!(normalise(expected), expected, "{label:?} twice");
        }
    }

    #[test]
    fn the_closest_word_is_close() {
        let known = ["parents", "names", "ids", "rank", "description", "prompts"];
        let cases = [
            ("parent", Some("parents")),
            ("name", Some("names")),
            ("Ids", Some("ids")),
            ("ranks", Some("rank")),
            ("colour", None),
            ("", None),
        ];
        for (word, expected) in cases {
            assert_eq!(closest(word, known), expected, "{word:?}");
        }
    }
}
