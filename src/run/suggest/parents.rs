//! Missing parents, and labels that are one: what follows from images of one label showing another.

use super::collision::{are_alike, same_words};
use super::inclusion::{Inclusion, Share};
use super::{Context, Suggestion, SuggestionKind, Why};
use crate::taxonomy::NodeId;
use crate::taxonomy::edit::Edit;

/// Standard deviations by which two shares differ, from which on one label is below the other and they are not one.
const CERTAIN: f64 = 3.0;

/// The greatest of the inclusions: what is below a label that is below another is said of that one, and so is what is above.
pub(super) fn suggest(context: &Context<'_>) -> Vec<Suggestion> {
    let all = &context.inclusions;
    let taxonomy = &context.run.taxonomy;
    let is_implied = |low: NodeId, high: NodeId| {
        all.keys().any(|&(l, h)| {
            (l, h) != (low, high) && taxonomy.is_ancestor(l, low) && taxonomy.is_ancestor(high, h)
        })
    };
    let greatest = all
        .iter()
        .filter(|((low, high), _)| !is_implied(*low, *high));
    let suggestions = greatest.filter_map(|(&(low, high), there)| match all.get(&(high, low)) {
        None => Some(parent(context, low, high, *there)),
        Some(back) => mutual(context, (low, high), *there, *back),
    });
    suggestions.collect()
}

fn parent(context: &Context<'_>, low: NodeId, high: NodeId, found: Inclusion) -> Suggestion {
    let taxonomy = &context.run.taxonomy;
    let moved = context.confused.moved_by_edges(taxonomy, &[(low, high)]);
    let mut evidence = context.moving(context.evidence(low, high), moved);
    evidence.second_in_first = Some(found.all);
    evidence.log_bayes = Some(found.log_bayes());
    let why = match found.by_children {
        true => Why::ChildrenContained,
        false => Why::Contained,
    };
    Suggestion {
        kind: SuggestionKind::MissingParent,
        nodes: vec![context.id(low), context.id(high)],
        edit: Some(Edit::AddParent {
            node: context.id(low),
            parent: context.id(high),
        }),
        why,
        score: score(found.log_bayes(), moved.weight()),
        evidence,
    }
}

/// Of two labels that each hold of the images of the other: the one below the other if the shares differ for certain, or if its name
/// is the other's with a word before it; else one class. `None` for the direction that is not meant.
fn mutual(
    context: &Context<'_>,
    (a, b): (NodeId, NodeId),
    there: Inclusion,
    back: Inclusion,
) -> Option<Suggestion> {
    let surplus = surplus(there.all, back.all);
    let by_name = i8::from(is_kind_of(context, a, b)) - i8::from(is_kind_of(context, b, a));
    let direction = match by_name {
        0 if surplus > CERTAIN => 1,
        0 if surplus < -CERTAIN => -1,
        by_name => by_name,
    };
    match direction {
        1 => Some(parent(context, a, b, there)),
        -1 => None,
        // Once a pair.
        _ if context.run.taxonomy.id(a) > context.run.taxonomy.id(b) => None,
        // One word for images of two sorts: the model asked for either finds both.
        _ if same_words(context, a, b).is_some_and(|words| !are_alike(context, a, b, &words)) => {
            None
        }
        _ => Some(synonym(context, a, b, there, back)),
    }
}

fn synonym(
    context: &Context<'_>,
    a: NodeId,
    b: NodeId,
    there: Inclusion,
    back: Inclusion,
) -> Suggestion {
    let taxonomy = &context.run.taxonomy;
    let moved = context.confused.moved_by_edges(taxonomy, &[(a, b), (b, a)]);
    let log_bayes = there.log_bayes().min(back.log_bayes());
    let mut evidence = context.moving(context.evidence(a, b), moved);
    evidence.second_in_first = Some(there.all);
    evidence.first_in_second = Some(back.all);
    evidence.log_bayes = Some(log_bayes);
    Suggestion {
        kind: SuggestionKind::Synonym,
        nodes: vec![context.id(a), context.id(b)],
        edit: Some(Edit::Equivalent {
            a: context.id(a),
            b: context.id(b),
        }),
        why: Why::Coincide,
        score: score(log_bayes, moved.weight()),
        evidence,
    }
}

/// What a relation moves, times how sure it is. One more image: what moves nothing in this run is still missing.
fn score(log_bayes: f64, moved: f64) -> f64 {
    log_bayes * (moved + 1.0)
}

/// By how many standard deviations the first share is the greater.
fn surplus(first: Share, second: Share) -> f64 {
    // With half an image more on either side, so that a share of all has a deviation too.
    let of = |share: Share| (share.hits + 0.5) / (share.of + 1.0);
    let variance = |share: Share| of(share) * (1.0 - of(share)) / (share.of + 1.0);
    (of(first) - of(second)) / (variance(first) + variance(second)).sqrt()
}

/// Whether a name of `low` ends with one of `high`, as "regular pentagon" does with "pentagon".
fn is_kind_of(context: &Context<'_>, low: NodeId, high: NodeId) -> bool {
    let names = |n| &context.run.taxonomy.node(n).names;
    names(low).iter().any(|low| {
        names(high).iter().any(|high| {
            let head = low.to_lowercase();
            let head = head.strip_suffix(&high.to_lowercase());
            head.is_some_and(|rest| rest.ends_with(' '))
        })
    })
}
