//! CLIP in the layout of open_clip, of the transformers that open_clip defines itself, and of some image towers of timm.
//!
//! The towers are those of CLIP in other names (`weights::Naming::OpenClip`); what differs is how pictures and texts become
//! their input.

mod clean;
pub(super) mod config;
mod eva;
mod html;
mod mobile;
pub(super) mod section;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use tokenizers::Tokenizer;

use super::blueprint::{Blueprint, Family};
use super::documents::{Document, Documents};
use super::pixels::Preprocess;
use super::tokenizer::{self, TextReader};
use super::towers::{Blocks, Padding, Patches, VisionSpec, VitSpec};
use super::{ModelError, check_vocabulary};
use config::{Config, TokenizerConfig};

/// The words that byte pairs are made of, whatever their case.
const WORDS: &str = "(?i)<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

/// What the small files of a checkpoint say.
///
/// # Errors
/// A file that is not what it should be, by name.
pub fn blueprint(documents: &Documents) -> Result<Blueprint, ModelError> {
    let fault = |reason: String| documents.config.fault(reason);
    let json = documents.config.json()?;
    let Config {
        mut spec,
        tokenizer: of_text,
    } = config::read(&json).map_err(fault)?;
    let reader = reader_of(documents, &of_text, spec.text.length)?;
    if of_text.of_transformers.is_some()
        && let Padding::Full(pad) = &mut spec.text.padding
    {
        *pad = tokenizer::pad_id(documents, &reader)?;
    }
    check_vocabulary(&reader, &spec)?;
    let steps = json.get("preprocess_cfg").unwrap_or(&Value::Null);
    let size = spec.vision.image_size();
    let preprocess = Preprocess::from_open_clip_json(steps, size)
        .map_err(|reason| documents.config.fault(format!("preprocess_cfg: {reason}")))?;
    Ok(Blueprint {
        family: family_of(&spec.vision),
        spec,
        preprocess,
        config_hash: documents.config_hash(),
        tokenizer_hash: documents.tokenizer_hash(of_text.of_transformers.is_some()),
        reader,
        notes: Vec::new(),
    })
}

fn family_of(vision: &VisionSpec) -> Family {
    match vision {
        VisionSpec::FastVit(_) => Family::MobileClip,
        VisionSpec::Vit(VitSpec {
            patches: Patches::Steps,
            ..
        }) => Family::MobileClip,
        VisionSpec::Vit(vision) => match vision.blocks {
            Blocks::Plain => Family::OpenClip,
            Blocks::Eva { .. } => Family::EvaClip,
        },
    }
}

/// From texts to ids as the model's tokenizer does it.
///
/// # Errors
/// A file of the tokenizer that is not what it should be, by name.
pub(super) fn reader_of(
    documents: &Documents,
    of_text: &TokenizerConfig,
    length: usize,
) -> Result<TextReader, ModelError> {
    let clean = Some(of_text.cleaning.function());
    if of_text.of_transformers.is_none() {
        return Ok(TextReader::new(simple(documents, length)?, clean));
    }
    let reader = TextReader::new(tokenizer::load(documents, length)?, clean);
    if !of_text.strips_separator {
        return Ok(reader);
    }
    let separator = tokenizer::special_id(documents, &reader, "sep_token")?;
    Ok(reader.zeroing(Some(separator)))
}

/// open_clip's own tokenizer, on the vocabulary that the checkpoint's tokenizer files hold: of these, only the byte pairs are
/// open_clip's, and not what transformers does before.
fn simple(documents: &Documents, length: usize) -> Result<Tokenizer, ModelError> {
    let (document, vocab, merges) = byte_pairs_of(documents)?;
    let renamed = [
        ("<|startoftext|>", "<start_of_text>"),
        ("<|endoftext|>", "<end_of_text>"),
    ];
    let Value::Object(mut vocab) = vocab else {
        return Err(document.fault("its vocabulary is no list of tokens and numbers"));
    };
    for (theirs, ours) in renamed {
        let id = vocab.remove(theirs).or_else(|| vocab.remove(ours));
        let id = id.ok_or_else(|| {
            document.fault(format!(
                "has no token {theirs}: it is not CLIP's vocabulary, which the model was trained with. \
                 The tokenizer.json of openai/clip-vit-base-patch32 has it"
            ))
        })?;
        vocab.insert(ours.to_owned(), id);
    }
    let [start, end] = renamed.map(|(_, ours)| ours);
    let mut definition =
        tokenizer::byte_pairs(vocab.into(), merges, Value::Null, WORDS, [start, end]);
    // Here a word is not looked into once more.
    definition["pre_tokenizer"]["pretokenizers"][1]["use_regex"] = json!(false);
    tokenizer::parse(&document.path, definition.to_string().as_bytes(), length)
}

/// The vocabulary and the pairs that are merged, and the file that they are from.
fn byte_pairs_of(documents: &Documents) -> Result<(&Document, Value, Value), ModelError> {
    match &documents.tokenizer[..] {
        [vocab, merges] => Ok((vocab, vocab.json()?, tokenizer::merges_of(merges)?.into())),
        [document] => {
            let mut json = document.json()?;
            let mut take = |pointer| json.pointer_mut(pointer).map(Value::take);
            let vocab = take("/model/vocab").unwrap_or_default();
            Ok((document, vocab, take("/model/merges").unwrap_or_default()))
        }
        _ => Err(ModelError::Tokenizer(
            "the checkpoint has no tokenizer.json".into(),
        )),
    }
}
