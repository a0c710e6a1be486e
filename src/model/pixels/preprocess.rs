//! The arithmetic of [`Preprocess`]: resize, centre crop, rescale and normalise.

use std::ops::Range;

use super::resize::{Filter, Part, nearest, nearest_of_pillow, resize};
use super::{DecodeOptions, Picture, Preprocess, Reference, Resample, Resize, Transparency};

impl Preprocess {
    /// How files are decoded for these steps: as `options` say, but where the reference knows no orientation.
    pub fn decode_options(&self, options: &DecodeOptions) -> DecodeOptions {
        DecodeOptions {
            exif_orientation: options.exif_orientation && self.reference == Reference::Transformers,
            tiff_orientation: self.reference == Reference::OpenClip,
            needed_side: self.resize.map(|resize| match resize {
                Resize::ShortestEdge(side) => side,
                Resize::Exact { height, width } => height.max(width),
            }),
            ..options.clone()
        }
    }

    /// The tensor of one picture: `3 × height × width` values, channel by channel, row by row
    /// ([`output_size`](Preprocess::output_size)), as the reference computes them.
    pub fn apply(&self, picture: Picture) -> Vec<f32> {
        let (height, width) = self.output_size();
        let mut out = vec![0.0; 3 * height * width];
        self.apply_into(picture, &mut out);
        out
    }

    /// [`apply`](Preprocess::apply) into a slot of a batch, `3 × height × width` values.
    ///
    /// # Panics
    /// If `out` has another length.
    pub fn apply_into(&self, picture: Picture, out: &mut [f32]) {
        let (height, width) = self.output_size();
        let plane = height * width;
        assert_eq!(
            out.len(),
            3 * plane,
            "a slot of 3 × {height} × {width} values"
        );
        let pixels = self.crop(picture);
        for (channel, out) in out.chunks_exact_mut(plane).enumerate() {
            let table = self.levels(channel);
            for (value, pixel) in out.iter_mut().zip(pixels.chunks_exact(3)) {
                *value = table[usize::from(pixel[channel])];
            }
        }
    }

    /// The picture resized and cropped, before rescaling: interleaved 8-bit RGB of
    /// [`output_size`](Preprocess::output_size). Where the crop is larger than the picture, black.
    pub fn crop(&self, picture: Picture) -> Vec<u8> {
        let from = (
            picture.colours.width as usize,
            picture.colours.height as usize,
        );
        let to = self.resized(from);
        let (height, width) = self.output_size();
        let (columns, left) = self.window(to.0, width);
        let (rows, top) = self.window(to.1, height);
        let size = (columns.len(), rows.len());
        let part = Part {
            from,
            to,
            columns,
            rows,
        };
        let pixels = match self.reference {
            Reference::Transformers => self.resampled(&picture.on_white().data, &part),
            Reference::OpenClip => self.resampled_unblended(&picture, &part),
        };
        if size == (width, height) {
            return pixels;
        }
        let mut out = vec![0; height * width * 3];
        let lines = out.chunks_exact_mut(width * 3).skip(top);
        for (line, row) in lines.zip(pixels.chunks_exact(size.0 * 3)) {
            line[left * 3..][..row.len()].copy_from_slice(row);
        }
        out
    }

    /// A part of the resized picture.
    fn resampled(&self, source: &[u8], part: &Part) -> Vec<u8> {
        let filter = match self.resample {
            Resample::Nearest => return nearest(source, part),
            Resample::Lanczos => Filter::Lanczos,
            Resample::Bilinear => Filter::Bilinear,
            Resample::Bicubic => Filter::Bicubic,
        };
        resize(source, part, filter, self.reference)
    }

    /// As [`resampled`](Self::resampled) with what Pillow minds of a picture: numbers of colours cannot be mixed, and the
    /// colours of an opaque pixel count for more than those of one that is not.
    fn resampled_unblended(&self, picture: &Picture, part: &Part) -> Vec<u8> {
        let colours = &picture.colours.data;
        if picture.is_indexed {
            return nearest_of_pillow(colours, part);
        }
        let Transparency::Channel(opacities) = &picture.transparency else {
            return self.resampled(colours, part);
        };
        // A picture that keeps its size is not touched.
        if part.from == part.to {
            return self.resampled(colours, part);
        }
        let multiplied: Vec<u8> = colours
            .chunks_exact(3)
            .zip(opacities)
            .flat_map(|(pixel, &opacity)| [0, 1, 2].map(|c| multiplied(pixel[c], opacity)))
            .collect();
        let spread: Vec<u8> = opacities.iter().flat_map(|&opacity| [opacity; 3]).collect();
        let mut out = self.resampled(&multiplied, part);
        for (value, opacity) in out.iter_mut().zip(self.resampled(&spread, part)) {
            if opacity != 0 && opacity != 255 {
                *value = (u32::from(*value) * 255 / u32::from(opacity)).min(255) as u8;
            }
        }
        out
    }

    /// Width and height after the resize.
    fn resized(&self, (width, height): (usize, usize)) -> (usize, usize) {
        match self.resize {
            None => (width, height),
            Some(Resize::Exact { height, width }) => (width, height),
            // Rounded down, in integers that cannot overflow: sides are 32-bit.
            Some(Resize::ShortestEdge(edge)) if width <= height => (edge, edge * height / width),
            Some(Resize::ShortestEdge(edge)) => (edge * width / height, edge),
        }
    }

    /// What each 8-bit level of a channel becomes, with the reference's operations in its order:
    /// transformers scales mean and deviation up to 8-bit levels in f32, open_clip the levels
    /// down.
    fn levels(&self, channel: usize) -> [f32; 256] {
        std::array::from_fn(|level| {
            let value = level as f32;
            if let (Reference::OpenClip, Some((mean, std))) = (self.reference, self.normalize) {
                return (value / 255.0 - mean[channel] as f32) / std[channel] as f32;
            }
            match (self.normalize, self.rescale) {
                (Some((mean, std)), rescale) => {
                    let up = rescale.map_or(1.0, |factor| (1.0 / factor) as f32);
                    (value - mean[channel] as f32 * up) / (std[channel] as f32 * up)
                }
                (None, Some(factor)) => value * factor as f32,
                (None, None) => value,
            }
        })
    }

    /// The part of `size` positions that a centre crop to `crop` keeps, and where in the crop it
    /// starts.
    fn window(&self, size: usize, crop: usize) -> (Range<usize>, usize) {
        let Some(excess) = size.checked_sub(crop) else {
            return (0..size, (crop - size) / 2);
        };
        let start = match self.reference {
            Reference::Transformers => excess / 2,
            // Half a position is rounded to the even one.
            Reference::OpenClip => excess / 2 + usize::from(excess % 4 == 3),
        };
        (start..start + crop, 0)
    }
}

/// A level of a colour times an opacity, rounded as Pillow does.
fn multiplied(level: u8, opacity: u8) -> u8 {
    let product = u32::from(level) * u32::from(opacity) + 128;
    (((product >> 8) + product) >> 8) as u8
}
