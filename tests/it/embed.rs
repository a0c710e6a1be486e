//! `cladist embed` from outside: what it writes, and what it keeps or refuses to lose.

use std::fs;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{UInt32Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::cmd::run;
use crate::score::{model, world};

/// Runs `embed` with the small model.
fn embed(dir: &Path, more: &[&str]) -> (i32, String) {
    let model = model();
    let mut args = vec!["embed", "--model", &model];
    args.extend(more);
    let (code, out, err) = run(dir, &args);
    assert_eq!(out, "");
    (code, err)
}

/// The rows of an `.npy` file, which must be unit vectors.
fn npy(path: &Path) -> Vec<Vec<f32>> {
    let bytes = fs::read(path).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let text = std::str::from_utf8(&bytes[10..header]).unwrap();
    let shape = text.split(['(', ')']).nth(1).unwrap();
    let columns: usize = shape.split(", ").nth(1).unwrap().parse().unwrap();
    let values: Vec<f32> = bytes[header..]
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect();
    let rows: Vec<Vec<f32>> = values.chunks_exact(columns).map(<[f32]>::to_vec).collect();
    for row in &rows {
        let norm: f32 = row.iter().map(|v| v * v).sum();
        assert!((norm - 1.0).abs() < 1e-5);
    }
    rows
}

fn table(path: &Path) -> RecordBatch {
    let file = fs::File::open(path).unwrap();
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    let batch = reader.next().unwrap().unwrap();
    let rows = batch["row"].as_primitive::<UInt64Type>();
    assert!(rows.values().iter().copied().eq(0..batch.num_rows() as u64));
    batch
}

fn strings<'a>(batch: &'a RecordBatch, column: &str) -> Vec<&'a str> {
    batch[column].as_string::<i32>().iter().flatten().collect()
}

#[test]
fn images_are_in_the_order_of_the_input_without_the_bad_ones() {
    let dir = world();
    let list = "file_name\npictures/warm/2.png\npictures/red/0.png\npictures/none.png\npictures/blue/1.png\npictures/red/0.png\n";
    fs::write(dir.path().join("list.csv"), list).unwrap();
    for batch in ["1", "2", "100"] {
        let (code, err) = embed(
            dir.path(),
            &["--images", "list.csv", "--batch", batch, "--out", "e"],
        );
        assert_eq!(code, 0, "{err}");
        assert!(err.contains("pictures/none.png (list.csv:4): "), "{err}");
        assert!(err.contains("4 images embedded"), "{err}");
        let batch = table(&dir.path().join("e/images.parquet"));
        let expected = [
            "pictures/warm/2.png",
            "pictures/red/0.png",
            "pictures/blue/1.png",
            "pictures/red/0.png",
        ];
        assert_eq!(strings(&batch, "path"), expected);
        let rows = npy(&dir.path().join("e/images.npy"));
        assert_eq!(rows.len(), 4);
        assert_eq!(rows[1], rows[3]);
        assert_ne!(rows[0], rows[1]);
    }
}

#[test]
fn texts_are_encoded_as_they_are() {
    let dir = world();
    let texts = ["red", "", "  a  red thing ", "blue", "red"];
    let plain = texts.join("\r\n");
    let json: String = texts
        .iter()
        .map(|text| format!("{}\n\n", serde_json::json!({ "text": text })))
        .collect();
    fs::write(dir.path().join("t.txt"), plain).unwrap();
    fs::write(dir.path().join("t.jsonl"), json).unwrap();
    for file in ["t.txt", "t.jsonl"] {
        let out = format!("{file}-out");
        let (code, err) = embed(dir.path(), &["--texts", file, "--out", &out]);
        assert_eq!(code, 0, "{err}");
        let batch = table(&dir.path().join(&out).join("texts.parquet"));
        assert_eq!(strings(&batch, "text"), texts);
        let ids = batch["token_ids"].as_list::<i32>();
        // An empty text has its start and its end.
        assert_eq!(ids.value(1).len(), 2);
        assert!(ids.value(0).as_primitive::<UInt32Type>().value(0) > 0);
        let rows = npy(&dir.path().join(&out).join("texts.npy"));
        assert_eq!(rows.len(), 5);
        assert_eq!(rows[0], rows[4]);
    }
    let read = |out: &str| fs::read(dir.path().join(out).join("texts.npy")).unwrap();
    assert_eq!(read("t.txt-out"), read("t.jsonl-out"));
}

#[test]
fn what_the_same_model_embedded_before_is_kept() {
    let dir = world();
    let at = |path: &str| dir.path().join(path);
    fs::write(at("t.txt"), "red\nblue\n").unwrap();
    fs::write(at("more.txt"), "red\n").unwrap();
    let images = ["--images", "pictures", "--out", "e"];
    assert_eq!(embed(dir.path(), &images).0, 0);
    let before = fs::read(at("e/images.npy")).unwrap();
    for (file, rows) in [("t.txt", 2), ("more.txt", 1)] {
        let (code, err) = embed(dir.path(), &["--texts", file, "--out", "e"]);
        assert_eq!(code, 0, "{err}");
        assert_eq!(fs::read(at("e/images.npy")).unwrap(), before);
        assert_eq!(table(&at("e/images.parquet")).num_rows(), 12);
        assert_eq!(npy(&at("e/texts.npy")).len(), rows);
    }

    // Of another model it would be wrong to keep and a loss to delete.
    fs::create_dir(at("other")).unwrap();
    for entry in fs::read_dir(model()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), at("other").join(entry.file_name())).unwrap();
    }
    let config = fs::read_to_string(at("other/config.json")).unwrap();
    fs::write(at("other/config.json"), config + "\n").unwrap();
    let other = [
        "embed", "--model", "other", "--texts", "t.txt", "--out", "e",
    ];
    let (code, _, err) = run(dir.path(), &other);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("e: holds `images.npy` of another model"),
        "{err}"
    );
    assert_eq!(fs::read(at("e/images.npy")).unwrap(), before);
    // Both at once leave nothing of it.
    let both = [&other[..], &["--images", "pictures"]].concat();
    assert_eq!(run(dir.path(), &both).0, 0);
}

#[test]
fn only_embeddings_are_replaced_and_nothing_is_left_of_what_fails() {
    let dir = world();
    fs::write(dir.path().join("t.txt"), "red\n").unwrap();
    fs::write(dir.path().join("bad.png"), "no picture").unwrap();
    let (code, err) = embed(dir.path(), &["--texts", "t.txt", "--out", "pictures"]);
    assert_eq!(code, 2);
    assert!(err.contains("no `embed.json` of cladist in it"), "{err}");
    let (code, err) = embed(dir.path(), &["--images", "bad.png", "--out", "e"]);
    assert_eq!(code, 1);
    assert!(
        err.contains("none of the images could be read (1 image)"),
        "{err}"
    );
    let (code, err) = embed(
        dir.path(),
        &[
            "--images",
            "bad.png",
            "--on-bad-image",
            "error",
            "--out",
            "e",
        ],
    );
    assert_eq!(code, 2);
    assert!(err.contains("bad.png: looks like a text file"), "{err}");
    let mut left: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(
        left,
        ["bad.png", "colours.yaml", "more.yaml", "pictures", "t.txt"]
    );
}

#[test]
fn the_time_of_each_stage_is_told() {
    let dir = world();
    let images = ["--images", "pictures", "--out", "emb", "--profile"];
    let (code, err) = embed(dir.path(), &images);
    assert_eq!(code, 0, "{err}");
    let spent = |stage: &str| -> f64 {
        let line = err
            .lines()
            .find(|line| line.trim_start().starts_with(stage));
        let line = line.unwrap_or_else(|| panic!("no {stage} in\n{err}"));
        let rest = line.trim_start().strip_prefix(stage).unwrap();
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    for stage in ["read", "decode", "resize", "encode", "keep"] {
        assert!(spent(stage) >= 0.0);
    }
    assert_eq!(spent("hash"), 0.0, "there is no store");
    assert!(err.contains("bottleneck"), "{err}");
    let (code, err) = embed(
        dir.path(),
        &["--texts", "x.txt", "--out", "emb", "--profile"],
    );
    assert_eq!((code, err.contains("--images")), (2, true), "{err}");
}
