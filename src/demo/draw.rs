//! From an outline to a picture: place, turn, fill, background, distractors, blur, noise.

use rand::Rng;
use rand::seq::IndexedRandom;
use tiny_skia::{Color, FillRule, Mask, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform};

use super::Chance;
use super::figures::{Kind, Point};

/// What pictures look like.
#[derive(Debug, Clone, PartialEq)]
pub struct Canvas {
    /// Width and height in pixels, from 16 to 4096.
    pub size: u32,
    /// Largest turn of a figure to either side, in degrees.
    pub turn: f64,
    /// Probability, from 0 to 1, that a picture has small marks beside its figure.
    pub distractors: f64,
}

impl Default for Canvas {
    fn default() -> Self {
        Self {
            size: 96,
            turn: 20.0,
            distractors: 0.3,
        }
    }
}

/// An 8-bit RGB picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    pub size: u32,
    /// size × size × 3, row-major.
    pub rgb: Vec<u8>,
}

/// How the inside of a figure is painted.
#[derive(Debug, Clone, Copy)]
enum Fill {
    Plain,
    Outlined,
    Striped,
    Dotted,
}

/// A picture of one figure of this kind.
pub fn draw(kind: &Kind, canvas: &Canvas, chance: &mut Chance) -> Drawing {
    let size = f64::from(canvas.size);
    let outline = kind.outline(chance);
    let radius = size / 2.0 * chance.random_range(0.62..0.94);
    let free = size / 2.0 - radius;
    let centre = [(); 2].map(|()| size / 2.0 + free * chance.random_range(-0.9..=0.9));
    let turn = chance.random_range(-1.0..=1.0) * canvas.turn.to_radians();
    let (sin, cos) = turn.sin_cos();
    let place = |[x, y]: Point| {
        [
            centre[0] + radius * (x * cos - y * sin),
            centre[1] + radius * (x * sin + y * cos),
        ]
    };
    let path = path_of(&outline.contours, place);

    let (paper, ink) = colours(chance);
    let mut picture = background(canvas.size, paper, chance);
    if chance.random_bool(canvas.distractors) {
        distract(&mut picture, centre, radius, ink, chance);
    }
    let fills = [
        (Fill::Plain, 45),
        (Fill::Outlined, 25),
        (Fill::Striped, 15),
        (Fill::Dotted, 15),
    ];
    let (fill, _) = fills
        .choose_weighted(chance, |(_, weight)| *weight)
        .expect("the weights are positive");
    paint_figure(&mut picture, &path, *fill, ink, radius, chance);
    finish(&picture, chance)
}

fn path_of(contours: &[Vec<Point>], place: impl Fn(Point) -> Point) -> Path {
    let mut builder = PathBuilder::new();
    for contour in contours {
        for (i, &point) in contour.iter().enumerate() {
            let [x, y] = place(point).map(|v| v as f32);
            if i == 0 {
                builder.move_to(x, y);
            } else {
                builder.line_to(x, y);
            }
        }
        builder.close();
    }
    builder.finish().expect("a figure has an extent")
}

/// A light and a dark colour, either of them the paper: never too close in lightness to tell apart.
fn colours(chance: &mut Chance) -> ([f64; 3], [f64; 3]) {
    let light = [(); 3].map(|()| chance.random_range(165.0..255.0));
    let dark = [(); 3].map(|()| chance.random_range(0.0..100.0));
    if chance.random_bool(0.5) {
        (light, dark)
    } else {
        (dark, light)
    }
}

fn paint_of(rgb: [f64; 3]) -> Paint<'static> {
    let [r, g, b] = rgb.map(|v| (v / 255.0).clamp(0.0, 1.0) as f32);
    let mut paint = Paint::default();
    paint.set_color(Color::from_rgba(r, g, b, 1.0).expect("clamped just before"));
    paint.anti_alias = true;
    paint
}

/// Paper that changes slowly across the picture: a slope and two waves in each channel.
fn background(size: u32, paper: [f64; 3], chance: &mut Chance) -> Pixmap {
    let mut picture = Pixmap::new(size, size).expect("the size is positive");
    let depth = chance.random_range(0.0..14.0);
    let waves: [[f64; 4]; 3] = [(); 3].map(|()| {
        [
            chance.random_range(-1.0..1.0),
            chance.random_range(-1.0..1.0),
            chance.random_range(2.0..9.0),
            chance.random_range(0.0..6.0),
        ]
    });
    let side = f64::from(size);
    for (i, pixel) in picture.pixels_mut().iter_mut().enumerate() {
        let (x, y) = (
            (i as u32 % size) as f64 / side,
            (i as u32 / size) as f64 / side,
        );
        let mut rgb = [0; 3];
        for (channel, value) in rgb.iter_mut().enumerate() {
            let [dx, dy, frequency, phase] = waves[channel];
            let slope = dx * (x - 0.5) + dy * (y - 0.5);
            let wave = (frequency * (x * dy - y * dx) + phase).sin() / 2.0;
            *value = (paper[channel] + depth * (slope + wave)).clamp(0.0, 255.0) as u8;
        }
        *pixel = tiny_skia::ColorU8::from_rgba(rgb[0], rgb[1], rgb[2], 255).premultiply();
    }
    picture
}

/// Small dots and dashes outside of the figure's circle.
fn distract(
    picture: &mut Pixmap,
    centre: [f64; 2],
    radius: f64,
    ink: [f64; 3],
    chance: &mut Chance,
) {
    let size = f64::from(picture.width());
    let paint = paint_of(ink);
    for _ in 0..chance.random_range(1..=3) {
        let at = [(); 2].map(|()| chance.random_range(0.0..size));
        let mark = size * chance.random_range(0.015..0.035);
        let long = if chance.random_bool(0.5) { 1.0 } else { 2.5 };
        // A mark that touches the figure would change what it is.
        if (at[0] - centre[0]).hypot(at[1] - centre[1]) < radius + 2.0 * mark * long {
            continue;
        }
        let rect = Rect::from_xywh(
            at[0] as f32,
            at[1] as f32,
            (mark * long) as f32,
            mark as f32,
        );
        if let Some(rect) = rect {
            picture.fill_rect(rect, &paint, Transform::identity(), None);
        }
    }
}

fn paint_figure(
    picture: &mut Pixmap,
    path: &Path,
    fill: Fill,
    ink: [f64; 3],
    radius: f64,
    chance: &mut Chance,
) {
    let paint = paint_of(ink);
    let pen = |picture: &mut Pixmap, width: f64| {
        let stroke = Stroke {
            width: width as f32,
            ..Stroke::default()
        };
        picture.stroke_path(path, &paint, &stroke, Transform::identity(), None);
    };
    match fill {
        Fill::Plain => {
            picture.fill_path(path, &paint, FillRule::EvenOdd, Transform::identity(), None);
            return;
        }
        Fill::Outlined => return pen(picture, radius * chance.random_range(0.07..0.14)),
        Fill::Striped | Fill::Dotted => pen(picture, radius * 0.06),
    }
    let mut inside = Mask::new(picture.width(), picture.height()).expect("the picture has a size");
    inside.fill_path(path, FillRule::EvenOdd, true, Transform::identity());
    let mut pattern = PathBuilder::new();
    let (size, step) = (
        picture.width() as f32,
        (radius * chance.random_range(0.16..0.26)) as f32,
    );
    let lines = (2.0 * size / step) as i32;
    for i in -lines..=lines {
        let at = size / 2.0 + i as f32 * step;
        if matches!(fill, Fill::Striped) {
            if let Some(stripe) = Rect::from_xywh(-size, at, 3.0 * size, step * 0.5) {
                pattern.push_rect(stripe);
            }
        } else {
            for j in -lines..=lines {
                pattern.push_circle(at, size / 2.0 + j as f32 * step, step * 0.3);
            }
        }
    }
    let Some(pattern) = pattern.finish() else {
        return;
    };
    let turn = Transform::from_rotate_at(chance.random_range(0.0..180.0), size / 2.0, size / 2.0);
    picture.fill_path(&pattern, &paint, FillRule::Winding, turn, Some(&inside));
}

/// A slight blur, a little noise, and 8 bits.
fn finish(picture: &Pixmap, chance: &mut Chance) -> Drawing {
    let size = picture.width() as usize;
    let blur = chance.random_range(0.0..0.3);
    let noise = chance.random_range(0.0..7.0);
    let at = |x: usize, y: usize, channel: usize| {
        f64::from(picture.data()[4 * (y * size + x) + channel])
    };
    let mut rgb = Vec::with_capacity(size * size * 3);
    for y in 0..size {
        for x in 0..size {
            for channel in 0..3 {
                let beside = at(x.saturating_sub(1), y, channel)
                    + at((x + 1).min(size - 1), y, channel)
                    + at(x, y.saturating_sub(1), channel)
                    + at(x, (y + 1).min(size - 1), channel);
                let smooth = (1.0 - blur) * at(x, y, channel) + blur * beside / 4.0;
                // The sum of three uniform values is near enough to a normal one.
                let random: f64 = (0..3).map(|_| chance.random_range(-1.0..1.0)).sum();
                rgb.push((smooth + noise * random).round().clamp(0.0, 255.0) as u8);
            }
        }
    }
    Drawing {
        size: size as u32,
        rgb,
    }
}
