//! Pictures that a model answers.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde_json::json;

use super::annotate::{Annotated, OwnLabels, Truth, TruthArgs, read_label_index};
use super::encoded::{Embeddings, Held, Version, versions};
use super::memory::Memory;
use super::precision::{Check, Exact};
use super::prompting::{Basis, ask};
use super::steps::Steps;
use super::{
    LoadModel, ScoreOptions, build, calibration, candidate_choice, candidates_hash, common_options,
    credit_policy, taxonomy_hash, tell_of_truths_as_candidates, value_name,
};
use crate::cli::demo::recorded;
use crate::cli::encoding::Encoding;
use crate::cli::output::tell;
use crate::cli::parts::Looks;
use crate::cli::{count, prompts};
use crate::dataset::{self, Dataset, Item, Resolver};
use crate::demo::Settings;
use crate::embed::{Encoded, Stages};
use crate::hash;
use crate::matrix::Matrix;
use crate::model::Encoder;
use crate::names::Names;
use crate::prompts::{ExpandOptions, TemplateSet};
use crate::run::{
    self, Candidates, Counts, Evidence, KindTexts, MANIFEST_SCHEMA, Manifest, Run, SourceHash,
};
use crate::score::{Annotations, CreditPolicy, Depth};
use crate::taxonomy::{NodeId, Taxonomy};

/// What is scored: the inputs as they are named, and as they are read.
pub struct Inputs<'a> {
    /// Whether it is to be told what the precision of the model changes.
    pub check: Option<Check<'a>>,
    pub taxonomy_source: &'a Path,
    pub taxonomy: Taxonomy,
    pub images_source: &'a Path,
    pub dataset: Arc<Dataset>,
    /// The world that the images are drawn from, and how many, if they are.
    pub world: Option<(Settings, u64)>,
    pub model_source: &'a str,
}

/// What is cheap to read, and is checked before the model is touched.
pub(super) struct Task<'a> {
    pub(super) inputs: Inputs<'a>,
    templates: TemplateSet,
    truth: Truth,
    pub(super) annotated: Annotated,
    policy: CreditPolicy,
    choice: Candidates,
    pub(super) candidates: Vec<NodeId>,
}

/// What is told while images are still being encoded.
pub struct Observer<'a> {
    /// What the model was asked, before the first image is encoded, under which taxonomy, and what will have made the run.
    pub asked: &'a dyn Fn(&Arc<Basis>, &Taxonomy, &Manifest),
    /// A run of the images so far: how many these are, and of how many.
    pub partial: &'a dyn Fn(Run, &Taxonomy, usize, usize),
    /// What earlier scorings left.
    pub memory: &'a Memory,
    pub again: Option<Again<'a>>,
}

/// What is scored again.
pub struct Again<'a> {
    /// Images of the same data set that the same model encoded before: they are not encoded again. `None` where none were.
    pub images: Option<&'a Embeddings>,
    /// Is shown the run of the answers alone, before the whole one.
    pub answers: &'a dyn Fn(Run, &Taxonomy),
}

/// A run, and what it was computed from.
pub struct Computed {
    pub run: Arc<Run>,
    pub taxonomy: Taxonomy,
    /// `None` if no model was asked here.
    pub basis: Option<Arc<Basis>>,
    pub images: Option<Embeddings>,
}

/// Scores the inputs; the model is loaded when all else is found right. `None`, with a word on stderr, if none of the
/// images could be read. With an observer the images are encoded part by part, to the same result.
///
/// # Errors
/// Whatever is wrong with the options, the labels, the model; an interruption.
pub fn compute(
    inputs: Inputs<'_>,
    truth: &TruthArgs,
    options: &ScoreOptions,
    load: &LoadModel<'_>,
    stop: &AtomicBool,
    observer: Option<&Observer<'_>>,
) -> anyhow::Result<Option<Computed>> {
    let task = prepare(inputs, truth, options)?;
    let encoder = load(task.inputs.model_source)?;
    let asked = ask(
        &task.inputs.taxonomy,
        &task.candidates,
        &task.annotated,
        &task.templates,
        options,
        encoder.as_ref(),
        stop,
    )?;
    let exact = task.inputs.check.as_ref().map(|check| {
        let (taxonomy, candidates) = (&task.inputs.taxonomy, &task.candidates);
        Exact::load(check, &asked, taxonomy, candidates, stop)
    });
    let exact = exact.transpose()?;
    let mut manifest = manifest(options, &task, encoder.as_ref(), &asked.texts)?;
    if let Some((settings, n)) = &task.inputs.world {
        recorded::record(&mut manifest, settings, *n);
    }
    let basis = Arc::new(Basis {
        logit_scale: encoder.logit_scale(),
        encoder,
        templates: task.templates.clone(),
        expand: ExpandOptions {
            synonyms: options.synonyms,
        },
        candidates: task.candidates.clone(),
        prompts: asked.prompts,
        strategy: options.strategy,
    });
    let mut scoring = Scoring {
        task,
        options,
        basis,
        kinds: asked.kinds,
        manifest,
        stop,
    };
    if let Some(exact) = exact
        && let Some(effect) = scoring.effect(&exact)?
    {
        effect.tell();
        scoring.manifest.model["q8"] = effect.to_json();
    }
    // Before they are read: what is written meanwhile is another picture the next time.
    let versions = scoring.versions(observer)?;
    let encoded = scoring.encode(observer, &versions)?;
    if encoded.embeddings.rows() == 0 {
        tell!(
            "cladist: none of the images could be read ({})",
            count(encoded.rows.len(), "image")
        );
        return Ok(None);
    }
    let (run, calibration) = scoring.whole(&encoded, observer)?;
    let names = scoring.names().into_iter();
    let images = Embeddings::named(encoded, names, &versions, &calibration);
    Ok(Some(Computed {
        run,
        taxonomy: scoring.task.inputs.taxonomy,
        basis: Some(scoring.basis),
        images: Some(images),
    }))
}

/// What is asked of the images that could be read.
pub(super) struct Posed {
    pub(super) manifest: Manifest,
    images: Names,
    annotations: Annotations,
    uncertainty: Option<Arc<[f64]>>,
    /// Those that a rule is calibrated on.
    calibration: Vec<usize>,
}

/// All that is known before the images are.
pub(super) struct Scoring<'a> {
    pub(super) task: Task<'a>,
    pub(super) options: &'a ScoreOptions,
    pub(super) basis: Arc<Basis>,
    pub(super) kinds: Option<KindTexts>,
    /// Its counts are those of no image.
    manifest: Manifest,
    pub(super) stop: &'a AtomicBool,
}

impl Scoring<'_> {
    /// The names of the images that are asked for.
    fn names(&self) -> Vec<&str> {
        let (items, dataset) = (&self.task.annotated.items, &self.task.inputs.dataset);
        items.iter().map(|&i| dataset.item(i).name()).collect()
    }

    /// What their files are now; nothing where nobody asks for them again.
    fn versions(&self, observer: Option<&Observer<'_>>) -> anyhow::Result<Vec<Version>> {
        if observer.is_none() {
            return Ok(Vec::new());
        }
        let (items, dataset) = (&self.task.annotated.items, &self.task.inputs.dataset);
        let items: Vec<Item> = items.iter().map(|&i| dataset.item(i)).collect();
        versions(&items)
    }

    /// How images are encoded by the model, or by another.
    pub(super) fn encoding<'e>(&'e self, encoder: &'e dyn Encoder) -> Encoding<'e> {
        Encoding {
            args: &self.options.image,
            encoder,
            model: self.task.inputs.model_source,
            dataset: &self.task.inputs.dataset,
            stop: self.stop,
            stages: Stages::default(),
        }
    }

    fn encode(
        &self,
        observer: Option<&Observer<'_>>,
        versions: &[Version],
    ) -> anyhow::Result<Held> {
        let items = &self.task.annotated.items;
        let encoder = self.basis.encoder.as_ref();
        let (encoding, dim) = (self.encoding(encoder), encoder.dim());
        let encode = |items: &[usize], look| -> anyhow::Result<Held> {
            Ok(Held::new(encoding.encode(items, look)?, dim))
        };
        let Some(observer) = observer else {
            return encode(items, None);
        };
        if let Some(before) = observer.again.as_ref().and_then(|again| again.images) {
            let encode = |missing: &[usize]| {
                let missing: Vec<usize> = missing.iter().map(|&i| items[i]).collect();
                encode(&missing, None)
            };
            return before.with_more(&self.names(), versions, &encode);
        }
        (observer.asked)(&self.basis, &self.task.inputs.taxonomy, &self.manifest);
        let (mut looks, mut last) = (Looks::default(), Instant::now());
        let mut look = |so_far: &Encoded| {
            let images = so_far.rows.len();
            if so_far.embeddings.rows() == 0 || !looks.is_worth(images, last.elapsed()) {
                return;
            }
            let begun = Instant::now();
            // What these images lack, such as some to calibrate a rule on, all of them may have.
            let of_part =
                (self.basis.encoder.tells_uncertainty()).then(|| Held::new(so_far.clone(), dim));
            let (embeddings, uncertainty) = match &of_part {
                Some(held) => (&*held.embeddings, held.uncertainty.clone()),
                None => (&so_far.embeddings, None),
            };
            if let Ok((run, _)) = self.run(embeddings, uncertainty, &so_far.rows) {
                (observer.partial)(run, &self.task.inputs.taxonomy, images, items.len());
            }
            last = Instant::now();
            looks.took(images, last - begun);
        };
        encode(items, Some(&mut look))
    }

    /// The run of all images, and which of them a rule was calibrated on. What is scored again is shown first by its answers.
    fn whole(
        &self,
        encoded: &Held,
        observer: Option<&Observer<'_>>,
    ) -> anyhow::Result<(Arc<Run>, Vec<usize>)> {
        let Some(observer) = observer else {
            let uncertainty = encoded.uncertainty.clone();
            let (run, calibration) = self.run(&encoded.embeddings, uncertainty, &encoded.rows)?;
            return Ok((Arc::new(run), calibration));
        };
        let (taxonomy, candidates) = (&self.task.inputs.taxonomy, self.task.candidates.len());
        let posed = self.posed(encoded.uncertainty.clone(), &encoded.rows);
        let (images, prompts) = (&encoded.embeddings, &self.basis.prompts);
        let (memory, strategy) = (observer.memory, self.basis.strategy);
        let uncertainty = encoded.uncertainty.as_deref();
        let known = memory.similarities(strategy, images, uncertainty, prompts, candidates)?;
        let similarities = known.as_ref().map(|known| known.kept.values());
        let answers = || {
            known
                .as_ref()?
                .answers(&posed.manifest, &posed.images, taxonomy)
        };
        let steps = Steps {
            taxonomy,
            answered: &|| {
                let prompts = Some(Cow::Borrowed(prompts));
                let answers = Box::new(answers()?);
                Some(Evidence::Answered { answers, prompts })
            },
            evidence: &|| self.evidence(images, similarities),
            inputs: &|evidence| self.inputs(&posed, evidence),
            manifest: &posed.manifest,
        };
        let run = steps.build(observer, self.stop)?;
        Ok((run, posed.calibration))
    }

    /// The run of the images that are encoded, the first of all, and which of them a rule was calibrated on.
    fn run(
        &self,
        embeddings: &Matrix,
        uncertainty: Option<Arc<[f64]>>,
        rows: &[Option<usize>],
    ) -> anyhow::Result<(Run, Vec<usize>)> {
        let posed = self.posed(uncertainty, rows);
        let inputs = self.inputs(&posed, self.evidence(embeddings, None));
        let run = build(Depth::Whole, inputs, posed.manifest, self.stop)?;
        Ok((run, posed.calibration))
    }

    /// What is asked of the images that could be encoded, which have a row; `uncertainty` is of the rows.
    fn posed(&self, uncertainty: Option<Arc<[f64]>>, rows: &[Option<usize>]) -> Posed {
        // Places among the items of those that could be read; their rows are 0, 1, 2, …
        let kept: Vec<usize> = (0..rows.len()).filter(|&i| rows[i].is_some()).collect();
        self.posed_of(&kept, uncertainty, rows.len())
    }

    /// The same of the images at these places among the items, of so many that were to be read.
    pub(super) fn posed_of(
        &self,
        kept: &[usize],
        uncertainty: Option<Arc<[f64]>>,
        asked: usize,
    ) -> Posed {
        let (task, options) = (&self.task, self.options);
        let (items, dataset) = (&task.annotated.items, &task.inputs.dataset);
        let annotations = task.annotated.annotations.select(kept);
        let images: Names = kept
            .iter()
            .map(|&i| dataset.item(items[i]).name())
            .collect();
        let labelled = (0..annotations.len()).filter(|&i| !annotations.get(i).truths.is_empty());
        let labelled = labelled.count();
        let calibration = calibration(options, &images, &annotations);
        let manifest = Manifest {
            counts: Counts {
                predicted: kept.len() - calibration.len(),
                labelled: labelled - calibration.len(),
                calibration: calibration.len(),
                unlabelled: kept.len() - labelled,
                skipped_bad_image: asked - kept.len(),
                ..self.manifest.counts
            },
            ..self.manifest.clone()
        };
        Posed {
            manifest,
            images,
            annotations,
            uncertainty,
            calibration,
        }
    }

    fn evidence<'e>(
        &'e self,
        images: &'e Matrix,
        similarities: Option<&'e Matrix>,
    ) -> Evidence<'e> {
        Evidence::Embedded {
            images: Cow::Borrowed(images),
            prompts: Cow::Borrowed(&self.basis.prompts),
            kinds: self.kinds.as_ref().map(Cow::Borrowed),
            logit_scale: self.basis.logit_scale,
            similarities,
        }
    }

    pub(super) fn inputs<'e>(&'e self, posed: &Posed, evidence: Evidence<'e>) -> run::Inputs<'e> {
        let (task, options) = (&self.task, self.options);
        run::Inputs {
            taxonomy: &task.inputs.taxonomy,
            candidates: task.candidates.clone(),
            images: posed.images.clone(),
            annotations: posed.annotations.clone(),
            also_right: task.truth.also_right.clone(),
            uncertainty: posed.uncertainty.clone(),
            evidence,
            collision_threshold: options.collision_cosine,
            credit: task.policy.clone(),
            root: options.root,
            strategy: options.strategy,
            rule: options.decide.clone(),
            calibration: posed.calibration.clone(),
            top_k: options.top_k,
        }
    }
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
    let mut truth = Truth::read(truth, Some(inputs.images_source), taxonomy, &mut resolver)?;
    let own = match truth.images() {
        Some(_) => None,
        None => Some(dataset::resolve_labels(dataset, &mut resolver)),
    };
    let faults = resolver.finish(options.on_unknown())?;
    let names: Names = dataset.items().map(Item::name).collect();
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

/// What makes the run, but for the images that can be read.
fn manifest(
    options: &ScoreOptions,
    task: &Task<'_>,
    encoder: &dyn Encoder,
    texts: &[String],
) -> anyhow::Result<Manifest> {
    let (inputs, annotated) = (&task.inputs, &task.annotated);
    let taxonomy = &inputs.taxonomy;
    // A hash of each image's name and labels first, so that no other grouping of the same words has the same hash.
    let images: Vec<String> = inputs
        .dataset
        .items()
        .map(|item| {
            let name = std::iter::once(item.name().as_bytes());
            hash::of_parts(name.chain(item.labels().iter().map(String::as_bytes)))
        })
        .collect();
    let names: Names = inputs.dataset.items().map(Item::name).collect();
    let encoding = options.image.embed_options(encoder);
    let own_options = [
        ("batch", json!(encoding.batch)),
        (
            "no-exif-orientation",
            json!(!encoding.decode.exif_orientation),
        ),
        ("fast-decode", json!(encoding.decode.fast)),
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
        right_too: run::by_name(&annotated.right_too, &names, taxonomy),
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
            images: inputs.dataset.len(),
            predicted: 0,
            labelled: 0,
            calibration: 0,
            unlabelled: 0,
            skipped_unknown_label: annotated.at_fault,
            skipped_problematic: annotated.problematic,
            skipped_bad_image: 0,
            candidates: task.candidates.len(),
            prompts: texts.len(),
        },
    })
}
