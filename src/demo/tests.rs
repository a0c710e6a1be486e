//! The world against the definitions of geometry, measured on the outlines.

use std::collections::BTreeSet;

use rand::SeedableRng;

use super::figures::Point;
use super::*;
use crate::taxonomy::Relation;

fn settings() -> Settings {
    Settings {
        seed: 11,
        canvas: Canvas::default(),
        annotator: Annotator {
            habit: Habit::Uniform,
            error_rate: 0.2,
        },
    }
}

#[test]
fn every_kind_has_its_node_and_the_taxonomy_is_sound() {
    let world = World::new().unwrap();
    assert_eq!(world.kinds.len(), KINDS.len());
    let drawn: BTreeSet<NodeId> = world.kinds.iter().map(|(node, _)| *node).collect();
    for leaf in world
        .taxonomy
        .nodes()
        .filter(|&n| world.taxonomy.is_leaf(n))
    {
        assert!(
            drawn.contains(&leaf),
            "{} is not drawn",
            world.taxonomy.id(leaf)
        );
    }
}

/// Relative difference from which two lengths, and angle in radians from which two directions, are told apart.
const CLEAR: f64 = 0.07;
const EXACT: f64 = 1e-9;

/// Clearly so, clearly not, or `None`: neither.
type Truth = Option<bool>;

fn not(a: Truth) -> Truth {
    a.map(|a| !a)
}

/// One that is clearly not settles it, whatever the others are.
fn all(parts: impl IntoIterator<Item = Truth>) -> Truth {
    let parts: Vec<Truth> = parts.into_iter().collect();
    if parts.contains(&Some(false)) {
        Some(false)
    } else {
        parts
            .into_iter()
            .collect::<Option<Vec<bool>>>()
            .map(|_| true)
    }
}

fn any(parts: impl IntoIterator<Item = Truth>) -> Truth {
    not(all(parts.into_iter().map(not)))
}

/// What holds of a polygon, measured on its corners.
struct Measured {
    sides: Vec<f64>,
    /// Inner angles in radians, from 0 to 2π.
    angles: Vec<f64>,
    /// Direction of each side.
    directions: Vec<f64>,
}

impl Measured {
    fn new(corners: &[Point]) -> Self {
        let n = corners.len();
        let to = |i: usize| {
            let (a, b) = (corners[i % n], corners[(i + 1) % n]);
            [b[0] - a[0], b[1] - a[1]]
        };
        let area: f64 = (0..n)
            .map(|i| {
                corners[i][0] * corners[(i + 1) % n][1] - corners[(i + 1) % n][0] * corners[i][1]
            })
            .sum();
        let angles = (0..n).map(|i| {
            let (before, after) = (to(i + n - 1), to(i));
            let cross = before[0] * after[1] - before[1] * after[0];
            let dot = before[0] * after[0] + before[1] * after[1];
            std::f64::consts::PI - (cross * area.signum()).atan2(dot)
        });
        Self {
            sides: (0..n).map(|i| to(i)[0].hypot(to(i)[1])).collect(),
            angles: angles.collect(),
            directions: (0..n).map(|i| to(i)[1].atan2(to(i)[0])).collect(),
        }
    }

    fn n(&self) -> usize {
        self.sides.len()
    }

    fn equal(&self, i: usize, j: usize) -> Truth {
        let (a, b) = (self.sides[i], self.sides[j]);
        decide((a - b).abs() / a.max(b))
    }

    fn parallel(&self, i: usize, j: usize) -> Truth {
        decide((self.directions[i] - self.directions[j]).sin().abs())
    }

    fn right(&self, i: usize) -> Truth {
        decide((self.angles[i] - std::f64::consts::FRAC_PI_2).abs())
    }

    fn all(&self, holds: impl Fn(usize) -> Truth) -> Truth {
        all((0..self.n()).map(holds))
    }

    /// Whether the definition of the node holds.
    fn is(&self, node: &str) -> Truth {
        use std::f64::consts::{FRAC_PI_2, PI};
        let n = self.n();
        let same_angle = |i: usize, j: usize| decide((self.angles[i] - self.angles[j]).abs());
        let largest = self.angles.iter().copied().fold(0.0, f64::max);
        let has_right_angle = decide((largest - FRAC_PI_2).abs());
        let convex = Some(self.angles.iter().all(|&a| a < PI));
        let both = |a: &str, b: &str| all([self.is(a), self.is(b)]);
        let sides = |count: usize| Some(n == count);
        // What is asked of figures with so many sides alone is not asked of others.
        let only = |count: usize, holds: &dyn Fn() -> Truth| {
            if n == count { holds() } else { Some(false) }
        };
        match node {
            "polygon" => Some(true),
            "convex_polygon" => convex,
            "concave_polygon" => not(convex),
            "equilateral_polygon" => self.all(|i| self.equal(i, (i + 1) % n)),
            "equiangular_polygon" => self.all(|i| same_angle(i, (i + 1) % n)),
            "regular_polygon" => both("equilateral_polygon", "equiangular_polygon"),
            "triangle" => sides(3),
            "quadrilateral" => sides(4),
            "pentagon" => sides(5),
            "hexagon" => sides(6),
            "octagon" => sides(8),
            "convex_quadrilateral" => all([sides(4), convex]),
            "right_triangle" => only(3, &|| has_right_angle),
            "acute_triangle" => only(3, &|| {
                all([not(has_right_angle), Some(largest < FRAC_PI_2)])
            }),
            "obtuse_triangle" => only(3, &|| {
                all([not(has_right_angle), Some(largest > FRAC_PI_2)])
            }),
            "isosceles_triangle" => only(3, &|| any((0..3).map(|i| self.equal(i, (i + 1) % 3)))),
            "trapezoid" => only(4, &|| any([self.parallel(0, 2), self.parallel(1, 3)])),
            "parallelogram" => only(4, &|| all([self.parallel(0, 2), self.parallel(1, 3)])),
            "isosceles_trapezoid" => only(4, &|| {
                any((0..2).map(|i| all([self.parallel(i, i + 2), same_angle(i, i + 1)])))
            }),
            "right_trapezoid" => only(4, &|| {
                any((0..4).map(|i| all([self.right(i), self.right((i + 1) % 4)])))
            }),
            "rectangle" => only(4, &|| self.all(|i| self.right(i))),
            "rhombus" => only(4, &|| self.is("equilateral_polygon")),
            "kite" | "dart" => only(4, &|| {
                let pairs = |i: usize| all([self.equal(i, i + 1), self.equal(i + 2, (i + 3) % 4)]);
                let bent = if node == "kite" { convex } else { not(convex) };
                all([bent, any([pairs(0), pairs(1)])])
            }),
            "square" => both("quadrilateral", "regular_polygon"),
            "equilateral_triangle" => both("triangle", "regular_polygon"),
            "isosceles_right_triangle" => both("isosceles_triangle", "right_triangle"),
            "regular_pentagon" => both("pentagon", "regular_polygon"),
            "regular_hexagon" => both("hexagon", "regular_polygon"),
            "regular_octagon" => both("octagon", "regular_polygon"),
            _ => None,
        }
    }
}

/// `true` for a difference of nothing, `false` for a clear one.
fn decide(difference: f64) -> Truth {
    if difference < EXACT {
        Some(true)
    } else if difference > CLEAR {
        Some(false)
    } else {
        None
    }
}

/// Nodes whose definition is not a matter of sides and angles alone.
const BY_NAME: [&str; 7] = [
    "l_shape",
    "star",
    "five_pointed_star",
    "six_pointed_star",
    "greek_cross",
    "arrow",
    "shape",
];

#[test]
fn what_is_said_of_a_polygon_is_what_geometry_says() {
    let world = World::new().unwrap();
    let taxonomy = world.taxonomy();
    let mut chance = Chance::seed_from_u64(3);
    let polygons = taxonomy.descendants(taxonomy.find("polygon").unwrap());
    for &(specific, kind) in world.kinds.iter().filter(|(n, _)| polygons.contains(n)) {
        for _ in 0..200 {
            let outline = kind.outline(&mut chance);
            assert!(!outline.curved && outline.contours.len() == 1);
            let measured = Measured::new(&outline.contours[0]);
            for &node in &polygons {
                let id = taxonomy.id(node);
                if BY_NAME.contains(&id) {
                    continue;
                }
                let said = taxonomy.is_ancestor(node, specific) || node == specific;
                assert_eq!(
                    measured.is(id),
                    Some(said),
                    "{} is {id}: {:?}",
                    kind.id,
                    outline.contours[0]
                );
            }
        }
    }
}

#[test]
fn outlines_fill_the_unit_disc() {
    let mut chance = Chance::seed_from_u64(5);
    for kind in KINDS {
        let outline = kind.outline(&mut chance);
        let points = outline.contours.iter().flatten();
        let reach = points.map(|[x, y]| x.hypot(*y)).fold(0.0, f64::max);
        assert!((reach - 1.0).abs() < 1e-9, "{}: {reach}", kind.id);
    }
}

#[test]
fn a_picture_depends_on_its_seed_and_number_alone() {
    let world = World::new().unwrap();
    let settings = settings();
    let picture = |settings: &Settings, i| world.item(settings, i).drawing;
    assert_eq!(picture(&settings, 7), picture(&settings, 7));
    assert_ne!(picture(&settings, 7), picture(&settings, 8));
    let other_seed = Settings {
        seed: 12,
        ..settings.clone()
    };
    assert_ne!(picture(&settings, 7), picture(&other_seed, 7));
    let other_annotator = Settings {
        annotator: Annotator {
            habit: Habit::General,
            error_rate: 0.0,
        },
        ..settings.clone()
    };
    assert_eq!(picture(&settings, 7), picture(&other_annotator, 7));
}

#[test]
fn an_annotator_does_what_is_said_of_it() {
    let world = World::new().unwrap();
    let n = 1500;
    for (habit, error_rate) in [
        (Habit::Specific, 0.0),
        (Habit::General, 0.1),
        (Habit::Uniform, 0.3),
        (Habit::Mixed { specific: 0.7 }, 0.2),
    ] {
        let settings = Settings {
            canvas: Canvas {
                size: 16,
                ..Canvas::default()
            },
            annotator: Annotator { habit, error_rate },
            ..settings()
        };
        let (mut errors, mut specific, mut expected_specific) = (0.0, 0.0, 0.0);
        for i in 0..n {
            let item = world.item(&settings, i);
            let Annotation { label, is_error } = item.facts.annotation;
            assert_eq!(is_error, !item.facts.truths.contains(&label));
            let relation = world.taxonomy.relation(label, item.facts.specific);
            assert_eq!(
                is_error,
                !matches!(relation, Relation::Same | Relation::Ancestor)
            );
            errors += f64::from(u8::from(is_error));
            specific += f64::from(u8::from(label == item.facts.specific));
            expected_specific += (1.0 - error_rate)
                * match habit {
                    Habit::Specific => 1.0,
                    Habit::General => 0.0,
                    // Every figure has a more general label.
                    Habit::Mixed { specific } => specific,
                    Habit::Uniform => 1.0 / item.facts.truths.len() as f64,
                };
        }
        // Five standard deviations of a binomial share, at most.
        let near = |share: f64, expected: f64| (share - expected).abs() <= 2.5 / (n as f64).sqrt();
        assert!(near(errors / n as f64, error_rate), "{habit:?}: {errors}");
        assert!(
            near(specific / n as f64, expected_specific / n as f64),
            "{habit:?}: {specific}, not {expected_specific}"
        );
    }
}
