//! The number of images at which an encoder is fastest, found while it works: it begins small and doubles.

use std::time::Duration;

/// What is tried first.
const FIRST: usize = 16;

/// Times that a number is tried. The first time does not count: a device's libraries choose and allocate there for shapes that are new.
const TIMES: usize = 3;

/// By what factor more images a second twice the number must give to be worth its memory.
const GAIN: f64 = 1.05;

/// A search that goes on, or what it has found.
#[derive(Debug)]
pub(super) struct Search {
    most: usize,
    at_once: usize,
    /// How often this number was tried, and the shortest time that counts.
    times: usize,
    shortest: Duration,
    /// Images a second of half the number.
    half: f64,
    is_over: bool,
}

impl Search {
    /// For up to `most` images.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            at_once: FIRST.min(most),
            times: 0,
            shortest: Duration::MAX,
            half: 0.0,
            is_over: false,
        }
    }

    /// Images that are to be given at once.
    pub(super) fn at_once(&self) -> usize {
        self.at_once
    }

    /// Whether this number is to stay.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Takes how long so many images took. Fewer than were wanted tell nothing.
    pub(super) fn took(&mut self, images: usize, time: Duration) {
        if self.is_over || images != self.at_once {
            return;
        }
        self.times += 1;
        if self.times > 1 {
            self.shortest = self.shortest.min(time);
        }
        if self.times < TIMES {
            return;
        }
        let a_second = images as f64 / self.shortest.as_secs_f64().max(1e-9);
        if a_second < self.half * GAIN {
            self.at_once /= 2;
            self.is_over = true;
        } else if 2 * self.at_once > self.most {
            self.is_over = true;
        } else {
            self.at_once *= 2;
            (self.times, self.shortest, self.half) = (0, Duration::MAX, a_second);
        }
    }

    /// There was no room for so many: it ends with what there was room for, if that is known.
    pub(super) fn had_no_room_for(&mut self, images: usize) {
        self.most = (images / 2).max(1);
        self.at_once = self.most;
        (self.times, self.shortest) = (0, Duration::MAX);
        self.is_over = self.half > 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found where so many images take so many milliseconds, and what was tried.
    fn found(most: usize, milliseconds: impl Fn(usize) -> u64) -> (usize, Vec<usize>) {
        let (mut search, mut tried) = (Search::new(most), Vec::new());
        while !search.is_over() {
            let images = search.at_once();
            // The first time of a number takes long, and those of fewer images tell nothing.
            let first = if tried.last() == Some(&images) {
                0
            } else {
                9000
            };
            search.took(images, Duration::from_millis(milliseconds(images) + first));
            search.took(images - 1, Duration::ZERO);
            tried.push(images);
        }
        search.took(search.at_once(), Duration::ZERO);
        (search.at_once(), tried)
    }

    #[test]
    fn it_doubles_as_long_as_images_become_faster() {
        // As many at once as there may be take no longer than one.
        let (images, tried) = found(64, |_| 10);
        assert_eq!(
            (images, tried.as_slice()),
            (64, &[16, 16, 16, 32, 32, 32, 64, 64, 64][..])
        );
        // Each takes its time: there is nothing to gain.
        assert_eq!(found(256, |images| 10 * images as u64).0, 16);
        // 100 ms, and 1 ms an image: 320 take less than twice as long as 160, but not by enough to matter.
        assert_eq!(found(4096, |images| 100 + images as u64).0, 1024);
        assert_eq!(
            found(4096, |images| 1000 * (images as u64).div_ceil(64)).0,
            64
        );
        // No power of two, and very few.
        assert_eq!(found(100, |_| 10).0, 64);
        assert_eq!(found(3, |_| 10).0, 3);
    }

    #[test]
    fn it_ends_where_there_is_no_room() {
        let took = |search: &mut Search| {
            let images = search.at_once();
            (0..TIMES).for_each(|_| search.took(images, Duration::from_millis(10)));
        };
        let mut search = Search::new(256);
        took(&mut search);
        assert_eq!((search.at_once(), search.is_over()), (32, false));
        search.had_no_room_for(32);
        assert_eq!((search.at_once(), search.is_over()), (16, true));
        // Not even for the first: what there is room for is still to be seen.
        let mut search = Search::new(256);
        search.had_no_room_for(16);
        search.had_no_room_for(8);
        assert_eq!((search.at_once(), search.is_over()), (4, false));
        took(&mut search);
        assert_eq!((search.at_once(), search.is_over()), (4, true));
    }
}
