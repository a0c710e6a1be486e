//! `--device` and `--dtype`: what was asked for, and opening it.

use std::fmt;
use std::str::FromStr;

use candle_core::Device;
use cladist_kernels::Precision;

use crate::model::ModelError;

/// Where to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first CUDA or Metal device that this binary can use, else the CPU.
    #[default]
    Auto,
    Cpu,
    Cuda(usize),
    Metal,
}

/// Precision of weights and activations. Embeddings are f32 whatever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DType {
    #[default]
    F32,
    F16,
    Bf16,
    /// The weights of the blocks in eight bits, all else as in f32.
    Q8,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || {
            format!(
                "`{text}` is no device: use auto, cpu, cuda, cuda:N, metal, several as cuda:0,cuda:1, or cuda:all"
            )
        };
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            "metal" => Ok(Self::Metal),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|n| n.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(unknown),
        }
    }
}

impl FromStr for DType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "f32" => Ok(Self::F32),
            "f16" => Ok(Self::F16),
            "bf16" => Ok(Self::Bf16),
            "q8" => Ok(Self::Q8),
            _ => Err(format!("`{text}` is no dtype: use f32, f16, bf16 or q8")),
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl DType {
    /// The name on the command line and in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8 => "q8",
        }
    }

    /// Of tensors; what is in eight bits is none.
    pub(super) fn of_candle(self) -> candle_core::DType {
        match self {
            Self::F32 | Self::Q8 => candle_core::DType::F32,
            Self::F16 => candle_core::DType::F16,
            Self::Bf16 => candle_core::DType::BF16,
        }
    }

    /// Of the blocks' weights, where the CPU computes them.
    pub(super) fn of_blocks(self) -> Precision {
        match self {
            Self::Q8 => Precision::Int8,
            Self::F32 | Self::F16 | Self::Bf16 => Precision::F32,
        }
    }
}

impl DeviceChoice {
    /// Opens the device.
    ///
    /// # Errors
    /// A device that this binary was not built for, or that the machine does not have.
    pub(super) fn open(self, dtype: DType) -> Result<Device, ModelError> {
        let device = match self {
            Self::Cpu => Device::Cpu,
            Self::Cuda(_) if !cfg!(feature = "cuda") => return Err(not_built("CUDA", "cuda")),
            Self::Metal if !cfg!(feature = "metal") => return Err(not_built("Metal", "metal")),
            Self::Cuda(n) => Device::new_cuda(n).map_err(|error| {
                ModelError::Device(format!("cuda:{n} cannot be opened: {error}"))
            })?,
            Self::Metal => Device::new_metal(0)
                .map_err(|error| ModelError::Device(format!("metal cannot be opened: {error}")))?,
            Self::Auto if cfg!(feature = "cuda") => Device::new_cuda(0).unwrap_or(Device::Cpu),
            Self::Auto if cfg!(feature = "metal") => Device::new_metal(0).unwrap_or(Device::Cpu),
            Self::Auto => Device::Cpu,
        };
        match dtype {
            DType::F16 | DType::Bf16 if device.is_cpu() => Err(ModelError::Device(format!(
                "--dtype {dtype} is slow or unsupported on the CPU: use f32 or q8 there"
            ))),
            DType::Q8 if !device.is_cpu() => Err(ModelError::Device(format!(
                "--dtype q8 is for the CPU: use f16 or bf16 on {}",
                name(&device)
            ))),
            _ => Ok(device),
        }
    }
}

fn not_built(what: &str, feature: &str) -> ModelError {
    ModelError::Device(format!(
        "this binary was built without {what}: build it with `cargo install --path . --features {feature}`, or use --device cpu"
    ))
}

/// `cpu`, `cuda:N` or `metal`.
pub(super) fn name(device: &Device) -> String {
    match device.location() {
        candle_core::DeviceLocation::Cpu => "cpu".into(),
        candle_core::DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        candle_core::DeviceLocation::Metal { .. } => "metal".into(),
    }
}

/// `cpu`, `cuda` or `metal`.
pub(super) fn kind(device: &Device) -> String {
    name(device)
        .split(':')
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// How many threads may use a device at once with profit: one a core on the CPU, where each call uses one.
pub(super) fn workers(device: &Device) -> usize {
    if device.is_cpu() {
        std::thread::available_parallelism().map_or(1, usize::from)
    } else {
        1
    }
}

/// What devices say when an allocation fails: the CUDA driver, cuBLAS, and Metal, which tells it of a buffer that it does not make and
/// of commands that have failed.
const LACKS_MEMORY: [&str; 4] = [
    "CUDA_ERROR_OUT_OF_MEMORY",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "Failed to create metal resource: Buffer",
    "kIOGPUCommandBufferCallbackErrorOutOfMemory",
];

/// Whether an error says that the device has too little memory. The words are looked for, since candle wraps errors in several ways and
/// a binary knows the types of its own backend alone.
pub(super) fn lacks_memory(error: &str) -> bool {
    LACKS_MEMORY.iter().any(|words| error.contains(words))
}

/// More GPUs than a machine has.
const MANY: usize = 64;

/// Every device that this binary knows of, by the name that `--device` takes, and why it cannot be used if so.
pub fn devices() -> Vec<(String, Result<DeviceChoice, String>)> {
    let mut all = vec![("cpu".to_owned(), Ok(DeviceChoice::Cpu))];
    let try_to_open = |choice: DeviceChoice| {
        let opened = choice.open(DType::F32);
        opened.map(|_| choice).map_err(|error| error.to_string())
    };
    for n in 0..MANY {
        let opened = try_to_open(DeviceChoice::Cuda(n));
        // The first one stands for all where there is none.
        if n > 0 && opened.is_err() {
            break;
        }
        let is_none = opened.is_err();
        all.push((format!("cuda:{n}"), opened));
        if is_none {
            break;
        }
    }
    all.push(("metal".to_owned(), try_to_open(DeviceChoice::Metal)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_by_name() {
        for (text, device) in [
            ("auto", Some(DeviceChoice::Auto)),
            ("cuda", Some(DeviceChoice::Cuda(0))),
            ("cuda:3", Some(DeviceChoice::Cuda(3))),
            ("cuda:", None),
            ("gpu", None),
        ] {
            assert_eq!(text.parse().ok(), device, "{text}");
        }
    }

    #[test]
    fn the_cpu_is_a_device_and_what_is_not_built_in_is_told() {
        let all = devices();
        assert_eq!(all[0], ("cpu".to_owned(), Ok(DeviceChoice::Cpu)));
        for (feature, name) in [
            (cfg!(feature = "cuda"), "cuda:0"),
            (cfg!(feature = "metal"), "metal"),
        ] {
            let (_, state) = all.iter().find(|(device, _)| device == name).unwrap();
            let reason = state.as_ref().err();
            assert!(
                feature || reason.unwrap().contains("built without"),
                "{name}"
            );
        }
    }

    #[test]
    fn too_little_memory_is_told_from_other_faults() {
        let error = |text: &str| ModelError::from(candle_core::Error::wrap(text.to_owned()));
        for text in [
            "DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")",
            "CublasError(CUBLAS_STATUS_ALLOC_FAILED)",
            "Metal error Failed to create metal resource: Buffer",
        ] {
            let found = error(text);
            assert!(matches!(found, ModelError::OutOfMemory(_)), "{found:?}");
            let within = candle_core::Error::wrap(text.to_owned()).context("in block 3");
            assert!(
                matches!(within.into(), ModelError::OutOfMemory(_)),
                "{text}"
            );
        }
        for text in [
            "DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \"an illegal memory access\")",
            "CublasError(CUBLAS_STATUS_EXECUTION_FAILED)",
            "Metal error Failed to create metal resource: CommandQueue",
        ] {
            let found = error(text);
            assert!(matches!(found, ModelError::Candle(_)), "{found:?}");
        }
    }

    #[test]
    fn half_precision_on_the_cpu_is_refused() {
        assert!(DeviceChoice::Cpu.open(DType::F16).is_err());
        assert!(DeviceChoice::Cpu.open(DType::F32).is_ok());
        assert!(DeviceChoice::Cpu.open(DType::Q8).is_ok());
    }
}
