//! `open_clip_config.json`, every missing key defaulted as open_clip's `CLIPVisionCfg` and `CLIPTextCfg` do.

use serde_json::Value;

use super::section::Section;
use super::{eva, mobile};
use crate::model::towers::{
    Activation, Blocks, Padding, Patches, Spec, Stack, TextPool, TextSpec, VisionPool, VisionSpec,
    VitSpec,
};

/// The model, as `model_cfg` describes it.
#[derive(Debug, PartialEq)]
pub struct Config {
    pub spec: Spec,
    pub tokenizer: TokenizerConfig,
}

/// Which tokenizer, and what is done to the text before.
#[derive(Debug, PartialEq)]
pub struct TokenizerConfig {
    /// Of another vocabulary than CLIP's own: the name that transformers loads it by.
    pub of_transformers: Option<String>,
    pub cleaning: Cleaning,
    /// Whether the separator is taken away.
    pub strips_separator: bool,
}

/// How a text is cleaned after what all texts undergo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleaning {
    /// In lower case, words one blank apart.
    Lower,
    /// Words one blank apart.
    Whitespace,
    /// In lower case, without punctuation, words one blank apart.
    Canonicalize,
}

/// What to say where a tower is of another library.
const OF_OUR_OWN: &str = "supported are the vision and text transformers that open_clip defines itself (layers, width, patch_size), \
    such as those of LAION, DataComp and BioCLIP";

/// Reads the content of `open_clip_config.json`.
///
/// # Errors
/// A sentence that names the key and the value.
pub fn read(config: &Value) -> Result<Config, String> {
    let model = Section::of(config, "model_cfg")?;
    let Some(whole) = config.get("model_cfg").filter(|_| model.is_there()) else {
        return Err("has no model_cfg: it is not what open_clip saves beside a model".into());
    };
    read_model(&model, whole)
}

/// Reads what open_clip says of a model, in its `model_cfg`: `model` is `whole`, as errors call it.
///
/// # Errors
/// As [`read`].
pub fn read_model(model: &Section<'_>, whole: &Value) -> Result<Config, String> {
    if let Some(value) = model.get("multimodal_cfg") {
        return Err(format!(
            "multimodal_cfg is {value}: CoCa, whose text tower has a class token, is not supported; {OF_OUR_OWN}"
        ));
    }
    let dim = model.size("embed_dim", 0)?;
    let quick_gelu = model.flag("quick_gelu")?;
    // A `custom_text` model has other names for its tensors, which are seen in the file.
    model.flag("custom_text")?;
    model.get("vision_cfg");
    model.get("text_cfg");
    model.refuse_the_rest(&[
        "init_logit_scale",
        "init_logit_bias",
        "nonscalar_logit_scale",
        "output_dict",
    ])?;
    let vision = Section::of(whole, "vision_cfg")?;
    let text = Section::of(whole, "text_cfg")?;
    let tokenizer = tokenizer_of(&text)?;
    let spec = Spec {
        vision: vision_of(&vision, quick_gelu)?,
        text: text_of(&text, quick_gelu)?,
        dim,
    };
    spec.check()?;
    Ok(Config { spec, tokenizer })
}

fn vision_of(vision: &Section<'_>, quick_gelu: bool) -> Result<VisionSpec, String> {
    if let Some(name) = vision.get("timm_model_name") {
        let size = side(vision, "image_size", 224)?;
        let known = |name| eva::tower(name).or_else(|| mobile::tower(name, size));
        if let Some(spec) = name.as_str().and_then(known) {
            return timm_of(vision, spec, size);
        }
        return Err(format!(
            "vision_cfg.timm_model_name is {name}: of the image towers of timm those of EVA-CLIP ({}) and MobileCLIP ({}) are supported; \
             {OF_OUR_OWN}. SigLIP is: give the checkpoint in the layout of transformers, such as google/siglip-base-patch16-224",
            eva::names(),
            mobile::names()
        ));
    }
    if let Some(layers) = vision.get("layers").filter(|layers| layers.is_array()) {
        return Err(format!(
            "vision_cfg.layers is {layers}: ResNets are not supported; {OF_OUR_OWN}"
        ));
    }
    let (width, head_width) = (vision.size("width", 768)?, vision.size("head_width", 64)?);
    let final_norm_last = vision.flag("final_ln_after_pool")?;
    let spec = VitSpec {
        stack: Stack {
            width,
            inner: inner(width, vision.number("mlp_ratio", 4.0)?),
            layers: vision.size("layers", 12)?,
            heads: width.checked_div(head_width).unwrap_or(0),
            activation: activation(vision, quick_gelu)?,
            eps: eps(vision)?,
            causal: false,
        },
        blocks: Blocks::Plain,
        image_size: side(vision, "image_size", 224)?,
        patch_size: side(vision, "patch_size", 16)?,
        patches: Patches::Whole { bias: false },
        projection_bias: false,
        pre_norm: !vision.flag("no_ln_pre")?,
        pool: match vision.text("pool_type", "tok")? {
            "tok" => VisionPool::Class,
            "avg" => VisionPool::Mean {
                norm_first: !final_norm_last,
            },
            other => {
                return Err(format!(
                    "vision_cfg.pool_type is `{other}`: supported are tok and avg"
                ));
            }
        },
    };
    // Positions that are computed are in the file too. Of a head that is not there, the sizes say nothing.
    vision.refuse_the_rest(&[
        "patch_dropout",
        "output_tokens",
        "pos_embed_type",
        "attn_pooler_queries",
        "attn_pooler_heads",
        "timm_model_pretrained",
        "timm_pool",
        "timm_proj",
        "timm_proj_bias",
        "timm_drop",
        "timm_drop_path",
    ])?;
    Ok(VisionSpec::Vit(spec))
}

/// A tower that timm knows, as open_clip asks it for: pictures of `size`.
fn timm_of(vision: &Section<'_>, spec: VisionSpec, size: usize) -> Result<VisionSpec, String> {
    if size != spec.image_size() {
        return Err(format!(
            "vision_cfg.image_size is {size}, and timm's model is for pictures of {}",
            spec.image_size()
        ));
    }
    let pool = vision.text("timm_pool", "avg")?;
    let own = match spec {
        VisionSpec::Vit(_) => "token",
        VisionSpec::FastVit(_) => "avg",
    };
    if pool != own {
        return Err(format!(
            "vision_cfg.timm_pool is `{pool}`: that of published models with this tower is {own}"
        ));
    }
    // A null says that there is none; a key that is missing, that it is linear.
    let otherwise = vision.given("timm_proj").map_or("linear", |_| "");
    let projection = vision.text("timm_proj", otherwise)?;
    if !projection.is_empty() {
        return Err(format!(
            "vision_cfg.timm_proj is `{projection}`: that of published models with this tower is null, so that timm's own head projects"
        ));
    }
    // Sizes of a tower of open_clip's own say nothing of one of timm.
    vision.refuse_the_rest(&[
        "timm_model_pretrained",
        "timm_drop",
        "timm_drop_path",
        "width",
        "layers",
        "head_width",
        "patch_size",
    ])?;
    Ok(spec)
}

fn text_of(text: &Section<'_>, quick_gelu: bool) -> Result<TextSpec, String> {
    if let Some(name) = text.get("hf_model_name") {
        return Err(format!(
            "text_cfg.hf_model_name is {name}: text towers of transformers are not supported; {OF_OUR_OWN}"
        ));
    }
    let width = text.size("width", 512)?;
    let causal = !text.flag("no_causal_mask")?;
    let pad = text.id("pad_id", 0)?;
    let end = text.id("eos_id", 2)?;
    let pool = match text.text("pool_type", "argmax")? {
        "argmax" => TextPool::Highest,
        "eos" => TextPool::Id(end),
        "first" => TextPool::First,
        "last" => TextPool::Last,
        other => {
            return Err(format!(
                "text_cfg.pool_type is `{other}`: supported are argmax, eos, first and last"
            ));
        }
    };
    let spec = TextSpec {
        stack: Stack {
            width,
            inner: inner(width, text.number("mlp_ratio", 4.0)?),
            layers: text.size("layers", 12)?,
            heads: text.size("heads", 8)?,
            activation: activation(text, quick_gelu)?,
            eps: eps(text)?,
            causal,
        },
        vocabulary: text.size("vocab_size", 49408)?,
        length: text.size("context_length", 77)?,
        padding: match (causal, pool) {
            (false, _) | (_, TextPool::Last) => Padding::Full(pad),
            _ => Padding::Unseen,
        },
        pool,
        projection_bias: false,
    };
    let projection = text.text("proj_type", "linear")?;
    if projection != "linear" {
        return Err(format!(
            "text_cfg.proj_type is `{projection}`: supported is linear"
        ));
    }
    // The layer norm sees one token at a time, so that it may come after the pool as well as before.
    text.refuse_the_rest(&[
        "output_tokens",
        "final_ln_after_pool",
        "hf_model_pretrained",
        "hf_proj_type",
        "hf_pooler_type",
    ])?;
    Ok(spec)
}

fn tokenizer_of(text: &Section<'_>) -> Result<TokenizerConfig, String> {
    let of_transformers = text.text("hf_tokenizer_name", "")?;
    let of_transformers = (!of_transformers.is_empty()).then(|| of_transformers.to_owned());
    let mode = text.text("tokenizer_mode", "")?;
    if !mode.is_empty() {
        return Err(format!(
            "text_cfg.tokenizer_mode is `{mode}`, which is not supported"
        ));
    }
    let nothing = Value::Null;
    let kwargs = text.get("tokenizer_kwargs").unwrap_or(&nothing);
    let in_section = serde_json::json!({ "tokenizer_kwargs": kwargs });
    let kwargs = Section::of(&in_section, "tokenizer_kwargs")?;
    let default = match of_transformers {
        Some(_) => "whitespace",
        None => "lower",
    };
    let cleaning = match kwargs.text("clean", default)? {
        "lower" => Cleaning::Lower,
        "whitespace" => Cleaning::Whitespace,
        "canonicalize" => Cleaning::Canonicalize,
        other => {
            return Err(format!(
                "text_cfg.tokenizer_kwargs.clean is `{other}`: supported are lower, whitespace and canonicalize"
            ));
        }
    };
    let strips_separator = kwargs.flag("strip_sep_token")?;
    kwargs.refuse_the_rest(&[])?;
    Ok(TokenizerConfig {
        of_transformers,
        cleaning,
        strips_separator,
    })
}

/// Width of the MLPs' hidden layer, cut off as the reference does.
fn inner(width: usize, ratio: f64) -> usize {
    (width as f64 * ratio) as usize
}

/// A side in pixels, which the configuration may give for both sides.
fn side(section: &Section<'_>, key: &'static str, default: usize) -> Result<usize, String> {
    match section.get(key) {
        Some(value @ Value::Array(sides)) => match &sides[..] {
            [one, other] if one == other && one.is_u64() => {
                Ok(one.as_u64().unwrap_or_default() as usize)
            }
            _ => Err(section.wrong(key, value, "one number, or the same one twice")),
        },
        _ => section.size(key, default),
    }
}

fn activation(section: &Section<'_>, quick_gelu: bool) -> Result<Activation, String> {
    match (section.get("act_kwargs"), quick_gelu) {
        (None, true) => Ok(Activation::QuickGelu),
        (None, false) => Ok(Activation::Gelu),
        (Some(value), quick) => match value.as_object() {
            Some(map) if map.is_empty() && quick => Ok(Activation::QuickGelu),
            Some(map) if map.is_empty() => Ok(Activation::Gelu),
            Some(map) if map.len() == 1 && !quick => match map.get("approximate") {
                Some(Value::String(name)) if name == "tanh" => Ok(Activation::GeluTanh),
                Some(Value::String(name)) if name == "none" => Ok(Activation::Gelu),
                _ => Err(section.wrong("act_kwargs", value, "{\"approximate\": \"tanh\"}")),
            },
            _ => Err(section.wrong("act_kwargs", value, "{\"approximate\": \"tanh\"}")),
        },
    }
}

fn eps(section: &Section<'_>) -> Result<f32, String> {
    let Some(value) = section.get("norm_kwargs") else {
        return Ok(1e-5);
    };
    let expected = "{\"eps\": a small number}";
    let map = value.as_object();
    let map = map.ok_or_else(|| section.wrong("norm_kwargs", value, expected))?;
    match (map.get("eps").and_then(Value::as_f64), map.len()) {
        (None, 0) => Ok(1e-5),
        (Some(eps), 1) if eps >= 0.0 => Ok(eps as f32),
        _ => Err(section.wrong("norm_kwargs", value, expected)),
    }
}
