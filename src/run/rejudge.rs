//! A saved run under another taxonomy: the answers as they were, judged by other relations.

use super::question::{Assumed, Question, QuestionError, Reanswered};
use super::saved::Saved;
use super::{BuildError, Run};
use crate::score::{Ranked, Rankings, Rule};
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
/// Runs on the current rayon pool; the result does not depend on its size.
///
/// # Errors
/// A label of the run that the taxonomy has not; a run that was not read whole, or whose manifest is damaged.
pub fn rejudged(saved: &Saved, taxonomy: &Taxonomy) -> Result<Reanswered, RejudgeError> {
    let question = Question::new(saved, taxonomy)?;
    let (mut manifest, mut assumed) = question.manifest()?;
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
    let mut run = Run::build(inputs, manifest)?;
    run.summary.rule = rule.clone();
    Ok(Reanswered { run, assumed })
}

#[cfg(test)]
mod tests;
