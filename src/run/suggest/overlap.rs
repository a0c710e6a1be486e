//! Labels that hold at once of some images, although the taxonomy has nothing below both.

use std::collections::BTreeMap;

use super::{Context, Suggestion, SuggestionKind, Why};
use crate::taxonomy::edit::Edit;
use crate::taxonomy::{NodeId, Relation};

/// Images of which both are claimed, from which on there is something to say.
const LEAST: usize = 5;
/// Standard deviations above chance.
const CERTAIN: f64 = 4.0;
/// The share of the images of the rarer label that both hold of.
const LEAST_SHARE: f64 = 0.1;

/// Pairs that hold at once more often than by chance, and not because something is, or should be, below both.
pub(super) fn suggest(context: &Context<'_>) -> Vec<Suggestion> {
    let (claims, taxonomy) = (&context.claims, &context.run.taxonomy);
    let mut together: BTreeMap<(NodeId, NodeId), usize> = BTreeMap::new();
    let mut of: BTreeMap<NodeId, usize> = BTreeMap::new();
    for image in 0..claims.len() {
        let claimed = claims.of(image);
        for (i, &a) in claimed.iter().enumerate() {
            *of.entry(a).or_default() += 1;
            for &b in &claimed[i + 1..] {
                *together.entry((a, b)).or_default() += 1;
            }
        }
    }
    let n = claims.len() as f64;
    let mut suggestions = Vec::new();
    for ((a, b), both) in together {
        let (rarer, product) = (of[&a].min(of[&b]) as f64, of[&a] as f64 * of[&b] as f64);
        let expected = product / n;
        let both_share = both as f64 / rarer;
        let is_certain = both as f64 - expected >= CERTAIN * expected.sqrt();
        let is_mistake = matches!(
            taxonomy.relation(a, b),
            Relation::Sibling | Relation::Related | Relation::Unrelated
        );
        if both < LEAST
            || both_share < LEAST_SHARE
            || !is_certain
            || !is_mistake
            || is_explained(context, a, b)
            || is_disjoint(context, a, b)
        {
            continue;
        }
        let moved = context.confused.moved_by_overlap(taxonomy, a, b);
        suggestions.push(Suggestion {
            kind: SuggestionKind::Overlap,
            nodes: vec![context.id(a), context.id(b)],
            edit: Some(Edit::Overlapping {
                a: context.id(a),
                b: context.id(b),
            }),
            why: Why::HoldAtOnce,
            evidence: context.moving(context.evidence(a, b), moved),
            score: both_share * (moved.weight() + 0.5),
        });
    }
    suggestions
}

/// Whether one is to be below the other, or something below both, by the inclusions that were found.
fn is_explained(context: &Context<'_>, a: NodeId, b: NodeId) -> bool {
    let taxonomy = &context.run.taxonomy;
    let found = &context.inclusions;
    let is_below = |low, high| taxonomy.is_ancestor(high, low) || found.contains_key(&(low, high));
    let below = |high: NodeId| {
        let lower = found.keys().filter(move |(_, h)| *h == high);
        lower.map(|(low, _)| *low).chain([high])
    };
    let share = |one: NodeId, other: NodeId| {
        let mut below_one = below(one).flat_map(|low| taxonomy.descendants(low));
        below_one.any(|d| is_below(taxonomy.representative(d), other))
    };
    share(a, b) || share(b, a)
}

/// Whether the two are declared to share nothing: then the images contradict a declaration, and who made it decides.
fn is_disjoint(context: &Context<'_>, a: NodeId, b: NodeId) -> bool {
    super::inclusion::breaks_disjointness(&context.run.taxonomy, a, b)
}
