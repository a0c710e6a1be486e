//! Retrieval with every valid match as a positive: R@K, R-Precision and mAP@R, in both directions (METHOD 4).
//!
//! One positive a query counts what else is right as wrong. With all of them as positives, R@1 says little about the
//! ranking below it, so mAP@R stands beside it (Musgrave et al., A metric learning reality check, ECCV 2020; Chun et al.,
//! ECCV Caption, ECCV 2022).

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::answer::Similarities;
use super::figure::{Figure, add_row, mean, one_if};
use super::stop::{Stop, Stopped};

/// The K of R@K.
pub const RECALL_AT: [usize; 3] = [1, 5, 10];

/// How many similarities are held at once, at most; of very many images, [`FEWEST_CANDIDATES`] of each.
const MOST_HELD: usize = if cfg!(test) { 64 } else { 1 << 24 };

/// Candidates in a block, at least: the price of asking for a block is that of asking for an image.
const FEWEST_CANDIDATES: usize = if cfg!(test) { 2 } else { 16 };

/// Images whose similarities to a candidate stand side by side.
const ABREAST: usize = if cfg!(test) { 4 } else { 64 };

/// How many may wait to be cut from the best of a gallery, at least.
const BATCH: usize = if cfg!(test) { 1 } else { 64 };

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

    /// What is summed up of the query.
    pub(super) fn row(&self) -> [f64; COLUMNS] {
        let [at_1, at_5, at_10] = self.recall_at.map(one_if);
        [1.0, at_1, at_5, at_10, self.r_precision, self.ap_at_r]
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
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct Retrieval {
    /// From an image to the candidates.
    pub image_to_label: RetrievalFigures,
    /// From a candidate to the images.
    pub label_to_image: RetrievalFigures,
}

/// Macro means of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
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

/// Columns that are summed over the queries: ones, and then what the figures are means of, in their order.
pub const COLUMNS: usize = 3 + RECALL_AT.len();

fn means(queries: &[Option<Query>]) -> RetrievalFigures {
    let mut sums = [0.0; COLUMNS];
    for query in queries.iter().flatten() {
        add_row(&mut sums, &query.row());
    }
    let found = figures(&sums);
    RetrievalFigures {
        without_positive: queries.len() - found.n,
        ..found
    }
}

fn figures(sums: &[f64]) -> RetrievalFigures {
    let mean = |column: usize| mean(sums[column], sums[0]);
    RetrievalFigures {
        n: sums[0] as usize,
        without_positive: 0,
        recall_at_1: mean(1),
        recall_at_5: mean(2),
        recall_at_10: mean(3),
        r_precision: mean(4),
        map_at_r: mean(5),
    }
}

/// The figures of sums of the [columns](COLUMNS).
pub fn named(sums: &[f64], family: &'static str) -> Vec<Figure> {
    let found = figures(sums);
    [
        ("recall_at_1", found.recall_at_1),
        ("recall_at_5", found.recall_at_5),
        ("recall_at_10", found.recall_at_10),
        ("r_precision", found.r_precision),
        ("map_at_r", found.map_at_r),
    ]
    .map(|(name, value)| Figure::new(family, name, value, sums[0]))
    .to_vec()
}

/// Ranks the candidates for each image and the images for each candidate.
///
/// - `valid[i]`: the candidates that are valid for image `i`; empty where it has no label.
/// - `tie_order[c]` decides between candidates of equal similarity, least first: the rank of the candidate's id. Images
///   of equal similarity are in their own order.
/// - `images_of[c]`: the images with a truth in desc(c).
///
/// The lists are ascending, each index once and in range. Asks for each similarity once. Takes time in
/// images × candidates, and besides the lists memory for some 16 million similarities (of more than a million images, for
/// 16 of each) and, of each image, for its best max(R, 10) candidates. Runs on the current rayon pool; the result does not depend on the number of threads.
///
/// # Errors
/// It was to end before it was done.
pub fn retrieval<S: Similarities + ?Sized>(
    similarities: &S,
    valid: &[impl AsRef<[usize]> + Sync],
    tie_order: &[usize],
    images_of: &[impl AsRef<[usize]> + Sync],
    stop: Stop<'_>,
) -> Result<Queries, Stopped> {
    let (n, candidates) = (similarities.images(), similarities.candidates());
    let mut best: Vec<Vec<u64>> = vec![Vec::new(); n];
    let mut label_to_image = Vec::with_capacity(candidates);
    let block = (MOST_HELD / n.max(1)).max(FEWEST_CANDIDATES);
    let mut held = Vec::new();
    for first in (0..candidates).step_by(block) {
        stop.check()?;
        let block = first..candidates.min(first + block);
        // Of each group of images, a row a candidate: so both a group and a candidate are read in long strides.
        held.resize(n.div_ceil(ABREAST) * ABREAST * block.len(), 0.0);
        held.par_chunks_mut(ABREAST * block.len())
            .zip(best.par_chunks_mut(ABREAST))
            .enumerate()
            .for_each_init(
                || (Vec::new(), Vec::new(), Marks::new(candidates)),
                |(row, keys, marks), (group, (tile, best))| {
                    for (abreast, best) in best.iter_mut().enumerate() {
                        let image = group * ABREAST + abreast;
                        similarities.fill(image, block.clone(), row);
                        for (of_candidate, &s) in tile.chunks_exact_mut(ABREAST).zip(row.iter()) {
                            of_candidate[abreast] = s;
                        }
                        marks.with(valid[image].as_ref(), |marks, positives| {
                            // Not in place: what is kept of each image has no room for what is to be cut.
                            keys.clear();
                            keys.append(best);
                            let mut gallery = Gallery::new(keys, positives);
                            for (c, &s) in block.clone().zip(row.iter()) {
                                gallery.add(s, || (tie_order[c], marks[c]));
                            }
                            gallery.cut();
                            best.extend_from_slice(keys);
                        });
                    }
                },
            );
        let queries = block.clone().into_par_iter().map_init(
            || (Vec::new(), Marks::new(n)),
            |(keys, marks), c| {
                marks.with(images_of[c].as_ref(), |marks, positives| {
                    keys.clear();
                    let mut gallery = Gallery::new(keys, positives);
                    for (group, tile) in held.chunks_exact(ABREAST * block.len()).enumerate() {
                        let images = group * ABREAST..n;
                        for (image, &s) in images.zip(&tile[(c - first) * ABREAST..][..ABREAST]) {
                            gallery.add(s, || (image, marks[image]));
                        }
                    }
                    gallery.query()
                })
            },
        );
        label_to_image.par_extend(queries);
    }
    let image_to_label = best.par_iter_mut().zip(valid).map(|(best, valid)| {
        let positives = valid.as_ref().len();
        (positives > 0).then(|| Gallery::new(best, positives).query())
    });
    Ok(Queries {
        image_to_label: image_to_label.collect(),
        label_to_image,
    })
}

/// Which of a gallery are positive.
struct Marks(Vec<bool>);

impl Marks {
    fn new(gallery: usize) -> Self {
        Self(vec![false; gallery])
    }

    /// What `then` makes of the marks of these positives, and of their number; `None` of none.
    fn with<T>(
        &mut self,
        positives: &[usize],
        then: impl FnOnce(&[bool], usize) -> T,
    ) -> Option<T> {
        if positives.is_empty() {
            return None;
        }
        positives.iter().for_each(|&p| self.0[p] = true);
        let made = then(&self.0, positives.len());
        positives.iter().for_each(|&p| self.0[p] = false);
        Some(made)
    }
}

/// The best of a gallery, as many as the figures of its query look at, in any order, and some that are to be cut.
struct Gallery<'k> {
    /// What sorts a gallery, best first: 32 bits of similarity, 31 of the order among equals, and whether it is positive.
    /// Two of a gallery never differ in the last alone.
    keys: &'k mut Vec<u64>,
    positives: usize,
    looked_at: usize,
    /// What ranks behind this is not among the best.
    last: u32,
}

impl<'k> Gallery<'k> {
    /// Goes on from what was left of a part of the gallery.
    fn new(keys: &'k mut Vec<u64>, positives: usize) -> Self {
        let looked_at = positives.max(RECALL_AT[RECALL_AT.len() - 1]);
        let last = match keys.iter().max() {
            Some(last) if keys.len() >= looked_at => (last >> 32) as u32,
            _ => u32::MAX,
        };
        Self {
            keys,
            positives,
            looked_at,
            last,
        }
    }

    /// Adds one with this similarity; `of` tells its order among equals and whether it is positive.
    fn add(&mut self, similarity: f32, of: impl FnOnce() -> (usize, bool)) {
        let place = descending(similarity);
        if place > self.last {
            return;
        }
        let (tie_order, is_positive) = of();
        self.keys
            .push(u64::from(place) << 32 | (tie_order as u64) << 1 | u64::from(is_positive));
        // In batches, so that it is paid for by those that were added.
        if self.keys.len() >= self.looked_at + self.looked_at.max(BATCH) {
            self.cut();
        }
    }

    /// Leaves the best alone.
    fn cut(&mut self) {
        if self.keys.len() > self.looked_at {
            let (_, &mut last, _) = self.keys.select_nth_unstable(self.looked_at - 1);
            self.keys.truncate(self.looked_at);
            self.last = (last >> 32) as u32;
        }
    }

    fn query(mut self) -> Query {
        self.cut();
        self.keys.sort_unstable();
        Query::new(self.keys.iter().map(|key| key & 1 == 1), self.positives)
    }
}

/// A number that is the smaller the larger the similarity.
fn descending(similarity: f32) -> u32 {
    let similarity = if similarity.is_nan() {
        f32::NEG_INFINITY
    } else {
        // Of −0 this makes 0.
        similarity + 0.0
    };
    let bits = similarity.to_bits();
    // The bits of positive numbers ascend with them, those of negative ones descend.
    if bits >> 31 == 1 {
        bits
    } else {
        !bits ^ (1 << 31)
    }
}

#[cfg(test)]
mod tests;
