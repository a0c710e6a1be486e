//! What the embeddings of images say of labels: whether those of two coincide, and whether those of one are of two sorts.

use serde::Serialize;

use super::{Context, Embedded, Suggestion, SuggestionKind, Why};
use crate::taxonomy::NodeId;
use crate::taxonomy::edit::{Edit, Part};

/// Images of a label, from which on clusters are looked for.
const LEAST_IMAGES: usize = 40;
/// The share of the images that the smaller cluster must have.
const LEAST_SHARE: f64 = 0.15;
/// Ashman's D from which on two clusters are two. Cut in halves, a normal distribution has 2.65 and a uniform one 3.46.
const SEPARATE: f64 = 4.0;
/// Rounds of 2-means at most.
const ROUNDS: usize = 50;
/// Images of a cluster that are named.
const TYPICAL: usize = 3;

/// Two sorts among the images of a label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Clusters {
    /// How far they are apart: the distance of their means over their joint spread (Ashman's D).
    pub separation: f64,
    /// Images of each.
    pub sizes: [usize; 2],
    /// The names of those nearest to the mean of each, the nearest first.
    pub typical: [Vec<String>; 2],
}

/// Labels without children whose images are of two sorts.
pub(super) fn suggest(context: &Context<'_>) -> Vec<Suggestion> {
    let Some(embedded) = context.embeddings.images else {
        return Vec::new();
    };
    let taxonomy = &context.run.taxonomy;
    let leaves = taxonomy
        .nodes()
        .filter(|&n| taxonomy.representative(n) == n && taxonomy.is_leaf(n));
    let suggestions = leaves.filter_map(|leaf| {
        // Not those of which it is claimed: if these are of another sort, they are another label's.
        let images = embedded.known(context.claims.annotated(leaf));
        let apart = apart(embedded, &images).filter(|apart| apart.separation >= SEPARATE)?;
        let name = |&image: &usize| context.run.saved.images.get(image).to_owned();
        let clusters = Clusters {
            separation: apart.separation,
            sizes: apart.clusters.each_ref().map(Vec::len),
            typical: apart
                .clusters
                .map(|images| images.iter().take(TYPICAL).map(name).collect()),
        };
        Some(suggestion(context, leaf, clusters))
    });
    suggestions.collect()
}

fn suggestion(context: &Context<'_>, leaf: NodeId, clusters: Clusters) -> Suggestion {
    let id = context.id(leaf);
    let part = |i: u8| {
        let ids = (0u32..).map(|more| match more {
            0 => format!("{id}_{i}"),
            more => format!("{id}_{i}_{more}"),
        });
        let mut free = ids.filter(|id| context.run.taxonomy.find(id).is_none());
        Part {
            id: free.next().unwrap_or_default(),
            children: Vec::new(),
        }
    };
    let evidence = super::Grounds {
        images: [clusters.sizes.iter().sum(), 0],
        ..super::Grounds::default()
    };
    Suggestion {
        kind: SuggestionKind::TooCoarse,
        nodes: vec![id.clone()],
        edit: Some(Edit::Split {
            node: id.clone(),
            parts: vec![part(1), part(2)],
        }),
        // It moves no verdict; the clearer, the sooner, but after all that does.
        score: 1.0 - 1.0 / clusters.separation,
        why: Why::Clusters(clusters),
        evidence,
    }
}

/// The values of an image that has a row.
fn values<'a>(embedded: Embedded<'a>, image: usize) -> &'a [f32] {
    embedded.row(image).unwrap_or_default()
}

/// How far two sets of images, all of which have a row, coincide: twice the share that is nearer to the mean of the other set, each set counting the same, at
/// most 1. An image is left out of its own mean. `None` if a set has fewer than two.
pub(super) fn overlap(embedded: Embedded<'_>, a: &[usize], b: &[usize]) -> Option<f64> {
    if a.len() < 2 || b.len() < 2 {
        return None;
    }
    let sums = [a, b].map(|images| sum(embedded, images));
    let wrong = |images: &[usize], own: &[f64], other: &[f64], others: usize| {
        let wrong = images.iter().filter(|&&image| {
            let row = values(embedded, image);
            let rest = (images.len() - 1) as f64;
            let of_own = distance(row, |k| (own[k] - f64::from(row[k])) / rest);
            of_own > distance(row, |k| other[k] / others as f64)
        });
        wrong.count() as f64 / images.len() as f64
    };
    let [of_a, of_b] = &sums;
    let error = 0.5 * (wrong(a, of_a, of_b, b.len()) + wrong(b, of_b, of_a, a.len()));
    Some((2.0 * error).min(1.0))
}

fn sum(embedded: Embedded<'_>, images: &[usize]) -> Vec<f64> {
    let mut sum = vec![0.0; embedded.rows.cols()];
    for &image in images {
        for (total, value) in sum.iter_mut().zip(values(embedded, image)) {
            *total += f64::from(*value);
        }
    }
    sum
}

fn distance(row: &[f32], of: impl Fn(usize) -> f64) -> f64 {
    let differences = row.iter().enumerate().map(|(k, x)| f64::from(*x) - of(k));
    differences.map(|d| d * d).sum()
}

/// Two clusters, and how far they are apart.
struct Apart {
    /// Ashman's D.
    separation: f64,
    /// The images of each, those nearest to its mean first.
    clusters: [Vec<usize>; 2],
}

/// Two clusters of images that have a row; `None` if these are too few, or one of the clusters is small. The clusters are found
/// (2-means) in every other image, and D is that of the rest along the line through the two means: in a space of hundreds of dimensions
/// any few images fall apart along the line that was drawn through them.
fn apart(embedded: Embedded<'_>, images: &[usize]) -> Option<Apart> {
    if images.len() < LEAST_IMAGES {
        return None;
    }
    let half = |first: usize| images.iter().copied().skip(first).step_by(2);
    let means = two_means(embedded, &half(0).collect::<Vec<_>>())?;
    let direction: Vec<f64> = means[0].iter().zip(&means[1]).map(|(a, b)| b - a).collect();
    let middle: Vec<f64> = means[0]
        .iter()
        .zip(&means[1])
        .map(|(a, b)| 0.5 * (a + b))
        .collect();
    let along = half(1).map(|image| {
        let row = values(embedded, image).iter().zip(&direction).zip(&middle);
        row.map(|((x, d), m)| (f64::from(*x) - m) * d).sum::<f64>()
    });
    let (second, first): (Vec<f64>, Vec<f64>) = along.partition(|&at| at > 0.0);
    let smaller = first.len().min(second.len()) as f64;
    if smaller < LEAST_SHARE * (first.len() + second.len()) as f64 {
        return None;
    }
    let ((mean_a, variance_a), (mean_b, variance_b)) = (moments(&first), moments(&second));
    let spread = (0.5 * (variance_a + variance_b)).sqrt();
    (spread > 0.0).then(|| Apart {
        separation: (mean_a - mean_b).abs() / spread,
        clusters: nearest_first(embedded, images, &means),
    })
}

/// Gives each image to the nearer of two means.
fn nearest_first(
    embedded: Embedded<'_>,
    images: &[usize],
    means: &[Vec<f64>; 2],
) -> [Vec<usize>; 2] {
    let mut clusters = [Vec::new(), Vec::new()];
    for &image in images {
        let row = values(embedded, image);
        let [first, second] = means.each_ref().map(|mean| distance(row, |k| mean[k]));
        let nearer = usize::from(second < first);
        clusters[nearer].push((first.min(second), image));
    }
    clusters.map(|mut cluster| {
        cluster.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        cluster.into_iter().map(|(_, image)| image).collect()
    })
}

/// The means of two clusters of several images; `None` if all are in one. The first means are the image furthest from the mean of all,
/// and the one furthest from that: no chance is in it.
fn two_means(embedded: Embedded<'_>, images: &[usize]) -> Option<[Vec<f64>; 2]> {
    let to = |image: usize, mean: &[f64]| distance(values(embedded, image), |k| mean[k]);
    let furthest = |from: &[f64]| {
        let images = images.iter().copied();
        images.max_by(|&a, &b| to(a, from).total_cmp(&to(b, from)))
    };
    let as_mean = |image: usize| -> Vec<f64> {
        values(embedded, image)
            .iter()
            .map(|&x| f64::from(x))
            .collect()
    };
    let first = as_mean(furthest(&mean(embedded, images)?)?);
    let second = as_mean(furthest(&first)?);
    let mut means = [first, second];
    let mut last: Vec<usize> = Vec::new();
    for _ in 0..ROUNDS {
        let is_second = |&&image: &&usize| to(image, &means[1]) < to(image, &means[0]);
        let (of_second, of_first): (Vec<usize>, Vec<usize>) =
            images.iter().partition(|image| is_second(image));
        if of_second == last {
            break;
        }
        means = [mean(embedded, &of_first)?, mean(embedded, &of_second)?];
        last = of_second;
    }
    Some(means)
}

fn mean(embedded: Embedded<'_>, images: &[usize]) -> Option<Vec<f64>> {
    let n = images.len() as f64;
    let sum = sum(embedded, images);
    (n > 0.0).then(|| sum.into_iter().map(|x| x / n).collect())
}

/// Mean and variance.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|x| (x - mean) * (x - mean));
    (mean, squares.sum::<f64>() / n)
}
