//! How a configuration wants pictures prepared: `preprocessor_config.json`, read as transformers' image processors read it,
//! and `preprocess_cfg` of open_clip.

mod open_clip;
mod transformers;

use serde::Serialize;
use serde_json::Value;

/// How the picture is resized before the crop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// The shorter side becomes this, the longer one follows, rounded down.
    ShortestEdge(usize),
    /// Both sides are set and the aspect is not kept.
    Exact { height: usize, width: usize },
}

/// The resampling filter, by Pillow's numbers. All but the nearest pixel are antialiased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resample {
    /// The pixel in the middle (`"resample": 0`).
    Nearest,
    /// Windowed sinc of three lobes (`"resample": 1`).
    Lanczos,
    /// Triangle (`"resample": 2`).
    Bilinear,
    /// Catmull–Rom (`"resample": 3`), what CLIP uses.
    Bicubic,
}

/// Whose arithmetic is followed to the bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// transformers with its torchvision backend: what is transparent is put on white and the picture turned upright first;
    /// resized with weights of 16 bits; the crop's offset is rounded down.
    Transformers,
    /// open_clip's transforms on Pillow's pictures: no orientation but that of a TIFF file is known, RGB is made of the picture last,
    /// and opacities are forgotten then; palettes are resized to the nearest pixel; the weights have 32 bits; the crop's
    /// offset is rounded half to even.
    OpenClip,
}

impl Reference {
    fn is_transformers(&self) -> bool {
        *self == Self::Transformers
    }
}

/// The steps from a picture to the tensor of an image tower.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preprocess {
    /// Left out where it is transformers, so that fingerprints of older runs still compare.
    #[serde(skip_serializing_if = "Reference::is_transformers")]
    pub reference: Reference,
    /// `None` if `do_resize` is false.
    pub resize: Option<Resize>,
    pub resample: Resample,
    /// Height and width of the centre crop; `None` if `do_center_crop` is false.
    pub crop: Option<(usize, usize)>,
    /// What the 8-bit values are multiplied with; `None` if `do_rescale` is false.
    pub rescale: Option<f64>,
    /// Mean and standard deviation by channel, of rescaled values; `None` if `do_normalize` is
    /// false.
    pub normalize: Option<([f64; 3], [f64; 3])>,
}

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PreprocessError {
    #[error("is not a JSON object")]
    NotAnObject,
    #[error("`{key}` is {value}, expected {expected}")]
    Value {
        key: String,
        value: String,
        expected: &'static str,
    },
    #[error("is written for {processor}; only {of}'s image processor is understood")]
    OtherProcessor { processor: String, of: &'static str },
    #[error(
        "without `do_center_crop` the size of the result would depend \
         on the picture; give `size` as {{\"height\": …, \"width\": …}} or crop"
    )]
    NoFixedSize,
    #[error("`{0}` is on; padding after the crop is not understood")]
    Padding(&'static str),
}

const MEAN: [f64; 3] = [0.48145466, 0.4578275, 0.40821073];
const STD: [f64; 3] = [0.26862954, 0.26130258, 0.27577711];

impl Preprocess {
    /// CLIP's own preprocessing at this size: shortest edge, bicubic, centre crop, CLIP's mean
    /// and standard deviation.
    pub fn clip(size: u32) -> Preprocess {
        let size = size as usize;
        Preprocess {
            reference: Reference::Transformers,
            resize: Some(Resize::ShortestEdge(size)),
            resample: Resample::Bicubic,
            crop: Some((size, size)),
            rescale: Some(1.0 / 255.0),
            normalize: Some((MEAN, STD)),
        }
    }

    /// SigLIP's own preprocessing at this size: both sides set, bicubic, levels from −1 to 1.
    pub fn siglip(size: u32) -> Preprocess {
        let (height, width) = (size as usize, size as usize);
        Preprocess {
            resize: Some(Resize::Exact { height, width }),
            crop: None,
            normalize: Some(([0.5; 3], [0.5; 3])),
            ..Preprocess::clip(size)
        }
    }

    /// Height and width of the result, the same for every picture.
    pub fn output_size(&self) -> (usize, usize) {
        match (self.crop, self.resize) {
            (Some(size), _) => size,
            (None, Some(Resize::Exact { height, width })) => (height, width),
            // Only a value built by hand gets here; `apply` makes the result square then.
            (None, Some(Resize::ShortestEdge(edge))) => (edge, edge),
            (None, None) => (0, 0),
        }
    }
}

fn mean_of(
    value: Option<&Value>,
    key: &str,
    default: [f64; 3],
) -> Result<[f64; 3], PreprocessError> {
    let expected = "a number or a list of three";
    channels(key, value, default, |_| true, expected)
}

fn std_of(
    value: Option<&Value>,
    key: &str,
    default: [f64; 3],
) -> Result<[f64; 3], PreprocessError> {
    let expected = "a positive number or a list of three";
    channels(key, value, default, |s| s > 0.0, expected)
}

fn bad(key: &str, value: &Value, expected: &'static str) -> PreprocessError {
    let mut value = value.to_string();
    if value.chars().count() > 80 {
        value = value.chars().take(80).chain(['…']).collect();
    }
    PreprocessError::Value {
        key: key.to_owned(),
        value,
        expected,
    }
}

fn channels(
    key: &str,
    value: Option<&Value>,
    default: [f64; 3],
    valid: fn(f64) -> bool,
    expected: &'static str,
) -> Result<[f64; 3], PreprocessError> {
    let Some(value) = value else {
        return Ok(default);
    };
    let number = |v: &Value| v.as_f64().filter(|f| f.is_finite() && valid(*f));
    let found = match value {
        Value::Array(list) if list.len() == 3 => {
            match (number(&list[0]), number(&list[1]), number(&list[2])) {
                (Some(r), Some(g), Some(b)) => Some([r, g, b]),
                _ => None,
            }
        }
        one => number(one).map(|v| [v; 3]),
    };
    found.ok_or_else(|| bad(key, value, expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_names_the_reference_where_it_is_another() {
        let mut steps = Preprocess::clip(224);
        let text = serde_json::to_string(&steps).unwrap();
        assert!(text.starts_with("{\"resize\""), "{text}");
        steps.reference = Reference::OpenClip;
        let text = serde_json::to_string(&steps).unwrap();
        assert!(text.starts_with("{\"reference\":\"open_clip\""), "{text}");
    }
}
