//! `rerank`: where prompts disagree, the best candidates are told apart by what is above and below them (Ge et al., Improving
//! zero-shot generalization and robustness of multi-modal models, CVPR 2023).
//!
//! The caller scores an image with several prompts and asks whether they [`disagree`]. If so, it encodes for each of the best
//! [`RERANKED`] candidates the texts of [`kinds_of`], "X, which is a kind of P", and [`rerank`]s by their similarities.

use std::cmp::Ordering;

use crate::taxonomy::{NodeId, Taxonomy};

/// Candidates that are rescored.
pub const RERANKED: usize = 5;

/// A text to be encoded for a candidate: "X, which is a kind of P".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KindOf {
    /// X: the candidate, or one of its direct children.
    pub what: NodeId,
    /// P: a parent of the *candidate*, also for its children, as published. `None` for a root: the text is "X".
    pub kind: Option<NodeId>,
}

/// The texts of one candidate: of its class and each direct child, with each of the candidate's parents. At least one.
///
/// The published code takes the first parent alone and at most ten children; here the order of a file decides nothing.
pub fn kinds_of(taxonomy: &Taxonomy, candidate: NodeId) -> Vec<KindOf> {
    let mut kinds: Vec<Option<NodeId>> = taxonomy.class_parents(candidate).map(Some).collect();
    if kinds.is_empty() {
        kinds.push(None);
    }
    let with_children = std::iter::once(candidate).chain(taxonomy.class_children(candidate));
    with_children
        .flat_map(|what| kinds.iter().map(move |&kind| KindOf { what, kind }))
        .collect()
}

/// Whether several prompts give several answers; `answers` are the best candidates by each.
pub fn disagree(answers: &[usize]) -> bool {
    answers.windows(2).any(|pair| pair[0] != pair[1])
}

/// The new order of the best candidates `top`, as indices into them: by the greatest of the similarities of their texts, ties by
/// `tie_order`, which compares two candidates by id.
///
/// `similarities[i]` are those of the image with the texts of `top[i]`; a candidate without any comes last.
pub fn rerank(
    top: &[usize],
    similarities: &[Vec<f32>],
    tie_order: impl Fn(usize, usize) -> Ordering,
) -> Vec<usize> {
    let greatest = |i: usize| {
        let of_texts = similarities.get(i).into_iter().flatten().copied();
        of_texts.fold(f32::NEG_INFINITY, f32::max)
    };
    let mut order: Vec<usize> = (0..top.len()).collect();
    order.sort_by(|&a, &b| {
        let by_similarity = greatest(b).total_cmp(&greatest(a));
        by_similarity.then_with(|| tie_order(top[a], top[b]))
    });
    order
}
