use proptest::prelude::*;

use super::*;

fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-12 * expected.abs(),
        "{found:e}, not {expected:e}"
    );
}

#[test]
fn tails_by_hand() {
    // 2 · (1 + 5 + 10) / 2^5 would be 1; of 1 and 4: 2 · (1 + 5) / 32.
    close(two_sided(1, 4), 12.0 / 32.0);
    close(two_sided(4, 1), 12.0 / 32.0);
    close(two_sided(2, 3), 1.0);
    close(two_sided(0, 10), 2.0 / 1024.0);
    close(two_sided(3, 3), 1.0);
    close(two_sided(0, 0), 1.0);
}

#[test]
fn discordant_images_are_counted() {
    let (yes, no) = (vec![true; 10], vec![false; 4]);
    let first = [yes.clone(), no].concat();
    let second = [vec![false; 6], vec![true; 8]].concat();
    let found = McNemar::of(&first, &second);
    assert_eq!((found.n, found.only_first, found.only_second), (14, 6, 4));
    // 1 − C(10, 5) / 2^10 = 772/1024.
    close(found.p_value.unwrap(), 772.0 / 1024.0);
    assert_eq!(McNemar::of(&yes[..9], &second).p_value, None);
}

#[test]
fn holm_by_hand() {
    // Ascending: 0.01·4, 0.02·3, 0.03·2 raised to 0.06, 0.9.
    let found = holm(&[0.03, 0.01, 0.9, 0.02]);
    for (found, expected) in found.into_iter().zip([0.06, 0.04, 0.9, 0.06]) {
        close(found, expected);
    }
    assert_eq!(holm(&[0.6, 0.7]), [1.0, 1.0]);
    let found = holm(&[f64::NAN, 0.04]);
    assert!(found[0].is_nan());
    assert_eq!(found[1], 0.04);
    assert!(holm(&[]).is_empty());
}

fn share(counts: &[usize]) -> Vec<Option<f64>> {
    let n: usize = counts.iter().sum();
    vec![(n > 0).then(|| counts[1] as f64 / n as f64), None]
}

/// Of 400 images the first run alone has 40 right and the second alone 80: the difference of their shares is 0.1, and its
/// standard error √(0.3 − 0.1²)/20 = 0.02693. Were the runs not paired it would be larger.
#[test]
fn the_interval_of_a_difference_is_that_of_pairs() {
    let categories = [vec![(1, 0); 40], vec![(0, 1); 80], vec![(1, 1); 280]].concat();
    let (first, second): (Vec<usize>, Vec<usize>) = categories.into_iter().unzip();
    let bootstrap = Bootstrap::default();
    let found = bootstrap.of_paired_counts(&first, &second, 2, share);
    let rows = |categories: &[usize]| -> Vec<f64> {
        let rows = categories.iter().flat_map(|&c| [1.0, c as f64]);
        rows.collect()
    };
    let by_rows = bootstrap.of_paired_rows(&rows(&first), &rows(&second), 2, |sums| {
        vec![Some(sums[1] / sums[0]), None]
    });
    for found in [found, by_rows] {
        assert_eq!((found[0].first, found[0].second), (Some(0.8), Some(0.9)));
        assert!((found[0].difference.unwrap() - 0.1).abs() < 1e-12);
        let interval = found[0].interval.unwrap();
        assert!((interval.low - 0.0472).abs() < 0.006, "{interval:?}");
        assert!((interval.high - 0.1528).abs() < 0.006, "{interval:?}");
        assert_eq!((found[1].difference, found[1].interval), (None, None));
    }
}

#[test]
fn few_images_have_no_interval() {
    let found = Bootstrap::default().of_paired_counts(&[0, 1, 1], &[1, 1, 1], 2, share);
    assert!(found[0].difference.is_some() && found[0].interval.is_none());
    let found = Bootstrap::default().of_paired_rows(&[], &[], 1, |_| vec![None]);
    assert_eq!((found[0].difference, found[0].interval), (None, None));
    let no_replicates = Bootstrap {
        replicates: 0,
        ..Bootstrap::default()
    };
    let found = no_replicates.of_paired_counts(&[1; 20], &[0; 20], 2, share);
    assert_eq!((found[0].difference, found[0].interval), (Some(-1.0), None));
}

proptest! {
    /// By the sum of Pascal's triangle, which doubles hold up to some thousand.
    #[test]
    fn tails_are_sums_of_binomial_coefficients(a in 0u64..60, b in 0u64..60) {
        let n = a + b;
        let mut coefficient = 1.0;
        let mut tail = 0.0;
        for i in 0..=a.min(b) {
            tail += coefficient;
            coefficient *= (n - i) as f64 / (i + 1) as f64;
        }
        let expected = (2.0 * tail / 2f64.powi(n as i32)).min(1.0);
        prop_assert!((two_sided(a, b) - expected).abs() <= 1e-12 * expected);
    }

    /// The more uneven, the smaller.
    #[test]
    fn tails_fall(n in 2u64..3_000_000, a in 0.0f64..0.5) {
        let fewer = (n as f64 * a) as u64;
        let (p, smaller) = (two_sided(fewer, n - fewer), two_sided(fewer.saturating_sub(1), n - fewer + 1));
        prop_assert!((0.0..=1.0).contains(&p));
        prop_assert!(fewer == 0 || smaller <= p * (1.0 + 1e-12));
    }

    /// Holm's are no smaller than the p-values, no larger than Bonferroni's, and in the same order.
    #[test]
    fn corrected_values_keep_the_order(p in proptest::collection::vec(0.0f64..=1.0, 0..12)) {
        let corrected = holm(&p);
        for i in 0..p.len() {
            prop_assert!(p[i] <= corrected[i] && corrected[i] <= (p.len() as f64 * p[i]).min(1.0));
            for j in 0..p.len() {
                prop_assert!(p[i] > p[j] || corrected[i] <= corrected[j]);
            }
        }
    }
}
