//! Accuracy within each class, and averaged over classes (METHOD 6).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::score::figure::{Figure, add_row, mean};
use crate::taxonomy::{NodeId, Taxonomy};

/// Accuracy by primary truth. Equivalent labels are classes of their own: `exact` tells them apart.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct PerClass {
    /// Images.
    pub n: usize,
    /// A row for each label that is the primary truth of an image, by id.
    pub rows: Vec<ClassRow>,
    /// Mean of the rows' `exact`, whatever their n: class-balanced top-1 accuracy. `None` without images.
    pub macro_exact: Option<f64>,
    /// Mean of the rows' `valid`.
    pub macro_valid: Option<f64>,
}

/// The images with one primary truth. Shares are fractions in [0, 1].
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct ClassRow {
    pub id: String,
    pub n: usize,
    /// Share of answers that are the primary truth.
    pub exact: f64,
    /// Share of answers that are valid: exact, synonym, also_valid or generalised (METHOD 4).
    pub valid: f64,
}

/// Kinds of images of a class: neither exact nor valid, valid alone, exact alone, both.
const KINDS: usize = 4;

/// Counts over images.
#[derive(Debug, Clone, Default)]
pub struct PerClassSums {
    classes: HashMap<NodeId, [usize; KINDS]>,
}

impl PerClassSums {
    /// Adds an image with this primary truth.
    pub fn add(&mut self, truth: NodeId, is_exact: bool, is_valid: bool) {
        let kinds = self.classes.entry(truth).or_default();
        kinds[2 * usize::from(is_exact) + usize::from(is_valid)] += 1;
    }

    /// How many images of each class are of each kind: what the macro figures depend on. By id, so that a sum is the same
    /// each time.
    pub fn counts(&self, taxonomy: &Taxonomy) -> Vec<usize> {
        self.by_id(taxonomy).into_iter().flat_map(|c| c.1).collect()
    }

    fn by_id(&self, taxonomy: &Taxonomy) -> Vec<(NodeId, [usize; KINDS])> {
        let mut classes: Vec<_> = self.classes.iter().map(|(&c, &kinds)| (c, kinds)).collect();
        classes.sort_unstable_by_key(|&(class, _)| taxonomy.id(class));
        classes
    }

    pub fn finish(&self, taxonomy: &Taxonomy) -> PerClass {
        let row = |(class, kinds): (NodeId, [usize; KINDS])| {
            let (n, [exact, valid]) = shares(&kinds)?;
            let id = taxonomy.id(class).to_owned();
            Some(ClassRow {
                id,
                n,
                exact,
                valid,
            })
        };
        let rows: Vec<ClassRow> = self.by_id(taxonomy).into_iter().filter_map(row).collect();
        let [macro_exact, macro_valid] = macro_shares(&self.counts(taxonomy));
        PerClass {
            n: rows.iter().map(|row| row.n).sum(),
            macro_exact,
            macro_valid,
            rows,
        }
    }
}

/// Of the [kinds](KINDS) of a class: its images, and the shares of those that are exact and valid. `None` without images.
fn shares(kinds: &[usize]) -> Option<(usize, [f64; 2])> {
    let n = kinds.iter().sum();
    let share = |is_so: fn(usize) -> bool| {
        let so = kinds.iter().zip(0..).filter(|(_, kind)| is_so(*kind));
        so.map(|(count, _)| count).sum::<usize>() as f64 / n as f64
    };
    (n > 0).then(|| (n, [share(|kind| kind & 2 > 0), share(|kind| kind & 1 > 0)]))
}

/// Means over the classes that have images.
fn macro_shares(counts: &[usize]) -> [Option<f64>; 2] {
    let (mut classes, mut sums) = (0.0, [0.0; 2]);
    for kinds in counts.chunks_exact(KINDS) {
        if let Some((_, shares)) = shares(kinds) {
            classes += 1.0;
            add_row(&mut sums, &shares);
        }
    }
    sums.map(|sum| mean(sum, classes))
}

/// The macro figures of [counts](PerClassSums::counts), or of what was drawn of them.
pub fn named(counts: &[usize]) -> Vec<Figure> {
    let [exact, valid] = macro_shares(counts);
    let n = counts.iter().sum::<usize>() as f64;
    [("macro_exact", exact), ("macro_valid", valid)]
        .map(|(name, value)| Figure::new("metrics.per_class", name, value, n))
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::load_str;

    #[test]
    fn classes_count_alike_however_many_images_they_have() {
        let taxonomy = load_str("t", "tree: {figure: [square, circle, oblong]}")
            .into_sound()
            .unwrap();
        let node = |id: &str| taxonomy.find(id).unwrap();
        let mut sums = PerClassSums::default();
        for (is_exact, is_valid) in [(true, true), (true, true), (false, true), (false, false)] {
            sums.add(node("square"), is_exact, is_valid);
        }
        sums.add(node("circle"), false, false);
        let found = sums.finish(&taxonomy);
        let rows: Vec<_> = found
            .rows
            .iter()
            .map(|r| (&r.id[..], r.n, r.exact, r.valid))
            .collect();
        assert_eq!(rows, [("circle", 1, 0.0, 0.0), ("square", 4, 0.5, 0.75)]);
        assert_eq!(found.n, 5);
        assert_eq!(
            (found.macro_exact, found.macro_valid),
            (Some(0.25), Some(0.375))
        );
        let none = PerClassSums::default().finish(&taxonomy);
        assert_eq!((none.n, none.macro_exact), (0, None));
    }
}
