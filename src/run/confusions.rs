//! Which labels a saved run takes for which, by pairs of labels or of what is above them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::saved::Saved;
use crate::score::Verdict;
use crate::taxonomy::{NodeId, Relation, Taxonomy};

/// Why confusions cannot be told.
#[derive(Debug, thiserror::Error)]
#[error(
    "the run has the label `{label}`, which is not in the taxonomy {taxonomy}: give the one that the run was made with"
)]
pub struct UnknownLabel {
    pub label: String,
    pub taxonomy: String,
}

/// Answers that are not exact, as pairs of an annotated label and an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Confusions {
    /// Images with a verdict.
    pub n: usize,
    /// Of these, the answers that are not exact.
    pub errors: usize,
    /// The depth that labels are grouped at; `None`: not at all.
    pub depth: Option<usize>,
    /// By count, then ids. Where labels are grouped, a pair of a group with itself holds the errors within it.
    pub pairs: Vec<ConfusedPair>,
}

/// An annotated label and an answer, or the groups that they are in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfusedPair {
    /// Id of the truth that the answer is best related to.
    pub truth: String,
    pub answer: String,
    pub count: usize,
    /// Errors that would be this pair by chance: images with this truth times those with this answer, over n; of a group with
    /// itself without the pairs of a label with itself, which are no errors.
    pub expected: f64,
    /// `count − expected`.
    pub excess: f64,
    /// Errors by verdict, those that occur.
    pub verdicts: BTreeMap<Verdict, usize>,
    pub relation: Relation,
    /// Id of the lowest common ancestor of most information; `None` if there is none.
    pub lca: Option<String>,
    /// Mean cosine of the two labels' text prototypes over the images; `None` where they are not known.
    pub text_cosine: Option<f64>,
}

/// What is counted of a pair.
#[derive(Default)]
struct Tally {
    verdicts: BTreeMap<Verdict, usize>,
    cosine: (f64, usize),
}

/// The confusions of a run. With a `depth` each label stands for what is above it at that greatest depth (roots at 0): of several
/// the one of most information, ties by id; a label that is not as deep stands for itself.
///
/// # Errors
/// The run has a label that the taxonomy has not.
pub fn confusions(
    run: &Saved,
    taxonomy: &Taxonomy,
    depth: Option<usize>,
) -> Result<Confusions, UnknownLabel> {
    let groups = run
        .labels
        .iter()
        .map(|id| {
            let node = taxonomy.find(id).ok_or_else(|| UnknownLabel {
                label: id.clone(),
                taxonomy: taxonomy.name().to_owned(),
            })?;
            Ok(depth.map_or(node, |depth| group(taxonomy, node, depth)))
        })
        .collect::<Result<Vec<NodeId>, UnknownLabel>>()?;
    let (mut n, mut errors) = (0, 0);
    // By label, since only a label with itself is no error.
    let mut of_labels = vec![[0usize; 2]; run.labels.len()];
    let mut of_truth: BTreeMap<NodeId, usize> = BTreeMap::new();
    let mut of_answer: BTreeMap<NodeId, usize> = BTreeMap::new();
    let mut tallies: BTreeMap<(NodeId, NodeId), Tally> = BTreeMap::new();
    for row in &run.rows {
        let (Some(truth), Some(answer), Some(verdict)) = (row.truth, row.answer, row.verdict)
        else {
            continue;
        };
        of_labels[truth as usize][0] += 1;
        of_labels[answer as usize][1] += 1;
        let (truth, answer) = (groups[truth as usize], groups[answer as usize]);
        n += 1;
        *of_truth.entry(truth).or_default() += 1;
        *of_answer.entry(answer).or_default() += 1;
        if verdict == Verdict::Exact {
            continue;
        }
        errors += 1;
        let tally = tallies.entry((truth, answer)).or_default();
        *tally.verdicts.entry(verdict).or_default() += 1;
        if let Some(cosine) = row.text_cosine {
            tally.cosine.0 += cosine;
            tally.cosine.1 += 1;
        }
    }
    // Answers that chance makes exact, by the group that they are in.
    let mut exact: BTreeMap<NodeId, f64> = BTreeMap::new();
    for (&group, [truths, answers]) in groups.iter().zip(&of_labels) {
        *exact.entry(group).or_default() += *truths as f64 * *answers as f64;
    }
    let mut pairs: Vec<ConfusedPair> = tallies
        .into_iter()
        .map(|((truth, answer), tally)| {
            let count: usize = tally.verdicts.values().sum();
            let all = of_truth[&truth] as f64 * of_answer[&answer] as f64;
            let exact = exact.get(&truth).filter(|_| truth == answer);
            let expected = (all - exact.copied().unwrap_or(0.0)) / n as f64;
            ConfusedPair {
                truth: taxonomy.id(truth).to_owned(),
                answer: taxonomy.id(answer).to_owned(),
                count,
                expected,
                excess: count as f64 - expected,
                verdicts: tally.verdicts,
                relation: taxonomy.relation(answer, truth),
                lca: taxonomy
                    .lca(answer, truth)
                    .map(|l| taxonomy.id(l).to_owned()),
                text_cosine: (tally.cosine.1 > 0).then(|| tally.cosine.0 / tally.cosine.1 as f64),
            }
        })
        .collect();
    pairs.sort_by(|a, b| {
        let by_count = b.count.cmp(&a.count);
        by_count.then_with(|| (&a.truth, &a.answer).cmp(&(&b.truth, &b.answer)))
    });
    Ok(Confusions {
        n,
        errors,
        depth,
        pairs,
    })
}

/// What stands for a label at a depth.
fn group(taxonomy: &Taxonomy, node: NodeId, depth: usize) -> NodeId {
    let above = taxonomy.ancestors(node).into_iter();
    above
        .filter(|&a| taxonomy.representative(a) == a && taxonomy.depth(a).1 == depth)
        .max_by(|&a, &b| {
            let by_information = taxonomy.information(a).total_cmp(&taxonomy.information(b));
            by_information.then_with(|| taxonomy.id(b).cmp(taxonomy.id(a)))
        })
        .unwrap_or(node)
}
