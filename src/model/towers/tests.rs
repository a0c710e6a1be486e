//! Image towers of timm, held against timm.

use std::path::{Path, PathBuf};

use candle_core::Device;
use serde_json::Value;

use super::{
    Activation, Blocks, FastVitSpec, Padding, Patches, Spec, Stack, TextPool, TextSpec, VisionPool,
    VisionSpec, VisionTower, VitSpec,
};
use crate::model::upload::Upload;
use crate::model::weights::{Naming, Weights};
use crate::model::{DType, ModelError};

/// Dimension of the joint space of all of them.
const DIM: usize = 24;

/// One in `tests/fixtures/`.
fn directory(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/fixtures").join(name)
}

fn numbers(value: &Value) -> Vec<f32> {
    let values = value.as_array().unwrap().iter();
    values.map(|v| v.as_f64().unwrap() as f32).collect()
}

/// Its pixels, and what timm gives for them.
fn expected(name: &str) -> [Vec<f32>; 2] {
    let expected = std::fs::read(directory(name).join("expected.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    ["pixels", "features"].map(|key| numbers(&expected[key]))
}

/// The image tower of a file, beside a text tower that nobody asks.
fn tower(file: PathBuf, vision: &VisionSpec, dtype: DType) -> Result<VisionTower, ModelError> {
    let spec = Spec {
        vision: vision.clone(),
        text: TextSpec {
            stack: stack(32, 2, 1e-5),
            vocabulary: 2,
            length: 2,
            padding: Padding::Unseen,
            pool: TextPool::Last,
            projection_bias: false,
        },
        dim: DIM,
    };
    spec.check().unwrap();
    let weights = Weights::open(&[file], Naming::Timm, &Device::Cpu, dtype)?;
    let tower = VisionTower::load(&weights, &spec)?;
    assert_eq!(weights.unused(), [""; 0]);
    Ok(tower)
}

fn forward(tower: &VisionTower, pixels: &[f32], dtype: DType) -> Vec<f32> {
    let uploaded = tower.upload(pixels, &Device::Cpu, &Upload::default());
    let found = tower.forward(uploaded.unwrap(), dtype.of_candle());
    found.unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// In f32, and as GPUs compute it: half precision takes their way on a CPU too.
fn is_that_of_timm(name: &str, vision: VisionSpec, tolerances: [f32; 3]) {
    let [pixels, expected] = expected(name);
    let dtypes = [DType::F32, DType::Bf16, DType::Q8];
    for (dtype, tolerance) in dtypes.into_iter().zip(tolerances) {
        let file = directory(name).join("model.safetensors");
        let tower = tower(file, &vision, dtype).unwrap();
        let found = forward(&tower, &pixels, dtype);
        assert_eq!(found.len(), expected.len());
        let off = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let off = off.fold(0.0, f32::max);
        assert!(off < tolerance, "{name} is off by {off} in {dtype:?}");
        if tower.rows_are_independent() {
            let size = vision.image_size();
            let alone = pixels.chunks(3 * size * size);
            let alone: Vec<f32> = alone
                .flat_map(|pixels| forward(&tower, pixels, dtype))
                .collect();
            assert_eq!(found, alone, "{name} in {dtype:?}");
        }
    }
}

fn stack(width: usize, inner: usize, eps: f32) -> Stack {
    Stack {
        width,
        inner,
        layers: 2,
        heads: 2,
        activation: Activation::Gelu,
        eps,
        causal: false,
    }
}

fn fastvit(width: usize, layers: &[usize], mlp_ratio: usize, large: bool) -> VisionSpec {
    VisionSpec::FastVit(FastVitSpec {
        image_size: 40,
        width,
        layers: layers.to_vec(),
        mlp_ratio,
        large,
    })
}

/// `tests/parity/eva_fixtures.py`.
#[test]
fn that_of_eva_clip() {
    let vision = VisionSpec::Vit(VitSpec {
        stack: stack(32, 85, 1e-6),
        blocks: Blocks::Eva { grid: 4 },
        image_size: 40,
        patch_size: 8,
        patches: Patches::Whole { bias: true },
        pre_norm: false,
        pool: VisionPool::Class,
        projection_bias: true,
    });
    is_that_of_timm("eva", vision, [2e-5, 0.2, 0.1]);
}

/// Here and below, `tests/parity/mobile_fixtures.py`.
#[test]
fn that_of_mobileclip_b() {
    let vision = VisionSpec::Vit(VitSpec {
        stack: stack(32, 128, 1e-6),
        blocks: Blocks::Plain,
        image_size: 48,
        patch_size: 16,
        patches: Patches::Steps,
        pre_norm: false,
        pool: VisionPool::Class,
        projection_bias: true,
    });
    is_that_of_timm("mobile/vit", vision, [2e-5, 0.2, 0.1]);
}

#[test]
fn fastvit_of_either_size() {
    let small = fastvit(8, &[1, 1, 1, 2], 3, false);
    is_that_of_timm("mobile/small", small, [2e-5, 0.2, 0.1]);
    let large = fastvit(4, &[1; 5], 4, true);
    is_that_of_timm("mobile/large", large, [2e-5, 0.2, 0.1]);
}

#[test]
fn on_a_cpu_rows_of_fastvit_are_independent() {
    let small = fastvit(8, &[1, 1, 1, 2], 3, false);
    let file = || directory("mobile/small").join("model.safetensors");
    for (dtype, independent) in [(DType::F32, true), (DType::Q8, true), (DType::Bf16, false)] {
        let tower = tower(file(), &small, dtype).unwrap();
        assert_eq!(tower.rows_are_independent(), independent, "{dtype:?}");
    }
}

/// Weights whose branches were made into one, as timm's `reparameterize_model` leaves them.
#[test]
fn fastvit_in_its_inference_form_is_refused() {
    let whole = directory("mobile/small").join("model.safetensors");
    let mut tensors = candle_core::safetensors::load(whole, &Device::Cpu).unwrap();
    let name = "visual.trunk.stem.0.conv_kxk.0.conv.weight";
    let kernel = tensors.remove(name).unwrap();
    let merged = "visual.trunk.stem.0.reparam_conv.weight";
    tensors.insert(merged.to_owned(), kernel);
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("model.safetensors");
    candle_core::safetensors::save(&tensors, &file).unwrap();
    let small = fastvit(8, &[1, 1, 1, 2], 3, false);
    let error = tower(file, &small, DType::F32).err().unwrap().to_string();
    assert!(
        error.contains("reparameterize()") && error.contains("model.safetensors"),
        "{error}"
    );
}
