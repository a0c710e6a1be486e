//! Hierarchical precision and recall (Kiritchenko et al. 2005; Silla & Freitas 2011; METHOD 6).

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::score::figure::{Figure, add_row, mean};
use crate::taxonomy::{NodeId, Taxonomy};

/// Whether the root, which all labels share, counts in the closures (METHOD 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Root {
    /// A declared root counts like any other node, and the virtual root above several does not.
    #[default]
    Declared,
    /// One root counts: the declared one, or the virtual one above several.
    Counted,
    /// None counts: a single declared root is left out of every closure. The closure of that root itself is then empty:
    /// as an answer it has no precision, as a truth no recall.
    Excluded,
}

impl Root {
    /// All of them, the default first.
    pub const ALL: [Self; 3] = [Self::Declared, Self::Counted, Self::Excluded];

    /// The name, as the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Counted => "counted",
            Self::Excluded => "excluded",
        }
    }

    /// By its name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|root| root.name() == name)
    }

    /// What is added to the size of every closure.
    fn shift(self, taxonomy: &Taxonomy) -> f64 {
        match (self, taxonomy.roots().len()) {
            (Self::Counted, 2..) => 1.0,
            (Self::Excluded, 1) => -1.0,
            _ => 0.0,
        }
    }
}

/// Sizes of the ancestor closures α of an answer and β of its truths.
///
/// Each node is in its own closure; several parents, and several truths, are united as sets. Equivalent nodes are one.
/// The virtual root is in none; a declared root counts like any other node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closures {
    answer: usize,
    truths: usize,
    both: usize,
}

impl Closures {
    pub fn new(taxonomy: &Taxonomy, p: NodeId, truths: &[NodeId]) -> Self {
        let answer = taxonomy.ancestor_count(p);
        if let [truth] = *truths {
            return Self {
                answer,
                truths: taxonomy.ancestor_count(truth),
                both: taxonomy.common_ancestors(p, truth).count(),
            };
        }
        let truths = united_closure(taxonomy, truths);
        Self {
            answer,
            truths: truths.len(),
            both: taxonomy
                .common_ancestors(p, p)
                .filter(|n| truths.contains(n))
                .count(),
        }
    }
}

fn united_closure(taxonomy: &Taxonomy, truths: &[NodeId]) -> HashSet<NodeId> {
    let closures = truths.iter().flat_map(|&t| taxonomy.common_ancestors(t, t));
    closures.collect()
}

/// Precision, recall and their harmonic mean.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct PrecisionRecall {
    pub precision: Option<f64>,
    pub recall: Option<f64>,
    pub f1: Option<f64>,
}

impl PrecisionRecall {
    pub(super) fn new(precision: Option<f64>, recall: Option<f64>) -> Self {
        let f1 = precision.zip(recall).map(|(p, r)| harmonic(p, r));
        Self {
            precision,
            recall,
            f1,
        }
    }

    /// Each figure, and how many images are behind it.
    pub(super) fn named(&self, family: &'static str, n: [f64; 3]) -> [Figure; 3] {
        [
            Figure::new(family, "precision", self.precision, n[0]),
            Figure::new(family, "recall", self.recall, n[1]),
            Figure::new(family, "f1", self.f1, n[2]),
        ]
    }
}

/// 2ab / (a + b), and 0 of two zeros.
fn harmonic(a: f64, b: f64) -> f64 {
    if a + b > 0.0 {
        2.0 * a * b / (a + b)
    } else {
        0.0
    }
}

/// Hierarchical precision, recall and F1. Of an image without an answer the precision is not defined, and the image is
/// left out of it; its recall and its F1 are 0.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct Hierarchical {
    /// hP = Σ|α∩β| / Σ|α|, hR = Σ|α∩β| / Σ|β|, and the F1 of these two.
    pub micro: PrecisionRecall,
    /// Means over the images of |α∩β|/|α|, of |α∩β|/|β|, and of the F1 of each image.
    #[serde(rename = "macro")]
    pub macro_: PrecisionRecall,
}

/// Columns that are summed over the images: those with a recall, those with a precision, |α|, |β|, |α∩β|, and the precision, the
/// recall and the F1 of the image.
pub const COLUMNS: usize = 8;

/// Sums over images.
#[derive(Debug, Clone, Copy, Default)]
pub struct HierarchicalSums {
    sums: [f64; COLUMNS],
    /// What is added to the size of every closure.
    shift: f64,
}

impl HierarchicalSums {
    /// Of nothing yet.
    pub fn new(taxonomy: &Taxonomy, root: Root) -> Self {
        Self {
            shift: root.shift(taxonomy),
            ..Self::default()
        }
    }

    /// Adds an image, and tells what was added.
    pub fn add(&mut self, closures: Closures) -> [f64; COLUMNS] {
        let [answer, truths, both] = [closures.answer, closures.truths, closures.both]
            // Where nothing is shared, the root that is left out is not there either.
            .map(|size| (size as f64 + self.shift).max(0.0));
        let share = |whole: f64| if whole > 0.0 { both / whole } else { 0.0 };
        let is_there = |size: f64| f64::from(u8::from(size > 0.0));
        let (precision, recall) = (share(answer), share(truths));
        let f1 = harmonic(precision, recall);
        let (recalls, precisions) = (is_there(truths), is_there(answer));
        let row = [
            recalls, precisions, answer, truths, both, precision, recall, f1,
        ];
        add_row(&mut self.sums, &row);
        row
    }

    /// Adds an image without an answer, and tells what was added.
    pub fn add_abstention(&mut self, taxonomy: &Taxonomy, truths: &[NodeId]) -> [f64; COLUMNS] {
        let truths = united_closure(taxonomy, truths).len() as f64 + self.shift;
        let recalls = f64::from(u8::from(truths > 0.0));
        let row = [recalls, 0.0, 0.0, truths, 0.0, 0.0, 0.0, 0.0];
        add_row(&mut self.sums, &row);
        row
    }

    pub fn finish(self) -> Hierarchical {
        figures(&self.sums)
    }
}

fn figures(sums: &[f64]) -> Hierarchical {
    let (all, answered) = (sums[0], sums[1]);
    Hierarchical {
        micro: PrecisionRecall::new(mean(sums[4], sums[2]), mean(sums[4], sums[3])),
        macro_: PrecisionRecall {
            precision: mean(sums[5], answered),
            recall: mean(sums[6], all),
            f1: mean(sums[7], all),
        },
    }
}

/// The figures of sums of the [columns](COLUMNS).
pub fn named(sums: &[f64]) -> Vec<Figure> {
    let Hierarchical { micro, macro_ } = figures(sums);
    let n = [sums[1], sums[0], sums[0]];
    let micro = micro.named("metrics.hierarchical.micro", n);
    let of_macro = macro_.named("metrics.hierarchical.macro", n);
    micro.into_iter().chain(of_macro).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::load_str;

    /// A diamond: the square's closure is {square, rectangle, rhombus, figure}, each once.
    #[test]
    fn closures_on_a_diamond_by_hand() {
        let taxonomy = load_str(
            "t",
            "tree: {figure: {rectangle: [square], rhombus: [square], circle: }, word: }",
        )
        .into_sound()
        .unwrap();
        let node = |id: &str| taxonomy.find(id).unwrap();
        let of = |p: &str, truths: &[&str]| {
            let truths: Vec<NodeId> = truths.iter().map(|t| node(t)).collect();
            let c = Closures::new(&taxonomy, node(p), &truths);
            (c.answer, c.truths, c.both)
        };
        assert_eq!(of("square", &["square"]), (4, 4, 4));
        assert_eq!(of("rectangle", &["square"]), (2, 4, 2));
        assert_eq!(of("square", &["circle"]), (4, 2, 1));
        assert_eq!(of("word", &["square"]), (1, 4, 0));
        assert_eq!(of("circle", &["rectangle", "rhombus"]), (2, 3, 1));

        let mut sums = HierarchicalSums::default();
        for (p, t) in [
            ("rectangle", "square"),
            ("square", "circle"),
            ("word", "square"),
        ] {
            sums.add(Closures::new(&taxonomy, node(p), &[node(t)]));
        }
        let Hierarchical { micro, macro_ } = sums.finish();
        let close = |found: Option<f64>, expected: f64| {
            assert!(
                (found.unwrap() - expected).abs() < 1e-12,
                "{found:?}, not {expected}"
            );
        };
        close(micro.precision, 3.0 / 7.0);
        close(micro.recall, 3.0 / 10.0);
        close(micro.f1, 6.0 / 17.0);
        close(macro_.precision, (1.0 + 0.25 + 0.0) / 3.0);
        close(macro_.recall, (0.5 + 0.5 + 0.0) / 3.0);
        close(macro_.f1, (2.0 / 3.0 + 1.0 / 3.0 + 0.0) / 3.0);
        // An abstention has no precision, and recalls nothing.
        sums.add_abstention(&taxonomy, &[node("circle")]);
        let Hierarchical { micro, macro_ } = sums.finish();
        close(micro.precision, 3.0 / 7.0);
        close(micro.recall, 3.0 / 12.0);
        close(macro_.precision, (1.0 + 0.25 + 0.0) / 3.0);
        close(macro_.recall, (0.5 + 0.5 + 0.0 + 0.0) / 4.0);
        assert_eq!(HierarchicalSums::default().finish().micro.f1, None);
    }

    /// The same answers: two roots have a virtual one above; one root is shared by all.
    #[test]
    fn the_root_counts_or_not() {
        let of = |text: &str, root: Root| {
            let taxonomy = load_str("t", text).into_sound().unwrap();
            let node = |id: &str| taxonomy.find(id).unwrap();
            let mut sums = HierarchicalSums::new(&taxonomy, root);
            for (p, t) in [("rectangle", "square"), ("figure", "circle")] {
                sums.add(Closures::new(&taxonomy, node(p), &[node(t)]));
            }
            sums.finish()
        };
        let one = "tree: {figure: {rectangle: [square], circle: }}";
        let two = "tree: {figure: {rectangle: [square], circle: }, word: }";
        // Closures of 2, 3 and 2 in common; 1, 2 and 1.
        for (text, root, micro, macro_) in [
            (one, Root::Declared, 3.0 / 5.0, (2.0 / 3.0 + 0.5) / 2.0),
            (two, Root::Declared, 3.0 / 5.0, (2.0 / 3.0 + 0.5) / 2.0),
            (two, Root::Counted, 5.0 / 7.0, (3.0 / 4.0 + 2.0 / 3.0) / 2.0),
            (one, Root::Counted, 3.0 / 5.0, (2.0 / 3.0 + 0.5) / 2.0),
            // The figure says nothing: no precision, and nothing recalled.
            (one, Root::Excluded, 1.0 / 3.0, (0.5 + 0.0) / 2.0),
        ] {
            let found = of(text, root);
            assert!(
                (found.micro.recall.unwrap() - micro).abs() < 1e-12,
                "{root:?}"
            );
            assert!(
                (found.macro_.recall.unwrap() - macro_).abs() < 1e-12,
                "{root:?}"
            );
            assert_eq!(found.macro_.precision, Some(1.0), "{root:?}");
        }
    }
}
