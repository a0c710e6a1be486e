//! The figures of one run: accuracies, the breakdown by verdict, credit, K and its ceiling, confusions.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::answer::Ranked;
use super::bootstrap::Bootstrap;
use super::credit::{CreditPolicy, Creditor};
use super::dilution::{Dilution, Mass, dilution};
use super::evaluate::Evaluated;
use super::suspects::{Checked, Suspects};
use super::verdict::{Collisions, Group, Judgement, Verdict, judge};
use crate::taxonomy::{NodeId, Relation, Taxonomy};

/// Version of the summary's schema; it grows when a field changes its meaning or goes away.
pub const SUMMARY_SCHEMA: u32 = 1;

/// How many confusions a summary holds.
const WORST_CONFUSIONS: usize = 10;

/// The figures of one run. All shares and accuracies are fractions in [0, 1]; `None` where n is 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    pub schema: u32,
    /// Images with a verdict: predicted and labelled. Every figure below is over these.
    pub n: usize,
    /// Number of candidates |C|.
    pub candidates: usize,
    /// Answers that are not exact.
    pub errors: usize,
    /// Share of images whose answer is the primary truth.
    pub top1: Option<f64>,
    /// Share of images whose primary truth is among the best five.
    pub top5: TopK,
    /// A row per verdict, in the order of the tests, those with count 0 included.
    pub verdicts: Vec<VerdictRow>,
    pub multiplicity: Multiplicity,
    /// Mean credit under `strict`: equal to `top1`, printed beside the chosen one.
    pub strict_credit: Option<f64>,
    /// The chosen policy's name.
    pub credit_policy: String,
    /// Mean credit under the chosen policy.
    pub credit: Option<f64>,
    pub valid_set: ValidSet,
    pub dilution: Dilution,
    pub suspects: Suspects,
    /// The most frequent (truth, answer) pairs of answers that are not exact, by count, then by ids.
    pub confusions: Vec<Confusion>,
}

/// Top-k accuracy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopK {
    /// min(5, |C|): with fewer candidates than five the figure is over those there are.
    pub k: usize,
    pub accuracy: Option<f64>,
}

/// One row of the breakdown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictRow {
    pub verdict: Verdict,
    pub group: Group,
    pub count: usize,
    /// Share of all n.
    pub share: Option<f64>,
    /// Share of the errors; `None` for `exact`, and without errors.
    pub share_of_error: Option<f64>,
    /// Δaccuracy if this verdict alone were forgiven: count/n, additive since verdicts are exclusive (METHOD 3).
    pub delta_accuracy: Option<f64>,
}

/// A closed interval of fractions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// The headline: the multiplicity share of the error is in [confirmed, confirmed + possible] / errors (METHOD 3).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Multiplicity {
    pub confirmed: usize,
    pub possible: usize,
    pub mistakes: usize,
    /// `None` without errors.
    pub share_of_error: Option<Interval>,
    /// The same with the chance of the sample and wrong annotations allowed for, at 95 %: from the lower end of the
    /// bootstrap interval of (confirmed without those whose annotation is suspect) / errors to the upper end of that
    /// of (confirmed + possible) / errors. `None` with fewer than [`FEWEST_ERRORS`] errors.
    pub interval_95: Option<Interval>,
    pub mistake_share: Option<f64>,
}

/// Errors from which on their shares have an interval (METHOD 10).
pub const FEWEST_ERRORS: usize = 10;

/// K(x) and the 1/K ceiling (METHOD 4).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValidSet {
    /// Mean K(x), the number of candidates that are valid for the image.
    pub mean_k: Option<f64>,
    /// Mean 1/K(x); an image without a valid candidate counts as 0.
    pub ceiling: Option<f64>,
    /// `top1 / ceiling`; `None` when the ceiling is 0.
    pub top1_over_ceiling: Option<f64>,
    /// Images none of whose valid labels is a candidate: they cannot be answered correctly.
    pub without_valid_candidate: usize,
    /// Images whose primary truth is not a candidate: they cannot be exact.
    pub truth_not_a_candidate: usize,
}

/// One (truth, answer) pair.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Confusion {
    /// Id of the truth that the answer was best related to.
    pub truth: String,
    pub answer: String,
    pub count: usize,
    pub verdict: Verdict,
    pub relation: Relation,
    /// Id of the lowest common ancestor of maximal information; `None` if there is none.
    pub lca: Option<String>,
}

/// One image's answer, judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    pub verdict: Verdict,
    pub relation: Relation,
    /// The truth that the relation is to.
    pub truth: NodeId,
    /// LCA of answer and that truth.
    pub lca: Option<NodeId>,
    /// Under the chosen policy.
    pub credit: f64,
    /// K(x).
    pub k: usize,
    pub mass: Mass,
    /// `None` where the label cannot be checked.
    pub checked: Option<Checked>,
}

impl Judged {
    /// Whether the model contradicts the annotation (METHOD 8).
    pub fn is_suspect(&self) -> bool {
        self.checked.is_some_and(|c| c.looks_like.is_some())
    }
}

/// What the graph says of an answer to a truth set.
#[derive(Clone, Copy)]
struct Known {
    judgement: Judgement,
    lca: Option<NodeId>,
}

/// Judges every image and sums up.
///
/// `images` has at least min(5, |C|) ranked candidates for each; `truths[i]` are the labels of image `i`, the primary
/// one first, empty for an image without a label (no verdict). O(n) plus a relation for each distinct answer to a
/// truth set. The bootstrap runs on the current rayon pool; the result does not depend on the number of threads.
pub fn summarise(
    taxonomy: &Taxonomy,
    candidates: &[NodeId],
    collisions: &Collisions,
    policy: &CreditPolicy,
    images: &Evaluated,
    truths: &[Vec<NodeId>],
) -> (Vec<Option<Judged>>, Summary) {
    let mut creditor = Creditor::new(taxonomy, policy);
    // A run has far fewer distinct (answer, truths) than images.
    let mut known: HashMap<(NodeId, &[NodeId]), Known> = HashMap::new();
    let is_candidate: HashSet<NodeId> = candidates.iter().copied().collect();
    let k5 = candidates.len().min(5);
    let mut in_top5 = 0;
    let mut truth_not_a_candidate = 0;

    let mut judged = Vec::with_capacity(truths.len());
    for (i, (ranked, truths)) in images.ranked.iter().zip(truths).enumerate() {
        let truths = truths.as_slice();
        let (Some(best), Some(primary)) = (ranked.first(), truths.first()) else {
            judged.push(None);
            continue;
        };
        let p = candidates[best.candidate];
        let Known { judgement, lca } = *known.entry((p, truths)).or_insert_with(|| {
            let judgement = judge(taxonomy, collisions, p, truths)
                .expect("an image with a truth has a verdict");
            Known {
                judgement,
                lca: taxonomy.lca(p, judgement.truth),
            }
        });
        in_top5 += usize::from(
            ranked
                .iter()
                .take(k5)
                .any(|r| candidates[r.candidate] == *primary),
        );
        truth_not_a_candidate += usize::from(!is_candidate.contains(primary));
        judged.push(Some(Judged {
            verdict: judgement.verdict,
            relation: judgement.relation,
            truth: judgement.truth,
            lca,
            credit: creditor.credit(p, truths, judgement),
            k: images.k[i],
            mass: images.mass[i],
            checked: images.checked[i],
        }));
    }

    let rows: Vec<&Judged> = judged.iter().flatten().collect();
    let n = rows.len();
    let mean = |sum: f64| (n > 0).then(|| sum / n as f64);
    let of_group = |group| rows.iter().filter(|r| r.verdict.group() == group).count();
    let errors = n - of_group(Group::Correct);
    let of_errors = |count: usize| (errors > 0).then(|| count as f64 / errors as f64);
    let (confirmed, possible) = (of_group(Group::Confirmed), of_group(Group::Possible));

    let verdicts: Vec<VerdictRow> = Verdict::ALL
        .into_iter()
        .map(|verdict| {
            let count = rows.iter().filter(|r| r.verdict == verdict).count();
            let is_error = verdict != Verdict::Exact;
            VerdictRow {
                verdict,
                group: verdict.group(),
                count,
                share: mean(count as f64),
                share_of_error: if is_error { of_errors(count) } else { None },
                delta_accuracy: if is_error { mean(count as f64) } else { None },
            }
        })
        .collect();

    let top1 = mean((n - errors) as f64);
    let ceiling = mean(
        rows.iter()
            .filter(|r| r.k > 0)
            .map(|r| 1.0 / r.k as f64)
            // Not `sum`: of nothing it is −0.
            .fold(0.0, |sum, share| sum + share),
    );
    let summary = Summary {
        schema: SUMMARY_SCHEMA,
        n,
        candidates: candidates.len(),
        errors,
        top1,
        top5: TopK {
            k: k5,
            accuracy: mean(in_top5 as f64),
        },
        verdicts,
        multiplicity: Multiplicity {
            confirmed,
            possible,
            mistakes: errors - confirmed - possible,
            share_of_error: of_errors(confirmed)
                .zip(of_errors(confirmed + possible))
                .map(|(low, high)| Interval { low, high }),
            interval_95: (errors >= FEWEST_ERRORS)
                .then(|| interval_95(&rows))
                .flatten(),
            mistake_share: of_errors(errors - confirmed - possible),
        },
        strict_credit: top1,
        credit_policy: policy.name().to_owned(),
        credit: mean(rows.iter().map(|r| r.credit).sum()),
        valid_set: ValidSet {
            mean_k: mean(rows.iter().map(|r| r.k as f64).sum()),
            ceiling,
            top1_over_ceiling: top1
                .zip(ceiling)
                .filter(|(_, c)| *c > 0.0)
                .map(|(a, c)| a / c),
            without_valid_candidate: rows.iter().filter(|r| r.k == 0).count(),
            truth_not_a_candidate,
        },
        dilution: dilution(&rows.iter().map(|r| (r.k, r.mass)).collect::<Vec<_>>()),
        suspects: suspects(&rows),
        confusions: worst_confusions(taxonomy, candidates, &images.ranked, &judged),
    };
    (judged, summary)
}

/// See [`Multiplicity::interval_95`].
fn interval_95(rows: &[&Judged]) -> Option<Interval> {
    const CORRECT: usize = 0;
    const CONFIRMED: usize = 1;
    const CONFIRMED_SUSPECT: usize = 2;
    const POSSIBLE: usize = 3;
    const MISTAKE: usize = 4;
    let mut counts = [0; 5];
    for row in rows {
        let category = match row.verdict.group() {
            Group::Correct => CORRECT,
            Group::Confirmed if row.is_suspect() => CONFIRMED_SUSPECT,
            Group::Confirmed => CONFIRMED,
            Group::Possible => POSSIBLE,
            Group::Mistake => MISTAKE,
        };
        counts[category] += 1;
    }
    let share = |of: &'static [usize]| {
        move |counts: &[usize]| {
            let errors: usize = counts[CONFIRMED..].iter().sum();
            let part: usize = of.iter().map(|&category| counts[category]).sum();
            (errors > 0).then(|| part as f64 / errors as f64)
        }
    };
    let bootstrap = Bootstrap::default();
    let low = bootstrap.of_counts(&counts, share(&[CONFIRMED]))?.low;
    let high = bootstrap
        .of_counts(&counts, share(&[CONFIRMED, CONFIRMED_SUSPECT, POSSIBLE]))?
        .high;
    Some(Interval { low, high })
}

fn suspects(rows: &[&Judged]) -> Suspects {
    let count = |of: &dyn Fn(&Judged) -> bool| rows.iter().filter(|r| of(r)).count();
    let checked = count(&|r| r.checked.is_some());
    let flagged = count(&Judged::is_suspect);
    Suspects {
        checked,
        flagged,
        share: (checked > 0).then(|| flagged as f64 / checked as f64),
        confirmed: count(&|r| r.is_suspect() && r.verdict.group() == Group::Confirmed),
    }
}

fn worst_confusions(
    taxonomy: &Taxonomy,
    candidates: &[NodeId],
    answers: &[Vec<Ranked>],
    judged: &[Option<Judged>],
) -> Vec<Confusion> {
    // The verdict is part of the key: with several truths one pair of labels may earn two.
    let mut counts: HashMap<(NodeId, NodeId, Verdict), (usize, Judged)> = HashMap::new();
    for (ranked, judged) in answers.iter().zip(judged) {
        if let (Some(best), Some(judged)) = (ranked.first(), judged)
            && judged.verdict != Verdict::Exact
        {
            let key = (judged.truth, candidates[best.candidate], judged.verdict);
            counts.entry(key).or_insert((0, *judged)).0 += 1;
        }
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
