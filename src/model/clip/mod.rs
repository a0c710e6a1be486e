//! CLIP in the layout of transformers.

mod config;

use serde_json::Value;

use super::blueprint::{Blueprint, Family};
use super::documents::Documents;
use super::pixels::Preprocess;
use super::tokenizer::{self, TextReader};
use super::{ModelError, check_vocabulary, image_processor};

/// What the small files of a checkpoint with this `config.json` say.
///
/// # Errors
/// A file that is not what it should be, by name.
pub fn blueprint(documents: &Documents, config: &Value) -> Result<Blueprint, ModelError> {
    let fault = |reason: String| documents.config.fault(reason);
    let spec = config::read(config).map_err(fault)?;
    let reader = TextReader::new(tokenizer::load(documents, spec.text.length)?, None);
    check_vocabulary(&reader, &spec)?;
    let mut notes = Vec::new();
    let preprocess = match image_processor(documents, &spec, Preprocess::from_json)? {
        Some(preprocess) => preprocess,
        None => {
            notes.push(
                "no preprocessor_config.json beside the weights: pictures are prepared as CLIP's own are".to_owned(),
            );
            Preprocess::clip(spec.vision.image_size() as u32)
        }
    };
    Ok(Blueprint {
        family: Family::Clip,
        spec,
        reader,
        preprocess,
        config_hash: documents.config_hash(),
        tokenizer_hash: documents.tokenizer_hash(false),
        notes,
    })
}
