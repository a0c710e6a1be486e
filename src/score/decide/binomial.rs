//! The exact bound on a share that was seen (Clopper & Pearson, The use of confidence or fiducial limits illustrated in
//! the case of the binomial, Biometrika 1934).

/// The level of the one-sided bound.
const ALPHA: f64 = 0.05;

/// The one-sided 95 % lower bound on the probability of what came true `k` times in `n`: the p for which k or more have
/// a chance of 5 %. 0 for k = 0 (and for n = 0); at most k/n.
///
/// Bisects the binomial tail, summed in logarithms. O(n), and exact to some 1e-12.
pub fn lower_bound(k: usize, n: usize) -> f64 {
    if k == 0 || n == 0 {
        return 0.0;
    }
    let k = k.min(n);
    let (mut low, mut high) = (0.0, k as f64 / n as f64);
    // Half a hundred halvings leave no more than rounding.
    let coefficient = ln_choose(n, k);
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if ln_tail(k, n, middle, coefficient) < ALPHA.ln() {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// ln of n over k.
fn ln_choose(n: usize, k: usize) -> f64 {
    let few = k.min(n - k);
    (1..=few)
        .map(|i| ((n - few + i) as f64 / i as f64).ln())
        .sum()
}

/// ln P(X ≥ k) for X of n with probability p, at most k/n, so that the terms fall from the first.
fn ln_tail(k: usize, n: usize, p: f64, coefficient: f64) -> f64 {
    let first = coefficient + k as f64 * p.ln() + (n - k) as f64 * (-p).ln_1p();
    let odds = p / (1.0 - p);
    let (mut term, mut sum) = (1.0, 1.0);
    for i in k..n {
        term *= (n - i) as f64 / (i + 1) as f64 * odds;
        sum += term;
        if term < 1e-18 {
            break;
        }
    }
    first + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From scipy.stats.beta.ppf(0.05, k, n − k + 1).
    #[test]
    fn bounds_are_those_of_scipy() {
        for (k, n, expected) in SCIPY {
            let found = lower_bound(k, n);
            assert!(
                (found - expected).abs() < 1e-11,
                "{k} of {n}: {found}, not {expected}"
            );
        }
        assert_eq!(lower_bound(0, 10), 0.0);
        assert_eq!(lower_bound(0, 0), 0.0);
    }

    const SCIPY: [(usize, usize, f64); 14] = [
        (1, 1, 0.05),
        (1, 2, 0.02532056551910361),
        (59, 59, 0.950492390111773),
        (58, 59, 0.9221020784811816),
        (95, 100, 0.8977466223567255),
        (99, 100, 0.9534401885464611),
        (100, 100, 0.9704869503929601),
        (1, 1000, 5.129197890901781e-05),
        (500, 1000, 0.47351773123569124),
        (970, 1000, 0.9595277627191338),
        (4800, 5000, 0.9551379240028459),
        (49900, 50000, 0.9976388416561427),
        (12345, 50000, 0.24372893792590467),
        (3, 7, 0.1287563928042427),
    ];

    #[test]
    fn more_that_came_true_is_a_higher_bound() {
        for n in [1, 2, 17, 400] {
            let bounds: Vec<f64> = (0..=n).map(|k| lower_bound(k, n)).collect();
            assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{n}");
            let below = |(k, bound): (usize, &f64)| *bound <= k as f64 / n as f64;
            assert!(bounds.iter().enumerate().all(below));
        }
    }
}
