//! `cladist demo lab`: what cladist claims of the error, held against what is so.

use std::fmt::Write;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use clap::ValueHint;

use super::{PictureArgs, habit_name};
use crate::cli::embed;
use crate::cli::encoding::Encoding;
use crate::cli::model_args::{DeviceArgs, ImageArgs};
use crate::cli::output::{self, tell};
use crate::cli::score::{candidate_choice, expand_prompts};
use crate::cli::{builtin, count, interrupt, on_all_cores, prompts};
use crate::demo::{self, Annotator, Habit, Planted, Settings, World};
use crate::embed::Stages;
use crate::matrix::Matrix;
use crate::model::Encoder;
use crate::prompts::ExpandOptions;
use crate::report::lab::{Cell, render};
use crate::score::decide::Masses;
use crate::score::{
    AlsoRight, Annotations, Collisions, Cosines, CreditPolicy, Decider, Deciding, Depth,
    Distribution, Judge, Link, Question, Root, Rule, Stop, Terms, ValidSets, evaluate, prototypes,
    summarise,
};
use crate::taxonomy::NodeId;

/// The annotators of the sweep, from the most specific to the most general, and one that has no preference.
const HABITS: [Habit; 6] = [
    Habit::Specific,
    Habit::Mixed { specific: 0.75 },
    Habit::Mixed { specific: 0.5 },
    Habit::Mixed { specific: 0.25 },
    Habit::General,
    Habit::Uniform,
];

/// Their rates of plain errors.
const ERROR_RATES: [f64; 5] = [0.0, 0.05, 0.1, 0.2, 0.3];

/// Hold what cladist claims against what is so: a sweep of annotators and error rates over the same pictures
///
/// For each annotator and each rate of plain errors: the planted share of multiplicity in the error, the headline and
/// the 95 % interval that `score` gives from the annotations alone, whether they hold the planted share, and how many
/// of the wrong annotations are found. Exits with 1 if the interval misses the planted share in more than one cell of
/// twenty.
#[derive(clap::Args)]
pub struct LabArgs {
    #[command(flatten)]
    pictures: PictureArgs,

    /// What may be answered: all, leaves, under:NODE, or a file with a label a line
    #[arg(long, value_name = "WHICH", default_value = "all")]
    candidates: String,

    /// The model that answers: a checkpoint as for `score`
    #[arg(long, value_name = "DIR|ID", value_hint = ValueHint::AnyPath, default_value = builtin::NAME)]
    model: String,

    #[command(flatten)]
    image: ImageArgs,

    #[command(flatten)]
    device: DeviceArgs,
}

/// What all cells share: the same pictures, answered by the same model.
struct Lab<'a> {
    world: &'a World,
    candidates: Vec<NodeId>,
    collisions: Collisions,
    images: Matrix,
    prototypes: Matrix,
    logit_scale: f32,
}

pub fn run(args: &LabArgs) -> anyhow::Result<ExitCode> {
    let world = World::new()?;
    let candidates =
        candidate_choice(Some(&args.candidates), "--candidates")?.select(world.taxonomy(), &[])?;
    let stop = interrupt::install()?;
    let encoder = args.device.load(&args.model, stop)?;
    let encoder = args.image.store.remembering(encoder, &args.model)?;
    let lab = Lab::new(&world, candidates, encoder.as_ref(), args, stop)?;
    let sweep: Vec<Settings> = HABITS
        .into_iter()
        .flat_map(|habit| ERROR_RATES.map(|error_rate| Annotator { habit, error_rate }))
        .map(|annotator| args.pictures.settings(annotator))
        .collect();
    let cells = on_all_cores(|| -> Vec<Cell> {
        let cell = |settings| lab.cell(settings, args.pictures.n);
        sweep.iter().map(cell).collect()
    })?;
    let mut head = String::new();
    let _ = writeln!(
        head,
        "{} (seed {}), {} candidates",
        count(args.pictures.n as usize, "figure"),
        args.pictures.seed,
        lab.candidates.len()
    );
    output::print(&(head + &render(&cells)))?;
    let missed = cells.iter().filter(|cell| !cell.is_held()).count();
    if missed * 20 > cells.len() {
        tell!(
            "cladist: the interval misses the planted share in {}",
            count(missed, "cell")
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

impl<'a> Lab<'a> {
    fn new(
        world: &'a World,
        candidates: Vec<NodeId>,
        encoder: &dyn Encoder,
        args: &LabArgs,
        stop: &AtomicBool,
    ) -> anyhow::Result<Self> {
        let taxonomy = world.taxonomy();
        let templates = prompts::load_prompts(None)?;
        // The annotators may use any label, so all have a prototype: the candidates first.
        let others = taxonomy.nodes().filter(|n| !candidates.contains(n));
        let prompted: Vec<NodeId> = candidates.iter().copied().chain(others).collect();
        let expand = ExpandOptions::default();
        let (counts, texts) = expand_prompts(&templates, taxonomy, &prompted, &expand)?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let embeddings = embed::embed_prompts(encoder, &texts, stop)?;
        let all = prototypes(&embeddings.means, &counts);
        // The annotator does not change the pictures.
        let annotator = Annotator {
            habit: Habit::Specific,
            error_rate: 0.0,
        };
        let settings = args.pictures.settings(annotator);
        let (dataset, _) = on_all_cores(|| demo::dataset(world, &settings, args.pictures.n))?;
        let items: Vec<usize> = (0..dataset.len()).collect();
        let encoding = Encoding {
            args: &args.image,
            encoder,
            model: &args.model,
            dataset: &dataset,
            stop,
            stages: Stages::default(),
        };
        let images = encoding.encode(&items, None)?.embeddings;
        Ok(Self {
            world,
            prototypes: all.first_rows(candidates.len()),
            collisions: Collisions::new(taxonomy, &prompted, all, Collisions::DEFAULT_THRESHOLD),
            candidates,
            images,
            logit_scale: encoder.logit_scale(),
        })
    }

    /// Scores the pictures under the labels of one annotator.
    fn cell(&self, settings: &Settings, n: u64) -> Cell {
        let taxonomy = self.world.taxonomy();
        let facts: Vec<_> = (0..n).map(|i| self.world.facts(settings, i)).collect();
        let annotations = Annotations::of_truths(facts.iter().map(|f| vec![f.annotation.label]));
        let judge = Judge {
            taxonomy,
            collisions: &self.collisions,
            also_right: &AlsoRight::default(),
        };
        let candidates = &self.candidates;
        let valid = ValidSets::new(judge, candidates).of_all(&annotations);
        let cosines = Cosines {
            images: &self.images,
            prototypes: &self.prototypes,
        };
        let scale = f64::from(self.logit_scale);
        let distribution = Distribution::new(&cosines, Link::Softmax { scale });
        let rule = Rule::Argmax;
        let decider = Decider::new(taxonomy, candidates, &rule).expect("there are candidates");
        let masses = Masses::new(taxonomy, candidates).expect("there are candidates");
        let question = Question {
            taxonomy,
            candidates,
            annotations: &annotations,
            valid: &valid,
            masses: &masses,
            deciding: &Deciding::Rule(decider),
            keep: 5,
        };
        let evaluated = evaluate(&question, &distribution).expect("nobody stops it");
        let terms = Terms {
            depth: Depth::Whole,
            policy: &CreditPolicy::Strict,
            root: Root::default(),
            rule: &rule,
            calibrated: None,
            stop: Stop::NEVER,
        };
        let summed = summarise(judge, candidates, &terms, &evaluated, &annotations, &valid);
        let (_, summary) = summed.expect("nobody stops it");
        let pictures = facts.iter().enumerate().map(|(i, facts)| {
            let answer = evaluated.answers[i].expect("the best candidate is the answer");
            (facts, answer, evaluated.is_suspect(i))
        });
        Cell {
            annotator: habit_name(settings.annotator.habit),
            error_rate: settings.annotator.error_rate,
            planted: Planted::count(pictures),
            multiplicity: summary.multiplicity,
        }
    }
}
