//! Retrieval with every valid match as a positive: R@K, R-Precision and mAP@R, in both directions (METHOD 4).
//!
//! One positive a query counts what else is right as wrong. With all of them as positives, R@1 says little about the
//! ranking below it, so mAP@R stands beside it (Musgrave et al., A metric learning reality check, ECCV 2020; Chun et al.,
//! ECCV Caption, ECCV 2022).

use std::ops::Range;

use rayon::prelude::*;
use serde::Serialize;

/// The K of R@K.
pub const RECALL_AT: [usize; 3] = [1, 5, 10];

/// How many similarities are held at once, at most; of very many images, [`FEWEST_CANDIDATES`] of each.
const MOST_HELD: usize = if cfg!(test) { 64 } else { 1 << 24 };

/// Candidates in a block, at least: the price of asking for a block is that of asking for an image.
const FEWEST_CANDIDATES: usize = if cfg!(test) { 2 } else { 16 };

/// Images whose similarities to a candidate stand side by side.
const ABREAST: usize = if cfg!(test) { 4 } else { 64 };

/// `s(x, c)` of images and candidates (METHOD 2), computed when asked for: of many of both they are too many to be held.
pub trait Similarities: Sync {
    /// Number of images.
    fn images(&self) -> usize;

    /// Number of candidates.
    fn candidates(&self) -> usize;

    /// Makes `out` hold s(x, c) for the candidates of the range, in their order, and nothing else. Each pair is asked for
    /// once. NaN ranks below every number, and 0 equals −0.
    fn fill(&self, image: usize, candidates: Range<usize>, out: &mut Vec<f32>);
}

/// One query's figures: R is the number of its positives, and its gallery is ranked by similarity, best first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Query {
    /// R@K for each of [`RECALL_AT`]: whether any of the best K is positive. A smaller gallery counts whole.
    pub recall_at: [bool; RECALL_AT.len()],
    /// |top_R ∩ P| / R.
    pub r_precision: f64,
    /// AP@R = (1/R) Σ_{r ≤ R} [the r-th is positive] · (positives among the best r) / r.
    pub ap_at_r: f64,
}

impl Query {
    /// From which of the gallery's best are positive, at least the best max(R, 10) where there are as many.
    fn new(best: impl Iterator<Item = bool>, positives: usize) -> Self {
        let mut recall_at = [false; RECALL_AT.len()];
        let (mut found, mut precisions) = (0, 0.0);
        for (rank, _) in best.enumerate().filter(|(_, is_positive)| *is_positive) {
            for (hit, k) in recall_at.iter_mut().zip(RECALL_AT) {
                *hit |= rank < k;
            }
            if rank < positives {
                found += 1;
                precisions += found as f64 / (rank + 1) as f64;
            }
        }
        Self {
            recall_at,
            r_precision: found as f64 / positives as f64,
            ap_at_r: precisions / positives as f64,
        }
    }
}

/// The figures of each query in both directions; `None` for one without a positive.
#[derive(Debug, Clone, PartialEq)]
pub struct Queries {
    /// A query an image; its gallery is the candidates, its positives the valid ones.
    pub image_to_label: Vec<Option<Query>>,
    /// A query a candidate n; its gallery is all images, labelled or not, its positives those with a truth in desc(n).
    pub label_to_image: Vec<Option<Query>>,
}

/// Macro means over the queries, fractions in [0, 1]; `None` without a query.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Retrieval {
    /// From an image to the candidates.
    pub image_to_label: RetrievalFigures,
    /// From a candidate to the images.
    pub label_to_image: RetrievalFigures,
}

/// Macro means of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RetrievalFigures {
    /// Queries with a positive. Every figure below is over these.
    pub n: usize,
    /// Queries that were left out because nothing is positive.
    pub without_positive: usize,
    pub recall_at_1: Option<f64>,
    pub recall_at_5: Option<f64>,
    pub recall_at_10: Option<f64>,
    pub r_precision: Option<f64>,
    pub map_at_r: Option<f64>,
}

impl Queries {
    /// The means.
    pub fn finish(&self) -> Retrieval {
        Retrieval {
            image_to_label: means(&self.image_to_label),
            label_to_image: means(&self.label_to_image),
        }
    }
}

fn means(queries: &[Option<Query>]) -> RetrievalFigures {
    let n = queries.iter().flatten().count();
    let mean = |of: &dyn Fn(&Query) -> f64| {
        let sum = || queries.iter().flatten().map(of).sum::<f64>();
        (n > 0).then(|| sum() / n as f64)
    };
    let recall = |k: usize| mean(&|q| f64::from(u8::from(q.recall_at[k])));
    RetrievalFigures {
        n,
        without_positive: queries.len() - n,
        recall_at_1: recall(0),
        recall_at_5: recall(1),
        recall_at_10: recall(2),
        r_precision: mean(&|q| q.r_precision),
        map_at_r: mean(&|q| q.ap_at_r),
    }
}

/// Ranks the candidates for each image and the images for each candidate.
///
/// - `valid[i]`: the candidates that are valid for image `i`; empty where it has no label.
/// - `tie_order[c]` decides between candidates of equal similarity, least first: the rank of the candidate's id. Images
///   of equal similarity are in their own order.
/// - `images_of[c]`: the images with a truth in desc(c).
///
/// The lists are ascending, each index once and in range. Asks for each similarity once. Takes time in
/// images × candidates, and besides the lists memory for [`MOST_HELD`] similarities and, of each image, its best
/// max(R, 10) candidates. Runs on the current rayon pool; the result does not depend on the number of threads.
pub fn retrieval<S: Similarities>(
    similarities: &S,
    valid: &[impl AsRef<[usize]> + Sync],
    tie_order: &[usize],
    images_of: &[impl AsRef<[usize]> + Sync],
) -> Queries {
    let (n, candidates) = (similarities.images(), similarities.candidates());
    let mut best: Vec<Vec<u64>> = vec![Vec::new(); n];
    let mut label_to_image = Vec::with_capacity(candidates);
    let block = (MOST_HELD / n.max(1)).max(FEWEST_CANDIDATES);
    let mut held = Vec::new();
    for first in (0..candidates).step_by(block) {
        let block = first..candidates.min(first + block);
        // Of each group of images, a row a candidate: so both a group and a candidate are read in long strides.
        held.resize(n.div_ceil(ABREAST) * ABREAST * block.len(), 0.0);
        held.par_chunks_mut(ABREAST * block.len())
            .zip(best.par_chunks_mut(ABREAST))
            .enumerate()
            .for_each_init(Default::default, |scratch, (group, (tile, best))| {
                for (abreast, best) in best.iter_mut().enumerate() {
                    let image = group * ABREAST + abreast;
                    let row = scratch_row(scratch, similarities, image, block.clone());
                    for (of_candidate, &s) in tile.chunks_exact_mut(ABREAST).zip(row.iter()) {
                        of_candidate[abreast] = s;
                    }
                    keep_best(
                        scratch,
                        block.clone(),
                        valid[image].as_ref(),
                        tie_order,
                        best,
                    );
                }
            });
        let queries = block.clone().into_par_iter().map_init(Vec::new, |keys, c| {
            let column = held
                .chunks_exact(ABREAST * block.len())
                .flat_map(|tile| &tile[(c - first) * ABREAST..][..ABREAST]);
            rank_images(keys, column.take(n), images_of[c].as_ref())
        });
        label_to_image.par_extend(queries);
    }
    let image_to_label = best.par_iter_mut().zip(valid).map(|(best, valid)| {
        best.sort_unstable();
        let positives = valid.as_ref().len();
        (positives > 0).then(|| Query::new(best.iter().map(|&k| is_positive(k)), positives))
    });
    Queries {
        image_to_label: image_to_label.collect(),
        label_to_image,
    }
}

/// A row of similarities, and the keys that are made of it.
#[derive(Default)]
struct Scratch {
    row: Vec<f32>,
    keys: Vec<u64>,
}

fn scratch_row<'s>(
    scratch: &'s mut Scratch,
    similarities: &impl Similarities,
    image: usize,
    block: Range<usize>,
) -> &'s [f32] {
    similarities.fill(image, block.clone(), &mut scratch.row);
    debug_assert_eq!(scratch.row.len(), block.len(), "a similarity a candidate");
    &scratch.row
}

/// Adds a block of candidates, whose similarities are in `scratch.row`, to the best of an image.
fn keep_best(
    scratch: &mut Scratch,
    block: Range<usize>,
    valid: &[usize],
    tie_order: &[usize],
    best: &mut Vec<u64>,
) {
    if valid.is_empty() {
        return;
    }
    let Scratch { row, keys } = scratch;
    keys.clear();
    let first = block.start;
    keys.extend(row.iter().zip(block).map(|(&s, c)| key(s, tie_order[c])));
    mark(keys, first, valid);
    keys.append(best);
    only_best(keys, valid.len());
    best.extend_from_slice(keys);
}

/// Ranks all images for one candidate, whose similarities are in `column`.
fn rank_images<'s>(
    keys: &mut Vec<u64>,
    column: impl Iterator<Item = &'s f32>,
    positives: &[usize],
) -> Option<Query> {
    if positives.is_empty() {
        return None;
    }
    keys.clear();
    keys.extend(column.enumerate().map(|(image, &s)| key(s, image)));
    mark(keys, 0, positives);
    only_best(keys, positives.len());
    keys.sort_unstable();
    let best = keys.iter().map(|&k| is_positive(k));
    Some(Query::new(best, positives.len()))
}

/// What sorts a gallery, best first: the similarity, the order among equals, and whether it is positive. Two of a gallery
/// never differ in the last alone.
fn key(similarity: f32, tie_order: usize) -> u64 {
    let similarity = if similarity.is_nan() {
        f32::NEG_INFINITY
    } else {
        // Of −0 this makes 0.
        similarity + 0.0
    };
    let bits = similarity.to_bits();
    // Larger numbers have larger bits, negative ones the other way round; and then the other way round for all.
    let descending = if bits >> 31 == 1 {
        bits
    } else {
        !bits ^ (1 << 31)
    };
    u64::from(descending) << 32 | (tie_order as u64) << 1
}

fn is_positive(key: u64) -> bool {
    key & 1 == 1
}

/// Marks the positives among keys of `first`, `first + 1`, ….
fn mark(keys: &mut [u64], first: usize, positives: &[usize]) {
    let from = positives.partition_point(|&p| p < first);
    for &p in &positives[from..] {
        match keys.get_mut(p - first) {
            Some(key) => *key |= 1,
            None => break,
        }
    }
}

/// Leaves as many of the best as the figures of so many positives look at, in any order.
fn only_best(keys: &mut Vec<u64>, positives: usize) {
    let looked_at = positives.max(RECALL_AT[RECALL_AT.len() - 1]);
    if keys.len() > looked_at {
        keys.select_nth_unstable(looked_at);
        keys.truncate(looked_at);
    }
}

#[cfg(test)]
mod tests;
