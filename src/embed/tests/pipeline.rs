//! The engine with items that are numbers: item `i` is loaded as the value `i` and encoded as the row `(i, -i)`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::embed::pipeline::{Encode, Fault, Load, Loading, Pipeline};
use crate::embed::{Encoded, Stages};
use crate::matrix::Matrix;
use crate::model::ModelError;

/// What is waited for comes at once, or never.
const A_MINUTE: Duration = Duration::from_secs(60);

/// How many items, and who works on them.
#[derive(Debug, Clone, Copy)]
struct Size {
    items: usize,
    batch: usize,
    loaders: usize,
    workers: usize,
}

impl Size {
    /// Items that may be loaded and not yet encoded.
    fn bound(self) -> usize {
        (2 * self.workers + self.loaders + 1) * self.batch
    }

    /// The engine with these parts, which ends neither at a bad item nor at a flag.
    fn pipeline<'a>(self, load: &'a Load<'a>, encode: &'a Encode<'a>) -> Pipeline<'a> {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Pipeline {
            items: self.items,
            batch: self.batch,
            values: 1,
            dim: 2,
            loaders: self.loaders,
            workers: self.workers,
            load,
            encode,
            stop_at_failure: false,
            progress: &|_| {},
            stop: &NEVER,
            stages: Stages::default(),
        }
    }
}

/// Many sizes: nothing, one, less than a batch, whole batches, a rest; few and many threads.
fn sizes() -> impl Iterator<Item = Size> {
    let items = [0, 1, 2, 7, 8, 9, 16, 61, 200];
    let threads = [(1, 1), (1, 4), (4, 1), (3, 2), (8, 8)];
    items.into_iter().flat_map(move |items| {
        threads.into_iter().flat_map(move |(loaders, workers)| {
            [1, 3, 8, 1000].map(|batch| Size {
                items,
                batch,
                loaders,
                workers,
            })
        })
    })
}

/// Lets other threads go first, more or less often.
fn jitter(seed: usize) {
    for _ in 0..seed.wrapping_mul(0x9e37_79b9) >> 7 & 7 {
        std::thread::yield_now();
    }
}

fn load(item: usize, values: &mut Vec<f32>) -> Result<Loading, String> {
    jitter(item);
    values.push(item as f32);
    Ok(Loading::Encode)
}

/// [`load`], but every third item and the last of each eight are bad.
fn load_some(item: usize, values: &mut Vec<f32>) -> Result<Loading, String> {
    if is_bad(item) {
        jitter(item);
        return Err(format!("bad {item}"));
    }
    load(item, values)
}

/// [`load_some`], but of the others every fourth is passed over.
fn load_few(item: usize, values: &mut Vec<f32>) -> Result<Loading, String> {
    if is_bad(item) || !item.is_multiple_of(4) {
        return load_some(item, values);
    }
    Ok(Loading::PassOver)
}

fn is_bad(item: usize) -> bool {
    item % 3 == 1 || item % 8 == 7
}

fn encode(values: &[f32]) -> Result<Matrix, ModelError> {
    jitter(values[0] as usize + values.len());
    Ok(Matrix::new(
        2,
        values.iter().flat_map(|&v| [v, -v]).collect(),
    ))
}

/// What the items give if those that `is_bad` are.
fn expected(items: usize, is_bad: fn(usize) -> bool) -> Encoded {
    let good = (0..items).filter(|&i| !is_bad(i));
    let mut row = 0;
    Encoded {
        embeddings: Matrix::new(2, good.flat_map(|i| [i as f32, -(i as f32)]).collect()),
        rows: (0..items)
            .map(|i| {
                (!is_bad(i)).then(|| {
                    row += 1;
                    row - 1
                })
            })
            .collect(),
        failures: (0..items)
            .filter(|&i| is_bad(i))
            .map(|i| (i, format!("bad {i}")))
            .collect(),
        deep_greys: 0,
    }
}

#[test]
fn parts_come_to_the_whole() {
    for size in sizes().filter(|size| size.items > 8) {
        let first = size.items / 8 * 4;
        let part = |start: usize, items: usize| {
            // Told by their place in the part, as files are.
            let load = |item: usize, values: &mut Vec<f32>| load_some(start + item, values);
            let size = Size { items, ..size };
            size.pipeline(&load, &encode).run().unwrap()
        };
        let mut all = part(0, first);
        all.append(part(first, size.items - first));
        assert_eq!(all, expected(size.items, is_bad), "{size:?}");
    }
}

#[test]
fn rows_are_in_the_order_of_the_items() {
    for size in sizes() {
        let found = size.pipeline(&load, &encode).run().unwrap();
        assert_eq!(found, expected(size.items, |_| false), "{size:?}");
    }
}

#[test]
fn bad_items_have_no_row_and_a_reason() {
    for size in sizes() {
        let finished = AtomicUsize::new(0);
        let pipeline = Pipeline {
            progress: &|count| {
                finished.fetch_add(count, Ordering::Relaxed);
            },
            ..size.pipeline(&load_some, &encode)
        };
        let found = pipeline.run().unwrap();
        assert_eq!(found, expected(size.items, is_bad), "{size:?}");
        assert_eq!(finished.into_inner(), size.items, "{size:?}");
    }
}

#[test]
fn items_that_are_passed_over_have_no_row_and_no_reason() {
    let has_row = |item: usize| !is_bad(item) && !item.is_multiple_of(4);
    for size in sizes() {
        let found = size.pipeline(&load_few, &encode).run().unwrap();
        assert_eq!(found.failures, expected(size.items, is_bad).failures);
        let good: Vec<f32> = (0..size.items)
            .filter(|&i| has_row(i))
            .map(|i| i as f32)
            .collect();
        let rows: Vec<f32> = found
            .embeddings
            .as_slice()
            .chunks(2)
            .map(|row| row[0])
            .collect();
        assert_eq!(rows, good, "{size:?}");
        let of: Vec<usize> = (0..size.items)
            .filter(|&i| found.rows[i].is_some())
            .collect();
        assert!(of.iter().map(|&i| i as f32).eq(good), "{size:?}");
        assert!(found.rows.iter().flatten().copied().eq(0..of.len()));
    }
}

#[test]
fn without_a_good_item_nothing_is_encoded() {
    for size in sizes() {
        let load = |item: usize, _: &mut Vec<f32>| Err(format!("bad {item}"));
        let encode =
            |_: &[f32]| -> Result<Matrix, ModelError> { panic!("asked to encode nothing") };
        let found = size.pipeline(&load, &encode).run().unwrap();
        assert_eq!(found, expected(size.items, |_| true), "{size:?}");
    }
}

#[test]
fn no_more_is_loaded_than_the_bound() {
    for size in sizes() {
        let (held, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let load = |item: usize, values: &mut Vec<f32>| {
            most.fetch_max(1 + held.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
            load(item, values)
        };
        let encode = |values: &[f32]| {
            let rows = encode(values);
            held.fetch_sub(values.len(), Ordering::SeqCst);
            rows
        };
        size.pipeline(&load, &encode).run().unwrap();
        assert_eq!(held.into_inner(), 0, "{size:?}");
        assert!(most.into_inner() <= size.bound(), "{size:?}");
    }
}

/// Loading runs ahead of an encoder that takes its time up to the bound, and waits there.
#[test]
fn loading_runs_ahead_up_to_the_bound_and_waits() {
    for (loaders, workers) in [(1, 1), (4, 1), (2, 3)] {
        let size = Size {
            items: 1000,
            batch: 8,
            loaders,
            workers,
        };
        let (loaded, more) = (Mutex::new(0), Condvar::new());
        let load = |item: usize, values: &mut Vec<f32>| {
            *loaded.lock().unwrap() += 1;
            more.notify_all();
            load(item, values)
        };
        let (held_up, seen) = (AtomicBool::new(true), Mutex::new(Vec::new()));
        let encode = |values: &[f32]| {
            // Every worker waits here until all that may be loaded is, and then gives the others time to go too far.
            // An engine that loads less would wait for ever.
            let (count, waited) = more
                .wait_timeout_while(loaded.lock().unwrap(), A_MINUTE, |count| {
                    *count < size.bound()
                })
                .unwrap();
            let count_now = *count;
            drop(count);
            assert!(!waited.timed_out(), "only {count_now} loaded: {size:?}");
            if held_up.load(Ordering::SeqCst) {
                for _ in 0..200 {
                    std::thread::yield_now();
                }
                seen.lock().unwrap().push(*loaded.lock().unwrap());
                // The first to be through has seen what there is to see.
                held_up.store(false, Ordering::SeqCst);
            }
            encode(values)
        };
        size.pipeline(&load, &encode).run().unwrap();
        let first = seen.lock().unwrap()[0];
        assert_eq!(first, size.bound(), "{size:?}");
    }
}

#[test]
fn a_flag_ends_the_work() {
    for size in sizes().filter(|size| size.items > 0) {
        let (stop, encoded) = (AtomicBool::new(false), AtomicUsize::new(0));
        let encode = |values: &[f32]| {
            encoded.fetch_add(1, Ordering::SeqCst);
            encode(values)
        };
        let pipeline = Pipeline {
            progress: &|_| stop.store(true, Ordering::SeqCst),
            stop: &stop,
            ..size.pipeline(&load_some, &encode)
        };
        let ended = pipeline.run();
        assert!(matches!(ended, Err(Fault::Interrupted)), "{size:?}");
        // Each worker may have had one in its hands.
        assert!(encoded.into_inner() <= size.workers, "{size:?}");
    }
}

#[test]
fn a_flag_that_is_up_before_the_start_lets_nothing_start() {
    let touched = AtomicUsize::new(0);
    let load = |_: usize, _: &mut Vec<f32>| {
        touched.fetch_add(1, Ordering::SeqCst);
        Ok(Loading::PassOver)
    };
    for size in sizes() {
        let pipeline = Pipeline {
            stop: &AtomicBool::new(true),
            ..size.pipeline(&load, &encode)
        };
        assert!(matches!(pipeline.run(), Err(Fault::Interrupted)));
    }
    assert_eq!(touched.into_inner(), 0);
}

/// Also while the loaders wait at a full channel, which the first micro-batches' failing leaves full.
#[test]
fn a_model_that_fails_ends_the_work_with_its_error() {
    for size in sizes().filter(|size| size.items > 0) {
        for fails_at in [0, size.items / 2, size.items - 1] {
            let encode = |values: &[f32]| {
                if values.iter().any(|&v| v as usize >= fails_at) {
                    return Err(ModelError::Device("no memory".to_owned()));
                }
                encode(values)
            };
            let ended = size.pipeline(&load, &encode).run();
            assert!(
                matches!(&ended, Err(Fault::Model(ModelError::Device(what))) if what == "no memory"),
                "{size:?}: {ended:?}"
            );
        }
    }
}

#[test]
fn a_model_that_gives_other_rows_is_told() {
    let size = Size {
        items: 20,
        batch: 8,
        loaders: 2,
        workers: 2,
    };
    let encode = |_: &[f32]| Ok(Matrix::new(2, vec![0.0; 6]));
    let ended = size.pipeline(&load, &encode).run();
    assert!(
        matches!(&ended, Err(Fault::Model(error)) if error.to_string().contains("3 × 2 values for")),
        "{ended:?}"
    );
}

/// However the threads run, the first bad item in the order of the items is the one that is told.
#[test]
fn the_first_bad_item_is_told() {
    for size in sizes() {
        for first in [0, 5, 40, 180] {
            let load = |item: usize, values: &mut Vec<f32>| {
                // The earlier one takes longest.
                if item >= first && (item - first).is_multiple_of(11) {
                    for _ in item..size.items {
                        std::thread::yield_now();
                    }
                    return Err(format!("bad {item}"));
                }
                load(item, values)
            };
            let pipeline = Pipeline {
                stop_at_failure: true,
                ..size.pipeline(&load, &encode)
            };
            match pipeline.run() {
                Ok(_) => assert!(first >= size.items, "{size:?} {first}"),
                Err(Fault::Item(item, reason)) => {
                    assert_eq!((item, reason), (first, format!("bad {first}")), "{size:?}");
                }
                Err(other) => panic!("{size:?}: {other:?}"),
            }
        }
    }
}

/// A panic is passed on, and the other threads end.
#[test]
fn a_panic_ends_the_work() {
    let panics = |pipeline: Pipeline<'_>| {
        let ended = catch_unwind(AssertUnwindSafe(|| pipeline.run()));
        assert!(ended.is_err(), "{:?}", ended.map(|_| ()));
    };
    for size in sizes().filter(|size| size.items > 0) {
        let bad_load = |item: usize, values: &mut Vec<f32>| {
            assert_ne!(item, size.items / 2, "a loader's panic");
            load(item, values)
        };
        panics(size.pipeline(&bad_load, &encode));
        let bad_encode = |_: &[f32]| -> Result<Matrix, ModelError> { panic!("an encoder's panic") };
        panics(size.pipeline(&load, &bad_encode));
    }
}
