//! `preprocess_cfg` in `open_clip_config.json`.

use serde_json::Value;

use super::{
    MEAN, Preprocess, PreprocessError, Reference, Resample, Resize, STD, bad, mean_of, std_of,
};

impl Preprocess {
    /// Reads what open_clip has as `preprocess_cfg`, for pictures of `size` pixels a side; null and absent keys have its
    /// defaults (shortest edge, bicubic, centre crop, CLIP's mean and standard deviation).
    ///
    /// # Errors
    /// A value of the wrong type or out of range, or another way to resize.
    pub fn from_open_clip_json(config: &Value, size: usize) -> Result<Preprocess, PreprocessError> {
        let get = |key: &str| config.get(key).filter(|v| !v.is_null());
        let text = |key: &str, default: &'static str| {
            get(key).map_or(Some(default), |value| value.as_str())
        };
        let mut steps = Preprocess {
            reference: Reference::OpenClip,
            ..Preprocess::clip(u32::try_from(size).unwrap_or(u32::MAX))
        };
        let unknown = |key, expected| bad(key, get(key).unwrap_or(&Value::Null), expected);
        if text("mode", "RGB") != Some("RGB") {
            return Err(unknown("mode", "RGB"));
        }
        steps.resample = match text("interpolation", "bicubic") {
            // At random is for training.
            Some("bicubic" | "random") => Resample::Bicubic,
            Some("bilinear") => Resample::Bilinear,
            _ => return Err(unknown("interpolation", "bicubic or bilinear")),
        };
        match text("resize_mode", "shortest") {
            Some("shortest") => {}
            Some("squash") => {
                steps.resize = Some(Resize::Exact {
                    height: size,
                    width: size,
                });
                steps.crop = None;
            }
            _ => {
                return Err(unknown(
                    "resize_mode",
                    "shortest or squash (longest, which pads, is not supported)",
                ));
            }
        }
        steps.normalize = Some((
            mean_of(get("mean"), "mean", MEAN)?,
            std_of(get("std"), "std", STD)?,
        ));
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_open_clip_says() {
        let read = |config: Value| Preprocess::from_open_clip_json(&config, 240);
        let mut right = Preprocess::clip(240);
        right.reference = Reference::OpenClip;
        assert_eq!(read(json!(null)), Ok(right.clone()));
        assert_eq!(
            read(json!({"size": 224, "mode": "RGB", "fill_color": 0, "std": null})),
            Ok(right.clone())
        );
        right.normalize = Some(([0.5; 3], [0.25; 3]));
        right.resize = Some(Resize::Exact {
            height: 240,
            width: 240,
        });
        right.crop = None;
        right.resample = Resample::Bilinear;
        let config = json!({"mean": 0.5, "std": [0.25, 0.25, 0.25], "interpolation": "bilinear", "resize_mode": "squash"});
        assert_eq!(read(config), Ok(right));
        for (config, part) in [
            (
                json!({"resize_mode": "longest"}),
                "`resize_mode` is \"longest\"",
            ),
            (json!({"interpolation": 3}), "`interpolation` is 3"),
            (json!({"mode": "L"}), "`mode` is \"L\""),
            (json!({"std": 0}), "`std` is 0"),
        ] {
            let error = read(config).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
