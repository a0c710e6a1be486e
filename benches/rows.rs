//! A million rows of a run: which are meant by a filter, and in which order they are.

#[path = "world/mod.rs"]
mod world;

use std::{hint::black_box, sync::atomic::AtomicBool, time::Duration};

use cladist::run::{Filter, Key, Opened, Order, Saved, complete};
use criterion::{Criterion, criterion_group, criterion_main};
use world::{ROWS, opened};

/// As in the program: see `main.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    let run = opened(ROWS);
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
