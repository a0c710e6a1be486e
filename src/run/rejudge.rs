//! A saved run under another taxonomy: the answers as they were, judged by other relations.

use std::cell::RefCell;

use super::question::{Assumed, Question, QuestionError, Reanswered};
use super::saved::{Detail, Details, Jagged, Numbers, Saved, SavedRank, SavedRow};
use super::{BuildError, Run};
use crate::score::{Depth, Ranked, Rankings, RightToo, Rule, Stop};
use crate::taxonomy::Taxonomy;

/// Why a run cannot be judged under another taxonomy.
#[derive(Debug, thiserror::Error)]
pub enum RejudgeError {
    #[error(transparent)]
    Question(#[from] QuestionError),
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Judges the answers of a saved run under a taxonomy: relations, verdicts, credit and all figures that follow from them. What the
/// model answered, and among which candidates, stays: prompts are not encoded again, and a rule that goes by the taxonomy is not
/// asked again ([`Assumed::Rule`]). What needs the probabilities of all candidates (dilution, suspects, the operating curve) is
/// `None`: the files hold the best few of an image alone.
///
/// `right_too` are the labels that are right beside those that the images are annotated with, by the number of the image, in the place of those that the run
/// was made with; `None` leaves these.
///
/// Runs on the current rayon pool; the result does not depend on its size.
///
/// # Errors
/// A label that the taxonomy has not and an image was annotated with, answered or ranked with; a run that was not read whole, or whose manifest is damaged; it
/// was to end before it was done.
pub fn rejudged(
    saved: &Saved,
    taxonomy: &Taxonomy,
    right_too: Option<&RightToo>,
    depth: Depth,
    stop: Stop<'_>,
) -> Result<Reanswered, RejudgeError> {
    // What was judged by another taxonomy may be gone from this one, such as what labels had in common there.
    let is_unknown = |id: &String| taxonomy.find(id).is_none();
    let bare = saved
        .labels
        .iter()
        .any(is_unknown)
        .then(|| without_judgements(saved));
    let saved = bare.as_ref().unwrap_or(saved);
    let mut question = Question::new(saved, taxonomy)?;
    let (mut manifest, mut assumed) = question.manifest()?;
    if let Some(labels) = right_too {
        question.annotate(&mut manifest, labels);
    }
    let candidates = question.ranked();
    if candidates.len() != manifest.counts.candidates {
        assumed.push(Assumed::Candidates);
    }
    let rule = &saved.summary.rule;
    if *rule != Rule::Argmax.name() {
        assumed.push(Assumed::Rule(rule.clone()));
    }
    let option = |name: &str| (name.to_owned(), serde_json::Value::Null);
    manifest.options.extend([option("collision-cosine")]);
    let mut answers = Rankings::default();
    for (row, ranked) in saved.rows.iter().zip(question.details.ranked.iter()) {
        let node = |label: u32| question.nodes[label as usize];
        let first = row.answer.map(|answer| Ranked {
            label: node(answer),
            similarity: None,
            probability: row.probability,
        });
        let others = ranked.iter().filter(|rank| Some(rank.label) != row.answer);
        let others = others.map(|rank| Ranked {
            label: node(rank.label),
            similarity: None,
            probability: rank.probability,
        });
        // Where a rule abstained, nothing is answered, however the labels were ranked.
        answers.push(
            first
                .into_iter()
                .chain(others)
                .take_while(|_| row.answer.is_some()),
        );
    }
    let mut inputs = question.inputs(candidates, answers);
    inputs.top_k = question
        .details
        .ranked
        .iter()
        .map(<[_]>::len)
        .max()
        .unwrap_or(0);
    let mut run = Run::build_to(depth, inputs, manifest, stop)?;
    run.summary.rule = rule.clone();
    Ok(Reanswered { run, assumed })
}

/// The run with nothing but what images were annotated with and answered: its labels are those that occur there.
pub(super) fn without_judgements(saved: &Saved) -> Saved {
    let numbers = RefCell::new(Numbers::default());
    let label = |label: u32| numbers.borrow_mut().label(saved.id(label));
    let all = |labels: &[u32]| -> Vec<u32> { labels.iter().map(|&l| label(l)).collect() };
    let truths = saved.truths.iter().map(|set| all(set)).collect();
    let details = saved.details.as_ref().map(|details| {
        let mut ranked = Jagged::default();
        for row in details.ranked.iter() {
            ranked.push(row.iter().map(|&rank| SavedRank {
                label: label(rank.label),
                ..rank
            }));
        }
        let rows = details.rows.iter().map(|&row| Detail {
            lca: None,
            looks_like: None,
            ..row
        });
        Details {
            rows: rows.collect(),
            valid: details.valid.iter().map(|set| all(set)).collect(),
            ranked,
            pareto: None,
        }
    });
    let rows = saved.rows.iter().map(|&row| SavedRow {
        primary: row.primary.map(label),
        answer: row.answer.map(label),
        truth: None,
        ..row
    });
    let rows = rows.collect();
    Saved {
        summary: saved.summary.clone(),
        manifest: saved.manifest.clone(),
        labels: numbers.into_inner().labels,
        truths,
        images: saved.images.clone(),
        rows,
        details,
    }
}

#[cfg(test)]
mod tests;
