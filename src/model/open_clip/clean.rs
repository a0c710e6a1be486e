//! What open_clip does to a text before it is cut into tokens: ftfy's repairs, HTML's references, blanks, case.
//!
//! Of ftfy, all but one step is here, in its order: references, controls of Windows-1252, ligatures, wide and narrow forms,
//! curly quotes, escape sequences, control characters, NFC. What is not is the guess that a text was decoded in the wrong
//! encoding (`schÃ¶n` for `schön`): a label that needs it is better mended in the file.

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::config::Cleaning;
use super::html::{unescape, unescape_whole, windows_1252};
use crate::model::tokenizer::Clean;

impl Cleaning {
    /// The function that does it.
    pub fn function(self) -> Clean {
        match self {
            Self::Lower => |text| one_blank(&basic(text)).to_lowercase(),
            Self::Whitespace => |text| one_blank(&basic(text)),
            Self::Canonicalize => |text| {
                let text = basic(text).replace('_', " ");
                let kept = text.replace(|c: char| c.is_ascii_punctuation(), "");
                one_blank(&kept.to_lowercase())
            },
        }
    }
}

/// What all texts undergo.
fn basic(text: &str) -> String {
    unescape(&unescape(&repaired(text)))
}

fn one_blank(text: &str) -> String {
    // Python's blanks are these too.
    let is_blank = |c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c);
    let words = text.split(is_blank).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// A text as ftfy repairs it, line by line.
fn repaired(text: &str) -> String {
    let mut has_markup = false;
    let lines = text.split_inclusive('\n').map(|line| {
        // In what looks like HTML, references are meant to stay.
        has_markup |= line.contains('<');
        let mut line = line.to_owned();
        loop {
            let next = once(&line, !has_markup);
            if next == line {
                return line;
            }
            line = next;
        }
    });
    lines.collect()
}

fn once(line: &str, with_references: bool) -> String {
    let line = match with_references {
        true => unescape_whole(line),
        false => line.to_owned(),
    };
    let mut plain = String::with_capacity(line.len());
    for c in line.chars().map(windows_1252) {
        match c {
            '\u{3000}' => plain.push(' '),
            '\u{ff01}'..='\u{ffef}' => plain.extend(std::iter::once(c).nfkc()),
            _ => match ligature(c) {
                Some(letters) => plain.push_str(letters),
                None => plain.push(c),
            },
        }
    }
    let plain: String = plain.chars().map(straight).collect();
    let kept: String = without_escapes(&plain)
        .chars()
        .filter(|&c| !is_control(c))
        .collect();
    match is_nfc(&kept) {
        true => kept,
        false => kept.nfc().collect(),
    }
}

/// The letters of a ligature or digraph.
fn ligature(c: char) -> Option<&'static str> {
    Some(match c {
        'Ĳ' => "IJ",
        'ĳ' => "ij",
        'ŉ' => "ʼn",
        'Ǳ' => "DZ",
        'ǲ' => "Dz",
        'ǳ' => "dz",
        'Ǆ' => "DŽ",
        'ǅ' => "Dž",
        'ǆ' => "dž",
        'Ǉ' => "LJ",
        'ǈ' => "Lj",
        'ǉ' => "lj",
        'Ǌ' => "NJ",
        'ǋ' => "Nj",
        'ǌ' => "nj",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' => "ſt",
        'ﬆ' => "st",
        _ => return None,
    })
}

/// A quote that does not curl.
fn straight(c: char) -> char {
    match c {
        '\u{2bc}' | '\u{2018}'..='\u{201b}' => '\'',
        '\u{201c}'..='\u{201f}' => '"',
        _ => c,
    }
}

/// Without a terminal's colours: `ESC [`, digits and semicolons, a letter.
fn without_escapes(text: &str) -> String {
    const START: &str = "\u{1b}[";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(START) {
        let after = &rest[at + START.len()..];
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';');
        match end.filter(|&end| after[end..].starts_with(|c: char| c.is_ascii_alphabetic())) {
            Some(end) => {
                out.push_str(&rest[..at]);
                rest = &after[end + 1..];
            }
            None => {
                out.push_str(&rest[..at + START.len()]);
                rest = after;
            }
        }
    }
    out + rest
}

/// Characters that nobody means to have in a text.
fn is_control(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}'
        | '\u{206a}'..='\u{206f}' | '\u{fff9}'..='\u{fffc}' | '\u{feff}')
}
