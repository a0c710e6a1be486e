//! Data sets that are no folders: the same images in archives and tables are embedded and scored as the folder of them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{BinaryArray, RecordBatch, StringArray};
use cladist::tui::backend::Backend;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use crate::cmd::run;
use crate::score::{model, world};
use crate::store::{is_same, settle};
use crate::workbench::{open, saved, shown};

/// The pictures of the world in the order of their folder: name, label, content.
fn pictures(dir: &Path) -> Vec<(String, String, Vec<u8>)> {
    let mut all = Vec::new();
    for folder in fs::read_dir(dir.join("pictures")).unwrap() {
        let folder = folder.unwrap();
        let label = folder.file_name().into_string().unwrap();
        for file in fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            let content = fs::read(file.path()).unwrap();
            all.push((format!("{label}/{name}"), label.clone(), content));
        }
    }
    all.sort();
    all
}

fn add(archive: &mut tar::Builder<fs::File>, name: &str, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    archive.append_data(&mut header, name, content).unwrap();
}

/// Writes the pictures into `shards/0.tar`, `shards/1.tar`, …, so many in each, with their labels.
fn write_shards(dir: &Path, in_each: usize) {
    fs::create_dir(dir.join("shards")).unwrap();
    for (i, samples) in pictures(dir).chunks(in_each).enumerate() {
        let path = dir.join(format!("shards/{i}.tar"));
        let mut archive = tar::Builder::new(fs::File::create(path).unwrap());
        for (name, label, content) in samples {
            let key = name.strip_suffix(".png").unwrap();
            add(&mut archive, name, content);
            add(&mut archive, &format!("{key}.cls"), label.as_bytes());
        }
        archive.finish().unwrap();
    }
}

/// Writes the pictures into a Parquet table with their names as ids.
fn write_table(dir: &Path) {
    let pictures = pictures(dir);
    let names = pictures.iter().map(|(name, ..)| name);
    let labels = pictures.iter().map(|(_, label, _)| label);
    let images = pictures.iter().map(|(.., content)| content);
    let batch = RecordBatch::try_from_iter([
        ("uuid", Arc::new(StringArray::from_iter_values(names)) as _),
        (
            "image",
            Arc::new(BinaryArray::from_iter_values(images)) as _,
        ),
        (
            "label",
            Arc::new(StringArray::from_iter_values(labels)) as _,
        ),
    ]);
    let batch = batch.unwrap();
    let file = fs::File::create(dir.join("t.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn embed(dir: &Path, images: &str, out: &str, more: &[&str]) -> String {
    let model = model();
    let args = ["embed", "--model", &model, "--images", images, "--out", out];
    let (code, _, err) = run(dir, &[&args, more].concat());
    assert_eq!(code, 0, "{err}");
    err
}

/// The report of a scoring, without the data set's own name.
fn score(dir: &Path, images: &str) -> String {
    let model = model();
    let args = [
        "score",
        "--taxonomy",
        "colours.yaml",
        "--images",
        images,
        "--model",
        &model,
    ];
    let (code, out, err) = run(dir, &args);
    assert_eq!(code, 0, "{err}");
    out.replace(images, "IMAGES")
}

#[test]
fn an_archive_is_embedded_as_the_folder_of_its_files_and_shares_its_store() {
    let dir = world();
    let dir = dir.path();
    write_shards(dir, 100);
    settle(dir);
    let store = ["--store", "store"];
    embed(dir, "pictures", "of-folder", &store);
    let told = embed(dir, "shards/0.tar", "of-tar", &store);
    assert!(
        told.contains("12 images from the store, 0 encoded"),
        "{told}"
    );
    assert!(is_same(dir, "of-folder", "of-tar"));
    embed(dir, "shards/0.tar", "without-store", &[]);
    assert!(is_same(dir, "of-folder", "without-store"));

    // What is in the archive is known by its place, so that it is not read again.
    let mut bytes = fs::read(dir.join("shards/0.tar")).unwrap();
    let modified = fs::metadata(dir.join("shards/0.tar")).unwrap().modified();
    let at = bytes.windows(4).position(|w| w == b"IDAT").unwrap();
    bytes[at + 8] ^= 1;
    fs::write(dir.join("shards/0.tar"), bytes).unwrap();
    let mut options = fs::File::options();
    let file = options.write(true).open(dir.join("shards/0.tar")).unwrap();
    file.set_modified(modified.unwrap()).unwrap();
    let told = embed(dir, "shards/0.tar", "unread", &store);
    assert!(
        told.contains("12 images from the store, 0 encoded"),
        "{told}"
    );
    let told = embed(
        dir,
        "shards/0.tar",
        "read",
        &["--store", "store", "--verify"],
    );
    assert!(told.contains("shards/0.tar/blue/0.png: "), "{told}");
}

#[test]
fn several_archives_are_embedded_and_scored_as_one_data_set() {
    let dir = world();
    let dir = dir.path();
    write_shards(dir, 5);
    embed(dir, "pictures", "of-folder", &[]);
    let report = score(dir, "pictures");
    for images in ["shards", "shards/{0..2}.tar"] {
        embed(dir, images, "of-shards", &[]);
        let read = |out: &str| fs::read(dir.join(out).join("images.npy")).unwrap();
        assert_eq!(read("of-folder"), read("of-shards"));
        assert_eq!(score(dir, images), report);
    }
}

#[test]
fn a_table_with_the_images_in_it_is_embedded_and_scored_as_their_folder() {
    let dir = world();
    let dir = dir.path();
    write_table(dir);
    settle(dir);
    let store = ["--store", "store"];
    embed(dir, "pictures", "of-folder", &store);
    embed(dir, "t.parquet", "of-table", &[]);
    assert!(is_same(dir, "of-folder", "of-table"));
    assert_eq!(score(dir, "t.parquet"), score(dir, "pictures"));
    for _ in 0..2 {
        let told = embed(dir, "t.parquet", "again", &store);
        assert!(
            told.contains("12 images from the store, 0 encoded"),
            "{told}"
        );
        assert!(is_same(dir, "of-folder", "again"));
    }
}

/// Pictures of a saved run are shown from wherever they are.
#[test]
fn the_workbench_shows_pictures_out_of_archives_and_tables() {
    let dir = world();
    let dir = dir.path();
    write_shards(dir, 5);
    write_table(dir);
    let pictures = pictures(dir);
    let model = model();
    for images in ["shards/{0..2}.tar", "shards", "t.parquet"] {
        let images = dir.join(images).display().to_string();
        let args = [
            "score",
            "--taxonomy",
            "colours.yaml",
            "--model",
            &model,
            "--out",
            "run",
        ];
        let (code, _, err) = run(dir, &[&args[..], &["--images", &images]].concat());
        assert_eq!(code, 0, "{err}");
        let workbench = saved(dir, &[]);
        let news = open(&workbench);
        let opened = &shown(&news)[0].opened;
        for (i, (name, _, content)) in pictures.iter().enumerate() {
            assert!(opened.saved.images.get(i).ends_with(name), "{images}");
            assert_eq!(
                workbench.picture(opened, i).as_ref(),
                Ok(content),
                "{images}"
            );
        }
    }
}

/// What is imported of annotations is the taxonomy that their labels are found in.
#[test]
fn annotations_of_coco_are_scored_under_their_own_categories() {
    let dir = world();
    let dir = dir.path();
    let images = ["red/0.png", "blue/1.png"];
    let images = images
        .iter()
        .zip(1..)
        .map(|(name, id)| json!({"id": id, "file_name": name}));
    let category = |id: u32, name: &str| json!({"id": id, "name": name, "supercategory": "colour"});
    let coco = json!({
        "images": images.collect::<Vec<_>>(),
        "annotations": [
            {"image_id": 1, "category_id": 3, "area": 2.5},
            {"image_id": 1, "category_id": 4, "area": 7},
            {"image_id": 2, "category_id": 3, "area": 1},
        ],
        "categories": [category(3, "blue"), category(4, "red")],
    });
    fs::create_dir(dir.join("annotations")).unwrap();
    fs::write(dir.join("annotations/of_pictures.json"), coco.to_string()).unwrap();
    let import = [
        "import",
        "annotations/of_pictures.json",
        "--out",
        "own.yaml",
    ];
    let (code, out, err) = run(dir, &import);
    assert_eq!((code, &out[..]), (0, ""), "{err}");
    assert_eq!(err, "2 categories under 1 other node\n");
    let (code, out, _) = run(dir, &import[..2]);
    assert_eq!(code, 0);
    assert_eq!(out, fs::read_to_string(dir.join("own.yaml")).unwrap());
    // What may have been edited is not lost.
    let (code, _, err) = run(dir, &import);
    assert_eq!(code, 2);
    assert!(err.contains("own.yaml: is there already"), "{err}");

    let model = model();
    let images = "annotations/of_pictures.json";
    let args = [
        "score",
        "--taxonomy",
        "own.yaml",
        "--images",
        images,
        "--model",
        &model,
        "--out",
        "run",
    ];
    let (code, _, err) = run(dir, &args);
    assert_eq!(code, 0, "{err}");
    let lines = fs::read_to_string(dir.join("run/predictions.jsonl")).unwrap();
    let truths = lines.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        (line["image"].to_string(), line["truths"].to_string())
    });
    let expected = [
        ("\"red/0.png\"", r#"["red","blue"]"#),
        ("\"blue/1.png\"", r#"["blue"]"#),
    ];
    let expected = expected.map(|(image, truths)| (image.to_owned(), truths.to_owned()));
    assert_eq!(truths.collect::<Vec<_>>(), expected);
}

/// Data sets that webdataset, pyarrow and COCO's own program wrote and read (tests/parity/data_sets.py).
#[test]
fn what_other_programs_write_is_read_as_they_read_it() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/data");
    let expected = fs::read_to_string(fixtures.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    for (source, kind) in [
        ("shard-{00..01}.tar", "shards"),
        ("table.parquet", "table"),
        ("coco.json", "coco"),
    ] {
        let dataset = cladist::dataset::open(&fixtures.join(source)).unwrap();
        let expected = expected[kind].as_array().unwrap();
        assert_eq!(dataset.len(), expected.len(), "{source}");
        for (item, expected) in dataset.items().zip(expected) {
            assert_eq!(item.name(), expected["name"], "{source}");
            let labels = match &expected["labels"] {
                Value::Null => expected["label"].as_str().into_iter().collect(),
                labels => labels
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|l| l.as_str().unwrap())
                    .collect::<Vec<_>>(),
            };
            assert_eq!(item.labels(), labels, "{source}: {}", item.name());
            if let Some(content) = expected["content"].as_str() {
                let found = item.picture().read().unwrap().into_owned();
                assert_eq!(String::from_utf8(found).unwrap(), content, "{source}");
            }
        }
    }
}

/// The image that is not whole is a bad image like any, and those before it are read.
#[test]
fn an_archive_that_is_cut_off_has_a_bad_image() {
    let dir = world();
    let dir = dir.path();
    write_shards(dir, 100);
    let path = dir.join("shards/0.tar");
    let whole = fs::read(&path).unwrap();
    // In the second picture: a block of a header, the first with its label, a header, and a half of the second.
    let (_, _, first) = &pictures(dir)[0];
    let cut = 512 + first.len().next_multiple_of(512) + 1024 + 512 + first.len() / 2;
    fs::write(&path, &whole[..cut]).unwrap();
    let told = embed(dir, "shards/0.tar", "e", &[]);
    assert!(told.contains("cut off at byte"), "{told}");
    assert!(told.contains("1 image embedded"), "{told}");
    let model = model();
    let args = ["embed", "--model", &model, "--images", "shards/0.tar"];
    let strict = ["--out", "f", "--on-bad-image", "error"];
    let (code, _, told) = run(dir, &[&args[..], &strict].concat());
    assert_eq!(code, 2);
    assert!(told.contains("shards/0.tar/blue/1.png: "), "{told}");
    assert!(told.contains("is cut off: it has "), "{told}");
}
