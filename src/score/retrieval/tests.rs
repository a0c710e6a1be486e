use proptest::prelude::*;

use std::ops::Range;

use super::*;
use crate::taxonomy::{NodeId, Taxonomy, load_str};

/// Similarities in memory, a row an image.
#[derive(Debug)]
struct Table {
    rows: Vec<Vec<f32>>,
    candidates: usize,
}

impl Similarities for Table {
    fn images(&self) -> usize {
        self.rows.len()
    }

    fn candidates(&self) -> usize {
        self.candidates
    }

    fn fill(&self, image: usize, candidates: Range<usize>, out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(&self.rows[image][candidates]);
    }
}

fn table(rows: &[&[f32]]) -> Table {
    Table {
        rows: rows.iter().map(|row| row.to_vec()).collect(),
        candidates: rows.first().map_or(0, |row| row.len()),
    }
}

fn close(found: Option<f64>, expected: f64) {
    assert!(
        (found.unwrap() - expected).abs() < 1e-12,
        "{found:?}, not {expected}"
    );
}

/// Which candidates are valid for each truth, and which images have a truth below each candidate.
fn positives(
    taxonomy: &Taxonomy,
    candidates: &[NodeId],
    truths: &[NodeId],
) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let are = |of: &dyn Fn(usize) -> bool, n| (0..n).filter(|&i| of(i)).collect();
    let valid = truths.iter().map(|&t| {
        are(
            &|c| taxonomy.is_ancestor(candidates[c], t),
            candidates.len(),
        )
    });
    let images_of = candidates
        .iter()
        .map(|&c| are(&|i| taxonomy.is_ancestor(c, truths[i]), truths.len()));
    (valid.collect(), images_of.collect())
}

/// A square is also a rectangle, a rhombus and a figure: four valid labels, by way of a diamond.
#[test]
fn both_directions_on_a_diamond_by_hand() {
    let taxonomy = load_str(
        "t",
        "tree: {figure: {rectangle: [square, oblong], rhombus: [square, lozenge]}}",
    )
    .into_sound()
    .unwrap();
    let node = |id: &str| taxonomy.find(id).unwrap();
    let candidates = [
        "figure",
        "rectangle",
        "rhombus",
        "square",
        "oblong",
        "lozenge",
    ]
    .map(node);
    let truths = ["square", "oblong"].map(node);
    let (valid, images_of) = positives(&taxonomy, &candidates, &truths);
    let scores = table(&[
        // oblong, square, figure, lozenge, rectangle, rhombus: positives of four at 2, 3, then 5, 6.
        &[0.7, 0.5, 0.4, 0.8, 0.9, 0.6],
        // oblong, lozenge, rectangle, square, rhombus, figure: positives of three at 1, 3, then 6.
        &[0.1, 0.7, 0.3, 0.5, 0.9, 0.8],
    ]);
    let found = retrieval(
        &scores,
        &valid,
        &[0, 1, 2, 3, 4, 5],
        &images_of,
        Stop::NEVER,
    )
    .unwrap()
    .finish();
    let of = found.image_to_label;
    assert_eq!((of.n, of.without_positive), (2, 0));
    close(of.recall_at_1, 0.5);
    close(of.recall_at_5, 1.0);
    close(of.r_precision, (2.0 / 4.0 + 2.0 / 3.0) / 2.0);
    let (square, oblong) = ((1.0 / 2.0 + 2.0 / 3.0) / 4.0, (1.0 + 2.0 / 3.0) / 3.0);
    close(of.map_at_r, (square + oblong) / 2.0);

    // figure: both; rectangle: both; rhombus and square: the first, which is nearer; oblong: the second, which is not the
    // first of two equals. Nothing is a lozenge.
    let of = found.label_to_image;
    assert_eq!((of.n, of.without_positive), (5, 1));
    close(of.recall_at_1, 4.0 / 5.0);
    close(of.recall_at_5, 1.0);
    close(of.r_precision, 4.0 / 5.0);
    close(of.map_at_r, 4.0 / 5.0);
}

#[test]
fn ties_are_in_the_order_given_and_no_number_is_last() {
    let scores = table(&[&[0.0, -0.0, f32::NAN, 0.0]]);
    let first = |tie_order: &[usize], valid: usize| {
        let found = retrieval(&scores, &[[valid]], tie_order, &[[]; 4], Stop::NEVER).unwrap();
        found.image_to_label[0].unwrap().recall_at[0]
    };
    assert!(first(&[0, 1, 2, 3], 0));
    assert!(first(&[2, 0, 1, 3], 1));
    assert!(first(&[3, 2, 1, 0], 3));
    assert!(!first(&[3, 2, 0, 1], 2));
}

#[test]
fn queries_without_a_positive_are_left_out_and_counted() {
    let scores = table(&[&[0.9, 0.1], &[0.2, 0.8]]);
    let (valid, images_of) = (vec![vec![], vec![1]], vec![vec![], vec![1]]);
    let found = retrieval(&scores, &valid, &[0, 1], &images_of, Stop::NEVER)
        .unwrap()
        .finish();
    for of in [found.image_to_label, found.label_to_image] {
        assert_eq!((of.n, of.without_positive), (1, 1));
        assert_eq!(of.map_at_r, Some(1.0));
    }
    let nothing: [Vec<usize>; 0] = [];
    let none = retrieval(&table(&[]), &nothing, &[], &nothing, Stop::NEVER)
        .unwrap()
        .finish();
    assert_eq!(
        (none.image_to_label.n, none.image_to_label.map_at_r),
        (0, None)
    );
}

/// The definition: sort everything, then count.
fn naive(scores: &[f32], tie_order: &[usize], positives: &[usize]) -> Option<Query> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| {
        let by_score = scores[b].partial_cmp(&scores[a]).unwrap();
        by_score.then(tie_order[a].cmp(&tie_order[b]))
    });
    let hits: Vec<f64> = order
        .iter()
        .map(|o| f64::from(u8::from(positives.contains(o))))
        .collect();
    let r = positives.len();
    let precision = |at: usize| hits[..at].iter().sum::<f64>() / at as f64;
    (r > 0).then(|| Query {
        recall_at: RECALL_AT.map(|k| hits.iter().take(k).any(|&h| h > 0.0)),
        r_precision: precision(r),
        ap_at_r: (1..=r).map(|at| hits[at - 1] * precision(at)).sum::<f64>() / r as f64,
    })
}

#[derive(Debug)]
struct World {
    scores: Table,
    valid: Vec<Vec<usize>>,
    tie_order: Vec<usize>,
    images_of: Vec<Vec<usize>>,
}

impl World {
    fn retrieval(&self) -> Queries {
        let (scores, stop) = (&self.scores, Stop::NEVER);
        retrieval(scores, &self.valid, &self.tie_order, &self.images_of, stop).unwrap()
    }
}

fn worlds() -> impl Strategy<Value = World> {
    (0usize..12, 1usize..30).prop_flat_map(|(n, candidates)| {
        let some_of = |n: usize| proptest::sample::subsequence((0..n).collect::<Vec<_>>(), 0..=n);
        // Few values: many ties.
        let row = proptest::collection::vec((-4i8..4).prop_map(|v| f32::from(v) / 4.0), candidates);
        (
            proptest::collection::vec(row, n),
            proptest::collection::vec(some_of(candidates), n),
            Just((0..candidates).collect::<Vec<_>>()).prop_shuffle(),
            proptest::collection::vec(some_of(n), candidates),
        )
            .prop_map(move |(rows, valid, tie_order, images_of)| World {
                scores: Table { rows, candidates },
                valid,
                tie_order,
                images_of,
            })
    })
}

proptest! {
    /// In blocks, on one thread or on three, it is what the definition says of each query.
    #[test]
    fn it_is_the_definition(world in worlds()) {
        let found = world.retrieval();
        let rows = &world.scores.rows;
        for (i, row) in rows.iter().enumerate() {
            let expected = naive(row, &world.tie_order, &world.valid[i]);
            same(found.image_to_label[i], expected)?;
        }
        let in_order: Vec<usize> = (0..rows.len()).collect();
        for (c, images) in world.images_of.iter().enumerate() {
            let column: Vec<f32> = rows.iter().map(|row| row[c]).collect();
            same(found.label_to_image[c], naive(&column, &in_order, images))?;
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        prop_assert_eq!(pool.install(|| world.retrieval()), found);
    }

    /// AP@R ≤ R-Precision, both 1 exactly where the positives come first.
    #[test]
    fn ap_is_at_most_r_precision(world in worlds()) {
        let found = world.retrieval();
        for query in found.image_to_label.iter().chain(&found.label_to_image).flatten() {
            prop_assert!(query.ap_at_r <= query.r_precision + 1e-12);
            prop_assert_eq!(query.ap_at_r == 1.0, query.r_precision == 1.0);
            prop_assert!(query.r_precision == 0.0 || query.ap_at_r > 0.0);
            let [one, five, ten] = query.recall_at;
            prop_assert!(one <= five && five <= ten);
        }
    }
}

fn same(found: Option<Query>, expected: Option<Query>) -> Result<(), TestCaseError> {
    match (found, expected) {
        (Some(a), Some(b)) => {
            prop_assert_eq!(a.recall_at, b.recall_at);
            prop_assert!((a.r_precision - b.r_precision).abs() < 1e-12);
            prop_assert!((a.ap_at_r - b.ap_at_r).abs() < 1e-12);
        }
        (a, b) => prop_assert_eq!(a, b),
    }
    Ok(())
}
