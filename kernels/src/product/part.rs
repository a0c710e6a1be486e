//! What all products have in common: how a matrix is cut into slices and panels, going over the tiles of a result, and what is done with
//! their sums.

use std::ops::Range;

use super::tile::Tile;
use super::{Rows, Then};

/// Inputs of a value that are summed in one go, at most: what is read of a row for a tile stays in the first cache, and the widths
/// of most models are summed in one.
pub const DEPTH: usize = 768;

/// Bytes of a block of weights that is gone through for each few rows: it stays in the second cache.
const BLOCK: usize = 192 * 1024;

/// How a matrix is laid out: for each slice of the inputs, for each panel of as many outputs as a tile has columns: inputs × columns, the
/// outputs side by side, zeros where there are none.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    pub tile: Tile,
    pub inputs: usize,
    pub outputs: usize,
}

impl Layout {
    /// The inputs that are summed in one go: slices of nearly the same size.
    pub fn slices(self) -> impl Iterator<Item = Range<usize>> {
        let size = self.inputs.div_ceil(DEPTH).max(1);
        let size = self.inputs.div_ceil(size).max(1);
        let firsts = (0..self.inputs).step_by(size);
        firsts.map(move |first| first..self.inputs.min(first + size))
    }

    /// The outputs of each panel.
    pub fn panels(self) -> impl Iterator<Item = Range<usize>> {
        let columns = self.tile.columns();
        let firsts = (0..self.outputs).step_by(columns);
        firsts.map(move |first| first..self.outputs.min(first + columns))
    }

    /// Outputs of all panels, those that there are not among them.
    pub fn columns(self) -> usize {
        self.outputs.next_multiple_of(self.tile.columns())
    }

    /// As many rows as whole tiles have.
    pub fn rows(self, count: usize) -> usize {
        count.next_multiple_of(self.tile.rows())
    }
}

/// The rows of one group of a tile, of which those beyond the last are the last once more: their results are dropped.
pub fn rows_of_group<const ROWS: usize>(
    rows: Rows<'_>,
    slice: Range<usize>,
    group: usize,
) -> [&[f32]; ROWS] {
    std::array::from_fn(|i| {
        let row = (group * ROWS + i).min(rows.count - 1);
        &rows.values[row * rows.stride..][slice.clone()]
    })
}

/// A slice of the inputs of all rows, and some panels of weights: a part of the sums of some columns of the result.
///
/// `R` and `W` are what a row and an output have for each step of the sums.
pub struct Part<'a, R, W> {
    pub layout: Layout,
    /// The inputs.
    pub slice: Range<usize>,
    /// For each group of as many rows as a tile has: steps × rows, the rows side by side.
    pub rows: &'a [R],
    pub count: usize,
    /// steps × columns each.
    pub panels: &'a [W],
    pub steps: usize,
    /// The first column.
    pub from: usize,
    pub out: &'a mut [f32],
    /// Values from one row of `out` to the next.
    pub stride: usize,
    pub then: Then<'a>,
}

impl<R, W> Part<'_, R, W> {
    /// Has it computed in blocks whose weights stay in the cache.
    pub fn in_blocks(self, mut compute: impl FnMut(Part<'_, R, W>)) {
        let columns = self.layout.tile.columns();
        let panel = self.steps * columns;
        let panels = (BLOCK / (panel * size_of::<W>())).max(1);
        for (block, weights) in self.panels.chunks(panels * panel).enumerate() {
            compute(Part {
                slice: self.slice.clone(),
                panels: weights,
                from: block * panels * columns,
                out: &mut *self.out,
                ..self
            });
        }
    }

    /// `sums(rows, weights, row, column)` are a tile's over the slice, of which these are the first row and column.
    #[inline(always)]
    pub fn compute_with<const ROWS: usize, const COLUMNS: usize>(
        &mut self,
        sums: impl Fn(&[R], &[W], usize, usize) -> [[f32; COLUMNS]; ROWS],
    ) {
        let groups = self.rows.chunks_exact(ROWS * self.steps);
        for (group, rows) in groups.enumerate() {
            let panels = self.panels.chunks_exact(COLUMNS * self.steps);
            for (panel, weights) in panels.enumerate() {
                let (row, column) = (group * ROWS, self.from + panel * COLUMNS);
                let mut sums = sums(rows, weights, row, column);
                let there = ROWS.min(self.count - row);
                // Of all but the last panels the number of columns is known to the compiler.
                if column + COLUMNS <= self.layout.outputs {
                    self.finish(&mut sums, row..row + there, column..column + COLUMNS);
                } else {
                    self.finish(&mut sums, row..row + there, column..self.layout.outputs);
                }
            }
        }
    }

    /// Puts what becomes of the sums for some rows and columns of the result.
    #[inline(always)]
    fn finish<const ROWS: usize, const COLUMNS: usize>(
        &mut self,
        sums: &mut [[f32; COLUMNS]; ROWS],
        rows: Range<usize>,
        columns: Range<usize>,
    ) {
        let width = columns.len();
        let start = rows.start * self.stride + columns.start;
        if self.slice.start > 0 || matches!(self.then, Then::AddTo(_)) {
            let before = self.out[start..].chunks(self.stride);
            for (sums, before) in sums.iter_mut().zip(before).take(rows.len()) {
                add(&mut sums[..width], &before[..width]);
            }
        }
        if self.slice.end == self.layout.inputs {
            match self.then {
                Then::Put => {}
                Then::Bias(bias) | Then::Activate(bias, _) | Then::AddTo(bias) => {
                    for sums in sums.iter_mut() {
                        add(&mut sums[..width], &bias[columns.clone()]);
                    }
                }
            }
            if let Then::Activate(_, activation) = self.then {
                // All at once: one value is a long chain of operations, many are worked on side by side.
                activation.apply(sums.as_flattened_mut());
            }
        }
        let out = self.out[start..].chunks_mut(self.stride);
        for (out, sums) in out.zip(sums).take(rows.len()) {
            out[..width].copy_from_slice(&sums[..width]);
        }
    }
}

#[inline(always)]
fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}
