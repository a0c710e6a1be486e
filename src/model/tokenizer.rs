//! CLIP's byte-pair tokenizer: text → ids with start and end, cut to the model's length.

use std::path::Path;

use serde_json::{Value, json};
use tokenizers::{Tokenizer, TruncationParams};

use super::hub::Checkpoint;
use super::{ModelError, read, read_json};

/// A checkpoint's tokenizer, from `tokenizer.json`, else from `vocab.json` and `merges.txt`.
///
/// Cuts to `max_length` ids, start and end included, and pads nothing: files often carry no such settings, or those of
/// their last use. Only the side from which a file cuts is kept, as transformers keeps it.
///
/// # Errors
/// A file that is missing or is not a tokenizer.
pub fn load(checkpoint: &Checkpoint, max_length: usize) -> Result<Tokenizer, ModelError> {
    match (&checkpoint.tokenizer, &checkpoint.vocab_merges) {
        (Some(path), _) => parse(path, &read(path)?, max_length),
        (None, Some((vocab, merges))) => {
            let definition = clip_definition(read_json(vocab)?, &read(merges)?).to_string();
            parse(vocab, definition.as_bytes(), max_length)
        }
        (None, None) => Err(ModelError::Tokenizer(
            "the checkpoint has no tokenizer.json".into(),
        )),
    }
}

/// The tokenizer that the content of a `tokenizer.json` defines, cutting as [`load`] says; `path` is for errors.
///
/// # Errors
/// If it defines none.
pub fn parse(path: &Path, definition: &[u8], max_length: usize) -> Result<Tokenizer, ModelError> {
    let mut tokenizer = Tokenizer::from_bytes(definition).map_err(|error| ModelError::File {
        path: path.to_owned(),
        reason: format!("is not a tokenizer that can be read: {error}"),
    })?;
    let direction = tokenizer.get_truncation().map(|given| given.direction);
    let truncation = TruncationParams {
        max_length,
        direction: direction.unwrap_or_default(),
        ..Default::default()
    };
    tokenizer
        .with_truncation(Some(truncation))
        .map_err(|error| ModelError::Tokenizer(error.to_string()))?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

/// The ids of one text.
///
/// # Errors
/// A text that the tokenizer refuses.
pub fn ids(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, ModelError> {
    let encoding = tokenizer
        .encode_fast(text, true)
        .map_err(|error| ModelError::Tokenizer(format!("`{text}`: {error}")))?;
    Ok(encoding.get_ids().to_vec())
}

/// What `tokenizer.json` says for a CLIP vocabulary: transformers' conversion of the older pair of files.
fn clip_definition(vocab: Value, merges: &[u8]) -> Value {
    let merges: Vec<&str> = std::str::from_utf8(merges)
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.starts_with("#version") && !line.trim().is_empty())
        .collect();
    let id = |token: &str| vocab.get(token).cloned().unwrap_or(Value::Null);
    let (start, end) = ("<|startoftext|>", "<|endoftext|>");
    let special = |token: &str| {
        json!({"id": id(token), "content": token, "special": true, "single_word": false,
               "lstrip": false, "rstrip": false, "normalized": false})
    };
    json!({
        "version": "1.0",
        "added_tokens": [special(start), special(end)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"},
            {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
            {"type": "Lowercase"},
        ]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "behavior": "Removed", "invert": true, "pattern": {"Regex":
                "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"}},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        ]},
        "post_processor": {"type": "RobertaProcessing", "sep": [end, id(end)], "cls": [start, id(start)],
            "trim_offsets": false, "add_prefix_space": false},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "unk_token": end, "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>", "fuse_unk": false, "vocab": vocab, "merges": merges},
    })
}
