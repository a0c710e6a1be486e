//! HTML's character references, as Python's `html.unescape` resolves them.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The references of HTML 5, a name (with its `;` where it needs one) and the code points a line: Python's table
/// `html.entities.html5`.
const TABLE: &str = include_str!("entities.txt");

/// Name → characters.
static ENTITIES: LazyLock<HashMap<&str, String>> = LazyLock::new(|| {
    TABLE
        .lines()
        .filter_map(|line| {
            let (name, points) = line.split_once(' ')?;
            let points = points.split(' ');
            let text = points
                .map(|point| char::from_u32(u32::from_str_radix(point, 16).ok()?))
                .collect::<Option<String>>()?;
            Some((name, text))
        })
        .collect()
});

/// The longest reference that is looked at, without `&` and `;`.
const LONGEST: usize = 32;

/// What a browser shows for the bytes 0x80–0x9F, which Windows-1252 has letters and signs for.
const WINDOWS_1252: [u32; 32] = [
    0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039,
    0x152, 0x8d, 0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc,
    0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178,
];

/// The character that a control character from 0x80 to 0x9F stands for in Windows-1252; others are themselves.
pub fn windows_1252(c: char) -> char {
    let index = (c as u32).checked_sub(0x80).map(|index| index as usize);
    let found = index.and_then(|index| char::from_u32(*WINDOWS_1252.get(index)?));
    found.unwrap_or(c)
}

/// Resolves every reference, also those that lack their `;` where HTML allows it.
pub fn unescape(text: &str) -> String {
    replace_references(text, |rest| {
        let length = reference(rest)?;
        let body = &rest[..length];
        match body.strip_prefix('#') {
            Some(number) => Some((length, numbered(number)?)),
            None => Some((length, named(body))),
        }
    })
}

/// Resolves the references that are written out in full, and such as `&NTILDE;`, which somebody wrote in capitals: what ftfy
/// does beforehand.
pub fn unescape_whole(text: &str) -> String {
    replace_references(text, |rest| {
        let length = rest.find(';')? + 1;
        let name = &rest[..length];
        let body = &name[..length - 1];
        let digits = body.strip_prefix('#').unwrap_or(body);
        let is_one =
            (1..=24).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_alphanumeric());
        if !is_one {
            return None;
        }
        if let Some(number) = body.strip_prefix('#') {
            return Some((length, numbered(number)?));
        }
        let found = ENTITIES.get(name).cloned().or_else(|| {
            let small = name.to_ascii_lowercase();
            let shouted = name == name.to_ascii_uppercase() && named(name) == format!("&{name}");
            shouted.then(|| ENTITIES.get(small.as_str()).map(|text| text.to_uppercase()))?
        })?;
        Some((length, found))
    })
}

/// Replaces what follows each `&` by what `resolve` makes of it: how many bytes of it, and their meaning.
fn replace_references(text: &str, resolve: impl Fn(&str) -> Option<(usize, String)>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match resolve(rest) {
            Some((length, meaning)) => {
                out.push_str(&meaning);
                rest = &rest[length..];
            }
            None => out.push('&'),
        }
    }
    out + rest
}

/// The length of what can be a reference at the beginning of `rest`, which follows an `&`.
fn reference(rest: &str) -> Option<usize> {
    let with_end = |length: usize| length + usize::from(rest[length..].starts_with(';'));
    if let Some(number) = rest.strip_prefix('#') {
        let (radix, digits) = match number.strip_prefix(['x', 'X']) {
            Some(digits) => (16, digits),
            None => (10, number),
        };
        let count = digits.chars().take_while(|c| c.is_digit(radix)).count();
        return (count > 0).then(|| with_end(rest.len() - digits.len() + count));
    }
    let is_part = |c: &char| !"\t\n\x0c <&#;".contains(*c);
    let name = rest.chars().take_while(is_part).take(LONGEST);
    let length: usize = name.map(char::len_utf8).sum();
    (length > 0).then(|| with_end(length))
}

/// The character of a number, with its `x` if it is hexadecimal, and with or without a `;`.
fn numbered(number: &str) -> Option<String> {
    let number = number.trim_end_matches(';');
    let (radix, digits) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (16, digits),
        None => (10, number),
    };
    if digits.is_empty() {
        return None;
    }
    // Too large a number is no character whatever it is.
    let point = digits.chars().try_fold(0u32, |value, digit| {
        let digit = digit.to_digit(radix)?;
        Some(value.saturating_mul(radix).saturating_add(digit))
    })?;
    Some(match point {
        0 => "\u{fffd}".to_owned(),
        0x0d => "\r".to_owned(),
        0x80..=0x9f => char::from_u32(point).map_or_else(String::new, |c| windows_1252(c).into()),
        0x01..=0x08 | 0x0b | 0x0e..=0x1f | 0x7f | 0xfdd0..=0xfdef => String::new(),
        _ if point & 0xfffe == 0xfffe && point <= 0x10_ffff => String::new(),
        _ => char::from_u32(point).unwrap_or('\u{fffd}').to_string(),
    })
}

/// The meaning of a name; of one that is not known, that of its longest beginning that is.
fn named(name: &str) -> String {
    if let Some(text) = ENTITIES.get(name) {
        return text.clone();
    }
    let ends = name.char_indices().map(|(at, _)| at).filter(|&at| at > 1);
    let known = ends
        .rev()
        .find_map(|end| Some((ENTITIES.get(&name[..end])?, &name[end..])));
    match known {
        Some((text, rest)) => format!("{text}{rest}"),
        None => format!("&{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        assert_eq!(ENTITIES.len(), TABLE.lines().count());
        assert_eq!(ENTITIES["NotEqualTilde;"], "\u{2242}\u{338}");
    }
}
