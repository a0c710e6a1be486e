//! Text → the ids that a text tower sees.

use std::path::Path;

use serde_json::{Value, json};
use tokenizers::{Tokenizer, TruncationParams};

use super::ModelError;
use super::documents::{Document, Documents};

/// What is done to a text before it is cut into tokens.
pub type Clean = fn(&str) -> String;

/// A model's way from a text to token ids: start and end included, cut to the model's length, not padded.
#[derive(Clone)]
pub struct TextReader {
    tokenizer: Tokenizer,
    clean: Option<Clean>,
    /// Ids that become 0: open_clip takes the separator of BERT's vocabulary away.
    zeroed: Option<u32>,
}

impl TextReader {
    /// Texts as the tokenizer takes them, cleaned before if `clean` is given.
    pub fn new(tokenizer: Tokenizer, clean: Option<Clean>) -> Self {
        Self {
            tokenizer,
            clean,
            zeroed: None,
        }
    }

    /// As this reader, with a token that is taken away.
    pub fn zeroing(self, id: Option<u32>) -> Self {
        Self { zeroed: id, ..self }
    }

    /// Ids of the vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// The id of a token.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    /// The ids of one text.
    ///
    /// # Errors
    /// A text that the tokenizer refuses.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let cleaned = self.clean.map(|clean| clean(text));
        let encoding = self
            .tokenizer
            .encode_fast(cleaned.as_deref().unwrap_or(text), true)
            .map_err(|error| ModelError::Tokenizer(format!("`{text}`: {error}")))?;
        let ids = encoding.get_ids().iter();
        Ok(ids
            .map(|&id| if self.zeroed == Some(id) { 0 } else { id })
            .collect())
    }
}

/// A checkpoint's tokenizer, from `tokenizer.json`, else from `vocab.json` and `merges.txt`.
///
/// Cuts to `max_length` ids, start and end included, and pads nothing: files often carry no such settings, or those of
/// their last use. Only the side from which a file cuts is kept, as transformers keeps it.
///
/// # Errors
/// A file that is missing or is not a tokenizer.
pub fn load(documents: &Documents, max_length: usize) -> Result<Tokenizer, ModelError> {
    match &documents.tokenizer[..] {
        [definition] => parse(&definition.path, &definition.bytes, max_length),
        [vocab, merges] => {
            let definition = clip_definition(vocab.json()?, merges_of(merges)?);
            parse(&vocab.path, definition.to_string().as_bytes(), max_length)
        }
        _ => Err(ModelError::Tokenizer(
            "the checkpoint has no tokenizer.json".into(),
        )),
    }
}

/// The tokenizer that a definition in the format of `tokenizer.json` is of, cutting as [`load`] says; `path` is for errors.
///
/// # Errors
/// If it is of none.
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

/// The id that texts are padded with, as `tokenizer_config.json` says, else `tokenizer.json`.
///
/// # Errors
/// If neither says.
pub fn pad_id(documents: &Documents, reader: &TextReader) -> Result<u32, ModelError> {
    let definition = match &documents.tokenizer[..] {
        [definition] => definition.json()?,
        _ => Value::Null,
    };
    let of_definition = definition.pointer("/padding/pad_id");
    match of_definition.and_then(Value::as_u64) {
        Some(id) if documents.tokenizer_config.is_none() => Ok(id as u32),
        _ => special_id(documents, reader, "pad_token"),
    }
}

/// The id of the token that `tokenizer_config.json` has under `key`, such as `pad_token`.
///
/// # Errors
/// If it has none, or one that the vocabulary does not know.
pub fn special_id(
    documents: &Documents,
    reader: &TextReader,
    key: &str,
) -> Result<u32, ModelError> {
    let Some(document) = &documents.tokenizer_config else {
        return Err(ModelError::Tokenizer(format!(
            "tokenizer_config.json is missing: it says which token is the `{key}`, which this model needs"
        )));
    };
    let config = document.json()?;
    let value = config.get(key).unwrap_or(&Value::Null);
    // A token, or a description of one.
    let token = value.get("content").unwrap_or(value).as_str();
    let token = token.ok_or_else(|| document.fault(format!("names no `{key}`")))?;
    let id = reader.id(token);
    id.ok_or_else(|| document.fault(format!("`{key}` is {token}, which the vocabulary lacks")))
}

/// The pairs of a `merges.txt`, as they stand there.
///
/// # Errors
/// If it is no text.
pub fn merges_of(merges: &Document) -> Result<Vec<&str>, ModelError> {
    let text = std::str::from_utf8(&merges.bytes)
        .map_err(|error| merges.fault(format!("is not UTF-8: {error}")))?;
    let lines = text.lines();
    Ok(lines
        .filter(|line| !line.starts_with("#version") && !line.trim().is_empty())
        .collect())
}

/// What `tokenizer.json` says for a CLIP vocabulary: transformers' conversion of the older pair of files.
fn clip_definition(vocab: Value, merges: Vec<&str>) -> Value {
    let normalizers = json!({"type": "Sequence", "normalizers": [
        {"type": "NFC"},
        {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "},
        {"type": "Lowercase"},
    ]});
    let words = "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";
    byte_pairs(
        vocab,
        merges.into(),
        normalizers,
        words,
        ["<|startoftext|>", "<|endoftext|>"],
    )
}

/// The definition of a tokenizer with CLIP's model: byte pairs of the words that the regular expression `words` finds,
/// between a start and an end.
pub fn byte_pairs(
    vocab: Value,
    merges: Value,
    normalizer: Value,
    words: &str,
    [start, end]: [&str; 2],
) -> Value {
    let id = |token: &str| vocab.get(token).cloned().unwrap_or(Value::Null);
    let special = |token: &str| {
        json!({"id": id(token), "content": token, "special": true, "single_word": false,
               "lstrip": false, "rstrip": false, "normalized": false})
    };
    json!({
        "version": "1.0",
        "added_tokens": [special(start), special(end)],
        "normalizer": normalizer,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "behavior": "Removed", "invert": true, "pattern": {"Regex": words}},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        ]},
        "post_processor": {"type": "RobertaProcessing", "sep": [end, id(end)], "cls": [start, id(start)],
            "trim_offsets": false, "add_prefix_space": false},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "unk_token": end, "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>", "fuse_unk": false, "vocab": vocab, "merges": merges},
    })
}
