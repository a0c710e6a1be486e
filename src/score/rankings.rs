//! The best candidates of many images, in columns.

use crate::taxonomy::NodeId;

/// One ranked label of one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    pub label: NodeId,
    /// s(x,c) (METHOD 2); `None` if it is not known.
    pub similarity: Option<f32>,
    /// p(c|x) (METHOD 2); `None` if it is not known.
    pub probability: Option<f64>,
}

/// The ranked labels of images, best first, as many of each as are known.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rankings {
    /// Where the labels of each image end.
    ends: Vec<usize>,
    labels: Vec<NodeId>,
    /// As many as labels, or none at all.
    similarities: Vec<f32>,
    /// As many as labels, or none at all.
    probabilities: Vec<f64>,
}

impl Rankings {
    /// Adds an image. Similarities are known of all labels of all images or of none, and so are probabilities.
    ///
    /// # Panics
    /// Otherwise, in debug builds.
    pub fn push(&mut self, ranked: impl IntoIterator<Item = Ranked>) {
        for ranked in ranked {
            self.labels.push(ranked.label);
            self.similarities.extend(ranked.similarity);
            self.probabilities.extend(ranked.probability);
        }
        self.ends.push(self.labels.len());
        let is_whole = |known: usize| known == 0 || known == self.labels.len();
        debug_assert!(is_whole(self.similarities.len()) && is_whole(self.probabilities.len()));
    }

    /// The same with the labels as nodes of another taxonomy, by [`NodeId::index`]. `None` where it lacks one of them.
    pub fn labelled_as(&self, nodes: &[Option<NodeId>]) -> Option<Self> {
        let labels = self.labels.iter().map(|label| nodes[label.index()]);
        Some(Self {
            labels: labels.collect::<Option<_>>()?,
            ..self.clone()
        })
    }

    /// Whether probabilities are known.
    pub fn have_probabilities(&self) -> bool {
        !self.probabilities.is_empty()
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn range(&self, image: usize) -> std::ops::Range<usize> {
        let start = image.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[image]
    }

    /// The labels of an image, best first.
    pub fn labels(&self, image: usize) -> &[NodeId] {
        &self.labels[self.range(image)]
    }

    /// The labels of an image with what is known of them, best first.
    pub fn get(&self, image: usize) -> impl ExactSizeIterator<Item = Ranked> + '_ {
        self.range(image).map(|i| Ranked {
            label: self.labels[i],
            similarity: self.similarities.get(i).copied(),
            probability: self.probabilities.get(i).copied(),
        })
    }

    /// The fewest labels that an image has; 0 without images.
    pub fn fewest(&self) -> usize {
        (0..self.len())
            .map(|i| self.range(i).len())
            .min()
            .unwrap_or(0)
    }

    /// The most labels that an image has; 0 without images.
    pub fn most(&self) -> usize {
        (0..self.len())
            .map(|i| self.range(i).len())
            .max()
            .unwrap_or(0)
    }

    /// Keeps the best `k` labels of each image.
    pub fn truncate(&mut self, k: usize) {
        if self.most() <= k {
            return;
        }
        let mut kept = Self::default();
        for image in 0..self.len() {
            kept.push(self.get(image).take(k));
        }
        *self = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::load_str;

    #[test]
    fn images_keep_their_own_labels() {
        let taxonomy = load_str("t", "nodes: {a: , b: , c: }")
            .into_sound()
            .unwrap();
        let nodes: Vec<NodeId> = taxonomy.nodes().collect();
        let ranked = |label: usize, probability: f64| Ranked {
            label: nodes[label],
            similarity: None,
            probability: Some(probability),
        };
        let mut rankings = Rankings::default();
        rankings.push([ranked(1, 0.6), ranked(0, 0.3), ranked(2, 0.1)]);
        rankings.push([]);
        rankings.push([ranked(2, 0.9)]);
        assert_eq!(
            (rankings.len(), rankings.fewest(), rankings.most()),
            (3, 0, 3)
        );
        rankings.truncate(2);
        assert_eq!(rankings.labels(0), [nodes[1], nodes[0]]);
        assert!(rankings.labels(1).is_empty());
        assert_eq!(rankings.get(2).collect::<Vec<_>>(), [ranked(2, 0.9)]);
    }
}
