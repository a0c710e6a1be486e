//! The operating curve of a saved run.

use super::confusions::UnknownLabel;
use super::load::{Saved, Sequence};
use crate::score::{CurveValue, ImageCurve, OperatingCurve, Worths};
use crate::taxonomy::{NodeId, Taxonomy};

/// The operating curve over the labelled images of a run, whose Pareto sequences these are; `None` without such an image.
///
/// # Errors
/// The run has a label that the taxonomy has not.
pub fn curve(
    run: &Saved,
    pareto: &[Sequence],
    taxonomy: &Taxonomy,
    value: CurveValue,
) -> Result<Option<OperatingCurve>, UnknownLabel> {
    let find = |id: &str| {
        taxonomy.find(id).ok_or_else(|| UnknownLabel {
            label: id.to_owned(),
            taxonomy: taxonomy.name().to_owned(),
        })
    };
    let truths = run.truths.iter().map(|set| {
        let nodes = set.iter().map(|&label| find(run.id(label)));
        nodes.collect::<Result<Vec<NodeId>, _>>()
    });
    let truths = truths.collect::<Result<Vec<_>, _>>()?;
    let mut worths = Worths::new(taxonomy, value);
    let mut images: Vec<ImageCurve> = Vec::with_capacity(pareto.len());
    for (row, steps) in run.rows.iter().zip(pareto) {
        let steps = steps.iter().map(|(id, mass)| Ok((find(id)?, *mass)));
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        images.extend(worths.image(steps, row.truths as usize, &truths[row.truths as usize]));
    }
    Ok(OperatingCurve::pool(&images))
}
