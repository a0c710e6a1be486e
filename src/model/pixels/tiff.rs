//! TIFF, which the `image` crate reads without palettes and with rounded-off inks: the samples
//! come from the `tiff` crate and become colours here.

use std::borrow::Cow;
use std::io::Cursor;

use ::tiff::decoder::{ChunkType, Decoder, DecodingResult, Limits};
use ::tiff::tags::Tag;
use ::tiff::{ColorType, TiffError};

use super::decode::{DecodeError, DecodeOptions, check_size, cmyk_to_rgb, upright};
use super::{Picture, Rgb, Transparency, jpeg, orientation};

const FORMAT: &str = "TIFF";
/// Values of PhotometricInterpretation.
const WHITE_IS_ZERO: u16 = 0;
const BLACK_IS_ZERO: u16 = 1;
const PALETTE: u16 = 3;
const YCBCR: u16 = 6;
/// Values of Compression.
const UNCOMPRESSED: u16 = 1;
const JPEG: u16 = 7;
/// Value of Predictor.
const NO_PREDICTOR: u16 = 1;
/// Values of ExtraSamples.
const PREMULTIPLIED: u16 = 1;
const STRAIGHT: u16 = 2;
/// Value of FillOrder: the first pixel is in the lowest bits of a byte.
const LOWEST_FIRST: u16 = 2;
/// Tag of an XMP packet.
const XMP: u16 = 700;

type Source<'a> = Decoder<Cursor<&'a [u8]>>;

/// Decodes the first page.
pub(super) fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<Picture, DecodeError> {
    let mut header = Decoder::new(Cursor::new(bytes)).map_err(refusal)?;
    let (width, height) = header.dimensions().map_err(refusal)?;
    check_size(width.into(), height.into(), options)?;

    let mut content = Cow::Borrowed(bytes);
    // The `tiff` crate refuses palettes but not the same samples as greys.
    let photometric = number(&mut header, Tag::PhotometricInterpretation);
    let map = if photometric == Some(PALETTE) {
        replace(&mut content, Tag::PhotometricInterpretation, BLACK_IS_ZERO)?;
        Some(header.get_tag_u16_vec(Tag::ColorMap).map_err(refusal)?)
    } else {
        None
    };
    // And it drops samples of unknown meaning before it undoes the predictor, which needs them.
    let extra = numbers(&mut header, Tag::ExtraSamples).and_then(|kinds| kinds.first().copied());
    if extra.is_some_and(|kind| kind != PREMULTIPLIED && kind != STRAIGHT) {
        replace(&mut content, Tag::ExtraSamples, STRAIGHT)?;
    }

    let most = usize::try_from(options.max_pixels.saturating_mul(8)).unwrap_or(usize::MAX);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = most;
    limits.intermediate_buffer_size = most;
    let decoder = Decoder::new(Cursor::new(&*content)).map_err(refusal)?;
    let mut decoder = decoder.with_limits(limits);
    let color = decoder.colortype().map_err(refusal)?;
    let alpha = Alpha::of(color, extra);
    let compression = number(&mut decoder, Tag::Compression).unwrap_or(UNCOMPRESSED);
    let subsampling = numbers(&mut decoder, Tag::ChromaSubsampling);
    let channels = usize::from(color.num_samples());
    let pixels = width as usize * height as usize;

    let samples = read_samples(&mut decoder, &content, color, compression)?;
    let pixel = |p: &[u8]| -> [u8; 3] { [p[0], p[1], p[2]] };
    let each = samples.chunks_exact(channels);
    let opacities = match (color, alpha) {
        (_, Alpha::Unspecified) => None,
        (
            ColorType::RGBA(_) | ColorType::GrayA(_) | ColorType::Multiband { num_samples: 2, .. },
            _,
        ) => Some(each.clone().map(|p| p[channels - 1]).collect()),
        _ => None,
    };
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
        (ColorType::Multiband { num_samples: 2, .. } | ColorType::GrayA(_), None) => {
            each.flat_map(|p| alpha.straight([p[0]; 3], p[1])).collect()
        }
        (ColorType::RGB(_), None) => samples,
        (ColorType::RGBA(_), None) => each.flat_map(|p| alpha.straight(pixel(p), p[3])).collect(),
        (ColorType::CMYK(_) | ColorType::CMYKA(_), None) => each
            .flat_map(|p| cmyk_to_rgb([p[0], p[1], p[2], p[3]]))
            .collect(),
        // libjpeg has made RGB of it.
        (ColorType::YCbCr(_), None) if compression == JPEG => samples,
        (ColorType::YCbCr(_), None) if subsampling.as_deref() == Some(&[1, 1]) => {
            each.flat_map(|p| ycbcr_to_rgb(pixel(p))).collect()
        }
        _ => return Err(unsupported(format!("{color:?} samples"))),
    };
    if data.len() != pixels * 3 {
        return Err(corrupt("the samples do not fill the picture"));
    }
    let is_palette = map.is_some();
    let picture = Picture {
        colours: Rgb {
            width,
            height,
            data,
        },
        transparency: opacities.map_or(Transparency::None, Transparency::Channel),
        is_indexed: is_palette || color == ColorType::Gray(1),
    };
    let of_packet = || {
        let packet = decoder.find_tag(Tag::Unknown(XMP)).ok().flatten()?;
        orientation::from_xmp(&packet.into_u8_vec().ok()?)
    };
    let turn = match (options.exif_orientation, options.tiff_orientation) {
        (true, _) => orientation::from_tiff(bytes).or_else(of_packet),
        (false, true) => orientation::from_tiff(bytes),
        (false, false) => None,
    };
    Ok(upright(picture, turn))
}

/// The samples of the picture, one byte each and those of a pixel together, put together from its strips or tiles.
///
/// Samples of 16 bits are cut to the high byte, but greys clipped at 255 and never inverted, which is how Pillow
/// takes them.
fn read_samples(
    decoder: &mut Source<'_>,
    content: &[u8],
    color: ColorType,
    compression: u16,
) -> Result<Vec<u8>, DecodeError> {
    let (width, height) = decoder.dimensions().map_err(refusal)?;
    let (width, height) = (width as usize, height as usize);
    let channels = usize::from(color.num_samples());
    let bits = color.bit_depth();
    match bits {
        1 | 2 | 4 if channels == 1 => (),
        // Inks with alpha are the most that a pixel has. Space for any number must not be asked for.
        8 if channels <= 5 => (),
        16 if channels <= 5 && compression != JPEG => (),
        _ => return Err(unsupported(format!("{color:?} samples"))),
    }
    let stored = number(decoder, Tag::SamplesPerPixel).unwrap_or(1);
    let predicted = number(decoder, Tag::Predictor).is_some_and(|kind| kind != NO_PREDICTOR);
    if predicted && usize::from(stored) != channels {
        return Err(unsupported(format!(
            "{stored} samples a pixel with a predictor"
        )));
    }
    let lowest_first = number(decoder, Tag::FillOrder) == Some(LOWEST_FIRST);
    if lowest_first && (compression != UNCOMPRESSED || bits > 8) {
        return Err(unsupported(
            "bits in reverse order (FillOrder 2) in compressed or 16-bit samples".to_owned(),
        ));
    }
    let photometric = number(decoder, Tag::PhotometricInterpretation);
    let inverted = photometric == Some(WHITE_IS_ZERO);
    let planes = match number(decoder, Tag::PlanarConfiguration) {
        Some(2) => channels,
        _ => 1,
    };
    let streams = match compression {
        JPEG => Some(JpegStreams::of(decoder, content)?),
        _ => None,
    };

    let (chunk_width, chunk_height) = decoder.chunk_dimensions();
    if chunk_width == 0 || chunk_height == 0 {
        return Err(corrupt("strips or tiles without pixels"));
    }
    let across = width.div_ceil(chunk_width as usize);
    let down = height.div_ceil(chunk_height as usize);
    let each = channels / planes;
    let mut samples = vec![0; width * height * channels];
    for index in 0..across * down * planes {
        let (plane, place) = (index / (across * down), index % (across * down));
        let left = place % across * chunk_width as usize;
        let top = place / across * chunk_height as usize;
        let columns = (width - left).min(chunk_width as usize);
        let rows = (height - top).min(chunk_height as usize);
        let index = u32::try_from(index).map_err(|_| corrupt("too many strips"))?;
        // Rows of the chunk, which may be wider and more than what lies in the picture.
        let (line, chunk) = match &streams {
            Some(streams) => {
                let stream = streams.get(index as usize)?;
                let to_rgb = photometric == Some(YCBCR) && each == 3;
                let most = (chunk_width as usize, chunk_height as usize);
                let (line, chunk) = jpeg::decode_samples(&stream, each, to_rgb, most)
                    .map_err(|message| corrupt(format_args!("JPEG inside: {message}")))?;
                (line * each, chunk)
            }
            None => {
                let chunk = decoder.read_chunk(index).map_err(refusal)?;
                let bytes = match chunk {
                    DecodingResult::U8(v) => v,
                    DecodingResult::U16(v) if channels == 1 => v
                        .iter()
                        .map(|&s| if inverted { !s } else { s })
                        .map(|s| s.min(255) as u8)
                        .collect(),
                    DecodingResult::U16(v) => v.iter().map(|s| (s >> 8) as u8).collect(),
                    _ => {
                        return Err(unsupported(format!(
                            "{color:?} samples that are not unsigned integers"
                        )));
                    }
                };
                if bits < 8 || lowest_first {
                    (columns, unpack(&bytes, columns, bits, lowest_first))
                } else {
                    (columns * each, bytes)
                }
            }
        };
        if line < columns * each || chunk.len() < line * rows {
            return Err(corrupt("a strip or tile is too small"));
        }
        for (y, row) in chunk.chunks_exact(line).take(rows).enumerate() {
            let start = ((top + y) * width + left) * channels + plane;
            if each == channels {
                samples[start..start + columns * each].copy_from_slice(&row[..columns * each]);
            } else {
                let out = samples[start..].iter_mut().step_by(channels);
                out.zip(&row[..columns]).for_each(|(out, &v)| *out = v);
            }
        }
    }
    Ok(samples)
}

/// The JPEG streams in strips or tiles.
struct JpegStreams<'a> {
    content: &'a [u8],
    /// Offset and length of each strip or tile.
    places: Vec<(u64, u64)>,
    /// What all of them share, without the mark of an end.
    tables: Option<Vec<u8>>,
}

impl<'a> JpegStreams<'a> {
    fn of(decoder: &mut Source<'_>, content: &'a [u8]) -> Result<JpegStreams<'a>, DecodeError> {
        let (offsets, lengths) = match decoder.get_chunk_type() {
            ChunkType::Strip => (Tag::StripOffsets, Tag::StripByteCounts),
            ChunkType::Tile => (Tag::TileOffsets, Tag::TileByteCounts),
        };
        let offsets = decoder.get_tag_u64_vec(offsets).map_err(refusal)?;
        let lengths = decoder.get_tag_u64_vec(lengths).map_err(refusal)?;
        let tables = decoder.find_tag(Tag::JPEGTables).ok().flatten();
        let tables = tables.and_then(|tables| tables.into_u8_vec().ok());
        Ok(JpegStreams {
            content,
            places: offsets.into_iter().zip(lengths).collect(),
            tables: tables.and_then(|t| Some(t.strip_suffix(b"\xff\xd9")?.to_vec())),
        })
    }

    /// One of them as a file of its own, the shared tables put before its data.
    fn get(&self, index: usize) -> Result<Cow<'a, [u8]>, DecodeError> {
        let inside = |&(offset, length): &(u64, u64)| {
            let start = usize::try_from(offset).ok()?;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            self.content.get(start..end)
        };
        let data = self.places.get(index).and_then(inside);
        let data = data.ok_or(DecodeError::Truncated { format: FORMAT })?;
        Ok(match (&self.tables, data.strip_prefix(b"\xff\xd8")) {
            (Some(tables), Some(rest)) => Cow::Owned([tables, rest].concat()),
            _ => Cow::Borrowed(data),
        })
    }
}

fn number(decoder: &mut Source<'_>, tag: Tag) -> Option<u16> {
    decoder.find_tag_unsigned(tag).ok().flatten()
}

fn numbers(decoder: &mut Source<'_>, tag: Tag) -> Option<Vec<u16>> {
    decoder.find_tag_unsigned_vec(tag).ok().flatten()
}

fn corrupt(message: impl ToString) -> DecodeError {
    DecodeError::corrupt(FORMAT, message)
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

/// Changes the first number of a tag, in a copy of the file.
fn replace(content: &mut Cow<'_, [u8]>, tag: Tag, value: u16) -> Result<(), DecodeError> {
    let (at, big_endian) = orientation::value_of(content, tag.to_u16())
        .ok_or_else(|| corrupt(format_args!("{tag:?} is not a short number")))?;
    let value = if big_endian {
        value.to_be_bytes()
    } else {
        value.to_le_bytes()
    };
    content.to_mut()[at..at + 2].copy_from_slice(&value);
    Ok(())
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
    fn of(color: ColorType, extra_sample: Option<u16>) -> Alpha {
        match (color, extra_sample) {
            (_, Some(PREMULTIPLIED)) => Alpha::Premultiplied,
            (_, Some(STRAIGHT)) => Alpha::Straight,
            // Some programs write an alpha channel after the colours without saying so, or with this number.
            (ColorType::RGBA(_), None | Some(999)) => Alpha::Straight,
            _ => Alpha::Unspecified,
        }
    }

    /// The colour of a pixel that is not multiplied with its opacity, with the rounding that dividing brings.
    fn straight(self, rgb: [u8; 3], alpha: u8) -> [u8; 3] {
        match self {
            Alpha::Premultiplied if alpha != 0 => {
                rgb.map(|v| (u32::from(v) * 255 / u32::from(alpha)).min(255) as u8)
            }
            _ => rgb,
        }
    }
}

/// One byte per sample from rows of samples of 8 bits or less, whose bits may be in reverse order.
fn unpack(samples: &[u8], width: usize, bits: u8, lowest_first: bool) -> Vec<u8> {
    let per_byte = 8 / usize::from(bits);
    let mask = u8::MAX >> (8 - bits);
    samples
        .chunks_exact(width.div_ceil(per_byte))
        .flat_map(|row| {
            (0..width).map(move |x| {
                let shift = 8 - bits as usize * (x % per_byte + 1);
                let byte = row[x / per_byte];
                let byte = if lowest_first {
                    byte.reverse_bits()
                } else {
                    byte
                };
                (byte >> shift) & mask
            })
        })
        .collect()
}

/// JPEG's full-range conversion, in Pillow's 6-bit fixed point.
fn ycbcr_to_rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let part = |factor: f64, chroma: u8| (factor * 64.0 * (f64::from(chroma) - 128.0)).round();
    let sum = |parts: f64| (i32::from(y) + (parts as i32 >> 6)).clamp(0, 255) as u8;
    [
        sum(part(1.402, cr)),
        sum(part(-0.34414, cb) + part(-0.71414, cr)),
        sum(part(1.772, cb)),
    ]
}
