//! Manifests: CSV, TSV, JSON Lines and Parquet with a column of images and one of labels.

use std::path::Path;

use serde_json::Value;

use super::DatasetError;

/// How a manifest is written, told by the extension of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Fields separated by this byte, quoted as RFC 4180 says.
    Delimited(u8),
    /// One JSON object a line, or one JSON list of objects.
    Json,
    Parquet,
}

impl Kind {
    pub(super) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Delimited(b',')),
            "tsv" => Some(Self::Delimited(b'\t')),
            "jsonl" | "ndjson" | "json" => Some(Self::Json),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// The kind of a file of this name, if it is Hugging Face's metadata for the folder that it lies in.
    pub(super) fn of_metadata(name: &str) -> Option<Self> {
        matches!(name, "metadata.csv" | "metadata.jsonl" | "metadata.parquet")
            .then(|| Self::of(Path::new(name)))?
    }
}

/// A manifest's content.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rows {
    pub rows: Vec<Row>,
    /// Every column, in order of appearance.
    pub columns: Vec<String>,
    /// The column that labels come from; none: nothing is labelled.
    pub label_column: Option<String>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub image: String,
    pub labels: Vec<String>,
    /// From 1.
    pub line: Option<usize>,
}

const EXPECTED: &str = "expected rows with a column `image` and a column `label`";

/// Reads a manifest. Column names are compared without case. Of several image columns `image` comes
/// before `file_name` before `path`; in Hugging Face metadata `file_name` comes first. `label` and
/// `labels` may both be there: `label` then gives the primary label. Other columns are ignored.
pub(super) fn read(path: &Path, kind: Kind, hugging_face: bool) -> Result<Rows, DatasetError> {
    let image_names = if hugging_face {
        ["file_name", "image", "path"]
    } else {
        ["image", "file_name", "path"]
    };
    let rows = match kind {
        Kind::Delimited(delimiter) => delimited(path, &text(path)?, delimiter, image_names)?,
        Kind::Json => json(path, &text(path)?, image_names)?,
        Kind::Parquet => super::parquet::read(path, image_names)?,
    };
    if rows.rows.is_empty() {
        return Err(empty(path));
    }
    Ok(rows)
}

fn empty(path: &Path) -> DatasetError {
    DatasetError::Empty {
        path: path.to_owned(),
        expected: EXPECTED,
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, DatasetError> {
    std::fs::read(path).map_err(|source| DatasetError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The file as text, without a byte-order mark.
fn text(path: &Path) -> Result<String, DatasetError> {
    let text = String::from_utf8(bytes(path)?).map_err(|e| {
        let valid = e.utf8_error().valid_up_to();
        DatasetError::NotUtf8 {
            path: path.to_owned(),
            line: line_at(e.as_bytes(), valid),
            byte: e.as_bytes()[valid],
        }
    })?;
    let text = text
        .strip_prefix('\u{feff}')
        .map(str::to_owned)
        .unwrap_or(text);
    if text.trim().is_empty() {
        return Err(empty(path));
    }
    Ok(text)
}

/// The line, from 1, of a byte offset.
fn line_at(text: &[u8], offset: usize) -> usize {
    1 + text[..offset].iter().filter(|&&b| b == b'\n').count()
}

/// Which columns are read.
pub(super) struct Columns {
    pub image: usize,
    /// `label`, then `labels`, where they exist.
    pub labels: Vec<usize>,
}

impl Columns {
    pub(super) fn find(
        path: &Path,
        names: &[String],
        image_names: [&str; 3],
    ) -> Result<Self, DatasetError> {
        let position = |wanted: &str| -> Result<Option<usize>, DatasetError> {
            let mut hits = (0..names.len()).filter(|&i| names[i].eq_ignore_ascii_case(wanted));
            let first = hits.next();
            if hits.next().is_some() {
                return Err(DatasetError::Line {
                    path: path.to_owned(),
                    line: 1,
                    what: format!("the column `{wanted}` appears twice; rename one of them"),
                });
            }
            Ok(first)
        };
        let mut image = None;
        for name in image_names {
            image = image.or(position(name)?);
        }
        let image = image.ok_or_else(|| DatasetError::NoImageColumn {
            path: path.to_owned(),
            found: names.to_vec(),
        })?;
        let labels = [position("label")?, position("labels")?];
        Ok(Self {
            image,
            labels: labels.into_iter().flatten().collect(),
        })
    }
}

fn delimited(
    path: &Path,
    text: &str,
    delimiter: u8,
    image_names: [&str; 3],
) -> Result<Rows, DatasetError> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let mut header: Option<(Vec<String>, Columns)> = None;
    let mut rows = Vec::new();
    let (mut line, mut counted) = (1, 0);
    loop {
        // The reader's own line is that of the blank lines it passes over, so count up to the record.
        let start = reader.position().byte() as usize;
        let more = reader
            .read_record(&mut record)
            .map_err(|e| DatasetError::Line {
                path: path.to_owned(),
                line,
                what: e.to_string(),
            })?;
        if !more {
            break;
        }
        let start =
            start + text[start..].len() - text[start..].trim_start_matches(['\r', '\n']).len();
        line += line_at(&text.as_bytes()[counted..], start - counted) - 1;
        counted = start;
        if record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        let Some((names, columns)) = &header else {
            let names: Vec<String> = record.iter().map(|f| f.trim().to_owned()).collect();
            let columns = Columns::find(path, &names, image_names)?;
            header = Some((names, columns));
            continue;
        };
        let fault = |what: String| DatasetError::Line {
            path: path.to_owned(),
            line,
            what,
        };
        if record.len() != names.len() {
            return Err(fault(format!(
                "{} fields where the header has {} ({}); a field that contains the separator must be quoted",
                record.len(),
                names.len(),
                names.join(", ")
            )));
        }
        let image = record[columns.image].trim();
        if image.is_empty() {
            return Err(fault(format!(
                "no image in the column `{}`",
                names[columns.image]
            )));
        }
        let mut labels = Vec::new();
        for &column in &columns.labels {
            cell_labels(&record[column], &mut labels)
                .map_err(|what| fault(format!("column `{}`: {what}", names[column])))?;
        }
        rows.push(Row {
            image: image.to_owned(),
            labels,
            line: Some(line),
        });
    }
    let (columns, found) = header.ok_or_else(|| empty(path))?;
    Ok(Rows {
        rows,
        label_column: found.labels.first().map(|&i| columns[i].clone()),
        columns,
    })
}

/// Labels of a text cell: a JSON list where it is one, else separated by `|`.
pub(super) fn cell_labels(cell: &str, labels: &mut Vec<String>) -> Result<(), String> {
    let cell = cell.trim();
    match cell.starts_with('[').then(|| serde_json::from_str(cell)) {
        Some(Ok(value @ Value::Array(_))) => json_labels(&value, labels),
        _ => {
            cell.split('|').for_each(|label| push_label(label, labels));
            Ok(())
        }
    }
}

pub(super) fn push_label(label: &str, labels: &mut Vec<String>) {
    let label = label.trim();
    if !label.is_empty() && !labels.iter().any(|known| known == label) {
        labels.push(label.to_owned());
    }
}

/// Labels of a JSON value: text (separated by `|`), a number as written, null, or a list of these, whose
/// texts are not separated further.
fn json_labels(value: &Value, labels: &mut Vec<String>) -> Result<(), String> {
    let one = |value: &Value, labels: &mut Vec<String>| match value {
        Value::Null => Ok(()),
        Value::Number(number) => {
            push_label(&number.to_string(), labels);
            Ok(())
        }
        other => Err(format!(
            "expected text, a number or a list of these, found {other}"
        )),
    };
    match value {
        Value::String(text) => {
            text.split('|').for_each(|label| push_label(label, labels));
            Ok(())
        }
        Value::Array(values) => values.iter().try_for_each(|value| match value {
            Value::String(text) => {
                push_label(text, labels);
                Ok(())
            }
            other => one(other, labels),
        }),
        other => one(other, labels),
    }
}

fn json(path: &Path, text: &str, image_names: [&str; 3]) -> Result<Rows, DatasetError> {
    let mut rows = Rows::default();
    if text.trim_start().starts_with('[') {
        let values: Vec<Value> = serde_json::from_str(text).map_err(|e| DatasetError::Line {
            path: path.to_owned(),
            line: e.line(),
            what: e.to_string(),
        })?;
        for (i, value) in values.iter().enumerate() {
            json_row(value, None, image_names, &mut rows).map_err(|what| DatasetError::File {
                path: path.to_owned(),
                what: format!("element {} of the list: {what}", i + 1),
            })?;
        }
    } else {
        for (i, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            serde_json::from_str(line)
                .map_err(|e| {
                    let what = e.to_string();
                    let what = what.split(" at line ").next().unwrap_or_default();
                    format!(
                        "not JSON: {what} at column {}; every line must be one object",
                        e.column()
                    )
                })
                .and_then(|value| json_row(&value, Some(i + 1), image_names, &mut rows))
                .map_err(|what| DatasetError::Line {
                    path: path.to_owned(),
                    line: i + 1,
                    what,
                })?;
        }
    }
    Ok(rows)
}

fn json_row(
    value: &Value,
    line: Option<usize>,
    image_names: [&str; 3],
    rows: &mut Rows,
) -> Result<(), String> {
    let Value::Object(object) = value else {
        return Err(format!(
            "expected an object such as {{\"image\": \"1.jpg\", \"label\": \"square\"}}, found {value}"
        ));
    };
    let field = |wanted: &str| {
        object
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(wanted))
    };
    let image = match image_names.iter().find_map(|name| field(name)) {
        Some((_, Value::String(image))) if !image.trim().is_empty() => image.clone(),
        Some((key, other)) => return Err(format!("`{key}` must be a path, found {other}")),
        None => {
            let found: Vec<&str> = object.keys().map(String::as_str).collect();
            return Err(format!(
                "no field `image`, `file_name` or `path`; the fields are: {}",
                found.join(", ")
            ));
        }
    };
    let mut labels = Vec::new();
    for (key, value) in ["label", "labels"].into_iter().filter_map(field) {
        json_labels(value, &mut labels).map_err(|what| format!("`{key}`: {what}"))?;
        rows.label_column.get_or_insert_with(|| key.clone());
    }
    for key in object.keys() {
        // Objects of one file seldom differ, so this stays short.
        if !rows.columns.contains(key) {
            rows.columns.push(key.clone());
        }
    }
    rows.rows.push(Row {
        image,
        labels,
        line,
    });
    Ok(())
}
