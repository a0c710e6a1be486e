//! By what an embedding is known: the content that it is of, and all that made it.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::embed::EmbedOptions;
use crate::hash;
use crate::model::{Encoder, Fingerprint};

/// Goes up with every change of the program after which a model gives other values for the same bytes: decoding, resizing, the towers.
const REVISION: u32 = 1;

/// What a recipe says where log σ² follows the mean in each row.
const LOG_VARIANCE: &str = "log_variance";

/// SHA-256 of what an embedding is of: the bytes of an image file, or of a text in UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; Self::LEN]);

impl Key {
    /// Bytes of a key.
    pub(super) const LEN: usize = 32;

    pub fn of(content: &[u8]) -> Self {
        Self(hash::digest([content]))
    }

    pub(super) fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

/// In hexadecimal, as `sha256sum` prints it.
impl Display for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&hash::hex(&self.0))
    }
}

/// What the rows of a collection are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Images,
    Texts,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Texts => "texts",
        }
    }
}

/// All that has a say in the values of a collection. Two encoders with the same recipe give the same bytes for the same content.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    pub(super) kind: Kind,
    pub(super) dim: usize,
    /// What has a say, by name.
    pub(super) made_by: Value,
    /// What the user called the model: for people to read, and no part of the recipe.
    pub(super) model: String,
}

impl Recipe {
    /// Of images, as this encoder and these options make them: the tokenizer has no say, but how files are decoded, and on some
    /// devices how many images a micro-batch has.
    pub fn of_images(encoder: &dyn Encoder, options: &EmbedOptions, model: &str) -> Self {
        let decode = &options.decode;
        let mut made_by = parts(encoder.fingerprint(), "tokenizer");
        made_by["exif_orientation"] = json!(decode.exif_orientation);
        made_by["max_pixels"] = json!(decode.max_pixels);
        if decode.fast {
            made_by["fast_decode"] = json!(true);
        }
        if encoder.batch_matters() {
            made_by["batch"] = json!(options.batch);
        }
        Self::new(Kind::Images, encoder, made_by, model)
    }

    /// Of texts: the preparation of pictures has no say.
    pub fn of_texts(encoder: &dyn Encoder, model: &str) -> Self {
        let made_by = parts(encoder.fingerprint(), "preprocess");
        Self::new(Kind::Texts, encoder, made_by, model)
    }

    fn new(kind: Kind, encoder: &dyn Encoder, mut made_by: Value, model: &str) -> Self {
        if encoder.tells_uncertainty() {
            made_by[LOG_VARIANCE] = json!(true);
        }
        Self {
            kind,
            dim: encoder.dim(),
            made_by,
            model: model.to_owned(),
        }
    }

    /// What the embeddings are of.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Dimension of the joint space.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Whether log σ² of each dimension follows the mean in each row.
    pub fn tells_uncertainty(&self) -> bool {
        self.made_by.get(LOG_VARIANCE) == Some(&json!(true))
    }

    /// Values of a row.
    pub fn columns(&self) -> usize {
        match self.tells_uncertainty() {
            true => 2 * self.dim,
            false => self.dim,
        }
    }

    /// What the user called the model that was first used so.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What has a say in the values, by name.
    pub fn made_by(&self) -> &Value {
        &self.made_by
    }

    /// SHA-256 of what has a say, in hexadecimal.
    pub fn fingerprint(&self) -> String {
        let dim = self.dim.to_string();
        let parts = [self.kind.name(), &dim, &self.made_by.to_string()];
        hash::of_parts(parts.map(str::as_bytes))
    }

    /// The name of its directory in a store.
    pub fn directory(&self) -> String {
        format!("{}-{}", self.kind.name(), &self.fingerprint()[..16])
    }
}

/// Of the fingerprint all but one part, whatever parts it has.
fn parts(fingerprint: &Fingerprint, without: &str) -> Value {
    let mut parts = json!({"revision": REVISION});
    if let Ok(Value::Object(all)) = serde_json::to_value(fingerprint) {
        let others = all.into_iter().filter(|(name, _)| name != without);
        others.for_each(|(name, value)| parts[name] = value);
    }
    parts
}
