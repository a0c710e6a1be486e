//! What is so, where cladist can only estimate: the errors of a set of answers by their true cause.

use serde::Serialize;

use super::Facts;
use crate::taxonomy::NodeId;

/// The answers that are not the annotated label, by what is true of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Planted {
    /// Pictures with an answer.
    pub n: usize,
    /// Annotations that are plain errors, whatever was answered.
    pub wrong_annotations: usize,
    /// Wrong annotations that are suspect.
    pub wrong_and_suspect: usize,
    /// Right annotations that are suspect: false alarms.
    pub right_but_suspect: usize,
    /// Answers that are not the annotated label: the sum of those below.
    pub errors: usize,
    /// Answer and annotation are both true: multiplicity.
    pub multiplicity: usize,
    /// The answer is true, the annotation is not.
    pub only_answer_true: usize,
    /// The annotation is true, the answer is not: the model's mistake.
    pub only_annotation_true: usize,
    /// Neither is true.
    pub neither_true: usize,
}

impl Planted {
    /// Counts pictures: what is known of each, what was answered, whether its annotation is suspect.
    pub fn count<'a>(pictures: impl IntoIterator<Item = (&'a Facts, NodeId, bool)>) -> Self {
        let mut counts = Self::default();
        for (facts, answer, is_suspect) in pictures {
            let annotation = facts.annotation;
            counts.n += 1;
            counts.wrong_annotations += usize::from(annotation.is_error);
            counts.wrong_and_suspect += usize::from(annotation.is_error && is_suspect);
            counts.right_but_suspect += usize::from(!annotation.is_error && is_suspect);
            if answer == annotation.label {
                continue;
            }
            counts.errors += 1;
            let answer_is_true = facts.truths.binary_search(&answer).is_ok();
            let of_its_kind = match (answer_is_true, !annotation.is_error) {
                (true, true) => &mut counts.multiplicity,
                (true, false) => &mut counts.only_answer_true,
                (false, true) => &mut counts.only_annotation_true,
                (false, false) => &mut counts.neither_true,
            };
            *of_its_kind += 1;
        }
        counts
    }

    /// The share of multiplicity in the error; `None` without errors.
    pub fn share(&self) -> Option<f64> {
        (self.errors > 0).then(|| self.multiplicity as f64 / self.errors as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{Annotation, World};

    #[test]
    fn errors_are_told_apart_by_what_is_true() {
        let world = World::new().unwrap();
        let node = |id: &str| world.taxonomy().find(id).unwrap();
        // Of squares: label, answer, suspect.
        let pictures = [
            ("square", "square", false),
            ("rectangle", "polygon", true),
            ("square", "rhombus", false),
            ("circle", "rectangle", true),
            ("circle", "circle", false),
            ("kite", "circle", false),
            ("circle", "heart", false),
        ];
        let mut truths = world.taxonomy().ancestors(node("square"));
        truths.sort_unstable();
        let facts: Vec<(Facts, NodeId, bool)> = pictures
            .iter()
            .map(|&(label, answer, suspect)| {
                let facts = Facts {
                    specific: node("square"),
                    truths: truths.clone(),
                    annotation: Annotation {
                        label: node(label),
                        is_error: !truths.contains(&node(label)),
                    },
                };
                (facts, node(answer), suspect)
            })
            .collect();
        let planted = Planted::count(facts.iter().map(|(f, a, s)| (f, *a, *s)));
        let expected = Planted {
            n: 7,
            wrong_annotations: 3,
            wrong_and_suspect: 1,
            right_but_suspect: 1,
            errors: 5,
            multiplicity: 2,
            only_answer_true: 1,
            only_annotation_true: 1,
            neither_true: 1,
        };
        assert_eq!(planted, expected);
        assert_eq!(planted.share(), Some(0.4));
        assert_eq!(Planted::default().share(), None);
    }
}
