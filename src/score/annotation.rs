//! What is known to be true of the images: labels, and re-annotated valid sets.

use std::collections::{BTreeMap, HashMap};

use crate::taxonomy::NodeId;

/// What an image was annotated with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Annotation {
    /// T(x), the primary truth first; empty for an image without a label (METHOD 2).
    pub truths: Vec<NodeId>,
    /// The labels that a re-annotation found right, sorted; `None` if the image was not re-annotated.
    pub valid: Option<Vec<NodeId>>,
}

/// Labels of images that were found right beside those that they are annotated with, by the number of the image.
pub type RightToo = BTreeMap<usize, Vec<NodeId>>;

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

    /// With labels that were found right too. The valid set of an image is what it was, else its labels, together with these. Which images are
    /// judged stays: an image without a label, or that a re-annotation passes over, gets none.
    ///
    /// Also returned is what was added, which is not what was there already. O(images).
    pub fn with_right_too(self, labels: &RightToo) -> (Self, RightToo) {
        let (mut others, mut added) = (BTreeMap::new(), RightToo::new());
        for (&image, labels) in labels {
            let annotation = self.get(image);
            if !self.is_judged(annotation) {
                continue;
            }
            let was = annotation.valid.as_ref().unwrap_or(&annotation.truths);
            let mut new: Vec<NodeId> = labels.clone();
            new.retain(|label| !was.contains(label));
            new.sort_unstable();
            new.dedup();
            if new.is_empty() {
                continue;
            }
            let mut valid = [&was[..], &new].concat();
            valid.sort_unstable();
            let truths = annotation.truths.clone();
            others.insert(
                image,
                Annotation {
                    truths,
                    valid: Some(valid),
                },
            );
            added.insert(image, new);
        }
        (self.with(others), added)
    }

    /// As they were before [`with_right_too`](Self::with_right_too) added this.
    pub fn without_right_too(self, added: &RightToo) -> Self {
        let mut others = BTreeMap::new();
        for (&image, labels) in added {
            let Annotation { truths, valid } = self.get(image).clone();
            let valid = valid.filter(|_| self.reannotated).map(|mut valid| {
                valid.retain(|label| !labels.contains(label));
                valid
            });
            others.insert(image, Annotation { truths, valid });
        }
        self.with(others)
    }

    /// With other annotations of some images.
    fn with(mut self, others: BTreeMap<usize, Annotation>) -> Self {
        if others.is_empty() {
            return self;
        }
        let mut all = std::mem::take(&mut self.distinct);
        let mut numbers: HashMap<Annotation, u32> = HashMap::new();
        for (number, annotation) in (0..).zip(&all) {
            numbers.entry(annotation.clone()).or_insert(number);
        }
        for (image, annotation) in others {
            self.of[image] = *numbers.entry(annotation).or_insert_with_key(|annotation| {
                all.push(annotation.clone());
                all.len() as u32 - 1
            });
        }
        // Some may be of no image any more, and all are in the order of their first image.
        let mut places = vec![None; all.len()];
        for number in &mut self.of {
            let old = *number as usize;
            *number = *places[old].get_or_insert_with(|| {
                self.distinct.push(std::mem::take(&mut all[old]));
                self.distinct.len() as u32 - 1
            });
        }
        self
    }

    /// The annotations of these images, in this order.
    pub fn select(&self, images: &[usize]) -> Self {
        Self::new(
            images.iter().map(|&i| self.get(i).clone()),
            self.reannotated,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taxonomy::load_str;

    #[test]
    fn labels_that_are_right_too_change_no_image_that_is_judged() {
        let taxonomy = load_str("t", "nodes: {a: {}, b: {}, c: {}}")
            .into_sound()
            .unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|id| taxonomy.find(id).unwrap());
        let of = |truths: &[NodeId], valid: Option<&[NodeId]>| Annotation {
            truths: truths.to_vec(),
            valid: valid.map(<[_]>::to_vec),
        };
        let all = |annotations: &Annotations| -> Vec<Annotation> {
            (0..annotations.len())
                .map(|i| annotations.get(i).clone())
                .collect()
        };
        let check =
            |images: &[Annotation], reannotated, labels: &RightToo, expected: &[Annotation]| {
                let before = Annotations::new(images.iter().cloned(), reannotated);
                let (after, added) = before.clone().with_right_too(labels);
                assert_eq!(all(&after), expected);
                assert_eq!(after.reannotated(), reannotated);
                assert_eq!(
                    after,
                    Annotations::new(expected.iter().cloned(), reannotated)
                );
                assert_eq!(after.without_right_too(&added), before);
                added
            };
        let judged = |valid: Option<&[NodeId]>| of(&[a], valid);
        let nothing = RightToo::new();
        // Without a re-annotation: the labels and what is right too.
        let images = [judged(None), judged(None), of(&[], None), of(&[c, a], None)];
        assert_eq!(check(&images, false, &nothing, &images), nothing);
        let labels = RightToo::from([(0, vec![c, b, c]), (2, vec![b]), (3, vec![a, b])]);
        let expected = [
            judged(Some(&[a, b, c])),
            judged(None),
            of(&[], None),
            of(&[c, a], Some(&[a, b, c])),
        ];
        let added = check(&images, false, &labels, &expected);
        assert_eq!(added, RightToo::from([(0, vec![b, c]), (3, vec![b])]));
        // With one: the sets and what is right too; who has no set stays without.
        let images = [
            judged(Some(&[b])),
            judged(Some(&[])),
            judged(None),
            of(&[], Some(&[a])),
        ];
        let labels: RightToo = (0..4).map(|image| (image, vec![b])).collect();
        let expected = [
            judged(Some(&[b])),
            judged(Some(&[b])),
            judged(None),
            of(&[], Some(&[a])),
        ];
        let added = check(&images, true, &labels, &expected);
        assert_eq!(added, RightToo::from([(1, vec![b])]));
    }
}
