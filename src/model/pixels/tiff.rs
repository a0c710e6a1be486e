//! TIFF, which the `image` crate reads without palettes and with rounded-off inks: the samples
//! come from the `tiff` crate and become colours here.

use std::borrow::Cow;
use std::io::Cursor;

use ::tiff::decoder::{Decoder, DecodingResult, Limits};
use ::tiff::tags::Tag;
use ::tiff::{ColorType, TiffError};

use super::decode::{DecodeError, DecodeOptions, check_size, cmyk_to_rgb, on_white};
use super::{Rgb, orientation};

const FORMAT: &str = "TIFF";
/// Values of PhotometricInterpretation.
const BLACK_IS_ZERO: u16 = 1;
const PALETTE: u16 = 3;
/// Value of Compression.
const JPEG: u16 = 7;

/// Decodes the first page.
pub(super) fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<Rgb, DecodeError> {
    let mut header = Decoder::new(Cursor::new(bytes)).map_err(refusal)?;
    let (width, height) = header.dimensions().map_err(refusal)?;
    check_size(width.into(), height.into(), options)?;
    let number = |header: &mut Decoder<_>, tag| header.find_tag_unsigned::<u16>(tag).ok().flatten();

    // The `tiff` crate refuses palettes but not the same samples as greys.
    let palette = number(&mut header, Tag::PhotometricInterpretation) == Some(PALETTE);
    let (bytes, map) = if palette {
        let map = header.get_tag_u16_vec(Tag::ColorMap).map_err(refusal)?;
        (Cow::Owned(as_grey(bytes)?), Some(map))
    } else {
        (Cow::Borrowed(bytes), None)
    };

    let most = usize::try_from(options.max_pixels.saturating_mul(8)).unwrap_or(usize::MAX);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = most;
    limits.intermediate_buffer_size = most;
    let reader = Cursor::new(&*bytes);
    let mut decoder = Decoder::new(reader).map_err(refusal)?.with_limits(limits);
    let color = decoder.colortype().map_err(refusal)?;
    let alpha = decoder
        .find_tag_unsigned_vec::<u16>(Tag::ExtraSamples)
        .ok()
        .flatten();
    let alpha = Alpha::of(alpha.and_then(|kinds| kinds.first().copied()));
    let compression = number(&mut decoder, Tag::Compression);
    let subsampling = decoder
        .find_tag_unsigned_vec::<u16>(Tag::ChromaSubsampling)
        .ok()
        .flatten();

    let mut samples = DecodingResult::U8(Vec::new());
    let layout = decoder
        .read_image_to_buffer(&mut samples)
        .map_err(refusal)?;
    if samples.as_buffer(0).as_bytes().len() < layout.complete_len {
        return Err(unsupported(format!(
            "{} bytes of samples",
            layout.complete_len
        )));
    }
    let samples = match samples {
        DecodingResult::U8(v) => v,
        DecodingResult::U16(v) => v.iter().map(|s| (s >> 8) as u8).collect(),
        _ => {
            return Err(unsupported(format!(
                "{color:?} samples that are not unsigned integers"
            )));
        }
    };
    let bits = color.bit_depth();
    let channels = usize::from(color.num_samples());
    let pixels = width as usize * height as usize;
    let samples = match bits {
        1 | 2 | 4 if channels == 1 => unpack(&samples, width as usize, bits),
        8 | 16 if layout.planes > 1 => interleave(&samples, pixels, channels),
        8 | 16 => samples,
        _ => return Err(unsupported(format!("{color:?} samples"))),
    };

    let pixel = |p: &[u8]| -> [u8; 3] { [p[0], p[1], p[2]] };
    let each = samples.chunks_exact(channels);
    let data: Vec<u8> = match (color, &map) {
        (ColorType::Gray(bits @ (1 | 2 | 4 | 8)), Some(map)) => {
            let size = 1usize << bits;
            if map.len() < 3 * size {
                return Err(corrupt("the colour map is too short"));
            }
            let high = |i: usize| (map[i] >> 8) as u8;
            each.flat_map(|p| [0, 1, 2].map(|c| high(c * size + usize::from(p[0]))))
                .collect()
        }
        (ColorType::Gray(bits @ (1 | 2 | 4)), None) => {
            let step = 255 / ((1u8 << bits) - 1);
            each.flat_map(|p| [p[0] * step; 3]).collect()
        }
        (ColorType::Gray(_), None) => each.flat_map(|p| [p[0]; 3]).collect(),
        (ColorType::Multiband { num_samples: 2, .. } | ColorType::GrayA(_), None) => each
            .flat_map(|p| alpha.over_white([p[0]; 3], p[1]))
            .collect(),
        (ColorType::RGB(_), None) => samples,
        (ColorType::RGBA(_), None) => each
            .flat_map(|p| alpha.over_white(pixel(p), p[3]))
            .collect(),
        (ColorType::CMYK(_) | ColorType::CMYKA(_), None) => each
            .flat_map(|p| cmyk_to_rgb([p[0], p[1], p[2], p[3]]))
            .collect(),
        (ColorType::YCbCr(_), None)
            if compression == Some(JPEG) || subsampling.as_deref() == Some(&[1, 1]) =>
        {
            each.flat_map(|p| ycbcr_to_rgb(pixel(p))).collect()
        }
        _ => return Err(unsupported(format!("{color:?} samples"))),
    };
    if data.len() != pixels * 3 {
        return Err(corrupt("the samples do not fill the picture"));
    }
    let image = Rgb {
        width,
        height,
        data,
    };
    let turn = options
        .exif_orientation
        .then(|| orientation::from_tiff(&bytes))
        .flatten();
    Ok(match turn {
        Some(turn) => orientation::upright(image, turn),
        None => image,
    })
}

fn corrupt(message: impl ToString) -> DecodeError {
    DecodeError::Corrupt {
        format: FORMAT,
        message: message.to_string(),
    }
}

fn unsupported(message: String) -> DecodeError {
    DecodeError::Unsupported {
        format: FORMAT,
        message,
    }
}

fn refusal(error: TiffError) -> DecodeError {
    match error {
        TiffError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            DecodeError::Truncated { format: FORMAT }
        }
        TiffError::UnsupportedError(e) => unsupported(e.to_string()),
        other => corrupt(other),
    }
}

/// A copy of the file that calls its palette indices greys.
fn as_grey(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let (at, big) = orientation::value_of(bytes, Tag::PhotometricInterpretation.to_u16())
        .ok_or_else(|| unsupported("a palette in a BigTIFF file".to_owned()))?;
    let value = if big {
        BLACK_IS_ZERO.to_be_bytes()
    } else {
        BLACK_IS_ZERO.to_le_bytes()
    };
    let mut copy = bytes.to_vec();
    copy[at..at + 2].copy_from_slice(&value);
    Ok(copy)
}

/// What the sample after the colour is.
#[derive(Clone, Copy)]
enum Alpha {
    /// Not opacity; ignored.
    Unspecified,
    /// Opacity that the colours are multiplied with.
    Premultiplied,
    Straight,
}

impl Alpha {
    fn of(extra_sample: Option<u16>) -> Alpha {
        match extra_sample {
            Some(1) => Alpha::Premultiplied,
            Some(2) => Alpha::Straight,
            _ => Alpha::Unspecified,
        }
    }

    fn over_white(self, rgb: [u8; 3], alpha: u8) -> [u8; 3] {
        match self {
            Alpha::Unspecified => rgb,
            Alpha::Premultiplied => rgb.map(|v| v.saturating_add(255 - alpha)),
            Alpha::Straight => on_white(rgb, alpha),
        }
    }
}

/// One byte per sample from rows of 1-, 2- or 4-bit samples.
fn unpack(samples: &[u8], width: usize, bits: u8) -> Vec<u8> {
    let per_byte = 8 / usize::from(bits);
    let mask = (1u8 << bits) - 1;
    samples
        .chunks_exact(width.div_ceil(per_byte))
        .flat_map(|row| {
            (0..width).map(move |x| {
                let shift = 8 - bits as usize * (x % per_byte + 1);
                (row[x / per_byte] >> shift) & mask
            })
        })
        .collect()
}

/// Planes one after the other to interleaved samples.
fn interleave(samples: &[u8], pixels: usize, channels: usize) -> Vec<u8> {
    (0..pixels)
        .flat_map(|i| (0..channels).map(move |c| c * pixels + i))
        .map_while(|at| samples.get(at).copied())
        .collect()
}

/// JPEG's full-range conversion, in libjpeg's 16-bit fixed point.
fn ycbcr_to_rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    const HALF: i32 = 1 << 15;
    let red = y + ((91_881 * cr + HALF) >> 16);
    let green = y + ((-22_554 * cb - 46_802 * cr + HALF) >> 16);
    let blue = y + ((116_130 * cb + HALF) >> 16);
    [red, green, blue].map(|v| v.clamp(0, 255) as u8)
}
