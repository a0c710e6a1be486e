//! The image tower: pixels → joint space.

use candle_core::{DType, Device, Result, Tensor};

use super::fastvit::FastVit;
use super::spec::{Spec, VisionSpec};
use super::vit::Vit;
use crate::model::ModelError;
use crate::model::upload::Upload;
use crate::model::weights::Weights;

/// An image tower of either kind.
pub enum VisionTower {
    Vit(Box<Vit>),
    FastVit(Box<FastVit>),
}

impl VisionTower {
    pub fn load(weights: &Weights, spec: &Spec) -> std::result::Result<Self, ModelError> {
        Ok(match &spec.vision {
            VisionSpec::Vit(vision) => Self::Vit(Box::new(Vit::load(weights, vision, spec.dim)?)),
            VisionSpec::FastVit(vision) => {
                Self::FastVit(Box::new(FastVit::load(weights, vision, spec.dim)?))
            }
        })
    }

    /// Whether a row is the same to the bit whatever is computed with it.
    pub fn rows_are_independent(&self) -> bool {
        match self {
            Self::Vit(tower) => tower.rows_are_independent(),
            Self::FastVit(tower) => tower.rows_are_independent(),
        }
    }

    /// Brings n × 3 × S × S pixels to the device, rearranged for [`forward`](Self::forward) so that the first convolution is one product.
    pub fn upload(&self, pixels: &[f32], device: &Device, upload: &Upload) -> Result<Tensor> {
        match self {
            Self::Vit(tower) => tower.upload(pixels, device, upload),
            Self::FastVit(tower) => tower.upload(pixels, device, upload),
        }
    }

    /// Pixels as they were [uploaded](Self::upload) → n × dim, not normalised, f32 on the host's order of rows; with as many columns of
    /// log σ² behind them where the tower tells it.
    pub fn forward(&self, pixels: Tensor, dtype: DType) -> Result<Tensor> {
        match self {
            Self::Vit(tower) => tower.forward(pixels, dtype),
            Self::FastVit(tower) => tower.forward(pixels, dtype),
        }
    }
}
