//! The operating curve of a saved run.

use super::confusions::UnknownLabel;
use super::opened::Opened;
use super::question::QuestionError;
use super::saved::{Saved, SavedRow};
use super::threshold::{ThresholdError, Thresholds};
use super::uncertainty::uncertainty;
use crate::score::{CurvePoint, CurveValue, ImageCurve, OperatingCurve, RiskCurve, Worths};
use crate::taxonomy::{NodeId, Taxonomy};

/// All that is known of a run's thresholds, for who moves one about.
#[derive(Debug, Clone)]
pub struct Operating {
    pub curve: OperatingCurve,
    /// Where the answers that the run has are, as [`present`] tells.
    pub present: CurvePoint,
    pub thresholds: Thresholds,
    /// How often answers are wrong of what the model is most certain of; `None` of a model that does not tell.
    pub uncertainty: Option<RiskCurve>,
}

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
    pool(run, taxonomy, value, |row, _, node| {
        let steps = pareto.get(row).iter();
        steps.map(|step| (node(step.label), step.mass)).collect()
    })
}

/// What the answers that the run has come to, whatever rule they are of, as a point beside its curve: one that was abstained from
/// says nothing, as above every mass. Its threshold is `None`. Without a labelled image there is no point.
///
/// # Errors
/// The run has a label that the taxonomy has not.
pub fn present(
    run: &Saved,
    taxonomy: &Taxonomy,
    value: CurveValue,
) -> Result<Option<CurvePoint>, UnknownLabel> {
    // A curve of one step an image ends where all steps are taken.
    let pooled = pool(run, taxonomy, value, |_, row, node| {
        row.answer
            .map(|answer| (node(answer), 1.0))
            .into_iter()
            .collect()
    })?;
    let last = pooled.and_then(|curve| curve.points.last().copied());
    Ok(last.map(|point| CurvePoint {
        threshold: None,
        ..point
    }))
}

/// The curve, the run's own point, and the figures of any threshold; `None` where there is no [`curve`]. Runs on the current rayon
/// pool.
///
/// # Errors
/// The run has a label that the taxonomy has not.
pub fn operating(opened: &Opened, value: CurveValue) -> Result<Option<Operating>, ThresholdError> {
    let (saved, taxonomy) = (&opened.saved, &opened.taxonomy);
    let Some(curve) = curve(saved, taxonomy, value).map_err(QuestionError::from)? else {
        return Ok(None);
    };
    let Some(present) = present(saved, taxonomy, value).map_err(QuestionError::from)? else {
        return Ok(None);
    };
    let thresholds = Thresholds::new(opened)?;
    Ok(Some(Operating {
        curve,
        present,
        thresholds,
        uncertainty: uncertainty(saved),
    }))
}

/// The curve of the answers that `steps` tells of each row, by falling mass.
fn pool(
    run: &Saved,
    taxonomy: &Taxonomy,
    value: CurveValue,
    steps: impl Fn(usize, &SavedRow, &dyn Fn(u32) -> NodeId) -> Vec<(NodeId, f64)>,
) -> Result<Option<OperatingCurve>, UnknownLabel> {
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
    let mut images: Vec<ImageCurve> = Vec::with_capacity(run.rows.len());
    for (i, row) in run.rows.iter().enumerate() {
        let number = row.truths as usize;
        images.extend(worths.image(steps(i, row, &node), number, &truths[number]));
    }
    Ok(OperatingCurve::pool(&images))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::run::{at_threshold, load_whole};
    use crate::taxonomy::load_str;

    #[test]
    fn a_run_by_a_threshold_is_on_its_own_curve() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let saved = load_whole(&root.join("tests/fixtures/run")).unwrap();
        let text = std::fs::read_to_string(root.join("taxonomies/shapes.yaml")).unwrap();
        let taxonomy = load_str("shapes.yaml", &text).into_sound().unwrap();
        let opened = Opened::new(saved, taxonomy);
        for value in [CurveValue::Information, CurveValue::Depth] {
            let curve = curve(&opened.saved, &opened.taxonomy, value).unwrap();
            let points = curve.unwrap().points;
            for threshold in [0.25, 0.5, 0.97] {
                let run = at_threshold(&opened, threshold).unwrap().run;
                let run = present(&Saved::of(&run), &opened.taxonomy, value).unwrap();
                let run = run.unwrap();
                let is_reached = |p: &&CurvePoint| p.threshold.is_none_or(|t| t >= threshold);
                let expected = points.iter().take_while(is_reached).last().unwrap();
                let figures = |p: &CurvePoint| [p.correct, p.exact, p.recall, p.precision, p.value];
                for (a, b) in figures(&run).into_iter().zip(figures(expected)) {
                    assert!((a - b).abs() < 1e-9, "{run:?}, not {expected:?}");
                }
            }
        }
    }
}
