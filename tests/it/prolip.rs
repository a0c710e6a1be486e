//! ProLIP against its published formulas on the same weights, pixels and texts (`tests/parity/prolip_fixtures.py`).

use std::path::{Path, PathBuf};

use cladist::npy;
use serde_json::Value;

use crate::cmd::run;
use crate::parity::{self, copy_of, edit, load};
use crate::score::{model, world};

fn fixture(name: &str) -> PathBuf {
    parity::fixture("prolip").join(name)
}

#[test]
fn prolip_with_its_defaults() {
    parity::check(&fixture("b16"));
}

#[test]
fn prolip_of_clips_vocabulary_and_half_precision_weights() {
    parity::check(&fixture("h14-f16"));
}

#[test]
fn a_damaged_checkpoint_says_what_is_wrong_with_it() {
    type Damage = fn(&Path);
    let cases: [(Damage, [&str; 2]); 6] = [
        (
            |dir| {
                edit(
                    &dir.join("config.json"),
                    "\"no_causal_mask\": true",
                    "\"no_causal_mask\": false",
                )
            },
            ["config.json", "text_cfg.no_causal_mask is false"],
        ),
        (
            |dir| edit(&dir.join("config.json"), "\"embed_dim\"", "\"embed_dims\""),
            ["config.json", "embed_dim"],
        ),
        (
            |dir| {
                edit(
                    &dir.join("config.json"),
                    "\"patch_size\": 8",
                    "\"patch_size\": 16",
                )
            },
            ["model.safetensors", "visual.conv1.weight"],
        ),
        (
            |dir| std::fs::remove_file(dir.join("tokenizer.json")).unwrap(),
            ["tokenizer.json is missing", "timm/ViT-B-16-SigLIP"],
        ),
        (
            |dir| std::fs::remove_file(dir.join("tokenizer_config.json")).unwrap(),
            ["tokenizer_config.json is missing", "pad_token"],
        ),
        (
            |dir| {
                edit(
                    &dir.join("config.json"),
                    "\"text_cfg\": {",
                    "\"model_type\": \"align\", \"text_cfg\": {",
                )
            },
            ["model_type is `align`", "ProLIP"],
        ),
    ];
    for (damage, said) in cases {
        let dir = copy_of(&fixture("b16"));
        damage(dir.path());
        let loaded = load(dir.path());
        let error = loaded.err().expect("a damaged checkpoint").to_string();
        for said in said {
            assert!(error.contains(said), "{error} does not say {said}");
        }
    }
}

/// A model that tells how uncertain it is, on a small world.
fn score(dir: &Path, what: &[&str], more: &[&str]) -> Value {
    let mut args = vec!["score", "--taxonomy", "colours.yaml", "--format", "json"];
    args.extend(what);
    args.extend(more);
    let (code, out, err) = run(dir, &args);
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).unwrap()
}

/// By pictures, by the store, and by the arrays that were written: the same figures of the model's own uncertainty.
#[test]
fn uncertainty_goes_from_the_encoder_to_the_figures() {
    let dir = world();
    let path = dir.path();
    let model = fixture("b16");
    let model = model.to_str().unwrap();
    let by_pictures = ["--images", "pictures", "--model", model];
    let strategy = ["--match", "prolip"];
    let plain = score(
        path,
        &by_pictures,
        &[&strategy[..], &["--out", "run"]].concat(),
    );
    assert_eq!(plain["uncertainty"]["n"], plain["judged"]);
    assert!(plain["uncertainty"]["mean"].as_f64().unwrap() > 0.0);
    let n = plain["inclusion"]["n"].as_u64().unwrap();
    assert!(n > 0, "{}", plain["inclusion"]);

    let (code, _, err) = run(
        path,
        &[
            "embed", "--images", "pictures", "--model", model, "--store", "store", "--out", "e",
        ],
    );
    assert_eq!(code, 0, "{err}");
    let array = |name: &str| {
        let mut file = std::fs::File::open(path.join("e").join(name)).unwrap();
        npy::read(&mut file).unwrap()
    };
    let (means, log_variances) = (array("images.npy"), array("images_logvar.npy"));
    assert_eq!((means.0, means.1.len()), (32, log_variances.1.len()));
    let of_first: f64 = means.1[..32].iter().map(|&v| f64::from(v).powi(2)).sum();
    assert!((of_first - 1.0).abs() < 1e-6);
    let totals = log_variances.1.chunks(32);
    let totals = totals.map(|row| row.iter().map(|&v| f64::from(v).exp()).sum::<f64>());
    let mean = totals.clone().sum::<f64>() / totals.len() as f64;
    let told = plain["uncertainty"]["mean"].as_f64().unwrap();
    assert!((mean - told).abs() < 1e-6 * told, "{mean}, not {told}");

    let kept = score(
        path,
        &by_pictures,
        &[&strategy[..], &["--store", "store"]].concat(),
    );
    let folder = [
        "--image-embeddings",
        "e",
        "--model",
        model,
        "--truth",
        "truth.csv",
    ];
    std::fs::write(path.join("truth.csv"), truth()).unwrap();
    let candidates = ["--candidates", "truths"];
    let elsewhere = score(path, &folder, &[&strategy[..], &candidates].concat());
    let stored = std::fs::read_dir(path.join("store")).unwrap();
    let stored = stored
        .map(|entry| entry.unwrap().path())
        .find(|path| path.join("img_logvar").is_dir())
        .expect("log σ² beside the rows");
    let stored = [
        &["--image-embeddings", stored.to_str().unwrap()],
        &folder[2..],
    ]
    .concat();
    let by_store = score(path, &stored, &[&strategy[..], &candidates].concat());
    for (what, other) in [
        ("store", kept),
        ("arrays", elsewhere),
        ("its folder", by_store),
    ] {
        for field in ["uncertainty", "inclusion", "top1", "retrieval"] {
            assert_eq!(plain[field], other[field], "{what}: {field}");
        }
    }

    let (code, out, err) = run(
        path,
        &["curve", "run", "--by", "uncertainty", "--format", "json"],
    );
    assert_eq!(code, 0, "{err}");
    let curve: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(curve["errors"], plain["uncertainty"]["errors"]);
    assert_eq!(
        curve["points"].as_array().unwrap().last().unwrap()["coverage"],
        1.0
    );
    let (code, out, _) = run(path, &["curve", "run", "--by", "uncertainty"]);
    assert!(
        code == 0 && out.contains("coverage, the most certain first"),
        "{out}"
    );
}

/// n/a, not zero.
#[test]
fn of_a_model_that_tells_none_uncertainty_is_not_zero() {
    let dir = world();
    let model = model();
    let by_pictures = ["--images", "pictures", "--model", &model];
    let plain = score(dir.path(), &by_pictures, &["--out", "run"]);
    assert_eq!(
        (&plain["uncertainty"], &plain["inclusion"]),
        (&Value::Null, &Value::Null)
    );
    let mut args = vec!["score", "--taxonomy", "colours.yaml", "--match", "prolip"];
    args.extend(by_pictures);
    for args in [&args[..], &["curve", "run", "--by", "uncertainty"]] {
        let (code, out, err) = run(dir.path(), args);
        assert_eq!((code, &out[..]), (2, ""), "{err}");
        assert!(err.contains("n/a"), "{err}");
    }
}

#[test]
fn log_variances_that_do_not_fit_are_refused() {
    let dir = world();
    let path = dir.path();
    let model = fixture("b16");
    let model = model.to_str().unwrap();
    let (code, _, err) = run(
        path,
        &[
            "embed", "--images", "pictures", "--model", model, "--out", "e",
        ],
    );
    assert_eq!(code, 0, "{err}");
    std::fs::write(path.join("truth.csv"), truth()).unwrap();
    let whole = std::fs::read(path.join("e/images_logvar.npy")).unwrap();
    let mut wrong = whole.clone();
    let last = wrong.len() - 4;
    wrong[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut other = npy::header::<f32>(1, 2);
    other.extend([0; 8]);
    for (content, said) in [(wrong, "column 31 (from 0) is NaN"), (other, "is 1 × 2")] {
        std::fs::write(path.join("e/images_logvar.npy"), content).unwrap();
        let args = [
            "score",
            "--taxonomy",
            "colours.yaml",
            "--image-embeddings",
            "e",
            "--model",
            model,
        ];
        let (code, _, err) = run(path, &[&args[..], &["--truth", "truth.csv"]].concat());
        assert_eq!(code, 2, "{err}");
        assert!(
            err.contains("images_logvar.npy") && err.contains(said),
            "{err}"
        );
    }
}

#[test]
fn info_tells_that_it_tells_uncertainty() {
    let model = fixture("b16");
    let dir = world();
    let (code, out, err) = run(dir.path(), &["model", "info", model.to_str().unwrap()]);
    assert_eq!((code, &err[..]), (0, ""));
    for said in [
        "family         ProLIP",
        "18 tokens (pooled: class token; log σ²: uncertainty token)",
        "22 tokens (pooled: class token behind the text; log σ²: its projection)",
        "32 dimensions, each with a mean and log σ²",
        "as open_clip does it",
    ] {
        assert!(out.contains(said), "{out} does not say {said}");
    }
}

/// The labels of the pictures.
fn truth() -> String {
    let labels = ["blue", "green", "red", "warm"].into_iter();
    let rows = labels.flat_map(|label| (0..3).map(move |i| format!("{label}/{i}.png,{label}\n")));
    std::iter::once("image,label\n".to_owned())
        .chain(rows)
        .collect()
}
