//! How good the model is on drawings that no training sees.

use std::fmt;

use anyhow::Result;
use candle_core::Tensor;
use cladist::demo::World;
use serde::Serialize;

use super::data::{Batches, HELD_OUT_SEED};
use super::model::Clip;
use super::text::Captions;

/// Drawings encoded at once.
const BATCH: usize = 64;

/// Figures on held-out drawings; shares from 0 to 1.
#[derive(Debug, Serialize)]
pub struct HeldOut {
    /// Drawings.
    pub n: usize,
    /// Drawings whose most specific label is a leaf.
    pub n_leaves: usize,
    /// Top-1 of these, with the leaves as candidates.
    pub top1_leaves: f64,
    /// Top-1 of all against the most specific label, with all labels as candidates.
    pub top1_all: f64,
    /// Share of answers that are true of the drawing, with all labels as candidates.
    pub true_answers: f64,
    /// Mean probability on the true labels, with all labels as candidates.
    pub valid_mass: f64,
    /// Mean over the labels of AP@R of the drawings ranked by similarity to the label (METHOD 4).
    pub map_at_r_label_to_image: f64,
}

impl fmt::Display for HeldOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| 100.0 * share;
        write!(
            f,
            "top-1 {:.1} % over leaves (n {}), {:.1} % over all labels (n {}), {:.1} % of the answers true, \
             {:.1} % of the mass on true labels, label to image mAP@R {:.1} %",
            percent(self.top1_leaves),
            self.n_leaves,
            percent(self.top1_all),
            self.n,
            percent(self.true_answers),
            percent(self.valid_mass),
            percent(self.map_at_r_label_to_image),
        )
    }
}

/// Looks at about `n` drawings. A label's text is `a drawing of …` with its preferred name.
pub fn evaluate(clip: &Clip, captions: &Captions, world: &World, n: usize) -> Result<HeldOut> {
    let taxonomy = world.taxonomy();
    let is_leaf: Vec<bool> = taxonomy.nodes().map(|n| taxonomy.is_leaf(n)).collect();
    let labels = clip.texts(&captions.plain()?)?.detach();
    let batches = Batches::new(world, HELD_OUT_SEED, BATCH, 1);
    // By drawing, a value a label.
    let (mut similarities, mut probabilities) = (Vec::new(), Vec::new());
    let (mut truth, mut specific) = (Vec::new(), Vec::new());
    for i in 0..n.div_ceil(BATCH) as u64 {
        for batch in batches.step(i) {
            let images = clip.images(&batch.pixels)?.detach();
            let cosines = images.matmul(&labels.t()?)?;
            similarities.extend(rows(&cosines)?);
            let logits = cosines.broadcast_mul(&clip.scale()?.detach())?;
            probabilities.extend(rows(&candle_nn::ops::softmax(&logits, 1)?)?);
            truth.extend(rows(&batch.truth)?);
            specific.extend(batch.specific);
        }
    }
    let is_true = |drawing: usize, label: usize| truth[drawing][label] > 0.0;
    let best = |drawing: usize, keep: &dyn Fn(usize) -> bool| {
        let row: &[f32] = &probabilities[drawing];
        (0..row.len())
            .filter(|&label| keep(label))
            .max_by(|&a, &b| row[a].total_cmp(&row[b]))
            .unwrap_or(0)
    };
    let n = specific.len();
    let of_leaves: Vec<usize> = (0..n).filter(|&i| is_leaf[specific[i]]).collect();
    let all: Vec<usize> = (0..n).collect();
    let share = |of: &[usize], holds: &dyn Fn(usize) -> bool| {
        of.iter().filter(|&&i| holds(i)).count() as f64 / of.len().max(1) as f64
    };
    let valid_mass: f64 = all
        .iter()
        .map(|&i| {
            let row = probabilities[i].iter().enumerate();
            row.filter(|(label, _)| is_true(i, *label))
                .map(|(_, p)| f64::from(*p))
                .sum::<f64>()
        })
        .sum();
    let average_precisions: Vec<f64> = (0..is_leaf.len())
        .filter_map(|label| {
            let column = |i: usize| (similarities[i][label], is_true(i, label));
            average_precision_at_r(all.iter().map(|&i| column(i)).collect())
        })
        .collect();
    Ok(HeldOut {
        n,
        n_leaves: of_leaves.len(),
        top1_leaves: share(&of_leaves, &|i| best(i, &|l| is_leaf[l]) == specific[i]),
        top1_all: share(&all, &|i| best(i, &|_| true) == specific[i]),
        true_answers: share(&all, &|i| is_true(i, best(i, &|_| true))),
        valid_mass: valid_mass / n.max(1) as f64,
        map_at_r_label_to_image: average_precisions.iter().sum::<f64>()
            / average_precisions.len().max(1) as f64,
    })
}

/// AP@R = (1/R) Σ_{r ≤ R} [the r-th is positive] · precision@r, with R the number of positives; `None` without any.
fn average_precision_at_r(mut drawings: Vec<(f32, bool)>) -> Option<f64> {
    drawings.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = drawings.iter().filter(|(_, positive)| *positive).count();
    let (mut found, mut sum) = (0, 0.0);
    for (r, (_, positive)) in drawings[..positives].iter().enumerate() {
        if *positive {
            found += 1;
            sum += f64::from(found) / (r + 1) as f64;
        }
    }
    (positives > 0).then(|| sum / positives as f64)
}

fn rows(tensor: &Tensor) -> Result<Vec<Vec<f32>>> {
    Ok(tensor.to_vec2::<f32>()?)
}
