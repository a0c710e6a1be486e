//! From pixels to the tokens of a vision transformer: convolutions whose places do not overlap, as products.

use candle_core::{DType, Device, Result, Tensor};

use super::block::Linear;
use super::fold::Convolution;
use super::spec::{Activation, Patches, VitSpec};
use crate::model::ModelError;
use crate::model::upload::Upload;
use crate::model::weights::Weights;

/// What embeds the patches.
pub struct Embedding {
    /// The first from pixels, each other one from four tokens of the one before. An activation is between them.
    steps: Vec<Linear>,
    /// Side of what the first is given, in pixels.
    cell: usize,
}

/// Cells of a side of what becomes one token in a further step.
const JOINED: usize = 2;

/// Pixels of a side of what the first of several steps is given.
const FIRST_CELL: usize = 4;

const ACTIVATION: Activation = Activation::Gelu;

impl Embedding {
    pub fn load(weights: &Weights, spec: &VitSpec) -> std::result::Result<Self, ModelError> {
        let (width, patch) = (spec.stack.width, spec.patch_size);
        let name = "vision_model.embeddings.patch_embedding";
        match spec.patches {
            Patches::Whole { bias } => {
                let weight = weights.get(&format!("{name}.weight"), &[width, 3, patch, patch])?;
                let weight = weight.reshape((width, 3 * patch * patch))?;
                let bias = bias.then(|| weights.get(&format!("{name}.bias"), &[width]));
                Ok(Self {
                    steps: vec![Linear::new(weight, bias.transpose()?)?],
                    cell: patch,
                })
            }
            Patches::Steps => {
                let inner = width / 4;
                let normed =
                    |i: usize, sizes| Convolution::normed(weights, &format!("{name}.{i}"), sizes);
                let last = format!("{name}.2.conv");
                let last = Convolution::biased(weights, &last, [width, inner, JOINED])?;
                // Of tokens the values lie side by side, of pixels the places.
                let steps = [
                    normed(0, [inner, 3, FIRST_CELL])?,
                    normed(1, [inner, inner, JOINED])?.values_last(),
                    last.values_last(),
                ];
                let steps = steps.into_iter().map(|step| step.into_linear(weights));
                Ok(Self {
                    steps: steps.collect::<std::result::Result<_, _>>()?,
                    cell: FIRST_CELL,
                })
            }
        }
    }

    /// Brings n × 3 × S × S pixels to the device, rearranged so that a convolution is one product: (n · cells) × (3 · cell · cell).
    pub fn upload(
        &self,
        pixels: &[f32],
        spec: &VitSpec,
        device: &Device,
        upload: &Upload,
    ) -> Result<Tensor> {
        let images = pixels.len() / (3 * spec.image_size.pow(2));
        let cells = images * (spec.patches_per_side() * spec.patch_size / self.cell).pow(2);
        let shape = (cells, 3 * self.cell * self.cell);
        upload.tensor(shape, device, |out| self.cells(pixels, spec, out))
    }

    /// (n · cells) × (3 · cell · cell) → (n · patches) × width.
    pub fn forward(&self, cells: &Tensor, dtype: DType) -> Result<Tensor> {
        let mut x = cells.to_dtype(dtype)?;
        for (i, step) in self.steps.iter().enumerate() {
            if i > 0 {
                let values = x.dim(1)? * JOINED * JOINED;
                x = x.reshape(((), values))?;
            }
            x = match i + 1 < self.steps.len() {
                true => step.activated(&x, ACTIVATION)?,
                false => step.forward(&x)?,
            };
        }
        Ok(x)
    }

    /// Writes the pixels cell after cell. Those of a patch lie together, and within it those that are joined.
    fn cells(&self, pixels: &[f32], spec: &VitSpec, out: &mut [f32]) {
        let (size, side, patch) = (spec.image_size, spec.patches_per_side(), spec.patch_size);
        let mut places: Vec<[usize; 2]> = (0..side * side)
            .map(|i| [i / side * patch, i % side * patch])
            .collect();
        let mut joined = patch;
        while joined > self.cell {
            joined /= JOINED;
            let corners = (0..JOINED * JOINED).map(|i| [i / JOINED * joined, i % JOINED * joined]);
            places = places
                .into_iter()
                .flat_map(|[top, left]| corners.clone().map(move |[y, x]| [top + y, left + x]))
                .collect();
        }
        let mut out = out.chunks_exact_mut(self.cell);
        for image in pixels.chunks_exact(3 * size * size) {
            for &[top, left] in &places {
                for channel in image.chunks_exact(size * size) {
                    let rows = channel.chunks_exact(size).skip(top).take(self.cell);
                    for (row, out) in rows.zip(&mut out) {
                        out.copy_from_slice(&row[left..left + self.cell]);
                    }
                }
            }
        }
    }
}
