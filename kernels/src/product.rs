//! Matrix products on one core, with weights that are laid out for it once.
//!
//! As in BLIS (Van Zee & van de Geijn 2015): a tile of the result stays in registers while the inputs are read, each in the order
//! in which it lies. There are tiles for several vector widths, of which the widest that the machine has is taken at run
//! time. Each value of the result is summed in an order that the inputs' widths alone decide: it depends neither on the
//! number of rows nor on the vector width, but for machines without fused multiply-add.

use std::ops::Range;

use crate::Activation;
use crate::elementwise::{has_avx2, has_avx512};

/// Inputs of a value that are summed in one go, at most: what is read of a row for a tile stays in the first cache, and the widths
/// of most models are summed in one.
const DEPTH: usize = 768;

/// Values of a block of weights that is gone through for each few rows: it stays in the second cache.
const BLOCK: usize = 48 * 1024;

/// A tile of the result: rows × columns, by the registers that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tile {
    /// AVX-512: 12 × 32.
    Avx512,
    /// AVX2 and FMA: 6 × 16.
    Avx2,
    /// Whatever the target has: 4 × 16.
    Baseline,
}

/// What the products of this machine use, as people call it.
pub fn vectors() -> &'static str {
    match Tile::of_this_machine() {
        Tile::Avx512 => "AVX-512",
        Tile::Avx2 => "AVX2",
        Tile::Baseline if cfg!(target_arch = "aarch64") => "NEON",
        Tile::Baseline => "the target's own",
    }
}

impl Tile {
    fn of_this_machine() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if has_avx512() {
                return Self::Avx512;
            }
            if has_avx2() {
                return Self::Avx2;
            }
        }
        Self::Baseline
    }

    fn rows(self) -> usize {
        match self {
            Self::Avx512 => 12,
            Self::Avx2 => 6,
            Self::Baseline => 4,
        }
    }

    fn columns(self) -> usize {
        match self {
            Self::Avx512 => 32,
            Self::Avx2 | Self::Baseline => 16,
        }
    }
}

/// Floats whose first one is at the beginning of a cache line.
#[derive(Default)]
struct Aligned {
    values: Vec<f32>,
    start: usize,
}

impl Aligned {
    const BYTES: usize = 64;

    /// `len` values, all to be written before they are read.
    fn sized(&mut self, len: usize) -> &mut [f32] {
        let room = len + Self::BYTES / size_of::<f32>();
        if self.values.len() < room {
            self.values = vec![0.0; room];
            // The vector is not grown again, so its values stay where they are. Where no such place is found it is only slower.
            self.start = self.values.as_ptr().align_offset(Self::BYTES);
            self.start = self.start.min(room - len);
        }
        &mut self.values[self.start..][..len]
    }

    fn get(&self) -> &[f32] {
        &self.values[self.start..]
    }
}

/// A matrix to multiply by, laid out for this machine: the weights of a layer, or what takes their place in attention.
pub struct Packed {
    tile: Tile,
    /// For each slice of the inputs, for each panel of as many outputs as a tile has columns: inputs × columns, the outputs side by
    /// side, zeros where there are none.
    values: Aligned,
    inputs: usize,
    outputs: usize,
}

/// The inputs of a product: rows that begin `stride` values apart.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub count: usize,
}

/// What is done with the values of a product.
#[derive(Clone, Copy)]
pub enum Then<'a> {
    /// They are put.
    Put,
    /// The bias is added, and they are put.
    Bias(&'a [f32]),
    /// The bias is added, and what the activation makes of them is put.
    Activate(&'a [f32], Activation),
    /// They and the bias are added to what is there: the end of a residual branch.
    AddTo(&'a [f32]),
}

/// Memory that products use, kept from one to the next.
#[derive(Default)]
pub struct Scratch(Aligned);

/// How many inputs are summed in one go: slices of nearly the same size.
fn slice_of(inputs: usize) -> usize {
    inputs.div_ceil(inputs.div_ceil(DEPTH).max(1)).max(1)
}

impl Default for Packed {
    fn default() -> Self {
        Self {
            tile: Tile::of_this_machine(),
            values: Aligned::default(),
            inputs: 0,
            outputs: 0,
        }
    }
}

impl Packed {
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
        let columns = self.tile.columns();
        let panels = outputs.div_ceil(columns);
        (self.inputs, self.outputs) = (inputs, outputs);
        let mut rest = self.values.sized(panels * columns * inputs);
        for first in (0..inputs).step_by(slice_of(inputs)) {
            let depth = slice_of(inputs).min(inputs - first);
            for panel in 0..panels {
                let out;
                (out, rest) = rest.split_at_mut(depth * columns);
                let there = columns.min(outputs - panel * columns);
                if there < columns {
                    out.fill(0.0);
                }
                if output_stride == 1 {
                    for (i, out) in out.chunks_exact_mut(columns).enumerate() {
                        let from = panel * columns + (first + i) * input_stride;
                        out[..there].copy_from_slice(&values[from..][..there]);
                    }
                    continue;
                }
                for o in 0..there {
                    let from = (panel * columns + o) * output_stride + first * input_stride;
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
        self.inputs
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
        let tile = self.tile;
        let columns = tile.columns();
        let panels = self.outputs.div_ceil(columns);
        assert!(out_stride >= self.outputs && rows.stride >= self.inputs);
        let mut weights = self.values.get();
        for first in (0..self.inputs).step_by(slice_of(self.inputs)) {
            let depth = slice_of(self.inputs).min(self.inputs - first);
            let packed = scratch
                .0
                .sized(rows.count.next_multiple_of(tile.rows()) * depth);
            pack_rows(tile, rows, first, depth, packed);
            let slice;
            (slice, weights) = weights.split_at(panels * columns * depth);
            let per_block = (BLOCK / (depth * columns)).max(1);
            for (b, panels) in slice.chunks(per_block * columns * depth).enumerate() {
                let from = b * per_block * columns;
                Block {
                    rows: packed,
                    count: rows.count,
                    panels,
                    depth,
                    from,
                    outputs: self.outputs,
                    out: &mut *out,
                    stride: out_stride,
                    is_first: first == 0,
                    is_last: first + depth == self.inputs,
                    then,
                }
                .compute(tile);
            }
        }
    }
}

/// Lays out a slice of the rows: for each group of as many as a tile has, inputs × rows, the rows side by side.
fn pack_rows(tile: Tile, rows: Rows<'_>, first: usize, depth: usize, out: &mut [f32]) {
    match tile {
        Tile::Avx512 => pack_rows_of::<12>(rows, first, depth, out),
        Tile::Avx2 => pack_rows_of::<6>(rows, first, depth, out),
        Tile::Baseline => pack_rows_of::<4>(rows, first, depth, out),
    }
}

fn pack_rows_of<const ROWS: usize>(rows: Rows<'_>, first: usize, depth: usize, out: &mut [f32]) {
    for (group, out) in out.chunks_exact_mut(ROWS * depth).enumerate() {
        // Rows beyond the last are those of the last once more: their results are dropped.
        let row = |i: usize| {
            let row = (group * ROWS + i).min(rows.count - 1);
            &rows.values[row * rows.stride + first..][..depth]
        };
        let rows: [&[f32]; ROWS] = std::array::from_fn(row);
        let (out, _) = out.as_chunks_mut::<ROWS>();
        for (i, out) in out.iter_mut().enumerate().take(depth) {
            for (out, row) in out.iter_mut().zip(rows) {
                *out = row[i];
            }
        }
    }
}

/// A slice of the inputs of all rows, and some panels of weights: a part of the sums of some columns of the result.
struct Block<'a> {
    rows: &'a [f32],
    count: usize,
    panels: &'a [f32],
    depth: usize,
    /// The first column.
    from: usize,
    outputs: usize,
    out: &'a mut [f32],
    stride: usize,
    is_first: bool,
    is_last: bool,
    then: Then<'a>,
}

impl Block<'_> {
    fn compute(&mut self, tile: Tile) {
        match tile {
            #[cfg(target_arch = "x86_64")]
            Tile::Avx512 => {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
                fn compute(block: &mut Block<'_>) {
                    block.compute_with(|rows, weights| sums_avx512(rows, weights));
                }
                // SAFETY: the tile is of this machine, which was asked for these features.
                unsafe { compute(self) }
            }
            #[cfg(target_arch = "x86_64")]
            Tile::Avx2 => {
                #[target_feature(enable = "avx2,fma")]
                fn compute(block: &mut Block<'_>) {
                    block.compute_with(|rows, weights| sums_avx2(rows, weights));
                }
                // SAFETY: the tile is of this machine, which was asked for these features.
                unsafe { compute(self) }
            }
            _ => self.compute_with(sums_of_any::<4, 16>),
        }
    }

    /// `sums(rows, weights)` are a tile's over the slice.
    #[inline(always)]
    fn compute_with<const ROWS: usize, const COLUMNS: usize>(
        &mut self,
        sums: impl Fn(&[f32], &[f32]) -> [[f32; COLUMNS]; ROWS],
    ) {
        let groups = self.rows.chunks_exact(ROWS * self.depth);
        for (group, rows) in groups.enumerate() {
            let panels = self.panels.chunks_exact(COLUMNS * self.depth);
            for (panel, weights) in panels.enumerate() {
                let mut sums = sums(rows, weights);
                let (row, column) = (group * ROWS, self.from + panel * COLUMNS);
                let there = ROWS.min(self.count - row);
                // Of all but the last panels the number of columns is known to the compiler.
                if column + COLUMNS <= self.outputs {
                    self.finish(&mut sums, row..row + there, column..column + COLUMNS);
                } else {
                    self.finish(&mut sums, row..row + there, column..self.outputs);
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
        if !self.is_first || matches!(self.then, Then::AddTo(_)) {
            let before = self.out[start..].chunks(self.stride);
            for (sums, before) in sums.iter_mut().zip(before).take(rows.len()) {
                add(&mut sums[..width], &before[..width]);
            }
        }
        if self.is_last {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Values from −2 to 2 that no two operations treat alike.
    fn filled(count: usize, step: usize) -> Vec<f32> {
        let value = |i: usize| ((i * step % 101) as f32 - 50.0) / 25.0;
        (0..count).map(value).collect()
    }

    /// (rows, outputs, inputs): tiles that are full and not, of all machines, and slices of the inputs.
    const SIZES: [[usize; 3]; 8] = [
        [1, 1, 1],
        [5, 7, 3],
        [12, 32, 16],
        [13, 33, 768],
        [6, 48, 769],
        [25, 100, 2000],
        [50, 16, 64],
        [0, 4, 4],
    ];

    #[test]
    fn products_are_those_of_the_definition() {
        for [count, outputs, inputs] in SIZES {
            let (stride, out_stride) = (inputs + 3, outputs + 2);
            let values = filled(count * stride, 37);
            let weight = filled(outputs * inputs, 41);
            let bias = filled(outputs, 11);
            let packed = Packed::new(&weight, [outputs, inputs], [inputs, 1]);
            let mut transposed = vec![0.0; weight.len()];
            for (i, &value) in weight.iter().enumerate() {
                transposed[i % inputs * outputs + i / inputs] = value;
            }
            let from_transposed = Packed::new(&transposed, [outputs, inputs], [1, outputs]);
            let before = filled(count * out_stride, 13);
            for then in [
                Then::Put,
                Then::Bias(&bias),
                Then::Activate(&bias, Activation::QuickGelu),
                Then::AddTo(&bias),
            ] {
                let rows = Rows {
                    values: &values,
                    stride,
                    count,
                };
                let (mut out, mut same) = (before.clone(), before.clone());
                let mut scratch = Scratch::default();
                packed.multiply(rows, &mut out, out_stride, then, &mut scratch);
                from_transposed.multiply(rows, &mut same, out_stride, then, &mut scratch);
                assert_eq!(out, same);
                for (at, (&out, &before)) in out.iter().zip(&before).enumerate() {
                    let (row, column) = (at / out_stride, at % out_stride);
                    if column >= outputs {
                        assert_eq!(out, before, "what is between the rows is left alone");
                        continue;
                    }
                    let of_row = &values[row * stride..][..inputs];
                    let of_column = &weight[column * inputs..][..inputs];
                    let product = of_row.iter().zip(of_column);
                    let sum: f64 = product.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                    let with_bias = sum + f64::from(bias[column]);
                    let expected = match then {
                        Then::Put => sum,
                        Then::Bias(_) => with_bias,
                        Then::Activate(..) => with_bias / (1.0 + (-1.702 * with_bias).exp()),
                        Then::AddTo(_) => with_bias + f64::from(before),
                    };
                    let off = (f64::from(out) - expected).abs();
                    let size = [count, outputs, inputs];
                    assert!(
                        off < 1e-5 * expected.abs().max(10.0),
                        "{size:?} {at}: off by {off}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_row_is_the_same_alone_and_among_others() {
        for [count, outputs, inputs] in SIZES {
            let values = filled(count * inputs, 37);
            let packed = Packed::new(
                &filled(outputs * inputs, 41),
                [outputs, inputs],
                [inputs, 1],
            );
            let bias = filled(outputs, 11);
            let then = Then::Activate(&bias, Activation::Gelu);
            let multiply = |values: &[f32]| {
                let count = values.len() / inputs;
                let mut out = vec![0.0; count * outputs];
                let rows = Rows {
                    values,
                    stride: inputs,
                    count,
                };
                packed.multiply(rows, &mut out, outputs, then, &mut Scratch::default());
                out
            };
            let alone: Vec<f32> = values.chunks(inputs).flat_map(multiply).collect();
            assert_eq!(multiply(&values), alone);
        }
    }

    /// The tiles that other machines have give the same values, as far as this one can compute them.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn narrower_tiles_give_the_same_values() {
        let [count, outputs, inputs] = [25, 100, 2000];
        let (values, bias) = (filled(count * inputs, 37), filled(outputs, 11));
        let weight = filled(outputs * inputs, 41);
        let multiply = |tile: Tile| {
            let mut packed = Packed {
                tile,
                ..Packed::default()
            };
            packed.refill(&weight, [outputs, inputs], [inputs, 1]);
            let mut out = vec![0.0; count * outputs];
            let rows = Rows {
                values: &values,
                stride: inputs,
                count,
            };
            let then = Then::Bias(&bias);
            packed.multiply(rows, &mut out, outputs, then, &mut Scratch::default());
            out
        };
        let baseline = multiply(Tile::Baseline);
        if has_avx2() {
            let narrow = multiply(Tile::Avx2);
            let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5 * b.abs().max(10.0);
            assert!(narrow.iter().zip(&baseline).all(close));
            if has_avx512() {
                assert_eq!(multiply(Tile::Avx512), narrow);
            }
        }
    }
}
