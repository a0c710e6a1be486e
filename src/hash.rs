//! SHA-256 of what made a result, in hexadecimal.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

/// Hash of several contents in order, each preceded by its length so that no two lists share a hash.
pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// Hash of one content: what [`of_readers`] gives of a file that holds it.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&digest([bytes]))
}

/// The hash itself, of pieces that follow one another.
pub fn digest<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    pieces.into_iter().for_each(|piece| hash.update(piece));
    hash.finalize().into()
}

/// Hash of everything that `readers` give, one after the other, in bounded memory.
///
/// # Errors
/// The first reading error.
pub fn of_readers<R: Read>(readers: impl IntoIterator<Item = R>) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    for mut reader in readers {
        loop {
            match reader.read(&mut buffer)? {
                0 => break,
                count => hash.update(&buffer[..count]),
            }
        }
    }
    Ok(hex(&hash.finalize()))
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    let digits = bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]);
    digits.collect()
}

/// Hashes what is written through it.
pub struct Hashing<W> {
    to: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    pub fn new(to: W) -> Self {
        Self {
            to,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// What was written to, the number of bytes, and their hash.
    pub fn finish(self) -> (W, u64, String) {
        (self.to, self.bytes, hex(&self.hash.finalize()))
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sha256() {
        // The first example of FIPS 180-2.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_readers([&b"a"[..], b"bc"]).unwrap(), expected);
        assert_eq!(of_bytes(b"abc"), expected);
        assert_eq!(hex(&digest([&b"ab"[..], b"c"])), expected);
        let mut out = Hashing::new(Vec::new());
        out.write_all(b"a").unwrap();
        out.write_all(b"bc").unwrap();
        assert_eq!(out.finish(), (b"abc".to_vec(), 3, expected.to_owned()));
    }

    #[test]
    fn lists_that_join_to_the_same_text_differ() {
        assert_ne!(of_parts([&b"ab"[..], b"c"]), of_parts([&b"a"[..], b"bc"]));
    }
}
