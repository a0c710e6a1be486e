//! GIF, whose first frame Pillow lays on its canvas otherwise than the `image` crate.

use std::io::Cursor;

use ::gif::{ColorOutput, DecodingError, MemoryLimit};

use super::decode::{DecodeError, DecodeOptions, check_size};
use super::{Picture, Rgb, Transparency};

const FORMAT: &str = "GIF";

/// Decodes the first frame.
///
/// Around a frame that does not fill the canvas there is its transparent colour, else its first colour: the
/// background that the file names is ignored. A frame that reaches over the canvas enlarges it.
pub(super) fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<Picture, DecodeError> {
    let mut settings = ::gif::DecodeOptions::new();
    settings.set_color_output(ColorOutput::Indexed);
    // Sizes are checked below, before anything is allocated.
    settings.set_memory_limit(MemoryLimit::Unlimited);
    let mut decoder = settings.read_info(Cursor::new(bytes)).map_err(refusal)?;
    let canvas = (decoder.width(), decoder.height());
    // An empty canvas grows with its frame.
    check_size(canvas.0.max(1).into(), canvas.1.max(1).into(), options)?;
    let global = decoder.global_palette().map(<[u8]>::to_vec);
    let frame = decoder
        .next_frame_info()
        .map_err(refusal)?
        .ok_or_else(|| corrupt("it holds no picture"))?;
    let transparent = frame.transparent;
    let palette = frame.palette.clone().or(global);
    let palette = palette.ok_or_else(|| corrupt("it has no colours"))?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let frame = (usize::from(frame.width), usize::from(frame.height));
    let width = usize::from(canvas.0).max(left + frame.0);
    let height = usize::from(canvas.1).max(top + frame.1);
    check_size(width as u64, height as u64, options)?;

    let mut indices = vec![0; frame.0 * frame.1];
    if !indices.is_empty() {
        decoder.read_into_buffer(&mut indices).map_err(refusal)?;
    }
    let around = transparent.unwrap_or(0);
    let mut canvas = vec![around; width * height];
    let rows = canvas.chunks_exact_mut(width).skip(top);
    for (row, indices) in rows.zip(indices.chunks_exact(frame.0.max(1))) {
        row[left..][..indices.len()].copy_from_slice(indices);
    }
    let colours: [[u8; 3]; 256] = std::array::from_fn(|index| {
        let colour = palette.get(index * 3..index * 3 + 3);
        colour.map_or([0; 3], |c| [c[0], c[1], c[2]])
    });
    // Pillow takes a picture whose numbers are its greys for one without a palette.
    let is_grey = |(index, colour): (usize, &[u8])| colour == [index as u8; 3];
    let colours_are_greys = palette.chunks_exact(3).enumerate().all(is_grey);
    let opacity = |index: &u8| if Some(*index) == transparent { 0 } else { 255 };
    Ok(Picture {
        colours: Rgb {
            width: width as u32,
            height: height as u32,
            data: canvas
                .iter()
                .flat_map(|&index| colours[usize::from(index)])
                .collect(),
        },
        transparency: match transparent {
            Some(_) => Transparency::Marked(canvas.iter().map(opacity).collect()),
            None => Transparency::None,
        },
        is_indexed: !colours_are_greys,
    })
}

fn corrupt(message: impl ToString) -> DecodeError {
    DecodeError::corrupt(FORMAT, message)
}

fn refusal(error: DecodingError) -> DecodeError {
    match error {
        DecodingError::Io(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            DecodeError::Truncated { format: FORMAT }
        }
        other => corrupt(other),
    }
}
