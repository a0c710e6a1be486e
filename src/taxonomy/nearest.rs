//! The nearest names to one that is not known: fast enough to be asked a thousand times of a hundred thousand names.

use super::names::normalise;

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
        let letters = words.iter().map(|(_, word)| letters(&word.key)).collect();
        let words = words.into_iter().map(|(_, word)| word).collect();
        Self {
            words,
            letters,
            by_length,
        }
    }

    /// At most `count` suggestions, best first: what is written the same but for case and separators comes before
    /// what is a few edits away. And how many words were compared, for callers with many questions.
    pub fn find(&self, label: &str, count: usize) -> (Vec<&str>, usize) {
        let wanted = normalise(label);
        let (bag, length) = (letters(&wanted), wanted.chars().count());
        let limit = limit(length);
        let pattern = Pattern::new(&wanted);
        let mut best: Vec<(usize, bool, &Word)> = Vec::new();
        let mut compared = 0;
        let longest = self.by_length.len() - 2;
        for n in length.saturating_sub(limit)..=(length + limit).min(longest) {
            // A letter more or less changes the set of letters by one, another letter in its place by two.
            let differing = 2 * limit - n.abs_diff(length);
            for i in self.by_length[n]..self.by_length[n + 1] {
                if (self.letters[i] ^ bag).count_ones() as usize > differing {
                    continue;
                }
                let word = &self.words[i];
                compared += 1;
                if let Some(distance) = pattern.distance(&word.key, n, limit) {
                    // Slips are rarely in the first letter.
                    let first = word.key.chars().next() != wanted.chars().next();
                    best.push((distance, first, word));
                }
            }
        }
        best.sort_by_key(|(distance, first, _)| (*distance, *first));
        let mut out: Vec<&Word> = Vec::new();
        for (_, _, word) in best {
            if out.len() == count {
                break;
            }
            let known = |w: &&Word| w.key == word.key || w.shown == word.shown;
            if !out.iter().any(known) {
                out.push(word);
            }
        }
        let shown = out.into_iter().map(|word| word.shown.as_str()).collect();
        (shown, compared)
    }
}

/// A word to compare with many, by optimal string alignment: insertions, deletions, substitutions, and transpositions
/// of neighbours that are not edited again.
///
/// Bit-parallel after Hyyrö (A bit-vector algorithm for computing Levenshtein and Damerau edit distances, 2003): a column
/// of the table of distances is a machine word, so a comparison takes time linear in the other word.
struct Pattern<'w> {
    word: &'w str,
    length: usize,
    /// For each ASCII character the places where the word has it.
    ascii: [u64; 128],
    /// The same for others.
    others: Vec<(char, u64)>,
}

impl<'w> Pattern<'w> {
    fn new(word: &'w str) -> Self {
        let mut pattern = Self {
            word,
            length: word.chars().count(),
            ascii: [0; 128],
            others: Vec::new(),
        };
        for (i, c) in word.chars().take(64).enumerate() {
            let place = 1 << i;
            match pattern.ascii.get_mut(c as usize) {
                Some(places) => *places |= place,
                None => match pattern.others.iter_mut().find(|(other, _)| *other == c) {
                    Some((_, places)) => *places |= place,
                    None => pattern.others.push((c, place)),
                },
            }
        }
        pattern
    }

    fn places(&self, c: char) -> u64 {
        match self.ascii.get(c as usize) {
            Some(places) => *places,
            None => self
                .others
                .iter()
                .find(|(other, _)| *other == c)
                .map_or(0, |(_, p)| *p),
        }
    }

    /// The distance to a word of `length` characters, if it is at most `limit`.
    fn distance(&self, other: &str, length: usize, limit: usize) -> Option<usize> {
        if self.length == 0 || self.length > 64 {
            let distance = strsim::osa_distance(self.word, other);
            return (distance <= limit).then_some(distance);
        }
        // Vertical differences of the column, positive and negative; diagonal ones that are zero; the last matches.
        let (mut up, mut down, mut same, mut before) = (u64::MAX, 0u64, 0u64, 0u64);
        let last = 1u64 << (self.length - 1);
        let mut distance = self.length;
        for (i, c) in other.chars().enumerate() {
            let places = self.places(c);
            let swapped = ((!same & places) << 1) & before;
            same = ((places & up).wrapping_add(up) ^ up) | places | down | swapped;
            let right = down | !(same | up);
            let left = same & up;
            distance += usize::from(right & last != 0);
            distance -= usize::from(left & last != 0);
            // What is left can make it smaller by one a character.
            if distance > limit + (length - i - 1) {
                return None;
            }
            let right = right << 1 | 1;
            up = left << 1 | !(same | right);
            down = right & same;
            before = places;
        }
        (distance <= limit).then_some(distance)
    }
}

/// Edits within which a word of `length` letters is a likely slip of another: one in three, and one in two; of a
/// single letter every other is.
pub(super) fn limit(length: usize) -> usize {
    match length {
        0 | 1 => 0,
        2 => 1,
        n => n / 3,
    }
}

/// The set of letters of a word, hashed to 64 bits.
fn letters(word: &str) -> u64 {
    word.chars().fold(0, |bag, c| bag | 1 << (c as u32 % 64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn distances_are_those_of_the_table(a in "[abcé]{0,9}", b in "[abcé]{0,9}", long in "[ab]{60,70}", limit in 0usize..9) {
            for (a, b) in [(&a, &b), (&long, &a), (&format!("{long}{a}"), &format!("{long}{b}"))] {
                let expected = Some(strsim::osa_distance(a, b)).filter(|d| *d <= limit);
                prop_assert_eq!(Pattern::new(a).distance(b, b.chars().count(), limit), expected, "{} {}", a, b);
            }
        }
    }

    #[test]
    fn near_names_come_best_first() {
        let names = [
            "golden retriever",
            "Golden_Retriever",
            "gordon setter",
            "golden oriole",
            "retriever",
            "é",
        ];
        let nearest = Nearest::new(names.iter().map(|&n| (n, n)));
        let cases: &[(&str, &[&str])] = &[
            ("golden retreiver", &["golden retriever"]),
            ("GOLDEN-RETRIEVER", &["golden retriever"]),
            ("retreiver", &["retriever"]),
            ("goldn oriole", &["golden oriole"]),
            ("helicopter", &[]),
            ("", &[]),
            ("e", &[]),
        ];
        for (label, expected) in cases {
            assert_eq!(nearest.find(label, 3).0, *expected, "{label:?}");
        }
    }

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
            assert_eq!(nearest.find(label, 3).0, expected, "{label}");
        }
    }
}
