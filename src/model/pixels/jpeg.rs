//! JPEG through libjpeg-turbo's decoder (in mozjpeg's build of it), with the defaults that Pillow
//! uses: the accurate integer DCT and fancy upsampling.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use mozjpeg::{ColorSpace, Decompress, Marker};

use super::decode::{DecodeError, DecodeOptions, check_size, cmyk_to_rgb};
use super::{Picture, Rgb, orientation};

/// The bytes of the file, noting whether the decoder asked for more than there are: with an end of
/// file, libjpeg would go on with grey, which must not pass for the picture.
struct Source<'a> {
    rest: &'a [u8],
    starved: &'a Cell<bool>,
}

impl Read for Source<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.rest.read(out)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.rest.is_empty() {
            self.starved.set(true);
            // Not `UnexpectedEof`, which mozjpeg would turn into an end of image.
            return Err(io::Error::other("the file ends early"));
        }
        Ok(self.rest)
    }

    fn consume(&mut self, n: usize) {
        self.rest = &self.rest[n..];
    }
}

/// Decodes a JPEG file.
pub(super) fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<Picture, DecodeError> {
    guarded(bytes, |source| read(source, options)).map(Picture::opaque)
}

/// Decodes the JPEG stream of a TIFF strip or tile to samples as they are stored, or to RGB if they are Y, Cb and Cr.
/// Returns the width and the samples, `channels` a pixel. `most` is the width and height of the strip or tile, which the
/// stream may not go beyond.
pub(super) fn decode_samples(
    bytes: &[u8],
    channels: usize,
    ycbcr_to_rgb: bool,
    most: (usize, usize),
) -> Result<(usize, Vec<u8>), DecodeError> {
    guarded(bytes, |source| {
        let decoder = Decompress::builder().from_reader(source).map_err(corrupt)?;
        if decoder.components().len() != channels || channels == 2 {
            return Err(corrupt(format_args!(
                "{} colour components",
                decoder.components().len()
            )));
        }
        let size = decoder.size();
        if size.0 > most.0 || size.1 > most.1 {
            return Err(corrupt("larger than its place in the picture"));
        }
        // What a stream holds is the TIFF file's to say; asking for what libjpeg takes it for leaves it as it is.
        let output = if ycbcr_to_rgb {
            ColorSpace::JCS_RGB
        } else {
            decoder.color_space()
        };
        let mut started = decoder.to_colorspace(output).map_err(corrupt)?;
        let samples = started.read_scanlines().map_err(corrupt)?;
        let width = started.width();
        started.finish().map_err(corrupt)?;
        Ok((width, samples))
    })
}

/// Runs libjpeg on the bytes. Its errors unwind (without the panic hook, so nothing is printed) and are caught here.
fn guarded<T>(
    bytes: &[u8],
    work: impl FnOnce(Source<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let starved = Cell::new(false);
    let source = Source {
        rest: bytes,
        starved: &starved,
    };
    let result = catch_unwind(AssertUnwindSafe(|| work(source)));
    match result {
        Ok(Ok(_)) if starved.get() => Err(DecodeError::Truncated { format: "JPEG" }),
        Ok(Err(DecodeError::Corrupt { .. })) if starved.get() => {
            Err(DecodeError::Truncated { format: "JPEG" })
        }
        Ok(result) => result,
        Err(_) if starved.get() => Err(DecodeError::Truncated { format: "JPEG" }),
        Err(payload) => {
            let message = payload.downcast::<String>().map_or_else(
                |_| "the decoder failed".to_owned(),
                |s| s.trim_start_matches("libjpeg fatal error: ").to_owned(),
            );
            Err(corrupt(message))
        }
    }
}

fn corrupt(message: impl ToString) -> DecodeError {
    DecodeError::corrupt("JPEG", message)
}

fn read(source: Source<'_>, options: &DecodeOptions) -> Result<Rgb, DecodeError> {
    let builder = Decompress::with_markers(&[Marker::APP(1)]);
    let mut decoder = builder.from_reader(source).map_err(corrupt)?;
    let (width, height) = decoder.size();
    check_size(width as u64, height as u64, options)?;
    if let (true, Some(side)) = (options.fast, options.needed_side) {
        decoder.scale(eighths(width.min(height), side));
    }
    let turn = if options.exif_orientation {
        turn(&decoder)
    } else {
        None
    };

    let (output, channels) = match decoder.components().len() {
        1 => (ColorSpace::JCS_GRAYSCALE, 1),
        3 => (ColorSpace::JCS_RGB, 3),
        4 => (ColorSpace::JCS_CMYK, 4),
        n => return Err(corrupt(format_args!("{n} colour components"))),
    };
    let mut started = decoder.to_colorspace(output).map_err(corrupt)?;
    let samples: Vec<u8> = started.read_scanlines().map_err(corrupt)?;
    let (width, height) = (started.width(), started.height());
    started.finish().map_err(corrupt)?;

    let data = match channels {
        1 => samples.iter().flat_map(|&v| [v; 3]).collect(),
        3 => samples,
        _ => {
            let mut rgb = Vec::with_capacity(width * height * 3);
            // Adobe's files hold inverted inks, and Pillow takes every CMYK JPEG to be Adobe's.
            for ink in samples.chunks_exact(4) {
                rgb.extend(cmyk_to_rgb([!ink[0], !ink[1], !ink[2], !ink[3]]));
            }
            rgb
        }
    };
    let image = Rgb {
        width: width as u32,
        height: height as u32,
        data,
    };
    Ok(match turn {
        Some(turn) => orientation::upright(image, turn),
        None => image,
    })
}

/// The smallest of the scales that the decoder is faster at, in eighths, at which `shorter` pixels are still `side`.
fn eighths(shorter: usize, side: usize) -> u8 {
    let is_enough = |eighths: &u8| shorter * usize::from(*eighths) / 8 >= side;
    [1, 2, 4].into_iter().find(is_enough).unwrap_or(8)
}

/// The orientation in the EXIF segments (continued ones joined), else in the XMP packet.
fn turn<R>(decoder: &Decompress<R>) -> Option<u8> {
    let mut exif = Vec::new();
    let mut xmp = None;
    for marker in decoder.markers() {
        if let Some(part) = marker.data.strip_prefix(b"Exif\0\0") {
            exif.extend_from_slice(part);
        } else if let Some(part) = marker.data.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
            xmp = Some(part);
        }
    }
    orientation::from_exif(&exif).or_else(|| orientation::from_xmp(xmp?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JPEG file of a picture that changes slowly.
    fn file(width: usize, height: usize) -> Vec<u8> {
        let mut encoder = mozjpeg::Compress::new(ColorSpace::JCS_RGB);
        encoder.set_size(width, height);
        encoder.set_quality(95.0);
        let mut started = encoder.start_compress(Vec::new()).unwrap();
        let values: Vec<u8> = (0..width * height)
            .flat_map(|i| {
                let (x, y) = (i % width * 255 / width, i / width * 255 / height);
                [x as u8, y as u8, ((x + y) / 2) as u8]
            })
            .collect();
        started.write_scanlines(&values).unwrap();
        started.finish().unwrap()
    }

    #[test]
    fn fast_decoding_stays_as_large_as_is_needed() {
        assert_eq!(
            [(1000, 224), (900, 224), (448, 224), (447, 224), (2000, 224)]
                .map(|(s, n)| eighths(s, n)),
            [2, 2, 4, 8, 1]
        );
        let bytes = file(401, 300);
        let full = decode(&bytes, &DecodeOptions::default()).unwrap();
        for (fast, needed_side, size) in [
            (true, Some(150), (201, 150)),
            (true, Some(75), (101, 75)),
            (true, Some(151), (401, 300)),
            (true, None, (401, 300)),
            (false, Some(75), (401, 300)),
        ] {
            let options = DecodeOptions {
                fast,
                needed_side,
                ..DecodeOptions::default()
            };
            let found = decode(&bytes, &options).unwrap();
            let (found, full) = (&found.colours, &full.colours);
            assert_eq!((found.width, found.height), size, "{needed_side:?}");
            // The same picture: what is in its middle is in the middle of the other.
            let middle = |image: &Rgb| {
                let at = (image.height / 2 * image.width + image.width / 2) as usize;
                image.data[3 * at]
            };
            assert!(middle(found).abs_diff(middle(full)) <= 4);
        }
    }
}
