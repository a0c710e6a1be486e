//! Parents that are declared although another parent is below them: they say nothing.

use super::{Context, Suggestion, SuggestionKind, Why};
use crate::taxonomy::edit::Edit;

pub(super) fn suggest(context: &Context<'_>) -> Vec<Suggestion> {
    let taxonomy = &context.run.taxonomy;
    let mut suggestions = Vec::new();
    for node in taxonomy.nodes() {
        let parents = taxonomy.parents(node);
        for &parent in parents {
            let mut others = parents.iter().copied().filter(|&other| {
                !taxonomy.same_class(other, parent) && taxonomy.is_ancestor(parent, other)
            });
            let Some(through) = others.next() else {
                continue;
            };
            let [low, high] = [node, parent].map(|n| taxonomy.representative(n));
            suggestions.push(Suggestion {
                kind: SuggestionKind::RedundantEdge,
                nodes: vec![context.id(node), context.id(parent)],
                edit: Some(Edit::RemoveParent {
                    node: context.id(node),
                    parent: context.id(parent),
                }),
                why: Why::AlreadyAbove {
                    through: context.id(through),
                },
                evidence: context.moving(context.evidence(low, high), super::Moved::default()),
                // It changes no relation.
                score: 0.0,
            });
        }
    }
    suggestions
}
