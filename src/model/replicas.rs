//! One model on several devices: each micro-batch is computed by one that has nothing to do.

use std::sync::{Condvar, Mutex, PoisonError};

use super::encoder::TEXT_BATCH;
use super::{Encoder, Fingerprint, ModelError, Preprocess};
use crate::matrix::Matrix;

/// Encoders of the same model in the same precision, each on a device of its own.
pub struct Replicas {
    /// At least one.
    encoders: Vec<Box<dyn Encoder>>,
    /// How many threads each of them could take just now.
    free: Mutex<Vec<usize>>,
    freed: Condvar,
}

/// One of the encoders, for as long as it is held.
struct Held<'a> {
    replicas: &'a Replicas,
    index: usize,
}

impl Replicas {
    /// Shares work among these.
    ///
    /// # Panics
    /// There must be one.
    pub fn new(encoders: Vec<Box<dyn Encoder>>) -> Self {
        assert!(!encoders.is_empty(), "somebody has to do the work");
        let free = encoders.iter().map(|one| one.workers().max(1)).collect();
        Self {
            encoders,
            free: Mutex::new(free),
            freed: Condvar::new(),
        }
    }

    /// Speaks for all of them: what they are is the same.
    fn first(&self) -> &dyn Encoder {
        self.encoders[0].as_ref()
    }

    /// Waits for an encoder: of several that are free the one that has least to do.
    fn hold(&self) -> Held<'_> {
        // Numbers are changed at once, so they are right also after a panic.
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let most = free.iter().copied().max().unwrap_or(0);
            if let Some(index) = free.iter().position(|&n| n == most && n > 0) {
                free[index] -= 1;
                return Held {
                    replicas: self,
                    index,
                };
            }
            free = (self.freed.wait(free)).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Has a free encoder do something, and tells which one it was that failed.
    fn by_one<T>(
        &self,
        work: impl FnOnce(&dyn Encoder) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        let held = self.hold();
        let encoder = self.encoders[held.index].as_ref();
        work(encoder).map_err(|error| {
            let name = encoder.device_name();
            match error {
                ModelError::OutOfMemory(reason) => {
                    ModelError::OutOfMemory(format!("{name}: {reason}"))
                }
                other => ModelError::Device(format!("{name}: {other}")),
            }
        })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let free = self.replicas.free.lock();
        free.unwrap_or_else(PoisonError::into_inner)[self.index] += 1;
        self.replicas.freed.notify_one();
    }
}

impl Encoder for Replicas {
    fn dim(&self) -> usize {
        self.first().dim()
    }

    fn tells_uncertainty(&self) -> bool {
        self.first().tells_uncertainty()
    }

    fn logit_scale(&self) -> f32 {
        self.first().logit_scale()
    }

    fn fingerprint(&self) -> &Fingerprint {
        self.first().fingerprint()
    }

    fn preprocess(&self) -> &Preprocess {
        self.first().preprocess()
    }

    fn notes(&self) -> &[String] {
        self.first().notes()
    }

    /// As `--device` takes them: `cuda:0,cuda:1`.
    fn device_name(&self) -> String {
        let names = self.encoders.iter().map(|one| one.device_name());
        names.collect::<Vec<_>>().join(",")
    }

    fn dtype_name(&self) -> &'static str {
        self.first().dtype_name()
    }

    fn workers(&self) -> usize {
        self.encoders.iter().map(|one| one.workers().max(1)).sum()
    }

    fn batch_matters(&self) -> bool {
        self.encoders.iter().any(|one| one.batch_matters())
    }

    fn encode_images(&self, pixels: &[f32]) -> Result<Matrix, ModelError> {
        self.by_one(|encoder| encoder.encode_images(pixels))
    }

    fn token_ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.first().token_ids(text)
    }

    fn encode_texts(&self, texts: &[&str]) -> Result<Matrix, ModelError> {
        let share = texts.len().div_ceil(self.encoders.len()).max(TEXT_BATCH);
        let parts = std::thread::scope(|scope| {
            let threads: Vec<_> = texts
                .chunks(share)
                .map(|texts| scope.spawn(|| self.by_one(|encoder| encoder.encode_texts(texts))))
                .collect();
            threads
                .into_iter()
                .map(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect::<Result<Vec<_>, _>>()
        })?;
        let rows = parts.into_iter().flat_map(Matrix::into_vec);
        Ok(Matrix::new(self.columns(), rows.collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    /// What is waited for comes at once, or never.
    const A_MINUTE: Duration = Duration::from_secs(60);

    /// Encoders that are at work, and how many have to be before any goes on.
    #[derive(Default)]
    struct Meeting {
        wanted: usize,
        came: Mutex<usize>,
        all_came: Condvar,
    }

    impl Meeting {
        fn wait(&self) -> bool {
            *self.came.lock().unwrap() += 1;
            self.all_came.notify_all();
            let came = self.came.lock().unwrap();
            let wait = |came: &mut usize| *came < self.wanted;
            let waited = self.all_came.wait_timeout_while(came, A_MINUTE, wait);
            !waited.unwrap().1.timed_out()
        }
    }

    /// The row of a picture is its first value, that of a text its length; negative numbers are too much.
    struct Fake {
        name: String,
        workers: usize,
        preprocess: Preprocess,
        fingerprint: Fingerprint,
        meeting: Arc<Meeting>,
    }

    impl Fake {
        fn boxed(number: usize, workers: usize, meeting: &Arc<Meeting>) -> Box<dyn Encoder> {
            let preprocess = Preprocess::clip(1);
            Box::new(Self {
                name: format!("cuda:{number}"),
                workers,
                fingerprint: Fingerprint {
                    weights: String::new(),
                    config: String::new(),
                    tokenizer: String::new(),
                    preprocess: preprocess.clone(),
                    dtype: "f16".to_owned(),
                    device: "cuda".to_owned(),
                },
                preprocess,
                meeting: Arc::clone(meeting),
            })
        }
    }

    impl Encoder for Fake {
        fn dim(&self) -> usize {
            1
        }

        fn logit_scale(&self) -> f32 {
            1.0
        }

        fn fingerprint(&self) -> &Fingerprint {
            &self.fingerprint
        }

        fn preprocess(&self) -> &Preprocess {
            &self.preprocess
        }

        fn device_name(&self) -> String {
            self.name.clone()
        }

        fn dtype_name(&self) -> &'static str {
            "f16"
        }

        fn workers(&self) -> usize {
            self.workers
        }

        fn encode_images(&self, pixels: &[f32]) -> Result<Matrix, ModelError> {
            if pixels[0] == -1.0 {
                return Err(ModelError::OutOfMemory("no room".to_owned()));
            }
            if pixels[0] < 0.0 || !self.meeting.wait() {
                return Err(ModelError::Device("broken".to_owned()));
            }
            let firsts = pixels.chunks(3).map(|image| image[0]);
            Ok(Matrix::new(1, firsts.collect()))
        }

        fn token_ids(&self, _: &str) -> Result<Vec<u32>, ModelError> {
            Ok(Vec::new())
        }

        fn encode_texts(&self, texts: &[&str]) -> Result<Matrix, ModelError> {
            let lengths = texts.iter().map(|text| text.len() as f32);
            Ok(Matrix::new(1, lengths.collect()))
        }
    }

    /// So many replicas of two threads each, of which so many are at work before any goes on.
    fn replicas(count: usize, wanted: usize) -> Replicas {
        let meeting = Arc::new(Meeting {
            wanted,
            ..Meeting::default()
        });
        Replicas::new((0..count).map(|i| Fake::boxed(i, 2, &meeting)).collect())
    }

    #[test]
    fn all_are_at_work_and_what_they_give_is_that_of_one() {
        for count in [1, 2, 5] {
            let replicas = replicas(count, 2 * count);
            assert_eq!(replicas.workers(), 2 * count);
            let rows: Vec<Matrix> = std::thread::scope(|scope| {
                let encode = |i: usize| {
                    let pixels = [i as f32, 0.0, 0.0, 100.0 + i as f32, 0.0, 0.0];
                    replicas.encode_images(&pixels).unwrap()
                };
                let threads: Vec<_> = (0..2 * count)
                    .map(|i| scope.spawn(move || encode(i)))
                    .collect();
                threads.into_iter().map(|t| t.join().unwrap()).collect()
            });
            for (i, rows) in rows.iter().enumerate() {
                assert_eq!(rows.as_slice(), [i as f32, 100.0 + i as f32]);
            }
            assert_eq!(*replicas.free.lock().unwrap(), vec![2; count]);
            let texts: Vec<String> = (0..99).map(|i| "x".repeat(i)).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            for some in [&texts[..], &texts[..17], &texts[..1], &[]] {
                let rows = replicas.encode_texts(some).unwrap();
                let lengths: Vec<f32> = (0..some.len()).map(|i| i as f32).collect();
                assert_eq!(rows.as_slice(), lengths, "{count}");
            }
        }
    }

    #[test]
    fn work_goes_to_the_one_that_has_least_to_do() {
        let replicas = replicas(3, 0);
        let held: Vec<Held<'_>> = (0..6).map(|_| replicas.hold()).collect();
        let order: Vec<usize> = held.iter().map(|held| held.index).collect();
        assert_eq!(order, [0, 1, 2, 0, 1, 2]);
        drop(held);
        assert_eq!(replicas.device_name(), "cuda:0,cuda:1,cuda:2");
    }

    #[test]
    fn the_one_that_fails_is_named_and_can_be_asked_again() {
        let replicas = replicas(2, 0);
        let _busy = replicas.hold();
        let error = replicas.encode_images(&[-2.0, 0.0, 0.0]).unwrap_err();
        assert_eq!(error.to_string(), "cuda:1: broken");
        let error = replicas.encode_images(&[-1.0, 0.0, 0.0]).unwrap_err();
        assert!(
            matches!(&error, ModelError::OutOfMemory(reason) if reason == "cuda:1: no room"),
            "{error}"
        );
        assert!(replicas.encode_images(&[1.0, 0.0, 0.0]).is_ok());
    }
}
