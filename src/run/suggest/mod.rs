//! Edits of the taxonomy that the answers of a run speak for, each with its evidence: `docs/suggest.md` has the formulas.
//!
//! A run is evidence of what labels mean to its model and its annotators, not of what is so: a suggestion is a question to whoever knows.

mod claims;
mod coarse;
mod collision;
mod confused;
mod inclusion;
mod levels;
mod overlap;
mod parents;
mod redundant;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::opened::Opened;
use crate::matrix::Matrix;
use crate::taxonomy::NodeId;
use crate::taxonomy::edit::Edit;
use claims::Claims;
pub use coarse::Clusters;
use confused::Confused;
pub use confused::Moved;
pub use inclusion::Share;
use inclusion::{Inclusions, inclusions};

/// What is wrong with the taxonomy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SuggestionKind {
    /// A label is missing below another.
    MissingParent,
    /// Two labels are one.
    Synonym,
    /// Two labels can hold at once.
    Overlap,
    /// The images of a label are of two sorts.
    TooCoarse,
    /// Two labels go by the same words, or prompts that the model cannot tell apart, and are not the same.
    NameCollision,
    /// A declared parent is above another one.
    RedundantEdge,
    /// Labels and what is above them are candidates side by side.
    MixedLevels,
}

impl SuggestionKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::MissingParent,
        Self::Synonym,
        Self::Overlap,
        Self::TooCoarse,
        Self::NameCollision,
        Self::RedundantEdge,
        Self::MixedLevels,
    ];

    /// The kind's name in files and tables, `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Self::MissingParent => "missing_parent",
            Self::Synonym => "synonym",
            Self::Overlap => "overlap",
            Self::TooCoarse => "too_coarse",
            Self::NameCollision => "name_collision",
            Self::RedundantEdge => "redundant_edge",
            Self::MixedLevels => "mixed_levels",
        }
    }
}

/// Why an edit is suggested.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Why {
    /// The second holds of all but a few images of the first.
    Contained,
    /// Each of several children of the first is below the second, and it has next to no other image.
    ChildrenContained,
    /// Each holds of the images of the other.
    Coincide,
    /// Both hold of some images.
    HoldAtOnce,
    /// The images of the first are two clusters.
    Clusters(Clusters),
    /// The two have a name in common.
    SameName,
    /// The model cannot tell the prompts of the two apart.
    SamePrompts,
    /// The second is above this parent of the first already.
    AlreadyAbove { through: String },
    /// Answers differ from annotations in nothing but how general they are.
    LevelsConfused,
}

/// The numbers behind a suggestion; `None` is what the run does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Grounds {
    /// Images of the first label and of the second: those annotated with it, and those of which it is claimed.
    pub images: [usize; 2],
    /// Images annotated with the first and answered with the second.
    pub first_as_second: usize,
    /// The other way.
    pub second_as_first: usize,
    /// Of both, how many there would be by chance, if answers did not depend on annotations.
    pub expected: f64,
    /// How many more there are.
    pub excess: f64,
    /// Of the images of the first, those of which the second is claimed too, of the times that it would be visible.
    pub second_in_first: Option<Share>,
    /// The other way.
    pub first_in_second: Option<Share>,
    /// ln of the Bayes factor of the relation that is suggested, where one was computed.
    pub log_bayes: Option<f64>,
    /// Cosine of the two labels' text prototypes.
    pub text_cosine: Option<f64>,
    /// How far the images annotated with the two coincide: 1 if the nearer of their means says no more than a coin, 0 if it always tells.
    pub image_overlap: Option<f64>,
    /// Images whose verdict the edit changes for the better.
    pub moved: Moved,
    /// What these are of the images that have an annotation and an answer: the accuracy that the edit moves.
    pub accuracy: Option<f64>,
}

/// An edit that is suggested, or advice where no edit helps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suggestion {
    pub kind: SuggestionKind,
    /// Ids of the labels that it is about, the first and, if there is one, the second; none where it is about the run.
    pub nodes: Vec<String>,
    /// `None` where it takes words that a run cannot know, or is not about the taxonomy.
    pub edit: Option<Edit>,
    pub why: Why,
    pub evidence: Grounds,
    /// What suggestions are ordered by.
    pub score: f64,
}

/// What a saved run does not hold, and whoever made it may still have.
#[derive(Debug, Clone, Copy, Default)]
pub struct Embeddings<'a> {
    /// Of the labels of the run: the prototypes of their prompts.
    pub texts: Option<Embedded<'a>>,
    /// Of the images of the run.
    pub images: Option<Embedded<'a>>,
}

/// Unit rows, and which of them is whose.
#[derive(Debug, Clone, Copy)]
pub struct Embedded<'a> {
    pub rows: &'a Matrix,
    /// The row of each label, or of each image; `None` of one that has none.
    pub of: &'a [Option<usize>],
}

impl<'a> Embedded<'a> {
    fn row(&self, i: usize) -> Option<&'a [f32]> {
        self.of[i].map(|row| self.rows.row(row))
    }

    /// Those of these that have a row.
    fn known(&self, of: &[usize]) -> Vec<usize> {
        let known = of.iter().copied().filter(|&i| self.of[i].is_some());
        known.collect()
    }
}

/// What all kinds of suggestion are made of.
struct Context<'a> {
    run: &'a Opened,
    claims: Claims,
    confused: Confused,
    inclusions: Inclusions,
    embeddings: Embeddings<'a>,
}

/// What the run suggests: edits before advice, then by score, the greatest first; ties by kind and ids. Labels of the run that the
/// taxonomy has not are passed over.
///
/// # Panics
/// If it is not said of every label, or of every image, which row is its: a programming error.
pub fn suggest(run: &Opened, embeddings: Embeddings<'_>) -> Vec<Suggestion> {
    let told = |embedded: Option<Embedded<'_>>| embedded.map(|embedded| embedded.of.len());
    assert!(told(embeddings.texts).is_none_or(|n| n == run.saved.labels.len()));
    assert!(told(embeddings.images).is_none_or(|n| n == run.len()));
    let claims = Claims::new(run);
    let context = Context {
        inclusions: inclusions(&run.taxonomy, &claims),
        confused: Confused::new(run),
        run,
        claims,
        embeddings,
    };
    let mut all = parents::suggest(&context);
    all.extend(overlap::suggest(&context));
    all.extend(coarse::suggest(&context));
    all.extend(collision::suggest(&context));
    all.extend(redundant::suggest(&context));
    all.extend(levels::suggest(&context));
    all.sort_by(|a, b| {
        let advice_last = a.edit.is_none().cmp(&b.edit.is_none());
        let by_names = || (a.kind, &a.nodes).cmp(&(b.kind, &b.nodes));
        advice_last
            .then_with(|| b.score.total_cmp(&a.score))
            .then_with(by_names)
    });
    all
}

impl Context<'_> {
    fn id(&self, n: NodeId) -> String {
        self.run.taxonomy.id(n).to_owned()
    }

    /// The numbers of two labels, but for what an edit would move.
    fn evidence(&self, first: NodeId, second: NodeId) -> Grounds {
        let images = [first, second].map(|n| self.claims.images_of(n).len());
        let confused = &self.confused;
        let (there, back) = (confused.count(first, second), confused.count(second, first));
        let expected = confused.expected(first, second) + confused.expected(second, first);
        Grounds {
            images,
            first_as_second: there,
            second_as_first: back,
            expected,
            excess: (there + back) as f64 - expected,
            second_in_first: self.held(first, second),
            first_in_second: self.held(second, first),
            log_bayes: None,
            text_cosine: self.text_cosine(first, second),
            image_overlap: self.image_overlap(first, second),
            moved: Moved::default(),
            accuracy: None,
        }
    }

    /// Sets what an edit moves.
    fn moving(&self, evidence: Grounds, moved: Moved) -> Grounds {
        let judged = self.confused.judged();
        Grounds {
            moved,
            accuracy: (judged > 0).then(|| moved.all() as f64 / judged as f64),
            ..evidence
        }
    }

    /// Of the images of `of` those of which `label` is claimed.
    fn held(&self, of: NodeId, label: NodeId) -> Option<Share> {
        let mut share = Share::default();
        for &image in self.claims.images_of(of) {
            share.of += self.claims.visibility(image, of);
            share.hits += f64::from(u8::from(self.claims.has(image, label)));
        }
        share.hits = share.hits.min(share.of);
        (share.of > 0.0).then_some(share)
    }

    fn text_cosine(&self, first: NodeId, second: NodeId) -> Option<f64> {
        let label = |n| self.run.label(n).map(|label| label as usize);
        let own = || {
            let texts = self.embeddings.texts?;
            let (a, b) = (texts.row(label(first)?)?, texts.row(label(second)?)?);
            Some(dot(a, b))
        };
        own().or_else(|| self.confused.text_cosine(first, second))
    }

    fn image_overlap(&self, first: NodeId, second: NodeId) -> Option<f64> {
        let images = self.embeddings.images?;
        // Not those of which they are claimed: of the same words the model claims both.
        let of = |n| images.known(self.claims.annotated(n));
        coarse::overlap(images, &of(first), &of(second))
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let products = a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y));
    products.sum()
}
