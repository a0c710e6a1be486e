//! `--device` where it may name several.

use std::str::FromStr;

use candle_core::Device;

use super::ModelError;
use super::device::{DType, DeviceChoice};

/// Where to compute: one device, or several GPUs that share the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Devices(Which);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Which {
    /// At least one; several are GPUs, each once.
    Named(Vec<DeviceChoice>),
    /// Every CUDA device of the machine.
    AllCuda,
}

impl From<DeviceChoice> for Devices {
    fn from(one: DeviceChoice) -> Self {
        Self(Which::Named(vec![one]))
    }
}

impl Default for Devices {
    fn default() -> Self {
        DeviceChoice::default().into()
    }
}

impl FromStr for Devices {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "cuda:all" {
            return Ok(Self(Which::AllCuda));
        }
        let mut all = Vec::new();
        for name in text.split(',') {
            let device: DeviceChoice = name.parse()?;
            if all.contains(&device) {
                return Err(format!("`{name}` is named twice in `{text}`"));
            }
            all.push(device);
        }
        let is_gpu = |device: &DeviceChoice| matches!(device, DeviceChoice::Cuda(_));
        if all.len() > 1 && !all.iter().all(is_gpu) {
            return Err(format!(
                "`{text}`: only GPUs share the work: name them as cuda:0,cuda:1, or cuda:all for all of them"
            ));
        }
        Ok(Self(Which::Named(all)))
    }
}

impl Devices {
    /// Whether it is left to the program.
    pub fn is_auto(&self) -> bool {
        *self == DeviceChoice::Auto.into()
    }

    /// Opens all of them, at least one.
    ///
    /// # Errors
    /// As [`DeviceChoice::open`]; a machine without GPUs where all of them are meant.
    pub(super) fn open(&self, dtype: DType) -> Result<Vec<Device>, ModelError> {
        let open = |device: DeviceChoice| device.open(dtype);
        match &self.0 {
            Which::Named(all) => all.iter().copied().map(open).collect(),
            // The first one where there is none: opening it tells why.
            Which::AllCuda => (0..cuda_devices().max(1))
                .map(|n| open(DeviceChoice::Cuda(n)))
                .collect(),
        }
    }
}

/// How many GPUs the driver knows.
#[cfg(feature = "cuda")]
fn cuda_devices() -> usize {
    let count = candle_core::cuda_backend::cudarc::driver::CudaContext::device_count();
    count.map_or(0, |count| usize::try_from(count).unwrap_or(0))
}

#[cfg(not(feature = "cuda"))]
fn cuda_devices() -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_by_name() {
        use DeviceChoice::{Auto, Cpu, Cuda};
        for (text, devices) in [
            ("auto", &[Auto][..]),
            ("cpu", &[Cpu]),
            ("cuda:1", &[Cuda(1)]),
            ("cuda:2,cuda:0", &[Cuda(2), Cuda(0)]),
        ] {
            let named = Devices(Which::Named(devices.to_vec()));
            assert_eq!(text.parse(), Ok(named), "{text}");
        }
        let all = Devices(Which::AllCuda);
        assert!(Devices::default().is_auto() && !all.is_auto());
        assert_eq!("cuda:all".parse(), Ok(all));
        for (text, part) in [
            ("cuda:0,cuda", "twice"),
            ("cpu,cuda:0", "only GPUs"),
            ("auto,cuda:1", "only GPUs"),
            ("cuda:0,", "no device"),
            ("cuda:0,cuda:all", "no device"),
            ("", "no device"),
        ] {
            let error = text.parse::<Devices>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn all_gpus_of_a_machine_without_any_are_an_error() {
        if Devices::from(DeviceChoice::Cuda(0))
            .open(DType::F32)
            .is_err()
        {
            assert!(Devices(Which::AllCuda).open(DType::F32).is_err());
        }
        assert_eq!(
            Devices::from(DeviceChoice::Cpu)
                .open(DType::F32)
                .unwrap()
                .len(),
            1
        );
    }
}
