//! Whether near candidates are ranked before far ones: hP@k and hmAP (Deng et al., Hierarchical semantic indexing for large
//! scale image retrieval, CVPR 2011; Barz & Denzler, Hierarchy-based image embeddings for semantic image retrieval, WACV
//! 2019; METHOD 6).

use std::collections::HashMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::score::figure::{Figure, add_row, mean};
use crate::score::measures::{AllPairs, Measure, Pairwise};
use crate::taxonomy::{NodeId, Taxonomy};

/// Hierarchical precision of the ranked candidates c₁, c₂, …, fractions in [0, 1].
///
/// The similarity of a candidate and a truth is s = 1 − height(l) / height_max: the height of their lowest common ancestor
/// ([`Measure::Height`], so 0 for a label and itself), over that of the root, the virtual one if there are several. So two
/// labels of different roots have 0, and so has any other label and the root. On a DAG the LCA is the one of most
/// information. Of several truths the nearest counts.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct HierarchicalRanking {
    /// Images with a figure. Every figure below is over these.
    pub n: usize,
    /// Images to none of whose truths any candidate has a similarity above 0: no order is better than another.
    pub without_similar: usize,
    /// hP@1.
    pub hp_1: Option<f64>,
    /// min(k, |C|): how many of the best candidates the next two are over.
    pub k: usize,
    /// hP@k: mean over the images of Σ_{i ≤ k} s(cᵢ) / the greatest such sum of any order of the candidates.
    pub hp_k: Option<f64>,
    /// hmAP@k: mean over the images and over j = 1, …, k of hP@j, which is the area under the curve of hP@j. The code
    /// published with Barz & Denzler counts the first and the last value half, so that its optimum is 1 − 1/k; here it is 1.
    pub hmap_k: Option<f64>,
}

/// Columns that are summed over the images: ones, hP@1, hP@k and hmAP@k, all 0 of an image without a figure.
pub const COLUMNS: usize = 4;

/// Sums over images.
pub struct RankingSums<'a> {
    similarity: Similarity<'a>,
    /// Of each set of truths the greatest sum of similarities of the best 1, …, k.
    ideal: HashMap<&'a [NodeId], Vec<f64>>,
    known: HashMap<(NodeId, NodeId), f64>,
    k: usize,
    without_similar: usize,
    sums: [f64; COLUMNS],
}

impl<'a> RankingSums<'a> {
    /// Of nothing yet. `truths` has the truths of each image that will be added; of the best candidates `k` are looked at,
    /// at least one, or as many as there are. Takes time in the taxonomy for each distinct set of truths. Runs on the
    /// current rayon pool.
    pub fn new<T: AsRef<[NodeId]> + ?Sized + 'a>(
        taxonomy: &'a Taxonomy,
        candidates: &[NodeId],
        truths: impl IntoIterator<Item = &'a T>,
        k: usize,
    ) -> Self {
        let similarity = Similarity::new(taxonomy);
        let k = k.max(1).min(candidates.len());
        let mut sets: Vec<&[NodeId]> = truths.into_iter().map(T::as_ref).collect();
        sets.sort_unstable();
        sets.dedup();
        sets.retain(|set| !set.is_empty());
        // The candidates, and after them the truths that are to be a row.
        let mut nodes: Vec<NodeId> = sets.iter().copied().flatten().copied().collect();
        nodes.sort_unstable();
        nodes.dedup();
        let row_of: HashMap<NodeId, usize> =
            nodes.iter().copied().zip(candidates.len()..).collect();
        let labels = [candidates, &nodes].concat();
        let pairs = AllPairs::new(taxonomy, Measure::Height, &labels);
        let ideal = sets.into_par_iter().map(|set| {
            let mut best = vec![0f64; candidates.len()];
            for truth in set {
                let row = row_of[truth];
                let similarities = pairs.map(row..row + 1, |_, heights| {
                    let of_candidates = heights[..candidates.len()].iter();
                    of_candidates
                        .map(|&h| similarity.of_height(h))
                        .collect::<Vec<_>>()
                });
                for (best, similarity) in best.iter_mut().zip(similarities.into_iter().flatten()) {
                    *best = best.max(similarity);
                }
            }
            best.sort_unstable_by(|a, b| b.total_cmp(a));
            best.truncate(k);
            let mut sum = 0.0;
            for best in &mut best {
                sum += *best;
                *best = sum;
            }
            (set, best)
        });
        Self {
            ideal: ideal.collect(),
            similarity,
            known: HashMap::new(),
            k,
            without_similar: 0,
            sums: [0.0; COLUMNS],
        }
    }

    /// Adds an image: its best candidates, best first, at least `k` of them where there are as many, and its truths.
    /// Nothing is added where either is missing, or where the truths are none of those of [`new`](Self::new). Tells what
    /// was added.
    pub fn add(&mut self, best: impl Iterator<Item = NodeId>, truths: &[NodeId]) -> [f64; COLUMNS] {
        let nothing = [0.0; COLUMNS];
        let Some(ideal) = self.ideal.get(truths).filter(|ideal| !ideal.is_empty()) else {
            return nothing;
        };
        if ideal[0] == 0.0 {
            self.without_similar += 1;
            return nothing;
        }
        let mut sum = 0.0;
        let mut precisions = Vec::with_capacity(ideal.len());
        for (p, &ideal) in best.zip(ideal) {
            let similarities = truths.iter().map(|&t| {
                let value = || self.similarity.value(p, t);
                *self.known.entry((p, t)).or_insert_with(value)
            });
            sum += similarities.fold(0.0, f64::max);
            // The same numbers in another order may add up to a little more.
            precisions.push((sum / ideal).min(1.0));
        }
        let (Some(&first), Some(&last)) = (precisions.first(), precisions.last()) else {
            return nothing;
        };
        let area = precisions.iter().sum::<f64>() / precisions.len() as f64;
        let row = [1.0, first, last, area];
        add_row(&mut self.sums, &row);
        row
    }

    pub fn finish(&self) -> HierarchicalRanking {
        self.figures(&self.sums)
    }

    fn figures(&self, sums: &[f64]) -> HierarchicalRanking {
        let mean = |column: usize| mean(sums[column], sums[0]);
        HierarchicalRanking {
            n: sums[0] as usize,
            without_similar: self.without_similar,
            hp_1: mean(1),
            k: self.k,
            hp_k: mean(2),
            hmap_k: mean(3),
        }
    }

    /// The figures of sums of the [columns](COLUMNS).
    pub(super) fn named(&self, sums: &[f64]) -> Vec<Figure> {
        let found = self.figures(sums);
        [
            ("hp_1", found.hp_1),
            ("hp_k", found.hp_k),
            ("hmap_k", found.hmap_k),
        ]
        .map(|(name, value)| Figure::new("metrics.hierarchical_ranking", name, value, sums[0]))
        .to_vec()
    }
}

/// 1 − height(l) / height_max.
struct Similarity<'t> {
    height: Pairwise<'t>,
    highest: f64,
}

impl<'t> Similarity<'t> {
    fn new(taxonomy: &'t Taxonomy) -> Self {
        let depths = taxonomy.nodes().map(|n| taxonomy.depth(n).1);
        // The highest root is as high as the deepest class is deep, and the virtual one is one higher.
        let virtual_edge = usize::from(taxonomy.roots().len() > 1);
        Self {
            height: Pairwise::new(taxonomy, Measure::Height),
            highest: (depths.max().unwrap_or(0) + virtual_edge) as f64,
        }
    }

    fn value(&self, a: NodeId, b: NodeId) -> f64 {
        self.of_height(self.height.value(a, b))
    }

    fn of_height(&self, height: f64) -> f64 {
        // Of a single class the height is 0, and so is that of the root.
        if self.highest == 0.0 {
            1.0
        } else {
            1.0 - height / self.highest
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::load_str;

    fn close(found: Option<f64>, expected: f64) {
        assert!(
            (found.unwrap() - expected).abs() < 1e-12,
            "{found:?}, not {expected}"
        );
    }

    /// The figure is 2 high, rectangle and rhombus 1: similarities are 1, ½ and 0.
    #[test]
    fn rankings_on_a_diamond_by_hand() {
        let taxonomy = load_str(
            "t",
            "tree: {figure: {rectangle: [square, oblong], rhombus: [square, lozenge]}}",
        )
        .into_sound()
        .unwrap();
        let node = |id: &&str| taxonomy.find(id).unwrap();
        let candidates: Vec<NodeId> = ["square", "oblong", "lozenge"].iter().map(node).collect();
        let truths: Vec<Vec<NodeId>> = [
            &["square"][..],
            &["oblong"],
            &["oblong", "lozenge"],
            &["figure"],
        ]
        .iter()
        .map(|t| t.iter().map(node).collect())
        .collect();
        let rank = |image: usize, best: [&str; 3]| {
            let mut sums = RankingSums::new(&taxonomy, &candidates, &truths, 3);
            sums.add(best.iter().map(node), &truths[image]);
            sums.finish()
        };
        // Of a square: square 1, oblong and lozenge ½; the best sums are 1, 1½, 2.
        let found = rank(0, ["oblong", "square", "lozenge"]);
        close(found.hp_1, 0.5);
        close(found.hp_k, 1.0);
        close(found.hmap_k, (0.5 + 1.0 + 1.0) / 3.0);
        // Of an oblong: oblong 1, square ½, lozenge 0.
        let found = rank(1, ["lozenge", "square", "oblong"]);
        close(found.hp_1, 0.0);
        close(found.hmap_k, (0.0 + 0.5 / 1.5 + 1.0) / 3.0);
        // Of either: oblong and lozenge 1, square ½.
        let found = rank(2, ["lozenge", "square", "oblong"]);
        close(found.hp_1, 1.0);
        close(found.hmap_k, (1.0 + 1.5 / 2.0 + 1.0) / 3.0);
        // What is below the figure meets it at the top.
        let found = rank(3, ["lozenge", "square", "oblong"]);
        assert_eq!((found.n, found.without_similar, found.hmap_k), (0, 1, None));
    }

    #[test]
    fn k_is_at_most_the_number_of_candidates() {
        let taxonomy = load_str("t", "tree: {animal: [dog, cat], thing: [car, cup]}")
            .into_sound()
            .unwrap();
        let node = |id: &str| taxonomy.find(id).unwrap();
        let candidates = [node("dog"), node("car"), node("cat")];
        let truths = [vec![node("dog")], vec![]];
        let mut sums = RankingSums::new(&taxonomy, &candidates, &truths, 5);
        sums.add(
            [node("car"), node("cat"), node("dog")].into_iter(),
            &truths[0],
        );
        sums.add(candidates.into_iter(), &truths[1]);
        let found = sums.finish();
        assert_eq!((found.n, found.k), (1, 3));
        // Animals are 1 high, their virtual root 2: a cat has ½, a car 0.
        close(found.hp_1, 0.0);
        close(found.hmap_k, (0.0 + 0.5 / 1.5 + 1.0) / 3.0);
        let mut sums = RankingSums::new(&taxonomy, &[], &truths, 5);
        sums.add([].into_iter(), &truths[0]);
        assert_eq!((sums.finish().n, sums.finish().k), (0, 0));
    }
}
