//! The figures: outlines that are instances of their node, and of no node below it, by a clear margin.
//!
//! Proportions are drawn from ranges that stay away from the special cases: a rectangle is at least half again as
//! long as it is wide, so it is never a square, not even to the eye.

use std::f64::consts::{PI, TAU};

use rand::Rng;

use super::Chance;

/// A point of the plane.
pub type Point = [f64; 2];

/// The boundary of a figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// Closed contours; a second one is a hole. Curves are chains of short sides.
    pub contours: Vec<Vec<Point>>,
    /// Whether some of the boundary is curved: then the corners of the contours are not those of the figure.
    pub curved: bool,
}

/// A kind of figure that the world draws.
pub struct Kind {
    /// Id of the most specific node that is true of the figure.
    pub id: &'static str,
    make: fn(&mut Chance) -> Outline,
}

impl Kind {
    /// An outline of this kind within the unit disc, touching its rim, in its usual orientation (y points down).
    pub fn outline(&self, chance: &mut Chance) -> Outline {
        let mut outline = (self.make)(chance);
        fit(&mut outline.contours);
        outline
    }
}

/// Everything that is drawn.
pub const KINDS: &[Kind] = &[
    kind("equilateral_triangle", |_| triangle(60.0, 60.0)),
    kind("isosceles_right_triangle", |_| triangle(45.0, 45.0)),
    kind("right_triangle", |chance| {
        triangle(90.0, chance.random_range(22.0..34.0))
    }),
    kind("acute_triangle", |chance| {
        triangle(
            chance.random_range(76.0..81.0),
            chance.random_range(58.0..64.0),
        )
    }),
    kind("obtuse_triangle", |chance| {
        let obtuse = chance.random_range(108.0..128.0);
        triangle(obtuse, (180.0 - obtuse) * chance.random_range(0.3..0.36))
    }),
    kind("square", |_| polygon(regular(4, PI / 4.0))),
    kind("rectangle", |chance| {
        let (w, h) = (chance.random_range(1.5..2.4), 1.0);
        polygon(vec![[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]])
    }),
    kind("rhombus", |chance| {
        let lean = degrees(chance.random_range(48.0..68.0));
        skewed(1.0, lean)
    }),
    kind("parallelogram", |chance| {
        let lean = degrees(chance.random_range(50.0..68.0));
        skewed(chance.random_range(1.5..2.2), lean)
    }),
    kind("isosceles_trapezoid", |chance| {
        let inset = chance.random_range(0.18..0.3);
        trapezoid(chance.random_range(0.45..0.75), inset, inset)
    }),
    kind("right_trapezoid", |chance| {
        trapezoid(
            chance.random_range(0.5..0.75),
            0.0,
            chance.random_range(0.35..0.55),
        )
    }),
    kind("trapezoid", |chance| {
        trapezoid(
            chance.random_range(0.5..0.75),
            chance.random_range(0.1..0.15),
            chance.random_range(0.35..0.45),
        )
    }),
    kind("kite", |chance| {
        let (top, half) = (
            chance.random_range(0.4..0.55),
            chance.random_range(0.55..0.7),
        );
        polygon(vec![[0.0, -top], [half, 0.0], [0.0, 1.3], [-half, 0.0]])
    }),
    kind("dart", |chance| {
        let (notch, half) = (
            chance.random_range(0.35..0.6),
            chance.random_range(0.6..0.8),
        );
        polygon(vec![[0.0, 0.0], [half, notch], [0.0, -1.1], [-half, notch]])
    }),
    kind("regular_pentagon", |_| polygon(regular(5, -PI / 2.0))),
    kind("regular_hexagon", |_| polygon(regular(6, 0.0))),
    kind("regular_octagon", |_| polygon(regular(8, PI / 8.0))),
    kind("l_shape", |chance| {
        let (w, arm) = (
            chance.random_range(0.8..1.2),
            chance.random_range(0.28..0.4),
        );
        polygon(vec![
            [0.0, 0.0],
            [arm, 0.0],
            [arm, 1.0 - arm],
            [w, 1.0 - arm],
            [w, 1.0],
            [0.0, 1.0],
        ])
    }),
    kind("five_pointed_star", |chance| {
        star(5, chance.random_range(0.38..0.48))
    }),
    kind("six_pointed_star", |chance| {
        star(6, chance.random_range(0.45..0.58))
    }),
    kind("greek_cross", |_| {
        polygon(vec![
            [-1.0, -3.0],
            [1.0, -3.0],
            [1.0, -1.0],
            [3.0, -1.0],
            [3.0, 1.0],
            [1.0, 1.0],
            [1.0, 3.0],
            [-1.0, 3.0],
            [-1.0, 1.0],
            [-3.0, 1.0],
            [-3.0, -1.0],
            [-1.0, -1.0],
        ])
    }),
    kind("arrow", |chance| {
        let (shaft, neck) = (
            chance.random_range(0.2..0.3),
            chance.random_range(0.05..0.3),
        );
        let head = chance.random_range(0.6..0.75);
        polygon(vec![
            [-1.0, -shaft],
            [neck, -shaft],
            [neck, -head],
            [1.0, 0.0],
            [neck, head],
            [neck, shaft],
            [-1.0, shaft],
        ])
    }),
    kind("circle", |_| curve(arc([0.0, 0.0], 1.0, 0.0, TAU))),
    kind("ellipse", |chance| {
        let flat = chance.random_range(0.45..0.65);
        let circle = arc([0.0, 0.0], 1.0, 0.0, TAU);
        curve(circle.into_iter().map(|[x, y]| [x, y * flat]).collect())
    }),
    kind("stadium", |chance| {
        let half = chance.random_range(0.8..1.3);
        let mut points = arc([half, 0.0], 1.0, -PI / 2.0, PI / 2.0);
        points.extend(arc([-half, 0.0], 1.0, PI / 2.0, 3.0 * PI / 2.0));
        curve(points)
    }),
    kind("reuleaux_triangle", |_| {
        let corners = regular(3, -PI / 2.0);
        let side = 3f64.sqrt();
        let points = corners.iter().enumerate().flat_map(|(i, &corner)| {
            // Each side is an arc about the corner opposite to it.
            let towards = degrees(90.0 + 120.0 * i as f64);
            arc(corner, side, towards - PI / 6.0, towards + PI / 6.0)
        });
        curve(points.collect())
    }),
    kind("semicircle", |_| sector(PI)),
    kind("quadrant", |_| sector(PI / 2.0)),
    kind("circular_sector", |chance| {
        let wide = chance.random_bool(0.5);
        let range = if wide { 225.0..290.0 } else { 42.0..65.0 };
        sector(degrees(chance.random_range(range)))
    }),
    kind("circular_segment", |chance| {
        let half = degrees(chance.random_range(48.0..62.0));
        curve(arc([0.0, 0.0], 1.0, -PI / 2.0 - half, -PI / 2.0 + half))
    }),
    kind("crescent", |chance| {
        // A disc without what another, a little smaller and to the right, covers.
        let (radius, shift): (f64, f64) = (0.85, chance.random_range(0.35..0.5));
        let x = (1.0 - radius * radius + shift * shift) / (2.0 * shift);
        let y = (1.0 - x * x).sqrt();
        let outer = y.atan2(x);
        let inner = y.atan2(x - shift);
        let mut points = arc([0.0, 0.0], 1.0, outer, TAU - outer);
        let mut back = arc([shift, 0.0], radius, inner, TAU - inner);
        back.reverse();
        points.extend(back);
        curve(points)
    }),
    kind("ring", |chance| {
        let inner = chance.random_range(0.45..0.7);
        Outline {
            contours: vec![
                arc([0.0, 0.0], 1.0, 0.0, TAU),
                arc([0.0, 0.0], inner, 0.0, TAU),
            ],
            curved: true,
        }
    }),
    kind("heart", |_| {
        let point = |i: usize| {
            let t = TAU * i as f64 / 96.0;
            let y =
                13.0 * t.cos() - 5.0 * (2.0 * t).cos() - 2.0 * (3.0 * t).cos() - (4.0 * t).cos();
            [16.0 * t.sin().powi(3), -y]
        };
        curve((0..96).map(point).collect())
    }),
];

const fn kind(id: &'static str, make: fn(&mut Chance) -> Outline) -> Kind {
    Kind { id, make }
}

fn degrees(angle: f64) -> f64 {
    angle / 180.0 * PI
}

fn polygon(corners: Vec<Point>) -> Outline {
    Outline {
        contours: vec![corners],
        curved: false,
    }
}

fn curve(points: Vec<Point>) -> Outline {
    Outline {
        contours: vec![points],
        curved: true,
    }
}

/// `n` corners on the unit circle, the first at the angle `turn`.
fn regular(n: usize, turn: f64) -> Vec<Point> {
    let corner = |i| {
        let angle = turn + TAU * f64::from(i) / n as f64;
        [angle.cos(), angle.sin()]
    };
    (0..n as u32).map(corner).collect()
}

/// The triangle with these angles at the two ends of its base, in degrees.
fn triangle(left: f64, right: f64) -> Outline {
    let (a, b) = (degrees(left), degrees(right));
    // By the law of sines the left side is sin b / sin(a + b) times the base.
    let side = b.sin() / (a + b).sin();
    polygon(vec![
        [0.0, 0.0],
        [1.0, 0.0],
        [side * a.cos(), -side * a.sin()],
    ])
}

/// The parallelogram with sides 1 and `width`, and the angle `lean` between them.
fn skewed(width: f64, lean: f64) -> Outline {
    let (x, y) = (lean.cos(), lean.sin());
    polygon(vec![[0.0, 0.0], [width, 0.0], [width + x, -y], [x, -y]])
}

/// A base of 1, and above it at `height` a parallel side that begins and ends so much further in.
fn trapezoid(height: f64, left: f64, right: f64) -> Outline {
    polygon(vec![
        [0.0, 0.0],
        [1.0, 0.0],
        [1.0 - right, -height],
        [left, -height],
    ])
}

fn star(points: usize, inner: f64) -> Outline {
    let corners = regular(2 * points, -PI / 2.0);
    let scaled = corners.into_iter().enumerate().map(|(i, [x, y])| {
        let r = if i % 2 == 0 { 1.0 } else { inner };
        [x * r, y * r]
    });
    polygon(scaled.collect())
}

/// A part of the unit disc between two radii, symmetric about the upward direction.
fn sector(angle: f64) -> Outline {
    let mut points = arc([0.0, 0.0], 1.0, (-PI - angle) / 2.0, (-PI + angle) / 2.0);
    points.push([0.0, 0.0]);
    curve(points)
}

/// Points on a circle from one angle to another, both included; a full turn repeats none.
fn arc([x, y]: Point, radius: f64, from: f64, to: f64) -> Vec<Point> {
    let steps = ((to - from) / TAU * 96.0).ceil().max(2.0) as usize;
    let last = if to - from < TAU { steps + 1 } else { steps };
    (0..last)
        .map(|i| {
            let angle = from + (to - from) * i as f64 / steps as f64;
            [x + radius * angle.cos(), y + radius * angle.sin()]
        })
        .collect()
}

/// Moves and scales the contours so that the middle of their extent is the origin and the farthest point is at 1.
fn fit(contours: &mut [Vec<Point>]) {
    let bound = |axis: usize, pick: fn(f64, f64) -> f64, start: f64| {
        let values = contours.iter().flatten().map(|p| p[axis]);
        values.fold(start, pick)
    };
    let middle = [0, 1].map(|axis| {
        let low = bound(axis, f64::min, f64::INFINITY);
        (low + bound(axis, f64::max, f64::NEG_INFINITY)) / 2.0
    });
    let distance = |p: &Point| (p[0] - middle[0]).hypot(p[1] - middle[1]);
    let reach = contours.iter().flatten().map(distance).fold(0.0, f64::max);
    for point in contours.iter_mut().flatten() {
        for axis in [0, 1] {
            point[axis] = (point[axis] - middle[axis]) / reach;
        }
    }
}
