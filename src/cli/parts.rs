//! How long work is cut, so that what there is of its result can be looked at meanwhile.

use std::time::Duration;

/// Things before the first look, about.
const FIRST: usize = 64;

/// Time between two looks, at most, if the work goes on at its pace.
pub const BETWEEN_LOOKS: Duration = Duration::from_secs(3);

/// What share of the time looks may take: one in so many.
const SHARE: u32 = 5;

/// Things of a part, at most: so many rows of embeddings are some tens of MiB.
const MOST: usize = 1 << 14;

/// Parts that grow, each of whole batches.
#[derive(Debug)]
pub struct Parts {
    batch: usize,
    size: usize,
    /// What a part should take, at most.
    longest: Duration,
}

impl Parts {
    pub fn new(batch: usize, longest: Duration) -> Self {
        let batch = batch.max(1);
        let size = whole_batches(FIRST, batch);
        Self {
            batch,
            size,
            longest,
        }
    }

    /// How many things the next part has.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Makes the next part twice as large, or what is done in time if that is less.
    pub fn took(&mut self, count: usize, time: Duration) {
        let a_second = count as f64 / time.as_secs_f64().max(1e-9);
        let in_time = (a_second * self.longest.as_secs_f64()) as usize;
        self.size = whole_batches(in_time.min(2 * self.size).min(MOST), self.batch);
    }
}

/// So many or fewer, at least a batch.
fn whole_batches(count: usize, batch: usize) -> usize {
    (count / batch).max(1) * batch
}

/// Whether another look is worth its time: by what the last one took, and of how many things.
#[derive(Debug, Default)]
pub struct Looks {
    last: Option<(usize, Duration)>,
}

impl Looks {
    /// Whether to look at so many things when so much time has gone since the last look.
    pub fn is_worth(&self, count: usize, since: Duration) -> bool {
        let Some((before, took)) = self.last else {
            return true;
        };
        let expected = took.as_secs_f64() * count as f64 / before.max(1) as f64;
        expected * f64::from(SHARE) <= since.as_secs_f64()
    }

    pub fn took(&mut self, count: usize, time: Duration) {
        self.last = Some((count, time));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_until_they_take_too_long() {
        let seconds = Duration::from_secs_f64;
        let mut parts = Parts::new(24, BETWEEN_LOOKS);
        let mut sizes = Vec::new();
        for took in [0.1, 0.1, 2.0, 2.0, 96.0, 0.0] {
            sizes.push(parts.size());
            parts.took(parts.size(), seconds(took));
        }
        // 64 rounded; twice; twice; 192 in 2 s are 288 in 3 s; 288 in 2 s are 432; never less than a batch.
        assert_eq!(sizes, [48, 96, 192, 288, 432, 24]);
        assert_eq!(parts.size(), 48);
        for _ in 0..20 {
            parts.took(parts.size(), seconds(0.0));
        }
        assert_eq!(parts.size(), MOST / 24 * 24);
        assert_eq!(Parts::new(256, BETWEEN_LOOKS).size(), 256);
        assert_eq!(Parts::new(0, BETWEEN_LOOKS).size(), FIRST);
    }

    #[test]
    fn looks_take_a_fifth_of_the_time_at_most() {
        let mut looks = Looks::default();
        assert!(looks.is_worth(64, Duration::ZERO));
        looks.took(64, Duration::from_secs(1));
        assert!(!looks.is_worth(128, Duration::from_secs(9)));
        assert!(looks.is_worth(128, Duration::from_secs(10)));
    }
}
