//! The layout as other programs read it: NumPy's arrays and Parquet tables, row by row of the same images.

use std::fs::{self, File};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{collection, embed_pictures};
use crate::cmd::run;
use crate::score::world;

/// `cladist` itself reads it as what clip-retrieval writes, and gives the same answer as from the pictures.
#[test]
fn it_is_read_as_what_clip_retrieval_writes() {
    let dir = world();
    let path = dir.path();
    embed_pictures(path, "e", &["--shard-rows", "5"]);
    let images = collection(&path.join("store"), "images");
    let mut names = Vec::new();
    let mut rows = Vec::new();
    for n in 0..3 {
        let table = images.join(format!("metadata/metadata_000000{n}.parquet"));
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(table).unwrap());
        for batch in reader.unwrap().build().unwrap() {
            let batch = batch.unwrap();
            let column = |name: &str| batch[name].as_string::<i32>().clone();
            let (paths, keys, labels) = (column("image_path"), column("sha256"), column("label"));
            for i in 0..paths.len() {
                let name = paths.value(i).to_owned();
                let bytes = fs::read(path.join(&name)).unwrap();
                assert_eq!(keys.value(i), cladist::hash::of_bytes(&bytes));
                assert_eq!(labels.value(i), name.split('/').nth(1).unwrap());
                names.push(name);
            }
        }
        // Format 1.0, as clip-retrieval's reader expects it: the head is one line, and rows follow.
        let array = fs::read(images.join(format!("img_emb/img_emb_000000{n}.npy"))).unwrap();
        let end = array.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        let head = String::from_utf8_lossy(&array[..end]).into_owned();
        assert!(head.contains("'descr': '<f4'"), "{head}");
        let count = if n == 2 { 2 } else { 5 };
        assert!(head.contains(&format!("'shape': ({count}, ")), "{head}");
        rows.extend_from_slice(&array[end..]);
    }
    let plain = fs::read(path.join("e/images.npy")).unwrap();
    assert_eq!(rows, plain[128..]);
    assert_eq!(names.len(), 12);

    let images = images.to_str().unwrap();
    let truth: String = names
        .iter()
        .map(|name| format!("{name},{}\n", name.split('/').nth(1).unwrap()))
        .collect();
    fs::write(path.join("truth.csv"), format!("image,label\n{truth}")).unwrap();
    let model = crate::score::model();
    let top1 = |args: &[&str]| {
        let shared = [
            "score",
            "--taxonomy",
            "colours.yaml",
            "--model",
            &model,
            "--format",
            "json",
        ];
        let (code, out, err) = run(path, &[&shared, args].concat());
        assert_eq!(code, 0, "{err}");
        serde_json::from_str::<serde_json::Value>(&out).unwrap()["verdicts"].clone()
    };
    let from_store = top1(&["--image-embeddings", images, "--truth", "truth.csv"]);
    assert_eq!(from_store, top1(&["--images", "pictures"]));
}
