//! What the model is asked: the prompts of the labels.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicBool;

use super::ScoreOptions;
use super::annotate::Annotated;
use crate::cli::embed;
use crate::cli::output::tell;
use crate::model::Encoder;
use crate::prompts::{ExpandOptions, TemplateSet};
use crate::run::Prompts;
use crate::taxonomy::{NodeId, Taxonomy};
use crate::text::shown;

/// Expands and encodes the prompts of the candidates and of the truths that are none; also the texts.
///
/// # Errors
/// A template that cannot be expanded; what the encoder says; an interruption.
pub fn prompt(
    taxonomy: &Taxonomy,
    candidates: &[NodeId],
    annotated: &Annotated,
    templates: &TemplateSet,
    options: &ScoreOptions,
    encoder: &dyn Encoder,
    stop: &AtomicBool,
) -> anyhow::Result<(Prompts, Vec<String>)> {
    let mut nodes = candidates.to_vec();
    let mut seen: HashSet<NodeId> = nodes.iter().copied().collect();
    let mut others = annotated.occurring();
    others.retain(|&truth| seen.insert(truth));
    nodes.extend(others);
    let expand = ExpandOptions {
        synonyms: options.synonyms,
    };
    let (counts, texts) = expand_prompts(templates, taxonomy, &nodes, &expand)?;
    warn_of_same_prompts(taxonomy, &nodes, &counts, &texts);
    let prompt_texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let prompts = Prompts {
        embeddings: embed::encode_texts(encoder, &prompt_texts, stop)?,
        nodes,
        counts,
    };
    Ok((prompts, texts))
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
