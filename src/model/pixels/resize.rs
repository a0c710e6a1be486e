//! Separable antialiased resizing of 8-bit RGB, to the bit as torchvision does it on the CPU, or as Pillow does.
//!
//! Both round to 8 bits between the two passes and keep the weights in fixed point: torchvision in 16 bits with one
//! precision for a whole axis, Pillow in 32 bits with always the same. Both are reproduced here. What the crop discards
//! is never computed: a pass makes only the columns (rows) it is asked for and reads only the
//! rows they need, so a 20,000 × 20 picture costs no more memory than a square one. General
//! resizing crates round differently at their crop boxes or choose the precision from the crop
//! alone, which changes bits.

use std::ops::Range;

use super::Reference;

/// What values between the samples are made of. All are antialiased.
#[derive(Clone, Copy)]
pub(super) enum Filter {
    /// Triangle.
    Bilinear,
    /// Catmull–Rom, the cubic with a = −0.5.
    Bicubic,
    /// Sinc under a window of three lobes.
    Lanczos,
}

/// A part of a resized picture; sizes are (width, height), the ranges positions in the resized picture and inside it.
pub(super) struct Part {
    pub from: (usize, usize),
    pub to: (usize, usize),
    pub columns: Range<usize>,
    pub rows: Range<usize>,
}

/// An interpolation kernel: its weight at a distance, and the distance at which it ends.
#[derive(Clone, Copy)]
struct Kernel {
    weight: fn(f64) -> f64,
    support: f64,
}

const BILINEAR: Kernel = Kernel {
    weight: |x| {
        let x = x.abs();
        if x < 1.0 { 1.0 - x } else { 0.0 }
    },
    support: 1.0,
};

/// The same polynomials twice, each rounded as its reference's order of operations rounds them.
const BICUBIC: Kernel = Kernel {
    weight: |x| {
        let x = x.abs();
        if x < 1.0 {
            near_cubic(x)
        } else if x < 2.0 {
            ((x - 5.0) * x + 8.0) * x * A - 4.0 * A
        } else {
            0.0
        }
    },
    support: 2.0,
};

const BICUBIC_OF_PILLOW: Kernel = Kernel {
    weight: |x| {
        let x = x.abs();
        if x < 1.0 {
            near_cubic(x)
        } else if x < 2.0 {
            (((x - 5.0) * x + 8.0) * x - 4.0) * A
        } else {
            0.0
        }
    },
    support: 2.0,
};

/// The parameter of the cubic.
const A: f64 = -0.5;

fn near_cubic(x: f64) -> f64 {
    ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
}

const LANCZOS: Kernel = Kernel {
    weight: |x| {
        let sinc = |x: f64| {
            let x = x * std::f64::consts::PI;
            if x == 0.0 { 1.0 } else { x.sin() / x }
        };
        if x.abs() < 3.0 {
            sinc(x) * sinc(x / 3.0)
        } else {
            0.0
        }
    },
    support: 3.0,
};

/// A fixed-point number.
trait Weight: Copy + Default + Into<i32> {
    /// A rounded value, which fits.
    fn of(value: f64) -> Self;
    /// Fractional bits, if the largest weight of an axis is this.
    fn precision(largest: f64) -> u32;
}

/// torchvision's: as many bits as leave room for the largest.
impl Weight for i16 {
    fn of(value: f64) -> Self {
        value as i16
    }

    fn precision(largest: f64) -> u32 {
        let fits = |precision: u32| 0.5 + largest * f64::from(1u32 << precision) < 32768.0;
        (0..22)
            .find(|&precision| !fits(precision + 1))
            .unwrap_or(22)
    }
}

/// Pillow's.
impl Weight for i32 {
    fn of(value: f64) -> Self {
        value as i32
    }

    fn precision(_: f64) -> u32 {
        22
    }
}

/// Fixed-point weights of some outputs along one axis.
struct Taps<W> {
    /// First source index of each output.
    first: Vec<usize>,
    /// Number of source samples of each output.
    len: Vec<usize>,
    /// `stride` weights per output, zero beyond `len`.
    weights: Vec<W>,
    stride: usize,
    /// Fractional bits of the weights.
    precision: u32,
}

impl<W: Weight> Taps<W> {
    /// Weights of the outputs `wanted` out of `output`, when `input` samples become `output`.
    fn new(input: usize, output: usize, wanted: Range<usize>, kernel: Kernel) -> Taps<W> {
        let scale = input as f64 / output as f64;
        let widening = scale.max(1.0);
        let support = kernel.support * widening;
        let inverse = 1.0 / widening;
        let stride = support.ceil() as usize * 2 + 1;
        let mut row = Vec::with_capacity(stride);

        // The float weights of one output, and where they start.
        let compute = |i: usize, row: &mut Vec<f64>| -> usize {
            let center = scale * (i as f64 + 0.5);
            let low = ((center - support + 0.5) as i64).max(0) as usize;
            let high = ((center + support + 0.5) as i64).min(input as i64).max(0) as usize;
            let count = high.saturating_sub(low).min(stride);
            row.clear();
            let mut total = 0.0;
            for j in 0..count {
                let w = (kernel.weight)(((low + j) as f64 - center + 0.5) * inverse);
                row.push(w);
                total += w;
            }
            if total != 0.0 {
                row.iter_mut().for_each(|w| *w /= total);
            }
            low
        };

        // The precision, at most 22 bits, follows from the largest weight of the whole axis, also of
        // outputs that are not wanted. When enlarging it is that of the first output, whose window the border
        // cuts: at least 1, and below 2 for every output, which all give the same precision. (Not with three lobes.)
        let mut largest = 0f64;
        let first_is_enough = scale < 1.0 && kernel.support <= 2.0;
        let all = if first_is_enough { 0..1 } else { 0..output };
        for i in all.chain(wanted.clone()) {
            compute(i, &mut row);
            largest = row.iter().fold(largest, |m, &w| m.max(w));
        }
        let precision = W::precision(largest);
        let one = f64::from(1u32 << precision);
        let mut taps = Taps {
            first: Vec::with_capacity(wanted.len()),
            len: Vec::with_capacity(wanted.len()),
            weights: Vec::with_capacity(wanted.len() * stride),
            stride,
            precision,
        };
        for i in wanted {
            taps.first.push(compute(i, &mut row));
            taps.len.push(row.len());
            taps.weights.extend(row.iter().map(|&w| {
                let v = w * one;
                W::of(if v < 0.0 { v - 0.5 } else { v + 0.5 })
            }));
            taps.weights.resize(taps.first.len() * stride, W::default());
        }
        taps
    }

    /// First source index and weights of the `i`-th of the wanted outputs.
    fn get(&self, i: usize) -> (usize, &[W]) {
        (
            self.first[i],
            &self.weights[i * self.stride..][..self.len[i]],
        )
    }

    /// The source indices that any wanted output reads.
    fn sources(&self) -> Range<usize> {
        let low = self.first.iter().copied().min().unwrap_or(0);
        let high = self
            .first
            .iter()
            .zip(&self.len)
            .map(|(f, l)| f + l)
            .max()
            .unwrap_or(low);
        low..high
    }
}

/// A part of `source`, interleaved RGB of `part.from`, resized to `part.to`, with the arithmetic of the reference.
pub(super) fn resize(source: &[u8], part: &Part, filter: Filter, reference: Reference) -> Vec<u8> {
    let kernel = match (filter, reference) {
        (Filter::Bilinear, _) => BILINEAR,
        (Filter::Bicubic, Reference::Transformers) => BICUBIC,
        (Filter::Bicubic, Reference::OpenClip) => BICUBIC_OF_PILLOW,
        (Filter::Lanczos, _) => LANCZOS,
    };
    match reference {
        Reference::Transformers => weighed::<i16>(source, part, kernel),
        Reference::OpenClip => weighed::<i32>(source, part, kernel),
    }
}

fn weighed<W: Weight>(source: &[u8], part: &Part, kernel: Kernel) -> Vec<u8> {
    let ((width, height), to) = (part.from, part.to);
    let (columns, rows) = (part.columns.clone(), part.rows.clone());
    let vertical = (to.1 != height).then(|| Taps::<W>::new(height, to.1, rows.clone(), kernel));
    let needed = vertical.as_ref().map_or(rows.clone(), Taps::sources);
    let source = &source[needed.start * width * 3..needed.end * width * 3];
    let line = columns.len() * 3;

    let narrowed = if to.0 != width {
        let taps = Taps::<W>::new(width, to.0, columns, kernel);
        let mut out = vec![0; needed.len() * line];
        horizontal(source, width, &taps, &mut out);
        out
    } else {
        let mut out = Vec::with_capacity(needed.len() * line);
        for row in source.chunks_exact(width * 3) {
            out.extend_from_slice(&row[columns.start * 3..columns.end * 3]);
        }
        out
    };
    let Some(taps) = vertical else {
        return narrowed;
    };
    let mut out = vec![0; rows.len() * line];
    vertical_pass(&narrowed, needed.start, line, &taps, &mut out);
    out
}

/// As [`resize`], each output the source pixel under its middle.
pub(super) fn nearest(source: &[u8], part: &Part) -> Vec<u8> {
    // In f32, as torchvision computes places.
    let place = |i: usize, input: usize, output: usize| {
        let scale = input as f32 / output as f32;
        (((i as f64 + 0.5) * f64::from(scale)) as f32 as usize).min(input - 1)
    };
    let places = |wanted: &Range<usize>, input, output| {
        let places = wanted.clone().map(|i| place(i, input, output));
        places.collect::<Vec<_>>()
    };
    let (from, to) = (part.from, part.to);
    let columns = places(&part.columns, from.0, to.0);
    pixels_at(source, from.0, &columns, &places(&part.rows, from.1, to.1))
}

/// The same with Pillow's places, which it finds by adding up.
pub(super) fn nearest_of_pillow(source: &[u8], part: &Part) -> Vec<u8> {
    let places = |wanted: &Range<usize>, input: usize, output: usize| {
        let step = input as f64 / output as f64;
        let all = std::iter::successors(Some(step * 0.5), |place| Some(place + step));
        let wanted = all.skip(wanted.start).take(wanted.len());
        wanted
            .map(|place| (place as usize).min(input - 1))
            .collect::<Vec<_>>()
    };
    let (from, to) = (part.from, part.to);
    let columns = places(&part.columns, from.0, to.0);
    pixels_at(source, from.0, &columns, &places(&part.rows, from.1, to.1))
}

fn pixels_at(source: &[u8], width: usize, columns: &[usize], rows: &[usize]) -> Vec<u8> {
    let pixels = rows.iter().flat_map(|&y| {
        let row = &source[y * width * 3..][..width * 3];
        columns
            .iter()
            .flat_map(|&x| [row[x * 3], row[x * 3 + 1], row[x * 3 + 2]])
    });
    pixels.collect()
}

/// Rows that the horizontal pass treats at once, one per vector lane.
const LANES: usize = 8;

/// Rounds a fixed-point sum (already offset by one half) to 8 bits.
#[inline(always)]
fn clip(sum: i32, precision: u32) -> u8 {
    (sum >> precision).clamp(0, 255) as u8
}

/// Resizes every row of `source` (of `width` pixels) to the wanted columns.
fn horizontal<W: Weight>(source: &[u8], width: usize, taps: &Taps<W>, out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { horizontal_avx2(source, width, taps, out) };
    }
    horizontal_any(source, width, taps, out);
}

/// [`horizontal_any`], compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn horizontal_avx2<W: Weight>(source: &[u8], width: usize, taps: &Taps<W>, out: &mut [u8]) {
    horizontal_any(source, width, taps, out);
}

#[inline(always)]
fn horizontal_any<W: Weight>(source: &[u8], width: usize, taps: &Taps<W>, out: &mut [u8]) {
    let sources = taps.sources();
    let line = taps.first.len() * 3;
    // A band of rows with the rows innermost, so that neighbouring lanes do the same arithmetic.
    let mut band = vec![[[0i16; LANES]; 3]; sources.len()];
    let height = source.len() / (width * 3);
    for top in (0..height).step_by(LANES) {
        let rows = LANES.min(height - top);
        for r in 0..rows {
            let row = &source[(top + r) * width * 3..][..width * 3];
            let row = &row[sources.start * 3..sources.end * 3];
            for (cell, pixel) in band.iter_mut().zip(row.chunks_exact(3)) {
                for c in 0..3 {
                    cell[c][r] = i16::from(pixel[c]);
                }
            }
        }
        for x in 0..taps.first.len() {
            let (first, weights) = taps.get(x);
            let mut sums = [[1i32 << (taps.precision - 1); LANES]; 3];
            for (cell, &k) in band[first - sources.start..].iter().zip(weights) {
                for c in 0..3 {
                    for r in 0..LANES {
                        sums[c][r] += i32::from(cell[c][r]) * k.into();
                    }
                }
            }
            for (r, line) in out[top * line..]
                .chunks_exact_mut(line)
                .take(rows)
                .enumerate()
            {
                let pixel = &mut line[x * 3..][..3];
                for c in 0..3 {
                    pixel[c] = clip(sums[c][r], taps.precision);
                }
            }
        }
    }
}

/// Resizes the columns of `source`, whose first row is row `top` of the whole, to the wanted rows.
fn vertical_pass<W: Weight>(
    source: &[u8],
    top: usize,
    line: usize,
    taps: &Taps<W>,
    out: &mut [u8],
) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { vertical_avx2(source, top, line, taps, out) };
    }
    vertical_any(source, top, line, taps, out);
}

/// [`vertical_any`], compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn vertical_avx2<W: Weight>(
    source: &[u8],
    top: usize,
    line: usize,
    taps: &Taps<W>,
    out: &mut [u8],
) {
    vertical_any(source, top, line, taps, out);
}

#[inline(always)]
fn vertical_any<W: Weight>(source: &[u8], top: usize, line: usize, taps: &Taps<W>, out: &mut [u8]) {
    const CHUNK: usize = 32;
    for (y, out) in out.chunks_exact_mut(line).enumerate() {
        let (first, weights) = taps.get(y);
        let source = &source[(first - top) * line..];
        let half = 1i32 << (taps.precision - 1);
        let mut chunks = out.chunks_exact_mut(CHUNK);
        let mut at = 0;
        for chunk in &mut chunks {
            let mut sums = [half; CHUNK];
            for (t, &k) in weights.iter().enumerate() {
                let row: &[u8; CHUNK] =
                    source[t * line + at..].first_chunk().expect("a full chunk");
                for i in 0..CHUNK {
                    sums[i] += i32::from(row[i]) * k.into();
                }
            }
            for (o, &s) in chunk.iter_mut().zip(&sums) {
                *o = clip(s, taps.precision);
            }
            at += CHUNK;
        }
        for o in chunks.into_remainder() {
            let mut sum = half;
            for (t, &k) in weights.iter().enumerate() {
                sum += i32::from(source[t * line + at]) * k.into();
            }
            *o = clip(sum, taps.precision);
            at += 1;
        }
    }
}
