//! What the tests of several layers share.

use crate::{Linear, Norm, Precision};

/// Values from −`largest` to `largest` that no two operations treat alike.
pub fn filled(count: usize, step: usize, largest: f32) -> Vec<f32> {
    let value = |i: usize| ((i * step % 101) as f32 - 50.0) / (50.0 / largest);
    (0..count).map(value).collect()
}

/// A layer whose weights are as small as those of models.
pub fn linear([outputs, inputs]: [usize; 2], step: usize, precision: Precision) -> Linear {
    let weight = filled(outputs * inputs, step, 0.2);
    Linear::new(&weight, filled(outputs, 7, 0.2), inputs, precision)
}

pub fn norm(width: usize) -> Norm {
    Norm {
        scale: vec![1.0; width],
        shift: vec![0.1; width],
        eps: 1e-5,
    }
}

/// Holds that `apply`, on so many threads, makes of each part of `x` what it makes of it alone, to the bit.
pub fn threads_and_others_have_no_say(
    x: &[f32],
    part: usize,
    apply: impl Fn(&[f32], usize) -> Vec<f32>,
) {
    let alone: Vec<f32> = x.chunks(part).flat_map(|x| apply(x, 1)).collect();
    for threads in [1, 2, 3, 64] {
        assert_eq!(apply(x, threads), alone, "{threads} threads");
    }
    assert!(apply(&[], 2).is_empty());
}
