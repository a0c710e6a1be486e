//! Image files to upright 8-bit RGB.
//!
//! JPEG, PNG, GIF and TIFF have their own modules, WebP and BMP come through the `image` crate. Everything is as
//! transformers treats a Pillow image, so that accuracies are those that others publish: the first frame of an
//! animation or the first page, transparency composited on white, no colour profile applied. This holds also where
//! Pillow does the picture no good: 16-bit greys are clipped at 255, not scaled, which makes most of them white
//! (scale them down to 8 bits beforehand); 16-bit colours, and greys with an alpha channel, keep their high byte.

use std::borrow::Cow;
use std::io::Cursor;

use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::sniff::{Kind, kind};
use super::{Picture, Rgb, Transparency, gif, jpeg, orientation, png, tiff};
use crate::guard::guard;

/// Pictures above this many pixels are refused by default: the number at which Pillow stops.
pub const MAX_PIXELS: u64 = 178_956_970;

/// What [`decode`] does with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Turn the picture as its EXIF (or XMP) orientation says.
    pub exif_orientation: bool,
    /// Turn a TIFF picture as its own tag says in any case, as Pillow does in opening it.
    pub tiff_orientation: bool,
    /// Refuse pictures with more pixels than this, from the header, before anything is allocated.
    pub max_pixels: u64,
    /// Decode JPEG files at a half, a quarter or an eighth where that is still as large as `needed_side`: faster, but other pixels than
    /// the reference's.
    pub fast: bool,
    /// What the shorter side is made at least, where that is known: [`Preprocess::decode_options`](super::Preprocess::decode_options)
    /// tells.
    pub needed_side: Option<usize>,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        DecodeOptions {
            exif_orientation: true,
            tiff_orientation: false,
            max_pixels: MAX_PIXELS,
            fast: false,
            needed_side: None,
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

impl DecodeError {
    /// A file that is damaged, in the words of the library that found it so.
    pub(super) fn corrupt(format: &'static str, message: impl ToString) -> Self {
        Self::Corrupt {
            format,
            message: message.to_string(),
        }
    }
}

/// Decodes a file that is in memory to RGB, what is transparent on white. The format is told from the content.
///
/// # Errors
/// As [`read`].
pub fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<Rgb, DecodeError> {
    read(bytes, options).map(Picture::on_white)
}

/// Decodes a file that is in memory. The format is told from the content.
///
/// # Errors
/// Unknown formats, corrupt or truncated files, pictures without pixels or with more than
/// `max_pixels`. Never panics, whatever the bytes.
pub fn read(bytes: &[u8], options: &DecodeOptions) -> Result<Picture, DecodeError> {
    match kind(bytes) {
        Kind::Jpeg => jpeg::decode(bytes, options),
        Kind::Other(format) => {
            let result = guard(|| match format {
                ImageFormat::Png => png::decode(bytes, options),
                ImageFormat::Gif => gif::decode(bytes, options),
                ImageFormat::Tiff => tiff::decode(bytes, options),
                _ => other(bytes, format, options),
            });
            result.unwrap_or_else(|| {
                let message = "the decoder failed".to_owned();
                Err(DecodeError::corrupt(name(format), message))
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

fn other(
    bytes: &[u8],
    format: ImageFormat,
    options: &DecodeOptions,
) -> Result<Picture, DecodeError> {
    let fail = |error: ImageError| refusal(error, format);
    let content = match format {
        ImageFormat::WebP => without_blending(bytes),
        _ => Cow::Borrowed(bytes),
    };
    let mut reader = ImageReader::with_format(Cursor::new(&*content), format);
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
    if let (ImageFormat::Bmp, Some(depths)) = (format, depths_of_bmp16(bytes)) {
        floor_levels(&mut samples, depths);
    }
    let (data, transparency) = to_rgb(samples, color).ok_or_else(|| DecodeError::Unsupported {
        format: name(format),
        message: format!("{color:?} samples"),
    })?;
    let picture = Picture {
        colours: Rgb {
            width,
            height,
            data,
        },
        transparency,
        is_indexed: format == ImageFormat::Bmp && is_indexed_bmp(bytes),
    };
    Ok(upright(picture, turn))
}

/// The picture turned; one that is turned is seen on white.
pub(super) fn upright(picture: Picture, turn: Option<u8>) -> Picture {
    match turn {
        Some(turn) => Picture::opaque(orientation::upright(picture.on_white(), turn)),
        None => picture,
    }
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
            DecodeError::corrupt(format, error)
        }
    }
}

/// Samples as the `image` crate lays them out to 8-bit RGB and opacities.
fn to_rgb(samples: Vec<u8>, color: ColorType) -> Option<(Vec<u8>, Transparency)> {
    Some(match color {
        ColorType::Rgb8 => (samples, Transparency::None),
        ColorType::L8 => (
            samples.iter().flat_map(|&v| [v; 3]).collect(),
            Transparency::None,
        ),
        ColorType::La8 => {
            let pixels = samples.chunks_exact(2);
            let opacities = pixels.clone().map(|p| p[1]).collect();
            let grey = pixels.flat_map(|p| [p[0]; 3]).collect();
            (grey, Transparency::Channel(opacities))
        }
        ColorType::Rgba8 => {
            let pixels = samples.chunks_exact(4);
            let opacities = pixels.clone().map(|p| p[3]).collect();
            let rgb = pixels.flat_map(|p| [p[0], p[1], p[2]]).collect();
            (rgb, Transparency::Channel(opacities))
        }
        _ => return None,
    })
}

/// Whether a BMP file holds numbers of colours that are not simply greys.
fn is_indexed_bmp(bytes: &[u8]) -> bool {
    let number = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let header = || {
        Some((
            number(14)? as usize,
            number(28)? & 0xffff,
            number(46)? as usize,
        ))
    };
    let Some((header, bits @ 1..=8, colours)) = header() else {
        return false;
    };
    let count = if colours == 0 { 1 << bits } else { colours };
    let palette = bytes.get(14 + header..).unwrap_or_default();
    // The two of a black and white picture are as far apart as greys can be.
    let step = if count == 2 { 255 } else { 1 };
    let is_grey = |(i, colour): (usize, &[u8])| colour[..3] == [(i * step) as u8; 3];
    let is_grey = palette.chunks_exact(4).take(count).enumerate().all(is_grey);
    bits == 1 || !is_grey
}

/// An animated WebP file whose first frame replaces what is under it.
///
/// Nothing is under the first frame, and replacing is exact where blending rounds.
fn without_blending(bytes: &[u8]) -> Cow<'_, [u8]> {
    const HEADER: usize = 12;
    const FLAGS: usize = 8 + 15;
    let mut at = HEADER;
    while let Some(head) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        if head.starts_with(b"ANMF") && bytes.len() > at + FLAGS {
            let mut copy = bytes.to_vec();
            copy[at + FLAGS] |= 0b10;
            return Cow::Owned(copy);
        }
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        // Chunks are padded to an even length.
        at = at.saturating_add(8).saturating_add(size + size % 2);
    }
    Cow::Borrowed(bytes)
}

/// Bits of red, green and blue in a BMP file of 16 bits a pixel; `None` for other files.
fn depths_of_bmp16(bytes: &[u8]) -> Option<[u32; 3]> {
    let number = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let (bits, compression) = (number(28)? & 0xffff, number(30)?);
    match (bits, compression) {
        (16, 0) => Some([5; 3]),
        (16, 3) => Some([
            number(54)?.count_ones(),
            number(58)?.count_ones(),
            number(62)?.count_ones(),
        ]),
        _ => None,
    }
}

/// Levels of `depths` bits that were scaled to 8 bits to the nearest, scaled rounding down instead, as Pillow does.
fn floor_levels(samples: &mut [u8], depths: [u32; 3]) {
    for pixel in samples.chunks_exact_mut(3) {
        for (sample, depth) in pixel.iter_mut().zip(depths) {
            if (1..8).contains(&depth) {
                let most = (1u32 << depth) - 1;
                let level = (u32::from(*sample) * most + 127) / 255;
                *sample = (level * 255 / most) as u8;
            }
        }
    }
}

/// Inks (0 is none) to RGB without a colour profile, rounded as Pillow does.
pub(super) fn cmyk_to_rgb([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let light = 255 - u32::from(k);
    [c, m, y].map(|ink| {
        let product = u32::from(ink) * light + 128;
        (light - (((product >> 8) + product) >> 8)) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_error(bytes: &[u8], part: &str) {
        let error = decode(bytes, &DecodeOptions::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{error:?} does not say {part:?}");
    }

    #[test]
    fn what_is_not_a_picture_is_named() {
        check_error(b"", "an empty file");
        check_error(&[0; 100], "zero bytes");
        check_error(b"\0\0\0\x20ftypheic\0\0\0\0", "HEIC");
        check_error(b"\0\0\0\x20ftypavif\0\0\0\0", "AVIF");
        check_error(
            b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
            "SVG",
        );
        check_error(b"<!DOCTYPE html><html>Not found</html>", "HTML");
        check_error("un café".as_bytes(), "a text file");
        check_error(b"BMX racing results of the season", "a text file");
        check_error(
            b"version https://git-lfs.github.com/spec/v1\n",
            "git lfs pull",
        );
        check_error(b"%PDF-1.7", "PDF");
        check_error(b"\x01\x02\x03\xff\xfe", "an unknown format");
        check_error(b"\xff\xd8\xff\xe0", "truncated");
        check_error(b"\x89PNG\r\n\x1a\n", "PNG");
        check_error(b"II\x2a\0\xff\xff\xff\xff", "TIFF");
        check_error(b"RIFF\x10\0\0\0WEBPVP8 ", "WebP");
    }

    /// Headers that announce 65,000 × 65,000 pixels and hold none.
    #[test]
    fn bombs_are_refused_from_the_header() {
        let mut gif = b"GIF89a".to_vec();
        gif.extend([
            0xe8, 0xfd, 0xe8, 0xfd, 0, 0, 0, 0x2c, 0, 0, 0, 0, 0xe8, 0xfd, 0xe8, 0xfd, 0, 2,
        ]);
        check_error(
            &gif,
            "65000 × 65000 pixels, more than the limit of 178956970",
        );

        let mut jpeg = b"\xff\xd8\xff\xc0\0\x0b\x08\xfd\xe8\xfd\xe8\x01\x01\x11\0".to_vec();
        jpeg.extend(b"\xff\xda\0\x08\x01\x01\0\0\x3f\0\0\0");
        check_error(&jpeg, "65000 × 65000 pixels");
        jpeg[7..9].copy_from_slice(&[0, 0]);
        assert!(decode(&jpeg, &DecodeOptions::default()).is_err());

        let mut bmp = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
        bmp.extend([0xe8, 0xfd, 0, 0, 0xe8, 0xfd, 0, 0, 1, 0, 24, 0]);
        bmp.extend([0; 24]);
        check_error(&bmp, "65000 × 65000 pixels");
    }

    #[test]
    fn the_limit_can_be_set() {
        let mut bytes = Vec::new();
        let picture = image::RgbImage::new(20, 10);
        picture
            .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
            .unwrap();
        let mut options = DecodeOptions {
            max_pixels: 200,
            ..DecodeOptions::default()
        };
        assert_eq!(
            decode(&bytes, &options).map(|p| (p.width, p.height)),
            Ok((20, 10))
        );
        options.max_pixels = 199;
        let error = DecodeError::TooLarge {
            width: 20,
            height: 10,
            limit: 199,
        };
        assert_eq!(decode(&bytes, &options), Err(error));
    }

    #[test]
    fn inks_without_a_profile() {
        let check = |inks, right| assert_eq!(cmyk_to_rgb(inks), right, "{inks:?}");
        check([0, 0, 0, 0], [255; 3]);
        check([255, 0, 0, 0], [0, 255, 255]);
        check([9, 99, 199, 255], [0; 3]);
        check([0, 128, 255, 100], [155, 77, 0]);
    }
}
