//! Which files a checkpoint consists of.

use std::convert::Infallible;
use std::path::Path;

use super::checkpoint::{FileState, model_type_in};
use crate::model::blueprint::refusal;

/// Who saved a checkpoint, and so what its files are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// transformers' `save_pretrained`.
    Transformers,
    /// open_clip's `push_to_hf_hub`.
    OpenClip,
}

impl Layout {
    /// The file that describes the model.
    pub fn config(self) -> &'static str {
        match self {
            Self::Transformers => "config.json",
            Self::OpenClip => "open_clip_config.json",
        }
    }

    /// The formats of weights, the preferred first. Each may be one file, or shards that `NAME.index.json` lists.
    pub fn weights(self) -> [&'static str; 2] {
        match self {
            Self::Transformers => ["model.safetensors", "pytorch_model.bin"],
            Self::OpenClip => ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"],
        }
    }

    /// What else may be there, and is read then. A checkpoint may have several files with the preprocessing, or none.
    pub fn optional(self) -> &'static [&'static str] {
        match self {
            Self::Transformers => &[
                "preprocessor_config.json",
                "processor_config.json",
                "tokenizer_config.json",
            ],
            Self::OpenClip => &["tokenizer_config.json"],
        }
    }

    /// Why a model of this layout in `dir` is of no family that can be read, if its configuration is there and says so.
    pub fn refusal(self, dir: &Path) -> Option<String> {
        match self {
            Self::OpenClip => None,
            Self::Transformers => refusal(model_type_in(&dir.join(self.config())).as_deref())
                .map(|reason| format!("{}: {reason}", self.config())),
        }
    }

    /// The layout of the files in a directory, as [`choose`](Self::choose) chooses it.
    pub fn in_directory(dir: &Path, asked: Option<Self>) -> Self {
        let state = |name: &str| FileState::of(&dir.join(name));
        let mut model_type = || Ok::<_, Infallible>(model_type_in(&dir.join("config.json")));
        match Self::choose(asked, &state, &mut model_type) {
            Ok(layout) => layout,
            Err(impossible) => match impossible {},
        }
    }

    /// The layout among files of which `state` tells: the one that is asked for; where both are there, that of transformers,
    /// unless its `config.json` describes something else (timm puts one there too) or has no weights.
    ///
    /// # Errors
    /// The error of `model_type`, which gives what `config.json` says.
    pub fn choose<E>(
        asked: Option<Self>,
        state: &dyn Fn(&str) -> FileState,
        model_type: &mut dyn FnMut() -> Result<Option<String>, E>,
    ) -> Result<Self, E> {
        if let Some(asked) = asked {
            return Ok(asked);
        }
        let has = |name: &str| state(name) != FileState::Absent;
        let has_weights = |layout: Self| {
            let mut names = layout.weights().into_iter();
            names.any(|name| has(name) || has(&index_of(name)))
        };
        if !has(Self::OpenClip.config()) {
            return Ok(Self::Transformers);
        }
        let is_without = !has_weights(Self::Transformers) && has_weights(Self::OpenClip);
        if is_without || !has(Self::Transformers.config()) {
            return Ok(Self::OpenClip);
        }
        Ok(match model_type()? {
            Some(kind) if refusal(Some(&kind)).is_none() => Self::Transformers,
            _ => Self::OpenClip,
        })
    }
}

/// What lists the shards of weights that could be one file.
pub fn index_of(weights: &str) -> String {
    format!("{weights}.index.json")
}
