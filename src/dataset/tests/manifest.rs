//! CSV, TSV and JSON Lines.

use super::{check, check_in, dir};

/// A manifest of this name and content, alone.
#[track_caller]
fn manifest(name: &str, content: &[u8], expected: &str) {
    check(&[(name, content)], name, expected);
}

#[test]
fn columns_are_found_by_name() {
    let csv = |content: &str, expected: &str| manifest("m.csv", content.as_bytes(), expected);
    for image in ["image", "file_name", "path", "Image", "FILE_NAME", " path "] {
        for label in ["label", "labels", "Label", "LABELS"] {
            csv(&format!("{image},{label}\n1.jpg,cat\n"), "2 1.jpg [cat]");
            csv(
                &format!("id,{label},{image},x\n7,cat,1.jpg,\n"),
                "2 1.jpg [cat]",
            );
        }
    }
    // The first that is there counts, wherever it stands; `label` gives the primary label.
    csv(
        "path,image\na.jpg,b.jpg\n",
        "2 b.jpg []\nnote: ~/m.csv: no column `label` or `labels` (the columns are: path, image), so its images are unlabelled",
    );
    csv("path,file_name,label\na.jpg,b.jpg,cat\n", "2 b.jpg [cat]");
    csv(
        "image,labels,label\n1.jpg,animal|cat,cat\n",
        "2 1.jpg [cat, animal]",
    );
}

#[test]
fn columns_that_are_not_there_are_told_with_those_that_are() {
    let csv = |content: &str, expected: &str| manifest("m.csv", content.as_bytes(), expected);
    csv(
        "filename,label\n1.jpg,cat\n",
        "error: ~/m.csv: no column `image`, `file_name` or `path`; the columns are: filename, label",
    );
    csv(
        "1.jpg,cat\n2.jpg,dog\n",
        "error: ~/m.csv: no column `image`, `file_name` or `path`; the columns are: 1.jpg, cat; the first line must name the columns, and `1.jpg` looks like a file",
    );
    csv(
        "image;label\n1.jpg;cat\n",
        "error: ~/m.csv: no column `image`, `file_name` or `path`; the columns are: image;label; its fields seem to be separated by `;`: commas are read in a .csv, tabs in a .tsv",
    );
    csv(
        "image\tlabel\n1.jpg\tcat\n",
        "error: ~/m.csv: no column `image`, `file_name` or `path`; the columns are: image\\tlabel; its fields seem to be separated by tabs: commas are read in a .csv, tabs in a .tsv",
    );
    manifest(
        "m.tsv",
        b"image,label\n1.jpg,cat\n",
        "error: ~/m.tsv: no column `image`, `file_name` or `path`; the columns are: image,label; its fields seem to be separated by commas: commas are read in a .csv, tabs in a .tsv",
    );
    csv(
        "\nimage,label,Label\n1.jpg,cat,dog\n",
        "error: ~/m.csv:2: the column `label` appears twice; rename one of them",
    );
    csv(
        "image,image\n1.jpg,2.jpg\n",
        "error: ~/m.csv:1: the column `image` appears twice; rename one of them",
    );
    csv(
        "image,class\n1.jpg,cat\n",
        "2 1.jpg []\nnote: ~/m.csv: no column `label` or `labels` (the columns are: image, class), so its images are unlabelled",
    );
    // However many there are.
    let many: Vec<String> = (0..1000).map(|i| format!("c{i}")).collect();
    let shown = many[..20].join(", ");
    csv(
        &many.join(","),
        &format!(
            "error: ~/m.csv: no column `image`, `file_name` or `path`; the columns are: {shown}, …"
        ),
    );
}

#[test]
fn rows_are_read_as_they_are_written() {
    let csv = |content: &[u8], expected: &str| manifest("m.csv", content, expected);
    csv(
        b"\xef\xbb\xbfimage,label\r\n1.jpg,cat\r\n2.jpg,dog\r\n",
        "2 1.jpg [cat]\n3 2.jpg [dog]",
    );
    csv(b"image,label\n1.jpg,cat", "2 1.jpg [cat]");
    csv(
        b"image,label\r1.jpg,cat\r\r2.jpg,dog\r",
        "2 1.jpg [cat]\n4 2.jpg [dog]",
    );
    csv(
        "image,label\n\"a, b.jpg\",\"say \"\"hi\"\"\"\nç.jpg,größe\n".as_bytes(),
        "2 a, b.jpg [say \"hi\"]\n3 ç.jpg [größe]",
    );
    // Lines are those of the file, also after a field of several.
    csv(
        b"image,note,label\n1.jpg,\"two\nlines, both\",cat\n\n2.jpg,,dog\n",
        "2 1.jpg [cat]\n5 2.jpg [dog]",
    );
    csv(
        b"\n\nimage,label\n\n   \n1.jpg,cat\n,\n2.jpg,dog\n",
        "6 1.jpg [cat]\n8 2.jpg [dog]",
    );
    csv(b"image,label\n  1.jpg ,  cat \n", "2 1.jpg [cat]");
    manifest(
        "m.TSV",
        b"image\tlabel\n1, 2.jpg\tcat, dog\n",
        "2 1, 2.jpg [cat, dog]",
    );
    // A quote inside of a field is a character like others.
    csv(b"image,label\n1.jpg,5\" disk\n", "2 1.jpg [5\" disk]");
}

#[test]
fn a_row_that_does_not_fit_is_told_with_its_line() {
    let csv = |content: &[u8], expected: &str| manifest("m.csv", content, expected);
    csv(
        b"image,label\n1.jpg,cat\n2.jpg\n",
        "error: ~/m.csv:3: 1 field where the header has 2 (image, label); a field that contains the separator must be quoted",
    );
    csv(
        b"image,label\n\n1.jpg,cat, small\n",
        "error: ~/m.csv:3: 3 fields where the header has 2 (image, label); a field that contains the separator must be quoted",
    );
    csv(
        b"image,label\n1.jpg,cat\n  ,dog\n",
        "error: ~/m.csv:3: no image in the column `image`",
    );
    // The rest of the file would be one label.
    csv(
        b"image,label\n1.jpg,\"cat\n2.jpg,dog\n3.jpg,dog\n",
        "error: ~/m.csv:2: a quote (\") is opened in this row and never closed",
    );
    csv(
        b"image,label\n1.jpg,cat\n2.jpg,\"",
        "error: ~/m.csv:3: a quote (\") is opened in this row and never closed",
    );
    csv(
        b"image,\"label\n1.jpg,cat\n",
        "error: ~/m.csv:1: a quote (\") is opened in this row and never closed",
    );
    csv(b"image,label\n1.jpg,\"cat\"", "2 1.jpg [cat]");
}

#[test]
fn what_is_empty_or_no_text_is_told() {
    let expected = |what: &str| {
        format!(
            "error: ~/m.csv: no images are listed ({what}); expected rows with a column `image` and a column `label`"
        )
    };
    manifest("m.csv", b"", &expected("the file is empty"));
    manifest(
        "m.csv",
        b"\xef\xbb\xbf \n\n",
        &expected("the file is empty"),
    );
    manifest(
        "m.csv",
        b",,\n,\n",
        &expected("it holds separators and nothing else"),
    );
    manifest(
        "m.csv",
        b"image,label\n",
        &expected("it holds column names and no row"),
    );
    manifest(
        "m.jsonl",
        b"[]",
        "error: ~/m.jsonl: no images are listed (it holds column names and no row); expected rows with a column `image` and a column `label`",
    );
    manifest(
        "m.csv",
        b"\xff\xfei\0m\0a\0g\0e\0\n\0",
        "error: ~/m.csv:1: UTF-16; save the file as UTF-8",
    );
    manifest(
        "m.csv",
        b"i\0m\0a\0g\0e\0\n\0",
        "error: ~/m.csv:1: a zero byte: UTF-16, or no text at all; save the file as UTF-8",
    );
    manifest(
        "m.csv",
        b"image,label\n1.jpg,cat\n2.jpg,caf\xe9\n",
        "error: ~/m.csv:3: the byte 0xe9 is not UTF-8 (an older encoding such as Latin-1, or no text at all); save the file as UTF-8",
    );
    manifest(
        "m.jsonl",
        b"{\"image\": \"caf\xe9.jpg\"}",
        "error: ~/m.jsonl:1: the byte 0xe9 is not UTF-8 (an older encoding such as Latin-1, or no text at all); save the file as UTF-8",
    );
    manifest(
        "m.txt",
        b"1.jpg cat\n",
        "error: ~/m.txt: neither a folder nor a manifest nor a shard; a manifest ends in .csv, .tsv, .jsonl, .ndjson, .json or .parquet, a shard in .tar",
    );
    check(
        &[],
        "nowhere.csv",
        "error: ~/nowhere.csv: No such file or directory (os error 2); give a folder of images, a manifest (.csv, .tsv, .jsonl, .parquet) or WebDataset shards (.tar)",
    );
}

#[test]
fn a_cell_holds_several_labels() {
    let cell = |cell: &str, expected: &str| {
        let content = format!("image\tlabel\n1.jpg\t{cell}\n");
        manifest("m.tsv", content.as_bytes(), expected);
    };
    cell("cat|dog", "2 1.jpg [cat, dog]");
    cell(" cat | | dog |cat|", "2 1.jpg [cat, dog]");
    cell("|", "2 1.jpg []");
    cell("", "2 1.jpg []");
    cell(
        "[\"cat\", \"dog|wolf\", null, 3]",
        "2 1.jpg [cat, dog|wolf, 3]",
    );
    cell("[]", "2 1.jpg []");
    cell("[sic] cat", "2 1.jpg [[sic] cat]");
    cell("[unknown]", "2 1.jpg [[unknown]]");
    cell(
        "['cat', 'dog']",
        "error: ~/m.tsv:2: column `label`: `['cat', 'dog']` is a list as Python prints it; write [\"a\", \"b\"] or a|b",
    );
    cell(
        "[[\"cat\"]]",
        "error: ~/m.tsv:2: column `label`: expected text, a number or a list of these, found [\"cat\"]",
    );
    cell("3", "2 1.jpg [3]");
}

#[test]
fn json_lines() {
    let json = |content: &str, expected: &str| manifest("m.jsonl", content.as_bytes(), expected);
    json(
        "{\"image\": \"1.jpg\", \"label\": \"cat\"}\n\n  \n{\"FILE_NAME\": \" 2.jpg\", \"Labels\": [\"dog\", \"a|b\", null, 3]}\r\n",
        "1 1.jpg [cat]\n4  2.jpg [dog, a|b, 3]",
    );
    json(
        "{\"path\": \"1.jpg\", \"label\": \" cat |dog\", \"labels\": [\"animal\", \"cat\"]}",
        "1 1.jpg [cat, dog, animal]",
    );
    json(
        "{\"image\": \"1.jpg\", \"label\": null}\n{\"image\": \"2.jpg\", \"label\": []}\n{\"image\": \"3.jpg\"}\n{\"image\": \"4.jpg\", \"label\": 7}",
        "1 1.jpg []\n2 2.jpg []\n3 3.jpg []\n4 4.jpg [7]",
    );
    json(
        "{\"image\": \"1.jpg\", \"text\": \"x\"}\n{\"image\": \"2.jpg\", \"id\": 1}",
        "1 1.jpg []\n2 2.jpg []\nnote: ~/m.jsonl: no column `label` or `labels` (the columns are: image, text, id), so its images are unlabelled",
    );
    json(
        "\u{feff}{\"image\": \"1.jpg\", \"label\": \"cat\"}",
        "1 1.jpg [cat]",
    );

    json(
        "{\"image\": \"1.jpg\"}\n{\"image\": \"2.jpg\",\n",
        "error: ~/m.jsonl:2: not JSON: EOF while parsing a value at column 18; every line must be one object",
    );
    json(
        "{\n \"image\": \"1.jpg\"\n}",
        "error: ~/m.jsonl:1: not JSON: EOF while parsing an object at column 1; every line must be one object",
    );
    json(
        "{\"image\": \"1.jpg\"} {\"image\": \"2.jpg\"}",
        "error: ~/m.jsonl:1: not JSON: trailing characters at column 20; every line must be one object",
    );
    json(
        "{\"image\": \"1.jpg\"}\n[1]",
        "error: ~/m.jsonl:2: expected an object such as {\"image\": \"1.jpg\", \"label\": \"square\"}, found [1]",
    );
    json(
        "{\"image\": \"\"}",
        "error: ~/m.jsonl:1: `image` must be a path, found \"\"",
    );
    json(
        "{\"image\": {\"bytes\": null}}",
        "error: ~/m.jsonl:1: `image` must be a path, found {\"bytes\":null}",
    );
    json(
        "{\"img\": \"1.jpg\", \"label\": \"cat\"}",
        "error: ~/m.jsonl:1: no field `image`, `file_name` or `path`; the fields are: img, label",
    );
    json(
        "{\"image\": \"1.jpg\", \"label\": true}",
        "error: ~/m.jsonl:1: `label`: expected text, a number or a list of these, found true",
    );
    json(
        "{\"image\": \"1.jpg\", \"labels\": {\"a\": 1}}",
        "error: ~/m.jsonl:1: `labels`: expected text, a number or a list of these, found {\"a\":1}",
    );
    // A message stays short, however long the line.
    let long = "x".repeat(1 << 20);
    let shown = "x".repeat(119);
    json(
        &format!("\"{long}\""),
        &format!(
            "error: ~/m.jsonl:1: expected an object such as {{\"image\": \"1.jpg\", \"label\": \"square\"}}, found \"{shown}…"
        ),
    );
}

#[test]
fn a_json_list() {
    let json = |content: &str, expected: &str| manifest("m.json", content.as_bytes(), expected);
    json(
        "[\n{\"image\": \"1.jpg\", \"label\": \"cat\"},\n {\"image\": \"2.jpg\"}]",
        "- 1.jpg [cat]\n- 2.jpg []",
    );
    json(
        "[\n{\"image\": \"1.jpg\"},\n {]",
        "error: ~/m.json:3: not JSON: key must be a string at column 3",
    );
    json(
        "[{\"image\": \"1.jpg\"}, 3]",
        "error: ~/m.json: element 2 of the list: expected an object such as {\"image\": \"1.jpg\", \"label\": \"square\"}, found 3",
    );
}

#[test]
fn paths_are_relative_to_the_manifest() {
    check(
        &[
            (
                "lists/m.csv",
                b"image,label\n../a/1.jpg,cat\n./2.jpg,cat\n/abs/3.jpg,cat\n",
            ),
            ("a/1.jpg", b""),
        ],
        "lists/m.csv",
        "2 ../a/1.jpg [cat]
         3 ./2.jpg [cat]
         4 /abs/3.jpg [cat]",
    );
}

#[cfg(unix)]
#[test]
fn backslashes_of_windows_separate_folders_unless_they_are_in_a_name() {
    check(
        &[
            (
                "m.csv",
                br"image,label
cat\1.jpg,cat
..\cat\2.jpg,cat
a\b.jpg,cat
",
            ),
            ("cat/1.jpg", b""),
            (r"a\b.jpg", b""),
        ],
        "m.csv",
        r"2 cat\1.jpg [cat] -> ~/cat/1.jpg
          3 ..\cat\2.jpg [cat] -> ~/../cat/2.jpg
          4 a\b.jpg [cat]",
    );
}

#[test]
fn a_row_that_comes_again_counts_and_is_told() {
    manifest(
        "m.csv",
        b"image,label\n1.jpg,cat\n2.jpg,cat\n./1.jpg,dog\n2.jpg,cat\n",
        "2 1.jpg [cat]
         3 2.jpg [cat]
         4 ./1.jpg [dog]
         5 2.jpg [cat]
         note: ~/m.csv: 2 rows repeat an image that was listed before (the first: ./1.jpg, ~/m.csv:4); every row counts",
    );
}

#[test]
fn a_place_names_the_line() {
    let dir = dir(&[
        ("m.csv", b"image,label\n1.jpg,cat\n"),
        ("m.json", b"[{\"image\": \"1.jpg\", \"label\": \"cat\"}]"),
        ("f/cat/1.jpg", b""),
    ]);
    let place = |source: &str| {
        let dataset = crate::dataset::open(&dir.path().join(source)).unwrap();
        dataset.place(0).replace(dir.path().to_str().unwrap(), "~")
    };
    assert_eq!(place("m.csv"), "~/m.csv:2");
    assert_eq!(place("m.json"), "~/m.json (1.jpg)");
    assert_eq!(place("f"), "~/f/cat");
    check_in(&dir, "f", "- cat/1.jpg [cat]");
}
