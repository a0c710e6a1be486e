//! What a model's own uncertainty of the images says of its errors.

use super::saved::Saved;
use crate::score::{Group, RiskCurve, Ventured, Verdict};

/// The share of wrong answers among the images of which the model is most certain, for a saved run that was read with its details.
/// `None` of a model that tells no uncertainty, and without an image that has a verdict.
pub fn uncertainty(run: &Saved) -> Option<RiskCurve> {
    let details = run.details.as_ref()?;
    let of_images = details.rows.iter().map(|row| row.uncertainty);
    risk_curve(of_images, |i| run.rows[i].verdict)
}

/// The curve over the images that have an uncertainty and a verdict.
pub(super) fn risk_curve(
    uncertainties: impl Iterator<Item = Option<f64>>,
    verdict: impl Fn(usize) -> Option<Verdict>,
) -> Option<RiskCurve> {
    let all = uncertainties.enumerate().filter_map(|(i, uncertainty)| {
        let verdict = verdict(i)?;
        Some(Ventured {
            uncertainty: uncertainty?,
            is_error: verdict != Verdict::Exact,
            is_mistake: verdict.group() == Group::Mistake,
        })
    });
    RiskCurve::new(all.collect())
}
