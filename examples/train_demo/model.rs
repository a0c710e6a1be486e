//! A small CLIP that can be trained: plain candle operations, variables under Hugging Face's names.
//!
//! The library's own towers are for inference: their fused operations have no gradients.

use anyhow::Result;
use candle_core::{D, DType, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::DEVICE;
use super::text::Captions;

/// The sizes of both towers.
#[derive(Debug, Clone)]
pub struct Sizes {
    pub image_size: usize,
    pub patch_size: usize,
    pub width: usize,
    pub heads: usize,
    pub image_layers: usize,
    pub text_layers: usize,
    pub projection: usize,
    pub vocab: usize,
    pub context: usize,
}

/// Width and height of the pictures that the model sees.
pub const IMAGE_SIZE: usize = 64;

const EPS: f64 = 1e-5;

impl Sizes {
    pub fn demo(vocab: usize) -> Self {
        Self {
            image_size: IMAGE_SIZE,
            patch_size: 8,
            width: 128,
            heads: 4,
            image_layers: 4,
            text_layers: 2,
            projection: 64,
            vocab,
            context: 32,
        }
    }

    fn patches(&self) -> usize {
        (self.image_size / self.patch_size).pow(2)
    }

    /// `config.json`.
    pub fn config(&self, captions: &Captions) -> Value {
        let tower = |layers: usize| {
            json!({
                "hidden_size": self.width,
                "intermediate_size": 4 * self.width,
                "num_hidden_layers": layers,
                "num_attention_heads": self.heads,
                "hidden_act": "quick_gelu",
                "layer_norm_eps": EPS,
                "projection_dim": self.projection,
            })
        };
        let mut text = tower(self.text_layers);
        text["vocab_size"] = json!(self.vocab);
        text["max_position_embeddings"] = json!(self.context);
        text["bos_token_id"] = json!(captions.start());
        text["eos_token_id"] = json!(captions.end());
        text["pad_token_id"] = json!(captions.end());
        let mut vision = tower(self.image_layers);
        vision["image_size"] = json!(self.image_size);
        vision["patch_size"] = json!(self.patch_size);
        json!({
            "architectures": ["CLIPModel"],
            "model_type": "clip",
            "projection_dim": self.projection,
            "text_config": text,
            "vision_config": vision,
        })
    }
}

/// The model and its variables, in a fixed order.
pub struct Clip {
    sizes: Sizes,
    named: Vec<(String, Var)>,
}

impl Clip {
    /// Random weights from the seed.
    pub fn new(sizes: Sizes, seed: u64) -> Result<Self> {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut named = Vec::new();
        let mut add = |name: String, shape: &[usize], start: Start| -> Result<()> {
            let count = shape.iter().product();
            let values: Vec<f32> = match start {
                Start::Value(value) => vec![value; count],
                Start::Normal(deviation) => (0..count)
                    .map(|_| deviation * normal(&mut chance))
                    .collect(),
            };
            let variable = Var::from_tensor(&Tensor::from_vec(values, shape, &DEVICE)?)?;
            named.push((name, variable));
            Ok(())
        };
        let (width, patch) = (sizes.width, sizes.patch_size);
        let vision = "vision_model.embeddings";
        add(
            format!("{vision}.patch_embedding.weight"),
            &[width, 3, patch, patch],
            Start::Normal((1.0 / (3 * patch * patch) as f32).sqrt()),
        )?;
        add(
            format!("{vision}.class_embedding"),
            &[width],
            Start::Normal(0.02),
        )?;
        add(
            format!("{vision}.position_embedding.weight"),
            &[sizes.patches() + 1, width],
            Start::Normal(0.02),
        )?;
        let text = "text_model.embeddings";
        add(
            format!("{text}.token_embedding.weight"),
            &[sizes.vocab, width],
            Start::Normal(0.02),
        )?;
        add(
            format!("{text}.position_embedding.weight"),
            &[sizes.context, width],
            Start::Normal(0.01),
        )?;
        let norms = [
            "vision_model.pre_layrnorm",
            "vision_model.post_layernorm",
            "text_model.final_layer_norm",
        ];
        let mut norm_names: Vec<String> = norms.map(str::to_owned).to_vec();
        for (tower, layers) in [
            ("vision_model", sizes.image_layers),
            ("text_model", sizes.text_layers),
        ] {
            let depth = (2.0 * layers as f32).sqrt();
            for i in 0..layers {
                let block = format!("{tower}.encoder.layers.{i}");
                norm_names.push(format!("{block}.layer_norm1"));
                norm_names.push(format!("{block}.layer_norm2"));
                let plain = (1.0 / width as f32).sqrt();
                let linears = [
                    ("self_attn.q_proj", width, width, plain),
                    ("self_attn.k_proj", width, width, plain),
                    ("self_attn.v_proj", width, width, plain),
                    ("self_attn.out_proj", width, width, plain / depth),
                    ("mlp.fc1", 4 * width, width, plain),
                    ("mlp.fc2", width, 4 * width, plain / 2.0 / depth),
                ];
                for (name, output, input, deviation) in linears {
                    add(
                        format!("{block}.{name}.weight"),
                        &[output, input],
                        Start::Normal(deviation),
                    )?;
                    add(format!("{block}.{name}.bias"), &[output], Start::Value(0.0))?;
                }
            }
        }
        for name in norm_names {
            add(format!("{name}.weight"), &[width], Start::Value(1.0))?;
            add(format!("{name}.bias"), &[width], Start::Value(0.0))?;
        }
        let projection = Start::Normal((1.0 / width as f32).sqrt());
        add(
            "visual_projection.weight".into(),
            &[sizes.projection, width],
            projection,
        )?;
        add(
            "text_projection.weight".into(),
            &[sizes.projection, width],
            projection,
        )?;
        add("logit_scale".into(), &[], Start::Value((1f32 / 0.07).ln()))?;
        Ok(Self { sizes, named })
    }

    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// Every variable under its name in a checkpoint.
    pub fn named(&self) -> &[(String, Var)] {
        &self.named
    }

    /// Names and variables for the optimiser: shared, not copied.
    pub fn variables(&self) -> Vec<(String, Var)> {
        self.named.clone()
    }

    /// Rounds every variable to the nearest number in half precision: what a saved model has.
    pub fn round_to_half(&self) -> Result<()> {
        for (_, variable) in &self.named {
            variable.set(&variable.to_dtype(DType::F16)?.to_dtype(DType::F32)?)?;
        }
        Ok(())
    }

    fn get(&self, name: &str) -> &Tensor {
        let found = self.named.iter().find(|(known, _)| known == name);
        found.expect("every name is made in `new`").1.as_tensor()
    }

    /// exp(logit_scale), held below 100 as CLIP does.
    pub fn scale(&self) -> Result<Tensor> {
        Ok(self.get("logit_scale").minimum(100f64.ln())?.exp()?)
    }

    /// n × 3 × S × S pixels → n × projection unit rows.
    pub fn images(&self, pixels: &Tensor) -> Result<Tensor> {
        let (n, width, patch) = (pixels.dim(0)?, self.sizes.width, self.sizes.patch_size);
        let side = self.sizes.image_size / patch;
        // The convolution over patches that do not overlap is a product.
        let patches = pixels
            .reshape(&[n, 3, side, patch, side, patch])?
            .permute([0, 2, 4, 1, 3, 5])?
            .reshape((n * side * side, 3 * patch * patch))?;
        let kernel = self
            .get("vision_model.embeddings.patch_embedding.weight")
            .reshape((width, 3 * patch * patch))?;
        let patches = patches
            .matmul(&kernel.t()?)?
            .reshape((n, side * side, width))?;
        let class = self
            .get("vision_model.embeddings.class_embedding")
            .reshape((1, 1, width))?
            .broadcast_as((n, 1, width))?
            .contiguous()?;
        let positions = self.get("vision_model.embeddings.position_embedding.weight");
        let x = Tensor::cat(&[&class, &patches], 1)?.broadcast_add(positions)?;
        let mut x = self.norm(&x, "vision_model.pre_layrnorm")?;
        for i in 0..self.sizes.image_layers {
            x = self.block(&x, &format!("vision_model.encoder.layers.{i}"), None)?;
        }
        let pooled = x.narrow(1, 0, 1)?.squeeze(1)?;
        let pooled = self.norm(&pooled, "vision_model.post_layernorm")?;
        unit(&pooled.matmul(&self.get("visual_projection.weight").t()?)?)
    }

    /// Token ids of each text, the last of them the end of text → n × projection unit rows.
    pub fn texts(&self, texts: &[Vec<u32>]) -> Result<Tensor> {
        let (n, width) = (texts.len(), self.sizes.width);
        let length = texts.iter().map(Vec::len).max().unwrap_or(0);
        let padded: Vec<u32> = texts
            .iter()
            .flat_map(|ids| {
                ids.iter()
                    .copied()
                    .chain(std::iter::repeat_n(0, length - ids.len()))
            })
            .collect();
        let positions = self
            .get("text_model.embeddings.position_embedding.weight")
            .narrow(0, 0, length)?;
        let mut x = self
            .get("text_model.embeddings.token_embedding.weight")
            .index_select(&Tensor::from_vec(padded, n * length, &DEVICE)?, 0)?
            .reshape((n, length, width))?
            .broadcast_add(&positions)?;
        let hidden = |i: usize| {
            if i % length > i / length {
                f32::NEG_INFINITY
            } else {
                0.0
            }
        };
        let mask: Vec<f32> = (0..length * length).map(hidden).collect();
        let mask = Tensor::from_vec(mask, (length, length), &DEVICE)?;
        for i in 0..self.sizes.text_layers {
            x = self.block(&x, &format!("text_model.encoder.layers.{i}"), Some(&mask))?;
        }
        let ends: Vec<u32> = texts
            .iter()
            .enumerate()
            .map(|(i, ids)| (i * length + ids.len() - 1) as u32)
            .collect();
        let pooled = x
            .reshape((n * length, width))?
            .index_select(&Tensor::from_vec(ends, n, &DEVICE)?, 0)?;
        let pooled = self.norm(&pooled, "text_model.final_layer_norm")?;
        unit(&pooled.matmul(&self.get("text_projection.weight").t()?)?)
    }

    fn block(&self, x: &Tensor, name: &str, mask: Option<&Tensor>) -> Result<Tensor> {
        let inner = self.norm(x, &format!("{name}.layer_norm1"))?;
        let x = (x + self.attention(&inner, name, mask)?)?;
        let inner = self.linear(
            &self.norm(&x, &format!("{name}.layer_norm2"))?,
            &format!("{name}.mlp.fc1"),
        )?;
        let inner = (&inner * sigmoid(&(&inner * 1.702)?)?)?;
        Ok((x + self.linear(&inner, &format!("{name}.mlp.fc2"))?)?)
    }

    fn attention(&self, x: &Tensor, name: &str, mask: Option<&Tensor>) -> Result<Tensor> {
        let (n, length, width) = x.dims3()?;
        let (heads, head) = (self.sizes.heads, width / self.sizes.heads);
        let part = |part: &str| -> Result<Tensor> {
            let projected = self.linear(x, &format!("{name}.self_attn.{part}"))?;
            Ok(projected
                .reshape((n, length, heads, head))?
                .transpose(1, 2)?
                .contiguous()?)
        };
        let (q, k, v) = (part("q_proj")?, part("k_proj")?, part("v_proj")?);
        let scores = (q.matmul(&k.transpose(2, 3)?.contiguous()?)? * (1.0 / (head as f64).sqrt()))?;
        let scores = match mask {
            Some(mask) => scores.broadcast_add(mask)?,
            None => scores,
        };
        let mixed = candle_nn::ops::softmax(&scores, D::Minus1)?.matmul(&v)?;
        let mixed = mixed.transpose(1, 2)?.reshape((n, length, width))?;
        self.linear(&mixed, &format!("{name}.self_attn.out_proj"))
    }

    fn linear(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        let weight = self.get(&format!("{name}.weight"));
        let mut shape = x.dims().to_vec();
        let input = shape.pop().unwrap_or(0);
        let rows = x.reshape(((), input))?.matmul(&weight.t()?)?;
        shape.push(weight.dim(0)?);
        Ok(rows
            .broadcast_add(self.get(&format!("{name}.bias")))?
            .reshape(shape)?)
    }

    fn norm(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let normed = centred.broadcast_div(&(variance + EPS)?.sqrt()?)?;
        let scaled = normed.broadcast_mul(self.get(&format!("{name}.weight")))?;
        Ok(scaled.broadcast_add(self.get(&format!("{name}.bias")))?)
    }
}

/// How a variable starts.
#[derive(Clone, Copy)]
enum Start {
    Value(f32),
    /// Normal, with this standard deviation.
    Normal(f32),
}

/// A standard normal value, by Box and Muller.
fn normal(chance: &mut ChaCha8Rng) -> f32 {
    let (a, b): (f64, f64) = (1.0 - chance.random::<f64>(), chance.random());
    ((-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()) as f32
}

/// 1 / (1 + e⁻ˣ) of operations that have gradients.
fn sigmoid(x: &Tensor) -> Result<Tensor> {
    Ok((x.neg()?.exp()? + 1.0)?.recip()?)
}

fn unit(x: &Tensor) -> Result<Tensor> {
    let norm = (x.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt()?;
    Ok(x.broadcast_div(&norm)?.to_dtype(DType::F32)?)
}
