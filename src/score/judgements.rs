//! The judgements of images: each distinct answer to a distinct annotation once, since a run has far fewer of these than
//! images.

use rayon::prelude::*;

use super::annotation::Annotations;
use super::credit::{CreditPolicy, Creditor};
use super::distinct::numbered;
use super::judge::Judge;
use super::verdict::{Causes, Verdict};
use crate::taxonomy::{NodeId, Relation};

/// An answer to an annotation, judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    pub answer: NodeId,
    pub verdict: Verdict,
    pub relation: Relation,
    /// The truth that the relation is to.
    pub truth: NodeId,
    pub causes: Causes,
    /// LCA of answer and that truth.
    pub lca: Option<NodeId>,
    /// Under the chosen policy.
    pub credit: f64,
    /// K(x).
    pub k: usize,
    /// Cosine of the text prototypes of answer and that truth; `None` where they are not known.
    pub text_cosine: Option<f64>,
    /// Whether the answer is in the re-annotated valid set; `None` if there is none.
    pub in_valid_set: Option<bool>,
    /// The number of the annotation among the distinct ones.
    pub annotation: u32,
}

/// What is known of each image's answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgements {
    distinct: Vec<Judged>,
    /// Index into the distinct ones, or none of them.
    of: Vec<u32>,
}

/// A distinct judgement and how many images have it.
#[derive(Debug, Clone, Copy)]
pub struct Tally<'a> {
    pub judged: &'a Judged,
    pub count: usize,
    /// Of these, the images whose annotation is suspect.
    pub suspect: usize,
}

impl Judgements {
    /// Judges the answers of images: those that have one, and an annotation that [is judged](Annotations::is_judged).
    /// `valid` has the valid candidates of each distinct annotation. Runs on the current rayon pool.
    pub fn new(
        judge: Judge<'_>,
        policy: &CreditPolicy,
        answers: &[Option<NodeId>],
        annotations: &Annotations,
        valid: &[Vec<usize>],
    ) -> Self {
        let (pairs, of) = numbered(answers.iter().enumerate().map(|(i, answer)| {
            let is_judged = annotations.is_judged(annotations.get(i));
            answer
                .filter(|_| is_judged)
                .map(|p| (p, annotations.index(i)))
        }));
        let creditor = Creditor::new(judge.taxonomy, policy);
        let judged = |&(p, index): &(NodeId, usize)| {
            let annotation = &annotations.distinct()[index];
            let judgement = judge
                .judge(p, annotation)
                .expect("what is judged has a label");
            Judged {
                answer: p,
                verdict: judgement.verdict,
                relation: judgement.relation,
                truth: judgement.truth,
                causes: judge.causes(p, annotation),
                lca: judge.taxonomy.lca(p, judgement.truth),
                credit: creditor.credit(p, &annotation.truths, judgement),
                k: valid[index].len(),
                text_cosine: judge.collisions.cosine(p, judgement.truth),
                in_valid_set: judge.is_in_valid_set(p, annotation),
                annotation: index as u32,
            }
        };
        let distinct = pairs.par_iter().map(judged).collect();
        Self { distinct, of }
    }

    /// The judgement of an image; `None` if it has none.
    pub fn get(&self, image: usize) -> Option<&Judged> {
        self.distinct.get(self.of[image] as usize)
    }

    /// The distinct judgements, in the order of their first image, with how many images have them. `is_suspect` is asked
    /// of images that are judged.
    pub fn tally(&self, is_suspect: impl Fn(usize) -> bool) -> Vec<Tally<'_>> {
        let mut tally: Vec<Tally<'_>> = self
            .distinct
            .iter()
            .map(|judged| Tally {
                judged,
                count: 0,
                suspect: 0,
            })
            .collect();
        for (image, &number) in self.of.iter().enumerate() {
            if let Some(row) = tally.get_mut(number as usize) {
                row.count += 1;
                row.suspect += usize::from(is_suspect(image));
            }
        }
        tally
    }
}
