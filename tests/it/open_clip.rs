//! Checkpoints in the layout of open_clip against open_clip itself (`tests/parity/open_clip_fixtures.py`).

use std::path::{Path, PathBuf};

use crate::parity::{self, copy_of, edit, load};

fn fixture(name: &str) -> PathBuf {
    parity::fixture("open_clip").join(name)
}

#[test]
fn quick_gelu_by_the_configuration() {
    parity::check(&fixture("quick-gelu"));
}

#[test]
fn gelu_odd_sizes_and_half_precision_weights() {
    parity::check(&fixture("gelu-f16"));
}

#[test]
fn a_training_checkpoint_with_a_text_tower_of_its_own() {
    parity::check(&fixture("custom-text-bin"));
}

#[test]
fn clipa_with_the_mean_of_patches_and_the_vocabulary_of_bert() {
    parity::check(&fixture("clipa"));
}

fn refusal(dir: &Path) -> String {
    let loaded = load(dir);
    loaded.err().expect("a damaged checkpoint").to_string()
}

#[test]
fn a_damaged_checkpoint_says_what_is_wrong_with_it() {
    const CONFIG: &str = "open_clip_config.json";
    type Damage = fn(&Path);
    let cases: [(Damage, [&str; 2]); 7] = [
        (
            |dir| edit(&dir.join(CONFIG), "\"layers\": 2", "\"layers\": 3"),
            [
                "open_clip_model.safetensors",
                "`visual.transformer.resblocks.2.",
            ],
        ),
        (
            |dir| edit(&dir.join(CONFIG), "\"embed_dim\": 24", "\"embed_dim\": 20"),
            ["`visual.proj` has shape [32, 24]", "[32, 20]"],
        ),
        (
            |dir| {
                edit(
                    &dir.join(CONFIG),
                    "\"patch_size\"",
                    "\"timm_model_name\": \"vit\", \"patch_size\"",
                )
            },
            [CONFIG, "timm_model_name is \"vit\""],
        ),
        (
            |dir| edit(&dir.join(CONFIG), "\"mean\": [", "\"mean\": [1, "),
            [CONFIG, "preprocess_cfg: `mean`"],
        ),
        (
            |dir| edit(&dir.join("tokenizer.json"), "<|endoftext|>", "<|end|>"),
            ["tokenizer.json", "no token <|endoftext|>"],
        ),
        (
            |dir| std::fs::remove_file(dir.join("tokenizer.json")).unwrap(),
            ["tokenizer.json is missing", "openai/clip-vit-base-patch32"],
        ),
        (
            |dir| {
                edit(
                    &dir.join(CONFIG),
                    "\"vocab_size\": 550",
                    "\"vocab_size\": 549",
                )
            },
            ["it knows 550 tokens", "vocab_size is 549"],
        ),
    ];
    for (damage, said) in cases {
        let dir = copy_of(&fixture("quick-gelu"));
        damage(dir.path());
        let error = refusal(dir.path());
        for said in said {
            assert!(error.contains(said), "{error} does not say {said}");
        }
    }
    let dir = copy_of(&fixture("clipa"));
    std::fs::remove_file(dir.path().join("tokenizer_config.json")).unwrap();
    let error = refusal(dir.path());
    assert!(
        error.contains("tokenizer_config.json is missing"),
        "{error}"
    );
}

/// A part of the network that the configuration does not tell is not passed over in silence.
#[test]
fn weights_that_are_not_used_are_told() {
    let dir = copy_of(&fixture("quick-gelu"));
    edit(
        &dir.path().join("open_clip_config.json"),
        "\"layers\": 2",
        "\"layers\": 1",
    );
    let encoder = load(dir.path()).unwrap();
    let [note] = encoder.notes() else {
        panic!("{:?}", encoder.notes());
    };
    assert!(
        note.contains("24 tensor(s)") && note.contains("resblocks.1."),
        "{note}"
    );
}

/// Files that transformers saved beside do not matter to who asks for open_clip by its own name.
#[test]
fn the_layout_that_is_asked_for() {
    let dir = copy_of(&fixture("quick-gelu"));
    for entry in std::fs::read_dir(parity::fixture("clip/quick-gelu")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if name != "tokenizer.json" {
            std::fs::copy(&path, dir.path().join(name)).unwrap();
        }
    }
    let path = dir.path().to_str().unwrap();
    let encoder = load(Path::new(&format!("local-dir:{path}"))).unwrap();
    let fingerprint = serde_json::to_value(encoder.fingerprint()).unwrap();
    assert_eq!(fingerprint["preprocess"]["reference"], "open_clip");
    // What transformers saved has another vocabulary.
    let error = refusal(dir.path());
    assert!(error.contains("vocab_size is 301"), "{error}");
}
