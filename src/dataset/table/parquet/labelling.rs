//! Columns of labels, and the names that a table itself has for their numbers.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use serde_json::Value;

use super::column::Values;
use crate::dataset::class_names::ClassNames;
use crate::dataset::items::Labels;

/// The columns that labels come from, in the order in which they are read.
pub struct Labelling {
    columns: Vec<(String, Option<ClassNames>)>,
}

/// The same of one batch.
pub struct Batch<'a> {
    columns: Vec<(Values, Option<&'a ClassNames>)>,
}

impl Labelling {
    /// Finds the names of Hugging Face's `ClassLabel` in the metadata of the schema.
    pub fn new(path: &Path, schema: &Schema, columns: &[usize]) -> Self {
        let metadata = schema.metadata().get("huggingface");
        let metadata: Option<Value> = metadata.and_then(|text| serde_json::from_str(text).ok());
        let features = metadata
            .as_ref()
            .and_then(|all| all.pointer("/info/features"));
        let columns = columns.iter().map(|&i| {
            let name = schema.field(i).name();
            let names = features.and_then(|features| names_of(features.get(name)?));
            let source = || format!("the ClassLabel of `{name}` in {}", path.display());
            let names = names.map(|names| ClassNames::new(source(), names));
            (name.clone(), names)
        });
        Self {
            columns: columns.collect(),
        }
    }

    /// # Errors
    /// A column that the batch lacks.
    pub fn of(&self, batch: &RecordBatch) -> Result<Batch<'_>, String> {
        let columns = self.columns.iter().map(|(name, names)| {
            let array = batch.column_by_name(name);
            let array = array.ok_or_else(|| format!("the column `{name}` cannot be read"))?;
            Ok((Values::new(array), names.as_ref()))
        });
        Ok(Batch {
            columns: columns.collect::<Result<_, String>>()?,
        })
    }
}

impl Batch<'_> {
    /// The labels of a row.
    ///
    /// # Errors
    /// What is no label, or a number without a name, in words.
    pub fn get(&self, row: usize) -> Result<Labels, String> {
        let mut labels = Labels::default();
        for (column, names) in &self.columns {
            let mut written = Vec::new();
            column.labels(row, &mut written)?;
            if names.is_some() {
                // As Hugging Face writes what has no label.
                written.retain(|label| label != "-1");
            }
            labels.add(written, *names)?;
        }
        Ok(labels)
    }
}

/// The names of a feature that is a `ClassLabel`, or a list of them.
fn names_of(feature: &Value) -> Option<Vec<String>> {
    if let Value::Array(items) = feature {
        return names_of(items.first()?);
    }
    if feature.get("_type").and_then(Value::as_str) != Some("ClassLabel") {
        return names_of(feature.get("feature")?);
    }
    let names = feature.get("names")?.as_array()?.iter();
    names.map(|name| name.as_str().map(str::to_owned)).collect()
}
