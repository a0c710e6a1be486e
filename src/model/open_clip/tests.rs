//! What configurations of open_clip mean, and which are refused.

use std::path::Path;

use serde_json::{Value, json};

use super::config::{Cleaning, Config, read};
use super::family_of;
use crate::model::blueprint::Family;
use crate::model::towers::{
    Activation, Blocks, FastVitSpec, Padding, Patches, TextPool, VisionPool, VisionSpec, VitSpec,
};

/// The vision transformer that a configuration describes.
fn vit(config: &Config) -> &VitSpec {
    config.spec.vision.vit().unwrap()
}

fn model(vision: Value, text: Value) -> Value {
    json!({"model_cfg": {"embed_dim": 512, "vision_cfg": vision, "text_cfg": text}})
}

#[test]
fn missing_keys_have_the_references_defaults() {
    let config = read(&model(json!({}), json!({}))).unwrap();
    let (vision, text) = (vit(&config), &config.spec.text);
    assert_eq!(
        (vision.stack.width, vision.stack.heads, vision.stack.inner),
        (768, 12, 3072)
    );
    assert_eq!(
        (vision.image_size, vision.patch_size, vision.pool),
        (224, 16, VisionPool::Class)
    );
    assert_eq!(
        (text.stack.width, text.stack.heads, text.vocabulary),
        (512, 8, 49408)
    );
    assert_eq!(
        (text.length, text.pool, text.padding),
        (77, TextPool::Highest, Padding::Unseen)
    );
    assert_eq!(
        (vision.stack.activation, text.stack.eps),
        (Activation::Gelu, 1e-5)
    );
    assert_eq!(config.tokenizer.cleaning, Cleaning::Lower);
}

#[test]
fn variants_are_read() {
    // ViT-bigG-14 and ViT-L-14-CLIPA, cut down to what is unusual about them.
    let config = read(&model(
        json!({"width": 1664, "head_width": 104, "mlp_ratio": 4.9231, "patch_size": 14, "image_size": [224, 224],
               "no_ln_pre": true, "pool_type": "avg", "final_ln_after_pool": true, "attentional_pool": false,
               "norm_kwargs": {"eps": 1e-6}}),
        json!({"context_length": 32, "vocab_size": 32000, "hf_tokenizer_name": "bert-base-uncased",
               "tokenizer_kwargs": {"strip_sep_token": true}, "pool_type": "last", "no_causal_mask": true,
               "act_kwargs": {"approximate": "tanh"}}),
    ))
    .unwrap();
    let (vision, text) = (vit(&config), &config.spec.text);
    assert_eq!(
        (vision.stack.heads, vision.stack.inner, vision.pre_norm),
        (16, 8192, false)
    );
    assert_eq!(vision.pool, VisionPool::Mean { norm_first: false });
    assert_eq!(
        (vision.stack.eps, vision.stack.activation),
        (1e-6, Activation::Gelu)
    );
    assert_eq!(
        (text.pool, text.padding),
        (TextPool::Last, Padding::Full(0))
    );
    assert_eq!(
        (text.stack.causal, text.stack.activation),
        (false, Activation::GeluTanh)
    );
    assert!(config.tokenizer.strips_separator);
    assert_eq!(config.tokenizer.cleaning, Cleaning::Whitespace);
}

/// `vision_cfg` of `timm/eva02_base_patch16_clip_224.merged2b_s8b_b131k`.
fn eva() -> Value {
    json!({"timm_model_name": "eva02_base_patch16_clip_224", "timm_model_pretrained": false, "timm_pool": "token",
           "timm_proj": null, "image_size": 224})
}

#[test]
fn what_timm_alone_knows_of_a_tower_is_known_by_its_name() {
    let config = read(&model(eva(), json!({}))).unwrap();
    let vision = vit(&config);
    assert_eq!(
        (
            vision.stack.width,
            vision.stack.layers,
            vision.stack.heads,
            vision.stack.inner
        ),
        (768, 12, 12, 2048)
    );
    assert_eq!(
        (vision.blocks, vision.pool, vision.stack.eps),
        (Blocks::Eva { grid: 16 }, VisionPool::Class, 1e-6)
    );
    assert!(
        vision.patches == Patches::Whole { bias: true }
            && vision.projection_bias
            && !vision.pre_norm
    );
    // The larger has the positions of the smaller, closer together.
    let mut larger = eva();
    larger["timm_model_name"] = json!("eva02_large_patch14_clip_336");
    larger["image_size"] = json!(336);
    let config = read(&model(larger, json!({}))).unwrap();
    let vision = vit(&config);
    assert_eq!(
        (vision.image_size, vision.stack.inner, vision.blocks),
        (336, 2730, Blocks::Eva { grid: 16 })
    );
}

/// `model_cfg` of `apple/MobileCLIP-S2-OpenCLIP`, with another tower of timm.
fn mobile(name: &str, image_size: usize, pool: &str) -> Value {
    let vision = json!({"timm_model_name": name, "timm_model_pretrained": false, "timm_pool": pool, "timm_proj": null,
                        "timm_drop": 0.0, "timm_drop_path": 0.0, "image_size": image_size});
    let text = json!({"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 12,
                      "no_causal_mask": true});
    model(vision, text)
}

#[test]
fn towers_of_mobileclip_are_known_by_their_name() {
    let Config { spec, .. } = read(&mobile("fastvit_mci2", 256, "avg")).unwrap();
    let VisionSpec::FastVit(vision) = &spec.vision else {
        panic!("{:?}", spec.vision);
    };
    let widths: Vec<usize> = (0..4).map(|stage| vision.width_of(stage)).collect();
    let sides: Vec<usize> = (0..4).map(|stage| vision.side(stage)).collect();
    assert_eq!(
        (widths, sides),
        (vec![80, 160, 320, 640], vec![64, 32, 16, 8])
    );
    assert!(!vision.attends(2) && vision.attends(3));
    assert!(!vision.excites(1) && vision.excites(2));
    assert!(!spec.text.stack.causal);
    assert_eq!(
        (spec.text.pool, spec.text.padding),
        (TextPool::Highest, Padding::Full(0))
    );
    let larger = read(&mobile("fastvit_mci4", 256, "avg")).unwrap();
    let expected = FastVitSpec {
        image_size: 256,
        width: 128,
        layers: vec![2, 12, 24, 4, 4],
        mlp_ratio: 4,
        large: true,
    };
    assert_eq!(larger.spec.vision, VisionSpec::FastVit(expected));
    let config = read(&mobile("vit_base_mci_224", 224, "token")).unwrap();
    let vision = vit(&config);
    assert_eq!((vision.patches, vision.tokens()), (Patches::Steps, 197));
    for (config, family) in [
        (&config, Family::MobileClip),
        (&larger, Family::MobileClip),
        (&read(&model(eva(), json!({}))).unwrap(), Family::EvaClip),
        (
            &read(&model(json!({}), json!({}))).unwrap(),
            Family::OpenClip,
        ),
    ] {
        assert_eq!(family_of(&config.spec.vision), family);
    }
    // Any size will do for convolutions, and one alone for learnt positions.
    read(&mobile("fastvit_mci0", 224, "avg")).unwrap();
    for (config, said) in [
        (
            mobile("vit_base_mci_224", 256, "token"),
            "image_size is 256",
        ),
        (
            mobile("fastvit_mci1", 256, "token"),
            "timm_pool is `token`: that of published models with this tower is avg",
        ),
        (mobile("fastvit_mci1", 0, "avg"), "the image size is 0"),
    ] {
        let error = read(&config).unwrap_err();
        assert!(error.contains(said), "{error}: {said}");
    }
}

#[test]
fn a_tower_of_timm_that_is_asked_for_otherwise_is_refused() {
    for (key, value, said) in [
        (
            "timm_model_name",
            json!("fastvit_sa12"),
            "timm_model_name is \"fastvit_sa12\": of the image towers of timm those of EVA-CLIP (eva02_base_patch16_clip_224, ",
        ),
        ("timm_pool", json!("avg"), "vision_cfg.timm_pool is `avg`"),
        (
            "timm_proj",
            json!("linear"),
            "vision_cfg.timm_proj is `linear`",
        ),
        (
            "image_size",
            json!(336),
            "vision_cfg.image_size is 336, and timm's model is for pictures of 224",
        ),
        (
            "timm_proj_bias",
            json!(true),
            "vision_cfg.timm_proj_bias is true",
        ),
        ("mlp_ratio", json!(2.6667), "vision_cfg.mlp_ratio is 2.6667"),
    ] {
        let mut vision = eva();
        vision[key] = value;
        let error = read(&model(vision, json!({}))).unwrap_err();
        assert!(error.contains(said), "{error}: {said}");
    }
    // What is not said has open_clip's defaults, which are not those of these models.
    for key in ["timm_pool", "timm_proj"] {
        let mut vision = eva();
        vision.as_object_mut().unwrap().remove(key);
        let error = read(&model(vision, json!({}))).unwrap_err();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let vision = |vision: Value| model(vision, json!({}));
    let text = |text: Value| model(json!({}), text);
    for (config, said) in [
        (json!({}), "has no model_cfg"),
        (
            json!({"model_cfg": {"embed_dim": 512, "multimodal_cfg": {}}}),
            "CoCa",
        ),
        (
            json!({"model_cfg": {"embed_dim": 512, "extra_head": true}}),
            "model_cfg.extra_head is true",
        ),
        (json!({"model_cfg": {}}), "joint space is 0"),
        (
            vision(json!({"timm_model_name": "vit_base"})),
            "timm_model_name is \"vit_base\"",
        ),
        (vision(json!({"layers": [3, 4, 6, 3]})), "ResNets"),
        (
            vision(json!({"attentional_pool": true})),
            "vision_cfg.attentional_pool is true",
        ),
        (
            vision(json!({"ls_init_value": 1e-4})),
            "vision_cfg.ls_init_value is 0.0001",
        ),
        (vision(json!({"qk_norm": true})), "qk_norm"),
        (vision(json!({"pool_type": "none"})), "pool_type is `none`"),
        (
            vision(json!({"image_size": [224, 336]})),
            "image_size is [224,336]",
        ),
        (
            vision(json!({"width": "768"})),
            "vision_cfg.width is \"768\"",
        ),
        (vision(json!({"head_width": 0})), "heads is 0"),
        (
            vision(json!({"act_kwargs": {"approximate": "x"}})),
            "act_kwargs",
        ),
        (
            vision(json!({"norm_kwargs": {"elementwise_affine": false}})),
            "norm_kwargs",
        ),
        (
            text(json!({"hf_model_name": "roberta-base"})),
            "hf_model_name is \"roberta-base\"",
        ),
        (
            text(json!({"embed_cls": true})),
            "text_cfg.embed_cls is true",
        ),
        (
            text(json!({"proj_bias": true})),
            "text_cfg.proj_bias is true",
        ),
        (text(json!({"proj_type": "none"})), "proj_type is `none`"),
        (text(json!({"tokenizer_mode": "clips"})), "tokenizer_mode"),
        (
            text(json!({"tokenizer_kwargs": {"reduction_mask": "syntax"}})),
            "tokenizer_kwargs.reduction_mask",
        ),
        (text(json!({"heads": 7})), "not a multiple"),
        (
            vision(json!({"image_size": u64::MAX, "patch_size": 1})),
            "image size is 18446744073709551615",
        ),
        (
            vision(json!({"width": 1u64 << 40})),
            "width is 1099511627776",
        ),
        (vision(json!({"mlp_ratio": -1})), "MLPs is 0"),
        (text(json!({"context_length": 1})), "texts have 1 tokens"),
        (text(json!({"pad_id": -1})), "text_cfg.pad_id is -1"),
    ] {
        let error = read(&config).unwrap_err();
        assert!(error.contains(said), "{error}: {said}");
    }
    // What says that something is not so, says nothing.
    read(&text(json!({"embed_cls": false, "ls_init_value": null}))).unwrap();
}

/// What `tests/parity/open_clip_fixtures.py --texts` wrote: texts with all that ftfy mends, but for wrong encodings.
#[test]
fn texts_are_cleaned_as_the_reference_cleans_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/open_clip_texts.json");
    let fixture: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let texts = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap() };
    let given = texts(&fixture["texts"]);
    for (name, cleaning) in [
        ("lower", Cleaning::Lower),
        ("whitespace", Cleaning::Whitespace),
        ("canonicalize", Cleaning::Canonicalize),
    ] {
        for (text, expected) in given.iter().zip(texts(&fixture["cleaned"][name])) {
            assert_eq!(cleaning.function()(text), expected, "{name} of {text:?}");
        }
    }
}
