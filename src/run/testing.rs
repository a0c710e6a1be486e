//! Small runs for tests: a taxonomy, and what images of it are annotated with and answered.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Counts, Evidence, Inputs, MANIFEST_SCHEMA, Manifest, Opened, Run, Saved, SourceHash};
use crate::names::Names;
use crate::score::{
    AlsoRight, Annotations, Collisions, CreditPolicy, Match, Ranked, Rankings, Root, Rule,
};
use crate::taxonomy::{NodeId, Taxonomy, load_str};

/// One image by ids.
#[derive(Debug, Clone)]
pub struct Image {
    pub truths: Vec<String>,
    pub answer: Option<String>,
}

impl Image {
    pub fn new(truths: &[&str], answer: Option<&str>) -> Self {
        Self {
            truths: truths.iter().map(|&id| id.to_owned()).collect(),
            answer: answer.map(str::to_owned),
        }
    }
}

pub fn manifest() -> Manifest {
    let source = |name: &str| SourceHash {
        source: name.to_owned(),
        sha256: "0".to_owned(),
    };
    Manifest {
        schema: MANIFEST_SCHEMA,
        cladist: "test".to_owned(),
        taxonomy: source("taxonomy"),
        prompts: None,
        images: source("images"),
        truth: BTreeMap::new(),
        right_too: BTreeMap::new(),
        model: serde_json::json!({"source": "model"}),
        device: None,
        dtype: Some("f32".to_owned()),
        candidates: source("all"),
        options: [("credit", "logical"), ("decide", "argmax")]
            .map(|(name, value)| (name.to_owned(), value.into()))
            .into(),
        counts: Counts {
            images: 0,
            predicted: 0,
            labelled: 0,
            calibration: 0,
            unlabelled: 0,
            skipped_unknown_label: 0,
            skipped_problematic: 0,
            skipped_bad_image: 0,
            candidates: 0,
            prompts: 0,
        },
    }
}

/// What a run is built of: all nodes are candidates, and credit is logical.
pub fn inputs<'a>(
    taxonomy: &'a Taxonomy,
    truths: impl IntoIterator<Item = Vec<NodeId>>,
    rule: Rule,
    evidence: Evidence<'a>,
) -> Inputs<'a> {
    let annotations = Annotations::of_truths(truths);
    let mut images = Names::default();
    (0..annotations.len()).for_each(|i| images.push(&i.to_string()));
    Inputs {
        taxonomy,
        candidates: taxonomy.nodes().collect(),
        images,
        annotations,
        also_right: AlsoRight::default(),
        uncertainty: None,
        evidence,
        collision_threshold: Collisions::DEFAULT_THRESHOLD,
        credit: CreditPolicy::Logical,
        root: Root::default(),
        strategy: Match::Mean,
        rule,
        calibration: Vec::new(),
        top_k: 5,
    }
}

/// A run of these images, as it is read back beside its taxonomy.
pub fn opened(taxonomy: &str, images: &[Image]) -> Opened {
    let taxonomy = load_str("t", taxonomy).into_sound().expect("a sound DAG");
    let node = |id: &String| taxonomy.find(id).expect("a node");
    let truths = images.iter().map(|i| i.truths.iter().map(node).collect());
    let mut rankings = Rankings::default();
    for image in images {
        rankings.push(image.answer.as_ref().map(|id| Ranked {
            label: node(id),
            similarity: None,
            probability: None,
        }));
    }
    let inputs = inputs(&taxonomy, truths, Rule::Argmax, Evidence::Ranked(rankings));
    let run = Run::build(inputs, manifest()).expect("ranked labels need nothing more");
    let saved = Saved::of(&run);
    Opened::new(saved, taxonomy)
}

/// A DAG of so many nodes `n0`, `n1`, … as YAML: bit j of `parents[i]` says whether a node before it is above it.
pub fn dag(parents: &[u32]) -> String {
    let mut text = "nodes:\n".to_owned();
    for (i, mask) in parents.iter().enumerate() {
        let above = (0..i).filter(|j| mask & (1 << j) != 0);
        let above: Vec<String> = above.map(|j| format!("n{j}")).collect();
        text += &format!("  n{i}: {{parents: [{}]}}\n", above.join(", "));
    }
    text
}

/// Random DAGs of up to nine nodes, as YAML, and the number of nodes. About one in three edges is there.
pub fn random_dag() -> impl Strategy<Value = (String, usize)> {
    proptest::collection::vec((any::<u32>(), any::<u32>()), 1..9).prop_map(|masks| {
        let masks: Vec<u32> = masks.into_iter().map(|(a, b)| a & b).collect();
        (dag(&masks), masks.len())
    })
}

/// Random runs: images with one or two labels, or none, some of them not answered.
pub fn random_world() -> impl Strategy<Value = Opened> {
    random_dag().prop_flat_map(|(text, size)| {
        let label = 0..size;
        let labels = proptest::collection::vec(label.clone(), 0..3);
        let image = (labels, proptest::option::weighted(0.9, label));
        proptest::collection::vec(image, 0..40).prop_map(move |images| {
            let id = |n: usize| format!("n{n}");
            let images = images.into_iter().map(|(mut truths, answer)| {
                truths.dedup();
                Image {
                    truths: truths.into_iter().map(id).collect(),
                    answer: answer.map(id),
                }
            });
            opened(&text, &images.collect::<Vec<_>>())
        })
    })
}
