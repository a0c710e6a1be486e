//! The model of a run, asked again: its prompts, and what they are embedded as.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, bail};
use serde_json::Value;

use super::{Source, Workbench};
use crate::cli::encoding::progress;
use crate::cli::model_args::auto_batch;
use crate::cli::output::tell;
use crate::cli::progress::Progress;
use crate::cli::prompts::load_prompts;
use crate::cli::score::{
    Basis, Embeddings, Held, Placed, candidate_choice, candidates_hash, expand_prompts,
    taxonomy_hash,
};
use crate::cli::{Interrupted, count, embed, locked, on_all_cores};
use crate::embed::{
    Batch, EmbedError, EmbedOptions, Encoded, Known, Stages, encode_images, encode_new_images,
};
use crate::model::Encoder;
use crate::model::pixels::DecodeOptions;
use crate::prompts::{self, BUILTIN, ExpandOptions, TemplateSet};
use crate::run::{self, Candidates, Embedded, Manifest, Opened, Prompts, Suggestion};
use crate::score::{Match, nearest_labels, prompt_cosines, prototypes};
use crate::taxonomy::{NodeId, Taxonomy};
use crate::tui::backend::{EncodedPrompts, Expanded, Templates};

/// How many labels are near.
const NEAREST: usize = 10;

/// The templates of a run, and how they are filled.
fn template_set(opened: &Opened) -> anyhow::Result<(TemplateSet, ExpandOptions)> {
    let manifest = &opened.saved.manifest;
    let source = text(manifest, "/prompts/source").context(
        "the answers of this run were made elsewhere, without prompts of cladist: it has no templates, and no model to ask",
    )?;
    let synonyms = manifest.pointer("/options/synonyms");
    let options = ExpandOptions {
        synonyms: synonyms.and_then(Value::as_bool),
    };
    Ok((load_prompts(Some(source))?, options))
}

fn text<'a>(manifest: &'a Value, pointer: &str) -> Option<&'a str> {
    manifest.pointer(pointer)?.as_str()
}

pub fn templates(opened: &Opened) -> anyhow::Result<Templates> {
    let owned = |set: &TemplateSet| set.templates().map(str::to_owned).collect();
    let (set, _) = template_set(opened)?;
    let builtin = BUILTIN.into_iter().filter_map(prompts::builtin);
    Ok(Templates {
        templates: owned(&set),
        name: set.name,
        others: builtin.map(|set| (set.name.clone(), owned(&set))).collect(),
    })
}

pub fn expand(opened: &Opened, node: NodeId) -> anyhow::Result<Expanded> {
    let (set, options) = template_set(opened)?;
    let taxonomy = &opened.taxonomy;
    let expansion = prompts::expand(&set, taxonomy, node, &options)?;
    let templates = prompts::templates_of(&set, taxonomy, node);
    let from = |place: Option<usize>| match place {
        Some(place) => templates[place].to_owned(),
        None => "{name}".to_owned(),
    };
    let prompts = expansion.texts.into_iter().zip(expansion.templates);
    Ok(Expanded {
        prompts: prompts.map(|(text, place)| (text, from(place))).collect(),
    })
}

pub fn encode_prompts(
    bench: &Workbench,
    opened: &Opened,
    stop: &AtomicBool,
) -> anyhow::Result<EncodedPrompts> {
    let basis = bench.basis(opened, stop)?;
    let nodes = &basis.candidates;
    let counts = &basis.prompts.counts[..nodes.len()];
    let (nearest, agreement) = on_all_cores(|| {
        let means = &basis.prompts.embeddings.means;
        let nearest = nearest_labels(&prototypes(means, counts), NEAREST);
        (nearest, prompt_cosines(means, counts))
    })?;
    let named = |near: Vec<(usize, f64)>| {
        let near = near.into_iter();
        near.map(|(label, cosine)| (nodes[label], cosine)).collect()
    };
    Ok(EncodedPrompts {
        nodes: nodes.clone(),
        nearest: nearest.into_iter().map(named).collect(),
        agreement,
    })
}

/// What the run speaks for, by the images and prompts too that were encoded for it.
pub fn suggest(bench: &Workbench, opened: &Opened) -> Vec<Suggestion> {
    let images = bench.kept_embeddings(opened);
    let basis = bench.kept_basis(&Asked::by(opened));
    let texts = basis.map(|basis| Placed::prototypes(&basis.prompts, opened));
    let embeddings = run::Embeddings {
        texts: texts.as_ref().map(Placed::embedded),
        images: images.as_deref().map(|images| Embedded {
            rows: &images.rows,
            of: &images.of,
        }),
    };
    run::suggest(opened, embeddings)
}

/// What a model was asked for a run, by hashes: the nodes of another taxonomy are numbered otherwise, and other prompts are embedded otherwise.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    taxonomy: String,
    prompts: Option<String>,
    candidates: Option<String>,
}

impl Asked {
    /// For a run that is made under a taxonomy.
    pub fn for_run(taxonomy: &Taxonomy, manifest: &Manifest) -> Self {
        Self {
            taxonomy: taxonomy_hash(Path::new(""), taxonomy).sha256,
            prompts: manifest.prompts.as_ref().map(|of| of.sha256.clone()),
            candidates: Some(manifest.candidates.sha256.clone()),
        }
    }

    /// By a run that is shown.
    fn by(opened: &Opened) -> Self {
        let hash = |of| text(&opened.saved.manifest, of).map(str::to_owned);
        Self {
            taxonomy: taxonomy_hash(Path::new(""), &opened.taxonomy).sha256,
            prompts: hash("/prompts/sha256"),
            candidates: hash("/candidates/sha256"),
        }
    }
}

impl Workbench {
    /// What is kept of what a model was asked, if it was this.
    fn kept_basis(&self, asked: &Asked) -> Option<Arc<Basis>> {
        let kept = locked(&self.basis);
        let (_, basis) = kept.as_ref().filter(|(of, _)| of == asked)?;
        Some(Arc::clone(basis))
    }

    /// What is kept of embedded images, if they are those of the run.
    fn kept_embeddings(&self, opened: &Opened) -> Option<Arc<Embeddings>> {
        let kept = locked(&self.embeddings);
        let (_, found) = kept.as_ref().filter(|(of, _)| *of == opened.saved.images)?;
        Some(Arc::clone(found))
    }

    /// The model of a run and its embedded prompts: those that it was made with here, else made anew once.
    pub(super) fn basis(&self, opened: &Opened, stop: &AtomicBool) -> anyhow::Result<Arc<Basis>> {
        let asked = Asked::by(opened);
        if let Some(basis) = self.kept_basis(&asked) {
            return Ok(basis);
        }
        let manifest = &opened.saved.manifest;
        // What is cheap first.
        let (templates, expand) = template_set(opened)?;
        let candidates = candidates_of(opened)?;
        let encoder = self.model_of(manifest, stop)?;
        let (counts, texts) = expand_prompts(&templates, &opened.taxonomy, &candidates, &expand)?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let prompts = Prompts {
            embeddings: embed::embed_prompts(encoder.as_ref(), &texts, stop)?,
            nodes: candidates.clone(),
            counts,
        };
        let strategy = text(manifest, "/options/match").and_then(Match::by_name);
        let scale = manifest.pointer("/model/logit_scale");
        let basis = Arc::new(Basis {
            logit_scale: scale
                .and_then(Value::as_f64)
                .map_or(encoder.logit_scale(), |scale| scale as f32),
            encoder,
            templates,
            expand,
            candidates,
            prompts,
            strategy: strategy.unwrap_or(Match::Mean),
        });
        *locked(&self.basis) = Some((asked, Arc::clone(&basis)));
        Ok(basis)
    }

    /// The model of a run, from where it is said to be now, if it is there, else from where it was then.
    fn model_of(&self, manifest: &Value, stop: &AtomicBool) -> anyhow::Result<Arc<dyn Encoder>> {
        let pointers = ["/model/source", "/model/texts/source"];
        let recorded = pointers.iter().find_map(|pointer| text(manifest, pointer));
        let given = self.model.as_deref();
        let source = given
            .or(recorded)
            .context("the run does not say which model answered: give --model")?;
        let encoder = self.encoder(source, stop)?;
        match recorded {
            _ if is_of_run(manifest, encoder.as_ref()) => Ok(encoder),
            // As when one cladist.yaml serves the runs of several models.
            Some(recorded) if recorded != source => {
                tell!(
                    "--model {source}: not the model of the run, which is asked instead: {recorded}"
                );
                self.encoder(recorded, stop)
            }
            _ => {
                tell!("{source}: other weights than those that the run was made with");
                Ok(encoder)
            }
        }
    }

    /// The embedded images of a run: those of the run that was made here, else of its pictures, encoded once.
    pub(super) fn embeddings(
        &self,
        opened: &Opened,
        basis: &Basis,
        stop: &AtomicBool,
    ) -> anyhow::Result<Arc<Embeddings>> {
        if let Some(found) = self.kept_embeddings(opened) {
            return Ok(found);
        }
        if !matches!(self.source, Source::Saved(_)) {
            if locked(&self.made).is_none() {
                bail!(
                    "the images are still being encoded: on all of them it can be tried when they are"
                );
            }
            if locked(&self.embeddings).is_some() {
                bail!("the run has changed meanwhile: try it again");
            }
            bail!("the answers were made elsewhere, so no image is embedded");
        }
        // Nothing is locked meanwhile: what else asks for what is kept need not wait for it.
        let encoded = self.encode(opened, opened.len(), &|i| i, basis, stop)?;
        if encoded.embeddings.rows() == 0 {
            let (_, reason) = encoded.failures.first().context("the run has no images")?;
            bail!("none of the pictures could be read: {reason}");
        }
        let failed = encoded.failures.len();
        if failed > 0 {
            tell!(
                "{} could not be read, and are left out",
                count(failed, "picture")
            );
        }
        let held = Held::new(encoded, basis.encoder.dim());
        let found = Arc::new(Embeddings::placed(held));
        let images = opened.saved.images.clone();
        *locked(&self.embeddings) = Some((images, Arc::clone(&found)));
        Ok(found)
    }

    /// Encodes so many images of a run, the row of each as `row` says.
    pub(super) fn encode(
        &self,
        opened: &Opened,
        images: usize,
        row: &(dyn Fn(usize) -> usize + Sync),
        basis: &Basis,
        stop: &AtomicBool,
    ) -> anyhow::Result<Encoded> {
        let read = |i: usize| {
            let bytes = self.pictures.bytes(opened, row(i));
            bytes.map_err(|error| error.to_string())
        };
        let bar = Progress::new("encoding", images, "images");
        let encoder = basis.encoder.as_ref();
        let options = embed_options(&opened.saved.manifest, encoder);
        let progress = progress(&bar, encoder, &options);
        let model = text(&opened.saved.manifest, "/model/source").unwrap_or_default();
        let store = self.store.images(encoder, &options, model)?;
        let encoded = match &store {
            None => encode_images(encoder, images, &read, &options, &progress, stop),
            Some(store) => {
                let known = Known {
                    collection: store.collection(),
                    hinted: &vec![None; images],
                };
                encode_new_images(encoder, known, &read, &options, &progress, stop).and_then(
                    |kept| {
                        let name = |i| opened.saved.images.get(row(i)).to_owned();
                        store.keep(&kept, &|i| (name(i), None))?;
                        store.flush()?;
                        Ok(kept.encoded)
                    },
                )
            }
        };
        bar.finish();
        encoded.map_err(|error| match error {
            EmbedError::Interrupted => Interrupted.into(),
            error => error.into(),
        })
    }
}

/// How the pictures of the run were read.
fn embed_options(manifest: &Value, encoder: &dyn Encoder) -> EmbedOptions {
    let option = |name: &str| manifest.get("options")?.get(name);
    let batch = option("batch").and_then(Value::as_u64);
    let is_set = |name: &str| option(name).and_then(Value::as_bool).unwrap_or(false);
    EmbedOptions {
        batch: batch.map_or_else(|| auto_batch(encoder), |batch| Batch::of(batch as usize)),
        decode: DecodeOptions {
            exif_orientation: !is_set("no-exif-orientation"),
            fast: is_set("fast-decode"),
            ..DecodeOptions::default()
        },
        stop_at_bad_image: false,
        stages: Stages::default(),
    }
}

/// What could be answered, chosen again as it was.
fn candidates_of(opened: &Opened) -> anyhow::Result<Vec<NodeId>> {
    let (saved, taxonomy) = (&opened.saved, &opened.taxonomy);
    let source = text(&saved.manifest, "/candidates/source").unwrap_or_default();
    let cannot = || {
        format!(
            "the candidates of the run (`{source}`) cannot be told any more, so its model cannot be asked"
        )
    };
    let choice = match source {
        _ if source == Candidates::Truths.describe() => Candidates::Truths,
        list if !is_keyword(list) && !Path::new(list).is_file() => bail!(cannot()),
        other => candidate_choice(Some(other), "--candidates").with_context(cannot)?,
    };
    let truths: BTreeSet<NodeId> = saved
        .truths
        .iter()
        .flatten()
        .filter_map(|&label| opened.node(label))
        .collect();
    let truths: Vec<NodeId> = truths.into_iter().collect();
    let candidates = choice.select(taxonomy, &truths).with_context(cannot)?;
    let hash = candidates_hash(String::new(), taxonomy, &candidates).sha256;
    if text(&saved.manifest, "/candidates/sha256") != Some(&hash) {
        bail!(
            "{}: they are others now; is the taxonomy that of the run?",
            cannot()
        );
    }
    Ok(candidates)
}

/// Whether a choice of candidates is no file.
fn is_keyword(choice: &str) -> bool {
    ["all", "leaves"].contains(&choice) || choice.starts_with("under:")
}

/// Whether the model has the weights that the run was made with, as far as that is known.
fn is_of_run(manifest: &Value, encoder: &dyn Encoder) -> bool {
    let pointers = [
        "/model/fingerprint/weights",
        "/model/texts/fingerprint/weights",
    ];
    let recorded = pointers.iter().find_map(|pointer| text(manifest, pointer));
    recorded.is_none_or(|weights| weights == encoder.fingerprint().weights)
}
