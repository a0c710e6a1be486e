//! A saved run asked anew: what the rule `threshold` would have answered, from the Pareto sequences alone.
//!
//! The sequence of an image has what every threshold on the mass answers, so neither model nor images are needed.
//! [`Thresholds`] tells the figures of any threshold at once, for who moves one about; [`at_threshold`] makes the whole run.

use std::collections::HashMap;

use rayon::prelude::*;

use super::confusions::UnknownLabel;
use super::opened::Opened;
use super::saved::{Details, Jagged, SavedStep};
use super::{BuildError, Candidates, Evidence, Inputs, Manifest, Run};
use crate::score::{
    AlsoRight, Annotation, Annotations, Checked, Collisions, CreditPolicy, Creditor, Judge, Mass,
    Match, Queries, Ranked, Rankings, Root, Rule, Verdict, Whole,
};
use crate::taxonomy::{NodeId, Taxonomy};

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
    Label(#[from] UnknownLabel),
    #[error("run.yaml is damaged: {0}")]
    Manifest(serde_json::Error),
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// A run that was answered anew, and what had to be taken for granted where the files do not tell it.
#[derive(Debug, Clone)]
pub struct Reanswered {
    pub run: Run,
    pub assumed: Vec<Assumed>,
}

/// What the files of a run do not tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Assumed {
    #[error("the credit policy `{0}` is not known here: credit is `logical`")]
    Credit(String),
    #[error(
        "which labels were candidates is not known, only those that are ranked: K and its ceiling are over these"
    )]
    Candidates,
    #[error("what --also-right declared is not known: it counts as what the graph says")]
    AlsoRight,
    #[error("the prompts are not at hand: labels collide by their names alone")]
    Prompts,
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

/// Answers that one thread judges at a time.
const CHUNK: usize = 4096;

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
            let annotation = known.annotations.index(i) as u32;
            let (mut before, mut least) = (NONE, f64::INFINITY);
            for step in known.pareto.get(i) {
                // Masses fall. In a damaged file they may not, and then a step comes no sooner than the one before it.
                least = least.min(step.mass);
                if step.mass.is_nan() {
                    break;
                }
                let after = *numbers.entry((step.label, annotation)).or_insert_with(|| {
                    steps.push((known.nodes[step.label as usize], annotation));
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
    let (taxonomy, saved) = (&opened.taxonomy, &opened.saved);
    let mut manifest: Manifest =
        serde_json::from_value(saved.manifest.clone()).map_err(ThresholdError::Manifest)?;
    let (candidates, mut assumed) = known.candidates(opened, &manifest);
    assumed.extend(known.credit_assumed.clone());
    if manifest.truth.contains_key("also-right") {
        assumed.push(Assumed::AlsoRight);
    }
    if manifest.prompts.is_some() {
        assumed.push(Assumed::Prompts);
    }
    let rule = Rule::Threshold(threshold);
    // The manifest says how this run was made: no cosine was asked.
    for (option, value) in [
        ("decide", rule.name().into()),
        ("credit", known.credit.name().into()),
        ("collision-cosine", serde_json::Value::Null),
    ] {
        manifest.options.insert(option.to_owned(), value);
    }
    let root = saved.summary.root.as_str();
    let inputs = Inputs {
        taxonomy,
        candidates,
        images: saved.images.clone(),
        annotations: known.annotations.clone(),
        also_right: AlsoRight::default(),
        evidence: Evidence::Ranked(known.answers(threshold)),
        collision_threshold: Collisions::DEFAULT_THRESHOLD,
        credit: known.credit.clone(),
        root: Root::by_name(root).unwrap_or_default(),
        strategy: Match::Mean,
        // The answers are given; the rule that they are of is told below.
        rule: Rule::Argmax,
        calibration: Vec::new(),
        top_k: 0,
    };
    let mut run = Run::build(inputs, manifest)?;
    run.summary.rule = rule.name();
    known.carry_over(opened, &mut run);
    Ok(Reanswered { run, assumed })
}

/// What the files of a run tell of its question.
struct Known<'a> {
    details: &'a Details,
    pareto: &'a Jagged<SavedStep>,
    /// The node of each label.
    nodes: Vec<NodeId>,
    annotations: Annotations,
    credit: CreditPolicy,
    credit_assumed: Option<Assumed>,
}

impl<'a> Known<'a> {
    fn new(opened: &'a Opened) -> Result<Self, ThresholdError> {
        let details = opened.saved.details.as_ref();
        let details = details.ok_or(ThresholdError::NoPareto)?;
        let pareto = details.pareto.as_ref().ok_or(ThresholdError::NoPareto)?;
        let nodes = opened.known_nodes()?;
        let annotations = annotations(opened, details, &nodes);
        let name = opened.saved.summary.credit_policy.as_str();
        let credit = credit(name, &opened.taxonomy);
        let credit_assumed = credit.is_none().then(|| Assumed::Credit(name.to_owned()));
        Ok(Self {
            details,
            pareto,
            nodes,
            annotations,
            credit: credit.unwrap_or(CreditPolicy::Logical),
            credit_assumed,
        })
    }

    /// What is answered at a threshold, with its mass.
    fn answers(&self, threshold: f64) -> Rankings {
        let mut rankings = Rankings::default();
        for steps in self.pareto.iter() {
            let massive = steps.iter().take_while(|step| step.mass >= threshold);
            rankings.push(massive.last().map(|step| Ranked {
                label: self.nodes[step.label as usize],
                similarity: None,
                probability: Some(step.mass),
            }));
        }
        rankings
    }

    /// Judges answers to annotations by their numbers.
    fn judge(&self, opened: &Opened, steps: &[(NodeId, u32)]) -> Vec<Kind> {
        let taxonomy = &opened.taxonomy;
        let distinct = self.annotations.distinct();
        let mut labels: Vec<NodeId> = steps.iter().map(|&(answer, _)| answer).collect();
        labels.extend(distinct.iter().flat_map(|a| &a.truths));
        let collisions = Collisions::of_names(taxonomy, &labels);
        let also_right = AlsoRight::default();
        let judge = Judge {
            taxonomy,
            collisions: &collisions,
            also_right: &also_right,
        };
        let of_chunk = |steps: &[(NodeId, u32)]| {
            let mut creditor = Creditor::new(taxonomy, &self.credit);
            let kind = |&(answer, annotation): &(NodeId, u32)| {
                let annotation = &distinct[annotation as usize];
                let judged = judge.judge(answer, annotation);
                let judged = judged.filter(|_| self.annotations.is_judged(annotation));
                let with_credit = judged.map(|judgement| {
                    let credit = creditor.credit(answer, &annotation.truths, judgement);
                    (judgement.verdict, (credit / CREDIT_UNIT).round() as u64)
                });
                Kind {
                    judged: with_credit,
                }
            };
            steps.iter().map(kind).collect::<Vec<Kind>>()
        };
        steps.par_chunks(CHUNK).flat_map_iter(of_chunk).collect()
    }

    /// The candidates, as they were chosen; else those that are ranked.
    fn candidates(&self, opened: &Opened, manifest: &Manifest) -> (Vec<NodeId>, Vec<Assumed>) {
        let taxonomy = &opened.taxonomy;
        let is_whole = |found: &[NodeId]| found.len() == manifest.counts.candidates;
        if let Some(chosen) = chosen(&manifest.candidates.source) {
            let distinct = self.annotations.distinct().iter();
            let truths: Vec<NodeId> = distinct.flat_map(|a| &a.truths).copied().collect();
            if let Some(found) = chosen
                .select(taxonomy, &truths)
                .ok()
                .filter(|c| is_whole(c))
            {
                return (found, Vec::new());
            }
        }
        let mut is_ranked = vec![false; taxonomy.len()];
        for rank in self.details.ranked.iter().flatten() {
            is_ranked[self.nodes[rank.label as usize].index()] = true;
        }
        let mut found: Vec<NodeId> = taxonomy.nodes().filter(|n| is_ranked[n.index()]).collect();
        found.sort_by_key(|&n| taxonomy.id(n));
        let assumed = (!is_whole(&found)).then_some(Assumed::Candidates);
        (found, assumed.into_iter().collect())
    }

    /// Puts what does not depend on the answers into the run.
    fn carry_over(&self, opened: &Opened, run: &mut Run) {
        let node = |label: u32| self.nodes[label as usize];
        let mut rankings = Rankings::default();
        for ranked in self.details.ranked.iter() {
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
        let rows = self.details.rows.iter();
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

/// A policy by its name; that of a table is in the taxonomy.
fn credit(name: &str, taxonomy: &Taxonomy) -> Option<CreditPolicy> {
    let section = || CreditPolicy::from_section(taxonomy.credit()?).ok();
    let by_name = CreditPolicy::by_name(name).ok();
    by_name.or_else(|| section().filter(|policy| policy.name() == name))
}

/// A choice of candidates that needs no file, by how it reads in a manifest.
fn chosen(source: &str) -> Option<Candidates> {
    let plain = [Candidates::Truths, Candidates::Leaves, Candidates::All];
    let found = plain.into_iter().find(|choice| choice.describe() == source);
    let under = || source.strip_prefix("under:");
    found.or_else(|| under().map(|label| Candidates::Under(label.to_owned())))
}

/// The labels and valid sets of the images, each distinct pair once.
fn annotations(opened: &Opened, details: &Details, nodes: &[NodeId]) -> Annotations {
    let saved = &opened.saved;
    let set = |labels: &[u32]| -> Vec<NodeId> {
        labels.iter().map(|&label| nodes[label as usize]).collect()
    };
    let mut numbers: HashMap<(u32, Option<u32>), u32> = HashMap::new();
    let mut distinct = Vec::new();
    let mut of = Vec::with_capacity(saved.rows.len());
    for (row, detail) in saved.rows.iter().zip(&details.rows) {
        let number = numbers.entry((row.truths, detail.valid));
        of.push(*number.or_insert_with(|| {
            let valid = detail.valid.map(|valid| {
                let mut valid = set(&details.valid[valid as usize]);
                valid.sort_unstable();
                valid
            });
            distinct.push(Annotation {
                truths: set(&saved.truths[row.truths as usize]),
                valid,
            });
            distinct.len() as u32 - 1
        }));
    }
    let is_named = saved.manifest.pointer("/truth/valid").is_some();
    let reannotated = is_named || distinct.iter().any(|a| a.valid.is_some());
    Annotations::numbered(distinct, of, reannotated)
}

#[cfg(test)]
mod tests;
