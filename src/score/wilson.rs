//! An interval of a share in closed form, for tables that show thousands of shares at once.

use super::summary::Interval;

/// The 97.5th percentile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % score interval of a share of which `hits` of `n` were seen (Wilson, Probable inference, the law of succession, and
/// statistical inference, JASA 1927); `None` of nothing. In [0, 1], and around the share, at any `n`.
///
/// A bootstrap of every node of a large taxonomy takes minutes, and comes to nearly the same; where a figure stands alone it
/// has that ([`Bootstrap`](super::Bootstrap)).
pub fn wilson(hits: usize, n: usize) -> Option<Interval> {
    if n == 0 {
        return None;
    }
    let (total, share) = (n as f64, hits as f64 / n as f64);
    let shrink = 1.0 + Z * Z / total;
    let centre = (share + Z * Z / (2.0 * total)) / shrink;
    let spread = share * (1.0 - share) / total + Z * Z / (4.0 * total * total);
    let half = Z * spread.sqrt() / shrink;
    Some(Interval {
        low: if hits == 0 {
            0.0
        } else {
            (centre - half).max(0.0)
        },
        high: if hits == n {
            1.0
        } else {
            (centre + half).min(1.0)
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of Newcombe, Two-sided confidence intervals for the single proportion (Statistics in Medicine 1998), table I.
    #[test]
    fn published_intervals() {
        for (hits, n, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let found = wilson(hits, n).unwrap();
            assert!((found.low - low).abs() < 5e-5, "{found:?}");
            assert!((found.high - high).abs() < 5e-5, "{found:?}");
        }
        assert_eq!(wilson(0, 0), None);
    }

    #[test]
    fn the_share_is_inside() {
        for n in 1..50 {
            for hits in 0..=n {
                let (share, found) = (hits as f64 / n as f64, wilson(hits, n).unwrap());
                assert!(0.0 <= found.low && found.low <= share);
                assert!(share <= found.high && found.high <= 1.0);
            }
        }
    }
}
