//! From what is known of each image to the figures of a run.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::annotation::{Annotation, Annotations};
use super::attribution::{Attribution, attribute};
use super::chance::by_chance;
use super::credit::CreditPolicy;
use super::curve::{CurveValue, ImageCurve, OperatingCurve, Worths};
use super::decide::{Calibrated, Rule};
use super::dilution::dilution;
use super::evaluate::{Evaluated, Whole};
use super::figure::add_row;
use super::growth::{Growth, SUBSETS, TruthSets, growth};
use super::judge::{Judge, ValidSets};
use super::judged;
use super::judgements::{Judged, Judgements, Tally};
use super::labelled::Labelled;
use super::metrics::Root;
use super::reassessed::ReassessedSums;
use super::stop::{Stop, Stopped};
use super::summary::{Confusion, CurveAreas, SUMMARY_SCHEMA, Summary, ValidSet};
use super::suspects::Suspects;
use super::verdict::{Group, Verdict};
use crate::taxonomy::{NodeId, Taxonomy};

/// Seed of the permutations.
const CHANCE_SEED: u64 = 0;

/// How many confusions a summary holds.
const WORST_CONFUSIONS: usize = 10;

/// How much is made of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// What follows from the answers themselves: verdicts, credit and the figures of both, without what is drawn (intervals, chance, the
    /// growth of pairs), what is ranked below an answer but for top-k, and what needs the probabilities of all candidates.
    Answers,
    #[default]
    Whole,
}

/// How answers came about, and how they are counted.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    pub depth: Depth,
    pub policy: &'a CreditPolicy,
    pub root: Root,
    /// The rule that the answers come from.
    pub rule: &'a Rule,
    pub calibrated: Option<Calibrated>,
    pub stop: Stop<'a>,
}

/// Judges every image and sums up.
///
/// `images` has at least min(5, |C|) ranked labels of each, or the figures that need them are `None`; `valid` has the
/// valid candidates of each distinct annotation. O(n) plus a relation for each distinct answer to an annotation. The
/// bootstrap runs on the current rayon pool; the result does not depend on the number of threads.
///
/// # Errors
/// It was to end before it was done.
pub fn summarise(
    judge: Judge<'_>,
    candidates: &[NodeId],
    terms: &Terms<'_>,
    images: &Evaluated,
    annotations: &Annotations,
    valid: &[Vec<usize>],
) -> Result<(Judgements, Summary), Stopped> {
    let stop = terms.stop;
    let judgements = Judgements::new(judge, terms.policy, &images.answers, annotations, valid);
    stop.check()?;
    let is_suspect = |i: usize| images.is_suspect(i);
    let rows = judgements.tally(is_suspect);
    let judged: usize = rows.iter().map(|row| row.count).sum();
    let labelled = Labelled::new(
        judge,
        candidates,
        images,
        annotations,
        &judgements,
        valid,
        terms,
    );
    stop.check()?;
    let reassessed = ReassessedSums::new(judge.taxonomy, annotations, &rows);
    let is_whole = terms.depth == Depth::Whole;
    let mut intervals_95 = match is_whole {
        true => labelled.intervals(reassessed.as_ref()),
        false => BTreeMap::new(),
    };
    stop.check()?;
    let by_chance = (is_whole.then(|| {
        let judged = (0..annotations.len()).filter_map(|i| judgements.get(i));
        let pairs: Vec<(NodeId, u32)> = judged.map(|j| (j.answer, j.annotation)).collect();
        by_chance(judge, annotations.distinct(), &pairs, CHANCE_SEED, stop)
    }))
    .flatten();
    stop.check()?;
    let Attribution {
        verdicts,
        multiplicity,
        causes,
    } = attribute(
        &rows,
        by_chance.as_ref().map(|(rows, _)| rows.as_slice()),
        terms.depth,
    );
    if labelled.abstained() == 0 && labelled.n() == judged {
        // The share of exact verdicts by other names: told with one interval, not with those of two drawings.
        let exact = verdicts.iter().find(|row| row.verdict == Verdict::Exact);
        if let Some(interval) = exact.and_then(|row| row.share_95) {
            for figure in ["top1", "strict_credit"] {
                intervals_95.insert(figure.to_owned(), interval);
            }
        }
    }
    let errors = multiplicity.confirmed + multiplicity.possible + multiplicity.mistakes;
    let mut sums = [0.0; judged::COLUMNS];
    for row in &rows {
        let of_each = judged::row(row.judged);
        add_row(&mut sums, &of_each.map(|value| row.count as f64 * value));
    }
    let of_judged = judged::figures(&sums);
    let is_candidate: HashSet<NodeId> = candidates.iter().copied().collect();
    let count = |of: &dyn Fn(&Judged) -> bool| {
        let rows = rows.iter().filter(|row| of(row.judged));
        rows.map(|row| row.count).sum()
    };
    let primary = |j: &Judged| annotations.distinct()[j.annotation as usize].truths[0];
    let summary = Summary {
        schema: SUMMARY_SCHEMA,
        rule: terms.rule.name(),
        calibrated: terms.calibrated,
        root: terms.root.name().to_owned(),
        n: labelled.n(),
        abstained: labelled.abstained(),
        candidates: candidates.len(),
        top1: labelled.top1(),
        top5: labelled.top5(),
        judged,
        errors,
        reassessed: reassessed.map(|sums| sums.finish()),
        verdicts,
        multiplicity,
        causes,
        permutations: by_chance.map_or(0, |(_, permutations)| permutations),
        strict_credit: of_judged.strict_credit,
        credit_policy: terms.policy.name().to_owned(),
        credit: of_judged.credit,
        valid_set: ValidSet {
            mean_k: of_judged.mean_k,
            ceiling: of_judged.ceiling,
            top1_over_ceiling: of_judged.top1_over_ceiling,
            without_valid_candidate: count(&|j| j.k == 0),
            truth_not_a_candidate: count(&|j| !is_candidate.contains(&primary(j))),
        },
        dilution: images.whole.as_ref().map(|whole| {
            // Whatever was answered: an abstention has its masses too.
            let masses = whole.masses.iter().enumerate();
            let is_judged = |i: usize| annotations.is_judged(annotations.get(i));
            let of_judged = masses.filter(|(i, _)| is_judged(*i));
            let of_judged = of_judged.map(|(i, mass)| (valid[annotations.index(i)].len(), *mass));
            dilution(&of_judged.collect::<Vec<_>>())
        }),
        growth: is_whole.then(|| of_pairs(judge, annotations)).flatten(),
        retrieval: (images.whole.as_ref()).map(|whole| whole.queries.finish()),
        curve: images
            .whole
            .as_ref()
            .and_then(|whole| areas(judge, whole, annotations)),
        metrics: labelled.metrics(),
        intervals_95,
        suspects: (images.whole.as_ref()).map(|whole| suspects(whole, &judgements, &rows)),
        // Of the masses, by who has the judgements.
        noisy: None,
        // Of what the model tells of itself, by who has it.
        uncertainty: None,
        inclusion: None,
        confusions: worst_confusions(judge.taxonomy, &rows),
    };
    stop.check()?;
    Ok((judgements, summary))
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
    type Pair<'j> = ((NodeId, NodeId, Verdict), (usize, &'j Judged));
    let key = |&((truth, answer, verdict), (count, _)): &Pair<'_>| {
        let ids = (taxonomy.id(truth), taxonomy.id(answer));
        (std::cmp::Reverse(count), ids, verdict)
    };
    let order = |a: &Pair<'_>, b: &Pair<'_>| key(a).cmp(&key(b));
    // Nearly all are left out, and need not be put in order.
    if worst.len() > WORST_CONFUSIONS {
        worst.select_nth_unstable_by(WORST_CONFUSIONS, order);
        worst.truncate(WORST_CONFUSIONS);
    }
    worst.sort_unstable_by(order);
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
