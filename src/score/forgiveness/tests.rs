use super::*;
use crate::score::judge::{AlsoRight, Collisions};
use crate::taxonomy::{Taxonomy, load_str};

/// `child` is below `mid` in the second taxonomy alone.
const FIRST: &str = "tree: {root: [mid, child, other]}";
const SECOND: &str = "tree: {root: {mid: [child], other: }}";

fn taxonomy(text: &str) -> Taxonomy {
    load_str("t", text).into_sound().unwrap()
}

/// Compares the two on images of (annotated label, answer).
fn of(first: &str, second: &str, images: &[(&str, &str)]) -> Forgiveness {
    let (collisions, also_right) = (Collisions::default(), AlsoRight::default());
    let taxonomies = [taxonomy(first), taxonomy(second)];
    let node = |t: &Taxonomy, id: &str| t.find(id).unwrap();
    let columns = taxonomies.each_ref().map(|t| {
        let truths = images.iter().map(|(truth, _)| vec![node(t, truth)]);
        let answers: Vec<_> = (images.iter())
            .map(|(_, answer)| (*answer != "-").then(|| node(t, answer)))
            .collect();
        (Annotations::of_truths(truths), answers)
    });
    let [first, second] = [0, 1].map(|run| Answered {
        judge: Judge {
            taxonomy: &taxonomies[run],
            collisions: &collisions,
            also_right: &also_right,
        },
        annotations: &columns[run].0,
        answers: &columns[run].1,
    });
    forgiveness(&first, &second)
}

fn close(found: Option<f64>, expected: f64) {
    assert!(
        found.is_some_and(|found| (found - expected).abs() < 1e-12),
        "{found:?}, not {expected}"
    );
}

#[test]
fn figures_by_hand() {
    // Of five errors the second forgives three that the first does not: `mid` for `child`.
    let images = [
        ("child", "mid"),
        ("child", "mid"),
        ("child", "mid"),
        ("child", "child"),
        ("other", "mid"),
        ("other", "other"),
        ("mid", "other"),
        ("mid", "-"),
    ];
    let found = of(FIRST, SECOND, &images);
    assert_eq!(found.n, 7);
    let confirmed = found.confirmed;
    close(confirmed.share_of_error.first, 0.0);
    close(confirmed.share_of_error.second, 3.0 / 5.0);
    close(confirmed.share.difference, 3.0 / 7.0);
    // `mid` is answered four times, `child` annotated four times.
    let by_chance = confirmed.by_chance.unwrap();
    close(by_chance.second, 16.0 / 49.0);
    close(
        confirmed.excess.unwrap().difference,
        3.0 / 7.0 - 16.0 / 49.0,
    );
    // What may be true is forgiven at most: `child` for `mid`, which is answered and annotated once each.
    let at_most = found.at_most;
    close(at_most.share.difference, 3.0 / 7.0);
    close(at_most.by_chance.unwrap().second, 17.0 / 49.0);
    // Of seven images nothing more can be said.
    assert_eq!((confirmed.p_value, confirmed.share.interval), (None, None));
}

/// All orders of the answers: the mean of what is forgiven is what is told, without any luck of a drawing.
#[test]
fn the_mean_by_chance_is_that_of_all_orders() {
    let truths = ["child", "child", "mid", "other", "child", "mid"];
    let answers = ["mid", "child", "root", "mid", "other", "child"];
    let images: Vec<(&str, &str)> = truths.into_iter().zip(answers).collect();
    let found = of(FIRST, SECOND, &images);
    let mut sums = [[0.0; 2]; 2];
    let mut orders = 0.0;
    permute(&mut answers.to_vec(), 0, &mut |order| {
        let images: Vec<(&str, &str)> = truths.into_iter().zip(order.iter().copied()).collect();
        let of_order = of_shares(&images);
        orders += 1.0;
        for (sum, share) in sums.iter_mut().flatten().zip(of_order.iter().flatten()) {
            *sum += share;
        }
    });
    assert_eq!(orders, 720.0);
    for (of, [first, second]) in [found.confirmed, found.at_most].into_iter().zip(sums) {
        let by_chance = of.by_chance.unwrap();
        close(by_chance.first, first / orders);
        close(by_chance.second, second / orders);
    }
}

/// Confirmed, and confirmed and possible, under both taxonomies, by what is above what.
fn of_shares(images: &[(&str, &str)]) -> [[f64; 2]; 2] {
    let share = |forgives: &dyn Fn(&str, &str) -> bool| {
        let forgiven = images
            .iter()
            .filter(|(truth, answer)| forgives(truth, answer));
        forgiven.count() as f64 / images.len() as f64
    };
    let above = |second: bool, a: &str, d: &str| {
        a != d && (a == "root" || (second && a == "mid" && d == "child"))
    };
    let confirmed =
        [false, true].map(|second| share(&|truth, answer| above(second, answer, truth)));
    let at_most = [false, true].map(|second| {
        share(&|truth, answer| above(second, answer, truth) || above(second, truth, answer))
    });
    [confirmed, at_most]
}

fn permute<'a>(of: &mut Vec<&'a str>, from: usize, visit: &mut dyn FnMut(&[&'a str])) {
    if from == of.len() {
        visit(of);
        return;
    }
    for i in from..of.len() {
        of.swap(from, i);
        permute(of, from + 1, visit);
        of.swap(from, i);
    }
}

/// An edge between labels that are confused explains; one between labels that meet by luck forgives as much, and explains nothing.
#[test]
fn luck_is_told_from_an_explanation() {
    // Whatever is annotated, the answers are spread alike.
    let mut images = Vec::new();
    for truth in ["child", "mid", "other"] {
        for answer in ["child", "mid", "other"] {
            images.extend([(truth, answer); 20]);
        }
    }
    let luck = of(FIRST, SECOND, &images).confirmed;
    close(luck.share.difference, 1.0 / 9.0);
    close(luck.excess.unwrap().difference, 0.0);
    assert!(luck.p_value.unwrap() > 0.2, "{luck:?}");
    assert_eq!(luck.exceeds_chance, Some(false));
    let interval = luck.excess.unwrap().interval.unwrap();
    assert!(interval.low < 0.0 && interval.high > 0.0);
    // The same number of `mid` for `child`, but nowhere else.
    let images = [
        vec![("child", "mid"); 20],
        vec![("child", "child"); 40],
        vec![("mid", "other"); 40],
        vec![("other", "other"); 80],
    ]
    .concat();
    let explained = of(FIRST, SECOND, &images).confirmed;
    close(explained.excess.unwrap().difference, 1.0 / 9.0 - 1.0 / 27.0);
    assert!(explained.p_value.unwrap() < 0.01, "{explained:?}");
    assert!(explained.excess.unwrap().interval.unwrap().low > 0.0);
    assert_eq!(explained.exceeds_chance, Some(true));
    // And the other way round it is as much that is not forgiven any more.
    let back = of(SECOND, FIRST, &images).confirmed;
    close(back.excess.unwrap().difference, 1.0 / 27.0 - 1.0 / 9.0);
    assert!(back.p_value.unwrap() < 0.01, "{back:?}");
    assert_eq!(back.exceeds_chance, Some(true));
}

/// The interval of the change of the excess is that of a mean over images: an image counts with its own change, less what its answer
/// and its annotation change by luck.
#[test]
fn the_interval_is_as_wide_as_it_should_be() {
    let images = [
        vec![("child", "mid"); 60],
        vec![("child", "child"); 140],
        vec![("mid", "mid"); 20],
        vec![("mid", "other"); 80],
        vec![("other", "other"); 90],
        vec![("other", "mid"); 10],
    ]
    .concat();
    let n = images.len() as f64;
    let change =
        |truth: &str, answer: &str| f64::from(u8::from(truth == "child" && answer == "mid"));
    let influences: Vec<f64> = images
        .iter()
        .map(|&(truth, answer)| {
            let of_answer = images.iter().map(|&(t, _)| change(t, answer)).sum::<f64>() / n;
            let of_truth = images.iter().map(|&(_, a)| change(truth, a)).sum::<f64>() / n;
            change(truth, answer) - of_answer - of_truth
        })
        .collect();
    let mean = influences.iter().sum::<f64>() / n;
    let variance = influences.iter().map(|i| (i - mean).powi(2)).sum::<f64>() / n;
    let width = 2.0 * 1.96 * (variance / n).sqrt();
    let excess = of(FIRST, SECOND, &images).confirmed.excess.unwrap();
    let found = excess.interval.unwrap();
    let found = found.high - found.low;
    assert!((found / width - 1.0).abs() < 0.08, "{found}, not {width}");
}

#[test]
fn the_same_taxonomy_forgives_the_same() {
    let images = [vec![("child", "mid"); 8], vec![("mid", "child"); 8]].concat();
    let found = of(SECOND, SECOND, &images);
    for of in [found.confirmed, found.at_most] {
        assert_eq!(of.share.difference, Some(0.0));
        assert_eq!(of.excess.unwrap().difference, Some(0.0));
        assert_eq!((of.p_value, of.exceeds_chance), (Some(1.0), Some(false)));
    }
    let none = of(FIRST, SECOND, &[]);
    assert_eq!((none.n, none.permutations), (0, 0));
    assert_eq!(none.confirmed.share.difference, None);
    assert_eq!(none.confirmed.excess, None);
}
