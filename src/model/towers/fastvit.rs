//! FastViT, the image tower of MobileCLIP: pixels → joint space.
//!
//! Checkpoints hold it as it is trained: each convolution as several beside one another, with a batch norm behind each. They are made
//! into one when they are loaded (`fold`), so what is computed is what its authors call reparameterised.

use candle_core::{D, DType, Device, Result, Tensor};

use super::block::{Linear, Norm};
use super::fold::{BatchNorm, Branches, Convolution};
use super::grid::{ACTIVATION, Block, Blocks, Depthwise, Mixer};
use super::ops;
use super::spec::FastVitSpec;
use crate::model::ModelError;
use crate::model::upload::Upload;
use crate::model::weights::Weights;

type Loaded<T> = std::result::Result<T, ModelError>;

/// The network.
pub struct FastVit {
    stem: Stem,
    stages: Vec<Stage>,
    last: Doubling,
    /// dim × twice the width of the last stage.
    head: Linear,
    spec: FastVitSpec,
}

/// Three convolutions, which make a grid of a quarter of the picture's side.
struct Stem {
    /// Of 3 × 3 pixels, two apart.
    pixels: Linear,
    convolution: Depthwise,
    mix: Linear,
}

/// Blocks on one grid, and what makes it of the one before.
struct Stage {
    /// All but the first stage have it.
    from_before: Option<(Doubling, Linear)>,
    /// Added to the tokens where attention, which knows no places, is to mix them.
    positions: Option<Depthwise>,
    blocks: Blocks,
}

/// A convolution that makes two channels of each.
struct Doubling {
    convolution: Depthwise,
    excited: Option<Excited>,
}

/// Channels are scaled by what is read from the means of all of them: squeeze and excitation.
struct Excited {
    squeeze: Linear,
    excite: Linear,
}

/// Sides of kernels: within the stem and what mixes tokens, and before MLPs, grids and as positions.
const NEAR: usize = 3;
const FAR: usize = 7;

/// Where timm keeps the parts, as `weights` calls it.
const TRUNK: &str = "vision_model";

/// What a layer norm adds to the variance.
const EPS: f32 = 1e-5;

impl FastVit {
    /// `dim` is that of the joint space.
    pub fn load(weights: &Weights, spec: &FastVitSpec, dim: usize) -> Loaded<Self> {
        refuse_inference_form(weights)?;
        let stages = (0..spec.layers.len()).map(|i| Stage::load(weights, spec, i));
        let last = spec.width_of(spec.last());
        let name = format!("{TRUNK}.final_conv");
        let convolution =
            Convolution::of_branches(weights, &name, Branches::new(last, 2 * last, 1, NEAR))?;
        Ok(Self {
            stem: Stem::load(weights, spec)?,
            stages: stages.collect::<Loaded<_>>()?,
            last: Doubling {
                convolution: convolution.into_depthwise(weights, 1, None)?,
                excited: Some(Excited::load(weights, &name, 2 * last, 16)?),
            },
            head: Linear::load(weights, &format!("{TRUNK}.head.fc"), [dim, 2 * last])?,
            spec: spec.clone(),
        })
    }

    /// Whether a row is the same to the bit whatever is computed with it.
    pub fn rows_are_independent(&self) -> bool {
        let mut stages = self.stages.iter();
        stages.all(|stage| stage.blocks.rows_are_independent())
    }

    /// See [`VisionTower::upload`](super::VisionTower::upload): (n · S/2 · S/2) × (3 · 3 · 3).
    pub fn upload(&self, pixels: &[f32], device: &Device, upload: &Upload) -> Result<Tensor> {
        let size = self.spec.image_size;
        let images = pixels.len() / (3 * size * size);
        let shape = (images * size.div_ceil(2).pow(2), 3 * NEAR * NEAR);
        upload.tensor(shape, device, |out| surroundings(pixels, size, out))
    }

    /// See [`VisionTower::forward`](super::VisionTower::forward).
    pub fn forward(&self, around: Tensor, dtype: DType) -> Result<Tensor> {
        let side = self.spec.image_size.div_ceil(2);
        let rows = around.dim(0)?;
        // The first grids are large, so on a CPU there is one picture at a time; other devices want as much as there is.
        let at_once = match around.device().is_cpu() {
            true => side * side,
            false => rows.max(1),
        };
        let parts = (0..rows).step_by(at_once);
        let parts = parts.map(|first| {
            let around = around.narrow(0, first, at_once)?;
            self.stem.forward(&around.to_dtype(dtype)?, side)
        });
        let mut x = Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 0)?;
        for (i, stage) in self.stages.iter().enumerate() {
            if let Some((doubling, mix)) = &stage.from_before {
                x = doubling.forward(&x, self.spec.side(i - 1), self.spec.side(i))?;
                x = mix.activated(&x, ACTIVATION)?;
            }
            let side = self.spec.side(i);
            if let Some(positions) = &stage.positions {
                x = positions.forward(&x, side)?;
            }
            x = stage.blocks.forward(x, side)?;
        }
        let side = self.spec.side(self.spec.last());
        let x = self.last.forward(&x, side, side)?;
        let means = mean(&x, side * side)?;
        self.head.forward(&means)?.to_dtype(DType::F32)
    }
}

impl Stem {
    fn load(weights: &Weights, spec: &FastVitSpec) -> Loaded<Self> {
        let width = spec.width;
        let part = |i: usize, branches: Branches| {
            let branches = Branches {
                single: !spec.large,
                ..branches
            };
            Convolution::of_branches(weights, &format!("{TRUNK}.stem.{i}"), branches)
        };
        Ok(Self {
            pixels: part(0, Branches::new(3, width, 3, NEAR))?.into_linear(weights)?,
            convolution: part(1, Branches::new(width, width, 1, NEAR).apart())?.into_depthwise(
                weights,
                2,
                Some(ACTIVATION),
            )?,
            mix: part(2, Branches::new(width, width, width, 1))?.into_linear(weights)?,
        })
    }

    /// [Surroundings](surroundings) on grids of this side → (n · S/4 · S/4) × width.
    fn forward(&self, around: &Tensor, side: usize) -> Result<Tensor> {
        let x = self.pixels.activated(around, ACTIVATION)?;
        let x = self.convolution.forward(&x, side)?;
        self.mix.activated(&x, ACTIVATION)
    }
}

/// Writes the pixels around every second one in each direction, zeros outside, so that the first convolution is one product:
/// (n · S/2 · S/2) × (3 · 3 · 3).
fn surroundings(pixels: &[f32], size: usize, out: &mut [f32]) {
    let side = size.div_ceil(2);
    let mut out = out.iter_mut();
    for image in pixels.chunks_exact(3 * size * size) {
        for place in 0..side * side {
            let (top, left) = (2 * (place / side), 2 * (place % side));
            for channel in image.chunks_exact(size * size) {
                for (tap, out) in (0..NEAR * NEAR).zip(&mut out) {
                    let row = (top + tap / NEAR).checked_sub(1).filter(|&row| row < size);
                    let column = (left + tap % NEAR).checked_sub(1);
                    let pixel = row.zip(column.filter(|&column| column < size));
                    *out = pixel.map_or(0.0, |(row, column)| channel[row * size + column]);
                }
            }
        }
    }
}

impl Stage {
    fn load(weights: &Weights, spec: &FastVitSpec, stage: usize) -> Loaded<Self> {
        let (name, width) = (format!("{TRUNK}.stages.{stage}"), spec.width_of(stage));
        let from_before = || -> Loaded<_> {
            let name = format!("{name}.downsample.proj");
            let large = format!("{name}.0.large_conv");
            let large = Convolution::normed(weights, &large, [width, 1, FAR])?;
            let small = format!("{name}.0.small_conv");
            let small = Convolution::normed(weights, &small, [width, 1, NEAR])?;
            let excited = || Excited::load(weights, &format!("{name}.0"), width, 4);
            let excited = spec.excites(stage).then(excited).transpose()?;
            // What is excited is so before the activation.
            let activation = excited.is_none().then_some(ACTIVATION);
            let doubling = Doubling {
                convolution: large.plus(small).into_depthwise(weights, 2, activation)?,
                excited,
            };
            let mix = Branches::new(width, width, width, 1);
            let mix = Convolution::of_branches(weights, &format!("{name}.1"), mix)?;
            Ok((doubling, mix.into_linear(weights)?))
        };
        let positions = || -> Loaded<_> {
            let name = format!("{name}.pos_emb.pos_enc");
            let positions = Convolution::biased(weights, &name, [width, 1, FAR])?;
            let with_tokens = positions.plus(Convolution::identity(width, 1));
            with_tokens.into_depthwise(weights, 1, None)
        };
        let names = (0..spec.layers[stage]).map(|i| format!("{name}.blocks.{i}"));
        let blocks = names.map(|name| block(weights, &name, spec, stage));
        Ok(Self {
            from_before: (stage > 0).then(from_before).transpose()?,
            positions: spec.attends(stage).then(positions).transpose()?,
            blocks: Blocks::new(blocks)?,
        })
    }
}

/// The block `name` of a stage.
fn block(weights: &Weights, name: &str, spec: &FastVitSpec, stage: usize) -> Loaded<Block> {
    let width = spec.width_of(stage);
    let inner = width * spec.mlp_ratio;
    let layer_scale = |part: &str| weights.values(&format!("{name}.{part}.gamma"), &[width, 1, 1]);
    let (mixer, scale) = match spec.attends(stage) {
        false => (convolving(weights, name, width)?, "layer_scale"),
        true => {
            let scale = layer_scale("layer_scale_1")?;
            (
                attending(weights, name, spec, width, &scale)?,
                "layer_scale_2",
            )
        }
    };
    let mlp = format!("{name}.mlp");
    let fc1 = Convolution::biased(weights, &format!("{mlp}.fc1"), [inner, width, 1])?;
    let fc2 = Convolution::biased(weights, &format!("{mlp}.fc2"), [width, inner, 1])?;
    let convolution = Convolution::normed(weights, &format!("{mlp}.conv"), [width, 1, FAR])?;
    Ok(Block {
        mixer,
        convolution: convolution.into_depthwise(weights, 1, None)?,
        fc1: fc1.into_linear_of_block(weights)?,
        fc2: fc2
            .scaled(&layer_scale(scale)?)
            .into_linear_of_block(weights)?,
    })
}

/// `x + scale · (mixer(x) − norm(x))`, as one convolution.
fn convolving(weights: &Weights, name: &str, width: usize) -> Loaded<Mixer> {
    let name = format!("{name}.token_mixer");
    let mixer = Branches::new(width, width, 1, NEAR);
    let mixer = Convolution::of_branches(weights, &format!("{name}.mixer"), mixer)?;
    let norm = BatchNorm::load(weights, &format!("{name}.norm.identity"), width)?;
    let norm = Convolution::identity(width, 1).normed_by(&norm);
    let scale = weights.values(&format!("{name}.layer_scale.gamma"), &[width, 1, 1])?;
    let difference = mixer.plus(norm.scaled(&vec![-1.0; width]));
    let whole = difference
        .scaled(&scale)
        .plus(Convolution::identity(width, 1));
    Ok(Mixer::Convolution(whole.into_depthwise(weights, 1, None)?))
}

/// Attention, with what scales it and a batch norm before it made a part of its products.
fn attending(
    weights: &Weights,
    name: &str,
    spec: &FastVitSpec,
    width: usize,
    scale: &[f64],
) -> Loaded<Mixer> {
    let attention = format!("{name}.token_mixer");
    let qkv = Convolution::unbiased(weights, &format!("{attention}.qkv"), [3 * width, width])?;
    let out = Convolution::projection(weights, &format!("{attention}.proj"), [width, width])?;
    let before = format!("{name}.norm");
    let (norm, qkv) = match spec.large {
        true => (Some(Norm::of_width(weights, &before, width, EPS)?), qkv),
        false => (None, qkv.behind(&BatchNorm::load(weights, &before, width)?)),
    };
    Ok(Mixer::Attention {
        norm,
        qkv: qkv.into_linear_of_block(weights)?,
        out: out.scaled(scale).into_linear_of_block(weights)?,
        heads: width / FastVitSpec::HEAD,
    })
}

impl Doubling {
    /// (n · side · side) × channels → (n · to · to) × 2·channels.
    fn forward(&self, x: &Tensor, side: usize, to: usize) -> Result<Tensor> {
        let (rows, channels) = x.dims2()?;
        let twice = x
            .unsqueeze(2)?
            .broadcast_as((rows, channels, 2))?
            .reshape((rows, 2 * channels))?;
        let x = self.convolution.forward(&twice, side)?;
        match &self.excited {
            None => Ok(x),
            Some(excited) => ops::activate(&excited.forward(&x, to * to)?, ACTIVATION),
        }
    }
}

impl Excited {
    /// `NAME.se`, which squeezes the channels into a `part` of them.
    fn load(weights: &Weights, name: &str, channels: usize, part: usize) -> Loaded<Self> {
        let squeezed = channels / part;
        let layer = |layer: &str, sizes: [usize; 2]| {
            let name = format!("{name}.se.{layer}");
            Convolution::biased(weights, &name, [sizes[0], sizes[1], 1])?.into_linear(weights)
        };
        Ok(Self {
            squeeze: layer("fc1", [squeezed, channels])?,
            excite: layer("fc2", [channels, squeezed])?,
        })
    }

    /// `x` is (n · tokens) × channels.
    fn forward(&self, x: &Tensor, tokens: usize) -> Result<Tensor> {
        let squeezed = self.squeeze.forward(&mean(x, tokens)?)?.relu()?;
        let factors = candle_nn::ops::sigmoid(&self.excite.forward(&squeezed)?)?;
        let of_picture = x.reshape(((), tokens, x.dim(D::Minus1)?))?;
        of_picture
            .broadcast_mul(&factors.unsqueeze(1)?)?
            .reshape(x.shape())
    }
}

/// Means of the tokens of each picture: (n · tokens) × channels → n × channels, summed in f32.
fn mean(x: &Tensor, tokens: usize) -> Result<Tensor> {
    let of_picture = x.reshape(((), tokens, x.dim(D::Minus1)?))?;
    let means = of_picture.to_dtype(DType::F32)?.mean(1)?;
    means.to_dtype(x.dtype())
}

/// Refuses weights whose branches have been made into one already: open_clip neither writes nor reads them.
fn refuse_inference_form(weights: &Weights) -> Loaded<()> {
    let name = format!("{TRUNK}.stem.0.reparam_conv.weight");
    if !weights.has_tensor(&name) {
        return Ok(());
    }
    Err(ModelError::Weights {
        path: weights.path().to_owned(),
        reason: "the branches of the image tower are made into one (`reparam_conv`): give the weights as open_clip publishes them, \
            with `conv_kxk`, before reparameterize() is called"
            .into(),
    })
}
