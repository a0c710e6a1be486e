//! `cladist doctor`: what this program can use on this machine, where things are, and how fast it is.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::output::tell;
use super::score::Format;
use super::{count, output, places};
use crate::embed::store::Store;
use crate::model::hub::{self, HubEnv};
use crate::model::{self, DType, DeviceChoice, SpeedTest};
use crate::report;

/// Tell what works here: devices, what was built in, where models and embeddings are kept, and how fast it is
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Leave out the speed test, which takes some two seconds a device
    #[arg(long)]
    no_speed: bool,

    /// How to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Serialize)]
struct Findings {
    cladist: &'static str,
    target: String,
    /// Optional parts that this binary was built with.
    features: Vec<&'static str>,
    cores: usize,
    vectors: &'static str,
    devices: Vec<DeviceFound>,
    models: Place,
    hub: Hub,
    store: Place,
}

#[derive(Debug, Serialize)]
struct DeviceFound {
    name: String,
    /// Why it cannot be used.
    fault: Option<String>,
    speed: Vec<Speed>,
}

#[derive(Debug, Serialize)]
struct Speed {
    dtype: &'static str,
    /// Of a vision transformer of the size of ViT-B/32, from pixels.
    images_a_second: f64,
    gflops: f64,
}

/// A directory, and what is in it.
#[derive(Debug, Serialize)]
struct Place {
    directory: Option<std::path::PathBuf>,
    exists: bool,
    what: String,
}

#[derive(Debug, Serialize)]
struct Hub {
    endpoint: String,
    offline: bool,
    has_token: bool,
}

/// Prints what was found; nothing of it is a failure.
///
/// # Errors
/// Standard output that cannot be written.
pub fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let devices = model::devices().into_iter().map(|(name, found)| {
        let speed = match &found {
            Ok(device) if !args.no_speed => speeds(*device),
            _ => Vec::new(),
        };
        DeviceFound {
            name,
            fault: found.err(),
            speed,
        }
    });
    let env = HubEnv::from_process();
    let findings = Findings {
        cladist: env!("CARGO_PKG_VERSION"),
        target: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        features: features(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        vectors: model::vectors(),
        devices: devices.collect(),
        models: models(&env),
        hub: Hub {
            endpoint: env.endpoint.clone(),
            offline: env.offline,
            has_token: env.token.is_some(),
        },
        store: store(),
    };
    output::print(&match args.format {
        Format::Json => report::json::pretty(&findings)?,
        Format::Text => text(&findings),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn features() -> Vec<&'static str> {
    [
        (cfg!(feature = "cuda"), "cuda"),
        (cfg!(feature = "cudnn"), "cudnn"),
        (cfg!(feature = "flash-attn"), "flash-attn"),
        (cfg!(feature = "metal"), "metal"),
        (cfg!(feature = "accelerate"), "accelerate"),
        (cfg!(feature = "mkl"), "mkl"),
    ]
    .into_iter()
    .filter_map(|(is_built, name)| is_built.then_some(name))
    .collect()
}

/// The speeds of a device in the precisions that it is used with.
fn speeds(device: DeviceChoice) -> Vec<Speed> {
    let dtypes: &[DType] = match device {
        DeviceChoice::Cpu => &[DType::F32, DType::Q8],
        _ => &[DType::F32, DType::F16, DType::Bf16],
    };
    let measured = dtypes.iter().filter_map(|&dtype| {
        let test = SpeedTest::new(device, dtype).and_then(|test| measure(&test, dtype));
        test.inspect_err(|error| tell!("cladist: {dtype}: {error}"))
            .ok()
    });
    measured.collect()
}

/// How long to measure.
const SHORT: Duration = Duration::from_millis(1500);

fn measure(test: &SpeedTest, dtype: DType) -> Result<Speed, model::ModelError> {
    // Memory, caches and clocks are warm then, and kernels compiled.
    test.run()?;
    let start = Instant::now();
    let runs = std::thread::scope(|scope| {
        let work = || {
            let mut runs = 0;
            while start.elapsed() < SHORT {
                test.run()?;
                runs += 1;
            }
            Ok::<usize, model::ModelError>(runs)
        };
        let workers: Vec<_> = (0..test.workers()).map(|_| scope.spawn(work)).collect();
        let runs = workers
            .into_iter()
            .map(|worker| worker.join().expect("computing does not panic"));
        runs.sum::<Result<usize, _>>()
    })?;
    let runs_a_second = runs as f64 / start.elapsed().as_secs_f64();
    Ok(Speed {
        dtype: dtype.name(),
        images_a_second: runs_a_second * SpeedTest::IMAGES,
        gflops: runs_a_second * SpeedTest::FLOP / 1e9,
    })
}

fn models(env: &HubEnv) -> Place {
    let found = env.cache.as_deref().map(hub::cached).unwrap_or_default();
    let usable = found
        .iter()
        .filter(|model| model.is_supported && model.checkpoint.is_ok());
    Place {
        exists: env.cache.as_deref().is_some_and(Path::is_dir),
        directory: env.cache.clone(),
        what: format!("{} that can be used", count(usable.count(), "model")),
    }
}

fn store() -> Place {
    let directory = places::store();
    let exists = directory.as_deref().is_some_and(Path::is_dir);
    let found = directory.as_deref().filter(|_| exists);
    let what = match found.map(|directory| Store::at(directory).collections()) {
        None => "nothing yet".to_owned(),
        Some(Ok(collections)) => format!(
            "{}; `cladist store ls` lists them",
            count(collections.len(), "collection")
        ),
        Some(Err(error)) => error.to_string(),
    };
    Place {
        directory,
        exists,
        what,
    }
}

fn text(found: &Findings) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:12}  {value}");
    };
    line("cladist", format!("{} for {}", found.cladist, found.target));
    let features = match found.features.is_empty() {
        true => "the CPU alone (features cuda, metal, accelerate, mkl are for others)".to_owned(),
        false => format!("features {}", found.features.join(", ")),
    };
    line("built with", features);
    line(
        "cpu",
        format!("{}, {}", count(found.cores, "core"), found.vectors),
    );
    for device in &found.devices {
        let name = format!("device {}", device.name);
        match (&device.fault, device.speed.as_slice()) {
            (Some(fault), _) => line(&name, format!("no: {fault}")),
            (None, []) => line(&name, "yes".to_owned()),
            (None, speeds) => {
                for speed in speeds {
                    line(
                        &name,
                        format!(
                            "yes, {}: {:.1} images/s of a model like ViT-B/32 from pixels, {:.0} GFLOP/s",
                            speed.dtype, speed.images_a_second, speed.gflops
                        ),
                    );
                }
            }
        }
    }
    let place = |place: &Place| match (&place.directory, place.exists) {
        (None, _) => "none".to_owned(),
        (Some(directory), true) => format!("{} ({})", directory.display(), place.what),
        (Some(directory), false) => format!("{} (not there yet)", directory.display()),
    };
    line("models", place(&found.models));
    let Hub {
        endpoint,
        offline,
        has_token,
    } = &found.hub;
    let token = if *has_token {
        "with a token"
    } else {
        "no token"
    };
    line(
        "hub",
        match offline {
            true => "offline (HF_HUB_OFFLINE)".to_owned(),
            false => format!("{endpoint}, {token}"),
        },
    );
    line("store", place(&found.store));
    out
}
