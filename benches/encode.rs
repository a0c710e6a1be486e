//! The image encoder from pixels and from files, driven by `encode_vs_others.py` so that runs alternate.
//!
//! Loads the model and the pictures once, then answers each line on standard input: `pixels` or `files` with the seconds that
//! one pass over all pictures took, `latency` with those of one picture from its pixels, `memory` with the MiB that the process
//! held at most. `cargo bench --bench encode -- --model DIR --images DIR`.

use std::io::{BufRead, Write, stdin, stdout};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use cladist::dataset::{self, Item, Picture};
use cladist::embed::{Batch, EmbedOptions, Stages, encode_images};
use cladist::model::pixels::{self, DecodeOptions};
use cladist::model::{self, DType, Encoder, LoadOptions};
use clap::Parser;

/// As in the program: see `main.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Args {
    #[arg(long)]
    model: String,
    #[arg(long)]
    images: PathBuf,
    /// As many as by default in the program.
    #[arg(long, default_value_t = 16)]
    batch: usize,
    #[arg(long, default_value_t)]
    dtype: DType,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// One pass over pixels that are in memory: the encoder alone, a worker a core as in the program.
fn pixels(encoder: &dyn Encoder, batches: &[Vec<f32>]) -> Result<(), model::ModelError> {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            std::hint::black_box(encoder.encode_images(batch)?);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..encoder.workers()).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("encoding does not panic"))
    })
}

/// MiB that this process held at most, as Linux tells.
fn peak_memory() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kib.ok_or("no VmHWM")?.trim().parse::<u64>()? / 1024)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // SAFETY: no other thread exists yet.
    unsafe { model::init_threads() };
    let args = Args::parse();
    let options = LoadOptions {
        dtype: args.dtype,
        ..LoadOptions::default()
    };
    let encoder = model::load(&args.model, options, &())?;
    let images = dataset::open(&args.images)?;
    let pictures: Vec<Picture> = images.items().map(Item::picture).collect();
    let options = EmbedOptions {
        batch: Batch::of(args.batch),
        decode: DecodeOptions::default(),
        stop_at_bad_image: true,
        stages: Stages::default(),
    };
    let mut batches = Vec::new();
    for pictures in pictures.chunks(args.batch) {
        let mut batch = Vec::new();
        for picture in pictures {
            let preprocess = encoder.preprocess();
            let options = preprocess.decode_options(&options.decode);
            let picture = pixels::read(&picture.read()?, &options)?;
            batch.extend(preprocess.apply(picture));
        }
        batches.push(batch);
    }

    for line in stdin().lock().lines() {
        let start = Instant::now();
        match line?.trim() {
            "pixels" => pixels(encoder.as_ref(), &batches)?,
            "files" => {
                let stop = AtomicBool::new(false);
                encode_images(
                    encoder.as_ref(),
                    pictures.len(),
                    &|i| Ok(pictures[i].read()?.into_owned()),
                    &options,
                    &|_| {},
                    &stop,
                )?;
            }
            "latency" => {
                let values = 3 * encoder.preprocess().output_size().0.pow(2);
                std::hint::black_box(encoder.encode_images(&batches[0][..values])?);
            }
            "memory" => {
                println!("{}", peak_memory()?);
                stdout().flush()?;
                continue;
            }
            other => {
                let known = "say pixels, files, latency or memory";
                return Err(format!("`{other}`: {known}").into());
            }
        }
        println!("{}", start.elapsed().as_secs_f64());
        stdout().flush()?;
    }
    Ok(())
}
