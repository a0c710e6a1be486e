//! What the model is asked: the prompts of the labels.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::bail;

use super::ScoreOptions;
use super::annotate::Annotated;
use crate::cli::embed;
use crate::cli::output::tell;
use crate::model::Encoder;
use crate::prompts::{ExpandOptions, TemplateSet};
use crate::run::{KindTexts, Prompts};
use crate::score::decide::{Subclasses, kinds_of};
use crate::score::{Match, MatchError, Rule};
use crate::taxonomy::{NodeId, Taxonomy};
use crate::text::shown;

/// A model and what it was asked: all that more questions of the kind need.
pub struct Basis {
    pub encoder: Arc<dyn Encoder>,
    pub templates: TemplateSet,
    pub expand: ExpandOptions,
    /// What may be answered.
    pub candidates: Vec<NodeId>,
    /// Of the candidates first.
    pub prompts: Prompts,
    pub strategy: Match,
    /// The temperature that was used.
    pub logit_scale: f32,
}

/// What the model was asked, embedded.
pub struct Asked {
    pub prompts: Prompts,
    /// Where the decision rule needs them.
    pub kinds: Option<KindTexts>,
    /// The texts of the prompts.
    pub texts: Vec<String>,
}

/// Expands and encodes the prompts of the candidates, of the truths that are none, and of what else the decision rule needs.
///
/// # Errors
/// A template that cannot be expanded; what the encoder says; an interruption.
pub fn ask(
    taxonomy: &Taxonomy,
    candidates: &[NodeId],
    annotated: &Annotated,
    templates: &TemplateSet,
    options: &ScoreOptions,
    encoder: &dyn Encoder,
    stop: &AtomicBool,
) -> anyhow::Result<Asked> {
    // Told now, not after the images.
    if options.strategy == Match::ProLip && !encoder.tells_uncertainty() {
        bail!(MatchError::NoUncertainty);
    }
    let mut nodes = candidates.to_vec();
    let mut seen: HashSet<NodeId> = nodes.iter().copied().collect();
    let mut others = annotated.occurring();
    if options.decide == Rule::Chils {
        others.extend(Subclasses::new(taxonomy, candidates).nodes);
    }
    others.retain(|&other| seen.insert(other));
    nodes.extend(others);
    let expand = ExpandOptions {
        synonyms: options.synonyms,
    };
    let (counts, texts) = expand_prompts(templates, taxonomy, &nodes, &expand)?;
    warn_of_same_prompts(taxonomy, &nodes, &counts, &texts);
    let prompt_texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let prompts = Prompts {
        embeddings: embed::embed_prompts(encoder, &prompt_texts, stop)?,
        nodes,
        counts,
    };
    let kinds = match options.decide {
        Rule::Rerank => {
            // Told now too.
            prompts.templates(candidates.len())?;
            Some(kind_texts(taxonomy, candidates, encoder, stop)?)
        }
        _ => None,
    };
    Ok(Asked {
        prompts,
        kinds,
        texts,
    })
}

impl Asked {
    /// The same, asked another model.
    ///
    /// # Errors
    /// What the encoder says; an interruption.
    pub fn of_another(
        &self,
        taxonomy: &Taxonomy,
        candidates: &[NodeId],
        encoder: &dyn Encoder,
        stop: &AtomicBool,
    ) -> anyhow::Result<(Prompts, Option<KindTexts>)> {
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        let prompts = Prompts {
            nodes: self.prompts.nodes.clone(),
            counts: self.prompts.counts.clone(),
            embeddings: embed::embed_prompts(encoder, &texts, stop)?,
        };
        let kinds = || kind_texts(taxonomy, candidates, encoder, stop);
        let kinds = self.kinds.is_some().then(kinds).transpose()?;
        Ok((prompts, kinds))
    }
}

/// "X, which is a kind of P" of every candidate.
fn kind_texts(
    taxonomy: &Taxonomy,
    candidates: &[NodeId],
    encoder: &dyn Encoder,
    stop: &AtomicBool,
) -> anyhow::Result<KindTexts> {
    let mut counts = Vec::with_capacity(candidates.len());
    let mut texts = Vec::new();
    for &candidate in candidates {
        let kinds = kinds_of(taxonomy, candidate);
        counts.push(kinds.len());
        texts.extend(kinds.into_iter().map(|kind| {
            let what = taxonomy.label(kind.what);
            match kind.kind {
                Some(parent) => format!("{what}, which is a kind of {}", taxonomy.label(parent)),
                None => what.to_owned(),
            }
        }));
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Ok(KindTexts {
        embeddings: embed::embed_prompts(encoder, &texts, stop)?.means,
        counts,
    })
}

/// Tells of labels that the model is asked for in the very same words: a template without a placeholder, or homonyms.
fn warn_of_same_prompts(
    taxonomy: &Taxonomy,
    prompted: &[NodeId],
    counts: &[usize],
    texts: &[String],
) {
    let mut met: HashMap<&[String], NodeId> = HashMap::new();
    let mut first: Option<(NodeId, NodeId)> = None;
    let mut same = 0;
    let mut rest = texts;
    for (&node, &count) in prompted.iter().zip(counts) {
        let (own, others) = rest.split_at(count);
        rest = others;
        if let Some(other) = met.insert(own, node) {
            first.get_or_insert((other, node));
            same += 1;
        }
    }
    if let Some((a, b)) = first {
        let id = |n| shown(taxonomy.id(n));
        tell!(
            "{} the prompts of another label, so the model cannot tell them apart (first: `{}` and `{}`); \
             has every template a {{name}}?",
            if same == 1 {
                "1 label has".to_owned()
            } else {
                format!("{same} labels have")
            },
            id(a),
            id(b)
        );
    }
}

/// The number of prompts of each node, and the prompts.
pub fn expand_prompts(
    templates: &TemplateSet,
    taxonomy: &Taxonomy,
    nodes: &[NodeId],
    options: &ExpandOptions,
) -> anyhow::Result<(Vec<usize>, Vec<String>)> {
    let mut counts = Vec::with_capacity(nodes.len());
    let mut texts = Vec::new();
    for &node in nodes {
        let expansion = crate::prompts::expand(templates, taxonomy, node, options)?;
        counts.push(expansion.texts.len());
        texts.extend(expansion.texts);
    }
    Ok((counts, texts))
}
