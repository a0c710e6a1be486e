//! One pass over the images that have a label: what is summed up of them, for the figures and for their intervals.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::annotation::{Annotation, Annotations};
use super::bootstrap::Bootstrap;
use super::distinct::numbered;
use super::evaluate::Evaluated;
use super::figure::{Figure, add_row, mean, one_if};
use super::image_rows::ImageRows;
use super::intervals::{Others, of_figures, values};
use super::judge::Judge;
use super::judgements::Judgements;
use super::metrics::{self, MetricSums, Metrics, Pair, per_class};
use super::reassessed::{self, ReassessedSums};
use super::retrieval;
use super::summarise::{Depth, Terms};
use super::summary::{Interval, TopK};
use crate::taxonomy::{NodeId, Taxonomy};

/// Ranked labels that some figures are over, at most.
const BEST: usize = 5;

/// Columns of top-k accuracy that are summed over the images: ones, those with an answer, exact ones, and those whose
/// primary truth is among the best k.
const TOP: usize = 4;

/// What is known of the images with a label.
pub struct Labelled<'a> {
    taxonomy: &'a Taxonomy,
    images: &'a Evaluated,
    k: usize,
    /// Whether `k` ranked labels are known of each image with an answer.
    all_have_k: bool,
    top: [f64; TOP],
    sums: MetricSums<'a>,
    others: Others<'a>,
    rows: ImageRows,
}

impl<'a> Labelled<'a> {
    /// Sums up. Takes time in the images, and in the graph for each distinct answer to an annotation. Runs on the current rayon pool;
    /// the result does not depend on the number of threads.
    pub fn new(
        judge: Judge<'a>,
        candidates: &[NodeId],
        images: &'a Evaluated,
        annotations: &'a Annotations,
        judgements: &'a Judgements,
        valid: &'a [Vec<usize>],
        terms: &Terms<'_>,
    ) -> Self {
        let k = candidates.len().min(BEST);
        let truths = |i: usize| annotations.get(i).truths.as_slice();
        let labelled = |i: &usize| !truths(*i).is_empty();
        let others = Others::new(images, annotations, judgements, valid);
        let columns = TOP + metrics::COLUMNS + others.columns();
        let is_whole = terms.depth == Depth::Whole;
        let count = match is_whole {
            true => (0..annotations.len()).filter(labelled).count(),
            false => 0,
        };
        // What is ranked below the answers is asked of the whole run alone.
        let sets: &[Annotation] = match is_whole {
            true => annotations.distinct(),
            false => &[],
        };
        let sets = sets.iter().map(|a| a.truths.as_slice());
        let mut found = Self {
            taxonomy: judge.taxonomy,
            images,
            k,
            all_have_k: true,
            top: [0.0; TOP],
            sums: MetricSums::new(judge.taxonomy, candidates, sets, k, terms.root),
            others,
            rows: ImageRows::new(count, columns),
        };
        let (pairs, pair_of) = numbered((0..annotations.len()).map(|i| {
            let answer = images.answers[i].filter(|_| labelled(&i));
            let truth = judgements.get(i).map(|judged| judged.truth);
            answer.map(|p| (p, annotations.index(i), truth))
        }));
        let pair = |&(p, index, truth): &(NodeId, usize, Option<NodeId>)| {
            let annotation = &annotations.distinct()[index];
            // An image that a re-annotation passes over was not judged yet.
            let best = truth.unwrap_or_else(|| {
                let judgement = judge.judge(p, annotation);
                judgement
                    .expect("an image with a truth has a verdict")
                    .truth
            });
            found.sums.pair(p, &annotation.truths, best)
        };
        let pairs: Vec<Pair> = pairs.par_iter().map(pair).collect();
        let (mut row, mut others) = (Vec::with_capacity(columns), Vec::new());
        for i in (0..annotations.len()).filter(labelled) {
            row.clear();
            others.clear();
            let truths = truths(i);
            match images.answers[i] {
                None => {
                    row.extend(found.top(None, truths[0]));
                    found.sums.add_abstention(judge.taxonomy, truths, &mut row);
                }
                Some(p) => {
                    let ranked = images.rankings.labels(i);
                    row.extend(found.top(Some((p, ranked)), truths[0]));
                    let pair = &pairs[pair_of[i] as usize];
                    let is_valid = judgements.get(i).map(|j| j.verdict.is_valid());
                    let answer = (p, if is_whole { ranked } else { &[] });
                    found.sums.add(pair, answer, truths, is_valid, &mut row);
                    if let Some(&confidence) = images.confidences.get(i) {
                        let is_exact = p == truths[0];
                        found.sums.add_confidence(confidence, is_exact, is_valid);
                    }
                }
            }
            // What is drawn from; nothing is, if only the answers count.
            if is_whole {
                found.others.extend(i, &mut row, &mut others);
                found.rows.add(&row, &others);
            }
        }
        found
    }

    /// Adds an image by its answer and ranked labels, and its primary truth.
    fn top(&mut self, answer: Option<(NodeId, &[NodeId])>, primary: NodeId) -> [f64; TOP] {
        let row = match answer {
            None => [1.0, 0.0, 0.0, 0.0],
            Some((p, ranked)) => {
                self.all_have_k &= ranked.len() >= self.k;
                let in_best = ranked.iter().take(self.k).any(|&label| label == primary);
                [1.0, 1.0, one_if(p == primary), one_if(in_best)]
            }
        };
        add_row(&mut self.top, &row);
        row
    }

    /// Images with an answer.
    pub fn n(&self) -> usize {
        self.top[1] as usize
    }

    /// Images without one.
    pub fn abstained(&self) -> usize {
        (self.top[0] - self.top[1]) as usize
    }

    pub fn top1(&self) -> Option<f64> {
        self.shares(&self.top)[0]
    }

    pub fn top5(&self) -> TopK {
        TopK {
            k: self.k,
            accuracy: self.shares(&self.top)[1],
        }
    }

    fn shares(&self, sums: &[f64]) -> [Option<f64>; 2] {
        [
            mean(sums[2], sums[1]),
            mean(sums[3], sums[1]).filter(|_| self.all_have_k),
        ]
    }

    pub fn metrics(&self) -> Metrics {
        self.sums.finish(self.images.whole.as_ref())
    }

    /// Bootstrap intervals by the paths of the figures in the summary: of those that are defined and have enough behind
    /// them. Runs on the current rayon pool; the result does not depend on the number of threads.
    pub fn intervals(&self, reassessed: Option<&ReassessedSums>) -> BTreeMap<String, Interval> {
        let bootstrap = Bootstrap::default();
        let figures = |sums: &[f64], sparse: &[f64]| {
            let (top, rest) = sums.split_at(TOP);
            let (of_metrics, others) = rest.split_at(metrics::COLUMNS);
            let [top1, top5] = self.shares(top);
            let mut figures = vec![
                Figure::new("", "top1", top1, top[1]),
                Figure::new("top5", "accuracy", top5, top[1]),
            ];
            figures.extend(self.sums.named(of_metrics));
            figures.extend(self.others.named(others, sparse));
            figures
        };
        let sparse_columns = self.others.sparse_columns();
        let (sums, sparse) = self.rows.sums(sparse_columns);
        let intervals = bootstrap.of_image_rows(&self.rows, sparse_columns, |sums, sparse| {
            values(&figures(sums, sparse))
        });
        let mut all = of_figures(figures(&sums, &sparse), intervals);

        // Images of a kind are alike to these: few kinds, however many images there are.
        let mut of_counts = |counts: &[usize], named: fn(&[usize]) -> Vec<Figure>| {
            let intervals = bootstrap.of_counts(counts, |counts| values(&named(counts)));
            all.extend(of_figures(named(counts), intervals));
        };
        of_counts(
            &self.sums.per_class().counts(self.taxonomy),
            per_class::named,
        );
        if let Some(reassessed) = reassessed {
            of_counts(reassessed.counts(), reassessed::named_of_counts);
        }
        if let Some(whole) = &self.images.whole {
            // Here the queries are the labels, so it is labels that are drawn.
            let queries = whole.queries.label_to_image.iter().flatten();
            let rows: Vec<f64> = queries.flat_map(|query| query.row()).collect();
            let named = |sums: &[f64]| retrieval::named(sums, "retrieval.label_to_image");
            let mut sums = [0.0; retrieval::COLUMNS];
            for row in rows.chunks_exact(retrieval::COLUMNS) {
                add_row(&mut sums, row);
            }
            let intervals =
                bootstrap.of_rows(&rows, retrieval::COLUMNS, |sums| values(&named(sums)));
            all.extend(of_figures(named(&sums), intervals));
        }
        all
    }
}
