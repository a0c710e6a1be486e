//! Against the binomial distribution, against drawing one by one, and against one another.

use super::*;

#[test]
fn quantiles_are_those_of_numpy() {
    // numpy.quantile([1, 2, 4, 8], [0, 0.1, 0.5, 0.9, 1])
    let values = [1.0, 2.0, 4.0, 8.0];
    for (q, expected) in [(0.0, 1.0), (0.1, 1.3), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
        let found = quantile(&values, q).unwrap();
        assert!((found - expected).abs() < 1e-12, "{q}: {found}");
    }
    assert_eq!(quantile(&[], 0.5), None);
}

/// The interval of a share is the binomial one: of 400 images, 100 in the category, the standard error is
/// sqrt(0.25 · 0.75 / 400) = 0.02165, and 1.96 of it to either side.
#[test]
fn the_interval_of_a_share_is_the_binomial_one() {
    let found = Bootstrap::default().of_counts(&[100, 250, 50], |c| {
        vec![None, Some(c[0] as f64 / c.iter().sum::<usize>() as f64)]
    })[1]
        .unwrap();
    assert!((found.low - 0.2076).abs() < 0.006, "{found:?}");
    assert!((found.high - 0.2924).abs() < 0.006, "{found:?}");
}

/// Against drawing the images one by one.
#[test]
fn counts_are_drawn_as_images_are() {
    let counts = [3, 0, 12, 5];
    let categories: Vec<usize> = counts
        .iter()
        .enumerate()
        .flat_map(|(category, &count)| std::iter::repeat_n(category, count))
        .collect();
    let mut chance = ChaCha8Rng::seed_from_u64(7);
    let (mut fast, mut slow) = ([[0f64; 21]; 4], [[0f64; 21]; 4]);
    let rounds = 20_000;
    for _ in 0..rounds {
        let drawn = resample(&counts, &mut chance);
        assert_eq!(drawn.iter().sum::<usize>(), 20);
        let mut one_by_one = [0; 4];
        for _ in 0..20 {
            one_by_one[categories[chance.random_range(0..20)]] += 1;
        }
        for category in 0..4 {
            fast[category][drawn[category]] += 1.0;
            slow[category][one_by_one[category]] += 1.0;
        }
    }
    for category in 0..4 {
        for times in 0..=20 {
            let (a, b) = (fast[category][times], slow[category][times]);
            // Five standard deviations of the difference of two such counts.
            let allowed = 5.0 * (a + b).sqrt().max(1.0);
            assert!((a - b).abs() <= allowed, "{category} {times}: {a} {b}");
        }
    }
}

/// Of many categories of two images each, a third is drawn as often as if they were one.
#[test]
fn many_small_categories_are_drawn_as_a_large_one_is() {
    let share = |counts: &[usize], of: usize| {
        let part: usize = counts[..of].iter().sum();
        vec![Some(part as f64 / counts.iter().sum::<usize>() as f64)]
    };
    let bootstrap = Bootstrap::default();
    let many = [2; 3 * MANY];
    let many = bootstrap.of_counts(&many, |c| share(c, MANY))[0].unwrap();
    let two = [2 * MANY, 4 * MANY];
    let two = bootstrap.of_counts(&two, |c| share(c, 1))[0].unwrap();
    // The standard error of the share is sqrt(2/9 / 1536) = 0.012, that of either end 0.0007, of the difference 0.001.
    assert!((many.low - two.low).abs() < 0.005, "{many:?} {two:?}");
    assert!((many.high - two.high).abs() < 0.005, "{many:?} {two:?}");
}

/// Rows that tell categories have the intervals of their counts, over several blocks.
#[test]
fn rows_are_drawn_as_counts_are() {
    let counts = [600, 900, 40];
    let rows: Vec<f64> = counts
        .iter()
        .enumerate()
        .flat_map(|(category, &count)| std::iter::repeat_n(category, count))
        .flat_map(|category| [1.0, f64::from(u8::from(category == 0)), category as f64])
        .collect();
    let bootstrap = Bootstrap::default();
    let by_rows = bootstrap.of_rows(&rows, 3, |s| {
        vec![Some(s[0]), Some(s[1] / s[0]), Some(s[2] / s[0])]
    });
    let by_counts = bootstrap.of_counts(&counts, |c| {
        let n = c.iter().sum::<usize>() as f64;
        vec![
            Some(n),
            Some(c[0] as f64 / n),
            Some((c[1] + 2 * c[2]) as f64 / n),
        ]
    });
    let all = Interval {
        low: 1540.0,
        high: 1540.0,
    };
    assert_eq!((by_rows[0], by_counts[0]), (Some(all), Some(all)));
    for (a, b) in by_rows.iter().zip(&by_counts).skip(1) {
        let (a, b) = (a.unwrap(), b.unwrap());
        // The standard error of either end is some 0.0008.
        assert!((a.low - b.low).abs() < 0.005, "{a:?} {b:?}");
        assert!((a.high - b.high).abs() < 0.005, "{a:?} {b:?}");
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let rows: Vec<f64> = (0..3000).map(|i| f64::from(i).sin()).collect();
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let figures = |s: &[f64]| vec![Some(s[0]), Some(s[1] / s[2])];
        pool.install(|| Bootstrap::default().of_rows(&rows, 3, figures))
    };
    assert_eq!(of(1), of(4));
}

#[test]
fn a_figure_that_is_never_defined_has_no_interval() {
    let never = |_: &[usize]| vec![None];
    assert_eq!(Bootstrap::default().of_counts(&[4], never), [None]);
    assert_eq!(Bootstrap::default().of_counts(&[], never), [None]);
}
