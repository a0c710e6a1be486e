//! What a checkpoint is, as its small files tell: enough to describe it, and to build its towers from its weights.

use super::documents::Documents;
use super::hub::{Checkpoint, Layout};
use super::pixels::Preprocess;
use super::tokenizer::TextReader;
use super::towers::Spec;
use super::weights::Naming;
use super::{ModelError, clip, open_clip, prolip, siglip};
use serde_json::Value;

/// A family of models: the layouts of checkpoints that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// CLIP in the layout of transformers.
    Clip,
    /// CLIP in the layout of open_clip.
    OpenClip,
    /// EVA-CLIP, whose image tower is of timm, in the layout of open_clip.
    EvaClip,
    /// MobileCLIP and MobileCLIP2, whose image towers are of timm, in the layout of open_clip.
    MobileClip,
    /// SigLIP, and SigLIP 2 of fixed resolution, in the layout of transformers.
    Siglip,
    /// ProLIP, as its authors save it.
    ProLip,
}

impl Family {
    /// As it is shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clip => "CLIP (transformers)",
            Self::OpenClip => "CLIP (open_clip)",
            Self::EvaClip => "EVA-CLIP (open_clip)",
            Self::MobileClip => "MobileCLIP (open_clip)",
            Self::Siglip => "SigLIP (transformers)",
            Self::ProLip => "ProLIP",
        }
    }

    /// Whose names its tensors have.
    pub fn naming(self) -> Naming {
        match self {
            Self::Clip => Naming::Clip,
            Self::OpenClip => Naming::OpenClip,
            Self::EvaClip | Self::MobileClip => Naming::Timm,
            Self::Siglip => Naming::Siglip,
            Self::ProLip => Naming::ProLip,
        }
    }
}

/// All that a checkpoint's small files say.
#[derive(Clone)]
pub struct Blueprint {
    pub family: Family,
    pub spec: Spec,
    pub reader: TextReader,
    pub preprocess: Preprocess,
    /// SHA-256 of the configuration.
    pub config_hash: String,
    /// SHA-256 of what decides the tokens.
    pub tokenizer_hash: String,
    pub notes: Vec<String>,
}

impl Blueprint {
    /// Reads the small files of a checkpoint.
    ///
    /// # Errors
    /// An architecture that is not known, with those that are; a file that is not what it should be, by name.
    pub fn read(checkpoint: &Checkpoint) -> Result<Self, ModelError> {
        let documents = Documents::read(checkpoint)?;
        match checkpoint.layout {
            Layout::OpenClip => open_clip::blueprint(&documents),
            Layout::Transformers => Self::of_transformers(&documents),
        }
    }

    /// By what `config.json` says that it is.
    pub fn of_transformers(documents: &Documents) -> Result<Self, ModelError> {
        let config = documents.config.json()?;
        let kind = model_type(&config);
        match (kind, refusal(kind)) {
            (_, Some(reason)) => Err(documents.config.fault(reason)),
            (Some("siglip"), None) => siglip::blueprint(documents, &config),
            (Some(prolip::TYPE), None) => prolip::blueprint(documents, &config),
            (_, None) => clip::blueprint(documents, &config),
        }
    }
}

/// What a `config.json` says that its model is. ProLIP's says nothing, and shows it: its sections are those of open_clip.
pub fn model_type(config: &Value) -> Option<&str> {
    let said = config.get("model_type").and_then(Value::as_str);
    let has = |key: &str| config.get(key).is_some_and(Value::is_object);
    said.or_else(|| (has("vision_cfg") && has("text_cfg")).then_some(prolip::TYPE))
}

/// Why a checkpoint of transformers with this `model_type` cannot be used, to follow the name of its `config.json`; `None` if
/// it can. Without a `model_type` it is CLIP's.
pub fn refusal(model_type: Option<&str>) -> Option<String> {
    match model_type {
        None | Some("clip" | "siglip" | prolip::TYPE) => None,
        Some("siglip2") => Some(
            "model_type is `siglip2`, which is SigLIP 2 of variable resolution (NaFlex): \
             of SigLIP 2 those of fixed resolution are supported, such as google/siglip2-base-patch16-224"
                .to_owned(),
        ),
        Some(other) => Some(format!(
            "model_type is `{other}`, which is not supported. {SUPPORTED}"
        )),
    }
}

/// What there is instead of an architecture that is not known.
const SUPPORTED: &str = "Supported are:\n  \
    - CLIP in the layout of transformers (config.json with model_type `clip`)\n  \
    - SigLIP, and SigLIP 2 of fixed resolution, in that of transformers (model_type `siglip`)\n  \
    - ProLIP, as its authors save it (config.json with vision_cfg and text_cfg)\n  \
    - vision transformers in the layout of open_clip (open_clip_config.json): LAION, DataComp, BioCLIP, …; \
    EVA-CLIP with EVA-02; MobileCLIP and MobileCLIP2";
