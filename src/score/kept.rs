//! Similarities that are kept from one scoring to the next, which asks for most of them again.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::answer::Similarities;
use super::matching::{Match, Matching};
use crate::matrix::Matrix;

/// How much memory kept similarities take, at most, in bytes: 1 GiB, 50,000 images × 5,000 labels.
pub const MOST_KEPT: usize = 1 << 30;

/// s(x,c) of all images and candidates, and what it was computed from: for the next scoring only the columns of labels whose
/// prompts are embedded otherwise are computed.
#[derive(Debug)]
pub struct Kept {
    images: Arc<Matrix>,
    strategy: Match,
    /// Of each candidate all that its column is made of, to the bit.
    labels: Vec<Vec<u32>>,
    /// n × candidates.
    values: Matrix,
}

/// Where the columns of a new matrix come from.
struct Origins {
    /// The earlier column of each candidate that has one.
    columns: Vec<Option<usize>>,
    /// Whether every column that is known stays where it was, and there are as many.
    in_place: bool,
}

impl Kept {
    /// The similarities of `matching`, which is of these images; those that `before` has are taken from there. `None` if they would
    /// take more than [`MOST_KEPT`]. Runs on the current rayon pool.
    pub fn new(
        images: &Arc<Matrix>,
        matching: &Matching<'_>,
        before: Option<Self>,
    ) -> Option<Self> {
        let candidates = matching.candidates();
        let size = images
            .rows()
            .checked_mul(candidates)?
            .checked_mul(size_of::<f32>())?;
        if candidates == 0 || size > MOST_KEPT {
            return None;
        }
        let bits = |c: usize| matching.of_label(c).collect();
        let labels: Vec<Vec<u32>> = (0..candidates).map(bits).collect();
        let strategy = matching.strategy();
        let before = before.filter(|b| Arc::ptr_eq(&b.images, images) && b.strategy == strategy);
        let origins = Origins::new(before.as_ref(), &labels);
        let values = match before {
            Some(before) if origins.in_place => {
                let mut values = before.values;
                origins.complete(matching, &mut values);
                values
            }
            before => {
                let mut values = Matrix::new(candidates, vec![0.0; images.rows() * candidates]);
                origins.fill(matching, before.map(|before| before.values), &mut values);
                values
            }
        };
        Some(Self {
            images: Arc::clone(images),
            strategy,
            labels,
            values,
        })
    }

    /// Whether the similarities of a matching of these images are all here, in its order.
    pub fn is_of(&self, images: &Arc<Matrix>, matching: &Matching<'_>) -> bool {
        let is_same =
            |(c, label): (usize, &Vec<u32>)| matching.of_label(c).eq(label.iter().copied());
        Arc::ptr_eq(&self.images, images)
            && self.strategy == matching.strategy()
            && self.labels.len() == matching.candidates()
            && self.labels.iter().enumerate().all(is_same)
    }

    /// The similarities, n × candidates.
    pub fn values(&self) -> &Matrix {
        &self.values
    }
}

impl Origins {
    fn new(before: Option<&Kept>, labels: &[Vec<u32>]) -> Self {
        let Some(before) = before else {
            return Self {
                columns: vec![None; labels.len()],
                in_place: false,
            };
        };
        let places: HashMap<&[u32], usize> =
            before.labels.iter().map(Vec::as_slice).zip(0..).collect();
        let columns = labels.iter().enumerate().map(|(c, label)| {
            // Of labels that are prompted alike, each stays where it is.
            let stays = before.labels.get(c) == Some(label);
            stays
                .then_some(c)
                .or_else(|| places.get(label.as_slice()).copied())
        });
        let columns: Vec<Option<usize>> = columns.collect();
        let stays = |(c, from): (usize, &Option<usize>)| from.is_none_or(|from| from == c);
        Self {
            in_place: labels.len() == before.labels.len() && columns.iter().enumerate().all(stays),
            columns,
        }
    }

    /// Computes the columns that are not known.
    fn complete(&self, matching: &Matching<'_>, values: &mut Matrix) {
        let new: Vec<usize> = (0..self.columns.len())
            .filter(|&c| self.columns[c].is_none())
            .collect();
        if new.is_empty() {
            return;
        }
        for_rows(values, |image, row, computed| {
            for &c in &new {
                matching.fill(image, c..c + 1, computed);
                row[c] = computed[0];
            }
        });
    }

    /// Copies the columns that are known, and computes the others.
    fn fill(&self, matching: &Matching<'_>, before: Option<Matrix>, values: &mut Matrix) {
        let Some(before) = before else {
            let all = 0..self.columns.len();
            for_rows(values, |image, row, computed| {
                matching.fill(image, all.clone(), computed);
                row.copy_from_slice(computed);
            });
            return;
        };
        for_rows(values, |image, row, computed| {
            let known = before.row(image);
            for (c, (value, from)) in row.iter_mut().zip(&self.columns).enumerate() {
                *value = match from {
                    Some(from) => known[*from],
                    None => {
                        matching.fill(image, c..c + 1, computed);
                        computed[0]
                    }
                };
            }
        });
    }
}

/// Visits every row, on all threads of the pool, with room for what is computed.
fn for_rows(values: &mut Matrix, visit: impl Fn(usize, &mut [f32], &mut Vec<f32>) + Sync) {
    let columns = values.cols();
    values
        .as_mut_slice()
        .par_chunks_exact_mut(columns)
        .enumerate()
        .for_each_init(Vec::new, |computed, (image, row)| {
            visit(image, row, computed)
        });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIM: usize = 3;

    /// A vector for each of a few labels; some share theirs.
    fn prompts(labels: &[usize]) -> Matrix {
        let value = |label: usize, d: usize| ((label * 7 + d * 3) % 11) as f32 - 4.5;
        let values = labels
            .iter()
            .flat_map(|&label| (0..DIM).map(move |d| value(label, d)));
        Matrix::new(DIM, values.collect())
    }

    proptest! {
        /// Whatever labels come, go, move and change: the same to the bit as if for the first time.
        #[test]
        fn what_is_kept_is_what_would_be_computed(
            lists in proptest::collection::vec(proptest::collection::vec(0usize..14, 1..9), 1..6),
            strategy in proptest::sample::select(vec![Match::Mean, Match::Max, Match::SmoothChamfer]),
        ) {
            let images = Arc::new(Matrix::new(DIM, (0..8 * DIM).map(|i| (i as f32).sin()).collect()));
            let mut kept = None;
            for labels in lists {
                let counts = vec![1; labels.len()];
                let matching = Matching::new(strategy, &images, None, &prompts(&labels).into(), &counts).unwrap();
                let was_there = kept.as_ref().is_some_and(|kept: &Kept| kept.is_of(&images, &matching));
                let now = Kept::new(&images, &matching, kept).unwrap();
                prop_assert!(now.is_of(&images, &matching));
                let anew = Kept::new(&images, &matching, None).unwrap();
                prop_assert_eq!(now.values(), anew.values());
                if was_there {
                    prop_assert_eq!(now.labels.len(), labels.len());
                }
                kept = Some(now);
            }
        }
    }

    #[test]
    fn other_images_and_another_strategy_have_other_similarities() {
        let images = |shift: f32| {
            let values = (0..4 * DIM).map(|i| (i as f32 + shift).cos());
            Arc::new(Matrix::new(DIM, values.collect()))
        };
        let (first, second) = (images(0.0), images(1.0));
        let prompts = prompts(&[1, 2, 3, 4]);
        let matching = |strategy, images| {
            Matching::new(strategy, images, None, &prompts.clone().into(), &[2, 2]).unwrap()
        };
        let mean = matching(Match::Mean, &first);
        let kept = Kept::new(&first, &mean, None).unwrap();
        let others = [(Match::Mean, &second), (Match::Max, &first)];
        assert!(
            others
                .iter()
                .all(|&(strategy, images)| !kept.is_of(images, &matching(strategy, images)))
        );
        let max = matching(Match::Max, &first);
        let kept = Kept::new(&first, &max, Some(kept)).unwrap();
        assert_eq!(
            kept.values(),
            Kept::new(&first, &max, None).unwrap().values()
        );
        let elsewhere = matching(Match::Max, &second);
        let kept = Kept::new(&second, &elsewhere, Some(kept)).unwrap();
        assert_eq!(
            kept.values(),
            Kept::new(&second, &elsewhere, None).unwrap().values()
        );
    }
}
