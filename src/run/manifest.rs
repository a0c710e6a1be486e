//! What made a run: versions, hashes, options, counts. No time of day: the same inputs give the same bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::names::Names;
use crate::score::RightToo;
use crate::taxonomy::Taxonomy;

/// Version of `run.yaml`'s schema.
pub const MANIFEST_SCHEMA: u32 = 2;

/// Everything that made a run, as written to `run.yaml`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Manifest {
    pub schema: u32,
    /// Version of cladist.
    pub cladist: String,
    pub taxonomy: SourceHash,
    /// None where the labels were not prompted for here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<SourceHash>,
    /// The images, or the file that has what was predicted of them.
    pub images: SourceHash,
    /// Tables of labels, of valid sets, and of labels that are also right, by the option that named them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub truth: BTreeMap<String, SourceHash>,
    /// Ids of labels that are valid for images beside what they are annotated with, by the image's name: what the side file added.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub right_too: BTreeMap<String, Vec<String>>,
    /// As given, with the fingerprint of what it resolved to; of predictions made elsewhere, what they are.
    pub model: serde_json::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dtype: Option<String>,
    /// How the candidates were chosen, and the hash of their ids.
    pub candidates: SourceHash,
    /// The remaining options by their long names, as resolved.
    pub options: BTreeMap<String, serde_json::Value>,
    pub counts: Counts,
}

/// Labels that are right too as a manifest holds them: by the images' names, as ids.
pub fn by_name(
    labels: &RightToo,
    images: &Names,
    taxonomy: &Taxonomy,
) -> BTreeMap<String, Vec<String>> {
    let rows = labels.iter().map(|(&image, labels)| {
        let ids = labels.iter().map(|&label| taxonomy.id(label).to_owned());
        (images.get(image).to_owned(), ids.collect())
    });
    rows.collect()
}

/// A named input and the SHA-256 of what was read from it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct SourceHash {
    pub source: String,
    pub sha256: String,
}

/// What was read, and what was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub struct Counts {
    /// Images named by the data set.
    pub images: usize,
    /// Images that a row is written of: answered, or abstained from.
    pub predicted: usize,
    /// Of these, the images with a label.
    pub labelled: usize,
    /// Images that a rule was calibrated on: neither predicted nor scored.
    pub calibration: usize,
    /// Predicted images without a label.
    pub unlabelled: usize,
    /// Images left out because a label is unknown or ambiguous.
    pub skipped_unknown_label: usize,
    /// Images left out because the table of labels calls them problematic.
    pub skipped_problematic: usize,
    /// Images left out because the file could not be read or decoded.
    pub skipped_bad_image: usize,
    pub candidates: usize,
    pub prompts: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::testing::manifest;

    /// What is not known is not written, and is not known again.
    #[test]
    fn a_manifest_is_read_back() {
        let mut full = manifest();
        let source = full.images.clone();
        full.prompts = Some(source.clone());
        full.truth.insert("valid".to_owned(), source);
        let right_too = vec!["b".to_owned()];
        full.right_too.insert("1.jpg".to_owned(), right_too);
        full.device = Some("cpu".to_owned());
        full.options.insert("synonyms".to_owned(), true.into());
        full.model = serde_json::json!({"source": "m", "logit_scale": 100.0});
        for manifest in [manifest(), full] {
            let text = serde_yaml::to_string(&manifest).unwrap();
            let value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
            let read: Manifest = serde_json::from_value(value).unwrap();
            assert_eq!(read, manifest);
        }
    }
}
