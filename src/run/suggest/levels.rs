//! Candidates that stand on several levels: labels beside what is above them.

use super::{Context, Grounds, Moved, Suggestion, SuggestionKind, Why};

/// The share of the images whose answer is above or below the annotation, from which on it is worth a word.
const LEAST_SHARE: f64 = 0.05;

/// Advice, since no edit of the taxonomy helps: a narrower choice of candidates does.
pub(super) fn suggest(context: &Context<'_>) -> Vec<Suggestion> {
    let taxonomy = &context.run.taxonomy;
    let (mut above, mut below) = (0, 0);
    for (truth, answer, count) in context.confused.pairs() {
        if taxonomy.is_ancestor(answer, truth) {
            above += count;
        } else if taxonomy.is_ancestor(truth, answer) {
            below += count;
        }
    }
    let judged = context.confused.judged();
    // Where all answers are on the annotations' level or below it, the annotations are general and not the candidates mixed.
    if above == 0 || ((above + below) as f64) < LEAST_SHARE * judged as f64 {
        return Vec::new();
    }
    let evidence = Grounds {
        images: [judged, above + below],
        first_as_second: above,
        second_as_first: below,
        ..Grounds::default()
    };
    let moved = Moved::default();
    vec![Suggestion {
        kind: SuggestionKind::MixedLevels,
        nodes: Vec::new(),
        edit: None,
        why: Why::LevelsConfused,
        evidence: context.moving(evidence, moved),
        score: (above + below) as f64,
    }]
}
