//! What a cell or a JSON value holds: labels, probabilities, a yes or no.

use serde_json::Value;

use crate::text;

/// Labels of which repetitions are passed over here; those of longer lists are noticed where the labels are looked up.
const FEW: usize = 64;

/// Adds a label unless it is blank or there already.
pub fn push(label: &str, labels: &mut Vec<String>) {
    let label = label.trim();
    let is_known = labels.len() < FEW && labels.iter().any(|known| known == label);
    if !label.is_empty() && !is_known {
        labels.push(label.to_owned());
    }
}

/// Numbers of a text cell: a JSON list, or numbers separated by `|`.
pub fn numbers_of_cell(cell: &str, numbers: &mut Vec<f64>) -> Result<(), String> {
    let cell = cell.trim();
    let inside = cell.strip_prefix('[').and_then(|c| c.strip_suffix(']'));
    let (list, separator) = inside.map_or((cell, '|'), |inside| (inside, ','));
    for number in list
        .split(separator)
        .map(str::trim)
        .filter(|n| !n.is_empty())
    {
        let parsed = number.parse().map_err(|_| {
            format!(
                "expected a number or several separated by `|`, found `{}`",
                text::shown(number)
            )
        })?;
        numbers.push(parsed);
    }
    Ok(())
}

/// Numbers of a JSON value: a number, text that is one, null, or a list of these.
pub fn numbers_of_json(value: &Value, numbers: &mut Vec<f64>) -> Result<(), String> {
    match value {
        Value::Null => Ok(()),
        Value::Array(values) => values.iter().try_for_each(|v| numbers_of_json(v, numbers)),
        Value::String(text) => numbers_of_cell(text, numbers),
        other => {
            let number = other.as_f64().ok_or_else(|| {
                format!(
                    "expected a number or a list of numbers, found {}",
                    text::shown(&other.to_string())
                )
            })?;
            numbers.push(number);
            Ok(())
        }
    }
}

/// A yes or no of a text cell; blank: no.
pub fn flag_of_cell(cell: &str) -> Result<bool, String> {
    match cell.trim().to_ascii_lowercase().as_str() {
        "" | "0" | "false" | "no" => Ok(false),
        "1" | "true" | "yes" => Ok(true),
        other => Err(format!(
            "expected true or false, found `{}`",
            text::shown(other)
        )),
    }
}

/// A yes or no of a JSON value; null: no.
pub fn flag_of_json(value: &Value) -> Result<bool, String> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) => flag_of_cell(text),
        other => flag_of_cell(&other.to_string()),
    }
}

/// Labels of a text cell: a JSON list where it is one, else separated by `|`.
pub fn of_cell(cell: &str, labels: &mut Vec<String>) -> Result<(), String> {
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
pub fn of_json(value: &Value, labels: &mut Vec<String>) -> Result<(), String> {
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
