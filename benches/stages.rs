//! Each stage between a file and its embedding alone, on one core: what `cladist embed --profile` shows of a run, to see which of them a
//! change makes faster. A photograph of noise in two usual sizes, ViT-B/32's sizes for the model.

use std::hint::black_box;
use std::time::Duration;

use cladist::demo;
use cladist::embed::store::{Entry, Key, Recipe, Store};
use cladist::embed::{Batch, EmbedOptions, Stages};
use cladist::model::pixels::{self, DecodeOptions, Preprocess};
use cladist::model::{self, DType, DeviceChoice, LoadOptions, SpeedTest};
use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};

#[path = "world/sequence.rs"]
mod sequence;

use sequence::Sequence;

/// As in the program: see `main.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a data set's pictures and a camera's are like.
const SIZES: [(usize, usize); 2] = [(500, 375), (2048, 1536)];

/// Side of ViT-B/32's pictures.
const SIDE: u32 = 224;

/// Rows that are kept at once.
const ROWS: usize = 4096;

/// A JPEG file of smooth noise, which is about as large as that of a photograph.
fn jpeg(width: usize, height: usize) -> Vec<u8> {
    let mut random = Sequence(7);
    let mut rgb = vec![0u8; 3 * width * height];
    // Squares of several sizes on one another: the larger, the more they say.
    for side in [4, 16, 64, 256] {
        let columns = width.div_ceil(side);
        let levels: Vec<u8> = (0..3 * columns * height.div_ceil(side))
            .map(|_| (random.share() * (16.0 + 6.0 * (side as f64).log2())) as u8)
            .collect();
        for (i, value) in rgb.iter_mut().enumerate() {
            let (x, y) = (i / 3 % width / side, i / 3 / width / side);
            *value += levels[3 * (y * columns + x) + i % 3];
        }
    }
    // What a sensor adds.
    rgb.iter_mut()
        .for_each(|value| *value += random.below(5) as u8);
    let mut compress = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
    compress.set_size(width, height);
    compress.set_quality(90.0);
    let mut compress = compress.start_compress(Vec::new()).expect("a JPEG header");
    compress.write_scanlines(&rgb).expect("lines of a JPEG");
    compress.finish().expect("a JPEG")
}

fn pictures(c: &mut Criterion) {
    let preprocess = Preprocess::clip(SIDE);
    for (width, height) in SIZES {
        let file = jpeg(width, height);
        let mut group = c.benchmark_group(format!("picture of {width} x {height}"));
        group.throughput(Throughput::Elements(1));
        group.bench_function("hash", |b| b.iter(|| Key::of(black_box(&file))));
        for fast in [false, true] {
            let options = DecodeOptions {
                fast,
                ..DecodeOptions::default()
            };
            let options = preprocess.decode_options(&options);
            let decode = || pixels::read(black_box(&file), &options).expect("a picture");
            let name = if fast { "--fast-decode" } else { "decode" };
            group.bench_function(name, |b| b.iter(decode));
            let name = if fast { "resize, fast" } else { "resize" };
            group.bench_function(name, |b| {
                b.iter_batched(
                    decode,
                    |picture| preprocess.apply(picture),
                    criterion::BatchSize::PerIteration,
                );
            });
        }
        group.finish();
    }
}

/// A block of the image tower, of which the model has twelve: one core, as when all have work.
fn tower(c: &mut Criterion) {
    let mut group = c.benchmark_group("block of ViT-B/32, 16 pictures");
    group.throughput(Throughput::Elements(16));
    for dtype in [DType::F32, DType::Q8] {
        let test = SpeedTest::new(DeviceChoice::Cpu, dtype).expect("a block");
        group.bench_function(dtype.name(), |b| {
            b.iter(|| test.run().expect("a block"));
        });
    }
    group.finish();
}

/// What is encoded comes into a store, and is found there.
fn store(c: &mut Criterion) {
    let encoder = model::load_embedded(&demo::MODEL, LoadOptions::default()).expect("a model");
    let options = EmbedOptions {
        batch: Batch::of(16),
        decode: DecodeOptions::default(),
        stop_at_bad_image: false,
        stages: Stages::default(),
    };
    let recipe = || Recipe::of_images(encoder.as_ref(), &options, "demo");
    let columns = encoder.columns();
    let keys: Vec<Key> = (0..ROWS).map(|i| Key::of(&i.to_le_bytes())).collect();
    let entries = || -> Vec<Entry> {
        let keys = keys.iter().enumerate();
        keys.map(|(i, &key)| Entry {
            key,
            name: format!("photographs/{i:08}.jpg"),
            label: Some("a label".to_owned()),
        })
        .collect()
    };
    let rows: Vec<f32> = (0..ROWS * columns).map(|i| i as f32).collect();
    let mut group: BenchmarkGroup<'_, WallTime> =
        c.benchmark_group(format!("store, {ROWS} rows of {columns}"));
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("keep", |b| {
        b.iter_batched(
            || tempfile::TempDir::new().expect("a directory"),
            |dir| {
                let collection = Store::at(dir.path())
                    .collection(recipe())
                    .expect("a collection");
                collection.add(entries(), &rows).expect("rows are added");
                collection.flush().expect("rows are written");
                dir
            },
            criterion::BatchSize::PerIteration,
        );
    });
    let dir = tempfile::TempDir::new().expect("a directory");
    let collection = Store::at(dir.path())
        .collection(recipe())
        .expect("a collection");
    collection.add(entries(), &rows).expect("rows are added");
    collection.flush().expect("rows are written");
    drop(collection);
    let collection = Store::at(dir.path())
        .collection(recipe())
        .expect("a collection");
    group.bench_function("find", |b| {
        let mut row = vec![0.0; columns];
        b.iter(|| {
            keys.iter()
                .filter(|key| collection.get(key, &mut row))
                .count()
        });
    });
    group.finish();
}

criterion_group! {
    name = stages;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(3));
    targets = pictures, tower, store
}
criterion_main!(stages);
