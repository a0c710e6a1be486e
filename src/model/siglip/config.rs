//! `config.json` of a SigLIP checkpoint, every missing key defaulted as transformers' `SiglipConfig` does.

use serde_json::{Value, json};

use crate::model::towers::{
    Blocks, Padding, Patches, Spec, TextPool, TextSpec, VisionPool, VisionSpec, VitSpec,
};
use crate::model::transformers::{TextConfig, VisionConfig, size};

/// Reads the content of `config.json`. With what texts are padded the tokenizer's files say.
///
/// # Errors
/// A sentence that names the key and the value.
pub fn read(config: &Value) -> Result<Spec, String> {
    let text = TextConfig::read(
        config,
        json!({
            "vocab_size": 32000, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
            "num_attention_heads": 12, "max_position_embeddings": 64, "hidden_act": "gelu_pytorch_tanh",
            "layer_norm_eps": 1e-6, "eos_token_id": 1,
        }),
    )?;
    let vision = VisionConfig::read(
        config,
        json!({
            "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
            "num_channels": 3, "image_size": 224, "patch_size": 16, "hidden_act": "gelu_pytorch_tanh",
            "layer_norm_eps": 1e-6,
        }),
    )?;
    let (vision_stack, text_stack) = (vision.stack()?, text.stack(false)?);
    if config.pointer("/vision_config/vision_use_head") == Some(&Value::Bool(false)) {
        return Err(
            "vision_config.vision_use_head is false: without the head that pools the patches a picture has no embedding"
                .into(),
        );
    }
    let dim = size(config, "text_config.projection_size", text_stack.width)?;
    if dim != vision_stack.width {
        return Err(format!(
            "pictures have {} dimensions (vision_config.hidden_size) and texts {dim} (text_config.projection_size): they cannot be compared",
            vision_stack.width
        ));
    }
    let spec = Spec {
        vision: VisionSpec::Vit(VitSpec {
            stack: vision_stack,
            blocks: Blocks::Plain,
            image_size: vision.image_size,
            patch_size: vision.patch_size,
            patches: Patches::Whole { bias: true },
            projection_bias: false,
            pre_norm: false,
            pool: VisionPool::Attention,
        }),
        text: TextSpec {
            stack: text_stack,
            vocabulary: text.vocab_size,
            length: text.max_position_embeddings,
            padding: Padding::Full(0),
            pool: TextPool::Last,
            projection_bias: true,
        },
        dim,
    };
    spec.check()?;
    Ok(spec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_keys_have_the_references_defaults() {
        let spec = read(&json!({"vision_config": {"image_size": 256}})).unwrap();
        assert_eq!(
            (spec.dim, spec.text.length, spec.text.vocabulary),
            (768, 64, 32000)
        );
        let vision = spec.vision.vit().unwrap();
        assert_eq!((vision.tokens(), vision.stack.eps), (256, 1e-6));
        assert!(!spec.text.stack.causal && !vision.pre_norm);
        let giant = json!({
            "text_config": {"hidden_size": 1152, "num_attention_heads": 16, "projection_size": 1536},
            "vision_config": {"hidden_size": 1536, "num_attention_heads": 16},
        });
        assert_eq!(read(&giant).unwrap().dim, 1536);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (config, said) in [
            (
                json!({"vision_config": {"vision_use_head": false}}),
                "vision_use_head",
            ),
            (
                json!({"text_config": {"projection_size": 512}}),
                "projection_size",
            ),
            (
                json!({"text_config": {"projection_size": "x"}}),
                "projection_size is \"x\"",
            ),
        ] {
            let error = read(&config).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
