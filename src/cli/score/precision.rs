//! What weights of eight bits change: some of the images are answered in f32 as well.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value, json};

use super::build;
use super::encoded::Held;
use super::pictures::Scoring;
use super::prompting::Asked;
use crate::cli::count;
use crate::cli::output::tell;
use crate::model::Encoder;
use crate::run::{Evidence, KindTexts, Prompts, Run};
use crate::score::{Depth, Verdict};
use crate::taxonomy::{NodeId, Taxonomy};

/// The share of images with the same first answer below which figures are not those of the model any more.
const ENOUGH: f64 = 0.995;

/// How it is looked at.
pub struct Check<'a> {
    /// Labelled images that are answered in f32 too, at most.
    pub images: usize,
    /// Loads the model in f32.
    pub exact: &'a dyn Fn() -> anyhow::Result<Arc<dyn Encoder>>,
}

/// The model in f32, and what it was asked.
pub struct Exact {
    /// Images that it is to answer, at most.
    images: usize,
    encoder: Arc<dyn Encoder>,
    prompts: Prompts,
    kinds: Option<KindTexts>,
}

impl Exact {
    /// Asks it what was asked.
    ///
    /// # Errors
    /// It cannot be loaded; what it says of the prompts; an interruption.
    pub fn load(
        check: &Check<'_>,
        asked: &Asked,
        taxonomy: &Taxonomy,
        candidates: &[NodeId],
        stop: &AtomicBool,
    ) -> anyhow::Result<Self> {
        let encoder = (check.exact)()?;
        let (prompts, kinds) = asked.of_another(taxonomy, candidates, encoder.as_ref(), stop)?;
        Ok(Self {
            images: check.images,
            encoder,
            prompts,
            kinds,
        })
    }
}

impl Scoring<'_> {
    /// What the precision of the model changes in some of the labelled images, spread evenly. `None` if none of them could be read.
    ///
    /// # Errors
    /// As scoring itself.
    pub fn effect(&self, exact: &Exact) -> anyhow::Result<Option<Effect>> {
        let annotated = &self.task.annotated;
        let is_labelled = |&i: &usize| !annotated.annotations.get(i).truths.is_empty();
        let labelled: Vec<usize> = (0..annotated.items.len()).filter(is_labelled).collect();
        let size = labelled.len().min(exact.images);
        let sample: Vec<usize> = (0..size)
            .map(|i| labelled[i * labelled.len() / size])
            .collect();
        let exact_run = self.answers(
            &sample,
            exact.encoder.as_ref(),
            &exact.prompts,
            exact.kinds.as_ref(),
        )?;
        let basis = &self.basis;
        let own_run = self.answers(
            &sample,
            basis.encoder.as_ref(),
            &basis.prompts,
            self.kinds.as_ref(),
        )?;
        Ok(exact_run
            .zip(own_run)
            .map(|(exact, own)| Effect::between(&exact, &own)))
    }

    /// What a model answers to the images at these places among the items. `None` if none of them could be read.
    fn answers(
        &self,
        sample: &[usize],
        encoder: &dyn Encoder,
        prompts: &Prompts,
        kinds: Option<&KindTexts>,
    ) -> anyhow::Result<Option<Run>> {
        let items: Vec<usize> = sample
            .iter()
            .map(|&i| self.task.annotated.items[i])
            .collect();
        let encoded = self.encoding(encoder).encode(&items, None)?;
        let held = Held::new(encoded, encoder.dim());
        let read = sample.iter().zip(&held.rows);
        let kept: Vec<usize> = read.filter_map(|(&i, row)| row.map(|_| i)).collect();
        if kept.is_empty() {
            return Ok(None);
        }
        let posed = self.posed_of(&kept, held.uncertainty.clone(), sample.len());
        let evidence = Evidence::Embedded {
            images: Cow::Borrowed(&held.embeddings),
            prompts: Cow::Borrowed(prompts),
            kinds: kinds.map(Cow::Borrowed),
            logit_scale: encoder.logit_scale(),
            similarities: None,
        };
        let inputs = self.inputs(&posed, evidence);
        build(Depth::Answers, inputs, posed.manifest, self.stop).map(Some)
    }
}

/// The answers to the same images, in f32 and in eight bits.
pub struct Effect {
    images: usize,
    same: usize,
    /// Images of each verdict that has some in either.
    verdicts: Vec<(Verdict, [usize; 2])>,
}

impl Effect {
    /// Of two runs of the same images.
    pub fn between(exact: &Run, quantised: &Run) -> Self {
        let pairs = exact.predictions.iter().zip(quantised.predictions.iter());
        let rows = exact.summary.verdicts.iter();
        let rows = rows.zip(&quantised.summary.verdicts);
        let verdicts = rows.map(|(a, b)| (a.verdict, [a.count, b.count]));
        Self {
            images: exact.predictions.len(),
            same: pairs.filter(|(a, b)| a.answer == b.answer).count(),
            verdicts: verdicts
                .filter(|(_, counts)| counts.iter().any(|&n| n > 0))
                .collect(),
        }
    }

    fn agreement(&self) -> f64 {
        self.same as f64 / self.images.max(1) as f64
    }

    /// Tells it on standard error.
    pub fn tell(&self) {
        let percent = |n: usize, of: usize| 100.0 * n as f64 / of.max(1) as f64;
        tell!(
            "q8: of {} answered in f32 too, {} ({:.1} %) have the same first answer",
            count(self.images, "image"),
            self.same,
            percent(self.same, self.images)
        );
        let judged =
            |side: usize| -> usize { self.verdicts.iter().map(|(_, counts)| counts[side]).sum() };
        let of = [judged(0), judged(1)];
        let rows = self.verdicts.iter().map(|(verdict, counts)| {
            let [exact, quantised] = [0, 1].map(|side| percent(counts[side], of[side]));
            format!("{} {exact:.1} → {quantised:.1}", verdict.name())
        });
        tell!(
            "  breakdown, % in f32 → q8: {}",
            rows.collect::<Vec<_>>().join(", ")
        );
        if self.agreement() < ENOUGH {
            tell!(
                "  that is less than 99.5 %: use --dtype f32 for figures that others are to rely on"
            );
        }
    }

    /// As it is recorded with a run.
    pub fn to_json(&self) -> Value {
        let of = |side: usize| -> Map<String, Value> {
            let counts = self.verdicts.iter();
            counts
                .map(|(verdict, counts)| (verdict.name().to_owned(), json!(counts[side])))
                .collect()
        };
        json!({
            "images": self.images,
            "same_answer": self.same,
            "verdicts": {"f32": of(0), "q8": of(1)},
        })
    }
}
