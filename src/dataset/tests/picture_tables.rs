//! Parquet tables that hold the images themselves, written here as Hugging Face's datasets and pandas write them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, Int64Array, LargeBinaryArray, RecordBatch, StringArray,
    StructArray,
};
use arrow_schema::{DataType, Field, Schema};
use parquet::file::properties::WriterProperties;

use super::parquet::written;
use super::{check_in, dir};
use crate::dataset::open;

/// A table of these columns, in row groups and pages of so many rows at most, with Hugging Face's description of its features.
fn table(columns: &[(&str, ArrayRef)], group: usize, features: &str) -> Vec<u8> {
    let fields = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
    let mut schema = Schema::new(fields.collect::<Vec<_>>());
    if !features.is_empty() {
        let info = format!(r#"{{"info": {{"features": {features}}}}}"#);
        schema = schema.with_metadata(HashMap::from([("huggingface".to_owned(), info)]));
    }
    let arrays = columns.iter().map(|(_, array)| Arc::clone(array));
    let batch = RecordBatch::try_new(Arc::new(schema), arrays.collect()).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .set_data_page_row_count_limit(7)
        .set_write_batch_size(7)
        .build();
    written(&batch, properties)
}

/// What stands for image `i`.
fn content(i: usize) -> Vec<u8> {
    format!("image {i} ").repeat(1 + i % 90).into_bytes()
}

fn bytes(n: usize) -> ArrayRef {
    Arc::new(BinaryArray::from_iter_values((0..n).map(content)))
}

fn strings(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Hugging Face's image: bytes and the path that they were read from.
fn hugging_face(paths: &[Option<&str>]) -> ArrayRef {
    let field = |name, data_type| Arc::new(Field::new(name, data_type, true));
    let paths: ArrayRef = Arc::new(StringArray::from(paths.to_vec()));
    Arc::new(StructArray::from(vec![
        (field("bytes", DataType::Binary), bytes(paths.len())),
        (field("path", DataType::Utf8), paths),
    ]))
}

#[test]
fn images_of_hugging_face_are_named_by_their_paths_and_labelled_by_name() {
    let labels: ArrayRef = Arc::new(Int64Array::from(vec![1, -1, 0]));
    let columns = [
        ("image", hugging_face(&[Some("a.jpg"), None, Some("b.jpg")])),
        ("label", labels),
    ];
    let features = r#"{"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}"#;
    let dir = dir(&[("t.parquet", &table(&columns, 100, features))]);
    check_in(
        &dir,
        "t.parquet",
        "- a.jpg [dog] -> ~/t.parquet@0
         - t.parquet/1 [] -> ~/t.parquet@1
         - b.jpg [cat] -> ~/t.parquet@2",
    );
    // An index that somebody chose is asked for the numbers.
    let dataset = open(&dir.path().join("t.parquet")).unwrap();
    assert_eq!(dataset.item(2).numbers(), ["0"]);

    let few = r#"{"label": {"names": ["cat"], "_type": "ClassLabel"}}"#;
    std::fs::write(dir.path().join("t.parquet"), table(&columns, 100, few)).unwrap();
    check_in(
        &dir,
        "t.parquet",
        "error: ~/t.parquet: row 1: a label: the class 1 is beyond the ClassLabel of `label` in ~/t.parquet, which has 1 names, numbered from 0",
    );
}

#[test]
fn ids_come_before_paths_and_tell_images_of_several_tables_apart() {
    let large = LargeBinaryArray::from_iter_values((0..2).map(content));
    let columns = |ids: &[&str]| {
        [
            ("label", strings(&["cat", "dog|animal"])),
            ("path", strings(&["x.jpg", "y.jpg"])),
            ("JPG", Arc::new(large.clone()) as ArrayRef),
            ("uuid", strings(ids)),
        ]
    };
    let files = [["a1", "a2"], ["b1", "b2"]].map(|ids| table(&columns(&ids), 100, ""));
    let dir = dir(&[
        ("d/test-0.parquet", &files[0]),
        ("d/test-1.parquet", &files[1]),
        ("d/README.md", b""),
        ("d/other.parquet", &table(&[("x", strings(&["1"]))], 1, "")),
    ]);
    let expected = "- a1 [cat] -> ~/d/test-0.parquet@0
         - a2 [dog, animal] -> ~/d/test-0.parquet@1
         - b1 [cat] -> ~/d/test-1.parquet@0
         - b2 [dog, animal] -> ~/d/test-1.parquet@1";
    check_in(&dir, "d", expected);
    check_in(&dir, "d/test-{0..1}.parquet", expected);
    check_in(
        &dir,
        "d/{test-0,other}.parquet",
        "error: ~/d/other.parquet: a pattern stands for shards, all .tar or all Parquet tables that hold images; this is another file",
    );
    // Without ids, a path is one of its table.
    for (name, file) in [("0", &files[0]), ("1", &files[1])] {
        let columns = columns(&["", ""]);
        assert!(!file.is_empty());
        let path = dir.path().join(format!("d/test-{name}.parquet"));
        std::fs::write(path, table(&columns[..3], 100, "")).unwrap();
    }
    check_in(
        &dir,
        "d",
        "- test-0.parquet/x.jpg [cat] -> ~/d/test-0.parquet@0
         - test-0.parquet/y.jpg [dog, animal] -> ~/d/test-0.parquet@1
         - test-1.parquet/x.jpg [cat] -> ~/d/test-1.parquet@0
         - test-1.parquet/y.jpg [dog, animal] -> ~/d/test-1.parquet@1",
    );
}

#[test]
fn labels_need_no_column_of_paths() {
    let columns = [("jpg", bytes(1)), ("labels", strings(&["cat|dog"]))];
    let dir = dir(&[("t.parquet", &table(&columns, 100, ""))]);
    check_in(
        &dir,
        "t.parquet",
        "- t.parquet/0 [cat, dog] -> ~/t.parquet@0",
    );
    let twice = [
        ("jpg", bytes(1)),
        ("label", strings(&["cat"])),
        ("Label", strings(&["dog"])),
    ];
    std::fs::write(dir.path().join("t.parquet"), table(&twice, 100, "")).unwrap();
    check_in(
        &dir,
        "t.parquet",
        "error: ~/t.parquet: the column `label` appears twice; rename one of them",
    );
}

#[test]
fn a_row_without_an_id_or_without_bytes_is_told() {
    let ids: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
    let columns = [("image", bytes(2)), ("id", ids)];
    let dir = dir(&[("t.parquet", &table(&columns, 100, ""))]);
    check_in(
        &dir,
        "t.parquet",
        "error: ~/t.parquet: row 2: nothing in the column `id`",
    );
    let some: ArrayRef = Arc::new(BinaryArray::from_opt_vec(vec![Some(b"1"), None]));
    let file = table(&[("image", some)], 100, "");
    std::fs::write(dir.path().join("t.parquet"), file).unwrap();
    check_in(
        &dir,
        "t.parquet",
        "- t.parquet/0 [] -> ~/t.parquet@0
         - t.parquet/1 [] -> ~/t.parquet@1
         note: ~/t.parquet: no column `label` or `labels` (the columns are: image), so its images are unlabelled",
    );
    let dataset = open(&dir.path().join("t.parquet")).unwrap();
    let read = |i| {
        dataset
            .item(i)
            .picture()
            .read()
            .map(|bytes| bytes.into_owned())
    };
    assert_eq!(read(0).unwrap(), b"1");
    assert_eq!(read(1).unwrap_err(), "no bytes of an image in this row");
}

/// Row groups and windows of many sizes, in any order, and from several threads.
#[test]
fn every_row_is_read_as_it_was_written() {
    const ROWS: usize = 3000;
    for group in [13, 1000, ROWS] {
        for images in [
            ("bytes", bytes(ROWS)),
            ("image", hugging_face(&vec![None; ROWS])),
        ] {
            let dir = dir(&[("t.parquet", &table(&[images], group, ""))]);
            let dataset = open(&dir.path().join("t.parquet")).unwrap();
            assert_eq!(dataset.len(), ROWS);
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    let dataset = &dataset;
                    scope.spawn(move || {
                        for i in (thread..ROWS).step_by(4) {
                            let i = if thread == 3 { i * 769 % ROWS } else { i };
                            let picture = dataset.item(i).picture();
                            assert_eq!(*picture.read().unwrap(), content(i), "{group} {i}");
                        }
                    });
                }
            });
        }
    }
}
