//! Where the time of encoding went, as `--profile` tells.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::output::tell;
use crate::embed::{Stage, Stages};

/// Time since some moment of this program: never goes back.
pub fn clock() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// A measurement from now on.
pub struct Profile {
    pub stages: Stages,
    start: Instant,
}

impl Profile {
    pub fn start() -> Self {
        Self {
            stages: Stages::measured(clock),
            start: Instant::now(),
        }
    }

    /// Tells the stages, of so many images.
    pub fn tell(&self, images: usize) {
        let wall = self.start.elapsed();
        let rate = images as f64 / wall.as_secs_f64().max(1e-9);
        tell!(
            "profile: {images} images in {:.2} s, {rate:.1} images/s",
            wall.as_secs_f64()
        );
        tell!("  stage            all threads  per image  what it is");
        for stage in Stage::ALL {
            let spent = self.stages.spent(stage);
            let (name, what) = described(stage);
            tell!(
                "  {name:16} {:9.2} s {:7.2} ms  {what}",
                spent.as_secs_f64(),
                milliseconds(spent) / images.max(1) as f64
            );
        }
        tell!("  {}", bottleneck(&self.stages));
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn described(stage: Stage) -> (&'static str, &'static str) {
    match stage {
        Stage::Read => ("read", "files, from the disk or its cache"),
        Stage::Hash => ("hash", "of the files, for the store"),
        Stage::Decode => ("decode", "files to pictures"),
        Stage::Resize => ("resize", "resize, crop and normalise"),
        Stage::AwaitEncoder => ("wait for model", "loaders, with pictures in their hands"),
        Stage::AwaitPictures => ("wait for images", "the model, with nothing to do"),
        Stage::Encode => ("encode", "the model"),
        Stage::Keep => ("keep", "rows into the store"),
    }
}

/// What would have to be faster for all of it to be.
fn bottleneck(stages: &Stages) -> &'static str {
    let [idle, busy] = [Stage::AwaitPictures, Stage::Encode].map(|stage| stages.spent(stage));
    if busy.is_zero() {
        "nothing was encoded: all of it was known"
    } else if idle * 4 <= busy {
        // It also waits for the first pictures, however fast they come.
        "the model is the bottleneck: it has hardly anything to wait for"
    } else {
        "reading and decoding are the bottleneck: the model waits for them"
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn the_bottleneck_is_where_the_model_waits_or_not() {
        static NOW: AtomicU64 = AtomicU64::new(0);
        let stages = Stages::measured(|| Duration::from_secs(NOW.load(Ordering::Relaxed)));
        let spend = |stage, seconds| {
            stages.time(stage, || NOW.fetch_add(seconds, Ordering::Relaxed));
            bottleneck(&stages)
        };
        assert!(spend(Stage::AwaitPictures, 1).starts_with("nothing"));
        assert!(spend(Stage::Encode, 2).starts_with("reading"));
        assert!(spend(Stage::Encode, 2).starts_with("the model"));
        assert!(spend(Stage::AwaitPictures, 1).starts_with("reading"));
    }
}
