//! Data sets in several files: which these are.

use std::path::{Path, PathBuf};

use super::DatasetError;

/// Files that one pattern may stand for.
const MOST: usize = 1_000_000;

/// A file with some of the images of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shard {
    pub path: PathBuf,
    /// What tells the names of its images from those of the other files: its own name, and `/`.
    pub prefix: String,
}

impl Shard {
    /// The only file of its data set.
    pub fn alone(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            prefix: String::new(),
        }
    }
}

/// The files that a pattern such as `shards/{0000..0012}.tar` or `{train,val}/0.tar` stands for, as WebDataset writes it; `None` of
/// what is no pattern, or a file itself.
///
/// # Errors
/// A file that is not there; a pattern of too many.
pub(super) fn of_pattern(pattern: &Path) -> Result<Option<Vec<Shard>>, DatasetError> {
    let Some(text) = pattern.to_str().filter(|text| text.contains('{')) else {
        return Ok(None);
    };
    if pattern.exists() {
        return Ok(None);
    }
    let fault = |what: String| DatasetError::File {
        path: pattern.to_owned(),
        what,
    };
    let names = expand(text).map_err(fault)?;
    if names == [text] {
        return Ok(None);
    }
    // The names of the files differ from the first part on that has a brace.
    let brace = text.find('{').unwrap_or(0);
    let same = text[..brace].rfind('/').map_or(0, |slash| slash + 1);
    let shard = |name: String| {
        let path = PathBuf::from(&name);
        match path.is_file() {
            true => Ok(Shard {
                prefix: format!("{}/", &name[same..]),
                path,
            }),
            false => Err(fault(format!(
                "there is no file `{name}`, which the pattern stands for"
            ))),
        }
    };
    names
        .into_iter()
        .map(shard)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// All that a text with braces stands for, in order: `{a,b}` for each of its parts, `{08..11}` for each number, with as many digits.
/// Other braces stand for themselves.
fn expand(text: &str) -> Result<Vec<String>, String> {
    let mut all = vec![String::new()];
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((inside, after)) = after.split_once('}') else {
            break;
        };
        let parts = match (range(inside), inside.contains(',')) {
            (Some(numbers), _) => numbers?,
            (None, true) => inside.split(',').map(str::to_owned).collect(),
            (None, false) => vec![format!("{{{inside}}}")],
        };
        if all.len().saturating_mul(parts.len()) > MOST {
            return Err(format!("the pattern stands for more than {MOST} files"));
        }
        let with_parts = |start: &String| {
            let start = format!("{start}{before}");
            parts
                .iter()
                .map(move |part| format!("{start}{part}"))
                .collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with_parts).collect();
        rest = after;
    }
    all.iter_mut().for_each(|name| name.push_str(rest));
    Ok(all)
}

/// The numbers of `FIRST..LAST`; `None` of what is no range.
fn range(inside: &str) -> Option<Result<Vec<String>, String>> {
    let (first, last) = inside.split_once("..")?;
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<usize>().ok(),
        false => None,
    };
    let (from, to) = (number(first)?, number(last)?);
    if from > to {
        return Some(Err(format!(
            "`{{{inside}}}` is empty: the first number is the larger one"
        )));
    }
    if to - from >= MOST {
        return Some(Err(format!(
            "`{{{inside}}}` stands for more than {MOST} files"
        )));
    }
    let is_padded = first.len() == last.len() || first.starts_with('0') && first.len() > 1;
    let digits = if is_padded { first.len() } else { 0 };
    Some(Ok((from..=to).map(|i| format!("{i:0digits$}")).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_stand_for_what_is_in_them() {
        for (text, expected) in [
            ("a.tar", vec!["a.tar"]),
            (
                "s/{08..11}.tar",
                vec!["s/08.tar", "s/09.tar", "s/10.tar", "s/11.tar"],
            ),
            ("{9..10}.tar", vec!["9.tar", "10.tar"]),
            ("{0..1}{a,b}", vec!["0a", "0b", "1a", "1b"]),
            (
                "{train,val}/{000..001}.tar",
                vec![
                    "train/000.tar",
                    "train/001.tar",
                    "val/000.tar",
                    "val/001.tar",
                ],
            ),
            ("{a}.tar", vec!["{a}.tar"]),
            ("{a..b}.tar", vec!["{a..b}.tar"]),
            ("a{0..1", vec!["a{0..1"]),
            ("{-1..1}", vec!["{-1..1}"]),
            ("{..}", vec!["{..}"]),
        ] {
            assert_eq!(expand(text).unwrap(), expected, "{text}");
        }
        for wrong in [
            "{3..1}",
            "{0..9999999}",
            "{0..1000}{0..1000}",
            "{0..18446744073709551615}",
        ] {
            assert!(expand(wrong).is_err(), "{wrong}");
        }
    }
}
