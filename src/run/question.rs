//! What the files of a saved run tell of its question, for who asks it anew: by another rule, under another taxonomy.

use std::collections::HashMap;

use super::confusions::UnknownLabel;
use super::manifest::by_name;
use super::saved::{Details, Saved};
use super::{Candidates, Evidence, Inputs, Manifest, Run};
use crate::score::{
    AlsoRight, Annotation, Annotations, Collisions, CreditPolicy, Match, Rankings, RightToo, Root,
    Rule,
};
use crate::taxonomy::{NodeId, Taxonomy};

/// Why a run does not tell its question.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    #[error("the run was not read whole: only its answers are known")]
    NoDetails,
    #[error(transparent)]
    Label(#[from] UnknownLabel),
    #[error("run.yaml is damaged: {0}")]
    Manifest(serde_json::Error),
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
    #[error("the rule `{0}` is not asked again: its answers stay as they were")]
    Rule(String),
}

/// The question of a saved run, its labels as nodes of a taxonomy.
pub struct Question<'a> {
    saved: &'a Saved,
    taxonomy: &'a Taxonomy,
    pub details: &'a Details,
    /// The node of each label of the run.
    pub nodes: Vec<NodeId>,
    pub annotations: Annotations,
    pub credit: CreditPolicy,
    credit_assumed: Option<Assumed>,
}

impl<'a> Question<'a> {
    /// # Errors
    /// The run was not read whole, or has a label that the taxonomy has not.
    pub fn new(saved: &'a Saved, taxonomy: &'a Taxonomy) -> Result<Self, QuestionError> {
        let details = saved.details.as_ref().ok_or(QuestionError::NoDetails)?;
        let node = |label: &String| {
            taxonomy.find(label).ok_or_else(|| UnknownLabel {
                label: label.clone(),
                taxonomy: taxonomy.name().to_owned(),
            })
        };
        let nodes = saved
            .labels
            .iter()
            .map(node)
            .collect::<Result<Vec<_>, _>>()?;
        let annotations = annotations(saved, details, &nodes);
        let name = saved.summary.credit_policy.as_str();
        let credit = credit(name, taxonomy);
        let credit_assumed = credit.is_none().then(|| Assumed::Credit(name.to_owned()));
        Ok(Self {
            saved,
            taxonomy,
            details,
            nodes,
            annotations,
            credit: credit.unwrap_or(CreditPolicy::Logical),
            credit_assumed,
        })
    }

    /// What made the run, and what of it has to be taken for granted.
    ///
    /// # Errors
    /// A damaged manifest.
    pub fn manifest(&self) -> Result<(Manifest, Vec<Assumed>), QuestionError> {
        let manifest: Manifest =
            serde_json::from_value(self.saved.manifest.clone()).map_err(QuestionError::Manifest)?;
        let mut assumed = Vec::from_iter(self.credit_assumed.clone());
        if manifest.truth.contains_key("also-right") {
            assumed.push(Assumed::AlsoRight);
        }
        if manifest.prompts.is_some() {
            assumed.push(Assumed::Prompts);
        }
        Ok((manifest, assumed))
    }

    /// Puts other labels that are right too in the place of those that the run was made with.
    pub fn annotate(&mut self, manifest: &mut Manifest, labels: &RightToo) {
        let (images, taxonomy) = (&self.saved.images, self.taxonomy);
        let of_image = |image: usize| {
            let ids = manifest.right_too.get(images.get(image))?;
            // A label that the taxonomy has no more, the run would not have been read with.
            let labels = ids.iter().filter_map(|id| taxonomy.find(id));
            Some((image, labels.collect()))
        };
        let before: RightToo = match manifest.right_too.is_empty() {
            true => RightToo::new(),
            false => (0..images.len()).filter_map(of_image).collect(),
        };
        let annotations = std::mem::take(&mut self.annotations);
        let (annotations, added) = annotations
            .without_right_too(&before)
            .with_right_too(labels);
        self.annotations = annotations;
        manifest.right_too = by_name(&added, images, taxonomy);
    }

    /// The question with other answers, which are given: ready to be judged.
    pub fn inputs(&self, candidates: Vec<NodeId>, answers: Rankings) -> Inputs<'a> {
        Inputs {
            taxonomy: self.taxonomy,
            candidates,
            images: self.saved.images.clone(),
            annotations: self.annotations.clone(),
            also_right: AlsoRight::default(),
            // Known of all images or of none.
            uncertainty: self
                .details
                .rows
                .iter()
                .map(|row| row.uncertainty)
                .collect(),
            evidence: Evidence::Ranked(answers),
            collision_threshold: Collisions::DEFAULT_THRESHOLD,
            credit: self.credit.clone(),
            root: Root::by_name(&self.saved.summary.root).unwrap_or_default(),
            strategy: Match::Mean,
            rule: Rule::Argmax,
            calibration: Vec::new(),
            top_k: 0,
        }
    }

    /// The candidates, as they were chosen; else those that are ranked.
    pub fn candidates(&self, manifest: &Manifest) -> (Vec<NodeId>, Vec<Assumed>) {
        let taxonomy = self.taxonomy;
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
        let found = self.ranked();
        let assumed = (!is_whole(&found)).then_some(Assumed::Candidates);
        (found, assumed.into_iter().collect())
    }

    /// The labels that are ranked for some image, by id.
    pub fn ranked(&self) -> Vec<NodeId> {
        let taxonomy = self.taxonomy;
        let mut is_ranked = vec![false; taxonomy.len()];
        for rank in self.details.ranked.iter().flatten() {
            is_ranked[self.nodes[rank.label as usize].index()] = true;
        }
        let mut found: Vec<NodeId> = taxonomy.nodes().filter(|n| is_ranked[n.index()]).collect();
        found.sort_by_key(|&n| taxonomy.id(n));
        found
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
fn annotations(saved: &Saved, details: &Details, nodes: &[NodeId]) -> Annotations {
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
    // Labels that are right too make a set where there is none.
    let right_too = saved.manifest.get("right_too").is_some();
    let reannotated = is_named || !right_too && distinct.iter().any(|a| a.valid.is_some());
    Annotations::numbered(distinct, of, reannotated)
}
