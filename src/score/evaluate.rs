//! From scores to what is kept of each image: the answer, the best candidates, masses, the check of the label.

use std::collections::HashMap;

use super::annotation::Annotations;
use super::answer::{Distribution, Scores};
use super::curve::Pareto;
use super::decide::{Answer, Masses};
use super::deciding::Deciding;
use super::dilution::Mass;
use super::metrics::{
    Consistencies, Consistency, ConsistencySums, Consistent, LevelAnswers, LevelCalibration,
    LevelSums, Levels,
};
use super::rankings::{Ranked, Rankings};
use super::retrieval::{Queries, retrieval};
use super::stop::Stopped;
use super::suspects::{Checked, Checks};
use crate::taxonomy::{NodeId, Taxonomy};

/// What is kept of each image, a row each, and what is summed up of all on the way.
#[derive(Debug, Clone, Default)]
pub struct Evaluated {
    /// The answer; `None` where the model, or the rule, abstained.
    pub answers: Vec<Option<NodeId>>,
    /// The probability of each answer, whatever stands for one that was not given; empty if none is known.
    pub confidences: Vec<f64>,
    /// The best candidates of each image, of which the first need not be the answer.
    pub rankings: Rankings,
    /// What follows from the probabilities of all candidates; `None` if they are not known.
    pub whole: Option<Whole>,
}

/// What follows from the probabilities of all candidates.
#[derive(Debug, Clone)]
pub struct Whole {
    pub masses: Vec<Mass>,
    /// `None` where the label cannot be checked, or there is none.
    pub checked: Vec<Option<Checked>>,
    /// The Pareto sequence of each image, by falling mass, which stands for the probability ([`Pareto`]).
    pub pareto: Rankings,
    pub queries: Queries,
    pub levels: Vec<LevelCalibration>,
    /// `None` of an image without a label.
    pub consistent: Vec<Option<Consistent>>,
}

impl Whole {
    /// Whether what is said of different levels goes together, over the images with a label.
    pub fn consistency(&self) -> Consistency {
        let mut sums = ConsistencySums::default();
        for &image in self.consistent.iter().flatten() {
            sums.add(image);
        }
        sums.finish()
    }
}

/// What is asked of every image.
pub struct Question<'a> {
    pub taxonomy: &'a Taxonomy,
    pub candidates: &'a [NodeId],
    pub annotations: &'a Annotations,
    /// For each distinct annotation, the valid candidates as indices.
    pub valid: &'a [Vec<usize>],
    pub masses: &'a Masses<'a>,
    pub deciding: &'a Deciding<'a>,
    /// The best candidates to keep of each image; 0 keeps all.
    pub keep: usize,
}

impl Evaluated {
    /// Of answers made elsewhere, the first of each image's labels: nothing else is known of them. An image without one
    /// was abstained from.
    pub fn of_rankings(rankings: Rankings) -> Self {
        let images = 0..rankings.len();
        let answers = images.clone().map(|i| rankings.labels(i).first().copied());
        let first = |i| {
            rankings
                .get(i)
                .next()
                .map_or(Some(0.0), |r: Ranked| r.probability)
        };
        let confidences: Vec<f64> = images.filter_map(first).collect();
        Self {
            answers: answers.collect(),
            confidences: if rankings.have_probabilities() {
                confidences
            } else {
                Vec::new()
            },
            rankings,
            whole: None,
        }
    }

    fn push(&mut self, answer: Option<Answer>, ranked: Vec<Ranked>) {
        self.answers.push(answer.map(|a| a.node));
        self.confidences.push(answer.map_or(0.0, |a| a.confidence));
        self.rankings.push(ranked);
    }

    /// The answers and the best candidates alone, as nodes of another taxonomy: `nodes` has them by [`NodeId::index`]. `None` where it
    /// lacks one of them.
    pub fn answers_as(&self, nodes: &[Option<NodeId>]) -> Option<Self> {
        let answers = self.answers.iter().map(|answer| match answer {
            Some(node) => Some(Some(nodes[node.index()]?)),
            None => Some(None),
        });
        Some(Self {
            answers: answers.collect::<Option<_>>()?,
            confidences: self.confidences.clone(),
            rankings: self.rankings.labelled_as(nodes)?,
            whole: None,
        })
    }

    /// What confident learning says of an image's annotation (METHOD 8).
    pub fn checked(&self, image: usize) -> Option<Checked> {
        self.whole.as_ref()?.checked[image]
    }

    /// Whether the model contradicts an image's annotation (METHOD 8).
    pub fn is_suspect(&self, image: usize) -> bool {
        let checked = self.checked(image);
        checked.is_some_and(|c| c.looks_like.is_some())
    }
}

/// What is kept of one image.
struct Image {
    answer: Option<Answer>,
    ranked: Vec<Ranked>,
    mass: Mass,
    self_confidence: Option<f64>,
    pareto: Vec<(NodeId, f64)>,
    levels: LevelAnswers,
    consistent: Option<Consistent>,
}

/// What the images are answered, and their best candidates: the part of [`evaluate`] that takes one pass over the scores.
///
/// # Errors
/// As [`evaluate`].
pub fn answer_alone(
    question: &Question<'_>,
    distribution: &Distribution<'_>,
) -> Result<Evaluated, Stopped> {
    let candidates = question.candidates;
    let tie_order = tie_order(question.taxonomy, candidates);
    let of_images = distribution.map(|i, scores| {
        let best = scores.best(&tie_order, question.keep);
        (
            question.deciding.answer(i, scores),
            ranked(candidates, scores, best),
        )
    })?;
    let mut evaluated = Evaluated::default();
    for (answer, ranked) in of_images {
        evaluated.push(answer, ranked);
    }
    Ok(evaluated)
}

/// The best candidates with what is known of them.
fn ranked(candidates: &[NodeId], scores: Scores<'_>, best: Vec<usize>) -> Vec<Ranked> {
    let ranked = best.into_iter().map(|c| Ranked {
        label: candidates[c],
        similarity: Some(scores.similarities[c]),
        probability: Some(scores.probabilities[c]),
    });
    ranked.collect()
}

/// Evaluates images. Passes three times over the scores. Runs on the current rayon pool; the result does not depend on the
/// number of threads.
///
/// # Errors
/// It was to end before it was done ([`Distribution::until`]).
pub fn evaluate(
    question: &Question<'_>,
    distribution: &Distribution<'_>,
) -> Result<Evaluated, Stopped> {
    let Question {
        taxonomy,
        candidates,
        annotations,
        valid,
        masses,
        ..
    } = *question;
    let tie_order = tie_order(taxonomy, candidates);
    let place: HashMap<NodeId, usize> = candidates.iter().copied().zip(0..).collect();
    let checks = Checks::new(taxonomy, candidates, annotations);
    let pareto = Pareto::new(masses);
    let levels = Levels::new(taxonomy);
    let consistencies = Consistencies::new(taxonomy);
    // The class of each node whose mass is known, at its representative.
    let mut class_of = vec![None; taxonomy.len()];
    for (class, &node) in masses.nodes().iter().enumerate() {
        class_of[node.index()] = Some(class);
    }

    let of_images = distribution.map(|i, scores| {
        let p = scores.probabilities;
        let probability = |&c: &usize| p[c];
        let truths = annotations.get(i).truths.as_slice();
        let truth = truths.first().and_then(|t| place.get(t));
        let best = scores.best(&tie_order, question.keep);
        let all = masses.of(p);
        let mass_of = |n: NodeId| class_of[n.index()].map_or(0.0, |class: usize| all[class]);
        Image {
            answer: question.deciding.answer(i, scores),
            mass: Mass {
                truth: truth.map(probability),
                valid: valid[annotations.index(i)].iter().map(probability).sum(),
            },
            self_confidence: checks.self_confidence(i, scores),
            pareto: pareto.sequence(p, &all),
            levels: levels.answers(truths, mass_of),
            consistent: (best.first())
                .filter(|_| !truths.is_empty())
                .map(|&best| consistencies.of(candidates[best], truths, mass_of)),
            ranked: ranked(candidates, scores, best),
        }
    })?;
    let mut evaluated = Evaluated::default();
    let (mut masses, mut own) = (Vec::new(), Vec::new());
    let (mut sequences, mut level_sums) = (Rankings::default(), LevelSums::default());
    let mut consistent = Vec::new();
    for image in of_images {
        evaluated.push(image.answer, image.ranked);
        masses.push(image.mass);
        own.push(image.self_confidence);
        sequences.push(image.pareto.into_iter().map(|(label, mass)| Ranked {
            label,
            similarity: None,
            probability: Some(mass),
        }));
        level_sums.add(&image.levels);
        consistent.push(image.consistent);
    }
    evaluated.whole = Some(Whole {
        masses,
        checked: checks.run(distribution, &own)?,
        pareto: sequences,
        queries: both_directions(question, distribution, &tie_order, &place)?,
        levels: level_sums.finish(),
        consistent,
    });
    Ok(evaluated)
}

/// Labels for each image, and images for each label (METHOD 4).
fn both_directions(
    question: &Question<'_>,
    distribution: &Distribution<'_>,
    tie_order: &[usize],
    place: &HashMap<NodeId, usize>,
) -> Result<Queries, Stopped> {
    let annotations = question.annotations;
    // What the images of each distinct annotation are instances of.
    let instances: Vec<Vec<usize>> = annotations
        .distinct()
        .iter()
        .map(|annotation| {
            let truths = annotation.truths.iter();
            let above = truths.flat_map(|&t| question.taxonomy.ancestors(t));
            let mut of: Vec<usize> = above.filter_map(|n| place.get(&n).copied()).collect();
            of.sort_unstable();
            of.dedup();
            of
        })
        .collect();
    let mut images_of: Vec<Vec<usize>> = vec![Vec::new(); question.candidates.len()];
    let mut valid: Vec<&[usize]> = Vec::with_capacity(annotations.len());
    for i in 0..annotations.len() {
        for &c in &instances[annotations.index(i)] {
            images_of[c].push(i);
        }
        valid.push(match annotations.is_judged(annotations.get(i)) {
            true => &question.valid[annotations.index(i)],
            false => &[],
        });
    }
    retrieval(
        distribution.similarities(),
        &valid,
        tie_order,
        &images_of,
        distribution.stop(),
    )
}

/// Rank of each candidate's id among the candidates' ids: how ties are broken (METHOD 7).
pub fn tie_order(taxonomy: &Taxonomy, candidates: &[NodeId]) -> Vec<usize> {
    let mut by_id: Vec<usize> = (0..candidates.len()).collect();
    by_id.sort_by_key(|&c| taxonomy.id(candidates[c]));
    let mut order = vec![0; candidates.len()];
    for (rank, c) in by_id.into_iter().enumerate() {
        order[c] = rank;
    }
    order
}
