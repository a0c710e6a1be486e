//! What is known to be true of the images: labels, and re-annotated valid sets.

use std::collections::HashMap;

use crate::taxonomy::NodeId;

/// What an image was annotated with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Annotation {
    /// T(x), the primary truth first; empty for an image without a label (METHOD 2).
    pub truths: Vec<NodeId>,
    /// The labels that a re-annotation found right, sorted; `None` if the image was not re-annotated.
    pub valid: Option<Vec<NodeId>>,
}

/// The annotations of images, each distinct one once: a data set has far fewer of them than images.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Annotations {
    distinct: Vec<Annotation>,
    of: Vec<u32>,
    reannotated: bool,
}

impl Annotations {
    /// Of images in their order. `reannotated` says that there is a re-annotation, though it may name few of the images:
    /// then only those that it names are judged.
    ///
    /// # Panics
    /// With 2³² distinct annotations.
    pub fn new(images: impl IntoIterator<Item = Annotation>, reannotated: bool) -> Self {
        let mut numbers: HashMap<Annotation, u32> = HashMap::new();
        let of = images
            .into_iter()
            .map(|annotation| {
                let next = u32::try_from(numbers.len()).expect("fewer than 2³² annotations");
                *numbers.entry(annotation).or_insert(next)
            })
            .collect();
        let mut distinct: Vec<_> = numbers.into_iter().collect();
        distinct.sort_unstable_by_key(|&(_, number)| number);
        Self {
            distinct: distinct.into_iter().map(|(a, _)| a).collect(),
            of,
            reannotated,
        }
    }

    /// Of images whose annotations are these by their numbers. Each is to be there once, and to belong to an image.
    ///
    /// # Panics
    /// If a number is not below that of annotations.
    pub fn numbered(distinct: Vec<Annotation>, of: Vec<u32>, reannotated: bool) -> Self {
        assert!(of.iter().all(|&number| (number as usize) < distinct.len()));
        Self {
            distinct,
            of,
            reannotated,
        }
    }

    /// Of images with these labels, the primary one first, and no re-annotation.
    pub fn of_truths(truths: impl IntoIterator<Item = Vec<NodeId>>) -> Self {
        let annotations = truths.into_iter().map(|truths| Annotation {
            truths,
            valid: None,
        });
        Self::new(annotations, false)
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Whether there is a re-annotation.
    pub fn reannotated(&self) -> bool {
        self.reannotated
    }

    /// The annotation of an image.
    pub fn get(&self, image: usize) -> &Annotation {
        &self.distinct[self.index(image)]
    }

    /// The index of an image's annotation among the [distinct](Self::distinct) ones.
    pub fn index(&self, image: usize) -> usize {
        self.of[image] as usize
    }

    /// The distinct annotations, in the order of their first image.
    pub fn distinct(&self) -> &[Annotation] {
        &self.distinct
    }

    /// Whether the verdict of an image with this annotation counts: it has a label, and a re-annotation if there is one.
    pub fn is_judged(&self, annotation: &Annotation) -> bool {
        !annotation.truths.is_empty() && (annotation.valid.is_some() || !self.reannotated)
    }

    /// The annotations of these images, in this order.
    pub fn select(&self, images: &[usize]) -> Self {
        Self::new(
            images.iter().map(|&i| self.get(i).clone()),
            self.reannotated,
        )
    }
}
