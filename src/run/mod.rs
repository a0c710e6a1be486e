//! The one immutable result: what was asked, what was answered, and everything that made it.
//!
//! A [`Run`] is built once from what is known of the answers and never patched; reports read it and nothing else.

mod answering;
mod candidates;
mod compare;
mod confusions;
mod curve;
mod filter;
#[cfg(test)]
mod fixture;
mod gone;
mod load;
mod manifest;
mod nodes;
mod opened;
mod order;
mod question;
mod ranking;
mod rejudge;
mod save;
mod saved;
mod suggest;
mod tallies;
mod taxonomies;
#[cfg(test)]
pub(crate) mod testing;
mod threshold;
mod uncertainty;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub use answering::RANKED_AT_LEAST;
use answering::{Answering, Calibration};

pub use candidates::{CandidateError, Candidates};
pub use compare::{
    CompareError, Compared, Comparison, Flip, FlippedImage, ManifestDifference, MultiplicityChange,
    VerdictChange, compare,
};
pub use confusions::{
    ConfusedPair, ConfusionMatrix, ConfusionOrder, Confusions, UnknownLabel, confusions,
};
pub use curve::{Operating, curve, operating, present};
pub use filter::{Completion, Filter, FilterError, HELP as FILTER_HELP, complete, quote};
pub use gone::{Gone, gone};
pub use load::{LoadError, load, load_flat, load_summary, load_whole};
pub use manifest::{Counts, MANIFEST_SCHEMA, Manifest, SourceHash, by_name};
pub use nodes::{NodeFigure, NodeFigures, nodes};
pub use opened::Opened;
pub use order::{Key, Order};
pub use question::{Assumed, QuestionError, Reanswered};
pub use ranking::{RankedPair, RankedRun, Ranking, rank};
pub use rejudge::{RejudgeError, rejudged};
pub use save::{KIND, SaveError, save, save_again};
pub use saved::{Detail, Details, Jagged, Saved, SavedRank, SavedRow, SavedStep};
pub use suggest::{
    Clusters, Embedded, Embeddings, Grounds, Moved, Share, Suggestion, SuggestionKind, Why, suggest,
};
pub use taxonomies::{Explained, TaxonomiesError, UnderTaxonomies, compare_taxonomies, explained};
pub use threshold::{AtThreshold, ThresholdError, Thresholds, at_threshold};
use uncertainty::risk_curve;
pub use uncertainty::uncertainty;

use crate::matrix::Matrix;
use crate::names::Names;
use crate::score::{
    AlsoRight, Annotations, Checked, Collisions, CreditPolicy, DecideError, Depth, Evaluated,
    Gaussians, InclusionOfEdges, Judge, Judged, Judgements, Link, Mass, Match, MatchError, Ranked,
    Rankings, Root, Rule, Stop, Stopped, Summary, Terms, ValidSets, noisy, prototypes, summarise,
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
    /// Σσ² of each image, where the model tells how uncertain it is.
    pub uncertainty: Option<Arc<[f64]>>,
    pub evidence: Evidence<'a>,
    /// τ of the name collisions (METHOD 3).
    pub collision_threshold: f64,
    pub credit: CreditPolicy,
    /// Whether the root counts in hierarchical precision and recall.
    pub root: Root,
    /// How images and prompts are matched, where they are embedded.
    pub strategy: Match,
    /// How answers come from probabilities.
    pub rule: Rule,
    /// Images that a rule is calibrated on, ascending: they are left out of everything else.
    pub calibration: Vec<usize>,
    /// Ranked candidates kept for each image; 0 keeps all.
    pub top_k: usize,
}

/// Why evidence cannot be scored.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// What the decision rule needs and the evidence lacks.
    #[error(transparent)]
    Decide(#[from] DecideError),
    /// What the strategy of matching needs and the evidence lacks.
    #[error(transparent)]
    Match(#[from] MatchError),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// What is known of the images' answers. Embeddings may be borrowed, for whoever goes on with them.
pub enum Evidence<'a> {
    /// Embeddings of images and prompts.
    Embedded {
        /// n × dim, unit rows.
        images: Cow<'a, Matrix>,
        prompts: Cow<'a, Prompts>,
        /// What the rule `rerank` needs.
        kinds: Option<Cow<'a, KindTexts>>,
        /// The model's (exponentiated) temperature.
        logit_scale: f32,
        /// s(x,c) of all images and candidates, n × candidates, where it is at hand: what would be computed of the others.
        similarities: Option<&'a Matrix>,
    },
    /// What was answered already, and the prompts where the labels have some.
    Answered {
        answers: Box<Evaluated>,
        prompts: Option<Cow<'a, Prompts>>,
    },
    /// A score of each image and candidate, n × candidates, and how probabilities come from them.
    Scored(Cow<'a, Matrix>, Link),
    /// Ranked labels.
    Ranked(Rankings),
}

/// Embedded prompts of nodes.
#[derive(Debug, Clone)]
pub struct Prompts {
    /// The nodes that have prompts: the candidates first, then others, such as the truths that are not candidates.
    pub nodes: Vec<NodeId>,
    /// Number of prompts of each node.
    pub counts: Vec<usize>,
    /// One a prompt, in the order of the nodes.
    pub embeddings: Gaussians,
}

impl Prompts {
    /// The number of prompts that each of the first nodes has, the candidates, as `rerank` needs it.
    ///
    /// # Errors
    /// Not all have the same number, or it is less than 2, so that no prompt disagrees with another.
    pub fn templates(&self, candidates: usize) -> Result<usize, DecideError> {
        let counts = &self.counts[..candidates];
        let least = counts.iter().copied().min().unwrap_or(0);
        let most = counts.iter().copied().max().unwrap_or(0);
        match least {
            2.. if least == most => Ok(least),
            _ => Err(DecideError::NeedsTemplates { least, most }),
        }
    }
}

/// Embedded texts "X, which is a kind of P" of the candidates.
#[derive(Debug, Clone)]
pub struct KindTexts {
    /// Number of texts of each candidate.
    pub counts: Vec<usize>,
    /// Unit rows, in the order of the candidates.
    pub embeddings: Matrix,
}

/// What was answered for each image, and how that is judged: columns, since there may be millions.
#[derive(Debug, Clone, Default)]
pub struct Predictions {
    images: Names,
    annotations: Annotations,
    evaluated: Evaluated,
    judgements: Judgements,
    /// Empty if the probabilities of all candidates are not known.
    noisy: Vec<Option<f64>>,
    /// Σσ²; empty of a model that tells none.
    uncertainty: Vec<f64>,
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
    /// Probability that the annotation is suspect by its loss (METHOD 8, NCR); `None` if it has none.
    pub noisy: Option<f64>,
    /// Σσ² of the image; `None` of a model that tells none.
    pub uncertainty: Option<f64>,
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
            mass: evaluated.whole.as_ref().map(|whole| whole.masses[i]),
            checked: evaluated.checked(i),
            noisy: self.noisy.get(i).copied().flatten(),
            uncertainty: self.uncertainty.get(i).copied(),
        }
    }

    /// The names of the images.
    pub fn images(&self) -> &Names {
        &self.images
    }

    /// The ranked labels of an image, best first.
    pub fn ranked(&self, i: usize) -> impl ExactSizeIterator<Item = Ranked> + '_ {
        self.evaluated.rankings.get(i)
    }

    /// The Pareto sequence of an image: what every threshold on the mass answers, most massive first, with its mass. `None` if
    /// the probabilities of all candidates are not known.
    pub fn pareto(&self, i: usize) -> Option<impl ExactSizeIterator<Item = (NodeId, f64)> + '_> {
        let whole = self.evaluated.whole.as_ref()?;
        let steps = whole.pareto.get(i);
        Some(steps.map(|step| (step.label, step.probability.unwrap_or(0.0))))
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
    ///
    /// # Errors
    /// What the decision rule, or the strategy of matching, needs and the evidence lacks.
    pub fn build(inputs: Inputs<'_>, manifest: Manifest) -> Result<Self, BuildError> {
        Self::build_to(Depth::Whole, inputs, manifest, Stop::NEVER)
    }

    /// Scores as much of the evidence as is asked for: the figures that there are then are those of the [whole](Self::build).
    ///
    /// # Errors
    /// As [`build`](Self::build); it was to end before it was done.
    pub fn build_to(
        depth: Depth,
        inputs: Inputs<'_>,
        manifest: Manifest,
        stop: Stop<'_>,
    ) -> Result<Self, BuildError> {
        let taxonomy = inputs.taxonomy;
        let collisions = collisions(&inputs);
        let judge = Judge {
            taxonomy,
            collisions: &collisions,
            also_right: &inputs.also_right,
        };
        let uncertainty = inputs.uncertainty.as_deref();
        let inclusion = inclusion(&inputs);
        let (scored, images, annotations) = match inputs.calibration.is_empty() {
            true => (None, inputs.images, inputs.annotations),
            false => {
                let left_out: HashSet<usize> = inputs.calibration.iter().copied().collect();
                let scored: Vec<usize> = (0..inputs.annotations.len())
                    .filter(|i| !left_out.contains(i))
                    .collect();
                let names = scored.iter().map(|&i| inputs.images.get(i)).collect();
                let annotations = inputs.annotations.select(&scored);
                let calibration = Calibration {
                    annotations: inputs.annotations,
                    images: inputs.calibration,
                    scored,
                };
                (Some(calibration), names, annotations)
            }
        };
        let answering = Answering {
            depth,
            stop,
            judge,
            candidates: &inputs.candidates,
            annotations: &annotations,
            valid: ValidSets::new(judge, &inputs.candidates).of_all(&annotations),
            rule: &inputs.rule,
            strategy: inputs.strategy,
            uncertainty,
            calibration: scored,
            top_k: inputs.top_k,
        };
        let (mut evaluated, calibrated) = answering.answer(inputs.evidence)?;
        let terms = Terms {
            depth,
            policy: &inputs.credit,
            root: inputs.root,
            rule: &inputs.rule,
            calibrated,
            stop,
        };
        let (candidates, valid) = (&inputs.candidates, &answering.valid);
        let (judgements, mut summary) =
            summarise(judge, candidates, &terms, &evaluated, &annotations, valid)?;
        let noisy = evaluated.whole.as_ref().map(|whole| {
            let losses = whole.masses.iter().enumerate().map(|(i, mass)| {
                let is_judged = annotations.is_judged(annotations.get(i));
                let is_answerable = is_judged && !valid[annotations.index(i)].is_empty();
                is_answerable.then_some(mass.valid)
            });
            noisy(&losses.collect::<Vec<_>>())
        });
        summary.noisy = noisy.as_ref().map(|noisy| noisy.summary);
        let uncertainty = match (uncertainty, &answering.calibration) {
            (None, _) => Vec::new(),
            (Some(all), None) => all.to_vec(),
            (Some(all), Some(calibration)) => calibration.scored.iter().map(|&i| all[i]).collect(),
        };
        let judged = |i: usize| judgements.get(i).map(|judged| judged.verdict);
        summary.uncertainty =
            risk_curve(uncertainty.iter().copied().map(Some), judged).map(|curve| curve.areas);
        summary.inclusion = inclusion;
        if inputs.top_k > 0 {
            evaluated.rankings.truncate(inputs.top_k);
        }
        Ok(Self {
            ids: taxonomy
                .nodes()
                .map(|n| taxonomy.id(n).to_owned())
                .collect(),
            predictions: Predictions {
                images,
                annotations,
                evaluated,
                judgements,
                noisy: noisy.map_or(Vec::new(), |noisy| noisy.posteriors),
                uncertainty,
            },
            summary,
            manifest,
        })
    }

    /// What was answered, as nodes of another taxonomy; `None` where it lacks a label that was answered or ranked.
    pub fn answers_under(&self, taxonomy: &Taxonomy) -> Option<Evaluated> {
        let nodes: Vec<Option<NodeId>> = self.ids.iter().map(|id| taxonomy.find(id)).collect();
        self.predictions.evaluated.answers_as(&nodes)
    }

    /// The node's stable id.
    pub fn id(&self, n: NodeId) -> &str {
        &self.ids[n.index()]
    }
}

/// The prompts that the labels have, if any are known.
fn prompts<'i>(inputs: &'i Inputs<'_>) -> Option<&'i Prompts> {
    match &inputs.evidence {
        Evidence::Embedded { prompts, .. } => Some(&**prompts),
        Evidence::Answered { prompts, .. } => prompts.as_deref(),
        Evidence::Scored(..) | Evidence::Ranked(_) => None,
    }
}

/// Whether labels are in what is above them, where the model tells how uncertain it is of them.
fn inclusion(inputs: &Inputs<'_>) -> Option<InclusionOfEdges> {
    let prompts = prompts(inputs)?;
    prompts.embeddings.variances.as_ref()?;
    let labels = prompts.embeddings.prototypes(&prompts.counts);
    let places = prompts.nodes.iter().copied().zip(0..);
    let places: HashMap<NodeId, usize> = places.collect();
    let (mut n, mut included) = (0, 0);
    for (&child, &place) in &places {
        for parent in inputs.taxonomy.parents(child) {
            let above = places.get(parent).copied();
            let pair = above.and_then(|above| Some((labels.get(place)?, labels.get(above)?)));
            if let Some(is_in) = pair.and_then(|(child, parent)| child.is_in(parent)) {
                n += 1;
                included += usize::from(is_in);
            }
        }
    }
    (n > 0).then(|| InclusionOfEdges {
        n,
        included,
        share: included as f64 / n as f64,
    })
}

/// The labels that the model cannot tell apart: by the prompts where it has some, else by the names of the labels that occur.
fn collisions(inputs: &Inputs<'_>) -> Collisions {
    let taxonomy = inputs.taxonomy;
    if let Some(prompts) = prompts(inputs) {
        let prototypes = prototypes(&prompts.embeddings.means, &prompts.counts);
        let own = Collisions::new(
            taxonomy,
            &prompts.nodes,
            prototypes,
            inputs.collision_threshold,
        );
        return own.with_names(&above(taxonomy, &inputs.candidates));
    }
    let mut met = HashSet::new();
    let mut occurring = above(taxonomy, &inputs.candidates);
    occurring.extend(inputs.annotations.distinct().iter().flat_map(|a| &a.truths));
    match &inputs.evidence {
        Evidence::Ranked(rankings) => {
            occurring.extend((0..rankings.len()).filter_map(|i| rankings.labels(i).first()));
        }
        Evidence::Answered { answers, .. } => occurring.extend(answers.answers.iter().flatten()),
        Evidence::Embedded { .. } | Evidence::Scored(..) => {}
    }
    occurring.retain(|&n| met.insert(n));
    Collisions::of_names(taxonomy, &occurring)
}

/// The candidates and what is above them: all that a rule can answer.
fn above(taxonomy: &Taxonomy, candidates: &[NodeId]) -> Vec<NodeId> {
    let mut met = vec![false; taxonomy.len()];
    let mut found: Vec<NodeId> = candidates.to_vec();
    found.iter().for_each(|n| met[n.index()] = true);
    let mut next = 0;
    while let Some(&n) = found.get(next) {
        next += 1;
        for &parent in taxonomy.parents(n) {
            if !std::mem::replace(&mut met[parent.index()], true) {
                found.push(parent);
            }
        }
    }
    found
}
