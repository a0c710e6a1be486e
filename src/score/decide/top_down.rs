//! `top-down`: from the roots to a candidate, a child at a time.
//!
//! A class that is a candidate is also one of its own children: stopping there has the class's own probability, going on
//! to a child has the child's mass. Greedily (`top-down`) it starts at the root of most mass and takes the best of these
//! choices until it has stopped; where stopping is as good as a child, it goes on, and equal children are told apart by id. So a
//! class that is no candidate is never answered, and a leaf is where it ends at the latest.
//!
//! With a beam of b it keeps the b best partial ways, those that go on by the mass of their last class, those that have stopped by
//! its own probability, until all have stopped: the best of them is answered. Ways to the same class, which a diamond has, are one.
//! A beam of 1 is the greedy descent, and one without bounds is the argmax over classes.

use std::cmp::Ordering;

use super::masses::Masses;

#[derive(Debug)]
pub struct TopDown {
    /// Partial ways that are kept.
    beam: usize,
    roots: Vec<usize>,
}

/// A way down, by its last class.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Way {
    class: usize,
    /// Whether the class is answered.
    stopped: bool,
    merit: f64,
}

impl TopDown {
    pub fn new(masses: &Masses<'_>, beam: usize) -> Self {
        let is_root = |&class: &usize| masses.parents(class).next().is_none();
        Self {
            beam,
            roots: (0..masses.len()).filter(is_root).collect(),
        }
    }

    /// The class that is answered; `p` are the candidates' probabilities, `all` the classes' masses.
    ///
    /// Takes a step a level of the taxonomy, each in the time of the children of `beam` classes.
    pub fn descend(&self, masses: &Masses<'_>, p: &[f64], all: &[f64]) -> Option<usize> {
        let going_on = |class: usize| Way {
            class,
            stopped: false,
            merit: all[class],
        };
        let mut ways: Vec<Way> = self.roots.iter().copied().map(going_on).collect();
        self.keep_best(masses, &mut ways);
        while ways.iter().any(|way| !way.stopped) {
            let mut next = Vec::new();
            for way in ways {
                if way.stopped {
                    next.push(way);
                    continue;
                }
                next.extend(masses.children(way.class).map(going_on));
                if masses.is_candidate(way.class) {
                    next.push(Way {
                        stopped: true,
                        merit: masses.own(way.class, p),
                        ..way
                    });
                }
            }
            ways = next;
            self.keep_best(masses, &mut ways);
        }
        ways.first().map(|way| way.class)
    }

    /// Best first, each once.
    fn keep_best(&self, masses: &Masses<'_>, ways: &mut Vec<Way>) {
        ways.sort_by(|a, b| -> Ordering {
            b.merit
                .total_cmp(&a.merit)
                .then(a.stopped.cmp(&b.stopped))
                .then(masses.by_id(a.class, b.class))
        });
        ways.dedup();
        ways.truncate(self.beam);
    }
}
