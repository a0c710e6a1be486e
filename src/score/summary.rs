//! The figures of one run: accuracies, the breakdown by verdict, credit, K and its ceiling, confusions.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::answer::Ranked;
use super::attribution::{Attribution, CauseRow, Multiplicity, VerdictRow, attribute};
use super::chance::by_chance;
use super::credit::{CreditPolicy, Creditor};
use super::dilution::{Dilution, Mass, dilution};
use super::evaluate::Evaluated;
use super::metrics::{MetricSums, Metrics, Pair};
use super::suspects::{Checked, Suspects};
use super::verdict::{Causes, Collisions, Group, Judgement, Verdict, causes as causes_of, judge};
use crate::taxonomy::{NodeId, Relation, Taxonomy};

/// Version of the summary's schema; it grows when a field changes its meaning or goes away.
pub const SUMMARY_SCHEMA: u32 = 1;

/// Seed of the permutations.
const CHANCE_SEED: u64 = 0;

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
    /// A row per cause, in the order of the verdicts: what forgiving it would gain where an error has several.
    pub causes: Vec<CauseRow>,
    /// Permutations behind `by_chance` and `p_value` of the verdicts; 0 without images.
    pub permutations: usize,
    /// Mean credit under `strict`: equal to `top1`, printed beside the chosen one.
    pub strict_credit: Option<f64>,
    /// The chosen policy's name.
    pub credit_policy: String,
    /// Mean credit under the chosen policy.
    pub credit: Option<f64>,
    pub valid_set: ValidSet,
    pub dilution: Dilution,
    pub metrics: Metrics,
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

/// A closed interval of fractions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

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
    pub causes: Causes,
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
    causes: Causes,
    lca: Option<NodeId>,
    pair: Pair,
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
    let mut sums = MetricSums::new(taxonomy, k5);

    let mut judged = Vec::with_capacity(truths.len());
    for (i, (ranked, truths)) in images.ranked.iter().zip(truths).enumerate() {
        let truths = truths.as_slice();
        let (Some(best), Some(primary)) = (ranked.first(), truths.first()) else {
            judged.push(None);
            continue;
        };
        let p = candidates[best.candidate];
        let Known {
            judgement,
            causes,
            lca,
            pair,
        } = *known.entry((p, truths)).or_insert_with(|| {
            let judgement = judge(taxonomy, collisions, p, truths)
                .expect("an image with a truth has a verdict");
            Known {
                judgement,
                causes: causes_of(taxonomy, collisions, p, truths),
                lca: taxonomy.lca(p, judgement.truth),
                pair: Pair::new(taxonomy, p, truths, judgement.truth),
            }
        });
        in_top5 += usize::from(
            ranked
                .iter()
                .take(k5)
                .any(|r| candidates[r.candidate] == *primary),
        );
        truth_not_a_candidate += usize::from(!is_candidate.contains(primary));
        let ranked = ranked.iter().map(|r| candidates[r.candidate]);
        sums.add(&pair, ranked, truths, best.probability, judgement.verdict);
        judged.push(Some(Judged {
            verdict: judgement.verdict,
            relation: judgement.relation,
            truth: judgement.truth,
            causes,
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
    let answers = images.ranked.iter().zip(truths);
    let pairs: Vec<(NodeId, &[NodeId])> = answers
        .filter(|(_, truths)| !truths.is_empty())
        .filter_map(|(ranked, truths)| Some((candidates[ranked.first()?.candidate], &truths[..])))
        .collect();
    let by_chance = by_chance(taxonomy, collisions, &pairs, CHANCE_SEED);
    let Attribution {
        verdicts,
        multiplicity,
        causes,
    } = attribute(&rows, by_chance.as_ref().map(|(rows, _)| rows.as_slice()));
    let errors = multiplicity.confirmed + multiplicity.possible + multiplicity.mistakes;

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
        multiplicity,
        causes,
        permutations: by_chance.map_or(0, |(_, permutations)| permutations),
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
        metrics: sums.finish(),
        suspects: suspects(&rows),
        confusions: worst_confusions(taxonomy, candidates, &images.ranked, &judged),
    };
    (judged, summary)
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
