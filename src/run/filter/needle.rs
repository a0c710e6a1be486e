//! A text that is looked for in a million names, whatever its case.

use memchr::{memchr2_iter, memmem::Finder};

use crate::names::Names;

/// Names that are looked at to learn which bytes are rare.
const SAMPLE: usize = 256;

/// A text to look for without regard to case.
#[derive(Debug, Clone)]
pub(super) struct Needle(Search);

#[derive(Debug, Clone)]
enum Search {
    /// Nothing in it has a case.
    Exact(Box<Finder<'static>>),
    /// In lower case, and the place of the byte that is looked for first.
    Ascii(Box<[u8]>, usize),
    /// In lower case.
    Folded(Box<[char]>),
}

impl Needle {
    /// To be looked for in `names`, and in others.
    pub fn new(text: &str, names: &Names) -> Self {
        let folded: Box<[char]> = text.chars().flat_map(char::to_lowercase).collect();
        let has_case = |&c: &char| c.is_lowercase() || !c.to_uppercase().eq([c]);
        if !folded.iter().any(has_case) {
            let exact: String = folded.iter().collect();
            let finder = Finder::new(exact.as_bytes()).into_owned();
            return Self(Search::Exact(finder.into()));
        }
        if !folded.iter().all(char::is_ascii) {
            return Self(Search::Folded(folded));
        }
        let bytes: Box<[u8]> = folded.iter().map(|&c| c as u8).collect();
        let counts = counts(names);
        let rarest = (0..bytes.len()).min_by_key(|&i| counts[bytes[i] as usize]);
        Self(Search::Ascii(bytes, rarest.unwrap_or(0)))
    }

    pub fn is_in(&self, name: &str) -> bool {
        match &self.0 {
            Search::Exact(finder) => finder.find(name.as_bytes()).is_some(),
            Search::Ascii(bytes, rarest) => is_in_ascii(name.as_bytes(), bytes, *rarest),
            Search::Folded(folded) => !name.is_ascii() && is_in_folded(name, folded),
        }
    }

    /// Whether the name begins with it.
    pub fn begins(&self, name: &str) -> bool {
        match &self.0 {
            Search::Exact(finder) => name.as_bytes().starts_with(finder.needle()),
            Search::Ascii(bytes, _) => {
                let start = name.as_bytes().get(..bytes.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(bytes))
            }
            Search::Folded(folded) => begins_folded(name, folded),
        }
    }
}

/// How often each byte occurs in some of the names, capitals as small letters.
fn counts(names: &Names) -> [u32; 256] {
    let mut counts = [0; 256];
    let step = (names.len() / SAMPLE).max(1);
    for i in (0..names.len()).step_by(step) {
        let bytes = names.get(i).bytes();
        bytes.for_each(|byte| counts[byte.to_ascii_lowercase() as usize] += 1);
    }
    counts
}

fn is_in_ascii(name: &[u8], wanted: &[u8], rarest: usize) -> bool {
    if name.len() < wanted.len() {
        return false;
    }
    // Where the rare byte may be, so that the rest has room on both sides.
    let places = &name[rarest..=name.len() - wanted.len() + rarest];
    let byte = wanted[rarest];
    memchr2_iter(byte, byte.to_ascii_uppercase(), places)
        .any(|start| name[start..start + wanted.len()].eq_ignore_ascii_case(wanted))
}

fn is_in_folded(name: &str, wanted: &[char]) -> bool {
    name.char_indices()
        .any(|(start, _)| begins_folded(&name[start..], wanted))
}

fn begins_folded(name: &str, wanted: &[char]) -> bool {
    let mut folded = name.chars().flat_map(char::to_lowercase);
    wanted.iter().all(|&c| folded.next() == Some(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_found_whatever_its_case(text in "[aAbB1éÉİ\u{65e5} -]{0,4}", name in "[aAbB1éÉİ\u{65e5} -]{0,12}") {
            let names: Names = [name.as_str()].into_iter().collect();
            let fold = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
            let needle = Needle::new(&text, &names);
            prop_assert_eq!(needle.is_in(&name), fold(&name).contains(&fold(&text)));
            prop_assert_eq!(needle.begins(&name), fold(&name).starts_with(&fold(&text)));
        }
    }
}
