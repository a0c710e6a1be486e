//! Multi-head attention on one core.

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
    /// `qkv` is (n · length) × 3·width with the queries, keys and values of a token
    /// side by side; `out` becomes (n · length) × width, heads side by side.
    pub fn compute(
        &mut self,
        qkv: &[f32],
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
        self.scores.resize(length * length, 0.0);
        let sequences = qkv.chunks_exact(length * 3 * width);
        for (qkv, out) in sequences.zip(out.chunks_exact_mut(length * width)) {
            for first in (0..width).step_by(head) {
                // Each is read where it lies.
                let part = |part: usize| &qkv[part * width + first..];
                let queries = Rows {
                    values: part(0),
                    stride: 3 * width,
                    count: length,
                };
                self.keys.refill(part(1), [length, head], [3 * width, 1]);
                self.values.refill(part(2), [head, length], [1, 3 * width]);
                let scores = &mut self.scores;
                self.keys
                    .multiply(queries, scores, length, Then::Put, scratch);
                softmax(scores, length, scale, causal);
                let weights = Rows {
                    values: scores,
                    stride: length,
                    count: length,
                };
                self.values
                    .multiply(weights, &mut out[first..], width, Then::Put, scratch);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_see_what_they_may_as_much_as_it_fits() {
        let (n, length, heads, width) = (2, 7, 3, 24);
        let head = width / heads;
        let qkv: Vec<f32> = (0..n * length * 3 * width)
            .map(|i| ((i * 37 % 101) as f32 - 50.0) / 25.0)
            .collect();
        for causal in [false, true] {
            let sequences = Sequences {
                length,
                width,
                heads,
                causal,
            };
            let mut out = vec![0.0; n * length * width];
            Attention::default().compute(&qkv, &mut out, sequences, &mut Scratch::default());
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
