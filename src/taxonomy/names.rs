//! Labels as people write them: normalisation, look-up, and the nearest names to one that is not known.

use std::{borrow::Cow, sync::OnceLock};

use unicode_normalization::UnicodeNormalization;

use super::{Map, Node, NodeId};

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

    /// The known ids, names and external ids nearest to `label`, best first, at most three, as they are written.
    pub fn nearest<'n>(&self, label: &str, nodes: impl Iterator<Item = &'n Node>) -> Vec<String> {
        let all = || Nearest::new(nodes.flat_map(keys).map(|written| (written, written)));
        let nearest = self.nearest.get_or_init(all);
        nearest
            .find(label, 3)
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

/// Finds what a misspelt label may stand for, among hundreds of thousands.
#[derive(Debug, Clone)]
pub(super) struct Nearest {
    /// Sorted by length, then by key.
    words: Vec<Word>,
    /// Parallel to `words`: [`letters`], apart so that most words are passed over without a look at them.
    letters: Vec<u64>,
    /// The first word of each length in characters, and the end.
    by_length: Vec<usize>,
}

#[derive(Debug, Clone)]
struct Word {
    key: String,
    /// What to suggest.
    shown: String,
}

impl Nearest {
    /// From pairs of a label and what to suggest when it is near.
    pub fn new<'n>(labels: impl Iterator<Item = (&'n str, &'n str)>) -> Self {
        let word = |(label, shown): (&str, &str)| {
            let key = normalise(label);
            (
                key.chars().count(),
                Word {
                    key,
                    shown: shown.to_owned(),
                },
            )
        };
        let mut words: Vec<(usize, Word)> = labels.map(word).collect();
        words.sort_by(|(m, a), (n, b)| (m, &a.key).cmp(&(n, &b.key)));
        let longest = words.last().map_or(0, |(length, _)| *length);
        let by_length = (0..=longest + 1)
            .map(|length| words.partition_point(|(n, _)| *n < length))
            .collect();
        let letters = words
            .iter()
            .map(|(_, word)| letters(&word.key.chars().collect::<Vec<_>>()))
            .collect();
        let words = words.into_iter().map(|(_, word)| word).collect();
        Self {
            words,
            letters,
            by_length,
        }
    }

    /// At most `count` suggestions (1 or more), best first: what is written the same but for case and separators comes before
    /// what is a few edits away.
    pub fn find(&self, label: &str, count: usize) -> Vec<&str> {
        let wanted: Vec<char> = normalise(label).chars().collect();
        let (bag, length) = (letters(&wanted), wanted.len());
        let mut limit = limit(length);
        // (distance, whether the first letters differ, index): slips are rarely in the first letter.
        let mut best: Vec<(usize, bool, usize)> = Vec::new();
        let wanted = Pattern::new(wanted);
        let longest = self.by_length.len() - 2;
        for n in length.saturating_sub(limit)..=(length + limit).min(longest) {
            for i in self.by_length[n]..self.by_length[n + 1] {
                // A letter more or less changes the set of letters by one, another letter in its place by two.
                let differing = (2 * limit).saturating_sub(n.abs_diff(length));
                if (self.letters[i] ^ bag).count_ones() as usize > differing {
                    continue;
                }
                let key = &self.words[i].key;
                if let Some(distance) = wanted.distance(key, n, limit) {
                    let first = wanted.letters.first().copied();
                    best.push((distance, key.chars().next() != first, i));
                    if best.len() == ENOUGH {
                        self.keep_best(&mut best, count);
                        if let Some(&(worst, ..)) = best.get(count - 1) {
                            limit = worst;
                        }
                    }
                }
            }
        }
        self.keep_best(&mut best, count);
        best.into_iter()
            .map(|(.., i)| self.words[i].shown.as_str())
            .collect()
    }

    /// Leaves the best `count` of different words, best first, if there are so many.
    fn keep_best(&self, best: &mut Vec<(usize, bool, usize)>, count: usize) {
        best.sort_unstable();
        let mut kept: Vec<&Word> = Vec::with_capacity(count);
        best.retain(|&(.., i)| {
            let word = &self.words[i];
            let known = |w: &&Word| w.key == word.key || w.shown == word.shown;
            let keep = kept.len() < count && !kept.iter().any(known);
            if keep {
                kept.push(word);
            }
            keep
        });
    }
}

/// Candidates among which the best are chosen, so that worse ones need not be looked at any more.
const ENOUGH: usize = 32;

/// A word to which the distances of many others are asked for: insertions, deletions, replacements and swaps of
/// neighbours (optimal string alignment), by a column of the table at a time in the bits of a word (Hyyrö 2003).
struct Pattern {
    letters: Vec<char>,
    /// The places of each letter as bits; ASCII, and the others.
    ascii: [u64; 128],
    others: Vec<(char, u64)>,
}

impl Pattern {
    fn new(letters: Vec<char>) -> Self {
        let mut pattern = Self {
            ascii: [0; 128],
            others: Vec::new(),
            letters,
        };
        for (i, &letter) in pattern.letters.iter().enumerate().take(64) {
            let place = 1 << i;
            if let Some(places) = pattern.ascii.get_mut(letter as usize) {
                *places |= place;
            } else if let Some((_, places)) = pattern.others.iter_mut().find(|(l, _)| *l == letter)
            {
                *places |= place;
            } else {
                pattern.others.push((letter, place));
            }
        }
        pattern
    }

    fn places(&self, letter: char) -> u64 {
        match self.ascii.get(letter as usize) {
            Some(&places) => places,
            None => {
                let other = self.others.iter().find(|(l, _)| *l == letter);
                other.map_or(0, |&(_, places)| places)
            }
        }
    }

    /// The number of edits to `word`, which has `length` letters, if it is at most `limit`.
    fn distance(&self, word: &str, length: usize, limit: usize) -> Option<usize> {
        let own = self.letters.len();
        if own == 0 || own > 64 {
            let own: String = self.letters.iter().collect();
            return Some(strsim::osa_distance(&own, word)).filter(|&d| d <= limit);
        }
        let last = 1u64 << (own - 1);
        // Where a cell is one more, or one less, than the one above it.
        let (mut more, mut less) = (u64::MAX, 0u64);
        let (mut diagonal, mut before) = (0u64, 0u64);
        let mut distance = own;
        let mut left = length;
        for letter in word.chars() {
            let equal = self.places(letter);
            let swapped = ((!diagonal & equal) << 1) & before;
            diagonal = ((equal & more).wrapping_add(more) ^ more) | equal | less | swapped;
            let mut right_more = less | !(diagonal | more);
            let mut right_less = diagonal & more;
            distance += usize::from(right_more & last != 0);
            distance -= usize::from(right_less & last != 0);
            left -= 1;
            // Each letter that is left can make it one less.
            if distance > limit + left {
                return None;
            }
            right_more = right_more << 1 | 1;
            right_less <<= 1;
            more = right_less | !(diagonal | right_more);
            less = right_more & diagonal;
            before = equal;
        }
        Some(distance).filter(|&d| d <= limit)
    }
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

/// Edits within which a word of `length` letters is a likely slip of another: one in three.
fn limit(length: usize) -> usize {
    length.max(3) / 3
}

/// The set of letters of a word, hashed to 64 bits.
fn letters(word: &[char]) -> u64 {
    word.iter().fold(0, |bag, &c| bag | 1 << (c as u32 % 64))
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

    /// Against the distance that is computed to the end, for every limit.
    #[test]
    fn a_distance_is_computed_as_far_as_it_is_asked_for() {
        let words = [
            "",
            "a",
            "b",
            "ab",
            "ba",
            "abc",
            "acb",
            "bca",
            "abcd",
            "badc",
            "acbd",
            "dcba",
            "kitten",
            "sitting",
            "ktiten",
            "kittens",
            "itten",
            "größe",
            "grösse",
            "a cat",
            "at ca",
            "golden retriever",
            "gloden retreiver",
            "goldenretriever",
            "retriever golden",
        ];
        let long = [
            "ab cd".repeat(20),
            "ab dc".repeat(20),
            "x".repeat(64),
            "x".repeat(65),
        ];
        let words: Vec<&str> = words
            .into_iter()
            .chain(long.iter().map(String::as_str))
            .collect();
        for a in &words {
            let pattern = Pattern::new(a.chars().collect());
            for b in &words {
                let whole = strsim::osa_distance(a, b);
                for limit in 0..70 {
                    assert_eq!(
                        pattern.distance(b, b.chars().count(), limit),
                        Some(whole).filter(|&d| d <= limit),
                        "{a:?} {b:?} {limit}"
                    );
                }
            }
        }
    }

    /// Among many that are near, which makes the search give up worse ones on its way.
    #[test]
    fn the_nearest_of_many_are_found() {
        let words: Vec<String> = (0..4000)
            .map(|i| format!("node {:04}", (i * 7919) % 10000))
            .collect();
        let nearest = Nearest::new(words.iter().map(|w| (w.as_str(), w.as_str())));
        for label in ["Node_0000", "nod 1234", "xode 99999", "node"] {
            let wanted = normalise(label);
            let mut all: Vec<(usize, bool, usize, &str)> = words
                .iter()
                .map(|w| {
                    let first = w.chars().next() != wanted.chars().next();
                    (strsim::osa_distance(&wanted, w), first, w.len(), w.as_str())
                })
                .filter(|(d, ..)| *d <= limit(wanted.chars().count()))
                .collect();
            all.sort_unstable();
            let expected: Vec<&str> = all.iter().take(3).map(|(.., w)| *w).collect();
            assert_eq!(nearest.find(label, 3), expected, "{label}");
        }
    }

    #[test]
    fn the_closest_word_is_close() {
        let known = ["parents", "names", "ids", "description", "prompts"];
        let cases = [
            ("parent", Some("parents")),
            ("name", Some("names")),
            ("Ids", Some("ids")),
            ("colour", None),
            ("", None),
        ];
        for (word, expected) in cases {
            assert_eq!(closest(word, known), expected, "{word:?}");
        }
    }
}
