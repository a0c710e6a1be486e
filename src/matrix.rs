//! A row-major `f32` matrix: how embeddings travel between the rooms without naming a tensor library.

use std::ops::Range;

/// Row-major matrix of `f32`: `rows × cols`, one embedding a row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matrix {
    cols: usize,
    data: Vec<f32>,
}

impl Matrix {
    /// Wraps `data`, whose length must be a multiple of `cols`.
    ///
    /// # Panics
    /// If `data.len()` is not a multiple of `cols`: a programming error, never user input.
    pub fn new(cols: usize, data: Vec<f32>) -> Self {
        assert!(
            if cols == 0 {
                data.is_empty()
            } else {
                data.len().is_multiple_of(cols)
            },
            "{} values do not make rows of {cols}",
            data.len()
        );
        Self { cols, data }
    }

    /// Number of rows; 0 for a matrix without columns.
    pub fn rows(&self) -> usize {
        self.data.len().checked_div(self.cols).unwrap_or(0)
    }

    /// Number of columns: the embedding's dimension.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Row `i` as a slice of `cols` values.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.data[i * self.cols..(i + 1) * self.cols]
    }

    /// Row `i`, to be written.
    pub fn row_mut(&mut self, i: usize) -> &mut [f32] {
        &mut self.data[i * self.cols..(i + 1) * self.cols]
    }

    /// A copy of the first `count` rows, of which there must be as many.
    pub fn first_rows(&self, count: usize) -> Self {
        Self::new(self.cols, self.data[..count * self.cols].to_vec())
    }

    /// A copy of these columns, of which there must be as many.
    pub fn columns(&self, range: Range<usize>) -> Self {
        let rows = (0..self.rows()).flat_map(|i| &self.row(i)[range.clone()]);
        Self::new(range.len(), rows.copied().collect())
    }

    /// All values, row after row.
    pub fn as_slice(&self) -> &[f32] {
        &self.data
    }

    /// All values, row after row, to be written.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The values, row after row, by value.
    pub fn into_vec(self) -> Vec<f32> {
        self.data
    }
}
