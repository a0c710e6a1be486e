//! Whether the mass on a level of the taxonomy is the frequency with which it comes true (METHOD 6).

use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, calibration};
use crate::taxonomy::{NodeId, Taxonomy};

/// Calibration of the answer on one level.
///
/// A level is the classes of one greatest depth, a root's 0. The answer on it is its class of greatest mass, of equals that
/// of the least id; its probability is that mass; it comes true if it is at or above a truth. An image counts on the levels
/// down to its deepest truth, where something at or above a truth is, as of what is deeper its annotation says nothing;
/// and where anything has mass. On a DAG several classes of a level may be right, and their masses may add up to more
/// than 1; on a tree whose leaves are the candidates and all equally deep they add up to 1.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct LevelCalibration {
    /// In edges from a root, by the longest way.
    pub depth: usize,
    /// Images that count.
    pub n: usize,
    /// Share of answers that come true.
    pub accuracy: Option<f64>,
    /// Mean probability of the answers.
    pub confidence: Option<f64>,
    pub calibration: Calibration,
}

/// The answer of one image on each level: its probability, and whether it comes true. `None` where the image does not count.
pub type LevelAnswers = Vec<Option<(f64, bool)>>;

/// The classes of each depth.
pub struct Levels<'t> {
    taxonomy: &'t Taxonomy,
    /// Representatives, by id.
    levels: Vec<Vec<NodeId>>,
}

impl<'t> Levels<'t> {
    /// Of this taxonomy.
    pub fn new(taxonomy: &'t Taxonomy) -> Self {
        let mut levels: Vec<Vec<NodeId>> = Vec::new();
        for n in taxonomy
            .nodes()
            .filter(|&n| taxonomy.representative(n) == n)
        {
            let depth = taxonomy.depth(n).1;
            if levels.len() <= depth {
                levels.resize(depth + 1, Vec::new());
            }
            levels[depth].push(n);
        }
        for level in &mut levels {
            level.sort_unstable_by_key(|&n| taxonomy.id(n));
        }
        Self { taxonomy, levels }
    }

    /// Number of levels: the greatest depth and one.
    pub fn len(&self) -> usize {
        self.levels.len()
    }

    /// Whether there is no class.
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// The answers of an image with these truths; `mass` tells m(n|x) of a class by its representative (METHOD 2). Linear
    /// in the taxonomy.
    pub fn answers(&self, truths: &[NodeId], mass: impl Fn(NodeId) -> f64) -> LevelAnswers {
        let depths = truths.iter().map(|&t| self.taxonomy.depth(t).1);
        // A class has a parent on the level above it, so none is left out down to the truth.
        let counts = depths.max().map_or(0, |deepest| deepest + 1);
        let answer = |level: &Vec<NodeId>| {
            let (mut best, mut greatest) = (None, 0.0);
            for &n in level {
                let mass = mass(n);
                if mass > greatest {
                    (best, greatest) = (Some(n), mass);
                }
            }
            best.map(|n| {
                let comes_true = truths.iter().any(|&t| self.taxonomy.is_ancestor(n, t));
                // What adds up to 1 may add up to a little more.
                (greatest.min(1.0), comes_true)
            })
        };
        let answers = self.levels.iter().enumerate();
        answers
            .map(|(depth, level)| if depth < counts { answer(level) } else { None })
            .collect()
    }
}

/// Answers over images.
#[derive(Debug, Clone, Default)]
pub struct LevelSums {
    levels: Vec<Vec<(f64, bool)>>,
}

impl LevelSums {
    /// Adds the answers of an image.
    pub fn add(&mut self, answers: &LevelAnswers) {
        if self.levels.len() < answers.len() {
            self.levels.resize(answers.len(), Vec::new());
        }
        for (level, answer) in self.levels.iter_mut().zip(answers) {
            level.extend(answer);
        }
    }

    /// A row a level, the roots' first.
    pub fn finish(&self) -> Vec<LevelCalibration> {
        let row = |(depth, answers): (usize, &Vec<(f64, bool)>)| {
            let n = answers.len();
            let mean = |of: fn(&(f64, bool)) -> f64| {
                let sum = || answers.iter().map(of).sum::<f64>();
                (n > 0).then(|| sum() / n as f64)
            };
            LevelCalibration {
                depth,
                n,
                accuracy: mean(|a| f64::from(u8::from(a.1))),
                confidence: mean(|a| a.0),
                calibration: calibration(answers.clone()),
            }
        };
        self.levels.iter().enumerate().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::load_str;

    /// The square is a rectangle and a rhombus; `dot` is a leaf next to them.
    #[test]
    fn levels_of_a_diamond_by_hand() {
        let t = load_str(
            "t",
            "tree: {figure: {rectangle: [square, oblong], rhombus: [square, lozenge], dot: }}",
        )
        .into_sound()
        .unwrap();
        let levels = Levels::new(&t);
        assert_eq!(levels.len(), 3);
        let of = |truths: &[&str], masses: &[(&str, f64)]| {
            let truths: Vec<NodeId> = truths.iter().map(|id| t.find(id).unwrap()).collect();
            levels.answers(&truths, |n| {
                let known = masses.iter().find(|(id, _)| *id == t.id(n));
                known.map_or(0.0, |(_, mass)| *mass)
            })
        };
        let masses = [
            ("figure", 1.0 + 1e-12),
            ("rectangle", 0.7),
            ("rhombus", 0.7),
            ("dot", 0.1),
            ("square", 0.3),
            ("oblong", 0.4),
            ("lozenge", 0.4),
        ];
        // The rectangle before the rhombus, the lozenge before the oblong.
        let square = of(&["square"], &masses);
        assert_eq!(
            square,
            [Some((1.0, true)), Some((0.7, true)), Some((0.4, false))]
        );
        let lozenge = of(&["lozenge"], &masses);
        assert_eq!(
            lozenge,
            [Some((1.0, true)), Some((0.7, false)), Some((0.4, true))]
        );
        // The annotation of a dot says nothing below it; that of no truth nothing.
        assert_eq!(of(&["dot"], &masses)[1..], [Some((0.7, false)), None]);
        assert_eq!(of(&[], &masses), [None, None, None]);
        // Nothing has mass.
        assert_eq!(
            of(&["square"], &[("figure", 0.5)]),
            [Some((0.5, true)), None, None]
        );

        let mut sums = LevelSums::default();
        sums.add(&square);
        sums.add(&lozenge);
        sums.add(&of(&["dot"], &masses));
        let found = sums.finish();
        let n: Vec<_> = found.iter().map(|row| (row.depth, row.n)).collect();
        assert_eq!(n, [(0, 3), (1, 3), (2, 2)]);
        let close = |found: Option<f64>, expected: f64| {
            assert!(
                (found.unwrap() - expected).abs() < 1e-12,
                "{found:?}, not {expected}"
            );
        };
        close(found[1].accuracy, 1.0 / 3.0);
        close(found[1].confidence, 0.7);
        close(found[1].calibration.ece, 0.7 - 1.0 / 3.0);
        close(found[2].calibration.ece, 0.1);
        assert!(LevelSums::default().finish().is_empty());
    }
}
