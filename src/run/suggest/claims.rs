//! What the model claims of each image: the labels that it holds about as probable as its best one.

use std::collections::{BTreeMap, HashMap};

use crate::run::{Jagged, Opened};
use crate::taxonomy::NodeId;

/// A label is claimed from this share of the best one's probability on. Labels that are all true of an image share the probability
/// (METHOD 4), and a model that is nearly sure of one claims it alone.
const LEAST_OF_BEST: f64 = 0.25;

/// What is claimed of the images of a run, by classes: a node stands for all that are equivalent to it.
pub(super) struct Claims {
    /// A row an image, sorted.
    claimed: Jagged<NodeId>,
    /// Of each image how its list was cut, if claims may be missing.
    cuts: Vec<Option<Cut>>,
    /// Images of each node, by [`NodeId::index`]: those annotated with it, and those of which it is claimed; ascending.
    images: Vec<Vec<usize>>,
    /// Those annotated with it.
    annotated: Vec<Vec<usize>>,
}

/// A list that ends before the claims do.
#[derive(Debug, Clone, Copy)]
struct Cut {
    listed: f64,
    /// How many there would be in all.
    all: f64,
}

impl Claims {
    /// Labels that the taxonomy has not are passed over. Linear in what is ranked.
    pub(super) fn new(run: &Opened) -> Self {
        let taxonomy = &run.taxonomy;
        let class = |label: u32| run.node(label).map(|n| taxonomy.representative(n));
        let rates = own_rates(run);
        let mut claims = Self {
            claimed: Jagged::default(),
            cuts: Vec::with_capacity(run.len()),
            images: vec![Vec::new(); taxonomy.len()],
            annotated: vec![Vec::new(); taxonomy.len()],
        };
        for (i, row) in run.saved.rows.iter().enumerate() {
            let ranked = run.saved.details.as_ref().map_or(&[][..], |d| {
                // Runs of versions that kept no lists have none.
                if d.ranked.len() > i {
                    d.ranked.get(i)
                } else {
                    &[]
                }
            });
            let probable: Vec<(u32, f64)> = ranked
                .iter()
                .filter_map(|rank| Some((rank.label, rank.probability?)))
                .collect();
            let (mut nodes, cut) = match probable.first() {
                Some(&(_, best)) => {
                    let claimed = probable
                        .iter()
                        .take_while(|(_, p)| *p >= LEAST_OF_BEST * best);
                    let nodes: Vec<NodeId> = claimed.filter_map(|&(l, _)| class(l)).collect();
                    let mass: f64 = probable.iter().map(|(_, p)| p).sum();
                    let is_cut = nodes.len() == probable.len() && mass > 0.0;
                    let listed = nodes.len() as f64;
                    // What is left of the mass is on labels that are about as probable.
                    let all = listed / mass.min(1.0);
                    (nodes, is_cut.then_some(Cut { listed, all }))
                }
                None => {
                    let nodes: Vec<NodeId> = row.answer.and_then(class).into_iter().collect();
                    let rate = row.primary.and_then(|truth| rates.get(&truth));
                    let cut = rate.map(|rate| Cut {
                        listed: nodes.len() as f64,
                        all: 1.0 / rate,
                    });
                    (nodes, cut)
                }
            };
            nodes.sort_unstable();
            nodes.dedup();
            let truths = run.saved.truths[row.truths as usize].iter();
            let truths = truths.filter_map(|&label| class(label));
            for node in nodes.iter().copied().chain(truths) {
                let images = &mut claims.images[node.index()];
                if images.last() != Some(&i) {
                    images.push(i);
                }
            }
            if let Some(truth) = row.primary.and_then(class) {
                claims.annotated[truth.index()].push(i);
            }
            claims.claimed.push(nodes);
            claims.cuts.push(cut);
        }
        claims
    }

    /// The number of images.
    pub(super) fn len(&self) -> usize {
        self.cuts.len()
    }

    /// What is claimed of an image, sorted.
    pub(super) fn of(&self, image: usize) -> &[NodeId] {
        self.claimed.get(image)
    }

    pub(super) fn has(&self, image: usize, node: NodeId) -> bool {
        self.of(image).binary_search(&node).is_ok()
    }

    /// The images that are annotated with a node, or of which it is claimed.
    pub(super) fn images_of(&self, node: NodeId) -> &[usize] {
        &self.images[node.index()]
    }

    /// The images that are annotated with a node.
    pub(super) fn annotated(&self, node: NodeId) -> &[usize] {
        &self.annotated[node.index()]
    }

    /// The cosine of what is claimed, beside the two, of the images annotated with one and with the other; `None` if of one of them
    /// nothing is.
    pub(super) fn likeness(&self, first: NodeId, second: NodeId) -> Option<f64> {
        let profile = |node: NodeId| {
            let mut profile: BTreeMap<NodeId, f64> = BTreeMap::new();
            for &image in self.annotated(node) {
                let others = self.of(image).iter().copied();
                for other in others.filter(|&n| n != first && n != second) {
                    *profile.entry(other).or_default() += 1.0;
                }
            }
            profile
        };
        let (one, other) = (profile(first), profile(second));
        let norm = |profile: &BTreeMap<NodeId, f64>| {
            let squares = profile.values().map(|x| x * x);
            squares.sum::<f64>().sqrt()
        };
        let products = one
            .iter()
            .filter_map(|(node, x)| Some(x * other.get(node)?));
        let norms = norm(&one) * norm(&other);
        (norms > 0.0).then(|| products.sum::<f64>() / norms)
    }

    /// The probability that a label that the model claims of an image of `node` is in the image's list: that of being drawn among the
    /// labels beside `node`.
    pub(super) fn visibility(&self, image: usize, node: NodeId) -> f64 {
        self.cuts[image].map_or(1.0, |cut| {
            let places = cut.listed - f64::from(u8::from(self.has(image, node)));
            (places / (cut.all - 1.0).max(1e-9)).clamp(0.0, 1.0)
        })
    }
}

/// How often a label is answered where it is annotated. Where no probability is known, a model that claims K labels answers each in one
/// of K images, and so this is 1/K.
fn own_rates(run: &Opened) -> HashMap<u32, f64> {
    let mut counts: HashMap<u32, (usize, usize)> = HashMap::new();
    for row in &run.saved.rows {
        if let (Some(truth), Some(answer)) = (row.primary, row.answer) {
            let (own, all) = counts.entry(truth).or_default();
            *own += usize::from(truth == answer);
            *all += 1;
        }
    }
    let rates = counts.into_iter().filter(|(_, (own, _))| *own > 0);
    rates
        .map(|(truth, (own, all))| (truth, own as f64 / all as f64))
        .collect()
}
