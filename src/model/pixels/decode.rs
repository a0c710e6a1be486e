//! Image files to upright 8-bit RGB.
//!
//! JPEG has its own module. The other formats come through the `image` crate, and what follows
//! after them is as transformers treats a Pillow image: the first frame of an animation, 16-bit
//! samples by their high byte, transparency composited on white.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::sniff::{Kind, kind};
use super::{Rgb, jpeg, orientation};

/// Pictures above this many pixels are refused by default: the number at which Pillow stops.
pub const MAX_PIXELS: u64 = 178_956_970;

/// What [`decode`] does with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Turn the picture as its EXIF (or XMP) orientation says.
    pub exif_orientation: bool,
    /// Refuse pictures with more pixels than this, from the header, before anything is allocated.
    pub max_pixels: u64,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        DecodeOptions {
            exif_orientation: true,
            max_pixels: MAX_PIXELS,
        }
    }
}

/// Why a file is not a picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("looks like {0}; the formats read are JPEG, PNG, WebP, GIF, BMP and TIFF")]
    UnknownFormat(&'static str),
    #[error("the {format} file ends early (truncated)")]
    Truncated { format: &'static str },
    #[error("corrupt {format} file: {message}")]
    Corrupt {
        format: &'static str,
        message: String,
    },
    #[error("a kind of {format} that is not read: {message}")]
    Unsupported {
        format: &'static str,
        message: String,
    },
    #[error("{width} × {height} pixels, more than the limit of {limit} pixels")]
    TooLarge { width: u64, height: u64, limit: u64 },
    #[error("a picture without pixels ({width} × {height})")]
    NoPixels { width: u64, height: u64 },
}

/// Decodes a file that is in memory. The format is told from the content.
///
/// # Errors
/// Unknown formats, corrupt or truncated files, pictures without pixels or with more than
/// `max_pixels`. Never panics, whatever the bytes.
pub fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<Rgb, DecodeError> {
    match kind(bytes) {
        Kind::Jpeg => jpeg::decode(bytes, options),
        Kind::Other(format) => {
            let result = catch_unwind(AssertUnwindSafe(|| other(bytes, format, options)));
            result.unwrap_or_else(|_| {
                let message = "the decoder failed".to_owned();
                Err(DecodeError::Corrupt {
                    format: name(format),
                    message,
                })
            })
        }
        Kind::Unsupported(what) => Err(DecodeError::UnknownFormat(what)),
    }
}

/// Refuses empty pictures and bombs.
pub(super) fn check_size(
    width: u64,
    height: u64,
    options: &DecodeOptions,
) -> Result<(), DecodeError> {
    if width == 0 || height == 0 {
        return Err(DecodeError::NoPixels { width, height });
    }
    if width.saturating_mul(height) > options.max_pixels {
        return Err(DecodeError::TooLarge {
            width,
            height,
            limit: options.max_pixels,
        });
    }
    Ok(())
}

fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Gif => "GIF",
        ImageFormat::WebP => "WebP",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Tiff => "TIFF",
        _ => "image",
    }
}

fn other(bytes: &[u8], format: ImageFormat, options: &DecodeOptions) -> Result<Rgb, DecodeError> {
    let fail = |error: ImageError| refusal(error, format);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    // Room for 16-bit RGBA of the largest picture and for what the decoders keep besides.
    limits.max_alloc = Some(
        options
            .max_pixels
            .saturating_mul(8)
            .saturating_add(64 << 20),
    );
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(fail)?;
    let (width, height) = decoder.dimensions();
    check_size(width.into(), height.into(), options)?;

    let turn = if !options.exif_orientation {
        None
    } else if format == ImageFormat::Tiff {
        orientation::from_tiff(bytes)
    } else {
        let exif = decoder.exif_metadata().ok().flatten();
        let exif = exif.and_then(|data| orientation::from_exif(&data));
        exif.or_else(|| orientation::from_xmp(&decoder.xmp_metadata().ok().flatten()?))
    };

    let color = decoder.color_type();
    let size = usize::try_from(decoder.total_bytes()).map_err(|_| DecodeError::TooLarge {
        width: width.into(),
        height: height.into(),
        limit: options.max_pixels,
    })?;
    let mut samples = vec![0; size];
    decoder.read_image(&mut samples).map_err(fail)?;
    let data = to_rgb(samples, color).ok_or_else(|| DecodeError::Unsupported {
        format: name(format),
        message: format!("{color:?} samples"),
    })?;
    let image = Rgb {
        width,
        height,
        data,
    };
    Ok(match turn {
        Some(turn) => orientation::upright(image, turn),
        None => image,
    })
}

fn refusal(error: ImageError, format: ImageFormat) -> DecodeError {
    let format = name(format);
    let truncated = |e: &std::io::Error| e.kind() == std::io::ErrorKind::UnexpectedEof;
    match &error {
        ImageError::IoError(e) if truncated(e) => DecodeError::Truncated { format },
        ImageError::Unsupported(_) => DecodeError::Unsupported {
            format,
            message: error.to_string(),
        },
        _ => {
            let mut source = std::error::Error::source(&error);
            while let Some(e) = source {
                if e.downcast_ref::<std::io::Error>().is_some_and(truncated) {
                    return DecodeError::Truncated { format };
                }
                source = e.source();
            }
            DecodeError::Corrupt {
                format,
                message: error.to_string(),
            }
        }
    }
}

/// Samples as the `image` crate lays them out to 8-bit RGB.
fn to_rgb(samples: Vec<u8>, color: ColorType) -> Option<Vec<u8>> {
    Some(match color {
        ColorType::Rgb8 => samples,
        ColorType::L8 => samples.iter().flat_map(|&v| [v; 3]).collect(),
        ColorType::La8 => samples
            .chunks_exact(2)
            .flat_map(|p| on_white([p[0]; 3], p[1]))
            .collect(),
        ColorType::Rgba8 => samples
            .chunks_exact(4)
            .flat_map(|p| on_white([p[0], p[1], p[2]], p[3]))
            .collect(),
        ColorType::L16 => to_rgb(high_bytes(&samples), ColorType::L8)?,
        ColorType::La16 => to_rgb(high_bytes(&samples), ColorType::La8)?,
        ColorType::Rgb16 => high_bytes(&samples),
        ColorType::Rgba16 => to_rgb(high_bytes(&samples), ColorType::Rgba8)?,
        _ => return None,
    })
}

/// The high bytes of 16-bit samples in the machine's order.
fn high_bytes(samples: &[u8]) -> Vec<u8> {
    let high = |p: &[u8]| (u16::from_ne_bytes([p[0], p[1]]) >> 8) as u8;
    samples.chunks_exact(2).map(high).collect()
}

/// A colour over white, in the 7-bit fixed point of Pillow's `alpha_composite`.
fn on_white(rgb: [u8; 3], alpha: u8) -> [u8; 3] {
    if alpha == 0 {
        return [255; 3];
    }
    let (over, under) = (u32::from(alpha) << 7, (255 - u32::from(alpha)) << 7);
    rgb.map(|v| {
        let sum = u32::from(v) * over + 255 * under + (0x80 << 7);
        ((((sum >> 8) + sum) >> 8) >> 7) as u8
    })
}
