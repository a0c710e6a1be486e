//! `cladist model`: what a model is made of, and which are in the cache.

use std::path::Path;

use serde_json::Value;

use crate::cmd;
use crate::parity::fixture;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Runs `cladist` with this cache: exit code, standard output, standard error.
fn run(cache: &Path, args: &[&str]) -> (i32, String, String) {
    let out = cmd::program(cache)
        .env("HF_HUB_CACHE", cache)
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        out.status.code().unwrap(),
        text(out.stdout),
        text(out.stderr),
    )
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Puts a checkpoint into the cache as `models--ORG--NAME`.
fn put(cache: &Path, folder: &str, from: &Path) {
    let snapshot = cache.join(folder).join("snapshots").join(COMMIT);
    std::fs::create_dir_all(&snapshot).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, snapshot.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn info_tells_what_a_model_is_made_of() {
    let dir = cmd::dir(&[]);
    for (name, said) in [
        (
            "clip/bin",
            &[
                "CLIP (transformers)",
                "97,905, stored as f32",
                "pytorch_model.bin (408",
                "shorter side to 32 (bicubic)",
            ][..],
        ),
        (
            "open_clip/clipa",
            &[
                "CLIP (open_clip)",
                "mean of the patches",
                "padding: to the full length",
                "stored as f16",
                "as open_clip does it",
            ],
        ),
        (
            "siglip/siglip",
            &[
                "SigLIP",
                "bias -12.5",
                "squashed to 32 × 32",
                "attention over the patches",
                "gelu_pytorch_tanh",
            ],
        ),
    ] {
        let path = fixture(name);
        let (code, text, error) = run(dir.path(), &["model", "info", path.to_str().unwrap()]);
        assert_eq!(code, 0, "{error}");
        for said in said {
            assert!(text.contains(said), "{text} does not say {said}");
        }
    }
}

/// What is told of a checkpoint is what is recorded of the embeddings that it makes.
#[test]
fn the_fingerprint_is_that_of_embeddings() {
    let dir = cmd::dir(&[("texts.txt", b"a photo of a fox")]);
    for model in ["demo", fixture("siglip/siglip2-f16").to_str().unwrap()] {
        let (_, text, _) = run(dir.path(), &["model", "info", model, "--format", "json"]);
        let described = json(&text);
        let embed = [
            "embed",
            "--model",
            model,
            "--texts",
            "texts.txt",
            "--out",
            "out",
        ];
        let (code, _, error) = run(dir.path(), &embed);
        assert_eq!(code, 0, "{error}");
        let manifest = std::fs::read_dir(dir.path().join("out")).unwrap();
        let paths = manifest.map(|entry| entry.unwrap().path());
        let recorded = paths
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .map(|path| json(&std::fs::read_to_string(path).unwrap()))
            .find(|value| value["fingerprint"].is_object())
            .expect("a record of what made the embeddings");
        for part in ["weights", "config", "tokenizer"] {
            assert_eq!(
                described["fingerprint"][part],
                recorded["fingerprint"][part]
            );
        }
        assert_eq!(
            described["preprocess"],
            recorded["fingerprint"]["preprocess"]
        );
        let scale = |value: &Value| value["logit_scale"].as_f64().unwrap() as f32;
        assert_eq!(scale(&described), scale(&recorded));
    }
}

#[test]
fn ls_tells_what_is_in_the_cache() {
    let dir = cmd::dir(&[
        (
            "models--org--bert/snapshots/a/config.json",
            br#"{"model_type": "bert"}"#,
        ),
        (
            "models--org--half/snapshots/b/config.json",
            br#"{"model_type": "clip"}"#,
        ),
        ("models--org--empty/refs/main", b"c"),
    ]);
    let cache = dir.path();
    let (_, text, _) = run(cache, &["model", "ls"]);
    assert!(text.contains("no model that can be used"), "{text}");
    assert!(
        text.contains("2 models of other families or incomplete"),
        "{text}"
    );
    put(cache, "models--org--clip", &fixture("clip/quick-gelu"));
    put(
        cache,
        "models--laion--bio--clip",
        &fixture("open_clip/gelu-f16"),
    );
    let (code, text, error) = run(cache, &["model", "ls"]);
    assert_eq!(code, 0, "{error}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    for (line, said) in [
        (0, ["laion/bio--clip", "0123456", "open_clip", "KiB"]),
        (1, ["org/clip ", "0123456", "clip ", "KiB"]),
        (2, ["2 models", "other families", "incomplete", "--all"]),
    ] {
        for said in said {
            assert!(lines[line].contains(said), "{text} does not say {said}");
        }
    }
    let (_, text, _) = run(cache, &["model", "ls", "--all"]);
    assert!(
        text.contains("org/bert") && text.contains("not supported"),
        "{text}"
    );
    assert!(
        text.contains("incomplete: tokenizer.json is missing"),
        "{text}"
    );
    let (_, text, _) = run(cache, &["model", "ls", "--format", "json"]);
    let listed = json(&text);
    assert_eq!(listed["models"].as_array().unwrap().len(), 2);
    assert_eq!(listed["models"][1]["usable"], true);

    // By its id, and what is not here is not looked for elsewhere.
    let (code, text, _) = run(cache, &["model", "info", "org/clip"]);
    assert!(code == 0 && text.contains("quick_gelu"), "{text}");
    let (code, text, _) = run(cache, &["model", "info", "hf-hub:laion/bio--clip"]);
    assert!(code == 0 && text.contains("open_clip"), "{text}");
    let (code, _, error) = run(cache, &["model", "info", "org/other"]);
    assert!(
        code == 2 && error.contains("only at what is here"),
        "{error}"
    );
}

/// The option of other commands is no argument of this one.
#[test]
fn a_config_file_with_a_model_does_not_matter() {
    let dir = cmd::dir(&[("cladist.yaml", b"model: nowhere/at-all\n")]);
    let (code, text, error) = run(dir.path(), &["model", "info", "demo"]);
    assert!(code == 0 && text.contains("joint space"), "{error}");
}
