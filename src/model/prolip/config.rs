//! `config.json` of a ProLIP checkpoint: what ProLIP adds to open_clip's configuration, every missing key defaulted as its
//! `ProLIPVisionCfg` and `ProLIPTextCfg` do.

use serde_json::{Map, Value, json};

use crate::model::open_clip::config::{Config, read_model};
use crate::model::open_clip::section::Section;
use crate::model::towers::{TextPool, VisionPool, VisionSpec};

/// Which tokenizer it is where the configuration names none: that of CLIP.
const UNNAMED: &str = "CLIP's";

/// What to say of an image tower of timm.
const OF_TIMM: &str = "vision_cfg.timm_model_name: ProLIP's image tower is open_clip's own";

/// Reads the content of `config.json`. With what texts are padded the tokenizer's files say.
///
/// # Errors
/// A sentence that names the key and the value.
pub fn read(config: &Value) -> Result<Config, String> {
    let vision = keys(config, "vision_cfg", json!({"embed_unc": false}));
    let text = keys(
        config,
        "text_cfg",
        json!({
            "context_length": 64, "vocab_size": 32100, "width": 768, "heads": 12, "embed_cls": true, "embed_unc": true,
            "no_causal_mask": true, "proj_bias": true,
        }),
    );
    for (section, keys, key, otherwise) in [
        (
            "vision_cfg",
            &vision,
            "embed_unc",
            "a model that tells no uncertainty is no ProLIP",
        ),
        (
            "text_cfg",
            &text,
            "embed_unc",
            "a model that tells no uncertainty is no ProLIP",
        ),
        (
            "text_cfg",
            &text,
            "embed_cls",
            "without a class token there is no uncertainty token",
        ),
        (
            "text_cfg",
            &text,
            "no_causal_mask",
            "ProLIP hides no token from another",
        ),
        (
            "text_cfg",
            &text,
            "proj_bias",
            "the projection of texts has a bias in every published ProLIP",
        ),
    ] {
        if keys[key] != Value::Bool(true) {
            return Err(format!(
                "{section}.{key} is {}, and must be true: {otherwise}",
                keys[key]
            ));
        }
    }
    if vision
        .get("timm_model_name")
        .is_some_and(|name| !name.is_null())
    {
        return Err(OF_TIMM.to_owned());
    }
    let whole = as_of_open_clip(config, vision, text);
    let mut read = read_model(&Section::root(&whole), &whole)?;
    // Of another vocabulary than open_clip's own, whatever it is called: its files are beside the configuration.
    let tokenizer = &mut read.tokenizer;
    tokenizer
        .of_transformers
        .get_or_insert_with(|| UNNAMED.to_owned());
    let spec = &mut read.spec;
    let VisionSpec::Vit(of_pictures) = &mut spec.vision else {
        return Err(OF_TIMM.to_owned());
    };
    if of_pictures.pool != VisionPool::Class {
        return Err("vision_cfg.pool_type: ProLIP's is tok".to_owned());
    }
    of_pictures.pool = VisionPool::ClassAndUncertainty;
    spec.text.pool = TextPool::ClassAndUncertainty;
    spec.text.projection_bias = true;
    if spec.text.stack.width != spec.dim {
        return Err(format!(
            "text_cfg.width is {}, and embed_dim {}: the uncertainty of a text is read from its embedding, so they must be the same",
            spec.text.stack.width, spec.dim
        ));
    }
    spec.check()?;
    Ok(read)
}

/// A section over its defaults; a null is a missing key.
fn keys(config: &Value, section: &str, defaults: Value) -> Map<String, Value> {
    let mut keys = match defaults {
        Value::Object(keys) => keys,
        _ => Map::new(),
    };
    let given = config.get(section).and_then(Value::as_object);
    let given = given.into_iter().flatten();
    for (key, value) in given.filter(|(_, value)| !value.is_null()) {
        keys.insert(key.clone(), value.clone());
    }
    keys
}

/// The same as open_clip would say it, without what has been read of it.
fn as_of_open_clip(
    config: &Value,
    mut vision: Map<String, Value>,
    mut text: Map<String, Value>,
) -> Value {
    for keys in [&mut vision, &mut text] {
        for key in ["embed_unc", "init_unc_bias", "embed_cls", "proj_bias"] {
            keys.remove(key);
        }
    }
    // What stands for a text is its class token, whatever is said here.
    text.insert("pool_type".to_owned(), json!("last"));
    // It cleans as it does for the tokenizers of transformers.
    text.entry("hf_tokenizer_name")
        .or_insert_with(|| json!(UNNAMED));
    let mut whole = config.clone();
    whole["vision_cfg"] = vision.into();
    whole["text_cfg"] = text.into();
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published configuration of ViT-B/16.
    fn published() -> Value {
        json!({
            "embed_dim": 768, "init_logit_bias": -10,
            "text_cfg": {
                "context_length": 64, "embed_cls": true, "embed_unc": true, "heads": 12,
                "hf_tokenizer_name": "timm/ViT-B-16-SigLIP", "init_unc_bias": -10, "layers": 12, "no_causal_mask": true,
                "norm_kwargs": {"eps": 1e-6}, "pool_type": "last", "proj_bias": true,
                "tokenizer_kwargs": {"clean": "canonicalize"}, "vocab_size": 32100, "width": 768,
            },
            "vision_cfg": {
                "embed_unc": true, "image_size": 224, "init_unc_bias": -10, "layers": 12, "patch_size": 16, "width": 768,
            },
        })
    }

    #[test]
    fn the_published_configuration() {
        let Config { spec, tokenizer } = read(&published()).unwrap();
        assert!(spec.dim == 768 && spec.tells_uncertainty());
        let vision = spec.vision.vit().unwrap();
        assert_eq!((vision.tokens(), spec.text.tokens()), (198, 66));
        assert_eq!((vision.stack.heads, vision.stack.eps), (12, 1e-5));
        assert_eq!((spec.text.vocabulary, spec.text.stack.eps), (32100, 1e-6));
        assert!(!spec.text.stack.causal && spec.text.projection_bias);
        assert_eq!(
            tokenizer.of_transformers.as_deref(),
            Some("timm/ViT-B-16-SigLIP")
        );
        // What is left out is what it is there.
        let mut brief = published();
        for key in [
            "context_length",
            "embed_cls",
            "embed_unc",
            "heads",
            "no_causal_mask",
            "proj_bias",
            "vocab_size",
            "width",
        ] {
            brief["text_cfg"][key] = Value::Null;
        }
        assert_eq!(read(&brief).unwrap().spec, spec);
    }

    #[test]
    fn what_is_no_prolip_is_refused_by_name() {
        let with = |pointer: &str, value: Value| {
            let mut config = published();
            let (section, key) = pointer.split_once('.').unwrap();
            config[section][key] = value;
            config
        };
        for (config, said) in [
            (
                with("vision_cfg.embed_unc", Value::Null),
                "vision_cfg.embed_unc is false",
            ),
            (
                with("text_cfg.embed_unc", json!(false)),
                "text_cfg.embed_unc is false",
            ),
            (
                with("text_cfg.no_causal_mask", json!(false)),
                "text_cfg.no_causal_mask is false",
            ),
            (
                with("text_cfg.proj_bias", json!(0)),
                "text_cfg.proj_bias is 0",
            ),
            (with("text_cfg.width", json!(960)), "text_cfg.width is 960"),
            (
                with("text_cfg.unc_layers", json!(2)),
                "text_cfg.unc_layers is 2, which is not supported",
            ),
            (
                with("vision_cfg.pool_type", json!("avg")),
                "vision_cfg.pool_type",
            ),
            (with("vision_cfg.patch_size", json!(0)), "patch size is 0"),
            (
                with("vision_cfg.timm_model_name", json!("fastvit_mci2")),
                OF_TIMM,
            ),
        ] {
            let error = read(&config).unwrap_err();
            assert!(error.contains(said), "{error}: {said}");
        }
        let mut config = published();
        config["ts_cfg"] = json!({"layers": 4});
        let error = read(&config).unwrap_err();
        assert_eq!(error, "ts_cfg is {\"layers\":4}, which is not supported");
    }
}
