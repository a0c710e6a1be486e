//! Labels that go by the same words: the same, or not.

use std::collections::BTreeSet;

use super::{Context, Suggestion, SuggestionKind, Why};
use crate::score::Collisions;
use crate::taxonomy::edit::Edit;
use crate::taxonomy::{NodeId, Relation, normalise};

/// From this overlap of their images on, two labels with the same words are the same.
const SAME_IMAGES: f64 = 0.5;
/// From this cosine of what else is claimed of their images on, where the images are not known. Of few images, some of them annotated in
/// error, it is far from 1; of two senses of a word it is next to 0.
const SAME_CLAIMS: f64 = 0.5;

/// Pairs that were confused, are not related so that both could hold, and have a name in common or prompts that the model cannot tell
/// apart. Where their images are alike they are synonyms, unless the inclusions said so before. Else a description in the prompt is what
/// tells senses apart; where neither has one, somebody must write it.
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
        let Some(why) = same_words(context, a, b).filter(|_| !can_hold) else {
            continue;
        };
        let are_alike = are_alike(context, a, b, &why);
        // The inclusions said so before.
        let said_before = [(a, b), (b, a)].map(|pair| context.inclusions.contains_key(&pair));
        if are_alike && said_before.contains(&true) {
            continue;
        }
        suggestions.push(match are_alike {
            true => same(context, a, b, why),
            false => collide(context, a, b, why),
        });
    }
    suggestions
}

/// What of the words is the same, if something is.
pub(super) fn same_words(context: &Context<'_>, a: NodeId, b: NodeId) -> Option<Why> {
    let is_same = |cosine: f64| cosine >= Collisions::DEFAULT_THRESHOLD;
    if share_name(context, a, b) {
        Some(Why::SameName)
    } else if context.text_cosine(a, b).is_some_and(is_same) {
        Some(Why::SamePrompts)
    } else {
        None
    }
}

/// Whether the images of two labels with the same words are of one sort. Where nothing tells, one word is taken to have two senses, and
/// two words that the model cannot tell apart one.
pub(super) fn are_alike(context: &Context<'_>, a: NodeId, b: NodeId, words: &Why) -> bool {
    let by_images = context
        .image_overlap(a, b)
        .map(|overlap| overlap >= SAME_IMAGES);
    let by_claims = || {
        let likeness = context.claims.likeness(a, b);
        likeness.map(|alike| alike >= SAME_CLAIMS)
    };
    by_images
        .or_else(by_claims)
        .unwrap_or(*words == Why::SamePrompts)
}

fn same(context: &Context<'_>, a: NodeId, b: NodeId, why: Why) -> Suggestion {
    let taxonomy = &context.run.taxonomy;
    let moved = (context.confused).moved_by_edges(taxonomy, &[(a, b), (b, a)]);
    Suggestion {
        kind: SuggestionKind::Synonym,
        nodes: vec![context.id(a), context.id(b)],
        edit: Some(Edit::Equivalent {
            a: context.id(a),
            b: context.id(b),
        }),
        why,
        evidence: context.moving(context.evidence(a, b), moved),
        score: moved.weight(),
    }
}

fn collide(context: &Context<'_>, a: NodeId, b: NodeId, why: Why) -> Suggestion {
    let evidence = context.evidence(a, b);
    let confused = evidence.first_as_second + evidence.second_as_first;
    Suggestion {
        kind: SuggestionKind::NameCollision,
        nodes: vec![context.id(a), context.id(b)],
        edit: [a, b].into_iter().find_map(|n| described(context, n)),
        why,
        evidence,
        score: confused as f64,
    }
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
