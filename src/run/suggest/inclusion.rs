//! Which labels hold of all images of which others, beyond what the taxonomy says.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::claims::Claims;
use crate::taxonomy::{NodeId, Taxonomy};

/// Images of a label, and visible claims of another, from which on there is something to say.
pub(super) const LEAST_IMAGES: usize = 3;
/// The share of the images of a label that another holds of, from which on the one may be below the other.
const LEAST_SHARE: f64 = 0.8;
/// The share of the images of a label that are of no known child, from which on these images decide.
const LEAST_OWN: f64 = 0.1;
/// Labels are visible at least so often where they hold.
const LEAST_VISIBLE: f64 = 0.2;
/// Rounds of the estimate of how many images a child covers, which has long converged then.
const ROUNDS: usize = 30;

/// A share of images, each with what it counts for.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Share {
    pub hits: f64,
    pub of: f64,
}

impl Share {
    /// `None` of nothing.
    pub fn value(self) -> Option<f64> {
        (self.of > 0.0).then(|| self.hits / self.of)
    }

    /// ln of the Bayes factor of "holds of all but a few", Beta(18, 1), against "of any share", Beta(1, 1): 18 ∏ (h + i)/(n + 1 + i)
    /// for i from 1 to 17. At most ln 18, so that no number of images makes up for what they say.
    pub fn log_bayes(self) -> f64 {
        let factors = (1..18u8).map(f64::from);
        let logs = factors.map(|i| ((self.hits + i) / (self.of + 1.0 + i)).ln());
        18f64.ln() + logs.sum::<f64>()
    }

    fn is_nearly_all(self) -> bool {
        self.log_bayes() > 0.0 && self.value().is_some_and(|share| share >= LEAST_SHARE)
    }
}

/// What says that a label is below another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Inclusion {
    /// Of all images of the lower one, those that show the higher one.
    pub all: Share,
    /// Of its images that are of none of the labels below it that are below the higher one too.
    pub own: Share,
    /// Whether it has next to no image of its own, and several children that are all below the higher one.
    pub by_children: bool,
}

impl Inclusion {
    /// ln of the Bayes factor.
    pub(super) fn log_bayes(self) -> f64 {
        match self.by_children {
            true => self.all.log_bayes(),
            false => self.all.log_bayes().min(self.own.log_bayes()),
        }
    }
}

/// The inclusions that the taxonomy has not, by lower and higher node; both represent their classes.
pub(super) type Inclusions = BTreeMap<(NodeId, NodeId), Inclusion>;

/// Finds them from the bottom up, so that a label whose images are all of one child is no evidence beside that child.
pub(super) fn inclusions(taxonomy: &Taxonomy, claims: &Claims) -> Inclusions {
    let search = Search {
        taxonomy,
        claims,
        visible: visible(taxonomy, claims),
    };
    let mut below: Vec<(Vec<NodeId>, NodeId)> = taxonomy
        .nodes()
        .filter(|&n| taxonomy.representative(n) == n)
        .filter(|&n| claims.images_of(n).len() >= LEAST_IMAGES)
        .map(|n| (search.below(n), n))
        .collect();
    below.sort_by_key(|(below, n)| (below.len(), *n));
    let mut found = Inclusions::new();
    for (below, low) in &below {
        search.above(*low, below, &mut found);
    }
    found
}

/// How often each label, by [`NodeId::index`], is claimed of images of what is known to be below it, of the times that its claim would
/// be visible. A label without such images is claimed nearly always.
fn visible(taxonomy: &Taxonomy, claims: &Claims) -> Vec<f64> {
    let mut shares = vec![
        Share {
            hits: 4.75,
            of: 5.0
        };
        taxonomy.len()
    ];
    let mut above: HashSet<NodeId> = HashSet::new();
    for image in 0..claims.len() {
        let claimed = claims.of(image);
        let Some(&one) = claimed.first() else {
            continue;
        };
        let visibility = claims.visibility(image, one);
        above.clear();
        for &node in claimed {
            let ancestors = taxonomy.ancestors(node).into_iter();
            above.extend(ancestors.filter(|&a| taxonomy.representative(a) == a && a != node));
        }
        for node in &above {
            let share = &mut shares[node.index()];
            share.of += visibility;
            share.hits += f64::from(u8::from(claims.has(image, *node)));
        }
    }
    let value = |share: Share| (share.hits / share.of).clamp(LEAST_VISIBLE, 1.0);
    shares.into_iter().map(value).collect()
}

struct Search<'a> {
    taxonomy: &'a Taxonomy,
    claims: &'a Claims,
    visible: Vec<f64>,
}

impl Search<'_> {
    /// What is below a class and has images, a node a class.
    fn below(&self, node: NodeId) -> Vec<NodeId> {
        let mut below = self.taxonomy.descendants(node);
        below.retain(|&d| {
            d != node
                && self.taxonomy.representative(d) == d
                && self.claims.images_of(d).len() >= LEAST_IMAGES
        });
        below
    }

    /// Adds what `low` is below.
    fn above(&self, low: NodeId, below: &[NodeId], found: &mut Inclusions) {
        let images = self.claims.images_of(low);
        let seen: Vec<f64> = images
            .iter()
            .map(|&image| self.claims.visibility(image, low))
            .collect();
        let most: f64 = seen.iter().sum();
        let mut counts: BTreeMap<NodeId, usize> = BTreeMap::new();
        for &image in images {
            for &node in self.claims.of(image) {
                *counts.entry(node).or_default() += 1;
            }
        }
        for (high, count) in counts {
            let enough = 0.5 * LEAST_SHARE * most * self.visible[high.index()];
            if count < LEAST_IMAGES
                || (count as f64) < enough
                || self.taxonomy.is_ancestor(high, low)
                || self.taxonomy.is_ancestor(low, high)
                || breaks_disjointness(self.taxonomy, low, high)
            {
                continue;
            }
            let covered: Vec<NodeId> = below
                .iter()
                .copied()
                .filter(|&d| self.taxonomy.is_ancestor(high, d) || found.contains_key(&(d, high)))
                .collect();
            if let Some(inclusion) = self.weigh(high, images, &seen, &covered) {
                found.insert((low, high), inclusion);
            }
        }
    }

    /// What the images say of `high`, if they say that it holds of them.
    fn weigh(
        &self,
        high: NodeId,
        images: &[usize],
        seen: &[f64],
        covered: &[NodeId],
    ) -> Option<Inclusion> {
        let weights = self.own(images, seen, covered);
        let (mut all, mut own) = (Share::default(), Share::default());
        for ((&image, &seen), weight) in images.iter().zip(seen).zip(weights) {
            let hit = f64::from(u8::from(self.claims.has(image, high)));
            let seen = seen * self.visible[high.index()];
            all.of += seen;
            all.hits += hit;
            own.of += weight * seen;
            own.hits += weight * hit;
        }
        // The visible places are an expectation.
        all.hits = all.hits.min(all.of);
        own.hits = own.hits.min(own.of);
        let has_own = own.of >= LEAST_IMAGES as f64 && own.of >= LEAST_OWN * all.of;
        let inclusion = Inclusion {
            all,
            own,
            by_children: !has_own,
        };
        let holds = match has_own {
            true => own.is_nearly_all(),
            false => all.is_nearly_all() && self.has_branches(covered),
        };
        holds.then_some(inclusion)
    }

    /// For each image the probability that it is of none of the `covered` nodes. Of a list that is cut, one of them may have been: how
    /// many images are of none, and which these may be, are estimated in turns.
    fn own(&self, images: &[usize], seen: &[f64], covered: &[NodeId]) -> Vec<f64> {
        if covered.is_empty() {
            return vec![1.0; images.len()];
        }
        let covered: HashSet<NodeId> = covered.iter().copied().collect();
        let is_covered: Vec<bool> = images
            .iter()
            .map(|&image| self.claims.of(image).iter().any(|n| covered.contains(n)))
            .collect();
        let mut share: f64 = 0.5;
        let mut weights = Vec::new();
        for _ in 0..ROUNDS {
            let weight = |(&covered, &seen): (&bool, &f64)| {
                if covered {
                    return 0.0;
                }
                let hidden = share * (1.0 - seen);
                (1.0 - share) / (1.0 - share + hidden).max(1e-9)
            };
            weights = is_covered.iter().zip(seen).map(weight).collect();
            let own: f64 = weights.iter().sum();
            share = (1.0 - own / images.len() as f64).min(0.9999);
        }
        weights
    }

    /// Whether the nodes, which have images, are below several of them that are not below one another.
    fn has_branches(&self, nodes: &[NodeId]) -> bool {
        let is_top = |&&n: &&NodeId| {
            let above = |&m: &NodeId| m != n && self.taxonomy.is_ancestor(m, n);
            !nodes.iter().any(above)
        };
        nodes.iter().filter(is_top).nth(1).is_some()
    }
}

/// Whether `low` would be below two disjoint nodes if it were below `high`.
pub(super) fn breaks_disjointness(taxonomy: &Taxonomy, low: NodeId, high: NodeId) -> bool {
    taxonomy.declared_disjoint().iter().any(|(_, group)| {
        let holds = |n: &&NodeId| taxonomy.is_ancestor(**n, low) || taxonomy.is_ancestor(**n, high);
        let mut above = group.iter().filter(holds);
        let first = above.next();
        first.is_some_and(|&first| above.any(|&other| !taxonomy.same_class(first, other)))
    })
}
