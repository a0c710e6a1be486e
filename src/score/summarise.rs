//! From what is known of each image to the figures of a run.

use std::collections::{HashMap, HashSet};

use super::annotation::{Annotation, Annotations};
use super::attribution::{Attribution, attribute};
use super::chance::by_chance;
use super::credit::CreditPolicy;
use super::curve::{CurveValue, ImageCurve, OperatingCurve, Worths};
use super::decide::Calibrated;
use super::dilution::dilution;
use super::evaluate::{Evaluated, Whole};
use super::growth::{Growth, SUBSETS, TruthSets, growth};
use super::judge::{Judge, ValidSets};
use super::judgements::{Judged, Judgements, Tally};
use super::metrics::{MetricSums, Pair};
use super::reassessed::reassess;
use super::summary::{Confusion, CurveAreas, SUMMARY_SCHEMA, Summary, TopK, ValidSet};
use super::suspects::Suspects;
use super::verdict::{Group, Verdict};
use crate::taxonomy::{NodeId, Taxonomy};

/// Seed of the permutations.
const CHANCE_SEED: u64 = 0;

/// How many confusions a summary holds.
const WORST_CONFUSIONS: usize = 10;

/// Ranked labels that some figures are over, at most.
const BEST: usize = 5;

/// Judges every image and sums up.
///
/// `images` has at least min(5, |C|) ranked labels of each, or the figures that need them are `None`; `valid` has the
/// valid candidates of each distinct annotation; the rule is the one that the answers come from. O(n) plus a relation for each distinct answer to an annotation. The
/// bootstrap runs on the current rayon pool; the result does not depend on the number of threads.
pub fn summarise(
    judge: Judge<'_>,
    candidates: &[NodeId],
    policy: &CreditPolicy,
    images: &Evaluated,
    annotations: &Annotations,
    valid: &[Vec<usize>],
    (rule, calibrated): (&str, Option<Calibrated>),
) -> (Judgements, Summary) {
    let judgements = Judgements::new(judge, policy, &images.answers, annotations, valid);
    let is_suspect = |i: usize| images.is_suspect(i);
    let rows = judgements.tally(is_suspect);
    let judged: usize = rows.iter().map(|row| row.count).sum();
    let labelled = labelled(judge, candidates, images, annotations, &judgements);

    let pairs: Vec<(NodeId, u32)> = (0..annotations.len())
        .filter_map(|i| judgements.get(i))
        .map(|judged| (judged.answer, judged.annotation))
        .collect();
    let by_chance = by_chance(judge, annotations.distinct(), &pairs, CHANCE_SEED);
    let Attribution {
        verdicts,
        multiplicity,
        causes,
    } = attribute(&rows, by_chance.as_ref().map(|(rows, _)| rows.as_slice()));
    let errors = multiplicity.confirmed + multiplicity.possible + multiplicity.mistakes;
    let mean = |sum: f64| (judged > 0).then(|| sum / judged as f64);
    let exact = mean((judged - errors) as f64);
    let weighted = |of: &dyn Fn(&Judged) -> f64| {
        let terms = rows.iter().map(|row| row.count as f64 * of(row.judged));
        // Not `sum`: of nothing it is −0.
        mean(terms.fold(0.0, |sum, term| sum + term))
    };
    let ceiling = weighted(&|j| if j.k > 0 { 1.0 / j.k as f64 } else { 0.0 });
    let is_candidate: HashSet<NodeId> = candidates.iter().copied().collect();
    let count = |of: &dyn Fn(&Judged) -> bool| {
        let rows = rows.iter().filter(|row| of(row.judged));
        rows.map(|row| row.count).sum()
    };
    let primary = |j: &Judged| annotations.distinct()[j.annotation as usize].truths[0];
    let summary = Summary {
        schema: SUMMARY_SCHEMA,
        rule: rule.to_owned(),
        calibrated,
        n: labelled.n,
        abstained: labelled.abstained,
        candidates: candidates.len(),
        top1: labelled.top1,
        top5: labelled.top5,
        judged,
        errors,
        reassessed: reassess(judge.taxonomy, annotations, &rows),
        verdicts,
        multiplicity,
        causes,
        permutations: by_chance.map_or(0, |(_, permutations)| permutations),
        strict_credit: exact,
        credit_policy: policy.name().to_owned(),
        credit: weighted(&|j| j.credit),
        valid_set: ValidSet {
            mean_k: weighted(&|j| j.k as f64),
            ceiling,
            top1_over_ceiling: exact
                .zip(ceiling)
                .filter(|(_, c)| *c > 0.0)
                .map(|(a, c)| a / c),
            without_valid_candidate: count(&|j| j.k == 0),
            truth_not_a_candidate: count(&|j| !is_candidate.contains(&primary(j))),
        },
        dilution: images.whole.as_ref().map(|whole| {
            let masses = whole.masses.iter().enumerate();
            let of_judged = masses.filter_map(|(i, mass)| Some((judgements.get(i)?.k, *mass)));
            dilution(&of_judged.collect::<Vec<_>>())
        }),
        growth: of_pairs(judge, annotations),
        retrieval: images.whole.as_ref().map(|whole| whole.retrieval),
        curve: images
            .whole
            .as_ref()
            .and_then(|whole| areas(judge, whole, annotations)),
        metrics: labelled.metrics,
        suspects: (images.whole.as_ref()).map(|whole| suspects(whole, &judgements, &rows)),
        // Of the masses, by who has the judgements.
        noisy: None,
        confusions: worst_confusions(judge.taxonomy, &rows),
    };
    (judgements, summary)
}

/// What depends on T(x) alone, over the images with an answer and a label.
struct Labelled {
    n: usize,
    abstained: usize,
    top1: Option<f64>,
    top5: TopK,
    metrics: super::metrics::Metrics,
}

fn labelled(
    judge: Judge<'_>,
    candidates: &[NodeId],
    images: &Evaluated,
    annotations: &Annotations,
    judgements: &Judgements,
) -> Labelled {
    let k = candidates.len().min(BEST);
    let truths: Vec<Vec<NodeId>> = annotations
        .distinct()
        .iter()
        .map(|annotation| annotation.truths.clone())
        .collect();
    let mut known: HashMap<(NodeId, usize), Pair> = HashMap::new();
    let mut sums = MetricSums::new(judge.taxonomy, candidates, &truths, k);
    let (mut n, mut abstained, mut exact, mut in_best) = (0, 0, 0, 0);
    let mut all_have_k = true;
    for i in 0..annotations.len() {
        let annotation = annotations.get(i);
        let truths = truths[annotations.index(i)].as_slice();
        let Some(&primary) = truths.first() else {
            continue;
        };
        let Some(p) = images.answers[i] else {
            abstained += 1;
            sums.add_abstention(judge.taxonomy, truths);
            continue;
        };
        n += 1;
        exact += usize::from(p == primary);
        let ranked = images.rankings.labels(i);
        all_have_k &= ranked.len() >= k;
        in_best += usize::from(ranked.iter().take(k).any(|&label| label == primary));
        let pair = known.entry((p, annotations.index(i))).or_insert_with(|| {
            let judgement = judge
                .judge(p, annotation)
                .expect("an image with a truth has a verdict");
            Pair::new(judge.taxonomy, p, truths, judgement.truth)
        });
        let judged = judgements.get(i).map(|j| j.verdict.is_valid());
        sums.add(pair, p, ranked, truths, judged);
        if let Some(&confidence) = images.confidences.get(i) {
            sums.add_confidence(confidence, p == primary, judged);
        }
    }
    let share = |count: usize| (n > 0).then(|| count as f64 / n as f64);
    Labelled {
        n,
        abstained,
        top1: share(exact),
        top5: TopK {
            k,
            accuracy: share(in_best).filter(|_| all_have_k),
        },
        metrics: sums.finish(images.whole.as_ref()),
    }
}

/// The growth of the valid pairs of images and annotations (METHOD 4), over the images that are judged.
fn of_pairs(judge: Judge<'_>, annotations: &Annotations) -> Option<Growth> {
    let is_judged = |annotation: &Annotation| annotations.is_judged(annotation);
    let distinct = annotations.distinct();
    let mut labels: Vec<NodeId> = distinct
        .iter()
        .filter(|a| is_judged(a))
        .map(|a| a.truths[0])
        .collect();
    labels.sort_unstable();
    labels.dedup();
    let place: HashMap<NodeId, usize> = labels.iter().copied().zip(0..).collect();
    let valid = ValidSets::new(judge, &labels).of_all(annotations);
    let primary = |a: &Annotation| a.truths.first().and_then(|t| place.get(t)).copied();
    let primary: Vec<usize> = distinct.iter().map(|a| primary(a).unwrap_or(0)).collect();
    let truth_set: Vec<usize> = (0..annotations.len())
        .filter(|&i| is_judged(annotations.get(i)))
        .map(|i| annotations.index(i))
        .collect();
    let sets = TruthSets {
        truth_set: &truth_set,
        primary: &primary,
        valid: &valid,
        labels: labels.len(),
    };
    (!truth_set.is_empty()).then(|| growth(&sets, SUBSETS, CHANCE_SEED))
}

fn areas(judge: Judge<'_>, whole: &Whole, annotations: &Annotations) -> Option<CurveAreas> {
    let mut worths = Worths::new(judge.taxonomy, CurveValue::Information);
    let images: Vec<ImageCurve> = (0..annotations.len())
        .filter_map(|i| {
            let steps = whole.pareto.get(i);
            let sequence = steps.filter_map(|step| Some((step.label, step.probability?)));
            worths.image(sequence, annotations.index(i), &annotations.get(i).truths)
        })
        .collect();
    let curve = OperatingCurve::pool(&images)?;
    Some(CurveAreas {
        n: curve.n,
        average_precision: curve.average_precision,
        average_correct: curve.average_correct,
        recall_at_90: curve.recall_at_90,
        recall_at_95: curve.recall_at_95,
    })
}

fn suspects(whole: &Whole, judgements: &Judgements, rows: &[Tally<'_>]) -> Suspects {
    let all = whole.checked.iter().enumerate();
    let checked = all
        .filter(|(i, checked)| checked.is_some() && judgements.get(*i).is_some())
        .count();
    let flagged = rows.iter().map(|row| row.suspect).sum();
    let confirmed = rows
        .iter()
        .filter(|row| row.judged.verdict.group() == Group::Confirmed);
    Suspects {
        checked,
        flagged,
        share: (checked > 0).then(|| flagged as f64 / checked as f64),
        confirmed: confirmed.map(|row| row.suspect).sum(),
    }
}

fn worst_confusions(taxonomy: &Taxonomy, rows: &[Tally<'_>]) -> Vec<Confusion> {
    // The verdict is part of the key: with several truths one pair of labels may earn two.
    let mut counts: HashMap<(NodeId, NodeId, Verdict), (usize, &Judged)> = HashMap::new();
    for row in rows
        .iter()
        .filter(|row| row.judged.verdict != Verdict::Exact)
    {
        let judged = row.judged;
        let key = (judged.truth, judged.answer, judged.verdict);
        counts.entry(key).or_insert((0, judged)).0 += row.count;
    }
    let mut worst: Vec<_> = counts.into_iter().collect();
    worst.sort_unstable_by_key(|&((truth, answer, verdict), (count, _))| {
        let ids = (taxonomy.id(truth), taxonomy.id(answer));
        (std::cmp::Reverse(count), ids, verdict)
    });
    worst.truncate(WORST_CONFUSIONS);
    worst
        .into_iter()
        .map(|((truth, answer, verdict), (count, judged))| Confusion {
            truth: taxonomy.id(truth).to_owned(),
            answer: taxonomy.id(answer).to_owned(),
            count,
            verdict,
            relation: judged.relation,
            lca: judged.lca.map(|l| taxonomy.id(l).to_owned()),
        })
        .collect()
}
