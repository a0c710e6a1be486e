//! CLIP's towers and tokenizer against Hugging Face transformers on the same weights, pixels and texts
//! (`tests/parity/clip_fixtures.py`): several configurations and file layouts.

use std::path::{Path, PathBuf};

use cladist::matrix::Matrix;
use cladist::model::{self, DType, DeviceChoice, Encoder, LoadOptions};
use serde_json::Value;

/// Unit embeddings may differ by this cosine distance.
const COSINE: f64 = 1e-5;

/// Logits may differ by this.
const LOGIT: f64 = 2e-3;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/clip")
        .join(name)
}

fn load(dir: &Path) -> Result<Box<dyn Encoder>, model::ModelError> {
    let options = LoadOptions {
        device: DeviceChoice::Cpu,
        dtype: DType::F32,
    };
    model::load(dir.to_str().unwrap(), options, &())
}

fn numbers(value: &Value) -> Vec<f32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap() as f32)
        .collect()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| f64::from(a) * f64::from(b))
        .sum()
}

fn assert_same_directions(what: &str, ours: &Matrix, expected: &Value) {
    let expected = Matrix::new(ours.cols(), numbers(expected));
    assert_eq!(ours.rows(), expected.rows(), "{what}");
    for row in 0..ours.rows() {
        let (a, b) = (ours.row(row), expected.row(row));
        assert!(
            (dot(a, a) - 1.0).abs() < 1e-6,
            "{what} {row}: not a unit vector"
        );
        let distance = 1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
        assert!(
            distance < COSINE,
            "{what} {row}: cosine distance {distance}"
        );
    }
}

fn check(name: &str) {
    let dir = fixture(name);
    let expected: Value =
        serde_json::from_slice(&std::fs::read(dir.join("expected.json")).unwrap()).unwrap();
    let encoder = load(&dir).unwrap();

    let texts: Vec<&str> = expected["texts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t.as_str().unwrap())
        .collect();
    for (text, ids) in texts.iter().zip(expected["token_ids"].as_array().unwrap()) {
        assert_eq!(
            &serde_json::json!(encoder.token_ids(text).unwrap()),
            ids,
            "{text:?}"
        );
    }
    let of_texts = encoder.encode_texts(&texts).unwrap();
    assert_same_directions("text", &of_texts, &expected["text_embeddings"]);
    let of_images = encoder
        .encode_images(&numbers(&expected["pixels"]))
        .unwrap();
    assert_same_directions("image", &of_images, &expected["image_embeddings"]);

    let scale = f64::from(encoder.logit_scale());
    assert!((scale - expected["logit_scale"].as_f64().unwrap()).abs() < 1e-4);
    let logits = expected["logits"].as_array().unwrap();
    for (i, expected) in logits.iter().enumerate() {
        let (image, text) = (i / texts.len(), i % texts.len());
        let ours = scale * dot(of_images.row(image), of_texts.row(text));
        let off = (ours - expected.as_f64().unwrap()).abs();
        assert!(
            off < LOGIT,
            "logit of image {image}, text {text}: off by {off}"
        );
    }
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

/// A copy of a fixture that a test may damage.
fn copy(name: &str) -> tempfile::TempDir {
    let dir = tempfile::TempDir::new().unwrap();
    for entry in std::fs::read_dir(fixture(name)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    dir
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

fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in {}", path.display());
    std::fs::write(path, text.replace(from, to)).unwrap();
}
