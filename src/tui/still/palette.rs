//! What the colours of a screen are outside of any terminal.

use std::fmt;

use ratatui::style::Color;

/// A colour as an SVG writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl fmt::Display for Rgb {
    /// `#rrggbb`, or `#rgb` where that says the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(r, g, b) = *self;
        match [r, g, b].iter().all(|part| part % 17 == 0) {
            true => write!(f, "#{:x}{:x}{:x}", r / 17, g / 17, b / 17),
            false => write!(f, "#{r:02x}{g:02x}{b:02x}"),
        }
    }
}

impl Rgb {
    /// The mixture with `share` hundredths of `self`, the rest of `other`.
    pub(super) fn mixed(self, other: Self, share: u16) -> Self {
        let mix = |a: u8, b: u8| {
            let sum = u16::from(a) * share + u16::from(b) * (100 - share);
            // A mean of two bytes is a byte.
            ((sum + 50) / 100) as u8
        };
        Self(
            mix(self.0, other.0),
            mix(self.1, other.1),
            mix(self.2, other.2),
        )
    }
}

/// The colours of a terminal window.
///
/// The first sixteen are readable as text on the background, but for the one that is named after it: black on dark,
/// white on light.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette {
    pub foreground: Rgb,
    pub background: Rgb,
    /// The line around the window.
    pub border: Rgb,
    /// Black, red, green, yellow, blue, magenta, cyan, white; then the same, bright.
    pub ansi: [Rgb; 16],
}

impl Palette {
    /// Light text on a dark window.
    pub fn dark() -> Self {
        Self {
            foreground: hex(0xe6edf3),
            background: hex(0x0d1117),
            border: hex(0x30363d),
            ansi: [
                0x161b22, 0xff7b72, 0x3fb950, 0xd29922, 0x58a6ff, 0xbc8cff, 0x39c5cf, 0xb1bac4,
                0x848d97, 0xffa198, 0x56d364, 0xe3b341, 0x79c0ff, 0xd2a8ff, 0x56d4dd, 0xffffff,
            ]
            .map(hex),
        }
    }

    /// Dark text on a light window, as for paper.
    pub fn light() -> Self {
        Self {
            foreground: hex(0x1f2328),
            background: hex(0xffffff),
            border: hex(0xd1d9e0),
            ansi: [
                0x24292f, 0xcf222e, 0x116329, 0x7d4e00, 0x0969da, 0x8250df, 0x1b7c83, 0x6e7781,
                0x57606a, 0xa40e26, 0x1a7f37, 0x633c01, 0x0550ae, 0x6639ba, 0x0e6e76, 0xffffff,
            ]
            .map(hex),
        }
    }

    /// What a colour of the screen is; `reset` is what the terminal's own stands for.
    pub(super) fn resolve(&self, colour: Color, reset: Rgb) -> Rgb {
        match colour {
            Color::Reset => reset,
            Color::Rgb(r, g, b) => Rgb(r, g, b),
            Color::Indexed(i) => self.indexed(i),
            named => self.ansi[usize::from(ansi_index(named))],
        }
    }

    /// xterm's 256 colours: the sixteen, a cube of six steps, and 24 greys.
    fn indexed(&self, index: u8) -> Rgb {
        let step = |i: u8| match i % 6 {
            0 => 0,
            i => 55 + 40 * i,
        };
        match index {
            0..16 => self.ansi[usize::from(index)],
            16..232 => {
                let i = index - 16;
                Rgb(step(i / 36), step(i / 6), step(i))
            }
            grey => {
                let level = 8 + 10 * (grey - 232);
                Rgb(level, level, level)
            }
        }
    }
}

/// The place of a named colour among the sixteen. Those that have no name count as white.
pub(crate) fn ansi_index(colour: Color) -> u8 {
    match colour {
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray | Color::Reset | Color::Rgb(..) | Color::Indexed(_) => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    }
}

const fn hex(rgb: u32) -> Rgb {
    let [_, r, g, b] = rgb.to_be_bytes();
    Rgb(r, g, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_written_short() {
        assert_eq!(hex(0x112233).to_string(), "#123");
        assert_eq!(hex(0x112234).to_string(), "#112234");
    }

    #[test]
    fn the_256_colours_are_those_of_xterm() {
        let palette = Palette::dark();
        let check = |index: u8, expected: u32| {
            let found = palette.resolve(Color::Indexed(index), hex(0));
            assert_eq!(found, hex(expected), "{index}");
        };
        check(1, 0xff7b72);
        check(16, 0x000000);
        check(17, 0x00005f);
        check(110, 0x87afd7);
        check(231, 0xffffff);
        check(232, 0x080808);
        check(255, 0xeeeeee);
    }

    /// Relative luminance as the guidelines on accessible contents (WCAG) have it.
    fn luminance(Rgb(r, g, b): Rgb) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            match part <= 0.04045 {
                true => part / 12.92,
                false => ((part + 0.055) / 1.055).powf(2.4),
            }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    #[test]
    fn text_is_readable_in_every_colour() {
        for (palette, own) in [(Palette::dark(), 0), (Palette::light(), 15)] {
            let others = (0..16).filter(|i| *i != own).map(|i| palette.ansi[i]);
            for colour in others.chain([palette.foreground]) {
                let (a, b) = (luminance(colour), luminance(palette.background));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 4.5, "{colour}: {contrast:.2}");
            }
        }
    }
}
