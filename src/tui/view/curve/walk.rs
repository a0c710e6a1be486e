//! Moving along the curve. A threshold is at the last point that it reaches, and two between the same points answer the same.

use crate::score::CurvePoint;
use crate::tui::command::Command;

/// The point that a threshold is at: the last whose own threshold is no less. The first, above every mass, is always reached.
pub fn index_at(points: &[CurvePoint], threshold: f64) -> usize {
    let reached = points.partition_point(|p| p.threshold.is_none_or(|t| t >= threshold));
    reached.saturating_sub(1)
}

/// The greatest threshold in [0, 1] that is at a point, or near it where there is none.
pub fn threshold_of(points: &[CurvePoint], i: usize) -> f64 {
    let own = points.get(i).and_then(|point| point.threshold);
    own.map_or(1.0, |own| own.clamp(0.0, 1.0))
}

/// The thresholds that answer as this one does: above the first, up to the second.
pub fn same(points: &[CurvePoint], threshold: f64) -> (f64, f64) {
    let i = index_at(points, threshold);
    let below = match i + 1 < points.len() {
        true => threshold_of(points, i + 1),
        false => 0.0,
    };
    (below, threshold_of(points, i))
}

/// Where a command leads: right and left to the next point, down and up to the next hundredth, pages to the next tenth. Right and
/// down are towards saying more. `None` of a command that does not move.
pub fn moved(points: &[CurvePoint], from: f64, command: Command) -> Option<f64> {
    let at = index_at(points, from);
    Some(match command {
        Command::Left => before(points, at).unwrap_or(from),
        Command::Right if at + 1 < points.len() => threshold_of(points, at + 1),
        Command::Right => from,
        Command::Up => up(from, 100.0),
        Command::Down => down(from, 100.0),
        Command::PageUp => up(from, 10.0),
        Command::PageDown => down(from, 10.0),
        Command::First => 1.0,
        Command::Last => 0.0,
        _ => return None,
    })
}

/// The threshold of the point before; there is none where even 1 is at this one, as the masses of some images are 1.
fn before(points: &[CurvePoint], at: usize) -> Option<f64> {
    (at > index_at(points, 1.0)).then(|| threshold_of(points, at - 1))
}

/// What rounding may have left of a number that is one of the parts.
const CLOSE: f64 = 1e-9;

/// The next of so many parts of 1 above.
fn up(from: f64, parts: f64) -> f64 {
    (((from * parts + CLOSE).floor() + 1.0) / parts).clamp(0.0, 1.0)
}

fn down(from: f64, parts: f64) -> f64 {
    (((from * parts - CLOSE).ceil() - 1.0) / parts).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(thresholds: &[f64]) -> Vec<CurvePoint> {
        let point = |threshold| CurvePoint {
            threshold,
            correct: 1.0,
            exact: 0.0,
            recall: 0.0,
            precision: 1.0,
            value: 0.0,
        };
        let all = thresholds.iter().map(|&t| point(Some(t)));
        std::iter::once(point(None)).chain(all).collect()
    }

    #[test]
    fn thresholds_between_the_same_points_are_at_the_same_point() {
        let points = points(&[0.9, 0.4, 0.1]);
        let check = |threshold, expected| assert_eq!(index_at(&points, threshold), expected);
        check(1.0, 0);
        check(0.9, 1);
        check(0.400_000_000_000_1, 1);
        check(0.4, 2);
        check(0.2, 2);
        check(0.1, 3);
        check(0.0, 3);
        assert_eq!(same(&points, 0.2), (0.1, 0.4));
        assert_eq!(same(&points, 0.0), (0.0, 0.1));
        assert_eq!(same(&points, 0.95), (0.9, 1.0));
    }

    #[test]
    fn steps_are_by_point_and_by_part() {
        let points = points(&[0.9, 0.4, 0.1]);
        let check = |from, command, expected| {
            assert_eq!(
                moved(&points, from, command),
                Some(expected),
                "{command:?} from {from}"
            );
        };
        check(0.5, Command::Right, 0.4);
        check(0.5, Command::Left, 1.0);
        check(1.0, Command::Left, 1.0);
        check(0.4, Command::Left, 0.9);
        check(0.0, Command::Right, 0.0);
        check(0.5, Command::Up, 0.51);
        check(0.29, Command::Down, 0.28);
        check(0.285, Command::Down, 0.28);
        check(0.285, Command::Up, 0.29);
        check(0.5, Command::PageDown, 0.4);
        check(0.55, Command::PageUp, 0.6);
        check(1.0, Command::Up, 1.0);
        check(0.0, Command::PageDown, 0.0);
        assert_eq!(moved(&points, 0.5, Command::Sort), None);
    }

    #[test]
    fn there_is_nothing_above_masses_of_one() {
        // A sum of probabilities may be a little more than 1.
        let points = points(&[1.0 + 1e-12, 1.0, 0.5]);
        assert_eq!(moved(&points, 0.5, Command::Left), Some(1.0));
        assert_eq!(moved(&points, 1.0, Command::Left), Some(1.0));
        assert_eq!(index_at(&points, 1.0), 2);
    }

    proptest! {
        #[test]
        fn every_step_by_point_changes_the_point_until_the_end(mut masses in prop::collection::vec(0.0f64..=1.0, 0..20), from in 0.0f64..=1.0) {
            masses.sort_by(|a, b| b.total_cmp(a));
            masses.dedup();
            let points = points(&masses);
            let mut at = from;
            let mut met = vec![index_at(&points, at)];
            for _ in 0..points.len() {
                at = moved(&points, at, Command::Right).unwrap();
                met.push(index_at(&points, at));
            }
            let first = met[0];
            let expected: Vec<usize> = (0..=points.len()).map(|i| (first + i).min(points.len() - 1)).collect();
            prop_assert_eq!(met, expected);
        }
    }
}
