//! Which labels a saved run takes for which, by pairs of labels or of what is above them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::saved::Saved;
use super::tallies::tallies;
use crate::score::Verdict;
use crate::taxonomy::{NodeId, Relation, Taxonomy};

/// Why confusions cannot be told.
#[derive(Debug, thiserror::Error)]
#[error(
    "the run has the label `{label}`, which is not in the taxonomy {taxonomy}: give the one that the run was made with"
)]
pub struct UnknownLabel {
    pub label: String,
    pub taxonomy: String,
}

/// Answers that are not exact, as pairs of an annotated label and an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Confusions {
    /// Images with a verdict.
    pub n: usize,
    /// Of these, the answers that are not exact.
    pub errors: usize,
    /// The depth that labels are grouped at; `None`: not at all.
    pub depth: Option<usize>,
    /// By count, then ids, unless they were [sorted](Self::sort) otherwise. Where labels are grouped, a pair of a group with
    /// itself holds the errors within it.
    pub pairs: Vec<ConfusedPair>,
    /// Exact answers by the id of their label, or of the group that it is in; those that occur.
    #[serde(skip)]
    pub exact: BTreeMap<String, usize>,
}

/// An annotated label and an answer, or the groups that they are in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfusedPair {
    /// Id of the truth that the answer is best related to.
    pub truth: String,
    pub answer: String,
    pub count: usize,
    /// Errors that would be this pair by chance: images with this truth times those with this answer, over n; of a group with
    /// itself without the pairs of a label with itself, which are no errors.
    pub expected: f64,
    /// `count − expected`.
    pub excess: f64,
    /// Errors by verdict, those that occur.
    pub verdicts: BTreeMap<Verdict, usize>,
    pub relation: Relation,
    /// Id of the lowest common ancestor of most information; `None` if there is none.
    pub lca: Option<String>,
    /// Mean cosine of the two labels' text prototypes over the images; `None` where they are not known.
    pub text_cosine: Option<f64>,
    /// Sum of 1 − credit over the images: what the pair costs under the run's policy.
    pub cost: f64,
    /// Of the images, those whose annotation is suspect; 0 where the details of the run were not read.
    pub suspect: usize,
}

/// What pairs are ordered by, the greatest first; equal ones are in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConfusionOrder {
    #[default]
    Count,
    /// How many more there are than by chance.
    Excess,
    /// What the pair costs in credit.
    Cost,
}

/// The confusions among some labels, or groups of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfusionMatrix {
    /// Ids, relatives side by side: as a walk down the taxonomy meets them.
    pub labels: Vec<String>,
    /// `counts[truth][answer]`: images. On the diagonal are the exact answers, and the errors within a group or between the
    /// labels of one image.
    pub counts: Vec<Vec<usize>>,
    /// Of the diagonal, the exact answers.
    pub exact: Vec<usize>,
    /// Images of each label whose answer is none of the labels.
    pub answered_elsewhere: Vec<usize>,
    /// Images answered as each label whose truth is none of the labels.
    pub from_elsewhere: Vec<usize>,
}

/// What is counted of a pair.
#[derive(Default)]
struct Errors {
    verdicts: BTreeMap<Verdict, usize>,
    cosine: (f64, usize),
    cost: f64,
    suspect: usize,
}

/// The confusions of a run. With a `depth` each label stands for what is above it at that greatest depth (roots at 0): of several
/// the one of most information, ties by id; a label that is not as deep stands for itself.
///
/// # Errors
/// The run has a label that the taxonomy has not.
pub fn confusions(
    run: &Saved,
    taxonomy: &Taxonomy,
    depth: Option<usize>,
) -> Result<Confusions, UnknownLabel> {
    let groups = run
        .labels
        .iter()
        .map(|id| {
            let node = taxonomy.find(id).ok_or_else(|| UnknownLabel {
                label: id.clone(),
                taxonomy: taxonomy.name().to_owned(),
            })?;
            Ok(depth.map_or(node, |depth| group(taxonomy, node, depth)))
        })
        .collect::<Result<Vec<NodeId>, UnknownLabel>>()?;
    let (mut n, mut errors) = (0, 0);
    // By label, since only a label with itself is no error.
    let mut of_labels = vec![[0usize; 2]; run.labels.len()];
    let mut of_truth: HashMap<NodeId, usize> = HashMap::new();
    let mut of_answer: HashMap<NodeId, usize> = HashMap::new();
    let mut right: BTreeMap<NodeId, usize> = BTreeMap::new();
    let mut of_pairs: BTreeMap<(NodeId, NodeId), Errors> = BTreeMap::new();
    for tally in tallies(run) {
        let count = tally.count();
        of_labels[tally.truth as usize][0] += count;
        of_labels[tally.answer as usize][1] += count;
        let truth = groups[tally.truth as usize];
        let answer = groups[tally.answer as usize];
        n += count;
        *of_truth.entry(truth).or_default() += count;
        *of_answer.entry(answer).or_default() += count;
        if tally.is_exact {
            *right.entry(truth).or_default() += count;
            continue;
        }
        errors += count;
        let pair = of_pairs.entry((truth, answer)).or_default();
        let verdicts = Verdict::ALL.into_iter().zip(tally.verdicts);
        for (verdict, count) in verdicts.filter(|&(_, count)| count > 0) {
            *pair.verdicts.entry(verdict).or_default() += count;
        }
        pair.cosine.0 += tally.text_cosine.0;
        pair.cosine.1 += tally.text_cosine.1;
        pair.cost += count as f64 - tally.credit;
        pair.suspect += tally.suspect;
    }
    // Answers that chance makes exact, by the group that they are in.
    let mut exact: BTreeMap<NodeId, f64> = BTreeMap::new();
    for (&group, [truths, answers]) in groups.iter().zip(&of_labels) {
        *exact.entry(group).or_default() += *truths as f64 * *answers as f64;
    }
    let pairs: Vec<ConfusedPair> = of_pairs
        .into_iter()
        .map(|((truth, answer), found)| {
            let count: usize = found.verdicts.values().sum();
            let all = of_truth[&truth] as f64 * of_answer[&answer] as f64;
            let exact = exact.get(&truth).filter(|_| truth == answer);
            let expected = (all - exact.copied().unwrap_or(0.0)) / n as f64;
            ConfusedPair {
                truth: taxonomy.id(truth).to_owned(),
                answer: taxonomy.id(answer).to_owned(),
                count,
                expected,
                excess: count as f64 - expected,
                verdicts: found.verdicts,
                relation: taxonomy.relation(answer, truth),
                lca: taxonomy
                    .lca(answer, truth)
                    .map(|l| taxonomy.id(l).to_owned()),
                text_cosine: (found.cosine.1 > 0).then(|| found.cosine.0 / found.cosine.1 as f64),
                cost: found.cost,
                suspect: found.suspect,
            }
        })
        .collect();
    let right = right.into_iter();
    let mut confusions = Confusions {
        n,
        errors,
        depth,
        pairs,
        exact: right
            .map(|(label, count)| (taxonomy.id(label).to_owned(), count))
            .collect(),
    };
    confusions.sort(ConfusionOrder::default());
    Ok(confusions)
}

impl Confusions {
    /// Puts the pairs into this order.
    pub fn sort(&mut self, order: ConfusionOrder) {
        let greater = |a: &ConfusedPair, b: &ConfusedPair| -> Ordering {
            match order {
                ConfusionOrder::Count => b.count.cmp(&a.count),
                ConfusionOrder::Excess => b.excess.total_cmp(&a.excess),
                ConfusionOrder::Cost => b.cost.total_cmp(&a.cost),
            }
        };
        self.pairs.sort_by(|a, b| {
            let by_ids = || (&a.truth, &a.answer).cmp(&(&b.truth, &b.answer));
            greater(a, b).then_with(by_ids)
        });
    }

    /// The confusions among the `most` labels, or groups, that have the most errors as truth and as answer together; ties by
    /// id. Labels without an error are left out. The taxonomy is that of the confusions.
    ///
    /// Linear in the taxonomy and in the pairs.
    pub fn matrix(&self, taxonomy: &Taxonomy, most: usize) -> ConfusionMatrix {
        let mut chosen: Vec<&str> = self.most_confused();
        chosen.truncate(most);
        let places = places(taxonomy);
        let place = |id: &str| taxonomy.find(id).map(|n| places[n.index()]);
        chosen.sort_by_key(|id| (place(id), *id));
        let index: HashMap<&str, usize> = chosen.iter().copied().zip(0..).collect();
        let n = chosen.len();
        let exact = chosen.iter().map(|&id| self.exact.get(id));
        let exact: Vec<usize> = exact.map(|count| count.copied().unwrap_or(0)).collect();
        let mut matrix = ConfusionMatrix {
            labels: chosen.iter().map(|&id| id.to_owned()).collect(),
            counts: vec![vec![0; n]; n],
            exact: exact.clone(),
            answered_elsewhere: vec![0; n],
            from_elsewhere: vec![0; n],
        };
        for (i, exact) in exact.into_iter().enumerate() {
            matrix.counts[i][i] = exact;
        }
        for pair in &self.pairs {
            let truth = index.get(pair.truth.as_str());
            let answer = index.get(pair.answer.as_str());
            match (truth, answer) {
                (Some(&truth), Some(&answer)) => matrix.counts[truth][answer] += pair.count,
                (Some(&truth), None) => matrix.answered_elsewhere[truth] += pair.count,
                (None, Some(&answer)) => matrix.from_elsewhere[answer] += pair.count,
                (None, None) => {}
            }
        }
        matrix
    }

    /// The ids that occur in the pairs, those with the most errors first.
    fn most_confused(&self) -> Vec<&str> {
        let mut errors: HashMap<&str, usize> = HashMap::new();
        for pair in &self.pairs {
            *errors.entry(&pair.truth).or_default() += pair.count;
            // An error within a group is one.
            if pair.answer != pair.truth {
                *errors.entry(&pair.answer).or_default() += pair.count;
            }
        }
        let mut ids: Vec<(&str, usize)> = errors.into_iter().collect();
        ids.sort_unstable_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then(a.cmp(b)));
        ids.into_iter().map(|(id, _)| id).collect()
    }
}

/// The place of each node in a walk down the taxonomy, depth first and in file order: where it is met first. Equivalent nodes
/// are side by side.
fn places(taxonomy: &Taxonomy) -> Vec<usize> {
    let mut places = vec![0; taxonomy.len()];
    let mut met: HashSet<NodeId> = HashSet::with_capacity(taxonomy.len());
    let mut next = taxonomy.roots();
    next.reverse();
    let mut place = 0;
    while let Some(node) = next.pop() {
        if !met.insert(taxonomy.representative(node)) {
            continue;
        }
        for member in taxonomy.equivalents(node) {
            places[member.index()] = place;
            place += 1;
        }
        next.extend(taxonomy.class_children(node).into_iter().rev());
    }
    places
}

/// What stands for a label at a depth.
fn group(taxonomy: &Taxonomy, node: NodeId, depth: usize) -> NodeId {
    let above = taxonomy.ancestors(node).into_iter();
    above
        .filter(|&a| taxonomy.representative(a) == a && taxonomy.depth(a).1 == depth)
        .max_by(|&a, &b| {
            let by_information = taxonomy.information(a).total_cmp(&taxonomy.information(b));
            by_information.then_with(|| taxonomy.id(b).cmp(taxonomy.id(a)))
        })
        .unwrap_or(node)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::Opened;
    use crate::run::testing::{Image, opened, random_world};

    const TAXONOMY: &str =
        "tree: {animal: {cat: [tabby, manx], dog: [beagle, poodle]}, plant: [oak]}";

    fn run() -> Opened {
        let images = [
            ("beagle", "poodle"),
            ("beagle", "poodle"),
            ("poodle", "dog"),
            ("poodle", "dog"),
            ("poodle", "dog"),
            ("tabby", "oak"),
            ("tabby", "tabby"),
            ("beagle", "beagle"),
        ];
        opened(TAXONOMY, &images.map(|(t, a)| Image::new(&[t], Some(a))))
    }

    fn pairs(confusions: &Confusions) -> Vec<(&str, &str, usize, f64)> {
        let pairs = confusions.pairs.iter();
        let brief = pairs.map(|p| (p.truth.as_str(), p.answer.as_str(), p.count, p.cost));
        brief.collect()
    }

    /// `dog` is true of a poodle, so it costs nothing.
    #[test]
    fn the_dearest_need_not_be_the_most_frequent() {
        let run = run();
        let mut found = confusions(&run.saved, &run.taxonomy, None).unwrap();
        let by_count = [
            ("poodle", "dog", 3, 0.0),
            ("beagle", "poodle", 2, 2.0),
            ("tabby", "oak", 1, 1.0),
        ];
        assert_eq!(pairs(&found), by_count);
        found.sort(ConfusionOrder::Cost);
        assert_eq!(pairs(&found), [by_count[1], by_count[2], by_count[0]]);
        // By chance: 3 · 3 / 8, 3 · 2 / 8, 2 · 1 / 8.
        found.sort(ConfusionOrder::Excess);
        assert_eq!(pairs(&found), by_count);
        let exact = [("beagle".to_owned(), 1), ("tabby".to_owned(), 1)];
        assert_eq!(found.exact, BTreeMap::from(exact));
    }

    #[test]
    fn relatives_are_side_by_side() {
        let run = run();
        let found = confusions(&run.saved, &run.taxonomy, None).unwrap();
        let matrix = found.matrix(&run.taxonomy, 99);
        assert_eq!(matrix.labels, ["tabby", "dog", "beagle", "poodle", "oak"]);
        let row = |id: &str| {
            let at = matrix.labels.iter().position(|l| l == id).unwrap();
            matrix.counts[at].clone()
        };
        assert_eq!(row("tabby"), [1, 0, 0, 0, 1]);
        assert_eq!(row("beagle"), [0, 0, 1, 2, 0]);
        assert_eq!(row("poodle"), [0, 3, 0, 0, 0]);
        // The two with most errors: five at the poodle, three at `dog`.
        let small = found.matrix(&run.taxonomy, 2);
        assert_eq!(small.labels, ["dog", "poodle"]);
        assert_eq!(small.counts, [[0, 0], [3, 0]]);
        assert_eq!(small.from_elsewhere, [0, 2]);
        assert_eq!(small.answered_elsewhere, [0, 0]);
        // Errors among dogs are on the diagonal of `dog`.
        let grouped = confusions(&run.saved, &run.taxonomy, Some(1)).unwrap();
        let grouped = grouped.matrix(&run.taxonomy, 99);
        assert_eq!(grouped.labels, ["cat", "dog", "oak"]);
        assert_eq!(grouped.counts, [[1, 0, 1], [0, 6, 0], [0, 0, 0]]);
        assert_eq!(grouped.exact, [1, 1, 0]);
    }

    proptest! {
        /// Every image is somewhere, whatever is shown.
        #[test]
        fn no_image_is_lost(run in random_world(), depth in 0usize..4, most in 0usize..9) {
            let found = confusions(&run.saved, &run.taxonomy, Some(depth)).unwrap();
            let counts = found.pairs.iter().map(|p| p.count).sum::<usize>();
            prop_assert_eq!(counts, found.errors);
            prop_assert_eq!(found.exact.values().sum::<usize>() + found.errors, found.n);
            let costs: f64 = found.pairs.iter().map(|p| p.cost).sum();
            let lost = run.saved.rows.iter().filter_map(|row| row.credit).map(|c| 1.0 - c);
            prop_assert!((costs - lost.sum::<f64>()).abs() < 1e-9);
            let matrix = found.matrix(&run.taxonomy, most);
            for (i, label) in matrix.labels.iter().enumerate() {
                let of_truth = found.pairs.iter().filter(|p| p.truth == *label);
                let expected = of_truth.map(|p| p.count).sum::<usize>() + matrix.exact[i];
                let row = matrix.counts[i].iter().sum::<usize>() + matrix.answered_elsewhere[i];
                prop_assert_eq!(row, expected);
            }
        }
    }
}
