//! The arithmetic of [`Preprocess`]: resize, centre crop, rescale and normalise.

use std::ops::Range;

use super::resize::{BICUBIC, BILINEAR, LANCZOS, nearest, resize};
use super::{Preprocess, Resample, Resize, Rgb};

impl Preprocess {
    /// The tensor of one picture: `3 × height × width` values, channel by channel, row by row
    /// ([`output_size`](Preprocess::output_size)), as transformers' `CLIPImageProcessor` with its
    /// torchvision backend computes them.
    pub fn apply(&self, image: &Rgb) -> Vec<f32> {
        let (height, width) = self.output_size();
        let mut out = vec![0.0; 3 * height * width];
        self.apply_into(image, &mut out);
        out
    }

    /// [`apply`](Preprocess::apply) into a slot of a batch, `3 × height × width` values.
    ///
    /// # Panics
    /// If `out` has another length.
    pub fn apply_into(&self, image: &Rgb, out: &mut [f32]) {
        let (height, width) = self.output_size();
        let plane = height * width;
        assert_eq!(
            out.len(),
            3 * plane,
            "a slot of 3 × {height} × {width} values"
        );
        let pixels = self.crop(image);
        for (channel, out) in out.chunks_exact_mut(plane).enumerate() {
            let table = self.levels(channel);
            for (value, pixel) in out.iter_mut().zip(pixels.chunks_exact(3)) {
                *value = table[usize::from(pixel[channel])];
            }
        }
    }

    /// The picture resized and cropped, before rescaling: interleaved 8-bit RGB of
    /// [`output_size`](Preprocess::output_size). Where the crop is larger than the picture, black.
    pub fn crop(&self, image: &Rgb) -> Vec<u8> {
        let from = (image.width as usize, image.height as usize);
        let to = self.resized(from);
        let (height, width) = self.output_size();
        let (columns, left) = window(to.0, width);
        let (rows, top) = window(to.1, height);
        let (part_width, part_height) = (columns.len(), rows.len());
        let resize = |kernel| resize(&image.data, from, to, columns.clone(), rows.clone(), kernel);
        let part = match self.resample {
            Resample::Nearest => nearest(&image.data, from, to, columns, rows),
            Resample::Lanczos => resize(LANCZOS),
            Resample::Bilinear => resize(BILINEAR),
            Resample::Bicubic => resize(BICUBIC),
        };
        if (part_width, part_height) == (width, height) {
            return part;
        }
        let mut out = vec![0; height * width * 3];
        let lines = out.chunks_exact_mut(width * 3).skip(top);
        for (line, row) in lines.zip(part.chunks_exact(part_width * 3)) {
            line[left * 3..][..row.len()].copy_from_slice(row);
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
    /// mean and deviation are scaled up to 8-bit levels in f32 instead of the levels being scaled
    /// down.
    fn levels(&self, channel: usize) -> [f32; 256] {
        std::array::from_fn(|level| {
            let value = level as f32;
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
}

/// The part of `size` positions that a centre crop to `crop` keeps, and where in the crop it
/// starts.
fn window(size: usize, crop: usize) -> (Range<usize>, usize) {
    if crop <= size {
        let start = (size - crop) / 2;
        (start..start + crop, 0)
    } else {
        (0..size, (crop - size) / 2)
    }
}
