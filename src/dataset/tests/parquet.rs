//! Parquet manifests, written here as pyarrow, pandas and Hugging Face's datasets write them.

use std::sync::Arc;

use arrow_array::builder::{
    Int64Builder, LargeListBuilder, LargeStringBuilder, ListBuilder, StringBuilder,
    StringDictionaryBuilder,
};
use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, LargeStringArray, NullArray, RecordBatch,
    StringArray, StringViewArray, UInt8Array,
};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::{check, dir, told};

/// A Parquet file of these columns, in row groups of at most `group` rows.
fn parquet(columns: &[(&str, ArrayRef)], group: usize) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns
            .iter()
            .map(|(name, array)| (*name, Arc::clone(array), true)),
    )
    .unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .build();
    written(&batch, properties)
}

/// A Parquet file of this batch.
pub(super) fn written(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut out, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    out
}

/// A manifest of these columns.
#[track_caller]
fn manifest(columns: &[(&str, ArrayRef)], expected: &str) {
    check(
        &[("m.parquet", &parquet(columns, 1 << 20))],
        "m.parquet",
        expected,
    );
}

/// A manifest of two images and this column of labels.
#[track_caller]
fn labels(labels: ArrayRef, expected: &str) {
    manifest(
        &[("image", strings(&["1.jpg", "2.jpg"])), ("label", labels)],
        expected,
    );
}

fn strings(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn categories<K: arrow_array::types::ArrowDictionaryKeyType>(values: &[Option<&str>]) -> ArrayRef {
    let mut builder = StringDictionaryBuilder::<K>::new();
    builder.extend(values.iter().copied());
    Arc::new(builder.finish())
}

#[test]
fn labels_are_text_numbers_or_lists_of_these() {
    let one_each = "- 1.jpg [cat]\n- 2.jpg [dog]";
    labels(strings(&["cat", "dog"]), one_each);
    labels(
        Arc::new(LargeStringArray::from(vec!["cat", "dog"])),
        one_each,
    );
    labels(
        Arc::new(StringViewArray::from(vec!["cat", "dog"])),
        one_each,
    );
    labels(
        categories::<Int8Type>(&[Some("cat"), Some("dog")]),
        one_each,
    );
    labels(
        categories::<Int32Type>(&[Some("cat"), Some("dog")]),
        one_each,
    );

    let numbers = "- 1.jpg [7]\n- 2.jpg [0]";
    labels(Arc::new(Int64Array::from(vec![7, 0])), numbers);
    labels(Arc::new(UInt8Array::from(vec![7, 0])), numbers);

    labels(
        strings(&["cat|wild, cat", " [\"a\", \"b\"]"]),
        "- 1.jpg [cat, wild, cat]\n- 2.jpg [a, b]",
    );

    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("cat"), None, Some(" a|b ")]);
    list.append_null();
    labels(Arc::new(list.finish()), "- 1.jpg [cat, a|b]\n- 2.jpg []");
    let mut list = LargeListBuilder::new(LargeStringBuilder::new());
    list.append_value([Some("cat"), Some("dog"), Some("cat")]);
    list.append_value([None::<&str>; 0]);
    labels(Arc::new(list.finish()), "- 1.jpg [cat, dog]\n- 2.jpg []");
    let mut list = ListBuilder::new(Int64Builder::new());
    list.append_value([Some(3), None]);
    list.append_value([Some(-1), Some(2)]);
    labels(Arc::new(list.finish()), "- 1.jpg [3]\n- 2.jpg [-1, 2]");
    let mut list = ListBuilder::new(StringDictionaryBuilder::<Int32Type>::new());
    list.append_value([Some("cat"), Some("dog")]);
    list.append_value([Some("dog")]);
    labels(Arc::new(list.finish()), "- 1.jpg [cat, dog]\n- 2.jpg [dog]");
}

#[test]
fn nulls_are_no_labels() {
    labels(
        Arc::new(StringArray::from(vec![None, Some("dog")])),
        "- 1.jpg []\n- 2.jpg [dog]",
    );
    labels(
        Arc::new(Int64Array::from(vec![Some(3), None])),
        "- 1.jpg [3]\n- 2.jpg []",
    );
    labels(
        categories::<Int8Type>(&[None, Some("dog")]),
        "- 1.jpg []\n- 2.jpg [dog]",
    );
    // A dictionary without values.
    labels(
        categories::<Int8Type>(&[None, None]),
        "- 1.jpg []\n- 2.jpg []",
    );
    labels(Arc::new(NullArray::new(2)), "- 1.jpg []\n- 2.jpg []");
}

#[test]
fn images_are_paths() {
    let labels = ("label", strings(&["cat", "dog"]));
    let with =
        |images: ArrayRef, expected: &str| manifest(&[("image", images), labels.clone()], expected);
    with(
        Arc::new(LargeStringArray::from(vec!["1.jpg", "2.jpg"])),
        "- 1.jpg [cat]\n- 2.jpg [dog]",
    );
    with(
        categories::<Int8Type>(&[Some("1.jpg"), Some("2.jpg")]),
        "- 1.jpg [cat]\n- 2.jpg [dog]",
    );
    with(
        Arc::new(StringArray::from(vec![Some("1.jpg"), None])),
        "error: ~/m.parquet: row 2: no image in the column `image`",
    );
    with(
        strings(&[" ", "2.jpg"]),
        "error: ~/m.parquet: row 1: no image in the column `image`",
    );
    with(
        Arc::new(Int64Array::from(vec![1, 2])),
        "error: ~/m.parquet: column `image`: expected paths as text, found Int64",
    );
}

#[test]
fn columns_and_types_that_do_not_fit_are_told() {
    let image = ("image", strings(&["1.jpg", "2.jpg"]));
    let unfit = |found: &str| {
        format!(
            "error: ~/m.parquet: column `label`: expected text, whole numbers or lists of these, found {found}"
        )
    };
    labels(
        Arc::new(Float64Array::from(vec![1.0, 2.0])),
        &unfit("Float64"),
    );
    labels(
        Arc::new(BooleanArray::from(vec![true, false])),
        &unfit("Boolean"),
    );
    manifest(
        &[("class", strings(&["cat"]))],
        "error: ~/m.parquet: no column `image`, `file_name` or `path`; the columns are: class",
    );
    manifest(
        &[image.clone(), ("Image", strings(&["a", "b"]))],
        "error: ~/m.parquet: the column `image` appears twice; rename one of them",
    );
    manifest(
        &[image, ("class", strings(&["a", "b"]))],
        "- 1.jpg []\n- 2.jpg []\nnote: ~/m.parquet: no column `label` or `labels` (the columns are: image, class), so its images are unlabelled",
    );
    manifest(
        &[("image", strings(&[]))],
        "error: ~/m.parquet: no images are listed (it holds column names and no row); expected rows with a column `image` and a column `label`",
    );
    check(
        &[("m.parquet", b"image,label\n")],
        "m.parquet",
        "error: ~/m.parquet: not a Parquet file that can be read: Parquet error: Invalid Parquet file. Corrupt footer",
    );
    check(
        &[("m.parquet", b"")],
        "m.parquet",
        "error: ~/m.parquet: not a Parquet file that can be read: EOF: Parquet file too small. Size is 0 but need 8",
    );
}

/// More rows than a batch of the reader has, in many row groups; columns in another order and others between.
#[test]
fn rows_stay_in_order_over_row_groups() {
    let names: Vec<String> = (0..5000).map(|i| format!("{i}.jpg")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let classes: Vec<Option<&str>> = (0..5000)
        .map(|i| [Some("cat"), None, Some("dog")][i % 3])
        .collect();
    let columns = [
        ("labels", categories::<Int32Type>(&classes)),
        (
            "width",
            Arc::new(Int64Array::from(vec![9; 5000])) as ArrayRef,
        ),
        ("file_name", strings(&names)),
    ];
    let mut expected = String::new();
    for (name, class) in names.iter().zip(&classes) {
        expected += &format!("- {name} [{}]\n", class.unwrap_or(""));
    }
    for group in [700, 5000] {
        let file = parquet(&columns, group);
        check(&[("m.parquet", &file)], "m.parquet", &expected);
        // As metadata of its folder.
        check(&[("metadata.parquet", &file)], "", &expected);
    }
}

/// Whatever byte is wrong, and wherever the file ends, the answer is an error or rows: never a panic.
#[test]
fn damaged_files_are_told() {
    let columns = [
        ("image", strings(&["1.jpg", "2.jpg", "3.jpg"])),
        (
            "label",
            categories::<Int8Type>(&[Some("cat"), None, Some("dog")]),
        ),
    ];
    let whole = parquet(&columns, 2);
    let dir = dir(&[]);
    let read = |bytes: &[u8]| {
        std::fs::write(dir.path().join("m.parquet"), bytes).unwrap();
        told(dir.path(), "m.parquet")
    };
    let good = read(&whole);
    assert!(good.starts_with("- 1.jpg [cat]\n"), "{good}");
    for end in (0..whole.len()).step_by(7) {
        let found = read(&whole[..end]);
        assert!(found.starts_with("error: ~/m.parquet: "), "{end}: {found}");
    }
    let mut codecs = 0;
    for at in 0..whole.len() {
        for value in [0x0c, 0xff, whole[at] ^ 1] {
            let mut damaged = whole.clone();
            damaged[at] = value;
            let found = read(&damaged);
            // One of these bytes names the codec, and one of these values is another one.
            codecs += usize::from(found.contains("compressed with ZSTD, which is not read"));
        }
    }
    assert!(codecs > 0);
}
