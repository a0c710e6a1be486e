//! CLIP's towers and tokenizer against Hugging Face transformers on the same weights, pixels and texts
//! (`tests/parity/clip_fixtures.py`): several configurations and file layouts.

use std::path::{Path, PathBuf};

use cladist::model::Encoder;
use serde_json::Value;

use crate::parity::{self, copy_of, edit, load};

fn check(name: &str) {
    parity::check(&fixture(name));
}

fn fixture(name: &str) -> PathBuf {
    parity::fixture("clip").join(name)
}

#[test]
fn quick_gelu_in_one_safetensors_file() {
    check("quick-gelu");
}

#[test]
fn gelu_another_epsilon_and_half_precision_weights() {
    check("gelu-eps-f16");
}

#[test]
fn the_old_end_token_odd_patches_and_shards() {
    check("old-eos-sharded");
}

#[test]
fn widths_that_differ_from_the_projection_in_a_pytorch_file() {
    check("bin");
}

fn copy(name: &str) -> tempfile::TempDir {
    copy_of(&fixture(name))
}

#[test]
fn a_damaged_checkpoint_says_what_is_wrong_with_it() {
    type Damage = fn(&Path);
    let cases: [(Damage, &str); 7] = [
        (
            |dir| std::fs::write(dir.join("preprocessor_config.json"), r#"{"size": "x"}"#).unwrap(),
            "preprocessor_config.json: `size`",
        ),
        (
            |dir| std::fs::write(dir.join("preprocessor_config.json"), "{}").unwrap(),
            "224",
        ),
        (
            |dir| truncate(&dir.join("model.safetensors")),
            "model.safetensors",
        ),
        (
            |dir| {
                edit(
                    &dir.join("config.json"),
                    "\"hidden_size\": 32",
                    "\"hidden_size\": 36",
                )
            },
            "shape",
        ),
        (
            |dir| {
                edit(
                    &dir.join("config.json"),
                    "\"num_hidden_layers\": 2",
                    "\"num_hidden_layers\": 3",
                )
            },
            "layers.2",
        ),
        (
            |dir| edit(&dir.join("config.json"), "quick_gelu", "swish"),
            "swish",
        ),
        (
            |dir| std::fs::write(dir.join("tokenizer.json"), "{").unwrap(),
            "tokenizer.json",
        ),
    ];
    for (damage, said) in cases {
        let dir = copy("quick-gelu");
        damage(dir.path());
        let error = load(dir.path())
            .err()
            .expect("a damaged checkpoint")
            .to_string();
        assert!(error.contains(said), "{error} does not say {said}");
    }
}

#[test]
fn preprocessing_is_found_where_transformers_looks() {
    let nested = r#"{"processor_class": "CLIPProcessor", "image_processor": {"size": 32, "crop_size": 32, "image_mean": [0.5, 0.5, 0.5]}}"#;
    let legacy = r#"{"size": 32, "crop_size": 32, "image_mean": [0.25, 0.25, 0.25]}"#;
    for (processor, preprocessor, mean) in [
        (Some(nested), None, 0.5),
        (Some(nested), Some(legacy), 0.5),
        (Some("{}"), Some(legacy), 0.25),
        (None, Some(legacy), 0.25),
        (Some("{}"), None, 0.48145466),
    ] {
        let dir = copy("quick-gelu");
        std::fs::remove_file(dir.path().join("preprocessor_config.json")).unwrap();
        for (name, content) in [
            ("processor_config.json", processor),
            ("preprocessor_config.json", preprocessor),
        ] {
            if let Some(content) = content {
                std::fs::write(dir.path().join(name), content).unwrap();
            }
        }
        let encoder = load(dir.path()).unwrap();
        let (means, _) = encoder.preprocess().normalize.unwrap();
        assert_eq!(means[0], mean, "{processor:?} {preprocessor:?}");
    }
}

/// The older pair of files says the same as the `tokenizer.json` that it is converted to.
#[test]
fn a_tokenizer_in_two_files() {
    let dir = copy("quick-gelu");
    let one = load(dir.path()).unwrap();
    let path = dir.path().join("tokenizer.json");
    let definition: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    std::fs::remove_file(&path).unwrap();
    let model = &definition["model"];
    std::fs::write(dir.path().join("vocab.json"), model["vocab"].to_string()).unwrap();
    let merges: Vec<String> = model["merges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| {
            let pair = pair.as_array().unwrap();
            format!(
                "{} {}",
                pair[0].as_str().unwrap(),
                pair[1].as_str().unwrap()
            )
        })
        .collect();
    let merges = format!("#version: 0.2\n{}\n", merges.join("\n"));
    std::fs::write(dir.path().join("merges.txt"), merges).unwrap();
    let two = load(dir.path()).unwrap();
    let ids = |encoder: &dyn Encoder, text| encoder.token_ids(text).unwrap();
    for text in [
        "a photo of a square.",
        "",
        "it's <|endoftext|> x1y22",
        "犬 🦊",
    ] {
        assert_eq!(ids(&*one, text), ids(&*two, text), "{text:?}");
    }
    // In capitals an end of text is no token, but still a word of its own.
    let shouted = ids(&*two, "<|ENDOFTEXT|>!");
    let parts = [ids(&*two, "<|ENDOFTEXT|>"), ids(&*two, "!")];
    let inner = |ids: &[u32]| ids[1..ids.len() - 1].to_vec();
    assert_eq!(
        inner(&shouted),
        [inner(&parts[0]), inner(&parts[1])].concat()
    );
}

#[test]
fn a_long_text_is_cut_where_the_tokenizer_file_says() {
    let text = format!("{} square", "dog ".repeat(60));
    let whole = load(&fixture("quick-gelu")).unwrap();
    let end = whole.token_ids("square").unwrap();
    let right = whole.token_ids(&text).unwrap();
    let dir = copy("quick-gelu");
    edit(
        &dir.path().join("tokenizer.json"),
        "\"truncation\": null",
        r#""truncation": {"direction": "Left", "max_length": 5, "strategy": "LongestFirst", "stride": 0}"#,
    );
    let left = load(dir.path()).unwrap().token_ids(&text).unwrap();
    assert_eq!((left.len(), right.len()), (24, 24));
    assert!(left.ends_with(&end[1..]) && !right.ends_with(&end[1..]));
}

fn truncate(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}
