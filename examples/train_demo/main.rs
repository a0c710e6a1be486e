//! Trains the demo's model: a small CLIP on drawings of the built-in world, on the CPU.
//!
//! ```console
//! $ cargo run --release --example train_demo -- --out target/demo-model
//! ```
//!
//! Everything is seeded. A checkpoint is written every few hundred steps under `--work`; the same command goes on from
//! it. The result is a checkpoint in the Hugging Face layout, in half precision.

mod data;
mod held_out;
mod model;
mod optimiser;
mod text;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use cladist::demo::World;
use clap::Parser;

use data::{Batch, Batches};
use held_out::HeldOut;
use model::{Clip, Sizes};
use optimiser::AdamW;
use text::Captions;

/// As in the program: every candle operation allocates.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Args {
    /// Where the trained model goes
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Where checkpoints are kept between runs
    #[arg(long, value_name = "DIR", default_value = "target/train_demo")]
    work: PathBuf,
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(..data::MOST_SEEDS))]
    seed: u64,
    #[arg(long, default_value_t = 4000)]
    steps: u64,
    /// Images a step, over all parts
    #[arg(long, default_value_t = 96)]
    batch: usize,
    #[arg(long, default_value_t = 1e-3)]
    learning_rate: f64,
    /// Steps between two checkpoints, each with a look at held-out drawings
    #[arg(long, default_value_t = 500)]
    every: u64,
    /// Held-out drawings to look at
    #[arg(long, default_value_t = 1000)]
    held_out: usize,
}

fn main() -> Result<()> {
    // Each part is computed on a thread of its own (see `step`).
    // SAFETY: no other thread exists yet.
    unsafe { cladist::model::init_threads() };
    let args = Args::parse();
    ensure!(
        args.batch > 0 && args.every > 0 && args.steps > 0,
        "--batch, --every and --steps are at least 1"
    );
    let world = World::new()?;
    let captions = Captions::new(&world)?;
    let clip = Clip::new(Sizes::demo(captions.vocab_size()), args.seed)?;
    let mut optimiser = AdamW::new(clip.variables())?;
    std::fs::create_dir_all(&args.work)
        .with_context(|| format!("{}: cannot be made", args.work.display()))?;
    let checkpoint = args.work.join(format!("seed-{}.safetensors", args.seed));
    let mut done = optimiser.resume(&checkpoint)?;
    if done > 0 {
        eprintln!("going on from step {done}");
    }

    let pictures = data::training_seed(args.seed);
    let batches = Batches::new(&world, pictures, args.batch.div_ceil(PARTS), PARTS);
    let (start, first) = (Instant::now(), done);
    let mut loss_since = (0.0, 0u32);
    while done < args.steps {
        let rate = learning_rate(done, args.steps, args.learning_rate);
        let loss = step(&clip, &captions, &batches, done, &mut optimiser, rate)?;
        done += 1;
        loss_since = (loss_since.0 + f64::from(loss), loss_since.1 + 1);
        if done % 50 == 0 {
            let pace = start.elapsed().as_secs_f64() / (done - first) as f64;
            eprintln!(
                "step {done}/{}  loss {:.3}  {:.2} s a step, {:.0} min left",
                args.steps,
                loss_since.0 / f64::from(loss_since.1),
                pace,
                pace * (args.steps - done) as f64 / 60.0
            );
            loss_since = (0.0, 0);
        }
        if done % args.every == 0 || done == args.steps {
            optimiser.save(&checkpoint, done)?;
            let held_out = held_out::evaluate(&clip, &captions, &world, args.held_out)?;
            eprintln!("step {done}: held out: {held_out}");
        }
    }
    clip.round_to_half()?;
    let held_out = held_out::evaluate(&clip, &captions, &world, 4 * args.held_out)?;
    eprintln!("in half precision: {held_out}");
    write_model(&args.out, &clip, &captions, &held_out)?;
    eprintln!("model written to {}", args.out.display());
    Ok(())
}

/// Parts of a batch, whatever the number of cores: labels and drawings are compared within a part, so the result depends on it.
const PARTS: usize = 2;

/// A linear warm-up, then half a cosine down to a hundredth.
fn learning_rate(step: u64, steps: u64, peak: f64) -> f64 {
    let warm_up = (steps / 20).clamp(1, 300);
    if step < warm_up {
        return peak * (step + 1) as f64 / warm_up as f64;
    }
    let progress = (step - warm_up) as f64 / (steps - warm_up).max(1) as f64;
    peak * (0.01 + 0.99 * (1.0 + (std::f64::consts::PI * progress).cos()) / 2.0)
}

/// One step: the gradients of each part of the batch are computed on a thread of its own, which is faster than one
/// computation spread over candle's pool. Returns the mean loss.
fn step(
    clip: &Clip,
    captions: &Captions,
    batches: &Batches<'_>,
    step: u64,
    optimiser: &mut AdamW,
    rate: f64,
) -> Result<f32> {
    let parts: Vec<Batch> = batches.step(step);
    let results = std::thread::scope(|scope| {
        let threads: Vec<_> = parts
            .iter()
            .enumerate()
            .map(|(i, part)| {
                scope.spawn(move || -> Result<_> {
                    let labels = captions.of_all_labels(step * 1009 + i as u64)?;
                    let loss = loss(clip, part, &labels)?;
                    let gradients = loss.backward()?;
                    Ok((loss.to_scalar::<f32>()?, gradients))
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("training does not panic"))
            .collect::<Result<Vec<_>>>()
    })?;
    let (losses, gradients): (Vec<f32>, Vec<_>) = results.into_iter().unzip();
    optimiser.step(&gradients, rate)?;
    Ok(losses.iter().sum::<f32>() / losses.len() as f32)
}

/// Contrastive loss of pictures against one caption a label, where every true label counts: in the optimum a picture
/// gives each of its K true labels the probability 1/K, and a label each of its pictures the same.
fn loss(clip: &Clip, part: &Batch, labels: &[Vec<u32>]) -> Result<Tensor> {
    let images = clip.images(&part.pixels)?;
    let texts = clip.texts(labels)?;
    let logits = images.matmul(&texts.t()?)?.broadcast_mul(&clip.scale()?)?;
    // n × labels, 1 where the label is true of the picture.
    let truth = &part.truth;
    let by_image = candle_nn::ops::log_softmax(&logits, 1)?;
    let k = truth.sum_keepdim(1)?;
    let of_images = (by_image * truth.broadcast_div(&k)?)?
        .sum_all()?
        .affine(-1.0 / truth.dim(0)? as f64, 0.0)?;
    let by_label = candle_nn::ops::log_softmax(&logits, 0)?;
    let pictures = truth.sum_keepdim(0)?;
    // A label without a picture in this part has nothing to be compared with.
    let occurring = pictures
        .gt(0f32)?
        .to_dtype(DType::F32)?
        .sum_all()?
        .to_scalar::<f32>()?;
    let share = truth.broadcast_div(&pictures.clamp(1f32, f32::MAX)?)?;
    let of_labels = (by_label * share)?
        .sum_all()?
        .affine(-1.0 / f64::from(occurring.max(1.0)), 0.0)?;
    Ok(((of_images + of_labels)? * 0.5)?)
}

/// The checkpoint in the Hugging Face layout, weights in half precision.
fn write_model(out: &Path, clip: &Clip, captions: &Captions, held_out: &HeldOut) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
    let write = |name: &str, text: String| {
        let path = out.join(name);
        std::fs::write(&path, text)
            .with_context(|| format!("{}: cannot be written", path.display()))
    };
    let size = clip.sizes().image_size;
    write(
        "config.json",
        format!("{:#}\n", clip.sizes().config(captions)),
    )?;
    write(
        "preprocessor_config.json",
        format!(
            "{:#}\n",
            serde_json::json!({"size": size, "crop_size": size})
        ),
    )?;
    write(
        "held-out.json",
        serde_json::to_string_pretty(held_out)? + "\n",
    )?;
    write("tokenizer.json", captions.tokenizer_json()?)?;
    let weights = clip
        .named()
        .iter()
        .map(|(name, variable)| Ok((name.clone(), variable.as_tensor().to_dtype(DType::F16)?)))
        .collect::<Result<std::collections::HashMap<_, _>>>()?;
    candle_core::safetensors::save(&weights, out.join("model.safetensors"))?;
    Ok(())
}

/// Where everything is computed.
const DEVICE: Device = Device::Cpu;
