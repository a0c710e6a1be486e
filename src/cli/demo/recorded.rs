//! The world of a demo run as its manifest has it: what pictures they were.

use serde_json::json;

use super::{SIZES, TURNS, habit, habit_name};
use crate::cli::builtin;
use crate::demo::{Annotator, Canvas, Settings};
use crate::run::Manifest;

/// Puts the world and the number of pictures among the options, so that any of them can be drawn again.
pub(in crate::cli) fn record(manifest: &mut Manifest, settings: &Settings, n: u64) {
    let Canvas {
        size,
        turn,
        distractors,
    } = settings.canvas;
    let annotator = settings.annotator;
    let options = [
        ("n", json!(n)),
        ("seed", json!(settings.seed)),
        ("size", json!(size)),
        ("turn", json!(turn)),
        ("distractors", json!(distractors)),
        ("annotator", json!(habit_name(annotator.habit))),
        ("error-rate", json!(annotator.error_rate)),
    ];
    let options = options.map(|(name, value)| (name.to_owned(), value));
    manifest.options.extend(options);
}

/// The world of a saved run, and the number of its pictures; `None` of a run on other images, or of a version that did not
/// write it.
pub(in crate::cli) fn settings_of(manifest: &serde_json::Value) -> Option<(Settings, u64)> {
    if manifest.pointer("/images/source")? != builtin::NAME {
        return None;
    }
    let options = manifest.get("options")?;
    let share = |name| {
        options
            .get(name)?
            .as_f64()
            .filter(|r| (0.0..=1.0).contains(r))
    };
    let size = options
        .get("size")?
        .as_u64()
        .and_then(|n| n.try_into().ok());
    let turn = options.get("turn")?.as_f64();
    let settings = Settings {
        seed: options.get("seed")?.as_u64()?,
        canvas: Canvas {
            size: size.filter(|size| SIZES.contains(size))?,
            turn: turn.filter(|turn| TURNS.contains(turn))?,
            distractors: share("distractors")?,
        },
        annotator: Annotator {
            habit: habit(options.get("annotator")?.as_str()?).ok()?,
            error_rate: share("error-rate")?,
        },
    };
    Some((settings, options.get("n")?.as_u64()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Habit;

    /// What is recorded as it is read back.
    #[test]
    fn a_world_is_found_again() {
        let settings = Settings {
            seed: 7,
            canvas: Canvas {
                size: 48,
                turn: 12.5,
                distractors: 0.25,
            },
            annotator: Annotator {
                habit: Habit::Mixed { specific: 0.75 },
                error_rate: 0.1,
            },
        };
        let manifest = json!({
            "images": {"source": "demo"},
            "options": {
                "n": 30, "seed": 7, "size": 48, "turn": 12.5, "distractors": 0.25, "annotator": "0.75", "error-rate": 0.1,
            },
        });
        assert_eq!(settings_of(&manifest), Some((settings, 30)));
        // Other images, an older version, and what cannot be drawn.
        let mut other = manifest.clone();
        other["images"]["source"] = "./demo".into();
        assert_eq!(settings_of(&other), None);
        for (option, value) in [
            ("seed", json!(null)),
            ("size", json!(5_000_000)),
            ("turn", json!(-1)),
            ("error-rate", json!(2)),
            ("annotator", json!("careless")),
        ] {
            let mut bad = manifest.clone();
            bad["options"][option] = value;
            assert_eq!(settings_of(&bad), None, "{option}");
        }
    }
}
