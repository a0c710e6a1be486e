//! The one immutable result: what was asked, what was answered, and everything that made it.
//!
//! A [`Run`] is built once from embeddings and never patched; reports read it and nothing else.

mod candidates;
mod compare;
mod confusions;
mod load;
mod manifest;
mod save;

use std::collections::HashSet;

pub use candidates::{CandidateError, Candidates};
pub use compare::{
    CompareError, Compared, Comparison, Flip, FlippedImage, ManifestDifference, RankedPair,
    RankedRun, Ranking, VerdictChange, compare, rank,
};
pub use confusions::{ConfusedPair, Confusions, UnknownLabel, confusions};
pub use load::{LoadError, Saved, SavedRow, load};
pub use manifest::{Counts, MANIFEST_SCHEMA, Manifest, SourceHash};
pub use save::{KIND, SaveError, save};

use crate::matrix::Matrix;
use crate::names::Names;
use crate::score::{
    AlsoRight, Annotations, Checked, Collisions, Cosines, CreditPolicy, Distribution, Evaluated,
    Given, Judge, Judged, Judgements, Link, Mass, Ranked, Rankings, Similarities, Summary,
    ValidSets, evaluate, prototypes, summarise,
};
use crate::taxonomy::{NodeId, Taxonomy};

/// Everything that is known when the model, ours or another, has spoken.
pub struct Inputs<'a> {
    pub taxonomy: &'a Taxonomy,
    /// What may be answered.
    pub candidates: Vec<NodeId>,
    /// Image names as in the data set.
    pub images: Names,
    /// A row an image.
    pub annotations: Annotations,
    pub also_right: AlsoRight,
    pub evidence: Evidence,
    /// τ of the name collisions (METHOD 3).
    pub collision_threshold: f64,
    pub credit: CreditPolicy,
    /// Ranked candidates kept for each image; 0 keeps all.
    pub top_k: usize,
}

/// What is known of the images' answers.
pub enum Evidence {
    /// Embeddings of images and prompts.
    Embedded {
        /// n × dim, unit rows.
        images: Matrix,
        prompts: Prompts,
        /// The model's (exponentiated) temperature.
        logit_scale: f32,
    },
    /// A score of each image and candidate, n × candidates, and how probabilities come from them.
    Scored(Matrix, Link),
    /// Ranked labels.
    Ranked(Rankings),
}

/// Embedded prompts of nodes.
pub struct Prompts {
    /// The nodes that have prompts: the candidates first, then others, such as the truths that are not candidates.
    pub nodes: Vec<NodeId>,
    /// Number of prompts of each node.
    pub counts: Vec<usize>,
    /// One row a prompt, in the order of the nodes.
    pub embeddings: Matrix,
}

/// What was answered for each image, and how that is judged: columns, since there may be millions.
#[derive(Debug, Clone, Default)]
pub struct Predictions {
    images: Names,
    annotations: Annotations,
    evaluated: Evaluated,
    judgements: Judgements,
}

/// One image: what it was annotated with, what was answered, and how that is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction<'a> {
    pub image: &'a str,
    /// Primary truth first; empty for an image without a label.
    pub truths: &'a [NodeId],
    /// The re-annotated valid set, if there is one.
    pub valid: Option<&'a [NodeId]>,
    /// `None` where the model, or the rule, abstained.
    pub answer: Option<NodeId>,
    /// Of the answer, if it is known.
    pub probability: Option<f64>,
    /// `None` without an answer, a label, or a place in the re-annotation where there is one.
    pub judged: Option<&'a Judged>,
    /// `None` if the probabilities of all candidates are not known.
    pub mass: Option<Mass>,
    /// `None` if the label cannot be checked.
    pub checked: Option<Checked>,
}

impl Prediction<'_> {
    /// Whether the model contradicts the annotation (METHOD 8).
    pub fn is_suspect(&self) -> bool {
        self.checked.is_some_and(|c| c.looks_like.is_some())
    }
}

impl Predictions {
    pub fn len(&self) -> usize {
        self.images.len()
    }

    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    pub fn get(&self, i: usize) -> Prediction<'_> {
        let annotation = self.annotations.get(i);
        let evaluated = &self.evaluated;
        let answer = evaluated.answers[i];
        Prediction {
            image: self.images.get(i),
            truths: &annotation.truths,
            valid: annotation.valid.as_deref(),
            answer,
            probability: answer.and(evaluated.confidences.get(i).copied()),
            judged: self.judgements.get(i),
            mass: evaluated.masses.get(i).copied(),
            checked: evaluated.checked.get(i).copied().flatten(),
        }
    }

    /// The ranked labels of an image, best first.
    pub fn ranked(&self, i: usize) -> impl ExactSizeIterator<Item = Ranked> + '_ {
        self.evaluated.rankings.get(i)
    }

    /// The most labels that are ranked for an image.
    pub fn most_ranked(&self) -> usize {
        self.evaluated.rankings.most()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = Prediction<'_>> {
        (0..self.len()).map(|i| self.get(i))
    }
}

/// The result of scoring one model, one set of prompts and one taxonomy on one set of images.
#[derive(Debug, Clone)]
pub struct Run {
    /// Stable id of each node, by [`NodeId::index`].
    pub ids: Vec<String>,
    pub predictions: Predictions,
    pub summary: Summary,
    pub manifest: Manifest,
}

impl Run {
    /// Scores the evidence. Runs on the current rayon pool; the result does not depend on its size.
    pub fn build(inputs: Inputs<'_>, manifest: Manifest) -> Self {
        let (taxonomy, candidates) = (inputs.taxonomy, inputs.candidates);
        let annotations = inputs.annotations;
        let collisions = collisions(
            taxonomy,
            &candidates,
            &annotations,
            &inputs.evidence,
            inputs.collision_threshold,
        );
        let judge = Judge {
            taxonomy,
            collisions: &collisions,
            also_right: &inputs.also_right,
        };
        let valid = ValidSets::new(judge, &candidates).of_all(&annotations);
        let evaluate = |similarities: &dyn Similarities, link| {
            // Figures over the best five need five, however few are to be kept.
            let keep = match inputs.top_k {
                0 => 0,
                k => k.max(5),
            };
            let distribution = Distribution::new(similarities, link);
            evaluate(
                taxonomy,
                &candidates,
                &distribution,
                &annotations,
                &valid,
                keep,
            )
        };
        let mut evaluated = match inputs.evidence {
            Evidence::Embedded {
                images,
                prompts,
                logit_scale,
            } => {
                let prototypes = prototypes(&prompts.embeddings, &prompts.counts);
                let cosines = Cosines {
                    images: &images,
                    prototypes: &prototypes.first_rows(candidates.len()),
                };
                let scale = f64::from(logit_scale);
                evaluate(&cosines, Link::Softmax { scale })
            }
            Evidence::Scored(scores, link) => evaluate(&Given(&scores), link),
            Evidence::Ranked(rankings) => Evaluated::of_rankings(rankings),
        };
        let (judgements, summary) = summarise(
            judge,
            &candidates,
            &inputs.credit,
            &evaluated,
            &annotations,
            &valid,
        );
        if inputs.top_k > 0 {
            evaluated.rankings.truncate(inputs.top_k);
        }
        Self {
            ids: taxonomy
                .nodes()
                .map(|n| taxonomy.id(n).to_owned())
                .collect(),
            predictions: Predictions {
                images: inputs.images,
                annotations,
                evaluated,
                judgements,
            },
            summary,
            manifest,
        }
    }

    /// The node's stable id.
    pub fn id(&self, n: NodeId) -> &str {
        &self.ids[n.index()]
    }
}

/// The labels that the model cannot tell apart: by the prompts where it has some, else by the names of the labels that occur.
fn collisions(
    taxonomy: &Taxonomy,
    candidates: &[NodeId],
    annotations: &Annotations,
    evidence: &Evidence,
    threshold: f64,
) -> Collisions {
    if let Evidence::Embedded { prompts, .. } = evidence {
        let prototypes = prototypes(&prompts.embeddings, &prompts.counts);
        return Collisions::new(taxonomy, &prompts.nodes, prototypes, threshold);
    }
    let mut met = HashSet::new();
    let mut occurring = candidates.to_vec();
    occurring.extend(annotations.distinct().iter().flat_map(|a| &a.truths));
    if let Evidence::Ranked(rankings) = evidence {
        occurring.extend((0..rankings.len()).filter_map(|i| rankings.labels(i).first()));
    }
    occurring.retain(|&n| met.insert(n));
    Collisions::of_names(taxonomy, &occurring)
}
