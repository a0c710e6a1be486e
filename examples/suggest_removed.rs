//! Whether `cladist suggest` finds what was taken out of a taxonomy: `cargo run --release --example suggest_removed [N [SEED [TOP_K]]]`.
//!
//! N pictures of the demo's world (default 1000, seed 1) are answered once, with its whole taxonomy. Then each edge is taken out in turn,
//! and each second name of a node is made a node of its own beside it (half of the node's pictures are annotated with it, at random,
//! and the model is asked for both), and `suggest` is asked with what is left. Of each list TOP_K labels are kept (default 5, as `score`
//! does; 0 keeps all). Found is what is among the first three suggestions, as an edit that puts back just what was taken out.
//! Prints the table of `docs/suggest.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::error::Error;
use std::sync::atomic::AtomicBool;

use cladist::demo::{self, Facts, Settings, World};
use cladist::embed::{self, Batch, EmbedOptions, Stages};
use cladist::matrix::Matrix;
use cladist::model::pixels::DecodeOptions;
use cladist::model::{self, Encoder, LoadOptions};
use cladist::names::Names;
use cladist::prompts::{self, ExpandOptions};
use cladist::run::{
    self, Counts, Embeddings, Evidence, Inputs, MANIFEST_SCHEMA, Manifest, Opened, Prompts, Run,
    Saved, SourceHash,
};
use cladist::score::{
    AlsoRight, Annotations, Collisions, CreditPolicy, Gaussians, Match, Root, Rule,
};
use cladist::taxonomy::edit::Edit;
use cladist::taxonomy::{Declared, NodeId, Taxonomy, load_str};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What counts as found.
const FIRST: usize = 3;

fn main() -> Result<()> {
    let mut numbers = env::args().skip(1).map(|arg| arg.parse::<u64>());
    let mut next = |default| numbers.next().unwrap_or(Ok(default));
    let (n, seed, top_k) = (next(1000)?, next(1)?, next(5)?);
    let bench = Bench::new(n, seed, usize::try_from(top_k)?)?;
    let mut cases = bench.edges()?;
    cases.extend(bench.synonyms()?);
    report(&cases);
    Ok(())
}

/// Pictures, answered.
struct Bench {
    taxonomy: Taxonomy,
    facts: Vec<Facts>,
    images: Matrix,
    encoder: Box<dyn Encoder>,
    seed: u64,
    top_k: usize,
}

/// One thing that was taken out.
struct Case {
    /// Its row in the table.
    kind: &'static str,
    removed: String,
    /// Place among the suggestions, from 1.
    place: Option<usize>,
    /// The first suggestion.
    first: String,
}

impl Bench {
    fn new(n: u64, seed: u64, top_k: usize) -> Result<Self> {
        let world = World::new()?;
        let settings = Settings {
            seed,
            ..Settings::default()
        };
        let encoder = model::load_embedded(&demo::MODEL, LoadOptions::default())?;
        let (dataset, facts) = demo::dataset(&world, &settings, n);
        let read = |i: usize| Ok(dataset.item(i).picture().read()?.into_owned());
        let options = EmbedOptions {
            batch: Batch::of(16),
            decode: DecodeOptions::default(),
            stop_at_bad_image: true,
            stages: Stages::default(),
        };
        let stop = AtomicBool::new(false);
        let count = dataset.len();
        let encoded =
            embed::encode_images(encoder.as_ref(), count, &read, &options, &|_| {}, &stop)?;
        Ok(Self {
            taxonomy: world.taxonomy().clone(),
            facts,
            images: encoded.embeddings,
            encoder,
            seed,
            top_k,
        })
    }

    /// The run with these annotations, all labels being candidates.
    fn answer(&self, taxonomy: &Taxonomy, truths: Vec<NodeId>) -> Result<Saved> {
        let set = prompts::builtin("general").ok_or("the set `general` is built in")?;
        let nodes: Vec<NodeId> = taxonomy.nodes().collect();
        let (mut counts, mut texts) = (Vec::new(), Vec::new());
        for &node in &nodes {
            let expanded = prompts::expand(&set, taxonomy, node, &ExpandOptions::default())?;
            counts.push(expanded.texts.len());
            texts.extend(expanded.texts);
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let embeddings = self.encoder.encode_texts(&texts)?;
        let prompts = Prompts {
            nodes: nodes.clone(),
            counts,
            embeddings: Gaussians::of_rows(embeddings, self.encoder.dim()),
        };
        let mut images = Names::default();
        (0..truths.len()).for_each(|i| images.push(&i.to_string()));
        let inputs = Inputs {
            taxonomy,
            candidates: nodes,
            images,
            annotations: Annotations::of_truths(truths.into_iter().map(|truth| vec![truth])),
            also_right: AlsoRight::default(),
            uncertainty: None,
            evidence: Evidence::Embedded {
                similarities: None,
                images: std::borrow::Cow::Borrowed(&self.images),
                prompts: std::borrow::Cow::Owned(prompts),
                kinds: None,
                logit_scale: self.encoder.logit_scale(),
            },
            collision_threshold: Collisions::DEFAULT_THRESHOLD,
            credit: CreditPolicy::Logical,
            root: Root::default(),
            strategy: Match::Mean,
            rule: Rule::Argmax,
            calibration: Vec::new(),
            top_k: self.top_k,
        };
        Ok(Saved::of(&Run::build(inputs, manifest())?))
    }

    /// Each edge taken out in turn.
    fn edges(&self) -> Result<Vec<Case>> {
        let truths = self.facts.iter().map(|facts| facts.annotation.label);
        let saved = self.answer(&self.taxonomy, truths.collect())?;
        let declared = self.taxonomy.declared();
        let mut cases = Vec::new();
        for (child, node) in &declared.nodes {
            for parent in &node.parents {
                let mut left = declared.clone();
                if let Some(node) = left.nodes.get_mut(child) {
                    node.parents.remove(parent);
                }
                let left = load(&left)?;
                let [low, high] = [child, parent].map(|id| left.find(id));
                let (Some(low), Some(high)) = (low, high) else {
                    continue;
                };
                // What is still above changes nothing, so nobody could tell that the edge is missing.
                if left.is_ancestor(high, low) {
                    continue;
                }
                let kind = match (self.is_told(&left, child, parent), node.parents.len()) {
                    (false, _) => "edge that changes the truth of no picture",
                    (true, 1) => "the only parent of a node",
                    (true, _) => "one of several parents",
                };
                let edit = Edit::AddParent {
                    node: child.clone(),
                    parent: parent.clone(),
                };
                let run = Opened::new(saved.clone(), left);
                cases.push(case(kind, format!("{child} → {parent}"), &run, |found| {
                    *found == edit
                }));
            }
        }
        Ok(cases)
    }

    /// Whether there is a picture of the child that is none of the parent by what is left.
    fn is_told(&self, left: &Taxonomy, child: &str, parent: &str) -> bool {
        let (Some(child), Some(parent)) = (self.taxonomy.find(child), left.find(parent)) else {
            return false;
        };
        self.facts.iter().any(|facts| {
            let specific = left.find(self.taxonomy.id(facts.specific));
            let is_left = specific.is_some_and(|specific| left.is_ancestor(parent, specific));
            facts.truths.contains(&child) && !is_left
        })
    }

    /// Each second name made a node of its own.
    fn synonyms(&self) -> Result<Vec<Case>> {
        let declared = self.taxonomy.declared();
        let mut chance = ChaCha8Rng::seed_from_u64(self.seed);
        let mut cases = Vec::new();
        for (id, node) in declared.nodes.iter().filter(|(_, n)| n.names.len() > 1) {
            let other = format!("{id}_synonym");
            let mut split = declared.clone();
            let mut twin = node.clone();
            twin.names = vec![node.names[1].clone()];
            twin.ids.clear();
            split.nodes.insert(other.clone(), twin);
            if let Some(node) = split.nodes.get_mut(id) {
                node.names.remove(1);
            }
            // The declaration that the two are one is what is missing.
            let left = load(&split)?;
            let find = |id: &str| left.find(id).ok_or("every label is a node");
            let mut truths = Vec::with_capacity(self.facts.len());
            for facts in &self.facts {
                let annotated = self.taxonomy.id(facts.annotation.label);
                let is_other = annotated == id && chance.random::<bool>();
                truths.push(find(if is_other { &other } else { annotated })?);
            }
            let saved = self.answer(&left, truths)?;
            let run = Opened::new(saved, left);
            let removed = format!("{id} = {}", node.names[1]);
            let pair = BTreeSet::from([id.as_str(), other.as_str()]);
            cases.push(case("synonym", removed, &run, |found| match found {
                Edit::Equivalent { a, b } => BTreeSet::from([a.as_str(), b.as_str()]) == pair,
                _ => false,
            }));
        }
        Ok(cases)
    }
}

fn case(
    kind: &'static str,
    removed: String,
    run: &Opened,
    is_removed: impl Fn(&Edit) -> bool,
) -> Case {
    let found = run::suggest(run, Embeddings::default());
    let place = found
        .iter()
        .position(|suggestion| suggestion.edit.as_ref().is_some_and(&is_removed));
    let brief = |s: &run::Suggestion| format!("{} {}", s.kind.name(), s.nodes.join(", "));
    Case {
        kind,
        removed,
        place: place.map(|place| place + 1),
        first: found.first().map_or("nothing".to_owned(), brief),
    }
}

/// A taxonomy of these declarations.
fn load(declared: &Declared) -> Result<Taxonomy> {
    let nodes: serde_json::Map<String, serde_json::Value> = declared
        .nodes
        .iter()
        .map(|(id, node)| {
            let node = serde_json::json!({
                "names": node.names,
                "parents": node.parents,
                "description": node.description,
            });
            (id.clone(), node)
        })
        .collect();
    let text = serde_json::json!({
        "nodes": nodes,
        "disjoint": declared.disjoint,
        "overlaps": declared.overlaps,
    });
    // JSON is YAML.
    Ok(load_str("left", &text.to_string()).into_sound()?)
}

fn report(cases: &[Case]) {
    let mut kinds: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        kinds.entry(case.kind).or_default().push(case);
    }
    println!("| taken out | cases | suggested first | among the first {FIRST} | |");
    println!("|---|--:|--:|--:|--:|");
    let all: Vec<&Case> = cases.iter().collect();
    for (kind, cases) in kinds.iter().chain([(&"all", &all)]) {
        let within = |most| {
            let found = cases.iter().filter(|c| c.place.is_some_and(|p| p <= most));
            found.count()
        };
        let share = 100.0 * within(FIRST) as f64 / cases.len() as f64;
        println!(
            "| {kind} | {} | {} | {} | {share:.1} % |",
            cases.len(),
            within(1),
            within(FIRST)
        );
    }
    println!();
    for case in cases.iter().filter(|case| case.place != Some(1)) {
        let place = case
            .place
            .map_or("not suggested".to_owned(), |p| format!("place {p}"));
        println!(
            "- {} ({}): {place}; first: {}",
            case.removed, case.kind, case.first
        );
    }
}

/// The run is not saved, so nobody asks what made it.
fn manifest() -> Manifest {
    let source = || SourceHash {
        source: "demo".to_owned(),
        sha256: String::new(),
    };
    Manifest {
        schema: MANIFEST_SCHEMA,
        cladist: String::new(),
        taxonomy: source(),
        prompts: None,
        images: source(),
        truth: BTreeMap::new(),
        right_too: BTreeMap::new(),
        model: serde_json::Value::Null,
        device: None,
        dtype: None,
        candidates: source(),
        options: BTreeMap::new(),
        counts: Counts {
            images: 0,
            predicted: 0,
            labelled: 0,
            calibration: 0,
            unlabelled: 0,
            skipped_unknown_label: 0,
            skipped_problematic: 0,
            skipped_bad_image: 0,
            candidates: 0,
            prompts: 0,
        },
    }
}
