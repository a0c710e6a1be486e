//! The error by its causes: the breakdown by verdict with intervals and what luck would give, the headline, and causes
//! that overlap (METHOD 3).

use serde::{Deserialize, Serialize};

use super::bootstrap::Bootstrap;
use super::chance::ByChance;
use super::judgements::Tally;
use super::summarise::Depth;
use super::summary::Interval;
use super::verdict::{Causes, Group, Verdict};

/// Images, or errors, from which on their shares have an interval (METHOD 10).
pub const FEWEST: usize = 10;

/// One row of the breakdown.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct VerdictRow {
    pub verdict: Verdict,
    pub group: Group,
    pub count: usize,
    /// Share of all n.
    pub share: Option<f64>,
    /// 95 % bootstrap interval of `share`, and of `delta_accuracy`; `None` with fewer than [`FEWEST`] images.
    pub share_95: Option<Interval>,
    /// Share of the errors; `None` for `exact`, and without errors.
    pub share_of_error: Option<f64>,
    /// 95 % bootstrap interval of `share_of_error`; `None` with fewer than [`FEWEST`] errors.
    pub share_of_error_95: Option<Interval>,
    /// Δaccuracy if this verdict alone were forgiven: count/n, additive since verdicts are exclusive (METHOD 3).
    pub delta_accuracy: Option<f64>,
    /// Mean share of all n when the answers are permuted across the images.
    pub by_chance: Option<f64>,
    /// `share − by_chance`.
    pub excess: Option<f64>,
    /// Probability that a permutation has as many.
    pub p_value: Option<f64>,
}

/// The headline: the multiplicity share of the error is in [confirmed, confirmed + possible] / errors (METHOD 3).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Multiplicity {
    pub confirmed: usize,
    pub possible: usize,
    pub mistakes: usize,
    /// `None` without errors.
    pub share_of_error: Option<Interval>,
    /// The same with the chance of the sample and wrong annotations allowed for, at 95 %: from the lower end of the
    /// bootstrap interval of (confirmed without those whose annotation is suspect) / errors to the upper end of that
    /// of (confirmed + possible) / errors. `None` with fewer than [`FEWEST`] errors.
    pub interval_95: Option<Interval>,
    pub mistake_share: Option<f64>,
}

/// One cause of errors, where an error may have several: Δaccuracy if it were forgiven (METHOD 3).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct CauseRow {
    /// The verdict that the cause would earn if it stood alone.
    pub cause: Verdict,
    /// Errors that it holds of.
    pub count: usize,
    /// This one forgiven and no other: count / n.
    pub alone: f64,
    /// This one forgiven after all others: errors that have no other cause / n.
    pub last: f64,
    /// Its Shapley value over the set of causes: the mean of what it adds over all orders in which causes are forgiven.
    /// An error with m causes adds 1/(m·n) to each.
    pub shapley: f64,
}

/// How the error is made up.
pub struct Attribution {
    pub verdicts: Vec<VerdictRow>,
    pub multiplicity: Multiplicity,
    pub causes: Vec<CauseRow>,
}

/// The place of each verdict and suspicion among the categories that the bootstrap counts.
fn category(verdict: Verdict, is_suspect: bool) -> usize {
    2 * verdict as usize + usize::from(is_suspect)
}

/// Sums up the judgements; `by_chance` has a row a verdict. There are intervals of a whole summary alone. The bootstrap runs on the current rayon pool; the result
/// does not depend on the number of threads.
pub fn attribute(rows: &[Tally<'_>], by_chance: Option<&[ByChance]>, depth: Depth) -> Attribution {
    let mut counts = [0; 2 * Verdict::ALL.len()];
    for row in rows {
        counts[category(row.judged.verdict, false)] += row.count - row.suspect;
        counts[category(row.judged.verdict, true)] += row.suspect;
    }
    let n: usize = rows.iter().map(|row| row.count).sum();
    let of_verdict =
        |counts: &[usize], v: Verdict| counts[category(v, false)] + counts[category(v, true)];
    let of_group = |group: Group| {
        let of = Verdict::ALL.into_iter().filter(|v| v.group() == group);
        of.map(|v| of_verdict(&counts, v)).sum::<usize>()
    };
    let errors = n - of_group(Group::Correct);
    let of_all = |count: usize| (n > 0).then(|| count as f64 / n as f64);
    let of_errors = |count: usize| (errors > 0).then(|| count as f64 / errors as f64);
    let intervals = match depth {
        Depth::Whole => intervals(&counts),
        Depth::Answers => Intervals {
            share: vec![None; Verdict::ALL.len()],
            share_of_error: vec![None; Verdict::ALL.len()],
            multiplicity: None,
        },
    };

    let verdicts = Verdict::ALL
        .into_iter()
        .map(|verdict| {
            let count = of_verdict(&counts, verdict);
            let is_error = verdict != Verdict::Exact;
            let share = of_all(count);
            let by_chance = by_chance.map(|rows| rows[verdict as usize]);
            VerdictRow {
                verdict,
                group: verdict.group(),
                count,
                share,
                share_95: intervals.share[verdict as usize].filter(|_| n >= FEWEST),
                share_of_error: of_errors(count).filter(|_| is_error),
                share_of_error_95: intervals.share_of_error[verdict as usize]
                    .filter(|_| is_error && errors >= FEWEST),
                delta_accuracy: share.filter(|_| is_error),
                by_chance: by_chance.map(|b| b.share),
                excess: share.zip(by_chance).map(|(share, b)| share - b.share),
                p_value: by_chance.map(|b| b.p_value),
            }
        })
        .collect();
    let (confirmed, possible) = (of_group(Group::Confirmed), of_group(Group::Possible));
    let mistakes = errors - confirmed - possible;
    Attribution {
        verdicts,
        multiplicity: Multiplicity {
            confirmed,
            possible,
            mistakes,
            share_of_error: of_errors(confirmed)
                .zip(of_errors(confirmed + possible))
                .map(|(low, high)| Interval { low, high }),
            interval_95: intervals.multiplicity.filter(|_| errors >= FEWEST),
            mistake_share: of_errors(mistakes),
        },
        causes: causes(rows),
    }
}

struct Intervals {
    share: Vec<Option<Interval>>,
    share_of_error: Vec<Option<Interval>>,
    multiplicity: Option<Interval>,
}

/// All intervals from the same replicates.
fn intervals(counts: &[usize]) -> Intervals {
    let verdicts = Verdict::ALL.len();
    let figures = |counts: &[usize]| -> Vec<Option<f64>> {
        let n: usize = counts.iter().sum();
        let of = |v: Verdict| counts[category(v, false)] + counts[category(v, true)];
        let errors = n - of(Verdict::Exact);
        let share = |part: usize, whole: usize| (whole > 0).then(|| part as f64 / whole as f64);
        let all = Verdict::ALL.into_iter();
        let sum = |counted: &dyn Fn(Verdict) -> usize| all.clone().map(counted).sum::<usize>();
        let trusted = sum(&|v| match v.group() {
            Group::Confirmed => counts[category(v, false)],
            _ => 0,
        });
        let forgiven = sum(&|v| match v.group() {
            Group::Confirmed | Group::Possible => of(v),
            _ => 0,
        });
        (all.clone().map(|v| share(of(v), n)))
            .chain(all.clone().map(|v| share(of(v), errors)))
            .chain([share(trusted, errors), share(forgiven, errors)])
            .collect()
    };
    let mut intervals = Bootstrap::default().of_counts(counts, figures);
    let forgiven = intervals.pop().flatten();
    let trusted = intervals.pop().flatten();
    let share_of_error = intervals.split_off(verdicts.min(intervals.len()));
    Intervals {
        share: intervals,
        share_of_error,
        multiplicity: trusted.zip(forgiven).map(|(trusted, forgiven)| Interval {
            low: trusted.low,
            high: forgiven.high,
        }),
    }
}

fn causes(rows: &[Tally<'_>]) -> Vec<CauseRow> {
    let n = rows.iter().map(|row| row.count).sum::<usize>().max(1) as f64;
    Causes::ALL
        .into_iter()
        .map(|cause| {
            let (mut count, mut only, mut shared) = (0, 0, 0.0);
            for row in rows {
                let causes = row.judged.causes;
                if causes.contains(cause) {
                    count += row.count;
                    only += usize::from(causes.len() == 1) * row.count;
                    shared += row.count as f64 / causes.len() as f64;
                }
            }
            CauseRow {
                cause,
                count,
                alone: count as f64 / n,
                last: only as f64 / n,
                shapley: shared / n,
            }
        })
        .collect()
}
