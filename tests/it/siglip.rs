//! SigLIP and SigLIP 2 against Hugging Face transformers on the same weights, pixels and texts
//! (`tests/parity/siglip_fixtures.py`).

use std::path::{Path, PathBuf};

use crate::parity::{self, copy_of, edit, load};

fn fixture(name: &str) -> PathBuf {
    parity::fixture("siglip").join(name)
}

#[test]
fn siglip_with_its_defaults() {
    parity::check(&fixture("siglip"));
}

#[test]
fn siglip_2_with_widths_that_differ_and_half_precision_weights() {
    parity::check(&fixture("siglip2-f16"));
}

#[test]
fn a_damaged_checkpoint_says_what_is_wrong_with_it() {
    type Damage = fn(&Path);
    let cases: [(Damage, [&str; 2]); 8] = [
        (
            |dir| edit(&dir.join("config.json"), "\"siglip\"", "\"siglip2\""),
            ["config.json", "NaFlex"],
        ),
        (
            |dir| edit(&dir.join("config.json"), "\"siglip\"", "\"align\""),
            ["model_type is `align`", "open_clip_config.json"],
        ),
        (
            |dir| {
                edit(
                    &dir.join("config.json"),
                    "\"hidden_size\"",
                    "\"projection_size\": 16, \"hidden_size\"",
                )
            },
            ["config.json", "projection_size"],
        ),
        (
            |dir| {
                edit(
                    &dir.join("preprocessor_config.json"),
                    "SiglipImageProcessor",
                    "CLIPImageProcessor",
                )
            },
            ["preprocessor_config.json", "only Siglip's"],
        ),
        (
            |dir| std::fs::remove_file(dir.join("tokenizer_config.json")).unwrap(),
            ["tokenizer_config.json is missing", "pad_token"],
        ),
        (
            |dir| {
                edit(
                    &dir.join("tokenizer_config.json"),
                    "\"pad_token\": \"</s>\"",
                    "\"pad_token\": \"<end>\"",
                )
            },
            ["tokenizer_config.json", "`pad_token` is <end>"],
        ),
        (
            |dir| std::fs::rename(dir.join("tokenizer.json"), dir.join("spiece.model")).unwrap(),
            ["tokenizer.json is missing", "spiece.model alone"],
        ),
        (
            |dir| {
                edit(
                    &dir.join("config.json"),
                    "\"patch_size\": 8",
                    "\"patch_size\": 16",
                )
            },
            ["model.safetensors", "patch_embedding.weight"],
        ),
    ];
    for (damage, said) in cases {
        let dir = copy_of(&fixture("siglip"));
        damage(dir.path());
        let loaded = load(dir.path());
        let error = loaded.err().expect("a damaged checkpoint").to_string();
        for said in said {
            assert!(error.contains(said), "{error} does not say {said}");
        }
    }
}

/// Two checkpoints that pad texts differently are not the same, though all else is.
#[test]
fn what_pads_texts_is_part_of_the_fingerprint() {
    let dir = copy_of(&fixture("siglip"));
    edit(
        &dir.path().join("tokenizer_config.json"),
        "\"pad_token\": \"</s>\"",
        "\"pad_token\": \"<pad>\"",
    );
    let (one, other) = (load(&fixture("siglip")).unwrap(), load(dir.path()).unwrap());
    assert_ne!(one.fingerprint().tokenizer, other.fingerprint().tokenizer);
    let text = ["a photo of a fox"];
    assert_ne!(
        one.encode_texts(&text).unwrap(),
        other.encode_texts(&text).unwrap()
    );
}
