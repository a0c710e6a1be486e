//! The `credit:` section: its shape is checked here, where its places are known; `score::credit` gives it meaning.

use serde_json::{Value, json};

use super::{
    diagnostic::{Code, Diagnostic},
    names,
    reader::{Reader, Text, is_null},
    yaml::{Id, Kind},
};

const CREDIT_FIELDS: [&str; 2] = ["policy", "table"];
/// Credit policies by name (METHOD 5).
const POLICIES: [&str; 6] = ["strict", "logical", "hf1", "wu-palmer", "lin", "depth"];
/// Verdicts (METHOD 3), the keys of a credit table.
const VERDICTS: [&str; 10] = [
    "exact",
    "synonym",
    "also_valid",
    "generalised",
    "specialised",
    "overlap",
    "name_collision",
    "near",
    "related",
    "unrelated",
];

impl<'d> Reader<'d> {
    /// The `credit:` section as JSON, its shape checked; `score::credit` gives it meaning.
    pub(super) fn credit(&mut self, value: Id) -> Option<Value> {
        if self.is_null(value) {
            return None;
        }
        if let Some(policy) = self.scalar(value) {
            self.policy(&policy);
            return Some(json!({ "policy": policy.text }));
        }
        if !matches!(self.doc.get(value).kind, Kind::Map(_)) {
            self.wrong(value, &"`credit`", "a mapping: {policy: logical}");
            return None;
        }
        let mut chosen: Option<Text<'d>> = None;
        for (field, value) in self.entries(value, &"`credit`") {
            match field.text {
                "policy" => {
                    if let Some(policy) = self.text(value, &"`policy` of `credit`") {
                        self.policy(&policy);
                    }
                }
                "table" => self.table(value),
                _ => {
                    self.unknown_field(&field, &"field of `credit`:", &CREDIT_FIELDS);
                    continue;
                }
            }
            match chosen {
                Some(other) if other.text != field.text => {
                    let message = "`credit` has both a `policy` and a `table`: keep one";
                    let diagnostic = Diagnostic::new(Code::WrongType, field.span, message);
                    self.report(diagnostic.related(other.span, "the other"));
                }
                _ => chosen = Some(field),
            }
        }
        if chosen.is_none() {
            self.wrong(value, &"`credit`", "a mapping with a `policy` or a `table`");
        }
        Some(self.json(value))
    }

    fn policy(&mut self, policy: &Text<'d>) {
        if !POLICIES.contains(&policy.text) {
            let message = format!("unknown credit policy `{}`", policy.text);
            let diagnostic = Diagnostic::new(Code::WrongType, policy.span, message);
            self.report(match names::closest(policy.text, POLICIES) {
                Some(near) => diagnostic
                    .help(format!("did you mean `{near}`?"))
                    .suggest(policy.span, near),
                None => diagnostic.help(format!("one of: {}", POLICIES.join(", "))),
            });
        }
    }

    fn table(&mut self, value: Id) {
        if !matches!(self.doc.get(value).kind, Kind::Map(_)) {
            self.wrong(
                value,
                &"`table` of `credit`",
                "a mapping from verdicts to credits: {exact: 1, generalised: 0.5}",
            );
            return;
        }
        for (verdict, credit) in self.entries(value, &"`table` of `credit`") {
            if !VERDICTS.contains(&verdict.text) {
                self.unknown_field(&verdict, &"verdict in the credit table:", &VERDICTS);
            }
            // As `json` reads it: a quoted number is text.
            let number = match &self.doc.get(credit).kind {
                Kind::Scalar { text, plain: true } => text.parse::<f64>().ok(),
                _ => None,
            };
            if !number.is_some_and(|n| (0.0..=1.0).contains(&n)) {
                self.wrong(
                    credit,
                    &format_args!("the credit of `{}`", verdict.text),
                    "a number from 0 to 1",
                );
            }
        }
    }

    /// Any value as JSON: plain numbers, booleans and null by YAML's core schema, everything else text.
    fn json(&mut self, id: Id) -> Value {
        if !self.spend(id) {
            return Value::Null;
        }
        match &self.doc.get(id).kind {
            Kind::Scalar { text, plain: true } => match text.as_ref() {
                t if is_null(t) => Value::Null,
                "true" => true.into(),
                "false" => false.into(),
                t => match (t.parse::<i64>(), t.parse::<f64>()) {
                    (Ok(n), _) => n.into(),
                    (_, Ok(n)) if n.is_finite() => n.into(),
                    _ => t.into(),
                },
            },
            Kind::Scalar { text, .. } => text.as_ref().into(),
            Kind::List(items) => items.iter().map(|&i| self.json(i)).collect(),
            Kind::Map(entries) => {
                let text = |k: &Id| self.scalar(*k).map(|s| s.text.to_owned());
                let keys: Vec<_> = entries
                    .iter()
                    .filter_map(|(k, v)| Some((text(k)?, *v)))
                    .collect();
                let mut object = serde_json::Map::new();
                for (key, value) in keys {
                    let value = self.json(value);
                    object.entry(key).or_insert(value);
                }
                Value::Object(object)
            }
        }
    }
}
