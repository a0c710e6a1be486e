//! JSON Lines, and a JSON list of objects.

use std::path::Path;

use serde_json::Value;

use super::{COLUMNS, ImageNames, LABEL_NAMES, Row, Rows, labels, list};
use crate::dataset::DatasetError;
use crate::text::shown;

/// Reads one object a line, blank lines passed over; or one list of objects.
pub(super) fn read(path: &Path, text: &str, image_names: ImageNames) -> Result<Rows, DatasetError> {
    let mut rows = Rows::default();
    if text.trim_start().starts_with('[') {
        let values: Vec<Value> = serde_json::from_str(text).map_err(|e| DatasetError::Line {
            path: path.to_owned(),
            line: e.line(),
            what: format!("not JSON: {}", reason(&e)),
        })?;
        for (i, value) in values.iter().enumerate() {
            row(value, None, image_names, &mut rows).map_err(|what| DatasetError::File {
                path: path.to_owned(),
                what: format!("element {} of the list: {what}", i + 1),
            })?;
        }
        return Ok(rows);
    }
    for (i, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        serde_json::from_str(line)
            .map_err(|e| format!("not JSON: {}; every line must be one object", reason(&e)))
            .and_then(|value| row(&value, Some(i + 1), image_names, &mut rows))
            .map_err(|what| DatasetError::Line {
                path: path.to_owned(),
                line: i + 1,
                what,
            })?;
    }
    Ok(rows)
}

/// What is wrong and at which column; the line is told in front of the message.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    format!("{what} at column {}", error.column())
}

fn row(
    value: &Value,
    line: Option<usize>,
    image_names: ImageNames,
    rows: &mut Rows,
) -> Result<(), String> {
    let Value::Object(object) = value else {
        return Err(format!(
            "expected an object such as {{\"image\": \"1.jpg\", \"label\": \"square\"}}, found {}",
            shown(&value.to_string())
        ));
    };
    let field = |wanted: &str| {
        object
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(wanted))
    };
    let image = match image_names.iter().find_map(|name| field(name)) {
        Some((_, Value::String(image))) if !image.trim().is_empty() => image.clone(),
        Some((key, other)) => {
            return Err(format!(
                "`{key}` must be a path, found {}",
                shown(&other.to_string())
            ));
        }
        None => {
            let found: Vec<String> = object.keys().take(COLUMNS + 1).cloned().collect();
            return Err(format!(
                "no field `image`, `file_name` or `path`; the fields are: {}",
                list(&found)
            ));
        }
    };
    let mut found = Vec::new();
    for (key, value) in LABEL_NAMES.into_iter().filter_map(field) {
        labels::of_json(value, &mut found).map_err(|what| format!("`{key}`: {what}"))?;
        rows.labelled = true;
    }
    for key in object.keys() {
        if rows.columns.len() <= COLUMNS && !rows.columns.contains(key) {
            rows.columns.push(key.clone());
        }
    }
    rows.rows.push(Row {
        image,
        labels: found,
        line,
    });
    Ok(())
}
