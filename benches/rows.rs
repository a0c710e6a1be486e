//! A million rows of a run: which are meant by a filter, and in which order they are.

use std::{fmt::Write, hint::black_box, sync::atomic::AtomicBool, time::Duration};

use cladist::names::Names;
use cladist::run::{
    Detail, Details, Filter, Key, Opened, Order, Saved, SavedRank, SavedRow, complete,
};
use cladist::score::{
    AlsoRight, Annotations, Collisions, CreditPolicy, Evaluated, Judge, Root, Rule, Summary, Terms,
    Verdict, summarise,
};
use cladist::taxonomy::{Taxonomy, load_str};
use criterion::{Criterion, criterion_group, criterion_main};

/// As in the program: see `main.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: usize = 1_000_000;
const NODES: usize = 82_000;
/// Nodes that occur in the run.
const LABELS: usize = 1000;

/// A pseudo-random sequence, the same in every run.
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize * n) >> 31
    }

    fn share(&mut self) -> f64 {
        self.below(1 << 30) as f64 / f64::from(1 << 30)
    }
}

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
        policy: &CreditPolicy::Strict,
        root: Root::default(),
        rule: &Rule::Argmax,
        calibrated: None,
    };
    let (nothing, none) = (Evaluated::default(), Annotations::default());
    summarise(judge, &[], &terms, &nothing, &none, &[]).1
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
fn opened() -> Opened {
    let taxonomy = taxonomy();
    let mut random = Sequence(3);
    let (mut rows, mut details) = (Vec::new(), Details::default());
    let mut images = Names::default();
    for _ in 0..ROWS {
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

fn filters(c: &mut Criterion, run: &Opened) {
    let mut group = c.benchmark_group("select of 1,000,000 rows");
    let (file, stop) = (Vec::from_iter(0..ROWS as u32), AtomicBool::new(false));
    let by_name = order(Key::Image).rows(run);
    for text in [
        "",
        "verdict:near",
        "p<0.4",
        "suspect",
        "truth:under(n00000082)",
        "top:under(n00000082)",
        "image:_1234",
        "\"concept 8200\"",
        "jpeg",
        "zebra",
        "verdict:mistake truth:under(entity) (p<0.4 | k>3) -suspect JPEG",
    ] {
        let filter = Filter::parse(text, run).expect("a filter");
        group.bench_function(format!("{text:?}"), |b| {
            b.iter(|| filter.select(run, black_box(&file), &stop))
        });
        if text == "zebra" {
            group.bench_function(format!("{text:?}, by name"), |b| {
                b.iter(|| filter.select(run, black_box(&by_name), &stop))
            });
        }
    }
    group.finish();
}

fn typing(c: &mut Criterion, run: &Opened) {
    for text in ["truth:under(entity)", "zebra", "truth:concpt"] {
        c.bench_function(&format!("parse {text}"), |b| {
            b.iter(|| Filter::parse(black_box(text), run).is_ok())
        });
    }
    for text in ["truth:", "truth:81", "truth:nothing"] {
        c.bench_function(&format!("complete {text}"), |b| {
            b.iter(|| complete(black_box(text), text.len(), run))
        });
    }
}

fn order(by: Key) -> Order {
    Order {
        by,
        descending: false,
    }
}

/// The run with its names in order, as those of folders are.
fn sorted(run: &Opened) -> Opened {
    let mut names: Vec<&str> = run.saved.images.iter().collect();
    names.sort_unstable();
    let saved = Saved {
        images: names.into_iter().collect(),
        ..run.saved.clone()
    };
    Opened::new(saved, run.taxonomy.clone())
}

fn orders(c: &mut Criterion, run: &Opened) {
    let mut group = c.benchmark_group("order of 1,000,000 rows");
    for key in [
        Key::File,
        Key::Image,
        Key::Truth,
        Key::Verdict,
        Key::Probability,
        Key::K,
        Key::Margin,
    ] {
        group.bench_function(key.name(), |b| b.iter(|| order(key).rows(run)));
    }
    let sorted = sorted(run);
    group.bench_function("image, as in the file", |b| {
        b.iter(|| order(Key::Image).rows(&sorted))
    });
    group.finish();
}

fn all(c: &mut Criterion) {
    let run = opened();
    filters(c, &run);
    typing(c, &run);
    orders(c, &run);
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1));
    targets = all
}
criterion_main!(benches);
