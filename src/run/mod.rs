//! The one immutable result: what was asked, what was answered, and everything that made it.
//!
//! A [`Run`] is built once from embeddings and never patched; reports read it and nothing else.

mod candidates;
mod manifest;
mod save;

use rayon::prelude::*;

pub use candidates::{CandidateError, Candidates};
pub use manifest::{Counts, MANIFEST_SCHEMA, Manifest, SourceHash};
pub use save::{KIND, SaveError, save};

use crate::matrix::Matrix;
use crate::score::{
    Collisions, CreditPolicy, Judged, Ranked, Softmax, Summary, evaluate, prototypes, summarise,
};
use crate::taxonomy::{NodeId, Taxonomy};

/// Everything that is known when the embeddings are there.
pub struct Inputs<'a> {
    pub taxonomy: &'a Taxonomy,
    /// What the model may answer, in the order of the label ids.
    pub candidates: Vec<NodeId>,
    /// The nodes that have prompts: the candidates first, then the truths that are not candidates.
    pub prompted: Vec<NodeId>,
    /// Number of prompts of each of `prompted`.
    pub prompt_counts: Vec<usize>,
    /// Unit rows, one a prompt, in the order of `prompted`.
    pub prompt_embeddings: Matrix,
    /// Image names as in the manifest, a row each of `image_embeddings`.
    pub images: Vec<String>,
    pub truths: Vec<Vec<NodeId>>,
    pub image_embeddings: Matrix,
    pub logit_scale: f32,
    /// τ of the name collisions (METHOD 3).
    pub collision_threshold: f64,
    pub credit: CreditPolicy,
    /// Ranked candidates kept for each image; 0 keeps all.
    pub top_k: usize,
}

/// One image: what it was annotated with, what was answered, and how that is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    pub image: String,
    /// Primary truth first; empty for an image without a label.
    pub truths: Vec<NodeId>,
    /// Best first, at least one.
    pub top_k: Vec<Answer>,
    /// `None` for an image without a label.
    pub judged: Option<Judged>,
}

/// One ranked candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    pub label: NodeId,
    /// Cosine similarity.
    pub similarity: f32,
    /// Softmax over all candidates.
    pub probability: f64,
}

/// The result of scoring one model, one set of prompts and one taxonomy on one set of images.
#[derive(Debug, Clone)]
pub struct Run {
    /// Stable id of each node, by [`NodeId::index`].
    pub ids: Vec<String>,
    pub predictions: Vec<Prediction>,
    pub summary: Summary,
    pub manifest: Manifest,
}

impl Run {
    /// Scores the embeddings. Runs on the current rayon pool; the result does not depend on its size.
    pub fn build(inputs: Inputs<'_>, manifest: Manifest) -> Self {
        let (taxonomy, candidates) = (inputs.taxonomy, inputs.candidates);
        let all = prototypes(&inputs.prompt_embeddings, &inputs.prompt_counts);
        let of_candidates = all.first_rows(candidates.len());
        // Top-5 accuracy needs five, however few are to be kept.
        let ranked_at_least = if inputs.top_k == 0 {
            0
        } else {
            inputs.top_k.max(5)
        };
        let softmax = Softmax::new(&inputs.image_embeddings, &of_candidates, inputs.logit_scale);
        let mut evaluated = evaluate(
            taxonomy,
            &candidates,
            &softmax,
            &inputs.truths,
            ranked_at_least,
        );
        let collisions =
            Collisions::new(taxonomy, &inputs.prompted, all, inputs.collision_threshold);
        let (judged, summary) = summarise(
            taxonomy,
            &candidates,
            &collisions,
            &inputs.credit,
            &evaluated,
            &inputs.truths,
        );
        if inputs.top_k > 0 {
            evaluated
                .ranked
                .iter_mut()
                .for_each(|ranked| ranked.truncate(inputs.top_k));
        }
        let to_answer = |r: &Ranked| Answer {
            label: candidates[r.candidate],
            similarity: r.similarity,
            probability: r.probability,
        };
        let predictions = (
            inputs.images.into_par_iter(),
            inputs.truths,
            evaluated.ranked,
            judged,
        )
            .into_par_iter()
            .map(|(image, truths, ranked, judged)| Prediction {
                image,
                truths,
                top_k: ranked.iter().map(to_answer).collect(),
                judged,
            })
            .collect();
        Self {
            ids: taxonomy
                .nodes()
                .map(|n| taxonomy.id(n).to_owned())
                .collect(),
            predictions,
            summary,
            manifest,
        }
    }

    /// The node's stable id.
    pub fn id(&self, n: NodeId) -> &str {
        &self.ids[n.index()]
    }
}
