//! The operating curve of a saved run.

use super::confusions::UnknownLabel;
use super::saved::Saved;
use crate::score::{CurveValue, ImageCurve, OperatingCurve, Worths};
use crate::taxonomy::{NodeId, Taxonomy};

/// The operating curve over the labelled images of a run; `None` without such an image, and where the Pareto sequences are not known.
///
/// # Errors
/// The run has a label that the taxonomy has not.
pub fn curve(
    run: &Saved,
    taxonomy: &Taxonomy,
    value: CurveValue,
) -> Result<Option<OperatingCurve>, UnknownLabel> {
    let Some(pareto) = run.details.as_ref().and_then(|d| d.pareto.as_ref()) else {
        return Ok(None);
    };
    let nodes = run.labels.iter().map(|id| {
        taxonomy.find(id).ok_or_else(|| UnknownLabel {
            label: id.clone(),
            taxonomy: taxonomy.name().to_owned(),
        })
    });
    let nodes = nodes.collect::<Result<Vec<NodeId>, _>>()?;
    let node = |label: u32| nodes[label as usize];
    let truths = run.truths.iter();
    let truths = truths.map(|set| set.iter().map(|&label| node(label)).collect());
    let truths: Vec<Vec<NodeId>> = truths.collect();
    let mut worths = Worths::new(taxonomy, value);
    let mut images: Vec<ImageCurve> = Vec::with_capacity(pareto.len());
    for (row, steps) in run.rows.iter().zip(pareto.iter()) {
        let steps = steps.iter().map(|step| (node(step.label), step.mass));
        images.extend(worths.image(steps, row.truths as usize, &truths[row.truths as usize]));
    }
    Ok(OperatingCurve::pool(&images))
}
