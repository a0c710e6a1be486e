//! Decoding and preprocessing against Pillow and transformers, to the bit.
//!
//! tests/parity/pixels.py makes the files and the expected hashes.

use std::path::PathBuf;

use cladist::model::pixels::{DecodeOptions, Picture, Preprocess, Rgb, decode, is_deep_grey, read};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pixels")
}

fn expected() -> Value {
    json("expected.json")
}

fn json(file: &str) -> Value {
    let text = std::fs::read_to_string(fixtures().join(file)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn sha(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// The same noise as in the script: an integer hash of the position.
fn noise(width: u32, height: u32, seed: u64) -> Rgb {
    let byte = |i: u64| {
        let mut h = (i + seed * 7919).wrapping_mul(2654435761) & 0xffff_ffff;
        h ^= h >> 15;
        h = h.wrapping_mul(2246822519) & 0xffff_ffff;
        (h >> 24) as u8
    };
    let n = u64::from(width) * u64::from(height) * 3;
    Rgb {
        width,
        height,
        data: (0..n).map(byte).collect(),
    }
}

#[test]
fn files_decode_to_the_pixels_of_pillow() {
    let expected = expected();
    let cases = expected["decoding"].as_array().unwrap();
    assert!(cases.len() > 60);
    let mut wrong = Vec::new();
    for case in cases {
        let name = case["file"].as_str().unwrap();
        let bytes = std::fs::read(fixtures().join(name)).unwrap();
        let is_deep = name.starts_with("deep_grey") && !name.contains("alpha");
        assert_eq!(is_deep_grey(&bytes), is_deep, "{name}");
        match decode(&bytes, &DecodeOptions::default()) {
            Ok(image) => {
                let size = (u64::from(image.width), u64::from(image.height));
                let right = (
                    case["width"].as_u64().unwrap(),
                    case["height"].as_u64().unwrap(),
                );
                if size != right || case["rgb"] != sha(&image.data) {
                    wrong.push(format!("{name}: {size:?}, expected {right:?}"));
                }
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_cannot_be_trusted_or_read_is_refused() {
    for name in expected()["refused"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        let bytes = std::fs::read(fixtures().join(name)).unwrap();
        let decoded = decode(&bytes, &DecodeOptions::default());
        assert!(decoded.is_err(), "{name}");
    }
}

#[test]
fn crops_and_tensors_are_those_of_transformers() {
    let expected = expected();
    let configs: Vec<Preprocess> = expected["configs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| Preprocess::from_json(c).unwrap())
        .collect();
    let cases = expected["resizing"].as_array().unwrap();
    assert!(cases.len() > 150);
    let mut wrong = Vec::new();
    for case in cases {
        let number = |key: &str| case[key].as_u64().unwrap();
        let image = noise(
            number("width") as u32,
            number("height") as u32,
            number("seed"),
        );
        let config = &configs[number("config") as usize];
        let (height, width) = config.output_size();
        let crop = config.crop(Picture::opaque(image.clone()));
        let tensor = config.apply(Picture::opaque(image));
        assert_eq!(
            (crop.len(), tensor.len()),
            (3 * height * width, 3 * height * width)
        );
        let tensor: Vec<u8> = tensor.iter().flat_map(|v| v.to_le_bytes()).collect();
        if case["crop"] != sha(&crop) {
            wrong.push(format!("crop: {case}"));
        } else if case["tensor"] != sha(&tensor) {
            wrong.push(format!("tensor: {case}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What Pillow takes otherwise than we do: inks and 16-bit levels are resized as such there, and become RGB after that.
const NOT_AS_OPEN_CLIP: [&str; 2] = ["cmyk", "deep_"];

#[test]
fn crops_and_tensors_are_those_of_open_clip() {
    let expected = json("open_clip.json");
    let configs: Vec<Preprocess> = expected["configs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            let size = c["size"].as_u64().unwrap_or(224) as usize;
            Preprocess::from_open_clip_json(c, size).unwrap()
        })
        .collect();
    let mut wrong = Vec::new();
    let mut check = |what: &Value, picture: Picture| {
        let config = &configs[what["config"].as_u64().unwrap() as usize];
        let tensor = config.apply(picture.clone());
        let tensor: Vec<u8> = tensor.iter().flat_map(|v| v.to_le_bytes()).collect();
        if what["crop"] != sha(&config.crop(picture)) || what["tensor"] != sha(&tensor) {
            wrong.push(what.to_string());
        }
    };
    let resizing = expected["resizing"].as_array().unwrap();
    assert!(resizing.len() > 50);
    for case in resizing {
        let number = |key: &str| case[key].as_u64().unwrap();
        let (width, height) = (number("width") as u32, number("height") as u32);
        check(case, Picture::opaque(noise(width, height, number("seed"))));
    }
    let files = expected["files"].as_array().unwrap();
    assert!(files.len() > 60);
    for case in files {
        let name = case["file"].as_str().unwrap();
        let is_other = NOT_AS_OPEN_CLIP.iter().any(|part| name.contains(part));
        if is_other || case["refused"].is_string() {
            continue;
        }
        let bytes = std::fs::read(fixtures().join(name)).unwrap();
        let options = configs[1].decode_options(&DecodeOptions::default());
        check(case, read(&bytes, &options).unwrap());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tensors_are_those_of_siglips_processor() {
    let expected = json("siglip.json");
    let configs: Vec<Preprocess> = expected["configs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| Preprocess::from_siglip_json(c).unwrap())
        .collect();
    let cases = expected["resizing"].as_array().unwrap();
    assert!(cases.len() > 30);
    for case in cases {
        let number = |key: &str| case[key].as_u64().unwrap();
        let (width, height) = (number("width") as u32, number("height") as u32);
        let image = noise(width, height, number("seed"));
        let config = &configs[number("config") as usize];
        let tensor = config.apply(Picture::opaque(image));
        let tensor: Vec<u8> = tensor.iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(case["tensor"], sha(&tensor), "{case}");
    }
}

/// A file cut anywhere is an error or, where only bytes after the picture are missing, the picture.
#[test]
fn cut_files_are_errors_and_never_panics() {
    for name in [
        "jpeg_420_baseline.jpg",
        "jpeg_420_progressive.jpg",
        "png_rgb.png",
        "webp_rgb_lossy.webp",
        "gif_palette.gif",
        "bmp_rgb.bmp",
        "tiff_rgb.tif",
    ] {
        let bytes = std::fs::read(fixtures().join(name)).unwrap();
        let options = DecodeOptions::default();
        assert!(decode(&bytes, &options).is_ok(), "{name}");
        for length in (0..bytes.len() - 100).step_by(61) {
            assert!(
                decode(&bytes[..length], &options).is_err(),
                "{name} cut to {length} bytes"
            );
        }
        for length in bytes.len() - 100..bytes.len() {
            let cut = decode(&bytes[..length], &options);
            assert!(
                !(cut.is_ok() && name.ends_with(".jpg")),
                "{name} cut to {length} bytes"
            );
        }
    }
}
