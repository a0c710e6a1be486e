//! From evidence to answers, by a decision rule.

use std::collections::HashMap;

use super::{Evidence, KindTexts, Prompts};
use crate::matrix::Matrix;
use crate::score::decide::{Calibrated, Chils, Darts, DartsItem, Masses};
use crate::score::{
    Annotations, Cosines, DecideError, Decider, Deciding, Distribution, Evaluated, Given, Judge,
    Link, Question, Reranking, Rule, Selected, Similarities, evaluate, prototypes, tie_order,
};
use crate::taxonomy::NodeId;

/// Images that a rule is calibrated on, and those that are scored.
pub struct Calibration {
    /// Of all images.
    pub annotations: Annotations,
    pub images: Vec<usize>,
    pub scored: Vec<usize>,
}

/// What is asked, whatever the evidence.
pub struct Answering<'a> {
    pub judge: Judge<'a>,
    pub candidates: &'a [NodeId],
    /// Of the images that are scored.
    pub annotations: &'a Annotations,
    /// For each distinct one, the valid candidates.
    pub valid: Vec<Vec<usize>>,
    pub rule: &'a Rule,
    pub calibration: Option<Calibration>,
    pub top_k: usize,
}

/// Embeddings that some rules look at beside the scores.
struct Embedded<'a> {
    images: &'a Matrix,
    prompts: &'a Prompts,
    /// A row for each node that has prompts.
    prototypes: &'a Matrix,
    kinds: Option<&'a KindTexts>,
}

type Answers = (Evaluated, Option<Calibrated>);

impl Answering<'_> {
    /// The answers, and what a calibrated rule came from.
    pub fn answer(&self, evidence: Evidence) -> Result<Answers, DecideError> {
        match evidence {
            Evidence::Ranked(rankings) => match self.rule {
                Rule::Argmax => Ok((Evaluated::of_rankings(rankings), None)),
                rule => Err(DecideError::NeedsScores { rule: rule.name() }),
            },
            Evidence::Scored(scores, link) => self.scored(&Given(&scores), link, None),
            Evidence::Embedded {
                images,
                prompts,
                kinds,
                logit_scale,
            } => {
                let prototypes = prototypes(&prompts.embeddings, &prompts.counts);
                let of_candidates = prototypes.first_rows(self.candidates.len());
                let cosines = Cosines {
                    images: &images,
                    prototypes: &of_candidates,
                };
                let embedded = Embedded {
                    images: &images,
                    prompts: &prompts,
                    prototypes: &prototypes,
                    kinds: kinds.as_ref(),
                };
                let scale = f64::from(logit_scale);
                self.scored(&cosines, Link::Softmax { scale }, Some(&embedded))
            }
        }
    }

    fn scored(
        &self,
        similarities: &dyn Similarities,
        link: Link,
        embedded: Option<&Embedded<'_>>,
    ) -> Result<Answers, DecideError> {
        let every: Vec<usize>;
        let images = match &self.calibration {
            Some(calibration) => &calibration.scored,
            None => {
                every = (0..similarities.images()).collect();
                &every
            }
        };
        let select = |all| Selected { all, images };
        match self.rule {
            Rule::Chils => {
                let rule = Chils::new(self.judge.taxonomy, self.candidates)?;
                let embedded = embedded.ok_or(DecideError::NeedsSubclasses)?;
                let rows = subclasses(&rule, embedded)?;
                let cosines = Cosines {
                    images: embedded.images,
                    prototypes: &rows,
                };
                let subclasses = select(&cosines);
                let deciding = Deciding::Chils(rule, Distribution::new(&subclasses, link));
                self.evaluate(&select(similarities), link, &deciding)
            }
            Rule::Rerank => {
                let (embedded, kinds) = embedded
                    .and_then(|embedded| Some((embedded, embedded.kinds?)))
                    .ok_or(DecideError::NeedsTexts)?;
                let per_candidate = templates(embedded, self.candidates.len())?;
                let of_candidates = self.candidates.len() * per_candidate;
                let cosines = |prototypes| Cosines {
                    images: embedded.images,
                    prototypes,
                };
                let prompts = embedded.prompts.embeddings.first_rows(of_candidates);
                let (prompts, kind_texts) = (cosines(&prompts), cosines(&kinds.embeddings));
                let reranking = Reranking {
                    candidates: self.candidates,
                    tie_order: tie_order(self.judge.taxonomy, self.candidates),
                    prompts: &select(&prompts),
                    per_candidate,
                    kinds: &select(&kind_texts),
                    starts: starts(&kinds.counts),
                };
                self.evaluate(&select(similarities), link, &Deciding::Rerank(reranking))
            }
            Rule::Darts(wrong) => {
                let decider = self.calibrated(similarities, link, *wrong)?;
                let calibrated = decider.calibrated().copied();
                let deciding = Deciding::Rule(decider);
                let (evaluated, _) = self.evaluate(&select(similarities), link, &deciding)?;
                Ok((evaluated, calibrated))
            }
            rule => {
                let decider = Decider::new(self.judge.taxonomy, self.candidates, rule)?;
                self.evaluate(&select(similarities), link, &Deciding::Rule(decider))
            }
        }
    }

    fn evaluate(
        &self,
        similarities: &dyn Similarities,
        link: Link,
        deciding: &Deciding<'_>,
    ) -> Result<Answers, DecideError> {
        let question = Question {
            taxonomy: self.judge.taxonomy,
            candidates: self.candidates,
            annotations: self.annotations,
            valid: &self.valid,
            masses: &Masses::new(self.judge.taxonomy, self.candidates)?,
            deciding,
            // Figures over the best five need five, however few are to be kept.
            keep: match self.top_k {
                0 => 0,
                k => k.max(5),
            },
        };
        let distribution = Distribution::new(similarities, link);
        Ok((evaluate(&question, &distribution), None))
    }

    /// DARTS on the images that are set aside for it.
    fn calibrated(
        &self,
        all: &dyn Similarities,
        link: Link,
        wrong: f64,
    ) -> Result<Decider<'_>, DecideError> {
        let Some(calibration) = &self.calibration else {
            let rule = self.rule.name();
            return Err(DecideError::NeedsCalibration { rule });
        };
        let darts = Darts::new(self.judge.taxonomy, self.candidates, wrong)?;
        let images = &calibration.images;
        let set_aside = Selected { all, images };
        let items = Distribution::new(&set_aside, link).map(|i, scores| {
            let annotation = calibration.annotations.get(images[i]);
            darts.item(&scores, &annotation.truths)
        });
        let items: Vec<DartsItem> = items.into_iter().flatten().collect();
        darts.calibrate(&items)
    }
}

/// The prototypes of the subclasses, in their order.
fn subclasses(rule: &Chils<'_>, embedded: &Embedded<'_>) -> Result<Matrix, DecideError> {
    let nodes = embedded.prompts.nodes.iter().copied();
    let row_of: HashMap<NodeId, usize> = nodes.zip(0..).collect();
    let mut data = Vec::new();
    for node in &rule.subclasses().nodes {
        let row = row_of.get(node).ok_or(DecideError::NeedsSubclasses)?;
        data.extend_from_slice(embedded.prototypes.row(*row));
    }
    Ok(Matrix::new(embedded.prototypes.cols(), data))
}

/// The number of prompts that every candidate has, which must be more than one for prompts to disagree.
fn templates(embedded: &Embedded<'_>, candidates: usize) -> Result<usize, DecideError> {
    let counts = &embedded.prompts.counts[..candidates];
    match counts.first() {
        Some(&count) if count > 1 && counts.iter().all(|&c| c == count) => Ok(count),
        _ => Err(DecideError::NeedsTexts),
    }
}

/// Where each of so many begins, and the end of the last.
fn starts(counts: &[usize]) -> Vec<usize> {
    let mut starts = vec![0];
    starts.extend(counts.iter().scan(0, |end, count| {
        *end += count;
        Some(*end)
    }));
    starts
}
