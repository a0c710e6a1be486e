//! New values and entries, and how they are written between brackets.

use super::scalar::{self, Style};

/// A new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    List(Vec<String>),
    Map(Vec<(String, Option<Value>)>),
    /// As it stands, for between brackets.
    Source(String),
}

/// A new entry of a list or mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// `name` in a list, `name:` in a mapping; `name: value` in both.
    Entry { name: String, value: Option<Value> },
    /// A list in a list.
    Group(Vec<String>),
    /// Lines of an entry that stood elsewhere; only for block lists and mappings, and for nothing.
    Lines(Lines),
}

/// An entry that is cut from a block list or mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lines {
    /// From the key on, without the line break at the end.
    pub text: String,
    /// That of the key.
    pub column: usize,
}

/// The value as it stands between brackets.
pub(super) fn inline(value: &Value) -> Value {
    Value::Source(flow_value(value))
}

pub(super) fn plain(text: &str, flow: bool) -> String {
    scalar::render(text, Style::Plain, flow)
}

pub(super) fn flow_list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|text| plain(text, true)).collect();
    format!("[{}]", items.join(", "))
}

pub(super) fn flow_value(value: &Value) -> String {
    match value {
        Value::Text(text) => plain(text, true),
        Value::Source(source) => source.clone(),
        Value::List(items) => flow_list(items),
        Value::Map(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| flow_entry(name, value.as_ref()))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

fn flow_entry(name: &str, value: Option<&Value>) -> String {
    let value = value.map_or_else(String::new, flow_value);
    format!("{}: {value}", plain(name, true))
}

/// `None` for what cannot stand between brackets.
pub(super) fn flow_item(item: &Item, in_map: bool) -> Option<String> {
    match item {
        Item::Entry { name, value: None } if !in_map => Some(plain(name, true)),
        Item::Entry { name, value } => Some(flow_entry(name, value.as_ref())),
        Item::Group(members) => Some(flow_list(members)),
        Item::Lines(_) => None,
    }
}
