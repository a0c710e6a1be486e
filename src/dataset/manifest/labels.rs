//! The labels that a cell or a JSON value holds.

use serde_json::Value;

use crate::text;

/// Adds a label unless it is blank or there already.
pub(super) fn push(label: &str, labels: &mut Vec<String>) {
    let label = label.trim();
    if !label.is_empty() && !labels.iter().any(|known| known == label) {
        labels.push(label.to_owned());
    }
}

/// Labels of a text cell: a JSON list where it is one, else separated by `|`.
pub(super) fn of_cell(cell: &str, labels: &mut Vec<String>) -> Result<(), String> {
    let cell = cell.trim();
    if let Some(inside) = cell.strip_prefix('[').and_then(|c| c.strip_suffix(']')) {
        match serde_json::from_str(cell) {
            Ok(value @ Value::Array(_)) => return of_json(&value, labels),
            // As Python prints a list. A label may begin with a bracket, but not like this.
            _ if inside.trim_start().starts_with('\'') => {
                return Err(format!(
                    "`{}` is a list as Python prints it; write [\"a\", \"b\"] or a|b",
                    text::shown(cell)
                ));
            }
            _ => {}
        }
    }
    cell.split('|').for_each(|label| push(label, labels));
    Ok(())
}

/// Labels of a JSON value: text (separated by `|`), a number as written, null, or a list of these, whose
/// texts are not separated further.
pub(super) fn of_json(value: &Value, labels: &mut Vec<String>) -> Result<(), String> {
    match value {
        Value::String(text) => {
            text.split('|').for_each(|label| push(label, labels));
            Ok(())
        }
        Value::Array(values) => values.iter().try_for_each(|value| match value {
            Value::String(text) => {
                push(text, labels);
                Ok(())
            }
            other => plain(other, labels),
        }),
        other => plain(other, labels),
    }
}

fn plain(value: &Value, labels: &mut Vec<String>) -> Result<(), String> {
    match value {
        Value::Null => Ok(()),
        Value::Number(number) => {
            push(&number.to_string(), labels);
            Ok(())
        }
        other => Err(format!(
            "expected text, a number or a list of these, found {}",
            text::shown(&other.to_string())
        )),
    }
}
