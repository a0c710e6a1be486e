//! `config.json` of a CLIP checkpoint, every missing key defaulted as transformers' `CLIPConfig` does.

use serde_json::{Value, json};

use crate::model::towers::{
    Blocks, Padding, Patches, Spec, TextPool, TextSpec, VisionPool, VisionSpec, VitSpec,
};
use crate::model::transformers::{TextConfig, VisionConfig, size};

/// What old configurations say of the end of a text, wrongly: transformers then takes the largest id for it.
const WRONG_END: u32 = 2;

/// Reads the content of `config.json`.
///
/// # Errors
/// A sentence that names the key and the value.
pub fn read(config: &Value) -> Result<Spec, String> {
    let text = TextConfig::read(
        config,
        json!({
            "vocab_size": 49408, "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12,
            "num_attention_heads": 8, "max_position_embeddings": 77, "hidden_act": "quick_gelu",
            "layer_norm_eps": 1e-5, "eos_token_id": 49407,
        }),
    )?;
    let vision = VisionConfig::read(
        config,
        json!({
            "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
            "num_channels": 3, "image_size": 224, "patch_size": 32, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
        }),
    )?;
    let spec = Spec {
        vision: VisionSpec::Vit(VitSpec {
            stack: vision.stack()?,
            blocks: Blocks::Plain,
            image_size: vision.image_size,
            patch_size: vision.patch_size,
            patches: Patches::Whole { bias: false },
            projection_bias: false,
            pre_norm: true,
            pool: VisionPool::Class,
        }),
        text: TextSpec {
            stack: text.stack(true)?,
            vocabulary: text.vocab_size,
            length: text.max_position_embeddings,
            padding: Padding::Unseen,
            pool: match text.eos_token_id {
                WRONG_END => TextPool::Highest,
                id => TextPool::Id(id),
            },
            projection_bias: false,
        },
        // From the top level, whatever the towers say.
        dim: size(config, "projection_dim", 512)?,
    };
    spec.check()?;
    Ok(spec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::towers::Activation;

    #[test]
    fn missing_keys_have_the_references_defaults() {
        let spec = read(&json!({"text_config": {"eos_token_id": null}})).unwrap();
        assert_eq!(spec.text.pool, TextPool::Id(49407));
        assert_eq!((spec.text.vocabulary, spec.text.length), (49408, 77));
        let of_pictures = spec.vision.vit().unwrap();
        let (text, vision) = (&spec.text.stack, &of_pictures.stack);
        assert_eq!(
            (text.width, text.inner, text.layers, text.heads),
            (512, 2048, 12, 8)
        );
        assert_eq!(
            (vision.width, vision.inner, vision.layers, vision.heads),
            (768, 3072, 12, 12)
        );
        assert_eq!((text.activation, vision.eps), (Activation::QuickGelu, 1e-5));
        assert_eq!((of_pictures.tokens(), spec.dim), (50, 512));
        let old = read(&json!({"text_config": {"eos_token_id": 2}})).unwrap();
        assert_eq!(old.text.pool, TextPool::Highest);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (config, said) in [
            (
                json!({"projection_dim": "512"}),
                "projection_dim is \"512\"",
            ),
            (
                json!({"vision_config": {"hidden_size": 100, "num_attention_heads": 12}}),
                "100",
            ),
            (
                json!({"vision_config": {"patch_size": 0}}),
                "patch size is 0",
            ),
            (
                json!({"vision_config": {"image_size": [224, 224]}}),
                "vision_config.image_size is [224,224]",
            ),
            (
                json!({"vision_config": {"image_size": 1u64 << 40}}),
                "image size is 1099511627776",
            ),
            (
                json!({"vision_config": {"num_channels": 4}}),
                "num_channels is 4",
            ),
            (
                json!({"text_config": {"hidden_size": -1}}),
                "text_config.hidden_size is -1",
            ),
            (json!({"text_config": {"hidden_act": "swish"}}), "swish"),
        ] {
            let error = read(&config).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
