//! From evidence to answers, by a decision rule.

use std::collections::HashMap;

use super::{BuildError, Evidence, KindTexts, Prompts};
use crate::matrix::Matrix;
use crate::score::decide::{Calibrated, Chils, Darts, DartsItem, Masses};
use crate::score::{
    Annotations, Cosines, DecideError, Decider, Deciding, Depth, Distribution, Evaluated,
    Gaussians, Given, Judge, Link, Match, Matching, Question, Reranking, Rule, Selected,
    Similarities, Stop, answer_alone, evaluate, tie_order,
};
use crate::taxonomy::NodeId;

/// How many ranked labels of an image figures are made of, however few are kept: those of top-5.
pub const RANKED_AT_LEAST: usize = 5;

/// Images that a rule is calibrated on, and those that are scored.
pub struct Calibration {
    /// Of all images.
    pub annotations: Annotations,
    pub images: Vec<usize>,
    pub scored: Vec<usize>,
}

/// What is asked, whatever the evidence.
pub struct Answering<'a> {
    /// Whether what needs the probabilities of all candidates is asked for.
    pub depth: Depth,
    pub stop: Stop<'a>,
    pub judge: Judge<'a>,
    pub candidates: &'a [NodeId],
    /// Of the images that are scored.
    pub annotations: &'a Annotations,
    /// For each distinct one, the valid candidates.
    pub valid: Vec<Vec<usize>>,
    pub rule: &'a Rule,
    /// How images and prompts are matched, where they are embedded.
    pub strategy: Match,
    /// Σσ² of each image that there are embeddings of, where the model tells it.
    pub uncertainty: Option<&'a [f64]>,
    pub calibration: Option<Calibration>,
    pub top_k: usize,
}

/// Embeddings that some rules look at beside the scores.
struct Embedded<'a> {
    images: &'a Matrix,
    prompts: &'a Prompts,
    kinds: Option<&'a KindTexts>,
}

type Answers = Result<(Evaluated, Option<Calibrated>), BuildError>;

impl Answering<'_> {
    /// The answers, and what a calibrated rule came from.
    pub fn answer(&self, evidence: Evidence<'_>) -> Answers {
        match evidence {
            Evidence::Ranked(rankings) => match self.rule {
                Rule::Argmax => Ok((Evaluated::of_rankings(rankings), None)),
                rule => Err(DecideError::NeedsScores { rule: rule.name() }.into()),
            },
            Evidence::Scored(scores, link) => self.scored(&Given(&scores), link, None),
            Evidence::Embedded {
                images,
                prompts,
                kinds,
                logit_scale,
                similarities,
            } => {
                let counts = &prompts.counts[..self.candidates.len()];
                let embedded = Embedded {
                    images: &images,
                    prompts: &prompts,
                    kinds: kinds.as_deref(),
                };
                let scale = f64::from(logit_scale);
                let link = Link::Softmax { scale };
                if let Some(known) = similarities {
                    return self.scored(&Given(known), link, Some(&embedded));
                }
                let prompts = &prompts.embeddings;
                let uncertainty = self.uncertainty;
                let matching = Matching::new(self.strategy, &images, uncertainty, prompts, counts)?;
                self.scored(&matching, link, Some(&embedded))
            }
            Evidence::Answered { answers, .. } => Ok((*answers, None)),
        }
    }

    fn scored(
        &self,
        similarities: &dyn Similarities,
        link: Link,
        embedded: Option<&Embedded<'_>>,
    ) -> Answers {
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
                let (prompts, counts) = prompts_of(&rule.subclasses().nodes, embedded.prompts)?;
                let (strategy, images) = (self.strategy, embedded.images);
                let matching =
                    Matching::new(strategy, images, self.uncertainty, &prompts, &counts)?;
                let subclasses = select(&matching);
                let deciding = Deciding::Chils(rule, Distribution::new(&subclasses, link));
                self.evaluate(&select(similarities), link, &deciding)
            }
            Rule::Rerank => {
                let (embedded, kinds) = embedded
                    .and_then(|embedded| Some((embedded, embedded.kinds?)))
                    .ok_or(DecideError::NeedsTexts)?;
                let per_candidate = embedded.prompts.templates(self.candidates.len())?;
                let of_candidates = self.candidates.len() * per_candidate;
                let cosines = |prototypes| Cosines {
                    images: embedded.images,
                    prototypes,
                };
                let prompts = embedded.prompts.embeddings.means.first_rows(of_candidates);
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
    ) -> Answers {
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
                k => k.max(RANKED_AT_LEAST),
            },
        };
        let distribution = Distribution::new(similarities, link).until(self.stop);
        let evaluated = match self.depth {
            Depth::Whole => evaluate(&question, &distribution)?,
            Depth::Answers => answer_alone(&question, &distribution)?,
        };
        Ok((evaluated, None))
    }

    /// DARTS on the images that are set aside for it.
    fn calibrated(
        &self,
        all: &dyn Similarities,
        link: Link,
        wrong: f64,
    ) -> Result<Decider<'_>, BuildError> {
        let Some(calibration) = &self.calibration else {
            let rule = self.rule.name();
            return Err(DecideError::NeedsCalibration { rule }.into());
        };
        let darts = Darts::new(self.judge.taxonomy, self.candidates, wrong)?;
        let images = &calibration.images;
        let set_aside = Selected { all, images };
        let distribution = Distribution::new(&set_aside, link).until(self.stop);
        let items = distribution.map(|i, scores| {
            let annotation = calibration.annotations.get(images[i]);
            darts.item(&scores, &annotation.truths)
        })?;
        let items: Vec<DartsItem> = items.into_iter().flatten().collect();
        Ok(darts.calibrate(&items)?)
    }
}

/// The embedded prompts of these nodes, in their order, and how many each has.
fn prompts_of(nodes: &[NodeId], prompts: &Prompts) -> Result<(Gaussians, Vec<usize>), DecideError> {
    let starts = starts(&prompts.counts);
    let place_of: HashMap<NodeId, usize> = prompts.nodes.iter().copied().zip(0..).collect();
    let (mut all, mut counts) = (Vec::new(), Vec::with_capacity(nodes.len()));
    for node in nodes {
        let place = *place_of.get(node).ok_or(DecideError::NeedsSubclasses)?;
        let rows = starts[place]..starts[place + 1];
        counts.push(rows.len());
        all.extend(rows);
    }
    Ok((prompts.embeddings.select(all.into_iter()), counts))
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
