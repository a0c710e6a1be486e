//! A run beside its taxonomy: labels of the one as nodes of the other.

use super::confusions::UnknownLabel;
use super::saved::Saved;
use crate::taxonomy::{NodeId, Taxonomy, load_str};

/// A run with the taxonomy that it is read by.
#[derive(Debug)]
pub struct Opened {
    pub saved: Saved,
    pub taxonomy: Taxonomy,
    /// The node of each label of the run; `None` for one that the taxonomy has not.
    nodes: Vec<Option<NodeId>>,
    /// The label of each node, by [`NodeId::index`]; `None` for one that does not occur in the run.
    labels: Vec<Option<u32>>,
}

impl Opened {
    pub fn new(saved: Saved, taxonomy: Taxonomy) -> Self {
        let nodes: Vec<Option<NodeId>> = saved.labels.iter().map(|id| taxonomy.find(id)).collect();
        let mut labels = vec![None; taxonomy.len()];
        for (label, node) in (0..).zip(&nodes) {
            if let Some(node) = node {
                labels[node.index()] = Some(label);
            }
        }
        Self {
            saved,
            taxonomy,
            nodes,
            labels,
        }
    }

    /// With a taxonomy of the run's labels and nothing above or below them, for want of the one that it was made with.
    pub fn flat(saved: Saved) -> Self {
        let nodes = saved
            .labels
            .iter()
            .map(|id| (id.clone(), serde_json::Value::Null));
        let nodes: serde_json::Map<_, _> = nodes.collect();
        // JSON is YAML. Each label is there once, so nothing can be wrong with it but an id that no taxonomy could have.
        let text = serde_json::json!({ "nodes": nodes }).to_string();
        let loaded = load_str("labels of the run", &text);
        let empty = || {
            let loaded = load_str("labels of the run", "nodes: {label: }");
            loaded.taxonomy.expect("one node is a taxonomy")
        };
        let taxonomy = loaded.taxonomy.unwrap_or_else(empty);
        Self::new(saved, taxonomy)
    }

    /// The node of a label of the run.
    pub fn node(&self, label: u32) -> Option<NodeId> {
        self.nodes[label as usize]
    }

    /// The node of every label of the run.
    ///
    /// # Errors
    /// The first label that the taxonomy has not.
    pub fn known_nodes(&self) -> Result<Vec<NodeId>, UnknownLabel> {
        let labels = self.nodes.iter().zip(&self.saved.labels);
        let known = labels.map(|(node, label)| {
            node.ok_or_else(|| UnknownLabel {
                label: label.clone(),
                taxonomy: self.taxonomy.name().to_owned(),
            })
        });
        known.collect()
    }

    /// The label of the run that a node is, if it occurs there.
    pub fn label(&self, node: NodeId) -> Option<u32> {
        self.labels[node.index()]
    }

    /// The labels of the run that the taxonomy has not.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let unknown = self.nodes.iter().zip(&self.saved.labels);
        unknown
            .filter(|(node, _)| node.is_none())
            .map(|(_, id)| id.as_str())
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.saved.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.saved.rows.is_empty()
    }
}
