//! Annotations that the model contradicts with confidence (METHOD 8): an overlay on the verdicts, never a verdict.

use std::collections::HashMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::annotation::Annotations;
use super::answer::{Distribution, Scores};
use super::stop::Stopped;
use crate::taxonomy::{NodeId, Relation, Taxonomy};

/// What confident learning says of the annotations of a run.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Suspects {
    /// Images whose annotated label has a candidate at or below it: the others cannot be checked.
    pub checked: usize,
    pub flagged: usize,
    /// `flagged / checked`.
    pub share: Option<f64>,
    /// Of the flagged, those with a verdict of confirmed multiplicity.
    pub confirmed: usize,
}

/// What confident learning says of one annotation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Checked {
    /// q(j|x) of the annotated label j: 1 says that the model is sure of it, 0 that it is sure of another.
    pub self_confidence: f64,
    /// Normalised margin: `self_confidence` less the greatest q(k|x) of a class k that excludes the label, from −1 to 1; the
    /// self-confidence itself where there is none.
    pub margin: f64,
    /// The annotated class that the image looks like instead; `None` if the annotation is not suspect.
    pub looks_like: Option<NodeId>,
}

/// 1 − m is good to some 1e-10 of itself down to here.
const SMALLEST_DIFFERENCE: f64 = 1e-6;

/// An annotated class, seen from the candidates: indices of those at or below it, and of those that can be true of one
/// image together with it, the ones below included.
struct Class {
    node: NodeId,
    below: Vec<usize>,
    compatible: Vec<usize>,
}

impl Class {
    fn new(taxonomy: &Taxonomy, candidates: &[NodeId], node: NodeId) -> Self {
        let (mut below, mut compatible) = (Vec::new(), Vec::new());
        for (i, &candidate) in candidates.iter().enumerate() {
            let relation = taxonomy.relation(candidate, node);
            if matches!(
                relation,
                Relation::Same | Relation::Equivalent | Relation::Descendant
            ) {
                below.push(i);
            }
            if can_both_hold(relation) {
                compatible.push(i);
            }
        }
        Self {
            node,
            below,
            compatible,
        }
    }

    /// q(j|x) = m(j|x) / (m(j|x) + r(j|x)), where r is the mass of the candidates that cannot hold together with j.
    ///
    /// So the classes below are collapsed into j, and those that say nothing for or against it (above it, or
    /// overlapping) are conditioned away. 0 where neither has any mass.
    fn confidence(&self, probabilities: &[f64]) -> f64 {
        let mass = |of: &[usize]| of.iter().map(|&c| probabilities[c]).sum::<f64>();
        let own = mass(&self.below);
        let mut against = 1.0 - mass(&self.compatible);
        // The difference takes time in the few that are compatible, but a small one is mostly rounding: `own` may be no
        // larger, and a q that is 1 would miss a threshold of 1.
        if against < SMALLEST_DIFFERENCE {
            let mut compatible = self.compatible.iter().copied().peekable();
            against = (probabilities.iter().enumerate())
                .filter(|(c, _)| compatible.next_if_eq(c).is_none())
                .map(|(_, p)| p)
                .sum();
        }
        if own > 0.0 {
            own / (own + against)
        } else {
            0.0
        }
    }
}

/// Whether an image can be an instance of both.
fn can_both_hold(relation: Relation) -> bool {
    !matches!(
        relation,
        Relation::Sibling | Relation::Related | Relation::Unrelated
    )
}

/// Checks annotations by confident learning (Northcutt et al., JAIR 2021) on probabilities with related classes
/// collapsed (METHOD 8), since an ancestor as a label is no label noise.
///
/// The classes are the primary labels that occur, equivalent ones as one, under the least id. The threshold t_k of class k is the mean of q(k|x) over the images
/// annotated with k. The annotation j of an image is suspect, counted off the diagonal of the confident joint, if for
/// some class k that cannot hold together with any label of the image q(k|x) ≥ t_k and q(k|x) > q(j|x); of several, the
/// one of largest q, of equals the first by id.
pub struct Checks<'a> {
    taxonomy: &'a Taxonomy,
    annotations: &'a Annotations,
    classes: Vec<Class>,
    /// Index into the classes.
    places: HashMap<NodeId, usize>,
}

impl<'a> Checks<'a> {
    /// For images with these labels, the primary one first. A label without a candidate at or below it is no class:
    /// the images that carry it cannot be checked.
    pub fn new(
        taxonomy: &'a Taxonomy,
        candidates: &[NodeId],
        annotations: &'a Annotations,
    ) -> Self {
        let primary = annotations
            .distinct()
            .iter()
            .filter_map(|a| a.truths.first());
        let mut labels: Vec<NodeId> = primary.map(|&t| taxonomy.representative(t)).collect();
        // By id, since of equal rivals the first is taken.
        labels.sort_unstable_by_key(|&label| taxonomy.id(label));
        labels.dedup();
        let classes: Vec<Class> = labels
            .into_par_iter()
            .map(|label| Class::new(taxonomy, candidates, label))
            .filter(|class| !class.below.is_empty())
            .collect();
        Self {
            taxonomy,
            annotations,
            places: classes.iter().map(|class| class.node).zip(0..).collect(),
            classes,
        }
    }

    fn class_of(&self, image: usize) -> Option<usize> {
        let label = self
            .taxonomy
            .representative(*self.annotations.get(image).truths.first()?);
        self.places.get(&label).copied()
    }

    /// q(j|x) of an image's primary label j; `None` if it cannot be checked.
    pub fn self_confidence(&self, image: usize, scores: Scores<'_>) -> Option<f64> {
        let class = &self.classes[self.class_of(image)?];
        Some(class.confidence(scores.probabilities))
    }

    /// Checks every image, when `own` has the self-confidence of each. Runs on the current rayon pool; the result does
    /// not depend on the number of threads.
    pub fn run(
        &self,
        distribution: &Distribution<'_>,
        own: &[Option<f64>],
    ) -> Result<Vec<Option<Checked>>, Stopped> {
        let thresholds = self.thresholds(own);
        let rivals: Vec<Vec<usize>> = self
            .classes
            .par_iter()
            .map(|class| self.rivals(class))
            .collect();
        distribution.map(|i, scores| {
            let (class, self_confidence) = (self.class_of(i)?, own[i]?);
            let mut best: Option<(f64, NodeId)> = None;
            let mut greatest = 0f64;
            for &k in &rivals[class] {
                let rival = self.classes[k].node;
                let confidence = self.classes[k].confidence(scores.probabilities);
                // What cannot change anything is not looked up in the graph.
                let is_better = confidence > best.map_or(self_confidence, |(q, _)| q);
                if confidence <= greatest && !is_better {
                    continue;
                }
                if !self.excludes_all(rival, &self.annotations.get(i).truths[1..]) {
                    continue;
                }
                greatest = greatest.max(confidence);
                if is_better && confidence >= thresholds[k] {
                    best = Some((confidence, rival));
                }
            }
            Some(Checked {
                self_confidence,
                margin: self_confidence - greatest,
                looks_like: best.map(|(_, rival)| rival),
            })
        })
    }

    /// Mean self-confidence of the images of each class, summed in their order.
    fn thresholds(&self, own: &[Option<f64>]) -> Vec<f64> {
        let mut sums = vec![(0.0, 0u32); self.classes.len()];
        for (i, confidence) in own.iter().enumerate() {
            if let (Some(class), Some(confidence)) = (self.class_of(i), confidence) {
                sums[class].0 += confidence;
                sums[class].1 += 1;
            }
        }
        sums.iter().map(|&(sum, n)| sum / f64::from(n)).collect()
    }

    /// The classes that no image of this one can be.
    fn rivals(&self, class: &Class) -> Vec<usize> {
        (0..self.classes.len())
            .filter(|&k| self.excludes_all(self.classes[k].node, &[class.node]))
            .collect()
    }

    fn excludes_all(&self, node: NodeId, others: &[NodeId]) -> bool {
        others
            .iter()
            .all(|&other| !can_both_hold(self.taxonomy.relation(node, other)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use crate::score::answer::{Given, Link};
    use crate::taxonomy::load_str;

    const TAXONOMY: &str =
        "tree: {animal: {dog: [poodle, beagle], cat: }, plant: {tree: [ash], rose: }}";

    /// Images whose probabilities over `candidates` are these: log p as logits.
    fn check(
        candidates: &[&str],
        images: &[(&[&str], &[f32])],
    ) -> Vec<Option<(f64, Option<String>)>> {
        let taxonomy = load_str("t", TAXONOMY).into_sound().unwrap();
        let node = |id: &&str| taxonomy.find(id).unwrap();
        let size = candidates.len();
        let rows = images.iter().flat_map(|(_, p)| p.iter().map(|p| p.ln()));
        let rows = Matrix::new(size, rows.collect());
        let given = Given(&rows);
        let distribution = Distribution::new(&given, Link::Softmax { scale: 1.0 });
        let truths = images
            .iter()
            .map(|(labels, _)| labels.iter().map(node).collect());
        let annotations = Annotations::of_truths(truths);
        let candidates: Vec<NodeId> = candidates.iter().map(node).collect();
        let checks = Checks::new(&taxonomy, &candidates, &annotations);
        let own = distribution.map(|i, scores| checks.self_confidence(i, scores));
        let own = own.unwrap();
        checks
            .run(&distribution, &own)
            .unwrap()
            .into_iter()
            .map(|checked| {
                let checked = checked?;
                let like = checked.looks_like.map(|n| taxonomy.id(n).to_owned());
                Some((checked.self_confidence, like))
            })
            .collect()
    }

    #[test]
    fn an_ancestor_as_a_label_is_no_noise_and_a_rival_is() {
        let candidates = ["animal", "dog", "poodle", "cat", "rose"];
        let found = check(
            &candidates,
            &[
                // Sure that it is a poodle: `dog` and `animal` are as good.
                (&["dog"], &[0.3, 0.3, 0.38, 0.01, 0.01]),
                (&["animal"], &[0.3, 0.3, 0.38, 0.01, 0.01]),
                (&["cat"], &[0.3, 0.01, 0.01, 0.67, 0.01]),
                (&["rose"], &[0.01, 0.01, 0.01, 0.01, 0.96]),
                // Looks like a rose; like a cat.
                (&["dog"], &[0.01, 0.01, 0.01, 0.01, 0.96]),
                (&["rose"], &[0.3, 0.01, 0.01, 0.67, 0.01]),
            ],
        );
        let like: Vec<_> = found
            .iter()
            .map(|f| f.as_ref().unwrap().1.as_deref())
            .collect();
        // The last one: of `cat` q is 0.67/0.70, of `animal` 0.99/1.
        assert_eq!(like, [None, None, None, None, Some("rose"), Some("animal")]);
        // m(dog) = 0.68; against it are cat and rose, since `animal` speaks for neither.
        let own = found[0].as_ref().unwrap().0;
        assert!((own - 0.68 / 0.70).abs() < 1e-6, "{own}");
    }

    /// A threshold is the mean over the images that carry the label: here of `cat` (0.9 + 0.5) / 2.
    #[test]
    fn a_rival_must_reach_its_own_threshold() {
        let candidates = ["dog", "cat"];
        let images: [(&[&str], &[f32]); 4] = [
            (&["cat"], &[0.1, 0.9]),
            (&["cat"], &[0.5, 0.5]),
            (&["dog"], &[0.31, 0.69]),
            (&["dog"], &[0.29, 0.71]),
        ];
        let found = check(&candidates, &images);
        let like = |i: usize| found[i].as_ref().unwrap().1.as_deref();
        assert_eq!((like(2), like(3)), (None, Some("cat")));
        // Of `dog` the threshold is 0.3, but its own label is no less likely.
        assert_eq!((like(0), like(1)), (None, None));
    }

    /// Where nearly all of the mass is above the label, what little is left decides, not what rounding leaves.
    #[test]
    fn little_mass_is_weighed_as_much_is() {
        let found = check(
            &["animal", "dog", "cat"],
            &[
                (&["dog"], &[1.0, 3e-20, 1e-20]),
                (&["cat"], &[1.0, 1e-30, 1e-20]),
            ],
        );
        let own = |i: usize| found[i].as_ref().unwrap().0;
        assert!((own(0) - 0.75).abs() < 1e-5, "{}", own(0));
        assert!((own(1) - 1.0).abs() < 1e-9, "{}", own(1));
    }

    /// A threshold of 1 is met by an image that the model is as sure of, whatever the rounding of its probabilities.
    #[test]
    fn a_sure_model_reaches_a_threshold_of_one() {
        let candidates = ["dog", "poodle", "beagle", "cat"];
        for k in 1..40 {
            let (a, b) = (k as f32 / 97.0, 0.3 / k as f32);
            let sure = |a: f32, b: f32| [a, b, 1.0 - a - b, 1e-30];
            let found = check(
                &candidates,
                &[
                    (&["dog"], &sure(0.2, 0.3)),
                    (&["cat"], &sure(a, b)),
                    (&["cat"], &[1e-30, 1e-30, 1e-30, 1.0]),
                ],
            );
            let like = found[1].as_ref().unwrap().1.as_deref();
            assert_eq!(like, Some("dog"), "{k}");
        }
    }

    /// `tree` is before `ash` in the file.
    #[test]
    fn of_equal_rivals_the_first_by_id_is_taken() {
        let found = check(
            &["dog", "ash"],
            &[
                (&["tree"], &[0.1, 0.9]),
                (&["ash"], &[0.1, 0.9]),
                (&["dog"], &[0.05, 0.95]),
            ],
        );
        let like = found[2].as_ref().unwrap().1.as_deref();
        assert_eq!(like, Some("ash"));
    }

    #[test]
    fn what_cannot_be_checked_is_not() {
        let found = check(
            &["dog", "cat"],
            &[
                (&["poodle"], &[0.5, 0.5]),
                (&[], &[0.5, 0.5]),
                (&["dog"], &[0.9, 0.1]),
                (&["cat"], &[0.1, 0.9]),
                // A dog and a cat are in the picture.
                (&["dog", "cat"], &[0.05, 0.95]),
            ],
        );
        assert_eq!((&found[0], &found[1]), (&None, &None));
        assert!(found[2..].iter().all(|f| f.as_ref().unwrap().1.is_none()));
    }
}
