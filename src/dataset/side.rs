//! The side file of a data set: labels that somebody found right of images beside those that they are annotated with. The source itself
//! is never written.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::DatasetError;
use super::table::{self, Spec};
use crate::text::shown;

pub use followed::followed;

mod followed;

/// What the name of a side file ends in.
const SUFFIX: &str = ".valid.csv";

const MARK: char = '\u{feff}';

/// The side file of a source: `labels.valid.csv` beside the manifest `labels.csv`, `photos.valid.csv` beside the folder `photos/`. It
/// need not exist. `None` where nothing is beside the source.
pub fn side_file(source: &Path) -> Option<PathBuf> {
    let name = |stem: &std::ffi::OsStr| {
        let mut name = stem.to_owned();
        name.push(SUFFIX);
        name
    };
    if source.is_dir() {
        // Also of `.` and `photos/..`.
        let folder = source.canonicalize().ok()?;
        return Some(folder.with_file_name(name(folder.file_name()?)));
    }
    Some(source.with_file_name(name(source.file_stem()?)))
}

/// Why a side file is not given other labels.
#[derive(Debug, thiserror::Error)]
pub enum SideError {
    #[error("`{}` is right of `{}` already", shown(label), shown(image))]
    There { image: String, label: String },
    #[error("the image `{}` has several rows: leave one", shown(image))]
    Twice { image: String },
    #[error(
        "`{}` cannot stand in a table: it is empty, or begins or ends with a blank",
        shown(text)
    )]
    Blank { text: String },
    #[error("{}: the labels cannot be put into what the file holds: do it by hand", path.display())]
    Unsafe { path: PathBuf },
    #[error(
        "{}:{line}: `{}` is right too of `{}`, and there would be no such node any more: take it out of that row first, or merge the node into another",
        path.display(), shown(label), shown(image)
    )]
    Gone {
        path: PathBuf,
        /// From 1.
        line: usize,
        image: String,
        label: String,
    },
    #[error(transparent)]
    Table(#[from] DatasetError),
}

/// The text of a side file with one more label of an image: in the image's row, or in a new one. All other bytes stay as they are.
/// `text` is the file as it is, with its byte order mark; `None` if there is none. `path` is what messages name. O(size of the file).
///
/// # Errors
/// The label is there already; the file is no table of images and labels, which is told at the line.
pub fn with_label(
    path: &Path,
    text: Option<&str>,
    image: &str,
    label: &str,
) -> Result<String, SideError> {
    for text in [image, label] {
        if text.is_empty() || text.trim() != text {
            let text = text.to_owned();
            return Err(SideError::Blank { text });
        }
    }
    let text = text.unwrap_or_default();
    let (mark, table) = parted(text);
    let eol = if table.contains("\r\n") { "\r\n" } else { "\n" };
    if table.trim().is_empty() {
        let (image, labels) = (field(image), field(&cell(&[label.to_owned()])));
        return Ok(format!("{text}image,labels{eol}{image},{labels}{eol}"));
    }
    let before = rows(path, table)?;
    let mut expected = before.clone();
    let labels = expected.entry(image.to_owned()).or_default();
    match &labels[..] {
        [] => labels.push(vec![label.to_owned()]),
        [_, _, ..] => {
            let image = image.to_owned();
            return Err(SideError::Twice { image });
        }
        [labels] if labels.iter().any(|known| known == label) => {
            let (image, label) = (image.to_owned(), label.to_owned());
            return Err(SideError::There { image, label });
        }
        [_] => labels[0].push(label.to_owned()),
    }
    let after = spliced(table, image, label, before.contains_key(image), eol);
    // A splice and a proof: what is read then is what was read before, with the label.
    match after {
        Some(after) if rows(path, &after).is_ok_and(|found| found == expected) => {
            Ok(format!("{mark}{after}"))
        }
        _ => Err(SideError::Unsafe {
            path: path.to_owned(),
        }),
    }
}

/// The byte order mark, if there is one, and the table.
fn parted(text: &str) -> (&str, &str) {
    let at = match text.starts_with(MARK) {
        true => MARK.len_utf8(),
        false => 0,
    };
    text.split_at(at)
}

/// The labels of each row of an image.
type Rows = BTreeMap<String, Vec<Vec<String>>>;

fn rows(path: &Path, table: &str) -> Result<Rows, DatasetError> {
    let mut rows = Rows::new();
    let seen = table::read_csv(path, table, &Spec::truths(), &mut |row| {
        let labels = std::mem::take(&mut row.labels);
        rows.entry(row.image.clone()).or_default().push(labels);
        Ok(())
    })?;
    if seen.labelled {
        return Ok(rows);
    }
    Err(DatasetError::File {
        path: path.to_owned(),
        what: format!(
            "no column `labels`; the columns are: {}",
            table::list(&seen.columns)
        ),
    })
}

/// The columns of a table.
struct Header {
    /// How many there are.
    width: usize,
    image: usize,
    /// In the order in which they are read.
    labels: Vec<usize>,
}

impl Header {
    /// Takes the records up to the header; `None` if they have none of a column of images.
    fn take(table: &str, records: &mut impl Iterator<Item = Vec<Range<usize>>>) -> Option<Self> {
        let is_text = |field: &Range<usize>| !text_of(table, field).is_empty();
        let fields = records.find(|fields| fields.iter().any(is_text))?;
        let names: Vec<String> = fields.iter().map(|f| text_of(table, f)).collect();
        let (image, labels) = table::columns(&names, &Spec::truths())?;
        Some(Self {
            width: names.len(),
            image,
            labels,
        })
    }
}

/// The table with the label put in, by whether the image has a row. `None` where that is not found.
fn spliced(table: &str, image: &str, label: &str, has_row: bool, eol: &str) -> Option<String> {
    let mut records = records(table).into_iter();
    let header = Header::take(table, &mut records)?;
    let (of_image, of_labels) = (header.image, *header.labels.last()?);
    let mut out = table.to_owned();
    if !has_row {
        let mut fields = vec![String::new(); header.width];
        fields[of_labels] = field(&cell(&[label.to_owned()]));
        fields[of_image] = field(image);
        if !table.ends_with(['\n', '\r']) {
            out.push_str(eol);
        }
        out.push_str(&fields.join(","));
        out.push_str(eol);
        return Some(out);
    }
    let is_of_image = |fields: &Vec<Range<usize>>| {
        let found = fields.get(of_image).map(|f| text_of(table, f));
        found.as_deref() == Some(image)
    };
    let row = records.find(is_of_image)?;
    let place = row.get(of_labels)?.clone();
    // Labels of this column alone: others may have a column of their own.
    let mut own = Vec::new();
    table::labels_of_cell(&text_of(table, &place), &mut own).ok()?;
    own.push(label.to_owned());
    out.replace_range(place, &field(&cell(&own)));
    Some(out)
}

/// Labels as one cell: with `|` between them, or as a JSON list where that would be read otherwise.
fn cell(labels: &[String]) -> String {
    let is_plain = |label: &String| !label.contains('|') && !label.starts_with('[');
    match labels.iter().all(is_plain) {
        true => labels.join("|"),
        false => serde_json::Value::from(labels).to_string(),
    }
}

/// A cell as it is written: quoted if it must be.
fn field(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

/// What a field holds, without the blanks around it.
fn text_of(table: &str, field: &Range<usize>) -> String {
    let text = &table[field.clone()];
    let inside = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let text = inside.map_or_else(|| text.to_owned(), |inside| inside.replace("\"\"", "\""));
    text.trim().to_owned()
}

/// Where the fields of each record stand, quotes included. Blank lines are records of one empty field.
fn records(table: &str) -> Vec<Vec<Range<usize>>> {
    let bytes = table.as_bytes();
    let mut records = vec![Vec::new()];
    let (mut begin, mut is_quoted) = (0, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            // A quote within quotes is doubled: it closes and opens them again.
            b'"' if is_quoted || at == begin => is_quoted = !is_quoted,
            b'"' if bytes[begin] == b'"' && bytes[at - 1] == b'"' => is_quoted = true,
            b',' | b'\n' | b'\r' if !is_quoted => {
                if let Some(record) = records.last_mut() {
                    record.push(begin..at);
                }
                if *byte != b',' {
                    records.push(Vec::new());
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
    if let Some(record) = records.last_mut() {
        record.push(begin..table.len());
    }
    records
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATH: &str = "photos.valid.csv";

    fn added(text: Option<&str>, image: &str, label: &str) -> Result<String, String> {
        with_label(Path::new(PATH), text, image, label).map_err(|error| error.to_string())
    }

    #[test]
    fn a_side_file_stands_beside_its_source() {
        let dir = tempfile::TempDir::new().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        std::fs::create_dir(dir.join("photos")).unwrap();
        for (source, expected) in [
            ("labels.csv", "labels.valid.csv"),
            ("a.b/labels.jsonl", "a.b/labels.valid.csv"),
            ("photos", "photos.valid.csv"),
            ("photos/", "photos.valid.csv"),
            ("photos/.", "photos.valid.csv"),
            ("photos/../photos", "photos.valid.csv"),
        ] {
            assert_eq!(side_file(&dir.join(source)), Some(dir.join(expected)));
        }
        assert_eq!(
            side_file(Path::new("labels.csv")),
            Some("labels.valid.csv".into())
        );
        assert_eq!(side_file(Path::new("/")), None);
    }

    #[test]
    fn a_label_is_put_where_it_belongs() {
        let check = |text: Option<&str>, image: &str, label: &str, expected: &str| {
            let found = added(text, image, label);
            assert_eq!(found.as_deref(), Ok(expected), "{text:?}");
        };
        check(None, "a.jpg", "dog", "image,labels\na.jpg,dog\n");
        check(Some(""), "a.jpg", "dog", "image,labels\na.jpg,dog\n");
        check(
            Some("\u{feff}"),
            "a, b.jpg",
            "5\" \"disk\"",
            "\u{feff}image,labels\n\"a, b.jpg\",\"5\"\" \"\"disk\"\"\"\n",
        );
        // A new row, whatever the columns are, and however the file ends.
        let text = "\u{feff}note,File_Name,\"label\"\r\n\r\n  x , a.jpg , dog |cat\r\n,\"b \"\"1\"\".jpg\",";
        check(
            Some(text),
            "c.jpg",
            "cow",
            &format!("{text}\r\n,c.jpg,cow\r\n"),
        );
        // The image's row, and not a byte beside it.
        let expected = text.replace(" dog |cat", "dog|cat|cow");
        check(Some(text), "a.jpg", "cow", &expected);
        check(Some(text), "b \"1\".jpg", "cow", &format!("{text}cow"));
        // As lists where bars would part a label.
        let text = "image,labels\na.jpg,\"x\"\nb.jpg,\"[\"\"y|z\"\"]\"\n";
        let expected = "image,labels\na.jpg,\"[\"\"x\"\",\"\"v|w\"\"]\"\nb.jpg,\"[\"\"y|z\"\"]\"\n";
        check(Some(text), "a.jpg", "v|w", expected);
        let expected = "image,labels\na.jpg,\"x\"\nb.jpg,\"[\"\"y|z\"\",\"\"x\"\"]\"\n";
        check(Some(text), "b.jpg", "x", expected);
        // Beside a column of labels of its own.
        let text = "image,label,labels\na.jpg,x,y\n";
        check(
            Some(text),
            "a.jpg",
            "z",
            "image,label,labels\na.jpg,x,y|z\n",
        );
        check(
            Some("image,labels\ra.jpg,x\r"),
            "b.jpg",
            "y",
            "image,labels\ra.jpg,x\rb.jpg,y\n",
        );
    }

    #[test]
    fn what_cannot_be_added_is_refused() {
        let table = "image,label,labels\na.jpg,dog,cat\nb.jpg,x,\nb.jpg,y,\n";
        for (text, image, label, said) in [
            (table, "a.jpg", "cat", "`cat` is right of `a.jpg` already"),
            (table, "a.jpg", "dog", "`dog` is right of `a.jpg` already"),
            (table, "b.jpg", "z", "`b.jpg` has several rows"),
            (table, " a.jpg", "z", "begins or ends with a blank"),
            (table, "a.jpg", "", "is empty"),
            ("image,note\na.jpg,x\n", "a.jpg", "z", "no column `labels`"),
            ("a.jpg,x\nb.jpg,y\n", "a.jpg", "z", "no column `image`"),
            ("image,labels\na.jpg\n", "a.jpg", "z", ":2: 1 field where"),
            ("image,labels\na.jpg,\"x\n", "a.jpg", "z", "never closed"),
            (
                "image,labels\na.jpg,['x']\n",
                "a.jpg",
                "z",
                "as Python prints it",
            ),
        ] {
            let error = added(Some(text), image, label).unwrap_err();
            assert!(error.contains(said), "{error:?} does not say {said:?}");
        }
    }

    proptest! {
        /// Whatever is added one after the other is there, in order.
        #[test]
        fn what_is_added_is_read_again(
            added in prop::collection::vec(("[a-c,\" |é]{1,3}", "[a-c,\"|\n\r\\[\\]é]{1,4}"), 1..12),
            mark in any::<bool>(),
            eol in prop::sample::select(vec!["\n", "\r\n"]),
        ) {
            let mark = if mark { "\u{feff}" } else { "" };
            let mut text = format!("{mark}labels,image{eol}first,0.jpg{eol}");
            let mut expected = Rows::from([("0.jpg".to_owned(), vec![vec!["first".to_owned()]])]);
            for (image, label) in added {
                let result = with_label(Path::new(PATH), Some(&text), &image, &label);
                let known = expected.get(&image).is_some_and(|rows| rows[0].contains(&label));
                match result {
                    Ok(after) => {
                        prop_assert!(!known);
                        let rows = expected.entry(image).or_insert_with(|| vec![Vec::new()]);
                        rows[0].push(label);
                        text = after;
                    }
                    Err(SideError::There { .. }) => prop_assert!(known),
                    Err(SideError::Blank { text }) => prop_assert!(text.trim() != text),
                    Err(error) => prop_assert!(false, "{error} {image:?} {label:?} in {text:?}"),
                }
            }
            prop_assert!(text.starts_with(mark));
            let read = rows(Path::new(PATH), &text[mark.len()..]).unwrap();
            prop_assert_eq!(read, expected);
        }
    }
}
