//! Embeddings of prompts that others made, and which labels they are of.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::bail;

use crate::cli::score::memory::unit;
use crate::dataset::{LabelIndex, Resolver, arrays};
use crate::run::Prompts;
use crate::score::Gaussians;
use crate::taxonomy::NodeId;

/// Embedded prompts of labels.
pub struct Texts {
    /// The label of each row.
    pub nodes: Vec<NodeId>,
    rows: Gaussians,
}

/// Reads embeddings of prompts: their labels are beside them, else in the index.
pub fn text_embeddings(
    path: &Path,
    index: Option<&LabelIndex>,
    resolver: &mut Resolver<'_>,
) -> anyhow::Result<Texts> {
    let array = arrays::read(path, arrays::Kind::TextEmbeddings)?;
    let rows = array.rows.rows();
    let nodes: Vec<Option<NodeId>> = match (index, &array.names) {
        (Some(index), _) if index.len() == rows => {
            index.nodes().iter().copied().map(Some).collect()
        }
        (_, Some(names)) => {
            let place = || path.display().to_string();
            let all = names.iter().map(|name| resolver.resolve(name, place));
            // Those at fault are told of all at once, or passed over.
            all.map(Result::ok).collect()
        }
        (Some(index), None) => bail!(
            "{}: has {rows} rows, and {} has {} labels: a label a row, the same one again for another prompt of it",
            path.display(),
            index.source(),
            index.len()
        ),
        (None, None) => bail!(
            "{}: say with --label-index FILE what the rows are: a label a line, in their order (the texts themselves are prompts)",
            path.display()
        ),
    };
    if nodes.iter().all(Option::is_none) {
        bail!("{}: no row is of a label of the taxonomy", path.display());
    }
    let known: Vec<usize> = (0..rows).filter(|&row| nodes[row].is_some()).collect();
    Ok(Texts {
        nodes: nodes.into_iter().flatten().collect(),
        rows: Gaussians::of_parts(unit(array.rows), array.log_variances).select(known.into_iter()),
    })
}

impl Texts {
    /// The prompts of the candidates, then those of other labels.
    pub fn prompts(&self, candidates: &[NodeId]) -> Prompts {
        let mut rows_of: HashMap<NodeId, Vec<usize>> = HashMap::new();
        let mut nodes = candidates.to_vec();
        let mut seen: HashSet<NodeId> = candidates.iter().copied().collect();
        for (row, &node) in self.nodes.iter().enumerate() {
            rows_of.entry(node).or_default().push(row);
            if seen.insert(node) {
                nodes.push(node);
            }
        }
        let rows = nodes.iter().flat_map(|n| &rows_of[n]).copied();
        Prompts {
            embeddings: self.rows.select(rows),
            counts: nodes.iter().map(|n| rows_of[n].len()).collect(),
            nodes,
        }
    }
}
