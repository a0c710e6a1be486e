use super::tile::Tile;
use super::*;
use crate::elementwise::{has_avx2, has_avx512};
use crate::testing::filled;

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
        let values = filled(count * stride, 37, 2.0);
        let weight = filled(outputs * inputs, 41, 2.0);
        let bias = filled(outputs, 11, 2.0);
        let packed = Packed::new(&weight, [outputs, inputs], [inputs, 1]);
        let mut transposed = vec![0.0; weight.len()];
        for (i, &value) in weight.iter().enumerate() {
            transposed[i % inputs * outputs + i / inputs] = value;
        }
        let from_transposed = Packed::new(&transposed, [outputs, inputs], [1, outputs]);
        let before = filled(count * out_stride, 13, 2.0);
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
        let values = filled(count * inputs, 37, 2.0);
        let packed = Packed::new(
            &filled(outputs * inputs, 41, 2.0),
            [outputs, inputs],
            [inputs, 1],
        );
        let bias = filled(outputs, 11, 2.0);
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

/// The tiles that other machines have give the same values, and what follows the sums too, as far as this one can compute them.
#[cfg(target_arch = "x86_64")]
#[test]
fn narrower_tiles_give_the_same_values() {
    for [count, outputs, inputs] in SIZES {
        let (values, bias) = (filled(count * inputs, 37, 2.0), filled(outputs, 11, 2.0));
        let (weight, before) = (
            filled(outputs * inputs, 41, 2.0),
            filled(count * outputs, 13, 2.0),
        );
        for then in [
            Then::Put,
            Then::Bias(&bias),
            Then::Activate(&bias, Activation::QuickGelu),
            Then::Activate(&bias, Activation::Gelu),
            Then::Activate(&bias, Activation::GeluTanh),
            Then::AddTo(&bias),
        ] {
            let multiply = |tile: Tile| {
                let mut packed = Packed::of_tile(tile);
                packed.refill(&weight, [outputs, inputs], [inputs, 1]);
                let mut out = before.clone();
                let rows = Rows {
                    values: &values,
                    stride: inputs,
                    count,
                };
                packed.multiply(rows, &mut out, outputs, then, &mut Scratch::default());
                out
            };
            let baseline = multiply(Tile::Baseline);
            if has_avx2() {
                let narrow = multiply(Tile::Avx2);
                let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5 * b.abs().max(10.0);
                assert!(narrow.iter().zip(&baseline).all(close));
                if has_avx512() {
                    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect();
                    let [wide, narrow]: [Vec<u32>; 2] =
                        [bits(&multiply(Tile::Avx512)), bits(&narrow)];
                    assert_eq!(wide, narrow);
                }
            }
        }
    }
}

/// `out = rows · weightᵀ + bias` with weights of eight bits.
fn int8(weight: &Int8, values: &[f32], bias: &[f32]) -> Vec<f32> {
    let count = values.len() / weight.inputs();
    let mut out = vec![f32::NAN; count * bias.len()];
    let rows = Rows {
        values,
        stride: weight.inputs(),
        count,
    };
    let (then, mut scratch) = (Then::Bias(bias), Scratch::default());
    weight.multiply(rows, &mut out, bias.len(), then, &mut scratch);
    out
}

#[test]
fn products_with_weights_of_eight_bits_are_off_by_their_rounding() {
    for [count, outputs, inputs] in SIZES {
        let (values, bias) = (filled(count * inputs, 37, 2.0), filled(outputs, 11, 2.0));
        let mut weight = filled(outputs * inputs, 41, 2.0);
        // Outputs whose weights are much larger or smaller than those of others.
        for (o, row) in weight.chunks_mut(inputs).enumerate() {
            row.iter_mut()
                .for_each(|w| *w *= 10f32.powi(o as i32 % 5 - 2));
        }
        let packed = Int8::new(&weight, [outputs, inputs]);
        for (at, out) in int8(&packed, &values, &bias).into_iter().enumerate() {
            let row = &values[at / outputs * inputs..][..inputs];
            let weights = &weight[at % outputs * inputs..][..inputs];
            let exact: f64 = row
                .iter()
                .zip(weights)
                .map(|(&a, &b)| f64::from(a) * f64::from(b))
                .sum();
            let off = (f64::from(out) - exact - f64::from(bias[at % outputs])).abs();
            let largest = |values: &[f32]| values.iter().fold(0f32, |a, v| a.max(v.abs()));
            let total = |values: &[f32]| values.iter().map(|v| v.abs()).sum::<f32>();
            // Half a step for each weight, half a much smaller one for each input, and f32's own rounding.
            let of_weights = largest(weights) / 127.0 / 2.0 * total(row);
            let of_rows = largest(row) / 22018.0 / 2.0 * total(weights);
            let allowed = 1.001 * (of_weights + of_rows) + 1e-5 * (1.0 + total(weights));
            assert!(
                off < f64::from(allowed),
                "{at}: off by {off}, not {allowed}"
            );
        }
    }
}

#[test]
fn sums_of_the_largest_whole_numbers_do_not_overflow() {
    let inputs = 2 * 768;
    let packed = Int8::new(&vec![-3.0; inputs], [1, inputs]);
    let out = int8(&packed, &vec![2.0; inputs], &[0.0]);
    assert!((out[0] + 6.0 * inputs as f32).abs() < 0.01, "{out:?}");
}

#[test]
fn with_weights_of_eight_bits_tiles_and_company_have_no_say() {
    for [count, outputs, inputs] in SIZES {
        let (values, bias) = (filled(count * inputs, 37, 2.0), filled(outputs, 11, 2.0));
        let weight = filled(outputs * inputs, 41, 2.0);
        let of_tile = |tile| Int8::of_tile(tile, &weight, [outputs, inputs]);
        let baseline = int8(&of_tile(Tile::Baseline), &values, &bias);
        let packed = Int8::new(&weight, [outputs, inputs]);
        let alone: Vec<f32> = values
            .chunks(inputs)
            .flat_map(|row| int8(&packed, row, &bias))
            .collect();
        assert_eq!(alone, baseline);
        #[cfg(target_arch = "x86_64")]
        if has_avx2() {
            assert_eq!(int8(&of_tile(Tile::Avx2), &values, &bias), baseline);
        }
        #[cfg(target_arch = "x86_64")]
        if has_avx512() {
            assert_eq!(int8(&of_tile(Tile::Avx512), &values, &bias), baseline);
        }
    }
}

#[test]
fn with_weights_of_eight_bits_what_is_no_number_stays_so() {
    let inputs = 40;
    let (ones, bias) = (vec![1.0; inputs], [0.5; 3]);
    let packed = Int8::new(&vec![1.0; 3 * inputs], [3, inputs]);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut rows = [ones.clone(), ones.clone()].concat();
        rows[inputs + 39] = bad;
        let out = int8(&packed, &rows, &bias);
        assert!(out[..3].iter().all(|v| (v - 40.5).abs() < 1e-3), "{out:?}");
        assert!(out[3..].iter().all(|v| v.is_nan()), "{out:?}");
        let of_bad = Int8::new(&rows[inputs..], [1, inputs]);
        assert!(int8(&of_bad, &ones, &bias[..1])[0].is_nan());
    }
    assert_eq!(int8(&packed, &vec![0.0; inputs], &bias), bias);
    // Too small for a scale, and nothing beside what f32 can tell.
    assert_eq!(int8(&packed, &vec![1e-40; inputs], &bias), bias);
}
