//! Products with weights of eight bits and inputs of fifteen, summed in whole numbers.
//!
//! For each slice of the inputs every output and every row has a scale: a value is about scale × whole number. The sums are exact, so
//! that neither their order nor the machine has a say in them. Rows have as many bits as leave no room for an overflow: the products are
//! of pairs of 16-bit numbers, which are no slower with more bits, and what is lost is lost by the weights alone.

use std::ops::Range;

use super::aligned::Aligned;
use super::part::{DEPTH, Layout, Part, rows_of_group};
use super::tile::Tile;
use super::{Rows, Scratch, Then};
use crate::elementwise;

/// The largest whole number of a weight.
const OF_WEIGHT: i32 = i8::MAX as i32;

/// The largest whole number of a row: the sum of a slice stays in 32 bits.
const OF_ROW: i32 = i32::MAX / (OF_WEIGHT * DEPTH as i32);
const _: () = assert!(OF_ROW <= i16::MAX as i32);

/// Two inputs of a row, which one instruction multiplies with two of an output.
type Pair = [i16; 2];

/// Two inputs of an output.
type WeightPair = [i8; 2];

/// A weight to multiply by, laid out for this machine.
pub struct Int8 {
    layout: Layout,
    /// Two inputs at a time: beside the last of an odd number of them is a zero.
    values: Aligned<WeightPair>,
    /// slices × columns.
    scales: Vec<f32>,
}

/// Memory that products use, kept from one to the next.
#[derive(Default)]
pub struct Integers {
    rows: Aligned<Pair>,
    /// One a row.
    scales: Vec<f32>,
    /// The rows of a tile, one after the other.
    group: Vec<Pair>,
}

impl Int8 {
    /// Lays out the nearest whole numbers of a weight, outputs × inputs.
    pub fn new(values: &[f32], sizes: [usize; 2]) -> Self {
        Self::of_tile(Tile::of_this_machine(), values, sizes)
    }

    pub(super) fn of_tile(tile: Tile, values: &[f32], [outputs, inputs]: [usize; 2]) -> Self {
        let layout = Layout {
            tile,
            inputs,
            outputs,
        };
        let columns = tile.columns();
        let pairs: usize = layout.slices().map(|slice| slice.len().div_ceil(2)).sum();
        let (mut all, mut scales) = (Aligned::default(), Vec::new());
        let mut rest = all.sized(layout.columns() * pairs);
        for slice in layout.slices() {
            let mut of_output = vec![[0; 2]; slice.len().div_ceil(2)];
            for panel in layout.panels() {
                let out: &mut [WeightPair];
                (out, rest) = rest.split_at_mut(of_output.len() * columns);
                out.fill([0; 2]);
                for (o, output) in panel.clone().enumerate() {
                    let values = &values[output * inputs..][slice.clone()];
                    scales.push(whole_numbers(values, OF_WEIGHT, &mut of_output));
                    for (out, pair) in out.chunks_exact_mut(columns).zip(&of_output) {
                        // Nothing is cut off: the limit is that of eight bits.
                        out[o] = pair.map(|value| value as i8);
                    }
                }
                scales.resize(scales.len() + columns - panel.len(), 0.0);
            }
        }
        Self {
            layout,
            values: all,
            scales,
        }
    }

    /// Values of a row that it multiplies.
    pub fn inputs(&self) -> usize {
        self.layout.inputs
    }

    /// `out ≈ rows · selfᵀ`, and `then`. The rows of `out` begin `out_stride` values apart. Of a row with a value that is no finite number
    /// all of `out` is NaN.
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
        let integers = &mut scratch.integers;
        let layout = self.layout;
        assert!(out_stride >= layout.outputs && rows.stride >= layout.inputs);
        let mut weights = self.values.get();
        let scales = self.scales.chunks_exact(layout.columns().max(1));
        for (slice, scales) in layout.slices().zip(scales) {
            let steps = slice.len().div_ceil(2);
            integers.fill(layout, rows, &slice);
            let of_slice;
            (of_slice, weights) = weights.split_at(layout.columns() * steps);
            let part = Part {
                layout,
                slice,
                rows: &integers.rows.get()[..layout.rows(rows.count) * steps],
                count: rows.count,
                panels: of_slice,
                steps,
                from: 0,
                out: &mut *out,
                stride: out_stride,
                then,
            };
            part.in_blocks(|part| compute(part, &integers.scales, scales));
        }
    }
}

/// Puts the whole numbers from −`limit` to `limit` whose multiples by the scale that is returned are nearest to the values. The scale is NaN
/// if one of these is no finite number.
fn whole_numbers(values: &[f32], limit: i32, out: &mut [Pair]) -> f32 {
    let mut scale = 0.0;
    let out = &mut out.as_flattened_mut()[..values.len()];
    elementwise::whole_numbers(out, values, limit as f32, &mut scale);
    scale
}

impl Integers {
    /// Lays out a slice of the rows: for each group of as many as a tile has, pairs of inputs × rows, the rows side by side.
    fn fill(&mut self, layout: Layout, rows: Rows<'_>, slice: &Range<usize>) {
        match layout.tile {
            Tile::Avx512 => self.fill_with::<12>(layout, rows, slice),
            Tile::Avx2 => self.fill_with::<6>(layout, rows, slice),
            Tile::Baseline => self.fill_with::<4>(layout, rows, slice),
        }
    }

    fn fill_with<const ROWS: usize>(
        &mut self,
        layout: Layout,
        rows: Rows<'_>,
        slice: &Range<usize>,
    ) {
        let pairs = slice.len().div_ceil(2);
        let out = self.rows.sized(layout.rows(rows.count) * pairs);
        self.scales.clear();
        self.group.clear();
        self.group.resize(ROWS * pairs, [0; 2]);
        for (group, out) in out.chunks_exact_mut(ROWS * pairs).enumerate() {
            let rows: [&[f32]; ROWS] = rows_of_group(rows, slice.clone(), group);
            for (row, out) in rows.into_iter().zip(self.group.chunks_exact_mut(pairs)) {
                self.scales.push(whole_numbers(row, OF_ROW, out));
            }
            let of_rows: [&[Pair]; ROWS] =
                std::array::from_fn(|row| &self.group[row * pairs..][..pairs]);
            let (out, _) = out.as_chunks_mut::<ROWS>();
            for (i, out) in out.iter_mut().enumerate().take(pairs) {
                for (out, row) in out.iter_mut().zip(of_rows) {
                    *out = row[i];
                }
            }
        }
    }
}

/// The scales are those of the rows and of the columns.
fn compute(part: Part<'_, Pair, WeightPair>, of_rows: &[f32], of_columns: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the tile is of this machine, which was asked for what the tile needs, and here for the rest.
    unsafe {
        match part.layout.tile {
            Tile::Avx512 if elementwise::has_vnni() => {
                return compute_vnni(part, of_rows, of_columns);
            }
            Tile::Avx512 => return compute_avx512(part, of_rows, of_columns),
            Tile::Avx2 => return compute_avx2(part, of_rows, of_columns),
            Tile::Baseline => {}
        }
    }
    let mut part = part;
    part.compute_with(|rows, weights, row, column| {
        let sums = sums_of_any::<4, 16>(rows, weights);
        scaled(sums, &of_rows[row..], &of_columns[column..])
    });
}

/// Sums as what they stand for.
#[inline(always)]
fn scaled<const ROWS: usize, const COLUMNS: usize>(
    sums: [[i32; COLUMNS]; ROWS],
    of_rows: &[f32],
    of_columns: &[f32],
) -> [[f32; COLUMNS]; ROWS] {
    let of_columns = &of_columns[..COLUMNS];
    std::array::from_fn(|row| {
        let of_row = of_rows[row];
        std::array::from_fn(|column| sums[row][column] as f32 * of_columns[column] * of_row)
    })
}

/// Defines the products with tiles of two vectors of columns, for one set of instructions.
macro_rules! products {
    (
        $compute:ident, $rows:literal x $columns:literal, $features:literal,
        $zero:ident, $splat:ident,
        load |$from:ident| $load:expr,
        add |$sum:ident, $a:ident, $b:ident| $add:expr,
        store |$to:ident, $vector:ident| $store:expr
    ) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $features)]
        fn $compute(mut part: Part<'_, Pair, WeightPair>, of_rows: &[f32], of_columns: &[f32]) {
            use std::arch::x86_64::*;
            const LANES: usize = $columns / 2;

            #[target_feature(enable = $features)]
            fn sums(rows: &[Pair], weights: &[WeightPair]) -> [[i32; $columns]; $rows] {
                let mut sums = [[$zero(); 2]; $rows];
                let (rows, _) = rows.as_chunks::<$rows>();
                let (weights, _) = weights.as_chunks::<$columns>();
                for (rows, weights) in rows.iter().zip(weights) {
                    // SAFETY: both vectors are inside of the array.
                    let [first, second] = [0, LANES].map(|lane| unsafe {
                        let $from = weights.as_ptr().add(lane);
                        $load
                    });
                    for i in 0..$rows {
                        let [low, high] = rows[i];
                        let value = $splat((i32::from(high) << 16) | i32::from(low as u16));
                        for (sum, weight) in sums[i].iter_mut().zip([first, second]) {
                            let ($sum, $a, $b) = (*sum, value, weight);
                            *sum = $add;
                        }
                    }
                }
                let mut out = [[0; $columns]; $rows];
                for (out, vectors) in out.iter_mut().zip(sums) {
                    for ($vector, lane) in vectors.into_iter().zip([0, LANES]) {
                        // SAFETY: both vectors are inside of the array.
                        unsafe {
                            let $to = out.as_mut_ptr().add(lane);
                            $store
                        }
                    }
                }
                out
            }

            part.compute_with(|rows, weights, row, column| {
                scaled(sums(rows, weights), &of_rows[row..], &of_columns[column..])
            });
        }
    };
}

products! {
    compute_vnni, 12 x 32, "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma",
    _mm512_setzero_si512, _mm512_set1_epi32,
    load |from| _mm512_cvtepi8_epi16(_mm256_loadu_si256(from.cast())),
    add |sum, a, b| _mm512_dpwssd_epi32(sum, a, b),
    store |to, vector| _mm512_storeu_si512(to.cast(), vector)
}
products! {
    compute_avx512, 12 x 32, "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma",
    _mm512_setzero_si512, _mm512_set1_epi32,
    load |from| _mm512_cvtepi8_epi16(_mm256_loadu_si256(from.cast())),
    add |sum, a, b| _mm512_add_epi32(sum, _mm512_madd_epi16(a, b)),
    store |to, vector| _mm512_storeu_si512(to.cast(), vector)
}
products! {
    compute_avx2, 6 x 16, "avx2,fma",
    _mm256_setzero_si256, _mm256_set1_epi32,
    load |from| _mm256_cvtepi8_epi16(_mm_loadu_si128(from.cast())),
    add |sum, a, b| _mm256_add_epi32(sum, _mm256_madd_epi16(a, b)),
    store |to, vector| _mm256_storeu_si256(to.cast(), vector)
}

/// The same in plain loops.
fn sums_of_any<const ROWS: usize, const COLUMNS: usize>(
    rows: &[Pair],
    weights: &[WeightPair],
) -> [[i32; COLUMNS]; ROWS] {
    let mut sums = [[0; COLUMNS]; ROWS];
    let (rows, _) = rows.as_chunks::<ROWS>();
    let (weights, _) = weights.as_chunks::<COLUMNS>();
    for (rows, weights) in rows.iter().zip(weights) {
        for (sums, values) in sums.iter_mut().zip(rows) {
            for (sum, weights) in sums.iter_mut().zip(weights) {
                let [first, second] = [0, 1].map(|i| i32::from(values[i]) * i32::from(weights[i]));
                *sum += first + second;
            }
        }
    }
    sums
}
