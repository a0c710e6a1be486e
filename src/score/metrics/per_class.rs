//! Accuracy within each class, and averaged over classes (METHOD 6).

use std::collections::HashMap;

use serde::Serialize;

use crate::taxonomy::{NodeId, Taxonomy};

/// Accuracy by primary truth. Equivalent labels are classes of their own: `exact` tells them apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassRow {
    pub id: String,
    pub n: usize,
    /// Share of answers that are the primary truth.
    pub exact: f64,
    /// Share of answers that are valid: exact, synonym, also_valid or generalised (METHOD 4).
    pub valid: f64,
}

/// Counts over images.
#[derive(Debug, Clone, Default)]
pub struct PerClassSums {
    /// Of each primary truth the images, those answered exactly, and those with a valid answer.
    classes: HashMap<NodeId, [usize; 3]>,
}

impl PerClassSums {
    /// Adds an image with this primary truth.
    pub fn add(&mut self, truth: NodeId, is_exact: bool, is_valid: bool) {
        let [n, exact, valid] = self.classes.entry(truth).or_default();
        *n += 1;
        *exact += usize::from(is_exact);
        *valid += usize::from(is_valid);
    }

    pub fn finish(&self, taxonomy: &Taxonomy) -> PerClass {
        let mut rows: Vec<ClassRow> = self
            .classes
            .iter()
            .map(|(&class, &[n, exact, valid])| ClassRow {
                id: taxonomy.id(class).to_owned(),
                n,
                exact: exact as f64 / n as f64,
                valid: valid as f64 / n as f64,
            })
            .collect();
        rows.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        // In the order of the rows, so that a sum is the same each time.
        let mean = |of: fn(&ClassRow) -> f64| {
            let sum = || rows.iter().map(of).sum::<f64>();
            (!rows.is_empty()).then(|| sum() / rows.len() as f64)
        };
        PerClass {
            n: rows.iter().map(|row| row.n).sum(),
            macro_exact: mean(|row| row.exact),
            macro_valid: mean(|row| row.valid),
            rows,
        }
    }
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
