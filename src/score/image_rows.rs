//! What is summed up of each image, as the bootstrap draws it (METHOD 10).

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Rows that are kept, at most.
pub const MOST_ROWS: usize = 1 << 13;

/// Seed of the groups.
const SEED: u64 = 0;

/// A row an image. Of more than [`MOST_ROWS`] images, a row a group of images: as many groups, each image in one at random.
///
/// Drawing groups of independent images, with all their images, is as good as drawing the images: the variance of a sum is
/// the same on average, and off by some sqrt(2/8,192) of itself, so the width of an interval by 0.8 %; drawing 2,000
/// replicates leaves nearly three times that open. So memory and time are bounded however many images there are. At random, since
/// images next to one another may be alike: groups of such would be more different than groups are, groups of one of
/// each would be less.
#[derive(Debug, Clone)]
pub struct ImageRows {
    columns: usize,
    dense: Vec<f64>,
    /// Of each row the columns, beside those that every row has, in which it has a value, and the value.
    sparse: Vec<Vec<(u32, f64)>>,
    /// Which group is next, if there are groups.
    groups: Option<ChaCha8Rng>,
}

impl ImageRows {
    /// No row yet of this many images; every row has `columns` values, at least one.
    pub fn new(images: usize, columns: usize) -> Self {
        Self::with_most(MOST_ROWS, images, columns)
    }

    fn with_most(most: usize, images: usize, columns: usize) -> Self {
        let columns = columns.max(1);
        let groups = (images > most).then(|| ChaCha8Rng::seed_from_u64(SEED));
        let rows = if groups.is_some() { most } else { 0 };
        let mut dense = vec![0.0; rows * columns];
        dense.reserve_exact(images.min(most) * columns - rows * columns);
        Self {
            columns,
            dense,
            sparse: vec![Vec::new(); rows],
            groups,
        }
    }

    /// Adds the next image: a value for each column, and values for some others.
    pub fn add(&mut self, row: &[f64], others: &[(usize, f64)]) {
        debug_assert_eq!(row.len(), self.columns);
        let others = others.iter().map(|&(column, value)| (column as u32, value));
        let Some(groups) = &mut self.groups else {
            self.dense.extend_from_slice(row);
            self.sparse.push(others.collect());
            return;
        };
        let group = groups.random_range(0..self.sparse.len() as u32) as usize;
        let of_group = &mut self.dense[group * self.columns..(group + 1) * self.columns];
        for (sum, value) in of_group.iter_mut().zip(row) {
            *sum += value;
        }
        let sparse = &mut self.sparse[group];
        for (column, value) in others {
            match sparse.iter_mut().find(|(c, _)| *c == column) {
                Some((_, sum)) => *sum += value,
                None => sparse.push((column, value)),
            }
        }
    }

    /// The values that every row has, row by row.
    pub fn dense(&self) -> &[f64] {
        &self.dense
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The other values of each row.
    pub fn sparse(&self) -> &[Vec<(u32, f64)>] {
        &self.sparse
    }

    /// The sums over all images, of the columns that every row has and of as many others.
    pub fn sums(&self, sparse_columns: usize) -> (Vec<f64>, Vec<f64>) {
        let (mut dense, mut sparse) = (vec![0.0; self.columns], vec![0.0; sparse_columns]);
        for row in self.dense.chunks_exact(self.columns) {
            for (sum, value) in dense.iter_mut().zip(row) {
                *sum += value;
            }
        }
        for &(column, value) in self.sparse.iter().flatten() {
            sparse[column as usize] += value;
        }
        (dense, sparse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::bootstrap::Bootstrap;

    /// 3,000 images in 500 groups, sorted so that neighbours are alike: the same intervals as of the images, as closely as
    /// the docs say. The end of an interval is 1.96 standard errors from the mean; that of the variance is sqrt(2/500)
    /// of it, so that of an end is 1.96 · sqrt(2/500) / 2 = 0.062 of them, and with the replicates' own 0.085 it is 0.105.
    #[test]
    fn groups_are_drawn_as_images_are() {
        let rows = |most: usize| {
            let mut rows = ImageRows::with_most(most, 3000, 3);
            for i in 0..3000 {
                let value = f64::from(i) / 1000.0;
                rows.add(&[1.0, value, value * value], &[(i as usize / 1000, 1.0)]);
            }
            rows
        };
        let figures = |dense: &[f64], sparse: &[f64]| {
            let n = dense[0];
            vec![
                Some(dense[1] / n),
                Some(dense[2] / dense[1]),
                Some(sparse[1] / n),
            ]
        };
        let of = |most: usize| {
            let rows = rows(most);
            let (dense, sparse) = rows.sums(3);
            assert_eq!(sparse, [1000.0; 3]);
            let found = figures(&dense, &sparse);
            let intervals = Bootstrap::default().of_image_rows(&rows, 3, figures);
            (found, intervals)
        };
        let ((all, by_images), (same, by_groups)) = (of(3000), of(500));
        for (a, b) in all.iter().zip(&same) {
            assert!((a.unwrap() - b.unwrap()).abs() < 1e-12);
        }
        for (a, b) in by_images.iter().zip(&by_groups) {
            let (a, b) = (a.unwrap(), b.unwrap());
            let standard_error = (a.high - a.low) / 2.0 / 1.96;
            let allowed = 4.0 * 0.105 * standard_error;
            assert!((a.low - b.low).abs() < allowed, "{a:?} {b:?}");
            assert!((a.high - b.high).abs() < allowed, "{a:?} {b:?}");
        }
    }
}
