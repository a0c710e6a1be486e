//! Random taxonomies of the fixtures that scripts under `tests/parity/` write.

use cladist::taxonomy::{Taxonomy, load_str};
use serde_json::{Map, Value};

/// The worlds of a fixture, a list of objects with the fields of a taxonomy file among others: what its script found, and
/// the taxonomy.
pub fn load(fixture: &str) -> impl Iterator<Item = (Value, Taxonomy)> {
    const FIELDS: [&str; 5] = ["nodes", "equivalent", "overlaps", "disjoint", "credit"];
    let worlds: Vec<Value> = serde_json::from_str(fixture).expect("a list");
    worlds.into_iter().map(|facts| {
        let fields = FIELDS.iter().filter(|&&field| facts.get(field).is_some());
        let source: Map<String, Value> = fields
            .map(|&field| (field.to_owned(), facts[field].clone()))
            .collect();
        // JSON is YAML.
        let loaded = load_str("random", &Value::Object(source).to_string());
        let taxonomy = loaded.into_sound().expect("the DAG is sound");
        (facts, taxonomy)
    })
}
