//! What `config.json` says of the two towers of a model, in the way of transformers: CLIP's and SigLIP's differ in little
//! but what a missing key means.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::towers::{Activation, Stack};

/// `text_config`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TextConfig {
    pub vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    pub max_position_embeddings: usize,
    hidden_act: String,
    layer_norm_eps: f32,
    pub eos_token_id: u32,
}

/// `vision_config`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct VisionConfig {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_channels: usize,
    pub image_size: usize,
    pub patch_size: usize,
    hidden_act: String,
    layer_norm_eps: f32,
}

impl TextConfig {
    /// Reads the section; `defaults` are the values of missing keys.
    ///
    /// # Errors
    /// A sentence that names the key and the value.
    pub fn read(config: &Value, defaults: Value) -> Result<Self, String> {
        section(config, "text_config", defaults)
    }

    /// The blocks of the tower.
    ///
    /// # Errors
    /// An activation that is not known.
    pub fn stack(&self, causal: bool) -> Result<Stack, String> {
        Ok(Stack {
            width: self.hidden_size,
            inner: self.intermediate_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            activation: Activation::by_name(&self.hidden_act)?,
            eps: self.layer_norm_eps,
            causal,
        })
    }
}

impl VisionConfig {
    /// Reads the section; `defaults` are the values of missing keys.
    ///
    /// # Errors
    /// A sentence that names the key and the value.
    pub fn read(config: &Value, defaults: Value) -> Result<Self, String> {
        let read: Self = section(config, "vision_config", defaults)?;
        if read.num_channels != 3 {
            return Err(format!(
                "vision_config.num_channels is {}: pictures have 3",
                read.num_channels
            ));
        }
        Ok(read)
    }

    /// The blocks of the tower.
    ///
    /// # Errors
    /// An activation that is not known.
    pub fn stack(&self) -> Result<Stack, String> {
        Ok(Stack {
            width: self.hidden_size,
            inner: self.intermediate_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            activation: Activation::by_name(&self.hidden_act)?,
            eps: self.layer_norm_eps,
            causal: false,
        })
    }
}

/// A whole number below `key`; `default` if there is none.
///
/// # Errors
/// A sentence that names the key and the value.
pub fn size(config: &Value, key: &str, default: usize) -> Result<usize, String> {
    let value = key.split('.').try_fold(config, |value, key| value.get(key));
    match value {
        None | Some(Value::Null) => Ok(default),
        Some(value) => value
            .as_u64()
            .and_then(|size| usize::try_from(size).ok())
            .ok_or_else(|| format!("{key} is {value}: it must be a whole number")),
    }
}

/// One tower's section over the defaults. A `text_config_dict` (older checkpoints) wins over `text_config`, as in transformers.
fn section<T: DeserializeOwned>(config: &Value, key: &str, defaults: Value) -> Result<T, String> {
    let older = format!("{key}_dict");
    let found = [older.as_str(), key]
        .into_iter()
        .find_map(|key| Some((key, config.get(key)?.as_object()?)));
    let nothing = Map::new();
    let (key, given) = found.unwrap_or((key, &nothing));
    // A null is a missing key; transformers writes some.
    let given: Vec<(&String, &Value)> = given.iter().filter(|(_, v)| !v.is_null()).collect();
    let over = |given: &[(&String, &Value)]| {
        let mut merged = defaults.clone();
        for (key, value) in given {
            merged[key.as_str()] = (*value).clone();
        }
        serde_json::from_value::<T>(merged)
    };
    over(&given).map_err(|error| {
        // serde does not say which value it was.
        let fails_alone = |one: &(&String, &Value)| {
            let error = over(std::slice::from_ref(one)).err()?;
            Some(format!("{key}.{} is {}: {error}", one.0, one.1))
        };
        let named = given.iter().find_map(fails_alone);
        named.unwrap_or_else(|| format!("{key}: {error}"))
    })
}
