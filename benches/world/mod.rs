//! A made-up run of many rows under a large taxonomy, the same in every run of a benchmark.

mod sequence;

use std::fmt::Write;

use cladist::names::Names;
use cladist::run::{Detail, Details, Opened, Saved, SavedRank, SavedRow};
use cladist::score::{
    AlsoRight, Annotations, Collisions, CreditPolicy, Depth, Evaluated, Judge, Root, Rule, Stop,
    Summary, Terms, Verdict, summarise,
};
use cladist::taxonomy::{Taxonomy, load_str};

pub use sequence::Sequence;

pub const ROWS: usize = 1_000_000;
const NODES: usize = 82_000;
/// Nodes that occur in the run.
const LABELS: usize = 1000;

fn taxonomy() -> Taxonomy {
    let mut random = Sequence(7);
    let mut text = String::from("nodes:\n  n00000000: {names: [entity]}\n");
    for i in 1..NODES {
        let parent = random.below(i.min(i * 7 / 10 + 1));
        let _ = writeln!(
            text,
            "  n{i:08}: {{parents: [n{parent:08}], names: [\"concept {i}\", \"word {i}\"]}}"
        );
    }
    load_str("generated", &text).taxonomy.expect("nodes")
}

fn summary(taxonomy: &Taxonomy) -> Summary {
    let judge = Judge {
        taxonomy,
        collisions: &Collisions::default(),
        also_right: &AlsoRight::default(),
    };
    let terms = Terms {
        depth: Depth::Whole,
        policy: &CreditPolicy::Strict,
        root: Root::default(),
        rule: &Rule::Argmax,
        calibrated: None,
        stop: Stop::NEVER,
    };
    let (nothing, none) = (Evaluated::default(), Annotations::default());
    summarise(judge, &[], &terms, &nothing, &none, &[])
        .expect("nobody stops it")
        .1
}

fn row(random: &mut Sequence) -> SavedRow {
    let truth = random.below(LABELS) as u32;
    SavedRow {
        primary: Some(truth),
        truths: truth,
        answer: Some(random.below(LABELS) as u32),
        probability: Some(random.share()),
        verdict: Some(Verdict::ALL[random.below(10)]),
        truth: Some(truth),
        text_cosine: Some(random.share()),
        credit: Some(random.below(3) as f64 / 2.0),
    }
}

fn detail(random: &mut Sequence) -> Detail {
    Detail {
        k: Some(random.below(6) as u32),
        valid_mass: Some(random.share()),
        self_confidence: Some(random.share()),
        margin: Some(random.share() - 0.5),
        looks_like: (random.below(20) == 0).then(|| random.below(LABELS) as u32),
        ..Detail::default()
    }
}

/// A run whose rows are in no order of anything.
pub fn opened(rows_wanted: usize) -> Opened {
    let taxonomy = taxonomy();
    let mut random = Sequence(3);
    let (mut rows, mut details) = (Vec::new(), Details::default());
    let mut images = Names::default();
    for _ in 0..rows_wanted {
        rows.push(row(&mut random));
        details.rows.push(detail(&mut random));
        details.ranked.push((0..5).map(|_| SavedRank {
            label: random.below(LABELS) as u32,
            similarity: None,
            probability: None,
        }));
        let folder = random.below(LABELS);
        let number = random.below(ROWS);
        images.push(&format!("train/n{folder:08}/n{folder:08}_{number}.JPEG"));
    }
    let label = |i| format!("n{:08}", i * (NODES / LABELS));
    let saved = Saved {
        summary: summary(&taxonomy),
        manifest: serde_json::Value::Null,
        labels: (0..LABELS).map(label).collect(),
        truths: (0..LABELS as u32).map(|label| vec![label]).collect(),
        images,
        rows,
        details: Some(details),
    };
    Opened::new(saved, taxonomy)
}
