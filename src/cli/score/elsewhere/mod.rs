//! Answers that were made elsewhere: predicted labels, scores, or embeddings.

mod evidence;
mod of_run;
mod texts;

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use clap::ValueHint;
use serde_json::json;

pub use evidence::select_rows;
use evidence::{
    Found, Raw, images, predictions, scores, select_columns, select_names, select_rankings,
};
pub use of_run::{EmbeddingsArgs, Placed};
use texts::text_embeddings;

use super::annotate::{Annotated, Truth, choose_columns, column, read_label_index};
use super::encoded::Embeddings;
use super::memory::Known;
use super::pictures::{Computed, Observer};
use super::prompting::{Basis, ask};
use super::steps::Steps;
use super::{
    LoadModel, WhatArgs, calibration, candidate_choice, candidates_hash, common_options,
    credit_policy, file_hash, taxonomy_hash, tell_of_truths_as_candidates,
};
use crate::cli::{Interrupted, prompts};
use crate::dataset::{Resolver, Role, Spec};
use crate::hash;
use crate::matrix::Matrix;
use crate::names::Names;
use crate::prompts::ExpandOptions;
use crate::run::{
    self, Candidates, Counts, Evidence, KindTexts, MANIFEST_SCHEMA, Manifest, Prompts, SourceHash,
};
use crate::score::{Link, Rankings};
use crate::taxonomy::{NodeId, Taxonomy};
use crate::text::shown;

/// Over these options in help texts.
const ELSEWHERE: &str = "Made elsewhere";

/// CLIP's own temperature, where that of the model is not known.
const CLIP_LOGIT_SCALE: f32 = 100.0;

#[derive(Debug, Clone, Default, clap::Args)]
pub struct ElsewhereArgs {
    /// Predicted labels: CSV, TSV, JSON Lines or Parquet with an image and a label, or ranked labels, and probabilities
    #[arg(long, groups = ["source", "answering"], help_heading = ELSEWHERE, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub predictions: Option<PathBuf>,

    /// Columns of --predictions that go by other names, as in image=file,label=top1,label=top2,probability=p
    #[arg(long, help_heading = ELSEWHERE, value_name = "ROLE=NAME,…", value_delimiter = ',', value_parser = column)]
    columns: Vec<(Role, String)>,

    /// Scores of images and labels, a column for each of --label-index: .npy, .safetensors (FILE#TENSOR) or .parquet
    #[arg(long, groups = ["source", "answering"], help_heading = ELSEWHERE, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub scores: Option<PathBuf>,

    /// What --scores are
    #[arg(long, help_heading = ELSEWHERE, value_enum, value_name = "WHAT")]
    scores_are: Option<ScoresAre>,

    /// Embeddings of images: .npy, .safetensors, .parquet, or a folder as clip-retrieval or `cladist embed` writes it
    #[arg(long, group = "source", help_heading = ELSEWHERE, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub image_embeddings: Option<PathBuf>,

    /// Embeddings of prompts, whose labels are in --label-index or beside them; a label may have several
    #[arg(long, group = "answering", help_heading = ELSEWHERE, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    text_embeddings: Option<PathBuf>,

    /// The temperature that cosines of embeddings are multiplied by; default: the --model's, else 100 as CLIP's
    #[arg(long, help_heading = ELSEWHERE, value_name = "SCALE")]
    logit_scale: Option<f32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ScoresAre {
    /// Of which softmax makes probabilities
    Logits,
    Probabilities,
}

impl ElsewhereArgs {
    /// What is named that others made.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let files = [
            &self.predictions,
            &self.scores,
            &self.image_embeddings,
            &self.text_embeddings,
        ];
        files.into_iter().flatten().map(PathBuf::as_path)
    }

    /// Whether the options belong together.
    pub fn check(&self, has_model: bool) -> anyhow::Result<()> {
        if self.scores.is_some() && self.scores_are.is_none() {
            bail!("--scores: say what they are with --scores-are logits, or probabilities");
        }
        if self.image_embeddings.is_some() && self.text_embeddings.is_none() && !has_model {
            bail!(
                "--image-embeddings: the labels need --text-embeddings, or the --model that the images were embedded with"
            );
        }
        for (option, is_given, of, has_source) in [
            (
                "--columns",
                !self.columns.is_empty(),
                "--predictions",
                self.predictions.is_some(),
            ),
            (
                "--scores-are",
                self.scores_are.is_some(),
                "--scores",
                self.scores.is_some(),
            ),
            (
                "--text-embeddings",
                self.text_embeddings.is_some(),
                "--image-embeddings",
                self.image_embeddings.is_some(),
            ),
            (
                "--logit-scale",
                self.logit_scale.is_some(),
                "--image-embeddings",
                self.image_embeddings.is_some(),
            ),
        ] {
            if is_given && !has_source {
                bail!("{option} belongs to {of}, which is not given");
            }
        }
        if let Some(scale) = self.logit_scale
            && !(scale.is_finite() && scale > 0.0)
        {
            bail!("--logit-scale {scale}: a temperature is above 0");
        }
        Ok(())
    }
}

/// Scores what was made elsewhere.
///
/// # Errors
/// Whatever is wrong with the options and the files; an interruption.
pub fn compute(
    args: &WhatArgs,
    taxonomy_source: &Path,
    owned_taxonomy: Taxonomy,
    load: &LoadModel<'_>,
    stop: &AtomicBool,
    observer: Option<&Observer<'_>>,
) -> anyhow::Result<Computed> {
    let taxonomy = &owned_taxonomy;
    let (own, options) = (&args.elsewhere, &args.options);
    let memory = observer.map(|observer| observer.memory);
    let policy = credit_policy(options, taxonomy_source, taxonomy)?;
    let index = read_label_index(&args.truth, taxonomy)?;
    let mut resolver = Resolver::new(taxonomy, index.as_ref());
    let mut truth = Truth::read(&args.truth, None, taxonomy, &mut resolver)?;
    let mut skipped = 0;
    let (source, found) = match (&own.predictions, &own.scores, &own.image_embeddings) {
        (Some(path), ..) => {
            let spec = choose_columns(Spec::predictions(), &own.columns);
            let found = predictions(path, &spec, &mut resolver, index.as_ref(), &mut skipped);
            (path, found.context("--predictions")?)
        }
        (_, Some(path), _) => {
            let are = own.scores_are.unwrap_or(ScoresAre::Logits);
            let found = scores(path, are, index.as_ref(), taxonomy, &truth, memory);
            (path, found.context("--scores")?)
        }
        (.., Some(path)) => {
            let found = images(path, &truth, memory);
            (path, found.context("--image-embeddings")?)
        }
        _ => bail!("nothing to score"),
    };
    let texts = match &own.text_embeddings {
        Some(path) if own.image_embeddings.is_some() => {
            let texts = text_embeddings(path, index.as_ref(), &mut resolver);
            Some(texts.context("--text-embeddings")?)
        }
        _ => None,
    };
    let faults = resolver.finish(options.on_unknown())?;
    let mut annotated = truth.annotate(&found.names, None, source)?;
    annotated.at_fault += skipped;
    annotated.tell(&faults, source)?;

    let labels = match (&texts, &found.evidence) {
        (Some(texts), _) => texts.nodes.clone(),
        // Without an index the labels that occur are all that is known.
        (None, Raw::Ranked(_)) if index.is_none() => {
            let mut all = found.labels.clone();
            all.extend(annotated.occurring());
            all
        }
        _ => found.labels.clone(),
    };
    let (description, candidates) = candidates(args, taxonomy, labels, &annotated, &found)?;
    if stop.load(Ordering::Relaxed) {
        bail!(Interrupted);
    }

    let mut prompt_texts = Vec::new();
    let mut model = found.model;
    // What goes on to be asked about.
    let (mut basis, mut embeddings) = (None, None);
    let mut uncertainty: Option<Arc<[f64]>> = None;
    let right_too = run::by_name(&annotated.right_too, &found.names, taxonomy);
    let images: Names = select_names(found.names, &annotated.items);
    let evidence = match found.evidence {
        Raw::Ranked(rankings) => Held::Ranked(select_rankings(rankings, &annotated.items)),
        Raw::Scores(scores, link) => {
            let scores = select_rows(scores, &annotated.items);
            let scores = select_columns(scores, &found.labels, &candidates, link, &images)?;
            Held::Scored(scores, link)
        }
        Raw::Images(found, of_all) => {
            let of_items = |of: Arc<[f64]>| annotated.items.iter().map(|&i| of[i]).collect();
            uncertainty = of_all.map(of_items);
            let selected = match memory {
                Some(memory) => memory.select(found, &annotated.items),
                None => select_rows(found, &annotated.items),
            };
            let images = &*embeddings.insert(selected);
            if let Some(path) = &own.text_embeddings {
                model["texts"] = json!(file_hash(path)?);
            }
            let (prompts, kinds, logit_scale) = match texts {
                Some(texts) => (
                    Cow::Owned(texts.prompts(&candidates)),
                    None,
                    own.logit_scale.unwrap_or(CLIP_LOGIT_SCALE),
                ),
                None => {
                    let source = args.model.as_deref().unwrap_or_default();
                    let encoder = load(source)?;
                    let templates = prompts::load_prompts(options.prompts.as_deref())?;
                    let asked = ask(
                        taxonomy,
                        &candidates,
                        &annotated,
                        &templates,
                        options,
                        encoder.as_ref(),
                        stop,
                    )?;
                    prompt_texts = asked.texts;
                    model["texts"] =
                        json!({ "source": source, "fingerprint": encoder.fingerprint() });
                    let scale = own.logit_scale.unwrap_or(encoder.logit_scale());
                    let basis = &**basis.insert(Arc::new(Basis {
                        encoder,
                        templates,
                        expand: ExpandOptions {
                            synonyms: options.synonyms,
                        },
                        candidates: candidates.clone(),
                        prompts: asked.prompts,
                        strategy: options.strategy,
                        logit_scale: scale,
                    }));
                    (Cow::Borrowed(&basis.prompts), asked.kinds, scale)
                }
            };
            let dim = prompts.embeddings.means.cols();
            if dim != images.cols() {
                bail!(
                    "images are embedded in {} dimensions and texts in {}: they are not of one model",
                    images.cols(),
                    dim
                );
            }
            model["logit_scale"] = json!(logit_scale);
            let known = match memory {
                Some(memory) => {
                    let strategy = options.strategy;
                    let uncertainty = uncertainty.as_deref();
                    memory.similarities(
                        strategy,
                        images,
                        uncertainty,
                        &prompts,
                        candidates.len(),
                    )?
                }
                None => None,
            };
            Held::Embedded {
                images,
                prompts,
                kinds,
                logit_scale,
                known,
            }
        }
    };
    let calibration = calibration(options, &images, &annotated.annotations);
    let manifest = Manifest {
        schema: MANIFEST_SCHEMA,
        cladist: env!("CARGO_PKG_VERSION").to_owned(),
        taxonomy: taxonomy_hash(taxonomy_source, taxonomy),
        prompts: (!prompt_texts.is_empty()).then(|| SourceHash {
            source: options
                .prompts
                .clone()
                .unwrap_or_else(|| crate::prompts::DEFAULT.to_owned()),
            sha256: hash::of_parts(prompt_texts.iter().map(String::as_bytes)),
        }),
        images: found.source,
        truth: truth.hashes()?,
        right_too,
        model,
        device: None,
        dtype: None,
        candidates: candidates_hash(description, taxonomy, &candidates),
        options: common_options(options, &policy).into_iter().collect(),
        counts: Counts {
            images: images.len() + annotated.at_fault + annotated.problematic,
            predicted: images.len() - calibration.len(),
            labelled: annotated.labelled() - calibration.len(),
            calibration: calibration.len(),
            unlabelled: annotated.unlabelled,
            skipped_unknown_label: annotated.at_fault,
            skipped_problematic: annotated.problematic,
            skipped_bad_image: 0,
            candidates: candidates.len(),
            prompts: prompt_texts.len(),
        },
    };
    let inputs = |evidence| run::Inputs {
        taxonomy,
        candidates: candidates.clone(),
        images: images.clone(),
        annotations: annotated.annotations.clone(),
        also_right: truth.also_right.clone(),
        uncertainty: uncertainty.clone(),
        evidence,
        collision_threshold: options.collision_cosine,
        credit: policy.clone(),
        root: options.root,
        strategy: options.strategy,
        rule: options.decide.clone(),
        calibration: calibration.clone(),
        top_k: options.top_k,
    };
    let steps = Steps {
        taxonomy,
        answered: &|| evidence.answered(&manifest, &images, taxonomy),
        evidence: &|| evidence.borrowed(),
        inputs: &inputs,
        manifest: &manifest,
    };
    let run = match observer {
        Some(observer) => steps.build(observer, stop)?,
        None => steps.whole(stop)?,
    };
    Ok(Computed {
        run,
        basis,
        images: embeddings.map(|rows| Embeddings::new(rows, uncertainty.clone(), &calibration)),
        taxonomy: owned_taxonomy,
    })
}

/// What is known of the answers, to be scored more than once.
enum Held<'a> {
    Ranked(Rankings),
    Scored(Arc<Matrix>, Link),
    Embedded {
        images: &'a Matrix,
        prompts: Cow<'a, Prompts>,
        kinds: Option<KindTexts>,
        logit_scale: f32,
        known: Option<Known>,
    },
}

impl Held<'_> {
    fn borrowed(&self) -> Evidence<'_> {
        match self {
            Self::Ranked(rankings) => Evidence::Ranked(rankings.clone()),
            Self::Scored(scores, link) => Evidence::Scored(Cow::Borrowed(scores), *link),
            Self::Embedded {
                images,
                prompts,
                kinds,
                logit_scale,
                known,
            } => Evidence::Embedded {
                images: Cow::Borrowed(images),
                prompts: Cow::Borrowed(prompts),
                kinds: kinds.as_ref().map(Cow::Borrowed),
                logit_scale: *logit_scale,
                similarities: known.as_ref().map(|known| known.kept.values()),
            },
        }
    }

    /// What was answered before, if nothing has changed that has a say in it.
    fn answered(
        &self,
        manifest: &Manifest,
        images: &Names,
        taxonomy: &Taxonomy,
    ) -> Option<Evidence<'_>> {
        let Self::Embedded {
            prompts,
            known: Some(known),
            ..
        } = self
        else {
            return None;
        };
        Some(Evidence::Answered {
            answers: Box::new(known.answers(manifest, images, taxonomy)?),
            prompts: Some(Cow::Borrowed(prompts)),
        })
    }
}

/// What may be answered: as it is chosen, else the labels that the evidence is about; in the order of the evidence where its
/// columns are labels.
fn candidates(
    args: &WhatArgs,
    taxonomy: &Taxonomy,
    labels: Vec<NodeId>,
    annotated: &Annotated,
    found: &Found,
) -> anyhow::Result<(String, Vec<NodeId>)> {
    let mut seen = HashSet::new();
    let labels: Vec<NodeId> = labels.into_iter().filter(|&n| seen.insert(n)).collect();
    let argument = args.options.candidates.as_deref();
    let has_model_texts = matches!(found.evidence, Raw::Images(..)) && labels.is_empty();
    if argument.is_none() && !has_model_texts {
        return Ok(("labels of what was given".to_owned(), labels));
    }
    let choice = candidate_choice(argument, "--candidates")?;
    let chosen = choice.select(taxonomy, &annotated.occurring())?;
    let is_open = matches!(found.evidence, Raw::Ranked(_)) || has_model_texts;
    if !is_open && let Some(other) = chosen.iter().find(|n| !seen.contains(n)) {
        bail!(
            "--candidates {}: there are no scores of `{}`; choose among the {} labels that have some",
            choice.describe(),
            shown(taxonomy.id(*other)),
            labels.len()
        );
    }
    if choice == Candidates::Truths && has_model_texts {
        tell_of_truths_as_candidates(&chosen);
    }
    Ok((choice.describe(), chosen))
}
