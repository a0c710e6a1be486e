//! What a file of weights is, by its first bytes: so that one that cannot be read is told by what is wrong with it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde_json::Value;

/// How the tensors lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Safetensors,
    /// PyTorch's zip archive, since 1.6.
    Torch,
}

/// safetensors allows no longer header.
const LONGEST_HEADER: u64 = 100_000_000;

/// What a pickle of PyTorch before 1.6 begins with: its magic number, as a pickled integer.
const OLD_TORCH: [u8; 12] = [
    0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19,
];

/// The format that a file's name says and its content confirms.
///
/// # Errors
/// What the file is instead, or what it lacks, to follow its name.
pub fn of_file(path: &Path) -> Result<Format, String> {
    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let mut start = Vec::new();
    file.by_ref()
        .take(64)
        .read_to_end(&mut start)
        .map_err(unreadable)?;
    let is_torch = start.starts_with(b"PK\x03\x04");
    let is_safetensors = start.get(8) == Some(&b'{');
    let text = start.trim_ascii_start();
    match path.extension().is_some_and(|e| e == "safetensors") {
        _ if text.starts_with(b"<") => Err(
            "is a web page, not weights: download the file from its `resolve` address, not its `blob` one"
                .into(),
        ),
        true if is_torch => Err("is a PyTorch file: name it pytorch_model.bin".into()),
        false if is_safetensors && length > 8 => {
            Err("is a safetensors file: name it model.safetensors".into())
        }
        true => safetensors(&mut file, &start, length).map(|()| Format::Safetensors),
        false if is_torch => Ok(Format::Torch),
        false if start.get(2..14) == Some(&OLD_TORCH[..]) => Err(old_torch(path)),
        false if start.first() == Some(&0x80) => {
            Err("is a pickle, but not one that PyTorch saved a state dict in".into())
        }
        false => Err("is not a PyTorch file, or a damaged one: get it again".into()),
    }
}

fn old_torch(path: &Path) -> String {
    // In place: the name is the one that is looked for. Renaming leaves alone what a link in a cache points to.
    format!(
        "is in the format of PyTorch before 1.6, which cannot be read. Convert it once:\n  \
         python -c \"import os, torch; p = r'{}'; \
         torch.save(torch.load(p, 'cpu', weights_only=True), p + '.new'); os.replace(p + '.new', p)\"",
        path.display()
    )
}

/// Whether the header is one, and the file as long as it says.
fn safetensors(file: &mut File, start: &[u8], length: u64) -> Result<(), String> {
    let nonsense = || "is not a safetensors file, or a damaged one: get it again".to_owned();
    let truncated =
        |whole: u64| format!("is truncated: {length} of {whole} bytes are there; get it again");
    let size = start.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    let size = size.ok_or_else(|| format!("is truncated: it has {length} bytes; get it again"))?;
    if size > LONGEST_HEADER || start.get(8).is_some_and(|&byte| byte != b'{') {
        return Err(nonsense());
    }
    let data = 8 + size;
    if data > length {
        return Err(truncated(data));
    }
    let mut header = start.get(8..).unwrap_or_default().to_vec();
    header.truncate(usize::try_from(size).map_err(|_| nonsense())?);
    let rest = size - header.len() as u64;
    file.take(rest)
        .read_to_end(&mut header)
        .map_err(|error| format!("cannot be read: {error}"))?;
    let header: Value = serde_json::from_slice(&header).map_err(|_| nonsense())?;
    let tensors = header.as_object().ok_or_else(nonsense)?;
    let end = tensors
        .iter()
        .filter(|(name, _)| *name != "__metadata__")
        .map(|(_, tensor)| tensor.get("data_offsets")?.get(1)?.as_u64())
        .try_fold(0, |end, offset| Some(u64::max(end, offset?)))
        .ok_or_else(nonsense)?;
    match data.checked_add(end) {
        Some(whole) if whole > length => Err(truncated(whole)),
        Some(whole) if whole == length => Ok(()),
        _ => Err(nonsense()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safetensors_of(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    }

    #[test]
    fn a_file_is_told_by_what_it_is() {
        let dir = tempfile::TempDir::new().unwrap();
        let header = r#"{"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}"#;
        let whole = safetensors_of(header, 8);
        let mut old = vec![0x80, 2];
        old.extend(OLD_TORCH);
        let cases: [(&str, &[u8], Result<Format, &str>); 17] = [
            ("m.safetensors", &whole, Ok(Format::Safetensors)),
            ("m.safetensors", &whole[..whole.len() - 1], Err("truncated")),
            ("m.safetensors", &whole[..40], Err("truncated")),
            ("m.safetensors", &whole[..8], Err("truncated")),
            ("m.safetensors", &whole[..3], Err("truncated")),
            ("m.safetensors", &safetensors_of(header, 9), Err("damaged")),
            ("m.safetensors", &safetensors_of("{]", 0), Err("damaged")),
            (
                "m.safetensors",
                &safetensors_of(r#"{"a": 1}"#, 0),
                Err("damaged"),
            ),
            ("m.safetensors", &[0xff; 100], Err("damaged")),
            ("m.safetensors", b"<!DOCTYPE html>", Err("web page")),
            ("m.safetensors", b"PK\x03\x04", Err("pytorch_model.bin")),
            ("m.bin", b"PK\x03\x04", Ok(Format::Torch)),
            ("m.bin", &old, Err("before 1.6")),
            ("m.bin", b"\x80\x04\x95", Err("pickle")),
            ("m.bin", &whole, Err("model.safetensors")),
            ("m.bin", b"", Err("damaged")),
            ("m.bin", b"\n<html>", Err("web page")),
        ];
        for (name, content, expected) in cases {
            let path = dir.path().join(name);
            std::fs::write(&path, content).unwrap();
            match (of_file(&path), expected) {
                (Ok(format), Ok(expected)) => assert_eq!(format, expected),
                (Err(error), Err(said)) => assert!(error.contains(said), "{error}: {said}"),
                (found, expected) => panic!("{name}: {found:?} is not {expected:?}"),
            }
        }
    }
}
