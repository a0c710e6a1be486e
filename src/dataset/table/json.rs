//! JSON Lines, and a JSON list of objects.

use std::path::Path;

use serde_json::{Map, Value};

use super::{COLUMNS, Role, Row, Seen, Spec, Take, list, values};
use crate::dataset::DatasetError;
use crate::text::shown;

/// Reads one object a line, blank lines passed over; or one list of objects.
pub(super) fn read(
    path: &Path,
    text: &str,
    spec: &Spec,
    take: &mut Take<'_>,
) -> Result<Seen, DatasetError> {
    let mut reader = Reader {
        spec,
        seen: Seen::default(),
        row: Row::default(),
    };
    if text.trim_start().starts_with('[') {
        let values: Vec<Value> = serde_json::from_str(text).map_err(|e| DatasetError::Line {
            path: path.to_owned(),
            line: e.line(),
            what: format!("not JSON: {}", reason(&e)),
        })?;
        for (i, value) in values.iter().enumerate() {
            reader
                .read(value, None, take)
                .map_err(|what| DatasetError::File {
                    path: path.to_owned(),
                    what: format!("element {} of the list: {what}", i + 1),
                })?;
        }
        return Ok(reader.seen);
    }
    for (i, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        serde_json::from_str(line)
            .map_err(|e| format!("not JSON: {}; every line must be one object", reason(&e)))
            .and_then(|value| reader.read(&value, Some(i + 1), take))
            .map_err(|what| DatasetError::Line {
                path: path.to_owned(),
                line: i + 1,
                what,
            })?;
    }
    Ok(reader.seen)
}

/// What is wrong and at which column; the line is told in front of the message.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    format!("{what} at column {}", error.column())
}

struct Reader<'a> {
    spec: &'a Spec,
    seen: Seen,
    row: Row,
}

impl Reader<'_> {
    fn read(
        &mut self,
        value: &Value,
        line: Option<usize>,
        take: &mut Take<'_>,
    ) -> Result<(), String> {
        let Value::Object(object) = value else {
            return Err(format!(
                "expected an object such as {{\"image\": \"1.jpg\", \"label\": \"square\"}}, found {}",
                shown(&value.to_string())
            ));
        };
        let row = &mut self.row;
        row.image.clear();
        row.line = line;
        match self.spec.fields(object, Role::Image)?.first() {
            Some((_, Value::String(image))) if !image.trim().is_empty() => {
                row.image.push_str(image)
            }
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
        }
        row.labels.clear();
        for (key, value) in self.spec.fields(object, Role::Label)? {
            values::of_json(value, &mut row.labels).map_err(|what| format!("`{key}`: {what}"))?;
            self.seen.labelled = true;
        }
        row.probabilities.clear();
        for (key, value) in self.spec.fields(object, Role::Probability)? {
            values::numbers_of_json(value, &mut row.probabilities)
                .map_err(|what| format!("`{key}`: {what}"))?;
        }
        row.problematic = false;
        for (key, value) in self.spec.fields(object, Role::Problematic)? {
            row.problematic |=
                values::flag_of_json(value).map_err(|what| format!("`{key}`: {what}"))?;
        }
        for key in object.keys() {
            if self.seen.columns.len() <= COLUMNS && !self.seen.columns.contains(key) {
                self.seen.columns.push(key.clone());
            }
        }
        self.seen.rows += 1;
        take(&mut self.row)
    }
}

impl Spec {
    /// The fields of an object that have a role.
    fn fields<'o>(
        &self,
        object: &'o Map<String, Value>,
        role: Role,
    ) -> Result<Vec<(&'o String, &'o Value)>, String> {
        let wanted = &self.0[role as usize];
        for group in &wanted.groups {
            let mut found = Vec::new();
            for name in group {
                let named = |(key, _): &(&String, &Value)| key.eq_ignore_ascii_case(name);
                match object.iter().find(named) {
                    Some(field) => found.push(field),
                    // A label may be left out of an object, but not the name of the image.
                    None if wanted.is_chosen && role == Role::Image => {
                        let keys: Vec<String> = object.keys().take(COLUMNS + 1).cloned().collect();
                        return Err(format!(
                            "no field `{}`; the fields are: {}",
                            shown(name),
                            list(&keys)
                        ));
                    }
                    None => {}
                }
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }
}
