//! Runs that are killed, and go on.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Instant;

use super::{embed_pictures, is_same};
use crate::cmd::{program, run};
use crate::score::{model, world};

/// As the script `tests/kill_store.py` does it more often, and with more pictures.
#[test]
fn a_run_that_is_killed_again_and_again_comes_to_the_same_end() {
    let dir = world();
    let path = dir.path();
    let begun = Instant::now();
    embed_pictures(path, "plain", &["--no-store"]);
    let whole = begun.elapsed();
    let model = model();
    let mut killed = 0;
    for i in 1..=12u32 {
        // Through all of its life, and beyond.
        let life = whole * i / 10;
        let mut child = program(path)
            .args(["embed", "--images", "pictures", "--model", &model])
            .args(["--store", "store", "--shard-rows", "2", "--batch", "16"])
            .args(["--out", "out"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep(life);
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        if path.join("store").exists() {
            let (code, out, err) = run(path, &["store", "verify", "--store", "store"]);
            assert_eq!(code, 0, "{out}{err}");
        }
    }
    assert!(killed > 0, "none was killed in {whole:?}");
    let err = embed_pictures(path, "out", &[]);
    assert!(is_same(path, "plain", "out"), "{err}");
    let (code, _, err) = run(path, &["store", "prune", "--store", "store"]);
    assert_eq!(code, 0, "{err}");
    let images = super::collection(&path.join("store"), "images");
    let parts = fs::read_dir(images.join("parts")).unwrap();
    assert_eq!(parts.count(), 0);
}

#[test]
fn two_at_once_fill_one_store() {
    let dir = world();
    let path = dir.path();
    embed_pictures(path, "plain", &["--no-store"]);
    let model = model();
    let children = ["a", "b", "c"].map(|out| {
        program(path)
            .args(["embed", "--images", "pictures", "--model", &model])
            .args(["--store", "store", "--shard-rows", "1", "--out", out])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    });
    for child in children {
        let out = child.wait_with_output().unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
    }
    for out in ["a", "b", "c"] {
        assert!(is_same(path, "plain", out));
    }
    let (code, out, _) = run(path, &["store", "verify", "--store", "store"]);
    assert!(code == 0 && out.contains(" 0 damaged"), "{out}");
    let err = embed_pictures(path, "d", &[]);
    assert!(err.contains("12 images from the store, 0 encoded"), "{err}");
}
