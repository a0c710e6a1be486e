//! Multi-head attention on one core.

use std::ops::Range;

use crate::Sequences;
use crate::elementwise::softmax;
use crate::product::{Packed, Rows, Scratch, Then};

/// Memory that attention uses, kept from one call to the next.
#[derive(Default)]
pub struct Attention {
    keys: Packed,
    values: Packed,
    scores: Vec<f32>,
}

impl Attention {
    /// `qkv` is (n · length) × 3·width with the queries, keys and values of a token side by side. `out` becomes rows × width, heads side by
    /// side, for the tokens from `first` on.
    pub fn compute(
        &mut self,
        qkv: &[f32],
        first: usize,
        out: &mut [f32],
        sequences: Sequences,
        scratch: &mut Scratch,
    ) {
        let Sequences { length, width, .. } = sequences;
        let end = first + out.len() / width;
        let mut rest = out;
        // Of the first and the last sequence perhaps not all tokens.
        for sequence in first / length..end.div_ceil(length) {
            let start = sequence * length;
            let tokens = first.max(start) - start..end.min(start + length) - start;
            let out;
            (out, rest) = rest.split_at_mut(tokens.len() * width);
            let qkv = &qkv[start * 3 * width..][..length * 3 * width];
            self.of_sequence(qkv, tokens, out, sequences, scratch);
        }
    }

    /// Of one sequence, for some of its tokens.
    fn of_sequence(
        &mut self,
        qkv: &[f32],
        tokens: Range<usize>,
        out: &mut [f32],
        sequences: Sequences,
        scratch: &mut Scratch,
    ) {
        let Sequences {
            length,
            width,
            heads,
            causal,
        } = sequences;
        let head = width / heads;
        let scale = 1.0 / (head as f32).sqrt();
        self.scores.resize(tokens.len() * length, 0.0);
        for first in (0..width).step_by(head) {
            // Each is read where it lies.
            let part = |part: usize| &qkv[part * width + first..];
            let queries = Rows {
                values: &part(0)[tokens.start * 3 * width..],
                stride: 3 * width,
                count: tokens.len(),
            };
            self.keys.refill(part(1), [length, head], [3 * width, 1]);
            self.values.refill(part(2), [head, length], [1, 3 * width]);
            let scores = &mut self.scores;
            self.keys
                .multiply(queries, scores, length, Then::Put, scratch);
            softmax(scores, length, scale, causal.then_some(tokens.start));
            let weights = Rows {
                values: scores,
                stride: length,
                count: tokens.len(),
            };
            self.values
                .multiply(weights, &mut out[first..], width, Then::Put, scratch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::filled;

    #[test]
    fn tokens_see_what_they_may_as_much_as_it_fits() {
        let (n, length, heads, width) = (2, 7, 3, 24);
        let head = width / heads;
        let qkv = filled(n * length * 3 * width, 37, 2.0);
        for causal in [false, true] {
            let sequences = Sequences {
                length,
                width,
                heads,
                causal,
            };
            let mut out = vec![0.0; n * length * width];
            let (mut attention, mut scratch) = (Attention::default(), Scratch::default());
            attention.compute(&qkv, 0, &mut out, sequences, &mut scratch);
            for share in [1, 5, 7, 9] {
                let mut shared = vec![0.0; out.len()];
                for (i, out) in shared.chunks_mut(share * width).enumerate() {
                    attention.compute(&qkv, i * share, out, sequences, &mut scratch);
                }
                assert_eq!(shared, out, "in shares of {share} tokens");
            }
            let value = |token: usize, part: usize, i: usize| {
                f64::from(qkv[token * 3 * width + part * width + i])
            };
            for (at, &out) in out.iter().enumerate() {
                let (token, i) = (at / width, at % width);
                let (first, place) = (token / length * length, token % length);
                let seen = if causal { place + 1 } else { length };
                let fit = |other: usize| {
                    let of_head = i / head * head..(i / head + 1) * head;
                    let fit: f64 = of_head
                        .map(|i| value(token, 0, i) * value(other, 1, i))
                        .sum();
                    (fit / (head as f64).sqrt()).exp()
                };
                let others = first..first + seen;
                let total: f64 = others.clone().map(fit).sum();
                let expected: f64 = others.map(|o| fit(o) * value(o, 2, i)).sum::<f64>() / total;
                let off = (f64::from(out) - expected).abs();
                assert!(off < 1e-5, "causal {causal}, {at}: off by {off}");
            }
        }
    }
}
