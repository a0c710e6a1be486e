//! A piece of work of known size, to see how fast a device is without a checkpoint.

use candle_core::{Device, Tensor};

use super::ModelError;
use super::device::{self, DType, DeviceChoice};
use super::towers::{Activation, PlainBlocks, Stack};

/// Tokens of a picture for ViT-B/32.
const TOKENS: usize = 50;

/// Blocks of ViT-B/32.
const LAYERS: usize = 12;

/// Pictures that go through a block of ViT-B/32 at once.
const IMAGES: usize = 16;

/// One transformer block with the sizes of ViT-B/32.
pub struct SpeedTest {
    blocks: PlainBlocks,
    x: Tensor,
    device: Device,
}

impl SpeedTest {
    /// Images that one run is worth: a whole model has twelve such blocks, and little beside them.
    pub const IMAGES: f64 = IMAGES as f64 / LAYERS as f64;

    /// Floating-point operations of one run, a multiply-add as two: 24·width² a token for the products, and 4·width for each pair of
    /// tokens.
    pub const FLOP: f64 = (IMAGES * TOKENS * (24 * 768 * 768 + 4 * 768 * TOKENS)) as f64;

    /// Puts the block on a device.
    ///
    /// # Errors
    /// A device that cannot be opened, or fails.
    pub fn new(device: DeviceChoice, dtype: DType) -> Result<Self, ModelError> {
        let device = device.open(dtype)?;
        let stack = Stack {
            width: 768,
            inner: 3072,
            layers: 1,
            heads: 12,
            activation: Activation::QuickGelu,
            eps: 1e-5,
            causal: false,
        };
        let rows = (IMAGES * TOKENS, stack.width);
        Ok(Self {
            blocks: PlainBlocks::of_ones(&stack, &device, dtype)?,
            x: Tensor::ones(rows, dtype.of_candle(), &device)?,
            device,
        })
    }

    /// How many threads may run it at once with profit.
    pub fn workers(&self) -> usize {
        device::workers(&self.device)
    }

    /// Computes the block once, and waits until it is done.
    ///
    /// # Errors
    /// A device that fails.
    pub fn run(&self) -> Result<(), ModelError> {
        let done = self.blocks.forward(self.x.clone(), TOKENS)?;
        // A GPU has not done what nobody has read.
        done.narrow(0, 0, 1)?
            .flatten_all()?
            .to_device(&Device::Cpu)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_on_the_cpu() {
        let test = SpeedTest::new(DeviceChoice::Cpu, DType::F32).unwrap();
        test.run().unwrap();
        assert!(test.workers() > 0);
    }
}
