//! What the model may answer: the candidates `C` (METHOD 2).

use std::collections::{BTreeSet, HashSet};

use crate::taxonomy::{NodeId, Resolution, Taxonomy};

/// How the candidates are chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidates {
    /// The nodes that occur as truth labels, and nothing else.
    Truths,
    /// The nodes with nothing below them.
    Leaves,
    /// Every node.
    All,
    /// The node that this label names, and everything below it.
    Under(String),
    /// A list of labels, as written, with where each stands (`line N`).
    List {
        source: String,
        labels: Vec<(String, String)>,
    },
}

/// Why candidates could not be chosen.
#[derive(Debug, thiserror::Error)]
pub enum CandidateError {
    #[error("no label is chosen: {0}")]
    Empty(&'static str),
    #[error("under:{label}: {reason}")]
    Under { label: String, reason: String },
    #[error("{source_name}: labels that name no node or several:\n  {}", faults.join("\n  "))]
    List {
        source_name: String,
        faults: Vec<String>,
    },
}

impl Candidates {
    /// The chosen nodes, each once, in the order of their ids; `truths` are the labels that occur as a truth.
    ///
    /// # Errors
    /// Labels that name no node or several, all of them; and an empty choice.
    pub fn select(
        &self,
        taxonomy: &Taxonomy,
        truths: &[NodeId],
    ) -> Result<Vec<NodeId>, CandidateError> {
        let mut chosen = self.choose(taxonomy, truths)?;
        chosen.sort_by_key(|&n| taxonomy.id(n));
        Ok(chosen)
    }

    /// The chosen nodes, each once: those of a list in its order, others in the order of their ids. Without images, so
    /// there are no truth labels to choose.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn in_order(&self, taxonomy: &Taxonomy) -> Result<Vec<NodeId>, CandidateError> {
        match self {
            Self::List { .. } => self.choose(taxonomy, &[]),
            _ => self.select(taxonomy, &[]),
        }
    }

    /// The chosen nodes, each once, in no particular order but that of a list.
    fn choose(
        &self,
        taxonomy: &Taxonomy,
        truths: &[NodeId],
    ) -> Result<Vec<NodeId>, CandidateError> {
        let chosen: Vec<NodeId> = match self {
            Self::Truths => {
                let occurring: BTreeSet<NodeId> = truths.iter().copied().collect();
                occurring.into_iter().collect()
            }
            Self::Leaves => taxonomy.nodes().filter(|&n| taxonomy.is_leaf(n)).collect(),
            Self::All => taxonomy.nodes().collect(),
            Self::Under(label) => {
                let node = resolve(taxonomy, label).map_err(|reason| CandidateError::Under {
                    label: label.clone(),
                    reason,
                })?;
                taxonomy.descendants(node)
            }
            Self::List { source, labels } => resolve_list(taxonomy, source, labels)?,
        };
        if chosen.is_empty() {
            return Err(CandidateError::Empty(match self {
                Self::Truths => {
                    "no image has a label; choose with --candidates leaves, all, FILE or under:NODE"
                }
                Self::List { .. } => "the list names none",
                _ => "the taxonomy has no node",
            }));
        }
        Ok(chosen)
    }

    /// How the choice reads in a manifest and in messages.
    pub fn describe(&self) -> String {
        match self {
            Self::Truths => "truth labels".into(),
            Self::Leaves => "leaves".into(),
            Self::All => "all".into(),
            Self::Under(label) => format!("under:{label}"),
            Self::List { source, .. } => source.clone(),
        }
    }
}

/// Lines at fault that are told; each takes a search for near names.
const MOST_FAULTS: usize = 200;

fn resolve_list(
    taxonomy: &Taxonomy,
    source: &str,
    labels: &[(String, String)],
) -> Result<Vec<NodeId>, CandidateError> {
    let mut seen = HashSet::new();
    let mut chosen = Vec::new();
    let mut faults = Vec::new();
    for (place, label) in labels {
        // A file that is no list of labels at all may have a million lines.
        if faults.len() == MOST_FAULTS {
            faults.push("… and perhaps more".to_owned());
            break;
        }
        match resolve(taxonomy, label) {
            Ok(node) if seen.insert(node) => chosen.push(node),
            Ok(_) => {}
            Err(reason) => faults.push(format!("{place}: `{label}`: {reason}")),
        }
    }
    if faults.is_empty() {
        Ok(chosen)
    } else {
        Err(CandidateError::List {
            source_name: source.to_owned(),
            faults,
        })
    }
}

fn resolve(taxonomy: &Taxonomy, label: &str) -> Result<NodeId, String> {
    match taxonomy.resolve(label) {
        Resolution::One(node) => Ok(node),
        Resolution::Ambiguous(nodes) => {
            let ids: Vec<_> = nodes.iter().map(|&n| taxonomy.id(n)).collect();
            Err(format!(
                "several nodes carry this name: use one of the ids {}",
                ids.join(", ")
            ))
        }
        Resolution::Unknown(nearest) if nearest.is_empty() => Err("no such node".into()),
        Resolution::Unknown(nearest) => {
            Err(format!("no such node; nearest: {}", nearest.join(", ")))
        }
    }
}
