//! Small runs for the tests of this room.

use super::opened::Opened;
use super::saved::{Detail, Details, Numbers, Saved, SavedRank, SavedRow};
use crate::score::{
    AlsoRight, Annotations, Collisions, CreditPolicy, Depth, Evaluated, Judge, Root, Rule, Stop,
    Summary, Terms, Verdict, summarise,
};
use crate::taxonomy::{Relation, load_str};

/// What is known of an image; labels by their ids.
#[derive(Debug, Clone, Default)]
pub(super) struct Image<'a> {
    pub name: &'a str,
    pub truths: Vec<&'a str>,
    pub answer: Option<&'a str>,
    pub verdict: Option<Verdict>,
    pub relation: Option<Relation>,
    pub probability: Option<f64>,
    pub credit: Option<f64>,
    pub cosine: Option<f64>,
    pub k: Option<u32>,
    pub mass: Option<f64>,
    pub self_confidence: Option<f64>,
    pub margin: Option<f64>,
    pub noisy: Option<f64>,
    pub looks_like: Option<&'a str>,
    pub valid: Option<Vec<&'a str>>,
    pub ranked: Vec<&'a str>,
}

/// A summary of nothing.
pub(super) fn summary() -> Summary {
    let taxonomy = load_str("one", "nodes: {a: }").into_sound().unwrap();
    let judge = Judge {
        taxonomy: &taxonomy,
        collisions: &Collisions::default(),
        also_right: &AlsoRight::default(),
    };
    let terms = Terms {
        depth: Depth::Whole,
        policy: &CreditPolicy::Strict,
        root: Root::default(),
        rule: &Rule::Argmax,
        calibrated: None,
        stop: Stop::NEVER,
    };
    let (nothing, none) = (Evaluated::default(), Annotations::default());
    summarise(judge, &[], &terms, &nothing, &none, &[])
        .expect("nobody stops it")
        .1
}

/// A run of these images, as it would be read.
pub(super) fn saved(images: &[Image]) -> Saved {
    let mut numbers = Numbers::default();
    let mut details = Details::default();
    let mut rows = Vec::new();
    for image in images {
        let truths: Vec<u32> = (image.truths.iter()).map(|id| numbers.label(id)).collect();
        let valid = image.valid.as_ref();
        let valid = valid.map(|ids| ids.iter().map(|id| numbers.label(id)).collect());
        rows.push(SavedRow {
            primary: truths.first().copied(),
            truth: truths.first().copied(),
            truths: numbers.truths.number(truths),
            answer: image.answer.map(|id| numbers.label(id)),
            probability: image.probability,
            verdict: image.verdict,
            text_cosine: image.cosine,
            credit: image.credit,
        });
        details.rows.push(Detail {
            relation: image.relation,
            lca: None,
            k: image.k,
            valid: valid.map(|valid| numbers.valid.number(valid)),
            valid_mass: image.mass,
            self_confidence: image.self_confidence,
            margin: image.margin,
            looks_like: image.looks_like.map(|id| numbers.label(id)),
            noisy: image.noisy,
            uncertainty: None,
        });
        details.ranked.push(image.ranked.iter().map(|id| SavedRank {
            label: numbers.label(id),
            similarity: None,
            probability: None,
        }));
    }
    details.valid = numbers.valid.distinct;
    Saved {
        summary: summary(),
        manifest: serde_json::Value::Null,
        labels: numbers.labels,
        truths: numbers.truths.distinct,
        images: images.iter().map(|image| image.name).collect(),
        rows,
        details: Some(details),
    }
}

/// A run of these images beside a taxonomy.
pub(super) fn opened(taxonomy: &str, images: &[Image]) -> Opened {
    let taxonomy = load_str("fixture", taxonomy).into_sound().unwrap();
    Opened::new(saved(images), taxonomy)
}
