//! Text files as people save them: UTF-8, with or without a byte-order mark; and text as messages show it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Characters of a foreign text that a message shows.
const SHOWN: usize = 120;

/// Bytes of a text that are read at once, where it need not be in memory as a whole.
const PIECE: usize = 1 << 22;

/// Why a file could not be read as text.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}:{line}: {what}; save the file as UTF-8", path.display())]
    Encoding {
        path: PathBuf,
        line: usize,
        what: String,
    },
}

/// The text of a file, without a byte-order mark.
///
/// # Errors
/// A file that cannot be read or is not UTF-8. A zero byte counts as the latter: it stands in no text, but in every
/// UTF-16 file of Latin letters, which would pass as UTF-8 otherwise.
pub fn read(path: &Path) -> Result<String, TextError> {
    let bytes = std::fs::read(path).map_err(|source| TextError::Read {
        path: path.to_owned(),
        source,
    })?;
    decode(bytes).map_err(|(line, what)| TextError::Encoding {
        path: path.to_owned(),
        line,
        what,
    })
}

/// A text that is read piece by piece, each ending where a line does.
pub struct Pieces<'a> {
    path: PathBuf,
    reader: Box<dyn Read + 'a>,
    size: usize,
    /// What was read and belongs to a line that goes on.
    rest: Vec<u8>,
    /// The line that the next piece begins with, from 1.
    line: usize,
    is_first: bool,
    is_read: bool,
}

impl<'a> Pieces<'a> {
    /// The text of a file.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> Result<Self, TextError> {
        let file = File::open(path).map_err(|source| TextError::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::new(path, file, PIECE))
    }

    /// A text that is here; `path` is what messages name.
    pub fn of(path: &Path, text: &'a str) -> Self {
        Self::new(path, text.as_bytes(), PIECE)
    }

    /// Pieces of `size` bytes, or of a line that is longer.
    pub fn new(path: &Path, reader: impl Read + 'a, size: usize) -> Self {
        Self {
            path: path.to_owned(),
            reader: Box::new(reader),
            size,
            rest: Vec::new(),
            line: 1,
            is_first: true,
            is_read: false,
        }
    }

    /// Adds the next piece to `text`; `false` when there is no more.
    ///
    /// # Errors
    /// As [`read`].
    pub fn add(&mut self, text: &mut String) -> Result<bool, TextError> {
        let mut bytes = std::mem::take(&mut self.rest);
        let mut end = 0;
        while end == 0 && !self.is_read {
            let before = bytes.len();
            let mut part = (&mut self.reader).take(self.size as u64);
            part.read_to_end(&mut bytes)
                .map_err(|source| TextError::Read {
                    path: self.path.clone(),
                    source,
                })?;
            self.is_read = bytes.len() - before < self.size;
            let of_part = memchr::memrchr(b'\n', &bytes[before..]);
            end = of_part.map_or(0, |at| before + at + 1);
        }
        if self.is_read {
            end = bytes.len();
        }
        self.rest = bytes.split_off(end);
        if bytes.is_empty() {
            return Ok(false);
        }
        let lines = memchr::memchr_iter(b'\n', &bytes).count();
        let piece = decode_part(bytes, self.is_first);
        let piece = piece.map_err(|(line, what)| TextError::Encoding {
            path: self.path.clone(),
            line: self.line + line - 1,
            what,
        })?;
        self.line += lines;
        self.is_first = false;
        text.push_str(&piece);
        Ok(true)
    }
}

fn decode(bytes: Vec<u8>) -> Result<String, (usize, String)> {
    decode_part(bytes, true)
}

/// The text of a part of a file, and what is wrong with it at which of its lines.
fn decode_part(bytes: Vec<u8>, is_first: bool) -> Result<String, (usize, String)> {
    if is_first && (bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")) {
        return Err((1, "UTF-16".to_owned()));
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let what = format!(
            "the byte 0x{:02x} is not UTF-8 (an older encoding such as Latin-1, or no text at all)",
            bytes[at]
        );
        (line_at(bytes, at), what)
    })?;
    if let Some(at) = text.bytes().position(|byte| byte == 0) {
        let what = "a zero byte: UTF-16, or no text at all".to_owned();
        return Err((line_at(text.as_bytes(), at), what));
    }
    if is_first && text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

/// The line, from 1, of a byte offset. Lines end in LF, CR LF, or CR alone.
pub fn line_at(text: &[u8], offset: usize) -> usize {
    let ends = |&i: &usize| match text[i] {
        b'\n' => true,
        b'\r' => text.get(i + 1) != Some(&b'\n'),
        _ => false,
    };
    1 + (0..offset).filter(ends).count()
}

/// A text that somebody else wrote, as a message shows it: on one line, and cut if it is very long.
pub fn shown(text: &str) -> String {
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == SHOWN {
            out.push('…');
            break;
        }
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// A text that somebody else wrote, as output shows it: what could steer a terminal is a replacement character.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf8_or_refused_at_its_line() {
        let check = |bytes: &[u8], expected: Result<&str, (usize, &str)>| {
            let found = decode(bytes.to_vec());
            match (&found, expected) {
                (Ok(text), Ok(expected)) => assert_eq!(text, expected, "{bytes:?}"),
                (Err((line, what)), Err((at, part))) => {
                    assert!(
                        *line == at && what.contains(part),
                        "{bytes:?}: {line}: {what}"
                    );
                }
                _ => panic!("{bytes:?}: {found:?}"),
            }
        };
        check(b"", Ok(""));
        check("ä\r\n".as_bytes(), Ok("ä\r\n"));
        check(b"\xef\xbb\xbfa", Ok("a"));
        check(b"a\nb\ncaf\xe9\n", Err((3, "0xe9")));
        check(b"a\r\nb\rcaf\xe9\n", Err((3, "0xe9")));
        check(b"\xff\xfea\0", Err((1, "UTF-16")));
        check(b"\xfe\xff\0a", Err((1, "UTF-16")));
        check(b"a\n\0b", Err((2, "UTF-16")));
        // Cut inside of a character.
        check(b"a\n\xc3", Err((2, "0xc3")));
    }

    #[test]
    fn pieces_are_the_text_and_end_where_lines_do() {
        let text = "ä\r\nb\n\nlong line\n\rlast ö";
        for size in 1..30 {
            let mut pieces = Pieces::new(Path::new("t"), text.as_bytes(), size);
            let (mut found, mut piece) = (String::new(), String::new());
            while pieces.add(&mut piece).unwrap() {
                found += &piece;
                assert!(piece.ends_with('\n') || found == text, "{size}: {piece:?}");
                piece.clear();
            }
            assert_eq!(found, text, "{size}");
            let bytes = b"\xef\xbb\xbfa\nb\ncaf\xe9\n";
            let mut pieces = Pieces::new(Path::new("t"), &bytes[..], size);
            let mut read = String::new();
            let error = loop {
                match pieces.add(&mut read) {
                    Ok(true) => {}
                    Ok(false) => panic!("{size}: {read:?}"),
                    Err(error) => break error.to_string(),
                }
            };
            assert!(error.starts_with("t:3: the byte 0xe9"), "{size}: {error}");
            assert!("a\nb\n".starts_with(&read), "{size}: {read:?}");
        }
    }

    #[test]
    fn foreign_text_stays_on_one_line_and_short() {
        assert_eq!(shown("naïve `x`\t1\n2"), "naïve `x`\\t1\\n2");
        assert_eq!(shown(&"ä".repeat(SHOWN)), "ä".repeat(SHOWN));
        assert_eq!(shown(&"ä".repeat(SHOWN + 1)).chars().count(), SHOWN + 1);
    }
}
