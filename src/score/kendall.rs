//! How far two figures agree on which run is better (METHOD 4).

use std::cmp::Ordering;

/// Kendall's τ-b of the rankings that two figures give to the same runs, from −1 (the reverse) to 1 (the same):
/// (C − D) / √((C + D + T_a)(C + D + T_b)), where C of the pairs of runs are ranked alike by both figures, D the other way
/// round, and T_a or T_b are tied in the one figure alone (Kendall, The treatment of ties in ranking problems, 1945).
///
/// `a[i]` and `b[i]` are the two figures of run `i`; what is left over of the longer list is not looked at. `None` of
/// fewer than two runs, where a figure is the same for all of them, or is NaN for one. Quadratic in the number of runs.
pub fn kendall_tau(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = a.len().min(b.len());
    let (mut alike, mut reversed, mut tied_in_a, mut tied_in_b) = (0u64, 0u64, 0u64, 0u64);
    for i in 0..n {
        // Also against itself, so that a NaN is found where it is the only run.
        for j in 0..=i {
            match (a[i].partial_cmp(&a[j])?, b[i].partial_cmp(&b[j])?) {
                (Ordering::Equal, Ordering::Equal) => {}
                (Ordering::Equal, _) => tied_in_a += 1,
                (_, Ordering::Equal) => tied_in_b += 1,
                (by_a, by_b) if by_a == by_b => alike += 1,
                _ => reversed += 1,
            }
        }
    }
    let ranked = alike + reversed;
    let pairs = ((ranked + tied_in_a) as f64).sqrt() * ((ranked + tied_in_b) as f64).sqrt();
    // Rounding may not take it beyond its ends.
    (pairs > 0.0).then(|| ((alike as f64 - reversed as f64) / pairs).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_by_hand() {
        assert_eq!(kendall_tau(&[0.1, 0.2, 0.3], &[1.0, 2.0, 3.0]), Some(1.0));
        assert_eq!(kendall_tau(&[0.1, 0.2, 0.3], &[3.0, 2.0, 1.0]), Some(-1.0));
        // Two pairs alike, one reversed.
        let tau = kendall_tau(&[0.1, 0.2, 0.3], &[1.0, 3.0, 2.0]).unwrap();
        assert!((tau - 1.0 / 3.0).abs() < 1e-12);
        // Five pairs alike; one tied in the first alone.
        let tau = kendall_tau(&[0.1, 0.1, 0.3, 0.4], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!((tau - 5.0 / 30f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn without_two_ranks_there_is_no_ranking() {
        assert_eq!(kendall_tau(&[], &[]), None);
        assert_eq!(kendall_tau(&[0.5], &[0.5]), None);
        assert_eq!(kendall_tau(&[0.5, 0.5], &[0.1, 0.2]), None);
        assert_eq!(kendall_tau(&[0.5, f64::NAN], &[0.1, 0.2]), None);
    }

    proptest! {
        /// It is symmetric, and turning a ranking round turns its sign.
        #[test]
        fn it_is_symmetric_and_odd(
            pairs in proptest::collection::vec((-3i8..3, -3i8..3), 0..12),
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) =
                pairs.iter().map(|&(a, b)| (f64::from(a), f64::from(b))).unzip();
            let reversed: Vec<f64> = b.iter().map(|b| -b).collect();
            let tau = kendall_tau(&a, &b);
            prop_assert_eq!(tau, kendall_tau(&b, &a));
            prop_assert_eq!(tau.map(|t| 0.0 - t), kendall_tau(&a, &reversed));
            prop_assert!(tau.is_none_or(|t| (-1.0..=1.0).contains(&t)));
        }
    }
}
