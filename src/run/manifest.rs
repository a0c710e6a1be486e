//! What made a run: versions, hashes, options, counts. No time of day: the same inputs give the same bytes.

use std::collections::BTreeMap;

use serde::Serialize;

/// Version of `run.yaml`'s schema.
pub const MANIFEST_SCHEMA: u32 = 1;

/// Everything that made a run, as written to `run.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Manifest {
    pub schema: u32,
    /// Version of cladist.
    pub cladist: String,
    pub taxonomy: SourceHash,
    pub prompts: SourceHash,
    pub images: SourceHash,
    /// As given, with the fingerprint of what it resolved to.
    pub model: serde_json::Value,
    pub device: String,
    pub dtype: String,
    /// How the candidates were chosen, and the hash of their ids.
    pub candidates: SourceHash,
    /// The remaining options by their long names, as resolved.
    pub options: BTreeMap<String, serde_json::Value>,
    pub counts: Counts,
}

/// A named input and the SHA-256 of what was read from it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceHash {
    pub source: String,
    pub sha256: String,
}

/// What was read, and what was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Images named by the data set.
    pub images: usize,
    /// Images with an answer.
    pub predicted: usize,
    /// Images with an answer and a verdict.
    pub scored: usize,
    /// Images without a label: predicted, not scored.
    pub unlabelled: usize,
    /// Images left out because a label is unknown or ambiguous.
    pub skipped_unknown_label: usize,
    /// Images left out because the file could not be read or decoded.
    pub skipped_bad_image: usize,
    pub candidates: usize,
    pub prompts: usize,
}
