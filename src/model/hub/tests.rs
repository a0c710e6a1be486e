//! What `--model` means, and what is said when it means nothing.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::loopback::{Answer, Model, Server};
use super::*;

fn checkpoint(dir: &Path) {
    fs::create_dir_all(dir).unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::write(dir.join(file), "{}").unwrap();
    }
}

fn said(source: &str, env: &HubEnv) -> String {
    resolve(source, env, &()).unwrap_err().to_string()
}

#[test]
fn a_directory_then_the_cache_then_the_hub() {
    let dir = TempDir::new().unwrap();
    let plain = dir.path().join("plain");
    checkpoint(&plain);
    let server = Model::new(&[("model.safetensors", b"weights")]).serve();
    let mut env = server.env();
    env.cache = Some(dir.path().join("cache"));
    let found = resolve(plain.to_str().unwrap(), &env, &()).unwrap();
    assert_eq!(found.config, plain.join("config.json"));
    assert!(server.seen().is_empty());
    let downloaded = resolve("org/clip", &env, &()).unwrap();
    let asked = server.seen().len();
    env.offline = true;
    assert_eq!(resolve("org/clip", &env, &()).unwrap(), downloaded);
    assert_eq!(server.seen().len(), asked);
}

#[test]
fn what_cannot_be_had_says_where_it_was_looked_for_and_what_to_do() {
    let dir = TempDir::new().unwrap();
    let mut env = HubEnv::from_variables(&|_| None);
    env.cache = Some(dir.path().to_owned());
    env.offline = true;
    let message = said("org/clip@v1", &env);
    let cached = dir.path().join("models--org--clip").display().to_string();
    for part in [
        "no revision",
        "as a directory",
        "HF_HUB_OFFLINE is set",
        "https://huggingface.co/org/clip/resolve/v1/config.json",
        "https://huggingface.co/org/clip/resolve/v1/model.safetensors",
        "pytorch_model.bin",
        "--model ./clip",
        "HF_HUB_CACHE",
    ] {
        let known = part != "no revision";
        assert_eq!(message.contains(part), known, "{part}: {message}");
    }
    assert!(message.contains(&cached), "{message}");
    // But for addresses and paths, it fits a terminal.
    for line in message.lines().filter(|line| !line.contains('/')) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    checkpoint(&dir.path().join("models--org--clip/snapshots/abc"));
    assert!(said("org/clip@v1", &env).contains("no revision `v1`"));
    let weights = "models--org--clip/snapshots/abc/model.safetensors";
    fs::remove_file(dir.path().join(weights)).unwrap();
    let message = said("org/clip", &env);
    assert!(
        message.contains("model.safetensors is missing"),
        "{message}"
    );

    env.cache = None;
    assert!(said("org/clip", &env).contains("set HF_HUB_CACHE"));
}

#[test]
fn what_does_not_exist_is_not_to_be_got_by_hand() {
    let dir = TempDir::new().unwrap();
    let server = Server::new(|_| Answer::new(401, ""));
    let mut env = server.env();
    env.cache = Some(dir.path().to_owned());
    let message = said("org/clip", &env);
    assert!(message.contains("there is no such model"), "{message}");
    assert!(!message.contains("resolve/main"), "{message}");
}

#[test]
fn a_name_that_is_no_directory_is_told_first() {
    let dir = TempDir::new().unwrap();
    let mut env = HubEnv::from_variables(&|_| None);
    env.offline = true;
    env.cache = Some(dir.path().to_owned());
    let message = said("nodir", &env);
    let directory = message.find("there is no `nodir` in the working directory");
    let hub = message.find("from the hub");
    assert!(directory.is_some() && directory < hub, "{message}");

    let models = dir.path().join("models");
    checkpoint(&models.join("clip-b32"));
    let at = |name: &str| models.join(name).display().to_string();
    let message = said(&at("clip-b23"), &env);
    assert!(message.contains("no such directory"), "{message}");
    assert!(
        message.contains(&format!("did you mean {}?", at("clip-b32"))),
        "{message}"
    );
    assert!(!said(&at("other"), &env).contains("did you mean"));
    let message = said(&at("clip-b32/config.json"), &env);
    assert!(message.contains("is a file"), "{message}");
    for source in ["", "a b", "x:y"] {
        let message = said(source, &env);
        assert!(message.contains("neither a directory nor"), "{message}");
    }
}

#[test]
fn a_doubtful_commit_is_told_with_those_that_it_may_be() {
    let dir = TempDir::new().unwrap();
    for commit in ["ccccccc1", "ccccccc2"] {
        checkpoint(&dir.path().join("models--org--clip/snapshots").join(commit));
    }
    let mut env = HubEnv::from_variables(&|_| None);
    env.cache = Some(dir.path().to_owned());
    let message = said("org/clip@ccccccc", &env);
    assert!(
        message.contains("ccccccc1") && message.contains("ccccccc2"),
        "{message}"
    );
}
