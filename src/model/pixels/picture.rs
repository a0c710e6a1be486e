//! A picture as its file holds it, before a model's convention makes RGB of it.

use super::Rgb;

/// A decoded picture: its colours, and what they are not told without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub colours: Rgb,
    pub transparency: Transparency,
    /// The file holds numbers of colours, or black and white: Pillow resizes such pictures to the nearest pixel.
    pub is_indexed: bool,
}

/// How much of what is below a pixel shows through. Opacities are one byte a pixel, 255 for opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transparency {
    None,
    /// A channel of the picture.
    Channel(Vec<u8>),
    /// Some of the picture's colours are marked as transparent: where the mark is not minded, they are seen.
    Marked(Vec<u8>),
}

impl Picture {
    /// A picture of colours alone.
    pub fn opaque(colours: Rgb) -> Self {
        Self {
            colours,
            transparency: Transparency::None,
            is_indexed: false,
        }
    }

    /// The picture on a white ground, as transformers sees it.
    pub fn on_white(self) -> Rgb {
        let mut colours = self.colours;
        if let Transparency::Channel(opacities) | Transparency::Marked(opacities) =
            &self.transparency
        {
            for (pixel, &opacity) in colours.data.chunks_exact_mut(3).zip(opacities) {
                pixel.copy_from_slice(&on_white([pixel[0], pixel[1], pixel[2]], opacity));
            }
        }
        colours
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_over_white() {
        let check = |rgb, alpha, right| assert_eq!(on_white(rgb, alpha), right, "{rgb:?} {alpha}");
        check([10, 20, 30], 255, [10, 20, 30]);
        check([10, 20, 30], 0, [255; 3]);
        check([0, 100, 255], 128, [127, 177, 255]);
        check([0, 100, 255], 1, [254, 254, 255]);
    }
}
