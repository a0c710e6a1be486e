//! Screens as pictures for papers and the README: an SVG that looks the same in every viewer and in every font.
//!
//! Frames, bars and pictures of half-blocks are drawn, and each run of text stands at its own place. A still is the same
//! bytes for the same screen.

mod glyphs;
mod paint;
mod palette;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use ratatui::buffer::Buffer;

use glyphs::{HEIGHT, WIDTH};
use paint::{Painted, paint};
pub(crate) use palette::ansi_index;
pub use palette::{Palette, Rgb};

/// Pixels between the window's edge and the screen.
const PADDING: u32 = 12;

/// How long the last screen of an animation stays.
const LAST: Duration = Duration::from_secs(2);

/// A monospaced font is 0.6 times as wide as high, so this is one of 8 pixels.
const FONT: &str = "font-family=\"ui-monospace,'JetBrains Mono','SF Mono',Menlo,'DejaVu Sans Mono',\
                    'Liberation Mono',Consolas,monospace\" font-size=\"13.333\"";

/// The screen as an SVG.
pub fn svg(buffer: &Buffer, palette: &Palette) -> String {
    let painted = paint(buffer, 0..buffer.area.height, palette);
    let contents = painted.shapes + &painted.text;
    window(
        buffer.area.width,
        buffer.area.height,
        palette,
        "",
        &contents,
    )
}

/// Screens and when they come, as one SVG that shows them in turn and begins anew after the last one. Times count from
/// the first; one before its forerunner's is the forerunner's. Viewers that do not animate show the first screen.
pub fn animated(frames: &[(Duration, Buffer)], palette: &Palette) -> String {
    let scenes = scenes(frames);
    match scenes.as_slice() {
        [] => window(0, 0, palette, "", ""),
        [scene] => svg(scene.buffer, palette),
        _ => {
            let width = scenes.iter().map(|s| s.buffer.area.width).max();
            let height = scenes.iter().map(|s| s.buffer.area.height).max();
            let contents = Film::of(&scenes, palette).svg();
            let (width, height) = (width.unwrap_or(0), height.unwrap_or(0));
            window(width, height, palette, &styles(&scenes), &contents)
        }
    }
}

/// A window of so many columns and rows around what is drawn in it.
fn window(columns: u16, rows: u16, palette: &Palette, style: &str, contents: &str) -> String {
    let width = u32::from(columns) * WIDTH + 2 * PADDING;
    let height = u32::from(rows) * HEIGHT + 2 * PADDING;
    let Palette {
        foreground,
        background,
        border,
        ..
    } = palette;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" {FONT}>{style}\
         <rect x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"{background}\" stroke=\"{border}\"/>\
         <g transform=\"translate({PADDING} {PADDING})\" fill=\"{foreground}\">{contents}</g></svg>\n",
        width - 1,
        height - 1,
    )
}

/// A screen and the part of the animation in which it shows.
struct Scene<'a> {
    buffer: &'a Buffer,
    from: Duration,
    to: Duration,
}

/// The frames that are seen at all, with one for each run of equal ones.
fn scenes(frames: &[(Duration, Buffer)]) -> Vec<Scene<'_>> {
    let begin = frames.first().map_or(Duration::ZERO, |(at, _)| *at);
    let mut scenes: Vec<Scene<'_>> = Vec::new();
    for (at, buffer) in frames {
        let last = scenes.last().map_or(Duration::ZERO, |scene| scene.from);
        let from = at.saturating_sub(begin).max(last);
        scenes.pop_if(|scene| scene.from == from);
        if let Some(before) = scenes.last_mut() {
            before.to = from;
            if before.buffer == buffer {
                before.to += LAST;
                continue;
            }
        }
        scenes.push(Scene {
            buffer,
            from,
            to: from + LAST,
        });
    }
    scenes
}

/// The style sheet: one rule a scene, each visible in its part of the loop.
fn styles(scenes: &[Scene<'_>]) -> String {
    let total = scenes.last().map_or(LAST, |scene| scene.to);
    let percent = |at: Duration| {
        let percent = format!("{:.4}", 100.0 * at.as_secs_f64() / total.as_secs_f64());
        format!("{}%", percent.trim_end_matches('0').trim_end_matches('.'))
    };
    let mut out = format!(
        "<style>.f{{visibility:hidden;animation:{}s step-end infinite}}#f0{{visibility:visible}}\
         @media(prefers-reduced-motion:reduce){{.f{{animation:none!important}}}}",
        total.as_secs_f64(),
    );
    for (i, scene) in scenes.iter().enumerate() {
        let _ = write!(out, "#f{i}{{animation-name:k{i}}}@keyframes k{i}{{");
        if i > 0 {
            out.push_str("0%{visibility:hidden}");
        }
        let _ = write!(out, "{}{{visibility:visible}}", percent(scene.from));
        if i + 1 < scenes.len() {
            let _ = write!(out, "{}{{visibility:hidden}}", percent(scene.to));
        }
        out.push('}');
    }
    out + "</style>"
}

/// What a row shows: its number in `defs`, and where.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Part {
    number: usize,
    y: u32,
    is_text: bool,
}

/// The rows of all scenes, each different one once.
#[derive(Default)]
struct Film {
    /// Contents of rows by what they are, and their number in `defs`.
    numbers: HashMap<String, usize>,
    defs: String,
    scenes: Vec<Vec<Part>>,
}

impl Film {
    fn of(scenes: &[Scene<'_>], palette: &Palette) -> Self {
        let mut film = Self::default();
        for scene in scenes {
            let parts = film.parts_of(scene.buffer, palette);
            film.scenes.push(parts);
        }
        film
    }

    fn parts_of(&mut self, buffer: &Buffer, palette: &Palette) -> Vec<Part> {
        let mut parts = Vec::new();
        for row in 0..buffer.area.height {
            let y = u32::from(row) * HEIGHT;
            let Painted { shapes, text } = paint(buffer, row..row + 1, palette);
            // Each by itself, since a picture beside a list stays while the list moves.
            for (svg, is_text) in [(shapes, false), (text, true)] {
                if !svg.is_empty() {
                    let number = self.number_of(svg);
                    parts.push(Part { number, y, is_text });
                }
            }
        }
        parts
    }

    fn number_of(&mut self, svg: String) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(svg).or_insert_with_key(|svg| {
            let _ = write!(self.defs, "<g id=\"r{next}\">{svg}</g>");
            next
        })
    }

    fn svg(self) -> String {
        let mut out = format!("<defs>{}</defs>", self.defs);
        let stays = |part: &&Part| self.scenes.iter().all(|scene| scene.contains(part));
        let first = self.scenes.first().into_iter().flatten();
        let still: Vec<Part> = first.filter(stays).copied().collect();
        // What stays is drawn once: below all that moves, or above it if it is text, which may stand on a moving bar.
        push_uses(&mut out, still.iter().filter(|part| !part.is_text));
        for (i, scene) in self.scenes.iter().enumerate() {
            let _ = write!(out, "<g class=\"f\" id=\"f{i}\">");
            push_uses(&mut out, scene.iter().filter(|part| !still.contains(part)));
            out.push_str("</g>");
        }
        push_uses(&mut out, still.iter().filter(|part| part.is_text));
        out
    }
}

fn push_uses<'a>(out: &mut String, parts: impl Iterator<Item = &'a Part>) {
    for Part { number, y, .. } in parts {
        let _ = match y {
            0 => write!(out, "<use href=\"#r{number}\"/>"),
            y => write!(out, "<use href=\"#r{number}\" y=\"{y}\"/>"),
        };
    }
}

#[cfg(test)]
mod tests;
