//! Bootstrap intervals of the figures of a summary (METHOD 10).

use std::collections::{BTreeMap, BTreeSet};

use super::annotation::Annotations;
use super::attribution::FEWEST;
use super::evaluate::Evaluated;
use super::figure::Figure;
use super::judgements::Judgements;
use super::metrics::{calibration, consistency};
use super::summary::Interval;
use super::{dilution, judged, reassessed, retrieval};

/// The values of figures, as the bootstrap asks for them.
pub fn values(figures: &[Figure]) -> Vec<Option<f64>> {
    figures.iter().map(|figure| figure.value).collect()
}

/// By path, the intervals of figures that are defined and have at least [`FEWEST`] images behind them.
pub fn of_figures(
    figures: Vec<Figure>,
    intervals: Vec<Option<Interval>>,
) -> BTreeMap<String, Interval> {
    let all = figures.into_iter().zip(intervals);
    all.filter(|(figure, _)| figure.value.is_some() && figure.n >= FEWEST as f64)
        .filter_map(|(figure, interval)| Some((figure.path(), interval?)))
        .collect()
}

/// What is summed up of each image beside what the graph says of its answer: its judgement, its probability, and what the
/// probabilities of all candidates say. A part that is known of no image has no columns.
pub struct Others<'a> {
    images: &'a Evaluated,
    annotations: &'a Annotations,
    judgements: &'a Judgements,
    /// The valid candidates of each distinct annotation.
    valid: &'a [Vec<usize>],
    /// The K of images with a dilution, ascending.
    ks: Vec<usize>,
}

/// Where the columns begin of which an image has values in those of its bin, and in those of its K.
const BINS_EXACT: usize = 0;
const BINS_VALID: usize = BINS_EXACT + calibration::OF_BINS;
const OF_KS: usize = BINS_VALID + calibration::OF_BINS;

impl<'a> Others<'a> {
    pub fn new(
        images: &'a Evaluated,
        annotations: &'a Annotations,
        judgements: &'a Judgements,
        valid: &'a [Vec<usize>],
    ) -> Self {
        let mut others = Self {
            images,
            annotations,
            judgements,
            valid,
            ks: Vec::new(),
        };
        let mut ks = BTreeSet::new();
        if let Some(whole) = &images.whole {
            let masses = whole.masses.iter().enumerate();
            let diluted = masses.filter(|(_, mass)| mass.dilution().is_some());
            ks.extend(diluted.filter_map(|(i, _)| others.k(i)));
        }
        others.ks = ks.into_iter().collect();
        others
    }

    /// K(x) of an image whose verdict would count, whether it has an answer or not.
    fn k(&self, i: usize) -> Option<usize> {
        let is_judged = self.annotations.is_judged(self.annotations.get(i));
        is_judged.then(|| self.valid[self.annotations.index(i)].len())
    }

    /// How many values each image has.
    pub fn columns(&self) -> usize {
        let mut columns = judged::COLUMNS;
        if self.annotations.reannotated() {
            columns += reassessed::COLUMNS;
        }
        if !self.images.confidences.is_empty() {
            columns += 2 * calibration::COLUMNS;
        }
        if self.images.whole.is_some() {
            columns += consistency::COLUMNS + retrieval::COLUMNS + dilution::COLUMNS;
        }
        columns
    }

    /// How many columns there are in which an image has a value or none.
    pub fn sparse_columns(&self) -> usize {
        OF_KS + 2 * self.ks.len()
    }

    /// Puts what is summed up of an image to the end of `row`, and what is in the other columns to that of `others`.
    pub fn extend(&self, i: usize, row: &mut Vec<f64>, others: &mut Vec<(usize, f64)>) {
        let judged = self.judgements.get(i);
        row.extend(judged.map_or([0.0; judged::COLUMNS], judged::row));
        if self.annotations.reannotated() {
            let of = |judged| reassessed::row(self.annotations, judged);
            row.extend(judged.map_or([0.0; reassessed::COLUMNS], of));
        }
        if let Some(&probability) = self.images.confidences.get(i) {
            let truths = &self.annotations.get(i).truths;
            let exact = self.images.answers[i].map(|p| truths.first() == Some(&p));
            let valid = judged.map(|j| j.verdict.is_valid());
            for (comes_true, start) in [(exact, BINS_EXACT), (valid, BINS_VALID)] {
                let Some(comes_true) = comes_true else {
                    row.extend([0.0; calibration::COLUMNS]);
                    continue;
                };
                let (of_answer, of_bin) = calibration::row(probability, comes_true);
                row.extend(of_answer);
                others.extend(of_bin.map(|(column, value)| (start + column, value)));
            }
        }
        if let Some(whole) = &self.images.whole {
            let consistent = whole.consistent[i];
            row.extend(consistent.map_or([0.0; consistency::COLUMNS], |c| c.row()));
            let query = whole.queries.image_to_label[i];
            row.extend(query.map_or([0.0; retrieval::COLUMNS], |query| query.row()));
            let mass = whole.masses[i];
            let k = self.k(i);
            row.extend(k.map_or([0.0; dilution::COLUMNS], |_| mass.row()));
            if let Some((k, share)) = k.zip(mass.dilution())
                && let Ok(place) = self.ks.binary_search(&k)
            {
                let column = OF_KS + 2 * place;
                others.extend([(column, 1.0), (column + 1, share)]);
            }
        }
    }

    /// The figures of sums of the columns, and of those of the other ones.
    pub fn named(&self, sums: &[f64], sparse: &[f64]) -> Vec<Figure> {
        let mut rest = sums;
        let mut next = |columns: usize| {
            let (of_family, after) = rest.split_at(columns);
            rest = after;
            of_family
        };
        let mut figures = judged::named(next(judged::COLUMNS));
        if self.annotations.reannotated() {
            figures.extend(reassessed::named(next(reassessed::COLUMNS)));
        }
        if !self.images.confidences.is_empty() {
            for (start, family) in [
                (BINS_EXACT, "metrics.calibration_exact"),
                (BINS_VALID, "metrics.calibration_valid"),
            ] {
                let of_bins = &sparse[start..start + calibration::OF_BINS];
                let sums = next(calibration::COLUMNS);
                figures.extend(calibration::named(sums, of_bins, family));
            }
        }
        if self.images.whole.is_some() {
            figures.extend(consistency::named(next(consistency::COLUMNS)));
            let family = "retrieval.image_to_label";
            figures.extend(retrieval::named(next(retrieval::COLUMNS), family));
            let sums = next(dilution::COLUMNS);
            figures.extend(dilution::named(&self.ks, sums, &sparse[OF_KS..]));
        }
        figures
    }
}
