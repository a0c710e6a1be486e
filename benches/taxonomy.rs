//! Taxonomies at WordNet's size, and a dense one: loading with validation, relations, common ancestors.

use std::{fmt::Write, hint::black_box, time::Duration};

use cladist::taxonomy::{NodeId, Taxonomy, load_str};
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};

/// As in the program: see `main.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NODES: usize = 82_000;
const EXTRA_EDGES: usize = 2_000;

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
}

/// A DAG of 82,000 nodes and 84,000 edges with names shared throughout, about as deep as WordNet.
fn yaml() -> String {
    let mut random = Sequence(7);
    let mut parents: Vec<Vec<usize>> = vec![Vec::new()];
    for i in 1..NODES {
        // Children gather under the nodes of a tenth as large a number, give or take: depth about 20.
        let parent = random.below(i.min(i * 7 / 10 + 1));
        parents.push(vec![parent]);
    }
    for _ in 0..EXTRA_EDGES {
        let child = 1000 + random.below(NODES - 1000);
        let parent = random.below(child);
        if !parents[child].contains(&parent) {
            parents[child].push(parent);
        }
    }
    let mut text = String::from("taxonomy: generated\nnodes:\n");
    for (i, parents) in parents.iter().enumerate() {
        let ids: Vec<String> = parents
            .iter()
            .map(|p| format!("\"node.n.{p:05}\""))
            .collect();
        let word = random.below(60_000);
        let _ = write!(
            text,
            "  \"node.n.{i:05}\":\n    parents: [{}]\n    names: [\"node {i}\", \"word {word}\"]\n    ids: [n{i:08}]\n    description: \"a gloss of the usual length that says what the concept is, with an example\"\n",
            ids.join(", ")
        );
    }
    text
}

/// 20,000 nodes with up to 16 parents each among all before them: nearly every edge is redundant, and walks from every
/// node would be quadratic.
fn dense_yaml() -> String {
    let mut random = Sequence(13);
    let mut text = String::from("nodes:\n");
    for i in 0..20_000 {
        let count = if i == 0 { 0 } else { 16 };
        let mut parents: Vec<usize> = (0..count).map(|_| random.below(i)).collect();
        parents.sort_unstable();
        parents.dedup();
        let ids: Vec<String> = parents.iter().map(|p| format!("n{p}")).collect();
        let _ = writeln!(text, "  n{i}: {{parents: [{}]}}", ids.join(", "));
    }
    text
}

fn pairs(taxonomy: &Taxonomy, count: usize) -> Vec<(NodeId, NodeId)> {
    let nodes: Vec<NodeId> = taxonomy.nodes().collect();
    let mut random = Sequence(11);
    (0..count)
        .map(|_| {
            (
                nodes[random.below(nodes.len())],
                nodes[random.below(nodes.len())],
            )
        })
        .collect()
}

/// Loading takes a good part of a second: ten times are enough.
fn loading(c: &mut Criterion) {
    let mut group = c.benchmark_group("load and validate");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for (name, text) in [
        ("82,000 nodes, 84,000 edges, homonyms", yaml()),
        ("20,000 nodes, 320,000 edges", dense_yaml()),
    ] {
        group.bench_function(name, |b| b.iter(|| load_str("generated", black_box(&text))));
    }
    group.finish();
}

fn questions(c: &mut Criterion) {
    let text = yaml();
    let taxonomy = load_str("generated", &text).taxonomy.expect("nodes");
    let pairs = pairs(&taxonomy, 1000);
    let mut next = pairs.iter().cycle();
    let mut pair = move || *next.next().expect("pairs go round");
    c.bench_function("relation of a pair", |b| {
        b.iter(|| {
            let (p, t) = pair();
            taxonomy.relation(p, t)
        })
    });
    c.bench_function("lowest common ancestor of a pair", |b| {
        b.iter(|| {
            let (p, t) = pair();
            taxonomy.lca(p, t)
        })
    });
    c.bench_function("resolve a name", |b| {
        b.iter(|| taxonomy.resolve(black_box("Node_4711")))
    });
    c.bench_function("nearest names to an unknown one", |b| {
        b.iter(|| taxonomy.resolve(black_box("nodde 4711")))
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(30)
        .nresamples(10_000)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = loading, questions
}
criterion_main!(benches);
