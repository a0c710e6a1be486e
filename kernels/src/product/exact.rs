//! Products in f32.

use std::ops::Range;

use super::aligned::Aligned;
use super::part::{Layout, Part, rows_of_group};
use super::tile::Tile;
use super::{Rows, Scratch, Then};

/// A matrix to multiply by, laid out for this machine: the weights of a layer, or what takes their place in attention.
pub struct Packed {
    layout: Layout,
    values: Aligned<f32>,
}

impl Default for Packed {
    fn default() -> Self {
        Self::of_tile(Tile::of_this_machine())
    }
}

impl Packed {
    pub(super) fn of_tile(tile: Tile) -> Self {
        let layout = Layout {
            tile,
            inputs: 0,
            outputs: 0,
        };
        Self {
            layout,
            values: Aligned::default(),
        }
    }

    /// Lays out a matrix whose value for output `o` and input `i` is `values[o · strides[0] + i · strides[1]]`.
    pub fn new(values: &[f32], [outputs, inputs]: [usize; 2], strides: [usize; 2]) -> Self {
        let mut packed = Self::default();
        packed.refill(values, [outputs, inputs], strides);
        packed
    }

    /// As [`Packed::new`], in the memory of what was here.
    pub fn refill(
        &mut self,
        values: &[f32],
        [outputs, inputs]: [usize; 2],
        [output_stride, input_stride]: [usize; 2],
    ) {
        (self.layout.inputs, self.layout.outputs) = (inputs, outputs);
        let (layout, columns) = (self.layout, self.layout.tile.columns());
        let mut rest = self.values.sized(layout.columns() * inputs);
        for slice in layout.slices() {
            for panel in layout.panels() {
                let out;
                (out, rest) = rest.split_at_mut(slice.len() * columns);
                if panel.len() < columns {
                    out.fill(0.0);
                }
                if output_stride == 1 {
                    for (i, out) in slice.clone().zip(out.chunks_exact_mut(columns)) {
                        let from = &values[panel.start + i * input_stride..];
                        out[..panel.len()].copy_from_slice(&from[..panel.len()]);
                    }
                    continue;
                }
                for (o, output) in panel.enumerate() {
                    let from = output * output_stride + slice.start * input_stride;
                    let inputs = values[from..].iter().step_by(input_stride);
                    for (out, &value) in out.chunks_exact_mut(columns).zip(inputs) {
                        out[o] = value;
                    }
                }
            }
        }
    }

    /// Values of a row that it multiplies.
    pub fn inputs(&self) -> usize {
        self.layout.inputs
    }

    /// `out = rows · selfᵀ`, and `then`. The rows of `out` begin `out_stride` values apart.
    ///
    /// # Panics
    /// If rows are shorter than the inputs, or those of `out` than the outputs.
    pub fn multiply(
        &self,
        rows: Rows<'_>,
        out: &mut [f32],
        out_stride: usize,
        then: Then<'_>,
        scratch: &mut Scratch,
    ) {
        let layout = self.layout;
        assert!(out_stride >= layout.outputs && rows.stride >= layout.inputs);
        let mut weights = self.values.get();
        for slice in layout.slices() {
            let packed = layout.rows(rows.count) * slice.len();
            let packed = scratch.values.sized(packed);
            pack_rows(layout.tile, rows, &slice, packed);
            let of_slice;
            (of_slice, weights) = weights.split_at(layout.columns() * slice.len());
            let part = Part {
                layout,
                steps: slice.len(),
                slice,
                rows: packed,
                count: rows.count,
                panels: of_slice,
                from: 0,
                out: &mut *out,
                stride: out_stride,
                then,
            };
            part.in_blocks(compute);
        }
    }
}

/// Lays out a slice of the rows: for each group of as many as a tile has, inputs × rows, the rows side by side.
fn pack_rows(tile: Tile, rows: Rows<'_>, slice: &Range<usize>, out: &mut [f32]) {
    match tile {
        Tile::Avx512 => pack_rows_of::<12>(rows, slice, out),
        Tile::Avx2 => pack_rows_of::<6>(rows, slice, out),
        Tile::Baseline => pack_rows_of::<4>(rows, slice, out),
    }
}

fn pack_rows_of<const ROWS: usize>(rows: Rows<'_>, slice: &Range<usize>, out: &mut [f32]) {
    for (group, out) in out.chunks_exact_mut(ROWS * slice.len()).enumerate() {
        let rows: [&[f32]; ROWS] = rows_of_group(rows, slice.clone(), group);
        let (out, _) = out.as_chunks_mut::<ROWS>();
        for (i, out) in out.iter_mut().enumerate().take(slice.len()) {
            for (out, row) in out.iter_mut().zip(rows) {
                *out = row[i];
            }
        }
    }
}

fn compute(mut part: Part<'_, f32, f32>) {
    match part.layout.tile {
        #[cfg(target_arch = "x86_64")]
        Tile::Avx512 => {
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn compute(mut part: Part<'_, f32, f32>) {
                part.compute_with(|rows, weights, _, _| sums_avx512(rows, weights));
            }
            // SAFETY: the tile is of this machine, which was asked for these features.
            unsafe { compute(part) }
        }
        #[cfg(target_arch = "x86_64")]
        Tile::Avx2 => {
            #[target_feature(enable = "avx2,fma")]
            fn compute(mut part: Part<'_, f32, f32>) {
                part.compute_with(|rows, weights, _, _| sums_avx2(rows, weights));
            }
            // SAFETY: the tile is of this machine, which was asked for these features.
            unsafe { compute(part) }
        }
        _ => part.compute_with(|rows, weights, _, _| sums_of_any::<4, 16>(rows, weights)),
    }
}

/// Defines the sums of a tile over a slice of the inputs, of two vectors of columns, for one width of vectors. What the compiler makes of plain
/// loops is as fast for some widths, and for others goes through memory for each product.
macro_rules! sums {
    (
        $name:ident, $rows:literal x $columns:literal, $features:literal,
        $zero:ident, $load:ident, $splat:ident, $mul_add:ident, $store:ident
    ) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $features)]
        fn $name(rows: &[f32], weights: &[f32]) -> [[f32; $columns]; $rows] {
            use std::arch::x86_64::*;
            const LANES: usize = $columns / 2;
            let mut sums = [[$zero(); 2]; $rows];
            let (rows, _) = rows.as_chunks::<$rows>();
            let (weights, _) = weights.as_chunks::<$columns>();
            for (rows, weights) in rows.iter().zip(weights) {
                // SAFETY: both vectors are inside of the array.
                let [first, second] =
                    unsafe { [0, LANES].map(|lane| $load(weights.as_ptr().add(lane))) };
                for i in 0..$rows {
                    let value = $splat(rows[i]);
                    sums[i][0] = $mul_add(value, first, sums[i][0]);
                    sums[i][1] = $mul_add(value, second, sums[i][1]);
                }
            }
            let mut out = [[0.0; $columns]; $rows];
            for (out, [first, second]) in out.iter_mut().zip(sums) {
                // SAFETY: both vectors are inside of the array.
                unsafe {
                    $store(out.as_mut_ptr(), first);
                    $store(out.as_mut_ptr().add(LANES), second);
                }
            }
            out
        }
    };
}

sums! {
    sums_avx512, 12 x 32, "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma",
    _mm512_setzero_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps
}
sums! {
    sums_avx2, 6 x 16, "avx2,fma",
    _mm256_setzero_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps
}

/// The same in plain loops.
fn sums_of_any<const ROWS: usize, const COLUMNS: usize>(
    rows: &[f32],
    weights: &[f32],
) -> [[f32; COLUMNS]; ROWS] {
    // Without the instruction a fused multiply-add is a call into the C library.
    let mul_add = |a: f32, b: f32, c: f32| match cfg!(target_arch = "aarch64") {
        true => a.mul_add(b, c),
        false => a * b + c,
    };
    let mut sums = [[0f32; COLUMNS]; ROWS];
    let (rows, _) = rows.as_chunks::<ROWS>();
    let (weights, _) = weights.as_chunks::<COLUMNS>();
    for (rows, weights) in rows.iter().zip(weights) {
        for (sums, &value) in sums.iter_mut().zip(rows) {
            for (sum, &weight) in sums.iter_mut().zip(weights) {
                *sum = mul_add(value, weight, *sum);
            }
        }
    }
    sums
}
