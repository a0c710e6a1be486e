//! Pictures that a model answers.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde_json::json;

use super::annotate::{Annotated, OwnLabels, Truth, TruthArgs, read_label_index};
use super::prompting::ask;
use super::{
    ScoreOptions, build, calibration, candidate_choice, candidates_hash, common_options,
    credit_policy, taxonomy_hash, tell_of_truths_as_candidates, value_name,
};
use crate::cli::output::tell;
use crate::cli::{count, embed, prompts};
use crate::dataset::{self, Dataset, Resolver};
use crate::hash;
use crate::model::Encoder;
use crate::names::Names;
use crate::prompts::TemplateSet;
use crate::run::{self, Candidates, Counts, Evidence, MANIFEST_SCHEMA, Manifest, Run, SourceHash};
use crate::score::CreditPolicy;
use crate::taxonomy::{NodeId, Taxonomy};

/// What is scored: the inputs as they are named, and as they are read.
pub struct Inputs<'a> {
    pub taxonomy_source: &'a Path,
    pub taxonomy: Taxonomy,
    pub images_source: &'a Path,
    pub dataset: Dataset,
    pub model_source: &'a str,
}

/// What is cheap to read, and is checked before the model is touched.
struct Task<'a> {
    inputs: Inputs<'a>,
    templates: TemplateSet,
    truth: Truth,
    annotated: Annotated,
    policy: CreditPolicy,
    choice: Candidates,
    candidates: Vec<NodeId>,
}

/// How many images could be read, are labelled, and are set aside to calibrate a rule.
struct Read {
    images: usize,
    labelled: usize,
    calibration: usize,
}

/// Scores the inputs; the model is loaded when all else is found right. `None`, with a word on stderr, if none of the
/// images could be read.
///
/// # Errors
/// Whatever is wrong with the options, the labels, the model; an interruption.
pub fn compute(
    inputs: Inputs<'_>,
    truth: &TruthArgs,
    options: &ScoreOptions,
    load: &dyn Fn() -> anyhow::Result<Box<dyn Encoder>>,
    stop: &AtomicBool,
) -> anyhow::Result<Option<Run>> {
    let task = prepare(inputs, truth, options)?;
    let encoder = load()?;

    let taxonomy = &task.inputs.taxonomy;
    let asked = ask(
        taxonomy,
        &task.candidates,
        &task.annotated,
        &task.templates,
        options,
        encoder.as_ref(),
        stop,
    )?;
    let (items, dataset) = (&task.annotated.items, &task.inputs.dataset);
    let encoded = embed::encode(&options.image, encoder.as_ref(), dataset, items, stop)?;
    // Places among the items of those that could be read; their rows are 0, 1, 2, …
    let kept: Vec<usize> = (0..items.len())
        .filter(|&i| encoded.rows[i].is_some())
        .collect();
    if kept.is_empty() {
        tell!(
            "cladist: none of the images could be read ({})",
            count(items.len(), "image")
        );
        return Ok(None);
    }
    let annotations = task.annotated.annotations.select(&kept);
    let images: Names = kept
        .iter()
        .map(|&i| dataset.items[items[i]].name.as_str())
        .collect();
    let labelled = (0..annotations.len()).filter(|&i| !annotations.get(i).truths.is_empty());
    let calibration = calibration(options, &images, &annotations);
    let read = Read {
        images: kept.len(),
        labelled: labelled.count(),
        calibration: calibration.len(),
    };
    let manifest = manifest(options, &task, encoder.as_ref(), &asked.texts, &read)?;
    let inputs = run::Inputs {
        taxonomy,
        candidates: task.candidates.clone(),
        images,
        annotations,
        also_right: task.truth.also_right.clone(),
        evidence: Evidence::Embedded {
            images: encoded.embeddings,
            prompts: asked.prompts,
            kinds: asked.kinds,
            logit_scale: encoder.logit_scale(),
        },
        collision_threshold: options.collision_cosine,
        credit: task.policy.clone(),
        root: options.root,
        strategy: options.strategy,
        rule: options.decide.clone(),
        calibration,
        top_k: options.top_k,
    };
    build(inputs, manifest, stop).map(Some)
}

/// Reads and checks all that is cheap, so that a mistake in it is told before minutes of encoding.
fn prepare<'a>(
    inputs: Inputs<'a>,
    truth: &TruthArgs,
    options: &ScoreOptions,
) -> anyhow::Result<Task<'a>> {
    options.check()?;
    let Inputs {
        taxonomy, dataset, ..
    } = &inputs;
    let policy = credit_policy(options, inputs.taxonomy_source, taxonomy)?;
    let templates = prompts::load_prompts(options.prompts.as_deref())?;
    let index = read_label_index(truth, taxonomy)?;
    let mut resolver = Resolver::new(taxonomy, index.as_ref());
    let mut truth = Truth::read(truth, taxonomy, &mut resolver)?;
    let own = match truth.images() {
        Some(_) => None,
        None => Some(dataset::resolve_labels(dataset, &mut resolver)),
    };
    let faults = resolver.finish(options.on_unknown())?;
    let names: Names = dataset
        .items
        .iter()
        .map(|item| item.name.as_str())
        .collect();
    let own = own.map(OwnLabels::from_iter);
    let annotated = truth.annotate(&names, own.as_ref(), inputs.images_source)?;
    annotated.tell(&faults, inputs.images_source)?;
    let choice = candidate_choice(options.candidates.as_deref(), "--candidates")?;
    let candidates = choice.select(taxonomy, &annotated.occurring())?;
    options.decide.check(taxonomy, &candidates)?;
    if choice == Candidates::Truths {
        tell_of_truths_as_candidates(&candidates);
    }
    Ok(Task {
        inputs,
        templates,
        truth,
        annotated,
        policy,
        choice,
        candidates,
    })
}

fn manifest(
    options: &ScoreOptions,
    task: &Task<'_>,
    encoder: &dyn Encoder,
    texts: &[String],
    read: &Read,
) -> anyhow::Result<Manifest> {
    let (inputs, annotated) = (&task.inputs, &task.annotated);
    let taxonomy = &inputs.taxonomy;
    // A hash of each image's name and labels first, so that no other grouping of the same words has the same hash.
    let images: Vec<String> = inputs
        .dataset
        .items
        .iter()
        .map(|item| {
            let name = std::iter::once(item.name.as_bytes());
            hash::of_parts(name.chain(item.labels.iter().map(String::as_bytes)))
        })
        .collect();
    let encoding = options.image.embed_options(encoder, annotated.items.len());
    let own_options = [
        ("batch", json!(encoding.batch)),
        (
            "no-exif-orientation",
            json!(!encoding.decode.exif_orientation),
        ),
        (
            "on-bad-image",
            json!(value_name(options.image.on_bad_image)),
        ),
        (
            "synonyms",
            json!(options.synonyms.unwrap_or(task.templates.synonyms())),
        ),
    ];
    Ok(Manifest {
        schema: MANIFEST_SCHEMA,
        cladist: env!("CARGO_PKG_VERSION").to_owned(),
        taxonomy: taxonomy_hash(inputs.taxonomy_source, taxonomy),
        prompts: Some(SourceHash {
            source: options
                .prompts
                .clone()
                .unwrap_or_else(|| crate::prompts::DEFAULT.to_owned()),
            sha256: hash::of_parts(texts.iter().map(String::as_bytes)),
        }),
        images: SourceHash {
            source: inputs.images_source.display().to_string(),
            sha256: hash::of_parts(images.iter().map(String::as_bytes)),
        },
        truth: task.truth.hashes()?,
        model: json!({
            "source": inputs.model_source,
            "fingerprint": encoder.fingerprint(),
            "logit_scale": encoder.logit_scale(),
        }),
        device: Some(encoder.device_name()),
        dtype: Some(encoder.dtype_name().to_owned()),
        candidates: candidates_hash(task.choice.describe(), taxonomy, &task.candidates),
        options: own_options
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .chain(common_options(options, &task.policy))
            .collect(),
        counts: Counts {
            images: inputs.dataset.items.len(),
            predicted: read.images - read.calibration,
            labelled: read.labelled - read.calibration,
            calibration: read.calibration,
            unlabelled: read.images - read.labelled,
            skipped_unknown_label: annotated.at_fault,
            skipped_problematic: annotated.problematic,
            skipped_bad_image: annotated.items.len() - read.images,
            candidates: task.candidates.len(),
            prompts: texts.len(),
        },
    })
}
