//! The activations of MLPs.

use crate::elementwise::{erf, exp};

/// Activation of the MLPs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// x · σ(1.702 x): OpenAI's checkpoints.
    QuickGelu,
    /// x/2 · (1 + erf(x/√2)): LAION's and most later ones.
    Gelu,
    /// The tanh approximation of GELU.
    GeluTanh,
}

impl Activation {
    /// By its name in transformers' `hidden_act`.
    ///
    /// # Errors
    /// A sentence that names the value and what is known.
    pub fn by_name(name: &str) -> Result<Self, String> {
        match name {
            "quick_gelu" => Ok(Self::QuickGelu),
            "gelu" => Ok(Self::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" => Ok(Self::GeluTanh),
            _ => Err(format!(
                "hidden_act is `{name}`: known are quick_gelu, gelu, gelu_new and gelu_pytorch_tanh"
            )),
        }
    }

    /// The name that transformers has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::QuickGelu => "quick_gelu",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_pytorch_tanh",
        }
    }

    /// `x = activation(x)`, to be inlined where vectors are wide.
    #[inline(always)]
    pub(crate) fn apply(self, x: &mut [f32]) {
        match self {
            Self::QuickGelu => {
                for x in x {
                    *x /= 1.0 + exp(-1.702 * *x);
                }
            }
            Self::Gelu => {
                for x in x {
                    *x *= 0.5 * (1.0 + erf(*x * std::f32::consts::FRAC_1_SQRT_2));
                }
            }
            Self::GeluTanh => {
                for x in x {
                    let inner = 0.797_884_6 * (*x + 0.044_715 * *x * *x * *x);
                    // 0.5·(1 + tanh y) = σ(2y)
                    *x /= 1.0 + exp(-2.0 * inner);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_match_their_formulas() {
        // erf in f64 by its series, exact to 1e-12 in this range.
        let erf = |x: f64| {
            let (mut term, mut total) = (x, x);
            for n in 1..200 {
                let n = f64::from(n);
                term *= -x * x / n;
                total += term / (2.0 * n + 1.0);
            }
            total * 2.0 / std::f64::consts::PI.sqrt()
        };
        let quick = |v: f64| v / (1.0 + (-1.702 * v).exp());
        let gelu = |v: f64| 0.5 * v * (1.0 + erf(v / 2f64.sqrt()));
        let tanh = |v: f64| {
            0.5 * v
                * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (v + 0.044715 * v.powi(3))).tanh())
        };
        let cases: [(Activation, &dyn Fn(f64) -> f64); 3] = [
            (Activation::QuickGelu, &quick),
            (Activation::Gelu, &gelu),
            (Activation::GeluTanh, &tanh),
        ];
        for (activation, formula) in cases {
            for x in (-500..500).map(|i| i as f32 * 0.01) {
                let mut out = [x];
                activation.apply(&mut out);
                let expected = formula(f64::from(x));
                let error = (f64::from(out[0]) - expected).abs();
                assert!(error < 1.5e-6, "{activation:?}({x}): off by {error}");
            }
        }
    }
}
