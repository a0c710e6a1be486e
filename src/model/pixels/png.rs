//! PNG, which the `image` crate reads without Pillow's idea of a transparent colour, without clipping 16-bit greys and
//! without the metadata that follow the picture.

use std::io::Cursor;

use ::png::{BitDepth, ColorType, Decoder, DecodingError, Info, Limits, Transformations};

use super::decode::{DecodeError, DecodeOptions, check_size, upright};
use super::{Picture, Rgb, Transparency, orientation};

const FORMAT: &str = "PNG";
/// The keyword under which ImageMagick keeps EXIF data, in hexadecimal.
const RAW_EXIF: &str = "Raw profile type exif";
const XMP: &str = "XML:com.adobe.xmp";

/// Decodes the first picture of the file.
pub(super) fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<Picture, DecodeError> {
    let mut strict = ::png::DecodeOptions::default();
    // The checksum of the samples. That of each chunk is verified in any case.
    strict.set_ignore_adler32(false);
    let mut decoder = Decoder::new_with_options(Cursor::new(bytes), strict);
    let most = options
        .max_pixels
        .saturating_mul(8)
        .saturating_add(64 << 20);
    decoder.set_limits(Limits {
        bytes: usize::try_from(most).unwrap_or(usize::MAX),
    });
    decoder.set_transformations(Transformations::EXPAND);
    let header = decoder.read_header_info().map_err(refusal)?;
    let (width, height) = header.size();
    check_size(width.into(), height.into(), options)?;

    let mut reader = decoder.read_info().map_err(refusal)?;
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| corrupt("more samples than memory holds"))?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples).map_err(refusal)?;
    if (frame.width, frame.height) != (width, height) {
        return Err(corrupt(
            "the first frame does not fill the picture: the animation is damaged",
        ));
    }
    samples.truncate(frame.buffer_size());
    // The picture is whole. Metadata may follow it, and damage there does no harm.
    let _ = reader.finish();

    let info = reader.info();
    let key = key(info);
    let (data, opacities) = to_rgb(samples, frame.color_type, frame.bit_depth, key);
    let is_palette = info.color_type == ColorType::Indexed;
    let is_black_and_white =
        info.color_type == ColorType::Grayscale && info.bit_depth == BitDepth::One;
    let picture = Picture {
        colours: Rgb {
            width,
            height,
            data,
        },
        transparency: match opacities {
            None => Transparency::None,
            Some(opacities) if key.is_some() || is_palette => Transparency::Marked(opacities),
            Some(opacities) => Transparency::Channel(opacities),
        },
        is_indexed: is_palette || is_black_and_white,
    };
    let turn = options.exif_orientation.then(|| turn(info)).flatten();
    Ok(upright(picture, turn))
}

/// The 8-bit colour that is transparent, for pictures that have such a colour instead of an alpha channel.
///
/// As Pillow has it: the low byte of the stored level is compared with samples that are 8-bit by then. That is what
/// the format defines for 8-bit samples; with other depths it misses the colour that was meant, or meets another.
fn key(info: &Info<'_>) -> Option<[u8; 3]> {
    let stored = info.trns.as_deref()?;
    // The decoder has cut the levels of depths below 16 to their low byte.
    let low: Vec<u8> = match info.bit_depth {
        BitDepth::Sixteen => stored.chunks_exact(2).map(|level| level[1]).collect(),
        _ => stored.to_vec(),
    };
    match (info.color_type, &*low) {
        (ColorType::Grayscale, &[level]) if info.bit_depth == BitDepth::One => {
            Some([if level == 0 { 0 } else { 255 }; 3])
        }
        (ColorType::Grayscale, &[level]) => Some([level; 3]),
        (ColorType::Rgb, &[r, g, b]) => Some([r, g, b]),
        _ => None,
    }
}

/// Samples as the decoder expands them to 8-bit RGB and, where anything is transparent, opacities.
///
/// Where there is a key the decoder has added an alpha channel, which is left out in favour of it.
fn to_rgb(
    samples: Vec<u8>,
    color: ColorType,
    depth: BitDepth,
    key: Option<[u8; 3]>,
) -> (Vec<u8>, Option<Vec<u8>>) {
    let deep = depth == BitDepth::Sixteen;
    let has_alpha = matches!(color, ColorType::GrayscaleAlpha | ColorType::Rgba);
    let channels = color.samples();
    let grey = channels < 3;
    let clipped = deep && grey && (!has_alpha || key.is_some());
    let samples = match (deep, clipped) {
        (false, _) => samples,
        (true, false) => samples.chunks_exact(2).map(|sample| sample[0]).collect(),
        (true, true) => samples
            .chunks_exact(2)
            .map(|sample| if sample[0] == 0 { sample[1] } else { 255 })
            .collect(),
    };
    let alpha = has_alpha.then(|| {
        let pixels = samples.chunks_exact(channels);
        pixels.map(|p| p[channels - 1]).collect()
    });
    let rgb: Vec<u8> = match color {
        ColorType::Rgb => samples,
        _ => {
            let pixels = samples.chunks_exact(channels);
            pixels
                .flat_map(|p| if grey { [p[0]; 3] } else { [p[0], p[1], p[2]] })
                .collect()
        }
    };
    let of_key = |key: [u8; 3]| {
        let opacity = |pixel: &[u8]| if pixel == key { 0 } else { 255 };
        rgb.chunks_exact(3).map(opacity).collect()
    };
    let opacities = key.map(of_key).or(alpha);
    (rgb, opacities)
}

/// The orientation in EXIF data, stored as such or as text, else in an XMP packet.
fn turn(info: &Info<'_>) -> Option<u8> {
    let exif = match &info.exif_metadata {
        Some(exif) => Some(exif.to_vec()),
        None => raw_exif(info),
    };
    let packet = || {
        let packet = info.utf8_text.iter().rfind(|text| text.keyword == XMP);
        orientation::from_xmp(packet?.get_text().ok()?.as_bytes())
    };
    exif.and_then(|data| orientation::from_exif(&data))
        .or_else(packet)
}

/// EXIF data as ImageMagick stores them: a name and a length on lines of their own, then hexadecimal digits.
fn raw_exif(info: &Info<'_>) -> Option<Vec<u8>> {
    let compressed = info.compressed_latin1_text.iter();
    let compressed = compressed
        .filter(|text| text.keyword == RAW_EXIF)
        .find_map(|text| text.get_text().ok());
    let plain = info.uncompressed_latin1_text.iter();
    let plain = plain
        .filter(|text| text.keyword == RAW_EXIF)
        .map(|text| text.text.clone())
        .next();
    let text = compressed.or(plain)?;
    let digits: Vec<u8> = text
        .split('\n')
        .skip(3)
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    Some(pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn corrupt(message: impl ToString) -> DecodeError {
    DecodeError::corrupt(FORMAT, message)
}

fn refusal(error: DecodingError) -> DecodeError {
    match error {
        DecodingError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            DecodeError::Truncated { format: FORMAT }
        }
        other => corrupt(other),
    }
}
