//! `config.json` of a CLIP checkpoint, every missing key defaulted as transformers' `CLIPConfig` does.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The fields of a checkpoint's `config.json` that decide a computation.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipConfig {
    pub text: TextConfig,
    pub vision: VisionConfig,
    /// Dimension of the joint space; read from the top level, whatever the towers say.
    pub projection_dim: usize,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct TextConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub max_position_embeddings: usize,
    pub hidden_act: String,
    pub layer_norm_eps: f32,
    pub eos_token_id: u32,
}

impl Default for TextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 49408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: "quick_gelu".into(),
            layer_norm_eps: 1e-5,
            eos_token_id: 49407,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct VisionConfig {
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub num_channels: usize,
    pub image_size: usize,
    pub patch_size: usize,
    pub hidden_act: String,
    pub layer_norm_eps: f32,
}

impl Default for VisionConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 32,
            hidden_act: "quick_gelu".into(),
            layer_norm_eps: 1e-5,
        }
    }
}

impl VisionConfig {
    /// Patches along one side; what does not fill a patch is left out, as the reference's strided convolution does.
    pub fn patches_per_side(&self) -> usize {
        self.image_size / self.patch_size
    }
}

/// Activation of the MLPs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// x · σ(1.702 x): OpenAI's checkpoints.
    QuickGelu,
    /// x/2 · (1 + erf(x/√2)): LAION's and most later ones.
    Gelu,
    /// The tanh approximation of GELU.
    GeluTanh,
}

impl ClipConfig {
    /// Reads the content of `config.json`.
    ///
    /// # Errors
    /// A sentence that names the key and the value.
    pub fn from_json(config: &Value) -> Result<Self, String> {
        let model_type = config
            .get("model_type")
            .and_then(Value::as_str)
            .unwrap_or("clip");
        if model_type != "clip" {
            return Err(format!(
                "model_type is `{model_type}`: this version loads `clip` checkpoints"
            ));
        }
        let text: TextConfig = tower(config, "text_config")?;
        let vision: VisionConfig = tower(config, "vision_config")?;
        let projection_dim = match config.get("projection_dim") {
            None | Some(Value::Null) => 512,
            Some(dim) => dim
                .as_u64()
                .and_then(|dim| usize::try_from(dim).ok())
                .ok_or_else(|| format!("projection_dim is {dim}: it must be a whole number"))?,
        };
        let config = Self {
            text,
            vision,
            projection_dim,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let Self {
            text,
            vision,
            projection_dim,
        } = self;
        let sizes = [
            ("projection_dim", *projection_dim),
            ("text_config.vocab_size", text.vocab_size),
            ("text_config.hidden_size", text.hidden_size),
            ("text_config.intermediate_size", text.intermediate_size),
            ("text_config.num_attention_heads", text.num_attention_heads),
            ("vision_config.hidden_size", vision.hidden_size),
            ("vision_config.intermediate_size", vision.intermediate_size),
            (
                "vision_config.num_attention_heads",
                vision.num_attention_heads,
            ),
            ("vision_config.patch_size", vision.patch_size),
        ];
        if let Some((key, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(format!("{key} is 0"));
        }
        if text.max_position_embeddings < 2 {
            return Err("text_config.max_position_embeddings leaves no room for a text".into());
        }
        for (tower, width, heads) in [
            ("text_config", text.hidden_size, text.num_attention_heads),
            (
                "vision_config",
                vision.hidden_size,
                vision.num_attention_heads,
            ),
        ] {
            if !width.is_multiple_of(heads) {
                return Err(format!(
                    "{tower}.hidden_size {width} is not a multiple of num_attention_heads {heads}"
                ));
            }
        }
        if vision.num_channels != 3 {
            return Err(format!(
                "vision_config.num_channels is {}: pictures have 3",
                vision.num_channels
            ));
        }
        if vision.patches_per_side() == 0 {
            return Err(format!(
                "vision_config.patch_size {} is larger than image_size {}",
                vision.patch_size, vision.image_size
            ));
        }
        Ok(())
    }
}

/// One tower's section. A `text_config_dict` (older checkpoints) wins over `text_config`, as in transformers.
fn tower<T: serde::de::DeserializeOwned + Default>(config: &Value, key: &str) -> Result<T, String> {
    let older = format!("{key}_dict");
    let Some((key, section)) = [older.as_str(), key]
        .into_iter()
        .find_map(|key| Some((key, config.get(key).filter(|section| section.is_object())?)))
    else {
        return Ok(T::default());
    };
    // A null is a missing key; transformers writes some.
    let given = section.as_object().into_iter().flatten();
    let given = given.filter(|(_, value)| !value.is_null());
    let section: Map<String, Value> = given.map(|(k, v)| (k.clone(), v.clone())).collect();
    serde_json::from_value(Value::Object(section.clone())).map_err(|error| {
        // serde does not say which value it was.
        let fails_alone = |(field, value): (&String, &Value)| {
            let alone = Map::from_iter([(field.clone(), value.clone())]);
            let error = serde_json::from_value::<T>(Value::Object(alone)).err()?;
            Some(format!("{key}.{field} is {value}: {error}"))
        };
        let named = section.iter().find_map(fails_alone);
        named.unwrap_or_else(|| format!("{key}: {error}"))
    })
}

impl Activation {
    /// By its name in `hidden_act`.
    ///
    /// # Errors
    /// A sentence that names the value and what is known.
    pub fn by_name(name: &str) -> Result<Self, String> {
        match name {
            "quick_gelu" => Ok(Self::QuickGelu),
            "gelu" => Ok(Self::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" => Ok(Self::GeluTanh),
            _ => Err(format!(
                "hidden_act is `{name}`: known are quick_gelu, gelu, gelu_new and gelu_pytorch_tanh"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn missing_keys_have_the_references_defaults() {
        let config =
            ClipConfig::from_json(&json!({"text_config": {"eos_token_id": null}})).unwrap();
        assert_eq!(config.text, TextConfig::default());
        assert_eq!(config.vision.patches_per_side(), 7);
        assert_eq!(config.projection_dim, 512);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (config, said) in [
            (json!({"model_type": "siglip"}), "siglip"),
            (json!({"projection_dim": "512"}), "projection_dim"),
            (
                json!({"vision_config": {"hidden_size": 100, "num_attention_heads": 12}}),
                "100",
            ),
            (
                json!({"vision_config": {"patch_size": 0}}),
                "patch_size is 0",
            ),
            (
                json!({"vision_config": {"image_size": [224, 224]}}),
                "vision_config.image_size is [224,224]",
            ),
            (json!({"text_config": {"hidden_size": -1}}), "text_config"),
        ] {
            let error = ClipConfig::from_json(&config).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
