//! A saved run asked anew: what the rule `threshold` would have answered, from the Pareto sequences alone.
//!
//! The sequence of an image has what every threshold on the mass answers, so neither model nor images are needed.
//! [`Thresholds`] tells the figures of any threshold at once, for who moves one about; [`at_threshold`] makes the whole run.

use std::collections::HashMap;

use rayon::prelude::*;

use super::opened::Opened;
use super::question::{Question, QuestionError, Reanswered};
use super::saved::{Jagged, SavedStep};
use super::{BuildError, Run};
use crate::score::{
    AlsoRight, Checked, Collisions, Creditor, Judge, Mass, Queries, Ranked, Rankings, Rule,
    Verdict, Whole,
};
use crate::taxonomy::NodeId;

/// Why a run cannot be asked anew.
#[derive(Debug, thiserror::Error)]
pub enum ThresholdError {
    #[error(
        "the run does not tell its Pareto sequences: the probabilities of all candidates were not known, or it was not read whole"
    )]
    NoPareto,
    #[error("a threshold on the mass is a number from 0 to 1, not {0}")]
    OutOfRange(f64),
    #[error(transparent)]
    Question(#[from] QuestionError),
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// What any threshold comes to, ready to be told.
///
/// As the threshold falls, an image goes from one step of its sequence to the next: all these changes are kept by falling mass,
/// with the sums after every so many of them. Memory is 16 bytes a step.
#[derive(Debug, Clone)]
pub struct Thresholds {
    /// Images with a label.
    images: usize,
    kinds: Vec<Kind>,
    changes: Vec<Change>,
    /// The sums before each [`STRIDE`] changes.
    sums: Vec<Sums>,
}

/// The figures of one threshold, over the images with a label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AtThreshold {
    pub threshold: f64,
    /// Images with an answer: whose greatest mass is at least the threshold.
    pub answered: usize,
    pub abstained: usize,
    /// Answers with a verdict: all, or with a re-annotation those to images that it names.
    pub judged: usize,
    /// Of these, by verdict, as [`Verdict::ALL`] has them: [`Verdict::Generalised`] are above the label,
    /// [`Verdict::Specialised`] below it.
    pub verdicts: [usize; Verdict::ALL.len()],
    /// Mean credit of the judged, under the policy that [`at_threshold`] takes; `None` without any.
    pub credit: Option<f64>,
}

impl AtThreshold {
    /// Answers with this verdict.
    pub fn of(&self, verdict: Verdict) -> usize {
        self.verdicts[verdict as usize]
    }

    /// Answers that are true of the image: exact ones, and confirmed multiplicity.
    pub fn valid(&self) -> usize {
        let valid = Verdict::ALL.into_iter().filter(|v| v.is_valid());
        valid.map(|v| self.of(v)).sum()
    }
}

/// What an answer to an annotation is.
#[derive(Debug, Clone, Copy)]
struct Kind {
    /// The verdict, and the credit in [`CREDIT_UNIT`]; `None` where the re-annotation does not name the image.
    judged: Option<(Verdict, u64)>,
}

/// One image's step to the next of its answers.
#[derive(Debug, Clone, Copy)]
struct Change {
    mass: f64,
    /// Numbers of kinds; before the first answer there is [`NONE`].
    before: u32,
    after: u32,
}

const NONE: u32 = u32::MAX;

/// Changes between two kept sums.
const STRIDE: usize = 256;

/// Credit is added up in this unit, so that what was added can be taken away again without a trace. Four thousand million credits
/// fit, each to some 1e-10.
const CREDIT_UNIT: f64 = 1.0 / (1u64 << 32) as f64;

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    answered: usize,
    verdicts: [usize; Verdict::ALL.len()],
    credit: u64,
}

impl Sums {
    fn add(&mut self, kind: Kind) {
        self.answered += 1;
        if let Some((verdict, credit)) = kind.judged {
            self.verdicts[verdict as usize] += 1;
            self.credit += credit;
        }
    }

    /// The kind was added.
    fn take(&mut self, kind: Kind) {
        self.answered -= 1;
        if let Some((verdict, credit)) = kind.judged {
            self.verdicts[verdict as usize] -= 1;
            self.credit -= credit;
        }
    }

    fn change(&mut self, kinds: &[Kind], change: Change) {
        if change.before != NONE {
            self.take(kinds[change.before as usize]);
        }
        self.add(kinds[change.after as usize]);
    }
}

impl Thresholds {
    /// Judges every step of every image. Takes O(s log s) for s steps in all; each distinct answer to an annotation is judged once,
    /// as [`at_threshold`] would. Runs on the current rayon pool; the result does not depend on its size.
    ///
    /// # Errors
    /// The run has no Pareto sequences, or a label that the taxonomy has not.
    pub fn new(opened: &Opened) -> Result<Self, ThresholdError> {
        let known = Known::new(opened)?;
        let mut numbers: HashMap<(u32, u32), u32> = HashMap::new();
        let mut steps: Vec<(NodeId, u32)> = Vec::new();
        let mut changes = Vec::new();
        let mut images = 0;
        for (i, row) in opened.saved.rows.iter().enumerate() {
            if row.primary.is_none() {
                continue;
            }
            images += 1;
            let annotation = known.question.annotations.index(i) as u32;
            let (mut before, mut least) = (NONE, f64::INFINITY);
            for step in known.pareto.get(i) {
                // Masses fall. In a damaged file they may not, and then a step comes no sooner than the one before it.
                least = least.min(step.mass);
                if step.mass.is_nan() {
                    break;
                }
                let after = *numbers.entry((step.label, annotation)).or_insert_with(|| {
                    steps.push((known.question.nodes[step.label as usize], annotation));
                    steps.len() as u32 - 1
                });
                changes.push(Change {
                    mass: least,
                    before,
                    after,
                });
                before = after;
            }
        }
        let kinds = known.judge(opened, &steps);
        // Stable: what an image does at one mass stays in its order.
        changes.par_sort_by(|a, b| b.mass.total_cmp(&a.mass));
        let mut sums = Vec::with_capacity(changes.len() / STRIDE + 1);
        let mut now = Sums::default();
        for stride in changes.chunks(STRIDE) {
            sums.push(now);
            for &change in stride {
                now.change(&kinds, change);
            }
        }
        sums.push(now);
        Ok(Self {
            images,
            kinds,
            changes,
            sums,
        })
    }

    /// The figures where an answer needs this mass. Takes time in the logarithm of the images.
    pub fn at(&self, threshold: f64) -> AtThreshold {
        let done = self.changes.partition_point(|c| c.mass >= threshold);
        let mut sums = self.sums[done / STRIDE];
        for &change in &self.changes[done / STRIDE * STRIDE..done] {
            sums.change(&self.kinds, change);
        }
        let judged: usize = sums.verdicts.iter().sum();
        AtThreshold {
            threshold,
            answered: sums.answered,
            abstained: self.images - sums.answered,
            judged,
            verdicts: sums.verdicts,
            credit: (judged > 0).then(|| sums.credit as f64 * CREDIT_UNIT / judged as f64),
        }
    }
}

/// The run as the rule `threshold` would have answered it: each image with the most specific node whose mass is at least the threshold,
/// the last step of its Pareto sequence that is, or with nothing. At 0 that is the last step.
///
/// As in the saved run are the images, their labels and valid sets, and what does not depend on the answers: ranked labels, masses,
/// Pareto sequences, suspects, and with them the figures of dilution, retrieval, noise, consistency, calibration by level and the
/// operating curve. Answers are judged anew, with what the files tell: see [`Assumed`] for what they do not. Cosines of text
/// prototypes are not known then, nor the probability of the annotated label itself ([`Mass::truth`] is `None`), and figures over
/// the best five labels are `None`. The interval of the multiplicity share does not leave suspect annotations out.
///
/// Takes as long as scoring does without the model, most of it for intervals and chance: half a minute for a million images, and
/// more with many labels. Runs on the current rayon pool.
///
/// # Errors
/// The run has no Pareto sequences, a label that the taxonomy has not, or a damaged manifest; the threshold is not in [0, 1].
pub fn at_threshold(opened: &Opened, threshold: f64) -> Result<Reanswered, ThresholdError> {
    if !(0.0..=1.0).contains(&threshold) {
        return Err(ThresholdError::OutOfRange(threshold));
    }
    let known = Known::new(opened)?;
    let question = &known.question;
    let (mut manifest, mut assumed) = question.manifest()?;
    let (candidates, of_candidates) = question.candidates(&manifest);
    assumed.extend(of_candidates);
    let rule = Rule::Threshold(threshold);
    // The manifest says how this run was made: no cosine was asked.
    for (option, value) in [
        ("decide", rule.name().into()),
        ("credit", question.credit.name().into()),
        ("collision-cosine", serde_json::Value::Null),
    ] {
        manifest.options.insert(option.to_owned(), value);
    }
    // The answers are given; the rule that they are of is told below.
    let inputs = question.inputs(candidates, known.answers(threshold));
    let mut run = Run::build(inputs, manifest)?;
    run.summary.rule = rule.name();
    known.carry_over(opened, &mut run);
    Ok(Reanswered { run, assumed })
}

/// What the files of a run tell of its question, and its Pareto sequences.
struct Known<'a> {
    question: Question<'a>,
    pareto: &'a Jagged<SavedStep>,
}

impl<'a> Known<'a> {
    fn new(opened: &'a Opened) -> Result<Self, ThresholdError> {
        let details = opened.saved.details.as_ref();
        let pareto = details.and_then(|details| details.pareto.as_ref());
        let pareto = pareto.ok_or(ThresholdError::NoPareto)?;
        let question = Question::new(&opened.saved, &opened.taxonomy)?;
        Ok(Self { question, pareto })
    }

    /// What is answered at a threshold, with its mass.
    fn answers(&self, threshold: f64) -> Rankings {
        let mut rankings = Rankings::default();
        for steps in self.pareto.iter() {
            let massive = steps.iter().take_while(|step| step.mass >= threshold);
            rankings.push(massive.last().map(|step| Ranked {
                label: self.question.nodes[step.label as usize],
                similarity: None,
                probability: Some(step.mass),
            }));
        }
        rankings
    }

    /// Judges answers to annotations by their numbers.
    fn judge(&self, opened: &Opened, steps: &[(NodeId, u32)]) -> Vec<Kind> {
        let taxonomy = &opened.taxonomy;
        let distinct = self.question.annotations.distinct();
        let mut labels: Vec<NodeId> = steps.iter().map(|&(answer, _)| answer).collect();
        labels.extend(distinct.iter().flat_map(|a| &a.truths));
        let collisions = Collisions::of_names(taxonomy, &labels);
        let also_right = AlsoRight::default();
        let judge = Judge {
            taxonomy,
            collisions: &collisions,
            also_right: &also_right,
        };
        let creditor = Creditor::new(taxonomy, &self.question.credit);
        let kind = |&(answer, annotation): &(NodeId, u32)| {
            let annotation = &distinct[annotation as usize];
            let judged = judge.judge(answer, annotation);
            let judged = judged.filter(|_| self.question.annotations.is_judged(annotation));
            let with_credit = judged.map(|judgement| {
                let credit = creditor.credit(answer, &annotation.truths, judgement);
                (judgement.verdict, (credit / CREDIT_UNIT).round() as u64)
            });
            Kind {
                judged: with_credit,
            }
        };
        steps.par_iter().map(kind).collect()
    }

    /// Puts what does not depend on the answers into the run.
    fn carry_over(&self, opened: &Opened, run: &mut Run) {
        let node = |label: u32| self.question.nodes[label as usize];
        let mut rankings = Rankings::default();
        for ranked in self.question.details.ranked.iter() {
            rankings.push(ranked.iter().map(|rank| Ranked {
                label: node(rank.label),
                similarity: rank.similarity,
                probability: rank.probability,
            }));
        }
        let mut pareto = Rankings::default();
        for steps in self.pareto.iter() {
            pareto.push(steps.iter().map(|step| Ranked {
                label: node(step.label),
                similarity: None,
                probability: Some(step.mass),
            }));
        }
        let rows = self.question.details.rows.iter();
        let checked = rows.clone().map(|row| {
            Some(Checked {
                self_confidence: row.self_confidence?,
                margin: row.margin?,
                looks_like: row.looks_like.map(node),
            })
        });
        let masses = rows.clone().map(|row| Mass {
            truth: None,
            valid: row.valid_mass.unwrap_or(0.0),
        });
        run.predictions.noisy = rows.clone().map(|row| row.noisy).collect();
        run.predictions.evaluated.rankings = rankings;
        run.predictions.evaluated.whole = Some(Whole {
            masses: masses.collect(),
            checked: checked.collect(),
            pareto,
            // Summed up already: the summary has them.
            queries: Queries {
                image_to_label: Vec::new(),
                label_to_image: Vec::new(),
            },
            levels: Vec::new(),
            consistent: Vec::new(),
        });
        let (before, now) = (&opened.saved.summary, &mut run.summary);
        now.dilution = before.dilution.clone();
        now.retrieval = before.retrieval;
        now.curve = before.curve;
        now.noisy = before.noisy;
        now.metrics.consistency = before.metrics.consistency;
        now.metrics.calibration_by_level = before.metrics.calibration_by_level.clone();
        let unchanged = ["dilution.", "retrieval.", "metrics.consistency."];
        for (path, &interval) in &before.intervals_95 {
            if unchanged.iter().any(|family| path.starts_with(family)) {
                now.intervals_95.insert(path.clone(), interval);
            }
        }
    }
}

#[cfg(test)]
mod tests;
