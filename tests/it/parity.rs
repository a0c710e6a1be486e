//! What an encoder gives, against what its reference gave for the same weights, pixels and texts.

use std::path::{Path, PathBuf};

use cladist::matrix::Matrix;
use cladist::model::{self, DType, DeviceChoice, Encoder, LoadOptions};
use serde_json::Value;

/// Unit embeddings may differ by this cosine distance.
const COSINE: f64 = 1e-5;

/// Logits may differ by this.
const LOGIT: f64 = 2e-3;

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

pub fn load(dir: &Path) -> Result<Box<dyn Encoder>, model::ModelError> {
    let options = LoadOptions {
        devices: DeviceChoice::Cpu.into(),
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

/// Log σ² may differ by this.
const LOG_VARIANCE: f64 = 1e-4;

/// The first `dim` columns, and those behind them.
fn parts(rows: &Matrix, dim: usize) -> [Matrix; 2] {
    let of = |range: std::ops::Range<usize>| {
        let values = (0..rows.rows()).flat_map(|i| rows.row(i)[range.clone()].to_vec());
        Matrix::new(range.len(), values.collect())
    };
    [of(0..dim), of(dim..rows.cols())]
}

fn assert_same_values(what: &str, ours: &Matrix, expected: &Value, tolerance: f64) {
    let expected = numbers(expected);
    assert_eq!(ours.as_slice().len(), expected.len(), "{what}");
    for (i, (a, b)) in ours.as_slice().iter().zip(&expected).enumerate() {
        let off = f64::from((a - b).abs());
        assert!(off < tolerance, "{what} {i}: {a}, not {b}");
    }
}

/// Compares with `expected.json` of the checkpoint in `dir`.
pub fn check(dir: &Path) {
    let expected: Value =
        serde_json::from_slice(&std::fs::read(dir.join("expected.json")).unwrap()).unwrap();
    let encoder = load(dir).unwrap();
    assert_eq!(encoder.notes(), [] as [String; 0]);

    let texts: Vec<&str> = expected["texts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t.as_str().unwrap())
        .collect();
    for (text, ids) in texts.iter().zip(expected["token_ids"].as_array().unwrap()) {
        let ours = encoder.token_ids(text).unwrap();
        let ids: Vec<u32> = serde_json::from_value(ids.clone()).unwrap();
        // References that pad to a fixed length show the padding, one and the same id.
        let (ids, padding) = ids.split_at(ours.len());
        assert_eq!(ours, ids, "{text:?}");
        assert!(padding.iter().all(|&id| id == padding[0]), "{text:?}");
    }
    let of_texts = encoder.encode_texts(&texts).unwrap();
    let of_images = encoder
        .encode_images(&numbers(&expected["pixels"]))
        .unwrap();
    let dim = encoder.dim();
    let [of_texts, text_variances] = parts(&of_texts, dim);
    let [of_images, image_variances] = parts(&of_images, dim);
    assert_same_directions("text", &of_texts, &expected["text_embeddings"]);
    assert_same_directions("image", &of_images, &expected["image_embeddings"]);
    assert_eq!(
        encoder.tells_uncertainty(),
        expected.get("text_log_variances").is_some()
    );
    if encoder.tells_uncertainty() {
        for (what, ours) in [
            ("text_log_variances", &text_variances),
            ("image_log_variances", &image_variances),
        ] {
            assert_same_values(what, ours, &expected[what], LOG_VARIANCE);
        }
    }

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

/// A copy of a fixture that a test may damage.
pub fn copy_of(fixture: &Path) -> tempfile::TempDir {
    let dir = tempfile::TempDir::new().unwrap();
    for entry in std::fs::read_dir(fixture).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    dir
}

/// Replaces a text in a file, which must be there.
pub fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in {}", path.display());
    std::fs::write(path, text.replace(from, to)).unwrap();
}
