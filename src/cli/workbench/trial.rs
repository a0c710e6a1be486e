//! A label or a template that is typed in, tried on one image or on all.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};

use super::Workbench;
use crate::cli::score::{Basis, Embeddings, Held, expand_prompts};
use crate::cli::{Interrupted, embed, on_all_cores};
use crate::matrix::Matrix;
use crate::prompts::{TemplateSet, expand_name};
use crate::run::Opened;
use crate::score::trials::{best, outcome, ranked};
use crate::score::{
    Distribution, Gaussians, Link, Matching, Selected, TemplateAgreement, template_agreement,
    tie_order,
};
use crate::taxonomy::NodeId;
use crate::tui::backend::{On, Trial, Tried, TriedOnAll};

pub fn try_out(
    bench: &Workbench,
    opened: &Opened,
    trial: &Trial,
    on: On,
    stop: &AtomicBool,
) -> anyhow::Result<Tried> {
    let basis = bench.basis(opened, stop)?;
    let question = Question::new(opened, &basis, trial, stop)?;
    let (mut ranked, mut whole) = (Vec::new(), None);
    match on {
        On::Image(row) => {
            let image = image(bench, opened, row, &basis, stop)?;
            ranked = question.ranked(opened, &basis, trial, &image)?;
        }
        On::All => {
            let images = bench.embeddings(opened, &basis, stop)?;
            let tried = on_all_cores(|| question.on_all(opened, &basis, trial, &images))??;
            whole = Some(tried);
        }
    }
    if stop.load(Ordering::Relaxed) {
        bail!(Interrupted);
    }
    Ok(Tried {
        trial: trial.clone(),
        ranked,
        whole,
    })
}

/// One image, embedded.
fn image(
    bench: &Workbench,
    opened: &Opened,
    row: usize,
    basis: &Basis,
    stop: &AtomicBool,
) -> anyhow::Result<Held> {
    let encoded = bench.encode(opened, 1, &|_| row, basis, stop)?;
    if let Some((_, reason)) = encoded.failures.first() {
        bail!("{reason}");
    }
    Ok(Held::new(encoded, basis.encoder.dim()))
}

/// The prompts of what can be answered in a trial.
struct Question {
    prompts: Gaussians,
    counts: Vec<usize>,
    /// How ties are broken.
    tie_order: Vec<usize>,
}

impl Question {
    /// The candidates as they are.
    fn own(opened: &Opened, basis: &Basis) -> Self {
        let candidates = basis.candidates.len();
        let counts = basis.prompts.counts[..candidates].to_vec();
        Self {
            prompts: basis.prompts.embeddings.first(counts.iter().sum()),
            counts,
            tie_order: tie_order(&opened.taxonomy, &basis.candidates),
        }
    }

    /// With the label beside them, the last, or prompted by the template.
    fn new(
        opened: &Opened,
        basis: &Basis,
        trial: &Trial,
        stop: &AtomicBool,
    ) -> anyhow::Result<Self> {
        let encode = |texts: &[String]| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            embed::embed_prompts(basis.encoder.as_ref(), &texts, stop)
        };
        let mut question = Self::own(opened, basis);
        match trial {
            Trial::Label(label) => {
                let label = label.trim();
                if label.is_empty() {
                    bail!("type a label");
                }
                let texts = expand_name(&basis.templates, label);
                question.prompts = question.prompts.followed_by(encode(&texts)?);
                question.counts.push(texts.len());
                question.tie_order.push(question.tie_order.len());
            }
            Trial::Template(template) => {
                let synonyms = basis.templates.synonyms();
                let set = TemplateSet::single(template, synonyms)
                    .with_context(|| format!("`{template}` is no template"))?;
                let (taxonomy, nodes) = (&opened.taxonomy, &basis.candidates);
                let (counts, texts) = expand_prompts(&set, taxonomy, nodes, &basis.expand)?;
                question.prompts = encode(&texts)?;
                question.counts = counts;
            }
        }
        Ok(question)
    }

    fn matching<'a>(
        &self,
        basis: &Basis,
        images: &'a Matrix,
        uncertainty: Option<&[f64]>,
    ) -> anyhow::Result<Matching<'a>> {
        let (prompts, counts) = (&self.prompts, &self.counts);
        let matching = Matching::new(basis.strategy, images, uncertainty, prompts, counts);
        Ok(matching?)
    }

    /// What can be answered to the image, best first, with its probability.
    fn ranked(
        &self,
        opened: &Opened,
        basis: &Basis,
        trial: &Trial,
        image: &Held,
    ) -> anyhow::Result<Vec<(String, f64)>> {
        let uncertainty = image.uncertainty.as_deref();
        let matching = self.matching(basis, &image.embeddings, uncertainty)?;
        let scale = f64::from(basis.logit_scale);
        let link = Link::Softmax { scale };
        let probabilities = Distribution::new(&matching, link).probabilities(0);
        let name = |c: usize| match (basis.candidates.get(c), trial) {
            (Some(&node), _) => opened.taxonomy.label(node).to_owned(),
            (None, Trial::Label(label) | Trial::Template(label)) => label.trim().to_owned(),
        };
        let order = ranked(&matching, 0, &self.tie_order);
        let named = order.into_iter().map(|c| (name(c), probabilities[c]));
        Ok(named.collect())
    }

    fn on_all(
        &self,
        opened: &Opened,
        basis: &Basis,
        trial: &Trial,
        images: &Embeddings,
    ) -> anyhow::Result<TriedOnAll> {
        let known = Known::new(opened, basis, images);
        let best_by = |question: &Self| -> anyhow::Result<Vec<usize>> {
            let uncertainty = images.uncertainty.as_deref();
            let matching = question.matching(basis, &images.rows, uncertainty)?;
            let selected = Selected {
                all: &matching,
                images: &known.rows,
            };
            Ok(best(&selected, &question.tie_order))
        };
        let before = best_by(&Self::own(opened, basis))?;
        let after = best_by(self)?;
        let outcome = outcome(&before, &after, &known.truths);
        let mut tried = TriedOnAll {
            n: known.rows.len(),
            changed: outcome.changed,
            won: outcome.right_after,
            right_before: outcome.right_before,
            right_after: outcome.right_after,
            from: Vec::new(),
            templates: Vec::new(),
        };
        match trial {
            Trial::Label(_) => {
                let label = basis.candidates.len();
                let won = (0..after.len()).filter(|&i| after[i] == label);
                let won: Vec<usize> = won.map(|i| known.images[i]).collect();
                tried.won = won.len();
                tried.from = labels_of(opened, &won);
            }
            Trial::Template(_) => tried.templates = templates_alone(opened, basis, images, &known),
        }
        Ok(tried)
    }
}

/// The images of a run that are embedded.
struct Known {
    images: Vec<usize>,
    /// The row of each.
    rows: Vec<usize>,
    /// The candidate that is the primary truth of each.
    truths: Vec<Option<usize>>,
}

impl Known {
    fn new(opened: &Opened, basis: &Basis, embeddings: &Embeddings) -> Self {
        let candidates = basis.candidates.iter().zip(0..);
        let places: HashMap<NodeId, usize> = candidates.map(|(&n, c)| (n, c)).collect();
        let (mut images, mut rows, mut truths) = (Vec::new(), Vec::new(), Vec::new());
        for (image, row) in embeddings.of.iter().enumerate() {
            let Some(row) = *row else { continue };
            let truth = opened.saved.rows[image].primary;
            let node = truth.and_then(|label| opened.node(label));
            images.push(image);
            rows.push(row);
            truths.push(node.and_then(|n| places.get(&n).copied()));
        }
        Self {
            images,
            rows,
            truths,
        }
    }
}

/// The primary labels of images by name, most frequent first.
fn labels_of(opened: &Opened, images: &[usize]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for &image in images {
        let Some(label) = opened.saved.rows[image].primary else {
            continue;
        };
        let name = match opened.node(label) {
            Some(node) => opened.taxonomy.label(node),
            None => &opened.saved.labels[label as usize],
        };
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    // Stable, so that equals stay in the order of their names.
    counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    counts
}

/// How each template of the set answers alone; nothing where labels have prompts of their own or by several names, which no
/// template speaks for.
fn templates_alone(
    opened: &Opened,
    basis: &Basis,
    images: &Embeddings,
    known: &Known,
) -> Vec<TemplateAgreement> {
    let nodes = &basis.candidates;
    let templates = basis.templates.templates().len();
    let has_own = |&n: &NodeId| !opened.taxonomy.node(n).prompts.is_empty();
    let counts = &basis.prompts.counts[..nodes.len()];
    if counts.iter().any(|&count| count != templates) || nodes.iter().any(has_own) {
        return Vec::new();
    }
    let prompts = basis
        .prompts
        .embeddings
        .means
        .first_rows(nodes.len() * templates);
    let mut truths = vec![None; images.rows.rows()];
    for (&row, &truth) in known.rows.iter().zip(&known.truths) {
        truths[row] = truth;
    }
    template_agreement(&images.rows, &prompts, templates, &truths)
}
