//! Micro-batches on a device whose memory is too small for them, and of a size that is found.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use super::files::{Reader, SIDE, options, picture, read_file};
use crate::embed::store::{Recipe, Store};
use crate::embed::{Batch, EmbedError, EmbedOptions, Known, encode_images, encode_new_images};
use crate::model::ModelError;

const VALUES: usize = 3 * SIDE * SIDE;

/// A reader whose device has room for so many images, and how many it was given each time.
fn small(room: usize, batch_matters: bool) -> (Reader, Arc<Mutex<Vec<usize>>>) {
    let given = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&given);
    let mut reader = Reader::new(2);
    reader.batch_matters = batch_matters;
    reader.given = Box::new(move |images| {
        noted.lock().unwrap().push(images);
        match images <= room {
            true => Ok(()),
            false => Err(ModelError::OutOfMemory(format!("no room for {images}"))),
        }
    });
    (reader, given)
}

/// Pictures whose numbers begin with 0, and those numbers.
fn pixels(images: usize) -> (Vec<f32>, Vec<f32>) {
    let image = |i: usize| [i as f32, 0.0, 7.0].map(|v| [v; SIDE * SIDE]);
    let pixels = (0..images).flat_map(image).flatten().collect();
    (pixels, (0..images).map(|i| i as f32).collect())
}

#[test]
fn a_micro_batch_that_has_no_room_is_halved_until_it_has() {
    for (batch_matters, images, sent) in [
        // The last part is filled where that makes a difference.
        (false, 20, &[20, 10, 5, 5, 5, 5][..]),
        (true, 20, &[20, 10, 5, 5, 5, 5]),
        (false, 13, &[13, 6, 6, 1]),
        (true, 13, &[20, 10, 5, 5, 5]),
        (true, 3, &[20, 10, 5]),
        (false, 3, &[3]),
    ] {
        let (reader, given) = small(6, batch_matters);
        let batch = Batch::of(20);
        let (pixels, numbers) = pixels(images);
        let rows = batch.encode(&reader, &pixels, VALUES).unwrap();
        assert_eq!(rows.as_slice(), numbers, "{images}");
        assert_eq!(*given.lock().unwrap(), sent, "{images} {batch_matters}");
    }
}

#[test]
fn what_has_no_room_is_told_once_and_not_tried_again() {
    let (reader, given) = small(6, true);
    let batch = Batch::of(20);
    assert!(batch.fits_recipe(&reader));
    let (pixels, _) = pixels(20);
    batch.encode(&reader, &pixels, VALUES).unwrap();
    let cut = batch.clone().take_cut().unwrap();
    assert_eq!(
        (cut.from, cut.to, cut.reason.as_str()),
        (20, 5, "no room for 10")
    );
    assert_eq!((batch.images(), batch.at_once()), (20, 5));
    assert!(!batch.fits_recipe(&reader) && batch.fits_recipe(&small(6, false).0));
    given.lock().unwrap().clear();
    batch.encode(&reader, &pixels, VALUES).unwrap();
    assert_eq!(*given.lock().unwrap(), [5, 5, 5, 5]);
    assert_eq!(batch.take_cut(), None);
}

#[test]
fn one_image_that_has_no_room_is_an_error() {
    let (reader, _) = small(0, true);
    let (pixels, _) = pixels(3);
    let ended = Batch::of(4).encode(&reader, &pixels, VALUES);
    let error = ended.unwrap_err();
    assert!(error.to_string().contains("--dtype f16"), "{error}");
    assert!(matches!(error, ModelError::OutOfMemory(_)), "{error}");
}

/// Through all of the pipeline, with the store: rows of smaller micro-batches are not what its recipe says.
#[test]
fn the_work_goes_on_and_other_rows_do_not_fit_the_recipe() {
    let dir = TempDir::new().unwrap();
    let paths: Vec<_> = (0..50).map(|i| picture(dir.path(), i)).collect();
    let read = |i: usize| read_file(&paths[i]);
    let stop = AtomicBool::new(false);
    for (room, batch_matters, fit_recipe) in [(3, true, false), (3, false, true), (8, true, true)] {
        let (reader, given) = small(room, batch_matters);
        let options = options(8);
        let plain = encode_images(&reader, 50, &read, &options, &|_| {}, &stop).unwrap();
        let numbers: Vec<f32> = (0..50).map(|i| i as f32).collect();
        assert_eq!(plain.embeddings.as_slice(), numbers);
        let counts = given.lock().unwrap().clone();
        // Two workers may find at once that there is no room.
        let too_many = counts.iter().filter(|&&count| count > room).count();
        assert!(too_many <= 4, "{counts:?}");

        let recipe = Recipe::of_images(&reader, &options, "reader");
        let store = Store::at(&dir.path().join("store"));
        let known = Known {
            collection: &store.collection(recipe).unwrap(),
            hinted: &[None; 50],
        };
        let kept = encode_new_images(&reader, known, &read, &options, &|_| {}, &stop).unwrap();
        assert_eq!(kept.encoded, plain);
        assert_eq!(kept.fresh.len(), 50);
        assert_eq!(kept.fit_recipe, fit_recipe, "{room} {batch_matters}");
    }
    let (reader, _) = small(0, false);
    let ended = encode_images(&reader, 50, &read, &options(8), &|_| {}, &stop);
    assert!(
        matches!(ended, Err(EmbedError::Model(ModelError::OutOfMemory(_)))),
        "{ended:?}"
    );
}

/// Milliseconds, which pass while a reader works that is made here: 10 a call and one an image, but an image more for each beyond 64.
static NOW: AtomicU64 = AtomicU64::new(0);

fn now() -> Duration {
    Duration::from_millis(NOW.load(Ordering::Relaxed))
}

/// The time of this reader passes for all tests of this file alike, so one of them uses it.
fn timed(room: usize) -> (Reader, Arc<Mutex<Vec<usize>>>) {
    let (mut reader, given) = small(room, true);
    let fits = std::mem::replace(&mut reader.given, Box::new(|_| Ok(())));
    reader.given = Box::new(move |images| {
        let images_more = images.saturating_sub(64);
        NOW.fetch_add(10 + (images + images_more) as u64, Ordering::Relaxed);
        fits(images)
    });
    (reader, given)
}

#[test]
fn the_fastest_size_is_found_and_kept() {
    for (room, sizes) in [
        // 615 images a second, 762, 865, and 634 of 128 at once.
        (
            1000,
            &[16, 16, 16, 32, 32, 32, 64, 64, 64, 128, 128, 128, 64][..],
        ),
        (40, &[16, 16, 16, 32, 32, 32, 64, 32]),
        (9, &[16, 8, 8]),
        (1, &[16, 8, 4, 2, 1]),
    ] {
        let (reader, given) = timed(room);
        let batch = Batch::found(now);
        assert!(batch.is_found() && batch.images() == 256);
        assert_eq!(batch.finding(), None);
        let (pixels, numbers) = pixels(256);
        for _ in 0..10 {
            let rows = batch.encode(&reader, &pixels, VALUES).unwrap();
            assert_eq!(rows.as_slice(), numbers);
        }
        let given = given.lock().unwrap();
        let mut tried = given.clone();
        // What is left of a micro-batch is given as it is.
        tried.retain(|images| sizes.contains(images));
        assert!(tried.starts_with(sizes), "{room}: {given:?}");
        assert_eq!(batch.finding(), sizes.last().copied(), "{room}");
        assert!(batch.fits_recipe(&reader), "such rows promise no more");
        // To find the end of the memory is no fault.
        assert_eq!(batch.take_cut(), None, "{room}");
    }
}

#[test]
fn a_recipe_says_whether_rows_are_the_same_to_the_bit() {
    let of = |batch: Batch, batch_matters: bool| {
        let (reader, _) = small(1, batch_matters);
        let options = EmbedOptions {
            batch,
            ..options(1)
        };
        let recipe = Recipe::of_images(&reader, &options, "reader");
        recipe.made_by().get("batch").cloned()
    };
    assert_eq!(of(Batch::of(8), true), Some(8.into()));
    assert_eq!(of(Batch::found(now), true), Some("auto".into()));
    for batch in [Batch::of(8), Batch::found(now)] {
        assert_eq!(of(batch, false), None);
    }
}
