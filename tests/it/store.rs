//! The store of embeddings from outside: `embed`, `score` and `cladist store` on one, killed, damaged and shared.

mod full;
mod killed;
mod layout;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::cmd::run;
use crate::score::{model, world};

/// Runs `embed` with the small model on the pictures.
fn embed(dir: &Path, more: &[&str]) -> (i32, String) {
    let model = model();
    let mut args = vec!["embed", "--model", &model];
    args.extend(more);
    let (code, out, err) = run(dir, &args);
    assert_eq!(out, "");
    (code, err)
}

/// The same of the folder of pictures with a store beside it.
fn embed_pictures(dir: &Path, out: &str, more: &[&str]) -> String {
    let args = ["--images", "pictures", "--store", "store", "--out", out];
    let (code, err) = embed(dir, &[&args, more].concat());
    assert_eq!(code, 0, "{err}");
    err
}

/// What two runs wrote is the same to the bit.
pub fn is_same(dir: &Path, a: &str, b: &str) -> bool {
    ["images.npy", "images.parquet"].iter().all(|file| {
        let read = |out: &str| fs::read(dir.join(out).join(file)).unwrap();
        read(a) == read(b)
    })
}

/// As if the pictures were written an hour ago: what is written now may be written again within the same tick.
pub fn settle(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            settle(&path);
        } else {
            let file = File::options().write(true).open(&path).unwrap();
            let then = SystemTime::now() - Duration::from_secs(3600);
            file.set_modified(then).unwrap();
        }
    }
}

/// The directory of the only collection of this kind.
fn collection(store: &Path, kind: &str) -> PathBuf {
    let entries = fs::read_dir(store).unwrap();
    let mut dirs = entries.map(|entry| entry.unwrap().path());
    let is_it = |dir: &PathBuf| dir.file_name().unwrap().to_str().unwrap().starts_with(kind);
    dirs.find(is_it).expect("a collection")
}

fn list(dir: &Path) -> Vec<Value> {
    let args = ["store", "ls", "--store", "store", "--format", "json"];
    let (code, out, err) = run(dir, &args);
    assert_eq!((code, &err[..]), (0, ""));
    serde_json::from_str(&out).unwrap()
}

#[test]
fn what_was_encoded_is_not_encoded_again() {
    let dir = world();
    let path = dir.path();
    settle(&path.join("pictures"));
    embed_pictures(path, "plain", &["--no-store"]);
    assert!(!path.join("store").exists());
    let said = |known: usize, encoded: usize| {
        let images = if known == 1 { "image" } else { "images" };
        format!("{known} {images} from the store, {encoded} encoded")
    };
    let first = embed_pictures(path, "first", &[]);
    assert!(first.contains(&said(0, 12)), "{first}");
    let second = embed_pictures(path, "second", &[]);
    assert!(second.contains(&said(12, 0)), "{second}");
    for out in ["first", "second"] {
        assert!(is_same(path, "plain", out), "{out}");
    }
    // A file of known path, size and time is not even read, unless one wants to know.
    let picture = path.join("pictures/red/0.png");
    let before = fs::metadata(&picture).unwrap();
    fs::write(&picture, vec![b'x'; before.len() as usize]).unwrap();
    let file = File::options().write(true).open(&picture).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    let third = embed_pictures(path, "third", &[]);
    assert!(third.contains(&said(12, 0)), "{third}");
    assert!(is_same(path, "plain", "third"));
    let verified = embed_pictures(path, "verified", &["--verify"]);
    assert!(verified.contains("1 image could not be read"), "{verified}");
    assert!(verified.contains(&said(11, 0)), "{verified}");
    // Of another time it is read; the same bytes elsewhere are known.
    fs::copy(path.join("pictures/red/1.png"), &picture).unwrap();
    let copied = embed_pictures(path, "copied", &[]);
    assert!(copied.contains(&said(12, 0)), "{copied}");
    // And what is new is encoded, once.
    fs::write(path.join("pictures/red/3.png"), png(7)).unwrap();
    fs::write(path.join("pictures/red/4.png"), png(7)).unwrap();
    let added = embed_pictures(path, "added", &[]);
    let once = said(12, 1) + ", 1 of the same bytes as one of these";
    assert!(added.contains(&once), "{added}");
    embed_pictures(path, "anew", &["--no-store"]);
    assert!(is_same(path, "anew", "added"));
    assert_eq!(list(path)[0]["embeddings"], 13);
    // How pictures are decoded has a say in the values: they are others.
    for option in ["--no-exif-orientation", "--fast-decode"] {
        let otherwise = embed_pictures(path, "otherwise", &[option]);
        assert!(otherwise.contains(&said(0, 12)), "{option}: {otherwise}");
    }
    // How many are encoded at once has none on a CPU.
    let batched = embed_pictures(path, "batched", &["--batch", "3"]);
    assert!(batched.contains(&said(14, 0)), "{batched}");
    embed_pictures(path, "alone", &["--batch", "1", "--no-store"]);
    assert!(is_same(path, "batched", "added") && is_same(path, "alone", "added"));
    assert_eq!(list(path).len(), 3);
}

/// A picture that no other is like.
fn png(grey: u8) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = image::RgbImage::from_pixel(9, 9, image::Rgb([grey; 3]));
    let written = image.write_to(&mut bytes, image::ImageFormat::Png);
    written.unwrap();
    bytes.into_inner()
}

#[test]
fn score_takes_images_and_prompts_from_it() {
    let dir = world();
    let model = model();
    let score = |more: &[&str], variable: &str| {
        let args = [
            "score",
            "--images",
            "pictures",
            "--taxonomy",
            "colours.yaml",
        ];
        let out = crate::cmd::program(dir.path())
            .args(args)
            .args(["--model", &model, "--format", "json"])
            .args(more)
            .env("CLADIST_STORE", variable)
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        (out.stdout, String::from_utf8(out.stderr).unwrap())
    };
    let (plain, _) = score(&["--no-store"], "store");
    assert!(!dir.path().join("store").exists());
    let (first, err) = score(&[], "store");
    assert!(err.contains("0 images from the store, 12 encoded"), "{err}");
    let (second, err) = score(&[], "store");
    assert!(err.contains("12 images from the store, 0 encoded"), "{err}");
    // What `embed` is asked for afterwards is there.
    let err = embed_pictures(dir.path(), "e", &[]);
    assert!(err.contains("12 images from the store, 0 encoded"), "{err}");
    assert!(plain == first && first == second, "another answer");
    let texts = list(dir.path());
    let texts = texts.iter().find(|one| one["kind"] == "texts").unwrap();
    assert!(texts["embeddings"].as_u64() > Some(3), "{texts}");
    // New prompts are added, and no text is there twice.
    score(&["--prompts", "taxonomic"], "store");
    let more = list(dir.path());
    let more = more.iter().find(|one| one["kind"] == "texts").unwrap();
    assert!(more["embeddings"].as_u64() > texts["embeddings"].as_u64());
    assert_eq!(more["embeddings"], more["rows"]);
    // In its place the environment may have it that nothing is kept.
    let (_, err) = score(&[], "");
    assert!(!err.contains("from the store"), "{err}");
}

#[test]
fn texts_are_the_same_to_the_bit_wherever_they_come_from() {
    let dir = world();
    let texts = |name: &str, range: std::ops::Range<usize>| {
        let lines: Vec<String> = range
            .map(|i| format!("{} of {i}", "a ".repeat(i % 9)))
            .collect();
        fs::write(dir.path().join(name), lines.join("\n")).unwrap();
    };
    texts("some.txt", 10..35);
    texts("all.txt", 0..80);
    let run = |file: &str, out: &str, store: &[&str]| {
        let args = ["--texts", file, "--out", out];
        let (code, err) = embed(dir.path(), &[&args, store].concat());
        assert_eq!(code, 0, "{err}");
        fs::read(dir.path().join(out).join("texts.npy")).unwrap()
    };
    let plain = run("all.txt", "plain", &[]);
    run("some.txt", "some", &["--store", "store"]);
    for _ in 0..2 {
        assert_eq!(run("all.txt", "kept", &["--store", "store"]), plain);
    }
    assert_eq!(list(dir.path())[0]["rows"], 80);
}

/// A store can be filled without anything else, slice by slice, and stores be merged.
#[test]
fn jobs_share_the_work() {
    let dir = world();
    let path = dir.path();
    embed_pictures(path, "plain", &["--no-store"]);
    let mut encoded = 0;
    for i in ["1/3", "2/3", "3/3"] {
        let store = format!("store-{}", &i[..1]);
        let args = ["--images", "pictures", "--store", &store, "--shard", i];
        let (code, err) = embed(path, &args);
        assert_eq!(code, 0, "{err}");
        assert!(err.contains(&format!("kept in {store}")), "{err}");
        let told = err.split("0 images from the store, ").nth(1).unwrap();
        encoded += told.split(' ').next().unwrap().parse::<usize>().unwrap();
    }
    assert_eq!(encoded, 12);
    let merge = [
        "store", "merge", "store-1", "store-2", "store-3", "--store", "store",
    ];
    for (added, known) in [(true, 0), (false, 12)] {
        let (code, _, err) = run(path, &merge);
        assert_eq!(code, 0, "{err}");
        let sum = |what: &str| -> usize {
            let numbers = err.lines().filter_map(|line| {
                let (before, _) = line.split_once(what)?;
                before
                    .rsplit([' ', ','])
                    .find(|word| !word.is_empty())?
                    .parse::<usize>()
                    .ok()
            });
            numbers.sum()
        };
        assert_eq!(sum(" embedding"), if added { 12 } else { 0 }, "{err}");
        assert_eq!(sum(" known"), known, "{err}");
    }
    let err = embed_pictures(path, "merged", &[]);
    assert!(err.contains("12 images from the store, 0 encoded"), "{err}");
    assert!(is_same(path, "plain", "merged"));
    // What asks for too little is told what is missing.
    let (code, err) = embed(path, &["--images", "pictures"]);
    assert_eq!(code, 2);
    assert!(err.contains("give --out DIR, or a --store"), "{err}");
    let (code, err) = embed(
        path,
        &["--images", "pictures", "--shard", "0/3", "--out", "e"],
    );
    assert_eq!(code, 2);
    assert!(err.contains("I from 1 to N"), "{err}");
    let (code, _, err) = run(path, &["store", "merge", "store", "--store", "store"]);
    assert_eq!(code, 2);
    assert!(err.contains("name others"), "{err}");
}

#[test]
fn damage_is_told_and_mended() {
    let dir = world();
    let path = dir.path();
    embed_pictures(path, "plain", &["--shard-rows", "4"]);
    let images = collection(&path.join("store"), "images");
    let verify = || run(path, &["store", "verify", "--store", "store"]);
    let (code, out, _) = verify();
    assert!(
        code == 0 && out.contains("3 shards whole, 0 damaged"),
        "{out}"
    );
    let rows = |n: usize| images.join(format!("img_emb/img_emb_000000{n}.npy"));
    // A flipped bit in one, another cut.
    let mut bytes = fs::read(rows(0)).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(rows(0), bytes).unwrap();
    let bytes = fs::read(rows(1)).unwrap();
    fs::write(rows(1), &bytes[..bytes.len() - 7]).unwrap();
    let (code, out, err) = verify();
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("img_emb_0000000.npy: is not what was written"),
        "{out}"
    );
    assert!(out.contains("img_emb_0000001.npy: has "), "{out}");
    assert!(err.contains("2 shards damaged"), "{err}");
    // It is gone on with: what is lost is encoded again.
    let err = embed_pictures(path, "again", &[]);
    assert!(err.contains("10 images from the store, 2 encoded"), "{err}");
    assert!(
        err.contains("img_emb_0000000.npy: holds rows that are not what was written"),
        "{err}"
    );
    assert!(err.contains("img_emb_0000001.npy: has "), "{err}");
    assert!(is_same(path, "plain", "again"));
    let (code, out, err) = run(path, &["store", "prune", "--store", "store"]);
    assert!(
        code == 0 && out.contains("2 unfinished or damaged shards removed"),
        "{out}{err}"
    );
    let (code, out, _) = verify();
    assert!(code == 0 && out.contains("0 damaged"), "{out}");
    let err = embed_pictures(path, "mended", &[]);
    assert!(err.contains("12 images from the store, 0 encoded"), "{err}");
    assert!(is_same(path, "plain", "mended"));
    // Another recipe in its place is refused.
    let manifest = fs::read_to_string(images.join("manifest.json")).unwrap();
    let other = manifest.replace("\"fingerprint\": \"", "\"fingerprint\": \"0");
    fs::write(
        images.join("manifest.json"),
        other.replace("\"f32\"", "\"f16\""),
    )
    .unwrap();
    let args = ["--images", "pictures", "--store", "store", "--out", "e"];
    let (code, err) = embed(path, &args);
    assert_eq!(code, 2);
    assert!(
        err.contains("are of another recipe (other: dtype)"),
        "{err}"
    );
}

/// Where the store is the user's wish, what cannot be written is an error; where it is only the custom, it is told.
#[test]
fn a_place_that_cannot_be_written_is_told() {
    let dir = world();
    let path = dir.path();
    fs::write(path.join("taken"), "a file").unwrap();
    let args = [
        "--images",
        "pictures",
        "--store",
        "taken/store",
        "--out",
        "e",
    ];
    let (code, err) = embed(path, &args);
    assert_eq!(code, 2);
    assert!(err.contains("taken/store"), "{err}");
    assert!(!path.join("e").exists());
    let model = model();
    let out = crate::cmd::program(path)
        .args([
            "embed", "--images", "pictures", "--model", &model, "--out", "e",
        ])
        .env("CLADIST_STORE", "taken/store")
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{err}");
    assert!(err.contains("nothing is kept"), "{err}");
    let (code, _, err) = run(path, &["store", "ls", "--store", "nowhere"]);
    assert_eq!(code, 2);
    assert!(err.contains("nowhere: no store here"), "{err}");
}

#[test]
fn it_is_listed_counted_exported_and_removed() {
    let dir = world();
    let path = dir.path();
    fs::write(path.join("t.txt"), "red\nblue\n").unwrap();
    embed_pictures(path, "e", &["--texts", "t.txt", "--shard-rows", "5"]);
    let store = |args: &[&str]| run(path, &[&["store"], args, &["--store", "store"]].concat());
    let (code, out, _) = store(&["ls"]);
    assert_eq!(code, 0);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("name") && lines.len() == 3, "{out}");
    assert!(
        lines[1].starts_with("images-") && lines[1].contains("  12  "),
        "{out}"
    );
    assert!(
        lines[2].starts_with("texts-") && lines[2].contains("  2  "),
        "{out}"
    );
    let (_, out, _) = store(&["stats"]);
    assert!(out.contains("12 rows in 3 shards, 0 of a key"), "{out}");
    assert!(out.contains("  weights: \""), "{out}");
    assert!(out.contains("0 hints of files"), "{out}");
    let (code, _, err) = store(&["export", "--out", "all"]);
    assert!(code == 2 && err.contains("--only NAME"), "{err}");
    for (kind, n) in [("images", 12), ("texts", 2)] {
        let (code, _, err) = store(&["export", "--only", kind, "--out", kind]);
        assert_eq!(code, 0, "{err}");
        assert!(
            err.contains(&format!("{n} embeddings written to {kind}")),
            "{err}"
        );
        // In the order of the data, since they were encoded so.
        let read = |out: &str| fs::read(path.join(out).join(format!("{kind}.npy"))).unwrap();
        assert_eq!(read(kind), read("e"));
    }
    let (code, out, _) = store(&["prune", "--only", "texts", "--all"]);
    assert!(code == 0 && out.contains(": removed, "), "{out}");
    assert_eq!(list(path).len(), 1);
    let (code, _, err) = store(&["prune", "--only", "texts", "--all"]);
    assert!(
        code == 2 && err.contains("name begins with `texts`"),
        "{err}"
    );
}
