//! Characters that are drawn and not written: in most fonts, blocks and lines of neighbouring cells do not meet.

/// Pixels of a cell. An eighth of it, which is the step of block characters, is whole on both sides.
pub const WIDTH: u32 = 8;
pub const HEIGHT: u32 = 16;

/// What a cell shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph<'a> {
    Blank,
    Block(Block),
    Line(Arms),
    Arc(Arc),
    Text(&'a str),
}

/// Two colours that share the cell without a rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// So many pixels at the left in the one colour, the others in the other.
    Left { pixels: u32, ink_first: bool },
    /// The same from the top.
    Top { pixels: u32, ink_first: bool },
    /// The quarters with ink, as bits: upper left, upper right, lower left, lower right.
    Quarters(u8),
    /// All of the cell in a mixture with so many hundredths of ink.
    Shade(u16),
}

/// Pixels of width of the lines from the middle of the cell to its edges; 0 where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arms {
    pub up: u32,
    pub right: u32,
    pub down: u32,
    pub left: u32,
}

/// A rounded corner, by the edges that it joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arc {
    DownRight,
    DownLeft,
    UpLeft,
    UpRight,
}

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl<'a> Glyph<'a> {
    /// What the symbol of a cell is. One with control characters is for the terminal and not for the reader.
    pub fn of(symbol: &'a str) -> Self {
        let mut chars = symbol.chars();
        let drawn = match (chars.next(), chars.next()) {
            (Some(c), None) => drawn(c),
            _ => None,
        };
        let blank = |c: char| c.is_whitespace() || c == '\u{2800}';
        match drawn {
            Some(glyph) => glyph,
            None if symbol.chars().all(blank) || symbol.contains(char::is_control) => Self::Blank,
            None => Self::Text(symbol),
        }
    }
}

fn drawn(c: char) -> Option<Glyph<'static>> {
    match c {
        '\u{2580}'..='\u{259f}' => Some(Glyph::Block(block(c))),
        '╭' => Some(Glyph::Arc(Arc::DownRight)),
        '╮' => Some(Glyph::Arc(Arc::DownLeft)),
        '╯' => Some(Glyph::Arc(Arc::UpLeft)),
        '╰' => Some(Glyph::Arc(Arc::UpRight)),
        _ => arms(c).map(Glyph::Line),
    }
}

/// All of the block elements, U+2580 to U+259F.
fn block(c: char) -> Block {
    let left = |pixels, ink_first| Block::Left { pixels, ink_first };
    let top = |pixels, ink_first| Block::Top { pixels, ink_first };
    match c {
        '▀' => top(8, true),
        '▔' => top(2, true),
        '▁'..='▇' => top(HEIGHT - 2 * (u32::from(c) - 0x2580), false),
        '▉'..='▏' => left(WIDTH - (u32::from(c) - 0x2588), true),
        '▐' => left(4, false),
        '▕' => left(7, false),
        '░' => Block::Shade(25),
        '▒' => Block::Shade(50),
        '▓' => Block::Shade(75),
        '▖' => Block::Quarters(0b0010),
        '▗' => Block::Quarters(0b0001),
        '▘' => Block::Quarters(0b1000),
        '▙' => Block::Quarters(0b1011),
        '▚' => Block::Quarters(0b1001),
        '▛' => Block::Quarters(0b1110),
        '▜' => Block::Quarters(0b1101),
        '▝' => Block::Quarters(0b0100),
        '▞' => Block::Quarters(0b0110),
        '▟' => Block::Quarters(0b0111),
        _ => Block::Shade(100),
    }
}

/// The light and the heavy lines.
fn arms(c: char) -> Option<Arms> {
    // Up, right, down, left, in the order of the characters.
    const SHAPES: [[u32; 4]; 15] = [
        [0, 1, 0, 1],
        [1, 0, 1, 0],
        [0, 1, 1, 0],
        [0, 0, 1, 1],
        [1, 1, 0, 0],
        [1, 0, 0, 1],
        [1, 1, 1, 0],
        [1, 0, 1, 1],
        [0, 1, 1, 1],
        [1, 1, 0, 1],
        [1, 1, 1, 1],
        [0, 0, 0, 1],
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
    ];
    const LINES: [(&str, u32); 2] = [("─│┌┐└┘├┤┬┴┼╴╵╶╷", 1), ("━┃┏┓┗┛┣┫┳┻╋╸╹╺╻", 3)];
    LINES.iter().find_map(|(characters, thick)| {
        let at = characters.chars().position(|one| one == c)?;
        let [up, right, down, left] = SHAPES[at].map(|arm| arm * thick);
        Some(Arms {
            up,
            right,
            down,
            left,
        })
    })
}

impl Block {
    /// The parts of a cell and how many hundredths of ink they have.
    pub fn parts(self) -> Vec<(Area, u16)> {
        let ink = |has: bool| if has { 100 } else { 0 };
        let area = |x, y, width, height| Area {
            x,
            y,
            width,
            height,
        };
        match self {
            Self::Left { pixels, ink_first } => vec![
                (area(0, 0, pixels, HEIGHT), ink(ink_first)),
                (area(pixels, 0, WIDTH - pixels, HEIGHT), ink(!ink_first)),
            ],
            Self::Top { pixels, ink_first } => vec![
                (area(0, 0, WIDTH, pixels), ink(ink_first)),
                (area(0, pixels, WIDTH, HEIGHT - pixels), ink(!ink_first)),
            ],
            Self::Quarters(bits) => (0..4)
                .map(|i| {
                    let quarter = area(i % 2 * 4, i / 2 * 8, 4, 8);
                    (quarter, ink(bits >> (3 - i) & 1 == 1))
                })
                .collect(),
            Self::Shade(ink) => vec![(area(0, 0, WIDTH, HEIGHT), ink)],
        }
    }
}

impl Arms {
    /// The lines as rectangles, each reaching across the middle as far as what it meets is thick.
    pub fn parts(self) -> Vec<Area> {
        // The first pixel of a line beside the middle, (4, 8): a thin one covers the pixel itself, a thick one its
        // neighbours too.
        let before = |thick: u32| thick / 2;
        let across = self.up.max(self.down).max(1);
        let along = self.left.max(self.right).max(1);
        let upright = |thick: u32, y: u32, end: u32| Area {
            x: 4 - before(thick),
            y,
            width: thick,
            height: end - y,
        };
        let level = |thick: u32, x: u32, end: u32| Area {
            x,
            y: 8 - before(thick),
            width: end - x,
            height: thick,
        };
        let parts = [
            upright(self.up, 0, 9 + before(along)),
            upright(self.down, 8 - before(along), HEIGHT),
            level(self.left, 0, 5 + before(across)),
            level(self.right, 4 - before(across), WIDTH),
        ];
        let drawn = |part: &Area| part.width > 0 && part.height > 0;
        parts.into_iter().filter(drawn).collect()
    }
}

impl Arc {
    /// Where the arc begins in its cell, and the rest of its path from there.
    pub fn path(self) -> ((u32, u32), &'static str) {
        // In tenths of pixels, since lines run through the middle of theirs.
        match self {
            Self::DownRight => ((45, 160), "v-4q0-3.5 3.5-3.5"),
            Self::DownLeft => ((0, 85), "h1q3.5 0 3.5 3.5v4"),
            Self::UpLeft => ((45, 0), "v5q0 3.5-3.5 3.5h-1"),
            Self::UpRight => ((45, 0), "v5q0 3.5 3.5 3.5"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cell as 8 by 16 pixels, packed to 4 by 4 characters: ink where the middle of the patch has it.
    fn drawn_as(parts: &[(Area, u16)]) -> String {
        let inked = |x: u32, y: u32| {
            let covers = |(area, ink): &&(Area, u16)| {
                *ink > 0
                    && (area.x..area.x + area.width).contains(&x)
                    && (area.y..area.y + area.height).contains(&y)
            };
            parts.iter().any(|part| covers(&part))
        };
        let row = |y: u32| (0..4).map(move |x| if inked(2 * x, 4 * y) { '#' } else { '.' });
        (0..4).flat_map(row).collect()
    }

    #[test]
    fn blocks_tile_their_cell() {
        for c in '\u{2580}'..='\u{259f}' {
            let Glyph::Block(block) = Glyph::of(c.encode_utf8(&mut [0; 4])) else {
                panic!("{c} is no block");
            };
            let parts = block.parts();
            let pixels: u32 = parts.iter().map(|(a, _)| a.width * a.height).sum();
            assert_eq!(pixels, WIDTH * HEIGHT, "{c}");
            let inside = |a: &Area| a.x + a.width <= WIDTH && a.y + a.height <= HEIGHT;
            assert!(parts.iter().all(|(area, _)| inside(area)), "{c}");
        }
    }

    #[test]
    fn blocks_have_their_ink_where_their_name_says() {
        let check = |c: char, expected: &str| {
            assert_eq!(drawn_as(&block(c).parts()), expected, "{c}");
        };
        check('█', "################");
        check('▀', "########........");
        check('▄', "........########");
        check('▂', "............####");
        check('▆', "....############");
        check('▌', "##..##..##..##..");
        check('▎', "#...#...#...#...");
        check('▊', "###.###.###.###.");
        check('▐', "..##..##..##..##");
        check('▘', "##..##..........");
        check('▚', "##..##....##..##");
        check('▙', "##..##..########");
        check('▟', "..##..##########");
        check('▞', "..##..####..##..");
    }

    #[test]
    fn lines_reach_the_edges_that_they_are_named_for() {
        for c in "─│┌┐└┘├┤┬┴┼╴╵╶╷━┃┏┓┗┛┣┫┳┻╋╸╹╺╻".chars()
        {
            let arms = arms(c).unwrap();
            let parts = arms.parts();
            let any = |test: fn(&Area) -> bool| parts.iter().any(test);
            let found = [
                any(|a| a.y == 0),
                any(|a| a.x + a.width == WIDTH),
                any(|a| a.y + a.height == HEIGHT),
                any(|a| a.x == 0),
            ];
            let named = [arms.up, arms.right, arms.down, arms.left].map(|arm| arm > 0);
            assert_eq!(found, named, "{c}");
            let inside = |a: &Area| a.x + a.width <= WIDTH && a.y + a.height <= HEIGHT;
            assert!(parts.iter().all(inside), "{c}");
        }
        assert_eq!(arms('┌').map(|a| (a.right, a.down)), Some((1, 1)));
        assert_eq!(arms('┻').map(|a| (a.up, a.down)), Some((3, 0)));
        assert_eq!(arms('x'), None);
    }

    #[test]
    fn all_else_is_text_or_nothing() {
        for blank in ["", " ", "\u{a0}", "\u{3000}", "\u{2800}", "\x1b[1m", "\n"] {
            assert_eq!(Glyph::of(blank), Glyph::Blank, "{blank:?}");
        }
        for text in ["a", "⣿", "═", "日", "│\u{301}"] {
            assert_eq!(Glyph::of(text), Glyph::Text(text));
        }
    }
}
