//! `preprocessor_config.json`, read as transformers' `CLIPImageProcessor` and `SiglipImageProcessor` read it.

use serde_json::Value;

use super::{MEAN, Preprocess, PreprocessError, Resample, Resize, STD, bad, mean_of, std_of};

/// Sides beyond this are a broken file, not a model.
const MAX_SIDE: u64 = 8192;

impl Preprocess {
    /// Reads the content of a CLIP's `preprocessor_config.json`. Keys that are absent have the defaults of
    /// `CLIPImageProcessor` (224 pixels, bicubic, every step on); so have values that are null, but a step that is
    /// null is off.
    ///
    /// `do_convert_rgb` is accepted and has no effect: [`decode`](super::decode) always returns
    /// RGB, the only thing that the three-channel towers take.
    ///
    /// # Errors
    /// A value of the wrong type or out of range, a filter that the reference cannot antialias, a processor other
    /// than CLIP's, padding, or steps whose result has no fixed size.
    pub fn from_json(config: &Value) -> Result<Preprocess, PreprocessError> {
        Self::of_transformers(config, "CLIP", Preprocess::clip(224))
    }

    /// Reads the content of a SigLIP's `preprocessor_config.json`: as [`from_json`](Self::from_json), with the defaults of
    /// `SiglipImageProcessor` (224 pixels squashed to a square, no crop).
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_siglip_json(config: &Value) -> Result<Preprocess, PreprocessError> {
        Self::of_transformers(config, "Siglip", Preprocess::siglip(224))
    }

    fn of_transformers(
        config: &Value,
        of: &'static str,
        defaults: Preprocess,
    ) -> Result<Preprocess, PreprocessError> {
        let Value::Object(map) = config else {
            return Err(PreprocessError::NotAnObject);
        };
        let get = |key: &str| map.get(key).filter(|v| !v.is_null());
        for key in ["image_processor_type", "feature_extractor_type"] {
            if let Some(name) = get(key).and_then(Value::as_str)
                && !is_processor_of(name, of)
            {
                return Err(PreprocessError::OtherProcessor {
                    processor: name.to_owned(),
                    of,
                });
            }
        }
        let flag = |key: &str, default: bool| match map.get(key) {
            None => Ok(default),
            Some(Value::Null) => Ok(false),
            Some(Value::Bool(b)) => Ok(*b),
            Some(other) => Err(bad(key, other, "true or false")),
        };
        flag("do_convert_rgb", true)?;
        if flag("do_pad", false)? {
            return Err(PreprocessError::Padding("do_pad"));
        }

        let crops = defaults.crop.is_some();
        let (default_mean, default_std) = defaults.normalize.unwrap_or((MEAN, STD));
        let mut steps = defaults;
        if let Some(value) = get("size") {
            let square = flag("default_to_square", false)?;
            steps.resize = Some(resize_size(value, square)?);
        }
        // An option of a model that shares CLIP's processor. It goes before `size`.
        if flag("use_square_size", false)? {
            steps.resize = Some(Resize::Exact {
                height: 224,
                width: 224,
            });
        }
        if let Some(value) = get("crop_size") {
            steps.crop = Some(crop_size(value)?);
        }
        if let Some(value) = get("resample") {
            steps.resample = match value.as_u64() {
                Some(0) => Resample::Nearest,
                Some(1) => Resample::Lanczos,
                Some(2) => Resample::Bilinear,
                Some(3) => Resample::Bicubic,
                _ => {
                    return Err(bad(
                        "resample",
                        value,
                        "0 (nearest), 1 (Lanczos), 2 (bilinear) or 3 (bicubic)",
                    ));
                }
            };
        }
        if let Some(value) = get("rescale_factor") {
            let factor = value.as_f64().filter(|f| f.is_finite() && *f > 0.0);
            steps.rescale =
                Some(factor.ok_or_else(|| bad("rescale_factor", value, "a positive number"))?);
        }
        let mean = mean_of(get("image_mean"), "image_mean", default_mean)?;
        let std = std_of(get("image_std"), "image_std", default_std)?;
        steps.normalize = Some((mean, std));
        if !flag("do_resize", true)? {
            steps.resize = None;
        }
        if !flag("do_center_crop", crops)? {
            steps.crop = None;
        }
        if !flag("do_rescale", true)? {
            steps.rescale = None;
        }
        if !flag("do_normalize", true)? {
            steps.normalize = None;
        }
        match (steps.crop, steps.resize) {
            (None, None | Some(Resize::ShortestEdge(_))) => Err(PreprocessError::NoFixedSize),
            _ => Ok(steps),
        }
    }
}

/// Whether an image processor of transformers is that of a family: `CLIPImageProcessorFast`, `CLIPFeatureExtractor`.
fn is_processor_of(name: &str, of: &str) -> bool {
    name.split(of).nth(1).is_some_and(|rest| {
        let rest = rest.trim_end_matches("Fast").trim_end_matches("Pil");
        ["ImageProcessor", "FeatureExtractor", "Processor"].contains(&rest)
    })
}

fn side(value: &Value) -> Option<usize> {
    let n = value.as_u64().or_else(|| {
        // Some tools write 224.0.
        value
            .as_f64()
            .filter(|f| f.fract() == 0.0 && *f >= 0.0)
            .map(|f| f as u64)
    })?;
    (1..=MAX_SIDE).contains(&n).then_some(n as usize)
}

/// `{"height": …, "width": …}` or `[height, width]`.
fn both(value: &Value) -> Option<(usize, usize)> {
    match value {
        Value::Array(sides) if sides.len() == 2 => Some((side(&sides[0])?, side(&sides[1])?)),
        _ => Some((side(value.get("height")?)?, side(value.get("width")?)?)),
    }
}

/// `square`: what a single number means, both sides instead of the shorter one.
fn resize_size(value: &Value, square: bool) -> Result<Resize, PreprocessError> {
    let expected = "a side from 1 to 8192, {\"shortest_edge\": …} or {\"height\": …, \"width\": …}";
    let exact = |(height, width)| Resize::Exact { height, width };
    let longest = value.get("longest_edge").is_some_and(|v| !v.is_null());
    let found = if longest {
        None
    } else if let Some(edge) = value.get("shortest_edge").filter(|v| !v.is_null()) {
        side(edge).map(Resize::ShortestEdge)
    } else if value.is_number() {
        side(value).map(|side| match square {
            true => exact((side, side)),
            false => Resize::ShortestEdge(side),
        })
    } else {
        both(value).map(exact)
    };
    found.ok_or_else(|| bad("size", value, expected))
}

fn crop_size(value: &Value) -> Result<(usize, usize), PreprocessError> {
    both(value)
        .or_else(|| side(value).map(|s| (s, s)))
        .ok_or_else(|| {
            bad(
                "crop_size",
                value,
                "a side from 1 to 8192 or {\"height\": …, \"width\": …}",
            )
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn spellings_and_defaults() {
        let check = |config: Value, change: fn(&mut Preprocess)| {
            let mut right = Preprocess::clip(224);
            change(&mut right);
            assert_eq!(Preprocess::from_json(&config), Ok(right), "{config}");
        };
        check(json!({}), |_| ());
        check(json!({"size": null, "image_mean": null}), |_| ());
        check(json!({"do_resize": null, "do_pad": null}), |p| {
            p.resize = None
        });
        check(
            json!({"image_processor_type": "CLIPImageProcessorFast", "resample": 3}),
            |_| (),
        );
        check(
            json!({"feature_extractor_type": "CLIPFeatureExtractor"}),
            |_| (),
        );
        let resize_336: fn(&mut Preprocess) = |p| p.resize = Some(Resize::ShortestEdge(336));
        check(json!({"size": 336}), resize_336);
        check(json!({"size": 336.0}), resize_336);
        check(json!({"size": {"shortest_edge": 336}}), resize_336);
        let exact: fn(&mut Preprocess) = |p| {
            p.resize = Some(Resize::Exact {
                height: 20,
                width: 30,
            })
        };
        check(json!({"size": {"height": 20, "width": 30}}), exact);
        check(json!({"size": [20, 30]}), exact);
        check(json!({"size": 336, "default_to_square": false}), resize_336);
        check(json!({"size": 20, "default_to_square": true}), |p| {
            p.resize = Some(Resize::Exact {
                height: 20,
                width: 20,
            })
        });
        check(json!({"size": 336, "use_square_size": true}), |p| {
            p.resize = Some(Resize::Exact {
                height: 224,
                width: 224,
            })
        });
        check(json!({"crop_size": [20, 30]}), |p| p.crop = Some((20, 30)));
        check(json!({"resample": 0}), |p| p.resample = Resample::Nearest);
        check(json!({"resample": 1}), |p| p.resample = Resample::Lanczos);
        check(json!({"crop_size": 100}), |p| p.crop = Some((100, 100)));
        check(json!({"crop_size": {"height": 20, "width": 30}}), |p| {
            p.crop = Some((20, 30))
        });
        check(json!({"do_resize": false}), |p| p.resize = None);
        check(json!({"do_rescale": false}), |p| p.rescale = None);
        check(json!({"do_normalize": false}), |p| p.normalize = None);
        check(
            json!({"do_center_crop": false, "size": {"height": 9, "width": 8}}),
            |p| {
                p.crop = None;
                p.resize = Some(Resize::Exact {
                    height: 9,
                    width: 8,
                });
            },
        );
        check(json!({"resample": 2, "rescale_factor": 0.5}), |p| {
            p.resample = Resample::Bilinear;
            p.rescale = Some(0.5);
        });
        check(json!({"image_mean": 0.5, "image_std": [1, 2, 3]}), |p| {
            p.normalize = Some(([0.5; 3], [1.0, 2.0, 3.0]));
        });
    }

    #[test]
    fn faults_are_named() {
        let check = |config: Value, part: &str| {
            let error = Preprocess::from_json(&config).unwrap_err().to_string();
            assert!(error.contains(part), "{config}: {error}");
        };
        check(json!([1]), "not a JSON object");
        check(json!({"size": 0}), "`size` is 0");
        check(json!({"size": -3}), "`size` is -3");
        check(json!({"size": 1e9}), "`size` is 1000000000");
        check(json!({"size": "224"}), "`size` is \"224\"");
        check(json!({"size": {"height": 3}}), "`size`");
        check(
            json!({"size": {"shortest_edge": 3, "longest_edge": 9}}),
            "`size`",
        );
        check(json!({"crop_size": [3]}), "`crop_size` is [3]");
        check(
            json!({"resample": 4}),
            "`resample` is 4, expected 0 (nearest), 1 (Lanczos)",
        );
        check(json!({"do_pad": true}), "`do_pad` is on");
        check(json!({"rescale_factor": 0}), "`rescale_factor`");
        check(json!({"image_std": [1, 0, 1]}), "`image_std`");
        check(json!({"image_mean": [1, 0]}), "`image_mean`");
        check(
            json!({"do_resize": 1}),
            "`do_resize` is 1, expected true or false",
        );
        check(json!({"do_center_crop": false}), "do_center_crop");
        check(
            json!({"image_processor_type": "SiglipImageProcessor"}),
            "SiglipImageProcessor",
        );
    }

    #[test]
    fn siglip_squashes_and_does_not_crop() {
        let read = |config: Value| Preprocess::from_siglip_json(&config);
        let mut right = Preprocess::siglip(224);
        assert_eq!(read(json!({})), Ok(right.clone()));
        right.resample = Resample::Bilinear;
        right.resize = Some(Resize::Exact {
            height: 384,
            width: 384,
        });
        let config = json!({"image_processor_type": "SiglipImageProcessorFast", "resample": 2, "do_convert_rgb": null,
            "size": {"height": 384, "width": 384}});
        assert_eq!(read(config), Ok(right));
        for processor in ["CLIPImageProcessor", "Siglip2ImageProcessor"] {
            let error = read(json!({ "image_processor_type": processor })).unwrap_err();
            assert!(error.to_string().contains(processor), "{error}");
        }
    }
}
