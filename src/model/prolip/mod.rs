//! ProLIP (Chun et al., Probabilistic Language-Image Pre-Training, ICLR 2025), as its authors save it: open_clip's
//! configuration as `config.json`, open_clip's names in `model.safetensors`.
//!
//! The towers are open_clip's, but that each has a second learnt token beside the class token, and gives log σ² of each
//! dimension beside the mean. Texts are always padded to the full length, and no token is hidden from another.

mod config;

use serde_json::Value;

use super::blueprint::{Blueprint, Family};
use super::documents::Documents;
use super::open_clip;
use super::pixels::Preprocess;
use super::tokenizer;
use super::towers::Padding;
use super::{ModelError, check_vocabulary, image_processor};

/// What it is called where transformers has a `model_type`, of which its `config.json` has none.
pub const TYPE: &str = "prolip";

/// What the small files of a checkpoint with this `config.json` say.
///
/// # Errors
/// A file that is not what it should be, by name.
pub fn blueprint(documents: &Documents, config: &Value) -> Result<Blueprint, ModelError> {
    let fault = |reason: String| documents.config.fault(reason);
    let open_clip::config::Config {
        mut spec,
        tokenizer: of_text,
    } = config::read(config).map_err(fault)?;
    let reader = open_clip::reader_of(documents, &of_text, spec.text.length)?;
    spec.text.padding = Padding::Full(tokenizer::pad_id(documents, &reader)?);
    check_vocabulary(&reader, &spec)?;
    let preprocess = match image_processor(documents, &spec, Preprocess::from_json)? {
        Some(preprocess) => preprocess,
        // As the authors' own evaluation, which is built on open_clip.
        None => Preprocess::from_open_clip_json(&Value::Null, spec.vision.image_size())
            .map_err(|reason| fault(reason.to_string()))?,
    };
    Ok(Blueprint {
        family: Family::ProLip,
        spec,
        reader,
        preprocess,
        config_hash: documents.config_hash(),
        tokenizer_hash: documents.tokenizer_hash(true),
        notes: Vec::new(),
    })
}
