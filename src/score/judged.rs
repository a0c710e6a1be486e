//! What judged answers come to on average: credit, K and its ceiling (METHOD 4, 5).

use super::figure::{Figure, mean};
use super::judgements::Judged;
use super::verdict::Verdict;

/// Columns that are summed over the judged images: ones, exact answers, K, 1/K (0 without a valid candidate), credit.
pub const COLUMNS: usize = 5;

/// What is summed up of a judged image.
pub fn row(judged: &Judged) -> [f64; COLUMNS] {
    let exact = f64::from(u8::from(judged.verdict == Verdict::Exact));
    let k = judged.k as f64;
    let one_in = if judged.k > 0 { 1.0 / k } else { 0.0 };
    [1.0, exact, k, one_in, judged.credit]
}

/// Means over the judged images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OfJudged {
    pub strict_credit: Option<f64>,
    pub credit: Option<f64>,
    pub mean_k: Option<f64>,
    pub ceiling: Option<f64>,
    /// `None` where the ceiling is 0.
    pub top1_over_ceiling: Option<f64>,
}

/// Of sums of the [columns](COLUMNS).
pub fn figures(sums: &[f64]) -> OfJudged {
    let mean_of = |column: usize| mean(sums[column], sums[0]);
    let (exact, ceiling) = (mean_of(1), mean_of(3));
    OfJudged {
        strict_credit: exact,
        credit: mean_of(4),
        mean_k: mean_of(2),
        ceiling,
        top1_over_ceiling: exact
            .zip(ceiling)
            .and_then(|(exact, ceiling)| mean(exact, ceiling)),
    }
}

/// The figures of sums of the [columns](COLUMNS).
pub fn named(sums: &[f64]) -> Vec<Figure> {
    let found = figures(sums);
    [
        ("", "strict_credit", found.strict_credit),
        ("", "credit", found.credit),
        ("valid_set", "mean_k", found.mean_k),
        ("valid_set", "ceiling", found.ceiling),
        ("valid_set", "top1_over_ceiling", found.top1_over_ceiling),
    ]
    .map(|(family, name, value)| Figure::new(family, name, value, sums[0]))
    .to_vec()
}
