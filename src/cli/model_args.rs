//! Options that several commands share: which model on which device, and how images are read.

use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::AtomicBool;

use crate::demo;
use crate::embed::{Batch, EmbedOptions, Stages};
use crate::model::hub::HubError;
use crate::model::pixels::DecodeOptions;
use crate::model::{self, DType, Devices, Encoder, LoadOptions, ModelError};

use super::output::tell;
use super::profile::clock;
use super::progress::Downloads;
use super::store::StoreArgs;
use super::{Interrupted, builtin};

#[derive(clap::Args)]
pub struct ModelArgs {
    /// A CLIP, SigLIP or ProLIP checkpoint: a directory, a Hugging Face id such as openai/clip-vit-base-patch32, or `demo`
    ///
    /// CLIP as transformers or open_clip save it, SigLIP, SigLIP 2 of fixed resolution, EVA-CLIP with EVA-02, MobileCLIP, MobileCLIP2 and
    /// ProLIP; `cladist model info` tells what is understood. hf-hub:ORG/NAME and local-dir:DIR ask for open_clip's files where there are
    /// others too.
    #[arg(long, value_name = "DIR|ID", value_hint = clap::ValueHint::AnyPath)]
    pub model: String,

    #[command(flatten)]
    device: DeviceArgs,
}

#[derive(Debug, Clone, Default, clap::Args)]
pub struct DeviceArgs {
    /// Where to compute: auto, cpu, cuda, cuda:N or metal; several GPUs share the work: cuda:0,cuda:1, or cuda:all
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: Devices,

    /// Precision of the model: f32, f16 or bf16 (on a GPU), q8 (on the CPU: weights of eight bits, faster; `score` tells what that changes)
    #[arg(long, value_name = "DTYPE", default_value_t)]
    dtype: DType,
}

#[derive(Debug, Clone, clap::Args)]
pub struct ImageArgs {
    /// Images a batch, or auto: 16 on the CPU (for each core); on a GPU as many as it is fastest with and has memory for
    ///
    /// On a GPU the number changes the last bits of the values, so that those of `auto` agree from run to run to within rounding; with a
    /// number they are the same to the bit. Where memory is too small, batches are halved and the work goes on.
    #[arg(long, value_name = "N", default_value = "auto")]
    batch: BatchSize,

    /// Take pictures as they are stored, without applying their EXIF orientation
    // Takes `=false`, so that the command line can take back what a config file says.
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    no_exif_orientation: bool,

    /// Decode large JPEG files at a reduced scale: faster, but not the pixels that the model's reference sees
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    fast_decode: bool,

    /// What to do with a picture that cannot be read or decoded
    #[arg(long, value_enum, value_name = "DO", default_value = "skip")]
    pub on_bad_image: OnBadImage,

    #[command(flatten)]
    pub store: StoreArgs,
}

/// What `--batch` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BatchSize {
    Auto,
    Of(u32),
}

impl FromStr for BatchSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = || text.parse().ok().filter(|n| (1..=65536).contains(n));
        match text {
            "auto" => Ok(Self::Auto),
            _ => number()
                .map(Self::Of)
                .ok_or_else(|| "write a number from 1 to 65536, or auto".to_owned()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum OnBadImage {
    /// Stop at the first
    Error,
    /// Pass over them, list and count them; exit with 1 if all fail
    Skip,
}

impl ModelArgs {
    /// Loads the model, showing downloads as they go; `stop` ends them.
    ///
    /// # Errors
    /// As [`model::load`]; an interruption.
    pub fn load(&self, stop: &AtomicBool) -> anyhow::Result<Box<dyn Encoder>> {
        self.device.load(&self.model, stop)
    }
}

impl DeviceArgs {
    /// Whether weights are to be in eight bits.
    pub fn is_q8(&self) -> bool {
        self.dtype == DType::Q8
    }

    /// The same device in full precision.
    pub fn in_f32(&self) -> Self {
        Self {
            dtype: DType::F32,
            ..self.clone()
        }
    }

    /// Loads the model that `source` names, as [`ModelArgs::load`].
    ///
    /// # Errors
    /// As [`ModelArgs::load`].
    pub fn load(&self, source: &str, stop: &AtomicBool) -> anyhow::Result<Box<dyn Encoder>> {
        let options = LoadOptions {
            devices: self.device.clone(),
            dtype: self.dtype,
        };
        let loaded = if builtin::is_meant(Path::new(source)) {
            model::load_embedded(&demo::MODEL, options)
        } else {
            model::load(source, options, &Downloads::new(stop))
        };
        let encoder = loaded.map_err(|error| match error {
            ModelError::Hub(error @ HubError::Interrupted) => {
                anyhow::Error::new(Interrupted).context(error)
            }
            other => other.into(),
        })?;
        let gpu = match (cfg!(feature = "cuda"), cfg!(feature = "metal")) {
            (true, _) => Some("cuda"),
            (_, true) => Some("metal"),
            _ => None,
        };
        // An hour on the CPU for want of a driver should not come as a surprise.
        if let (true, Some(gpu), "cpu") =
            (self.device.is_auto(), gpu, encoder.device_name().as_str())
        {
            tell!("no GPU could be opened, so the CPU computes; `--device {gpu}` says why");
        }
        for note in encoder.notes() {
            tell!("--model {source}: {note}");
        }
        Ok(encoder)
    }
}

impl ImageArgs {
    /// The options of the pipeline for this encoder.
    pub fn embed_options(&self, encoder: &dyn Encoder) -> EmbedOptions {
        let decode = DecodeOptions {
            exif_orientation: !self.no_exif_orientation,
            fast: self.fast_decode,
            ..DecodeOptions::default()
        };
        EmbedOptions {
            batch: match self.batch {
                BatchSize::Auto => auto_batch(encoder),
                BatchSize::Of(images) => Batch::of(images as usize),
            },
            decode,
            stop_at_bad_image: self.on_bad_image == OnBadImage::Error,
            stages: Stages::default(),
        }
    }
}

/// Images a batch where nobody says how many.
pub fn auto_batch(encoder: &dyn Encoder) -> Batch {
    match encoder.device_name().as_str() {
        "cpu" => Batch::of(16),
        _ => Batch::found(clock),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_a_number_or_auto() {
        assert_eq!("auto".parse(), Ok(BatchSize::Auto));
        assert_eq!("65536".parse(), Ok(BatchSize::Of(65536)));
        for wrong in ["0", "65537", "-1", "8.0", "", "Auto"] {
            let error = wrong.parse::<BatchSize>().unwrap_err();
            assert!(error.contains("or auto"), "{wrong}: {error}");
        }
    }
}
