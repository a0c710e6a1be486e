//! JSON Lines, and a JSON list of objects.

use std::path::Path;

use serde_json::{Map, Value};

use super::{COLUMNS, Role, Row, Seen, Spec, Take, empty, list, values};
use crate::dataset::DatasetError;
use crate::text::{Pieces, shown};

/// Reads one object a line, blank lines passed over; or one list of objects, which alone is in memory as a whole.
pub(super) fn read(
    path: &Path,
    pieces: &mut Pieces<'_>,
    spec: &Spec,
    take: &mut Take<'_>,
) -> Result<Seen, DatasetError> {
    let mut reader = Reader {
        spec,
        groups: [None; 4],
        met: [false; 4],
        seen: Seen::default(),
        row: Row::default(),
    };
    let mut text = String::new();
    while pieces.add(&mut text)? && text.trim_start().is_empty() {}
    let first = text.trim_start().chars().next();
    let first = first.ok_or_else(|| empty(path, "the file is empty"))?;
    if first == '[' {
        while pieces.add(&mut text)? {}
        let values: Vec<Value> = serde_json::from_str(&text).map_err(|e| DatasetError::Line {
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
        return finish(path, reader);
    }
    let mut number = 0;
    loop {
        for line in text.lines() {
            number += 1;
            if line.trim().is_empty() {
                continue;
            }
            serde_json::from_str(line)
                .map_err(|e| format!("not JSON: {}; every line must be one object", reason(&e)))
                .and_then(|value| reader.read(&value, Some(number), take))
                .map_err(|what| DatasetError::Line {
                    path: path.to_owned(),
                    line: number,
                    what,
                })?;
        }
        text.clear();
        if !pieces.add(&mut text)? {
            return finish(path, reader);
        }
    }
}

fn finish(path: &Path, reader: Reader<'_>) -> Result<Seen, DatasetError> {
    reader.finish().map_err(|what| DatasetError::File {
        path: path.to_owned(),
        what,
    })
}

/// What is wrong and at which column; the line is told in front of the message.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    format!("{what} at column {}", error.column())
}

struct Reader<'a> {
    spec: &'a Spec,
    /// The group of names that each role has in this file: the first that an object has a field of.
    groups: [Option<usize>; 4],
    /// Whether an object had a field of each role.
    met: [bool; 4],
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
        let fields = Role::ALL.map(|role| self.fields(object, role));
        let [image, labels, probabilities, flags] = fields;
        let row = &mut self.row;
        row.image.clear();
        row.line = line;
        match image?.first() {
            Some((_, Value::String(image))) if !image.trim().is_empty() => {
                row.image.push_str(image)
            }
            Some((_, Value::Number(number))) => row.image.push_str(&number.to_string()),
            Some((key, other)) => {
                return Err(format!(
                    "`{key}` must be a path, found {}",
                    shown(&other.to_string())
                ));
            }
            None => {
                let found: Vec<String> = object.keys().take(COLUMNS + 1).cloned().collect();
                let hint = match self.spec.option() {
                    "" => String::new(),
                    option => format!("; name it with {option} image=NAME"),
                };
                return Err(format!(
                    "no field `image`, `file_name` or `path`; the fields are: {}{hint}",
                    list(&found)
                ));
            }
        }
        row.labels.clear();
        for (key, value) in labels? {
            values::of_json(value, &mut row.labels).map_err(|what| format!("`{key}`: {what}"))?;
            self.seen.labelled = true;
        }
        row.probabilities.clear();
        for (key, value) in probabilities? {
            values::numbers_of_json(value, &mut row.probabilities)
                .map_err(|what| format!("`{key}`: {what}"))?;
        }
        row.problematic = false;
        for (key, value) in flags? {
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

    /// The fields of an object that have a role.
    fn fields<'o>(
        &mut self,
        object: &'o Map<String, Value>,
        role: Role,
    ) -> Result<Vec<(&'o String, &'o Value)>, String> {
        let wanted = &self.spec.wanted[role as usize];
        let find = |name: &String| {
            let is_named = |(key, _): &(&String, &Value)| key.eq_ignore_ascii_case(name);
            object.iter().find(is_named)
        };
        let group = &mut self.groups[role as usize];
        // An image is the same by whatever name; of labels one row must not have what others have under another name.
        if group.is_none() || role == Role::Image {
            let has = |names: &Vec<String>| names.iter().any(|name| find(name).is_some());
            *group = wanted.groups.iter().position(has).or(*group);
        }
        let Some(group) = *group else {
            return Ok(Vec::new());
        };
        let names = &wanted.groups[group];
        let found: Vec<_> = names.iter().filter_map(find).collect();
        self.met[role as usize] |= !found.is_empty();
        // A label may be left out of an object, but not the name of the image.
        if found.is_empty() && role == Role::Image {
            let keys: Vec<String> = object.keys().take(COLUMNS + 1).cloned().collect();
            return Err(format!(
                "no field `{}`; the fields are: {}",
                shown(&names[0]),
                list(&keys)
            ));
        }
        Ok(found)
    }

    /// What was read.
    ///
    /// # Errors
    /// A field that was asked for is in no object.
    fn finish(self) -> Result<Seen, String> {
        for (role, met) in Role::ALL.into_iter().zip(self.met) {
            let wanted = &self.spec.wanted[role as usize];
            if wanted.is_chosen && !met && self.seen.rows > 0 {
                let name = wanted.groups.first().and_then(|names| names.first());
                return Err(format!(
                    "no object has a field `{}`; the fields are: {}",
                    shown(name.map_or("", String::as_str)),
                    list(&self.seen.columns)
                ));
            }
        }
        Ok(self.seen)
    }
}
