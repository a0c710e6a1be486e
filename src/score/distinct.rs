//! Distinct values, each once: of the images of a run far fewer are different than there are.

use std::collections::HashMap;
use std::hash::Hash;

/// The number of what has no value.
pub const NONE: u32 = u32::MAX;

/// The distinct values in the order of their first occurrence, and the number of each that is given, or [`NONE`].
///
/// # Panics
/// With 2³² − 1 distinct values.
pub fn numbered<T: Copy + Eq + Hash>(
    values: impl Iterator<Item = Option<T>>,
) -> (Vec<T>, Vec<u32>) {
    let mut numbers: HashMap<T, u32, foldhash::fast::FixedState> = HashMap::default();
    let mut distinct = Vec::new();
    let mut number = |value: T| {
        *numbers.entry(value).or_insert_with(|| {
            distinct.push(value);
            let number = (distinct.len() - 1) as u32;
            assert_ne!(number, NONE, "fewer than 2³² − 1 distinct values");
            number
        })
    };
    let of = values
        .map(|value| value.map_or(NONE, &mut number))
        .collect();
    (distinct, of)
}
