//! Where each embedding of a collection is: 24 bytes each, however many there are.

use std::collections::HashMap;

use super::key::Key;

/// The first half of a key: so many that two different images share it are not to be found.
type Short = [u64; 2];

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Which shard, in the order in which they became known; one more than there are: what is no shard yet.
    pub shard: u32,
    pub row: u32,
}

/// Places by key.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// In order of the key; of several of one key the last is meant.
    sorted: Vec<(Short, Place)>,
    /// Those that were added since they were sorted, which are meant before those.
    fresh: HashMap<Short, Place>,
}

fn short(key: &Key) -> Short {
    let half = |at: usize| {
        let bytes = key.as_bytes()[at..at + 8].try_into();
        u64::from_be_bytes(bytes.unwrap_or_default())
    };
    [half(0), half(8)]
}

impl Index {
    pub fn get(&self, key: &Key) -> Option<Place> {
        let short = short(key);
        if let Some(place) = self.fresh.get(&short) {
            return Some(*place);
        }
        let after = self.sorted.partition_point(|(other, _)| *other <= short);
        let (other, place) = self.sorted[..after].last()?;
        (*other == short).then_some(*place)
    }

    /// Of several rows with one key the one that is inserted last is meant.
    pub fn insert(&mut self, key: &Key, place: Place) {
        self.fresh.insert(short(key), place);
        // So that a row costs what it costs in the sorted ones, but for a quarter of them.
        if self.fresh.len() > (1 << 16) + self.sorted.len() / 4 {
            self.sort();
        }
    }

    /// As [`insert`](Self::insert) of many, before [`sort`](Self::sort).
    pub fn extend(&mut self, places: impl Iterator<Item = (Key, Place)>) {
        self.sorted
            .extend(places.map(|(key, place)| (short(&key), place)));
    }

    /// Brings all in order; of several with one key the one that was added last stays.
    pub fn sort(&mut self) {
        self.sorted.extend(self.fresh.drain());
        // Stable: of one key the last is the one that was added last.
        self.sorted.sort_by_key(|(short, _)| *short);
        self.sorted.dedup_by(|later, earlier| {
            let is_same = later.0 == earlier.0;
            if is_same {
                earlier.1 = later.1;
            }
            is_same
        });
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        let known = |short: &Short| self.sorted.binary_search_by(|(s, _)| s.cmp(short)).is_ok();
        let new = self.fresh.keys().filter(|short| !known(short));
        self.sorted.len() + new.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_row_of_a_key_is_meant() {
        let key = |i: u32| Key::of(&i.to_le_bytes());
        let place = |shard, row| Place { shard, row };
        let mut index = Index::default();
        index.extend((0..1000).map(|i| (key(i), place(0, i))));
        index.extend((500..1500).map(|i| (key(i), place(1, i - 500))));
        index.sort();
        assert_eq!(index.len(), 1500);
        for i in 0..1500 {
            let expected = if i < 500 {
                place(0, i)
            } else {
                place(1, i - 500)
            };
            assert_eq!(index.get(&key(i)), Some(expected));
        }
        assert_eq!(index.get(&key(1500)), None);
        // Also before they are sorted in, and after.
        for round in 0..2 {
            index.insert(&key(3), place(2, 7));
            index.insert(&key(2000), place(2, 8));
            assert_eq!(index.len(), 1501, "{round}");
            for _ in 0..2 {
                assert_eq!(index.get(&key(3)), Some(place(2, 7)));
                assert_eq!(index.get(&key(2000)), Some(place(2, 8)));
                index.sort();
            }
        }
        // Many are sorted in by themselves.
        for i in 0..100_000 {
            index.insert(&key(i), place(3, i));
        }
        assert!(index.fresh.len() < 70_000);
        assert_eq!(index.len(), 100_000);
        assert_eq!(index.get(&key(70_000)), Some(place(3, 70_000)));
        assert_eq!(std::mem::size_of::<(Short, Place)>(), 24);
    }
}
