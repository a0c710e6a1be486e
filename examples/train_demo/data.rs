//! Batches of drawings, made as they are needed: nothing is read from disk, and no drawing is seen twice.

use candle_core::Tensor;
use cladist::demo::{Annotator, Canvas, Habit, Settings, World};
use cladist::model::pixels::{Picture, Preprocess, Rgb};

use super::DEVICE;
use super::model::IMAGE_SIZE;

/// Seeds that a training run may have, from 0.
pub const MOST_SEEDS: u64 = 1 << 32;

/// Held-out drawings come from a seed that no training run uses.
pub const HELD_OUT_SEED: u64 = u64::MAX;

/// The seed of a training run's drawings: no small number, so that what somebody draws with `cladist demo` is never what
/// the model was trained on.
pub fn training_seed(seed: u64) -> u64 {
    (1 << 63) + seed
}

/// Widths of the drawings, one a part in turn: the model is to see detail of any scale.
const SIZES: [u32; 3] = [64, 96, 128];

/// Drawings with what is true of them.
pub struct Batch {
    /// n × 3 × S × S, normalised.
    pub pixels: Tensor,
    /// n × labels, 1 where the label is true.
    pub truth: Tensor,
    /// Index of the most specific label of each.
    pub specific: Vec<usize>,
}

/// The drawings of each step.
pub struct Batches<'a> {
    world: &'a World,
    settings: Settings,
    /// Drawings a part.
    size: usize,
    parts: usize,
}

impl<'a> Batches<'a> {
    pub fn new(world: &'a World, seed: u64, size: usize, parts: usize) -> Self {
        let settings = Settings {
            seed,
            canvas: Canvas::default(),
            annotator: Annotator {
                habit: Habit::Uniform,
                error_rate: 0.0,
            },
        };
        Self {
            world,
            settings,
            size,
            parts,
        }
    }

    /// The parts of step `step`.
    pub fn step(&self, step: u64) -> Vec<Batch> {
        std::thread::scope(|scope| {
            let parts: Vec<_> = (0..self.parts as u64)
                .map(|part| scope.spawn(move || self.part(step * self.parts as u64 + part)))
                .collect();
            parts
                .into_iter()
                .map(|part| part.join().expect("drawing does not panic"))
                .collect()
        })
    }

    fn part(&self, part: u64) -> Batch {
        let labels = self.world.taxonomy().len();
        let mut settings = self.settings.clone();
        settings.canvas.size = SIZES[(part % SIZES.len() as u64) as usize];
        let side = IMAGE_SIZE;
        // The steps that the trained model will be used with.
        let preprocess = Preprocess::clip(side as u32);
        let mut pixels = Vec::with_capacity(self.size * 3 * side * side);
        let mut truth = vec![0f32; self.size * labels];
        let mut specific = Vec::with_capacity(self.size);
        for i in 0..self.size {
            let item = self
                .world
                .item(&settings, part * self.size as u64 + i as u64);
            pixels.extend(preprocess.apply(Picture::opaque(Rgb {
                width: item.drawing.size,
                height: item.drawing.size,
                data: item.drawing.rgb,
            })));
            for node in &item.facts.truths {
                truth[i * labels + node.index()] = 1.0;
            }
            specific.push(item.facts.specific.index());
        }
        let tensor = |values, shape: &[usize]| {
            Tensor::from_vec(values, shape, &DEVICE).expect("as many values as the shape says")
        };
        Batch {
            pixels: tensor(pixels, &[self.size, 3, side, side]),
            truth: tensor(truth, &[self.size, labels]),
            specific,
        }
    }
}
