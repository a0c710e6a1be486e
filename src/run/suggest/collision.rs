//! Labels that go by the same words and are not the same.

use std::collections::BTreeSet;

use super::{Context, Suggestion, SuggestionKind, Why};
use crate::score::Collisions;
use crate::taxonomy::edit::Edit;
use crate::taxonomy::{NodeId, Relation, normalise};

/// From this overlap of their images on, two labels with the same words may well be the same.
const SAME_IMAGES: f64 = 0.5;

/// Pairs that were confused, are not related so that both could hold, and have a name in common or prompts that the model cannot tell
/// apart. A description in the prompt is what tells senses apart; where neither has one, somebody must write it.
pub(super) fn suggest(context: &Context<'_>) -> Vec<Suggestion> {
    let taxonomy = &context.run.taxonomy;
    let pairs: BTreeSet<(NodeId, NodeId)> = context
        .confused
        .pairs()
        .map(|(a, b, _)| (a.min(b), a.max(b)))
        .collect();
    let mut suggestions = Vec::new();
    for (a, b) in pairs {
        let can_hold = !matches!(
            taxonomy.relation(a, b),
            Relation::Sibling | Relation::Related | Relation::Unrelated
        );
        let evidence = context.evidence(a, b);
        let has_same_name = share_name(context, a, b);
        let has_same_prompts = evidence
            .text_cosine
            .is_some_and(|cosine| cosine >= Collisions::DEFAULT_THRESHOLD);
        // What is taken for the same in images too is a synonym, which the inclusions tell of.
        let coincide = match evidence.image_overlap {
            Some(overlap) => overlap >= SAME_IMAGES,
            None => !has_same_name && context.inclusions.contains_key(&(a, b)),
        };
        if can_hold || coincide || !(has_same_name || has_same_prompts) {
            continue;
        }
        let confused = evidence.first_as_second + evidence.second_as_first;
        suggestions.push(Suggestion {
            kind: SuggestionKind::NameCollision,
            nodes: vec![context.id(a), context.id(b)],
            edit: [a, b].into_iter().find_map(|n| described(context, n)),
            why: match has_same_name {
                true => Why::SameName,
                false => Why::SamePrompts,
            },
            evidence,
            score: confused as f64,
        });
    }
    suggestions
}

fn share_name(context: &Context<'_>, a: NodeId, b: NodeId) -> bool {
    let names = |n| context.run.taxonomy.node(n).names.iter();
    let of_a: BTreeSet<String> = names(a).map(|name| normalise(name)).collect();
    names(b).any(|name| of_a.contains(&normalise(name)))
}

/// A prompt with the description, for a node that has one and no prompts of its own.
fn described(context: &Context<'_>, node: NodeId) -> Option<Edit> {
    let known = context.run.taxonomy.node(node);
    let has_words = known.description.is_some() && known.prompts.is_empty();
    has_words.then(|| Edit::Prompts {
        node: context.id(node),
        prompts: vec!["{name}: {description}".to_owned()],
    })
}
