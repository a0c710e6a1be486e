//! The contents of a screen's rows as SVG elements: tiles, lines, and text over them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Modifier;

use super::glyphs::{Arc, Area, Glyph, HEIGHT, WIDTH};
use super::palette::{Palette, Rgb};
use crate::tui::text::cell_columns;

/// From the top of a row down to the line that letters stand on.
const BASELINE: u32 = 12;

/// Rows as SVG elements, in the order in which they are drawn.
pub struct Painted {
    pub shapes: String,
    pub text: String,
}

/// The rows of a screen, the first of them at y = 0.
pub fn paint(buffer: &Buffer, rows: Range<u16>, palette: &Palette) -> Painted {
    let width = usize::from(buffer.area.width);
    let mut shapes = Shapes::default();
    let mut text = String::new();
    for (at, row) in rows.enumerate() {
        let from = usize::from(row) * width;
        let cells = buffer.content.get(from..from + width).unwrap_or_default();
        let y = at as u32 * HEIGHT;
        text.push_str(&paint_row(cells, y, palette, &mut shapes));
    }
    Painted {
        shapes: shapes.svg(palette.background),
        text,
    }
}

fn paint_row(cells: &[Cell], y: u32, palette: &Palette, shapes: &mut Shapes) -> String {
    let mut line = Line::new(palette.foreground);
    let mut column = 0;
    while let Some(cell) = cells.get(column) {
        let columns = cell_columns(cell).min(cells.len() - column);
        let place = Area {
            x: column as u32 * WIDTH,
            y,
            width: columns as u32 * WIDTH,
            height: HEIGHT,
        };
        let look = Look::of(cell, palette);
        let glyph = match cell.modifier.contains(Modifier::HIDDEN) {
            true => Glyph::Blank,
            false => Glyph::of(cell.symbol()),
        };
        shapes.add(glyph, place, &look);
        if let Glyph::Text(symbol) = glyph {
            line.push(symbol, column, columns, &look);
        }
        column += columns;
    }
    line.finish(y + BASELINE)
}

/// The colours of a cell as they are seen, and what else its letters have.
struct Look {
    ink: Rgb,
    paper: Rgb,
    modifier: Modifier,
}

impl Look {
    fn of(cell: &Cell, palette: &Palette) -> Self {
        let mut ink = palette.resolve(cell.fg, palette.foreground);
        let mut paper = palette.resolve(cell.bg, palette.background);
        if cell.modifier.contains(Modifier::REVERSED) {
            std::mem::swap(&mut ink, &mut paper);
        }
        if cell.modifier.contains(Modifier::DIM) {
            ink = ink.mixed(paper, 60);
        }
        Self {
            ink,
            paper,
            modifier: cell.modifier,
        }
    }
}

/// All but the text, by colour: what has one colour is one path.
#[derive(Default)]
struct Shapes {
    /// These never overlap, so their order does not matter.
    tiles: BTreeMap<Rgb, Vec<Area>>,
    lines: BTreeMap<Rgb, Vec<Area>>,
    arcs: BTreeMap<Rgb, String>,
}

impl Shapes {
    fn add(&mut self, glyph: Glyph<'_>, place: Area, look: &Look) {
        match glyph {
            Glyph::Block(block) => {
                for (part, share) in block.parts() {
                    self.tile(moved(part, place), look.ink.mixed(look.paper, share));
                }
            }
            _ => self.tile(place, look.paper),
        }
        match glyph {
            Glyph::Line(arms) => {
                let parts = arms.parts().into_iter();
                self.line(look.ink, parts.map(|part| moved(part, place)));
            }
            Glyph::Arc(arc) => self.arc(arc, place, look.ink),
            Glyph::Blank | Glyph::Block(_) | Glyph::Text(_) => {}
        }
        // Drawn and not left to the viewer, so that they run on below blanks and across runs.
        let rule = |down: u32| Area {
            y: place.y + down,
            height: 1,
            ..place
        };
        if look.modifier.contains(Modifier::UNDERLINED) {
            self.line(look.ink, [rule(BASELINE + 2)]);
        }
        if look.modifier.contains(Modifier::CROSSED_OUT) {
            self.line(look.ink, [rule(8)]);
        }
    }

    fn tile(&mut self, area: Area, colour: Rgb) {
        self.tiles.entry(colour).or_default().push(area);
    }

    fn line(&mut self, colour: Rgb, areas: impl IntoIterator<Item = Area>) {
        self.lines.entry(colour).or_default().extend(areas);
    }

    fn arc(&mut self, arc: Arc, place: Area, colour: Rgb) {
        let ((x, y), rest) = arc.path();
        let (x, y) = (10 * place.x + x, 10 * place.y + y);
        let path = self.arcs.entry(colour).or_default();
        let _ = write!(path, "M{} {}{rest}", tenths(x), tenths(y));
    }

    /// The elements; what has the colour of the window itself is left out.
    fn svg(mut self, window: Rgb) -> String {
        self.tiles.remove(&window);
        let mut out = String::new();
        // Tiles meet edge to edge: without soft edges, so that nothing shines through between them.
        let tiles = areas_by_colour(self.tiles);
        push_group(&mut out, "shape-rendering=\"crispEdges\"", &tiles);
        out.push_str(&areas_by_colour(self.lines));
        let arcs = self
            .arcs
            .into_iter()
            .fold(String::new(), |mut out, (colour, path)| {
                let _ = write!(out, "<path stroke=\"{colour}\" d=\"{path}\"/>");
                out
            });
        push_group(&mut out, "fill=\"none\"", &arcs);
        out
    }
}

fn moved(part: Area, place: Area) -> Area {
    Area {
        x: part.x + place.x,
        y: part.y + place.y,
        ..part
    }
}

fn tenths(value: u32) -> String {
    match value % 10 {
        0 => (value / 10).to_string(),
        rest => format!("{}.{rest}", value / 10),
    }
}

fn push_group(out: &mut String, attributes: &str, elements: &str) {
    if !elements.is_empty() {
        let _ = write!(out, "<g {attributes}>{elements}</g>");
    }
}

fn areas_by_colour(areas: BTreeMap<Rgb, Vec<Area>>) -> String {
    let mut out = String::new();
    for (colour, areas) in areas {
        let _ = write!(out, "<path fill=\"{colour}\" d=\"");
        for area in merged(areas) {
            let Area {
                x,
                y,
                width,
                height,
            } = area;
            let _ = write!(out, "M{x} {y}h{width}v{height}h-{width}z");
        }
        out.push_str("\"/>");
    }
    out
}

/// The same surface in fewer rectangles: first side by side, then one above the other.
fn merged(mut areas: Vec<Area>) -> Vec<Area> {
    areas.sort_by_key(|a| (a.y, a.height, a.x));
    let mut wide: Vec<Area> = Vec::new();
    for area in areas {
        match wide.last_mut() {
            Some(last)
                if (last.y, last.height) == (area.y, area.height)
                    && area.x <= last.x + last.width =>
            {
                let end = (last.x + last.width).max(area.x + area.width);
                last.width = end - last.x;
            }
            _ => wide.push(area),
        }
    }
    wide.sort_by_key(|a| (a.x, a.width, a.y));
    let mut tall: Vec<Area> = Vec::new();
    for area in wide {
        match tall.last_mut() {
            Some(last)
                if (last.x, last.width) == (area.x, area.width)
                    && area.y <= last.y + last.height =>
            {
                let end = (last.y + last.height).max(area.y + area.height);
                last.height = end - last.y;
            }
            _ => tall.push(area),
        }
    }
    tall.sort_by_key(|a| (a.y, a.x, a.width, a.height));
    tall
}

/// What characters may share a run: within one, each is as wide as its neighbours in any font that has them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Letters and signs that every font for text has.
    Plain,
    /// Other letters, which may join.
    Letters,
    Braille,
    /// Two columns each.
    Wide,
    /// Signs that may come from any font: each for itself.
    Sign,
}

impl Kind {
    fn of(symbol: &str, columns: usize) -> Self {
        let first = symbol.chars().next().unwrap_or(' ');
        match first {
            _ if columns > 1 => Self::Wide,
            '\0'..'\u{530}' | '\u{2010}'..'\u{2028}' => Self::Plain,
            '\u{2800}'..='\u{28ff}' => Self::Braille,
            c if c.is_alphanumeric() => Self::Letters,
            _ => Self::Sign,
        }
    }

    /// Blank columns that a run goes on across.
    fn gap(self) -> Option<usize> {
        match self {
            Self::Plain | Self::Letters => Some(1),
            Self::Braille | Self::Wide => Some(0),
            Self::Sign => None,
        }
    }
}

#[derive(PartialEq, Eq)]
struct Font {
    ink: Rgb,
    bold: bool,
    italic: bool,
}

struct Run {
    font: Font,
    kind: Kind,
    from: usize,
    to: usize,
    text: String,
}

/// The text of one row, as it grows from left to right.
struct Line {
    /// The colour that needs no saying.
    ink: Rgb,
    run: Option<Run>,
    spans: String,
}

impl Line {
    fn new(ink: Rgb) -> Self {
        Self {
            ink,
            run: None,
            spans: String::new(),
        }
    }

    fn push(&mut self, symbol: &str, column: usize, columns: usize, look: &Look) {
        let kind = Kind::of(symbol, columns);
        let font = Font {
            ink: look.ink,
            bold: look.modifier.contains(Modifier::BOLD),
            italic: look.modifier.contains(Modifier::ITALIC),
        };
        let goes_on = |run: &&mut Run| {
            run.kind == kind
                && run.font == font
                && kind.gap().is_some_and(|gap| column - run.to <= gap)
        };
        if let Some(run) = self.run.as_mut().filter(goes_on) {
            if column > run.to {
                run.text.push(' ');
            }
            push_escaped(&mut run.text, symbol);
            run.to = column + columns;
            return;
        }
        self.end_run();
        let mut text = String::new();
        push_escaped(&mut text, symbol);
        self.run = Some(Run {
            font,
            kind,
            from: column,
            to: column + columns,
            text,
        });
    }

    fn end_run(&mut self) {
        let Some(run) = self.run.take() else {
            return;
        };
        let out = &mut self.spans;
        let _ = write!(out, "<tspan x=\"{}\"", run.from as u32 * WIDTH);
        if run.font.ink != self.ink {
            let _ = write!(out, " fill=\"{}\"", run.font.ink);
        }
        if run.font.bold {
            out.push_str(" font-weight=\"bold\"");
        }
        if run.font.italic {
            out.push_str(" font-style=\"italic\"");
        }
        let columns = (run.to - run.from) as u32;
        if columns > 1 {
            let _ = write!(out, " textLength=\"{}\"", columns * WIDTH);
        }
        // Wide characters come from another font, whose size is not ours: fitted, not only moved.
        if run.kind == Kind::Wide {
            out.push_str(" lengthAdjust=\"spacingAndGlyphs\"");
        }
        let _ = write!(out, ">{}</tspan>", run.text);
    }

    /// The element, or nothing for a row without text.
    fn finish(mut self, baseline: u32) -> String {
        self.end_run();
        match self.spans.is_empty() {
            true => String::new(),
            false => format!("<text y=\"{baseline}\">{}</text>", self.spans),
        }
    }
}

/// Text in an XML element: what XML cannot hold is a replacement character.
fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}
