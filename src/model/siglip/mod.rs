//! SigLIP, and SigLIP 2 of fixed resolution, in the layout of transformers.
//!
//! The towers are CLIP's but for the ends: no class token, a query that attends to the patches, texts that are always
//! padded to the full length and stood for by their last token. What training compared was a sigmoid of each pair,
//! `σ(scale · cosine + bias)`; the bias is the same for all candidates, so that the softmax over them, which is what
//! is scored here, does not know it.

mod config;

use serde_json::Value;

use super::blueprint::{Blueprint, Family};
use super::documents::Documents;
use super::pixels::Preprocess;
use super::tokenizer::{self, Clean, TextReader};
use super::towers::Padding;
use super::{ModelError, check_vocabulary, image_processor};

/// What the small files of a checkpoint with this `config.json` say.
///
/// # Errors
/// A file that is not what it should be, by name.
pub fn blueprint(documents: &Documents, config: &Value) -> Result<Blueprint, ModelError> {
    let fault = |reason: String| documents.config.fault(reason);
    let mut spec = config::read(config).map_err(fault)?;
    let tokenizer = tokenizer::load(documents, spec.text.length)?;
    let reader = TextReader::new(tokenizer, clean_of(documents)?);
    spec.text.padding = Padding::Full(tokenizer::pad_id(documents, &reader)?);
    check_vocabulary(&reader, &spec)?;
    let mut notes = Vec::new();
    let preprocess = match image_processor(documents, &spec, Preprocess::from_siglip_json)? {
        Some(preprocess) => preprocess,
        None => {
            notes.push(
                "no preprocessor_config.json beside the weights: pictures are prepared as SigLIP's own are".to_owned(),
            );
            Preprocess::siglip(spec.vision.image_size() as u32)
        }
    };
    Ok(Blueprint {
        family: Family::Siglip,
        spec,
        reader,
        preprocess,
        config_hash: documents.config_hash(),
        tokenizer_hash: documents.tokenizer_hash(true),
        notes,
    })
}

/// What transformers' tokenizer of the class that `tokenizer_config.json` names does to a text before `tokenizer.json` does
/// the rest.
fn clean_of(documents: &Documents) -> Result<Option<Clean>, ModelError> {
    let Some(document) = &documents.tokenizer_config else {
        return Ok(None);
    };
    let config = document.json()?;
    let class = config.get("tokenizer_class").and_then(Value::as_str);
    let keeps_case = config.get("do_lower_case") == Some(&Value::Bool(false));
    Ok(match class.map(|class| class.trim_end_matches("Fast")) {
        Some("SiglipTokenizer") if keeps_case => Some(without_punctuation),
        Some("SiglipTokenizer") => Some(canonical),
        // SigLIP 2 was trained on text in lower case. Its files first named Gemma's tokenizer, which does not say so.
        Some("Siglip2Tokenizer" | "GemmaTokenizer") => Some(str::to_lowercase),
        _ => None,
    })
}

/// In lower case, without punctuation, words one blank apart: SigLIP's canonical form.
fn canonical(text: &str) -> String {
    without_punctuation(&text.to_lowercase())
}

fn without_punctuation(text: &str) -> String {
    let kept = text.replace(|c: char| c.is_ascii_punctuation(), "");
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form() {
        assert_eq!(
            canonical("  A Photo,\tof a_Cat's\u{a0}PAW! "),
            "a photo of acats paw"
        );
        assert_eq!(without_punctuation("A “Photo” (x)"), "A “Photo” x");
        assert_eq!(canonical("..."), "");
    }
}
