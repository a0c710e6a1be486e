//! What the prompts of labels have in common: how far the templates of a set agree, how far the prompts of a label do, and
//! which labels lie near one another.

use rayon::prelude::*;

use super::answer::{dot, norm, prototypes};
use crate::matrix::Matrix;

/// How one template of a set does alone, over the images with a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TemplateAgreement {
    /// Its place in the set, from 0.
    pub template: usize,
    /// Images with a label.
    pub n: usize,
    /// Of these, the images whose best candidate by this template alone is the primary truth.
    pub right: usize,
    /// Of these, the images whose best candidate by this template alone is the best by the mean of all templates.
    pub agrees: usize,
}

/// Images that are compared with a label's prompts while these are in the nearest cache.
const IMAGES: usize = 64;

/// How the templates of a set agree, a row a template.
///
/// `images` is n × dim, unit rows; `truths[i]` is the candidate that image i is labelled with, `None` for one without a label or
/// with one that is no candidate: it is left out. `prompts` has a row a prompt, of any length but 0, as many of each candidate:
/// those of candidate c are the rows from `c * templates` on. Its mean is that of [`prototypes`]. Ties go to the lower candidate.
///
/// Takes a product of vectors for each image and prompt. Runs on the current rayon pool; the result does not depend on its size.
///
/// # Panics
/// If the rows of `prompts` are no multiple of `templates`, or `truths` are not as many as the images: programming errors.
pub fn template_agreement(
    images: &Matrix,
    prompts: &Matrix,
    templates: usize,
    truths: &[Option<usize>],
) -> Vec<TemplateAgreement> {
    assert!(prompts.rows().is_multiple_of(templates.max(1)));
    assert_eq!(images.rows(), truths.len());
    let candidates = prompts.rows().checked_div(templates).unwrap_or(0);
    let labelled: Vec<(usize, usize)> = (0..)
        .zip(truths)
        .filter_map(|(i, &truth)| Some((i, truth?)))
        .filter(|_| candidates > 0)
        .collect();
    let mean = prototypes(prompts, &vec![templates; candidates]);
    let unit = prototypes(prompts, &vec![1; prompts.rows()]);
    let none = || -> Vec<TemplateAgreement> {
        let blank = |template| TemplateAgreement {
            template,
            ..TemplateAgreement::default()
        };
        (0..templates).map(blank).collect()
    };
    let of_block = |block: &[(usize, usize)]| {
        let alone = best_of(images, block, &unit, templates);
        let together = best_of(images, block, &mean, 1);
        let mut found = none();
        for ((&(_, truth), alone), together) in block
            .iter()
            .zip(alone.chunks_exact(templates))
            .zip(together)
        {
            for (row, &best) in found.iter_mut().zip(alone) {
                row.n += 1;
                row.right += usize::from(best == truth);
                row.agrees += usize::from(best == together);
            }
        }
        found
    };
    let add = |mut a: Vec<TemplateAgreement>, b: Vec<TemplateAgreement>| {
        for (a, b) in a.iter_mut().zip(b) {
            a.n += b.n;
            a.right += b.right;
            a.agrees += b.agrees;
        }
        a
    };
    labelled.par_chunks(IMAGES).map(of_block).reduce(none, add)
}

/// The best candidate of each of these images by each of `of_each` rows that every candidate has: image by image.
fn best_of(images: &Matrix, block: &[(usize, usize)], rows: &Matrix, of_each: usize) -> Vec<usize> {
    let mut best = vec![(f32::NEG_INFINITY, 0); block.len() * of_each];
    for candidate in 0..rows.rows() / of_each {
        let start = candidate * of_each;
        for (&(image, _), best) in block.iter().zip(best.chunks_exact_mut(of_each)) {
            for (row, best) in (start..).zip(best) {
                let cosine = dot(images.row(image), rows.row(row));
                if cosine > best.0 {
                    *best = (cosine, candidate);
                }
            }
        }
    }
    best.into_iter().map(|(_, candidate)| candidate).collect()
}

/// The mean cosine between two prompts of a label, for each label: 1 where all say the same. `None` of a label with fewer than two.
///
/// `prompts` has a row a prompt, of any length but 0; `counts[i]` is the number of consecutive rows that belong to label i. With
/// unit vectors u and m of them it is (‖Σu‖² − m) / (m (m − 1)), so that it is linear in the prompts; sums are in f64.
pub fn prompt_cosines(prompts: &Matrix, counts: &[usize]) -> Vec<Option<f64>> {
    let mut next = 0;
    let mut cosines = Vec::with_capacity(counts.len());
    for &count in counts {
        let mut sum = vec![0f64; prompts.cols()];
        let mut own = 0.0;
        for row in next..next + count {
            let row = prompts.row(row);
            let length = norm(row.iter().map(|&v| f64::from(v)));
            for (sum, &value) in sum.iter_mut().zip(row) {
                let value = f64::from(value) / length;
                *sum += value;
                own += value * value;
            }
        }
        next += count;
        let all: f64 = sum.iter().map(|v| v * v).sum();
        let pairs = count as f64 * (count as f64 - 1.0);
        cosines.push((count > 1).then(|| ((all - own) / pairs).clamp(-1.0, 1.0)));
    }
    cosines
}

/// Labels that are compared while their prototypes are in the nearest cache.
const LABELS: usize = 64;

/// The `most` labels nearest to each, itself left out: their numbers and cosines, nearest first, ties by number.
///
/// `prototypes` has a unit row a label. Takes a product of vectors for each pair of labels, twice, and memory in the labels times
/// `most`. Runs on the current rayon pool; the result does not depend on its size.
pub fn nearest_labels(prototypes: &Matrix, most: usize) -> Vec<Vec<(usize, f64)>> {
    let labels: Vec<usize> = (0..prototypes.rows()).collect();
    let of_block = |block: &[usize]| {
        let mut nearest: Vec<Vec<(usize, f32)>> = vec![Vec::new(); block.len()];
        for others in labels.chunks(LABELS) {
            for (&label, nearest) in block.iter().zip(&mut nearest) {
                for &other in others.iter().filter(|&&other| other != label) {
                    let cosine = dot(prototypes.row(label), prototypes.row(other));
                    keep(nearest, most, other, cosine);
                }
            }
        }
        nearest
    };
    let blocks: Vec<Vec<Vec<(usize, f32)>>> = labels.par_chunks(LABELS).map(of_block).collect();
    let exact = |(label, cosine)| (label, f64::from(cosine));
    let lists = blocks.into_iter().flatten();
    lists
        .map(|list| list.into_iter().map(exact).collect())
        .collect()
}

/// Puts a label to its place among the best `most`; it comes after those that were met and are as near.
fn keep(nearest: &mut Vec<(usize, f32)>, most: usize, label: usize, cosine: f32) {
    if nearest.len() == most {
        match nearest.last() {
            Some(last) if cosine > last.1 => nearest.pop(),
            _ => return,
        };
    }
    let place = nearest.partition_point(|&(_, known)| known >= cosine);
    nearest.insert(place, (label, cosine));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIM: usize = 3;

    fn matrix(rows: usize) -> impl Strategy<Value = Matrix> {
        // Few values, so that there are ties.
        let values = proptest::collection::vec(-2i8..=2, rows * DIM);
        values.prop_map(|values| {
            let mut data: Vec<f32> = values.into_iter().map(f32::from).collect();
            // No row is 0.
            data.chunks_exact_mut(DIM).for_each(|row| row[0] += 0.25);
            prototypes(&Matrix::new(DIM, data.clone()), &vec![1; data.len() / DIM])
        })
    }

    fn cosine(a: &[f32], b: &[f32]) -> f64 {
        f64::from(dot(a, b))
    }

    /// The first of the best.
    fn first_best(cosines: impl Iterator<Item = f64>) -> usize {
        let mut best = (f64::NEG_INFINITY, 0);
        for (c, cosine) in cosines.enumerate() {
            if cosine > best.0 {
                best = (cosine, c);
            }
        }
        best.1
    }

    fn sets() -> impl Strategy<Value = (Matrix, Matrix, usize, Vec<Option<usize>>)> {
        (1usize..5, 1usize..4, 0usize..150).prop_flat_map(|(candidates, templates, n)| {
            let truths = proptest::option::weighted(0.8, 0..candidates);
            let truths = proptest::collection::vec(truths, n);
            (
                matrix(n),
                matrix(candidates * templates),
                Just(templates),
                truths,
            )
        })
    }

    #[test]
    fn two_templates_by_hand() {
        let images = Matrix::new(2, vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
        // Candidates lie at the axes by the first template, and both at the first axis by the second.
        let prompts = Matrix::new(2, vec![1.0, 0.0, 2.0, 0.0, 0.0, 1.0, 3.0, 0.0]);
        let truths = [Some(0), Some(1), None];
        let found = template_agreement(&images, &prompts, 2, &truths);
        let row = |template, right, agrees| TemplateAgreement {
            template,
            n: 2,
            right,
            agrees,
        };
        // By the second template both are alike: the lower candidate.
        assert_eq!(found, [row(0, 2, 2), row(1, 1, 1)]);
        let none = template_agreement(&Matrix::default(), &Matrix::default(), 2, &[]);
        assert_eq!(none.len(), 2);
        assert_eq!(template_agreement(&images, &prompts, 0, &truths), []);
    }

    #[test]
    fn a_label_of_one_prompt_agrees_with_nothing() {
        let prompts = Matrix::new(2, vec![1.0, 0.0, 5.0, 0.0, 1.0, 0.0, 0.0, 2.0]);
        let found = prompt_cosines(&prompts, &[1, 2, 1, 0]);
        assert_eq!(found, [None, Some(1.0), None, None]);
        assert_eq!(prompt_cosines(&prompts, &[4])[0], Some(0.5));
    }

    proptest! {
        #[test]
        fn templates_one_by_one((images, prompts, templates, truths) in sets()) {
            let candidates = prompts.rows() / templates;
            let mean = prototypes(&prompts, &vec![templates; candidates]);
            let unit = prototypes(&prompts, &vec![1; prompts.rows()]);
            let found = template_agreement(&images, &prompts, templates, &truths);
            for (template, found) in found.into_iter().enumerate() {
                let mut expected = TemplateAgreement { template, ..Default::default() };
                for (i, truth) in truths.iter().enumerate() {
                    let Some(truth) = truth else { continue };
                    let image = images.row(i);
                    let by = |row: usize| cosine(image, unit.row(row));
                    let alone = first_best((0..candidates).map(|c| by(c * templates + template)));
                    let all = first_best((0..candidates).map(|c| cosine(image, mean.row(c))));
                    expected.n += 1;
                    expected.right += usize::from(alone == *truth);
                    expected.agrees += usize::from(alone == all);
                }
                prop_assert_eq!(found, expected);
            }
        }

        #[test]
        fn prompts_pair_by_pair(prompts in matrix(7), first in 0usize..8) {
            let counts = [first, 7 - first];
            let found = prompt_cosines(&prompts, &counts);
            for (rows, found) in [0..first, first..7].into_iter().zip(found) {
                let pairs: Vec<f64> = rows.clone()
                    .flat_map(|a| rows.clone().filter(move |&b| b != a).map(move |b| (a, b)))
                    .map(|(a, b)| cosine(prompts.row(a), prompts.row(b)))
                    .collect();
                prop_assert_eq!(found.is_some(), !pairs.is_empty());
                if let Some(found) = found {
                    let mean = pairs.iter().sum::<f64>() / pairs.len() as f64;
                    prop_assert!((found - mean).abs() < 1e-6);
                }
            }
        }

        #[test]
        fn the_nearest_are_the_head_of_all(labels in (0usize..140).prop_flat_map(matrix), most in 0usize..6) {
            let found = nearest_labels(&labels, most);
            prop_assert_eq!(found.len(), labels.rows());
            for (label, found) in found.into_iter().enumerate() {
                let others = (0..labels.rows()).filter(|&other| other != label);
                let mut all: Vec<(usize, f64)> = others
                    .map(|other| (other, cosine(labels.row(label), labels.row(other))))
                    .collect();
                all.sort_by(|a, b| b.1.total_cmp(&a.1));
                all.truncate(most);
                prop_assert_eq!(found, all);
            }
        }
    }
}
